// The results as tables: rows of cells, for a terminal or for a document.

import { COUNTS, engines, MODELS, products } from "./contestants.mjs";

const KB = 1024;
const number = (value) =>
  value >= 999.5 ? Math.round(value).toLocaleString("en") : String(Number(value.toPrecision(3)));
const withInterval = ({ median, interval }) => `${number(median)} [${interval.map(number).join("–")}]`;
const withP95 = ({ median, p95 }) => `${number(median)} / ${number(p95)}`;
const find = (list, key) =>
  list.find((entry) => Object.entries(key).every(([name, value]) => entry[name] === value));
const cell = (entry, show) => (entry ? show(entry) : "–");

/** What is measured inside a ranking, and how. */
export const PARTS = {
  columns: "columns from the feed's objects, in JavaScript",
  transfer: "columns into wasm, parsed and checked (UTF-8, base64, hashes)",
  features: "history into interest, interest into features",
  engine: "the model's graph",
  ordering: "blend and policy",
  answer: "reason, weight and explanations out of wasm",
};

/** Every table of a run, by name: `{ title, head, rows }`. */
export function tables(results) {
  return {
    claims: claims(results),
    products: productTable(results),
    engines: engineTable(results),
    ...Object.fromEntries(MODELS.map((model) => [`rank-${model.id}`, rankTable(results, model)])),
    ...Object.fromEntries(MODELS.map((model) => [`parts-${model.id}`, partTable(results, model)])),
    ...curveTables(results),
  };
}

function claims({ claims }) {
  const bound = ({ least, most }) => (least === undefined ? `≤ ${number(most)}` : `≥ ${number(least)}`);
  return {
    title: "Claims",
    head: ["claim", "bound", "value [95 % interval]", ""],
    rows: claims.map((claim) => [
      claim.what,
      bound(claim),
      number(claim.value) + (claim.interval ? ` [${claim.interval.map(number).join("–")}]` : ""),
      claim.met ? "met" : "not met",
    ]),
  };
}

function productTable({ loads, coldProducts, memory, longTasks, missing, webkit }) {
  const cold = (product, slow) => cell(find(coldProducts, { product, slow }), ({ ms }) => withInterval(ms));
  const tasks = (product, slow) =>
    cell(find(longTasks, { product, slow }), ({ tasks, pages, longest }) =>
      tasks === 0 ? "none" : `${number(tasks / pages)} a page, ${longest} ms`,
    );
  return {
    title: "Products: a front page of 100 stories, a returning reader",
    head: [
      "page",
      "brotli KB",
      "requests",
      "first order, ms",
      "at 4x slow-down",
      "long tasks at 4x, longest",
      "script + wasm memory, MB",
      ...(webkit ? ["first order in WebKit, ms"] : []),
    ],
    rows: products().map(({ id, name }) => {
      const inWebkit = webkit
        ? [cell(find(webkit.coldProducts, { product: id }), ({ ms }) => withInterval(ms))]
        : [];
      if (missing.includes(name)) return [name, "not built", "–", "–", "–", "–", "–", ...inWebkit];
      if (!loads[id]) return [name, "not measured", "–", "–", "–", "–", "–", ...inWebkit];
      const { script, wasm } = memory[id];
      return [
        name,
        number(loads[id].brotli / KB),
        String(loads[id].requests),
        cold(id, 1),
        cold(id, 4),
        tasks(id, 4),
        `${number(script / KB / KB)} + ${number(wasm / KB / KB)}`,
        ...inWebkit,
      ];
    }),
  };
}

function engineTable({ coldEngines, missing }) {
  const columns = [
    ["shipped", 1],
    ["attention-48k", 1],
    ["attention-48k", 4],
  ];
  return {
    title: "Engines alone: import to first scores of 100 candidates, ms",
    head: ["engine", "shipped model", "48,000 weights", "48,000 weights, 4x slow-down"],
    rows: engines().map(({ id, name }) => [
      name,
      ...columns.map(([model, slow]) =>
        missing.includes(name)
          ? "not built"
          : cell(find(coldEngines, { engine: id, model, slow }), ({ ms }) => withInterval(ms)),
      ),
    ]),
  };
}

