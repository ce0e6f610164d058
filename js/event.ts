import type { Core } from "./core.js";
import type { events } from "./wire.js";

/** What the reader did, at a time. */
export interface Event {
  readonly kind: keyof typeof events;
  readonly id: string;
  readonly topic: string;
  readonly subtopic: string;
  readonly vector: string;
  /** The vector's space, `""` for that of the model of the reranker it was told. */
  readonly space: string;
  /** Reading time; 0 unless `dwelled`. */
  readonly seconds: number;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** Has a core take in an event, whose vector is of space `of`. `space` is the core's; a vector of another is left out. */
export function tell(core: Core, event: Event, of: string, space: string): void {
  core.record({ ...event, vector: of === space ? event.vector : "" });
}
