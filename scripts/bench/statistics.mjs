// What samples say: medians, intervals without assumptions about their distribution, ratios of medians.

/** The `p`-th quantile of sorted numbers, interpolated between neighbours. */
function quantileOf(sorted, p) {
  const place = p * (sorted.length - 1);
  const below = Math.floor(place);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
}

const ascending = (numbers) => Float64Array.from(numbers).sort();

/** The median of numbers in any order. */
export const median = (numbers) => quantileOf(ascending(numbers), 0.5);

/**
 * Median, its 95 % interval and the 95th percentile of numbers in any order.
 *
 * The interval is between order statistics, by the normal approximation to the binomial; of fewer than six numbers it is their
 * range, which then covers less than 95 %.
 */
export function summarise(numbers) {
  if (numbers.length === 0) throw new RangeError("there is no sample");
  const sorted = ascending(numbers);
  const n = sorted.length;
  const half = 0.98 * Math.sqrt(n);
  const low = Math.max(0, Math.floor(n / 2 - half));
  const high = Math.min(n - 1, Math.ceil(n / 2 + half) - 1);
  return {
    median: quantileOf(sorted, 0.5),
    interval: [sorted[low], sorted[high]],
    p95: quantileOf(sorted, 0.95),
    samples: n,
  };
}

/** Numbers in [0, 1), the same for a seed (Mulberry32). */
function generator(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * The ratio of two medians, `above` over `below`, with its 95 % interval by the bootstrap.
 *
 * Both are lists of rounds, each round the list of its samples: a round that a busy machine slowed is drawn for both or for
 * neither. The draws are the same for the same input.
 */
export function ratioOfMedians(above, below, draws = 2000) {
  const rounds = above.length;
  if (rounds === 0 || below.length !== rounds) throw new RangeError("the two were not measured in one run");
  const ratio = (a, b) => median(a.flat()) / median(b.flat());
  const next = generator(rounds);
  const drawn = Array.from({ length: draws }, () => {
    const places = Array.from({ length: rounds }, () => Math.floor(next() * rounds));
    return ratio(
      places.map((place) => above[place]),
      places.map((place) => below[place]),
    );
  });
  const sorted = ascending(drawn);
  return { ratio: ratio(above, below), interval: [quantileOf(sorted, 0.025), quantileOf(sorted, 0.975)] };
}
