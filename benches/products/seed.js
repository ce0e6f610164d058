// Makes the visitor a returning one: a full history in IndexedDB, as the SDK keeps it, and the blend's counts. Served from a folder of
// its own with copies of the files, so that the measured page finds none of them in a cache.

import { createReranker } from "nearside";
import { events } from "../feed.js";

globalThis.seeded = (async () => {
  const topics = {};
  const reranker = createReranker({ consent: true });
  await reranker.ready;
  for (const { kind, item, seconds } of events(Date.now())) {
    reranker[kind](item, seconds);
    topics[item._nearside.topic] ??= { clicks: 0, views: 0 };
    if (kind === "viewed") topics[item._nearside.topic].views++;
    if (kind === "clicked") topics[item._nearside.topic].clicks++;
  }
  localStorage.setItem("topics", JSON.stringify(topics));
  // Writing is the SDK's own business; the page is left as any page is.
  await new Promise((settle) => setTimeout(settle, 100));
  return reranker.stored().clicks;
})();
