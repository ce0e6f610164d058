import { flagsOf, idOf } from "./candidates.js";
import { hasPainted } from "./painted.js";
import { rearrange } from "./rearrange.js";
import type { Application, Candidate } from "./types.js";

const attribute = "data-nearside-id";
/** What starts over when it is taken out of the document and put back. */
const delicate = "iframe, video, audio, object, embed";

/**
 * Brings the marked children of a container into the order of `items`, all of them or none.
 *
 * A child that must not be re-inserted (it has focus, or plays something) keeps its slot, as unmarked children do; so do a pinned
 * or not personalizable one that stands where `items` has it, and,
 * once content has been painted, every child that the reader may have seen: that does not lie wholly below the viewport and is not
 * hidden. The others fill the remaining slots in the order of `items`. If something in the viewport would move all the same (a layout that flows between columns), everything
 * is put back before it can be painted.
 */
export function apply(container: Element, items: readonly Candidate[]): Application {
  try {
    return arrange(container, items);
  } catch {
    return { applied: false, reason: "stale_list" };
  }
}

function arrange(container: Element, items: readonly Candidate[]): Application {
  const current = Array.from(container.children);
  const marked = new Map<string, Element>();
  let count = 0;
  for (const child of current) {
    const id = child.getAttribute(attribute);
    if (id === null) continue;
    marked.set(id, child);
    count++;
  }
  const wanted = items.map((item) => marked.get(idOf(item) ?? ""));
  if (count !== items.length || new Set(wanted).size !== count || wanted.includes(undefined)) {
    return { applied: false, reason: "stale_list" };
  }
  const painted = hasPainted();
  const marks = current.filter((child) => child.hasAttribute(attribute));
  // Where others are held back, the rest slide along; what an editor has put in its slot must not slide with them.
  const pinned = new Set(wanted.filter((child, i) => child === marks[i] && flagsOf(items[i]) !== 0));
  const fixed = new Set(
    current.filter(
      (child) => !child.hasAttribute(attribute) || pinned.has(child) || mustStay(child, painted),
    ),
  );
  const free = (wanted as Element[]).filter((child) => !fixed.has(child));
  const target = current.map((child) => (fixed.has(child) ? child : (free.shift() as Element)));
  if (target.every((child, i) => child === current[i])) {
    // Nothing moves: because all is in order, or because what is not may not move.
    const inOrder = marks.every((child, i) => child === wanted[i]);
    return inOrder ? { applied: true, reason: "applied" } : { applied: false, reason: "too_late" };
  }
  const seen = painted ? current.filter((child) => !isUnseen(child)) : [];
  const before = seen.map(place);
  rearrange(container, current, target, fixed);
  if (seen.every((child, i) => place(child) === before[i])) return { applied: true, reason: "applied" };
  rearrange(container, target, current, fixed);
  return { applied: false, reason: "too_late" };
}

function mustStay(child: Element, painted: boolean): boolean {
  const { activeElement } = child.getRootNode() as Document | ShadowRoot;
  const focused = activeElement !== null && child.contains(activeElement);
  return (
    focused ||
    child.matches(delicate) ||
    child.querySelector(delicate) !== null ||
    (painted && !isUnseen(child))
  );
}

/** Wholly below the viewport, hidden, or not laid out at all. */
function isUnseen(child: Element): boolean {
  return (
    child.getClientRects().length === 0 ||
    child.getBoundingClientRect().top >= innerHeight ||
    getComputedStyle(child).visibility === "hidden"
  );
}

function place(child: Element): string {
  const { left, top, width, height } = child.getBoundingClientRect();
  return `${left} ${top} ${width} ${height}`;
}
