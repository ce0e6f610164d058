/** What the copies of the package share, where a page has loaded several. */
interface Common {
  /** Stories seen and clicks counted in this page view: `Profile.seen` of the default store. */
  readonly seen: Set<string>;
  /** Which copy has ordered a container. */
  readonly ordered: WeakMap<Element, unknown>;
}

/** Looks up what this copy shares with others, or is the first to. A window takes new members always: it cannot be frozen. */
export function common(): Common {
  const host = globalThis as { [key: symbol]: Common | undefined };
  const key = Symbol.for("nearside");
  host[key] ??= { seen: new Set(), ordered: new WeakMap() };
  return host[key];
}
