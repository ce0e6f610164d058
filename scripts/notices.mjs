// `npm run build` writes THIRD-PARTY-NOTICES with it: whose work is compiled into the package's files, and under which licence.
//
// A crate that may be had under one of several licences is taken under MIT where that is one of them. Texts that several crates share
// stand once. The same lock file gives the same text.

import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { capture, root, Stop } from "./shell.mjs";

const target = "wasm32-unknown-unknown";
const rule = "-".repeat(80);
const licenceFile = /^(licen[cs]e|copying|copyright|notice|unlicense)/i;
/** In the names of texts that a crate under MIT may leave out. */
const otherLicence = /apache|zlib|unlicense|boost|bsd|blueoak/i;

/** The crates that a build of the package's WebAssembly takes in, by name and version, ours left out. */
function cratesOf(features) {
  const { stdout } = capture("cargo", [
    ...["metadata", "--format-version=1", "--filter-platform", target],
    ...(features ? ["--features", features] : []),
  ]);
  const { packages, resolve } = JSON.parse(stdout);
  const byId = new Map(packages.map((one) => [one.id, one]));
  const dependencies = new Map(resolve.nodes.map(({ id, deps }) => [id, deps]));
  const found = new Set();
  const visit = (id) => {
    if (found.has(id)) return;
    found.add(id);
    for (const { pkg, dep_kinds: kinds } of dependencies.get(id))
      if (kinds.some(({ kind }) => kind === null)) visit(pkg);
  };
  visit(resolve.root ?? packages.find(({ name, source }) => name === "nearside" && source === null).id);
  return [...found]
    .map((id) => byId.get(id))
    .filter(({ source }) => source !== null)
    .map((one) => ({ ...one, title: `${one.name} ${one.version}` }));
}

/** The texts of a crate's licence, without line ends of one system or another. */
function textsOf({ manifest_path: manifest, license, authors, title }) {
  const folder = dirname(manifest);
  const all = readdirSync(folder)
    .filter((name) => licenceFile.test(name))
    .sort();
  const isMit = /\bMIT\b/.test(license ?? "");
  const isChoice = isMit && !/\bAND\b/.test(license) && all.some((name) => /mit/i.test(name));
  const chosen = isChoice ? all.filter((name) => !otherLicence.test(name)) : all;
  if (chosen.length > 0) return chosen.map((name) => clean(readFileSync(join(folder, name), "utf8")));
  if (!isMit)
    throw new Stop(`${title} has no text of its licence, ${license}: add it to scripts/notices.mjs.`);
  return [mit(authors.length > 0 ? authors.join(", ") : `the authors of ${title}`)];
}

const clean = (text) =>
  text
    .replaceAll(/\r\n?/g, "\n")
    .replaceAll(/[ \t]+$/gm, "")
    .trim();

/** The MIT licence's text, for what comes without its own copy. */
function mit(holder) {
  const own = clean(readFileSync(join(root, "LICENSE-MIT"), "utf8"));
  return `Copyright (c) ${holder}\n\n${own.slice(own.indexOf("Permission is hereby granted"))}`;
}

/** The whole text. */
export function thirdPartyNotices() {
  const small = new Set(cratesOf("").map(({ title }) => title));
  const crates = cratesOf("tract").sort((a, b) => (a.title < b.title ? -1 : 1));
  const missing = [...small].filter((title) => !crates.some((one) => one.title === title));
  if (missing.length > 0) throw new Stop(`Only the default flavour has ${missing.join(", ")}.`);

  const holders = new Map();
  const hold = (title, text) => {
    const key = text.replaceAll(/\s+/g, " ");
    const known = holders.get(key) ?? { text, titles: [] };
    known.titles.push(title);
    holders.set(key, known);
  };
  for (const one of crates) for (const text of textsOf(one)) hold(one.title, text);
  hold("The Rust standard library", mit("The Rust Project Contributors"));
  hold(
    "The default vector space, which the model's golden case is drawn from: WordNet 3.0",
    clean(readFileSync(join(root, "models/LICENSE-WORDNET"), "utf8")),
  );

  const line = ({ title, license }) =>
    `${title.padEnd(36)} ${(license ?? "").padEnd(40)} ${small.has(title) ? "both" : "full"}`.trimEnd();
  return [
    "Third-party notices",
    "",
    "Nearside itself is MIT OR Apache-2.0: LICENSE-MIT, LICENSE-APACHE. Compiled into its WebAssembly files, or into what made them, are the",
    "crates below, and Rust's standard library. `both`: in dist/ and in dist/full/; `full`: in dist/full/ alone. The scripts nearside.js and",
    "worker.js hold what wasm-bindgen writes. The package's one dependency, idb-keyval, is installed beside it, with its own licence.",
    "",
    ...crates.map(line),
    "",
    ...[...holders.values()].flatMap(({ text, titles }) => [rule, titles.join("\n"), rule, "", text, ""]),
  ].join("\n");
}
