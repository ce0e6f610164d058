// Several tabs, copies of the package and moments in a page's life, in Chromium: one history, each event once, and no error.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { args, guarded, launch } from "./browser.mjs";
import {
  feed,
  goTo,
  openGuarded,
  openSite,
  openTab,
  rank,
  read,
  readStories,
  serveSite,
  startBrowser,
  startReranker,
} from "./package.mjs";
import { saved, stored } from "./record.mjs";

const cards = feed.items
  .slice(0, 12)
  .map(({ id }) => `<li data-nearside-id="${id}"><a href="#${id}">${id}</a></li>`)
  .join("");
const short = { items: feed.items.slice(0, 12), _nearside: {} };

/** A page that tells the server what it counted and stored: once after a while, and once after the reader has seen it. */
const prerendered = `<script type="module">
  import { createReranker } from "./nearside.js";
  addEventListener("error", ({ message }) => fetch("/problem?" + encodeURIComponent(message)));
  addEventListener("unhandledrejection", ({ reason }) => fetch("/problem?" + encodeURIComponent(reason)));
  const settled = (request) => new Promise((resolve) => (request.onsuccess = () => resolve(request.result)));
  const bytes = async () => {
    const database = await settled(indexedDB.open("nearside"));
    const record = await settled(database.transaction("nearside").objectStore("nearside").get("history"));
    database.close();
    return (record?.length ?? 0) + localStorage.length;
  };
  const feed = ${JSON.stringify(short)};
  const was = document.prerendering;
  const reranker = createReranker({ consent: true });
  reranker.clicked(feed.items[0]);
  reranker.viewed(feed.items[1]);
  const { outcome } = await reranker.rank(feed, { budgetMs: 5000 });
  const tell = async () => {
    await new Promise((resolve) => setTimeout(resolve, 800));
    const { clicks, views } = reranker.stored();
    const told = { was, now: document.prerendering, reason: outcome.reason, clicks, views, bytes: await bytes() };
    await fetch("/told?" + encodeURIComponent(JSON.stringify(told)));
  };
  await tell();
  if (document.prerendering)
    await new Promise((resolve) => document.addEventListener("prerenderingchange", resolve, { once: true }));
  await tell();
</script>`;

/** A page that has it prerendered, and goes there once the server has \`/go\`. */
const speculating = `<script type="speculationrules">{"prerender":[{"source":"list","urls":["/prerendered.html"]}]}</script>
<script>
  const look = async () => {
    if ((await fetch("/go")).ok) location.href = "/prerendered.html";
    else setTimeout(look, 100);
  };
  look();
</script>`;

const browser = await startBrowser();
const server = await serveSite({
  files: { "/go": "go" },
  faults: { "/go": "404" },
  bodies: {
    "/list.html": `<ul id="list">${cards}</ul>`,
    "/prerendered.html": prerendered,
    "/speculating.html": speculating,
    "/frames.html": `<iframe src="/"></iframe>`.repeat(5),
  },
});
after(() => server.close());

const open = (t, options) => openGuarded(t, browser, server, options);
const counts = async (page) => {
  const { clicks, views, hides } = await stored(page);
  return [clicks, views, hides];
};
const until = (page, clicks) =>
  page.waitForFunction((clicks) => globalThis.reranker.stored().clicks === clicks, clicks, { timeout: 2000 });

/** Makes the page believe that it is out of sight, or in sight again. */
const hide = (page, hidden) =>
  page.evaluate((hidden) => {
    Object.defineProperty(document, "hidden", { configurable: true, value: hidden });
    document.dispatchEvent(new Event("visibilitychange", { bubbles: true }));
  }, hidden);

test("a click reaches the other tab in sight at once, and one out of sight when it is seen again", async (t) => {
  const page = await open(t);
  await startReranker(page);
  const seen = await openTab(page, server);
  await startReranker(seen);
  const unseen = await openTab(page, server);
  await startReranker(unseen);
  await hide(unseen, true);
  await readStories(page, read);
  await until(seen, 4);
  assert.equal((await rank(seen, feed)).outcome.reason, "ranked");
  assert.deepEqual(await counts(unseen), [0, 0, 0]);
  await hide(unseen, false);
  await until(unseen, 4);
  for (const tab of [seen, unseen]) await tab.guard();
});

test("an erasure reaches every tab at once, in sight or not, explanations included", async (t) => {
  const page = await open(t);
  await startReranker(page);
  await readStories(page, read);
  await page.waitForTimeout(100);
  const tabs = [await openTab(page, server), await openTab(page, server)];
  for (const tab of tabs) {
    await startReranker(tab);
    assert.equal((await rank(tab, feed)).outcome.reason, "ranked");
  }
  await hide(tabs[1], true);
  await page.evaluate(() => globalThis.reranker.erase());
  for (const tab of tabs) {
    await until(tab, 0);
    assert.equal(await tab.evaluate(() => globalThis.reranker.explain("story-1")), undefined);
    assert.equal((await rank(tab, feed)).outcome.reason, "cold");
    await tab.guard();
  }
});

