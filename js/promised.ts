/** An object as a promise may hold it, also where the page gave all objects a `then`. */
export function unlikePromises<T extends object>(value: T): T {
  return "then" in value ? ({ __proto__: null, ...value } as T) : value;
}
