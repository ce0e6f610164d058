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

let noted = false;

/** Whether the model with this hash is switched off on this device. */
export function isOff(model: string): boolean {
  const { faults } = kept();
  return faults?.model === model && isToday(faults.times?.[most - 1]);
}

/**
 * Whether a ranking took the model too long. Only time in the engine counts: what lists, a busy thread or a worker's queue took is no
 * fault of the model.
 */
export function isTooLong(engineMs: number, budget: number): boolean {
  return engineMs > Math.max(budget, floor);
}

/** Notes that the model failed this page view. */
export function noteFault(model: string): void {
  if (noted) return;
  noted = true;
  const { faults } = kept();
  const times = faults?.model === model && Array.isArray(faults.times) ? faults.times.filter(isToday) : [];
  keep({ faults: { model, times: [...times, date()].slice(-most) } });
}

/** Whether the last 24 hours hold a time. One to come is of a clock that was wrong. */
function isToday(time: number | undefined): boolean {
  const age = date() - Number(time);
  return age >= 0 && age < day;
}
