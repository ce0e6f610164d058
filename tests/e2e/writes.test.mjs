// Two documents of one origin, both in sight, that see the same history differently: each writes what it has to say, and then there is quiet.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { after, test } from "node:test";
import { inSpace, spaceOf } from "../faults/onnx.mjs";
import { launchFirefox } from "./firefox.mjs";
import { feed, openSite, serveSite, startBrowser } from "./package.mjs";
import { recordOf } from "./record.mjs";

const other = inSpace(
  await readFile(new URL("../../dist/reranker.onnx", import.meta.url)),
  "a space of the tests' own",
);
const model = {
  modelUrl: "/other.onnx",
  modelIntegrity: `sha384-${createHash("sha384").update(other).digest("base64")}`,
};
const day = 86_400_000;

/** What one document may be like: `options` of its reranker, its clock's `skew`, and what it does before the events. */
const states = {
  plain: {},
  "another space": { options: model },
  "40 days ahead": { skew: 40 * day },
  "40 days behind": { skew: -40 * day },
  "an hour ahead": { skew: day / 24 },
  "another space, 40 days ahead": { options: model, skew: 40 * day },
  "in a worker": { options: { worker: true, workerUrl: "/worker.js" } },
  "without consent": { options: { consent: false } },
  "a localStorage that keeps what it has": { keeps: true },
  "two rerankers of two spaces": { second: model },
};

const server = await serveSite({
  files: { "/other.onnx": other },
  bodies: { "/two.html": `<iframe src="/"></iframe>`.repeat(2) },
});
after(() => server.close());

/** Runs in a page with two frames: each gets its state, then both are told events. Answers how often each wrote, and when it was the last time. */
async function play([states, stored, items]) {
  const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const settled = (request) =>
    new Promise((resolve, reject) => {
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
  const database = await new Promise((resolve, reject) => {
    const request = indexedDB.open("nearside", 1);
    request.onupgradeneeded = () => request.result.createObjectStore("nearside");
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  const history = (mode) => database.transaction("nearside", mode).objectStore("nearside");
  if (stored.record) await settled(history("readwrite").put(Uint8Array.from(stored.record), "history"));
  if (stored.left) localStorage.setItem("nearside", String.fromCharCode(...stored.left));
  const windows = [...document.querySelectorAll("iframe")].map(({ contentWindow }) => contentWindow);
  for (const [i, own] of windows.entries()) {
    while (!own.nearside) await pause(10);
    const { options, second, skew = 0, keeps } = states[i];
    own.writes = 0;
    const { put } = own.IDBObjectStore.prototype;
    own.IDBObjectStore.prototype.put = function (...all) {
      own.writes++;
      return put.apply(this, all);
    };
    const now = own.Date.now.bind(own.Date);
    own.Date.now = () => now() + skew;
    if (keeps) own.Storage.prototype.removeItem = () => {};
    own.reranker = own.nearside.createReranker({ consent: true, ...options });
    await own.reranker.ready;
    if (second) {
      own.second = own.nearside.createReranker({ consent: true, ...second });
      await own.second.ready;
    }
  }
  await pause(300);
  const counts = () => windows.map(({ writes }) => writes);
  const started = counts();
  const [one, two] = windows.map((own) => own.second ?? own.reranker);
  one.clicked(items[0]);
  two.clicked(items[1]);
  await pause(60);
  one.hide(items[2]);
  two.viewed(items[3]);
  one.viewed(items[4]);
  windows[0].reranker.dwelled(items[0], 20);
  await pause(800);
  // Quiet is a second without a write; a busy machine may be late with one, and a ping-pong never pauses so long.
  let told = counts();
  let isQuiet = false;
  for (let i = 0; i < 10 && !isQuiet; i++) {
    const before = told;
    await pause(1000);
    told = counts();
    isQuiet = told.every((count, i) => count === before[i]);
  }
  const record = await settled(history("readonly").get("history"));
  database.close();
  return {
    started,
    told,
    isQuiet,
    record: [...(record ?? [])],
    stored: windows.map((own) => own.reranker.stored()),
  };
}

const own = recordOf({ space: "a space of the tests' own", ago: [500, 400] });
const third = recordOf({ space: "a third space", ago: [40 * 86_400, 300, 200] });
/** What may be stored when they come. */
const records = {
  nothing: {},
  "a record of a third space, in part expired, and one beside it": { record: third, left: own },
  "an erased record": { record: recordOf({ generation: 5 }) },
  "a record that claims the last generation": { record: recordOf({ ago: [9], generation: 2 ** 32 - 1 }) },
  "no record": { record: [1, 2, 3] },
};

const names = Object.keys(states);
const cases = names.flatMap((a, i) =>
  names.slice(i).map((b, j) => [a, b, Object.keys(records)[(i + j) % 5]]),
);
for (const name of Object.keys(records))
  cases.push(["plain", "another space", name], ["another space", "40 days ahead", name]);

/** Each is told at most two things at once and three after that; the start and the taking in of what lay beside cost one write each. */
function judge(name, { started, told, isQuiet }) {
  assert.ok(isQuiet, `${name}: no quiet after ${told} writes`);
  for (const [i, count] of told.entries()) {
    assert.ok(started[i] <= 2, `${name}: ${started} writes before any event`);
    assert.ok(count <= 9, `${name}: ${told} writes`);
  }
}

test("whatever two open documents are like, and whatever was stored, their writes cease", async (t) => {
  const browser = await startBrowser();
  const left = [...cases];
  const work = async () => {
    for (let one = left.shift(); one; one = left.shift()) {
      const [a, b, name] = one;
      const page = await openSite(browser, server, { path: "/two.html" });
      const found = await page.evaluate(play, [[states[a], states[b]], records[name], feed.items]);
      judge(`${a} + ${b}, ${name} stored`, found);
      await page.context().close();
    }
  };
  t.diagnostic(`${cases.length} pairs`);
  await Promise.all(Array.from({ length: 8 }, work));
});

test("in Firefox, too", async () => {
  const browser = await launchFirefox();
  try {
    for (const [a, b] of [
      ["plain", "another space"],
      ["40 days ahead", "plain"],
    ]) {
      const context = await browser.createBrowserContext();
      const page = await context.newPage();
      await page.goto(`${server.url}/two.html`);
      judge(`${a} + ${b}`, await page.evaluate(play, [[states[a], states[b]], {}, feed.items]));
      await context.close();
    }
  } finally {
    await browser.close();
  }
});

test("a document of another space adds its clicks to a record, which keeps its vectors", async () => {
  const browser = await startBrowser();
  const page = await openSite(browser, server, { path: "/two.html" });
  const record = recordOf({ space: "a third space", ago: [300, 200] });
  const found = await page.evaluate(play, [[{}, states["another space"]], { record }, feed.items]);
  const bytes = Buffer.from(found.record);
  assert.equal(bytes.readBigUInt64LE(18), spaceOf("a third space"));
  assert.deepEqual([bytes.readUInt16LE(26), bytes.readUInt16LE(28), bytes.readUInt16LE(30)], [4, 2, 1]);
  assert.ok(
    bytes.subarray(32, 32 + 172).equals(Buffer.from(record).subarray(32)),
    "its entries are as they were",
  );
  assert.equal(bytes.length, 32 + 172 + 2 * 22 + 2 * 16 + 17, "the new ones have no vector");
  for (const { clicks, views, hides } of found.stored) assert.deepEqual([clicks, views, hides], [4, 2, 1]);
});
