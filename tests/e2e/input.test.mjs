// Bad input in Chromium: lists, models and wasm that are not what they should be.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { feed, openFresh, rank, read, readStories, startBrowser, startReranker } from "./package.mjs";

const browser = await startBrowser();

test("odd and faulty lists give a permutation or the server's order, with the reason", async (t) => {
  const { page } = await openFresh(t, browser);
  await startReranker(page);
  await readStories(page, read);
  const { items } = feed;
  const changed = (i, change) => items.map((item, j) => (i === j ? { ...item, ...change(item) } : item));
  const own = (i, own) => changed(i, ({ _nearside }) => ({ _nearside: { ..._nearside, ...own } }));
  const cases = {
    empty: [[], /unscored/, 0],
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
    "no vectors": [items.map((item) => ({ id: item.id })), /unscored/, 0],
    "counts that are none": [own(3, { shows: -1 }), /ranked/, 1],
    "more clicks than shows": [own(3, { clicks: 5000 }), /ranked/, 1],
    "a date that is none": [changed(3, () => ({ date_published: "soon" })), /ranked/, 1],
    "another vector space": [{ ...feed, _nearside: { space: "else" } }, /bad_candidates/, 0],
    "its own vector space": [{ ...feed, _nearside: { space: "minilm-l6-pca64-v1" } }, /ranked/, 0],
    "all pinned": [
      items.map((item) => ({ ...item, _nearside: { ...item._nearside, pinned: true } })),
      /unscored/,
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
  const { page } = await openFresh(t, browser);
  await startReranker(page);
  await readStories(page, read);
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
  const { page } = await openFresh(t, browser);
  await startReranker(page);
  await readStories(page, read);
  const inherited = { pinned: true, topic: "x" };
  const told = feed.items.map((item) => ({ ...item, _nearside: { ...inherited, ...item._nearside } }));
  const { ids, outcome } = await rank(page, { ...feed, items: told });
  assert.equal(outcome.reason, "unscored"); // all are pinned
  await page.evaluate(() => {
    Object.assign(Object.prototype, {
      pinned: true,
      topic: "x",
      items: [],
      keep: ["story-1"],
      budgetMs: 5000,
    });
  });
  const polluted = await rank(page, feed);
  assert.equal(polluted.outcome.reason, "unscored");
  assert.deepEqual(polluted.ids, ids);
});

test("models that were cut off or changed, and are given as bytes, are refused", async (t) => {
  const { page } = await openFresh(t, browser);
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
    const { page } = await openFresh(t, browser);
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
