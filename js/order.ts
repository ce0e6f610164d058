import { flagsOf, idOf } from "./candidates.js";
import { Refusal } from "./refusal.js";
import { maxRanked } from "./wire.js";

/**
 * Which of the ranked items must keep their slots, 0 for those that may move. Read for the check alone, from the items themselves:
 * what the core was given may be wrong as well.
 */
export function heldIn(items: readonly unknown[], keep: ReadonlySet<string> | undefined): Uint8Array {
  const held = new Uint8Array(Math.min(items.length, maxRanked));
  for (let i = 0; i < held.length; i++) {
    const item = items[i];
    held[i] = flagsOf(item) | (keep?.has(idOf(item) ?? "") ? 1 : 0);
  }
  return held;
}

/**
 * Checks what the core answered, independently of it: each candidate stands in exactly one slot, and each one `held` in its own.
 * Throws an `internal` refusal otherwise.
 */
export function checkOrder(order: Uint32Array, held: Uint8Array): void {
  const count = held.length;
  const taken = new Uint8Array(count);
  let sound = order.length === count;
  for (let slot = 0; sound && slot < count; slot++) {
    const from = order[slot] as number;
    sound = from < count && taken[from] === 0 && (held[slot] === 0 || from === slot);
    taken[from] = 1;
  }
  if (!sound) throw new Refusal("internal", "no permutation with fixed items in place");
}

/** Brings the first items of a list into the checked order; those behind keep their place. */
export function arrange<T>(list: T[], order: Uint32Array): void {
  const first: T[] = [];
  for (let slot = 0; slot < order.length; slot++) first[slot] = list[order[slot] as number] as T;
  for (let slot = 0; slot < order.length; slot++) list[slot] = first[slot] as T;
}
