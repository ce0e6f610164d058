// Loads the built package as a new page would: with module state of its own, and with a core of the test's making.

import { register } from "node:module";

const hooks = `
export async function resolve(specifier, context, next) {
  const page = context.parentURL && new URL(context.parentURL).searchParams.get("page");
  const resolved = await next(specifier, context);
  const [, lacks] = page?.split(" without ") ?? [];
  if (lacks && new URL(resolved.url).pathname.endsWith(lacks)) throw new Error(lacks + " does not come");
  if (!page || !specifier.startsWith(".")) return resolved;
  // The core, and what its flavour starts it with.
  const url = new URL(/\\/dist\\/(core|nearside)\\.js$/.test(resolved.url) ? ${JSON.stringify(new URL("core.mjs", import.meta.url).href)} : resolved.url);
  url.searchParams.set("page", page);
  return { ...resolved, url: url.href, format: "module" };
}`;
register(`data:text/javascript,${encodeURIComponent(hooks)}`);

let pages = 0;

/** A new page: the package's exports, the `control` of its core, and the `url` of a file as this page loads it. `lacks`: a file that does not come. */
export async function newPage(lacks) {
  const name = lacks ? `${++pages} without ${lacks}` : `${++pages}`;
  const page = `?${new URLSearchParams({ page: name })}`; // as the hook writes it: another spelling would be another module
  const { control } = await import(`./core.mjs${page}`);
  const nearside = await import(`../../dist/index.js${page}`);
  return { ...nearside, control, url: (file) => new URL(`../../dist/${file}${page}`, import.meta.url).href };
}

/** The least WebAssembly file; the core of a test needs no more. */
export const wasmBytes = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]);

/** Options of a reranker that loads at once: consent, files from memory, a store of its own. */
export function options({ MemoryStore }, more = {}) {
  const base = {
    consent: true,
    wasmUrl: wasmBytes,
    modelUrl: new Uint8Array([1, 2, 3]),
    store: new MemoryStore(),
  };
  return Object.defineProperties(base, Object.getOwnPropertyDescriptors(more)); // getters stay getters
}

/** A list of stories `s0`, `s1`, …, each with the extension that `extend(i)` returns. */
export function stories(count, extend = () => ({})) {
  return Array.from({ length: count }, (_, i) => ({
    id: `s${i}`,
    title: `Story ${i}`,
    date_published: "2026-01-02T03:04:05Z",
    _nearside: { topic: `t${i % 3}`, shows: 100, clicks: 10 - (i % 10), ...extend(i) },
  }));
}

/** Clicks the first two stories, so that the history is enough to rank by. */
export function readTwo(reranker, list) {
  reranker.clicked(list[0]);
  reranker.clicked(list[1]);
}

/** Waits. */
export function pause(ms = 0) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Long enough for an event to be written. */
export const soon = 20;

/** Long enough for views, too. */
export const debounced = 700;

/** A store that notes how it is used. */
export class Watched {
  uses = [];
  bytes;

  async read() {
    this.uses.push("read");
    return this.bytes;
  }

  async write(bytes) {
    this.uses.push("write");
    this.bytes = bytes;
  }

  get text() {
    return new TextDecoder().decode(this.bytes);
  }
}

/** A tab: a page of its own over a store shared with others. */
export async function openTab(store, more) {
  const page = await newPage();
  const reranker = page.createReranker(options(page, { store, ...more }));
  await reranker.ready;
  return Object.assign(reranker, { page });
}
