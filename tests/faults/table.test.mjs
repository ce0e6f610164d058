// The table itself, its document, and that the checks would notice.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { transformSync } from "esbuild";
import { reasons } from "../../dist/index.js";
import { fromSource, guardsOf, readSources, strip } from "../../scripts/guards.mjs";
import { arranged, check, isTiming } from "./check.mjs";
import { engines, enginesOf, rowIn } from "./engines.mjs";
import { tableOf, withTable } from "./markdown.mjs";
import { bundle } from "./site.mjs";
import { rows } from "./table.mjs";
import { faultyFolder } from "./wasm.mjs";

test("every row has a name of its own and expects reasons of the closed union", () => {
  const names = rows.map(({ group, name }) => `${group}: ${name}`);
  assert.equal(new Set(names).size, rows.length);
  for (const { name, fault, reason, reasons: all = [reason] } of rows) {
    assert.ok(fault, `${name} says what its fault is`);
    for (const one of all.flat()) assert.ok(one === "none" || reasons.includes(one), `${name}: ${one}`);
  }
});

test("there are at least 180 rows in Chromium, in Firefox and in WebKit, in every group", () => {
  const count = (engine) => rows.filter((row) => enginesOf(row).includes(engine)).length;
  for (const engine of engines) assert.ok(count(engine) >= 180, `${count(engine)} in ${engine}`);
  const groups = new Set(rows.map(({ group }) => group));
  for (const group of [
    "delivery",
    "platform",
    "trust",
    "model",
    "wasm",
    "candidates",
    "page",
    "storage",
    "consent",
    "edge",
  ])
    assert.ok(groups.has(group), group);
});

test("docs/faults.md has the table of today", async () => {
  const document = await readFile(new URL("../../docs/faults.md", import.meta.url), "utf8");
  assert.equal(document, withTable(document, rows), "run `npm run faults:table`");
});

const row = { group: "test", name: "test", fault: "none", reason: "ranked" };
const outcome = { source: "model", reason: "ranked", moved: 2 };
const view = {
  outcome,
  application: { applied: true, reason: "applied" },
  before: ["a", "b", "c", "d"],
  after: ["a", "d", "c", "b"],
  fixed: [0],
  ids: ["a", "d", "c", "b"],
  given: ["a", "b", "c", "d"],
  pinned: [],
  still: true,
};
const report = {
  problems: [],
  notes: [],
  views: [view],
  told: [outcome],
  base: view.before,
  order: view.after,
  clicks: { saved: 1, opened: 1 },
  shifts: [],
  tasks: [],
  began: 10,
  at: 100,
  worked: 80,
};
const asset = { method: "GET", path: "/reranker.onnx", search: "", headers: {}, body: "" };
const withView = (more) => ({ ...report, views: [{ ...view, ...more }] });
const refused = { ...outcome, source: "server", reason: "budget", moved: 0 };

test("what a row comes to in one engine alone is in the table under its letter, and is what is checked there", () => {
  const differing = { ...row, webkit: { reason: "budget" } };
  assert.match(tableOf([differing]), /\| `ranked`; W: `budget` \| ranking; W: server \| C, F, W \|/);
  assert.match(tableOf([row]), /\| `ranked` \| ranking \| C, F, W \|/);
  assert.deepEqual(
    engines.map((name) => rowIn(differing, name).reason),
    ["ranked", "ranked", "budget"],
  );
});

test("a page on which all is well has no problem", () => {
  assert.deepEqual(check(row, report, [asset]), []);
});

