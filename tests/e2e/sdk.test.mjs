// The package in Chromium: whatever is missing, late, broken or forbidden, the page gets the server's order and the reason.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { meanPlace, storiesOf } from "./feed.mjs";
import {
  feed,
  openFresh,
  rank,
  read,
  readStories,
  startBrowser,
  startReranker,
  strictPolicy,
} from "./package.mjs";

const browser = await startBrowser();

/** Asserts that a page with this fault ranks nothing, for this reason. */
async function assertRefused(t, site, reason, message = /./) {
  const { server, page } = await openFresh(t, browser, site);
  await startReranker(page);
  await readStories(page, read);
  const { outcome } = await rank(page, feed);
  assert.equal(outcome.reason, reason, outcome.message);
  assert.match(outcome.message, message);
  return { server, page, outcome };
}

test("a page whose reader has a history is ranked by it; pins stay; nothing but the two files is fetched", async (t) => {
  const { server, page } = await openFresh(t, browser, {
    headers: { "content-security-policy": strictPolicy },
  });
  await startReranker(page);
  assert.equal((await rank(page, feed)).outcome.reason, "cold");
  await readStories(page, read);
  const { ids, outcome } = await rank(page, feed);
  assert.equal(outcome.reason, "ranked", outcome.message);
  assert.ok(outcome.moved > 0);
  assert.equal(outcome.storage, undefined);
  const rest = storiesOf(feed, "science").filter((story) => !read.includes(story) && !story._nearside.pinned);
  const before = meanPlace(
    feed.items.map(({ id }) => id),
    rest,
  );
  assert.ok(meanPlace(ids, rest) < before - 1, `${meanPlace(ids, rest)} from ${before}`);
  feed.items.forEach(({ id, _nearside }, i) => {
    if (_nearside.pinned) assert.equal(ids[i], id);
  });
  assert.deepEqual(server.requests.map(({ method, path, search }) => `${method} ${path}${search}`).sort(), [
    "GET /",
    "GET /nearside.js",
    "GET /nearside_bg.wasm",
    "GET /reranker.onnx",
    "GET /start.js",
  ]);
});

test("explain adds up to the order", async (t) => {
  const { page } = await openFresh(t, browser);
  await startReranker(page, { policy: { maximumDisplacement: Number.POSITIVE_INFINITY } });
  await readStories(page, read);
  const { ids } = await rank(page, feed);
  const explained = await page.evaluate((ids) => ids.map((id) => globalThis.reranker.explain(id)), ids);
  const free = explained.filter(({ bound }) => bound === "none");
  assert.ok(free.length > 10);
  const scores = free.map(({ serverLogit, weight, personal }) => serverLogit + weight * personal);
  for (let i = 1; i < scores.length; i++) assert.ok(scores[i] <= scores[i - 1] + 1e-5, `${scores}`);
  explained.forEach(({ id, from, to, features, serverLogit, bound }, i) => {
    assert.equal(to, i);
    assert.equal(feed.items[from].id, id);
    assert.equal(Object.keys(features).length, 9);
    assert.ok(Number.isFinite(serverLogit) && features.topic_share >= 0 && features.topic_share <= 1);
    assert.equal(bound === "pinned", feed.items[from]._nearside.pinned === true);
  });
});

for (const [fault, reason] of [
  ["404", "load_failed"],
  ["500", "load_failed"],
  ["reset", "load_failed"],
  ["html", "load_failed"],
  ["empty", "integrity"],
  ["truncate", "integrity"],
  ["flip", "integrity"],
]) {
  for (const [file, option] of [
    ["*.wasm", /wasmUrl/],
    ["*.onnx", /modelUrl/],
  ]) {
    test(`${file} with fault ${fault}: ${reason}`, async (t) => {
      await assertRefused(t, { faults: { [file]: fault } }, reason, option);
    });
  }
}

test("HTML in place of every file but the page's own: load_failed", async (t) => {
  await assertRefused(t, { faults: { "*.wasm": "html", "*.onnx": "html" } }, "load_failed", /a page of HTML/);
});

