// The package in WebKitGTK, Safari's engine: the history across pages and tabs, consent, `apply` and `watch`.
// Pages of one site share what is stored, as those of a reader do, so each test has a site of its own.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { platformScript, tcfStub } from "../sdk/platform.mjs";
import { feed, goTo, rank, read, readStories, serveSite, startReranker } from "./package.mjs";
import { record, saved, stored, written } from "./record.mjs";
import { launchWebkit } from "./webkit.mjs";

let browser;
before(async () => {
  browser = await launchWebkit();
});
after(() => browser?.close());

/** The site's script; it notes what page script prints or throws from its first line on. */
const start = `globalThis.problems = [];
  for (const name of ["debug", "log", "info", "warn", "error"])
    console[name] = (...values) => void globalThis.problems.push(name + ": " + values[0]);
  addEventListener("error", ({ message }) => globalThis.problems.push(message));
  addEventListener("unhandledrejection", ({ reason }) => globalThis.problems.push(String(reason)));
  globalThis.nearside = await import("./nearside.js");`;

const card = ({ id, title, url }) =>
  `<article data-nearside-id="${id}" style="height: 90px"><a href="#${url}">${title}</a><button>Save</button></article>`;
const front = `<style>body { margin: 0 }</style><main>${feed.items.map(card).join("")}</main>`;

/** A site, and a page on it whose scripts must have printed and thrown nothing when the test ends. */
async function open(t, { path = "/", ...options } = {}) {
  const server = await serveSite({ ...options, files: { "/start.js": start, ...options.files } });
  t.after(() => server.close());
  const openTab = async (at = path) => {
    const page = await browser.newPage();
    t.after(async () => {
      try {
        assert.deepEqual(await page.evaluate(() => globalThis.problems), []);
      } finally {
        await page.close();
      }
    });
    await goTo(page, server, at);
    return page;
  };
  return { server, page: await openTab(), openTab };
}

const counts = async (page) => {
  const { clicks, views, hides } = await stored(page);
  return [clicks, views, hides];
};
const until = (page, clicks) =>
  page.waitForFunction((clicks) => globalThis.reranker.stored().clicks === clicks, clicks, { timeout: 5000 });

test("storage: the next page ranks by what this one recorded, from one record of at most 12 KB", async (t) => {
  const { server, page } = await open(t);
  await startReranker(page);
  assert.equal((await rank(page, feed)).outcome.reason, "cold");
  await readStories(page, read);
  assert.equal((await written(page)).length, (await stored(page)).bytes);
  await saved(page);
  await goTo(page, server, "/?next");
  await startReranker(page);
  const { ids, outcome } = await rank(page, feed);
  assert.equal(outcome.reason, "ranked", outcome.message);
  assert.equal(outcome.storage, undefined);
  assert.ok(outcome.moved > 0 && ids.join() !== feed.items.map(({ id }) => id).join());
  const { bytes, clicks } = await stored(page);
  assert.equal(clicks, read.length);
  assert.ok(bytes <= 12 * 1024);
});

test("storage: what is told just before the page is left is there for the next one", async (t) => {
  const { server, page } = await open(t);
  for (let i = 0; i < 4; i++) {
    await startReranker(page);
    // No write of the database ends before the page does: what `pagehide` leaves beside it must do.
    await page.evaluate(
      ([story, to]) => {
        const { transaction } = IDBDatabase.prototype;
        IDBDatabase.prototype.transaction = function (names, mode, ...rest) {
          const made = transaction.call(this, names, mode, ...rest);
          addEventListener("pagehide", () => mode === "readwrite" && made.abort());
          return made;
        };
        globalThis.reranker.clicked(story);
        location.href = to;
      },
      [feed.items[i], `${server.url}/?${i}`],
    );
    await page.waitForFunction((i) => globalThis.nearside && location.search === `?${i}`, i);
    await startReranker(page);
    await until(page, i + 1);
    await saved(page);
  }
});

test("storage: a page restored from the back-forward cache goes on, and stores what is told after it", async (t) => {
  const { server, page } = await open(t);
  await startReranker(page);
  await readStories(page, read.slice(0, 1));
  await saved(page);
  await page.evaluate(() => {
    addEventListener("pageshow", ({ persisted }) => {
      globalThis.restored = persisted;
    });
  });
  await goTo(page, server, "/?story");
  await page.evaluate(() => history.back());
  await page.waitForFunction(() => globalThis.restored === true);
  await readStories(page, read.slice(1, 3));
  await goTo(page, server, "/?later");
  await startReranker(page);
  await until(page, 3);
});

test("storage: two tabs share events, and an erasure, explanations included", async (t) => {
  const { page, openTab } = await open(t);
  await startReranker(page);
  const other = await openTab();
  await startReranker(other);
  await readStories(page, read);
  await until(other, read.length);
  assert.equal((await rank(other, feed)).outcome.reason, "ranked");
  await page.evaluate(() => globalThis.reranker.erase());
  await until(other, 0);
  assert.equal(await other.evaluate(() => globalThis.reranker.explain("story-1") ?? null), null);
  assert.equal((await rank(other, feed)).outcome.reason, "cold");
  assert.deepEqual(await record(page), await record(other));
  assert.equal((await record(page)).length, (await stored(page)).bytes, "no event is left on the disk");
});

