// What another script, another version or an accident put where the history lies: it is read within bounds, never in the way, and erased.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { seal } from "../faults/onnx.mjs";
import { feed, goTo, openSite, rank, serveSite, startBrowser, startReranker } from "./package.mjs";
import { record, recordOf, stored } from "./record.mjs";

const browser = await startBrowser();
const server = await serveSite({ bodies: { "/two.html": `<iframe src="/"></iframe>` } });
after(() => server.close());

const text = (bytes) => String.fromCharCode(...bytes);
const ago = [300, 200, 100];
const changed = (change, options = { ago }) => {
  const bytes = Buffer.from(recordOf(options));
  change(bytes);
  return [...seal(bytes)];
};
const marked = (times, bytes) => [
  ...Buffer.from("NSER"),
  ...new Uint8Array(Uint32Array.of(times).buffer),
  ...bytes,
];
const last = 2 ** 24;
const later = changed((bytes) => bytes.writeUInt16LE(2, 4));

/** What is planted: a `value` in the store, or `bytes`, so many `times`, as one; `left` in `localStorage`; the database's `version`, and whether it has the `store`. */
const planted = {
  "the highest generation": { bytes: recordOf({ ago, generation: 2 ** 32 - 1 }) },
  "the highest signed generation": { bytes: recordOf({ ago, generation: 2 ** 31 - 1 }) },
  "the last generation that counts": { bytes: recordOf({ ago, generation: last }) },
  "one behind it": { bytes: recordOf({ ago, generation: last + 1 }) },
  "the highest count of erasures": { bytes: marked(2 ** 32 - 1, recordOf({ ago })) },
  "the last of both counts": { bytes: marked(last, recordOf({ ago, generation: last })) },
  "both counts at their highest": { bytes: marked(2 ** 32 - 1, recordOf({ ago, generation: 2 ** 32 - 1 })) },
  "a mark in a mark": { bytes: marked(7, marked(9, recordOf({ ago }))) },
  "times to come": { bytes: recordOf({ ago: ago.map((seconds) => seconds - 10 * 365 * 86_400) }) },
  "times long past": { bytes: recordOf({ ago: ago.map((seconds) => seconds + 31 * 86_400) }) },
  "more clicks than there may be": {
    bytes: recordOf({ ago: Array.from({ length: 500 }, (_, i) => 501 - i) }),
  },
  "a count that is not kept": { bytes: changed((bytes) => bytes.writeUInt16LE(300, 28)) },
  "one click twice": { bytes: changed((bytes) => bytes.copy(bytes, 32 + 22, 32, 32 + 22)) },
  "a wrong checksum": { bytes: recordOf({ ago }).map((byte, i) => byte ^ Number(i === 40)) },
  "a later version": { bytes: later },
  "half a record": { bytes: recordOf({ ago }).slice(0, 60) },
  "a megabyte": { bytes: [78], times: 1 << 20 },
  "a text": { value: "history" },
  "a number": { value: 5 },
  "an object": { value: { erasures: 2 ** 32 - 1, profile: { length: 3 } } },
  "nothing at all": { value: null },
  "megabytes left beside it": { left: "N".repeat(3_000_000) },
  "letters that are no bytes left beside it": { left: "история".repeat(100) },
  "the highest generation left beside it": { left: text(recordOf({ ago, generation: 2 ** 32 - 1 })) },
  "the highest generation beside the last": {
    bytes: recordOf({ ago, generation: last }),
    left: text(recordOf({ ago, generation: 2 ** 32 - 1 })),
  },
  "a later version left beside it": { left: text(later) },
  "a database of a later version": { version: 7, bytes: recordOf({ ago }) },
  "a database without the store": { version: 1, store: false },
  "a later one without it": { version: 9, store: false },
};

