// Lists that a page must not come to harm by, on the real core: items that act while they are read, text and lists without measure.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { flagsOf, idOf, toColumns, withColumns } from "../../dist/candidates.js";
import { createReranker, MemoryStore } from "../../dist/index.js";
import { makeFeed } from "../e2e/feed.mjs";

const [wasm, model] = ["nearside_bg.wasm", "reranker.onnx"].map((name) =>
  readFileSync(new URL(`../../dist/${name}`, import.meta.url)),
);
const patient = { budgetMs: 10_000 };

/** A reranker whose reader likes science. */
async function warm(more) {
  const options = { consent: true, store: new MemoryStore(), wasmUrl: wasm, modelUrl: model, ...more };
  const reranker = createReranker(options);
  await reranker.ready;
  const liked = makeFeed(60).items.filter(({ _nearside }) => _nearside.topic === "science");
  for (const item of liked.slice(0, 8)) reranker.clicked(item);
  return reranker;
}

/** The item with one member that calls `act` when it is read, each time. */
function acting(item, name, act) {
  const owner = name in item ? item : item._nearside;
  const { [name]: value } = owner;
  const get = () => {
    act();
    return value;
  };
  const changed = Object.defineProperty({ ...owner }, name, { get, enumerable: true });
  return owner === item ? changed : { ...item, _nearside: changed };
}

function assertSound({ items, outcome }, list) {
  assert.equal(items.length, list.length);
  assert.equal(new Set(items).size, new Set(list).size);
  for (const item of items) assert.ok(list.includes(item));
  for (const [i, item] of list.entries())
    if (i >= 200 || [true, "held"].includes(item?._nearside?.pinned))
      assert.equal(items[i], item, `slot ${i}`);
  if (outcome.reason !== "ranked") assert.deepEqual([outcome.source, outcome.moved], ["server", 0]);
}

for (const name of ["id", "date_published", "topic", "vector", "clicks", "pinned", "personalize"]) {
  test(`a getter of ${name} that ranks another list changes neither`, async () => {
    const reranker = await warm();
    const { items: list } = makeFeed(60);
    const { items: others } = makeFeed(200, 9);
    for (const { _nearside } of others) delete _nearside.pinned;
    const [plain, plainOthers] = [await reranker.rank(list, patient), await reranker.rank(others, patient)];
    assert.ok(plain.outcome.moved > 0 && plainOthers.outcome.moved > 0);
    const inner = [];
    for (const slot of [0, 7, 30, 59]) {
      let depth = 0;
      const change = () => {
        if (depth++ === 0) inner.push(reranker.rank(others, patient));
        depth--;
      };
      const given = list.map((item, i) => (i === slot ? acting(item, name, change) : item));
      const ranking = await reranker.rank(given, patient);
      assertSound(ranking, given);
      assert.equal(ranking.outcome.reason, "ranked", ranking.outcome.message);
      assert.deepEqual(
        ranking.items.map(({ id }) => id),
        plain.items.map(({ id }) => id),
      );
    }
    assert.ok(inner.length > 0);
    for (const { items } of await Promise.all(inner))
      assert.deepEqual(
        items.map(({ id }) => id),
        plainOthers.items.map(({ id }) => id),
      );
    reranker.dispose();
  });
}

test("getters that click, hide, explain, erase or dispose are no danger to the list they stand in", async () => {
  const { items: list } = makeFeed(60);
  const acts = {
    clicked: (reranker) => reranker.clicked(list[3]),
    hide: (reranker) => reranker.hide(list[3]),
    explain: (reranker) => reranker.explain("story-3"),
    stored: (reranker) => reranker.stored(),
    apply: (reranker) => reranker.apply(undefined, list),
    erase: (reranker) => void reranker.erase(),
    dispose: (reranker) => reranker.dispose(),
  };
  const expected = { erase: "cold", dispose: "disposed" };
  for (const [name, act] of Object.entries(acts)) {
    const reranker = await warm();
    let isReady = false;
    const given = list.map((item, i) =>
      i === 30 ? acting(item, "date_published", () => isReady && act(reranker)) : item,
    );
    isReady = true;
    const ranking = await reranker.rank(given, patient);
    assertSound(ranking, given);
    assert.equal(ranking.outcome.reason, expected[name] ?? "ranked", `${name}: ${ranking.outcome.message}`);
    reranker.dispose();
  }
});

