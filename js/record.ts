import { generationAt, mostErasures, profileMagic } from "./wire.js";

/**
 * What the store holds: the core's profile bytes, and before them, once the history was erased while no core was at hand, how
 * often that happened: `NSER`, u32 little-endian. A record with a higher number than a tab's own erases that tab's history.
 */
export interface Record {
  /** How often the history was erased without the core. */
  readonly erasures: number;
  /** The core's bytes; empty if there are none. */
  readonly profile: Uint8Array;
}

const mark = 0x4e534552;
const header = 8;

/** Reads what a store holds. Whatever has no mark is taken for profile bytes; the core checks those. A count beyond the bounds is a record of nothing. */
export function readRecord(bytes: Uint8Array | undefined): Record {
  const profile = bytes ?? new Uint8Array();
  const erasures = numberIn(profile, mark, 4);
  const record =
    erasures === undefined ? { erasures: 0, profile } : { erasures, profile: profile.subarray(header) };
  // Nothing could be above it: an erasure must.
  if (erasures !== undefined && erasures > mostErasures) return { erasures: 0, profile: new Uint8Array() };
  return record;
}

/** The bytes of a record. */
export function writeRecord({ erasures, profile }: Record): Uint8Array {
  if (erasures === 0) return profile;
  const bytes = new Uint8Array(header + profile.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, mark);
  view.setUint32(4, erasures, true);
  bytes.set(profile, header);
  return bytes;
}

/** How often a record's history was erased in all: without the core, and by it. */
export function timesErased({ erasures, profile }: Record): number {
  const generation = numberIn(profile, profileMagic, generationAt) ?? 0;
  return erasures + (generation > mostErasures ? 0 : generation);
}

/** Whether a record says that the history was erased, and nothing else. */
export function isMark({ erasures, profile }: Record): boolean {
  return erasures > 0 && profile.length === 0;
}

/** The little-endian number at a place in bytes that begin with a mark; `undefined` where they do not, or end before it. */
function numberIn(bytes: Uint8Array, mark: number, place: number): number | undefined {
  if (bytes.length < place + 4) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return view.getUint32(0) === mark ? view.getUint32(place, true) : undefined;
}