for (const [name, spoilt, requests = [], given = row] of [
  ["something printed", { ...report, problems: ["console.log: x"] }],
  ["a page script that fails", { ...report, notes: ["the page: x"] }],
  ["no outcome", { ...report, views: [], told: [], order: view.before }],
  ["two outcomes told", { ...report, told: [outcome, outcome] }],
  ["another reason", { ...withView({ outcome: refused }), told: [refused] }],
  [
    "a source that contradicts its reason",
    { ...withView({ outcome: { ...outcome, source: "server" } }), told: [{ ...outcome, source: "server" }] },
  ],
  ["an order that is neither", { ...withView({ after: ["a", "c", "b", "d"] }), order: ["a", "c", "b", "d"] }],
  ["nothing moved", { ...withView({ after: view.before, ids: view.before }), order: view.before }],
  ["a visible story elsewhere", withView({ still: false })],
  ["an order that changes later", { ...report, order: view.before }],
  ["a click that was lost", { ...report, clicks: { saved: 0, opened: 1 } }],
  ["a layout shift", { ...report, shifts: [{ value: 0.01, at: 20 }] }],
  ["a long task", { ...report, tasks: [{ url: "http://x/nearside.js", ms: 60, at: 20 }] }],
  ["another file", report, [{ ...asset, path: "/pixel.gif" }]],
  ["a query", report, [{ ...asset, search: "?reader=1" }]],
  ["a cookie", report, [{ ...asset, headers: { cookie: "reader=1" } }]],
  ["a request without consent", report, [asset], { ...row, silent: true }],
  [
    "a list changed by a refusal",
    {
      ...withView({ outcome: refused, application: { applied: false }, after: view.before }),
      told: [refused],
      order: view.before,
    },
    [],
    { ...row, reason: "budget" },
  ],
]) {
  test(`noticed: ${name}`, () => {
    assert.notDeepEqual(check(given, spoilt, requests), []);
  });
}

test("a long task by the clock on a thread that had no time to work is the machine's", () => {
  const tasks = [{ url: "http://x/nearside.js", ms: 60, at: 20 }];
  assert.deepEqual(check(row, { ...report, tasks, worked: 30 }, []), []);
  assert.deepEqual(check(row, { ...report, tasks, longest: 49 }, []), []);
  assert.ok(check(row, { ...report, tasks }, []).every(isTiming));
});

test("held children keep their slots, and the others follow the list", () => {
  assert.deepEqual(arranged(["c", "b", "a"], ["a", "-", "b", "c"], [0, 1]), ["a", "-", "c", "b"]);
  assert.deepEqual(arranged(["d", "c", "b", "a"], ["a", "b", "c", "d"], [0], ["c"]), ["a", "d", "c", "b"]);
});

test("at least 25 lines of the SDK are guards, each by a name of its own that a row claims", () => {
  const guards = guardsOf(readSources()).map(({ name }) => name);
  assert.ok(guards.length >= 25, `${guards.length} guards`);
  assert.equal(new Set(guards).size, guards.length);
  const claimed = new Set(rows.flatMap(({ guards: names = [] }) => names));
  assert.deepEqual(
    guards.filter((name) => !claimed.has(name)),
    [],
    "no row claims these",
  );
  assert.deepEqual(
    [...claimed].filter((name) => !guards.includes(name)),
    [],
    "no line is these",
  );
});

test("each file with a guard is one that is taken from its source when the guard is taken away", async () => {
  const sources = readSources();
  for (const file of new Set(guardsOf(sources).map(({ file }) => file))) {
    const changed = `${sources.get(file)}\nglobalThis.taken = "${file}";\n`;
    const script = Buffer.from(await bundle([fromSource(sources, file, changed)])).toString();
    assert.ok(script.includes(`globalThis.taken = "${file}"`), file);
  }
});

test("what is left without any one guard is a program", () => {
  const sources = readSources();
  for (const guard of guardsOf(sources))
    assert.doesNotThrow(
      () => transformSync(strip(sources.get(guard.file), guard), { loader: "ts" }),
      guard.name,
    );
});

test("a guard is taken away with its line, or in its line's place stands what lets the fault through", () => {
  const text = "a();\nb(); // guard: one\ntry {\n  c();\n} catch {\n  // guard: two\n  // why\n}\n";
  const [one, two] = guardsOf(new Map([["x.ts", text]]));
  assert.equal(strip(text, one).split("\n")[1], "");
  assert.match(strip(text, two), /\} catch \(error\) \{ throw error;\n/);
});

test("the shipped files know nothing of faults on purpose", async () => {
  for (const name of ["nearside.js", "nearside_bg.wasm", "worker.js"]) {
    const text = (await readFile(new URL(`../../dist/${name}`, import.meta.url))).toString("latin1");
    assert.doesNotMatch(text, /nearsideFault|trapEvery/, name);
  }
  assert.match((await readFile(`${faultyFolder}/nearside.js`)).toString(), /trapEvery/);
  assert.match((await readFile(`${faultyFolder}/nearside_bg.wasm`)).toString("latin1"), /nearsideFault/);
});
