// `npm run soak`: 100,000 rankings in one tab, and as many in a build that traps at every hundredth. Fails if memory grows.

import { launch } from "../tests/e2e/browser.mjs";
import { buildFaults, growth, soak, soakFaults } from "../tests/e2e/soak.mjs";
import { buildPackage } from "./build.mjs";
import { ensureChromium, ensureNode, ensureNodeModules, ensureRust, ensureWasmBindgen } from "./setup.mjs";
import { bold, done, header, main, red, say } from "./shell.mjs";

const checkpoints = [100, 1000, 10_000, 100_000];

await main(async () => {
  ensureNode();
  header("Build");
  await ensureNodeModules();
  await ensureRust();
  await buildPackage(await ensureWasmBindgen());
  const faults = await buildFaults();
  process.env.NEARSIDE_CHROMIUM ??= (await ensureChromium()).chromium;
  const browser = await launch();
  try {
    report("Rankings in one tab", await soak(browser, checkpoints));
    const views = checkpoints.map((rankings) => Math.max(rankings, 200));
    report(
      "The same, every hundredth a trap: two in each page view, in frames of one tab",
      await soakFaults(browser, views, faults),
    );
  } finally {
    await browser.close();
  }
});

/** Prints a table and what is wrong with it. */
function report(title, { rows, tally }) {
  header(title);
  const line = (...cells) => cells.map((cell) => String(cell).padStart(14)).join("");
  say(bold(line("rankings", "seconds", "instances", "wasm, bytes", "JS heap, KB")));
  for (const { rankings, seconds, instances, wasm, heap } of rows) {
    const count = rankings.toLocaleString("en");
    say(line(count, seconds.toFixed(1), instances, wasm.toLocaleString("en"), (heap / 1024).toFixed(0)));
  }
  say(
    `outcomes: ${Object.entries(tally)
      .map((entry) => entry.join(" "))
      .join(", ")}`,
  );
  const problems = growth(rows);
  for (const problem of problems) say(`${red("✗")} ${problem}`);
  if (problems.length > 0) process.exitCode = 1;
  else done("memory is flat");
}
