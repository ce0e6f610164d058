// Weighs what a page loads: the SDK with the wasm glue as a publisher's bundler would ship it, the wasm, and the
// model. Prints a table and fails when budgets.json is exceeded.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { brotliCompressSync, constants } from "node:zlib";
import { bold, dim, green, isMain, main, red, root, Stop, say } from "./shell.mjs";

const KB = 1024;
const kb = (bytes) => (bytes / KB).toFixed(1);
/** How far README's numbers may be off, in KB: compilers differ by a few bytes. */
const NEAR = 0.25;
const README = join(root, "README.md");
/** Where README tells the sizes; what it says of the total is the limit. */
const between = /(?<=<!-- sizes -->\n\n)[\s\S]*?(?=\n\n<!-- \/sizes -->)/;

/**
 * What a page loads of a flavour (`full` or `""`), each with its raw and brotli bytes, the parts of the script, and what
 * is loaded beside it when it is used.
 */
export async function weigh(flavour = "") {
  const { build } = await import("esbuild");
  const options = {
    ...{ bundle: true, minify: true, format: "esm", target: "es2022" },
    ...{ write: false, metafile: true, logLevel: "error" },
  };
  const entry = flavour ? `nearside/${flavour}` : "nearside";
  /** Parts of the SDK that are files of their own, which a page asks for when it uses them. */
  const chunks = new Set();
  const bundle = await build({
    ...options,
    stdin: { contents: `export { createReranker } from "${entry}";`, resolveDir: root },
    plugins: [apart(chunks)],
  });
  const [{ inputs }] = Object.values(bundle.metafile.outputs);
  const script = (name, bytes) => measure(name, bytes, constants.BROTLI_MODE_TEXT);
  const chunk = async (name) => {
    const own = join(root, "dist", flavour, name);
    const entryPoint = existsSync(own) ? own : join(root, "dist", name);
    const { outputFiles } = await build({ ...options, entryPoints: [entryPoint] });
    return script(name, outputFiles[0].contents);
  };
  return {
    chunks: [
      ...(await Promise.all([...chunks].sort().map(chunk))),
      script("worker.js", readFileSync(join(root, "dist", flavour, "worker.js"))),
    ],
    files: [
      script("SDK and glue", bundle.outputFiles[0].contents),
      ...[join(flavour, "nearside_bg.wasm"), "reranker.onnx"].map((file) =>
        measure(basename(file), readFileSync(join(root, "dist", file)), constants.BROTLI_MODE_GENERIC),
      ),
    ],
    parts: parts(inputs),
  };
}

/** Leaves out what is imported when it is used, of which bundlers make files of their own, and notes its name in `chunks`. */
const apart = (chunks) => ({
  name: "apart",
  setup: ({ onResolve }) =>
    onResolve({ filter: /^\.{1,2}\// }, ({ path, kind }) => {
      if (kind !== "dynamic-import") return undefined;
      chunks.add(basename(path));
      return { path, external: true };
    }),
});

function measure(name, bytes, mode) {
  const compressed = brotliCompressSync(bytes, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: 11,
      [constants.BROTLI_PARAM_MODE]: mode,
      [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
    },
  });
  return { name, raw: bytes.length, brotli: compressed.length };
}

/** The bundle's minified bytes by where they come from. */
function parts(inputs) {
  const sums = { SDK: 0, "wasm glue": 0, "idb-keyval": 0 };
  for (const [path, { bytesInOutput }] of Object.entries(inputs)) {
    const part = path.includes("node_modules/idb-keyval/")
      ? "idb-keyval"
      : path.endsWith("/nearside.js")
        ? "wasm glue"
        : "SDK";
    sums[part] += bytesInOutput;
  }
  return sums;
}

/** Compares the weights with budgets.json. Returns one check for each file and one for the total. */
export function judge(files, budgets) {
  const total = { name: "total", ...sum(files) };
  const limits = { ...budgets.files, total: budgets.total.limit };
  return [...files, total].map((file) => {
    if (limits[file.name] === undefined) throw new Stop(`budgets.json sets no limit for ${file.name}.`);
    return { ...file, limit: limits[file.name], fits: file.brotli <= limits[file.name] * KB };
  });
}

