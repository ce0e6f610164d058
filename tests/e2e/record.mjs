// What a page has stored: the history as the package tells it, and the record in IndexedDB behind the package's back.

import assert from "node:assert/strict";

/** What the page knows of its history. */
export const stored = (page) => page.evaluate(() => globalThis.reranker.stored());

/** Reads, and if `change` is given replaces, the record behind the package's back. */
export async function record(page, change) {
  const source = change && `(${change})`;
  const bytes = await page.evaluate(async (source) => {
    const settled = (request) =>
      new Promise((resolve, reject) => {
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
      });
    const database = await settled(indexedDB.open("nearside"));
    const store = database.transaction("nearside", "readwrite").objectStore("nearside");
    const old = await settled(store.get("history"));
    if (source) {
      await settled(store.put(new Function(`return ${source}`)()(old), "history"));
      localStorage.removeItem("nearside"); // what a page that was left may have put beside it
    }
    const keys = await settled(store.getAllKeys());
    database.close();
    return { bytes: old instanceof Uint8Array ? [...old] : undefined, keys };
  }, source);
  assert.ok(bytes.keys.length <= 1, "one record");
  return bytes.bytes;
}

/** Waits until the record has changed. */
export async function written(page, before) {
  for (let i = 0; i < 100; i++) {
    const now = await record(page);
    if (now && JSON.stringify(now) !== JSON.stringify(before)) return now;
    await page.waitForTimeout(20);
  }
  throw new Error("nothing was written");
}

/** Waits until the record is the page's history, and the transaction that wrote it is over. */
export async function saved(page) {
  for (let i = 0; i < 200; i++) {
    const { bytes } = await stored(page);
    if ((await record(page))?.length === bytes) return;
    await page.waitForTimeout(20);
  }
  throw new Error("the history was not written");
}
