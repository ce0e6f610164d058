// `node scripts/bench/release.mjs`: what verifying a stored release adds to the start, in Chromium. One reader, page views in turn
// without and with releases, the same files; from `createReranker` to the first order. docs/delivery.md quotes it.

import { launch, newPage } from "../../tests/e2e/browser.mjs";
import { makeFeed } from "../../tests/e2e/feed.mjs";
import { goTo, read, readStories, startReranker } from "../../tests/e2e/package.mjs";
import { serveRelease } from "../../tests/e2e/release.mjs";
import { main, say } from "../shell.mjs";
import { summarise } from "./statistics.mjs";

const ROUNDS = 60;

/** Milliseconds from `createReranker` to the first order. */
const start = (page, options) =>
  page.evaluate(
    async ([options, feed]) => {
      const began = performance.now();
      const reranker = globalThis.nearside.createReranker({ consent: true, ...options });
      const { outcome } = await reranker.rank(feed, { budgetMs: 5000 });
      const ms = performance.now() - began;
      if (outcome.reason !== "ranked") throw new Error(outcome.reason);
      return { ms, version: outcome.releaseVersion };
    },
    [options, makeFeed()],
  );

await main(async () => {
  // A clock of 5 µs needs a page that is isolated from other origins; cached files need no network.
  const isolated = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
  };
  const headers = (path) => ({
    ...isolated,
    "cache-control": /\.(wasm|onnx)$/.test(path) ? "public, max-age=31536000, immutable" : "no-cache",
  });
  const site = await serveRelease({ headers });
  const browser = await launch();
  try {
    await site.publish({});
    const page = await newPage(browser);
    await goTo(page, site);
    await startReranker(page, { release: site.release });
    await readStories(page, read);
    await page.waitForFunction(() => localStorage.getItem("nearside.release"));
    const times = { without: [], with: [] };
    for (let round = -3; round < ROUNDS; round++) {
      for (const [name, options] of [
        ["without", {}],
        ["with", { release: site.release }],
      ]) {
        await goTo(page, site);
        const { ms, version } = await start(page, options);
        if (round > -3 && (name === "with") !== (version === 1))
          throw new Error(`${name}: release ${version}`);
        if (round >= 0) times[name].push(ms);
      }
    }
    const differences = times.with.map((ms, round) => ms - times.without[round]);
    for (const [name, list] of Object.entries({ ...times, difference: differences })) {
      const { median, interval } = summarise(list);
      say(
        `${name.padEnd(12)}${median.toFixed(2).padStart(8)} ms  [${interval.map((ms) => ms.toFixed(2)).join(", ")}]`,
      );
    }
  } finally {
    await browser.close();
    await site.close();
  }
});
