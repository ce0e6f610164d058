// The two closed lists of reasons: each member has its words in the demo, its place in the documents and a test that brings it about.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { reasons, releaseReasons } from "../../dist/index.js";
import { Refusal, reasonOf, releaseReasonOf } from "../../dist/refusal.js";
import { rankings, refusals } from "../../dist/wire.js";
import { reasonWords, releaseWords } from "../../www/words.js";
import { rows } from "../faults/table.mjs";

const root = new URL("../../", import.meta.url);
const read = (name) => readFileSync(new URL(name, root), "utf8");
const readme = read("README.md");

/** The first cells of the README's table under a heading cell. */
function table(heading) {
  const lines = readme.slice(readme.indexOf(`| ${heading} |`)).split("\n");
  const end = lines.findIndex((line) => !line.startsWith("|"));
  return lines
    .slice(2, end)
    .flatMap((line) => [...line.split("|")[1].matchAll(/`([a-z_]+)`/g)].map(([, name]) => name));
}

test("both lists are closed, without repetition", () => {
  assert.equal(reasons.length, 20);
  assert.equal(new Set(reasons).size, 20);
  assert.equal(releaseReasons.length, 11);
  assert.equal(new Set(releaseReasons).size, 11);
});

test("each reason has its words in the demo and its row in the README, and no other has", () => {
  assert.deepEqual(Object.keys(reasonWords).sort(), [...reasons].sort());
  assert.deepEqual(Object.keys(releaseWords).sort(), [...releaseReasons].sort());
  for (const words of Object.values({ ...reasonWords, ...releaseWords })) assert.ok(words.length > 10);
  assert.deepEqual(table("reason").sort(), [...reasons].sort());
  assert.deepEqual(table("`release`").sort(), [...releaseReasons].sort());
});

test("what the core may say is a reason", () => {
  // What is wrong with a stored profile never comes so far: it counts as none.
  for (const reason of [...rankings, ...refusals])
    assert.ok(reasons.includes(reason) || reason === "bad_profile");
});

test("what is in neither list is `internal` in its place", () => {
  for (const reason of reasons) assert.equal(reasonOf(new Refusal(reason)), reason);
  for (const reason of releaseReasons) assert.equal(releaseReasonOf(new Refusal(reason)), reason);
  assert.equal(reasonOf(new Refusal("rollback")), "internal");
  assert.equal(releaseReasonOf(new Refusal("budget")), "internal");
});

test("each reason is brought about by a row of the fault matrix or a test of the SDK", () => {
  const expected = new Set(
    rows.flatMap(({ reason, reasons: all = [reason], outcome }) => [...all.flat(), outcome?.release]),
  );
  const tests = readdirSync(new URL("tests/sdk", root))
    .filter((name) => name.endsWith(".test.mjs") && name !== "reasons.test.mjs")
    .map((name) => read(`tests/sdk/${name}`))
    .join("");
  for (const reason of new Set([...reasons, ...releaseReasons]))
    assert.ok(expected.has(reason) || tests.includes(`"${reason}"`), reason);
});
