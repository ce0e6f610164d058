// `apply` and `watch` on real layouts in Chromium.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { openGuarded, serveSite, startBrowser } from "./package.mjs";

const card = (i, inner = "") =>
  `<article data-nearside-id="s${i}" style="height: ${80 + ((i * i * 7) % 90)}px"><a href="#s${i}">Story ${i}</a>${inner}</article>`;
const cards = (count, inner = {}) => Array.from({ length: count }, (_, i) => card(i, inner[i])).join("\n");
const ad = `<aside style="height: 90px">Advertisement</aside>`;
const page20 = `<style>article { outline: 1px solid } video { height: 40px }</style><h1 style="height: 60px; margin: 0">News</h1>`;

const bodies = {
  "/plain.html": `${page20}<main>${cards(20)}</main><footer>End</footer>`,
  "/short.html": `<main>${cards(4)}</main>`,
  "/ads.html": `${page20}<main>${ad}${card(0)}${card(1)}${ad}${card(2)}${card(3)}${card(4)}${ad}</main>`,
  "/delicate.html": `${page20}<main>${cards(6, {
    1: `<iframe src="/frame.html" width="50" height="50"></iframe>`,
    3: `<video muted></video>`,
    4: `<button>Save</button>`,
  })}</main>`,
  "/frame.html": "<p>Frame</p>",
  "/columns.html": `${page20}<main style="columns: 2; column-fill: balance">${cards(40)}</main>`,
  "/grid.html": `${page20}<main style="display: grid; grid-template-columns: 1fr 1fr 1fr; gap: 8px">${cards(30)}</main>`,
  "/hidden.html": `${page20}<main style="visibility: hidden">${cards(6)}</main><section hidden>${cards(6).replaceAll('"s', '"h')}</section>`,
  "/links.html": `<main>
    <article data-nearside-id="inside"><h2><a href="#1">Title</a></h2><p>Text</p><button>Hide</button></article>
    <a href="#2" data-nearside-id="itself">Title</a>
    <a href="#3"><article data-nearside-id="within"><b>Title</b></article></a>
    <article data-nearside-id="scripted"><span role="link" tabindex="0">Title</span></article>
  </main>`,
};

const browser = await startBrowser();
const server = await serveSite({ bodies });
after(() => server.close());

/** Runs before the page's scripts. */
function instrument() {
  globalThis.shifts = 0;
  new PerformanceObserver((list) => {
    for (const { value } of list.getEntries()) globalThis.shifts += value;
  }).observe({ type: "layout-shift", buffered: true });
}

/** As if nothing had been painted yet: an entry and a frame of it are what the package can know. */
function unpainted() {
  performance.getEntriesByName = () => [];
  globalThis.requestAnimationFrame = () => 0;
}

async function open(t, path, { init, ...options } = {}) {
  const inits = `(${instrument})();${init ? `(${init})();` : ""}`;
  const contextOptions = { viewport: { width: 900, height: 600 }, ...options };
  const page = await openGuarded(t, browser, server, { path, init: inits, contextOptions });
  await page.evaluate(() => {
    globalThis.reranker = globalThis.nearside.createReranker({
      consent: true,
      store: new globalThis.nearside.MemoryStore(),
    });
  });
  if (!init)
    await page.waitForFunction(() => performance.getEntriesByName("first-contentful-paint").length > 0);
  return page;
}

/** Ids of the container's children, `ad` for an unmarked one. */
const shown = (page, selector = "main") =>
  page.$eval(selector, (main) => [...main.children].map((child) => child.dataset.nearsideId ?? "ad"));

/** Applies an order of ids. */
const apply = (page, ids, selector = "main") =>
  page.$eval(
    selector,
    (main, ids) =>
      globalThis.reranker.apply(
        main,
        ids.map((id) => ({ id })),
      ),
    ids,
  );

/** The layout shifts so far, once the browser has painted. */
const shifts = (page) =>
  page.evaluate(
    () =>
      new Promise((resolve) => {
        requestAnimationFrame(() => setTimeout(() => resolve(globalThis.shifts), 100));
      }),
  );

