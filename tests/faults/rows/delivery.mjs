// What networks, servers and those in between do to the package's files.

import { readFileSync } from "node:fs";
import * as spoil from "../spoil.mjs";

const group = "delivery";
const wasm = "/nearside_bg.wasm";
const model = "/reranker.onnx";
const worker = "/worker.js";
const sixteenths = Array.from({ length: 16 }, (_, i) => i);
const soon = () => {
  globalThis.row.rank = { budgetMs: 150 };
};
const inWorker = () => {
  globalThis.row.options = () => ({ worker: true });
};
/** The page's content security policy with Trusted Types left out: they would ask for a `TrustedScriptURL`. */
const plain = null;

const files = Object.fromEntries(
  [wasm, model].map((path) => [path, readFileSync(new URL(`../../../dist${path}`, import.meta.url))]),
);
const other = Buffer.from("another file");
const asData = (bytes) => `data:application/octet-stream;base64,${bytes.toString("base64")}`;
const withOptions = (options) => {
  globalThis.row.options = () => options;
};
/** A row in which the page says where a file is. */
const given = (name, fault, reason, options, more) =>
  row(name, fault, reason, { page: withOptions, arg: options, ...more });
/** The outcome's message names these. */
const says =
  (...words) =>
  ({ views }) => {
    const message = views.at(-1)?.outcome.message ?? "";
    const missing = words.filter((word) => !message.includes(word));
    const long = message.split(" ").some((word) => word.length > 200) || message.includes(";base64,");
    return [
      ...missing.map((word) => `the message does not say ${word}: ${message}`),
      ...(long ? [`the message is too long: ${message.slice(0, 300)}`] : []),
    ];
  };
/** A file was asked for so many times at most. */
const asked = (path, most) => (_report, requests) => {
  const times = requests.filter((request) => request.path === path).length;
  return times > most ? [`${path} was asked for ${times} times`] : [];
};
const often = () => {
  globalThis.row.rankings = 5;
};
/** An older version's file, kept by the browser for a year. */
const old = (answer) => ({
  ...spoil.flipped(8)(answer),
  headers: { ...answer.headers, "cache-control": "public, max-age=31536000" },
});
const failed = Array(5).fill("load_failed");

const row = (name, fault, reason, more) => ({ group, name, fault, reason, ...more });
/** A row for each of the two files. Most go the same way in the package: the model's are then left to `faults:all`. */
const both = (name, fault, reason, how, more) =>
  [
    ["wasm", wasm],
    ["model", model],
  ].map(([file, path]) =>
    row(`${file} ${name}`, `${fault}: ${file}`, reason, {
      faults: () => ({ [path]: how }),
      slow: file === "model" && !alike.test(name),
      ...more,
    }),
  );
const alike = /^(404|hangs|of another type|reset in its body)$/;

