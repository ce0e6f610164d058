// Puts the tables of benches/results.json into the documents that quote them, between `<!-- bench:NAME -->` and `<!-- /bench -->`.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isMain, main, root, Stop } from "../shell.mjs";
import { plot } from "./plot.mjs";
import { asMarkdown, tables } from "./tables.mjs";

export const RESULTS = join(root, "benches/results.json");
const PLOT = join(root, "benches/plot.svg");
const DOCUMENTS = ["README.md", "docs/bench.md"];

/** What every file that rests on the results should hold: path and text. */
export function documents(results) {
  const all = tables(results);
  const { cpu, cores, chromium } = results.machine;
  const blocks = {
    ...Object.fromEntries(Object.entries(all).map(([name, table]) => [name, asMarkdown(table)])),
    machine: `Chromium ${chromium}${results.webkit ? ` and WebKitGTK ${results.webkit.version}` : ""}; ${cpu}, ${cores} cores; ${results.rounds.warm} rounds warm, ${results.rounds.cold} cold.`,
  };
  return [
    ...DOCUMENTS.map((name) => ({
      path: join(root, name),
      text: readFileSync(join(root, name), "utf8").replaceAll(
        /(<!-- bench:([\w-]+) -->\n)[\s\S]*?(<!-- \/bench -->)/g,
        (_, open, block, close) => {
          if (blocks[block] === undefined)
            throw new Stop(`${name} asks for the table ${block}: there is none.`);
          return `${open}\n${blocks[block]}\n\n${close}`;
        },
      ),
    })),
    { path: PLOT, text: plot(results) },
  ];
}

/** Writes them. */
export function writeDocuments() {
  for (const { path, text } of documents(JSON.parse(readFileSync(RESULTS, "utf8"))))
    writeFileSync(path, text);
}

if (isMain(import.meta.url))
  await main(async () => {
    if (!existsSync(RESULTS)) throw new Stop("Run `npm run bench` first.");
    writeDocuments();
  });
