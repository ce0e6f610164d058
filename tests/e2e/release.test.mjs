// A release as `npm run release` writes it, in a real browser: taken up at the next page view, switched off, and never a reader's own request.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { feed, goTo, openGuarded, rank, read, readStories, startBrowser, startReranker } from "./package.mjs";
import { keptRelease, serveRelease, taken } from "./release.mjs";

const browser = await startBrowser();
const site = await serveRelease();
after(() => site.close());

/** A page view: loads the page, ranks once, and lets the newest release arrive. */
async function view(page) {
  await goTo(page, site);
  await startReranker(page, { release: site.release });
  const ranking = await rank(page, feed);
  await taken(page, site);
  return ranking;
}

test("a release ranks from the second page view on, gives the same order, and asks for nothing but its files", async (t) => {
  await site.publish({ version: 1 });
  const page = await openGuarded(t, browser, site);
  await startReranker(page);
  await readStories(page, read);
  const own = await rank(page, feed);
  assert.equal(own.outcome.reason, "ranked");

  const first = await view(page);
  assert.equal(first.outcome.releaseVersion, undefined);
  site.requests.length = 0;
  const second = await view(page);
  assert.equal(second.outcome.releaseVersion, 1);
  assert.equal(second.outcome.release, undefined);
  assert.deepEqual(second.ids, own.ids);
  const asked = site.requests.map(({ path, search, method, body }) => `${method} ${path}${search}${body}`);
  const { wasm, model } = site.manifest();
  assert.deepEqual(
    asked.filter((line) => line.includes("/release/")).sort(),
    ["manifest.json", wasm.name, model.name].map((name) => `GET /release/${name}`).sort(),
  );
  assert.ok(!asked.some((line) => /\/nearside_bg\.wasm|\/reranker\.onnx/.test(line)), asked.join("\n"));
});

test("the kill switch reaches an open page at its next ranking, and the next page view before anything is loaded", async (t) => {
  await site.publish({ version: 2 });
  const page = await openGuarded(t, browser, site);
  await view(page);
  await view(page);
  await readStories(page, read);
  assert.equal((await rank(page, feed)).outcome.reason, "ranked");
  await site.publish({ kill: true });
  await page.evaluate(() => {
    const { now } = Date;
    Date.now = () => now() + 61_000;
  });
  await rank(page, feed);
  await taken(page, site);
  assert.equal((await keptRelease(page)).version, 3);
  assert.equal((await rank(page, feed)).outcome.reason, "killed");
  site.requests.length = 0;
  assert.equal((await view(page)).outcome.reason, "killed");
  assert.ok(!site.requests.some(({ path }) => /\.(wasm|onnx)$/.test(path)), "nothing is loaded to rank");

  await site.publish({ rollbackTo: 1 });
  await view(page);
  assert.equal((await view(page)).outcome.releaseVersion, 4);
});

test("a manifest signed by another key is not kept", async (t) => {
  await site.publish({});
  const page = await openGuarded(t, browser, site);
  await startReranker(page, { release: { ...site.release, publicKeys: [site.otherKey] } });
  await page.waitForFunction(
    async () => (await globalThis.reranker.rank([])).outcome.release === "sig_invalid",
  );
  assert.equal(await keptRelease(page), undefined);
});

test("the kill switch does not wait for the browser's own cache", async (t) => {
  const cached = await serveRelease({
    headers: (path) =>
      path.endsWith("/manifest.json")
        ? { "cache-control": "public, max-age=60, stale-while-revalidate=600, stale-if-error=86400" }
        : {},
  });
  t.after(() => cached.close());
  const page = await openGuarded(t, browser, cached);
  const reasons = [];
  for (const options of [{}, undefined, { kill: true }, undefined]) {
    if (options) await cached.publish(options);
    await goTo(page, cached);
    await startReranker(page, { release: cached.release });
    if (reasons.length === 0) await readStories(page, read);
    reasons.push((await rank(page, feed)).outcome.reason);
    await taken(page, cached);
  }
  const [first, second, , last] = reasons; // in the third, the manifest may or may not come before the list is ranked
  assert.deepEqual([first, second, last], ["ranked", "ranked", "killed"]);
});
