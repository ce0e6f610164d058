import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { coded } from "./core.mjs";
import { newPage, options, pause, readTwo, stories, wasmBytes } from "./page.mjs";

const list = stories(3);
const hashOf = (bytes) => `sha384-${createHash("sha384").update(bytes).digest("base64")}`;

/** What a new page answers with these options, or those a function makes. */
async function outcomeWith(more, { prepare = () => {}, after = () => {} } = {}) {
  const page = await newPage();
  prepare(page);
  const reranker = page.createReranker(options(page, typeof more === "function" ? more() : more));
  readTwo(reranker, list);
  const { items, outcome } = await reranker.rank(list, { budgetMs: 5000 });
  if (outcome.source === "server") assert.deepEqual(items, list);
  await after(reranker, page);
  return outcome;
}

/** Replaces a global for one test. */
function replaceGlobal(t, name, value) {
  const descriptor = Object.getOwnPropertyDescriptor(globalThis, name);
  t.after(() => Object.defineProperty(globalThis, name, descriptor));
  Object.defineProperty(globalThis, name, { configurable: true, writable: true, value });
}

test("importing does nothing", async (t) => {
  replaceGlobal(t, "fetch", () => assert.fail("fetched"));
  const before = Reflect.ownKeys(globalThis);
  const { control } = await newPage();
  await pause();
  assert.deepEqual(Reflect.ownKeys(globalThis), before);
  assert.deepEqual(control.calls, []);
});

test("no options make createReranker throw; without consent each ranking says so", async () => {
  const { createReranker } = await newPage();
  const throwing = new Proxy(
    {},
    {
      get() {
        throw new Error("no");
      },
    },
  );
  for (const given of [undefined, null, 5, "text", {}, [], throwing, () => {}]) {
    const reranker = createReranker(given);
    await reranker.ready;
    const { items, outcome } = await reranker.rank(list);
    assert.deepEqual(items, list);
    assert.equal(outcome.reason, "no_consent");
    reranker.dispose();
  }
});

test("on a server, where there is nothing to load from or to store in, the order is the server's", async () => {
  const { createReranker } = await newPage();
  const reranker = createReranker({ consent: true });
  reranker.clicked(list[0]);
  const { items, outcome } = await reranker.rank(list, { budgetMs: 5000 });
  assert.deepEqual(items, list);
  assert.equal(outcome.reason, "load_failed");
  assert.equal(outcome.storage, "memory");
  reranker.dispose();
});

test("an option that cannot be read keeps the server's order and still reports", async () => {
  const seen = [];
  const outcome = await outcomeWith({
    onOutcome: (outcome) => seen.push(outcome),
    get policy() {
      throw new Error("no policy");
    },
  });
  assert.equal(outcome.reason, "internal");
  assert.match(outcome.message, /no policy/);
  assert.deepEqual(seen, [outcome]);
});

test("the files come as bytes, buffers, views, responses, a module, or promises of these", async () => {
  const module = new WebAssembly.Module(wasmBytes);
  const view = new DataView(Uint8Array.of(9, ...wasmBytes, 9).buffer, 1, wasmBytes.length);
  const response = (bytes, type) => new Response(bytes, { headers: { "content-type": type } });
  const files = [
    wasmBytes,
    wasmBytes.buffer,
    view,
    module,
    response(wasmBytes, "application/wasm"),
    response(wasmBytes, "text/plain"),
    Promise.resolve(module),
    Promise.resolve(response(wasmBytes, "application/wasm")),
  ];
  for (const wasmUrl of files) assert.equal((await outcomeWith({ wasmUrl })).reason, "ranked");

  const model = Uint8Array.of(5, 6, 7);
  for (const modelUrl of [
    model,
    model.buffer,
    new DataView(model.buffer),
    new Response(model),
    Promise.resolve(model),
  ]) {
    let seen;
    const prepare = ({ control }) => {
      control.before = (name, bytes) => {
        if (name === "new") seen = bytes;
      };
    };
    assert.equal((await outcomeWith({ modelUrl }, { prepare })).reason, "ranked");
    assert.deepEqual(seen, model);
  }
});

