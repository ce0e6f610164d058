// Runs in the benchmark's page: the package as published, and beside it a build that can repeat the parts of a ranking.

import { createReranker, MemoryStore } from "nearside";
// By the runner: the parts have no public names.
import { toColumns } from "nearside/candidates";
import startCore, { Core } from "nearside/core";
import { makeFeed, read } from "./feed.js";

/** The default policy, as the core takes it. */
const policy = new Float64Array([0.8, Number.NaN, 2, 10, Number.NaN, Number.NaN]);
/** Milliseconds that one sample of a part takes at least, so that the clock's steps and one interruption matter little. */
const sample = 1;
/** Milliseconds each thing runs before anything counts: browsers compile what runs often once more, and better. */
const warmUp = 120;
const ranksPerRound = 5;

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

async function rank(reranker, feed) {
  const began = performance.now();
  const { outcome } = await reranker.rank(feed, { budgetMs: 60_000 });
  const ms = performance.now() - began;
  if (outcome.reason !== "ranked") throw new Error(`${outcome.reason}: ${outcome.message ?? ""}`);
  return ms;
}

/** Everything that is measured of one model and one list. Parts are functions that do their work a number of times. */
function caseOf(model, core, reranker, count, now) {
  const feed = makeFeed(count, core.space, now);
  const columns = () => toColumns(feed.items, undefined);
  const { text, lengths, numbers, flags } = columns();
  const again = (work) => (times) => {
    for (let i = 0; i < times; i++) work();
  };
  const inside = (part) => (times) => core.repeat(part, times, policy, now);
  return {
    model: model.name,
    count,
    feed,
    reranker,
    /** The core holds one list at a time. */
    begin: () => core.rank(text, lengths, numbers, flags, core.space, policy, now),
    parts: {
      columns: again(columns),
      transfer: again(() => core.take(text, lengths, numbers, flags, core.space)),
      features: inside("features"),
      engine: inside("engine"),
      ordering: inside("ordering"),
      answer: again(() => [core.reason(), core.skipped(), core.weight(), core.explanations()]),
    },
    times: {},
  };
}

/** Milliseconds that `part` takes once. */
function time(part, times) {
  const began = performance.now();
  part(times);
  return (performance.now() - began) / times;
}

async function warm(one) {
  const began = performance.now();
  do await rank(one.reranker, one.feed);
  while (performance.now() - began < warmUp);
  one.begin();
  for (const [name, part] of Object.entries(one.parts)) {
    const began = performance.now();
    let each = Number.POSITIVE_INFINITY;
    do each = Math.min(each, time(part, 100));
    while (performance.now() - began < warmUp);
    one.times[name] = Math.max(1, Math.ceil(sample / each));
  }
}

let cases = [];

/** Loads all models and warms everything up. Returns the profile of each model's reader, for `first`. */
export async function prepare(models, counts) {
  if (!crossOriginIsolated) throw new Error("the clock of a page that is not isolated is too coarse");
  await startCore({ module_or_path: fetch("core.wasm") });
  const now = Date.now();
  const profiles = [];
  for (const model of models) {
    const core = new Core(await load(model.path));
    read(core, now);
    const profile = core.profileBytes(now);
    const reranker = await makeReranker(model, profile);
    profiles.push(Array.from(profile));
    cases.push(...counts.map((count) => caseOf(model, core, reranker, count, now)));
  }
  for (const one of cases) await warm(one);
  return profiles;
}

/** Measures every case once, beginning with another one in each round. Returns milliseconds by case and part. */
export async function round() {
  const results = [];
  for (const one of cases) {
    const ms = { rank: [] };
    for (let i = 0; i < ranksPerRound; i++) ms.rank.push(await rank(one.reranker, one.feed));
    one.begin();
    for (const [name, part] of Object.entries(one.parts)) ms[name] = [time(part, one.times[name])];
    results.push({ model: one.model, count: one.count, ms });
  }
  cases = [...cases.slice(1), ...cases.slice(0, 1)];
  return results;
}

/** The very first ranking of a page, in milliseconds, once everything is loaded. */
export async function first(model, profile, count) {
  const reranker = await makeReranker(model, Uint8Array.from(profile));
  return rank(reranker, makeFeed(count, "", Date.now()));
}
