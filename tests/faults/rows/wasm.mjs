// What the module may do. All but the memory's limit come from a build with the Cargo feature `faults`, which asks the page's
// `nearsideFault` before each use what to do: 1 panics, 2 calls itself without end, 3 loops without end.

import { readFileSync } from "node:fs";
import { sha384 } from "../site.mjs";
import { limited } from "../wasm.mjs";

const group = "wasm";
const row = (name, fault, reason, more) => ({ group, name, fault, reason, build: "faults", ...more });

/** Several rankings, a fault in each that `at` lists by its number; `place` is where in the core. */
const faultAt = ([kind, place, rankings, ...at]) => {
  let count = 0;
  globalThis.nearsideFault = (where) => {
    if (where !== place) return 0;
    return at.includes(++count) ? kind : 0;
  };
  globalThis.row.rankings = rankings;
};
const throwAt = ([place, rankings, ...at]) => {
  let count = 0;
  globalThis.nearsideFault = (where) => {
    if (where === place && at.includes(++count)) throw new TypeError("an import of the module throws");
    return 0;
  };
  globalThis.row.rankings = rankings;
};
const inWorker = ([rankings, budgetMs]) => {
  Object.assign(globalThis.row, { rankings, rank: { budgetMs }, options: () => ({ worker: true }) });
};
const shipped = readFileSync(new URL("../../../dist/nearside_bg.wasm", import.meta.url));

/** The worker's script with a fault in it: in the first `times` workers, or in all. */
const workerWith = (fault, times = Number.POSITIVE_INFINITY) => {
  let count = 0;
  return (answer) => ({
    ...answer,
    body: count++ < times ? Buffer.concat([Buffer.from(`${fault};\n`), answer.body]) : answer.body,
  });
};
const ranksWith = (kind) => `globalThis.nearsideFault = (place) => (place === "rank" ? ${kind} : 0)`;

