// The shipped wasm comes to the native build's bits in Node, Chromium, Firefox and WebKit: 1,000 rankings of simulated readers, one hash.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { build } from "esbuild";
import { root } from "../../scripts/shell.mjs";
import { launch, newPage } from "../e2e/browser.mjs";
import { launchFirefox } from "../e2e/firefox.mjs";
import { serve } from "../e2e/server.mjs";
import { launchWebkit } from "../e2e/webkit.mjs";
import { hashes } from "./corpus.js";

/** By model, as tests/determinism.rs wrote and checks them. */
const expected = Object.fromEntries(
  readFileSync(join(root, "tests/fixtures/determinism.sha256"), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => line.split("  ").toReversed()),
);
const models = Object.keys(expected);
let server;

before(async () => {
  const { outputFiles } = await build({
    stdin: {
      contents: `import { hashes } from "./corpus.js";
        globalThis.hashes = (models) =>
          hashes(async (path) => new Uint8Array(await (await fetch("/" + path)).arrayBuffer()), models);`,
      resolveDir: import.meta.dirname,
    },
    bundle: true,
    write: false,
    format: "iife",
  });
  const files = ["dist/nearside_bg.wasm", "tests/fixtures/determinism.json", ...models];
  server = await serve(
    {},
    {
      files: {
        "/index.html": `<!doctype html><title>Corpus</title><link rel="icon" href="data:,"><script src="/corpus.js"></script>`,
        "/corpus.js": outputFiles[0].contents,
        ...Object.fromEntries(files.map((file) => [`/${file}`, readFileSync(join(root, file))])),
      },
    },
  );
});
after(() => server.close());

test("in Node", async () => {
  assert.deepEqual(await hashes(async (path) => readFileSync(join(root, path)), models), expected);
});

test("in Chromium", async (t) => {
  const browser = await launch();
  t.after(() => browser.close());
  const page = await newPage(browser);
  await page.goto(server.url);
  assert.deepEqual(await page.evaluate((models) => globalThis.hashes(models), models), expected);
  await page.guard();
});

test("in Firefox", async (t) => {
  const browser = await launchFirefox();
  t.after(() => browser.close());
  const page = await browser.newPage();
  await page.goto(server.url);
  assert.deepEqual(await page.evaluate((models) => globalThis.hashes(models), models), expected);
});

test("in WebKit", async (t) => {
  const browser = await launchWebkit();
  t.after(() => browser.close());
  const page = await browser.newPage();
  await page.goto(server.url);
  assert.deepEqual(await page.evaluate((models) => globalThis.hashes(models), models), expected);
});
