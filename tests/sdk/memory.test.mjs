// What rerankers made from bytes take of the WebAssembly instance's memory, with the built files: it is given back.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

/** The instances with a memory that were started, the last one at the end. */
const instances = [];
const { Instance } = WebAssembly;
WebAssembly.Instance = new Proxy(Instance, {
  construct(target, given) {
    const instance = new target(...given);
    if (instance.exports.memory) instances.push(instance);
    return instance;
  },
});
const { createReranker, MemoryStore } = await import("../../dist/index.js");
const { Core } = await import("../../dist/core.js");

const bytesOf = (name) => new Uint8Array(readFileSync(new URL(`../../dist/${name}`, import.meta.url)));
const wasmUrl = bytesOf("nearside_bg.wasm");
const model = bytesOf("reranker.onnx");
const items = Array.from({ length: 40 }, (_, i) => ({ id: `s${i}`, _nearside: { topic: `t${i % 3}` } }));

/** The running instance's memory, in bytes. */
const size = () => instances.at(-1).exports.memory.buffer.byteLength;
const soon = () => new Promise((resolve) => setTimeout(resolve, 50));

async function rankOnce(more = {}, between = async () => {}) {
  const reranker = createReranker({ consent: true, wasmUrl, modelUrl: model.slice(), ...more });
  await reranker.ready;
  for (const item of items.slice(0, 4)) reranker.clicked(item);
  const { outcome } = await reranker.rank(items, { budgetMs: 10_000 });
  assert.notEqual(outcome.reason, "internal", outcome.message);
  await between();
  reranker.dispose();
  return outcome.reason;
}

test("rerankers made from bytes give the instance's memory back when they are disposed of", async () => {
  for (let i = 0; i < 20; i++) await rankOnce();
  const before = size();
  for (let i = 0; i < 150; i++) await rankOnce(i % 2 ? { store: new MemoryStore() } : {});
  // A task of its own each: what was disposed of last is let go of.
  await soon();
  assert.equal(size(), before);
  assert.equal(instances.length, 1, "nothing trapped");
});

test("what was disposed of takes in no event of a history that it shared", async () => {
  const shared = { store: new MemoryStore(), consent: true, wasmUrl };
  for (let i = 0; i < 60; i++) await rankOnce(shared);
  await soon();
  const reranker = createReranker({ ...shared, modelUrl: model.slice() });
  await reranker.ready;
  reranker.clicked(items[0]);
  const before = size();
  let reads = 0;
  const made = Core.prototype.check;
  Core.prototype.check = function () {
    reads++;
    return made.call(this);
  };
  try {
    for (const item of items) reranker.clicked(item);
    await soon();
    await soon();
  } finally {
    Core.prototype.check = made;
  }
  assert.ok(reranker.stored().clicks >= items.length);
  assert.equal(reads, 0, "no core was made anew");
  assert.equal(size(), before);
  reranker.dispose();
});

test("one of two rerankers with the same bytes goes on when the other is disposed of", async () => {
  const shared = { modelUrl: model.slice(), store: new MemoryStore() };
  const first = await rankOnce(shared, async () => {
    await rankOnce(shared);
    await new Promise((resolve) => setTimeout(resolve, 20));
  });
  const again = await rankOnce(shared);
  assert.equal(again, first);
});

test("a reranker that is disposed of while it loads leaves nothing, and erasing still works", async () => {
  const disposeEarly = async () => {
    const reranker = createReranker({ consent: true, wasmUrl, modelUrl: model.slice() });
    const ranking = reranker.rank(items, { budgetMs: 10_000 });
    reranker.dispose();
    assert.equal((await ranking).outcome.reason, "disposed");
    assert.equal(typeof (await reranker.erase()), "boolean");
    await new Promise((resolve) => setTimeout(resolve, 5)); // else some are on their way at a time
  };
  for (let i = 0; i < 10; i++) await disposeEarly();
  const before = size();
  for (let i = 0; i < 60; i++) await disposeEarly();
  await soon();
  assert.equal(size(), before);
});
