import assert from "node:assert/strict";
import { test } from "node:test";
import { idOf, subjectOf, toColumns } from "../../dist/candidates.js";
import { MemoryStore } from "../../dist/index.js";
import { Rankings } from "../../dist/rankings.js";
import { longestRising, rearrange } from "../../dist/rearrange.js";
import { readRecord, timesErased, writeRecord } from "../../dist/record.js";
import { within } from "../../dist/within.js";

/** A small generator of repeatable numbers in [0, 1). */
function random(seed) {
  let state = seed;
  return () => {
    state = (state * 1664525 + 1013904223) % 2 ** 32;
    return state / 2 ** 32;
  };
}

function shuffled(list, next) {
  const result = [...list];
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(next() * (i + 1));
    [result[i], result[j]] = [result[j], result[i]];
  }
  return result;
}

/** Takes the columns' texts apart as the core does: by walking the UTF-8. */
function textsOf({ text, lengths }) {
  const texts = [];
  let at = 0;
  for (const length of lengths) {
    const start = at;
    for (let units = 0; units < length; ) {
      const byte = text[at];
      const bytes = byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
      units += bytes === 4 ? 2 : 1;
      assert.ok(units <= length, "a character crosses two texts");
      at += bytes;
    }
    texts.push(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(text.subarray(start, at)));
  }
  assert.equal(at, text.length);
  return texts;
}

/** The text as UTF-8 can hold it: half surrogate pairs become U+FFFD. */
const inUtf8 = (text) => new TextDecoder("utf-8", { ignoreBOM: true }).decode(new TextEncoder().encode(text));

test("columns hold each text whole, whatever its characters", () => {
  const next = random(1);
  const pieces = [
    "a",
    "é",
    "\u20ac",
    "\ud83d\ude00",
    "\ud83d",
    "\ude00",
    "\u0000",
    "\ufeff",
    "\ufffd",
    "__proto__",
  ];
  const word = () =>
    Array.from({ length: Math.floor(next() * 4) }, () => pieces[Math.floor(next() * pieces.length)]).join("");
  for (let round = 0; round < 500; round++) {
    const items = Array.from({ length: Math.floor(next() * 20) }, (_, i) => ({
      id: `${word()}${i}${word()}`,
      _nearside: { topic: word(), subtopic: word(), vector: word() },
    }));
    const expected = items.flatMap(({ id, _nearside: { topic, subtopic, vector } }) => [
      id,
      topic,
      subtopic,
      vector,
    ]);
    assert.deepEqual(textsOf(toColumns(items, undefined)), expected.map(inUtf8));
  }
});

test("columns grow with their texts", () => {
  const items = Array.from({ length: 300 }, (_, i) => ({ id: `${i}${"\u20ac".repeat(2000)}` }));
  assert.equal(textsOf(toColumns(items, undefined))[4 * 199], items[199].id);
});

test("numbers say what is absent and what cannot be used", () => {
  const absent = Number.NaN;
  const unusable = Infinity;
  const cases = [
    [{}, [absent, absent, absent, absent]],
    [
      { date_published: null, _nearside: { shows: null, clicks: undefined } },
      [absent, absent, absent, absent],
    ],
    [
      { date_published: "1970-01-01T00:00:01Z", _nearside: { shows: 5, clicks: -1, score: 0.5 } },
      [1000, 5, -1, 0.5],
    ],
    [
      { date_published: "yesterday", _nearside: { shows: "5", clicks: Number.NaN, score: -Infinity } },
      Array(4).fill(unusable),
    ],
    [{ date_published: 1000, _nearside: { shows: true, clicks: {}, score: 5n } }, Array(4).fill(unusable)],
    [{ date_published: "", _nearside: "text" }, [unusable, absent, absent, absent]],
  ];
  for (const [item, expected] of cases) {
    assert.deepEqual([...toColumns([{ id: "x", ...item }], undefined).numbers], expected);
  }
});

