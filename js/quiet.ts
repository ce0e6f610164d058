// What the page calls, and what nobody waits for: whatever goes wrong in it, the page gets no error of ours.

/** A listener that does not throw. */
export function safely<A>(listener: (given: A) => unknown): (given: A) => void {
  return (given) => {
    try {
      listener(given);
    } catch {
      // guard: listener-throws
    }
  };
}

/** Does what nobody waits for, now and later. Neither throws nor rejects: by syntax alone, as a page may have patched its promises. */
export async function quietly(work: () => unknown): Promise<void> {
  try {
    await work();
  } catch {
    // guard: quietly
  }
}

/** A promise's result, or what comes of its failing. By syntax alone, as above; a failure that nobody waits for is no error of the page's. */
export function either<T>(promise: Promise<T>, failed: (error: unknown) => T | Promise<T>): Promise<T> {
  const settled = (async () => {
    try {
      return await promise;
    } catch (error) {
      return await failed(error);
    }
  })();
  void quietly(() => settled);
  return settled;
}
