// The core's own calls, as no SDK would make them: whatever they are given they answer or refuse, and none traps.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const dist = new URL("../../dist/", import.meta.url);
const { Core } = await import(new URL("core.js", dist).href);
const { glue } = await import(new URL("default-flavour.js", dist).href);
const { calls: known, events, refusals } = await import(new URL("wire.js", dist).href);
const wasm = readFileSync(new URL("nearside_bg.wasm", dist));
// No Buffer, the slices of which are not copies.
const model = new Uint8Array(readFileSync(new URL("reranker.onnx", dist)));

const CALLS = 6000;
const codes = new Set(refusals);

/** A generator of numbers in [0, 1) by a seed: mulberry32. */
function randomOf(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Arguments of all kinds. */
function hostile(seed) {
  const random = randomOf(seed);
  const below = (bound) => Math.floor(random() * bound);
  const any = (list) => list[below(list.length)];
  const number = () =>
    any([0, -0, 1, -1, 0.5, 50, 200, 201, 1e5, 255, 256, 2 ** 31, 2 ** 32, 2 ** 53, 1e300, -1e300, 1e-320]) *
      any([1, 1, -1, random()]) +
    any([0, 0, 0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]);
  const text = () =>
    any([
      "",
      "a",
      "topic",
      "\0",
      "\ud800",
      "\u{1f5de}",
      "é".repeat(below(300)),
      "x".repeat(below(5000)),
      "A".repeat(86),
    ]);
  const vector = () => any([`${"A".repeat(84)}AQ==`, Buffer.from(bytes(64)).toString("base64"), text()]);
  const bytes = (length = below(300)) => Uint8Array.from({ length }, () => below(256));
  const numbers = (length) => Float64Array.from({ length }, number);
  return { random, below, any, number, text, vector, bytes, numbers };
}

/** One within its ranges. */
function policy({ below, any }) {
  const [displacement, limit] = [any([Number.POSITIVE_INFINITY, below(20)]), any([Number.NaN, 1 + below(4)])];
  return Float64Array.of(below(11), any([Number.NaN, 5]), below(3), displacement, limit, 4 + below(20));
}

/** A list for `rank`, mostly well formed; else its columns do not fit each other. */
function list({ below, any, text, vector, bytes, number, numbers }) {
  const count = any([0, 1, 2, 7, 60, 199, 200, 201, 260]);
  const parts = Array.from({ length: count }, (_, at) => [
    below(500) === 0 ? text() : `id-${at}`,
    any(["sports", "", text().slice(0, 40)]),
    any(["", "football"]),
    vector().slice(0, 400),
  ]).flat();
  const columns = {
    text: new TextEncoder().encode(parts.join("")),
    lengths: Uint32Array.from(parts, (part) => part.length),
    numbers: numbers(4 * count),
    flags: bytes(count),
  };
  if (below(3) === 0) columns.text = any([bytes(), columns.text.subarray(below(50)), new Uint8Array()]);
  if (below(4) === 0)
    columns.lengths = Uint32Array.from(columns.lengths, (length) => any([length, 0, 2 ** 32 - 1]));
  if (below(8) === 0) columns.lengths = columns.lengths.subarray(below(5));
  if (below(8) === 0) columns.numbers = columns.numbers.subarray(below(9));
  if (below(8) === 0) columns.flags = columns.flags.subarray(below(3));
  return [
    columns,
    any(["", "", "", "minilm-l6-pca64-v1", text()]),
    below(3) === 0 ? numbers(any([0, 3, 6, 9])) : policy({ below, any }),
    any([1.77e12, number()]),
  ];
}

test(`${CALLS} raw calls with hostile arguments answer or refuse by a code, and none traps`, () => {
  glue.start({ module: new WebAssembly.Module(wasm) });
  let ranked = 0;
  for (const seed of [1, 2, 3]) {
    const make = hostile(seed);
    const { below, any, text, vector, bytes, number } = make;
    const cores = [new Core(glue, model), Core.history(glue, "minilm-l6-pca64-v1"), new Core(glue, model)];
    cores[0].check();
    const stored = cores[0].profileBytes(1.77e12);
    const changed = () => {
      const copy = any([stored, model]).slice();
      for (let left = below(4); left >= 0; left--) copy[below(copy.length)] = below(256);
      return copy.subarray(0, any([copy.length, below(copy.length)]));
    };
    const calls = [
      (core) => core.rank(...list(make)),
      (core) => core.rank(...list(make)),
      (core) =>
        core.record({
          kind: any([...Object.keys(events), "other"]),
          ...{ id: text(), topic: text(), subtopic: text(), vector: vector() },
          ...{ seconds: number(), at: number() },
        }),
      // Calls, parts and numbers that no SDK would make.
      (core) =>
        core.glue.call(
          any([below(Object.keys(known).length), 255, number()]),
          any([bytes(), changed()]),
          make.numbers(below(30)),
        ),
      (core) => core.mergeProfile(any([bytes(), changed()]), number()),
      (core) => core.setProfile(any([bytes(), changed(), stored]), number()),
      (core) => core.profileBytes(any([1.77e12, number()])),
      (core) => core.profileCounts(number()),
      (core) => core.describe(),
      (core) => any([() => core.erase(), () => core.check()])(),
      () => Core.history(glue, text()).free(),
      () => new Core(glue, any([bytes(), changed()])).free(),
    ];
    for (let left = CALLS / 3; left > 0; left--) {
      const core = any(cores);
      const call = any(calls);
      try {
        const answer = call(core);
        if (call === calls[0] && answer.order.length > 0) {
          const { order } = answer;
          assert.deepEqual(
            [...order].sort((a, b) => a - b),
            [...order.keys()],
            "the order is no permutation",
          );
          ranked++;
        }
      } catch (error) {
        assert.ok(!(error instanceof WebAssembly.RuntimeError), `${call}: ${error.stack}`);
        assert.ok(codes.has(error.reason), `${error.reason}: ${error.message}`);
        assert.ok(error.message.length <= 400, `${error.message.length} characters`);
      }
    }
    // They are as good as before.
    for (const core of cores) assert.ok(core.profileBytes(1.77e12).length <= 12 * 1024);
    for (const core of cores) core.free();
  }
  assert.ok(ranked > CALLS / 100, `${ranked} lists were ranked`);
});
