import assert from "node:assert/strict";
import { test } from "node:test";
import { newPage, options, pause, readTwo, soon, stories, Watched } from "./page.mjs";

const page = await newPage();
const { createReranker } = page;
const { control } = page;

/** A reranker whose history suffices to rank. */
async function warm(more) {
  const reranker = createReranker(options(page, more));
  readTwo(reranker, stories(2));
  await reranker.ready;
  return reranker;
}

function assertServerOrder({ items, outcome }, list, reason) {
  assert.equal(outcome.reason, reason, outcome.message);
  assert.equal(outcome.source, "server");
  assert.equal(outcome.moved, 0);
  assert.notEqual(items, list);
  assert.equal(items.length, list.length);
  for (const [i, item] of items.entries()) assert.equal(item, list[i]);
}

test("a ranking is a new array of the same objects, with pinned items in place", async () => {
  const reranker = await warm();
  const list = stories(7, (i) => ({ pinned: i === 1, personalize: i !== 4 }));
  const { items, outcome } = await reranker.rank(list);
  assert.deepEqual(
    items.map(({ id }) => id),
    ["s6", "s1", "s5", "s3", "s4", "s2", "s0"],
  );
  assert.equal(items[0], list[6]);
  assert.ok(outcome.ms >= 0);
  assert.deepEqual(
    { ...outcome, ms: 0 },
    {
      source: "model",
      reason: "ranked",
      ms: 0,
      modelId: "fake-1",
      moved: 4,
      skipped: 1,
    },
  );
});

test("a feed is ranked by its items, and its vector space reaches the core", async () => {
  const reranker = await warm();
  control.before = (name, ...args) => name === "rank" && assert.equal(args[4], "some-space");
  const { items, outcome } = await reranker.rank({
    version: "…",
    items: stories(3),
    _nearside: { space: "some-space" },
  });
  control.before = () => {};
  assert.equal(outcome.reason, "ranked");
  assert.deepEqual(
    items.map(({ id }) => id),
    ["s2", "s1", "s0"],
  );
});

test("without enough history the order is the server's", async () => {
  const reranker = createReranker(options(page));
  const list = stories(5);
  await reranker.ready;
  assertServerOrder(await reranker.rank(list), list, "cold");
});

test("what is no list comes back as an empty one", async () => {
  const reranker = await warm();
  const hostile = new Proxy([], {
    get() {
      throw new Error("no");
    },
  });
  const throwing = {
    get items() {
      throw new Error("no");
    },
  };
  for (const feed of [undefined, null, 5, "text", {}, { items: 5 }, () => {}, new Map(), hostile, throwing]) {
    const { items, outcome } = await reranker.rank(feed);
    assert.deepEqual(items, []);
    assert.equal(outcome.reason, "bad_candidates");
  }
});

test("a list with a faulty item keeps the server's order", async () => {
  const reranker = await warm();
  const list = stories(3);
  const throwing = {
    get id() {
      throw new Error("no");
    },
  };
  const late = {
    id: "late",
    get _nearside() {
      throw new Error("no");
    },
  };
  const untold = {
    id: "untold",
    get _nearside() {
      throw undefined;
    },
  };
  const faulty = [
    null,
    undefined,
    5,
    {},
    { id: "" },
    { id: null },
    { id: Number.NaN },
    { id: {} },
    { id: "s1" },
    throwing,
    late,
    untold,
  ];
  for (const item of faulty) {
    const spoiled = [...list, item];
    assertServerOrder(await reranker.rank(spoiled), spoiled, "bad_candidates");
  }
  const sparse = stories(3);
  delete sparse[1];
  assertServerOrder(await reranker.rank(sparse), [...sparse], "bad_candidates");
  const feed = {
    items: list,
    get _nearside() {
      throw new Error("no");
    },
  };
  assertServerOrder(await reranker.rank(feed), list, "bad_candidates");
  assertServerOrder(await reranker.rank({ items: list, _nearside: { space: 5 } }), list, "bad_candidates");
});

test("behind the 200th item no fault counts, and everything stays", async () => {
  const reranker = await warm();
  const untouchable = new Proxy(
    {},
    {
      get() {
        throw new Error("read");
      },
    },
  );
  const list = [...stories(200), { id: "s7" }, null, undefined, 5, {}, untouchable, "text", { id: "s7" }];
  const { items, outcome } = await reranker.rank(list);
  assert.equal(outcome.reason, "ranked", outcome.message);
  assert.equal(outcome.moved, 200);
  for (let i = 200; i < list.length; i++) assert.equal(items[i], list[i]);
});

test("odd but sound items are ranked", async () => {
  const reranker = await warm();
  const list = [
    { id: "__proto__" },
    { id: "constructor", _nearside: null },
    { id: 7, _nearside: 5 },
    Object.freeze({ id: "frozen", _nearside: Object.freeze({ topic: "x" }) }),
    JSON.parse(
      '{"id": "polluting", "__proto__": {"pinned": true}, "_nearside": {"__proto__": {"pinned": true}}}',
    ),
    Object.assign(Object.create(null), { id: "bare" }),
    {
      id: "\ud800",
      date_published: 5,
      _nearside: { shows: Number.NaN, clicks: "3", score: -Infinity, vector: {} },
    },
  ];
  const { items, outcome } = await reranker.rank(list);
  assert.equal(outcome.reason, "ranked");
  for (const [i, item] of items.entries()) assert.equal(item, list[list.length - 1 - i]);
  assert.equal(reranker.explain("__proto__").to, 6);
  assert.equal(reranker.explain(7).to, 4);
  assert.equal(reranker.explain("7").to, 4);
});