const ids = (count) => Array.from({ length: count }, (_, i) => `s${i}`);
const reversed = (count) => ids(count).reverse();
const done = { applied: true, reason: "applied" };

test("before anything is painted, every story moves; advertisements keep their index", async (t) => {
  const page = await open(t, "/ads.html", { init: unpainted });
  assert.deepEqual(await apply(page, ["s4", "s2", "s0", "s1", "s3"]), done);
  assert.deepEqual(await shown(page), ["ad", "s4", "s2", "ad", "s0", "s1", "s3", "ad"]);
  assert.deepEqual(await apply(page, ids(5)), done);
  assert.deepEqual(await shown(page), ["ad", "s0", "s1", "ad", "s2", "s3", "s4", "ad"]);
});

test("a list that is not the container's is stale, and nothing moves", async (t) => {
  const page = await open(t, "/short.html", { init: unpainted });
  const lists = [
    [],
    ids(3),
    ids(5),
    ["s3", "s2", "s1", "s1"],
    ["s3", "s2", "s1", "x"],
    ["s3", "s2", "s1", undefined],
  ];
  for (const list of lists) {
    assert.deepEqual(await apply(page, list), { applied: false, reason: "stale_list" });
    assert.deepEqual(await shown(page), ids(4));
  }
  await page.$eval("main", (main) => main.append(main.firstElementChild.cloneNode(true)));
  assert.deepEqual(await apply(page, ids(4)), { applied: false, reason: "stale_list" });
  const odd = await page.$eval("main", (main) => {
    const { apply } = globalThis.reranker;
    return [apply(null, []), apply(main, null), apply({}, [])].map(({ reason }) => reason);
  });
  assert.deepEqual(odd, ["stale_list", "stale_list", "stale_list"]);
});

test("an order that is there already is applied without touching anything", async (t) => {
  const page = await open(t, "/plain.html");
  await page.evaluate(() => {
    globalThis.mutations = 0;
    new MutationObserver((records) => (globalThis.mutations += records.length)).observe(
      document.querySelector("main"),
      {
        childList: true,
      },
    );
  });
  assert.deepEqual(await apply(page, ids(20)), done);
  assert.equal(await page.evaluate(() => Promise.resolve().then(() => globalThis.mutations)), 0);
});

test("one story that moves is one re-insertion", async (t) => {
  const page = await open(t, "/plain.html", { init: unpainted });
  await page.evaluate(() => {
    globalThis.mutations = 0;
    new MutationObserver((records) => {
      for (const { addedNodes } of records) globalThis.mutations += addedNodes.length;
    }).observe(document.querySelector("main"), { childList: true });
  });
  const order = ["s15", ...ids(20).filter((id) => id !== "s15")];
  assert.deepEqual(await apply(page, order), done);
  assert.deepEqual(await shown(page), order);
  assert.equal(await page.evaluate(() => Promise.resolve().then(() => globalThis.mutations)), 1);
});

test("focus, iframes and videos stay where they are, and do not start over", async (t) => {
  const page = await open(t, "/delicate.html", { init: unpainted });
  await page.focus("button");
  await page.evaluate(() => {
    globalThis.loads = 0;
    globalThis.blurs = 0;
    document.querySelector("iframe").addEventListener("load", () => globalThis.loads++);
    document.querySelector("button").addEventListener("blur", () => globalThis.blurs++);
  });
  assert.deepEqual(await apply(page, reversed(6)), done);
  assert.deepEqual(await shown(page), ["s5", "s1", "s2", "s3", "s4", "s0"]);
  await page.waitForTimeout(200);
  assert.deepEqual(await page.evaluate(() => [globalThis.loads, globalThis.blurs]), [0, 0]);
  assert.equal(await page.evaluate(() => document.activeElement.tagName), "BUTTON");
});