test("an erasure reaches a tab whose database has failed meanwhile", async (t) => {
  const page = await open(t);
  await startReranker(page);
  await readStories(page, read);
  await page.waitForTimeout(100);
  const tab = await openTab(page, server);
  await startReranker(tab);
  assert.equal((await rank(tab, feed)).outcome.reason, "ranked");
  await tab.evaluate(() => {
    const fail = () => {
      throw new Error("no");
    };
    IDBFactory.prototype.open = fail;
    IDBDatabase.prototype.transaction = fail;
    globalThis.reranker.clicked({ id: "after" });
  });
  await tab.waitForFunction(async () => (await globalThis.reranker.rank([])).outcome.storage === "memory");
  assert.equal((await stored(tab)).clicks, read.length + 1);
  assert.equal(await page.evaluate(() => globalThis.reranker.erase()), true);
  await until(tab, 0);
  assert.equal((await rank(tab, feed)).outcome.reason, "cold");
  await tab.evaluate(() => globalThis.reranker.clicked({ id: "later" }));
  await until(tab, 1);
  await tab.guard();
});

test("an erasure without consent reaches them, too", async (t) => {
  const page = await open(t);
  await startReranker(page, { consent: false });
  const other = await openTab(page, server);
  await startReranker(other);
  await readStories(other, read);
  await page.waitForTimeout(100);
  assert.equal(await page.evaluate(() => globalThis.reranker.erase()), true);
  await until(other, 0);
  await other.guard();
});

test("what other scripts say on the same channel does no harm", async (t) => {
  const page = await open(t);
  await startReranker(page);
  await readStories(page, read);
  await page.waitForTimeout(100);
  await page.evaluate(async () => {
    const channel = new BroadcastChannel("nearside");
    for (const data of [null, undefined, "x", -1, 1n, -1n, { erased: true }, new Uint8Array(9), [[]]])
      channel.postMessage(data);
    await new Promise((resolve) => setTimeout(resolve, 200));
    channel.close();
  });
  assert.deepEqual(await counts(page), [4, 0, 0]);
});

const silent = {
  "no BroadcastChannel": () => {
    globalThis.BroadcastChannel = undefined;
  },
  "a BroadcastChannel that cannot be made": () => {
    globalThis.BroadcastChannel = class {
      constructor() {
        throw new DOMException("no", "SecurityError");
      }
    };
  },
  "a BroadcastChannel that does not post": () => {
    BroadcastChannel.prototype.postMessage = () => {
      throw new DOMException("no", "InvalidStateError");
    };
  },
};
for (const [name, init] of Object.entries(silent)) {
  test(`${name}: all is stored, and erased, all the same`, async (t) => {
    const page = await open(t, { init });
    await startReranker(page);
    await readStories(page, read);
    await page.waitForTimeout(100);
    await goTo(page, server, "/list.html");
    await startReranker(page);
    assert.equal((await stored(page)).clicks, 4);
    assert.equal(await page.evaluate(() => globalThis.reranker.erase()), true);
    await goTo(page, server);
    await startReranker(page);
    const { outcome } = await rank(page, feed);
    assert.deepEqual([outcome.reason, outcome.storage], ["cold", undefined]);
  });
}

test("fifty documents that write at the same moment lose no click, without a lock", async (t) => {
  const page = await open(t, { path: "/frames.html" });
  const pages = [page];
  for (let i = 1; i < 10; i++) pages.push(await openTab(page, server, { path: "/frames.html" }));
  const frames = pages.flatMap((one) => one.frames().slice(1));
  assert.equal(frames.length, 50);
  for (const frame of frames) {
    await frame.waitForFunction(() => globalThis.nearside);
    await startReranker(frame);
  }
  const at = Date.now() + 500;
  const storage = await Promise.all(
    frames.map((frame, i) =>
      frame.evaluate(
        async ([item, feed, at]) => {
          await new Promise((resolve) => setTimeout(resolve, at - Date.now()));
          globalThis.reranker.clicked(item);
          await new Promise((resolve) => setTimeout(resolve, 2500));
          return (await globalThis.reranker.rank(feed, { budgetMs: 5000 })).outcome.storage;
        },
        [{ ...feed.items[0], id: `from-${i}` }, short, at],
      ),
    ),
  );
  // Where 50 take long, one may give up waiting: it leaves its click where the next page finds it.
  assert.ok(storage.every((one) => one === undefined || one === "memory"));
  for (const one of pages) await goTo(one, server);
  await startReranker(page);
  assert.equal((await stored(page)).clicks, 50);
  for (const one of pages) await one.guard();
});

