import assert from "node:assert/strict";
import { test } from "node:test";
import { newPage, openTab, options, pause, readTwo, soon, stories, Watched } from "./page.mjs";

const list = stories(4);
const encode = (text) => new TextEncoder().encode(text);
const writes = (store) => store.uses.filter((use) => use === "write").length;

/** The mark of an erasure without a core, `times` times, before other bytes. */
function marked(times, bytes = new Uint8Array()) {
  const record = new Uint8Array(8 + bytes.length);
  new DataView(record.buffer).setUint32(0, 0x4e534552);
  new DataView(record.buffer).setUint32(4, times, true);
  record.set(bytes, 8);
  return record;
}

const kept = encode(JSON.stringify({ generation: 0, events: ["clicked s0"] }));
const unsound = {
  "no record": encode("what is this"),
  nothing: new Uint8Array(),
  "a huge one": new Uint8Array(1 << 20).fill(32),
  "a count that nothing could be above": marked(2 ** 32 - 1, kept),
  "what has ended": encode(JSON.stringify({ generation: 0, events: ["clicked s0", "ended s1"] })),
};

test("what cannot be a record, or has ended, is replaced at the start, once", async () => {
  for (const [name, bytes] of Object.entries(unsound)) {
    const store = new Watched();
    store.bytes = bytes;
    await openTab(store, { consent: false });
    await pause(soon);
    assert.equal(writes(store), 0, `${name}: not without consent`);
    const tab = await openTab(store);
    await pause(soon);
    assert.equal(writes(store), 1, name);
    assert.doesNotMatch(store.text, /ended|what|^ /, name);
    assert.equal(JSON.parse(store.text).events.length, name === "what has ended" ? 1 : 0, name);
    await openTab(store);
    await pause(soon);
    assert.equal(writes(store), 1, `${name}: once`);
    readTwo(tab, list);
    await pause(soon);
    assert.match(store.text, /clicked s1/);
  }
});

test("what is sound is not written again", async () => {
  for (const bytes of [undefined, kept, marked(3), marked(3, kept), marked(2 ** 24, kept)]) {
    const store = new Watched();
    store.bytes = bytes;
    const tab = await openTab(store);
    await tab.rank(list);
    await pause(soon);
    assert.equal(writes(store), 0);
  }
});

test("an erasure without consent takes what cannot be a record, and leaves a mark as it is", async () => {
  for (const [name, bytes] of Object.entries(unsound)) {
    const store = new Watched();
    store.bytes = bytes;
    assert.equal(await (await openTab(store, { consent: false })).erase(), true);
    assert.equal(store.bytes.length, 8, name);
  }
  const store = new Watched();
  store.bytes = marked(3);
  assert.equal(await (await openTab(store, { consent: false })).erase(), true);
  assert.equal(writes(store), 0);
});

test("behind the last generation an erasure still ends the history, in every tab", async () => {
  for (const bytes of [
    encode(JSON.stringify({ generation: 2 ** 24, events: ["clicked s0"] })),
    marked(2 ** 24, encode(JSON.stringify({ generation: 3, events: ["clicked s0"] }))),
    marked(2 ** 24 - 4, encode(JSON.stringify({ generation: 2 ** 24, events: ["clicked s0"] }))),
    // Tabs that tell each other nothing learn of it by the store alone.
    marked(2 ** 24, encode(JSON.stringify({ generation: 2 ** 24, events: ["clicked s0"] }))),
  ]) {
    const store = new Watched();
    store.bytes = bytes;
    const [a, b] = [await openTab(store), await openTab(store)];
    assert.equal(b.stored().clicks, 1);
    assert.equal(await a.erase(), true);
    b.clicked(list[3]);
    await pause(soon);
    assert.doesNotMatch(store.text, /clicked s0/);
    assert.ok((await openTab(store)).stored().clicks <= 1);
  }
});

test("what was seen is noted without its id, and forgotten at a withdrawal and an erasure", async () => {
  const page = await newPage();
  const { profileOf } = await import(page.url("profile.js"));
  const { seen } = profileOf(undefined);
  let consent = true;
  const reranker = page.createReranker(options(page, { store: undefined, consent: () => consent }));
  await reranker.ready;
  const note = () => {
    for (const key of ["s0", "1234.5 s0", "s1"]) seen.add(key);
    assert.ok(seen.has("s0") && seen.has("s1") && !seen.has("s2"));
    const shared = globalThis[Symbol.for("nearside")].seen;
    assert.ok([...shared].every((key) => typeof key === "number") && shared.size === 3, "numbers only");
  };
  note();
  await reranker.rank(list);
  assert.ok(seen.has("s0"));
  consent = false;
  await reranker.rank(list);
  assert.ok(!seen.has("s0") && !seen.has("s1"));
  consent = true;
  await reranker.rank(list);
  note();
  await reranker.erase();
  assert.ok(!seen.has("s0"));
});

test("a reranker without consent of its own forgets nothing of another's", async () => {
  const page = await newPage();
  const { profileOf } = await import(page.url("profile.js"));
  const store = new Watched();
  const [yes, no] = [true, false].map((consent) => page.createReranker(options(page, { store, consent })));
  await yes.ready;
  profileOf(store).seen.add("s0");
  await no.rank(list);
  assert.ok(profileOf(store).seen.has("s0"));
});

test("a vector belongs to the space of the reranker that was told of it", async () => {
  const page = await newPage();
  const { tell } = await import(page.url("event.js"));
  const told = [];
  const core = { record: ({ vector }) => told.push(vector) };
  const event = {
    kind: "clicked",
    id: "a",
    topic: "",
    subtopic: "",
    vector: "AAAA",
    space: "",
    seconds: 0,
    at: 0,
  };
  tell(core, event, "one", "one");
  tell(core, event, "other", "one");
  tell(core, event, "", "one");
  assert.deepEqual(told, ["AAAA", "", ""]);
});
