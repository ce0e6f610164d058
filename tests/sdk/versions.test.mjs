// Records of other versions of the package, with the built core: the oldest is ranked by, a later one is neither read nor lost.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { toColumns } from "../../dist/candidates.js";
import { Core } from "../../dist/core.js";
import { glue } from "../../dist/default-flavour.js";
import { readPolicy } from "../../dist/policy.js";

const file = (name) => new Uint8Array(readFileSync(new URL(`../../${name}`, import.meta.url)));
const oldest = file("tests/fixtures/profile-version-1.bin");
const noon = Date.UTC(2026, 11, 1, 12);
const feed = JSON.parse(readFileSync(new URL("../../www/feed.json", import.meta.url), "utf8"));
const none = new Uint8Array();

glue.start({ module: new WebAssembly.Module(file("dist/nearside_bg.wasm")) });

function newCore() {
  const core = new Core(glue, file("dist/reranker.onnx"));
  core.check();
  return core;
}

const rank = (core) => core.rank(toColumns(feed.items), feed._nearside.space, readPolicy(undefined), noon);

test("a record of version 1 is ranked by", () => {
  const core = newCore();
  assert.equal(rank(core).reason, "cold");
  assert.equal(core.mergeProfile(oldest, noon), true);
  assert.deepEqual([...core.profileCounts(noon)], [7, 5, 2, 0]);
  const { reason, order } = rank(core);
  assert.equal(reason, "ranked");
  assert.notDeepEqual(
    [...order],
    [...order].sort((one, other) => one - other),
  );
});

test("a record of version 99 is not taken in, nor written over by events, and an erasure is above it", () => {
  const later = oldest.slice();
  const view = new DataView(later.buffer);
  view.setUint16(4, 99, true);
  // FNV-1a of what follows the beginning, then of the ten bytes before.
  const sum = (bytes) => bytes.reduce((hash, byte) => Math.imul(hash ^ byte, 0x01000193) >>> 0, 0x811c9dc5);
  view.setUint32(10, (sum(later.subarray(14)) ^ sum(later.subarray(0, 10))) >>> 0, true);
  const core = newCore();
  assert.equal(core.mergeProfile(later, noon), false);
  core.record({
    ...{ kind: "clicked", id: "a", topic: "sports", subtopic: "", vector: "", seconds: 0, at: noon },
  });
  for (const records of [
    [later, none],
    [none, later],
  ])
    assert.equal(core.profileOver(...records, true, noon).length, 0, "it stays");
  assert.ok(
    core.profileOver(oldest, none, true, noon).length > oldest.length,
    "as one of version 1 does not",
  );
});
