// The table of rows as docs/faults.md shows it.

import { engines, enginesOf, rowIn } from "./engines.mjs";

const begin = "<!-- rows: npm run faults:table writes what is between these lines -->";
const end = "<!-- end of rows -->";

const text = (value) => String(value).replaceAll("|", "\\|");

/** What an outcome of the row says, and where the page's order then comes from. */
function reasonOf({ reason, reasons = [reason] }) {
  return reasons
    .map((one) =>
      [one]
        .flat()
        .map((word) => `\`${word}\``)
        .join(" or "),
    )
    .join(", then ");
}

function orderOf({ reason, reasons = [reason], applied, unmoved }) {
  const all = reasons.flat();
  if (!all.includes("ranked")) return "server";
  if ([applied].flat().some((word) => word === "stale_list" || word === "too_late"))
    return `as it was: \`${[applied].flat().at(-1)}\``;
  if (unmoved) return "server (nothing to move)";
  return all.every((one) => one === "ranked") ? "ranking" : "server, or ranking with `ranked`";
}

/** The rows as a Markdown table. */
export function tableOf(rows) {
  const lines = ["| row | fault | reason | order | engines |", "|---|---|---|---|---|"];
  for (const row of rows) {
    const letters = enginesOf(row).map((name) => name[0].toUpperCase());
    const differing = engines.filter((name) => row[name]);
    const inEach = (tell) =>
      tell(row) + differing.map((name) => `; ${name[0].toUpperCase()}: ${tell(rowIn(row, name))}`).join("");
    const release = row.outcome?.release ? `; release: \`${row.outcome.release}\`` : "";
    const storage = row.outcome?.storage ? `; storage: \`${row.outcome.storage}\`` : "";
    const cells = [
      `${row.group}: ${row.name}`,
      row.fault,
      row.reason === "none" ? "no outcome" : inEach(reasonOf) + release + storage,
      inEach(orderOf),
      letters.join(", ") + (row.slow ? ", slow" : ""),
    ];
    lines.push(`| ${cells.map(text).join(" | ")} |`);
  }
  return lines.join("\n");
}

/** A document with the table put in between its marks. */
export function withTable(document, rows) {
  const from = document.indexOf(begin);
  const to = document.indexOf(end);
  if (from < 0 || to < from)
    throw new Error("docs/faults.md has lost the marks between which its table stands");
  return `${document.slice(0, from + begin.length)}\n\n${tableOf(rows)}\n\n${document.slice(to)}`;
}
