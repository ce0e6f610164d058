import { Refusal } from "./refusal.js";
import { encodeInto } from "./utf8.js";

/** Candidates that are ranked; those behind keep their place. */
export const maxRanked = 200;

/** What the core takes of a list: its first 200 candidates as columns. All but `flags` are views of buffers that the next call reuses. */
export interface Columns {
  /** UTF-8 of id, topic, subtopic and vector of each candidate in turn, without separators. */
  readonly text: Uint8Array;
  /** Their lengths in UTF-16 code units, four a candidate. */
  readonly lengths: Uint32Array;
  /** Date, shows, clicks, score: NaN where absent, Infinity where not usable. */
  readonly numbers: Float64Array;
  /** Bit 0: pinned or kept; bit 1: not to be personalized. */
  readonly flags: Uint8Array;
}

/** The members of an item that are read; a feed may hold anything in them. */
interface Loose {
  readonly id?: unknown;
  readonly date_published?: unknown;
  readonly _nearside?: LooseExtension | null;
}

interface LooseExtension {
  readonly vector?: unknown;
  readonly topic?: unknown;
  readonly subtopic?: unknown;
  readonly shows?: unknown;
  readonly clicks?: unknown;
  readonly score?: unknown;
  readonly pinned?: unknown;
  readonly personalize?: unknown;
}

/** Longer text is no vector; not worth carrying over to be told so. */
const longestVector = 1024;

let buffers: { text: Uint8Array; lengths: Uint32Array; numbers: Float64Array; flags: Uint8Array } | undefined;

/**
 * Turns a list into columns. `keep`: ids of items to pin.
 *
 * Throws a `bad_candidates` refusal on an item without an id, on an id that comes twice, and on whatever a getter throws.
 */
export function toColumns(items: readonly unknown[], keep: ReadonlySet<string> | undefined): Columns {
  buffers ??= {
    text: new Uint8Array(1 << 16),
    lengths: new Uint32Array(4 * maxRanked),
    numbers: new Float64Array(4 * maxRanked),
    flags: new Uint8Array(maxRanked),
  };
  const { lengths, numbers, flags } = buffers;
  const ranked = Math.min(items.length, maxRanked);
  const ids = new Set<string>();
  let text = "";
  const add = (place: number, part: string) => {
    lengths[place] = part.length;
    text += part;
  };
  for (let i = 0; i < items.length; i++) {
    const item = items[i] as Loose | null | undefined;
    const id = idOf(item);
    if (id === undefined) throw new Refusal("bad_candidates", `item ${i} has no id`); // guard: no-id
    ids.add(id);
    if (i >= ranked) continue;
    const own = extensionOf(item);
    const at = 4 * i;
    add(at, whole(id));
    add(at + 1, textOf(own.topic));
    add(at + 2, textOf(own.subtopic));
    add(at + 3, vectorOf(own.vector));
    numbers[at] = dateOf(item?.date_published);
    numbers[at + 1] = numberOf(own.shows);
    numbers[at + 2] = numberOf(own.clicks);
    numbers[at + 3] = numberOf(own.score);
    flags[i] = flagsOf(item) | (keep?.has(id) ? 1 : 0);
  }
  if (ids.size !== items.length) throw new Refusal("bad_candidates", "two items share one id"); // guard: ids-twice
  return {
    text: encode(text, buffers),
    lengths: lengths.subarray(0, 4 * ranked),
    numbers: numbers.subarray(0, 4 * ranked),
    flags: flags.slice(0, ranked),
  };
}

/** The id as text; `undefined` where there is none. JSON Feed asks readers to take a number for its text. */
export function idOf(item: unknown): string | undefined {
  const id = (item as Loose | null | undefined)?.id;
  if (typeof id === "string") return id === "" ? undefined : id;
  return typeof id === "number" && Number.isFinite(id) ? String(id) : undefined;
}

/** What the publisher says of an item's slot: bit 0 pinned, bit 1 not to be personalized; 0: it may move. */
export function flagsOf(item: unknown): number {
  const { pinned, personalize } = extensionOf(item);
  return (pinned ? 1 : 0) | (personalize === false ? 2 : 0);
}

