// Ranking in a worker, in Chromium: the same results, and whatever becomes of the worker, an answer in time.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { launch } from "./browser.mjs";
import { makeFeed, storiesOf } from "./feed.mjs";
import {
  feed,
  goTo,
  openFresh,
  openGuarded,
  openSite,
  rank,
  read,
  readStories,
  serveSite,
  startBrowser,
  startReranker,
  strictPolicy,
} from "./package.mjs";
import { saved } from "./record.mjs";

const browser = await startBrowser();
const server = await serveSite();
after(() => server.close());

/** A worker that says it runs and has loaded a model, and on a ranking does what `onRank` says. */
const workerThat = (onRank) => `
  postMessage({ id: 0 });
  onmessage = ({ data: { id, job } }) => {
    if ("module" in job) postMessage({ id, result: { modelId: "fake", space: "minilm-l6-pca64-v1", names: [] } });
    else { ${onRank} }
  };`;

/** Workers that are no good, by path. */
const files = {
  "/spin.js": workerThat("for (;;);"),
  "/mute.js": workerThat(""),
  "/throw.js": workerThat("throw new Error('outside of any ranking');"),
  "/trap.js": workerThat("postMessage({ id, error: { reason: 'trap', message: 'unreachable' } });"),
  "/unsound.js": workerThat(
    "postMessage({ id, result: { order: Uint32Array.of(1, 1), reason: 'ranked', skipped: 0, weight: 0, rows: new Float32Array() } });",
  ),
  "/broken.js": "this is no script",
  // The package's own worker, whose first ranking never ends: the marker outlives it, so that the second worker works.
  "/once.js": `
    import "./worker.js";
    const serve = onmessage;
    onmessage = async (event) => {
      const cache = await caches.open("worker-test");
      if ("columns" in event.data.job && !(await cache.match("/spun"))) {
        await cache.put("/spun", new Response());
        for (;;);
      }
      await serve(event);
    };`,
};

test("orders, outcomes, explanations and what is stored are the same with and without a worker", async (t) => {
  const feeds = Array.from({ length: 24 }, (_, seed) => makeFeed([1, 12, 60, 210][seed % 4], seed + 1));
  const keep = feed.items.slice(0, 2).map(({ id }) => id);
  const seen = {};
  for (const worker of [false, true]) {
    const page = await openGuarded(t, browser, server);
    seen[worker] = await page.evaluate(
      async ([worker, feeds, keep]) => {
        let clock = Date.UTC(2026, 0, 2, 12);
        Date.now = () => clock;
        const store = new globalThis.nearside.MemoryStore();
        const policies = [{}, { maximumDisplacement: Infinity, topicCap: { limit: 2, window: 5 } }];
        const rerankers = policies.map((policy) =>
          globalThis.nearside.createReranker({ consent: true, worker, store, policy }),
        );
        const [reranker] = rerankers;
        const lines = [];
        const note = (value) => lines.push(JSON.stringify(value, (_, x) => (Number.isNaN(x) ? "NaN" : x)));
        for (const [i, feed] of feeds.entries()) {
          clock += 3_600_000;
          for (const one of rerankers) {
            const { items, outcome } = await one.rank(feed, { budgetMs: 60_000, keep: i % 3 ? [] : keep });
            note([items.map(({ id }) => id), { ...outcome, ms: 0 }]);
            note(feed.items.map(({ id }) => one.explain(id)));
          }
          const story = feed.items[(7 * i) % feed.items.length];
          reranker.viewed(story);
          reranker.clicked(feed.items[i % feed.items.length]);
          reranker.dwelled(story, i);
          if (i % 5 === 0) reranker.hide(story);
          if (i % 10 === 0) reranker.unhide(story);
          if (i === 11) await reranker.erase();
          note(reranker.stored());
        }
        return lines;
      },
      [worker, feeds, keep],
    );
  }
  assert.ok(seen.true.filter((line) => line.includes('"ranked"')).length > 20, "most lists were ranked");
  assert.deepEqual(seen.true, seen.false);
});

test("a page whose policy allows nothing it does not need: one worker, three files, in each fetched once", async (t) => {
  const { server, page } = await openFresh(t, browser, {
    headers: {
      "content-security-policy": `${strictPolicy.replace("; require-trusted-types-for 'script'", "")}; worker-src 'self'`,
    },
  });
  assert.equal(page.workers().length, 0);
  await startReranker(page, { worker: true });
  await readStories(page, read);
  const { outcome } = await rank(page, feed);
  assert.equal(outcome.reason, "ranked", outcome.message);
  assert.equal(page.workers().length, 1);
  assert.deepEqual(server.requests.map(({ path }) => path).sort(), [
    "/",
    "/nearside.js",
    "/nearside_bg.wasm",
    "/reranker.onnx",
    "/start.js",
    "/worker.js",
  ]);
});

