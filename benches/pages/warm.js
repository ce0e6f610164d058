// Runs in the benchmark's page: the package as published, a build that can repeat the parts of a ranking, and other engines.
// Everything is warmed up first and then measured in turn, round after round.

import { createReranker, MemoryStore } from "nearside";
// By the runner: the parts have no public names.
import { toColumns } from "nearside/candidates";
import { Core, glue, rowsOf } from "nearside/core";
import { blend } from "../blend.js";
import { events, feedText, makeFeed, read } from "../feed.js";
import { columnsOf, inputsOf, policy, spaceOf } from "../inputs.js";

/** Milliseconds that a sample takes at least: of a part ten times what the clock's steps and an interruption would matter at, of a call ten steps. */
const least = { part: 1, call: 0.05 };
/** Samples a round. Calls are timed nearly one by one, so that a 95th percentile means something. */
const samples = { part: 1, call: 5 };
/** Milliseconds each thing runs before anything counts: browsers compile what runs often once more, and better. */
const warmUp = { ranking: 120, curve: 40 };

const load = async (path) => {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
};

async function makeReranker(model, profile) {
  const store = new MemoryStore();
  await store.write(profile);
  const modelUrl = model.shipped ? undefined : load(model.path);
  const reranker = createReranker({ consent: true, store, modelUrl });
  await reranker.ready;
  return reranker;
}

async function rank(reranker, feed, reason = "ranked") {
  const began = performance.now();
  const { outcome } = await reranker.rank(feed, { budgetMs: 60_000 });
  const ms = performance.now() - began;
  if (outcome.reason !== reason) throw new Error(`${outcome.reason}: ${outcome.message ?? ""}`);
  return ms;
}

/** A thing to measure: `key` says what in the results, `work` does it a number of times. */
const call = (key, once) => ({
  key,
  kind: "call",
  async work(times) {
    for (let i = 0; i < times; i++) await once();
  },
});

const part = (key, work) => ({ key, kind: "part", work });

/** Things that are measured one after the other, behind `begin`, which sets up what they share. */
let groups = [];
let engines = [];
const profiles = [];
let now = 0;
let worst = 0;

/**
 * Loads all models in all engines. `others`: engines as `{ id, module, files }`, with `files` by model. Returns the profile of each
 * model's reader, for `first`.
 */
export async function prepare(models, others) {
  if (!crossOriginIsolated) throw new Error("the clock of a page that is not isolated is too coarse");
  glue.start({ module: await WebAssembly.compileStreaming(fetch("core.wasm")) });
  now = Date.now();
  for (const model of models) {
    const core = new Core(glue, await load(model.path));
    core.check();
    read(core, now);
    profiles.push({ model, core, profile: core.profileBytes(now) });
  }
  engines = [];
  for (const { id, module, files } of others) {
    const { load } = await import(module);
    const own = {};
    for (const { id: model } of models) if (files[model]) own[model] = await load(files[model]);
    engines.push({ id, own });
  }
  return profiles.map(({ profile }) => Array.from(profile));
}

/** Every engine on one model and one list: first that all agree, then the things to measure. */
async function onEngines(key, model, inputs) {
  const calls = [];
  let expected;
  for (const { id, own } of engines) {
    const engine = own[model.id];
    if (!engine) continue;
    const scores = Float32Array.from(await engine.score(inputs));
    if (scores.length !== inputs.count) throw new Error(`${id} gave ${scores.length} scores`);
    expected ??= scores;
    const off = scores.reduce((most, score, i) => Math.max(most, Math.abs(score - expected[i])), 0);
    if (!(off <= 1e-3)) throw new Error(`${id} on ${model.name}: ${off} from the compact engine's scores`);
    worst = Math.max(worst, off);
    calls.push(call({ ...key, what: `engine ${id}` }, () => engine.score(inputs)));
  }
  return calls;
}

/** The ranking tables: for every model and count the whole `rank`, its parts, and every engine. */
export async function prepareRankings(counts) {
  groups = [];
  for (const { model, core, profile } of profiles) {
    const reranker = await makeReranker(model, profile);
    for (const count of counts) groups.push(await ranking(model, core, reranker, count));
  }
  const topics = {};
  for (const { kind, item } of events(now)) {
    topics[item._nearside.topic] ??= { clicks: 0, views: 0 };
    if (kind === "viewed") topics[item._nearside.topic].views++;
    if (kind === "clicked") topics[item._nearside.topic].clicks++;
  }
  for (const count of counts) {
    const { items } = makeFeed(count, "", now);
    groups.push({ things: [call({ model: "none", count, what: "blend" }, () => blend(items, topics))] });
  }
  await warm(warmUp.ranking);
}

