// The proofs of `npm run edge`. Each starts what it needs, and returns its numbers and what is not as docs/delivery.md says.

import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { readUnverified } from "../../delivery/manifest.mjs";
import { negotiationProblems } from "./negotiation.mjs";
import { compareReaders, newReader } from "./readers.mjs";
import { replay } from "./replay.mjs";
import { startCache, startOrigin, watchRequests } from "./servers.mjs";
import { OTHER_MODEL } from "./site.mjs";
import { makeReaders, measureSwitch } from "./switches.mjs";

/** Lifetimes in the files, in seconds, as the document has them. */
const LIFETIME = 60;
const REVALIDATE = 600;
let servers = 0;

/** Origin and cache by the document's files, with `lifetime` and `revalidate` in the place of its 60 and 600 seconds. */
async function start(
  { programs, site, running },
  { lifetime = LIFETIME, revalidate = REVALIDATE, change = {} } = {},
) {
  const folder = (name) => join(site.folder, `${name}-${servers++}`);
  const origin = await startOrigin(programs, {
    folder: folder("nginx"),
    site: site.site,
    releases: site.releases,
    change: {
      "max-age=60,": `max-age=${lifetime},`,
      "s-maxage=60,": `s-maxage=${lifetime},`,
      "stale-while-revalidate=600": `stale-while-revalidate=${revalidate}`,
      ...change,
    },
  });
  running.push(origin);
  const cache = await startCache(programs, {
    folder: folder("varnish"),
    origin,
    change: { "req.grace = 600s": `req.grace = ${revalidate}s`, ".interval = 5s": ".interval = 1s" },
  });
  running.push(cache);
  return { origin, cache };
}

/** Readers with different histories make the same requests. No lifetime ends meanwhile: only the reader could make a difference. */
export async function readersProof(context, count) {
  const { cache } = await start(context, { lifetime: 86_400 });
  const log = await watchRequests(context.programs, cache);
  context.running.push(log);
  const found = await compareReaders(context.browser, cache, log, count);
  const problems = [];
  for (const { kind, sets } of found.kinds)
    if (sets.length !== 1)
      problems.push(`${kind}: ${sets.length} different sets of requests, of ${describe(sets)}`);
  if (found.attributed !== found.requests)
    problems.push(`${found.requests - found.attributed} requests are outside of all page views`);
  if (found.orders < Math.min(count / 2, 100))
    problems.push(`only ${found.orders} different orders were shown`);
  if (Object.keys(found.troubles).length > 0)
    problems.push(`releases failed: ${JSON.stringify(found.troubles)}`);
  const [fresh] = found.kinds;
  return {
    problems,
    page: fresh.example,
    readers: count,
    requests: found.requests,
    views: found.kinds.map(({ kind, sets, example }) => ({
      kind,
      sets: sets.length,
      requests: example.map(({ method, url, bodyBytes }) => `${method} ${url}, ${bodyBytes} bytes of body`),
    })),
    reasons: found.reasons,
    orders: found.orders,
  };
}

const describe = (sets) =>
  sets.map(({ readers }) => `${readers.length} (${readers.slice(0, 3).join(", ")}…)`).join(", ");

/**
 * However many page views: the origin is asked for each file once in its lifetime. By the document's times, and again by a lifetime of
 * 3 seconds, so that many pass.
 */
export async function originProof(context, page, views) {
  const runs = [];
  const problems = [];
  for (const lifetime of [LIFETIME, 3]) {
    const { problems: found, ...run } = await replayed(
      await start(context, { lifetime }),
      page,
      views,
      lifetime,
    );
    problems.push(...found);
    runs.push(run);
  }
  return { problems, views, runs };
}

