// Prints what `npm run edge` found.

import { bold, dim, header, say } from "../shell.mjs";

const number = (value) => value.toLocaleString("en");

export function print({ readers, origin, compression, outage, switch: switches }) {
  header(`${readers.readers} readers with different histories`);
  for (const { kind, sets, requests } of readers.views) {
    say(`${bold(kind)}: ${sets === 1 ? "the same" : `${sets} different`} ${requests.length} requests`);
    for (const request of requests) say(dim(`  ${request}`));
  }
  say(`${readers.orders} different orders were shown; ${entries(readers.reasons)}`);

  for (const run of origin.runs) {
    header(`${number(origin.views)} page views, lifetimes of ${run.lifetime} s`);
    say(bold(row("requests", "origin hits", "lifetimes", "")));
    for (const { path, hits, lifetimes } of run.files) say(row(number(origin.views), hits, lifetimes, path));
    say(
      `${number(run.requests)} requests in ${run.seconds} s, ${number(run.megabytes)} MB; ` +
        `${run.hits} reached the origin: ${(100 * run.hitRatio).toFixed(4)} % hits in the cache`,
    );
  }

  header("Compression");
  say(`${compression.files} files, 7 ways to ask, at nginx and at Varnish: one layer, the right bytes, Vary`);
  say(
    `seen by the same check: missing Vary (${compression.caught.missingVary} findings), ` +
      `double compression (${compression.caught.doubleCompression}); a page then: ${compression.pageWithDoubleCompression}`,
  );

  header("The origin is gone");
  for (const { kind, when, returning, new: fresh } of outage.rows)
    say(`${kind}, ${when}: a reader known ${returning}, a new one ${fresh}`);

  header(
    `From publish to the last page view that did not know; times divided by ${switches.scale} where not said otherwise`,
  );
  say(bold(row("cache knows, s", "last view, s", "views then", "")));
  for (const { what, edgeKnowsMs, lastAffectedMs, mostViewsOfAReaderAfterTheEdgeKnew: most } of switches.rows)
    say(row((edgeKnowsMs / 1000).toFixed(1), (lastAffectedMs / 1000).toFixed(1), most, what));
}

const row = (...cells) =>
  cells.map((cell, n) => (n === 3 ? `  ${cell}` : String(cell).padStart(15))).join("");
const entries = (tally) =>
  Object.entries(tally)
    .map(([name, count]) => `${name} ${count}`)
    .join(", ");