test("a date is RFC 3339 with its zone; anything else cannot be used", () => {
  const dateOf = (date_published) => toColumns([{ id: "x", date_published }], undefined).numbers[0];
  const at = Date.UTC(2026, 0, 15, 8, 30);
  for (const date of [
    "2026-01-15T08:30:00Z",
    "2026-01-15t08:30:00z",
    "2026-01-15T08:30:00.000Z",
    "2026-01-15T08:30:00.000000000Z",
    "2026-01-15T10:30:00+02:00",
    "2026-01-14T23:00:00-09:30",
    "2026-01-15T08:30:00-00:00",
  ])
    assert.equal(dateOf(date), at, date);
  assert.equal(dateOf("2024-02-29T00:00:00+01:00"), Date.UTC(2024, 1, 28, 23));
  for (const date of [
    "0001-01-01T00:00:00Z",
    "0000-02-29T12:34:56.789-12:34",
    "1969-12-31T23:59:59.999Z",
    "1900-02-28T23:59:59+00:01",
    "2000-02-29T00:00:00.1Z",
    "2026-01-15T08:30:00.0579999Z",
    "9999-12-31T23:59:59.57-23:59",
  ])
    assert.equal(dateOf(date), Date.parse(date), date);
  for (let i = 0; i < 1000; i++) {
    const date = new Date(i * 250_567_891_234 - 6e13).toISOString().replace("Z", i % 2 ? "Z" : "+05:45");
    assert.equal(dateOf(date), Date.parse(date), date);
  }
  for (const date of [
    "2026-01-15T08:30:00",
    "2026-01-15T08:30:00.5",
    "2026-01-15",
    "2026-01",
    "2026-01-15T08:30Z",
    "2026-01-15 08:30:00Z",
    "20260115T083000Z",
    "+002026-01-15T08:30:00Z",
    "2026-01-15T08:30:00+0200",
    "2026-01-15T08:30:00+02",
    "2026-01-15T08:30:00 UTC",
    " 2026-01-15T08:30:00Z",
    "2026-01-15T08:30:00Z\n",
    "Thu, 15 Jan 2026 08:30:00 GMT",
    "15 Jan 2026",
    "1/15/2026",
    "2026-02-29T00:00:00Z",
    "1900-02-29T00:00:00Z",
    "2026-01-32T00:00:00Z",
    "2026-01-15T08:30:60Z",
    "2026-01-15T08:30:00+01:60",
    "2026-02-30T23:00:00-05:00",
    "2026-04-31T00:00:00Z",
    "2026-13-01T00:00:00Z",
    "2026-01-00T00:00:00Z",
    "2026-01-15T24:00:00Z",
    "2026-01-15T29:00:00Z",
    "2026-01-15T08:60:00Z",
    "2026-01-15T08:30:00+29:00",
    "2026-01-15T08:30:00.Z",
    "2026-01-15T08:30:00,5Z",
    "2026-00-15T08:30:00Z",
    "2026",
    "0",
    "",
  ])
    assert.equal(dateOf(date), Infinity, date);
  const sound = "2026-01-15T08:30:00.1234+01:30";
  assert.equal(dateOf(sound), Date.parse(sound));
  for (let at = 0; at < sound.length; at++)
    for (const other of ["/", ":", "x", " ", ",", ""]) {
      const date = sound.slice(0, at) + other + sound.slice(at + 1);
      // One digit less of the fraction is a date, too.
      if (date !== sound && !(other === "" && at > 19 && at < 24)) assert.equal(dateOf(date), Infinity, date);
    }
});

test("flags pin, keep and exempt", () => {
  const items = [
    {},
    { pinned: true },
    { personalize: false },
    { pinned: true, personalize: false },
    { pinned: false, personalize: true },
    {},
  ].map((_nearside, id) => ({ id, _nearside }));
  assert.deepEqual([...toColumns(items, new Set(["5"])).flags], [0, 1, 2, 3, 0, 1]);
});