test("bytes with a hash are held to it", async () => {
  assert.equal((await outcomeWith({ wasmIntegrity: hashOf(wasmBytes) })).reason, "ranked");
  assert.equal((await outcomeWith({ wasmIntegrity: hashOf("else") })).reason, "integrity");
  assert.equal((await outcomeWith({ modelIntegrity: hashOf("else") })).reason, "integrity");
});

test("a file of another kind is refused by the option's name", async () => {
  for (const wasmUrl of [5, {}, "", [], Symbol("no"), () => {}]) {
    const { reason, message } = await outcomeWith({ wasmUrl });
    assert.ok(["load_failed", "integrity"].includes(reason), reason);
    assert.match(message, /wasmUrl/);
  }
  const outcome = await outcomeWith({ modelUrl: new WebAssembly.Module(wasmBytes) });
  assert.equal(outcome.reason, "load_failed");
  assert.match(outcome.message, /modelUrl/);
});

test("a URL whose hash is none is refused before it is asked for", async (t) => {
  replaceGlobal(t, "fetch", () => assert.fail("fetched"));
  for (const wasmUrl of ["https://example.org/a.wasm", new URL("https://example.org/a.wasm")]) {
    for (const wasmIntegrity of ["", "sha256-abc", "sha384-short", 5, {}, false]) {
      const { reason, message } = await outcomeWith({ wasmUrl, wasmIntegrity });
      assert.equal(reason, "integrity");
      assert.match(message, /wasmIntegrity/);
    }
  }
});

test("bytes that are no WebAssembly, failed responses and rejected promises are `load_failed`", async () => {
  const used = new Response(wasmBytes);
  await used.arrayBuffer();
  const failing = [
    () => Uint8Array.of(1, 2, 3),
    () => new Response("<p>", { status: 404 }),
    () => Promise.reject(new Error("no")),
    () => Promise.reject(undefined),
    () => used,
  ];
  for (const file of failing)
    assert.equal((await outcomeWith(() => ({ wasmUrl: file() }))).reason, "load_failed");
});

test("a promise of a file that is never wanted may fail", async () => {
  const more = () => ({
    consent: false,
    wasmUrl: Promise.reject(new Error("no")),
    modelUrl: Promise.reject(5),
  });
  assert.equal((await outcomeWith(more)).reason, "no_consent");
  await pause(); // the runner reports unhandled rejections
});

test("a WebAssembly file of another version is `load_failed`", async () => {
  const prepare = ({ control }) => {
    control.before = (name) => {
      if (name === "init") throw new WebAssembly.LinkError("import missing");
    };
  };
  const { reason, message } = await outcomeWith({}, { prepare });
  assert.equal(reason, "load_failed");
  assert.match(message, /version/);
});

test("without WebAssembly, or without its SIMD, nothing is fetched", async (t) => {
  replaceGlobal(t, "fetch", () => assert.fail("fetched"));
  const more = { wasmUrl: undefined, modelUrl: undefined };
  const original = WebAssembly;
  replaceGlobal(t, "WebAssembly", undefined);
  assert.equal((await outcomeWith(more)).reason, "unsupported");
  globalThis.WebAssembly = { ...original, validate: () => false };
  assert.equal((await outcomeWith(more)).reason, "unsupported");
});

test("the reasons of a refused model and a failed ranking are the core's", async () => {
  for (const [at, name, reason] of [
    ["new", "model_rejected", "model_rejected"],
    ["new", "model_unsupported", "model_unsupported"],
    ["new", "bad_candidates", "model_rejected"],
    ["new", "nonfinite", "model_rejected"],
    ["rank", "bad_candidates", "bad_candidates"],
    ["rank", "nonfinite", "nonfinite"],
    ["rank", "internal", "internal"],
  ]) {
    const prepare = ({ control }) => {
      control.before = (called) => {
        if (called === at) throw coded(name, "the core's sentence");
      };
    };
    const outcome = await outcomeWith({}, { prepare });
    assert.equal(outcome.reason, reason);
    assert.equal(outcome.message, "the core's sentence");
  }
});

