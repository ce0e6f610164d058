import { date } from "./clock.js";
import { keep, kept } from "./kept.js";

/** So many page views that a model failed within a day switch it off for a day. */
const most = 3;
const day = 86_400_000;
/**
 * Milliseconds in the engine that are never too long, however short the budget: the default budget. 100 candidates on 48,000 weights
 * take 0.4 (DEVELOPING.md); a slow phone, or a processor with other work, does not make so much of what is sound.
 */
const floor = 100;

/** Models whose failing is kept. */
const mostModels = 4;

/** Those that failed in this page view. */
let noted: Set<string> | undefined;

/** Whether the model with this hash is switched off on this device. */
export function isOff(model: string): boolean {
  return isToday(kept().faults?.[model]?.[most - 1]);
}

/**
 * Whether a ranking took the model too long. Only time in the engine counts: what lists, a busy thread or a worker's queue took is no
 * fault of the model.
 */
export function isTooLong(engineMs: number, budget: number): boolean {
  return engineMs > Math.max(budget, floor);
}

/** Notes that the model with this hash failed this page view. */
export function noteFault(model: string): void {
  noted ??= new Set();
  if (noted.has(model)) return;
  noted.add(model);
  const { faults } = kept();
  const others = Object.entries(faults ?? {}).filter(
    ([other, times]) => other !== model && timesOf(times).length > 0,
  );
  const times = [...timesOf(faults?.[model]), date()].slice(-most);
  keep({ faults: Object.fromEntries([...others.slice(1 - mostModels), [model, times]]) });
}

/** What of them the last 24 hours hold. What is kept may be anything. */
function timesOf(times: unknown): number[] {
  return Array.isArray(times) ? times.filter(isToday) : [];
}

/** Whether the last 24 hours hold a time. One to come is of a clock that was wrong. */
function isToday(time: unknown): boolean {
  const age = date() - Number(time);
  return age >= 0 && age < day;
}
