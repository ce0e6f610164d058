/** A signal that aborts in `ms` milliseconds, where the browser has such. */
export function deadline(ms: number): AbortSignal | undefined {
  try {
    const signal = AbortSignal.timeout(Math.max(1, ms));
    return signal instanceof AbortSignal ? signal : undefined;
  } catch {
    // guard: no-timeout
    return undefined;
  }
}

/** The longest that a browser's timer takes; a longer one fires at once. */
const longest = 2 ** 31 - 1;

/**
 * Calls `work` once, in `ms` milliseconds; returns what calls that off. Neither throws. Timers that the page put in place of the browser's
 * may never fire (test runners have such): the browser's own for signals is started as well, and the first of the two counts.
 */
export function after(ms: number, work: () => void): () => void {
  let isDue = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let signal: AbortSignal | undefined;
  const end = (): void => {
    isDue = false;
    if (signal) signal.onabort = null;
    try {
      clearTimeout(timer);
    } catch {
      // guard: timer-end
      // It may fire, and is not heard.
    }
  };
  const fire = (): void => {
    if (!isDue) return; // also one that fires within the call that starts it
    end();
    work();
  };
  if (ms > longest) return end;
  try {
    timer = setTimeout(fire, ms);
  } catch {
    // guard: timer
    // The page has no timers.
  }
  signal = deadline(ms);
  if (signal) signal.onabort = fire; // guard: timer-never
  isDue = true;
  return end;
}