/** A `fetch` that answers from `respond(url, init)` and notes its calls. */
function fakeFetch(t, respond) {
  const calls = [];
  replaceGlobal(t, "fetch", async (url, init) => {
    calls.push({ url: String(url), ...init });
    return respond(String(url), init);
  });
  return calls;
}

const url = "https://example.org/reranker.onnx";
const bytes = Uint8Array.of(4, 5, 6);
const byUrl = { modelUrl: url, modelIntegrity: hashOf(bytes) };

test("a URL is fetched once with its hash", async (t) => {
  const calls = fakeFetch(t, () => new Response(bytes));
  assert.equal((await outcomeWith(byUrl)).reason, "ranked");
  assert.deepEqual(
    calls.map(({ url, integrity }) => [url, integrity]),
    [[url, byUrl.modelIntegrity]],
  );
});

test("a fetch that fails is looked into: network, status, other content", async (t) => {
  const blocked = (respond) => (_url, init) => {
    if (init.integrity) throw new TypeError("Failed to fetch");
    return respond();
  };
  const html = () => new Response("<!doctype html>");
  const cases = [
    [
      () => {
        throw new TypeError("Failed to fetch");
      },
      "load_failed",
    ],
    [() => new Response("", { status: 404 }), "load_failed"],
    [html, "load_failed"],
    [() => new Response(bytes.subarray(1)), "integrity"],
    [() => new Response(bytes), "ranked"], // the first failure was a passing one
  ];
  for (const [respond, reason] of cases) {
    await t.test(reason, async (t) => {
      fakeFetch(t, blocked(respond));
      const outcome = await outcomeWith(byUrl);
      assert.equal(outcome.reason, reason);
      if (reason !== "ranked") assert.match(outcome.message, /modelUrl/);
    });
  }
  await t.test("where hashes cannot be computed", async (t) => {
    fakeFetch(t, blocked(html));
    replaceGlobal(t, "crypto", {});
    assert.equal((await outcomeWith(byUrl)).reason, "load_failed");
    // Then the browser does, and does not say what was at fault.
    fakeFetch(
      t,
      blocked(() => new Response(bytes)),
    );
    assert.equal((await outcomeWith(byUrl)).reason, "load_failed");
  });
});

test("a request that hangs ends, and with it `ready`", async (t) => {
  const real = AbortSignal.timeout;
  t.after(() => (AbortSignal.timeout = real));
  // A file's 30 seconds; budgets are as long as they are.
  AbortSignal.timeout = (ms) => real.call(AbortSignal, ms === 30_000 ? 50 : ms);
  const keepAlive = setTimeout(() => {}, 5000); // Node's own deadline does not keep it running
  t.after(() => clearTimeout(keepAlive));
  fakeFetch(
    t,
    (_url, { signal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
        if (signal.aborted) reject(signal.reason);
      }),
  );
  assert.equal((await outcomeWith(byUrl)).reason, "load_failed");
  assert.equal((await outcomeWith({ wasmUrl: new Promise(() => {}) })).reason, "load_failed");
});

test("a file that does not come is asked for a few times in a page view, however often a list is ranked", async (t) => {
  let works = false;
  const calls = fakeFetch(t, () => {
    if (works) return new Response(bytes);
    throw new TypeError("Failed to fetch");
  });
  await outcomeWith(byUrl, {
    after: async (reranker) => {
      works = true;
      assert.equal((await reranker.rank(list, { budgetMs: 5000 })).outcome.reason, "ranked");
    },
  });
  works = false;
  calls.length = 0;
  await outcomeWith(byUrl, {
    after: async (reranker) => {
      for (let i = 0; i < 5; i++) {
        assert.equal((await reranker.rank(list, { budgetMs: 5000 })).outcome.reason, "load_failed");
      }
    },
  });
  assert.equal(calls.length, 4); // twice at first, to know why, and twice more, as the network may come back
});