test("a file that never comes: budget, then load_failed when the request is given up", async (t) => {
  for (const file of ["*.wasm", "*.onnx"]) {
    const shorten = () => {
      const real = AbortSignal.timeout;
      AbortSignal.timeout = (ms) => real.call(AbortSignal, ms === 30_000 ? 400 : ms);
    };
    const { page } = await openFresh(t, browser, { faults: { [file]: "hang" }, init: shorten });
    const result = await page.evaluate(async (feed) => {
      const reranker = globalThis.nearside.createReranker({ consent: true });
      let ready = false;
      const settled = reranker.ready.then(() => {
        ready = true;
      });
      const first = (await reranker.rank(feed, { budgetMs: 50 })).outcome;
      const early = !ready;
      await settled;
      return { first, early };
    }, feed);
    assert.equal(result.first.reason, "budget");
    assert.ok(result.early, "the answer did not wait for the file");
    await startReranker(page);
    assert.equal((await rank(page, feed)).outcome.reason, "load_failed");
  }
});

test("files that come late are there for the next ranking", async (t) => {
  const { page } = await openFresh(t, browser, { faults: { "*.wasm": { delay: 400 } } });
  const reasons = await page.evaluate(async (feed) => {
    const reranker = globalThis.nearside.createReranker({ consent: true });
    const first = (await reranker.rank(feed, { budgetMs: 100 })).outcome.reason;
    await reranker.ready;
    return [first, (await reranker.rank(feed, { budgetMs: 1000 })).outcome.reason];
  }, feed);
  assert.deepEqual(reasons, ["budget", "cold"]);
});

test("a network that comes back serves later rankings", async (t) => {
  const { server, page } = await openFresh(t, browser, { faults: { "*.wasm": "reset" } });
  await startReranker(page);
  assert.equal((await rank(page, feed)).outcome.reason, "load_failed");
  delete server.faults["*.wasm"];
  assert.equal((await rank(page, feed)).outcome.reason, "cold");
});

test("a wrong MIME type is no obstacle", async (t) => {
  const { page } = await openFresh(t, browser, { faults: { "*.wasm": "mime", "*.onnx": "mime" } });
  await startReranker(page);
  assert.equal((await rank(page, feed)).outcome.reason, "cold");
});

test("a policy without 'wasm-unsafe-eval': compile_blocked", async (t) => {
  for (const fault of [{}, { "*.wasm": "mime" }]) {
    const headers = { "content-security-policy": strictPolicy.replace(" 'wasm-unsafe-eval'", "") };
    await assertRefused(t, { headers, faults: fault }, "compile_blocked");
  }
});

test("a policy that forbids the requests: load_failed", async (t) => {
  const headers = {
    "content-security-policy": strictPolicy.replace("connect-src 'self'", "connect-src 'none'"),
  };
  await assertRefused(t, { headers }, "load_failed", /Url/);
});

test("no WebAssembly, or none with SIMD: unsupported, and nothing is fetched", async (t) => {
  const inits = [
    () => {
      delete globalThis.WebAssembly;
    },
    () => {
      WebAssembly.validate = () => false;
    },
  ];
  for (const init of inits) {
    const { server } = await assertRefused(t, { init }, "unsupported");
    assert.deepEqual(server.asked(), []);
  }
});

test("no consent, or Global Privacy Control: nothing is fetched, and no database is made", async (t) => {
  const gpc = () => Object.defineProperty(navigator, "globalPrivacyControl", { value: true });
  for (const { init, consent } of [{ consent: false }, { consent: "yes" }, { init: gpc, consent: true }]) {
    const { server, page } = await openFresh(t, browser, { init });
    await startReranker(page, { consent });
    await readStories(page, read);
    await page.evaluate((item) => globalThis.reranker.viewed(item), read[0]);
    assert.equal((await rank(page, feed)).outcome.reason, "no_consent");
    await page.waitForTimeout(700);
    assert.deepEqual(server.asked(), []);
    assert.deepEqual(await page.evaluate(() => indexedDB.databases()), []);
  }
});

