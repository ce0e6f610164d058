/** Readers are told apart by one of so many numbers, drawn once by chance; no more is known of one. */
export const buckets = 1000;

/** Whether a value is the number of a bucket. */
export function isBucket(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) < buckets;
}

/** Whether a bucket is in a percentage of all: in exactly `round(10 * percentage)` of the 1,000, and in every greater share. */
export function isInShare(bucket: number, percentage: number, salt: string): boolean {
  return placeOf(bucket, salt) < Math.round(10 * percentage);
}

/**
 * The place, 0–999, of a bucket in the order that a salt puts the 1,000 in. An arm of an experiment is a range of places: its size
 * is exact, and arms by two salts have as much in common as by chance (correlations over 1,000 salts: `tests/sdk/buckets.test.mjs`).
 */
export function placeOf(bucket: number, salt: string): number {
  const keys = keysOf(salt);
  const own = keys[bucket] as number;
  return keys.reduce((place, key) => place + Number(key < own), 0);
}

/** What a salt orders the buckets by: a key for each, and no key twice. */
export function keysOf(salt: string): Uint32Array {
  let seed = 0;
  for (let i = 0; i < salt.length; i++) seed = mix(seed ^ salt.charCodeAt(i));
  return Uint32Array.from({ length: buckets }, (_, bucket) => mix(mix(seed + bucket) ^ seed)); // both steps are one-to-one
}

/** MurmurHash3's finalizer (Appleby, public domain): of 32 bits, each decides on each. */
function mix(bits: number): number {
  let mixed = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