test("a WebAssembly file that did not come is asked for again", async (t) => {
  let works = false;
  fakeFetch(t, () => {
    if (works) return new Response(wasmBytes);
    throw new TypeError("Failed to fetch");
  });
  const more = { wasmUrl: "https://example.org/nearside_bg.wasm", wasmIntegrity: hashOf(wasmBytes) };
  const outcome = await outcomeWith(more, {
    after: async (reranker) => {
      works = true;
      assert.equal((await reranker.rank(list, { budgetMs: 5000 })).outcome.reason, "ranked");
    },
  });
  assert.equal(outcome.reason, "load_failed");
});

test("rerankers share the WebAssembly, the model and the history", async () => {
  const page = await newPage();
  const shared = options(page);
  const one = page.createReranker(shared);
  const other = page.createReranker({ ...shared });
  readTwo(one, list);
  assert.equal((await other.rank(list, { budgetMs: 5000 })).outcome.reason, "ranked");
  assert.deepEqual(
    page.control.calls.filter((name) => name === "init" || name === "new"),
    ["init", "new"],
  );
});

test("rerankers with different models share the history", async () => {
  const page = await newPage();
  const shared = options(page);
  const one = page.createReranker(shared);
  const other = page.createReranker({ ...shared, modelUrl: Uint8Array.of(9) });
  await Promise.all([one.ready, other.ready]);
  one.clicked(list[0]);
  await pause(20);
  other.clicked(list[1]);
  await pause(20);
  assert.equal((await one.rank(list)).outcome.reason, "ranked");
  assert.equal((await other.rank(list)).outcome.reason, "ranked");
  assert.equal(one.stored().clicks, 2);
  assert.equal(other.stored().clicks, 2);
  assert.equal(page.control.calls.filter((name) => name === "init").length, 1);
});

/** A page whose core traps whenever `spoiled(call)`. */
async function trappingPage(spoiled, error = () => new WebAssembly.RuntimeError("unreachable")) {
  const page = await newPage();
  page.control.before = (...call) => {
    if (spoiled(...call)) throw error();
  };
  const reranker = page.createReranker(options(page));
  await reranker.ready;
  return { page, reranker };
}

test("a trap costs the instance, not the history; a second one ends ranking for this page view", async () => {
  for (const error of [
    () => new WebAssembly.RuntimeError("unreachable"),
    () => new RangeError("Maximum call stack size exceeded"),
    () => new Error("of an instance that is gone"),
    () => undefined,
  ]) {
    let trap = false;
    const { page, reranker } = await trappingPage((name) => trap && name === "rank", error);
    readTwo(reranker, list);
    await pause(20);
    reranker.viewed(list[2]);
    assert.equal((await reranker.rank(list)).outcome.reason, "ranked");

    trap = true;
    const first = await reranker.rank(list);
    assert.equal(first.outcome.reason, "trap");
    assert.deepEqual(first.items, list);
    assert.equal(reranker.explain("s0"), undefined);
    reranker.clicked(list[2]);

    trap = false;
    assert.equal((await reranker.rank(list)).outcome.reason, "ranked");
    assert.deepEqual([reranker.stored().clicks, reranker.stored().views], [3, 1]);

    trap = true;
    for (let i = 0; i < 3; i++) assert.equal((await reranker.rank(list)).outcome.reason, "trap");
    trap = false;
    assert.equal((await reranker.rank(list)).outcome.reason, "trap");
    assert.equal(reranker.stored(), undefined);
    assert.deepEqual(
      page.control.calls.filter((name) => name === "renew"),
      ["renew"],
    );
    reranker.clicked(list[0]);
    await pause(20);
  }
});

