// What docs/delivery.md quotes of benches/edge.json.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../shell.mjs";

/** Where the results are. */
export const RESULTS = join(root, "benches/edge.json");
/** The document that quotes them, between two comments. */
export const DOCUMENT = join(root, "docs/delivery.md");

const number = (value) => value.toLocaleString("en");
const inSeconds = (ms) => (ms / 1000).toFixed(1);

/** The document with the results in it. */
export function documentWith(results, text = readFileSync(DOCUMENT, "utf8")) {
  return text.replace(
    /(<!-- edge -->\n)[\s\S]*?(<!-- \/edge -->)/,
    (_, open, close) => `${open}\n${asMarkdown(results)}\n\n${close}`,
  );
}

/** Puts the results into the document. */
export const writeDocument = (results) => writeFileSync(DOCUMENT, documentWith(results));

function asMarkdown({ machine, note, readers, origin, compression, outage, switch: switches }) {
  const kinds = readers.views.map(({ kind, sets, requests }) => `| ${kind} | ${requests.length} | ${sets} |`);
  const [whole, short] = origin.runs;
  const files = whole.files.map(({ path, ...first }, n) => {
    const name = path.replace(/[0-9a-f]{16}/, "HASH");
    const cells = [first, short.files[n]].map(({ hits, lifetimes }) => `${hits} of ${lifetimes}`);
    return `| \`${name}\` | ${number(origin.views)} | ${cells.join(" | ")} |`;
  });
  const gone = outage.rows.map(
    ({ kind, when, returning, new: fresh }) => `| ${kind} | ${when} | ${returning} | ${fresh} |`,
  );
  const whats = [...new Set(switches.rows.map(({ what }) => what))];
  const times = whats.map((what) => {
    const rows = switches.rows.filter((row) => row.what === what);
    const most = (name) => Math.max(...rows.map((row) => row[name]));
    return `| ${what} | ${rows[0].lifetimeMs / 1000} s | ${inSeconds(most("edgeKnowsMs"))} s | ${inSeconds(most("lastAffectedMs"))} s | ${most("mostViewsOfAReaderAfterTheEdgeKnew")} |`;
  });
  return [
    `nginx ${machine.nginx}, Varnish ${machine.varnish}; ${machine.cpu}, ${machine.cores} cores.${note ? ` ${note}` : ""}`,
    "",
    `**${readers.readers} readers with different histories**, ${number(readers.orders)} different orders shown, three page views each; their requests as Varnish saw them, URL, headers and body:`,
    "",
    "| page view | requests | different sets of requests |",
    "|---|--:|--:|",
    ...kinds,
    "",
    `**${number(origin.views)} page views** without any browser cache, ${number(whole.requests)} requests: ${whole.hits} reached the origin, ${(100 * whole.hitRatio).toFixed(4)} % were hits in the cache (${whole.seconds} s). With a lifetime of ${short.lifetime} s in place of 60: ${short.hits}, ${(100 * short.hitRatio).toFixed(4)} % (${short.seconds} s). Page, feed and manifest cost one request a lifetime at most, the others one for good:`,
    "",
    `| file | requests | origin hits, of lifetimes | the same at ${short.lifetime} s |`,
    "|---|--:|--:|--:|",
    ...files,
    "",
    `**Compression**: ${compression.files} files, seven ways to ask, at nginx and at Varnish: one layer that the client accepts, the right bytes, \`Vary\`. The same check finds a missing \`Vary\` and double compression when they are put in; a page then ends with \`${compression.pageWithDoubleCompression}\` and the server's order.`,
    "",
    "**The origin is gone**, lifetimes of 2 s and stale-while-revalidate of 4 s in place of 60 and 600; page views with an empty browser cache:",
    "",
    "| origin | when | a known reader | a new one, after clicks |",
    "|---|---|---|---|",
    ...gone,
    "",
    `**From publish to the last page view that did not know**, ${switches.readers} readers in turn, trials: ${switches.rows.filter(({ what }) => what === "kill").length}, of which the longest counts. The edge's part scales with \`max-age\`; the last page view comes one turn of the readers later, however short that is.`,
    "",
    "| what | `max-age` | the edge knows after | last affected page view begins after | most affected page views of a reader after the edge knew |",
    "|---|--:|--:|--:|--:|",
    ...times,
  ].join("\n");
}
