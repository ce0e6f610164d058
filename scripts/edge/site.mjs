// What the origin serves: a publisher's page with its feed and script, and a folder of releases.

import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync } from "node:fs";
import { chmod, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeKeys } from "../../delivery/keys.mjs";
import { makeRelease, put } from "../../delivery/release.mjs";
import { makeFeed } from "../../tests/e2e/feed.mjs";
import { root } from "../shell.mjs";

const at = (...parts) => join(root, ...parts);

/** Another model than the package's own, so that a release can be told from the next. */
export const OTHER_MODEL = at("tests/fixtures/hand-set.onnx");

/** Makes both in a new temporary folder, with version 1 released. `release(options)` publishes the next version. */
export async function makeSite() {
  const folder = mkdtempSync(join(tmpdir(), "nearside-edge-"));
  // The servers are not the one who made it.
  await chmod(folder, 0o755);
  const site = join(folder, "site");
  const assets = join(site, "assets");
  const out = join(folder, "releases/nearside");
  mkdirSync(assets, { recursive: true });
  const key = join(folder, "key.pem");
  const publicKey = writeKeys(key);
  const release = (options) => makeRelease({ out, key, ...options });
  const { wasm, model } = await release({});

  const { build } = await import("esbuild");
  const { outputFiles } = await build({
    entryPoints: [at("scripts/edge/page.js")],
    // The package by its own name, as a publisher imports it.
    alias: { nearside: at("dist/index.js") },
    ...{ bundle: true, minify: true, format: "esm", target: "es2022", write: false, logLevel: "error" },
  });
  const script = Buffer.from(outputFiles[0].contents);
  const scriptName = `page.${createHash("sha256").update(script).digest("hex").slice(0, 16)}.js`;
  const data = {
    manifest: "/nearside/manifest.json",
    keys: publicKey,
    // What the page names for itself is the first release's: one file, under one name, for both.
    wasm: `/nearside/${wasm.name}`,
    "wasm-integrity": await sha384("dist/nearside_bg.wasm"),
    model: `/nearside/${model.name}`,
    "model-integrity": await sha384("dist/reranker.onnx"),
  };
  const attributes = Object.entries(data).map(([name, value]) => `data-${name}="${value}"`);
  const html = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Front page</title><link rel="icon" href="data:,">
<link rel="modulepreload" href="/assets/${scriptName}">
<body ${attributes.join(" ")}><ol id="top-stories"></ol>
<script type="module" src="/assets/${scriptName}"></script>
`;
  put(site, "index.html", Buffer.from(html));
  put(site, "feed.json", Buffer.from(JSON.stringify(makeFeed(60))));
  put(assets, scriptName, script);
  return { folder, site, releases: join(folder, "releases"), out, publicKey, release };
}

async function sha384(file) {
  return `sha384-${createHash("sha384")
    .update(await readFile(at(file)))
    .digest("base64")}`;
}