test("once content is painted, only stories below the viewport move, and nothing shifts", async (t) => {
  for (const path of ["/plain.html", "/grid.html"]) {
    const page = await open(t, path);
    const before = await shown(page);
    const fixed = await page.$eval("main", (main) =>
      [...main.children]
        .filter((child) => child.getBoundingClientRect().top < innerHeight)
        .map((child) => child.dataset.nearsideId),
    );
    assert.ok(fixed.length > 2 && fixed.length < before.length - 4);
    assert.deepEqual(await apply(page, [...before].reverse()), done);
    const after = await shown(page);
    assert.deepEqual(after.slice(0, fixed.length), fixed);
    assert.deepEqual(after.slice(fixed.length), before.slice(fixed.length).reverse());
    assert.equal(await shifts(page), 0, path);
  }
});

test("pinned stories below the viewport keep their slots while the others slide", async (t) => {
  const page = await open(t, "/plain.html");
  const before = await shown(page);
  const order = [...before].reverse();
  const hold = { [before.length - 3]: { pinned: true }, [before.length - 2]: { personalize: false } };
  // What ranking gives: all others reversed around the two.
  const others = order.filter((id) => !Object.keys(hold).some((slot) => before[slot] === id));
  const wanted = before.map((id, slot) => (slot in hold ? id : others.shift()));
  const items = wanted.map((id, slot) => ({ id, _nearside: hold[slot] }));
  assert.deepEqual(
    await page.$eval("main", (main, items) => globalThis.reranker.apply(main, items), items),
    done,
  );
  const after = await shown(page);
  assert.notDeepEqual(after, before);
  for (const slot of Object.keys(hold)) assert.equal(after[slot], before[slot], "the pin holds");
});

test("kept and faulty stories below the viewport keep their slots while the others slide", async (t) => {
  const page = await open(t, "/plain.html");
  const before = await shown(page);
  const [kept, faulty] = [before.length - 3, before.length - 2];
  const result = await page.evaluate(
    async ([ids, kept, faulty]) => {
      const list = ids.map((id, i) => ({ id, _nearside: i === faulty ? { vector: "!" } : { score: i } }));
      const { rank, apply } = globalThis.reranker;
      const { items, outcome } = await rank(list, { budgetMs: 5000, keep: [ids[kept]] });
      // What a history would have made of it: the others the other way round.
      const others = items.filter((_, i) => i !== kept && i !== faulty).reverse();
      const wanted = items.map((item, i) => (i === kept || i === faulty ? item : others.shift()));
      return { skipped: outcome.skipped, applied: apply(document.querySelector("main"), wanted) };
    },
    [before, kept, faulty],
  );
  assert.deepEqual(result, { skipped: 1, applied: done });
  const after = await shown(page);
  assert.notDeepEqual(after, before);
  for (const slot of [kept, faulty]) assert.equal(after[slot], before[slot], "it holds");
});

const spoilers = {
  "a container that takes three moves and then no more": () => {
    let left = 3;
    const { moveBefore } = Element.prototype;
    Element.prototype.moveBefore = function (...args) {
      if (left-- <= 0) throw new Error("the page's own");
      return moveBefore.apply(this, args);
    };
  },
  "a story that takes the next one out when it is moved": (main) => {
    class Restless extends HTMLElement {
      connectedMoveCallback() {
        if (main.armed) this.nextElementSibling?.remove();
        main.armed = false;
      }
    }
    customElements.define("restless-story", Restless);
    const story = document.createElement("restless-story");
    story.dataset.nearsideId = "s2";
    main.children[2].replaceWith(story);
    main.armed = true;
  },
};
for (const [name, spoil] of Object.entries(spoilers)) {
  test(`${name}: all children are put back`, async (t) => {
    const page = await open(t, "/delicate.html", { init: unpainted });
    await page.$eval("main", spoil);
    await page.evaluate(() => {
      globalThis.loads = 0;
      document.querySelector("iframe").addEventListener("load", () => globalThis.loads++);
    });
    const order = ["s4", "s1", "s5", "s3", "s2", "s0"];
    assert.deepEqual(await apply(page, order), { applied: false, reason: "stale_list" });
    assert.deepEqual(await shown(page), ids(6));
    await page.waitForTimeout(100);
    assert.equal(await page.evaluate(() => globalThis.loads), 0);
  });
}