/** Holds files to limits of their own, which no total counts. */
function judgeBeside(prefix, files, limits) {
  return files.map((file) => {
    const limit = limits[file.name];
    if (limit === undefined) throw new Stop(`budgets.json sets no limit for ${prefix}${file.name}.`);
    return { ...file, name: prefix + file.name, limit, fits: file.brotli <= limit * KB };
  });
}

/** The full flavour's files that differ from the default's; none where it is not built. */
async function filesOfFull() {
  if (!existsSync(join(root, "dist/full/nearside_bg.wasm"))) return [];
  return (await weigh("full")).files.slice(0, 2);
}

/** Weighs, prints the table, and returns the counts of budgets kept and exceeded. */
export async function budget() {
  const budgets = JSON.parse(readFileSync(join(root, "budgets.json"), "utf8"));
  const { files, parts, chunks } = await weigh();
  const checks = [
    ...judge(files, budgets),
    ...judgeBeside("when used: ", chunks, budgets.chunks),
    ...judgeBeside("full: ", await filesOfFull(), budgets.full),
  ];
  const row = (name, raw, brotli, limit) =>
    name.padEnd(24) + raw.padStart(10) + brotli.padStart(12) + limit.padStart(10);
  say(bold(row("KB (1,024 bytes)", "raw", "brotli 11", "limit")));
  for (const { name, raw, brotli, limit, fits } of checks)
    say(`${row(name, kb(raw), kb(brotli), String(limit))} ${fits ? green("✓") : red("✗ too large")}`);
  const inside = Object.entries(parts).map(([name, bytes]) => `${name} ${kb(bytes)}`);
  say(dim(`The script's minified KB: ${inside.join(", ")}.`));
  const isTold = tells(readFileSync(README, "utf8"), sizes(files, chunks), budgets.total.limit);
  if (!isTold)
    say(red("README tells other sizes: run `npm run budget -- --write`, and see its first sentence."));
  const failed = checks.filter(({ fits }) => !fits).length + (isTold ? 0 : 1);
  return { passed: checks.length + 1 - failed, failed };
}

/** README's table: what every page loads, and what only pages that use it do. */
export function sizes(files, chunks) {
  const of = (name) => files.find((file) => file.name === name);
  const rows = [
    ["SDK, glue and `idb-keyval`, minified", of("SDK and glue")],
    ["`nearside_bg.wasm`", of("nearside_bg.wasm")],
    ["`reranker.onnx`", of("reranker.onnx")],
    ["**all that a page loads**", sum(files)],
    ...chunks.map((chunk) => [`where it is used: \`${chunk.name}\``, chunk]),
  ];
  const lines = rows.map(([what, { raw, brotli }]) => `| ${what} | ${kb(raw)} | ${kb(brotli)} |`);
  return ["| | raw KB | brotli KB |", "|---|--:|--:|", ...lines].join("\n");
}

/** Whether README has this table, but for rounding, and names the limit. */
export function tells(readme, table, limit) {
  const told = between.exec(readme)?.[0] ?? "";
  const number = /\d+\.\d/g;
  const [have, want] = [told, table].map((text) => (text.match(number) ?? []).map(Number));
  return (
    readme.includes(`at most ${limit} KB`) &&
    told.replace(number, "") === table.replace(number, "") &&
    have.every((one, i) => Math.abs(one - want[i]) <= NEAR)
  );
}

const sum = (files) => ({
  raw: files.reduce((sum, file) => sum + file.raw, 0),
  brotli: files.reduce((sum, file) => sum + file.brotli, 0),
});

if (isMain(import.meta.url)) {
  await main(async () => {
    if (process.argv.includes("--write")) {
      const { files, chunks } = await weigh();
      writeFileSync(
        README,
        readFileSync(README, "utf8").replace(between, () => sizes(files, chunks)),
      );
    }
    const { failed } = await budget();
    if (failed > 0) throw new Stop("The package is over budget: see the table above and budgets.json.");
  });
}
