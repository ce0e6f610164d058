// Starts the system's Chromium and watches pages from outside: whatever page script prints or throws is a problem.

import assert from "node:assert/strict";
import { slowDown, slowLaunch } from "./slow.mjs";

/** Switches that headless Chromium needs here. */
export const args = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/**
 * Starts headless Chromium with a new empty profile.
 *
 * `NEARSIDE_CHROMIUM` names another executable; `options` go to Playwright's `launch`.
 */
export async function launch(options = {}) {
  const executablePath = process.env.NEARSIDE_CHROMIUM ?? "/usr/bin/chromium";
  const { chromium } = await import("playwright-core");
  return chromium.launch({ executablePath, headless: true, args, ...slowLaunch, ...options });
}

/**
 * Opens a page in a context of its own.
 *
 * `page.guard()` asserts that so far nothing was printed with `console.*` by page script, thrown without being caught,
 * or rejected without being handled; `page.problems` lists what was. The browser's own console lines (404, integrity,
 * CSP) do not count. `allow` is a list of patterns for problems that a test expects.
 * `contextOptions` go to Playwright's `newContext`; `init` is a function to run before any script of the page.
 */
export async function newPage(browser, { contextOptions = {}, allow = [], init } = {}) {
  const context = await browser.newContext(contextOptions);
  const page = await context.newPage();
  return guarded(context, page, { allow, init });
}

/** Adds the guard of `newPage` to a page of a context that exists already (a second tab, a persistent context). */
export async function guarded(context, page, { allow = [], init } = {}) {
  const session = await context.newCDPSession(page);
  await slowDown(page, session);
  if (init) await page.addInitScript(init);
  const problems = [];
  const add = (text) => {
    if (!allow.some((pattern) => pattern.test(text))) problems.push(text);
  };
  page.on("pageerror", (error) => add(`uncaught: ${error?.stack ?? error}`));
  page.on("crash", () => add("the page crashed"));
  // The protocol's Runtime domain reports calls by scripts only; the browser's own lines are in its Log domain.
  session.on("Runtime.consoleAPICalled", ({ type, args: values }) => {
    add(
      `console.${type}: ${values.map((value) => value.value ?? value.description ?? value.type).join(" ")}`,
    );
  });
  await session.send("Runtime.enable");

  page.problems = problems;
  page.guard = async () => {
    if (!page.isClosed()) {
      // A turn of the page, so that whatever was under way has been reported. A policy without eval does not stop this.
      await session.send("Runtime.evaluate", {
        expression: "new Promise((resolve) => setTimeout(resolve, 0))",
        awaitPromise: true,
      });
    }
    assert.deepEqual(problems, [], "page script printed or threw");
  };
  return page;
}
