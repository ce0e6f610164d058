// What Python replays is what a browser computes: the shipped wasm, told of the same events and pages, gives the same bits.

import assert from "node:assert/strict";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { toColumns } from "../../dist/candidates.js";
import { Core } from "../../dist/core.js";
import { glue } from "../../dist/default-flavour.js";
import { tell } from "../../dist/event.js";
import { checked } from "../../dist/score.js";
import { ensureUv, uvEnvironment } from "../../scripts/setup.mjs";
import { cache, root, run } from "../../scripts/shell.mjs";

const folder = join(cache, "lab");
const log = join(folder, "log");
const given = ["models/reranker.onnx", "tests/fixtures/attention-20k.onnx"].map((file) => join(root, file));
const models = [join(folder, "every-feature.onnx"), ...given];
/** Strength, k (the model's), minimum evidence, maximum displacement, no topic cap: the default policy. */
const policy = Float64Array.of(0.8, Number.NaN, 2, 10, Number.NaN, Number.NaN);
let pages;

before(async () => {
  const uv = await ensureUv();
  const inProject = async (...command) =>
    run(uv, ["run", "--project", join(root, "python"), ...command], { env: uvEnvironment() });
  const sizes = ["--impressions", "4000", "--readers", "200", "--days", "35", "--articles-per-day", "60"];
  rmSync(folder, { recursive: true, force: true });
  await inProject("nearside", "simulate", "-o", log, ...sizes);
  await inProject("python", join(root, "python/tools/wasm_parity.py"), log, ...given, "-o", folder);
  pages = readFileSync(join(folder, "pages.jsonl"), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  glue.start({ module: await WebAssembly.compile(readFileSync(join(root, "dist/nearside_bg.wasm"))) });
});

const floats = (text) => new Float32Array(Uint8Array.from(Buffer.from(text, "base64")).buffer);
const bits = (numbers) => [...new Uint32Array(Float32Array.from(numbers).buffer)];

test("1,000 impressions: features, logits, personal parts, weights and orders are the same bits", () => {
  assert.equal(pages.length, 1000);
  const every = everyFeature();
  const varied = new Set();
  const moved = new Map();
  for (const file of models) {
    const devices = new Map();
    for (const [number, page] of pages.entries()) {
      if (!devices.has(page.reader)) devices.set(page.reader, checked(new Core(glue, readFileSync(file))));
      const core = devices.get(page.reader);
      for (const event of page.events) tell(core, event, "", "");
      const ranked = core.rank(toColumns(page.items, undefined), "", policy, page.now);
      const order = [...ranked.order];
      const { modelId, names } = core.describe();
      const where = `${modelId}, page ${number}`;
      const rows = explained(ranked.rows, names.length);
      const features = floats(page.features);
      for (const [at, name] of names.entries()) {
        const column = page.items.map((_, i) => features[i * every.length + every.indexOf(name)]);
        assert.deepEqual(bits(rows.map((row) => row.features[at])), bits(column), `${where}, ${name}`);
        if (column.some((value) => value !== column[0])) varied.add(name);
      }
      assert.deepEqual(bits(rows.map((row) => row.logit)), bits(floats(page.logits)), `${where}, logits`);
      const { personal, weight, order: expected } = page.models[modelId];
      assert.deepEqual(bits(rows.map((row) => row.personal)), bits(floats(personal)), `${where}, personal`);
      assert.deepEqual(bits([ranked.weight]), bits(floats(weight)), `${where}, weight`);
      assert.deepEqual(order, expected, `${where}, order`);
      if (order.some((place, slot) => place !== slot)) moved.set(file, (moved.get(file) ?? 0) + 1);
    }
    for (const core of devices.values()) core.free();
  }
  // Numbers that are one for a whole list, and those of hides, of which a log has none.
  const constant = ["topic_rate_known", "log_history", "cosine_hidden"];
  const same = every.filter((name) => !varied.has(name) && !constant.includes(name));
  assert.deepEqual(same, [], "features that never differ within a list prove nothing");
  for (const file of models) assert.ok(moved.get(file) > 300, `${file} moves too few lists`);
});

/** The names of all features of the crate, in its order. */
function everyFeature() {
  const core = checked(new Core(glue, readFileSync(models[0])));
  const { names } = core.describe();
  core.free();
  return names;
}

/** The explanation of each candidate. */
function explained(numbers, width) {
  return Array.from({ length: numbers.length / (width + 3) }, (_, i) => {
    const row = numbers.subarray(i * (width + 3), (i + 1) * (width + 3));
    return { features: row.subarray(0, width), logit: row[width], personal: row[width + 1] };
  });
}
