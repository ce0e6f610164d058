// `npm run bench`: how long a ranking takes in Chromium, and each of its parts. `--rounds N`, `--json FILE`.
//
// One page measures everything in turn, over and over, so that a busy machine slows all of it alike. The whole `rank` is
// timed on the package as published, from the page's objects to the new order; the parts, in batches, on a build with the
// feature `bench`.

import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { brotliCompressSync } from "node:zlib";
import { launch, newPage } from "../tests/e2e/browser.mjs";
import { buildCore, buildPackage } from "./build.mjs";
import { serve } from "./serve.mjs";
import { ensureChromium, ensureNode, ensureNodeModules, ensureRust, ensureWasmBindgen } from "./setup.mjs";
import { bold, cache, dim, header, main, root, Stop, say, seconds } from "./shell.mjs";

const CLICKS = 50;
const COUNTS = [20, 50, 100, 200];
const MODELS = [
  { name: "shipped model", path: "reranker.onnx", file: "models/reranker.onnx", shipped: true },
  {
    name: "20,000 weights, target attention",
    path: "attention.onnx",
    file: "tests/fixtures/attention-20k.onnx",
  },
];
/** What a part is, in the order it happens. The first, second and last are marshalling. */
const PARTS = {
  columns: "columns from the feed's objects, in JavaScript",
  transfer: "columns into wasm, parsed and checked (UTF-8, base64, hashes)",
  features: "history into interest, interest into features",
  engine: "the model's graph",
  ordering: "blend and policy",
  answer: "explanations out of wasm",
};
const MARSHALLING = ["columns", "transfer", "answer"];
/** Pages opened for the first ranking of each case. */
const FRESH = 5;

const folder = join(cache, "bench");
const site = join(folder, "site");
const html = `<!doctype html><html lang="en"><title>Benchmark</title><link rel="icon" href="data:,">
<script type="module" src="start.js"></script>`;

await main(async () => {
  const { rounds, json } = options();
  ensureNode();
  header("Build");
  await ensureNodeModules();
  await ensureRust();
  const bindgen = await ensureWasmBindgen();
  const { chromium } = await ensureChromium();
  await buildPackage(bindgen);
  await buildCore(bindgen, join(folder, "core"), "bench");
  await makeSite();

  header("Measure");
  const began = performance.now();
  const { url, close } = await serve({ folder: site, port: 0, isolate: true });
  process.env.NEARSIDE_CHROMIUM ??= chromium;
  const browser = await launch();
  try {
    const samples = await measure(browser, url, rounds);
    const machine = {
      chromium: browser.version(),
      cpu: cpus()[0]?.model.trim() ?? "unknown",
      cores: cpus().length,
    };
    say(
      `${rounds} rounds ${dim(`(${seconds(began)}; load ${loadavg()[0].toFixed(1)} on ${machine.cores} cores)`)}`,
    );
    const results = samples.map(summarise);
    report(results, machine);
    if (json)
      writeFileSync(
        resolve(json),
        `${JSON.stringify({ machine, wasm: wasmBytes(), rounds, results }, null, 2)}\n`,
      );
  } finally {
    await browser.close();
    await close();
  }
});

function options() {
  try {
    const { values } = parseArgs({
      options: { rounds: { type: "string", default: "60" }, json: { type: "string" } },
    });
    const rounds = Number(values.rounds);
    if (!Number.isInteger(rounds) || rounds < 1) throw new Error(`${values.rounds} is no number of rounds`);
    return { rounds, json: values.json };
  } catch (error) {
    throw new Stop(`Use \`npm run bench -- [--rounds N] [--json FILE]\`: ${error.message}.`);
  }
}

/** The page, bundled as a publisher would, with everything it loads beside it. */
async function makeSite() {
  const { build } = await import("esbuild");
  rmSync(site, { recursive: true, force: true });
  mkdirSync(site, { recursive: true });
  await build({
    entryPoints: [join(root, "benches/page.js")],
    outfile: join(site, "page.js"),
    alias: {
      "nearside/candidates": join(root, "dist/candidates.js"),
      "nearside/core": join(folder, "core/nearside.js"),
    },
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    logLevel: "error",
  });
  writeFileSync(join(site, "start.js"), `globalThis.loaded = import("./page.js");\n`);
  writeFileSync(join(site, "index.html"), html);
  copyFileSync(join(root, "dist/nearside_bg.wasm"), join(site, "nearside_bg.wasm"));
  copyFileSync(join(folder, "core/nearside_bg.wasm"), join(site, "core.wasm"));
  for (const { path, file } of MODELS) copyFileSync(join(root, file), join(site, path));
}