test("a page restored from the back-forward cache hears of clicks and erasures again", async (t) => {
  const own = await launch({ ignoreDefaultArgs: ["--disable-back-forward-cache"] });
  t.after(() => own.close());
  const page = await openSite(own, server);
  await startReranker(page);
  const other = await openTab(page, server);
  await startReranker(other);
  for (let round = 1; round <= 2; round++) {
    await page.evaluate((round) => {
      globalThis.mark = round;
      addEventListener("pageshow", ({ persisted }) => {
        globalThis.restored = persisted;
      });
    }, round);
    await goTo(page, server, "/list.html");
    await page.evaluate(() => history.back());
    await page.waitForFunction(
      (round) => globalThis.mark === round && globalThis.restored !== undefined,
      round,
    );
    assert.equal(await page.evaluate(() => globalThis.restored), true);
    await readStories(other, [feed.items[round]]);
    await until(page, round);
    await saved(page);
  }
  await other.evaluate(() => globalThis.reranker.erase());
  await until(page, 0);
  await page.guard();
  await other.guard();
});

test("a page that is gone, or whose reranker is, hears nothing", async (t) => {
  const page = await open(t);
  await page.evaluate(() => {
    globalThis.open = 0;
    const { close } = BroadcastChannel.prototype;
    BroadcastChannel.prototype.close = function () {
      if (!this.closed) globalThis.open--;
      this.closed = true;
      return close.call(this);
    };
    const Real = BroadcastChannel;
    globalThis.BroadcastChannel = class extends Real {
      constructor(name) {
        super(name);
        globalThis.open++;
      }
    };
  });
  await startReranker(page);
  await readStories(page, read);
  await page.waitForTimeout(100);
  const opened = () => page.evaluate(() => globalThis.open);
  assert.equal(await opened(), 1);
  await page.evaluate(() => dispatchEvent(new PageTransitionEvent("pagehide", { persisted: true })));
  assert.equal(await opened(), 0);
  await page.evaluate(() => dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true })));
  assert.equal(await opened(), 1);
  await page.evaluate(() => globalThis.reranker.dispose());
  assert.equal(await opened(), 0);
  await page.evaluate(() => {
    globalThis.nearside.createReranker({ consent: true, store: new globalThis.nearside.MemoryStore() });
  });
  assert.equal(await opened(), 0, "a store of the page's own has no other tabs");
});

test("a prerendered page ranks, but counts and stores nothing until the reader sees it", async (t) => {
  // Chromium prerenders no page that is driven from outside: this one is on its own, and the pages tell the server.
  const profile = await mkdtemp(path.join(tmpdir(), "nearside-prerender-"));
  const chromium = spawn(
    process.env.NEARSIDE_CHROMIUM ?? "/usr/bin/chromium",
    [
      ...args,
      "--headless",
      "--remote-debugging-port=0",
      `--user-data-dir=${profile}`,
      `${server.url}/speculating.html`,
    ],
    { stdio: "ignore" },
  );
  t.after(async () => {
    const gone = once(chromium, "exit");
    chromium.kill();
    await gone;
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  });
  const asked = (name) =>
    server.requests
      .filter(({ path }) => path === name)
      .map(({ search }) => decodeURIComponent(search.slice(1)));
  const told = async (which) => {
    for (let i = 0; i < 300 && asked("/told").length < which; i++)
      await new Promise((resolve) => setTimeout(resolve, 50));
    return JSON.parse(asked("/told")[which - 1] ?? "{}");
  };
  const common = { was: true, reason: "cold" };
  assert.deepEqual(await told(1), { ...common, now: true, clicks: 0, views: 0, bytes: 0 });
  delete server.faults["/go"];
  const { bytes, ...after } = await told(2);
  assert.deepEqual(after, { ...common, now: false, clicks: 1, views: 1 });
  assert.ok(bytes > 0);
  assert.deepEqual(asked("/problem"), []);
});

test("a tab in the background counts no view, and ranks", async (t) => {
  const page = await open(t, { path: "/list.html" });
  await startReranker(page);
  await hide(page, true);
  await page.evaluate(() => globalThis.reranker.watch(document.getElementById("list")));
  await page.waitForTimeout(1500);
  assert.deepEqual(await counts(page), [0, 0, 0]);
  assert.equal((await rank(page, short)).outcome.reason, "cold");
  await hide(page, false);
  await page.waitForFunction(() => globalThis.reranker.stored().views > 0);
});

/** Two copies of the package over one list, as two teams of a site may load it. */
async function openCopies(t, second = {}) {
  const page = await open(t, { path: "/list.html" });
  await startReranker(page);
  await readStories(page, read);
  await page.waitForTimeout(100);
  await page.evaluate(async (second) => {
    const copy = await import("/nearside.js?copy");
    globalThis.other = copy.createReranker({ consent: true, ...second });
    await globalThis.other.ready;
  }, second);
  return page;
}

