import type { Core } from "./nearside.js";

/** Kinds of events, in the order of the core's numbers. */
const kinds = ["viewed", "clicked", "dwelled", "hide", "unhide"] as const;

/** What the reader did, at a time. */
export interface Event {
  readonly kind: (typeof kinds)[number];
  readonly id: string;
  readonly topic: string;
  readonly subtopic: string;
  readonly vector: string;
  /** The vector's space, `""` for the model's. */
  readonly space: string;
  /** Reading time; 0 unless `dwelled`. */
  readonly seconds: number;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** Has a core take in an event. `space` is its model's vector space; a vector of another is left out. */
export function tell(core: Core, event: Event, space: string): void {
  const { kind, id, topic, subtopic, seconds, at } = event;
  const vector = event.space === "" || event.space === space ? event.vector : "";
  core.record(kinds.indexOf(kind), id, topic, subtopic, vector, seconds, at);
}
