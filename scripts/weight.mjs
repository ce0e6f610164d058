// `npm run weight`: what each part of the crate contributes to the wasm, by the names in it, before they are stripped. `--functions N`
// lists the largest N functions as well.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { brotliCompressSync } from "node:zlib";
import { buildPackage, optimiseNamed } from "./build.mjs";
import { ensureNodeModules, ensureRust, ensureWasmBindgen } from "./setup.mjs";
import { bold, dim, header, main, root, say } from "./shell.mjs";
import { functions, sections } from "./wasm.mjs";

/** Parts by the first pattern that a function's name fits. Inlining crosses them: a share is where the code ended up. */
const parts = [
  ["kernels", /nearside_kernels::/],
  ["engine", /nearside::model::compact\b/],
  ["reading models", /nearside::model\b|core_new/],
  ["features, interest", /nearside::(features|signals|interest|server)\b/],
  ["ordering, ranking", /nearside::(policy|rank|explain)\b|core_rank/],
  ["profile", /nearside::(profile|id|time)\b/],
  ["candidates", /nearside::candidate\b/],
  ["boundary", /nearside::|^core_|wasm_bindgen|js_sys|__wbindgen|externref/],
  ["mathematics", /libm/],
  ["allocator", /rlsf|__rust_(alloc|realloc|dealloc)/],
  ["core, alloc, std", /./],
];

await main(async () => {
  const { values } = parseArgs({ options: { functions: { type: "string", default: "0" } } });
  await ensureNodeModules();
  await ensureRust();
  await buildPackage(await ensureWasmBindgen());
  const module = readFileSync(await optimiseNamed());
  const all = functions(module);
  const shipped = readFileSync(join(root, "dist/nearside_bg.wasm"));

  header("nearside_bg.wasm, by part");
  const rows = new Map(parts.map(([name]) => [name, 0]));
  for (const { name, bytes } of all) {
    const [part] = parts.find(([, pattern]) => pattern.test(name)) ?? parts.at(-1);
    rows.set(part, rows.get(part) + bytes);
  }
  rows.set("data: tables, sentences", sections(module).get(11) ?? 0);
  const total = [...rows.values()].reduce((sum, bytes) => sum + bytes, 0);
  const line = (name, bytes) =>
    say(
      `${name.padEnd(26)}${String(bytes).padStart(9)}${`${((100 * bytes) / total).toFixed(1)} %`.padStart(9)}`,
    );
  for (const [name, bytes] of [...rows].sort(([, a], [, b]) => b - a)) line(name, bytes);
  say(bold(`${shipped.length} bytes, ${brotliCompressSync(shipped).length} in brotli`));
  const largest = all.toSorted((a, b) => b.bytes - a.bytes).slice(0, Number(values.functions));
  for (const { name, bytes } of largest) say(dim(`${String(bytes).padStart(7)}  ${name}`));
});
