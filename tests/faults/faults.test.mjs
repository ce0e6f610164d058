// The fault matrix in Chromium, one test a row: the slow rows, all cases and Firefox are `npm run faults:all`.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { startChromium } from "./drivers.mjs";
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

const chosen = rows.filter(({ slow, engines = ["chromium"] }) => !slow && engines.includes("chromium"));
describe("rows", { concurrency: 3 }, () => {
  for (const row of chosen) {
    test(`${row.group}: ${row.name}`, async () => {
      const { problems } = await runRow(row, driver, kit, true);
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