test("storage: without IndexedDB a page ranks from memory, and says so", async (t) => {
  const { page } = await open(t);
  await page.evaluate(() => {
    IDBFactory.prototype.open = () => {
      throw new DOMException("refused", "SecurityError");
    };
  });
  await startReranker(page);
  await readStories(page, read);
  const { outcome } = await rank(page, feed);
  assert.deepEqual([outcome.reason, outcome.storage], ["ranked", "memory"]);
});

test("consent: nothing before a yes, everything erased after a no, in each tab", async (t) => {
  const { server, page, openTab } = await open(t, {
    path: "/tcf.html",
    files: { "/tcf-stub.js": await tcfStub(), "/platforms.js": await platformScript() },
    bodies: {
      "/tcf.html": `<script src="/tcf-stub.js"></script><script src="/platforms.js" async></script>`,
    },
  });
  const decide = (purposes) =>
    page.evaluate((purposes) => {
      globalThis.tcf ??= globalThis.platforms.tcf();
      globalThis.tcf.tell(purposes);
    }, purposes);
  await page.evaluate(() => {
    globalThis.outcomes = [];
    const onOutcome = (outcome) => globalThis.outcomes.push(outcome);
    globalThis.reranker = globalThis.nearside.createReranker({ consent: "auto", onOutcome });
  });
  await readStories(page, read);
  assert.equal((await rank(page, feed)).outcome.reason, "no_consent");
  assert.deepEqual(server.asked(), []);
  const kept = async () => [
    (await indexedDB.databases()).map(({ name }) => name),
    Object.keys(localStorage).filter((name) => name.startsWith("nearside")),
  ];
  assert.deepEqual(await page.evaluate(kept), [[], []]);
  await page.waitForFunction(() => globalThis.platforms);
  await decide([1, 5, 6]);
  await page.waitForFunction(() => globalThis.reranker.stored() !== undefined);
  await readStories(page, read);
  assert.equal((await rank(page, feed)).outcome.reason, "ranked");
  await saved(page);
  const other = await openTab("/");
  await startReranker(other);
  assert.deepEqual(await counts(other), [read.length, 0, 0]);
  await decide([1]);
  assert.equal((await rank(page, feed)).outcome.reason, "no_consent");
  await until(other, 0);
  assert.equal((await rank(other, feed)).outcome.reason, "cold");
});

const openFront = async (t) => {
  const opened = await open(t, { path: "/front.html", bodies: { "/front.html": front } });
  await startReranker(opened.page);
  await opened.page.waitForFunction(() => performance.getEntriesByName("first-contentful-paint").length > 0);
  return opened;
};
/** Where the stories in the window stand, and the page's order. */
const shown = (page) =>
  page.$eval("main", (main) => {
    const children = [...main.children];
    return {
      order: children.map((child) => child.dataset.nearsideId),
      places: children
        .filter((child) => child.getBoundingClientRect().top < innerHeight)
        .map((child) => `${child.dataset.nearsideId} ${child.getBoundingClientRect().top}`),
    };
  });

test("apply: what is painted holds its place, what is below follows the ranking", async (t) => {
  const { page } = await openFront(t);
  await readStories(page, read);
  const before = await shown(page);
  assert.ok(before.places.length >= 8 && before.places.length < 20);
  const done = await page.evaluate(async (feed) => {
    const { items } = await globalThis.reranker.rank(feed, { budgetMs: 5000 });
    return {
      ids: items.map(({ id }) => id),
      ...globalThis.reranker.apply(document.querySelector("main"), items),
    };
  }, feed);
  assert.deepEqual([done.applied, done.reason], [true, "applied"]);
  const after = await shown(page);
  assert.deepEqual(after.places, before.places);
  assert.notDeepEqual(after.order, before.order);
  const held = new Set(before.order.slice(0, before.places.length));
  const pinned = new Set(feed.items.filter(({ _nearside }) => _nearside.pinned).map(({ id }) => id));
  const free = (ids) => ids.filter((id) => !held.has(id) && !pinned.has(id));
  assert.deepEqual(free(after.order), free(done.ids));
  for (const [slot, id] of before.order.entries()) if (pinned.has(id)) assert.equal(after.order[slot], id);
});

test("apply: scrolled down, nothing on the screen or above it moves", async (t) => {
  const { page } = await openFront(t);
  await page.evaluate(() => scrollTo(0, 1800));
  const before = await shown(page);
  const done = await page.evaluate((feed) => {
    const reversed = [...feed.items].reverse();
    const { applied, reason } = globalThis.reranker.apply(document.querySelector("main"), reversed);
    return [applied, reason, scrollY];
  }, feed);
  assert.deepEqual(done, [true, "applied", 1800]);
  const after = await shown(page);
  assert.deepEqual(after.places, before.places);
  assert.notDeepEqual(after.order, before.order);
});

test("watch: a second on the screen is a view, a link's real click is a click, a button's is not", async (t) => {
  const { page } = await openFront(t);
  await page.evaluate(() => void globalThis.reranker.watch(document.querySelector("main")));
  await page.waitForTimeout(500);
  assert.deepEqual(await counts(page), [0, 0, 0]);
  await page.waitForFunction(() => globalThis.reranker.stored().views > 0, undefined, { timeout: 5000 });
  assert.deepEqual(await counts(page), [0, 8, 0]); // of 720 pixels, 90 each
  await page.click("[data-nearside-id=story-2] button");
  await page.click("[data-nearside-id=story-3] a");
  await until(page, 1);
});
