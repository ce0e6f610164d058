// What holds for every row, whatever its fault.

/**
 * The order `apply` documents: held children keep their slots, and so do `keepers`, where the list has them in theirs; the others
 * follow the list.
 */
export function arranged(ids, before, fixed, keepers = []) {
  const slots = new Set(fixed);
  const marks = before.map((id, slot) => [id, slot]).filter(([id]) => id !== unmarked);
  for (const [i, [id, slot]] of marks.entries()) if (ids[i] === id && keepers.includes(id)) slots.add(slot);
  const held = new Set([...slots].map((slot) => before[slot]));
  const free = ids.filter((id) => !held.has(id));
  return before.map((id, slot) => (slots.has(slot) ? id : free.shift()));
}

/** The longest that a task of the package may be, in milliseconds. */
const longest = 50;

/** What stands for a child that names no story. */
const unmarked = "-";

const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

/**
 * What is wrong with a page's report: sentences, none if all is well. `row` is a row of the table; `requests` are what the server
 * got from the page.
 */
export function check(row, report, requests) {
  return [
    ...report.problems,
    ...report.notes,
    ...outcomesOf(row, report),
    ...report.views.flatMap((view, i) => orderOf(row, view, i)),
    ...pageOf(row, report),
    ...requestsOf(row, report, requests),
    ...(row.expect?.(report, requests) ?? []),
  ];
}

/** Problems that a busy machine can make: a script's time is measured by the wall's clock. */
export const isTiming = (problem) => problem.startsWith("a task of ours");

function outcomesOf(row, { views, told }) {
  const expected = row.reasons ?? [row.reason];
  const found = views.map(({ outcome }) => outcome.reason);
  const problems = [];
  if (row.reason === "none") {
    if (found.length + told.length > 0) problems.push(`an outcome without the package: ${found}`);
    return problems;
  }
  const fits = (reason, i) =>
    Array.isArray(expected[i]) ? expected[i].includes(reason) : reason === expected[i];
  if (found.length !== expected.length || !found.every(fits)) {
    const messages = views.map(({ outcome }) => outcome.message ?? "").join("; ");
    problems.push(
      `the outcome was ${found.join(", ") || "missing"}, not ${expected.join(", ")} (${messages})`,
    );
  }
  if (
    !same(
      told,
      views.map(({ outcome }) => outcome),
    )
  )
    problems.push(`the listener was told ${told.length} outcomes of ${views.length}`);
  for (const { outcome } of views) {
    if ((outcome.source === "model") !== (outcome.reason === "ranked"))
      problems.push(`source ${outcome.source} with ${outcome.reason}`);
  }
  const last = views.at(-1)?.outcome;
  for (const [name, value] of Object.entries(row.outcome ?? {})) {
    if (last?.[name] !== value) problems.push(`outcome.${name} is ${last?.[name]}, not ${value}`);
  }
  return problems;
}

function orderOf(row, { outcome, application, before, after, fixed, ids, given, pinned, still }, i) {
  const problems = [];
  const label = `ranking ${i + 1}`;
  if (!still) problems.push(`${label}: something moved that the reader sees`);
  // `apply` brings what it is given, as far as that may move; that is the server's order unless the list was ranked.
  const wanted = application.applied
    ? arranged(ids, before, fixed, [...pinned, ...(row.holds ?? [])])
    : before;
  if (!same(after, wanted))
    problems.push(`${label}: the page shows neither the server's nor the ranking's order`);
  if (outcome.reason !== "ranked") {
    if (!same(ids, given))
      problems.push(`${label}: ${outcome.reason}, yet the list is not in the server's order`);
    if (outcome.moved !== 0) problems.push(`${label}: ${outcome.reason}, yet ${outcome.moved} moved`);
    return problems;
  }
  // A second list finds what the first one brought about: what it wants of the visible part is then too late, or there already.
  const applied = [row.applied ?? "applied"].flat()[i] ?? application.reason;
  if (applied !== "perhaps" && application.reason !== applied)
    problems.push(`${label}: apply said ${application.reason}, not ${applied}`);
  if (row.unmoved !== "perhaps" && Boolean(row.unmoved) === outcome.moved > 0)
    problems.push(`${label}: ${outcome.moved} moved`);
  if (i === 0 && applied === "applied" && !row.unmoved && same(before, after))
    problems.push(`${label}: nothing moved in the page`);
  return problems;
}

function pageOf(
  row,
  { views, base, order, clicks, shifts, tasks, began, at, worked, idle = 0, longest: traced },
) {
  const problems = [];
  const last = views.at(-1)?.after ?? base;
  if (!same(order, last)) problems.push("the page's order changed after the outcome");
  if (!row.changed && base.length > 0 && views[0] && !same(views[0].before, base))
    problems.push("the page's order changed before the outcome");
  if (clicks.saved !== 1 || clicks.opened !== 1)
    problems.push(`the page's own handlers saw ${clicks.saved} and ${clicks.opened} clicks, not one each`);
  for (const { value, at: when } of shifts) if (when >= began) problems.push(`a layout shift of ${value}`);
  for (const { url, ms, at: when } of tasks) {
    // Only what ran before the page was done: the clicks are the driver's. And on a busy machine a script takes long by the clock
    // that waits for a processor: where the page's thread worked for less beyond what it does without the package, no task did; nor
    // where the browser's own account of its tasks says so.
    const ours = /\/nearside\.js$/.test(url) && when < at && (traced ?? worked - idle) > longest;
    if (ours && !row.long) problems.push(`a task of ours of ${Math.round(ms)} ms`);
  }
  return problems;
}

/** The page's own files, which come without asking anyone; all others are the package's. */
const own = /^\/(|index\.html|frame\.html|probe\.js|row\.js|page\.js|nearside\.js|story\.html|favicon\.ico)$/;

function requestsOf(row, _report, requests) {
  const problems = [];
  for (const { method, path, search, headers, body } of requests) {
    if (own.test(path)) continue;
    if (row.silent) problems.push(`${path} was asked for without consent`);
    if (!(row.asks ?? /^\/(nearside_bg\.wasm|reranker\.onnx|worker\.js)$/).test(path))
      problems.push(`${path} was asked for`);
    if (method !== "GET" || search !== "" || body !== "" || headers.cookie !== undefined)
      problems.push(`${method} ${path}${search} says more than its name`);
  }
  return problems;
}