/** What an event says of its item: topic, subtopic and vector, each `""` where there is none. */
export function subjectOf(item: unknown): { topic: string; subtopic: string; vector: string } {
  const { topic, subtopic, vector } = extensionOf(item);
  const text = vectorOf(vector);
  return { topic: textOf(topic), subtopic: textOf(subtopic), vector: text === "!" ? "" : text };
}

function extensionOf(item: unknown): LooseExtension {
  const own = (item as Loose | null | undefined)?._nearside;
  return typeof own === "object" && own !== null ? own : {};
}

function textOf(value: unknown): string {
  return typeof value === "string" ? whole(value) : "";
}

/** `!` is no base64, so the core counts the item as faulty. */
function vectorOf(value: unknown): string {
  if (value === undefined || value === null) return "";
  return typeof value === "string" && value.length <= longestVector ? whole(value) : "!";
}

function numberOf(value: unknown): number {
  if (value === undefined || value === null) return Number.NaN;
  return typeof value === "number" && Number.isFinite(value) ? value : Infinity;
}

/**
 * Milliseconds since 1970 of an RFC 3339 date, zone and all; digits of a second behind the third are dropped. Read digit by digit, as
 * a list has many: a regular expression and `Date.UTC` take twice as long. What else `Date.parse` takes, it takes differently by
 * browser, or in the device's own zone.
 */
function dateOf(value: unknown): number {
  if (value === undefined || value === null) return Number.NaN;
  if (typeof value !== "string") return Infinity;
  const is = (at: number, either: number, or = either): boolean =>
    value.charCodeAt(at) === either || value.charCodeAt(at) === or;
  const end = value.length;
  const isUtc = is(end - 1, 90, 122);
  const zone = end - (isUtc ? 1 : 6);
  // By character codes of `-`, `T`, `:`, `.` and `+`.
  let sound =
    is(4, 45) &&
    is(7, 45) &&
    is(10, 84, 116) &&
    is(13, 58) &&
    is(16, 58) && // 2026-01-31T12:00:00
    (zone === 19 || (zone > 20 && is(19, 46))) && // .123
    (isUtc || (is(zone, 43, 45) && is(zone + 3, 58))); // Z or +01:00
  const digit = (at: number): number => {
    const digit = value.charCodeAt(at) - 48;
    sound &&= digit >= 0 && digit < 10;
    return digit;
  };
  const two = (at: number, most: number): number => {
    const number = 10 * digit(at) + digit(at + 1);
    sound &&= number <= most;
    return number;
  };
  const month = two(5, 12);
  const day = two(8, 31);
  // Years begin in March here, so that a leap day is the last of one.
  const later = (month + 9) % 12;
  const year = 100 * two(0, 99) + two(2, 99) - (later > 9 ? 1 : 0);
  const leaps = Math.floor(year / 4) - Math.floor(year / 100) + Math.floor(year / 400);
  const days = 365 * year + leaps + Math.floor((153 * later + 2) / 5) + day - 719_469;
  const ahead = isUtc ? 0 : (60 * two(zone + 1, 23) + two(zone + 4, 59)) * (is(zone, 45) ? -1 : 1);
  let time = ((24 * days + two(11, 23)) * 60 + two(14, 59) - ahead) * 60 + two(17, 59);
  for (let at = 20; sound && (at < 23 || at < zone); at++) {
    const next = at < zone ? digit(at) : 0;
    if (at < 23) time = 10 * time + next;
  }
  const after = year + 1; // February ends a year here, and is the next one's by the calendar
  const isLeap = after % 4 === 0 && (after % 100 !== 0 || after % 400 === 0);
  const last = month === 2 ? (isLeap ? 29 : 28) : 30 + ((month ^ (month >> 3)) & 1);
  sound &&= month * day > 0 && day <= last;
  return sound ? time : Infinity;
}

/** A text that ends in half a surrogate pair would join with the next one's first half: the half becomes U+FFFD, as in UTF-8. */
function whole(text: string): string {
  const last = text.length - 1;
  return (text.charCodeAt(last) & 0xfc00) === 0xd800 ? `${text.slice(0, last)}\ufffd` : text;
}

function encode(text: string, buffers: { text: Uint8Array }): Uint8Array {
  if (buffers.text.length < 3 * text.length) buffers.text = new Uint8Array(6 * text.length);
  return buffers.text.subarray(0, encodeInto(text, buffers.text));
}
