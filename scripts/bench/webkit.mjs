// What is measured in WebKit as well, without claims: its clock has steps of a millisecond, and nothing slows it down or counts its bytes.

import { launchWebkit } from "../../tests/e2e/webkit.mjs";
import { Stop } from "../shell.mjs";
import { CLICKS, COLD_COUNT, COUNTS, engines, filesOf, MODELS, products } from "./contestants.mjs";
import { reduceSamples, Samples } from "./samples.mjs";

/** Milliseconds that a sample takes at least: 200 steps of the clock. */
const least = 200;

/** Each product's page for a returning reader in a browser of its own, and Nearside's rankings: `{ version, coldProducts, rankings }`. */
export async function measureWebkit(url, { cold, rounds }) {
  const pages = new Samples();
  const all = products().filter(({ missing }) => !missing);
  let version;
  for (let i = 0; i < cold; i++)
    for (let k = 0; k < all.length; k++) {
      const { id, name } = all[(i + k) % all.length];
      const browser = await launchWebkit();
      try {
        version = browser.version;
        const seed = await browser.newPage();
        await seed.goto(`${url}seed/`);
        await seed.waitForFunction(() => globalThis.seeded);
        const clicks = await seed.evaluate("globalThis.seeded");
        if (clicks !== CLICKS) throw new Stop(`The visitor has ${clicks} clicks in WebKit.`);
        await seed.close();
        const page = await browser.newPage();
        await page.goto(`${url}${id}/`);
        await page.waitForFunction(() => globalThis.order);
        const { ms, items } = await page.evaluate("globalThis.order");
        if (items !== COLD_COUNT) throw new Stop(`${name} ordered ${items} stories in WebKit.`);
        pages.add({ product: id }, i, [ms]);
      } finally {
        browser.close();
      }
    }
  return {
    version,
    coldProducts: reduceSamples(pages.list(), "ms", 1),
    rankings: reduceSamples(await measureRankings(url, rounds), "us", 1000),
  };
}

async function measureRankings(url, rounds) {
  const measured = new Samples();
  const browser = await launchWebkit();
  try {
    const page = await browser.newPage();
    await page.goto(url);
    const call = (name, ...given) =>
      page.evaluate(async (name, given) => (await globalThis.loaded)[name](...given), name, given);
    const own = engines().find(({ id }) => id === "nearside");
    const files = Object.fromEntries(MODELS.map((model) => [model.id, filesOf(own, model)]));
    await call("prepare", MODELS, [{ id: own.id, module: `./engine-${own.id}.js`, files }]);
    await call("prepareRankings", COUNTS);
    for (let i = 0; i < rounds; i++)
      for (const { ms, ...key } of await call("longRound", least)) measured.add(key, i, ms);
  } finally {
    browser.close();
  }
  return measured.list();
}
