// The fault matrix in Chromium, one test a row, and some rows in WebKit: the slow rows, all cases and Firefox are `npm run faults:all`.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { startChromium, startWebkit } from "./drivers.mjs";
import { enginesOf } from "./engines.mjs";
import { calibrate, runRow } from "./runner.mjs";
import { makeKit } from "./site.mjs";
import { sweep, sweepMemory } from "./sweep.mjs";
import { rows } from "./table.mjs";
import { faultyFiles } from "./wasm.mjs";

let driver;
let kit;
before(async () => {
  kit = await makeKit({ faulty: await faultyFiles() });
  driver = await startChromium();
  await calibrate(driver, kit);
});
after(() => driver?.close());

const chosen = rows.filter((row) => !row.slow && enginesOf(row).includes("chromium"));
describe("rows", { concurrency: 3 }, () => {
  for (const row of chosen) {
    test(`${row.group}: ${row.name}`, async () => {
      const { problems } = await runRow(row, driver, kit, true);
      assert.deepEqual(problems, []);
    });
  }
});

/** Some of WebKit's: the first of each group, and every sixteenth. */
const inWebkit = rows.filter((row) => !row.slow && enginesOf(row).includes("webkit"));
const some = inWebkit.filter(
  ({ group }, i) => i % 16 === 0 || inWebkit.findIndex((row) => row.group === group) === i,
);
describe("some rows in WebKit", { concurrency: 2 }, () => {
  let webkit;
  before(async () => {
    webkit = await startWebkit();
  });
  after(() => webkit?.close());
  for (const row of some) {
    test(`${row.group}: ${row.name}`, async () => {
      const { problems } = await runRow(row, webkit, kit, true);
      assert.deepEqual(problems, []);
    });
  }
});

test("sweep: whichever call of the host fails at once, there is one valid outcome", async () => {
  const { calls, problems, reasons } = await sweep(driver, kit, { lanes: 3 });
  assert.deepEqual(problems, []);
  assert.ok(calls > 30, `${calls} calls`);
  assert.ok(Object.keys(reasons).length > 1, "some call mattered");
});

test("sweep: whichever growth of memory is refused, there is one valid outcome", async () => {
  const { calls, problems } = await sweepMemory(driver, kit);
  assert.deepEqual(problems, []);
  assert.ok(calls > 0, "the module grows");
});