export const wasm = [
  row("no fault in the test build", "nothing", "ranked"),
  row("a trap, once", "the first ranking panics", "", {
    reasons: ["trap", "ranked"],
    page: faultAt,
    arg: [1, "rank", 2, 1],
  }),
  row("a trap, every time", "each ranking panics", "", {
    reasons: ["trap", "trap", "trap"],
    page: faultAt,
    arg: [1, "rank", 3, 1, 2, 3],
  }),
  row("a trap after a ranking", "the second ranking panics; the third ranks again", "", {
    reasons: ["ranked", "trap", "ranked"],
    page: faultAt,
    arg: [1, "rank", 3, 2],
  }),
  row("a trap while loading", "the model's constructor panics", "trap", {
    page: faultAt,
    arg: [1, "new", 1, 1],
  }),
  row("a trap while merging", "the stored history makes the core panic, once", "", {
    reasons: [["trap", "ranked"], "ranked"],
    page: faultAt,
    arg: [1, "merge", 2, 1],
    // Where the first ranking came after the trap, the second finds what that one brought about.
    applied: ["applied", "perhaps"],
  }),
  row("a trap while storing", "the core panics when its history is to be written", "ranked", {
    page: () => {
      globalThis.nearsideFault = (where) => (where === "bytes" ? 1 : 0);
      globalThis.row.after = (reranker) => {
        reranker.clicked({ id: "story-1" });
        return globalThis.probe.wait(200);
      };
    },
  }),
  row("stack overflow", "a ranking calls itself until the stack ends", "", {
    reasons: ["trap", "ranked"],
    page: faultAt,
    arg: [2, "rank", 2, 1],
  }),
  row("an import throws, ranking", "what the module calls of the page throws, once", "", {
    reasons: ["trap", "ranked"],
    page: throwAt,
    arg: ["rank", 2, 1],
  }),
  row("an import throws, loading", "the same in the model's constructor", "trap", {
    page: throwAt,
    arg: ["new", 1, 1],
  }),
  ...[0, 1, 2].map((pages) =>
    row(`memory refused after ${pages} pages`, "`memory.grow` answers that it cannot", "", {
      build: undefined,
      reasons: [["trap", "ranked", "load_failed"]],
      files: { "/small.wasm": limited(shipped, pages) },
      asks: /^\/(small\.wasm|reranker\.onnx)$/,
      arg: sha384(limited(shipped, pages)),
      page: (wasmIntegrity) => {
        globalThis.row.options = () => ({ wasmUrl: "/small.wasm", wasmIntegrity });
      },
      expect: ({ views }) =>
        pages === 0 && views[0]?.outcome.reason === "ranked" ? ["memory did not grow"] : [],
    }),
  ),
  row("a worker traps, once", "the first worker's ranking panics; the second worker ranks", "", {
    reasons: ["trap", "ranked"],
    csp: null,
    page: inWorker,
    arg: [2, 8000],
    faults: () => ({ "/worker.js": workerWith(ranksWith(1), 1) }),
  }),
  row("a worker traps, every time", "each worker's ranking panics", "", {
    reasons: ["trap", "trap", "trap"],
    csp: null,
    page: inWorker,
    arg: [3, 8000],
    faults: () => ({ "/worker.js": workerWith(ranksWith(1)) }),
  }),
  row("a worker's stack overflows", "its ranking calls itself until the stack ends", "trap", {
    csp: null,
    page: inWorker,
    arg: [1, 8000],
    faults: () => ({ "/worker.js": workerWith(ranksWith(2)) }),
  }),
  row("endless loop in the worker, briefly waited for", "its ranking does not end", "budget", {
    csp: null,
    page: inWorker,
    arg: [1, 200],
    faults: () => ({ "/worker.js": workerWith(ranksWith(3)) }),
    guards: ["late"],
  }),
  row(
    "endless loop in the worker, ended",
    "the first worker's ranking does not end; the second worker ranks",
    "",
    {
      reasons: ["trap", "ranked"],
      csp: null,
      page: inWorker,
      arg: [2, 20_000],
      faults: () => ({ "/worker.js": workerWith(ranksWith(3), 1) }),
      guards: ["worker-patience"],
    },
  ),
  row("a worker whose import throws", "what its module calls throws", "trap", {
    csp: null,
    page: inWorker,
    arg: [1, 8000],
    faults: () => ({
      "/worker.js": workerWith(
        `globalThis.nearsideFault = (place) => { if (place === "rank") throw new TypeError("an import throws"); return 0; }`,
      ),
    }),
  }),
  row("a worker's order that is none", "it names one story in every slot", "internal", {
    csp: null,
    page: inWorker,
    arg: [1, 8000],
    faults: () => ({
      "/worker.js": (answer) => ({
        ...answer,
        body: Buffer.from(`postMessage({ id: 0 });
          onmessage = ({ data: { id, job } }) => postMessage({ id, result: "module" in job
            ? { modelId: "fake", space: "minilm-l6-pca64-v1", names: [] }
            : { order: new Uint32Array(60), reason: "ranked", skipped: 0, weight: 0, rows: new Float32Array() } });`),
      }),
    }),
    guards: ["order"],
  }),
  row("postMessage throws", "nothing can be sent to the worker", "trap", {
    build: undefined,
    csp: null,
    page: () => {
      globalThis.row.options = () => ({ worker: true });
      Worker.prototype.postMessage = () => {
        throw new DOMException("could not be cloned", "DataCloneError");
      };
    },
  }),
  row("a worker that throws by itself", "an error outside of any ranking", "", {
    reasons: [["load_failed", "trap"]],
    csp: null,
    page: inWorker,
    arg: [1, 8000],
    faults: () => ({ "/worker.js": workerWith("throw new Error('on purpose')") }),
    guards: ["worker-error"],
  }),
  row("a ranking that takes too long", "the core needs longer than the ranking may take", "budget", {
    build: undefined,
    long: true,
    page: () => {
      globalThis.row.spoil = ({ Core }) => {
        const real = Core.prototype.rank;
        Core.prototype.rank = function (...args) {
          for (const end = performance.now() + 400; performance.now() < end; );
          return real.apply(this, args);
        };
      };
      globalThis.row.ready = (reranker) => reranker.ready;
      globalThis.row.rank = { budgetMs: 200 };
    },
    guards: ["late-order"],
  }),
  row("a slow processor", "twenty times slower, by the protocol", "", {
    build: undefined,
    reasons: [["budget", "ranked"]],
    engines: ["chromium"],
    long: true,
    patience: 60_000,
    steps: ({ page }) => page.send("Emulation.setCPUThrottlingRate", { rate: 20 }),
    page: () => {
      globalThis.row.rank = {};
    },
  }),
];