test("what the page gives to be called may rank: listener, consent, store and iterator", async () => {
  const { items: list } = makeFeed(60);
  const inner = [];
  let reranker;
  let left = 40;
  const again = () => {
    if (reranker && left-- > 0) inner.push(reranker.rank(list, patient));
  };
  const store = {
    bytes: undefined,
    read() {
      again();
      return this.bytes;
    },
    write(bytes) {
      again();
      this.bytes = bytes;
    },
  };
  const consent = () => {
    again();
    return true;
  };
  reranker = await warm({ store, consent, onOutcome: again });
  const keep = {
    *[Symbol.iterator]() {
      again();
      yield "story-0";
    },
  };
  left = 40;
  for (let i = 0; i < 5; i++) {
    const ranking = await reranker.rank(list, { ...patient, keep });
    assertSound(ranking, list);
    assert.equal(ranking.outcome.reason, "ranked", ranking.outcome.message);
  }
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.ok(inner.length > 20);
  for (const ranking of await Promise.all(inner)) assertSound(ranking, list);
  reranker.dispose();
});

test("a list of a million is ranked at its head, and one beyond the bound comes back as it is", async () => {
  const reranker = await warm();
  const { items: head } = makeFeed(200);
  const long = [...head, ...Array.from({ length: 1e6 - 200 }, (_, i) => ({ id: `more-${i}` }))];
  const ranking = await reranker.rank(long, patient);
  assert.equal(ranking.outcome.reason, "ranked", ranking.outcome.message);
  assert.equal(ranking.items.length, 1e6);
  const short = await reranker.rank(head, patient);
  for (let i = 0; i < long.length; i++)
    if (ranking.items[i] !== (short.items[i] ?? long[i])) assert.fail(`slot ${i}`);
  assert.equal(reranker.explain("unknown"), undefined);
  const sparse = [];
  sparse[4294967290] = head[0];
  const huge = new Proxy(head, { get: (list, name) => (name === "length" ? 2 ** 40 : list[name]) });
  for (const list of [[...long, ...long], sparse, huge, new Array(3e7)]) {
    const { items, outcome } = await reranker.rank(list, patient);
    assert.equal(items, list);
    assert.deepEqual([outcome.source, outcome.reason], ["server", "bad_candidates"]);
    assert.match(outcome.message, /more than 1048576 items/);
  }
  reranker.dispose();
});

test("an iterator of ids without an end is refused", async () => {
  const reranker = await warm();
  const { items: list } = makeFeed(60);
  const keep = {
    *[Symbol.iterator]() {
      for (;;) yield "story-1";
    },
  };
  const ranking = await reranker.rank(list, { ...patient, keep });
  assert.deepEqual(ranking.items, list);
  assert.equal(ranking.outcome.reason, "internal");
  assert.match(ranking.outcome.message, /at most 10000 ids/);
  reranker.dispose();
});

test("text without measure holds its item or refuses the list, and no memory stays", async () => {
  const reranker = await warm();
  const giant = "x".repeat(40e6);
  const { gc } = globalThis;
  gc?.();
  const before = process.memoryUsage();
  for (const name of ["topic", "subtopic", "vector", "date_published", "shows", "clicks", "score"]) {
    for (const many of [false, true]) {
      const { items: list } = makeFeed(60);
      const odd = list.filter((_, i) => many || i === 3);
      for (const item of odd) (name in item ? item : item._nearside)[name] = giant;
      const ranking = await reranker.rank(list, patient);
      assertSound(ranking, list);
      assert.equal(ranking.outcome.skipped, odd.length, name);
      assert.equal(ranking.items[3], list[3]);
    }
  }
  const { items: list } = makeFeed(60);
  list[3].id = giant;
  assert.equal((await reranker.rank(list, patient)).outcome.reason, "bad_candidates");
  reranker.clicked(list[3]);
  assert.equal(reranker.explain(giant), undefined);
  const { outcome } = await reranker.rank(
    { items: makeFeed(60).items, _nearside: { space: giant } },
    patient,
  );
  assert.equal(outcome.reason, "bad_candidates");
  gc?.();
  const after = process.memoryUsage();
  assert.ok(after.arrayBuffers - before.arrayBuffers < 4e6, `${after.arrayBuffers} bytes in buffers`);
  assert.equal((await reranker.rank(makeFeed(60), patient)).outcome.reason, "ranked");
  reranker.dispose();
});

