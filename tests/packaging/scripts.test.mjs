// The judgements the scripts make.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { test } from "node:test";
import { judge, sizes, tells } from "../../scripts/budget.mjs";
import { atLeast, withoutRustflags } from "../../scripts/setup.mjs";
import { root } from "../../scripts/shell.mjs";

test("versions compare by number, not by text", () => {
  for (const [have, want, answer] of [
    ["20.19.0", "20.19", true],
    ["20.9.0", "20.19", false],
    ["22.0.0", "20.19", true],
    ["18.99.99", "20.19", false],
    ["3.11.7", "3.11", true],
    ["3.9.18", "3.11", false],
    ["1.88.0", "1.88", true],
  ])
    assert.equal(atLeast(have, want), answer, `${have} against ${want}`);
});

test("a file over its budget fails, and so does a total over its own", () => {
  const budgets = { total: { limit: 3 }, files: { a: 2, b: 2 } };
  const verdict = (a, b) =>
    judge(
      [
        { name: "a", raw: 1, brotli: a },
        { name: "b", raw: 1, brotli: b },
      ],
      budgets,
    ).map(({ fits }) => fits);
  assert.deepEqual(verdict(1024, 2048), [true, true, true]);
  assert.deepEqual(verdict(2049, 10), [false, true, true]);
  assert.deepEqual(verdict(2048, 2048), [true, true, false]);
  assert.throws(() => judge([{ name: "c", raw: 1, brotli: 1 }], budgets), /no limit for c/);
});

test("README's sizes are those that are weighed, but for rounding, and it names the limit", () => {
  const file = (name, brotli) => ({ name, raw: 2048, brotli });
  const files = ["SDK and glue", "nearside_bg.wasm", "reranker.onnx"].map((name) => file(name, 10_240));
  const table = sizes(files, [file("words.js", 1024)]);
  assert.match(table, /all that a page loads\*\* \| 6\.0 \| 30\.0 \|\n.*`words\.js` \| 2\.0 \| 1\.0/);
  const readme = `in at most 66 KB\n<!-- sizes -->\n\n${table}\n\n<!-- /sizes -->\n`;
  assert.ok(tells(readme, table, 66));
  assert.ok(tells(readme.replace("30.0", "30.2"), table, 66));
  for (const other of [
    readme.replace("30.0", "30.3"),
    readme.replace("66", "62"),
    readme.replace("`words.js`", "`w.js`"),
    "",
  ])
    assert.ok(!tells(other, table, 66), other);
});

test("the wasm build is never run with the environment's RUSTFLAGS", () => {
  const environment = {
    PATH: "p",
    RUSTFLAGS: "-C x",
    CARGO_ENCODED_RUSTFLAGS: "x",
    CARGO_BUILD_RUSTFLAGS: "x",
  };
  assert.deepEqual(withoutRustflags(environment), { PATH: "p" });
});

/** The packages that `file`, or what it imports, imports before any of its code runs. */
function packagesOf(file, seen = new Set()) {
  if (seen.has(file)) return [];
  seen.add(file);
  const imports = readFileSync(file, "utf8").matchAll(
    /^(?:import|export)\b[^;(]*?from "([^"]+)";|^import "([^"]+)";/gm,
  );
  return [...imports].flatMap(([, from, bare]) => {
    const name = from ?? bare;
    if (name.startsWith("node:")) return [];
    if (name.startsWith(".")) return packagesOf(resolve(dirname(file), name), seen);
    return [`${name} in ${relative(root, file)}`];
  });
}

test("a script that installs npm's packages imports none of them before it has", () => {
  const scripts = Object.values(JSON.parse(readFileSync(join(root, "package.json"), "utf8")).scripts)
    .map((command) => /^node (\S+\.mjs)/.exec(command)?.[1])
    .filter((script) => script !== undefined);
  assert.ok(scripts.includes("scripts/start.mjs") && scripts.includes("scripts/test.mjs"));
  for (const script of scripts) assert.deepEqual(packagesOf(join(root, script)), [], script);
});
