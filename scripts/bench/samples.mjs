// Samples by what was measured, round by round, and what is kept of them.

import { summarise } from "./statistics.mjs";

/** Keeps rounds of milliseconds by key. */
export class Samples {
  #entries = new Map();

  add(key, round, ms) {
    const name = JSON.stringify(key);
    if (!this.#entries.has(name)) this.#entries.set(name, { ...key, rounds: [] });
    const { rounds } = this.#entries.get(name);
    rounds[round] = [...(rounds[round] ?? []), ...ms];
  }

  list() {
    return [...this.#entries.values()];
  }
}

/** Each key with its summary under `unit`: `factor` of them are a millisecond. */
export const reduceSamples = (list, unit, factor) =>
  list.map(({ rounds, ...key }) => ({
    ...key,
    [unit]: rounded(summarise(rounds.flat().map((ms) => ms * factor))),
  }));

const rounded = ({ median, interval, p95, samples }) => ({
  median: Number(median.toPrecision(4)),
  interval: interval.map((end) => Number(end.toPrecision(4))),
  p95: Number(p95.toPrecision(4)),
  samples,
});
