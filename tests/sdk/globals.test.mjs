// Whatever a page did to what the package takes from its host: every public member answers. Each fault in a global object of its own, with
// intrinsics of its own, so that hundreds of them take seconds; the fault matrix has the same in browsers.

import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import vm from "node:vm";
import { build } from "esbuild";
import { reasons } from "../../dist/index.js";
import { globalsOf } from "../faults/globals.mjs";
import { faultsOf, put, touched } from "../faults/rows/globals.mjs";
import { stories } from "./page.mjs";

const root = new URL("../../", import.meta.url);
const unhandled = [];
const note = (error) => unhandled.push(error);
let script;
let files;
let history;

before(async () => {
  process.on("unhandledRejection", note);
  const { outputFiles } = await build({
    stdin: { contents: `export * from "./dist/index.js";`, resolveDir: fileURLToPath(root) },
    ...{
      bundle: true,
      format: "iife",
      globalName: "nearside",
      target: "es2022",
      write: false,
      logLevel: "silent",
    },
  });
  script = new vm.Script(outputFiles[0].text, { filename: "nearside.js" });
  const [wasm, model] = await Promise.all(
    ["nearside_bg.wasm", "reranker.onnx"].map((name) => readFile(new URL(`dist/${name}`, root))),
  );
  files = { wasm, model };
  const host = makePage();
  host.run(script);
  const store = host.run("new nearside.MemoryStore()");
  const reranker = host.make({ store });
  await reranker.ready;
  for (const story of list.slice(20, 24)) reranker.clicked(story);
  await pause(100);
  history = [...(await store.read())];
});
after(() => process.off("unhandledRejection", note));

const vector = (n) =>
  Buffer.from(Array.from({ length: 64 }, (_, i) => (i * 7 + n * 31) % 200)).toString("base64");
const list = stories(40, (i) => ({ topic: `t${i % 4}`, vector: vector(i % 4), pinned: i === 7 }));
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** A global object as a page has one, for what the package needs of it; what may be spoilt is its own. */
function makePage() {
  const { subtle } = crypto;
  // biome-ignore lint/complexity/noStaticOnlyClass: it stands in for one
  const signals = class {
    static timeout = (ms) => AbortSignal.timeout(ms);
    static [Symbol.hasInstance] = (value) => value instanceof AbortSignal;
  };
  const context = vm.createContext({
    ...{ AbortController, MessageChannel, Response, TextDecoder: class extends TextDecoder {}, URL },
    ...{ TextEncoder: class extends TextEncoder {}, atob, btoa, AbortSignal: signals },
    setTimeout: (...all) => setTimeout(...all),
    clearTimeout: (...all) => clearTimeout(...all),
    fetch: () => Promise.reject(new Error("no network")),
    performance: {
      now: () => performance.now(),
      timeOrigin: performance.timeOrigin,
      getEntriesByName: () => [],
    },
    crypto: { subtle: { digest: (...all) => subtle.digest(...all) } },
    localStorage: { getItem: () => null, setItem() {}, removeItem() {} },
    requestAnimationFrame() {},
  });
  const run = (code) =>
    code instanceof vm.Script ? code.runInContext(context) : vm.runInContext(code, context);
  const bytes = run("(list) => Uint8Array.from(list)");
  const wasmUrl = files && bytes(files.wasm);
  const modelUrl = files && bytes(files.model);
  const feed = run(`(text) => JSON.parse(text)`)(JSON.stringify(list));
  const stored = history && bytes(history);
  const make = (more) =>
    context.nearside.createReranker({
      ...{ consent: true, wasmUrl, modelUrl, store: { read: async () => stored, write() {} } },
      ...more,
    });
  return { context, run, make, feed };
}

/** Settles as the promise does, or tells that it does not; by the test's own timers. */
const settled = (promise, what) =>
  Promise.race([promise, pause(8000).then(() => assert.fail(`${what} does not settle`))]);

