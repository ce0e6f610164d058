// Drives the pages: warm rankings, curves, cold starts, what is loaded, memory and long tasks. Samples come back by round, so that things
// which were measured together can be compared.

import { newPage } from "../../tests/e2e/browser.mjs";
import { Stop } from "../shell.mjs";
import { CLICKS, COLD_COUNT, COUNTS, CURVES, engines, filesOf, MODELS, products } from "./contestants.mjs";
import { Samples } from "./samples.mjs";

export const SLOW = [1, 4];

const present = (list) => list.filter(({ missing }) => !missing);

/** Milliseconds that one question to a page may take. */
const patience = 120_000;

async function ask(question) {
  let timer;
  const late = new Promise((_, refuse) => {
    timer = setTimeout(() => refuse(new Error(`no answer in ${patience / 1000} s`)), patience);
  });
  try {
    return await Promise.race([question, late]);
  } catch (error) {
    throw new Stop(`A page failed: ${error.message.split("\n")[0]}`);
  } finally {
    clearTimeout(timer);
  }
}

async function open(browser, url, options) {
  const page = await newPage(browser, options);
  await page.goto(url);
  return page;
}

/** The warm page: rankings of every model, count, part and engine; the curves; the first ranking of fresh pages. */
export async function measureWarm(browser, url, { rounds, curveRounds, fresh }) {
  const page = await open(browser, url);
  const call = (name, ...given) =>
    ask(page.evaluate(async ([name, given]) => (await globalThis.loaded)[name](...given), [name, given]));
  const others = present(engines()).map((engine) => ({
    id: engine.id,
    module: `./engine-${engine.id}.js`,
    files: Object.fromEntries(MODELS.map((model) => [model.id, filesOf(engine, model)])),
  }));
  const profiles = await call("prepare", MODELS, others);
  const measured = new Samples();
  const repeat = async (times) => {
    for (let i = 0; i < times; i++) {
      for (const { ms, ...key } of await call("round")) measured.add(key, i, ms);
      await page.guard();
    }
  };
  await call("prepareRankings", COUNTS);
  await repeat(rounds);
  await call("prepareCurves", CURVES);
  await repeat(curveRounds);
  const difference = await call("difference");
  await page.context().close();

  for (let i = 0; i < fresh; i++)
    for (const [m, model] of MODELS.entries())
      for (const count of COUNTS) {
        const page = await open(browser, url);
        const ms = await ask(
          page.evaluate(
            async ([model, profile, count]) => (await globalThis.loaded).first(model, profile, count),
            [model, profiles[m], count],
          ),
        );
        measured.add({ model: model.id, count, what: "first" }, i, [ms]);
        await page.context().close();
      }
  return { samples: measured.list(), difference };
}

async function slowDown(page, rate) {
  const session = await page.context().newCDPSession(page);
  await session.send("Emulation.setCPUThrottlingRate", { rate });
  return session;
}

/** From import to first scores, each time in a browser context that has nothing in any cache. */
export async function measureEngines(browser, url, rounds) {
  const measured = new Samples();
  for (let i = 0; i < rounds; i++)
    for (const slow of SLOW)
      for (const model of slow === 1 ? [MODELS[0], MODELS.at(-1)] : [MODELS.at(-1)]) {
        const all = present(engines());
        for (let k = 0; k < all.length; k++) {
          const engine = all[(i + k) % all.length];
          const page = await open(browser, `${url}engine.html`);
          await slowDown(page, slow);
          const { ms, scores } = await ask(
            page.evaluate(
              ([module, files, inputs]) => globalThis.first(module, files, inputs),
              [`./engine-${engine.id}.js`, filesOf(engine, model), `inputs-${model.id}.json`],
            ),
          );
          if (scores.length !== COLD_COUNT || !scores.every(Number.isFinite))
            throw new Stop(`${engine.name} gave no scores.`);
          measured.add({ engine: engine.id, model: model.id, slow }, i, [ms]);
          await page.guard();
          await page.context().close();
        }
      }
  return measured.list();
}

/**
 * Long tasks of a page from when its script is there, as milliseconds of each. Before, the browser makes the page and its script
 * contexts: at a quarter of the speed in 60 ms and more, whatever is on the page. By animation frames, which say how much over 50 ms
 * their tasks took: of the tasks themselves Chromium reports only some.
 */
