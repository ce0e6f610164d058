const longest = 2 ** 31 - 1; // beyond it a browser's timer fires at once

/** The promise's result, or after `ms` milliseconds the rejection `late()`. Leaves no timer behind. */
export function within<T>(promise: Promise<T>, ms: number, late: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = ms <= longest ? setTimeout(() => reject(late()), ms) : undefined;
    const end = () => clearTimeout(timer);
    promise.then(resolve, reject).then(end, end);
  });
}
