const key = "nearside.release";

/** What is kept beside the history. Nothing in it comes from what the reader read, but which manifests their pages named. */
export interface Kept {
  /** What is known of releases, by their manifest's URL. */
  readonly releases?: { readonly [manifestUrl: string]: KeptRelease };
  /** 0–999, drawn once: which share of the readers this one is in. */
  readonly bucket?: number;
  /** When models last failed page views, by their hash, in milliseconds since 1970: at most three times each, and of few models. */
  readonly faults?: { readonly [model: string]: readonly number[] };
}

/** What is kept of the releases of one URL. */
export interface KeptRelease {
  /** The highest version kept here: none below it is taken any more, as long as the key that signed it is pinned. */
  readonly version?: number;
  readonly key?: string;
  /** The channel it was signed for. Before there were channels the version was of any: it counts no more. */
  readonly channel?: string;
  /** The manifest of that release, unless its files turned out to be bad. */
  readonly newest?: string | undefined;
  /** The manifest of the last release whose files loaded. */
  readonly good?: string;
}

/** What `localStorage` did not take; it lasts as long as the page. */
let memory: Kept = {};

/** What is kept; nothing where it cannot be read. */
export function kept(): Kept {
  if (Object.keys(memory).length > 0) return memory;
  try {
    const value = JSON.parse(localStorage.getItem(key) as string);
    if (typeof value === "object" && value !== null) return value;
  } catch {
    // guard: kept
    // Refused, or not as it was written.
  }
  return memory;
}

/** Keeps some more. */
export function keep(more: Kept): void {
  const all = { ...kept(), ...more };
  memory = {}; // once written it goes when another tab erases it
  try {
    localStorage.setItem(key, JSON.stringify(all));
  } catch {
    // guard: keep
    memory = all; // refused, or full
  }
}

let forgotten = 0;

/** How often this page has forgotten: what began before must not keep any more. */
export function timesForgotten(): number {
  return forgotten;
}

/** Keeps nothing any more. */
export function forgetKept(): void {
  forgotten++;
  memory = {};
  try {
    localStorage.removeItem(key);
  } catch {
    // guard: forget
    // Refused: then nothing is there.
  }
}