function rankTable({ rankings, missing, webkit }, { id: model, name }) {
  const row = (label, what, of = model) => [
    label,
    ...COUNTS.map((count) => cell(find(rankings, { model: of, count, what }), ({ us }) => withP95(us))),
  ];
  const inWebkit = (what) =>
    COUNTS.map((count) => cell(find(webkit.rankings, { model, count, what }), ({ us }) => number(us.median)));
  return {
    title: `Ranking, warm, ${name}: µs, median / 95th percentile`,
    head: ["candidates", ...COUNTS.map(String)],
    rows: [
      row("Nearside: feed in, order out", "rank"),
      row("the blend in JavaScript: feed in, order out", "blend", "none"),
      ...engines().map(({ id, name }) =>
        missing.includes(name) ? [name, ...COUNTS.map(() => "not built")] : row(name, `engine ${id}`),
      ),
      ...(webkit
        ? [
            ["in WebKit, median: feed in, order out", ...inWebkit("rank")],
            ["in WebKit, median: Nearside's engine", ...inWebkit("engine nearside")],
          ]
        : []),
    ],
  };
}

function partTable({ rankings }, { id: model, name }) {
  const us = (what, count) => find(rankings, { model, count, what }).us;
  const row = (label, what) => [label, ...COUNTS.map((count) => withInterval(us(what, count)))];
  const rest = (count) =>
    us("rank", count).median - Object.keys(PARTS).reduce((sum, part) => sum + us(part, count).median, 0);
  return {
    title: `Where Nearside's time goes, ${name}: µs, median [95 % interval]`,
    head: ["candidates", ...COUNTS.map(String)],
    rows: [
      row("rank(feed), warm", "rank"),
      row("rank(feed), first of a page", "first"),
      ...Object.entries(PARTS).map(([part, what]) => row(`${part}: ${what}`, part)),
      row("features, engine and ordering together", "core"),
      ["the rest of rank(feed)", ...COUNTS.map((count) => String(Math.round(rest(count))))],
    ],
  };
}

function curveTables({ curves }) {
  const found = {};
  for (const { id, name } of MODELS.filter(({ curves }) => curves))
    for (const [curve, unit] of [
      ["candidates", "candidates"],
      ["clicks", "clicks, 100 candidates"],
      ["bytes", "bytes of the feed, 100 candidates"],
    ]) {
      const own = curves.filter((entry) => entry.curve === curve && entry.model === id);
      if (own.length === 0) continue;
      const xs = [...new Set(own.map(({ x }) => x))].sort((a, b) => a - b);
      const whats = [...new Set(own.map(({ what }) => what))];
      found[`${curve}-${id}`] = {
        title: `Growth, ${name}: µs, medians`,
        head: [unit, ...xs.map(number)],
        rows: whats.map((what) => [
          labelOf(what),
          ...xs.map((x) => cell(find(own, { x, what }), ({ us }) => number(us.median))),
        ]),
      };
    }
  return found;
}

export function labelOf(what) {
  if (what === "rank") return "rank(feed)";
  if (what === "core") return "features, engine and ordering in Rust, without the cap at 200";
  return what.startsWith("engine ") ? engines().find(({ id }) => id === what.slice(7)).name : what;
}

/** For a terminal. */
export function asText({ head, rows }) {
  const widths = head.map((_, i) => Math.max(...[head, ...rows].map((row) => row[i].length)));
  const line = (row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i] + 2))).join("");
  return { head: line(head), rows: rows.map(line) };
}

/** For a document. */
export function asMarkdown({ head, rows }) {
  const line = (row) => `| ${row.join(" | ")} |`;
  const rule = `|---|${head
    .slice(1)
    .map(() => "--:|")
    .join("")}`;
  return [line(head), rule, ...rows.map(line)].join("\n");
}
