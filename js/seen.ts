import { isCustom, outerOf, someWithin } from "./dom.js";

/**
 * What "seen" means, for `apply` and for `watch`. Both ask what is painted: a story without a box of its own (`display: contents`), one that
 * is hidden but has visible contents, and one whose box has no area are where their contents are.
 */

/** Contents that one look measures: beyond them a story is where its box is, and one without is taken to be in view. */
const most = 4000;

/** One look at the window that a container is in, before or after a change. */
export class Look {
  readonly #view: Window | null;
  readonly #bottom: number;
  #left = most;

  constructor(container: Element) {
    this.#view = container.ownerDocument.defaultView;
    this.#bottom = bottomOf(this.#view) / zoomOf(container);
  }

  /**
   * Whether the reader may have seen some of an element: it is painted, and does not lie wholly below the window. With a box of its own, what it
   * contains may stray into the window; `quick`: that is not asked.
   */
  sees(element: Element, quick = false): boolean {
    const view = this.#view;
    if (!view) return false;
    const style = view.getComputedStyle(element);
    if (typeof style.visibility !== "string") return true; // of the page's making: nothing can be known
    const hasBox = element.getClientRects().length > 0;
    if (!hasBox && style.display !== "contents") return false;
    const isVisible = style.visibility === "visible";
    const strays = hasBox && isVisible;
    if (strays && element.getBoundingClientRect().top < this.#bottom) return true;
    if (strays && (quick || /auto|hidden/.test(style.contentVisibility))) return false; // it paints nothing outside its box
    const reaches = this.#reaches(textOf(element));
    if (!hasBox && isVisible && reaches) return true;
    // All boxes in one look, but for those in shadow trees: most stories end here.
    if (hasBox && !reaches && !someWithin(element, hasShadow)) return false;
    const found = someWithin(element, (inner) => {
      if (this.#left-- <= 0) return true;
      if (!hasBox && isCustom(inner) && !inner.shadowRoot) return true; // what is in it cannot be known
      const box = inner.getBoundingClientRect();
      return (
        inner !== element &&
        this.#reaches(box) &&
        // Far off lies what only a screen reader shall find.
        (!strays || (box.bottom > 0 && box.right > 0 && box.left < view.innerWidth)) &&
        (isVisible || view.getComputedStyle(inner).visibility === "visible")
      );
    });
    return found && !(strays && this.#left < 0);
  }

  /** Where elements are painted, as far as the window shows it. */
  places(elements: readonly Element[]): string {
    const places: number[] = [];
    const add = ({ left, top, width, bottom }: DOMRect): void => {
      places.push(left, top, width, least(this.#bottom, bottom));
    };
    for (const element of elements) {
      add(element.getBoundingClientRect());
      if (element.getClientRects().length > 0) continue;
      add(textOf(element));
      someWithin(element, (inner) => {
        add(inner.getBoundingClientRect());
        return false;
      });
    }
    return places.join();
  }

  #reaches({ top, width, height }: DOMRect): boolean {
    return top < this.#bottom && width * height > 1;
  }
}

function hasShadow({ shadowRoot }: Element): boolean {
  return shadowRoot !== null;
}

/** The smaller number, or the first: by syntax, as a page may have anything in the place of `Math`. */
function least(one: number, other: number): number {
  if (other < one) return other;
  return one;
}

/** How much smaller an element is than it says: browsers without `currentCSSZoom` tell boxes as if nothing were zoomed. Never above 1. */
export function zoomOf(element: Element): number {
  let zoom = 1;
  for (let outer = element.currentCSSZoom === undefined ? element : null; outer; outer = outerOf(outer))
    zoom *= Number(getComputedStyle(outer).zoom) || 1;
  return least(1, zoom);
}

/** Where the window ends, in its own coordinates; a frame's where its parents' windows end as well. */
function bottomOf(view: Window | null): number {
  if (!view) return Number.NEGATIVE_INFINITY;
  const { innerHeight, visualViewport: zoomed } = view;
  const end = zoomed ? zoomed.offsetTop + zoomed.height : 0;
  const bottom = -least(-innerHeight, -end);
  try {
    const frame = view.frameElement as HTMLElement | null;
    if (!frame) return bottom;
    const { top, height } = frame.getBoundingClientRect();
    const below = (bottomOf(frame.ownerDocument.defaultView) - top) * (frame.offsetHeight / height);
    return least(bottom, below);
  } catch {
    return bottom; // the parent is of another origin
  }
}

/** The box of an element's own text and that in its contents: it needs no box of the element's. */
function textOf(element: Element): DOMRect {
  const range = document.createRange();
  range.selectNodeContents(element);
  return range.getBoundingClientRect();
}

/**
 * Whether at least half of a story is visible, or half of what of it a window, or a scroll container in it, of this width and height has room for. `parts` is what the
 * browser last said of what is painted of it.
 */
export function isHalfVisible(
  parts: readonly (IntersectionObserverEntry | undefined)[],
  [width, height]: readonly [number, number],
): boolean {
  let room = 0;
  let visible = 0;
  for (const part of parts) {
    if (!part) continue;
    const { boundingClientRect: box, intersectionRatio } = part;
    room += Math.min(box.width, width) * Math.min(box.height, height);
    visible += box.width * box.height * intersectionRatio;
  }
  return visible > 0 && visible >= 0.499 * Math.min(room, width * height); // shares are rounded
}

/** Whether something of an element is not hidden. */
export function isPainted(element: Element): boolean {
  const view = element.ownerDocument.defaultView as Window;
  return someWithin(element, (inner) => view.getComputedStyle(inner).visibility === "visible");
}