test("explanations survive a trap", async () => {
  let trap = false;
  const { reranker } = await trappingPage((name) => trap && name === "profileCounts");
  readTwo(reranker, list);
  await reranker.rank(list);
  const before = reranker.explain("s0");
  trap = true;
  assert.equal(reranker.stored(), undefined);
  assert.deepEqual(reranker.explain("s0"), before);
});

test("a trap of one core takes those of other models along, and each recovers", async () => {
  const page = await newPage();
  const shared = options(page);
  const one = page.createReranker(shared);
  const other = page.createReranker({ ...shared, modelUrl: Uint8Array.of(9) });
  await Promise.all([one.ready, other.ready]);
  readTwo(one, list);
  await other.rank(list);
  page.control.before = (name) => {
    if (name === "rank") throw new WebAssembly.RuntimeError("unreachable");
  };
  assert.equal((await one.rank(list)).outcome.reason, "trap");
  page.control.before = () => {};
  assert.equal((await other.rank(list)).outcome.reason, "ranked");
  assert.equal((await one.rank(list)).outcome.reason, "ranked");
});

test("an instance that cannot be renewed is a trap for good", async () => {
  let trap = false;
  const { reranker } = await trappingPage((name) => trap && (name === "rank" || name === "renew"));
  trap = true;
  for (let i = 0; i < 3; i++) assert.equal((await reranker.rank(list)).outcome.reason, "trap");
});

test("the core is not called again on an instance that trapped", async () => {
  let trapped = false;
  const { page, reranker } = await trappingPage((name) => {
    if (name === "renew") trapped = false;
    assert.ok(!trapped, `${name} on a trapped instance`);
    trapped = name === "rank";
    return trapped;
  });
  await reranker.rank(list);
  reranker.clicked(list[0]);
  reranker.stored();
  await pause(30);
  await reranker.rank(list);
  reranker.clicked(list[0]);
  reranker.stored();
  await reranker.erase();
  assert.equal(page.control.calls.filter((name) => name === "renew").length, 1);
});

test("a reranker whose WebAssembly file is refused takes no other along", async () => {
  const files = [() => "https://example.org/a.wasm", () => Uint8Array.of(1, 2), () => Promise.reject("no")];
  for (const file of files) {
    const page = await newPage();
    const wrong = page.createReranker(options(page, { wasmUrl: file() }));
    const [one, other] = [1, 2].map(() => page.createReranker(options(page)));
    const refused = await wrong.rank(list, { budgetMs: 5000 });
    assert.match(refused.outcome.reason, /^(integrity|load_failed)$/);
    for (const right of [one, other]) {
      readTwo(right, list);
      assert.equal((await right.rank(list, { budgetMs: 5000 })).outcome.reason, "ranked");
    }
    assert.equal(page.control.calls.filter((name) => name === "init").length, 1);
  }
});

test("bytes that were loaded before are still held to a hash", async () => {
  const model = Uint8Array.of(5, 6, 7);
  const page = await newPage();
  const shared = { ...options(page), modelUrl: model };
  const reasons = [];
  for (const modelIntegrity of [undefined, hashOf("else"), hashOf(model)]) {
    const reranker = page.createReranker({ ...shared, modelIntegrity });
    readTwo(reranker, list);
    reasons.push((await reranker.rank(list, { budgetMs: 5000 })).outcome.reason);
  }
  assert.deepEqual(reasons, ["ranked", "integrity", "ranked"]);
});

test("settings that were refused record nothing and load nothing", async (t) => {
  replaceGlobal(t, "fetch", () => assert.fail("fetched"));
  let opened = 0;
  globalThis.indexedDB = { open: () => ++opened && assert.fail("opened") };
  t.after(() => delete globalThis.indexedDB);
  const page = await newPage();
  const reranker = page.createReranker({
    consent: true,
    get store() {
      throw new Error("no store");
    },
  });
  readTwo(reranker, list);
  const { outcome } = await reranker.rank(list);
  assert.equal(outcome.reason, "internal");
  assert.match(outcome.message, /no store/);
  assert.equal(await reranker.erase(), false);
  await pause(20);
  assert.equal(opened, 0);
  assert.deepEqual(page.control.calls, []);
});

