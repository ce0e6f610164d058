/** What the copies of the package share, where a page has loaded several. */
interface Common {
  /** Stories seen and clicks counted in this page view. */
  readonly seen: Set<string>;
  /** Which copy has ordered a container. */
  readonly ordered: WeakMap<Element, unknown>;
}

/** Where the page has something else in its place, or lets nothing be put there, a copy is on its own. */
let own: Common | undefined;

/** Looks up what this copy shares with others, or is the first to. */
function common(): Common {
  try {
    const host = globalThis as { [key: symbol]: Common | undefined };
    const key = Symbol.for("nearside");
    host[key] ??= { seen: new Set(), ordered: new WeakMap() };
    const { seen, ordered } = host[key];
    if (seen instanceof Set && ordered instanceof WeakMap) return { seen, ordered };
  } catch {
    // A fixed property, or a getter of the page's.
  }
  own ??= { seen: new Set(), ordered: new WeakMap() };
  return own;
}

/** The keys that were noted in this page view, here or by another copy. No member throws. */
export class Seen {
  /** Those that could not be shared. */
  readonly #own = new Set<string>();

  has(key: string): boolean {
    return attempt(() => common().seen.has(key)) ?? this.#own.has(key);
  }

  add(key: string): void {
    attempt(() => common().seen.add(key)) ?? this.#own.add(key);
  }

  clear(): void {
    this.#own.clear();
    attempt(() => common().seen.clear());
  }
}

/** Whether `copy` may order a container: where the page has loaded the package twice, one of them does. */
export function mayOrder(container: Element, copy: unknown): boolean {
  return (attempt(() => common().ordered.get(container)) ?? copy) === copy;
}

/** Notes that `copy` has ordered a container. */
export function noteOrdered(container: Element, copy: unknown): void {
  attempt(() => common().ordered.set(container, copy));
}

function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    // guard: copies-throw
    return undefined;
  }
}
