// `npm run soak`: 100,000 rankings in one tab, and as many in a build that traps at every hundredth. Fails if memory grows.
// `npm run soak -- --views 20000`: that many page views of one reader. Fails if a click is lost, or if memory or storage grows.

import { parseArgs } from "node:util";
import { launch } from "../tests/e2e/browser.mjs";
import { buildFaults, growth, soak, soakFaults } from "../tests/e2e/soak.mjs";
import { soakViews, faults as viewFaults } from "../tests/e2e/soak-views.mjs";
import { buildPackage } from "./build.mjs";
import { ensureChromium, ensureNode, ensureNodeModules, ensureRust, ensureWasmBindgen } from "./setup.mjs";
import { bold, done, header, main, red, Stop, say } from "./shell.mjs";

const checkpoints = [100, 1000, 10_000, 100_000];
const { values } = parseArgs({ options: { views: { type: "string" } } });

await main(async () => {
  ensureNode();
  const views = values.views === undefined ? undefined : Number(values.views);
  if (views !== undefined && !(Number.isInteger(views) && views >= 100))
    throw new Stop("--views must be a whole number of at least 100.");
  header("Build");
  await ensureNodeModules();
  await ensureRust();
  await buildPackage(await ensureWasmBindgen());
  if (views !== undefined) {
    process.env.NEARSIDE_CHROMIUM ??= (await ensureChromium()).chromium;
    await reportViews(views);
    return;
  }
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

/** Runs that many page views, and prints a table and what is wrong with it. */
async function reportViews(views) {
  header("Page views of one reader");
  const line = (...cells) => cells.map((cell) => String(cell).padStart(14)).join("");
  say(bold(line("views", "seconds", "JS heap, KB", "documents", "record, bytes", "left, bytes", "disk, KB")));
  const stops = [100, 1000, 2500, 5000, 10_000, 15_000].filter((stop) => stop < views);
  const { rows, account } = await soakViews([...stops, views], (row) => {
    const kb = [row.heap, row.disk].map((bytes) => (bytes / 1024).toFixed(0));
    say(line(row.views, row.seconds.toFixed(0), kb[0], row.documents, row.record, row.local, kb[1]));
  });
  const counts = Object.entries(account.kinds).map(([kind, count]) => `${count} ${kind}`);
  say(`${counts.join(", ")}; ${account.erasures} erasures; the record had at most ${account.bytes} bytes`);
  judge(viewFaults(rows, account), "no click was lost; memory and storage are flat");
}

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
  judge(growth(rows), "memory is flat");
}

function judge(problems, sound) {
  for (const problem of problems) say(`${red("✗")} ${problem}`);
  if (problems.length > 0) process.exitCode = 1;
  else done(sound);
}
