// The publisher's page of the proof: the same bytes for every reader, their order made on the device.

import { createReranker } from "nearside";

const { manifest, keys, wasm, wasmIntegrity, model, modelIntegrity } = document.body.dataset;
const list = document.querySelector("#top-stories");

globalThis.outcomes = [];
globalThis.reranker = createReranker({
  consent: true,
  wasmUrl: wasm,
  wasmIntegrity,
  modelUrl: model,
  modelIntegrity,
  ...(manifest ? { release: { manifestUrl: manifest, publicKeys: keys.split(" ") } } : {}),
  onOutcome: (outcome) => globalThis.outcomes.push(outcome),
});

const feed = await (await fetch("/feed.json")).json();
globalThis.feed = feed;
for (const { id, url, title } of feed.items) {
  const row = document.createElement("li");
  const link = document.createElement("a");
  row.dataset.nearsideId = id;
  link.href = url;
  link.textContent = title;
  row.append(link);
  list.append(row);
}
const { items } = await globalThis.reranker.rank(feed, { budgetMs: 5000 });
globalThis.reranker.apply(list, items);
globalThis.reranker.watch(list);
globalThis.ranked = items.map(({ id }) => id);
