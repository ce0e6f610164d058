// What a page has stored: the history as the package tells it, and the record in IndexedDB behind the package's back.

import assert from "node:assert/strict";
import { seal, spaceOf } from "../faults/onnx.mjs";

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

/** A record in the layout of `src/profile/bytes.rs`: clicks so many seconds ago, in a space, with vectors. */
export function recordOf({ space = "", ago = [], generation = 0 }) {
  const header = Buffer.alloc(32);
  header.write("NSPF\x01");
  header.writeUInt32LE(generation, 14);
  header.writeBigUInt64LE(space ? spaceOf(space) : 0n, 18);
  header.writeUInt16LE(ago.length, 26);
  const clicks = ago.map((seconds, i) => {
    const click = Buffer.alloc(22 + (space ? 64 : 0), 1);
    click.writeUInt32LE(Math.floor(Date.now() / 1000) - seconds, 0);
    click.writeBigUInt64LE(BigInt(i), 4);
    click.writeUInt16LE(space ? 0x8000 : 0, 20);
    return click;
  });
  return [...seal(Buffer.concat([header, ...clicks]))];
}
