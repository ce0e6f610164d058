// How long a kill switch and a rollback take, from the moment the manifest is replaced to the last page view that does not know.

import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { brotliDecompressSync } from "node:zlib";
import { readUnverified } from "../../delivery/manifest.mjs";
import { get } from "./negotiation.mjs";
import { newReader } from "./readers.mjs";

/**
 * Has some readers with a history view the page in turn, publishes by `publish`, and goes on until all have had three views in a
 * row that are not `affected`. `lifetime` is the manifest's, `pause` the time between two views of anyone, `phase` how long to wait
 * before (by default any part of a lifetime), in ms. Returns the times.
 */
export async function measureSwitch({ cache, out, publish, affected, readers, lifetime, pause, phase }) {
  await sleep(phase ?? Math.random() * lifetime);
  await publish();
  const published = statSync(join(out, "manifest.json")).mtimeMs;
  const { version } = readUnverified(readFileSync(join(out, "manifest.json"), "utf8"));
  const seen = readers.map(() => ({ after: [], well: 0 }));
  let edgeKnows;
  const deadline = Date.now() + 20 * lifetime + 60_000;
  for (let n = 0; seen.some(({ well }) => well < 3); n = (n + 1) % readers.length) {
    if (Date.now() > deadline) throw new Error("the readers did not all come to know");
    const before = Date.now();
    const view = await readers[n].view();
    const isAffected = affected(view);
    seen[n].after.push({ at: view.at - published, isAffected });
    seen[n].well = isAffected ? 0 : seen[n].well + 1;
    if (edgeKnows === undefined) {
      // In the form that browsers get: each has a lifetime of its own in the cache.
      const { body } = await get(`${cache.url}/nearside/manifest.json`, { "accept-encoding": "br" });
      const text = brotliDecompressSync(body).toString("utf8");
      if (readUnverified(text).version === version) edgeKnows = Date.now() - published;
    }
    await sleep(Math.max(0, pause - (Date.now() - before)));
  }
  const all = seen.flatMap(({ after }) => after);
  const last = Math.max(0, ...all.filter(({ isAffected }) => isAffected).map(({ at }) => at));
  const afterEdge = seen.map(
    ({ after }) => after.filter(({ at, isAffected }) => isAffected && at > edgeKnows).length,
  );
  return {
    version,
    lifetimeMs: lifetime,
    edgeKnowsMs: Math.round(edgeKnows),
    lastAffectedMs: Math.round(last),
    affected: all.filter(({ isAffected }) => isAffected).length,
    views: all.length,
    mostViewsOfAReaderAfterTheEdgeKnew: Math.max(...afterEdge),
  };
}

/** Readers with a history who have viewed the page before. */
export async function makeReaders(browser, cache, count) {
  const readers = [];
  for (let n = 0; n < count; n++) {
    const reader = await newReader(browser, cache);
    await reader.view();
    await reader.read(n, 12);
    await reader.view();
    readers.push(reader);
  }
  return readers;
}
