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

const mark = [0x4e, 0x53, 0x45, 0x52];
const header = 8;

/** Reads what a store holds. Whatever has no mark is taken for profile bytes; the core checks those. */
export function readRecord(bytes: Uint8Array | undefined): Record {
  if (!bytes) return { erasures: 0, profile: new Uint8Array() };
  if (bytes.length < header || mark.some((byte, i) => bytes[i] !== byte))
    return { erasures: 0, profile: bytes };
  const erasures = new DataView(bytes.buffer, bytes.byteOffset).getUint32(mark.length, true);
  return { erasures, profile: bytes.subarray(header) };
}

/** The bytes of a record. */
export function writeRecord({ erasures, profile }: Record): Uint8Array {
  if (erasures === 0) return profile;
  const bytes = new Uint8Array(header + profile.length);
  bytes.set(mark);
  new DataView(bytes.buffer).setUint32(mark.length, erasures, true);
  bytes.set(profile, header);
  return bytes;
}
