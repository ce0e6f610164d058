import { flagsOf, idOf } from "./candidates.js";
import { mayOrder, noteOrdered } from "./copies.js";
import { isDelicate } from "./delicate.js";
import { attribute, flowsInColumns, outerOf } from "./dom.js";
import { hasPainted } from "./painted.js";
import { rearrange, restore } from "./rearrange.js";
import { Look } from "./seen.js";
import type { Application, Candidate } from "./types.js";

/**
 * Brings the marked children of a container into the order of `items`, as far as they may move.
 *
 * A child that must not be re-inserted (it has focus, plays something, or would start over) keeps its slot, as unmarked children do; so
 * does, where `items` has it in its slot, one that is pinned or not personalizable or that `holds` names; and, once content has been painted,
 * every child that the reader may have seen (`Look`). The others fill the remaining slots in the order of `items`. If something in
 * the window would move all the same, or the page's own code throws or interferes, every child is put back before it can be painted. In a
 * layout that flows between columns nothing moves once content has been painted.
 */
export function apply(
  container: Element,
  items: readonly Candidate[],
  holds: (id: string) => boolean,
): Application {
  // Where the page has loaded the package twice, one copy orders a container.
  if (!mayOrder(container, apply)) return { applied: false, reason: "too_late" };
  const application = arrange(container, items, holds);
  if (application.applied) noteOrdered(container, apply);
  return application;
}

function arrange(
  container: Element,
  items: readonly Candidate[],
  holds: (id: string) => boolean,
): Application {
  const children = (): Element[] => Array.from(container.children);
  const current = children();
  const marked = new Map<string, Element>();
  let count = 0;
  for (const child of current) {
    const id = child.getAttribute(attribute);
    if (id === null) continue;
    marked.set(id, child);
    count++;
  }
  const ids = items.map((item) => idOf(item) ?? "");
  const wanted = ids.map((id) => marked.get(id));
  if (count !== items.length || new Set(wanted).size !== count || wanted.includes(undefined)) {
    return { applied: false, reason: "stale_list" };
  }
  const painted = hasPainted();
  const marks = current.filter((child) => child.getAttribute(attribute) !== null);
  // Where others are held back, the rest slide along; what ranking was not to move must not slide with them.
  const held = new Set(
    wanted.filter((child, i) => child === marks[i] && (flagsOf(items[i]) !== 0 || holds(ids[i] as string))),
  );
  const look = painted ? new Look(container) : undefined;
  const seen = current.filter((child) => look?.sees(child)); // guard: seen
  const fixed = new Set(
    current.filter(
      (child) =>
        child.getAttribute(attribute) === null ||
        held.has(child) ||
        seen.includes(child) ||
        hasFocus(child) || // guard: focus
        isDelicate(child), // guard: delicate
    ),
  );
  const free = (wanted as Element[]).filter((child) => !fixed.has(child));
  const target = current.map((child) => (fixed.has(child) ? child : (free.shift() as Element)));
  if (target.every((child, i) => child === current[i])) {
    // Nothing moves: because all is in order, or because what is not may not move.
    const inOrder = marks.every((child, i) => child === wanted[i]);
    return inOrder ? { applied: true, reason: "applied" } : { applied: false, reason: "too_late" };
  }
  if (look && flowsInColumns(container)) return { applied: false, reason: "too_late" };
  // What stands beside the container, and beside what it is in, must not be pushed about, either.
  for (let inner: Element | null = look ? container : null; inner; inner = outerOf(inner))
    for (const one of inner.parentNode?.children ?? [])
      if (one !== inner && look?.sees(one, true)) seen.push(one);
  const before = look?.places(seen);
  try {
    rearrange(container, current, target, fixed, painted);
  } catch {
    // guard: rearrange
    // The page's own code threw: the children show how far it came.
  }
  const now = children();
  const done = target.every((child, i) => child === now[i]);
  const after = look && new Look(container);
  if (done && after?.places(seen) === before && !current.some((one) => !fixed.has(one) && after?.sees(one)))
    return { applied: true, reason: "applied" };
  restore(container, current, fixed); // guard: restore
  return { applied: false, reason: done ? "too_late" : "stale_list" };
}

function hasFocus(child: Element): boolean {
  const { activeElement } = child.getRootNode() as Document | ShadowRoot;
  return activeElement !== null && child.contains(activeElement);
}
