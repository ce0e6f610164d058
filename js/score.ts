import type { Columns } from "./candidates.js";
import { now } from "./clock.js";
import type { Core } from "./nearside.js";
import type { Reason } from "./types.js";

/** What the core says of one ranking, copied out of it. */
export interface Scored {
  /** `order[slot]` is the candidate that stands there. */
  readonly order: Uint32Array;
  /** `ranked`, or why the order is the server's. */
  readonly reason: Reason;
  /** How many candidates kept their slot because something in them cannot be used. */
  readonly skipped: number;
  /** Weight of the personal part. */
  readonly weight: number;
  /** Features, server logit, personal part and bound code of each ranked candidate, in the server's order. */
  readonly rows: Float32Array;
  /** Milliseconds that it took in the engine, by the clock of the thread it ran on. */
  readonly engineMs: number;
}

/** What the core says of its model. */
export interface Described {
  readonly modelId: string;
  /** The name of its vector space. */
  readonly space: string;
  /** The names of its features, in its order. */
  readonly names: readonly string[];
}

/** What a ranking may come to, in the order of the core's numbers. */
export const reasons: readonly Reason[] = ["ranked", "cold", "off", "unscored"];

/** The core, once its model has passed its golden case. */
export function checked(core: Core): Core {
  core.check();
  return core;
}

/** What there is to know of a core's model. */
export function describe(core: Core): Described {
  const [modelId = "", space = "", ...names] = core.description().split("\n");
  return { modelId, space, names };
}

/** One ranking by a core's history. `space` is the list's; `at` is now, in milliseconds since 1970. */
export function scoreOn(
  core: Core,
  { text, lengths, numbers, flags }: Columns,
  space: string,
  policy: Float64Array,
  at: number,
): Scored {
  const started = now();
  return {
    order: core.rank(text, lengths, numbers, flags, space, policy, at),
    reason: reasons[core.reason()] as Reason,
    skipped: core.skipped(),
    weight: core.weight(),
    rows: core.explanations(),
    engineMs: now() - started,
  };
}
