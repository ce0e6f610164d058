import assert from "node:assert/strict";
import { test } from "node:test";
import { debounced, newPage, openTab, options, pause, readTwo, soon, stories, Watched } from "./page.mjs";

const list = stories(4);
const hang = () => new Promise(() => {});

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

test("an old record that is put back after erase is not taken in", async () => {
  const store = new Watched();
  readTwo(await openTab(store), list);
  await pause(soon);
  const old = store.bytes;
  let consent = false;
  const reranker = await openTab(store, { consent: () => consent });
  await reranker.erase();
  store.bytes = old; // by a store that lost the last write, say
  consent = true;
  reranker.clicked(list[2]);
  await reranker.ready;
  await pause(soon);
  assert.equal(reranker.stored().clicks, 1);
  store.bytes = old;
  reranker.clicked(list[3]);
  await pause(soon);
  assert.equal(reranker.stored().clicks, 2);
  assert.doesNotMatch(store.text, /clicked s0/);
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

/** A tab whose model has not come yet; `arrive` lets it come. */
async function openLoading(store, more) {
  const page = await newPage();
  let arrive;
  const modelUrl = new Promise((resolve) => (arrive = () => resolve(Uint8Array.of(1))));
  const reranker = page.createReranker(options(page, { store, modelUrl, ...more }));
  return Object.assign(reranker, { arrive });
}

test("erase before loading ended, over nothing stored, reaches a tab that is itself still loading", async () => {
  const store = new Watched();
  const [a, b] = [await openLoading(store), await openLoading(store)];
  readTwo(a, list);
  await pause(soon);
  assert.equal(await b.erase(), true);
  assert.ok(store.bytes.length < 16, "a mark, and no history");
  a.arrive();
  await a.ready;
  await pause(soon);
  assert.equal(a.stored().clicks, 0);
  assert.doesNotMatch(store.text, /clicked/);
  a.clicked(list[2]);
  await pause(soon);
  assert.match(store.text, /clicked s2/);
});

test("erase after consent was withdrawn writes nothing where nothing was stored", async () => {
  const store = new Watched();
  let consent = true;
  const reranker = await openTab(store, { consent: () => consent });
  consent = false;
  assert.equal(await reranker.erase(), true);
  assert.equal(store.bytes, undefined);
});

test("what was seen before erase may be seen again", async () => {
  const page = await newPage();
  const { profileOf } = await import(page.url("profile.js"));
  const store = new Watched();
  const reranker = page.createReranker(options(page, { store }));
  await reranker.ready;
  const { seen } = profileOf(store);
  seen.add("s0");
  await reranker.erase();
  assert.equal(seen.size, 0);
});

test("erasing counts on, with and without a core, and a tab that learns of it late takes nothing from the others", async () => {
  const store = new Watched();
  const late = await openTab(store);
  await late.erase();
  const count = async () => (await openTab(store)).stored().generation;
  assert.equal(await count(), 1);
  await (await openLoading(store)).erase();
  const first = await count();
  await (await openLoading(store)).erase();
  assert.equal(await count(), first + 1);
  const tab = await openTab(store);
  await tab.erase();
  assert.equal(await count(), first + 2);
  await (await openLoading(store)).erase();
  const fresh = await openTab(store);
  readTwo(fresh, list);
  await pause(soon);
  late.viewed(list[2]); // its core has counted an erasure that no longer matters
  await pause(debounced);
  assert.equal(late.stored().generation, fresh.stored().generation);
  assert.equal((await openTab(store)).stored().clicks, 2);
});

test("erase reaches a later history that it learns of only then, also in the tab that has it", async () => {
  const store = new Watched();
  const late = await openTab(store);
  await late.erase();
  await (await openLoading(store)).erase();
  const fresh = await openTab(store);
  fresh.viewed(list[0]); // not stored yet
  await late.erase();
  late.clicked(list[1]);
  await pause(debounced);
  assert.deepEqual([fresh.stored().views, fresh.stored().clicks], [0, 1]);
});

test("an erasure behind the end of all rerankers is one, for every tab", async () => {
  const store = new Watched();
  const [first, second] = [await openTab(store), await openTab(store)];
  readTwo(first, list);
  await pause(soon);
  await second.rank(list);
  second.clicked(list[2]);
  await pause(soon);
  assert.equal(second.stored().clicks, 3);
  first.dispose();
  await pause(soon);
  assert.equal(await first.erase(), true);
  assert.deepEqual(JSON.parse(store.text), { generation: 1, events: [] });
  second.clicked(list[3]);
  await pause(soon);
  assert.doesNotMatch(store.text, /clicked s[012]/);
});