test("a vector that is no text, or absurdly long, is an item's fault, in an event none", () => {
  for (const vector of [5, {}, "A".repeat(2000), false]) {
    assert.equal(textsOf(toColumns([{ id: "x", _nearside: { vector } }], undefined))[3], "!");
    assert.equal(subjectOf({ id: "x", _nearside: { vector } }).vector, "");
  }
});

test("a list behind a longer one sees nothing of it", () => {
  toColumns(
    Array.from({ length: 200 }, (_, i) => ({ id: i, _nearside: { pinned: true, score: 5 } })),
    undefined,
  );
  const columns = toColumns([{ id: "a" }, { id: "b" }], undefined);
  assert.deepEqual([...columns.flags], [0, 0]);
  assert.deepEqual([...columns.numbers], Array(8).fill(Number.NaN));
  assert.equal(columns.lengths.length, 8);
});

test("ids are texts or finite numbers", () => {
  assert.deepEqual(
    ["a", 7, 0.5, -0].map((id) => idOf({ id })),
    ["a", "7", "0.5", "0"],
  );
  for (const id of ["", Number.NaN, Infinity, null, true, 5n, {}, ["a"]])
    assert.equal(idOf({ id }), undefined);
});

test("the longest rising sequence is as long as the best of all", () => {
  const next = random(2);
  for (let round = 0; round < 200; round++) {
    const values = shuffled(
      Array.from({ length: Math.floor(next() * 9) }, (_, i) => i),
      next,
    );
    let best = 0;
    for (let mask = 0; mask < 1 << values.length; mask++) {
      const chosen = values.filter((_, i) => mask & (1 << i));
      if (chosen.every((value, i) => i === 0 || chosen[i - 1] < value)) best = Math.max(best, chosen.length);
    }
    const rising = longestRising(values);
    assert.equal(rising.length, best);
    assert.ok(rising.every((value, i) => i === 0 || rising[i - 1] < value));
    assert.deepEqual(
      rising,
      values.filter((value) => rising.includes(value)),
    );
  }
});

test("rearranging gives the order, and leaves fixed children alone", (t) => {
  // What the page has put on an element is not called.
  globalThis.Element = class {};
  globalThis.Node = class {
    insertBefore(child, before) {
      this.put(child, before);
    }
  };
  t.after(() => {
    delete globalThis.Element;
    delete globalThis.Node;
  });
  const next = random(3);
  for (let round = 0; round < 500; round++) {
    const current = Array.from({ length: Math.floor(next() * 12) }, (_, i) => `c${i}`);
    const fixed = new Set(current.filter(() => next() < 0.3));
    const free = shuffled(
      current.filter((child) => !fixed.has(child)),
      next,
    );
    const target = current.map((child) => (fixed.has(child) ? child : free.shift()));
    const children = [...current];
    let moves = 0;
    const container = {
      put(child, before) {
        moves++;
        assert.ok(!fixed.has(child), "a fixed child was re-inserted");
        children.splice(children.indexOf(child), 1);
        children.splice(before === null ? children.length : children.indexOf(before), 0, child);
      },
    };
    rearrange(container, current, target, fixed);
    assert.deepEqual(children, target);
    if (target.every((child, i) => child === current[i])) assert.equal(moves, 0);
    if (fixed.size === 0) {
      const places = target.map((child) => current.indexOf(child));
      assert.equal(moves, places.length - longestRising(places).length);
    }
  }
});

test("a record is its profile, until it was erased without a core", () => {
  const profile = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9);
  assert.deepEqual(writeRecord({ erasures: 0, profile }), profile);
  for (const erasures of [0, 1, 258, 2 ** 24]) {
    for (const bytes of [profile, new Uint8Array()]) {
      assert.deepEqual(readRecord(writeRecord({ erasures, profile: bytes })), { erasures, profile: bytes });
    }
  }
  for (const erasures of [2 ** 24 + 1, 2 ** 31, 2 ** 32 - 1]) {
    const absurd = readRecord(writeRecord({ erasures, profile }));
    assert.deepEqual(absurd, { erasures: 0, profile: new Uint8Array() }, "an erasure must be above it");
  }
  assert.deepEqual(readRecord(undefined), { erasures: 0, profile: new Uint8Array() });
  const marked = writeRecord({ erasures: 3, profile });
  const shifted = Uint8Array.of(0, ...marked).subarray(1);
  assert.deepEqual(readRecord(shifted), { erasures: 3, profile });
  for (let length = 0; length < 8; length++) assert.equal(readRecord(marked.subarray(0, length)).erasures, 0);
});

