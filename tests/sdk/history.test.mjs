import assert from "node:assert/strict";
import { test } from "node:test";
import { debounced, newPage, openTab, options, pause, readTwo, soon, stories, Watched } from "./page.mjs";

const list = stories(4);
const hang = () => new Promise(() => {});
const fail = () => {
  throw new Error("no");
};
const reject = async () => fail();

test("events before loading ended are not lost", async () => {
  let arrive;
  const store = new Watched();
  const page = await newPage();
  const modelUrl = new Promise((resolve) => (arrive = resolve));
  const reranker = page.createReranker(options(page, { modelUrl, store }));
  readTwo(reranker, list);
  reranker.viewed(list[2]);
  arrive(Uint8Array.of(1));
  await reranker.ready;
  assert.equal((await reranker.rank(list)).outcome.reason, "ranked");
  assert.equal(reranker.stored().views, 1);
  await pause(soon);
  assert.match(store.text, /clicked s0.*clicked s1.*viewed s2/);
});

test("events reach the core with what it needs of the item", async () => {
  const reranker = await openTab(new Watched());
  const calls = [];
  reranker.page.control.before = (...call) => calls.push(call);
  const item = { id: 7, _nearside: { topic: "t", subtopic: "s", vector: "AAAA" } };
  const before = Date.now();
  reranker.viewed(item);
  reranker.clicked(item);
  reranker.dwelled(item, 12.5);
  reranker.hide(item);
  reranker.unhide(item);
  reranker.clicked({ id: "bare", _nearside: { topic: 5, vector: {} } });
  await pause(soon);
  const events = calls.filter(([name]) => ["viewed", "clicked", "dwelled", "hide", "unhide"].includes(name));
  for (const event of events) {
    const at = event.pop();
    assert.ok(at >= before && at <= Date.now());
  }
  assert.deepEqual(events, [
    ["viewed", "7", "t"],
    ["clicked", "7", "t", "s", "AAAA"],
    ["dwelled", "7", 12.5],
    ["hide", "7", "t", "AAAA"],
    ["unhide", "7"],
    ["clicked", "bare", "", "", ""],
  ]);
});

test("a vector of another space than the model's is not taken in", async () => {
  const reranker = await openTab(new Watched());
  const item = (id) => ({ id, _nearside: { vector: "AAAA" } });
  await reranker.rank({ items: [item("foreign")], _nearside: { space: "else" } });
  await reranker.rank({ items: [item("own")], _nearside: { space: "fake-space" } });
  const vectors = {};
  reranker.page.control.before = (name, id, ...args) => {
    if (name === "clicked") vectors[id] = args[2];
  };
  for (const id of ["foreign", "own", "unknown"]) reranker.clicked(item(id));
  await pause(soon);
  assert.deepEqual(vectors, { foreign: "", own: "AAAA", unknown: "AAAA" });
});

test("events never throw and take no garbage", async () => {
  const reranker = await openTab(new Watched());
  const throwing = {
    get id() {
      throw new Error("no");
    },
  };
  for (const item of [undefined, null, 5, "s0", {}, { id: "" }, { id: {} }, throwing]) {
    for (const event of ["viewed", "clicked", "dwelled", "hide", "unhide"]) reranker[event](item, 5);
  }
  for (const seconds of [undefined, Number.NaN, Infinity, -1, "5", null]) reranker.dwelled(list[0], seconds);
  reranker.watch(undefined);
  reranker.watch({});
  assert.deepEqual(reranker.apply(undefined, undefined), { applied: false, reason: "stale_list" });
  await pause(soon);
  const calls = reranker.page.control.calls;
  assert.deepEqual(
    calls.filter((name) => /viewed|clicked|dwelled|hide/.test(name)),
    [],
  );
});

test("clicks are written at once, views together and a little later", async () => {
  const store = new Watched();
  const reranker = await openTab(store);
  store.uses.length = 0;
  reranker.clicked(list[0]);
  await pause(soon);
  assert.deepEqual(store.uses, ["read", "write"]);
  store.uses.length = 0;
  for (const item of list) reranker.viewed(item);
  await pause(soon);
  assert.deepEqual(store.uses, []);
  await pause(debounced);
  assert.deepEqual(store.uses, ["read", "write"]);
});

test("what happens in one turn is written once, and what happens during that write is written, too", async () => {
  const store = new Watched();
  const reranker = await openTab(store);
  store.uses.length = 0;
  for (const item of list.slice(0, 2)) reranker.clicked(item);
  await pause(soon);
  assert.deepEqual(store.uses, ["read", "write"]);
  store.uses.length = 0;
  store.write = async (bytes) => {
    delete store.write;
    reranker.clicked(list[3]);
    await store.write(bytes);
  };
  reranker.clicked(list[2]);
  await pause(soon);
  assert.deepEqual(store.uses, ["read", "write", "read", "write"]);
  assert.match(store.text, /s2.*s3/);
});

