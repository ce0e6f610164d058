// Browsers and pages that lack something or forbid it.

import { html } from "../site.mjs";

const group = "platform";
const row = (name, fault, reason, more) => ({ group, name, fault, reason, ...more });
const script = "script-src 'self' 'wasm-unsafe-eval'";
const style = "style-src 'unsafe-inline'; img-src data:";

/** A page around the page, in a frame without an origin of its own; it hands on what the inner one reports. */
const around = `<!doctype html><html lang="en"><title>Around</title><script src="/around.js"></script>
<iframe sandbox="allow-scripts" width="1200" height="700" src="/frame.html"></iframe>`;
const aroundScript = `
  let take;
  const report = new Promise((resolve) => { take = resolve; });
  globalThis.probe = {
    finished: report.then(() => '{"targets":[]}'),
    report: () => report,
  };
  addEventListener("message", ({ data }) => take(data));`;

/** A wrapper that is gone: `name` is a path from the global object. */
const without = (name, fault, reason, page, more) => row(name, fault, reason, { page, ...more });

export const platform = [
  row("CSP without wasm", "`script-src 'self'`", "compile_blocked", {
    csp: `default-src 'none'; script-src 'self'; connect-src 'self'; ${style}`,
    expect: ({ views }) =>
      views.flatMap(({ outcome: { message } }) =>
        message?.includes("'wasm-unsafe-eval'") ? [] : [`the message says no remedy: ${message}`],
      ),
    guards: ["compile-probe"],
  }),
  row("CSP blocks connects", "`connect-src 'none'`", "load_failed", {
    csp: `default-src 'none'; ${script}; connect-src 'none'; ${style}`,
  }),
  row("CSP blocks workers", "`worker-src 'none'`, and a worker is asked for", "load_failed", {
    csp: `default-src 'none'; ${script}; connect-src 'self'; worker-src 'none'; ${style}`,
    page: () => {
      globalThis.row.options = () => ({ worker: true });
    },
  }),
  row("Trusted Types", "enforced, and no policy may be made", "ranked", {
    csp: `default-src 'none'; ${script}; connect-src 'self'; ${style}; require-trusted-types-for 'script'; trusted-types 'none'`,
  }),
  row("Trusted Types and a worker", "enforced; `workerUrl` is no `TrustedScriptURL`", "load_failed", {
    engines: ["chromium"],
    page: () => {
      globalThis.row.options = () => ({ worker: true });
    },
    guards: ["worker-refused"],
  }),
  row("frame without an origin", '`<iframe sandbox="allow-scripts">`: no storage, files by CORS', "cold", {
    outcome: { storage: "memory" },
    headers: () => ({ "access-control-allow-origin": "*" }),
    csp: null,
    files: { "/index.html": around, "/around.js": aroundScript, "/frame.html": html() },
    asks: /^\/(nearside_bg\.wasm|reranker\.onnx|frame\.html|around\.js)$/,
    page: () => {
      const { probe } = globalThis;
      probe.finished.then(async () => {
        document.querySelector("#front .save").click();
        document.querySelector("#front h2 a").click();
        parent.postMessage(await probe.report(), "*");
      });
    },
    guards: ["store-fails"],
  }),
  without(
    "no WebAssembly",
    "`WebAssembly` is gone",
    "unsupported",
    () => {
      delete globalThis.WebAssembly;
    },
    { silent: true, guards: ["support"] },
  ),
  without(
    "no SIMD",
    "`WebAssembly.validate` refuses SIMD",
    "unsupported",
    () => {
      WebAssembly.validate = () => false;
    },
    { silent: true, guards: ["support"] },
  ),
  without(
    "no WebAssembly.Module",
    "a page took it away",
    "unsupported",
    () => {
      WebAssembly.Module = undefined;
    },
    { silent: true, guards: ["no-module"] },
  ),
  without(
    "no streaming compilation",
    "`WebAssembly.compileStreaming` is gone",
    "ranked",
    () => {
      delete WebAssembly.compileStreaming;
    },
    { guards: ["streaming"] },
  ),
  without(
    "compilation refused",
    "`WebAssembly.compile` and its stream reject everything",
    "compile_blocked",
    () => {
      const refuse = () => Promise.reject(new WebAssembly.CompileError("refused by the page's policy"));
      WebAssembly.compile = WebAssembly.compileStreaming = refuse;
    },
    { guards: ["compile-probe"] },
  ),
  without(
    "instances refused",
    "what was compiled may not be instantiated: how WebKit heeds a policy",
    "compile_blocked",
    () => {
      WebAssembly.Instance = () => {
        throw new WebAssembly.CompileError("refused by the page's policy");
      };
    },
    { guards: ["instance-probe"] },
  ),
  without(
    "no Worker",
    "`Worker` is gone, and one is asked for",
    "unsupported",
    () => {
      delete globalThis.Worker;
      globalThis.row.options = () => ({ worker: true });
    },
    { guards: ["no-worker"] },
  ),
  without(
    "no AbortSignal.timeout",
    "an older browser",
    "ranked",
    () => {
      delete AbortSignal.timeout;
    },
    { guards: ["no-timeout"] },
  ),
  without("no IntersectionObserver", "views cannot be told; clicks can", "ranked", () => {
    delete globalThis.IntersectionObserver;
  }),
  without("no requestAnimationFrame", "a page that is drawn by other means", "ranked", () => {
    delete globalThis.requestAnimationFrame;
  }),
  without("no crypto.subtle", "the page is no secure context", "ranked", () => {
    Object.defineProperty(globalThis, "crypto", { value: {} });
  }),
  without(
    "no crypto.subtle, and a wrong file",
    "the browser holds the file to its hash, and does not say what was wrong",
    "load_failed",
    () => {
      Object.defineProperty(globalThis, "crypto", { value: {} });
    },
    { faults: () => ({ "/reranker.onnx": "flip" }), guards: ["no-subtle"] },
  ),
  without("no TextEncoder", "a test runner's page: texts go another way", "ranked", () => {
    delete globalThis.TextEncoder;
    delete globalThis.TextDecoder;
    delete globalThis.FinalizationRegistry;
  }),
];
