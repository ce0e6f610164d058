// What the page did to what the package takes from its host: every global and every member it reads, each in every way. The rows are made
// of two tables; a test compares the names with those that the package's files use.

/** Where nothing is lost, or something else does. */
const goesOn = ["ranked"];
/** The files are fetched with it. */
const fetching = ["ranked", "load_failed"];
/** The module is compiled and run with it. */
const running = ["ranked", "unsupported", "compile_blocked", "load_failed", "internal", "trap"];
/** What the language itself gives: the order is the server's where there is no way around it. */
const language = [
  "ranked",
  "cold",
  "load_failed",
  "bad_candidates",
  "internal",
  "trap",
  "unsupported",
  "model_rejected",
];

/** Each global, or member of one, with the reasons that its faults may come to. `more`: what is different in its row. */
export const touched = {
  AbortController: ["internal", "ranked"],
  AbortSignal: goesOn,
  "AbortSignal.timeout": goesOn,
  Array: goesOn,
  "Array.from": goesOn,
  "Array.isArray": goesOn,
  ArrayBuffer: language,
  "ArrayBuffer.isView": language,
  BroadcastChannel: goesOn,
  DataView: language,
  Date: goesOn,
  "Date.now": goesOn,
  Element: goesOn,
  Error: language,
  FinalizationRegistry: goesOn,
  Float32Array: language,
  Float64Array: language,
  IntersectionObserver: goesOn,
  "JSON.parse": goesOn,
  "JSON.stringify": goesOn,
  Map: language,
  "Math.abs": goesOn,
  "Math.floor": language,
  "Math.imul": goesOn,
  "Math.max": language,
  "Math.min": language,
  "Math.random": goesOn,
  "Math.round": goesOn,
  MessageChannel: goesOn,
  MutationObserver: goesOn,
  Node: goesOn,
  Number: language,
  "Number.isFinite": language,
  "Number.isInteger": language,
  "Number.isSafeInteger": goesOn,
  "Number.parseInt": goesOn,
  Object: language,
  "Object.defineProperties": goesOn,
  "Object.defineProperty": running,
  "Object.entries": goesOn,
  "Object.fromEntries": goesOn,
  "Object.getOwnPropertyDescriptors": goesOn,
  "Object.getPrototypeOf": running,
  "Object.hasOwn": goesOn,
  "Object.keys": language,
  Promise: language,
  "Promise.all": language,
  Request: goesOn,
  Response: running,
  Set: language,
  String: language,
  "String.fromCharCode": language,
  "Symbol.for": goesOn,
  TextDecoder: goesOn,
  TextEncoder: goesOn,
  TypeError: goesOn,
  URL: fetching,
  Uint32Array: language,
  "Uint32Array.from": goesOn,
  Uint8Array: language,
  "Uint8Array.from": language,
  WeakMap: language,
  WeakRef: goesOn,
  WebAssembly: running,
  "WebAssembly.CompileError": running,
  "WebAssembly.Instance": running,
  // Where it is a function, and no class, what was loaded cannot be told.
  "WebAssembly.Module": ["unsupported", "ranked", "load_failed", "internal"],
  "WebAssembly.compile": running,
  "WebAssembly.compileStreaming": running,
  "WebAssembly.instantiate": goesOn,
  "WebAssembly.instantiateStreaming": goesOn,
  "WebAssembly.validate": running,
  Worker: goesOn,
  addEventListener: goesOn,
  atob: goesOn,
  btoa: goesOn,
  clearTimeout: goesOn,
  crypto: goesOn,
  "crypto.getRandomValues": goesOn,
  "crypto.subtle": goesOn,
  decodeURIComponent: goesOn,
  document: goesOn,
  "document.baseURI": goesOn,
  "document.createRange": goesOn,
  "document.createTreeWalker": goesOn,
  encodeURIComponent: goesOn,
  fetch: fetching,
  getComputedStyle: goesOn,
  "indexedDB.databases": goesOn,
  "indexedDB.deleteDatabase": goesOn,
  "indexedDB.open": ["cold", "ranked"],
  "location.host": goesOn,
  "localStorage.getItem": ["ranked", "cold"], // where the history was left there
  "localStorage.removeItem": goesOn,
  "localStorage.setItem": goesOn,
  performance: goesOn,
  "performance.getEntriesByName": goesOn,
  "performance.now": goesOn,
  "performance.timeOrigin": goesOn,
  requestAnimationFrame: goesOn,
  setTimeout: goesOn,
  unescape: goesOn,
};

/** What may be in the place of one, and when it gets there: before the package is imported, or once its files have loaded. */
const faults = [
  { name: "missing", way: "missing" },
  { name: "throws", way: "throws" },
  { name: "replaced", way: "replaced" },
  { name: "nonsense", way: "nonsense" },
  { name: "throws once loaded", way: "throws", later: true },
  { name: "nonsense once loaded", way: "nonsense", later: true },
];

/** Without these the helpers that a bundler writes around the package fail, before the package begins. */
const bundlers = /^Object(\.defineProperty)?$/;

/** The faults of one. */
export const faultsOf = (path) => faults.filter(({ later }) => later || !bundlers.test(path));

/** Puts it there. `host` is the page's global object. */
export function put({ path, way }, host) {
  const { defineProperty, getOwnPropertyDescriptor, setPrototypeOf } = host.Object;
  const names = path.split(".");
  const name = names[names.length - 1];
  const owner = names.length > 1 ? host[names[0]] : host;
  const isFunction = typeof owner[name] === "function";
  const isNumber = typeof owner[name] === "number";
  const fail = () => {
    throw new host.Error("the page's own");
  };
  const value = {
    missing: undefined,
    replaced: {},
    throws: () => {
      fail();
    },
    nonsense: isFunction ? () => "nonsense" : isNumber ? Number.NaN : 7,
  }[way];
  const isGetter = way === "throws" && !isFunction;
  const descriptor = isGetter ? { get: fail, set() {} } : { value, writable: true };
  descriptor.configurable = true;
  // Browsers let no page change some.
  if (getOwnPropertyDescriptor(owner, name)?.configurable !== false)
    defineProperty(owner, name, setPrototypeOf(descriptor, null));
}

/** In the page, whose own script has what it needs when it happens. */
const spoil = `({ later, ...fault }) => {
  const put = ${put};
  if (later) globalThis.row.ready = (reranker) => reranker.ready.then(() => put(fault, globalThis));
  else globalThis.row.before = () => put(fault, globalThis);
}`;

/** In `npm test`, too: the clocks and the timers. */
const quick = /^(Date|performance|setTimeout|clearTimeout|MessageChannel|AbortSignal|Text|Finalization)/;

/** The lines of the package that hold these off. */
const guards = {
  "Array.isArray": ["is-list"],
  Date: ["clock"],
  "Date.now": ["clock-nonsense"],
  Element: ["listener-throws"],
  MessageChannel: ["task"],
  Promise: ["within"],
  TextEncoder: ["text-encoder"],
  clearTimeout: ["timer-end"],
  setTimeout: ["timer"],
};

export const globals = Object.entries(touched).map(([path, reasons]) => ({
  group: "globals",
  name: path,
  fault: "missing; throws; something else, or an answer without sense, in its place",
  reason: reasons[0],
  reasons: [reasons],
  cases: faultsOf(path),
  make: (fault) => ({ page: spoil, arg: { ...fault, path } }),
  applied: "perhaps",
  unmoved: "perhaps",
  long: true,
  slow: !quick.test(path),
  ...(guards[path] ? { guards: guards[path] } : {}),
}));
