// Files by their address: what bundlers, servers and caches make of it, and what the message then says.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { newPage, options, readTwo, stories } from "./page.mjs";

const list = stories(3);
const hashOf = (bytes) => `sha384-${createHash("sha384").update(bytes).digest("base64")}`;
const dist = (name) => readFile(new URL(`../../dist/${name}`, import.meta.url));
const [wasm, model] = await Promise.all(["nearside_bg.wasm", "reranker.onnx"].map(dist));
const site = "https://news.test/assets/";
const html = "<!doctype html><title>The Daily</title>";
const page = (text = html, type = "text/html; charset=utf-8") =>
  new Response(text, { headers: { "content-type": type } });

/** A `fetch` that is as strict as a browser's: `answer(name, init)` gives a response or throws. Notes what it was asked. */
function serve(t, answer) {
  const asked = [];
  const real = globalThis.fetch;
  t.after(() => {
    globalThis.fetch = real;
  });
  globalThis.fetch = async (url, init = {}) => {
    const name = String(url).replace(site, "");
    asked.push(init.cache ? `${name} ${init.cache}` : name);
    const response = await answer(name, init);
    if (init.integrity && hashOf(Buffer.from(await response.clone().arrayBuffer())) !== init.integrity)
      throw new TypeError("Failed to fetch");
    return response;
  };
  return asked;
}

/** The outcomes of some rankings in a new page. */
async function outcomesWith(more, rankings = 1) {
  const api = await newPage();
  const reranker = api.createReranker(options(api, typeof more === "function" ? more() : more));
  readTwo(reranker, list);
  const outcomes = [];
  for (let i = 0; i < rankings; i++) {
    const { items, outcome } = await reranker.rank(list, { budgetMs: 5000 });
    if (outcome.reason !== "ranked") assert.deepEqual(items, list);
    outcomes.push(outcome);
  }
  reranker.dispose();
  return outcomes;
}
const outcomeWith = async (more) => (await outcomesWith(more))[0];

const base64 = (bytes) => Buffer.from(bytes).toString("base64");
const percent = (bytes) => [...bytes].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");
/** As little of it as may be: what stands for itself in a URL does. */
const mixed = (bytes) =>
  [...bytes]
    .map((byte) =>
      /[\w.~!$&'()*+;=:@/-]/.test(String.fromCharCode(byte))
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).padStart(2, "0").toUpperCase()}`,
    )
    .join("");

test("a data: URL is decoded, in each of its forms, and nothing is fetched", async (t) => {
  const asked = serve(t, () => assert.fail("fetched"));
  const forms = [
    `data:application/octet-stream;base64,${base64(model)}`,
    `data:;base64,${base64(model)}`,
    `data:application/octet-stream; BASE64,${base64(model)}`,
    `DATA:a/b;charset=utf-8;base64,${encodeURIComponent(base64(model))}`,
    `data:a/b;base64,${base64(model).replace(/.{76}/g, "$&\n")}`,
    `data:a/b;base64,${base64(model).replace(/=*$/, "")}#fragment`,
    `data:a/b,${percent(model)}`,
    `data:,${mixed(model)}`,
  ];
  for (const form of forms)
    for (const modelUrl of [form, new URL(form), Promise.resolve(form)]) {
      const outcome = await outcomeWith({ modelUrl });
      assert.equal(outcome.reason, "ranked", `${form.slice(0, 60)}: ${outcome.message}`);
    }
  const wasmUrl = `data:application/wasm;base64,${base64(wasm)}`;
  assert.equal((await outcomeWith({ wasmUrl, wasmIntegrity: hashOf(wasm) })).reason, "ranked");
  assert.deepEqual(asked, []);
});

test("a data: URL of another file is `integrity`, a malformed one `load_failed`; neither is told", async (t) => {
  serve(t, () => assert.fail("fetched"));
  const other = Buffer.concat([model, Buffer.from("!")]);
  for (const [modelUrl, reason, more] of [
    [`data:a/b;base64,${base64(other)}`, "integrity"],
    [`data:a/b,${percent(other)}`, "integrity"],
    [`data:a/b;base64,${base64(model)}`, "integrity", { modelIntegrity: hashOf("else") }],
    [`data:text/html,${html}`, "load_failed"],
    [`data:a/b;base64,${"*".repeat(5000)}`, "load_failed"],
    ["data:a/b;base64", "integrity"],
    [`data:a/b,${"A".repeat(2 ** 24)}`, "integrity"],
  ]) {
    const { reason: found, message } = await outcomeWith({ modelUrl, ...more });
    assert.equal(found, reason, message);
    assert.match(message, /^data:…: .*modelUrl/);
    assert.ok(message.length < 250, message);
  }
});

