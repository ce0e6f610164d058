// The rules of the house that no linter knows, checked on the tracked sources.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { root } from "./consumer.mjs";

/** Every file that git tracks or would, but for the vector and lock data that is nobody's prose. */
const tracked = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
  cwd: root,
  encoding: "utf8",
})
  .split("\0")
  .filter((name) => name !== "" && existsSync(path.join(root, name)));

const texts = new Map(
  tracked
    .map((name) => [name, readFileSync(path.join(root, name))])
    .filter(([, bytes]) => !bytes.includes(0))
    .map(([name, bytes]) => [name, bytes.toString("utf8")]),
);

/** `file:line` of each line of the chosen files that `pattern` matches. */
function findings(pattern, choose, { strip = (text) => text } = {}) {
  const chosen = [...texts].filter(([name]) => choose(name));
  assert.ok(chosen.length > 0, "no file was looked at");
  return chosen.flatMap(([name, text]) =>
    strip(text)
      .split("\n")
      .flatMap((line, n) => (pattern.test(line) ? [`${name}:${n + 1}: ${line.trim().slice(0, 120)}`] : [])),
  );
}

const withoutComments = (text) =>
  text
    .replaceAll(/\/\*[\s\S]*?\*\//g, (comment) => comment.replaceAll(/[^\n]/g, " "))
    .replaceAll(/(^|\s)\/\/.*$/gm, "$1");

const rust = (name) => /^(kernels\/)?src\//.test(name) && name.endsWith(".rs");
const sdk = (name) => name.startsWith("js/") && name.endsWith(".ts");

const boundary = (name) => name === "src/wasm.rs" || name.startsWith("src/wasm/");

test("only wasm.rs and what is under it know JavaScript", () => {
  const pattern = /\b(wasm_bindgen|js_sys|web_sys|serde_wasm_bindgen)\b/;
  assert.deepEqual(
    findings(pattern, (name) => rust(name) && !boundary(name)),
    [],
  );
  assert.notDeepEqual(
    findings(pattern, (name) => name === "src/wasm.rs"),
    [],
  );
});

test("only the binding knows Python", () => {
  assert.deepEqual(
    findings(/\bpyo3\b/, (name) => rust(name) && !/^src\/python[./]/.test(name)),
    [],
  );
});

test("the core reads no clock, no randomness, no environment", () => {
  const pattern =
    /\b(SystemTime|Instant::now|thread_rng|getrandom|std::env|RandomState|Date::now|Math::random)\b/;
  assert.deepEqual(
    findings(pattern, (name) => rust(name) && !/\/tests?[/.]/.test(name), { strip: withoutComments }),
    [],
  );
});

test("the SDK never writes to the console, listens to unload, or persists storage", () => {
  const pattern = /\bconsole\b|["'`](before)?unload["'`]|\bonunload\b|\.persist\(/;
  assert.deepEqual(findings(pattern, sdk, { strip: withoutComments }), []);
});

test("what is built for browsers never writes to the console either, but for the full flavour's panics", () => {
  const glue = (folder) => readFileSync(path.join(root, folder, "nearside.js"), "utf8");
  assert.doesNotMatch(glue("dist"), /\bconsole\b/);
  assert.deepEqual(glue("dist/full").match(/\bconsole\b.*?\(/g), ["console.error("]);
});

test("no file names a package registry's host", () => {
  const hosts = [
    ["registry", "npmjs", "org"],
    ["npmjs", "com"],
    ["static", "crates", "io"],
    ["index", "crates", "io"],
    ["pypi", "org"],
    ["pythonhosted", "org"],
    ["deb", "debian", "org"],
  ].map((parts) => parts.join("\\."));
  assert.deepEqual(
    findings(new RegExp(hosts.join("|")), () => true),
    [],
  );
});

test("lock files pin every package by hash and by no address", () => {
  const files = [...texts.keys()].filter((name) => path.basename(name) === "package-lock.json");
  assert.ok(files.length >= 5, files.join());
  for (const file of files) {
    const { packages } = JSON.parse(texts.get(file));
    for (const [name, entry] of Object.entries(packages)) {
      if (name === "") continue;
      assert.equal(entry.resolved, undefined, name);
      assert.match(entry.integrity, /^sha512-/, name);
    }
  }
});

test("Cargo.lock draws on cargo's own index alone", () => {
  const sources = new Set(texts.get("Cargo.lock").match(/^source = ".*"$/gm));
  assert.deepEqual([...sources], [`source = "registry+https://github.com/rust-lang/crates.io-index"`]);
});

test("Cargo.toml leaves the crate an rlib, or cargo would drop link-time optimisation", () => {
  assert.match(texts.get("Cargo.toml"), /^crate-type = \["rlib"\]$/m);
});

test("the crate, the package and the change log agree on the version", () => {
  const { version } = JSON.parse(texts.get("package.json"));
  assert.equal(JSON.parse(texts.get("package-lock.json")).version, version);
  assert.equal(/^version = "(.+)"$/m.exec(texts.get("Cargo.toml"))[1], version);
  // Until it is released, a version's changes stand under "Unreleased".
  const section = new RegExp(`^## \\[?(Unreleased|${version.replaceAll(".", "\\.")})\\b`, "m");
  assert.match(texts.get("CHANGELOG.md"), section);
});

test("files name no machine's folders", () => {
  const folders = ["work", "root", "tmp", "home/\\w+"].join("|");
  const pattern = new RegExp(`(^|[\\s"'\`=(:])/(${folders})/`);
  const found = findings(pattern, (name) => !/\.(json|lock|css)$/.test(name));
  assert.deepEqual(found, []);
});