test("where Trusted Types are enforced, workerUrl takes a TrustedScriptURL", async (t) => {
  const { page } = await openFresh(t, browser, {
    headers: { "content-security-policy": strictPolicy },
  });
  await startReranker(page, { worker: true });
  const refused = (await rank(page, feed)).outcome;
  assert.equal(refused.reason, "load_failed");
  assert.match(refused.message, /workerUrl/);
  const { reason, message } = await page.evaluate(async (feed) => {
    const policy = globalThis.trustedTypes.createPolicy("page", { createScriptURL: (url) => url });
    const workerUrl = policy.createScriptURL("/worker.js");
    const reranker = globalThis.nearside.createReranker({ consent: true, worker: true, workerUrl });
    return (await reranker.rank(feed, { budgetMs: 10_000 })).outcome;
  }, feed);
  assert.equal(reason, "cold", message);
});

for (const [name, site, options = {}] of [
  ["a policy that forbids workers", { headers: { "content-security-policy": "worker-src 'none'" } }],
  ["no such file", { faults: { "/worker.js": "404" } }],
  ["HTML in its place", { faults: { "/worker.js": "html" } }],
  ["a script that cannot be parsed", { files }, { workerUrl: "/broken.js" }],
  ["a script of another origin", {}, { workerUrl: "http://localhost:1/worker.js" }],
]) {
  test(`${name}: load_failed, and the page's own thread does not rank instead`, async (t) => {
    const { page } = await openFresh(t, browser, site);
    await startReranker(page, { worker: true, ...options });
    await readStories(page, read);
    const { outcome } = await rank(page, feed);
    assert.equal(outcome.reason, "load_failed", outcome.message);
    assert.match(outcome.message, /workerUrl/);
  });
}

test("a browser without workers: unsupported", async (t) => {
  const init = () => {
    delete globalThis.Worker;
  };
  const { page } = await openFresh(t, browser, { init });
  await startReranker(page, { worker: true });
  assert.equal((await rank(page, feed)).outcome.reason, "unsupported");
});

/** Ranks once with a budget, and says how long the answer took by the page's clock. */
function timed(page, budgetMs) {
  return page.evaluate(
    async ([feed, budgetMs]) => {
      const started = performance.now();
      const { items, outcome } = await globalThis.reranker.rank(feed, { budgetMs });
      const took = performance.now() - started;
      return { ...outcome, took, same: items.every((item, i) => item === feed.items[i]) };
    },
    [feed, budgetMs],
  );
}

for (const path of ["/spin.js", "/mute.js"]) {
  test(`${path}: budget in time; the worker is ended and another one started, once`, async (t) => {
    const { page } = await openFresh(t, browser, { files });
    const workers = { made: 0, open: new Set() };
    page.on("worker", (worker) => {
      workers.made++;
      workers.open.add(worker);
      worker.on("close", () => workers.open.delete(worker));
    });
    await startReranker(page, { worker: true, workerUrl: path });
    const began = Date.now();
    for (const budget of [0, 30, 60]) {
      // The page's own thread is free while the worker spins, else its two seconds would be over.
      const { reason, took, same } = await timed(page, budget);
      assert.equal(reason, "budget");
      assert.ok(same && took < 1500, `${took} ms of ${budget}`);
    }
    assert.equal(workers.made, 1);
    // Whoever waits longer gets a turn with the second worker, and is told what became of that.
    const patient = await timed(page, 10_000);
    assert.deepEqual([patient.reason, patient.same], ["trap", true], patient.message);
    const spent = Date.now() - began;
    assert.ok(spent > 3800 && spent < 8000, `${spent} ms for two workers of two seconds each`);
    const last = await timed(page, 10_000);
    assert.equal(last.reason, "trap");
    assert.ok(last.took < 1500, "no third worker was tried");
    // Chromium gives a script two seconds to end by itself.
    for (let i = 0; i < 50 && workers.open.size > 0; i++) await page.waitForTimeout(100);
    assert.deepEqual([workers.made, workers.open.size], [2, 0]);
    // The history goes on.
    await readStories(page, read);
    assert.equal((await page.evaluate(() => globalThis.reranker.stored())).clicks, read.length);
  });
}

test("a worker that hangs once: the next one ranks, by the same history", async (t) => {
  const { page } = await openFresh(t, browser, { files });
  await startReranker(page, { worker: true, workerUrl: "/once.js" });
  await readStories(page, read);
  assert.equal((await timed(page, 50)).reason, "budget");
  await page.waitForTimeout(2500);
  const { ids, outcome } = await rank(page, feed);
  assert.equal(outcome.reason, "ranked", outcome.message);
  await startReranker(page, {});
  assert.deepEqual((await rank(page, feed)).ids, ids);
});

