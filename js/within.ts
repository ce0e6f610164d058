import { quietly } from "./quiet.js";
import { after } from "./timer.js";

/**
 * The promise's result, or after `ms` milliseconds the rejection `late()`. Leaves no timer behind. `waits`: so many times that long, each
 * counted once the thread is free, so that a task which keeps it busy for longer than a wait hides no answer that came meanwhile.
 */
export function within<T>(promise: Promise<T>, ms: number, late: () => unknown, waits = 1): Promise<T> {
  void quietly(() => promise); // guard: within
  return new Promise((resolve, reject) => {
    let end = (): void => {};
    const wait = (left: number): void => {
      end = after(ms, () => (left > 1 ? wait(left - 1) : reject(late())));
    };
    wait(waits); // guard: late
    void (async () => {
      try {
        resolve(await promise);
      } catch (error) {
        reject(error);
      } finally {
        end();
      }
    })();
  });
}