test("where nothing can be hashed here, the browser hashes a data: URL", async (t) => {
  const asked = serve(t, (name) => new Response(Buffer.from(name.split(",")[1], "base64")));
  const descriptor = Object.getOwnPropertyDescriptor(globalThis, "crypto");
  t.after(() => Object.defineProperty(globalThis, "crypto", descriptor));
  Object.defineProperty(globalThis, "crypto", { configurable: true, value: {} });
  assert.equal((await outcomeWith({ modelUrl: `data:;base64,${base64(model)}` })).reason, "ranked");
  assert.equal(asked.length, 1);
});

test("a URL without a hash is the package's own file, or another needs its hash", async (t) => {
  const files = { wasm, model, other: Buffer.from("other") };
  serve(t, (name) => new Response(files[name]));
  const own = { wasmUrl: `${site}wasm`, modelUrl: new URL(`${site}model`) };
  assert.equal((await outcomeWith(own)).reason, "ranked");
  const promised = { wasmUrl: Promise.resolve(own.wasmUrl), modelUrl: Promise.resolve(own.modelUrl) };
  assert.equal((await outcomeWith(promised)).reason, "ranked");
  assert.equal((await outcomeWith({ ...own, wasmIntegrity: null })).reason, "ranked");
  for (const [more, name] of [
    [{ wasmUrl: `${site}other` }, "wasmIntegrity"],
    [{ modelUrl: `${site}other` }, "modelIntegrity"],
    [{ modelUrl: Promise.resolve(`${site}other`) }, "modelIntegrity"],
    [{ modelUrl: `${site}wasm` }, "modelIntegrity"],
  ]) {
    const { reason, message } = await outcomeWith(more);
    assert.equal(reason, "integrity", message);
    assert.match(message, new RegExp(`not this version's file \\(another needs its hash, ${name}\\)`));
  }
  const modelIntegrity = hashOf("other");
  assert.equal((await outcomeWith({ modelUrl: `${site}other`, modelIntegrity })).reason, "ranked");
});

test("a page of HTML in place of a file says so, however it comes", async (t) => {
  const pages = [
    [html, "text/html"],
    [`\n\t ${html}`, "text/html; charset=utf-8"],
    [`\ufeff${html}`, "text/html"],
    [html, "application/octet-stream"],
    ["<!-- a comment --><html>", ""],
    ["Please sign in", "text/html"],
    [`<?xml version="1.0"?><html/>`, "application/xhtml+xml"],
  ];
  for (const [text, type] of pages) {
    await t.test(`${JSON.stringify(text.slice(0, 12))} as ${type}`, async (t) => {
      serve(t, () => page(text, type));
      for (const more of [
        { wasmUrl: `${site}a` },
        { modelUrl: `${site}a` },
        { modelUrl: `${site}a`, modelIntegrity: hashOf("else") },
        { wasmUrl: page(text, type) },
        { modelUrl: Promise.resolve(page(text, type)), modelIntegrity: hashOf("else") },
      ]) {
        const { reason, message } = await outcomeWith(more);
        assert.equal(reason, "load_failed", message);
        assert.match(message, /the answer is a page of HTML/);
        assert.match(message, "wasmUrl" in more ? /wasmUrl/ : /modelUrl/);
      }
    });
  }
  await t.test("a right file is right, whatever its type says", async (t) => {
    serve(t, (name) => page(name === "wasm" ? wasm : model));
    assert.equal((await outcomeWith({ wasmUrl: `${site}wasm`, modelUrl: `${site}model` })).reason, "ranked");
  });
});

test("the HTTP cache is passed once, where it may have an older version's file or a page", async (t) => {
  for (const stale of [() => new Response("old"), () => page(), () => new Response("", { status: 404 })]) {
    const asked = serve(t, (name, { cache }) =>
      name !== "model" ? assert.fail(name) : cache === "reload" ? new Response(model) : stale(),
    );
    const outcomes = await outcomesWith({ modelUrl: `${site}model` }, 3);
    assert.deepEqual(
      outcomes.map(({ reason }) => reason),
      ["ranked", "ranked", "ranked"],
    );
    assert.deepEqual(asked, ["model", "model reload"]);
  }
});

