// Runs what tests are run with and counts what passed, failed and was skipped.

import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { green, red, root, Stop, say, stream } from "./shell.mjs";

/** Runs commands one after another, each a check that passes or fails. */
export async function checks(commands) {
  const counts = { passed: 0, failed: 0 };
  for (const [name, program, args, options] of commands) {
    const { code } = await stream(program, args, options);
    counts[code === 0 ? "passed" : "failed"]++;
    say(code === 0 ? `${green("✓")} ${name}` : `${red("✗")} ${name}`);
  }
  return counts;
}

/** Runs cargo's tests and adds up the results of every test binary. */
export async function cargoTest(args, env = process.env) {
  const { code, output } = await stream("cargo", args, { env });
  const results = [...output.matchAll(/^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored/gm)].map(
    ([, passed, failed, skipped]) => ({
      passed: Number(passed),
      failed: Number(failed),
      skipped: Number(skipped),
    }),
  );
  return settle(sum(results), code);
}

/** Runs a folder's `*.test.mjs` files under Node's test runner and reads its closing lines. */
export async function nodeTest(folder, { env = process.env, serial = false } = {}) {
  const files = existsSync(join(root, folder))
    ? readdirSync(join(root, folder), { recursive: true })
        .map((name) => join(folder, String(name)))
        .filter((name) => /\.test\.m?js$/.test(name))
        .sort()
    : [];
  if (files.length === 0) throw new Stop(`There is no test under ${folder}/.`);
  // A failed test may leave a browser behind, which must not keep its file from ending.
  const limits = [
    "--test-force-exit",
    `--test-timeout=${15 * 60_000}`,
    ...(serial ? ["--test-concurrency=1"] : []),
  ];
  const args = ["--test", "--test-reporter=spec", ...limits, ...files];
  const { code, output } = await stream(process.execPath, args, { env });
  const closing = (word) => Number(new RegExp(`^ℹ ${word} (\\d+)$`, "m").exec(output)?.[1] ?? 0);
  return settle(
    {
      passed: closing("pass"),
      failed: closing("fail") + closing("cancelled"),
      skipped: closing("skipped") + closing("todo"),
    },
    code,
  );
}

/** Runs pytest in python/ and reads its closing line. */
export async function pytest(uv, options) {
  const { code, output } = await stream(uv, ["run", "pytest", "--color=no", "--durations=5"], options);
  const [closing = ""] = output.match(/^=+ .* in [\d.]+s\b.*=+$/gm)?.slice(-1) ?? [];
  const count = (word) => Number(new RegExp(`\\b(\\d+) ${word}`).exec(closing)?.[1] ?? 0);
  return settle(
    { passed: count("passed"), failed: count("failed") + count("error"), skipped: count("skipped") },
    code,
  );
}

/** A runner that failed without a failed test, at compiling say, counts as one failure. */
function settle(counts, code) {
  return code !== 0 && counts.failed === 0
    ? { ...counts, failed: 1, note: "its runner failed; see its output" }
    : counts;
}

/** Adds up the counts of several runners. */
export function sum(results) {
  return results.reduce(
    (all, { passed, failed, skipped = 0, note }) => ({
      passed: all.passed + passed,
      failed: all.failed + failed,
      skipped: all.skipped + skipped,
      note: all.note ?? note,
    }),
    { passed: 0, failed: 0, skipped: 0, note: undefined },
  );
}
