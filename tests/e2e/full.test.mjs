// The full flavour in Chromium: models that the default flavour does not run, and `inspect`.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { feed, openFresh, rank, read, readStories, startBrowser, startReranker } from "./package.mjs";

const browser = await startBrowser();
const fixture = (name) => readFile(new URL(`../fixtures/${name}.onnx`, import.meta.url));
const hashOf = (bytes) => `sha384-${createHash("sha384").update(bytes).digest("base64")}`;

/** A page of a flavour with this model, its reader's four stories read. */
async function openWith(t, model, { flavour = "full", ...options } = {}) {
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

/** In the page: the reader's history is told at its times, then the list is ranked at its own; what the model made of each story. */
async function scoresOf([{ now, events, feed }, modelIntegrity]) {
  let clock = now;
  Date.now = () => clock;
  const reranker = globalThis.nearside.createReranker({
    ...{ consent: true, store: new globalThis.nearside.MemoryStore(), policy: { minimumEvidence: 0 } },
    ...{ modelUrl: "/model.onnx", modelIntegrity },
  });
  await reranker.ready;
  for (const { type, id, ms, seconds, ..._nearside } of events) {
    clock = ms;
    if (type === "click") reranker.clicked({ id, _nearside });
    if (type === "dwell") reranker.dwelled({ id }, seconds);
    if (type === "view") reranker.viewed(feed.items.find((item) => item.id === id));
  }
  clock = now;
  const { outcome } = await reranker.rank(feed, { budgetMs: 30_000 });
  const personal = feed.items.map(({ id }) => reranker.explain(id)?.personal);
  reranker.dispose();
  return { ...outcome, personal };
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
    const { outcome: refused } = await rank(other, feed);
    assert.equal(refused.reason, "model_unsupported");
    assert.match(refused.message, /nearside\/full/, "it says who may run it");
  });

  test(`the ${name} model's scores of whole lists are onnxruntime's within 1e-4`, async (t) => {
    const file = await readFile(new URL("../fixtures/full-lists.jsonl", import.meta.url), "utf8");
    const lists = file
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    assert.ok(lists.length >= 4);
    const model = await fixture(name);
    const { page } = await openFresh(t, browser, { flavour: "full", files: { "/model.onnx": model } });
    for (const { personal, ...list } of lists) {
      const found = await page.evaluate(scoresOf, [list, hashOf(model)]);
      assert.equal(found.reason, "ranked", found.message);
      assert.equal(found.personal.length, personal[name].length);
      for (const [place, score] of personal[name].entries())
        assert.ok(
          Math.abs(found.personal[place] - score) <= 1e-4,
          `story ${place} of ${personal[name].length}: ${found.personal[place]}, not ${score}`,
        );
      const apart = Math.max(...personal[name]) - Math.min(...personal[name]);
      assert.ok(apart > 0.01, "equal scores would prove nothing");
    }
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

test("in a worker it gives the same order, and inspects nothing", async (t) => {
  const model = await fixture("trees");
  const orders = [];
  for (const worker of [false, true]) {
    const { page } = await openWith(t, model, { worker });
    const { ids, outcome } = await rank(page, feed);
    assert.equal(outcome.reason, "ranked", outcome.message);
    assert.equal(outcome.modelId, "fixture-trees");
    assert.equal(page.workers().length, Number(worker));
    const inspection = await page.evaluate(() => globalThis.reranker.inspect());
    assert.equal(inspection === undefined, worker);
    orders.push(ids);
  }
  assert.deepEqual(orders[0], orders[1]);
});

test("both flavours on one page share the reader's history, and each has its own instance", async (t) => {
  const root = fileURLToPath(new URL("../../", import.meta.url));
  const wasm = await readFile(new URL("../../dist/full/nearside_bg.wasm", import.meta.url));
  const { outputFiles } = await build({
    stdin: {
      contents: `export * as plain from "nearside"; export * as full from "nearside/full"; export { Core } from "./dist/core.js";`,
      resolveDir: root,
    },
    ...{ bundle: true, minify: true, format: "esm", target: "es2022", write: false, logLevel: "error" },
  });
  const models = { trees: await fixture("trees"), transformer: await fixture("transformer") };
  const { server, page } = await openFresh(t, browser, {
    files: {
      ...{ "/both.js": outputFiles[0].contents, "/full.wasm": wasm },
      ...{ "/trees.onnx": models.trees, "/transformer.onnx": models.transformer },
    },
  });
  const seen = await page.evaluate(
    async ([feed, read, wasmIntegrity, hashes]) => {
      const { plain, full, Core } = await import("/both.js");
      const [store, budgetMs] = [new plain.MemoryStore(), 30_000];
      const options = { consent: true, store };
      const model = (name) => ({ modelUrl: `/${name}.onnx`, modelIntegrity: hashes[name] });
      const small = plain.createReranker(options);
      const large = full.createReranker({
        ...options,
        ...{ wasmUrl: "/full.wasm", wasmIntegrity },
        ...model("trees"),
      });
      for (const item of read) small.clicked(item);
      const outcome = async (reranker) => (await reranker.rank(feed, { budgetMs })).outcome;
      const first = [await outcome(small), await outcome(large)];
      const refused = await outcome(plain.createReranker({ ...options, ...model("transformer") }));
      // The default flavour's instance traps, twice, and is given up; the other's goes on.
      const rank = Core.prototype.rank;
      Core.prototype.rank = function (...given) {
        if (!("inspect" in this.glue)) throw new WebAssembly.RuntimeError("unreachable");
        return rank.apply(this, given);
      };
      const trapped = [await outcome(small), await outcome(small), await outcome(large)];
      Core.prototype.rank = rank;
      const stored = large.stored();
      await large.erase();
      return { first, refused, trapped, stored, after: await outcome(large) };
    },
    [
      feed,
      read,
      hashOf(wasm),
      Object.fromEntries(Object.entries(models).map(([name, file]) => [name, hashOf(file)])),
    ],
  );
  const [small, large] = seen.first;
  assert.equal(small.reason, "ranked", small.message);
  assert.equal(large.reason, "ranked", large.message);
  assert.equal(large.modelId, "fixture-trees");
  assert.notEqual(small.modelId, large.modelId);
  assert.equal(seen.stored.clicks, read.length);
  assert.equal(seen.refused.reason, "model_unsupported");
  assert.match(seen.refused.message, /nearside\/full/);
  assert.deepEqual(
    seen.trapped.map(({ reason }) => reason),
    ["trap", "trap", "ranked"],
  );
  assert.equal(seen.after.reason, "cold");
  assert.deepEqual(server.asked().sort(), [
    ...["/full.wasm", "/nearside_bg.wasm", "/reranker.onnx", "/transformer.onnx", "/trees.onnx"],
  ]);
});