test("a reader who has scrolled keeps what they see", async (t) => {
  const page = await open(t, "/plain.html");
  await page.evaluate(() => scrollTo(0, 700));
  await page.waitForTimeout(600); // beyond the time in which shifts are taken for the reader's own doing
  const places = () =>
    page.$eval("main", (main) => [
      scrollY,
      ...[...main.children]
        .map((child) => [child.dataset.nearsideId, child.getBoundingClientRect().top])
        .filter(([, top]) => top < innerHeight),
    ]);
  const before = await places();
  assert.deepEqual(await apply(page, reversed(20)), done);
  assert.deepEqual(await places(), before);
  assert.equal((await shown(page))[0], "s0");
  assert.equal((await shown(page)).at(-1) === "s19", false);
  assert.equal(await shifts(page), 0);
});

test("with nothing below the viewport it is too late", async (t) => {
  const page = await open(t, "/short.html");
  assert.deepEqual(await apply(page, reversed(4)), { applied: false, reason: "too_late" });
  assert.deepEqual(await shown(page), ids(4));
});

test("a frame since the start counts as painted, before the browser reports its first paint", async (t) => {
  const late = () => {
    performance.getEntriesByName = () => [];
  };
  const page = await open(t, "/short.html", { init: late });
  await page.evaluate(
    () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))),
  );
  assert.deepEqual(await apply(page, reversed(4)), { applied: false, reason: "too_late" });
});

test("a layout in which the move would show is put back, before it can be painted", async (t) => {
  const page = await open(t, "/columns.html");
  const before = await shown(page);
  assert.deepEqual(await apply(page, [...before].reverse()), { applied: false, reason: "too_late" });
  assert.deepEqual(await shown(page), before);
  assert.equal(await shifts(page), 0);
});

test("hidden lists may move at any time", async (t) => {
  const page = await open(t, "/hidden.html");
  assert.deepEqual(await apply(page, reversed(6)), done);
  assert.deepEqual(await shown(page), reversed(6));
  const hidden = Array.from({ length: 6 }, (_, i) => `h${5 - i}`);
  assert.deepEqual(await apply(page, hidden, "section"), done);
  assert.deepEqual(await shown(page, "section"), hidden);
  assert.equal(await shifts(page), 0);
});

/** Notes what `watch` reports, by the history that comes of it. */
const counts = (page) =>
  page.evaluate(() => {
    const { clicks, views } = globalThis.reranker.stored();
    return { clicks, views };
  });

async function openWatched(t, path, options) {
  const page = await open(t, path, options);
  await page.evaluate(async () => {
    globalThis.reranker.watch(document.querySelector("main"));
    globalThis.reranker.watch(document.querySelector("main"));
    await globalThis.reranker.ready;
  });
  return page;
}

test("clicks that open a story are recorded, others are not", async (t) => {
  const page = await openWatched(t, "/links.html");
  const step = async (selector, expected, options) => {
    await page.click(selector, options);
    await page.waitForTimeout(1010); // a history knows a story once a second
    assert.equal((await counts(page)).clicks, expected, selector);
  };
  await step("[data-nearside-id=inside] a", 1);
  await step("[data-nearside-id=inside] p", 1);
  await step("[data-nearside-id=inside] button", 1);
  await step("[data-nearside-id=itself]", 2);
  await step("[data-nearside-id=within] b", 3);
  await step("[role=link]", 4);
  await step("[data-nearside-id=inside] a", 5, { button: "middle" });
  await step("[data-nearside-id=inside] a", 5, { button: "right" });
  await page.focus("[data-nearside-id=inside] a");
  await page.keyboard.press("Enter");
  await page.waitForTimeout(50);
  assert.equal((await counts(page)).clicks, 6);
  await page.evaluate(() => globalThis.reranker.dispose());
  await page.evaluate(() => {
    globalThis.reranker = globalThis.nearside.createReranker({
      consent: true,
      store: new globalThis.nearside.MemoryStore(),
    });
    return globalThis.reranker.ready;
  });
  await page.click("[data-nearside-id=itself]");
  assert.equal((await counts(page)).clicks, 0);
});

