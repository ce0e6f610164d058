// A publisher's front page: a server-rendered list, `apply` and `watch`, and what its server answers with.

import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { makeFeed, storiesOf } from "../e2e/feed.mjs";
import { strictPolicy } from "../e2e/policy.mjs";
import { serve } from "../e2e/server.mjs";

const root = new URL("../../", import.meta.url);
const at = (path) => fileURLToPath(new URL(path, root));

/** The list that most rows rank. */
export const feed = makeFeed();

/** The policy of every row that says nothing else: what the package needs, and no more. */
export const policy = `${strictPolicy}; worker-src 'self'; img-src data:; trusted-types 'none'`;

export const sha384 = (bytes) => `sha384-${createHash("sha384").update(bytes).digest("base64")}`;

/** What the page's own server and the package's files are: made once, whatever the rows do to copies. */
export async function makeKit({ sdk, faulty = {} } = {}) {
  const [wasm, model, worker, probe, page] = await Promise.all([
    readFile(at("dist/nearside_bg.wasm")),
    readFile(at("dist/reranker.onnx")),
    readFile(at("dist/worker.js")),
    Promise.all([readFile(at("tests/faults/builtins.js")), readFile(at("tests/faults/probe.js"))]),
    readFile(at("tests/faults/page.js")),
  ]);
  const { Core } = await import("../../dist/core.js");
  const { glue } = await import("../../dist/default-flavour.js");
  glue.start({ module: await WebAssembly.compile(wasm) });
  const core = new Core(glue, model);
  core.check();
  return {
    files: {
      "/nearside.js": sdk ?? (await bundle()),
      "/nearside_bg.wasm": wasm,
      "/reranker.onnx": model,
      "/worker.js": worker,
      "/probe.js": Buffer.concat(probe),
      "/page.js": page,
    },
    faulty,
    history: historyOf(core),
  };
}

/** The package as a publisher's bundler makes it one script. `plugins`: to build it from something else. */
export async function bundle(plugins = [], contents = `export * from "nearside";`) {
  const { outputFiles } = await build({
    stdin: { contents: `${contents} export { Core } from "./dist/core.js";`, resolveDir: at(".") },
    ...{ bundle: true, format: "esm", target: "es2022", write: false, logLevel: "error", plugins },
  });
  return outputFiles[0].contents;
}

/** The record of a reader who has opened stories of one topic a minute ago. */
function historyOf(core) {
  const now = Date.now();
  for (const { id, _nearside: own } of storiesOf(feed, "science").slice(4, 9)) {
    core.record({ kind: "clicked", id, ...own, seconds: 0, at: now - 60_000 });
  }
  return core.profileBytes(now);
}

/** The front page. `head`: what a row puts before all other scripts; `body`: what it puts behind the list. */
export function html({ items = feed.items, head = "", body = "", json = { ...feed, items } } = {}) {
  const card = ({ id, title }) => `
<article data-nearside-id="${id}"><h2><a href="/story.html?${id}">${title}</a></h2><button class="save">Save</button></article>`;
  const text = JSON.stringify(json).replaceAll("<", "\\u003c");
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>Front page</title><link rel="icon" href="data:,">
<style>
body { margin: 0; font: 16px/20px sans-serif; }
header { height: 60px; }
article { box-sizing: border-box; height: 90px; padding: 10px; border-bottom: 1px solid; }
h2 { margin: 0; font-size: 16px; }
</style>
<script src="/probe.js"></script>${head}<script src="/row.js"></script>
<body><header>The Daily</header>
<main id="front">${items.map(card).join("")}
</main>${body}
<script type="application/json" id="feed">${text}</script>
<script type="module" src="/page.js"></script>`;
}

/** The script of one row: the history, then what the row does to the page. */
function rowScript({ page, arg, history = "left" }, kit) {
  const bytes = JSON.stringify([...kit.history]);
  const seed = history === "left" ? "globalThis.probe.leave(globalThis.probe.history);" : "";
  const given = JSON.stringify(arg ?? null);
  return `globalThis.row = {}; globalThis.probe.history = Uint8Array.from(${bytes});\n${seed}\n(${page ?? "() => {}"})(${given});`;
}

let served = 1;

/** Serves the site of one row; `server.asked(pattern)` says which paths that match were asked for. */
export async function serveRow(row, kit) {
  const files = {
    ...kit.files,
    ...(row.build === "faults" ? kit.faulty : {}),
    "/index.html": html(row.html),
    "/row.js": rowScript(row, kit),
    "/story.html": "<!doctype html><title>Story</title>",
    ...row.files,
  };
  const csp = row.csp === undefined ? policy : row.csp;
  const headers = (path) => ({
    ...(csp === null || !/(\/|\.html)$/.test(path) ? {} : { "content-security-policy": csp }),
    ...row.headers?.(path),
  });
  // A port may come again, and with it what a browser kept for its origin: each row has an address of its own.
  const host = `127.0.${1 + (served >> 8)}.${served & 255}`;
  served = (served + 1) % 0xfe00;
  const server = await serve({}, { files, headers, host, faults: row.faults ? row.faults(kit) : {} });
  server.asked = (pattern) => server.requests.map(({ path }) => path).filter((path) => pattern.test(path));
  return server;
}
