// `npm run guards`: takes away each guard of the SDK in turn and runs the rows of the fault matrix that claim it: one must turn red.
//
// A guard is a line of js/ that is there only to hold a fault off. It ends in `// guard: NAME`; where that stands alone, it speaks
// of the line above. Taken away means: the line is left out, a `catch` lets through what it catches, or what `without` says.
// The package is bundled from the changed source in memory; nothing is written.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { buildPackage } from "./build.mjs";
import { ensureChromium, ensureNode, ensureNodeModules, ensureRust, ensureWasmBindgen } from "./setup.mjs";
import { done, green, isMain, main, red, root, Stop, say } from "./shell.mjs";

/** What takes a guard's place where leaving out its line would leave no program, or no other behaviour. */
const without = {
  brief: () => "this.message = message;",
  "consent-true": () => "return Boolean(word);",
  delicate: () => "false,",
  sdk: () => "true",
  "data-url": () => "const isInline = false;",
  getter: () => "throw error;",
  "kept-expired": () => ";",
  "is-list": () => "return false;",
  listener: () => "onOutcome?.(ranking.outcome);",
  "next-choice": () => "throw error;",
  pollution: () => "const isCommon = false;",
  rollout: () => ";",
  seen: () => "false",
  stale: (line) => line.replace("reload", "default"),
  "store-garbage": () => "return [value as Uint8Array];",
  "store-patience": () => "await work();",
  "stream-type": (line) => line.replace(/ && content\.headers.*"application\/wasm"/, ""),
  streaming: (line) => line.replace(/ && typeof .*;/, ";"),
  twice: () => "throw new Error();",
  "worker-refused": () => "throw error;",
};

const tag = /^(.*?)\s*\/\/ guard: ([a-z-]+)$/;

/** The guards of the SDK's sources: `{ name, file, line }`, lines counted from 0. */
export function guardsOf(sources) {
  return [...sources].flatMap(([file, text]) =>
    text.split("\n").flatMap((line, i) => {
      const [, code, name] = tag.exec(line) ?? [];
      return name === undefined ? [] : [{ name, file, line: code.trim() === "" ? i - 1 : i }];
    }),
  );
}

/** The source without a guard. */
export function strip(text, { name, line }) {
  const lines = text.split("\n");
  const code = lines[line].replace(/\s*\/\/ guard:.*$/, "");
  const isCatch = /\} catch( \(\w+\))? \{$/.test(code);
  lines[line] = without[name]?.(code) ?? (isCatch ? "} catch (error) { throw error;" : "");
  const changed = lines.join("\n");
  if (lines[line].trim() === code.trim()) throw new Stop(`The guard "${name}" is the same without itself.`);
  return changed;
}

/** The SDK's sources by name. */
export function readSources() {
  const folder = join(root, "js");
  const names = readdirSync(folder).filter((name) => name.endsWith(".ts"));
  return new Map(names.map((name) => [name, readFileSync(join(folder, name), "utf8")]));
}

/** For esbuild: the package's scripts from their sources, with one of them changed. */
export function fromSource(sources, changedFile, changed) {
  return {
    name: "from-source",
    setup(build) {
      build.onLoad({ filter: /[\\/]dist[\\/][\w-]+\.js$/ }, ({ path }) => {
        const name = basename(path).replace(/js$/, "ts");
        if (dirname(path) !== join(root, "dist") || !sources.has(name)) return undefined;
        return { contents: name === changedFile ? changed : sources.get(name), loader: "ts" };
      });
    },
  };
}

async function runGuards(pattern) {
  const { rows } = await import("../tests/faults/table.mjs");
  const { startChromium } = await import("../tests/faults/drivers.mjs");
  const { bundle, makeKit } = await import("../tests/faults/site.mjs");
  const { faultyFiles, isFaultyBuilt } = await import("../tests/faults/wasm.mjs");
  const { casesOf, runCase } = await import("../tests/faults/runner.mjs");
  const { isTiming } = await import("../tests/faults/check.mjs");
  if (!isFaultyBuilt()) throw new Stop("The build with faults is missing: run `npm run faults` once.");
  const sources = readSources();
  const guards = guardsOf(sources).filter(({ name }) => name.includes(pattern));
  const driver = await startChromium();
  const idle = [];
  const attempt = async (guard) => {
    const plugin = fromSource(sources, guard.file, strip(sources.get(guard.file), guard));
    const kit = await makeKit({ sdk: await bundle([plugin]), faulty: await faultyFiles([plugin]) });
    const claims = rows.filter(({ guards: names = [] }) => names.includes(guard.name));
    for (const row of claims) {
      for (const one of casesOf(row, true)) {
        const { problems } = await runCase({ ...one, patience: 8000 }, driver, kit);
        const real = problems.filter((problem) => !isTiming(problem));
        if (real.length > 0) return { row, problem: real[0].split("\n")[0] };
      }
    }
    return { claims };
  };
  const lane = async () => {
    for (let guard = guards.shift(); guard; guard = guards.shift()) {
      const { row, problem, claims } = await attempt(guard);
      const where = `${guard.name.padEnd(18)} ${guard.file}:${guard.line + 1}`.padEnd(42);
      if (row) say(`${green("✓")} ${where} ${row.group}: ${row.name}: ${problem.slice(0, 110)}`);
      else {
        const names = claims.map(({ name }) => name).join(", ") || "no row claims it";
        say(`${red("✗")} ${where} nothing turned red: ${names}`);
        idle.push(guard.name);
      }
    }
  };
  const count = guards.length;
  try {
    await Promise.all([lane(), lane()]);
  } finally {
    await driver.close();
  }
  if (idle.length > 0)
    throw new Stop(`These guards can be taken away without a red row: ${idle.join(", ")}.`);
  done(`each of the ${count} guards is held up by a row`);
}

if (isMain(import.meta.url)) {
  await main(async () => {
    ensureNode();
    await ensureNodeModules();
    if (!existsSync(join(root, "dist/index.js"))) {
      await ensureRust();
      await buildPackage(await ensureWasmBindgen());
    }
    process.env.NEARSIDE_CHROMIUM ??= (await ensureChromium()).chromium;
    await runGuards(process.argv[2] ?? "");
  });
}
