/**
 * Brings children from one order into another with as few re-insertions as possible. `fixed` children have the same index in
 * both and are never re-inserted.
 */
export function rearrange(
  container: Element,
  current: readonly Element[],
  target: readonly Element[],
  fixed: ReadonlySet<Element>,
): void {
  const resting = new Set(fixed);
  const indices = new Map(current.map((child, i) => [child, i]));
  let start = 0;
  for (let end = 0; end <= target.length; end++) {
    const child = target[end];
    if (child && !fixed.has(child)) continue;
    // Between two fixed children: those that were there before and stand in rising order may rest.
    const run = target.slice(start, end).filter((child) => {
      const i = indices.get(child) as number;
      return start <= i && i < end;
    });
    for (const i of longestRising(run.map((child) => indices.get(child) as number))) {
      resting.add(current[i] as Element);
    }
    start = end + 1;
  }
  for (let i = target.length - 1; i >= 0; i--) {
    const child = target[i] as Element;
    if (!resting.has(child)) container.insertBefore(child, target[i + 1] ?? null);
  }
}

/** Puts children back into an order, wherever they are now, past what the page's own code makes of it. */
export function restore(container: Element, order: readonly Element[], fixed: ReadonlySet<Element>): void {
  for (let i = order.length - 1; i >= 0; i--) {
    const child = order[i] as Element;
    const next = order[i + 1] ?? null;
    if (fixed.has(child) || child.nextElementSibling === next) continue;
    try {
      Node.prototype.insertBefore.call(container, child, next);
    } catch {
      // The page has taken one of the two out.
    }
  }
}

/** A longest rising subsequence of distinct numbers. */
export function longestRising(values: readonly number[]): number[] {
  const ends: number[] = []; // ends[n]: place of the least value that ends a rising sequence of n + 1
  const before: (number | undefined)[] = [];
  values.forEach((value, place) => {
    let low = 0;
    let high = ends.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((values[ends[middle] as number] as number) < value) low = middle + 1;
      else high = middle;
    }
    before[place] = ends[low - 1];
    ends[low] = place;
  });
  const rising: number[] = [];
  for (let place = ends.at(-1); place !== undefined; place = before[place])
    rising.push(values[place] as number);
  return rising.reverse();
}
