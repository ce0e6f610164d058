// Personalization adds no request that differs between readers: a session of fifty page views by each of five readers.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { after, test } from "node:test";
import { makeKeys, sign } from "../../delivery/manifest.mjs";
import { storiesOf } from "./feed.mjs";
import { feed, goTo, openGuarded, rank, serveSite, startBrowser, startReranker } from "./package.mjs";

const views = 50;
const dist = (name) => readFile(new URL(`../../dist/${name}`, import.meta.url));
const describe = (name, bytes) => ({
  name,
  integrity: `sha256-${createHash("sha256").update(bytes).digest("base64")}`,
  bytes: bytes.length,
});
const keys = makeKeys();
const [wasm, model, glue] = await Promise.all(["nearside_bg.wasm", "reranker.onnx", "nearside.js"].map(dist));
const { version: sdk } = JSON.parse(await readFile(new URL("../../package.json", import.meta.url)));
const manifest = sign(
  {
    format: 1,
    channel: "default",
    version: 1,
    expires: new Date(Date.now() + 86_400_000).toISOString(),
    killed: false,
    rollout: { percentage: 100, salt: "front" },
    policy: {},
    sdk,
    contract: 1,
    wasm: describe("w.wasm", wasm),
    model: describe("m.onnx", model),
    glue: describe("g.js", glue),
  },
  keys.privateKey,
);
const files = { "/release/manifest.json": manifest, "/release/w.wasm": wasm, "/release/m.onnx": model };

const browser = await startBrowser();
const server = await serveSite({ files });
after(() => server.close());

/** What each reader does at one page view: opens, hides, reads and erases differently. */
const readers = {
  "reads nothing": () => {},
  "reads science": ({ reranker }, { science }, view) => reranker.clicked(science[view % science.length]),
  "reads sports, and stays": ({ reranker }, { sports }, view) => {
    const story = sports[view % sports.length];
    reranker.clicked(story);
    reranker.dwelled(story, 90);
  },
  "hides politics": ({ reranker }, { politics, travel }, view) => {
    reranker.hide(politics[view % politics.length]);
    reranker.clicked(travel[view % travel.length]);
  },
  "erases every tenth time": async ({ reranker }, { culture }, view) => {
    reranker.clicked(culture[view % culture.length]);
    if (view % 10 === 9) await reranker.erase();
  },
};
const stories = Object.fromEntries(
  ["science", "sports", "politics", "travel", "culture"].map((topic) => [topic, storiesOf(feed, topic)]),
);

/** Waits until files were asked for since request number `began`, and until what else is asked for has been. */
async function quiet(names, began) {
  const missing = () =>
    names.filter((name) => !server.requests.slice(began).some(({ path }) => path.endsWith(name)));
  for (let i = 0; missing().length > 0; i++) {
    if (i > 500) throw new Error(`${missing()} was not asked for`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await new Promise((resolve) => setTimeout(resolve, 50));
}

/** How often each path was asked for. */
function tallyOf(requests) {
  const tally = {};
  for (const { path } of requests) tally[path] = (tally[path] ?? 0) + 1;
  return tally;
}

/** All that the server got during one reader's session, and the reasons of the outcomes. */
async function session(t, act) {
  const page = await openGuarded(t, browser, server);
  const first = server.requests.length;
  const reasons = new Set();
  const orders = new Set();
  for (let view = 0; view < views; view++) {
    const began = server.requests.length;
    await goTo(page, server);
    const release = { manifestUrl: `${server.url}/release/manifest.json`, publicKeys: [keys.publicKey] };
    await startReranker(page, { release });
    const { ids, outcome } = await rank(page, feed);
    reasons.add(outcome.reason);
    orders.add(ids.join());
    await page.evaluate(
      ([source, stories, view]) => new Function(`return ${source}`)()(globalThis, stories, view),
      [String(act), stories, view],
    );
    await quiet(view === 0 ? ["manifest.json", "m.onnx", "w.wasm"] : ["manifest.json"], began);
  }
  await goTo(page, server); // whatever the last view sends as it goes
  return { requests: server.requests.slice(first), reasons, orders };
}

test("five readers, fifty page views each: the same requests, to the byte of each header and body", async (t) => {
  const sessions = {};
  for (const [name, act] of Object.entries(readers)) sessions[name] = await session(t, act);

  assert.deepEqual([...sessions["reads nothing"].reasons], ["cold"]);
  const orders = Object.values(sessions).map(({ orders }) => [...orders].at(-1));
  assert.ok(new Set(orders).size >= 4, "the readers were shown different pages");

  const sets = Object.entries(sessions).map(([name, { requests }]) => {
    const lines = requests.map(({ method, path, search, headers, body }) =>
      JSON.stringify([method, path + search, headers, body]),
    );
    return [name, [...new Set(lines)].sort(), tallyOf(requests)];
  });
  const [[, distinct, tally]] = sets;
  for (const [name, its, often] of sets) {
    assert.deepEqual(its, distinct, name);
    // Erasing forgets the release, too, so that the next view begins with the package's own files again.
    if (!name.startsWith("erases")) assert.deepEqual(often, tally, `${name}: as often`);
  }
  for (const line of distinct) {
    const [method, url, headers, body] = JSON.parse(line);
    assert.equal(method, "GET");
    assert.ok(!url.includes("?") && body === "" && headers.cookie === undefined, line);
  }
  const paths = new Set(distinct.map((line) => JSON.parse(line)[1]));
  for (const path of ["/release/manifest.json", "/release/m.onnx", "/release/w.wasm"])
    assert.ok(paths.has(path), `${path} was asked for`);
});