/** Milliseconds of every sample, by model, count and part. */
async function measure(browser, url, rounds) {
  const open = async () => {
    const page = await newPage(browser);
    await page.goto(url);
    return page;
  };
  const samples = MODELS.flatMap(({ name }) =>
    COUNTS.map((count) => ({ model: name, count, ms: { first: [] } })),
  );
  const add = ({ model, count, ms }) => {
    const sample = samples.find((one) => one.model === model && one.count === count);
    for (const [part, times] of Object.entries(ms)) sample.ms[part] = [...(sample.ms[part] ?? []), ...times];
  };

  const page = await open();
  const ask = async (question) =>
    question.catch((error) => {
      throw new Stop(`A ranking failed in the page: ${error.message.split("\n")[0]}`);
    });
  const profiles = await ask(
    page.evaluate(
      async ([models, counts]) => (await globalThis.loaded).prepare(models, counts),
      [MODELS, COUNTS],
    ),
  );
  for (let i = 0; i < rounds; i++) {
    const results = await ask(page.evaluate(async () => (await globalThis.loaded).round()));
    results.forEach(add);
    await page.guard();
  }
  await page.context().close();

  for (let i = 0; i < FRESH; i++)
    for (const [m, model] of MODELS.entries())
      for (const count of COUNTS) {
        const fresh = await open();
        const ms = await ask(
          fresh.evaluate(
            async ([model, profile, count]) => (await globalThis.loaded).first(model, profile, count),
            [model, profiles[m], count],
          ),
        );
        add({ model: model.name, count, ms: { first: [ms] } });
        await fresh.context().close();
      }
  return samples;
}

/** For each part in microseconds: the median, its 95 % interval from order statistics, and the 95th percentile. */
function summarise({ model, count, ms }) {
  const micros = Object.entries(ms).map(([part, times]) => {
    const sorted = times.map((time) => time * 1000).sort((a, b) => a - b);
    const n = sorted.length;
    const rank = (place) => sorted[Math.min(n - 1, Math.max(0, Math.round(place)))];
    const half = 0.98 * Math.sqrt(n);
    const median = (rank(Math.floor((n - 1) / 2)) + rank(Math.ceil((n - 1) / 2))) / 2;
    const interval = [rank(n / 2 - half - 1), rank(n / 2 + half)];
    return [part, { median, interval, p95: rank(0.95 * n - 1), samples: n }];
  });
  return { model, count, micros: Object.fromEntries(micros) };
}

function report(results, machine) {
  const width = 18;
  const row = (name, cells) => name.padEnd(34) + cells.map((cell) => cell.padStart(width)).join("");
  for (const { name } of MODELS) {
    const own = results.filter(({ model }) => model === name);
    const line = (label, value) => say(row(label, own.map(value)));
    header(`${name}, ${CLICKS} clicks`);
    say(
      bold(
        row(
          "µs, median [95 % interval]",
          COUNTS.map((count) => `${count} candidates`),
        ),
      ),
    );
    line("rank(feed), warm", ({ micros }) => cell(micros.rank));
    line("  95th percentile", ({ micros }) => number(micros.rank.p95));
    line("rank(feed), first of a page", ({ micros }) => cell(micros.first));
    line("marshalling", ({ micros }) => number(total(micros, MARSHALLING)));
    for (const part of MARSHALLING) line(`  ${part}`, ({ micros }) => cell(micros[part]));
    for (const part of ["features", "engine", "ordering"]) line(part, ({ micros }) => cell(micros[part]));
    line("the rest of rank(feed)", ({ micros }) =>
      number(micros.rank.median - total(micros, Object.keys(PARTS))),
    );
  }
  header("Where");
  say(`Chromium ${machine.chromium}; ${machine.cpu}, ${machine.cores} cores`);
  const { raw, brotli } = wasmBytes();
  say(`nearside_bg.wasm: ${raw.toLocaleString("en")} bytes, ${brotli.toLocaleString("en")} in brotli`);
  for (const [part, what] of Object.entries(PARTS)) say(dim(`${part.padEnd(10)}${what}`));
}

function total(micros, parts) {
  return parts.reduce((sum, part) => sum + micros[part].median, 0);
}

function number(micros) {
  return Math.abs(micros) < 99.95 ? micros.toFixed(1) : micros.toFixed(0);
}

function cell({ median, interval }) {
  return `${number(median)} [${interval.map(number).join("–")}]`;
}

function wasmBytes() {
  const bytes = readFileSync(join(root, "dist/nearside_bg.wasm"));
  return { raw: bytes.length, brotli: brotliCompressSync(bytes).length };
}
