// The n-th call that the package makes of its host fails, for every n until none is left to fail.

import { readFileSync } from "node:fs";
import { reasons } from "../../dist/index.js";
import { trust } from "./rows/trust.mjs";
import { runPatiently } from "./runner.mjs";
import { sha384 } from "./site.mjs";
import { limited } from "./wasm.mjs";

const module = readFileSync(new URL("../../dist/nearside_bg.wasm", import.meta.url));

/**
 * Wraps what the package asks of its host, from its first call on, and lets call number `n` fail: at once (`throw`), in what it
 * answers where that is a promise or a request (`later`), or by no answer at all (`never`).
 */
function failAt({ n, mode, worker }) {
  const { probe } = globalThis;
  const { apply, construct } = Reflect;
  const NativePromise = Promise;
  const later = setTimeout.bind(globalThis);
  let count = 0;
  let begun = false;
  const failure = (name) => new DOMException(`${name} fails on purpose`, "UnknownError");
  const request = (name) => {
    const error = failure(name);
    const made = { error, result: undefined };
    if (mode === "later") later(() => made.onerror?.({ target: made }));
    return made;
  };
  const wrap = (holder, name, kind = "plain") => {
    const real = holder?.[name];
    if (typeof real !== "function") return;
    const fails = () => begun && ++count === n;
    const fail = () => {
      probe.failed = name;
      if (mode === "throw" || kind === "plain") throw failure(name);
      if (kind === "request") return request(name);
      return mode === "later" ? NativePromise.reject(failure(name)) : new NativePromise(() => {});
    };
    holder[name] = new Proxy(real, {
      apply: (target, self, args) => (fails() ? fail() : apply(target, self, args)),
      construct: (target, args) => (fails() ? fail() : construct(target, args)),
    });
  };
  wrap(globalThis, "fetch", "promise");
  for (const name of ["arrayBuffer", "text"]) wrap(Response.prototype, name, "promise");
  wrap(IDBFactory.prototype, "open", "request");
  wrap(IDBDatabase.prototype, "transaction");
  wrap(IDBTransaction.prototype, "objectStore");
  for (const name of ["get", "put", "clear"]) wrap(IDBObjectStore.prototype, name, "request");
  for (const name of ["getItem", "setItem", "removeItem"]) wrap(Storage.prototype, name);
  for (const name of ["digest", "importKey", "verify"]) wrap(SubtleCrypto.prototype, name, "promise");
  wrap(Crypto.prototype, "getRandomValues");
  for (const name of ["compile", "compileStreaming"]) wrap(WebAssembly, name, "promise");
  for (const name of ["validate", "Instance", "Module"]) wrap(WebAssembly, name);
  wrap(globalThis, "Worker");
  wrap(Worker.prototype, "postMessage");
  for (const name of ["BroadcastChannel", "IntersectionObserver", "MutationObserver"]) wrap(globalThis, name);
  wrap(AbortSignal, "timeout");
  wrap(TextEncoder.prototype, "encodeInto");
  const { options } = globalThis.row;
  Object.assign(globalThis.row, {
    spoil: () => {
      begun = true;
    },
    rankings: 1,
    between: undefined,
    rank: { budgetMs: mode === "never" ? 300 : 4000 },
    ...(worker ? { options: () => ({ ...options(), worker }) } : {}),
    after: async (reranker) => {
      reranker.clicked({ id: "story-1" });
      reranker.viewed({ id: "story-2" });
      reranker.explain("story-3");
      reranker.stored();
      await probe.wait(60);
      dispatchEvent(new Event("pagehide"));
      await reranker.erase();
      probe.calls = count;
    },
  });
}

const kept = trust.find(({ name }) => name === "no fault, kept");

/** The row of one failing call. */
function rowOf(mode, worker, n) {
  return {
    ...kept,
    group: "sweep",
    name: `call ${n}`,
    reasons: [reasons],
    reason: "",
    outcome: {},
    csp: worker ? null : undefined,
    asks: /^\/(nearside_bg\.wasm|reranker\.onnx|worker\.js|release\/[\w.]+)$/,
    arg: { ...kept.arg, n, mode, worker },
    page: `(arg) => { (${kept.page})(arg); (${failAt})(arg); }`,
  };
}

/**
 * Fails every call in turn, `lanes` pages at a time; answers `{ calls, problems, reasons }`: how many calls there were to fail, what
 * went wrong, and how often each reason came.
 */
export async function sweep(driver, kit, { mode = "throw", worker = false, lanes = 2, most = 400 } = {}) {
  const problems = [];
  const tally = {};
  let next = 1;
  let end = most;
  const lane = async () => {
    while (next <= end) {
      const n = next++;
      const { problems: found, report } = await runPatiently(rowOf(mode, worker, n), driver, kit);
      const failed = report?.failed;
      if (report && failed === undefined) end = Math.min(end, n - 1);
      problems.push(...found.map((problem) => `call ${n} (${failed}): ${problem}`));
      const reason = report?.views[0]?.outcome.reason;
      if (failed !== undefined) tally[reason] = (tally[reason] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  if (end === most) problems.push(`after ${most} calls there was still one to fail`);
  return { calls: end, problems, reasons: tally };
}

/** The n-th growth of the module's memory is refused, for every n until it grows no further. */
export async function sweepMemory(driver, kit) {
  const problems = [];
  const tally = {};
  let pages = 0;
  for (; pages < 64; pages++) {
    const bytes = limited(module, pages);
    const row = {
      group: "sweep",
      name: `memory ${pages}`,
      reason: "",
      reasons: [["trap", "load_failed", "ranked"]],
      files: { "/small.wasm": bytes },
      asks: /^\/(small\.wasm|reranker\.onnx)$/,
      arg: sha384(bytes),
      page: (wasmIntegrity) => {
        globalThis.row.options = () => ({ wasmUrl: "/small.wasm", wasmIntegrity });
      },
    };
    const { problems: found, report } = await runPatiently(row, driver, kit);
    problems.push(...found.map((problem) => `${pages} pages: ${problem}`));
    const reason = report?.views[0]?.outcome.reason;
    tally[reason] = (tally[reason] ?? 0) + 1;
    if (reason === "ranked") break;
  }
  if (!tally.ranked) problems.push("no memory was enough");
  return { calls: pages, problems, reasons: tally };
}
