// Pages that put something of their own where the package looks: under the symbol that its copies share, on all objects, and in place of
// the timers.

const group = "host";
const row = (name, fault, reason, page, more) => ({ group, name, fault, reason, page, ...more });

/** In the page: what lies under the copies' symbol. */
function occupy(what) {
  const key = Symbol.for("nearside");
  const fail = () => {
    throw new Error("the page's own");
  };
  const fixed = (value) => Object.defineProperty(globalThis, key, { value });
  const spoilt = (one) => Object.assign(one, { has: fail, add: fail, clear: fail, get: fail, set: fail });
  ({
    "a number": () => {
      globalThis[key] = 1;
    },
    "an empty object": () => {
      globalThis[key] = {};
    },
    "a frozen object": () => fixed(Object.freeze({})),
    "a fixed null": () => fixed(null),
    "a getter that throws": () => Object.defineProperty(globalThis, key, { get: fail }),
    "members that throw": () => {
      globalThis[key] = { seen: spoilt(new Set()), ordered: spoilt(new WeakMap()) };
    },
    "getters for members": () => {
      globalThis[key] = Object.defineProperties({}, { seen: { get: fail }, ordered: { get: fail } });
    },
  })[what]();
  globalThis.row.after = async (reranker) => {
    if ((await reranker.erase()) !== true) globalThis.probe.note("not erased");
    if (reranker.stored()?.clicks !== 0) globalThis.probe.note("there still is a history");
  };
}

/** In the page: a member that all objects have, once the package is imported: what a bundler puts around it stumbles by itself. */
function pollute({ name, value }) {
  const members = {
    function: () => {},
    throwing() {
      throw new Error("the page's own");
    },
    object: { manifestUrl: "/x", publicKeys: ["a"] },
  };
  globalThis.row.spoil = () => {
    const given = Object.hasOwn(members, value) ? members[value] : value;
    const descriptor = Object.assign(Object.create(null), { writable: true, configurable: true });
    descriptor.value = given;
    Object.defineProperty(Object.prototype, name, descriptor);
  };
}

const names = [
  ["get", "throwing"],
  ["value", 1],
  ["signal", 1],
  ["once", "function"],
  ["integrity", "sha384-AAAA"],
  ["cache", "only-if-cached"],
  ["method", "BREW"],
  ["message", "throwing"],
  ["worker", true],
  ["release", "object"],
  ["store", 7],
  ["wasmUrl", "/elsewhere.wasm"],
  ["budgetMs", 0],
  ["keep", "function"],
];

export const host = [
  {
    ...row("the copies' symbol", "something else is there, or nothing can be put there", "ranked", occupy),
    cases: [
      ...["a number", "an empty object", "a frozen object", "a fixed null", "a getter that throws"],
      ...["getters for members", "members that throw"],
    ],
    make: (what) => ({ arg: what }),
    guards: ["copies-throw"],
  },
  {
    ...row(
      "members on all objects",
      `\`Object.prototype\` with one of ${names.length} names that options have`,
      "ranked",
      pollute,
    ),
    cases: names.map(([name, value]) => ({ name, value })),
    make: (one) => ({ arg: one }),
    guards: ["pollution"],
  },
  row(
    "all objects have a `then`",
    "once the files have loaded: a promise that holds one never settles",
    "ranked",
    () => {
      globalThis.row.ready = async (reranker) => {
        await reranker.ready;
        const name = "then";
        Object.defineProperty(Object.prototype, name, { value() {}, configurable: true });
      };
      globalThis.row.after = async () => {
        delete Object.prototype.then;
      };
    },
  ),
  row("timers that never fire", "`setTimeout` and `setInterval` of a test runner", "ranked", () => {
    globalThis.row.before = () => {
      globalThis.setTimeout = globalThis.setInterval = () => 1;
    };
    globalThis.row.ready = (reranker) => reranker.ready;
  }),
  row(
    "timers that never fire, and a file that hangs",
    "the browser's own timers for signals keep the budget",
    "budget",
    () => {
      globalThis.row.before = () => {
        globalThis.setTimeout = globalThis.setInterval = () => 1;
      };
      globalThis.row.rank = { budgetMs: 300 };
    },
    { faults: () => ({ "/reranker.onnx": "hang" }), guards: ["timer-never"] },
  ),
  row(
    "a signal that cannot be asked",
    "`aborted` throws once the files have loaded",
    "internal",
    () => {
      globalThis.row.ready = async (reranker, nearside) => {
        await reranker.ready;
        Object.defineProperty(AbortSignal.prototype, "aborted", {
          get() {
            throw new Error("the page's own");
          },
        });
        reranker.stored();
        reranker.explain("story-1");
        reranker.clicked({ id: "story-1" });
        nearside.createReranker({ consent: true }).dispose();
      };
    },
    { applied: "applied", guards: ["at-once"] },
  ),
  row(
    "no AbortController",
    "there is nothing to make a reranker with, and one comes all the same",
    "internal",
    () => {
      globalThis.row.before = () => {
        delete globalThis.AbortController;
      };
      globalThis.row.after = async (reranker) => {
        await reranker.ready;
        if ((await reranker.erase()) !== true) globalThis.probe.note("erased nothing");
      };
    },
    { applied: "stale_list", silent: true, guards: ["make", "rank", "erase"] },
  ),
];