for (const path of ["/trap.js", "/throw.js"]) {
  test(`${path}: trap, twice in a page, without a word to the console`, async (t) => {
    const { page } = await openFresh(t, browser, { files });
    await startReranker(page, { worker: true, workerUrl: path });
    for (let i = 0; i < 3; i++) assert.equal((await timed(page, 5000)).reason, "trap");
    // The page's own instance is not the worse for it.
    await startReranker(page, {});
    assert.equal((await rank(page, feed)).outcome.reason, "cold");
  });
}

test("an order that is none is not shown", async (t) => {
  const { page } = await openFresh(t, browser, { files });
  await startReranker(page, { worker: true, workerUrl: "/unsound.js" });
  const { reason, same } = await timed(page, 5000);
  assert.deepEqual([reason, same], ["internal", true]);
});

test("zones that rank at once get each its own answer", async (t) => {
  const page = await openGuarded(t, browser, server);
  const feeds = Array.from({ length: 12 }, (_, seed) => makeFeed(20 + seed, seed + 1));
  await startReranker(page, { worker: true });
  await readStories(page, storiesOf(feeds[0], "sports"));
  const together = await page.evaluate(
    async (feeds) =>
      (await Promise.all(feeds.map((feed) => globalThis.reranker.rank(feed, { budgetMs: 10_000 })))).map(
        ({ items, outcome }) => [outcome.reason, items.map(({ id }) => id)],
      ),
    feeds,
  );
  for (const [i, [reason, ids]] of together.entries()) {
    assert.equal(reason, "ranked");
    assert.deepEqual((await rank(page, feeds[i])).ids, ids);
  }
});

test("an order that a history gave which was erased meanwhile is not shown", async (t) => {
  const page = await openGuarded(t, browser, server);
  await startReranker(page, { worker: true });
  await readStories(page, read);
  assert.equal((await rank(page, feed)).outcome.reason, "ranked");
  const { reason, explained } = await page.evaluate(async (feed) => {
    const ranking = globalThis.reranker.rank(feed, { budgetMs: 5000 });
    await Promise.resolve();
    await Promise.resolve(); // it is with the worker by now
    await globalThis.reranker.erase();
    const { outcome } = await ranking;
    return { reason: outcome.reason, explained: globalThis.reranker.explain(feed.items[0].id)?.weight };
  }, feed);
  assert.deepEqual([reason, explained], ["cold", 0]);
});

test("consent that goes while the worker ranks: no_consent", async (t) => {
  const page = await openGuarded(t, browser, server);
  const reasons = await page.evaluate(async (feed) => {
    let consent = true;
    const reranker = globalThis.nearside.createReranker({ consent: () => consent, worker: true });
    await reranker.ready;
    const ranking = reranker.rank(feed, { budgetMs: 5000 });
    consent = false;
    return [(await ranking).outcome.reason, (await reranker.rank(feed)).outcome.reason];
  }, feed);
  assert.deepEqual(reasons, ["no_consent", "no_consent"]);
});

test("without consent there is no worker; the last reranker's end is the worker's", async (t) => {
  const page = await openGuarded(t, browser, server);
  await startReranker(page, { worker: true, consent: false });
  await rank(page, feed);
  assert.equal(page.workers().length, 0);
  await page.evaluate(async () => {
    globalThis.reranker.dispose();
    const options = { consent: true, worker: true };
    globalThis.two = [1, 2].map(() => globalThis.nearside.createReranker(options));
    await Promise.all(globalThis.two.map(({ ready }) => ready));
  });
  assert.equal(page.workers().length, 1);
  await page.evaluate(() => globalThis.two[0].dispose());
  await page.waitForTimeout(100);
  assert.equal(page.workers().length, 1);
  const reason = await page.evaluate(async (feed) => {
    const ranking = globalThis.two[1].rank(feed, { budgetMs: 5000 });
    globalThis.two[1].dispose();
    return (await ranking).outcome.reason;
  }, feed);
  assert.equal(reason, "disposed");
  for (let i = 0; i < 50 && page.workers().length > 0; i++) await page.waitForTimeout(100);
  assert.equal(page.workers().length, 0);
  // Whoever comes after gets a worker of their own.
  await startReranker(page, { worker: true });
  assert.equal((await rank(page, feed)).outcome.reason, "cold");
  assert.equal(page.workers().length, 1);
});

test("a page with a worker can enter the back-forward cache, and ranks when it is back", async (t) => {
  const own = await launch({ ignoreDefaultArgs: ["--disable-back-forward-cache"] });
  t.after(() => own.close());
  const page = await openSite(own, server);
  await startReranker(page, { worker: true });
  await readStories(page, read);
  const before = await rank(page, feed);
  await saved(page);
  await page.evaluate(() => {
    globalThis.mark = "kept";
  });
  await goTo(page, server, "/?next");
  await page.waitForTimeout(2500); // longer than a worker may be silent
  await page.evaluate(() => history.back());
  await page.waitForFunction(() => globalThis.mark === "kept");
  assert.deepEqual((await rank(page, feed)).ids, before.ids);
  await page.guard();
});
