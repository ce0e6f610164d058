/** The object without what the page gave to all objects, where `name` is among that: a `then` makes any of them a promise. */
export function apart<T extends object>(value: T, name: string): T {
  return name in {} ? ({ __proto__: null, ...value } as T) : value;
}
