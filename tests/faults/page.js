// The publisher's own script: handlers on its cards, then the package. A row says in `globalThis.row` what is different.

const { probe } = globalThis;
const row = globalThis.row ?? {};
const front = document.getElementById("front");
const feed = JSON.parse(document.getElementById("feed").textContent);
const { defineProperties, getOwnPropertyDescriptors } = Object;

front.addEventListener("click", (event) => {
  if (event.target.closest(".save")) probe.clicks.saved++;
  if (event.target.closest("h2 a")) {
    event.preventDefault();
    probe.clicks.opened++;
  }
});

async function start() {
  await probe.painted;
  await probe.started;
  await row.before?.();
  probe.base = probe.order();
  probe.begin();
  let nearside;
  try {
    nearside = await import("/nearside.js");
  } catch {
    return; // the page goes without
  }
  row.spoil?.(nearside);
  const options = { consent: true, onOutcome: probe.tell };
  // As they are, getters and all.
  if (row.options) defineProperties(options, getOwnPropertyDescriptors(row.options(nearside) ?? {}));
  const reranker = nearside.createReranker(options);
  globalThis.reranker = reranker;
  reranker.watch(front);
  await row.ready?.(reranker, nearside);
  const given = row.feed ? row.feed(feed) : feed;
  for (let i = 0; i < (row.rankings ?? 1); i++) {
    await row.between?.(i, reranker);
    const { items, outcome } = await reranker.rank(given, row.rank ?? { budgetMs: 8000 });
    await row.change?.(front);
    probe.view(given, items, outcome, () => reranker.apply(front, items));
  }
  await row.after?.(reranker, nearside);
}

(async () => {
  try {
    await start();
  } catch (error) {
    probe.note(`the page: ${error?.stack ?? error}`);
  }
  await probe.end();
})();