/** Puts something where the history lies, in the page. */
const plant = (page, { value, bytes, times = 1, left, version = 1, store = true }) =>
  page.evaluate(
    async ([value, bytes, times, left, version, store]) => {
      const settled = (request) =>
        new Promise((resolve, reject) => {
          request.onsuccess = () => resolve(request.result);
          request.onerror = () => reject(request.error);
        });
      if (version > 1 || !store) await settled(indexedDB.deleteDatabase("nearside"));
      const opening = indexedDB.open("nearside", version);
      opening.onupgradeneeded = () => store && opening.result.createObjectStore("nearside");
      const database = await settled(opening);
      const what = bytes ? Uint8Array.from(Array(times).fill(bytes).flat()) : value;
      if (store && what !== undefined)
        await settled(
          database.transaction("nearside", "readwrite").objectStore("nearside").put(what, "history"),
        );
      database.close();
      if (left) localStorage.setItem("nearside", left);
    },
    [value, bytes, times, left, version, store],
  );

const inFrame = (page) => page.frames()[1];
const until = (frame, clicks) =>
  frame.waitForFunction((clicks) => globalThis.reranker.stored()?.clicks === clicks, clicks, {
    timeout: 5000,
  });

for (const [name, what] of Object.entries(planted)) {
  test(`after an erasure a new page is empty, and so is an open one, whatever was planted: ${name}`, async (t) => {
    const page = await openSite(browser, server, { path: "/two.html" });
    t.after(() => page.context().close());
    const other = inFrame(page);
    await other.waitForFunction(() => globalThis.nearside);
    await plant(page, what);
    await startReranker(page);
    await startReranker(other);
    for (const one of [page, other]) {
      const { outcome } = await rank(one, feed);
      assert.ok(["cold", "ranked"].includes(outcome.reason), outcome.reason);
      assert.equal(outcome.storage, undefined, "it is no failure of the store");
    }
    assert.equal(await page.evaluate(() => globalThis.reranker.erase()), true);
    await until(other, 0);
    await other.evaluate((item) => globalThis.reranker.clicked(item), feed.items[0]);
    await until(page, 1);
    await goTo(page, server);
    await startReranker(page);
    assert.deepEqual((await stored(page)).clicks, 1, "the click since, and nothing else");
    const bytes = await record(page);
    assert.ok(bytes.length <= 8 + 32 + 86, `${bytes.length} bytes`);
    assert.equal(await page.evaluate(() => localStorage.getItem("nearside")), null);
    await page.guard();
  });
}

for (const [name, what] of Object.entries({ ...planted, "nothing stored": {} })) {
  if (what.version) continue; // an open page's connection is in the way of another version
  test(`an erasure reaches a page that was open before something was planted: ${name}`, async (t) => {
    const page = await openSite(browser, server, { path: "/two.html" });
    t.after(() => page.context().close());
    const open = inFrame(page);
    await open.waitForFunction(() => globalThis.nearside);
    await startReranker(open);
    for (let i = 0; i < 3; i++) await open.evaluate(() => globalThis.reranker.erase());
    await open.evaluate((item) => globalThis.reranker.clicked(item), feed.items[1]);
    await page.waitForTimeout(100);
    await plant(page, what);
    await startReranker(page);
    assert.equal(await page.evaluate(() => globalThis.reranker.erase()), true);
    await until(open, 0);
    await open.evaluate((item) => globalThis.reranker.clicked(item), feed.items[0]);
    await until(page, 1);
    await goTo(page, server);
    await startReranker(page);
    assert.equal((await stored(page)).clicks, 1);
  });
}

test("a record of a later version is not overwritten by events, and erased by an erasure", async (t) => {
  const page = await openSite(browser, server);
  t.after(() => page.context().close());
  await plant(page, { bytes: later });
  await startReranker(page);
  await page.evaluate(
    (items) => {
      for (const item of items) globalThis.reranker.clicked(item);
    },
    feed.items.slice(0, 3),
  );
  assert.equal((await stored(page)).clicks, 3, "they count in this page view");
  await page.waitForTimeout(300);
  assert.deepEqual(await record(page), later);
  await goTo(page, server);
  await startReranker(page);
  assert.deepEqual(await record(page), later);
  assert.equal(await page.evaluate(() => globalThis.reranker.erase()), true);
  assert.equal((await record(page)).length, 32);
});