test("of 10,000 items the first 200 are ranked and the others keep their place", async () => {
  const reranker = await warm();
  const list = stories(10_000);
  const { items, outcome } = await reranker.rank(list, { budgetMs: 10_000 });
  assert.equal(outcome.reason, "ranked");
  assert.equal(outcome.moved, 200);
  for (let i = 0; i < 200; i++) assert.equal(items[i], list[199 - i]);
  for (let i = 200; i < list.length; i++) assert.equal(items[i], list[i]);
});

test("empty and one-item lists are no special case", async () => {
  const reranker = await warm();
  assert.deepEqual((await reranker.rank([])).items, []);
  const list = stories(1);
  const { items, outcome } = await reranker.rank(list);
  assert.equal(items[0], list[0]);
  assert.equal(outcome.moved, 0);
});

test("kept items keep their slots, whatever the kind of list", async () => {
  const reranker = await warm();
  const list = [...stories(4), { id: 4 }];
  for (const keep of [["s0", 4], new Set(["s0", "4"])]) {
    const { items } = await reranker.rank(list, { keep });
    assert.deepEqual(
      items.map(({ id }) => id),
      ["s0", "s3", "s2", "s1", 4],
    );
  }
  for (const keep of ["s0", 5, {}]) assertServerOrder(await reranker.rank(list, { keep }), list, "internal");
  const throwing = {
    get keep() {
      throw new Error("no");
    },
  };
  assertServerOrder(await reranker.rank(list, throwing), list, "internal");
});

test("an answer that is no permutation, or moves a pinned item, is not used", async (t) => {
  const reranker = await warm();
  t.after(() => (control.order = (order) => order));
  const list = stories(4, (i) => ({ pinned: i === 3 }));
  const wrong = [
    [],
    [0, 1, 2],
    [0, 1, 2, 3, 3],
    [0, 0, 2, 3],
    [0, 1, 4, 3],
    [4294967295, 1, 2, 3],
    [3, 1, 2, 0],
  ];
  for (const order of wrong) {
    control.order = () => Uint32Array.from(order);
    assertServerOrder(await reranker.rank(list), list, "internal");
  }
  control.order = () => Uint32Array.of(2, 0, 1, 3);
  assert.equal((await reranker.rank(list)).outcome.reason, "ranked");
});

test("an order that takes longer than the budget is discarded", async (t) => {
  const reranker = await warm();
  t.after(() => (control.before = () => {}));
  control.before = (name) => {
    const until = performance.now() + 30;
    while (name === "rank" && performance.now() < until);
  };
  const list = stories(4);
  assertServerOrder(await reranker.rank(list, { budgetMs: 5 }), list, "budget");
  assert.equal(reranker.explain("s0"), undefined);
  assert.equal((await reranker.rank(list, { budgetMs: 5000 })).outcome.reason, "ranked");
});

test("a budget that is no number is the default", async () => {
  const reranker = await warm();
  for (const budgetMs of [Number.NaN, "5", null, Infinity]) {
    assert.equal((await reranker.rank(stories(3), { budgetMs })).outcome.reason, "ranked");
  }
});

test("the budget includes loading, which goes on for the next ranking", async () => {
  let arrive;
  const modelUrl = new Promise((resolve) => (arrive = resolve));
  const reranker = createReranker(options(page, { modelUrl }));
  const list = stories(4);
  readTwo(reranker, list);
  const started = performance.now();
  const result = await reranker.rank(list, { budgetMs: 40 });
  const took = performance.now() - started;
  assertServerOrder(result, list, "budget");
  assert.ok(took >= 35 && took < 1000, `${took} ms`);
  assert.equal(result.outcome.modelId, undefined);
  const pending = reranker.rank(list, { budgetMs: 5000 });
  arrive(new Uint8Array([1]));
  assert.equal((await pending).outcome.reason, "ranked");
});

test("policy values out of range keep the server's order and are named", async () => {
  const list = stories(3);
  const wrong = {
    strength: [-1, 11, Number.NaN, "1", {}],
    k: [0, -1, Number.NaN, Infinity, "10"],
    minimumEvidence: [-1, Number.NaN, Infinity],
    maximumDisplacement: [-1, 1.5, Number.NaN, "3"],
    topicCap: [5, {}, { limit: 0, window: 3 }, { limit: 1 }, { limit: 1.5, window: 2 }],
  };
  for (const [name, values] of Object.entries(wrong)) {
    for (const value of values) {
      const reranker = await warm({ policy: { [name]: value } });
      const result = await reranker.rank(list);
      assertServerOrder(result, list, "internal");
      assert.match(result.outcome.message, new RegExp(`policy\\.${name}`));
    }
  }
});

