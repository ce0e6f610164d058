// What the project says of its speed and size, each with its number from one run.

import { engines, MODELS, products } from "./contestants.mjs";
import { reduceSamples } from "./samples.mjs";
import { ratioOfMedians } from "./statistics.mjs";

const SIZE_GOAL = 64 * 1024;

/** Everything measured, reduced to what is kept. Times of warm calls in microseconds, of cold starts in milliseconds. */
export function reduce({ warm, cold, pages, memory, webkit }) {
  const micros = reduceSamples(warm.samples, "us", 1000);
  return {
    claims: claims({ warm: warm.samples, cold, pages }),
    loads: pages.loads,
    coldProducts: reduceSamples(pages.samples, "ms", 1),
    coldEngines: reduceSamples(cold, "ms", 1),
    memory,
    longTasks: pages.tasks.map(({ rounds, ...key }) => ({ ...key, ...longTasks(rounds) })),
    rankings: micros.filter(({ curve }) => !curve),
    curves: micros.filter(({ curve }) => curve),
    greatestDifference: Number(warm.difference.toPrecision(2)),
    ...(webkit ? { webkit } : {}),
    missing: [...engines(), ...products()].filter(({ missing }) => missing).map(({ name }) => name),
  };
}

function longTasks(rounds) {
  const all = rounds.flat();
  return { pages: rounds.length, tasks: all.length, longest: Math.round(Math.max(0, ...all)) };
}

/** Each with its bound (`least` or `most`), its value, the value's 95 % interval where it has one, and whether the value keeps the bound. */
export function claims({ warm, cold, pages }) {
  const rounds = (list, key) => {
    const found = list.find((entry) => Object.entries(key).every(([name, value]) => entry[name] === value));
    if (!found) throw new Error(`nothing was measured of ${JSON.stringify(key)}`);
    return found.rounds;
  };
  const list = [];
  const claim = (what, bound, { ratio, interval }) => {
    const met = bound.most === undefined ? ratio >= bound.least : ratio <= bound.most;
    list.push({ what, ...bound, value: ratio, ...(interval ? { interval } : {}), met });
  };
  const { nearside, onnxruntime } = pages.loads;
  claim("bytes of all that a page loads", { most: SIZE_GOAL }, { ratio: nearside.brotli });
  claim(
    "bytes that a page loads, onnxruntime-web over Nearside",
    { least: 34 },
    { ratio: onnxruntime.brotli / nearside.brotli },
  );
  for (const { model, slow } of cold.filter(({ engine }) => engine === "nearside"))
    claim(
      `engine alone, import to first score, ${nameOf(model)}, ${slow}x slow-down`,
      { most: 1 / 8 },
      ratioOfMedians(
        rounds(cold, { engine: "nearside", model, slow }),
        rounds(cold, { engine: "onnxruntime", model, slow }),
      ),
    );
  for (const { slow } of pages.samples.filter(({ product }) => product === "nearside"))
    claim(
      `product, navigation to first order, ${slow}x slow-down`,
      { most: 1 / 4 },
      ratioOfMedians(
        rounds(pages.samples, { product: "nearside", slow }),
        rounds(pages.samples, { product: "onnxruntime", slow }),
      ),
    );
  for (const { id: model } of MODELS)
    for (const count of [50, 200])
      claim(
        `engine on ${count} candidates, ${nameOf(model)}`,
        { most: 1 },
        ratioOfMedians(
          rounds(warm, { model, count, what: "engine nearside" }),
          rounds(warm, { model, count, what: "engine onnxruntime" }),
        ),
      );
  const model = "attention-48k";
  claim(
    `the whole rank of 100 candidates over onnxruntime-web's engine alone, ${nameOf(model)}`,
    { most: 1 },
    ratioOfMedians(
      rounds(warm, { model, count: 100, what: "rank" }),
      rounds(warm, { model, count: 100, what: "engine onnxruntime" }),
    ),
  );
  const { tasks } = longTasks(rounds(pages.tasks, { product: "nearside", slow: 4 }));
  claim("tasks over 50 ms on the main thread, 4x slow-down", { most: 0 }, { ratio: tasks });
  return list.map(({ value, interval, ...rest }) => ({
    ...rest,
    value: Number(value.toPrecision(3 + (value > 1000 ? 3 : 0))),
    ...(interval ? { interval: interval.map((end) => Number(end.toPrecision(3))) } : {}),
  }));
}

const nameOf = (id) => MODELS.find((model) => model.id === id).name;
