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

/** Chromium: each page in a context of its own, so that rows share the browser and nothing else. */
export async function startChromium(options) {
  const browser = await launch(options);
  const wrap = async (context, page) => {
    const session = await context.newCDPSession(page);
    await session.send("Performance.enable", { timeDomain: "threadTicks" });
    const driven = {
      context,
      /** Loads a page; `time()` counts from when its script begins. */
      async goto(url) {
        await page.goto(url, { waitUntil: "domcontentloaded", timeout: patience });
        const began = await threadTime(session);
        driven.time = async () => (await threadTime(session)) - began;
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
      close: () => context.close(),
    };
    return driven;
  };
  return {
    name: "chromium",
    async open() {
      const context = await browser.newContext({ viewport: size });
      return wrap(context, await context.newPage());
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
