// A front page with Nearside as a publisher ships it: the reader's history in IndexedDB, wasm and model beside the script.

import { createReranker } from "nearside";
import { measured } from "./page.js";

measured(async (feed) => {
  const reranker = createReranker({ consent: true });
  const { items, outcome } = await reranker.rank(await feed, { budgetMs: 60_000 });
  if (outcome.reason !== "ranked") throw new Error(`${outcome.reason}: ${outcome.message ?? ""}`);
  return { items, again: (list) => reranker.rank(list, { budgetMs: 60_000 }) };
});