test("what a reranker may not store any more as its turn comes keeps nothing of another's from being stored", async () => {
  const store = new Watched();
  let consent = true;
  const one = await openTab(store, { consent: () => consent });
  const other = one.page.createReranker(options(one.page, { store }));
  await other.ready;
  store.read = async () => {
    delete store.read;
    consent = false;
    return store.read();
  };
  one.clicked(list[0]);
  other.clicked(list[1]);
  await pause(soon);
  assert.match(store.text, /clicked s1/);
});

test("dispose writes what is pending", async () => {
  const store = new Watched();
  const reranker = await openTab(store);
  reranker.viewed(list[0]);
  reranker.dispose();
  await pause(soon);
  assert.match(store.text, /viewed s0/);
  reranker.clicked(list[1]);
  await pause(soon);
  assert.doesNotMatch(store.text, /clicked/);
});

test("tabs keep each other's events", async () => {
  const store = new Watched();
  const [a, b] = [await openTab(store), await openTab(store)];
  a.clicked(list[0]);
  await pause(soon);
  b.clicked(list[1]);
  await pause(soon);
  a.clicked(list[2]);
  await pause(soon);
  assert.match(store.text, /s0.*s1.*s2/);
  assert.equal(a.stored().clicks, 3);
  const later = await openTab(store);
  assert.equal((await later.rank(list)).outcome.reason, "ranked");
});

test("nothing is written when nothing is new", async () => {
  const store = new Watched();
  const reranker = await openTab(store);
  reranker.clicked(list[0]);
  await pause(soon);
  const now = Date.now;
  Date.now = () => 1;
  try {
    reranker.hide(list[1]);
    await pause(soon);
    store.uses.length = 0;
    reranker.hide(list[1]);
    await pause(soon);
  } finally {
    Date.now = now;
  }
  assert.deepEqual(store.uses, ["read"]);
});

test("a store with transactions is used through them", async () => {
  const store = new Watched();
  store.update = async (change) => {
    store.uses.push("update");
    const bytes = change(store.bytes);
    if (bytes) store.bytes = bytes;
  };
  const reranker = await openTab(store);
  reranker.clicked(list[0]);
  await pause(soon);
  assert.deepEqual(store.uses, ["read", "update"]);
  assert.match(store.text, /clicked s0/);
});

test("a corrupted record gives a fresh history, which replaces it", async () => {
  for (const bytes of [Uint8Array.of(1, 2, 3), new Uint8Array(), new Uint8Array(100)]) {
    const store = new Watched();
    store.bytes = bytes;
    const reranker = await openTab(store);
    const { outcome } = await reranker.rank(list);
    assert.equal(outcome.reason, "cold");
    assert.equal(outcome.storage, undefined);
    reranker.clicked(list[0]);
    await pause(soon);
    assert.match(store.text, /clicked s0/);
  }
});

test("a store that throws, rejects, hangs or answers with garbage leaves ranking to memory", async () => {
  const bad = [
    {},
    "store",
    { read: fail, write: fail },
    { read: reject, write: reject },
    { read: hang, write: hang },
    { read: async () => "garbage", write: async () => {} },
    { read: async () => ({ length: 5 }), write: async () => {} },
    { read: async () => undefined, write: reject },
    { read: async () => undefined, write: hang },
    { read: async () => undefined, write: async () => {}, update: reject },
    { read: async () => undefined, write: async () => {}, update: (change) => void change("garbage") },
    {
      get read() {
        throw new Error("no");
      },
    },
  ];
  await Promise.all(
    bad.map(async (store) => {
      const reranker = await openTab(store);
      readTwo(reranker, list);
      await pause(1500);
      const { outcome } = await reranker.rank(list);
      assert.equal(outcome.reason, "ranked");
      assert.equal(outcome.storage, "memory");
      reranker.clicked(list[3]);
      await pause(soon);
      assert.equal(reranker.stored().clicks, 3);
    }),
  );
});

test("a store that fails is not asked again", async () => {
  let uses = 0;
  const store = {
    async read() {
      uses++;
      throw new Error("no");
    },
    write: fail,
  };
  const reranker = await openTab(store);
  readTwo(reranker, list);
  await pause(soon);
  assert.equal(uses, 1);
});

test("a store that answers too late changes nothing any more", async () => {
  const store = new Watched();
  const reranker = await openTab(store);
  let answer;
  store.read = () => new Promise((resolve) => (answer = resolve));
  reranker.clicked(list[0]);
  await pause(1200);
  store.uses.length = 0;
  answer(undefined);
  await pause(soon);
  assert.deepEqual(store.uses, []);
});

test("a trap while merging is no storage trouble", async () => {
  const reranker = await openTab(new Watched());
  let trap = true;
  reranker.page.control.before = (name) => {
    if (trap && name === "profileBytes") throw new WebAssembly.RuntimeError("unreachable");
  };
  reranker.clicked(list[0]);
  await pause(soon);
  trap = false;
  reranker.clicked(list[1]);
  const { outcome } = await reranker.rank(list);
  assert.equal(outcome.reason, "ranked");
  assert.equal(outcome.storage, undefined);
});
