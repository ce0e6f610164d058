// The benchmark's own arithmetic, and that documents quote the results that are checked in.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { claims } from "../../scripts/bench/claims.mjs";
import { MODELS } from "../../scripts/bench/contestants.mjs";
import { convert } from "../../scripts/bench/convert.mjs";
import { documents, RESULTS } from "../../scripts/bench/document.mjs";
import { median, ratioOfMedians, summarise } from "../../scripts/bench/statistics.mjs";
import { asMarkdown, tables } from "../../scripts/bench/tables.mjs";
import { root } from "./consumer.mjs";

test("medians and quantiles are of numbers, in any order", () => {
  assert.equal(median([10, 9, 100]), 10);
  assert.equal(median([4, 1, 3, 2]), 2.5);
  const { median: middle, p95, samples } = summarise(Array.from({ length: 101 }, (_, i) => 100 - i));
  assert.deepEqual([middle, p95, samples], [50, 95, 101]);
  assert.throws(() => summarise([]), RangeError);
});

test("the interval of a median lies between order statistics and covers it 95 times in a hundred", () => {
  const { interval } = summarise(Array.from({ length: 100 }, (_, i) => i + 1));
  // Binomial(100, 1/2): P(40 <= X <= 60) = 0.965, P(41 <= X <= 59) = 0.943.
  assert.deepEqual(interval, [41, 60]);
  assert.deepEqual(summarise([3, 1, 2]).interval, [1, 3]);
  let covered = 0;
  let state = 1;
  const next = () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
  for (let trial = 0; trial < 1000; trial++) {
    const [low, high] = summarise(Array.from({ length: 40 }, () => next() ** 3)).interval;
    if (low <= 0.5 ** 3 && 0.5 ** 3 <= high) covered++;
  }
  assert.ok(covered > 930 && covered < 985, `${covered} of 1,000`);
});

test("a ratio of medians has an interval in which a slow round counts for both", () => {
  const slow = [1, 1, 5, 1, 1, 5, 1, 5, 1, 5];
  const rounds = (base) => slow.map((factor) => [base * factor, base * factor * 1.01]);
  const { ratio, interval } = ratioOfMedians(rounds(1), rounds(4));
  assert.ok(Math.abs(ratio - 0.25) < 1e-9);
  assert.ok(interval[0] > 0.2499 && interval[1] < 0.2501, String(interval));
  assert.deepEqual(ratioOfMedians(rounds(1), rounds(4)), { ratio, interval });
  assert.throws(() => ratioOfMedians([[1]], [[1], [2]]), RangeError);
});

/** A run in which Nearside takes `times` what onnxruntime-web takes. */
function run(times, bytes, tasks) {
  const rounds = (ms) => Array.from({ length: 8 }, () => [ms]);
  const pair = (key, ms) => [
    { ...key, ...(key.slow ? {} : { what: "engine nearside" }), rounds: rounds(ms * times) },
    { ...key, ...(key.slow ? {} : { what: "engine onnxruntime" }), rounds: rounds(ms) },
  ];
  const cold = (member) =>
    [1, 4].flatMap((slow) => {
      const [own, other] = pair({ slow, model: "shipped" }, 400 * slow);
      return [
        { ...own, [member]: "nearside" },
        { ...other, [member]: "onnxruntime" },
      ];
    });
  return {
    warm: MODELS.flatMap(({ id: model }) => [
      ...[50, 100, 200].flatMap((count) => pair({ model, count }, count / 1000)),
      { model, count: 100, what: "rank", rounds: rounds(0.1 * times) },
    ]),
    cold: cold("engine"),
    pages: {
      loads: { nearside: { brotli: bytes }, onnxruntime: { brotli: 2_400_000 } },
      samples: cold("product"),
      tasks: [{ product: "nearside", slow: 4, rounds: [[], tasks] }],
    },
  };
}

test("claims are met by what keeps their bounds, and not by what does not", () => {
  const good = claims(run(0.1, 60_000, []));
  assert.ok(good.length >= 13);
  assert.deepEqual(
    good.filter(({ met }) => !met),
    [],
  );
  const bad = claims(run(1.5, 80_000, [51]));
  assert.deepEqual(
    bad.filter(({ met }) => met),
    [],
  );
});

test("converted weights are those of the ONNX file, and another graph is refused", () => {
  const bytes = convert(readFileSync(path.join(root, MODELS[0].file)), "it");
  const length = bytes.readUInt32LE(0);
  const { graph, tensors } = JSON.parse(bytes.subarray(4, 4 + length).toString());
  assert.equal(graph, "linear");
  assert.equal(
    bytes.length,
    tensors.reduce((sum, { size }) => sum + size, 4 + length),
  );
  for (const { shape, scale, size } of tensors)
    assert.equal(size, shape.reduce((all, n) => all * n, 1) * (scale ? 1 : 4));
  const other = readFileSync(path.join(root, "tests/fixtures/hand-set.onnx"));
  assert.throws(() => convert(other, "it"), /holds another graph/);
});

test("documents and picture quote benches/results.json", () => {
  const results = JSON.parse(readFileSync(RESULTS, "utf8"));
  for (const { path: file, text } of documents(results))
    assert.equal(readFileSync(file, "utf8"), text, `${file}: run \`node scripts/bench/document.mjs\``);
});

test("WebKit has its column and lines where it was measured, and none where it was not", () => {
  const { webkit: _, ...without } = JSON.parse(readFileSync(RESULTS, "utf8"));
  const summary = { median: 123.4, interval: [120, 130], p95: 140, samples: 5 };
  const webkit = {
    version: "2.50.6",
    coldProducts: [{ product: "nearside", ms: summary }],
    rankings: [{ model: "shipped", count: 100, what: "rank", us: summary }],
  };
  const [plain, withWebkit] = [tables(without), tables({ ...without, webkit })];
  for (const name of ["products", "rank-shipped"]) {
    assert.doesNotMatch(asMarkdown(plain[name]), /WebKit/);
    assert.match(asMarkdown(withWebkit[name]), /WebKit/);
    for (const { head, rows } of [plain[name], withWebkit[name]])
      for (const row of rows) assert.equal(row.length, head.length);
  }
  assert.match(asMarkdown(withWebkit.products), /\| Nearside \|.*\| 123 \[120–130\] \|/);
  assert.match(
    asMarkdown(withWebkit["rank-shipped"]),
    /in WebKit, median: feed in, order out \| – \| – \| 123 \| – \|/,
  );
});
