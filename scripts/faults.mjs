// `npm run faults`: runs the fault matrix and prints its table. `-- PATTERN`: only rows whose name fits. `--all`: slow rows, every
// case, every sweep, and Firefox and WebKit as well; `--webkit`: in WebKit alone. `--table`: writes the rows into docs/faults.md and runs nothing.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildPackage } from "./build.mjs";
import {
  ensureChromium,
  ensureFirefox,
  ensureNode,
  ensureNodeModules,
  ensureRust,
  ensureWasmBindgen,
  ensureWebkit,
} from "./setup.mjs";
import { bold, dim, done, green, header, main, red, root, Stop, say, seconds } from "./shell.mjs";

const flags = process.argv.slice(2).filter((word) => word.startsWith("--"));
const [pattern = ""] = process.argv.slice(2).filter((word) => !word.startsWith("--"));
const all = flags.includes("--all");
const onlyWebkit = flags.includes("--webkit");

await main(async () => {
  ensureNode();
  await ensureNodeModules();
  await ensureRust();
  await buildPackage(await ensureWasmBindgen());
  const { rows } = await import("../tests/faults/table.mjs");
  if (flags.includes("--table")) return writeTable(rows);
  const { buildFaults } = await import("../tests/e2e/soak.mjs");
  await buildFaults();
  process.env.NEARSIDE_CHROMIUM ??= (await ensureChromium()).chromium;
  if (all) process.env.NEARSIDE_FIREFOX ??= await ensureFirefox();
  if (all || onlyWebkit) process.env.NEARSIDE_WEBKIT ??= await ensureWebkit();
  await runAll(rows);
});

async function writeTable(rows) {
  const { withTable } = await import("../tests/faults/markdown.mjs");
  const file = join(root, "docs/faults.md");
  writeFileSync(file, withTable(readFileSync(file, "utf8"), rows));
  done("docs/faults.md has the table of today");
}

async function runAll(rows) {
  const { startChromium, startFirefox, startWebkit } = await import("../tests/faults/drivers.mjs");
  const { makeKit } = await import("../tests/faults/site.mjs");
  const { faultyFiles } = await import("../tests/faults/wasm.mjs");
  const { runRows } = await import("../tests/faults/runner.mjs");
  const kit = await makeKit({ faulty: await faultyFiles() });
  const fits = new RegExp(pattern, "i");
  const chosen = rows.filter(({ group, name, slow }) => (all || !slow) && fits.test(`${group}: ${name}`));
  if (chosen.length === 0) throw new Stop(`No row's name fits "${pattern}".`);
  let failed = 0;
  const one = onlyWebkit ? startWebkit : startChromium;
  for (const start of all && !onlyWebkit ? [startChromium, startFirefox, startWebkit] : [one]) {
    const began = performance.now();
    const driver = await start();
    try {
      header(driver.name);
      say(bold(`${"row".padEnd(58)}${"reason".padEnd(30)}${"ms".padStart(8)}`));
      const lanes = driver.name === "firefox" ? 1 : 2;
      const results = await runRows(chosen, driver, kit, { lanes, thin: !all, onResult: print });
      const bad = results.filter(({ problems }) => problems.length > 0).length;
      failed += bad;
      say(`${results.length} rows in ${driver.name}, ${bad} failed ${dim(`(${seconds(began)})`)}`);
      if (all && pattern === "" && driver.name === "chromium") failed += await sweepAll(driver, kit);
    } finally {
      await driver.close();
    }
  }
  if (failed > 0) process.exitCode = 1;
}

function print({ row, ms, problems, reasons, runs }) {
  const name = `${row.group}: ${row.name}${runs > 1 ? ` (${runs})` : ""}`;
  const mark = problems.length > 0 ? red("✗") : green("✓");
  say(`${mark} ${name.padEnd(56)}${(reasons.join(", ") || "none").padEnd(30)}${ms.toFixed(0).padStart(8)}`);
  for (const problem of problems) say(`    ${problem}`);
}

async function sweepAll(driver, kit) {
  const { sweep, sweepMemory } = await import("../tests/faults/sweep.mjs");
  let failed = 0;
  header("sweeps: the n-th call of the host fails, for every n");
  const report = (name, { calls, problems, reasons }) => {
    const tally = Object.entries(reasons).map((entry) => entry.join(" "));
    say(`${problems.length > 0 ? red("✗") : green("✓")} ${name}: ${calls} calls; ${tally.join(", ")}`);
    for (const problem of problems) say(`    ${problem}`);
    if (problems.length > 0) failed++;
  };
  for (const worker of [false, true])
    for (const mode of ["throw", "later", "never"])
      report(`${mode}${worker ? ", in a worker" : ""}`, await sweep(driver, kit, { mode, worker }));
  report("growth of memory", await sweepMemory(driver, kit));
  return failed;
}
