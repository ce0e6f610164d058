// Runs rows of the table in a browser, each by the same steps and checks.

import { check, isTiming } from "./check.mjs";
import { enginesOf, rowIn } from "./engines.mjs";
import { serveRow } from "./site.mjs";

/** A row whose cases differ in one value is run once for each; `thin`: for the first, the last and two between. */
export function casesOf(row, thin = false) {
  if (!row.cases) return [row];
  const last = row.cases.length - 1;
  const some = new Set([0, 1, 2, 3].map((third) => Math.round((third * last) / 3)));
  return row.cases
    .filter((_, i) => !thin || some.has(i))
    .map((value) => ({ ...row, ...row.make(value), case: String(value?.name ?? value) }));
}

/** Runs one case of a row; answers with what is wrong, and the page's report. `traced`: where the browser can, its tasks are timed one by one. */
export async function runCase(row, driver, kit, traced = false) {
  const server = await serveRow(row, kit);
  let page;
  let late;
  try {
    page = await driver.open({ traced });
    late = setTimeout(() => page.close().catch(() => {}), row.patience ?? 30_000);
    if (row.steps) await row.steps({ page, server, kit, driver });
    const first = server.requests.length;
    await page.goto(server.url + (row.path ?? "/"));
    if (row.during) await row.during({ page, server, kit });
    const { targets } = JSON.parse(await page.read("globalThis.probe.finished"));
    const worked = await page.time?.();
    const longest = await page.longest?.();
    for (const target of targets) if (target) await page.click(target);
    const report = {
      worked,
      longest,
      idle: driver.idle,
      ...JSON.parse(await page.read("globalThis.probe.report()")),
    };
    return { problems: check(row, report, server.requests.slice(first)), report };
  } catch (error) {
    return { problems: [`the row could not be run: ${error?.stack ?? error}`] };
  } finally {
    clearTimeout(late);
    await page?.close().catch(() => {});
    await server.close();
  }
}

/** How often a case whose only fault is a long task is tried: on a busy machine any script can be kept waiting. */
const tries = 3;

/** `runCase`, again while a long task is all that is wrong, and its tasks are then timed one by one. */
export async function runPatiently(row, driver, kit) {
  let result;
  for (let i = 0; i < tries; i++) {
    result = await runCase(row, driver, kit, i > 0);
    if (!(result.problems.length > 0 && result.problems.every(isTiming))) break;
  }
  return result;
}

/** The page without the package: how long its thread works by itself, on the machine as it is now. */
const alone = { faults: () => ({ "/nearside.js": "404" }), reason: "none" };

/** Measures that, in milliseconds, and notes it in the driver. */
export async function calibrate(driver, kit) {
  const times = [];
  for (let i = 0; i < 3; i++) times.push((await runCase(alone, driver, kit)).report?.worked ?? 0);
  driver.idle = Math.min(...times);
}

/** Runs all cases of a row; answers `{ row, engine, ms, runs, problems, reasons }`. */
export async function runRow(row, driver, kit, thin) {
  const began = performance.now();
  const problems = [];
  const reasons = new Set();
  const cases = casesOf(rowIn(row, driver.name), thin);
  for (const one of cases) {
    const result = await runPatiently(one, driver, kit);
    const label = one.case === undefined ? "" : `${one.case}: `;
    problems.push(...result.problems.map((problem) => label + problem));
    for (const { outcome } of result.report?.views ?? []) reasons.add(outcome.reason);
  }
  const ms = performance.now() - began;
  return { row, engine: driver.name, ms, runs: cases.length, problems, reasons: [...reasons] };
}

/** Runs rows, `lanes` at a time, and tells `onResult` of each as it ends. Returns the results in the table's order. */
export async function runRows(rows, driver, kit, { lanes = 2, thin = false, onResult = () => {} } = {}) {
  await calibrate(driver, kit);
  const results = new Map();
  const queue = rows.filter((row) => enginesOf(row).includes(driver.name));
  const left = [...queue];
  const lane = async () => {
    for (let row = left.shift(); row; row = left.shift()) {
      const result = await runRow(row, driver, kit, thin);
      results.set(row, result);
      onResult(result);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return queue.map((row) => results.get(row));
}
