/** What the copies of the package share, where a page has loaded several. */
interface Common {
  /** Stories seen and clicks counted in this page view, as numbers: no id can be read there. */
  readonly seen: Set<number>;
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
  readonly #own = new Set<number>();

  has(key: string): boolean {
    const number = numberOf(key);
    return attempt(() => common().seen.has(number)) ?? this.#own.has(number);
  }

  add(key: string): void {
    const number = numberOf(key);
    attempt(() => common().seen.add(number)) ?? this.#own.add(number);
  }

  clear(): void {
    this.#own.clear();
    attempt(() => common().seen.clear());
  }
}

/** FNV-1a in 32 bits: two of a page view's keys are hardly ever alike. */
function numberOf(key: string): number {
  let number = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) number = Math.imul(number ^ key.charCodeAt(i), 0x01000193);
  return number;
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
