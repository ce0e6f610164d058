// `consent: "auto"` in Chromium, on a page with the IAB's stubs and platforms: what is fetched, stored and erased, and when.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { gppStub, platformScript, tcfStub } from "../sdk/platform.mjs";
import {
  feed,
  goTo,
  openGuarded,
  openTab,
  rank,
  read,
  readStories,
  serveSite,
  startBrowser,
  startReranker,
} from "./package.mjs";
import { record, saved, stored } from "./record.mjs";

const all = [1, 5, 6];
const browser = await startBrowser();
const server = await serveSite({
  files: {
    "/tcf-stub.js": await tcfStub(),
    "/gpp-stub.js": gppStub,
    "/platforms.js": await platformScript(),
  },
  bodies: {
    // As a site has them: the stubs in the head, the platform's script whenever it comes.
    "/tcf.html": `<script src="/tcf-stub.js"></script><script src="/platforms.js" async></script>`,
    "/both.html": `<script src="/tcf-stub.js"></script><script src="/gpp-stub.js"></script><script src="/platforms.js" async></script>`,
  },
});
after(() => server.close());

const open = (t, path, options) => openGuarded(t, browser, server, { path, ...options });

/** What the page has in its storage, by name. */
const kept = (page) =>
  page.evaluate(async () => ({
    databases: (await indexedDB.databases()).map(({ name }) => name),
    local: Object.keys(localStorage),
  }));

/** Starts the platform of a page, which then says what a reader decided: purposes for TCF, or `[sections, fields]` for GPP. */
const decide = (page, kind, ...told) =>
  page.evaluate(
    ([kind, told]) => {
      globalThis[kind] ??= globalThis.platforms[kind]();
      globalThis[kind].tell(...told);
    },
    [kind, told],
  );

/** Makes a reranker and does not wait. */
const start = (page, consent = "auto") =>
  page.evaluate((consent) => {
    globalThis.outcomes = [];
    const onOutcome = (outcome) => globalThis.outcomes.push(outcome);
    globalThis.reranker = globalThis.nearside.createReranker({ consent, onOutcome });
  }, consent);

const loaded = (page) => page.waitForFunction(() => globalThis.reranker.stored() !== undefined);

test("before the reader has decided nothing is fetched or stored; with consent loading begins by itself", async (t) => {
  const page = await open(t, "/tcf.html");
  const before = server.asked().length;
  await start(page);
  await readStories(page, read);
  assert.equal((await rank(page, feed)).outcome.reason, "no_consent");
  await page.waitForTimeout(700);
  assert.equal(server.asked().length, before);
  assert.deepEqual(await kept(page), { databases: [], local: [] });
  await page.waitForFunction(() => globalThis.platforms);
  await decide(page, "tcf", all);
  await loaded(page);
  assert.equal((await stored(page)).clicks, 0);
  await readStories(page, read);
  assert.equal((await rank(page, feed)).outcome.reason, "ranked");
});

test("a reader who declines has nothing fetched and no database, in each page view", async (t) => {
  const page = await open(t, "/both.html");
  for (let i = 0; i < 2; i++) {
    const before = server.asked().length;
    await page.waitForFunction(() => globalThis.platforms);
    await decide(page, "gpp", [-1]);
    await decide(page, "tcf", [1]);
    await start(page);
    await readStories(page, read);
    assert.equal((await rank(page, feed)).outcome.reason, "no_consent");
    await page.waitForTimeout(200);
    assert.equal(server.asked().length, before);
    assert.deepEqual(await kept(page), { databases: [], local: [] });
    await goTo(page, server, "/both.html");
  }
});

test("an answer within the budget is in time for the first ranking", async (t) => {
  const page = await open(t, "/both.html");
  await page.waitForFunction(() => globalThis.platforms);
  await start(page, { signal: "auto", timeoutMs: 10_000 });
  const ranking = rank(page, feed);
  await decide(page, "tcf", all);
  await decide(page, "gpp", [7], { usnat: { SaleOptOut: 2 } });
  assert.equal((await ranking).outcome.reason, "cold");
});

test("withdrawal erases what is stored, in this tab and in another that is open", async (t) => {
  const page = await open(t, "/tcf.html");
  await page.waitForFunction(() => globalThis.platforms);
  await decide(page, "tcf", all);
  await start(page);
  await loaded(page);
  await readStories(page, read);
  await page.waitForTimeout(100);
  const other = await openTab(page, server);
  await startReranker(other);
  assert.equal((await stored(other)).clicks, 4);
  assert.equal((await rank(other, feed)).outcome.reason, "ranked");

  await decide(page, "tcf", [1]);
  assert.equal((await rank(page, feed)).outcome.reason, "no_consent");
  await other.waitForFunction(() => globalThis.reranker.stored().clicks === 0);
  assert.equal((await rank(other, feed)).outcome.reason, "cold");
  await goTo(page, server);
  await startReranker(page);
  const { clicks, views, hides } = await stored(page);
  assert.deepEqual([clicks, views, hides], [0, 0, 0]);
  await other.guard();
});

test("an opt-out by GPP erases although the page is left at once", async (t) => {
  const page = await open(t, "/both.html");
  await page.waitForFunction(() => globalThis.platforms);
  await decide(page, "tcf", null);
  await decide(page, "gpp", [7], { usnat: { SaleOptOut: 2 } });
  await start(page);
  await loaded(page);
  await readStories(page, read);
  await page.waitForTimeout(100);
  await page.evaluate(() => {
    globalThis.gpp.tell([7], { usnat: { TargetedAdvertisingOptOut: 1 } });
    location.href = "/?next";
  });
  await page.waitForURL("**/?next");
  await page.waitForFunction(() => globalThis.nearside);
  await startReranker(page);
  assert.equal((await stored(page)).clicks, 0);
});

test("a no that was said where the package was not erases what an earlier page view stored", async (t) => {
  const page = await open(t, "/tcf.html");
  await startReranker(page);
  await readStories(page, read);
  await saved(page);
  await goTo(page, server, "/tcf.html");
  await page.waitForFunction(() => globalThis.platforms);
  await decide(page, "tcf", []);
  await start(page);
  for (let i = 0; i < 100 && ((await record(page))?.length ?? 17) > 16; i++) await page.waitForTimeout(20);
  await goTo(page, server);
  await startReranker(page);
  assert.equal((await stored(page)).clicks, 0);
});

test("two rerankers of a page follow the platform each, and dispose leaves none of its listeners", async (t) => {
  const page = await open(t, "/tcf.html");
  await page.waitForFunction(() => globalThis.platforms);
  await decide(page, "tcf", all);
  const reasons = await page.evaluate(async (feed) => {
    const calls = [];
    const real = globalThis.__tcfapi;
    globalThis.__tcfapi = (command, ...rest) => {
      calls.push(command);
      return real(command, ...rest);
    };
    const rerankers = [0, 1].map(() => globalThis.nearside.createReranker({ consent: "auto" }));
    const reasons = [];
    for (const reranker of rerankers)
      reasons.push((await reranker.rank(feed, { budgetMs: 5000 })).outcome.reason);
    for (const reranker of rerankers) reranker.dispose();
    globalThis.tcf.tell([]); // no one hears it
    return [...reasons, ...calls];
  }, feed);
  assert.deepEqual(reasons, [
    ...["cold", "cold"],
    ...["addEventListener", "addEventListener", "removeEventListener", "removeEventListener"],
  ]);
});
