import { textOf as messageOf, Refusal } from "./refusal.js";
import { encodeInto } from "./utf8.js";
import { longestId, longestText, maxRanked } from "./wire.js";

/** What the core takes of a list: its first 200 candidates as columns. All but `flags` are views of buffers. */
export interface Columns {
  /** UTF-8 of id, topic, subtopic and vector of each candidate in turn, without separators. */
  readonly text: Uint8Array;
  /** Their lengths in UTF-16 code units, four a candidate. */
  readonly lengths: Uint32Array;
  /** Date, shows, clicks, score: NaN where absent, Infinity where not usable. */
  readonly numbers: Float64Array;
  /** Bit 0: pinned or kept; bit 1: not to be personalized; bit 2: one of the two is said in a way that cannot be understood. */
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

/** A longer date cannot be used. */
const longestDate = 64;
/** Room for 200 stories with vectors. What a list of odd texts needed beyond it is given back. */
const usualText = 1 << 18;

interface Buffers {
  text: Uint8Array;
  readonly lengths: Uint32Array;
  readonly numbers: Float64Array;
}

let spare: Buffers | undefined;

/**
 * Calls `use` with a list as columns, which nobody may use after it. Their buffers belong to this call alone: what a page's getter
 * ranks in the meantime has others.
 */
export function withColumns<T>(
  items: readonly unknown[],
  keep: ReadonlySet<string> | undefined,
  use: (columns: Columns) => T,
): T {
  const buffers = spare ?? newBuffers();
  spare = undefined; // guard: own-buffers
  try {
    return use(reading(() => toColumns(items, keep, buffers)));
  } finally {
    if (buffers.text.length <= usualText) spare = buffers;
  }
}

/** Calls `read`, which does nothing but read the page's items: what is thrown comes from their own getters. */
export function reading<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof Refusal ? error : new Refusal("bad_candidates", messageOf(error)); // guard: getter
  }
}

/**
 * Turns a list into columns. `keep`: ids of items to pin. Of what lies behind the 200th item nothing is read.
 *
 * Throws a `bad_candidates` refusal on an item without an id, on an id that comes twice, and on whatever a getter throws.
 */
export function toColumns(
  items: readonly unknown[],
  keep: ReadonlySet<string> | undefined,
  buffers: Buffers = newBuffers(),
): Columns {
  const { lengths, numbers } = buffers;
  const ranked = Math.min(items.length, maxRanked);
  const flags = new Uint8Array(ranked);
  const ids = new Set<string>();
  let text = "";
  const add = (place: number, part: string) => {
    lengths[place] = part.length;
    text += part;
  };
  for (let i = 0; i < ranked; i++) {
    const item = items[i] as Loose | null | undefined;
    const id = idOf(item);
    if (id === undefined) throw new Refusal("bad_candidates", `item ${i} has no id`); // guard: no-id
    ids.add(id);
    const own = extensionOf(item);
    const at = 4 * i;
    const told = flagsIn(own);
    const topic = textOf(own.topic);
    const subtopic = textOf(own.subtopic);
    const vector = textOf(own.vector);
    const isUsable = topic !== undefined && subtopic !== undefined && told < 4;
    add(at, whole(id));
    add(at + 1, topic ?? "");
    add(at + 2, subtopic ?? "");
    add(at + 3, (isUsable ? vector : undefined) ?? unusable);
    numbers[at] = dateOf(item?.date_published);
    numbers[at + 1] = numberOf(own.shows);
    numbers[at + 2] = numberOf(own.clicks);
    numbers[at + 3] = numberOf(own.score);
    flags[i] = told | (keep?.has(id) ? 1 : 0);
  }
  if (ids.size !== ranked) throw new Refusal("bad_candidates", "two items share one id"); // guard: ids-twice
  return {
    text: encode(text, buffers),
    lengths: lengths.subarray(0, 4 * ranked),
    numbers: numbers.subarray(0, 4 * ranked),
    flags,
  };
}

/**
 * The id as text; `undefined` where there is none, or one of more than 2,048 UTF-16 units. JSON Feed asks readers to take a number for
 * its text.
 */
export function idOf(item: unknown): string | undefined {
  const id = (item as Loose | null | undefined)?.id;
  if (typeof id === "string") return id === "" || id.length > longestId ? undefined : id;
  return typeof id === "number" && Number.isFinite(id) ? String(id) : undefined;
}

/**
 * What the publisher says of an item's slot: bit 0 pinned, bit 1 not to be personalized, bit 2 neither yes nor no; 0: it may move. A
 * `"false"` or a 0 is no answer to be guessed at: such an item keeps its slot.
 */
export function flagsOf(item: unknown): number {
  return flagsIn(extensionOf(item));
}

function flagsIn({ pinned, personalize }: LooseExtension): number {
  const isSaid = isAnswer(pinned) && isAnswer(personalize);
  return (pinned === true ? 1 : 0) | (personalize === false ? 2 : 0) | (isSaid ? 0 : 4);
}

function isAnswer(value: unknown): boolean {
  return value === undefined || value === null || typeof value === "boolean";
}

/** What an event says of its item: topic, subtopic and vector, each `""` where there is none that can be used. */
export function subjectOf(item: unknown): { topic: string; subtopic: string; vector: string } {
  const { topic, subtopic, vector } = extensionOf(item);
  return { topic: textOf(topic) ?? "", subtopic: textOf(subtopic) ?? "", vector: textOf(vector) ?? "" };
}

function extensionOf(item: unknown): LooseExtension {
  const own = (item as Loose | null | undefined)?._nearside;
  return typeof own === "object" && own !== null ? own : {};
}

/** In a vector's place: it is no base64, so the core holds the item and counts it. */
const unusable = "!";

/** `""` where absent, `undefined` where it cannot be used. */
function textOf(value: unknown): string | undefined {
  if (value === undefined || value === null) return "";
  return typeof value === "string" && value.length <= longestText ? whole(value) : undefined;
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
export function dateOf(value: unknown): number {
  if (value === undefined || value === null) return Number.NaN;
  if (typeof value !== "string" || value.length > longestDate) return Infinity;
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

function encode(text: string, buffers: Buffers): Uint8Array {
  if (buffers.text.length < 3 * text.length) buffers.text = new Uint8Array(6 * text.length);
  return buffers.text.subarray(0, encodeInto(text, buffers.text));
}

function newBuffers(): Buffers {
  return {
    text: new Uint8Array(1 << 16),
    lengths: new Uint32Array(4 * maxRanked),
    numbers: new Float64Array(4 * maxRanked),
  };
}
