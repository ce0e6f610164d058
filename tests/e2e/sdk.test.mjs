// The package in Chromium: whatever is missing, late, broken or forbidden, the page gets the server's order and the reason.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { launch } from "./browser.mjs";
import { makeFeed, meanPlace, storiesOf } from "./feed.mjs";
import { openSite, rank, serveSite, startReranker, strictPolicy } from "./package.mjs";

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

const feed = makeFeed();
const read = storiesOf(feed, "science").slice(4, 8);

/** A site and an open page on it, both closed after the test; the page must then have printed and thrown nothing. */
async function open(t, { init, contextOptions, path, ...site } = {}) {
  const server = await serveSite(site);
  t.after(() => server.close());
  const page = await openSite(browser, server, { init, contextOptions, path });
  t.after(async () => {
    try {
      await page.guard();
    } finally {
      await page.context().close();
    }
  });
  return { server, page };
}

/** Has the reader open stories of one topic. */
async function readStories(page, stories = read) {
  await page.evaluate((stories) => {
    for (const story of stories) globalThis.reranker.clicked(story);
  }, stories);
}

/** Asserts that a page with this fault ranks nothing, for this reason. */
async function assertRefused(t, site, reason, message = /./) {
  const { server, page } = await open(t, site);
  await startReranker(page);
  await readStories(page);
  const { outcome } = await rank(page, feed);
  assert.equal(outcome.reason, reason, outcome.message);
  assert.match(outcome.message, message);
  return { server, page, outcome };
}

test("a page whose reader has a history is ranked by it; pins stay; nothing but the two files is fetched", async (t) => {
  const { server, page } = await open(t, { headers: { "content-security-policy": strictPolicy } });
  await startReranker(page);
  assert.equal((await rank(page, feed)).outcome.reason, "cold");
  await readStories(page);
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
  const { page } = await open(t);
  await startReranker(page);
  await readStories(page);
  const { ids } = await rank(page, feed);
  const explained = await page.evaluate((ids) => ids.map((id) => globalThis.reranker.explain(id)), ids);
  explained.forEach(({ id, from, to, features, serverLogit, bound }, i) => {
    assert.equal(to, i);
    assert.equal(feed.items[from].id, id);
    assert.equal(Object.keys(features).length, 16);
    assert.equal(features.server_logit, serverLogit);
    assert.equal(bound === "pinned", feed.items[from]._nearside.pinned === true);
  });
});

