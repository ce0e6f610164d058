// Whose work is in the package's files is said in THIRD-PARTY-NOTICES.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { thirdPartyNotices } from "../../scripts/notices.mjs";
import { root } from "./consumer.mjs";

const notices = readFileSync(path.join(root, "THIRD-PARTY-NOTICES"), "utf8");

/** The crates in the WebAssembly as `cargo tree` has them, ours left out. */
function crates(...features) {
  const target = ["--target", "wasm32-unknown-unknown", "-e", "normal", "--prefix", "none", ...features];
  const tree = execFileSync("cargo", ["tree", ...target], {
    cwd: root,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  const lines = tree.split("\n").filter((line) => line !== "" && !line.startsWith("nearside"));
  return new Set(
    lines.map((line) => /^(\S+) v(\S+)/.exec(line)).map(([, name, version]) => `${name} ${version}`),
  );
}

test("the notices are those of today's crates", () => {
  assert.equal(notices, thirdPartyNotices());
});

test("every crate in either WebAssembly is named, with its licence and that one's text", () => {
  const [small, full] = [crates(), crates("--features", "tract")];
  assert.ok(small.size > 10 && full.size > 100);
  const [list, ...texts] = notices.split(/^-{80}$/m);
  const held = texts.flatMap((titles, i) =>
    i % 2 === 0 && texts[i + 1].trim().length > 300 ? titles.trim().split("\n") : [],
  );
  for (const title of full) {
    const line = list.split("\n").find((line) => line.startsWith(`${title} `));
    assert.match(line ?? "", small.has(title) ? / both$/ : / full$/, title);
    assert.match(line, /MIT|Apache-2\.0|Zlib|BSD|Unicode/, title);
    assert.ok(held.includes(title), title);
  }
});

test("what is no crate is named as well: Rust's own library, the glue's author and WordNet", () => {
  for (const words of [
    "The Rust standard library",
    "wasm-bindgen writes",
    "WordNet 3.0 Copyright",
    "Princeton University",
  ])
    assert.ok(notices.toLowerCase().includes(words.toLowerCase()), words);
});

test("no script of the package holds what the notices do not name", () => {
  for (const name of ["worker.js", "nearside.js", "full/worker.js"]) {
    const script = readFileSync(path.join(root, "dist", name), "utf8");
    assert.doesNotMatch(script, /keyval|idb-|^import /m, name);
  }
});