export const delivery = [
  row("no fault", "nothing: what every other row is compared with", "ranked"),
  row("no fault, cold", "nothing; the reader is new", "cold", { history: "none" }),
  ...both("404", "not found", "load_failed", "404", { guards: ["quietly"] }),
  ...both("500", "a server's error", "load_failed", "500"),
  ...both(
    "503",
    "overload, with a time to come back",
    "load_failed",
    spoil.status(503, { "retry-after": "60" }),
  ),
  ...both("204", "an answer without content", "integrity", spoil.status(204)),
  ...both("hangs", "no answer", "budget", "hang", { page: soon, guards: ["late"] }),
  ...both("hangs after its head", "the body never comes", "budget", spoil.headOnly, { page: soon }),
  ...both("one byte a second", "a network that all but stands", "budget", spoil.drip, { page: soon }),
  ...both("of another type", "`text/plain`", "ranked", "mime", { guards: ["stream-type"] }),
  ...both("empty", "no bytes, status 200", "integrity", "empty"),
  ...both("reset before its head", "the connection ends", "load_failed", "reset"),
  ...both("reset in its body", "the connection ends half way", "load_failed", spoil.reset),
  ...both("redirected without end", "each answer leads to itself", "load_failed", spoil.redirected),
  ...[
    ["wasm", wasm],
    ["model", model],
  ].flatMap(([file, path]) => [
    row(`${file} cut at every sixteenth`, `the file ends early: ${file}`, "integrity", {
      cases: sixteenths,
      make: (n) => ({ faults: () => ({ [path]: spoil.shortened(n) }) }),
    }),
    row(`${file} with one bit flipped`, `at every second sixteenth: ${file}`, "integrity", {
      cases: [0, 2, 4, 6, 8, 10, 12, 14, 16],
      make: (n) => ({ faults: () => ({ [path]: spoil.flipped(n) }) }),
    }),
  ]),
  row("captive portal", "a sign-in page for the module, the model and the worker", "load_failed", {
    faults: () => ({ [wasm]: spoil.portal, [model]: spoil.portal, [worker]: spoil.portal }),
    expect: says("the answer is a page of HTML", "nearside_bg.wasm", "reranker.onnx", "wasmUrl"),
    guards: ["page"],
  }),
  ...both("as HTML", "the page of a server that has one for whatever it lacks", "load_failed", spoil.portal, {
    expect: says("the answer is a page of HTML", "nearside_bg.wasm", "reranker.onnx", "modelUrl"),
  }),
  ...both(
    "old in the HTTP cache",
    "an older version's file, kept for a year under the same name",
    "ranked",
    spoil.firstOnly(old),
    {
      guards: ["stale"],
    },
  ),
  ...both("404, five rankings", "not found; a list is ranked five times", "", "404", {
    reasons: failed,
    page: often,
  }).map((row) => ({ ...row, expect: asked(row.name.startsWith("wasm") ? wasm : model, 3) })),
  row("wrong file, two rerankers", "a wrong model, for rerankers with two stores", "integrity", {
    faults: () => ({ [model]: spoil.flipped(8) }),
    page: () => {
      globalThis.row.after = async (_reranker, { createReranker, MemoryStore }) => {
        await createReranker({ consent: true, store: new MemoryStore() }).ready;
      };
    },
    expect: asked(model, 2),
    guards: ["asked-enough"],
  }),
  given(
    "model as a data: URL",
    "a bundler wrote it into its script; `connect-src 'self'`",
    "ranked",
    {
      modelUrl: asData(files[model]),
    },
    { guards: ["data-url"] },
  ),
  given("module as a data: URL", "the same, of any size", "ranked", { wasmUrl: asData(files[wasm]) }),
  given(
    "another model as a data: URL",
    "it is held to the package's own hash",
    "integrity",
    { modelUrl: asData(other) },
    {
      expect: says("data:…", "modelIntegrity"),
    },
  ),
  given(
    "malformed data: URL",
    "its base64 is none",
    "load_failed",
    { modelUrl: `data:;base64,${"*".repeat(3000)}` },
    {
      expect: says("data:…", "modelUrl"),
    },
  ),
  given(
    "URLs without hashes, own files",
    "`wasmUrl` and `modelUrl` alone",
    "ranked",
    { wasmUrl: "/a/w", modelUrl: "/a/m" },
    {
      files: { "/a/w": files[wasm], "/a/m": files[model] },
      asks: /^\/a\/[wm]$/,
    },
  ),
  given(
    "URL without hash, another file",
    "`modelUrl` alone, of another model",
    "integrity",
    { modelUrl: "/a/m" },
    {
      files: { "/a/m": other },
      asks: /^\/(a\/m|nearside_bg\.wasm)$/,
      expect: says("/a/m", "modelIntegrity"),
    },
  ),
  given(
    "long address",
    "2,000 characters, and nothing there",
    "load_failed",
    { modelUrl: `/${"long".repeat(500)}` },
    {
      asks: /^\/(long|nearside_bg\.wasm)/,
      expect: says("status 404", "modelUrl"),
      guards: ["brief"],
    },
  ),
  row("captive portal for everything", "the same for the package's script, too: no outcome", "none", {
    faults: () => ({ "*.wasm": spoil.portal, "*.onnx": spoil.portal, "/nearside.js": spoil.portal }),
  }),
  row("offline before the files", "the network goes once the page is there", "load_failed", {
    faults: () => ({ [wasm]: "reset", [model]: "reset" }),
  }),
  row("a server that comes back", "503 for the first ranking, all is well for the next", "", {
    reasons: ["load_failed", "ranked"],
    faults: () => ({ [wasm]: spoil.firstOnly(spoil.status(503), 2) }),
    page: () => {
      globalThis.row.rankings = 2;
    },
    guards: ["try-again"],
  }),
  row("slow, in time", "a quarter of a second for each file", "ranked", {
    faults: () => ({ [wasm]: { delay: 250 }, [model]: { delay: 250 } }),
  }),
  row("slow, too late, then there", "half a second for the model; the next ranking has it", "", {
    reasons: ["budget", "ranked"],
    faults: () => ({ [model]: { delay: 500 } }),
    page: () => {
      Object.assign(globalThis.row, { rankings: 2, rank: { budgetMs: 100 } });
      globalThis.row.between = (i, reranker) => {
        if (i === 0) return undefined;
        globalThis.row.rank = { budgetMs: 8000 };
        return reranker.ready;
      };
    },
  }),
  ...[
    ["404", "404", "load_failed"],
    ["as HTML", spoil.portal, "load_failed"],
    ["reset in its body", spoil.reset, "load_failed"],
  ].map(([name, how, reason]) =>
    row(`worker ${name}`, "the worker's script", reason, {
      faults: () => ({ [worker]: how }),
      page: inWorker,
      csp: plain,
    }),
  ),
  row("worker hangs", "the worker's script never comes", "budget", {
    faults: () => ({ [worker]: "hang" }),
    page: () => {
      Object.assign(globalThis.row, { rank: { budgetMs: 150 }, options: () => ({ worker: true }) });
    },
    csp: plain,
  }),
  row("no fault, in a worker", "nothing", "ranked", { page: inWorker, csp: plain }),
];
