// What rerankers made from bytes take of the WebAssembly instance's memory, with the built files: it is given back.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { createReranker, MemoryStore } from "../../dist/index.js";
import { initSync } from "../../dist/nearside.js";

const bytesOf = (name) => new Uint8Array(readFileSync(new URL(`../../dist/${name}`, import.meta.url)));
const wasmUrl = bytesOf("nearside_bg.wasm");
const model = bytesOf("reranker.onnx");
const items = Array.from({ length: 40 }, (_, i) => ({ id: `s${i}`, _nearside: { topic: `t${i % 3}` } }));

/** The one instance's memory: it is running, so nothing is made anew. */
const size = () => initSync({ module: wasmUrl }).memory.buffer.byteLength;

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
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(size(), before);
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
  const before = size();
  for (let i = 0; i < 30; i++) {
    const reranker = createReranker({ consent: true, wasmUrl, modelUrl: model.slice() });
    const ranking = reranker.rank(items, { budgetMs: 10_000 });
    reranker.dispose();
    assert.equal((await ranking).outcome.reason, "disposed");
    assert.equal(typeof (await reranker.erase()), "boolean");
  }
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.ok(size() <= before + 65_536);
});
