import { Refusal, textOf } from "./refusal.js";

/** Loads a part of the package that is a script of its own. Throws a `load_failed` refusal. */
export async function loadPart<T>(name: string, load: () => Promise<T>): Promise<T> {
  try {
    // webpack's loader throws before it answers with a promise, where Trusted Types are enforced.
    return await load();
  } catch (error) {
    const why = `its script did not load; Trusted Types need webpack's output.trustedTypes: ${textOf(error)}`;
    throw new Refusal("load_failed", `${name}: ${why}`);
  }
}
