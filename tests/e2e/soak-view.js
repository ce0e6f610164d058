// One page view of the soak: looks whether every click before it is there, reads on, and goes to the next by itself. The tab's
// sessionStorage has the account of it all. Chromium loads this file.

import { createReranker } from "./nearside.js";

/** Clicks after which the history is erased: below the 50 that it keeps, so that one lost would be missed. */
const most = 45;
const feed = await (await fetch("/feed.json")).json();
const story = ({ items }, i) => items[i % items.length];

const account = () => JSON.parse(sessionStorage.getItem("soak"));
const change = (how) => {
  const now = account();
  how(now);
  sessionStorage.setItem("soak", JSON.stringify(now));
  return now;
};
const note = (problem) =>
  change((all) => all.problems.length < 20 && all.problems.push(`view ${all.views}: ${problem}`));
addEventListener("error", ({ message }) => note(message));
addEventListener("unhandledrejection", ({ reason }) => note(String(reason)));

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const reranker = createReranker({ consent: true });

/** What every kind of view begins with: the clicks so far are there, and a list is ranked. */
async function look(kind) {
  const { clicks, views } = change((all) => {
    all.views++;
    all.kinds[kind] = (all.kinds[kind] ?? 0) + 1;
  });
  await reranker.ready;
  // A page that was restored learns of the others' clicks in a moment.
  for (let i = 0; i < 200 && reranker.stored()?.clicks !== clicks; i++) await pause(5);
  const stored = reranker.stored() ?? { clicks: 0, bytes: 0 };
  if (stored.clicks !== clicks) note(`${stored.clicks} clicks of ${clicks} after ${kind}`);
  if (stored.bytes > 12 * 1024) note(`a record of ${stored.bytes} bytes`);
  change((all) => {
    all.clicks = stored.clicks; // what is lost counts once
    all.bytes = Math.max(all.bytes, stored.bytes);
  });
  const { outcome } = await reranker.rank(feed, { budgetMs: 5000 });
  if (outcome.reason !== (clicks < 2 ? "cold" : "ranked") || outcome.storage) note(JSON.stringify(outcome));
  return views;
}

/** What the reader does last: whatever follows in the same task is all the time there is to store it. */
function read(view) {
  for (let i = 0; i < 8; i++) reranker.viewed({ ...story(feed, view + i), id: `${view}-${i}` });
  reranker.hide({ ...story(feed, view), id: `hidden-${view}` });
  reranker.clicked({ ...story(feed, view), id: `read-${view}` });
  change((all) => all.clicks++);
}

function hide(hidden) {
  Object.defineProperty(document, "hidden", { configurable: true, value: hidden });
  document.dispatchEvent(new Event("visibilitychange", { bubbles: true }));
}

/** A tab of its own that is closed as soon as its reader has clicked. */
async function openAndClose() {
  const tab = open("/view.html?closed");
  if (!tab) return note("no tab was opened");
  while (!tab.closed) await pause(5);
}

async function begin() {
  if (account().clicks >= most) {
    if (!(await reranker.erase())) note("not erased");
    change((all) => {
      all.clicks = 0;
      all.erasures++;
    });
  }
}

/** Waits where the soak wants to measure; answers whether there is more to do. */
async function rest() {
  const { views, stops } = account();
  if (views < stops[0]) return true;
  change((all) => all.stops.shift());
  await fetch("/rest");
  await new Promise((resolve) => {
    globalThis.resume = resolve;
  });
  return stops.length > 1;
}

/** Leaves: every second time in the same task as the click, else with time to write. A page that writes as it is left is not kept. */
async function leave(view, next) {
  if (view % 2) await pause(60);
  next();
}

/** Has the page go on whenever it is restored. */
function onReturn(next) {
  addEventListener("pageshow", async ({ persisted }) => {
    hide(false);
    await begin();
    const view = await look(persisted ? "restored" : "shown again");
    read(view);
    leave(view, next);
  });
}

/**
 * A round: a view like any other, one in a tab that is closed, one that is hidden before its reader leaves; and back and forth between
 * the first and the last, which are restored where the browser has kept them.
 */
async function round() {
  if (!(await rest())) return;
  await begin();
  read(await look("new"));
  await openAndClose();
  let left = 4;
  onReturn(() => {
    if (--left > 0) history.forward();
    else location.href = "/view.html";
  });
  location.href = "/view.html?hidden";
}

if (document.readyState !== "complete") await new Promise((resolve) => addEventListener("load", resolve));
await pause(0); // the first `pageshow` is over
if (location.search === "?closed") {
  // The account is the opener's: a new tab has a copy.
  Object.defineProperty(globalThis, "sessionStorage", { value: opener.sessionStorage });
  read(await look("closed"));
  close();
} else if (location.search === "?hidden") {
  onReturn(() => history.back());
  const view = await look("hidden");
  hide(true);
  read(view);
  leave(view, () => history.back());
} else if (account()) round();
