// The one place that reads the page's clocks. They belong to the page: it may take them away, or put anything in their place.

/** No date is later, in milliseconds since 1970. */
const latest = 8.64e15;
/** A ranking waits for nothing longer: a greater step is of a clock that was set, or makes no sense. */
const longest = 86_400_000;

/** Which clock `now` read last, what that said, and the milliseconds that all of them have counted. */
let isSteady = false;
let last = 0;
let total = 0;

/** Milliseconds since 1970. Always finite; 0 where no clock of the page tells. */
export function date(): number {
  return (
    read(() => Date.now(), 1) ??
    // biome-ignore lint/complexity/useDateNow: that is the function which may be missing
    read(() => new Date().getTime(), 1) ??
    read(() => performance.timeOrigin + performance.now(), 1) ??
    0
  );
}

/** Milliseconds on a clock that never goes back. Always finite; it stands still while no clock of the page tells. */
export function now(): number {
  const steady = read(() => performance.now(), 0);
  const time = steady ?? date();
  const step = time - last;
  // What two clocks say has no difference.
  if (isSteady === (steady !== undefined) && step > 0 && step < longest) total += step;
  isSteady = steady !== undefined;
  last = time;
  return total;
}

/** What a clock says, if that can be a time. */
function read(clock: () => unknown, least: number): number | undefined {
  try {
    const time = clock();
    if (typeof time === "number" && time >= least && time <= latest) return time; // guard: clock-nonsense
  } catch {
    // guard: clock
    // The page has none, or it throws.
  }
  return undefined;
}