test("an erasure takes what another reranker of the page has to explain, too", async () => {
  const page = await newPage();
  const shared = options(page);
  const one = page.createReranker(shared);
  const other = page.createReranker(shared);
  readTwo(one, list);
  await other.ready;
  assert.equal((await other.rank(list)).outcome.reason, "ranked");
  assert.notEqual(other.explain("s0"), undefined);
  const erased = one.erase();
  assert.equal(other.explain("s0"), undefined);
  await erased;
  readTwo(one, list);
  assert.equal((await other.rank(list)).outcome.reason, "ranked");
  other.dispose();
  assert.equal(other.explain("s0"), undefined, "nor does one that no erasure would reach");
  one.dispose();
});

test("a list with a slot that cannot be read is given back, slot and all", async () => {
  const hostile = Object.defineProperty(list.slice(), 1, {
    enumerable: true,
    get() {
      throw new Error("a getter of the page");
    },
  });
  const page = await newPage();
  const reranker = page.createReranker(options(page));
  for (const feed of [hostile, { items: hostile }]) {
    const { items, outcome } = await reranker.rank(feed);
    assert.equal(outcome.reason, "bad_candidates");
    assert.notEqual(items, hostile);
    assert.deepEqual([items.length, items[0], items[2]], [3, list[0], list[2]]);
    assert.throws(() => items[1], /a getter of the page/);
  }
  assert.equal(reranker.explain("s2"), undefined);
  reranker.clicked(list[2]);
  await reranker.ready;
  assert.equal(reranker.stored().clicks, 1);
});

test("a WebAssembly file that comes late does not take the place of the one that took its own", async () => {
  for (const ends of ["comes", "fails"]) {
    const { control, url } = await newPage();
    const { Instance } = await import(url("load.js"));
    const { flavour } = await import(url("default-flavour.js"));
    const instance = new Instance(flavour);
    const started = [];
    control.before = (name, module) => name === "init" && started.push(module);
    const request = (key) => {
      let settle;
      const source = new Promise((resolve, reject) => {
        settle = {
          comes: () => resolve(new WebAssembly.Module(wasmBytes)),
          fails: () => reject(new Error("net")),
        };
      });
      return { ...{ option: "wasmUrl", integrity: undefined, key, source: () => source }, settle };
    };
    const [first, second] = [request("first"), request("second")];
    const early = assert.rejects(instance.load(first), { reason: "load_failed" });
    const late = instance.load(second, true);
    second.settle.comes();
    const module = await late;
    first.settle[ends]();
    await early;
    assert.deepEqual(started, [module], ends);
    assert.ok(instance.isOf(second), ends);
    assert.equal(await instance.load(second), module);
  }
});

test("what a core says of a model it refuses is told in words; in numbers where the script with the words does not come", async () => {
  const { words } = await import("../../dist/words.js");
  const mark = (text) => String.fromCharCode(0xe000 + words.indexOf(text));
  const [about, why] = ["the model's graph does not fit: ", "an axis is out of range"];
  const told = async (lacks) => {
    const { createReranker, control, MemoryStore } = await newPage(lacks);
    control.before = (name) => {
      if (name === "new") throw coded("model_rejected", mark(about) + mark(why));
    };
    const reranker = createReranker(options({ MemoryStore }));
    return (await reranker.rank(list, { budgetMs: 5000 })).outcome;
  };
  const { reason, message } = await told();
  assert.deepEqual([reason, message], ["model_rejected", about + why]);
  const numbers = [about, why].map((text) => ` (${words.indexOf(text)})`).join("");
  assert.deepEqual((await told("words.js")).message, numbers);
});
