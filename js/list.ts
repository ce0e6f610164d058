import { Refusal } from "./refusal.js";

/** A list to rank, read as far as it can be. */
export interface List<T> {
  /** A copy of the list in the server's order; empty if there is none. Only with a refusal its slots may throw. */
  readonly items: T[];
  /** The vector space the feed names; `""` if it names none. */
  readonly space: string;
  /** What is wrong with it, if anything. */
  readonly refusal?: Refusal;
}

/** Takes a JSON Feed or its items. Never throws. */
export function readList<T>(feed: unknown): List<T> {
  let items: T[] = [];
  try {
    const list = Array.isArray(feed) ? feed : (feed as { items: unknown }).items;
    if (!Array.isArray(list)) throw new TypeError();
    try {
      items = Array.from(list);
    } catch (error) {
      // A slot's getter threw: the list is given back with it.
      items = Object.defineProperties([], Object.getOwnPropertyDescriptors<object>(list)); // guard: slot
      throw error;
    }
  } catch {
    // guard: list
    return bad(items, "neither a feed nor a list of items that can be read");
  }
  try {
    const space = (feed as { _nearside?: { space?: unknown } | null })._nearside?.space ?? "";
    if (typeof space === "string") return { items, space };
  } catch {
    // A getter threw: no text either.
  }
  return bad(items, "the feed's vector space is not a text");
}

function bad<T>(items: T[], message: string): List<T> {
  return { items, space: "", refusal: new Refusal("bad_candidates", message) };
}
