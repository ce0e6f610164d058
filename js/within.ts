const longest = 2 ** 31 - 1; // beyond it a browser's timer fires at once

/**
 * The promise's result, or after `ms` milliseconds the rejection `late()`. Leaves no timer behind. `waits`: so many times that long, each
 * counted once the thread is free, so that a task which keeps it busy for longer than a wait hides no answer that came meanwhile.
 */
export function within<T>(promise: Promise<T>, ms: number, late: () => Error, waits = 1): Promise<T> {
  return new Promise((resolve, reject) => {
    let timer: ReturnType<typeof setTimeout>;
    const wait = (left: number): void => {
      timer = setTimeout(() => (left > 1 ? wait(left - 1) : reject(late())), ms);
    };
    if (ms <= longest) wait(waits); // guard: late
    const end = () => clearTimeout(timer);
    promise.then(resolve, reject).then(end, end);
  });
}