async function replayed({ origin, cache }, page, views, lifetime) {
  const asked = page.map((request) => ({
    ...request,
    headers: request.headers.map((header) => header.replace(/^Host: .*/i, `Host: 127.0.0.1:${cache.port}`)),
  }));
  const { requests, bytes, ms, problems: answers } = await replay(cache, asked, views);
  const problems = [...new Set(answers)];
  const hits = origin.hits();
  const files = [...new Set(page.map(({ url }) => url))].map((path) => {
    const own = hits.filter((hit) => hit.path === path);
    const lifetimes = isImmutable(path) ? 1 : 1 + Math.floor(ms / 1000 / lifetime);
    if (own.length < 1 || own.length > lifetimes)
      problems.push(`${path}: ${own.length} hits in ${lifetimes} lifetimes`);
    return { path, lifetimes, hits: own.length };
  });
  const total = files.reduce((sum, { hits }) => sum + hits, 0);
  if (total !== hits.length)
    problems.push(`the origin was asked for something else ${hits.length - total} times`);
  return {
    problems,
    lifetime,
    requests,
    seconds: Math.round(ms / 1000),
    megabytes: Math.round(bytes / 1e6),
    hits: total,
    hitRatio: Number((1 - total / requests).toFixed(6)),
    files,
  };
}

const isImmutable = (path) => /\.[0-9a-f]{16}\.\w+$/.test(path);

/** Clients get bytes that hash right, compressed once and as they can read it; what is set up wrong is noticed. */
export async function compressionProof(context) {
  const { site } = context;
  const { origin, cache } = await start(context);
  const files = filesOf(site);
  const problems = [];
  for (const [what, { url }] of Object.entries({ nginx: origin, Varnish: cache }))
    for (const problem of await negotiationProblems(url, files)) problems.push(`${what}: ${problem}`);

  // The same check must see the two mistakes that are made most.
  const silent = await start(context, { change: { "gzip_vary on;": "gzip_vary off;" } });
  const withoutVary = await negotiationProblems(silent.cache.url, files);
  if (!withoutVary.some((text) => text.includes("is sent as br")))
    problems.push("a missing Vary goes unnoticed");
  const [wasm] = files.filter(({ path }) => path.endsWith(".wasm"));
  const file = join(site.releases, wasm.path);
  const good = Object.fromEntries(["", ".br", ".gz"].map((end) => [end, readFileSync(file + end)]));
  let spoiled;
  let outcome;
  try {
    const twice = good[".br"];
    writeFileSync(file, twice);
    writeFileSync(`${file}.br`, brotliCompressSync(twice));
    writeFileSync(`${file}.gz`, gzipSync(twice));
    const { cache: other } = await start(context);
    spoiled = await negotiationProblems(other.url, [wasm]);
    if (!spoiled.some((text) => text.includes("not what its hash says")))
      problems.push("double compression goes unnoticed");
    // And what the reader sees of it: the server's order.
    const reader = await newReader(context.browser, other);
    outcome = await reader.view();
    await reader.page.guard();
    await reader.close();
    if (outcome.reason !== "integrity") problems.push(`a page with double compression: ${outcome.reason}`);
  } finally {
    for (const [end, bytes] of Object.entries(good)) writeFileSync(file + end, bytes);
  }
  return {
    problems,
    files: files.length,
    caught: { missingVary: withoutVary.length, doubleCompression: spoiled.length },
    pageWithDoubleCompression: outcome.reason,
  };
}

/** The files of the release that is published, with the hashes and the headers they must have. */
function filesOf({ out }) {
  const text = readFileSync(join(out, "manifest.json"), "utf8");
  const manifest = readUnverified(text);
  return ["wasm", "glue", "model", "space"].map((part) => ({
    path: `/nearside/${manifest[part].name}`,
    integrity: manifest[part].integrity,
    cacheControl: "public, max-age=31536000, immutable",
  }));
}

