// The full flavour in Chromium: models that the default flavour does not run, and `inspect`.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { feed, openFresh, rank, read, readStories, startBrowser, startReranker } from "./package.mjs";

const browser = await startBrowser();
const fixture = (name) => readFile(new URL(`../fixtures/${name}.onnx`, import.meta.url));
const hashOf = (bytes) => `sha384-${createHash("sha384").update(bytes).digest("base64")}`;

/** A page of a flavour with this model, its reader's four stories read. */
async function openWith(t, model, { flavour = "full", ...options } = {}) {
  // The reference to the model beside the bundle: esbuild leaves URLs alone, so the shared file is one folder up.
  const { server, page } = await openFresh(t, browser, { flavour, files: { "/model.onnx": model } });
  await startReranker(page, { modelUrl: "/model.onnx", modelIntegrity: hashOf(model), ...options });
  await readStories(page, read);
  return { server, page };
}

/** The file with its first golden score this much greater. */
function withGolden(file, more) {
  const key = Buffer.from("nearside.golden.scores");
  const at = file.indexOf(key);
  assert.ok(at > 0);
  const start = at + key.length + (file[at + key.length + 1] < 0x80 ? 2 : 3); // field tag, length of one or two bytes
  const scores = Buffer.from(file.toString("latin1", start, start + 8), "base64"); // 6 bytes: a score and a half
  scores.writeFloatLE(scores.readFloatLE(0) + more, 0);
  const changed = Buffer.from(file);
  changed.write(scores.toString("base64"), start, "latin1");
  return changed;
}

for (const [name, operator] of [
  ["transformer", "Einsum"],
  ["trees", "ai.onnx.ml.TreeEnsembleRegressor"],
]) {
  test(`the ${name} model, which the default flavour refuses, ranks; its golden scores are onnxruntime's within 1e-4`, async (t) => {
    const model = await fixture(name);
    const { page } = await openWith(t, model);
    const { outcome } = await rank(page, feed);
    assert.equal(outcome.reason, "ranked", outcome.message);
    assert.equal(outcome.modelId, `fixture-${name}`);
    assert.ok(outcome.moved > 0);
    const { model: file } = await page.evaluate(() => globalThis.reranker.inspect());
    assert.ok(file.operators[operator] > 0);
    assert.equal(file.bytes, model.length);

    // Loading holds it to its golden case, whose scores onnxruntime computed: a little is forgiven and 3e-4 is not.
    for (const [more, reason] of [
      [0.5e-4, "ranked"],
      [3e-4, "model_rejected"],
    ]) {
      const { page } = await openWith(t, withGolden(model, more));
      assert.equal((await rank(page, feed)).outcome.reason, reason);
    }
    const { page: other } = await openWith(t, model, { flavour: "" });
    assert.equal((await rank(other, feed)).outcome.reason, "model_unsupported");
  });
}

test("inspect tells contract, file, features, contributions and timings", async (t) => {
  const { page } = await openWith(t, await fixture("trees"));
  const early = await page.evaluate(() => globalThis.reranker.inspect());
  assert.equal(early.ranking, undefined);
  const { ids } = await rank(page, feed);
  const { engine, contract, model, ranking } = await page.evaluate(() => globalThis.reranker.inspect());
  assert.equal(engine, "tract");
  assert.deepEqual(
    [contract.version, contract.id, contract.dimension, contract.k],
    ["1", "fixture-trees", 64, 10],
  );
  assert.deepEqual(model.opsets, { "ai.onnx": 17, "ai.onnx.ml": 3 });
  assert.deepEqual(model.operators, { "ai.onnx.ml.TreeEnsembleRegressor": 1, Squeeze: 1 });
  assert.deepEqual(model.inputs, [{ name: "features", shape: ["N", contract.features.length] }]);
  assert.deepEqual(model.outputs, [{ name: "score", shape: ["N"] }]);
  assert.equal(model.weights, 1);

  assert.equal(ranking.reason, "ranked");
  assert.equal(ranking.evidence, read.length);
  assert.equal(ranking.history, read.length);
  assert.deepEqual(
    ranking.items.map(({ id }) => id),
    feed.items.map(({ id }) => id),
  );
  const scored = ranking.items.filter(({ contributions }) => contributions);
  assert.equal(scored.length, ranking.scored);
  assert.ok(scored.length > 20 && scored.length < ids.length, "pinned stories are not scored");
  for (const { features, contributions } of scored) {
    assert.deepEqual(Object.keys(features).sort(), contract.features.toSorted());
    assert.deepEqual(Object.keys(contributions).sort(), contract.features.toSorted());
  }
  for (const name of contract.features) {
    const values = new Set(scored.map(({ features }) => features[name]));
    const moved = scored.some(({ contributions }) => contributions[name] !== 0);
    if (values.size === 1) assert.ok(!moved, `${name} is the same for all and contributes`);
  }
  assert.ok(scored.some(({ contributions }) => Object.values(contributions).some((value) => value !== 0)));
  const { total, ...parts } = ranking.timings;
  const sum = Object.values(parts).reduce((sum, part) => sum + part, 0);
  assert.ok(total > 0 && Math.abs(sum - total) < 1e-6, JSON.stringify(ranking.timings));
  const explained = await page.evaluate((id) => globalThis.reranker.explain(id), feed.items[1].id);
  assert.deepEqual(ranking.items[1].features, explained.features);

  // Nothing of an erased history is told.
  await page.evaluate(() => globalThis.reranker.erase());
  assert.equal((await page.evaluate(() => globalThis.reranker.inspect())).ranking, undefined);
  await page.evaluate(() => globalThis.reranker.dispose());
  assert.equal(await page.evaluate(() => globalThis.reranker.inspect()), undefined);
});

test("a model without its hash never reaches tract, in whatever form it comes", async (t) => {
  const model = await fixture("trees");
  const { server, page } = await openFresh(t, browser, { flavour: "full", files: { "/model.onnx": model } });
  const reasons = await page.evaluate(async (text) => {
    const bytes = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
    const answers = [];
    for (const modelUrl of [
      bytes,
      bytes.buffer,
      new Response(bytes),
      Promise.resolve(bytes),
      "/model.onnx",
    ]) {
      for (const modelIntegrity of [undefined, "", "sha256-abc"]) {
        const reranker = globalThis.nearside.createReranker({ consent: true, modelUrl, modelIntegrity });
        const { outcome } = await reranker.rank([{ id: "a" }], { budgetMs: 5000 });
        answers.push([outcome.reason, outcome.message, await reranker.inspect()]);
      }
    }
    return answers;
  }, model.toString("base64"));
  assert.equal(reasons.length, 15);
  for (const [reason, message, inspection] of reasons) {
    assert.equal(reason, "integrity");
    assert.match(message, /modelIntegrity/);
    assert.equal(inspection, undefined);
  }
  assert.deepEqual(server.asked(), []);
});

test("bytes with their hash are run, and bytes with another's are not", async (t) => {
  const model = await fixture("trees");
  const { page } = await openFresh(t, browser, { flavour: "full" });
  const reason = (modelIntegrity) =>
    page.evaluate(
      async ([text, modelIntegrity]) => {
        const modelUrl = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
        const reranker = globalThis.nearside.createReranker({ consent: true, modelUrl, modelIntegrity });
        return (await reranker.rank([{ id: "a" }], { budgetMs: 5000 })).outcome.reason;
      },
      [model.toString("base64"), modelIntegrity],
    );
  assert.equal(await reason(hashOf("else")), "integrity");
  assert.equal(await reason(hashOf(model)), "cold");
});