test("whatever does not come is asked for three times in a page view, four where nothing answers, by all rerankers together", async (t) => {
  for (const [answer, most] of [
    [() => new Response("", { status: 404 }), 3],
    [() => new Response("", { status: 503 }), 3],
    [() => page(), 3],
    [() => new Response("another"), 2],
    [
      () => {
        throw new TypeError("Failed to fetch");
      },
      4,
    ],
  ]) {
    const asked = serve(t, answer);
    const api = await newPage();
    const reasons = new Set();
    for (let i = 0; i < 4; i++) {
      const reranker = api.createReranker(options(api, { modelUrl: `${site}a`, wasmUrl: `${site}b` }));
      for (let j = 0; j < 5; j++) reasons.add((await reranker.rank(list, { budgetMs: 5000 })).outcome.reason);
    }
    assert.equal(reasons.size, 1);
    for (const name of ["a", "b"]) {
      const times = asked.filter((one) => one.split(" ")[0] === name).length;
      assert.ok(times === most, `${name} was asked for ${times} times: ${asked}`);
      assert.equal(asked.filter((one) => one === `${name} reload`).length, 1);
    }
  }
});

test("no message has an address of more than 200 characters, or what a data: URL holds", async (t) => {
  const long = "x".repeat(3000);
  const address = `${site}${long}?${long}`;
  const secret = base64("the model itself ".repeat(300));
  const data = `data:application/octet-stream;base64,${secret}`;
  const failing = () => {
    throw new TypeError(`Failed to fetch ${address} and ${data}`);
  };
  for (const answer of [
    failing,
    () => new Response("another"),
    () => page(),
    () => new Response("", { status: 404 }),
  ]) {
    serve(t, answer);
    for (const more of [
      () => ({ modelUrl: address }),
      () => ({ wasmUrl: new URL(address) }),
      () => ({ modelUrl: data }),
      () => ({ modelUrl: `data:,${"secret word ".repeat(300)}` }),
      () => ({ modelUrl: `https://[${"not a host ".repeat(300)}` }),
      () => ({ modelUrl: Promise.reject(new Error(`${address} ${data}`)) }),
      () => ({ wasmUrl: Promise.reject(data) }),
      () => ({ worker: true, workerUrl: address }),
      () => ({ release: { manifestUrl: address, publicKeys: [data] }, modelUrl: address }),
    ]) {
      const { message = "" } = await outcomeWith(more);
      assert.ok(!message.includes(secret.slice(0, 40)) && !message.includes("secret"), message);
      const words = message.split(" ").map(({ length }) => length);
      assert.ok(Math.max(...words) <= 200 && message.length <= 1000, message);
      assert.ok((message.match(/not a host/g) ?? []).length * 11 <= 200, message);
    }
  }
});

test("a script that does not know its own address says which files to copy, and which options to set", async () => {
  const { build } = await import("esbuild");
  const { outputFiles } = await build({
    entryPoints: [new URL("../../dist/index.js", import.meta.url).pathname],
    ...{ bundle: true, format: "iife", globalName: "nearside", write: false, logLevel: "silent" },
  });
  const api = new Function(`${outputFiles[0].text}; return nearside;`)();
  const reranker = api.createReranker({ consent: true, store: new api.MemoryStore() });
  const { outcome } = await reranker.rank(list, { budgetMs: 5000 });
  assert.equal(outcome.reason, "load_failed");
  for (const word of ["nearside_bg.wasm", "reranker.onnx", "wasmUrl", "modelUrl"])
    assert.ok(outcome.message.includes(word), outcome.message);
});

test("where the page cannot hash, a network that fails once, or a stale file, is not taken for another file", async (t) => {
  const crypto = Object.getOwnPropertyDescriptor(globalThis, "crypto");
  t.after(() => Object.defineProperty(globalThis, "crypto", crypto));
  for (const first of [
    () => {
      throw new TypeError("Failed to fetch");
    },
    () => new Response("an older version's file"),
  ]) {
    let count = 0;
    const asked = serve(t, () => (count++ === 0 ? first() : new Response(model)));
    Object.defineProperty(globalThis, "crypto", { configurable: true, value: {} });
    const [outcome] = await outcomesWith({ modelUrl: `${site}m.onnx`, modelIntegrity: hashOf(model) });
    Object.defineProperty(globalThis, "crypto", crypto);
    assert.equal(outcome.reason, "ranked", outcome.message);
    assert.deepEqual(asked, ["m.onnx", "m.onnx reload"]);
  }
  serve(t, () => new Response("another file"));
  Object.defineProperty(globalThis, "crypto", { configurable: true, value: {} });
  const [outcome] = await outcomesWith({ modelUrl: `${site}m.onnx`, modelIntegrity: hashOf(model) });
  Object.defineProperty(globalThis, "crypto", crypto);
  assert.equal(outcome.reason, "load_failed");
});
