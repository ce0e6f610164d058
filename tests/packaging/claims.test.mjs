// PRIVACY.md and SECURITY.md name the tests of what they claim: each must be there, and no claim without one.

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { root } from "./consumer.mjs";

const proof = /"([^"]+)" \(`([^`]+)`\)/g;

/** The rows of those tables whose last column is of tests. */
function rowsOf(text) {
  const rows = [];
  let inside = false;
  for (const line of text.split("\n")) {
    if (!line.startsWith("|")) inside = false;
    else if (/\| test \|$/.test(line)) inside = true;
    else if (inside && !/^\|[-|]+$/.test(line)) rows.push(line);
  }
  return rows;
}

/** What is wrong with a claim's row: sentences. */
function problems(row) {
  const proofs = [...row.matchAll(proof)];
  if (proofs.length === 0) return [`${row} names no test`];
  return proofs.flatMap(([, title, name]) => {
    const file = path.join(root, name);
    if (!existsSync(file)) return [`${name} is not there`];
    const text = readFileSync(file, "utf8");
    const begins = name.endsWith(".rs") ? [`fn ${title}(`] : [`test("${title}"`, `test(\`${title}\``];
    return begins.some((begin) => text.includes(begin)) ? [] : [`${name} has no test "${title}"`];
  });
}

for (const [name, least] of [
  ["PRIVACY.md", 25],
  ["SECURITY.md", 20],
]) {
  test(`each claim of ${name} names tests that are there`, () => {
    const rows = rowsOf(readFileSync(path.join(root, name), "utf8"));
    assert.ok(rows.length >= least, `${rows.length} claims`);
    assert.deepEqual(rows.flatMap(problems), []);
  });
}

test("a claim without a test, or whose test has another name, is seen", () => {
  const own = "`tests/packaging/claims.test.mjs`";
  const title = "a claim without a test, or whose test has another name, is seen";
  assert.deepEqual(problems(`| all is well | "${title}" (${own}) |`), []);
  assert.equal(problems("| all is well | see for yourself |").length, 1);
  assert.equal(problems(`| all is well | "no such test" (${own}) |`).length, 1);
  assert.equal(problems('| all | "nothing" (`tests/nowhere.mjs`) |').length, 1);
});