async function ranking(model, core, reranker, count) {
  const feed = makeFeed(count, spaceOf(core), now);
  const columns = columnsOf(toColumns, feed.items);
  const again = (work) => (times) => {
    for (let i = 0; i < times; i++) work();
  };
  const rows = rowsOf(columns);
  const inside = (name) => (times) => core.glue.repeat(name, times, policy, now);
  /** The core holds one list at a time. */
  const begin = () => core.rank(columns, spaceOf(core), policy, now);
  const ranked = begin();
  const key = { model: model.id, count };
  const parts = {
    columns: again(() => toColumns(feed.items, undefined)),
    transfer: again(() => core.glue.take(columns.text, rows, spaceOf(core))),
    features: inside("features"),
    engine: inside("engine"),
    ordering: inside("ordering"),
    core: inside("rank"),
    answer: again(() => core.glue.explained()),
  };
  return {
    begin,
    things: [
      call({ ...key, what: "rank" }, () => rank(reranker, feed)),
      ...(await onEngines(key, model, inputsOf(core, ranked))),
      ...Object.entries(parts).map(([what, work]) => part({ ...key, what }, work)),
    ],
  };
}

/** The curves: time against candidates (the core alone beyond the SDK's 200), clicks, and bytes of the feed. */
export async function prepareCurves({ candidates, clicks, lengths }) {
  groups = [];
  for (const { model, core, profile } of profiles.filter(({ model }) => model.curves)) {
    const reranker = await makeReranker(model, profile);
    for (const count of candidates) {
      const feed = makeFeed(count, spaceOf(core), now);
      const columns = columnsOf(toColumns, feed.items);
      const begin = () => core.rank(columns, spaceOf(core), policy, now);
      const ranked = begin();
      const key = { curve: "candidates", model: model.id, x: count };
      groups.push({
        begin,
        things: [
          call({ ...key, what: "rank" }, () => rank(reranker, feed)),
          part({ ...key, what: "core" }, (times) => core.glue.repeat("rank", times, policy, now)),
          ...(await onEngines(key, model, inputsOf(core, ranked))),
        ],
      });
    }
    const feed = makeFeed(100, spaceOf(core), now);
    const columns = columnsOf(toColumns, feed.items);
    for (const number of clicks) {
      const own = new Core(glue, await load(model.path));
      own.check();
      read(own, now, number);
      const reader = await makeReranker(model, own.profileBytes(now));
      const { reason } = own.rank(columns, spaceOf(own), policy, now);
      const key = { curve: "clicks", model: model.id, x: number };
      const things = [call({ ...key, what: "rank" }, () => rank(reader, feed, reason))];
      if (reason === "ranked") things.push(...(await onEngines(key, model, inputsOf(own))));
      own.free();
      groups.push({ things });
    }
    for (const length of model.shipped ? lengths : []) {
      const text = feedText(100, spaceOf(core), now, length);
      const parsed = JSON.parse(text);
      const key = { curve: "bytes", model: model.id, x: text.length };
      groups.push({
        things: [
          call({ ...key, what: "rank" }, () => rank(reranker, parsed)),
          call({ ...key, what: "JSON.parse" }, () => JSON.parse(text)),
        ],
      });
    }
  }
  await warm(warmUp.curve);
}

async function time({ work }, times) {
  const began = performance.now();
  await work(times);
  return (performance.now() - began) / times;
}

async function warm(long) {
  for (const { begin, things } of groups) {
    begin?.();
    for (const thing of things) {
      const began = performance.now();
      let each = Number.POSITIVE_INFINITY;
      do each = Math.min(each, await time(thing, 20));
      while (performance.now() - began < long);
      // Twenty times may be less than the clock's step.
      thing.times = Math.max(1, Math.ceil(least[thing.kind] / Math.max(each, 5e-4)));
    }
  }
}

/** Measures everything once, beginning with another group in each round. Returns milliseconds for each key. */
export async function round() {
  const results = [];
  for (const { begin, things } of groups) {
    begin?.();
    for (const thing of things) {
      // Not counted: engines plan anew for a size that they have not seen lately.
      await thing.work(1);
      const ms = [];
      for (let i = 0; i < samples[thing.kind]; i++) ms.push(await time(thing, thing.times));
      results.push({ ...thing.key, ms });
    }
  }
  groups = [...groups.slice(1), ...groups.slice(0, 1)];
  return results;
}

/**
 * The whole rankings and the compact engine once, each over at least so many milliseconds: for a clock whose steps are far longer than
 * a call. Returns milliseconds for each key.
 */
export async function longRound(least) {
  const results = [];
  for (const { begin, things } of groups) {
    begin?.();
    for (const thing of things.filter(({ key }) => ["rank", "engine nearside"].includes(key.what))) {
      let times = Math.max(16, thing.times);
      let each = await time(thing, times);
      while (each * times < least) {
        times *= 2;
        each = await time(thing, times);
      }
      results.push({ ...thing.key, ms: [each] });
    }
  }
  return results;
}

/** The greatest difference between the compact engine's scores and another's, over everything prepared. */
export const difference = () => worst;

/** The very first ranking of a page, in milliseconds, once everything is loaded. */
export async function first(model, profile, count) {
  const reranker = await makeReranker(model, Uint8Array.from(profile));
  return rank(reranker, makeFeed(count, "", Date.now()));
}
