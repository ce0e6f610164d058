// One tab for very many rankings, and what its memory comes to. `npm run soak` and soak.test.mjs share it.

import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { buildCore } from "../../scripts/build.mjs";
import { ensureWasmBindgen } from "../../scripts/setup.mjs";
import { cache } from "../../scripts/shell.mjs";
import { openSite, serveSite } from "./package.mjs";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** How many rankings trap in the faulty build: one of so many. */
export const trapEvery = 100;

/**
 * What the JavaScript heap may gain: the engine's compiled code, of which the first hundred rankings have not all. Over 100,000
 * rankings it is 5 bytes each, and the smallest object has 12.
 */
const compiled = 1 << 19;

/** Builds the core that traps, and returns its folder. */
export async function buildFaults() {
  const folder = `${cache}/faults`;
  await buildCore(await ensureWasmBindgen(), folder, "faults");
  return folder;
}

/** What is wrong with the rows of a soak: sentences, none if memory stayed as it was at the first row. */
export function growth([first, ...rows]) {
  return rows.flatMap(({ rankings, instances, wasm, heap }) => [
    ...(instances === first.instances ? [] : [`${instances} instances after ${rankings} rankings`]),
    ...(wasm === first.wasm
      ? []
      : [`${wasm - first.wasm} bytes more WebAssembly after ${rankings} rankings`]),
    ...(heap - first.heap <= compiled
      ? []
      : [`${heap - first.heap} bytes more JavaScript heap after ${rankings} rankings`]),
  ]);
}

/** Before any script of a page or frame: the tab's top window learns of every WebAssembly instance, weakly. */
function tellInstances() {
  window.top.instances ??= [];
  const known = window.top.instances;
  WebAssembly.Instance = new Proxy(WebAssembly.Instance, {
    construct(target, args) {
      const instance = Reflect.construct(target, args);
      known.push(new window.top.WeakRef(instance.exports.memory));
      return instance;
    },
  });
}

/** A tab of its own with the soak's script, and `measure()`: what it holds after garbage collection, in bytes. */
async function openTab(browser, files) {
  const server = await serveSite({
    files: { ...files, "/soak.js": await readFile(new URL("soak-page.js", import.meta.url)) },
  });
  const page = await openSite(browser, server, { init: tellInstances });
  await page.addScriptTag({ url: "/soak.js", type: "module" });
  await page.waitForFunction(() => globalThis.soak);
  const session = await page.context().newCDPSession(page);
  const measure = async () => {
    // The first collection may leave to a second one what finalisers and frames held.
    for (let i = 0; i < 3; i++) await session.send("HeapProfiler.collectGarbage");
    const { usedSize: heap } = await session.send("Runtime.getHeapUsage");
    const sizes = await page.evaluate(() => {
      globalThis.instances = globalThis.instances.filter((memory) => memory.deref());
      return globalThis.instances.map((memory) => memory.deref().buffer.byteLength);
    });
    return { instances: sizes.length, wasm: sizes.reduce((sum, bytes) => sum + bytes, 0), heap };
  };
  const close = async () => {
    await page.guard();
    await page.context().close();
    await server.close();
  };
  return { page, measure, close };
}

/**
 * Ranks in one tab, and measures whenever `checkpoints` (ascending numbers of rankings) are reached.
 *
 * Returns `{ rows, tally }`: a row is `{ rankings, seconds, instances, wasm, heap }`, the last two in bytes; `tally` counts
 * outcomes by reason.
 */
export async function soak(browser, checkpoints) {
  const { page, measure, close } = await openTab(browser, {});
  await page.evaluate(() => {
    const make = (options) => globalThis.nearside.createReranker({ consent: true, ...options });
    globalThis.reader = new globalThis.soak.Reader(make);
  });
  const began = performance.now();
  const rows = [];
  for (const rankings of checkpoints) {
    await page.evaluate(async (rankings) => {
      const { reader } = globalThis;
      await reader.rank(rankings - reader.rankings);
      await reader.settle();
    }, rankings);
    rows.push({ rankings, seconds: (performance.now() - began) / 1000, ...(await measure()) });
  }
  const tally = await page.evaluate(() => globalThis.reader.tally);
  await close();
  return { rows, tally };
}

/** The bundle of the build in `folder`, and the wasm it loads. */
async function faultyFiles(folder) {
  const instead = {
    name: "instead",
    setup(build) {
      build.onResolve({ filter: /^\.(\/dist)?\/nearside\.js$/ }, () => ({ path: `${folder}/nearside.js` }));
    },
  };
  const { build } = await import("esbuild");
  const { outputFiles } = await build({
    stdin: {
      contents: `export * from "nearside"; export { trapEvery } from "./dist/nearside.js";`,
      resolveDir: root,
    },
    ...{ bundle: true, minify: true, format: "esm", target: "es2022", write: false, logLevel: "error" },
    plugins: [instead],
  });
  const wasm = await readFile(`${folder}/nearside_bg.wasm`);
  return {
    files: { "/nearside.js": outputFiles[0].contents, "/nearside_bg.wasm": wasm },
    options: {
      wasmUrl: "/nearside_bg.wasm",
      wasmIntegrity: `sha384-${createHash("sha384").update(wasm).digest("base64")}`,
    },
  };
}

/**
 * The same with the faulty build in `folder`: page views in frames of one tab, two traps in each, after which the SDK takes no
 * further instance. Checkpoints are counted in rankings that reached the core, two hundred a frame.
 *
 * A row's `running` is how many instances were there on the second instance of the frame before.
 */
export async function soakFaults(browser, checkpoints, folder) {
  const { files, options } = await faultyFiles(folder);
  const { page, measure, close } = await openTab(browser, files);
  let running;
  await page.exposeFunction("pause", async () => {
    running = (await measure()).instances;
  });
  const began = performance.now();
  const rows = [];
  const tally = {};
  let views = 0;
  for (const rankings of checkpoints) {
    const more = rankings / (2 * trapEvery) - views;
    const counts = await page.evaluate(
      async ([more, options]) => {
        const all = {};
        for (let i = 1; i <= more; i++) {
          const tally = await globalThis.soak.trapTwice(options, i === more ? globalThis.pause : undefined);
          for (const [reason, times] of Object.entries(tally)) all[reason] = (all[reason] ?? 0) + times;
        }
        return all;
      },
      [more, options],
    );
    for (const [reason, times] of Object.entries(counts)) tally[reason] = (tally[reason] ?? 0) + times;
    views += more;
    rows.push({ rankings, seconds: (performance.now() - began) / 1000, running, ...(await measure()) });
  }
  await close();
  return { rows, tally, views };
}