function watchTasks() {
  const frames = [];
  new PerformanceObserver((list) => frames.push(...list.getEntries())).observe({
    type: "long-animation-frame",
    buffered: true,
  });
  globalThis.longTasks = () => {
    const [{ responseEnd }] = performance
      .getEntriesByType("resource")
      .filter(({ name }) => name.endsWith("/page.js"));
    return frames
      .filter(({ startTime, duration }) => startTime + duration > responseEnd)
      .filter(({ blockingDuration }) => blockingDuration > 0)
      .map(({ blockingDuration }) => 50 + blockingDuration);
  };
}

/** Every product's page for a returning visitor: navigation to first order, what was loaded for it, long tasks. */
export async function measureProducts(browser, url, rounds) {
  const measured = new Samples();
  const loads = {};
  const tasks = new Samples();
  for (let i = 0; i < rounds; i++)
    for (const slow of SLOW) {
      const all = present(products());
      for (let k = 0; k < all.length; k++) {
        const { id, name } = all[(i + k) % all.length];
        const seed = await open(browser, `${url}seed/`);
        const clicks = await ask(seed.evaluate(() => globalThis.seeded));
        if (clicks !== CLICKS) throw new Stop(`The visitor has ${clicks} clicks.`);
        const context = seed.context();
        await seed.close();
        const page = await context.newPage();
        await page.addInitScript(watchTasks);
        await slowDown(page, slow);
        await page.goto(`${url}${id}/`);
        const { ms, items } = await ask(page.evaluate(() => globalThis.order));
        if (items !== COLD_COUNT) throw new Stop(`${name} ordered ${items} stories.`);
        measured.add({ product: id, slow }, i, [ms]);
        const { long, files } = await page.evaluate(async () => {
          await new Promise((settle) => setTimeout(settle, 200));
          return {
            long: globalThis.longTasks(),
            files: performance
              .getEntriesByType("resource")
              .map(({ name, encodedBodySize, decodedBodySize }) => ({
                name: new URL(name).pathname.split("/").at(-1),
                brotli: encodedBodySize,
                raw: decodedBodySize,
              })),
          };
        });
        tasks.add({ product: id, slow }, i, long);
        loads[id] ??= loadsOf(files);
        await context.close();
      }
    }
  return { samples: measured.list(), loads, tasks: tasks.list() };
}

/** What a page loads beside its feed. The features that are given to engines ready-made are nothing a page would load. */
function loadsOf(files) {
  const own = files.filter(({ name }) => name !== "feed.json" && name !== "inputs.json");
  const sum = (member) => own.reduce((all, file) => all + file[member], 0);
  return {
    requests: own.length,
    raw: sum("raw"),
    brotli: sum("brotli"),
    files: own.sort((a, b) => b.brotli - a.brotli),
  };
}

/** Bytes that every product's page holds after its rankings, garbage collected: of JavaScript, and of WebAssembly's linear memory. */
export async function measureMemory(browser, url) {
  const found = {};
  for (const { id } of present(products())) {
    const seed = await open(browser, `${url}seed/`);
    await ask(seed.evaluate(() => globalThis.seeded));
    const context = seed.context();
    await seed.close();
    const page = await context.newPage();
    await page.addInitScript(watchMemories);
    await page.goto(`${url}${id}/`);
    await ask(page.evaluate(() => globalThis.order));
    const session = await context.newCDPSession(page);
    await session.send("HeapProfiler.collectGarbage");
    const heap = await session.send("Runtime.getHeapUsage");
    const wasm = await page.evaluate(() =>
      [...globalThis.memories].reduce((sum, { buffer }) => sum + buffer.byteLength, 0),
    );
    found[id] = { script: heap.usedSize, wasm };
    await context.close();
  }
  return found;
}

/** Keeps every linear memory that a page makes or is given by an instance. */
function watchMemories() {
  globalThis.memories = new Set();
  const { Instance, Memory } = WebAssembly;
  const note = (instance) => {
    for (const value of Object.values(instance.exports))
      if (value instanceof Memory) globalThis.memories.add(value);
  };
  WebAssembly.Memory = class extends Memory {
    constructor(...given) {
      super(...given);
      globalThis.memories.add(this);
    }
  };
  WebAssembly.Instance = class extends Instance {
    constructor(...given) {
      super(...given);
      note(this);
    }
  };
  for (const name of ["instantiate", "instantiateStreaming"]) {
    const own = WebAssembly[name];
    WebAssembly[name] = async (...given) => {
      const result = await own.apply(WebAssembly, given);
      note(result.instance ?? result);
      return result;
    };
  }
}
