// `npm run bench`: Nearside in Chromium against what people would use instead. `--quick`: a smoke run that writes nothing but `--json`.
//
// Things are measured in turn, over and over, so that a busy machine slows all of them alike. docs/bench.md says how to read it.

import { writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { launch } from "../tests/e2e/browser.mjs";
import { reduce } from "./bench/claims.mjs";
import { hasFull } from "./bench/contestants.mjs";
import { RESULTS, writeDocuments } from "./bench/document.mjs";
import { measureEngines, measureMemory, measureProducts, measureWarm } from "./bench/measure.mjs";
import { makeSite } from "./bench/site.mjs";
import { asText, tables } from "./bench/tables.mjs";
import { measureWebkit } from "./bench/webkit.mjs";
import { buildCore, buildPackage } from "./build.mjs";
import { serve } from "./serve.mjs";
import {
  ensureChromium,
  ensureNode,
  ensureNodeModules,
  ensureRust,
  ensureWasmBindgen,
  ensureWebkit,
} from "./setup.mjs";
import { bold, cache, dim, done, green, header, main, red, Stop, say, seconds } from "./shell.mjs";

const RUNS = {
  full: { warm: { rounds: 40, curveRounds: 8, fresh: 3 }, cold: 10, webkit: { cold: 5, rounds: 5 } },
  quick: { warm: { rounds: 2, curveRounds: 1, fresh: 1 }, cold: 1, webkit: { cold: 1, rounds: 1 } },
};

await main(async () => {
  const { quick, json } = options();
  ensureNode();
  header("Build");
  await ensureNodeModules();
  await ensureNodeModules("benches");
  await ensureRust();
  const bindgen = await ensureWasmBindgen();
  const { chromium } = await ensureChromium();
  process.env.NEARSIDE_WEBKIT ??= await ensureWebkit();
  await buildPackage(bindgen, { full: true });
  await buildCore(bindgen, join(cache, "bench/core"), "bench");
  if (hasFull()) await buildCore(bindgen, join(cache, "bench/core-full"), "bench,tract");
  const folder = await makeSite();

  header("Measure");
  const { url, close } = await serve({ folder, port: 0, isolate: true });
  process.env.NEARSIDE_CHROMIUM ??= chromium;
  const browser = await launch();
  try {
    const run = quick ? RUNS.quick : RUNS.full;
    const phase = async (name, work) => {
      const began = performance.now();
      const result = await work;
      done(`${name} ${dim(`(${seconds(began)}; load ${loadavg()[0].toFixed(1)})`)}`);
      return result;
    };
    const memory = await phase("memory", measureMemory(browser, url));
    const pages = await phase("products, cold", measureProducts(browser, url, run.cold));
    const cold = await phase("engines, cold", measureEngines(browser, url, run.cold));
    const warm = await phase("rankings and curves, warm", measureWarm(browser, url, run.warm));
    const webkit = await phase("WebKit", measureWebkit(url, run.webkit));
    const results = {
      command: "npm run bench",
      machine: {
        chromium: browser.version(),
        cpu: cpus()[0]?.model.trim() ?? "unknown",
        cores: cpus().length,
      },
      rounds: { warm: run.warm.rounds, curves: run.warm.curveRounds, cold: run.cold },
      ...reduce({ warm, cold, pages, memory, webkit }),
    };
    report(results);
    const text = `${JSON.stringify(results, null, 1)}\n`;
    if (json) writeFileSync(resolve(json), text);
    if (!quick) {
      writeFileSync(RESULTS, text);
      writeDocuments();
      say(
        "\nWritten: benches/results.json, benches/plot.svg, and the tables of README.md and docs/bench.md.",
      );
    }
  } finally {
    await browser.close();
    await close();
  }
});

function options() {
  try {
    const { values } = parseArgs({
      options: { quick: { type: "boolean", default: false }, json: { type: "string" } },
    });
    return values;
  } catch (error) {
    throw new Stop(`Use \`npm run bench -- [--quick] [--json FILE]\`: ${error.message}.`);
  }
}

function report(results) {
  const { claims, ...rest } = tables(results);
  for (const table of Object.values(rest)) {
    const { head, rows } = asText(table);
    header(table.title);
    say(bold(head));
    for (const row of rows) say(row);
  }
  header("Claims");
  for (const [i, row] of asText(claims).rows.entries())
    say(results.claims[i].met ? `${green("✓")} ${row}` : `${red("✗")} ${row}`);
  const { chromium, cpu, cores } = results.machine;
  say(
    dim(
      `Engines' scores differ by at most ${results.greatestDifference}. Chromium ${chromium}; ${cpu}, ${cores} cores.`,
    ),
  );
}