test("two copies of the package count one view a story and one click", async (t) => {
  const page = await openCopies(t);
  const inSight = await page.evaluate(async () => {
    const list = document.getElementById("list");
    globalThis.reranker.watch(list);
    await new Promise((resolve) => setTimeout(resolve, 1200)); // one second of the clock would make one view of two
    globalThis.other.watch(list);
    return list.children.length;
  });
  await page.waitForTimeout(2000);
  await page.evaluate(() => {
    // Nor may it of two clicks: each look at the clock finds a later second.
    const { now } = Date;
    let looks = 0;
    Date.now = () => now() + 1000 * looks++;
  });
  await page.click("[data-nearside-id=story-3] a");
  await page.waitForFunction(() =>
    [globalThis.reranker, globalThis.other].every((one) => one.stored().clicks >= 5),
  );
  await page.waitForTimeout(300);
  for (const name of ["reranker", "other"]) {
    const { clicks, views } = await page.evaluate((name) => globalThis[name].stored(), name);
    assert.deepEqual([clicks, views], [5, inSight], name);
  }
});

test("two copies of the package order a list once", async (t) => {
  const page = await openCopies(t, {
    policy: { strength: 5, maximumDisplacement: Number.POSITIVE_INFINITY },
  });
  const result = await page.evaluate(async (feed) => {
    const list = document.createElement("ul"); // not in sight: whatever may move may
    list.style.display = "none";
    for (const { id } of feed.items) {
      const card = document.createElement("li");
      card.dataset.nearsideId = id;
      list.append(card);
    }
    document.body.append(list);
    const order = () => [...list.children].map((card) => card.dataset.nearsideId);
    const rank = async (reranker, options) =>
      (await reranker.rank(feed, { budgetMs: 5000, ...options })).items;
    const [mine, theirs] = [await rank(globalThis.reranker), await rank(globalThis.other)];
    const applied = [globalThis.reranker.apply(list, mine), globalThis.other.apply(list, theirs)];
    const shown = order();
    applied.push(globalThis.reranker.apply(list, feed.items)); // the first may change its mind
    return {
      applied,
      differ: mine.some(({ id }, i) => id !== theirs[i].id),
      first: shown.every((id, i) => id === mine[i].id),
      again: order().every((id, i) => id === feed.items[i].id),
    };
  }, feed);
  assert.equal(result.differ, true, "they would have ordered it differently");
  assert.deepEqual(
    result.applied.map(({ applied, reason }) => [applied, reason]),
    [
      [true, "applied"],
      [false, "too_late"],
      [true, "applied"],
    ],
  );
  assert.deepEqual([result.first, result.again], [true, true]);
});

/** What a browser does that evicts a site's storage, or after seven days without a visit. */
async function wipe(page) {
  const session = await page.context().newCDPSession(page);
  await session.send("Storage.clearDataForOrigin", {
    origin: server.url,
    storageTypes: "indexeddb,local_storage",
  });
  await session.detach();
}

test("storage that was wiped between two visits is a cold start", async (t) => {
  const page = await open(t);
  for (let i = 0; i < 3; i++) {
    await startReranker(page);
    assert.equal((await rank(page, feed)).outcome.reason, "cold");
    await readStories(page, read);
    await page.waitForTimeout(150);
    assert.equal((await rank(page, feed)).outcome.reason, "ranked");
    await goTo(page, server, "/list.html");
    await wipe(page);
    await goTo(page, server);
  }
});

test("storage that is wiped under an open page costs no error, and what is read then is kept", async (t) => {
  const page = await open(t);
  await startReranker(page);
  await readStories(page, read);
  await page.waitForTimeout(150);
  await wipe(page);
  assert.equal((await rank(page, feed)).outcome.reason, "ranked", "this page view knows it still");
  await readStories(page, [feed.items[0]]);
  await page.waitForTimeout(200);
  assert.equal((await rank(page, feed)).outcome.storage, undefined);
  await goTo(page, server);
  await startReranker(page);
  assert.ok((await stored(page)).clicks > 0);
});

test("a private window starts cold, and leaves nothing to the next", async (t) => {
  for (let i = 0; i < 2; i++) {
    const context = await browser.newContext(); // as private as Chromium's own
    t.after(() => context.close());
    const page = await guarded(context, await context.newPage());
    await goTo(page, server);
    await startReranker(page);
    const { outcome } = await rank(page, feed);
    assert.deepEqual([outcome.reason, outcome.storage], ["cold", undefined]);
    await readStories(page, read);
    assert.equal((await rank(page, feed)).outcome.reason, "ranked");
    await page.guard();
  }
});