test("a click knows the story's topic and vector from the last ranking", async (t) => {
  const page = await openWatched(t, "/links.html");
  const features = await page.evaluate(async () => {
    const { rank } = globalThis.reranker;
    const list = ["inside", "itself", "within", "scripted"].map((id) => ({
      id,
      _nearside: { topic: id === "within" ? "b" : "a" },
    }));
    await rank(list, { budgetMs: 5000 });
    document.querySelector("[data-nearside-id=inside] a").click();
    document.querySelector("[data-nearside-id=itself]").click();
    await rank(list, { budgetMs: 5000 });
    return [globalThis.reranker.explain("scripted"), globalThis.reranker.explain("within")].map(
      (one) => one.features.topic_share,
    );
  });
  assert.deepEqual(features, [1, 0]);
});

/** Waits until so many stories count as seen, and no more. */
async function seen(page, views) {
  await page.waitForFunction((views) => globalThis.reranker.stored().views >= views, views);
  await page.waitForTimeout(200);
  assert.equal((await counts(page)).views, views);
}

test("a story is seen once it was half visible for a second, once a page view", async (t) => {
  const page = await open(t, "/plain.html");
  const visible = await page.$eval(
    "main",
    (main) =>
      [...main.children].filter((child) => {
        const { top, height } = child.getBoundingClientRect();
        return top + height / 2 <= innerHeight;
      }).length,
  );
  // The page's own timers: of two, the earlier comes first, however slow the machine is.
  const early = await page.evaluate(async () => {
    await globalThis.reranker.ready;
    globalThis.reranker.watch(document.querySelector("main"));
    await new Promise((resolve) => setTimeout(resolve, 600));
    return globalThis.reranker.stored().views;
  });
  assert.equal(early, 0);
  await seen(page, visible);
  await page.evaluate(async () => {
    scrollTo(0, 10_000);
    await new Promise((resolve) => setTimeout(resolve, 300));
    scrollTo(0, 0); // too short a look at the end of the page
  });
  await page.waitForTimeout(1400);
  assert.equal((await counts(page)).views, visible);
});

test("nothing is seen while the page is hidden", async (t) => {
  const page = await open(t, "/short.html");
  const counted = await page.evaluate(async () => {
    const { reranker } = globalThis;
    const setHidden = (hidden) => {
      Object.defineProperty(document, "hidden", { configurable: true, value: hidden });
      document.dispatchEvent(new Event("visibilitychange"));
    };
    const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
    await reranker.ready;
    reranker.watch(document.querySelector("main"));
    await pause(300);
    setHidden(true);
    await pause(1300);
    const whileHidden = reranker.stored().views;
    setHidden(false);
    await pause(600);
    setHidden(true);
    setHidden(false); // the second begins anew
    await pause(600);
    return [whileHidden, reranker.stored().views];
  });
  assert.deepEqual(counted, [0, 0]);
  await seen(page, 4);
});

test("stories that come later, or change in place, are watched, too", async (t) => {
  const page = await openWatched(t, "/short.html");
  await seen(page, 4);
  await page.$eval("main", (main) => {
    const story = main.firstElementChild.cloneNode(true);
    story.dataset.nearsideId = "later";
    const section = document.createElement("section");
    section.append(story);
    main.prepend(section);
    main.lastElementChild.dataset.nearsideId = "changed";
  });
  await seen(page, 6);
  await page.$eval("main", (main) => {
    const gone = main.firstElementChild;
    gone.firstElementChild.dataset.nearsideId = "gone";
    setTimeout(() => gone.remove(), 300);
  });
  await page.waitForTimeout(1400);
  assert.equal((await counts(page)).views, 6);
});

test("after dispose nothing is recorded and no timer is left", async (t) => {
  const page = await openWatched(t, "/short.html");
  const added = await page.evaluate(async () => {
    await new Promise((resolve) => setTimeout(resolve, 300));
    globalThis.reranker.dispose();
    const store = new globalThis.nearside.MemoryStore();
    const next = globalThis.nearside.createReranker({ consent: true, store });
    await next.ready;
    document.querySelector("a").click();
    await new Promise((resolve) => setTimeout(resolve, 1300));
    return next.stored();
  });
  assert.deepEqual([added.clicks, added.views], [0, 0]);
});
