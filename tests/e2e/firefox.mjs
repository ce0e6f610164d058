// Starts the system's Firefox, over WebDriver BiDi: Playwright drives only its own build of it.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import puppeteer from "puppeteer-core";

/** Starts headless Firefox with a new empty profile. `NEARSIDE_FIREFOX` names another executable. */
export async function launchFirefox(options = {}) {
  // As root, Firefox refuses a home that belongs to another user.
  const home = mkdtempSync(join(tmpdir(), "nearside-firefox-"));
  const browser = await puppeteer.launch({
    browser: "firefox",
    executablePath: process.env.NEARSIDE_FIREFOX ?? "/usr/bin/firefox-esr",
    headless: true,
    env: { ...process.env, HOME: home },
    ...options,
  });
  browser.once("disconnected", () => rmSync(home, { recursive: true, force: true, maxRetries: 3 }));
  return browser;
}
