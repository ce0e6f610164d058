import { copyOf } from "./list.js";
import { Refusal } from "./refusal.js";

/**
 * Checks what the core answered, independently of it: each candidate stands in exactly one slot, and each candidate with a
 * flag in its own. Throws an `internal` refusal otherwise.
 */
export function checkOrder(order: Uint32Array, flags: Uint8Array): void {
  const count = flags.length;
  const taken = new Uint8Array(count);
  let sound = order.length === count;
  for (let slot = 0; sound && slot < count; slot++) {
    const from = order[slot] as number;
    sound = from < count && taken[from] === 0 && (flags[slot] === 0 || from === slot);
    taken[from] = 1;
  }
  if (!sound) throw new Refusal("internal", "no permutation with fixed items in place");
}

/** The list in the checked order of its first items; those behind keep their place. */
export function inOrder<T>(list: readonly T[], order: Uint32Array): T[] {
  const items = copyOf(list);
  for (let slot = 0; slot < order.length; slot++) items[slot] = list[order[slot] as number] as T;
  return items;
}
