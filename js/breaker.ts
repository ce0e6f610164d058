import { date } from "./clock.js";
import { keep, kept } from "./kept.js";

/** So many page views that a model failed within a day switch it off for a day. */
const most = 3;
const day = 86_400_000;

let noted = false;

/** Whether the model with this hash is switched off on this device. */
export function isOff(model: string): boolean {
  const { faults } = kept();
  return faults?.model === model && isToday(faults.times?.[most - 1]);
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
