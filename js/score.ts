import type { Columns } from "./candidates.js";
import { now } from "./clock.js";
import type { Core, Ranked } from "./core.js";

/** One ranking, and what it took. */
export interface Scored extends Ranked {
  /** Milliseconds that it took in the engine, by the clock of the thread it ran on. */
  readonly engineMs: number;
}

/** The core, once its model has passed its golden case. */
export function checked(core: Core): Core {
  core.check();
  return core;
}

/** One ranking by a core's history. `space` is the list's; `at` is now, in milliseconds since 1970. */
export function scoreOn(
  core: Core,
  columns: Columns,
  space: string,
  policy: Float64Array,
  at: number,
): Scored {
  const started = now();
  return { ...core.rank(columns, space, policy, at), engineMs: now() - started };
}