for (const [fault, reason] of [
  ["404", "load_failed"],
  ["500", "load_failed"],
  ["reset", "load_failed"],
  ["html", "integrity"],
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

test("HTML in place of every file but the page's own: integrity", async (t) => {
  await assertRefused(t, { faults: { "*.wasm": "html", "*.onnx": "html" } }, "integrity");
});

test("a file that never comes: budget, then load_failed when the request is given up", async (t) => {
  for (const file of ["*.wasm", "*.onnx"]) {
    const shorten = () => {
      const real = AbortSignal.timeout;
      AbortSignal.timeout = () => real.call(AbortSignal, 400);
    };
    const { page } = await open(t, { faults: { [file]: "hang" }, init: shorten });
    const result = await page.evaluate(async (feed) => {
      const started = performance.now();
      const reranker = globalThis.nearside.createReranker({ consent: true });
      const first = (await reranker.rank(feed, { budgetMs: 50 })).outcome;
      const took = performance.now() - started;
      await reranker.ready;
      return { first, took };
    }, feed);
    assert.equal(result.first.reason, "budget");
    assert.ok(result.took < 350, `${result.took} ms`);
    await startReranker(page);
    assert.equal((await rank(page, feed)).outcome.reason, "load_failed");
  }
});

test("files that come late are there for the next ranking", async (t) => {
  const { page } = await open(t, { faults: { "*.wasm": { delay: 400 } } });
  const reasons = await page.evaluate(async (feed) => {
    const reranker = globalThis.nearside.createReranker({ consent: true });
    const first = (await reranker.rank(feed, { budgetMs: 100 })).outcome.reason;
    await reranker.ready;
    return [first, (await reranker.rank(feed, { budgetMs: 1000 })).outcome.reason];
  }, feed);
  assert.deepEqual(reasons, ["budget", "cold"]);
});

test("a network that comes back serves later rankings", async (t) => {
  const { server, page } = await open(t, { faults: { "*.wasm": "reset" } });
  await startReranker(page);
  assert.equal((await rank(page, feed)).outcome.reason, "load_failed");
  delete server.faults["*.wasm"];
  assert.equal((await rank(page, feed)).outcome.reason, "cold");
});

test("a wrong MIME type is no obstacle", async (t) => {
  const { page } = await open(t, { faults: { "*.wasm": "mime", "*.onnx": "mime" } });
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
    const { server, page } = await open(t, { init });
    await startReranker(page, { consent });
    await readStories(page);
    await page.evaluate((item) => globalThis.reranker.viewed(item), read[0]);
    assert.equal((await rank(page, feed)).outcome.reason, "no_consent");
    await page.waitForTimeout(700);
    assert.deepEqual(server.asked(), []);
    assert.deepEqual(await page.evaluate(() => indexedDB.databases()), []);
  }
});

test("consent that comes later loads then", async (t) => {
  const { server, page } = await open(t);
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
  const { server, page } = await open(t);
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

test("odd and faulty lists give a permutation or the server's order, with the reason", async (t) => {
  const { page } = await open(t);
  await startReranker(page);
  await readStories(page);
  const { items } = feed;
  const changed = (i, change) => items.map((item, j) => (i === j ? { ...item, ...change(item) } : item));
  const own = (i, own) => changed(i, ({ _nearside }) => ({ _nearside: { ..._nearside, ...own } }));
  const cases = {
    empty: [[], /ranked|cold/, 0],
    "one item": [items.slice(0, 1), /ranked/, 0],
    "10,000 items": [
      Array.from({ length: 10_000 }, (_, i) => ({ ...items[i % 60], id: `n${i}` })),
      /ranked/,
      0,
    ],
    "an id twice": [changed(3, () => ({ id: items[9].id })), /bad_candidates/, 0],
    "no id": [changed(3, () => ({ id: undefined })), /bad_candidates/, 0],
    "a number as id": [changed(3, () => ({ id: 42 })), /ranked/, 0],
    "__proto__ as id": [changed(3, () => ({ id: "__proto__" })), /ranked/, 0],
    "half a surrogate pair as id": [changed(3, () => ({ id: "\ud83d" })), /ranked/, 0],
    "a vector too short": [own(3, { vector: "AAAA" }), /ranked/, 1],
    "a vector that is no base64": [own(3, { vector: "*".repeat(86) }), /ranked/, 1],
    "a vector that is no text": [own(3, { vector: { length: 64 } }), /ranked/, 1],
    "a vector of a megabyte": [own(3, { vector: "A".repeat(1 << 20) }), /ranked/, 1],
    "no vectors": [items.map((item) => ({ id: item.id })), /ranked/, 0],
    "counts that are none": [own(3, { shows: -1 }), /ranked/, 1],
    "more clicks than shows": [own(3, { clicks: 5000 }), /ranked/, 1],
    "a date that is none": [changed(3, () => ({ date_published: "soon" })), /ranked/, 1],
    "another vector space": [{ ...feed, _nearside: { space: "else" } }, /bad_candidates/, 0],
    "its own vector space": [{ ...feed, _nearside: { space: "minilm-l6-pca64-v1" } }, /ranked/, 0],
    "all pinned": [
      items.map((item) => ({ ...item, _nearside: { ...item._nearside, pinned: true } })),
      /ranked/,
      0,
    ],
  };
  for (const [name, [list, reason, skipped]] of Object.entries(cases)) {
    await t.test(name, async () => {
      const { ids, outcome } = await rank(page, list);
      assert.match(outcome.reason, reason, outcome.message);
      assert.equal(outcome.skipped, skipped);
      const given = list.items ?? list;
      if (skipped) assert.equal(ids[3], given[3].id, "a faulty item keeps its slot");
      if (name === "all pinned") assert.equal(outcome.moved, 0);
      for (let i = 200; i < given.length; i++) assert.equal(ids[i], given[i].id);
    });
  }
});

test("lists that no text can carry: NaN, frozen objects, throwing getters, holes", async (t) => {
  const { page } = await open(t);
  await startReranker(page);
  await readStories(page);
  const results = await page.evaluate(async (feed) => {
    const throwing = (name) =>
      Object.defineProperty({ id: "throwing" }, name, {
        get() {
          throw new Error("a getter of the page");
        },
      });
    const deepFreeze = (value) => {
      if (typeof value === "object" && value !== null) Object.values(value).forEach(deepFreeze);
      return Object.freeze(value);
    };
    const spread = (change) => feed.items.map((item, i) => (i === 3 ? change(item) : item));
    const own = (own) => spread((item) => ({ ...item, _nearside: { ...item._nearside, ...own } }));
    const holes = feed.items.slice();
    delete holes[3];
    const lists = {
      "NaN shows": own({ shows: Number.NaN }),
      "NaN score": own({ score: Number.NaN }),
      "NaN date": spread((item) => ({ ...item, date_published: Number.NaN })),
      frozen: deepFreeze(structuredClone(feed)),
      "throwing id": spread(() => throwing("id")),
      "throwing extension": spread(() => throwing("_nearside")),
      holes,
      nothing: undefined,
      hostile: new Proxy([], {
        get: () => {
          throw new Error("a trap of the page");
        },
      }),
    };
    const results = {};
    for (const [name, list] of Object.entries(lists)) {
      const { items, outcome } = await globalThis.reranker.rank(list, { budgetMs: 5000 });
      const given = name === "nothing" || name === "hostile" ? [] : [...(list.items ?? list)];
      const left = [...given];
      for (const item of items) left.splice(left.indexOf(item), 1);
      results[name] = {
        reason: outcome.reason,
        skipped: outcome.skipped,
        whole: items.length === given.length && left.length === 0,
        same: items.every((item, i) => item === given[i]),
      };
    }
    return results;
  }, feed);
  for (const [name, { reason, skipped, whole, same }] of Object.entries(results)) {
    assert.ok(whole, name);
    const expected = {
      frozen: ["ranked", 0],
      "NaN shows": ["ranked", 1],
      "NaN score": ["ranked", 1],
      "NaN date": ["ranked", 1],
    };
    const [reasonExpected, skippedExpected] = expected[name] ?? ["bad_candidates", 0];
    assert.deepEqual([reason, skipped], [reasonExpected, skippedExpected], name);
    if (reason !== "ranked") assert.ok(same, name);
  }
});

test("a polluted Object.prototype changes no more than any feed could", async (t) => {
  const { page } = await open(t);
  await startReranker(page);
  await readStories(page);
  const { outcome } = await rank(page, feed);
  assert.equal(outcome.reason, "ranked");
  await page.evaluate(() => {
    Object.assign(Object.prototype, {
      pinned: true,
      topic: "x",
      items: [],
      keep: ["story-1"],
      budgetMs: 5000,
    });
  });
  assert.equal((await rank(page, feed)).outcome.reason, "ranked");
});

test("models that were cut off or changed, and are given as bytes, are refused", async (t) => {
  const { page } = await open(t);
  const model = [...(await readFile(new URL("../../dist/reranker.onnx", import.meta.url)))];
  const results = await page.evaluate(
    async ([feed, read, model]) => {
      const results = [];
      const attempt = async (name, bytes) => {
        const reranker = globalThis.nearside.createReranker({
          consent: true,
          modelUrl: Uint8Array.from(bytes),
        });
        for (const story of read) reranker.clicked(story);
        const { items, outcome } = await reranker.rank(feed, { budgetMs: 5000 });
        const same = items.every((item, i) => item === feed.items[i]);
        results.push({ name, reason: outcome.reason, same });
      };
      await attempt("whole", model);
      for (const length of [0, 1, 10, model.length >> 1, model.length - 1]) {
        await attempt(`cut at ${length}`, model.slice(0, length));
      }
      for (let at = 0; at < model.length; at += 97) {
        await attempt(
          `flipped at ${at}`,
          model.map((byte, i) => (i === at ? byte ^ 0x55 : byte)),
        );
      }
      await attempt("HTML", new TextEncoder().encode("<!doctype html><p>Not found"));
      return results;
    },
    [feed, read, model],
  );
  assert.equal(results[0].reason, "ranked");
  for (const { name, reason, same } of results.slice(1)) {
    if (name.startsWith("flipped")) {
      // A byte of padding or of a name nobody reads may change without consequence; scores are held to the golden case.
      assert.match(reason, /^(ranked|model_rejected|model_unsupported)$/, name);
    } else {
      assert.equal(reason, "model_rejected", name);
    }
    if (reason !== "ranked") assert.ok(same, name);
  }
  assert.ok(results.filter(({ reason }) => reason !== "ranked").length > results.length / 2);
});

test("wasm that was cut off, and is given as bytes, is refused", async (t) => {
  const wasm = (await readFile(new URL("../../dist/nearside_bg.wasm", import.meta.url))).toString("base64");
  for (const share of [0, 0.3, 0.99]) {
    const { page } = await open(t);
    const outcome = await page.evaluate(
      async ([feed, wasm, share]) => {
        const bytes = Uint8Array.from(atob(wasm), (character) => character.charCodeAt(0));
        const wasmUrl = bytes.subarray(0, bytes.length * share);
        const reranker = globalThis.nearside.createReranker({ consent: true, wasmUrl });
        return (await reranker.rank(feed, { budgetMs: 5000 })).outcome;
      },
      [feed, wasm, share],
    );
    assert.equal(outcome.reason, "load_failed", outcome.message);
    assert.match(outcome.message, /wasmUrl|compile/i);
  }
});

test("a URL of the page's own needs its hash", async (t) => {
  const { server, page } = await open(t, {
    faults: {
      "/elsewhere.onnx": async () => ({
        status: 200,
        headers: {},
        body: await readFile(new URL("../../dist/reranker.onnx", import.meta.url)),
      }),
    },
  });
  const { modelIntegrity } = await import("../../dist/integrity.js");
  await startReranker(page, { modelUrl: "/elsewhere.onnx" });
  const refused = (await rank(page, feed)).outcome;
  assert.equal(refused.reason, "integrity");
  assert.match(refused.message, /modelIntegrity/);
  assert.ok(!server.asked().includes("/elsewhere.onnx"));
  await startReranker(page, { modelUrl: "/elsewhere.onnx", modelIntegrity });
  assert.equal((await rank(page, feed)).outcome.reason, "cold");
  assert.ok(server.asked().includes("/elsewhere.onnx"));
});

test("a trap costs the instance and nothing of the history; a second one ends ranking", async (t) => {
  const { page } = await open(t);
  await startReranker(page);
  await readStories(page);
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
  await readStories(page);
});

test("a page that leaves in the middle of loading leaves quietly", async (t) => {
  const { server, page } = await open(t, { faults: { "*.wasm": { delay: 300 } } });
  await page.evaluate((feed) => {
    const reranker = globalThis.nearside.createReranker({ consent: true });
    reranker.rank(feed);
    reranker.dispose();
  }, feed);
  await page.goto(`${server.url}/`);
  await page.waitForTimeout(400);
});
