// `npm run edge`: proves on this machine what docs/delivery.md says of caches: nginx as the origin, Varnish before it, both by the
// files that the document shows, and readers in headless Chromium.
//
//   --readers N  --views N   how many readers are compared, how many page views are replayed
//   --json FILE              where the results go; by default benches/edge.json. --json - writes none

import { rmSync, writeFileSync } from "node:fs";
import { arch, cpus } from "node:os";
import { relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { launch } from "../tests/e2e/browser.mjs";
import { buildPackage } from "./build.mjs";
import { RESULTS, writeDocument } from "./edge/document.mjs";
import { compressionProof, originProof, outageProof, readersProof, switchProof } from "./edge/proofs.mjs";
import { makeSite } from "./edge/site.mjs";
import { print } from "./edge/table.mjs";
import {
  ensureChromium,
  ensureEdge,
  ensureNode,
  ensureNodeModules,
  ensureRust,
  ensureWasmBindgen,
} from "./setup.mjs";
import { done, header, isMain, main, red, root, Stop, say, seconds } from "./shell.mjs";

/** Runs all proofs. Returns the results; `problems` lists what is not as the document says. */
export async function proveEdge(programs, browser, { readers, views, trials, switchReaders }) {
  const site = await makeSite();
  const running = [];
  const problems = [];
  const results = {};
  try {
    const context = { programs, browser, site, running };
    for (const [name, prove] of [
      ["readers", () => readersProof(context, readers)],
      ["origin", () => originProof(context, results.readers.page, views)],
      ["compression", () => compressionProof(context)],
      ["outage", () => outageProof(context)],
      ["switch", () => switchProof(context, { readers: switchReaders, trials })],
    ]) {
      const began = performance.now();
      const { problems: found, ...result } = await prove();
      results[name] = { ...result, seconds: Math.round((performance.now() - began) / 1000) };
      problems.push(...found.map((problem) => `${name}: ${problem}`));
      for (const server of running.splice(0).reverse()) await server.stop();
      done(`${name} (${seconds(began)})`);
    }
  } finally {
    for (const server of running.reverse()) await server.stop();
    rmSync(site.folder, { recursive: true, force: true });
  }
  return { results, problems };
}

/** Runs the proofs, prints what they found, and writes it to `json`. */
export async function run(programs, { readers, views, json }) {
  header("Proofs");
  const browser = await launch();
  let found;
  try {
    found = await proveEdge(programs, browser, { readers, views, trials: 2, switchReaders: 5 });
  } finally {
    await browser.close();
  }
  const machine = { cpu: cpus()[0]?.model, cores: cpus().length, arch: arch(), ...programs.versions };
  const { page: _, ...compared } = found.results.readers;
  const results = { command: "npm run edge", machine, ...found.results, readers: compared };
  print(results);
  if (json !== undefined) {
    writeFileSync(json, `${JSON.stringify(results, undefined, 1)}\n`);
    done(`${relative(root, json)} is written`);
    if (json === RESULTS && found.problems.length === 0) writeDocument(results);
  }
  for (const problem of found.problems) say(`${red("✗")} ${problem}`);
  if (found.problems.length > 0) process.exitCode = 1;
  else done("every claim holds");
}

if (isMain(import.meta.url)) {
  await main(async () => {
    const began = performance.now();
    const given = options();
    ensureNode();
    header("Set-up");
    await ensureNodeModules();
    await ensureRust();
    await buildPackage(await ensureWasmBindgen());
    const programs = await ensureEdge();
    process.env.NEARSIDE_CHROMIUM ??= (await ensureChromium()).chromium;
    await run(programs, given);
    say(`npm run edge took ${seconds(began)}`);
  });
}

function options() {
  const whole = (name, text) => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < 1) throw new Error(`--${name} is a whole number of at least 1`);
    return value;
  };
  try {
    const { values } = parseArgs({
      options: {
        readers: { type: "string", default: "200" },
        views: { type: "string", default: "30000" },
        json: { type: "string", default: RESULTS },
      },
    });
    return {
      readers: whole("readers", values.readers),
      views: whole("views", values.views),
      json: values.json === "-" ? undefined : resolve(values.json),
    };
  } catch (error) {
    throw new Stop(`Use \`npm run edge -- [--readers N] [--views N] [--json FILE]\`: ${error.message}.`);
  }
}
