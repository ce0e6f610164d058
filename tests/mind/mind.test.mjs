// Real impressions (MIND; never committed, never quoted): every order is a permutation, and native and browser agree on each.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { build } from "esbuild";
import { ensureUv, uvEnvironment } from "../../scripts/setup.mjs";
import { cache, capture, root, run } from "../../scripts/shell.mjs";
import { launch, newPage } from "../e2e/browser.mjs";
import { serve } from "../e2e/server.mjs";

const data = join(root, "../shared/data/mind");
const skip = existsSync(data) ? false : "there is no ../shared/data/mind";
const prepared = join(cache, "mind");
const folders = ["valid", "valid_random"];

test("native and browser give every impression the same order, a permutation", { skip }, async () => {
  const native = await nativeLines();
  const inBrowser = await browserLines();
  assert.equal(native.length, 2 * (1404 + 403), "every impression, under two policies");
  assert.deepEqual(inBrowser, native);

  const reasons = new Map();
  for (const line of native) {
    const [, reason, , order] = line.split(" ");
    const places = order.split(",").map(Number);
    const sorted = places.toSorted((a, b) => a - b);
    assert.ok(
      sorted.every((place, i) => place === i),
      "a permutation",
    );
    const moved = places.some((place, i) => place !== i);
    assert.ok(reason === "ranked" || !moved, "no change without evidence");
    reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  }
  console.log(`rankings by reason: ${JSON.stringify(Object.fromEntries(reasons))}`);
  assert.ok(reasons.get("ranked") > native.length / 2, "most readers have enough history");
});

async function nativeLines() {
  const python = join(root, "python");
  const prepare = [
    "run",
    "--project",
    python,
    "python",
    join(python, "tools/prepare_mind.py"),
    data,
    prepared,
  ];
  await run(await ensureUv(), prepare, { env: uvEnvironment() });
  const example = ["--release", "--example", "rank_impressions"];
  await run("cargo", ["build", ...example]);
  const model = join(root, "models/reranker.onnx");
  const args = [
    "run",
    "--quiet",
    ...example,
    "--",
    model,
    ...folders.map((folder) => join(prepared, folder)),
  ];
  const { code, stdout } = capture("cargo", args);
  assert.equal(code, 0);
  return stdout.trimEnd().split("\n");
}

async function browserLines() {
  const bundle = await build({
    entryPoints: [join(root, "tests/mind/rank.js")],
    bundle: true,
    write: false,
    format: "iife",
  });
  const files = {
    "/index.html": "<!doctype html><title>impressions</title><script src=/rank.js></script>",
    "/rank.js": bundle.outputFiles[0].text,
  };
  const server = await serve({ "/": join(root, "dist"), "/mind/": prepared }, { files });
  const browser = await launch();
  try {
    const page = await newPage(browser);
    await page.goto(server.url);
    const paths = folders.map((folder) => `mind/${folder}`);
    const lines = await page.evaluate(
      ([base, paths]) => globalThis.rankImpressions(base, paths),
      [server.url, paths],
    );
    await page.guard();
    return lines;
  } finally {
    await browser.close();
    await server.close();
  }
}
