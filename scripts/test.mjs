// `npm test`: sets the machine up and runs every suite. `npm test -- rust e2e` runs only those.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { budget } from "./budget.mjs";
import { buildCore, buildPackage, buildPage } from "./build.mjs";
import { cargoTest, checks, nodeTest, pytest, sum } from "./runners.mjs";
import {
  ensureChromium,
  ensureFirefox,
  ensureNode,
  ensureNodeModules,
  ensurePython,
  ensureRust,
  ensureUv,
  ensureWasmBindgen,
  ensureWebkit,
  uvEnvironment,
  withoutRustflags,
  withPath,
} from "./setup.mjs";
import {
  bin,
  bold,
  cache,
  colour,
  dim,
  green,
  header,
  main,
  red,
  root,
  Stop,
  say,
  seconds,
} from "./shell.mjs";

const WASM = ["--target", "wasm32-unknown-unknown"];
const FULL = ["--features", "tract"];
const locked = process.env.CI ? ["--locked"] : [];
const has = (path) => existsSync(join(root, path));

/** What a suite may need, made at most once, in the order asked for. Each returns what its users need to know. */
const make = {
  npm: once(ensureNodeModules),
  rust: once(() => ensureRust({ lint: true })),
  bindgen: once(async () => {
    await make.rust();
    return ensureWasmBindgen();
  }),
  chromium: once(ensureChromium),
  firefox: once(ensureFirefox),
  webkit: once(ensureWebkit),
  /** uv, which builds the binding with Rust when it runs something of python/. */
  lab: once(async () => {
    await make.rust();
    return ensureUv();
  }),
  dist: once(async () => {
    await make.npm();
    await buildPackage(await make.bindgen(), { full: true });
  }),
  www: once(async () => {
    await make.dist();
    await buildPage();
  }),
};

/**
 * The suites, in the order they run: cheap ones first, so that a slip shows early. `when` says why a suite cannot run
 * here; `run` returns counts, or throws `Stop`.
 */
const suites = {
  lint: {
    about: "rustfmt, clippy (native, wasm, binding to Python), Biome",
    async run() {
      await make.npm();
      await make.rust();
      const strict = ["--", "-D", "warnings"];
      return checks([
        ["rustfmt", "cargo", ["fmt", "--all", "--check"]],
        [
          "Biome",
          process.execPath,
          [bin("@biomejs/biome"), "ci", "--error-on-warnings", `--colors=${colour ? "force" : "off"}`],
        ],
        ["clippy, native", "cargo", ["clippy", ...locked, "--workspace", "--all-targets", ...strict]],
        [
          "clippy, wasm32",
          "cargo",
          ["clippy", ...locked, ...WASM, "--lib", "--test", "browser", ...strict],
          { env: withoutRustflags() },
        ],
        ["clippy, full flavour", "cargo", ["clippy", ...locked, ...FULL, "--lib", "--tests", ...strict]],
        [
          "clippy, full flavour, wasm32",
          "cargo",
          ["clippy", ...locked, ...WASM, ...FULL, "--lib", ...strict],
          { env: withoutRustflags() },
        ],
        [
          "clippy, binding",
          "cargo",
          ["clippy", ...locked, "--lib", "--features", "python", ...strict],
          { env: { ...process.env, PYO3_PYTHON: ensurePython() } },
        ],
      ]);
    },
  },
  rust: {
    about: "unit, property and integration tests, natively",
    async run() {
      await make.rust();
      const plain = await cargoTest(["test", ...locked, "--workspace", "--no-fail-fast"]);
      say(bold("The full flavour's engine"));
      // The other tests are of the compact engine's bits.
      const full = await cargoTest([
        "test",
        ...locked,
        ...FULL,
        "--lib",
        "--",
        "model::tract::",
        "model::onnx::outline::",
      ]);
      return sum([plain, full]);
    },
  },
  wasm: {
    about: "the wasm-bindgen suite, in Node and in headless Chromium",
    async run() {
      const bindgen = await make.bindgen();
      const { chromedriver } = await make.chromium();
      const env = withoutRustflags(withPath(bindgen));
      const args = ["test", ...locked, ...WASM, "--test", "browser"];
      say(bold("In Node"));
      const node = await cargoTest(args, env);
      say(bold("In headless Chromium"));
      const browser = await cargoTest(args, {
        ...env,
        WASM_BINDGEN_USE_BROWSER: "1",
        CHROMEDRIVER: chromedriver,
      });
      return sum([node, browser]);
    },
  },
  types: {
    about: "tsc over the SDK",
    async run() {
      await make.dist();
      return checks([["tsc", process.execPath, [bin("typescript", "tsc"), "--noEmit"]]]);
    },
  },
  sdk: {
    about: "units of the SDK, against the built files",
    async run() {
      await make.dist();
      return nodeTest("tests/sdk");
    },
  },
  packaging: {
    about: "the packed package as a publisher gets it; the house rules on the sources",
    async run() {
      await make.dist();
      return nodeTest("tests/packaging", { env: await browserEnvironment() });
    },
  },
  budget: {
    about: "bytes that a page loads",
    async run() {
      await make.dist();
      return budget();
    },
  },
  e2e: {
    about: "SDK and demo page in headless Chromium, and parts of the SDK in Firefox and WebKit",
    async run() {
      await make.www();
      const env = { ...(await webkitEnvironment()), NEARSIDE_FIREFOX: await make.firefox() };
      return nodeTest("tests/e2e", { env, serial: true });
    },
  },
  faults: {
    about:
      "the fault matrix's fast rows in headless Chromium, and some in WebKit (npm run faults:all: all, and in Firefox)",
    async run() {
      await make.dist();
      await buildCore(await make.bindgen(), join(cache, "faults"), "faults");
      return nodeTest("tests/faults", { env: await webkitEnvironment(), serial: true });
    },
  },
  determinism: {
    about: "1,000 rankings come to the native build's bits in Node, Chromium, Firefox and WebKit",
    async run() {
      await make.dist();
      const env = { ...(await webkitEnvironment()), NEARSIDE_FIREFOX: await make.firefox() };
      return nodeTest("tests/determinism", { env });
    },
  },
  python: {
    about: "ruff, pyright and pytest over python/, with the binding built from the crate",
    async run() {
      // A release ships the built package.
      await make.dist();
      const uv = await make.lab();
      const options = { env: uvEnvironment(), cwd: join(root, "python") };
      const linted = await checks([
        ["ruff", uv, ["run", "ruff", "check", "."], options],
        ["ruff format", uv, ["run", "ruff", "format", "--check", "."], options],
        ["pyright", uv, ["run", "pyright"], options],
      ]);
      return sum([linted, await pytest(uv, options)]);
    },
  },
  lab: {
    about: "what the lab replays and what the shipped wasm computes are the same bits",
    async run() {
      await make.dist();
      await make.lab();
      return nodeTest("tests/lab");
    },
  },
  mind: {
    about: "real impressions: native and browser orders are identical",
    when: () => {
      if (!has("../shared/data/mind")) return "no ../shared/data/mind";
      return has("tests/mind") ? undefined : "no tests/mind";
    },
    async run() {
      await make.www();
      await make.lab();
      return nodeTest("tests/mind", { env: await browserEnvironment(), serial: true });
    },
  },
};