test("policy values reach the core, with defaults for what is left out", async (t) => {
  t.after(() => (control.before = () => {}));
  const policies = [
    [undefined, [0.8, Number.NaN, 2, 10, Number.NaN, Number.NaN]],
    [{ topicCap: false }, [0.8, Number.NaN, 2, 10, Number.NaN, Number.NaN]],
    [{ strength: null, topicCap: null }, [0.8, Number.NaN, 2, 10, Number.NaN, Number.NaN]],
    [
      {
        strength: 2,
        k: 5,
        minimumEvidence: 0,
        maximumDisplacement: Infinity,
        topicCap: { limit: 2, window: 5 },
      },
      [2, 5, 0, Infinity, 2, 5],
    ],
  ];
  for (const [policy, expected] of policies) {
    const reranker = await warm({ policy });
    let seen;
    control.before = (name, ...args) => {
      if (name === "rank") seen = [...args[5]];
    };
    await reranker.rank(stories(2));
    assert.deepEqual(seen, expected);
  }
});

test("strength 0 is `off`, and nothing is loaded to rank", async () => {
  let asked = false;
  const store = {
    read() {
      asked = true;
    },
    write() {},
  };
  const reranker = createReranker(options(page, { policy: { strength: 0 }, store }));
  const list = stories(3);
  await reranker.ready;
  assertServerOrder(await reranker.rank(list), list, "off");
  assert.equal(asked, false);
});

test("each ranking has one outcome, also for the listener, whose failures are swallowed", async () => {
  const seen = [];
  const reranker = await warm({
    onOutcome(outcome) {
      seen.push(outcome);
      if (seen.length === 1) throw new Error("no");
      return Promise.reject(new Error("no"));
    },
  });
  const first = await reranker.rank(stories(3));
  const second = await reranker.rank(null);
  await pause();
  assert.deepEqual(seen, [first.outcome, second.outcome]);
});

test("zones ranked at once do not mix", async () => {
  const reranker = await warm();
  const [a, b] = await Promise.all([reranker.rank(stories(3)), reranker.rank([{ id: "x" }, { id: "y" }])]);
  assert.deepEqual(
    a.items.map(({ id }) => id),
    ["s2", "s1", "s0"],
  );
  assert.deepEqual(
    b.items.map(({ id }) => id),
    ["y", "x"],
  );
  assert.equal(reranker.explain("s2").to, 0);
  assert.equal(reranker.explain("y").to, 0);
});

test("explain gives the core's numbers by name, and each slot", async () => {
  const reranker = await warm();
  await reranker.rank(stories(202, (i) => ({ pinned: i === 3 })));
  assert.deepEqual(reranker.explain("s1"), {
    id: "s1",
    from: 1,
    to: 198,
    features: { first: 1, second: 1.5 },
    serverLogit: -1,
    personal: 2,
    weight: 0.5,
    bound: "none",
  });
  assert.equal(reranker.explain("s3").bound, "pinned");
  const beyond = reranker.explain("s201");
  assert.deepEqual([beyond.from, beyond.to, beyond.bound, beyond.features], [201, 201, "beyond_limit", {}]);
  assert.equal(reranker.explain("unknown"), undefined);
  assert.equal(reranker.explain(undefined), undefined);
});

test("explain speaks of the last ranking of a story", async () => {
  const reranker = await warm();
  await reranker.rank(stories(3));
  await reranker.rank([...stories(2), { id: "else" }]);
  assert.equal(reranker.explain("s0").to, 2);
  assert.equal(reranker.explain("s1").to, 1);
  assert.equal(reranker.explain("s2").to, 0); // only the first had it
  await reranker.rank([{ id: "s0" }, { id: "s0" }]);
  assert.equal(reranker.explain("s0"), undefined); // that list was refused
});

test("methods work without their object", async () => {
  const { rank, clicked, explain } = await warm();
  clicked(stories(1)[0]);
  assert.equal((await rank(stories(3))).outcome.reason, "ranked");
  assert.equal(explain("s0").from, 0);
});

test("after dispose each ranking answers `disposed`, also one that was waiting", async () => {
  const waiting = createReranker(
    options(page, { modelUrl: new Promise((resolve) => setTimeout(resolve, 30, new Uint8Array([1]))) }),
  );
  const list = stories(3);
  const pending = waiting.rank(list, { budgetMs: 1000 });
  waiting.dispose();
  waiting.dispose();
  assertServerOrder(await pending, list, "disposed");
  assertServerOrder(await waiting.rank(list), list, "disposed");
  assert.equal(waiting.stored(), undefined);
});

test("loading begins in a task of its own, unless the reranker is disposed of before", async () => {
  const store = new Watched();
  const short = createReranker(options(page, { store }));
  await Promise.resolve();
  short.dispose();
  await short.ready;
  await pause(soon);
  assert.deepEqual(store.uses, []);
  const reranker = createReranker(options(page, { store }));
  await Promise.resolve();
  assert.deepEqual(store.uses, []);
  await reranker.ready;
  assert.deepEqual(store.uses, ["read"]);
});