test("consent that comes later loads then", async (t) => {
  const { server, page } = await openFresh(t, browser);
  const reasons = await page.evaluate(async (feed) => {
    let consent = false;
    const reranker = globalThis.nearside.createReranker({ consent: () => consent });
    await reranker.ready;
    const first = (await reranker.rank(feed)).outcome.reason;
    consent = true;
    return [first, (await reranker.rank(feed, { budgetMs: 5000 })).outcome.reason];
  }, feed);
  assert.deepEqual(reasons, ["no_consent", "cold"]);
  assert.equal(server.asked().length, 2);
});

test("many zones and rerankers: one request for each file, one history", async (t) => {
  const { server, page } = await openFresh(t, browser);
  const outcomes = await page.evaluate(
    async ([feed, read]) => {
      const rerankers = [1, 2, 3].map(() => globalThis.nearside.createReranker({ consent: true }));
      for (const story of read) rerankers[0].clicked(story);
      const zones = await Promise.all(
        rerankers.flatMap((reranker) => [
          reranker.rank(feed, { budgetMs: 5000 }),
          reranker.rank(feed.items.slice(0, 20), { budgetMs: 5000 }),
        ]),
      );
      return zones.map(({ outcome }) => outcome.reason);
    },
    [feed, read],
  );
  assert.deepEqual(outcomes, Array(6).fill("ranked"));
  assert.deepEqual(server.asked().sort(), ["/nearside_bg.wasm", "/reranker.onnx"]);
});

test("a URL without a hash must have the package's own file; another needs its hash", async (t) => {
  const fixture = (name) => readFile(new URL(`../../${name}`, import.meta.url));
  const body = {
    own: await fixture("dist/reranker.onnx"),
    other: await fixture("tests/fixtures/hand-set.onnx"),
  };
  const serve = (name) => () => ({ status: 200, headers: {}, body: body[name] });
  const { page } = await openFresh(t, browser, {
    faults: { "/own.onnx": serve("own"), "/other.onnx": serve("other") },
  });
  const { modelIntegrity } = await import("../../dist/integrity.js");
  await startReranker(page, { modelUrl: "/other.onnx" });
  const refused = (await rank(page, feed)).outcome;
  assert.equal(refused.reason, "integrity");
  assert.match(refused.message, /\/other\.onnx: not this version's file .*modelIntegrity/);
  for (const more of [{}, { modelIntegrity }]) {
    await startReranker(page, { modelUrl: "/own.onnx", ...more });
    assert.equal((await rank(page, feed)).outcome.reason, "cold");
  }
});

test("a trap costs the instance and nothing of the history; a second one ends ranking", async (t) => {
  const { page } = await openFresh(t, browser);
  await startReranker(page);
  await readStories(page, read);
  assert.equal((await rank(page, feed)).outcome.reason, "ranked");
  const spoil = () => {
    const { Core } = globalThis.nearside;
    globalThis.real ??= Core.prototype.rank;
    Core.prototype.rank = () => {
      throw new WebAssembly.RuntimeError("unreachable");
    };
  };
  const repair = () => {
    globalThis.nearside.Core.prototype.rank = globalThis.real;
  };
  const before = await page.evaluate(() => globalThis.reranker.stored());
  await page.evaluate(spoil);
  assert.equal((await rank(page, feed)).outcome.reason, "trap");
  await page.evaluate(repair);
  assert.equal((await rank(page, feed)).outcome.reason, "ranked");
  assert.deepEqual(await page.evaluate(() => globalThis.reranker.stored()), before);
  await page.evaluate(spoil);
  assert.equal((await rank(page, feed)).outcome.reason, "trap");
  await page.evaluate(repair);
  assert.equal((await rank(page, feed)).outcome.reason, "trap");
  await readStories(page, read);
});

for (const disposed of [false, true]) {
  test(`a page that leaves in the middle of loading, ${disposed ? "" : "not "}disposed, leaves quietly`, async (t) => {
    const { server, page } = await openFresh(t, browser, { faults: { "*.wasm": { delay: 300 } } });
    await page.evaluate(
      ([feed, story, disposed]) => {
        const reranker = globalThis.nearside.createReranker({ consent: true });
        reranker.rank(feed);
        reranker.clicked(story);
        if (disposed) reranker.dispose();
      },
      [feed, feed.items[0], disposed],
    );
    await page.goto(`${server.url}/`);
    await page.waitForTimeout(400);
  });
}