await main(async () => {
  ensureNode();
  const began = performance.now();
  const rows = [];
  for (const name of chosen(process.argv.slice(2))) {
    const { about, when, run } = suites[name];
    header(`${name}: ${about}`);
    const started = performance.now();
    const reason = when?.();
    const counts = reason ? { passed: 0, failed: 0, skipped: 0 } : await attempt(run);
    if (reason) say(`Not run: ${reason}.`);
    rows.push({ name, ...counts, time: seconds(started), note: reason ? `not run: ${reason}` : counts.note });
  }
  report(rows, seconds(began));
});

function chosen(names) {
  const unknown = names.find((name) => !Object.hasOwn(suites, name));
  if (unknown) throw new Stop(`There is no suite "${unknown}"; there are ${Object.keys(suites).join(", ")}.`);
  return Object.keys(suites).filter((name) => names.length === 0 || names.includes(name));
}

/** Runs a suite; what stops it counts as one failure, and the suites after it still run. */
async function attempt(run) {
  try {
    const counts = await run();
    if (counts.passed + counts.failed === 0) return { ...counts, failed: 1, note: "it ran no test" };
    return counts;
  } catch (error) {
    say(`${red("✗")} ${error instanceof Stop ? error.message : error.stack}`);
    return { passed: 0, failed: 1, note: "it could not run" };
  }
}

async function browserEnvironment() {
  const { chromium, chromedriver } = await make.chromium();
  return { ...process.env, NEARSIDE_CHROMIUM: chromium, CHROMEDRIVER: chromedriver };
}

/** With WebKit's driver as well. */
async function webkitEnvironment() {
  return { ...(await browserEnvironment()), NEARSIDE_WEBKIT: await make.webkit() };
}

/** A function that does its work at the first call only; a failure is remembered as well. */
function once(work) {
  let result;
  return () => {
    result ??= work();
    return result;
  };
}

function report(rows, time) {
  header("Results");
  const line = (name, ...cells) => name.padEnd(12) + cells.map((cell) => String(cell).padStart(10)).join("");
  say(bold(line("suite", "passed", "failed", "skipped", "time")));
  for (const { name, passed, failed, skipped = 0, time, note } of rows) {
    const mark = failed > 0 ? red("✗") : note ? dim("–") : green("✓");
    say(`${line(name, passed, failed, skipped, time)}  ${mark}${note ? ` ${note}` : ""}`);
  }
  const all = sum(rows);
  say(dim(line("all", all.passed, all.failed, all.skipped, time)));
  say(`\n${all.passed} passed, ${all.failed} failed${all.skipped > 0 ? `, ${all.skipped} skipped` : ""}`);
  if (all.failed > 0) process.exitCode = 1;
}
