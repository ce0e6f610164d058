// `apply` and `watch` as properties over random layouts, in each browser. NEARSIDE_LAYOUTS: how many (60); NEARSIDE_SEED: the first.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, test } from "node:test";
import { startChromium, startFirefox, startWebkit } from "../faults/drivers.mjs";
import { serveSite } from "./package.mjs";

const count = Number(process.env.NEARSIDE_LAYOUTS ?? 60);
const first = Number(process.env.NEARSIDE_SEED ?? 1);

const layouts = await readFile(new URL("layouts.js", import.meta.url), "utf8");
const body = `<style>body { margin: 0; font: 16px sans-serif }</style><script src="/layouts.js"></script>`;
const server = await serveSite({ bodies: { "/layouts.html": body }, files: { "/layouts.js": layouts } });
after(() => server.close());

for (const start of [startChromium, startFirefox, startWebkit]) {
  const name = start.name.slice(5).toLowerCase();
  test(`${name}: nothing in the window moves, and what was half visible for a second is seen`, async (t) => {
    const browser = await start();
    t.after(() => browser.close());
    const tab = await browser.open();
    await tab.goto(`${server.url}/layouts.html`);
    await tab.read("new Promise((resolve) => setTimeout(() => resolve(1), 500))");
    const run = async (what, from, to) => JSON.parse(await tab.read(`${what}(${from}, ${to})`));
    const problems = [];
    const sums = {};
    const add = (found) => {
      problems.push(...found.problems);
      for (const [key, value] of Object.entries(found.answers)) sums[key] = (sums[key] ?? 0) + value;
    };
    for (let from = first; from < first + count; from += 10)
      add(await run("applyLayouts", from, Math.min(from + 10, first + count)));
    for (let from = first; from < first + count / 6; from += 4)
      add(await run("watchLayouts", from, Math.min(from + 4, first + Math.ceil(count / 6))));
    t.diagnostic(JSON.stringify(sums));
    assert.deepEqual(problems, []);
    assert.ok(sums.moved > count / 4, "in many of them something moves");
    assert.ok(sums.seen > 10 && sums.unseen > 10);
  });
}