/** With the origin gone, whichever way, pages load and rank from what the cache keeps. */
export async function outageProof(context) {
  const [lifetime, revalidate] = [2, 4];
  const problems = [];
  const rows = [];
  for (const [kind, replace] of Object.entries(outages)) {
    const { origin, cache } = await start(context, { lifetime, revalidate });
    const [known] = await makeReaders(context.browser, cache, 1);
    await origin.stop();
    const replacement = await replace(origin.port);
    const began = Date.now();
    for (const [when, seconds] of [
      ["at once", 0],
      [`past the lifetime of ${lifetime} s`, lifetime + 1],
      [`past stale-while-revalidate of ${revalidate} s, too`, lifetime + revalidate + 3],
    ]) {
      await sleep(Math.max(0, seconds * 1000 - (Date.now() - began)));
      await known.forgetCache();
      const returning = await known.view();
      // Somebody who was never here before, and reads four stories.
      const reader = await newReader(context.browser, cache);
      await reader.view();
      await reader.read(7, 12);
      const fresh = await reader.view();
      await reader.page.guard();
      await reader.close();
      const row = { kind, when, returning: returning.reason, new: fresh.reason };
      row.trouble = returning.trouble ?? fresh.trouble;
      rows.push(row);
      if (row.returning !== "ranked" || row.new !== "ranked" || row.trouble)
        problems.push(JSON.stringify(row));
    }
    await known.close();
    await replacement?.();
  }
  return { problems, rows };
}

/** Ways for an origin to be gone; each takes its port and returns how to end it. */
const outages = {
  "does not answer at all": () => undefined,
  "answers 500": (port) => stand(port, (_, response) => response.writeHead(500).end("error")),
  "takes requests and hangs": (port) => stand(port, () => {}),
};

async function stand(port, answer) {
  const server = createServer(answer);
  await new Promise((settle) => server.listen(port, "127.0.0.1", settle));
  return () =>
    new Promise((settle) => {
      server.close(settle);
      server.closeAllConnections();
    });
}

/** Times the kill switch and a rollback, with the document's times divided by `scale`, and the kill switch once by the document's. */
export async function switchProof(context, { readers: count, trials, scale = 15, whole = true }) {
  const problems = [];
  const rows = [];
  const { release, out } = context.site;
  const measure = async (what, { lifetime, publish, affected, ...more }) => {
    const ms = lifetime * 1000;
    const row = {
      what,
      ...(await measureSwitch({ ...more, out, publish, affected, lifetime: ms, pause: 200 })),
    };
    rows.push(row);
    // The first request after a lifetime's end makes the cache ask; the next gets the answer.
    if (row.edgeKnowsMs > ms + 3000) problems.push(`${what}: the cache knew after ${row.edgeKnowsMs} ms`);
    if (row.mostViewsOfAReaderAfterTheEdgeKnew > 1)
      problems.push(`${what}: a reader had ${row.mostViewsOfAReaderAfterTheEdgeKnew} more views`);
    return row;
  };
  const kill = { publish: () => release({ kill: true }), affected: (view) => view.reason !== "killed" };
  const leave = async (readers) => {
    for (const reader of readers) {
      await reader.page.guard();
      await reader.close();
    }
  };

  const lifetime = LIFETIME / scale;
  const { cache } = await start(context, { lifetime, revalidate: REVALIDATE / scale });
  const readers = await makeReaders(context.browser, cache, count);
  const common = { cache, readers, lifetime };
  for (let trial = 0; trial < trials; trial++) {
    const { version } = await measure("new model", {
      ...common,
      publish: () => release({ model: OTHER_MODEL }),
      affected: (view) => view.version !== publishedVersion(out),
    });
    await measure("rollback", {
      ...common,
      publish: () => release({ rollbackTo: version - 1 }),
      affected: (view) => view.version === version,
    });
    await measure("kill", { ...common, ...kill });
    const on = { publish: () => release({}), affected: (view) => view.reason === "killed" };
    await measure("on again", { ...common, ...on });
  }
  await leave(readers);
  if (whole) {
    // Published when the cache has just asked: the longest wait.
    const { cache } = await start(context);
    const readers = await makeReaders(context.browser, cache, count);
    await measure("kill, by the whole times", { cache, readers, lifetime: LIFETIME, phase: 0, ...kill });
    await leave(readers);
  }
  return { problems, scale, readers: count, rows };
}

const publishedVersion = (out) => readUnverified(readFileSync(join(out, "manifest.json"), "utf8")).version;
