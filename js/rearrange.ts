import { fits, isCustom, keepsState, someWithin } from "./dom.js";

/**
 * Brings children from one order into another with as few re-insertions as possible. `fixed` children have the same index in
 * both and are never re-inserted. Once `painted`, what is scrolled in them stays so.
 */
export function rearrange(
  container: Element,
  current: readonly Element[],
  target: readonly Element[],
  fixed: ReadonlySet<Element>,
  painted: boolean,
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
  const put = painted ? target.filter((child) => !resting.has(child)).flatMap(scrolled) : [];
  for (let i = target.length - 1; i >= 0; i--) {
    const child = target[i] as Element;
    if (!resting.has(child)) insert(container, child, target[i + 1] ?? null);
  }
  for (const scroll of put) scroll();
}

/** Moves a child as gently as the browser can. */
function insert(container: Element, child: Element, next: Element | null): void {
  if (keepsState() && container.isConnected) Element.prototype.moveBefore.call(container, child, next);
  else reinsert(container, child, next);
}

function reinsert(container: Element, child: Element, next: Element | null): void {
  Node.prototype.insertBefore.call(container, child, next);
}

/** What puts the contents of a child that are scrolled back to where they are: not every browser keeps it. */
function scrolled(child: Element): (() => void)[] {
  const put: (() => void)[] = [];
  someWithin(child, (inner) => {
    const { scrollLeft: left, scrollTop: top } = inner;
    if (left || top)
      put.push(() => inner.scrollTo({ __proto__: null, left, top, behavior: "instant" } as object));
    return false;
  });
  return put;
}

/** Puts children back into an order, wherever they are now, past what the page's own code makes of it. */
export function restore(container: Element, order: readonly Element[], fixed: ReadonlySet<Element>): void {
  for (let i = order.length - 1; i >= 0; i--) {
    const child = order[i] as Element;
    const next = order[i + 1] ?? null;
    if (fixed.has(child) || child.nextElementSibling === next) continue;
    // Chromium tells of a shift where what was moved with its state is so moved again at once: only what has a state is.
    const hasState = someWithin(child, (inner) => isCustom(inner) || fits(inner, "dialog[open], [popover]"));
    // What the page has taken out meanwhile can only be inserted.
    for (const put of hasState ? [insert, reinsert] : [reinsert]) {
      try {
        put(container, child, next);
        break;
      } catch {
        // The page has taken the other one out as well.
      }
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
