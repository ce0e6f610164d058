// Memory over a few thousand rankings in one tab; `npm run soak` does a hundred thousand.

import assert from "node:assert/strict";
import { test } from "node:test";
import { startBrowser } from "./package.mjs";
import { buildFaults, growth, soak, soakFaults, trapEvery } from "./soak.mjs";

const browser = await startBrowser();
const faults = await buildFaults();

test("memory is flat after the first hundred of 4,000 rankings", async () => {
  const { rows, tally } = await soak(browser, [100, 1000, 4000]);
  assert.deepEqual(growth(rows), []);
  assert.ok(tally.ranked > 3500 && tally.cold > 0 && tally.bad_candidates > 50, JSON.stringify(tally));
  // Sixteen more at each checkpoint; nothing else may have come of any. Some lists have nothing that the model scores by.
  const { ranked, cold, unscored = 0, bad_candidates } = tally;
  assert.equal(ranked + cold + unscored + bad_candidates, 4000 + 3 * 16, JSON.stringify(tally));
  assert.ok(unscored < 100, JSON.stringify(tally));
});

test("rerankers that trap at every hundredth ranking leave it flat, too", async () => {
  const { rows, tally, views } = await soakFaults(browser, [200, 1000, 3000], faults);
  assert.deepEqual(growth(rows), []);
  assert.equal(views, 15);
  // Two of the core's traps in a view, and the refusal of a third instance.
  assert.equal(tally.trap, 3 * views);
  assert.equal(
    tally.ranked + tally.cold + (tally.unscored ?? 0),
    (2 * trapEvery - 2) * views,
    JSON.stringify(tally),
  );
  // The instance that trapped is gone while its page still ranks on the second one, and that one with its page.
  for (const { running, instances } of rows) assert.deepEqual([running, instances], [1, 0]);
});

test("growth is seen where there is any", () => {
  const row = { rankings: 100, instances: 1, wasm: 1 << 20, heap: 2 << 20 };
  assert.deepEqual(growth([row, { ...row, rankings: 200, heap: row.heap + 1000 }]), []);
  assert.equal(growth([row, { ...row, wasm: row.wasm + 1 }]).length, 1);
  assert.equal(growth([row, { ...row, wasm: row.wasm - 1 }]).length, 1);
  assert.equal(growth([row, { ...row, instances: 2 }]).length, 1);
  assert.equal(growth([row, { ...row, heap: 2 * row.heap }]).length, 1);
});
