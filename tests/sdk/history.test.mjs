import assert from "node:assert/strict";
import { test } from "node:test";
import { newPage, options, pause, readTwo, stories } from "./page.mjs";

const list = stories(4);
const soon = 20;
const debounced = 700;

/** A store that notes how it is used. */
class Watched {
  uses = [];
  bytes;

  async read() {
    this.uses.push("read");
    return this.bytes;
  }

  async write(bytes) {
    this.uses.push("write");
    this.bytes = bytes;
  }

  get text() {
    return new TextDecoder().decode(this.bytes);
  }
}

/** A tab: a page of its own over a store shared with others. */
async function openTab(store, more) {
  const page = await newPage();
  const reranker = page.createReranker(options(page, { store, ...more }));
  await reranker.ready;
  return Object.assign(reranker, { page });
}

test("only `true` is consent, now or from a function", async () => {
  const page = await newPage();
  const promise = Promise.resolve(true);
  const throwing = () => {
    throw new Error("no");
  };
  for (const consent of [false, undefined, null, 1, "true", {}, promise, () => 1, () => promise, throwing]) {
    const reranker = page.createReranker(options(page, { consent }));
    assert.equal((await reranker.rank(list)).outcome.reason, "no_consent");
  }
  for (const consent of [true, () => true]) {
    const reranker = page.createReranker(options(page, { consent }));
    assert.equal((await reranker.rank(list, { budgetMs: 5000 })).outcome.reason, "cold");
  }
});

test("Global Privacy Control overrules consent", async (t) => {
  const descriptor = Object.getOwnPropertyDescriptor(globalThis, "navigator");
  t.after(() =>
    descriptor ? Object.defineProperty(globalThis, "navigator", descriptor) : delete globalThis.navigator,
  );
  Object.defineProperty(globalThis, "navigator", {
    configurable: true,
    value: { globalPrivacyControl: true },
  });
  const store = new Watched();
  const reranker = await openTab(store);
  readTwo(reranker, list);
  assert.equal((await reranker.rank(list)).outcome.reason, "no_consent");
  await pause(soon);
  assert.deepEqual(store.uses, []);
});

test("without consent nothing is fetched, read or written", async (t) => {
  const real = globalThis.fetch;
  t.after(() => (globalThis.fetch = real));
  globalThis.fetch = () => assert.fail("fetched");
  const store = new Watched();
  const reranker = await openTab(store, { consent: () => false, wasmUrl: undefined, modelUrl: undefined });
  readTwo(reranker, list);
  reranker.viewed(list[0]);
  reranker.hide(list[0]);
  reranker.dwelled(list[0], 5);
  assert.equal((await reranker.rank(list)).outcome.reason, "no_consent");
  assert.equal(reranker.stored(), undefined);
  await pause(debounced);
  reranker.dispose();
  await pause(soon);
  assert.deepEqual(store.uses, []);
  assert.deepEqual(reranker.page.control.calls, []);
});

test("consent that comes later works from the next ranking; what happened before it is not known", async () => {
  let consent = false;
  const reranker = await openTab(new Watched(), { consent: () => consent });
  readTwo(reranker, list);
  consent = true;
  assert.equal((await reranker.rank(list, { budgetMs: 5000 })).outcome.reason, "cold");
  assert.equal(reranker.stored().clicks, 0);
  await reranker.ready;
});

test("consent that comes later works from the next event", async () => {
  let consent = false;
  const store = new Watched();
  const reranker = await openTab(store, { consent: () => consent });
  consent = true;
  reranker.clicked(list[0]);
  await reranker.ready;
  await pause(soon);
  assert.match(store.text, /clicked s0/);
});

test("consent that is withdrawn ends reading and writing at once, pending events included", async () => {
  let consent = true;
  const store = new Watched();
  const reranker = await openTab(store, { consent: () => consent });
  await reranker.rank(list);
  reranker.viewed(list[0]);
  store.uses.length = 0;
  consent = false;
  assert.equal((await reranker.rank(list)).outcome.reason, "no_consent");
  reranker.clicked(list[0]);
  assert.equal(reranker.stored(), undefined);
  await pause(debounced);
  reranker.dispose();
  await pause(soon);
  assert.deepEqual(store.uses, []);
});

test("consent withdrawn while a ranking waits for loading counts", async () => {
  let consent = true;
  let arrive;
  const page = await newPage();
  const modelUrl = new Promise((resolve) => (arrive = resolve));
  const reranker = page.createReranker(options(page, { consent: () => consent, modelUrl }));
  const pending = reranker.rank(list, { budgetMs: 5000 });
  consent = false;
  arrive(Uint8Array.of(1));
  assert.equal((await pending).outcome.reason, "no_consent");
});

test("consent withdrawn between a store's answer and the writing counts", async () => {
  let consent = true;
  const store = new Watched();
  const reranker = await openTab(store, { consent: () => consent });
  store.read = async () => {
    consent = false;
    return undefined;
  };
  reranker.clicked(list[0]);
  await pause(soon);
  assert.equal(store.bytes, undefined);
});

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

const hang = () => new Promise(() => {});
const fail = () => {
  throw new Error("no");
};
const reject = async () => fail();

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

