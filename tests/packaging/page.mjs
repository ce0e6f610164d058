// The page of a publisher that bundles the package, and what it shows in Chromium.

import { chromium } from "playwright-core";
import { serve } from "../../scripts/serve.mjs";
import { stories } from "./consumer.mjs";

/** What README asks of a page's policy, and no more. */
export const readmePolicy = "script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'";

/** The page's script: the reader reads four stories of one topic, and the list is ranked. It is any bundler's. */
export const script = (options = "") => `import { createReranker } from "nearside";
const items = ${JSON.stringify(stories)};
const reranker = createReranker({ consent: true${options} });
for (const item of items.filter((item) => item._nearside.topic === "sports")) reranker.clicked(item);
reranker.rank(items, { budgetMs: 20000 }).then(({ items: ordered, outcome }) => {
  document.documentElement.dataset.shown = JSON.stringify({ ...outcome, ids: ordered.map((item) => item.id) });
});
`;

/** The page, with its script as `how` (attributes) and `src` say. */
export const html = (src, how = 'type="module"') =>
  `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>t</title><link rel="icon" href="data:,"></head><body><script ${how} src="${src}"></script></body></html>\n`;

/**
 * Opens a folder's page, or that at an address, and returns the outcome it shows, its `workers` and what it asked for. A script's error is
 * thrown.
 */
export async function outcomeOf(where, { policy = readmePolicy } = {}) {
  const server = /^http/.test(where)
    ? { url: where, close() {} }
    : await serve({ folder: where, port: 0, contentSecurityPolicy: policy });
  const browser = await chromium.launch({
    executablePath: process.env.NEARSIDE_CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
    ],
  });
  try {
    const tab = await browser.newPage();
    const problems = [];
    const asked = [];
    let workers = 0;
    tab.on("pageerror", (error) => problems.push(String(error)));
    tab.on("worker", () => workers++);
    tab.on("request", (request) => asked.push(new URL(request.url()).pathname));
    await tab.goto(server.url);
    // A selector: the page's policy would not let a polled expression be evaluated.
    await tab.waitForSelector("html[data-shown]", { state: "attached", timeout: 60_000 }).catch((error) => {
      throw new Error(`the page shows nothing: ${problems.join("; ") || error.message}`);
    });
    if (problems.length > 0) throw new Error(problems.join("; "));
    return { ...JSON.parse(await tab.getAttribute("html", "data-shown")), workers, asked };
  } finally {
    await browser.close();
    await server.close();
  }
}
