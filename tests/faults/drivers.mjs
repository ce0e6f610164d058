// Three browsers behind one face: open a page, go somewhere, read an expression's text, click a place.

import { setTimeout as delay } from "node:timers/promises";
import { launch } from "../e2e/browser.mjs";
import { launchFirefox } from "../e2e/firefox.mjs";
import { launchWebkit } from "../e2e/webkit.mjs";

const size = { width: 1280, height: 720 };
/** How long a page may take to come to its end. */
const patience = 60_000;

/** Lets the page's script begin. */
const start = "void globalThis.probe?.go?.()";

/** Milliseconds that the page's thread has worked: waiting for a processor that others use does not count. */
async function threadTime(session) {
  const { metrics } = await session.send("Performance.getMetrics");
  return 1000 * metrics.find(({ name }) => name === "TaskDuration").value;
}

/** Has the browser note its tasks, of one page at a time. */
class Tracer {
  #session;
  #turn = Promise.resolve();

  constructor(session) {
    this.#session = session;
  }

  /** Begins when the trace before has ended. Returns what ends it, once, and answers with its events. */
  async begin() {
    let release;
    const before = this.#turn;
    this.#turn = new Promise((resolve) => {
      release = resolve;
    });
    await before;
    const session = this.#session;
    const events = [];
    const take = ({ value }) => events.push(...value);
    session.on("Tracing.dataCollected", take);
    const complete = new Promise((resolve) => session.once("Tracing.tracingComplete", resolve));
    const includedCategories = ["devtools.timeline", "disabled-by-default-devtools.timeline"];
    await session.send("Tracing.start", { traceConfig: { includedCategories } });
    let ended;
    const end = async () => {
      await session.send("Tracing.end");
      await complete;
      session.off("Tracing.dataCollected", take);
      release();
      return events;
    };
    return () => {
      ended ??= end();
      return ended;
    };
  }
}

/** Milliseconds that the longest task on the thread of a page, from its loading on, has itself worked. */
function longestTask(events, url) {
  const loads = events.filter(({ name, args }) => name === "CommitLoad" && args.data.url?.startsWith(url));
  const tasks = events.filter(
    ({ name, pid, tid, ts }) =>
      name === "RunTask" && loads.some((load) => pid === load.pid && tid === load.tid && ts > load.ts),
  );
  if (!tasks.some(({ tdur }) => tdur > 0)) throw new Error(`no task of ${url} has its time in the trace`);
  return Math.max(...tasks.map(({ tdur = 0 }) => tdur)) / 1000;
}

/** Chromium: each page in a context of its own, so that rows share the browser and nothing else. */
export async function startChromium(options) {
  const browser = await launch(options);
  const tracer = new Tracer(await browser.newBrowserCDPSession());
  const wrap = async (context, page, endTrace) => {
    const session = await context.newCDPSession(page);
    await session.send("Performance.enable", { timeDomain: "threadTicks" });
    const driven = {
      context,
      /** Loads a page; `time()` counts from when its script begins. */
      async goto(url) {
        await page.goto(url, { waitUntil: "domcontentloaded", timeout: patience });
        const began = await threadTime(session);
        driven.time = async () => (await threadTime(session)) - began;
        driven.longest = endTrace && (async () => longestTask(await endTrace(), url));
        await driven.read(start);
      },
      // By the protocol alone: a row may have spoilt what page scripts of a driver need.
      async read(expression) {
        const { result, exceptionDetails } = await session.send("Runtime.evaluate", {
          expression,
          awaitPromise: true,
          returnByValue: true,
        });
        if (exceptionDetails)
          throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
        return result.value;
      },
      click: ({ x, y }) => page.mouse.click(x, y),
      send: (method, parameters) => session.send(method, parameters),
      tab: async () => wrap(context, await context.newPage()),
      kill: () => session.send("Page.crash").catch(() => {}),
      end: () => page.close(),
      async close() {
        await endTrace?.();
        await context.close();
      },
    };
    return driven;
  };
  return {
    name: "chromium",
    /** `traced`: the page has `longest`, which ends the trace and tells how long its longest task has worked. */
    async open({ traced = false } = {}) {
      const endTrace = traced ? await tracer.begin() : undefined;
      try {
        const context = await browser.newContext({ viewport: size });
        return await wrap(context, await context.newPage(), endTrace);
      } catch (error) {
        await endTrace?.(); // the next page waits for it
        throw error;
      }
    },
    close: () => browser.close(),
  };
}

/** Firefox: pages share a profile, but each row has an origin of its own, and so its own storage and cache. */
export async function startFirefox(options) {
  const browser = await launchFirefox({ defaultViewport: size, ...options });
  const wrap = (page) => ({
    async goto(url) {
      await page.goto(url, { waitUntil: "domcontentloaded", timeout: patience });
      await page.evaluate(start);
    },
    read: (expression) => page.evaluate(expression),
    click: ({ x, y }) => page.mouse.click(x, y),
    tab: async () => wrap(await browser.newPage()),
    kill: () => page.close(),
    end: () => page.close(),
    close: () => page.close(),
  });
  return {
    name: "firefox",
    open: async () => wrap(await browser.newPage()),
    close: () => browser.close(),
  };
}

/** WebKit: a browser has one window in use at a time, so that rows which run at once have a browser each; they take turns with them. */
export async function startWebkit() {
  const idle = [await launchWebkit(size)];
  const all = new Set(idle);
  const discard = (browser) => {
    all.delete(browser);
    browser.close();
  };
  const wrap = (page, windows) => ({
    goto: (url) => page.goto(url),
    /** Its driver asks in the page itself, where a row may have spoilt what that takes: until the page has ended, it asks again. */
    async read(expression) {
      for (const until = performance.now() + patience; ; await delay(50)) {
        try {
          const value = await page.evaluate(expression);
          if (value !== undefined) return value;
        } catch (error) {
          if (error.isPage || performance.now() > until) throw error;
        }
      }
    },
    click: ({ x, y }) => page.mouse.click(x, y),
    async tab() {
      const page = await windows.open();
      return wrap(page, windows);
    },
    kill: () => page.close(),
    end: () => page.close(),
    close: () => windows.close(),
  });
  const open = async () => {
    const browser = idle.pop() ?? (await launchWebkit(size));
    all.add(browser);
    const pages = [];
    const windows = {
      async open() {
        const page = await browser.newPage();
        pages.push(page);
        return page;
      },
      /** Gives the browser back; one that no longer answers is ended. */
      async close() {
        const closed = Promise.all(pages.splice(0).map((page) => page.close().catch(() => {})));
        const done = await Promise.race([closed.then(() => true), delay(5000, false, { ref: false })]);
        if (!all.has(browser) || idle.includes(browser)) return;
        if (done) idle.push(browser);
        else discard(browser);
      },
    };
    try {
      return wrap(await windows.open(), windows);
    } catch (error) {
      discard(browser);
      throw error;
    }
  };
  return {
    name: "webkit",
    version: idle[0].version,
    open,
    close: () => [...all].forEach(discard),
  };
}