test("erase empties memory and store, and raises the generation", async () => {
  const store = new Watched();
  const reranker = await openTab(store);
  readTwo(reranker, list);
  reranker.viewed(list[2]);
  await pause(soon);
  assert.equal(await reranker.erase(), true);
  assert.deepEqual(JSON.parse(store.text), { generation: 1, events: [] });
  assert.equal((await reranker.rank(list)).outcome.reason, "cold");
  assert.equal(reranker.stored().generation, 1);
  await pause(debounced);
  assert.deepEqual(JSON.parse(store.text), { generation: 1, events: [] });
  reranker.clicked(list[3]);
  await pause(soon);
  assert.deepEqual(JSON.parse(store.text).events.length, 1);
  assert.equal(reranker.stored().clicks, 1);
});

test("an erased history is gone at once, whether or not the store has answered", async () => {
  const store = new Watched();
  const reranker = await openTab(store);
  readTwo(reranker, list);
  await pause(soon);
  store.read = hang;
  const erasing = reranker.erase();
  assert.equal((await reranker.rank(list)).outcome.reason, "cold");
  reranker.clicked(list[0]);
  assert.equal(await erasing, false);
  assert.equal(reranker.stored().clicks, 1);
});

test("events right after erase belong to the new history", async () => {
  const store = new Watched();
  const reranker = await openTab(store);
  readTwo(reranker, list);
  await pause(soon);
  const erasing = reranker.erase();
  reranker.hide(list[3]);
  await erasing;
  await pause(soon);
  const { events } = JSON.parse(store.text);
  assert.equal(events.length, 1);
  assert.match(events[0], /hide s3/);
});

test("no other tab brings an erased history back", async () => {
  const store = new Watched();
  const [a, b] = [await openTab(store), await openTab(store)];
  readTwo(a, list);
  readTwo(b, list);
  await pause(soon);
  b.viewed(list[2]); // still pending when the history is erased
  await a.erase();
  await pause(debounced);
  assert.deepEqual(JSON.parse(store.text).events, []);
  assert.equal(b.stored().clicks, 0);
  assert.equal((await b.rank(list)).outcome.reason, "cold");
  b.clicked(list[3]);
  await pause(soon);
  assert.equal(JSON.parse(store.text).events.length, 1);
});

test("erase reaches what another tab wrote of a later generation", async () => {
  const store = new Watched();
  const [a, b] = [await openTab(store), await openTab(store)];
  await b.erase();
  b.clicked(list[0]);
  await pause(soon);
  await a.erase();
  assert.deepEqual(JSON.parse(store.text).events, []);
  b.hide(list[1]);
  await pause(soon);
  assert.equal(b.stored().clicks, 0);
});

test("erase works without consent and without a core, and no tab brings anything back", async () => {
  const store = new Watched();
  const open = await openTab(store);
  readTwo(open, list);
  await pause(soon);
  const refused = await openTab(store, { consent: false });
  assert.equal(await refused.erase(), true);
  assert.doesNotMatch(store.text, /clicked/);
  assert.deepEqual(refused.page.control.calls, []);

  open.viewed(list[2]);
  await pause(debounced);
  assert.equal(open.stored().clicks, 0);
  assert.doesNotMatch(store.text, /clicked/);

  const fresh = await openTab(store);
  fresh.clicked(list[3]);
  await pause(soon);
  assert.match(store.text, /clicked s3/);
  const next = await openTab(store);
  assert.equal(next.stored().clicks, 1);
});

test("erase without consent leaves no trace where nothing was stored", async () => {
  const store = new Watched();
  const reranker = await openTab(store, { consent: false });
  assert.equal(await reranker.erase(), true);
  assert.equal(store.bytes, undefined);
});

test("erase before loading ended empties what is queued and what was stored", async () => {
  const store = new Watched();
  readTwo(await openTab(store), list);
  await pause(soon);
  const page = await newPage();
  let arrive;
  const modelUrl = new Promise((resolve) => (arrive = resolve));
  const reranker = page.createReranker(options(page, { store, modelUrl }));
  reranker.clicked(list[2]);
  const erasing = reranker.erase();
  arrive(Uint8Array.of(1));
  assert.equal(await erasing, true);
  await reranker.ready;
  await pause(soon);
  assert.equal(reranker.stored().clicks, 0);
  assert.doesNotMatch(store.text, /clicked/);
});

test("erase works after the second trap", async () => {
  const store = new Watched();
  const reranker = await openTab(store);
  readTwo(reranker, list);
  await pause(soon);
  reranker.page.control.before = () => {
    throw new WebAssembly.RuntimeError("unreachable");
  };
  await reranker.rank(list);
  await reranker.rank(list);
  assert.equal(await reranker.erase(), true);
  assert.doesNotMatch(store.text, /clicked/);
  assert.equal((await openTab(store)).stored().clicks, 0);
});

test("a trap after erase does not bring the history back", async () => {
  const store = new Watched();
  const reranker = await openTab(store);
  readTwo(reranker, list);
  await pause(soon);
  await reranker.erase();
  let trap = true;
  reranker.page.control.before = (name) => {
    if (trap && name === "rank") throw new WebAssembly.RuntimeError("unreachable");
  };
  assert.equal((await reranker.rank(list)).outcome.reason, "trap");
  trap = false;
  assert.equal((await reranker.rank(list)).outcome.reason, "cold");
  assert.equal(reranker.stored().generation, 1);
});