test("a record says how often it was erased in all", () => {
  // As in src/profile/bytes.rs: magic, version, length, checksum, and at 14 the generation.
  const profile = Uint8Array.from([...Buffer.from("NSPF"), ...Array(10).fill(9), 2, 1, 0, 0, 7]);
  assert.equal(timesErased({ erasures: 0, profile }), 258);
  assert.equal(timesErased({ erasures: 3, profile }), 261);
  assert.equal(timesErased({ erasures: 3, profile: profile.subarray(0, 17) }), 3);
  assert.equal(timesErased({ erasures: 3, profile: profile.map((byte, i) => byte + Number(i === 0)) }), 3);
});

test("within does not count what a busy thread could not hear, where it waits several times", async () => {
  const late = () => new Error("late");
  const waiting = (waits) => within(new Promise((resolve) => setTimeout(resolve, 40, 8)), 20, late, waits);
  const [once, thrice] = [waiting(1), waiting(3)];
  const until = performance.now() + 100;
  while (performance.now() < until);
  await assert.rejects(once, /late/);
  assert.equal(await thrice, 8);
  await assert.rejects(within(new Promise(() => {}), 1, late, 3), /late/);
});

test("within answers in time, or says that it is late, and leaves no timer", async () => {
  assert.equal(await within(Promise.resolve(5), 1000, () => new Error("late")), 5);
  await assert.rejects(
    within(Promise.reject(new Error("own")), 1000, () => new Error("late")),
    /own/,
  );
  await assert.rejects(
    within(new Promise(() => {}), 1, () => new Error("late")),
    /late/,
  );
  await assert.rejects(
    within(new Promise(() => {}), -5, () => new Error("late")),
    /late/,
  );
  assert.equal(
    await within(new Promise((resolve) => setTimeout(resolve, 20, 6)), Infinity, () => new Error("late")),
    6,
  );
  assert.equal(
    await within(new Promise((resolve) => setTimeout(resolve, 20, 7)), 1e12, () => new Error("late")),
    7,
  );
  assert.equal(process.getActiveResourcesInfo().filter((name) => name === "Timeout").length, 0);
});

test("a memory store keeps a copy", async () => {
  const store = new MemoryStore();
  assert.equal(await store.read(), undefined);
  const bytes = Uint8Array.of(1, 2);
  await store.write(bytes);
  bytes[0] = 9;
  assert.deepEqual(await store.read(), Uint8Array.of(1, 2));
});

test("what was not to move is held also once the answer is forgotten", () => {
  const rankings = new Rankings();
  const items = ["a", "b", "c"].map((id) => ({ id }));
  const ranked = rankings.add({ items, space: "" });
  assert.equal(rankings.holds("a"), false);
  // One feature, the server's logit, the personal part and the bound of each: "b" is pinned.
  const rows = Float32Array.of(0, 1, 0, 0, 0, 0.5, 0, 1, 0, 0.1, 0, 0);
  ranked.answer = {
    order: Uint32Array.of(0, 1, 2),
    reason: "ranked",
    skipped: 0,
    weight: 1,
    rows,
    names: ["x"],
  };
  for (let i = 0; i < 3; i++) {
    assert.deepEqual(
      ["a", "b", "c", "d"].map((id) => rankings.holds(id)),
      [false, true, false, false],
    );
    assert.equal(rankings.explain("b")?.bound, i === 0 ? "pinned" : undefined);
    rankings.forget();
  }
});
