// A story's page: how long the reader stays is noted, in this browser only. The click was noted by the page it came from.

import { createReranker } from "nearside";
import { settings } from "./settings.js";

const { items } = JSON.parse(document.getElementById("feed").textContent);
const [story] = items;
const reranker = createReranker({ consent: () => settings.consent });

// Only time in view counts. The sum so far is told whenever the page is hidden, which is the last thing sure to happen.
let seconds = 0;
let since = document.visibilityState === "visible" ? performance.now() : undefined;

function tell() {
  if (since === undefined) return;
  seconds += (performance.now() - since) / 1000;
  since = undefined;
  reranker.dwelled(story, seconds);
}

function resume() {
  if (document.visibilityState === "visible") since ??= performance.now();
}

document.addEventListener("visibilitychange", () =>
  document.visibilityState === "visible" ? resume() : tell(),
);
addEventListener("pagehide", tell);
addEventListener("pageshow", resume);

// Links to further stories are not a ranked list, so the page says itself what was opened.
document.getElementById("related").addEventListener("click", ({ target }) => {
  const id = target.closest("a")?.closest("[data-nearside-id]")?.dataset.nearsideId;
  const item = items.find((other) => other.id === id);
  if (item) reranker.clicked(item);
});
