// One reader for very many page views: new ones, hidden ones, tabs that are closed and pages that are restored. `npm run soak -- --views N`
// and soak-views.test.mjs share it.

import { readFile } from "node:fs/promises";
import { launch } from "./browser.mjs";
import { feed, openSite, serveSite } from "./package.mjs";

/** What the record may have, and with it what `localStorage` may. */
const cap = 12 * 1024;
/** What the heap may gain: compiled code, and what of pages on their way out is still to be collected. */
const slack = 1 << 20;

/** What is wrong with a soak's rows and account: sentences, none if all is as it was at the first row. */
export function faults([first, ...rows], { problems, kinds, views }) {
  return [
    ...problems,
    ...["new", "closed", "hidden", "restored"]
      .filter((kind) => !(10 * kinds[kind] >= views))
      .map((kind) => `less than a tenth of the views were ${kind}`),
    ...rows.flatMap(({ views, heap, documents, record, local }) => [
      ...(heap - first.heap <= slack ? [] : [`${heap - first.heap} bytes more heap after ${views} views`]),
      ...(documents - first.documents <= 4
        ? []
        : [`${documents - first.documents} more documents after ${views} views`]),
      ...(record <= cap && local <= cap ? [] : [`${record} and ${local} bytes stored after ${views} views`]),
    ]),
  ];
}

/** Runs page views up to the last checkpoint, counted in views. Returns a row each, and the page's own account. */
export async function soakViews(checkpoints, report = () => {}) {
  const server = await serveSite({
    headers: (path) => ({
      "cache-control": /html$|^\/$|rest/.test(path) ? "no-cache" : "max-age=86400",
      ...(path === "/rest" ? { "clear-site-data": '"cache"' } : {}), // ends pages that wait to be restored
    }),
    files: {
      "/feed.json": JSON.stringify(feed),
      "/view.html": `<!doctype html><title>View</title><link rel="icon" href="data:,"><script type="module" src="/view.js"></script>`,
      "/view.js": await readFile(new URL("soak-view.js", import.meta.url)),
      "/rest": "",
    },
  });
  const browser = await launch({ ignoreDefaultArgs: ["--disable-back-forward-cache"] });
  try {
    const page = await openSite(browser, server);
    const session = await page.context().newCDPSession(page);
    await session.send("Performance.enable");
    const resting = () =>
      new Promise((resolve, reject) => {
        page.once("crash", () => reject(new Error("the page crashed")));
        server.faults["/rest"] = (answer) => {
          resolve();
          return answer;
        };
      });
    const measure = async () => {
      for (let i = 0; i < 4; i++) {
        await session.send("HeapProfiler.collectGarbage");
        await page.waitForTimeout(100);
      }
      const { usedSize: heap } = await session.send("Runtime.getHeapUsage");
      const { metrics } = await session.send("Performance.getMetrics");
      const documents = metrics.find(({ name }) => name === "Documents").value;
      const stored = await page.evaluate(async () => {
        const settled = (request) =>
          new Promise((resolve) => {
            request.onsuccess = () => resolve(request.result);
          });
        const database = await settled(indexedDB.open("nearside"));
        const all = await settled(database.transaction("nearside").objectStore("nearside").getAll());
        database.close();
        const { usage } = await navigator.storage.estimate();
        return {
          record: all.reduce((sum, { length }) => sum + length, 0),
          local: Object.values(localStorage).join("").length,
          disk: usage,
        };
      });
      return { heap, documents, ...stored };
    };

    const began = performance.now();
    const rows = [];
    let rested = resting();
    await page.evaluate((stops) => {
      const account = { views: 0, clicks: 0, erasures: 0, bytes: 0, kinds: {}, problems: [], stops };
      sessionStorage.setItem("soak", JSON.stringify(account));
      location.href = "/view.html";
    }, checkpoints);
    let account;
    for (const _ of checkpoints) {
      await rested;
      await page.waitForFunction(() => globalThis.resume);
      account = await page.evaluate(() => JSON.parse(sessionStorage.getItem("soak")));
      const row = { views: account.views, seconds: (performance.now() - began) / 1000, ...(await measure()) };
      rows.push(row);
      report(row);
      server.requests.length = 0;
      rested = resting();
      await page.evaluate(() => globalThis.resume());
    }
    await page.guard();
    return { rows, account };
  } finally {
    await browser.close();
    await server.close();
  }
}
