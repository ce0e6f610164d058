// The built package as a publisher's page would load it: one bundled script, with the wasm and the model beside it.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after } from "node:test";
import { fileURLToPath } from "node:url";
import { guarded, launch, newPage } from "./browser.mjs";
import { makeFeed, storiesOf } from "./feed.mjs";
import { strictPolicy } from "./policy.mjs";
import { serve } from "./server.mjs";

const root = fileURLToPath(new URL("../../", import.meta.url));

export { strictPolicy };

/** The list most tests rank, and the stories of it that their reader has read. */
export const feed = makeFeed();
export const read = storiesOf(feed, "science").slice(4, 8);

/** The browser of a test file, closed after its last test. */
export async function startBrowser() {
  const browser = await launch();
  after(() => browser.close());
  return browser;
}

const bundling = {};

/** The bundle of a flavour (`full` or `""`), and the two files it loads. `Core` is exported, too, so that a test may spoil it. */
async function bundle(flavour) {
  const { build } = await import("esbuild");
  const { outputFiles } = await build({
    stdin: {
      contents: `export * from "nearside${flavour && `/${flavour}`}"; export { Core } from "./dist/core.js";`,
      resolveDir: root,
    },
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    write: false,
    logLevel: "error",
  });
  return {
    "/nearside.js": outputFiles[0].contents,
    "/nearside_bg.wasm": await readFile(new URL(`../../dist/${flavour}/nearside_bg.wasm`, import.meta.url)),
    "/reranker.onnx": await readFile(new URL("../../dist/reranker.onnx", import.meta.url)),
    "/worker.js": await readFile(new URL(`../../dist/${flavour}/worker.js`, import.meta.url)),
  };
}

const start = `import * as nearside from "./nearside.js";
Object.assign(globalThis, { nearside });
`;

const html = `<!doctype html><html lang="en"><title>Test</title><link rel="icon" href="data:,">
<script type="module" src="/start.js"></script>`;

/** Serves the package and pages that load it: `/` and whatever `bodies` adds, by path, and other `files` and `folders` beside. */
export async function serveSite({
  faults,
  headers,
  bodies = {},
  flavour = "",
  files: more = {},
  folders = {},
} = {}) {
  bundling[flavour] ??= bundle(flavour);
  const files = { ...(await bundling[flavour]), "/start.js": start, "/index.html": html, ...more };
  for (const [path, body] of Object.entries(bodies)) files[path] = `${html}${body}`;
  const server = await serve(folders, { faults, headers, files });
  server.asked = () => server.requests.map(({ path }) => path).filter((path) => /\.(wasm|onnx)$/.test(path));
  return server;
}

/** Opens a page of the site in a context of its own, and waits for the package. */
export async function openSite(browser, server, { path = "/", ...options } = {}) {
  const page = await newPage(browser, options);
  await goTo(page, server, path);
  return page;
}

/** Opens one more tab in the context of `page`. */
export async function openTab(page, server, { path = "/", ...options } = {}) {
  const context = page.context();
  const tab = await guarded(context, await context.newPage(), options);
  await goTo(tab, server, path);
  return tab;
}

/** Loads a page of the site, and waits for the package. */
export async function goTo(page, server, path = "/") {
  await page.goto(server.url + path);
  await page.waitForFunction(() => globalThis.nearside);
}

/** Makes `reranker` in the page, by default with consent, and waits until it has loaded or failed. */
export async function startReranker(page, options = {}) {
  await page.evaluate(async (options) => {
    globalThis.outcomes = [];
    const onOutcome = (outcome) => globalThis.outcomes.push(outcome);
    globalThis.reranker = globalThis.nearside.createReranker({ consent: true, onOutcome, ...options });
    await globalThis.reranker.ready;
  }, options);
}

/** Ranks a list in the page. Checks what holds for every ranking; returns the ids in order and the outcome. */
export async function rank(page, feed, options = { budgetMs: 5000 }) {
  const { ids, outcome, told, same } = await page.evaluate(
    async ([feed, options]) => {
      const list = feed?.items ?? feed;
      const before = globalThis.outcomes.length;
      const { items, outcome } = await globalThis.reranker.rank(feed, options);
      const left = new Set(list);
      return {
        ids: items.map(({ id }) => id),
        outcome,
        told: globalThis.outcomes.slice(before),
        same: items !== list && items.length === list.length && items.every((item) => left.delete(item)),
      };
    },
    [feed, options],
  );
  assert.ok(same, "the same objects in a new array");
  assert.deepEqual(told, [outcome], "one outcome a ranking");
  assert.equal(outcome.source, outcome.reason === "ranked" ? "model" : "server");
  if (outcome.source === "server")
    assert.deepEqual(
      ids,
      (feed.items ?? feed).map(({ id }) => id),
    );
  return { ids, outcome };
}

/** `openSite` for one test: the page is closed after it, and must then have printed and thrown nothing. */
export async function openGuarded(t, browser, server, options) {
  const page = await openSite(browser, server, options);
  t.after(async () => {
    try {
      await page.guard();
    } finally {
      await page.context().close();
    }
  });
  return page;
}

/** A site of its own and a guarded page on it, both closed after the test. */
export async function openFresh(t, browser, { init, contextOptions, path, ...site } = {}) {
  const server = await serveSite(site);
  t.after(() => server.close());
  return { server, page: await openGuarded(t, browser, server, { init, contextOptions, path }) };
}

/** Has the reader open stories of one topic. */
export async function readStories(page, stories) {
  await page.evaluate((stories) => {
    for (const story of stories) globalThis.reranker.clicked(story);
  }, stories);
}
