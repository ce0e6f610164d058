import { Refusal } from "./refusal.js";

/** A list to rank, read as far as it can be. */
export interface List<T> {
  /**
   * A copy of the list in the server's order; empty if there is none. Only with a refusal its slots may throw, and it is the list itself
   * where that is too long to be copied.
   */
  readonly items: T[];
  /** The vector space the feed names; `""` if it names none. */
  readonly space: string;
  /** What is wrong with it, if anything. */
  readonly refusal?: Refusal;
}

/** A longer list is no page's: sparse arrays and proxies may say that they have four billion items. */
const longest = 2 ** 20;
/** A longer name of a vector space is none. */
const longestSpace = 1024;

/** Takes a JSON Feed or its items. Never throws. */
export function readList<T>(feed: unknown): List<T> {
  let items: T[] = [];
  try {
    const list = listIn<T>(feed);
    if (!list) throw new TypeError();
    try {
      items = copyOf(list);
      if (items === list) return bad(items, `a list of more than ${longest} items`);
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
    if (typeof space === "string" && space.length <= longestSpace) return { items, space };
  } catch {
    // A getter threw: no text either.
  }
  return bad(items, "the feed's vector space is no name");
}

/** The list itself, of a JSON Feed or bare. */
export function listIn<T>(feed: unknown): readonly T[] | undefined {
  const list = isList(feed) ? feed : (feed as { items: unknown }).items;
  return isList(list) ? (list as readonly T[]) : undefined;
}

function isList(value: unknown): boolean {
  try {
    if (Array.isArray(value) === true) return true;
  } catch {
    // The page's own throws.
  }
  return value instanceof [].constructor; // guard: is-list
}

/** A copy, by syntax alone: the page may have patched what arrays can do. The list itself where it is too long. */
export function copyOf<T>(list: readonly T[]): T[] {
  const { length } = list;
  if (length > longest) return list as T[];
  const copy: T[] = [];
  for (let i = 0; i < length; i++) copy[i] = list[i] as T;
  return copy;
}

function bad<T>(items: T[], message: string): List<T> {
  return { items, space: "", refusal: new Refusal("bad_candidates", message) };
}
