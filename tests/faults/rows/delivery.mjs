// What networks, servers and those in between do to the package's files.

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
  row("captive portal", "a sign-in page for the module, the model and the worker", "integrity", {
    faults: () => ({ [wasm]: spoil.portal, [model]: spoil.portal, [worker]: spoil.portal }),
  }),
  row("captive portal for everything", "the same for the package's script, too: no outcome", "none", {
    faults: () => ({ "*.wasm": spoil.portal, "*.onnx": spoil.portal, "/nearside.js": spoil.portal }),
  }),
  row("offline before the files", "the network goes once the page is there", "load_failed", {
    faults: () => ({ [wasm]: "reset", [model]: "reset" }),
  }),
  row("a server that comes back", "503 for the first ranking, all is well for the next", "", {
    reasons: ["load_failed", "ranked"],
    faults: () => ({ [wasm]: spoil.firstOnly(spoil.status(503)) }),
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