test("a ranked list of the page's is not kept from being collected", { timeout: 60_000 }, async () => {
  const { gc } = await exposedGc();
  const reranker = await warm();
  const refs = [];
  const rankOne = async () => {
    const feed = makeFeed(400);
    feed.items[3].content_text = "x".repeat(1000);
    refs.push(new WeakRef(feed.items[3]), new WeakRef(feed.items[390]), new WeakRef(feed.items));
    await reranker.rank(feed, patient);
  };
  for (let i = 0; i < 3; i++) await rankOne();
  for (let i = 0; i < 20 && refs.some((ref) => ref.deref()); i++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    gc();
  }
  assert.deepEqual(
    refs.map((ref) => ref.deref() === undefined),
    refs.map(() => true),
  );
  assert.equal(reranker.explain("story-3").from, 3); // and yet it can be asked
  reranker.dispose();
});

async function exposedGc() {
  const { setFlagsFromString } = await import("node:v8");
  const { runInNewContext } = await import("node:vm");
  setFlagsFromString("--expose-gc");
  return { gc: runInNewContext("gc") };
}

test("buffers grow for odd texts, and go", () => {
  const long = "\u20ac".repeat(1024);
  const items = Array.from({ length: 200 }, (_, i) => ({
    id: `${"\u20ac".repeat(2000)}${i}`,
    _nearside: { topic: long, subtopic: long, vector: long },
  }));
  const sizeOf = (list) => withColumns(list, undefined, ({ text }) => text.buffer.byteLength);
  assert.ok(sizeOf(items) > 3e6);
  assert.ok(sizeOf(makeFeed(200).items) <= 1 << 18);
  const usual = (list) => withColumns(list, undefined, ({ text }) => text.buffer);
  assert.equal(usual(makeFeed(200).items), usual(makeFeed(200, 2).items)); // and are used again
  withColumns([{ id: "a" }], undefined, ({ text }) => {
    withColumns([{ id: "b" }], undefined, (other) => assert.notEqual(other.text.buffer, text.buffer));
  });
});

test("an id ends at 2,048 units, other text at 1,024", () => {
  assert.equal(idOf({ id: "x".repeat(2048) })?.length, 2048);
  assert.equal(idOf({ id: "x".repeat(2049) }), undefined);
  const { lengths, text } = toColumns(
    [
      { id: "a", _nearside: { topic: "x".repeat(1024) } },
      { id: "b", _nearside: { topic: "x".repeat(1025) } },
    ],
    undefined,
  );
  assert.deepEqual([...lengths], [1, 1024, 0, 0, 1, 0, 0, 1]);
  assert.equal(text.length, 1027);
});

test("only true and false, null and nothing are answers to pinned and personalize", async () => {
  const nothing = [undefined, null];
  const others = ["false", "true", "no", "", 0, 1, "0", Number.NaN, {}, [], () => {}, 0n, Symbol("no")];
  for (const value of nothing) assert.equal(flagsOf({ _nearside: { pinned: value, personalize: value } }), 0);
  assert.equal(flagsOf({ _nearside: { pinned: false, personalize: true } }), 0);
  assert.equal(flagsOf({ _nearside: { pinned: true, personalize: true } }), 1);
  assert.equal(flagsOf({ _nearside: { pinned: false, personalize: false } }), 2);
  const reranker = await warm();
  for (const name of ["pinned", "personalize"]) {
    for (const value of [...nothing, true, false, ...others]) {
      const { items: list } = makeFeed(60);
      for (const { _nearside } of list) delete _nearside.pinned;
      list.forEach((item, i) => {
        if (i % 3 === 0) item._nearside[name] = value;
      });
      const { items, outcome } = await reranker.rank(list, patient);
      const moved = list.filter((item, i) => i % 3 === 0 && items[i] !== item).length;
      const isOther = others.includes(value);
      const isHeld = isOther || value === (name === "pinned");
      assert.equal(outcome.reason, "ranked");
      assert.equal(outcome.skipped, isOther ? 20 : 0, `${name}: ${String(value)}`);
      assert.equal(moved > 0, !isHeld, `${name}: ${String(value)}`);
      assert.ok(outcome.moved > 0);
    }
  }
  reranker.dispose();
});

