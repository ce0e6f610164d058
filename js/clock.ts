/** Milliseconds on a clock that never goes back, where there is one. */
export function now(): number {
  return globalThis.performance?.now() ?? Date.now();
}
