import assert from "node:assert/strict";
import { test } from "node:test";
import { debounced, newPage, openTab, options, pause, readTwo, soon, stories, Watched } from "./page.mjs";

const list = stories(4);

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

test("an outcome says what is wrong with the page's own consent, in few words", async () => {
  const page = await newPage();
  const message = async (consent) => {
    const reranker = page.createReranker(options(page, { consent }));
    const { outcome } = await reranker.rank(list);
    reranker.dispose();
    assert.equal(outcome.reason, "no_consent");
    return outcome.message;
  };
  const throws = (error) => () => {
    throw error;
  };
  assert.equal(await message(throws(new TypeError("cmp is undefined"))), "consent threw: cmp is undefined");
  assert.equal(await message(throws("no")), "consent threw: no");
  for (const error of [
    undefined,
    null,
    Object.create(null),
    {
      get message() {
        throw 1;
      },
    },
    Symbol("x"),
  ])
    assert.match(await message(throws(error)), /^consent threw: /);
  assert.ok((await message(throws(new Error("x".repeat(1e6))))).length <= 200);
  for (const [consent, type] of [
    [undefined, "undefined"],
    [null, "object"],
    [1, "number"],
    ["true", "string"],
    ["AUTO", "string"],
    [{}, "object"],
    [{ signal: "tcf" }, "object"],
    [{ signal: "auto", purposes: 7 }, "object"],
    [() => 1, "number"],
    [async () => true, "object"],
    [() => () => true, "function"],
  ])
    assert.equal(
      await message(consent),
      `consent must be a boolean, a function that returns one, or "auto": ${type}`,
    );
  for (const consent of [false, () => false]) assert.equal(await message(consent), undefined);
});

test("a consent function that rejects is no error of the page's", async (t) => {
  const rejections = [];
  const note = (error) => rejections.push(error);
  process.on("unhandledRejection", note);
  t.after(() => process.off("unhandledRejection", note));
  const page = await newPage();
  const reranker = page.createReranker(
    options(page, {
      consent: async () => {
        throw new Error("no");
      },
    }),
  );
  assert.equal((await reranker.rank(list)).outcome.reason, "no_consent");
  await pause(soon);
  assert.deepEqual(rejections, []);
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

test("consent withdrawn while another use of the store goes on counts", async () => {
  let consent = true;
  let answer;
  const store = new Watched();
  const reranker = await openTab(store, { consent: () => consent });
  store.uses.length = 0;
  store.read = () => {
    store.uses.push("read");
    return new Promise((resolve) => {
      answer = resolve;
    });
  };
  reranker.clicked(list[0]);
  reranker.clicked(list[1]);
  await pause(soon);
  consent = false;
  answer(undefined);
  await pause(soon);
  assert.deepEqual(store.uses, ["read"]);
});