test("a list in which nothing can be scored is no success of the model", async () => {
  const reranker = await warm();
  const cold = createReranker({ consent: true, store: new MemoryStore(), wasmUrl: wasm, modelUrl: model });
  await cold.ready;
  const { items } = makeFeed(60);
  const each = (change) => items.map((item) => ({ ...item, _nearside: { ...item._nearside, ...change } }));
  const lists = {
    empty: [],
    "all pinned": each({ pinned: true }),
    "none to be personalized": each({ personalize: false }),
    "no vectors": each({ vector: undefined }),
    "no topics": each({ topic: null }),
    "all skipped": each({ personalize: "true" }),
    bare: items.map(({ id }) => ({ id })),
  };
  for (const [name, list] of Object.entries(lists)) {
    const { items: order, outcome } = await reranker.rank(list, patient);
    assert.deepEqual(order, list);
    assert.deepEqual([outcome.source, outcome.reason, outcome.moved], ["server", "unscored", 0], name);
    assert.equal(outcome.skipped, name === "all skipped" ? 60 : 0);
    assert.equal((await cold.rank(list, patient)).outcome.reason, "cold");
  }
  assert.equal((await reranker.rank(items, patient)).outcome.reason, "ranked");
  reranker.dispose();
  cold.dispose();
});

test("whatever stands in a list, the answer is a permutation with every held item in place", async () => {
  let state = 5;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const pick = (values) => values[Math.floor(next() * values.length)];
  const giant = "x".repeat(1e6);
  const odd = [undefined, null, true, false, "false", 0, 1, "", giant, {}, [], Number.NaN, Infinity, 5n];
  const reranker = await warm();
  const { items: others } = makeFeed(30, 3);
  const hostile = [
    (item) =>
      acting(item, pick(["id", "date_published", "topic", "pinned"]), () => void reranker.rank(others)),
    (item) => acting(item, pick(["id", "topic"]), () => reranker.explain("story-1")),
    (item) => new Proxy(item, {}),
    (item) => Object.freeze(item),
    (item) => ({ ...item, _nearside: pick([null, 5, "text", [], undefined]) }),
    (item) => ({ ...item, date_published: pick(odd) }),
    ...["topic", "subtopic", "vector", "shows", "clicks", "score", "pinned", "personalize"].map(
      (name) => (item) => ({ ...item, _nearside: { ...item._nearside, [name]: pick(odd) } }),
    ),
  ];
  const reasons = {};
  for (let round = 0; round < 300; round++) {
    const share = pick([0, 0.05, 0.5]);
    const { items } = makeFeed(pick([1, 5, 60, 200, 230]), round + 1);
    const list = items.map((item) => (next() < share ? pick(hostile)(item) : item));
    const keep = items.filter(() => next() < 0.05).map(({ id }) => id);
    const held = list.map((item, i) => i >= 200 || flagsOf(item) !== 0 || keep.includes(items[i].id));
    const { items: order, outcome } = await reranker.rank(list, { ...patient, keep });
    assert.equal(order.length, list.length);
    assert.equal(new Set(order).size, list.length);
    const given = new Set(list);
    for (const [i, item] of order.entries()) {
      assert.ok(given.has(item));
      if (held[i] || outcome.reason !== "ranked") assert.equal(item, list[i], `round ${round}, slot ${i}`);
    }
    reasons[outcome.reason] = (reasons[outcome.reason] ?? 0) + 1;
  }
  assert.ok(reasons.ranked > 200, JSON.stringify(reasons));
  for (const reason of Object.keys(reasons)) assert.ok(["ranked", "unscored"].includes(reason), reason);
  reranker.dispose();
});