/** Uses every public member once; answers what came of the ranking. */
async function useAll({ make, feed }, spoilLater) {
  const told = [];
  const reranker = make({ onOutcome: (outcome) => void told.push(outcome) });
  await settled(reranker.ready, "ready");
  spoilLater?.();
  const { items, outcome } = await settled(reranker.rank(feed, { budgetMs: 6000 }), "rank");
  assert.deepEqual(told, [outcome], "one outcome, told once");
  assert.ok(reasons.includes(outcome.reason), outcome.reason);
  assert.equal(outcome.source, outcome.reason === "ranked" ? "model" : "server");
  assert.ok(Number.isFinite(outcome.ms) && outcome.ms >= 0 && outcome.ms < 60_000, `${outcome.ms} ms`);
  assert.equal(items.length, feed.length);
  assert.equal(new Set(items).size, feed.length);
  for (let i = 0; i < feed.length; i++) {
    assert.ok(feed.includes(items[i]), "the same stories");
    if (outcome.source === "server" || i === 7) assert.equal(items[i], feed[i], `slot ${i}`);
  }
  const { viewed, clicked, dwelled, hide, unhide, explain, stored, apply, watch, erase, dispose } = reranker;
  for (const event of [viewed, clicked, hide, unhide]) event(feed[1]);
  dwelled(feed[1], 5);
  explain("s1");
  stored();
  assert.equal(apply(undefined, feed).applied, false);
  watch(undefined);
  assert.equal(typeof (await settled(erase(), "erase")), "boolean");
  dispose();
  assert.match((await settled(reranker.rank(feed), "rank")).outcome.reason, /^(disposed|internal)$/);
  return outcome;
}

test("the table names all that the package's files take from their host", async () => {
  const folder = new URL("dist/", root);
  const names = (await readdir(folder)).filter((name) => name.endsWith(".js") && name !== "worker.js");
  const found = await Promise.all(
    names.map(async (name) => globalsOf(await readFile(new URL(name, folder), "utf8"))),
  );
  const used = new Set(found.flat());
  assert.deepEqual(
    [...used].filter((name) => !(name in touched)),
    [],
    "the table lacks these",
  );
  // `performance`, `crypto` and the like have rows as a whole besides their members.
  const isUsed = (name) => used.has(name) || [...used].some((one) => one.startsWith(`${name}.`));
  assert.deepEqual(
    Object.keys(touched).filter((name) => !isUsed(name)),
    [],
    "nothing uses these",
  );
});

test("without a fault it ranks", async () => {
  const page = makePage();
  page.run(script);
  assert.equal((await useAll(page)).reason, "ranked");
});

test("in a global object that has nothing but the language it imports and answers", async () => {
  const context = vm.createContext({});
  script.runInContext(context);
  const reranker = vm.runInContext("nearside.createReranker({ consent: true })", context);
  await settled(reranker.ready, "ready");
  const { items, outcome } = await settled(reranker.rank(list), "rank");
  assert.deepEqual([...items], list);
  assert.equal(outcome.reason, "internal");
  assert.match(outcome.message, /AbortController/, "it names what is missing");
});

test("without what a test runner's page lacks it ranks", async () => {
  const page = makePage();
  for (const name of ["TextDecoder", "TextEncoder", "FinalizationRegistry", "MessageChannel", "AbortSignal"])
    page.run(`delete globalThis.${name}`);
  page.run("globalThis.setTimeout = () => 1");
  page.run(script);
  assert.equal((await useAll(page)).reason, "ranked");
});

for (const [path, expected] of Object.entries(touched)) {
  test(`${path}: every member answers, whatever is in its place`, async (t) => {
    for (const fault of faultsOf(path)) {
      const page = makePage();
      if (page.run(`typeof ${path.split(".")[0]}`) === "undefined") return t.skip("a browser's own");
      const spoil = () => page.run(`(${put})(${JSON.stringify({ path, ...fault })}, globalThis)`);
      if (!fault.later) spoil();
      page.run(script);
      const { reason, message } = await useAll(page, fault.later && spoil);
      if (process.env.SHOW) console.log(path, fault.name, reason, message);
      await pause(0);
      assert.deepEqual(unhandled.splice(0), [], `${fault.name}: nothing unhandled`);
      assert.ok(expected.includes(reason), `${fault.name}: ${reason} (${message})`);
    }
  });
}
