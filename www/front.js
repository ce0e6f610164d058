// The front page. The server's order is in the HTML; what follows may improve it and can never spoil it.
//
// When the order changes. A reader must see neither an empty page nor stories that jump. So:
// - style/front.css hides the page for at most 150 ms from its first frame, only where scripts run. It is CSS that ends this, so
//   a script that is late, broken or missing cannot prolong it. (`blocking="render"` on the script would wait as long as
//   the network does, and Firefox does not have it.)
// - If the order is there by then, it is applied before anything was painted, to the whole list.
// - If it is late, the reader has the server's order, and only stories below the screen move: `keep` holds the rest.
// - A page that returns from the back-forward cache is left as the reader left it.
// The candidates are in the page as JSON: a request for them would come after the script, when time is short.

import { createReranker } from "nearside";
import { FeedError, foreignFeed } from "./foreign.js";
import { List } from "./list.js";
import { Panel } from "./panel.js";
import { privacyControl, settings } from "./settings.js";
import { reasonWords } from "./words.js";

const FIRST_BUDGET_MS = 100;
const LATER_BUDGET_MS = 1000;

const element = (id) => document.getElementById(id);
const container = element("front");
const reveal = () => document.documentElement.classList.add("ready");

let reranker;
let feed;
let list;
let panel;
const log = [];

/** Policy is fixed in a reranker, so the switch makes another; history and WebAssembly are shared by all of a page. */
function startReranker() {
  const policy = settings.serverOrder ? { strength: 0 } : {};
  const previous = reranker;
  reranker = createReranker({ consent: () => settings.consent, policy });
  reranker.watch(container);
  reranker.watch(element("sections-list"));
  previous?.dispose();
}

async function rank(options) {
  const at = new Date();
  const { items, outcome } = await reranker.rank(feed, options);
  const entry = { at, outcome, shown: outcome.moved > 0 };
  log.unshift(entry);
  return { items, outcome, entry };
}

/** The ranking of a new page view. */
async function rankAtLoad() {
  const { items, outcome, entry } = await rank({ budgetMs: FIRST_BUDGET_MS });
  const { applied } = reranker.apply(container, items);
  list.mark();
  hushAgain();
  reveal();
  if (applied && outcome.reason !== "budget") return;
  entry.shown = false;
  await reranker.ready;
  const second = await rank({ budgetMs: LATER_BUDGET_MS, keep: list.seen });
  second.entry.shown = reranker.apply(container, second.items).applied && second.outcome.moved > 0;
  list.mark();
  hushAgain();
}

/** A ranking that the reader asked for by a switch: everything may move. */
async function rankNow() {
  const { items } = await rank({ budgetMs: LATER_BUDGET_MS });
  list.rearrange(items);
  list.mark();
  report();
}

/** Says the last result: to screen readers, on the button and in the panel. */
function report() {
  const [{ outcome, shown }] = log;
  const moved = shown ? outcome.moved : 0;
  const sentence =
    outcome.reason !== "ranked"
      ? reasonWords[outcome.reason]
      : moved === 0
        ? "Your front page is in the editors’ order."
        : `Your front page was reordered: ${moved === 1 ? "1 story" : `${moved} stories`} moved.`;
  element("status").textContent = sentence;
  const word = document.createElement("span");
  word.className = "word";
  word.textContent = "moved";
  element("badge").replaceChildren(...(moved > 0 ? [String(moved), word] : []));
  panel.update({ sentence, log });
}

function listen() {
  container.addEventListener("click", ({ target }) => {
    const button = target.closest("button");
    const item = button && list.itemAt(button);
    if (!item) return;
    if (button.classList.contains("why")) panel.explain(item, button);
    if (button.classList.contains("less")) less(item, button);
  });

  element("ask").addEventListener("click", ({ target }) => {
    const answer = target.closest("[data-consent]")?.dataset.consent;
    if (!answer) return;
    element("ask").hidden = true;
    settings.consent = answer === "yes";
    container.focus({ preventScroll: true });
    rankNow();
  });
  element("ask").hidden = settings.asked || privacyControl();

  element("consent").addEventListener("change", ({ target }) => {
    settings.consent = target.checked;
    element("ask").hidden = true;
    rankNow();
  });
  element("server-order").addEventListener("change", ({ target }) => {
    settings.serverOrder = target.checked;
    startReranker();
    rankNow();
  });
  element("erase").addEventListener("click", async () => {
    const everywhere = await reranker.erase();
    for (const item of feed.items) list.hush(item, false);
    await rankNow();
    panel.say(
      everywhere
        ? "Your history is erased."
        : "This page’s history is erased; the browser’s storage did not answer.",
    );
  });
}

/** Less like this, and back. The card stays where it is: the order follows at the next ranking. */
function less(item, button) {
  if (!settings.consent || privacyControl()) {
    panel.open(button);
    panel.say("To want less of something, allow this page to note it: the first switch below.");
    return;
  }
  const hushed = !list.isHushed(item);
  if (hushed) reranker.hide(item);
  else reranker.unhide(item);
  list.hush(item, hushed);
  element("status").textContent = hushed
    ? `You will see less like “${item.title}”. The same button takes it back.`
    : "Taken back.";
}

/** After a ranking: marks the stories that the reader wanted less of, and for that are like themselves. */
function hushAgain() {
  for (const item of feed.items) list.hush(item, reranker.explain(item.id)?.features.cosine_hidden > 0.999);
}

/** The first ranking of another feed: its stories are not on the page yet, so they come in their order. */
async function rankForeign() {
  const { items } = await rank({ budgetMs: LATER_BUDGET_MS });
  list.place(items);
  list.mark();
  hushAgain();
  container.hidden = false;
}

async function start() {
  const address = new URLSearchParams(location.search).get("feed");
  try {
    feed = address === null ? JSON.parse(element("feed").textContent) : await foreignFeed(address, container);
  } catch (error) {
    const back = document.createElement("a");
    back.href = location.pathname;
    back.textContent = `Back to ${element("name").textContent}`;
    const what = error instanceof FeedError ? error.message : "Something in it could not be read.";
    element("trouble").replaceChildren(`This feed cannot be shown. ${what} `, back);
    element("trouble").hidden = false;
    return;
  }
  list = new List(container, feed.items);
  panel = new Panel({ list, explain: (id) => reranker.explain(id), stored: () => reranker.stored() });
  startReranker();
  listen();
  await (address === null ? rankAtLoad() : rankForeign());
  report();
}

start().finally(reveal);
