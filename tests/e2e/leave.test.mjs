// What a page's own listeners tell while it is being left in Chromium: the reading time of a story is stored, and weighs.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { launch } from "./browser.mjs";
import {
  feed,
  goTo,
  openGuarded,
  openSite,
  rank,
  readStories,
  serveSite,
  startBrowser,
  startReranker,
} from "./package.mjs";
import { saved } from "./record.mjs";

const browser = await startBrowser();
const server = await serveSite();
after(() => server.close());

const [story] = feed.items;
const policy = { minimumEvidence: 0.1 };

/** The evidence that the history holds: the weight of the personal part is `strength * n / (n + k)`. */
async function evidence(page) {
  await startReranker(page, { policy });
  const { outcome } = await rank(page, feed);
  assert.equal(outcome.reason, "ranked", outcome.message);
  const { weight } = await page.evaluate((id) => globalThis.reranker.explain(id), story.id);
  return (10 * weight) / (0.8 - weight);
}

/** Tells three seconds, a bounce, in the page's own listeners: `[target, event]` each. */
function tellAt(page, listeners) {
  return page.evaluate(
    ([story, listeners]) => {
      for (const [target, event] of listeners) {
        globalThis[target].addEventListener(event, () => globalThis.reranker.dwelled(story, 3));
      }
    },
    [story, listeners],
  );
}

/** A first page on which the story was clicked, and the story's page, ready to be left. */
async function openStory(page, { before = [], after = [] }) {
  await startReranker(page);
  await readStories(page, [story]);
  await saved(page);
  await goTo(page, server, "/?story");
  await tellAt(page, before);
  await startReranker(page);
  await tellAt(page, after);
  await page.waitForTimeout(300);
}

const listeners = {
  "pagehide, registered before the package's": { before: [["window", "pagehide"]] },
  "pagehide, registered after the package's": { after: [["window", "pagehide"]] },
  "visibilitychange on the document": { after: [["document", "visibilitychange"]] },
  "both, as the demo page does": {
    after: [
      ["document", "visibilitychange"],
      ["window", "pagehide"],
    ],
  },
};
for (const [name, order] of Object.entries(listeners)) {
  test(`a bounce told at ${name} is stored, and weighs 0.2`, async (t) => {
    const page = await openGuarded(t, browser, server);
    await openStory(page, order);
    await goTo(page, server);
    const found = await evidence(page);
    assert.ok(Math.abs(found - 0.2) < 1e-4, `${found}`);
  });
}

test("a page that is left with nothing new to tell writes once, and no connection stays open", async (t) => {
  const page = await openGuarded(t, browser, server);
  await page.evaluate(() => {
    const calls = { setItem: 0, close: 0 };
    const { setItem } = Storage.prototype;
    const count = (prototype, name) => {
      const real = prototype[name];
      prototype[name] = function (...args) {
        calls[name]++;
        setItem.call(sessionStorage, "calls", JSON.stringify(calls));
        return real.apply(this, args);
      };
    };
    // A page that is not left for half a second writes what it has seen: here it never comes to that.
    const { setTimeout } = globalThis;
    globalThis.setTimeout = (work, ms) => setTimeout(work, ms === 500 ? 1e9 : ms);
    count(Storage.prototype, "setItem");
    count(IDBDatabase.prototype, "close");
  });
  await startReranker(page);
  await page.evaluate((story) => globalThis.reranker.viewed(story), story);
  await goTo(page, server, "/?next");
  const calls = await page.evaluate(() => JSON.parse(sessionStorage.getItem("calls")));
  assert.deepEqual(calls, { setItem: 1, close: 1 });
});

test("a page restored from the back-forward cache stores what is told at its second leaving", async (t) => {
  const own = await launch({ ignoreDefaultArgs: ["--disable-back-forward-cache"] });
  t.after(() => own.close());
  const page = await openSite(own, server);
  await openStory(page, { after: [["window", "pagehide"]] });
  await page.evaluate(() => {
    globalThis.mark = "story";
  });
  await goTo(page, server);
  await page.evaluate(() => history.back());
  await page.waitForFunction(() => globalThis.mark === "story");
  await page.waitForTimeout(100);
  await page.evaluate((item) => globalThis.reranker.viewed(item), feed.items[1]);
  await goTo(page, server);
  const found = await evidence(page);
  assert.ok(Math.abs(found - 0.2) < 1e-4, `${found}`);
  assert.equal((await page.evaluate(() => globalThis.reranker.stored())).views, 1);
  await page.guard();
});
