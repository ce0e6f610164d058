import { outerOf } from "./dom.js";
import { safely } from "./quiet.js";
import { isHalfVisible, isPainted, zoomOf } from "./seen.js";

/** How long a story must be half visible to count as seen. */
const glance = 1000;
/** Parts of one story that are looked at. */
const most = 50;

/** A story that is looked at. */
interface Story {
  readonly element: Element;
  /** Elements that are observed for it, and what the browser last said of each. */
  readonly parts: Map<Element, IntersectionObserverEntry | undefined>;
  isHalf: boolean;
  /** Runs while it is half visible. */
  timer?: ReturnType<typeof setTimeout>;
}

/** Notes which elements the reader sees. It is reached from what it observes only, so that it goes with a list that the page takes out. */
export class Views {
  readonly #stories = new Map<Element, Story>();
  /** The stories for which an element is observed: a card may lie in another. */
  readonly #owners = new Map<Element, Set<Story>>();
  readonly #observer: IntersectionObserver;
  readonly #tell: (element: Element) => void;

  constructor(tell: (element: Element) => void) {
    this.#tell = tell;
    // An observer is kept while it observes: what it calls must not keep the elements.
    const self = weak(this);
    const take = safely((entries: IntersectionObserverEntry[]) => {
      const views = self();
      if (views) for (const entry of entries) views.#take(entry);
    });
    // The shares at which the browser tells of a part: what is much taller than the window never has a large one.
    const threshold: number[] = [];
    for (let percent = 0; percent <= 100; percent++) threshold[percent] = percent / 100;
    this.#observer = new IntersectionObserver(take, {
      __proto__: null,
      threshold,
    } as IntersectionObserverInit);
  }

  /** Looks at these elements from now on, and at no others. */
  follow(elements: ReadonlySet<Element>): void {
    for (const [element, story] of this.#stories) {
      if (elements.has(element)) {
        // What is in it may be other than it was.
        if (story.parts.size > 1) this.#keep(story, partsOf(element));
      } else {
        clearTimeout(story.timer);
        this.#stories.delete(element);
        this.#keep(story, []);
      }
    }
    for (const element of elements) {
      if (this.#stories.has(element)) continue;
      const story: Story = { element, parts: new Map(), isHalf: false };
      this.#stories.set(element, story);
      this.#keep(story, [element]);
    }
  }

  /** Begins a story's second anew, or each's: another is shown, or the page is seen again. */
  restart(one?: Element): void {
    for (const [element, story] of this.#stories) if (!one || element === one) this.#start(story);
  }

  #take(entry: IntersectionObserverEntry): void {
    const { target } = entry;
    for (const story of this.#owners.get(target) ?? []) {
      const { element, parts } = story;
      parts.set(target, entry);
      if (target === element) this.#keep(story, partsOf(element));
      const shown = [...parts.values()].filter((part) => part !== undefined);
      const isHalf =
        entry.intersectionRatio > 0 || story.isHalf ? isHalfVisible(shown, roomOf(entry)) : false;
      if (isHalf === story.isHalf) continue;
      story.isHalf = isHalf;
      this.#start(story);
    }
  }

  #start(story: Story): void {
    const { element } = story;
    clearTimeout(story.timer);
    if (!story.isHalf || element.ownerDocument.hidden) return;
    const look = safely(() => {
      if (!element.isConnected) return;
      if (isPainted(element)) this.#tell(element);
      else this.#start(story); // it may yet appear where it is
    });
    story.timer = setTimeout(look, glance);
  }

  /** Observes these parts of a story, and no others. */
  #keep(story: Story, wanted: readonly Element[]): void {
    const { parts } = story;
    for (const part of parts.keys()) {
      if (wanted.includes(part)) continue;
      parts.delete(part);
      const owners = this.#owners.get(part);
      owners?.delete(story);
      if (owners?.size !== 0) continue;
      this.#owners.delete(part);
      this.#observer.unobserve(part);
    }
    for (const part of wanted) {
      if (!parts.has(part)) parts.set(part, undefined);
      const owners = this.#owners.get(part) ?? new Set();
      this.#owners.set(part, owners.add(story));
      this.#observer.observe(part);
    }
  }
}

/** What the window, or the narrowest scroll container around an element, has room for at a time: width and height. */
function roomOf({ target, rootBounds }: IntersectionObserverEntry): readonly [number, number] {
  const { defaultView, body } = target.ownerDocument;
  const view = defaultView as Window;
  let width = Math.min(rootBounds?.width ?? Infinity, view.innerWidth);
  let height = Math.min(rootBounds?.height ?? Infinity, view.innerHeight);
  for (let outer = outerOf(target); outer && outer !== body; outer = outerOf(outer)) {
    if (/visible|clip/.test(view.getComputedStyle(outer).overflowY)) continue;
    width = Math.min(width, outer.clientWidth);
    height = Math.min(height, outer.clientHeight);
  }
  const zoom = zoomOf(target);
  return [width / zoom, height / zoom];
}

/** The element itself, and where it is not where its box is the outermost elements within that are, or may be yet. */
function partsOf(element: Element, parts: Element[] = []): Element[] {
  parts.push(element);
  if (hasArea(element)) return parts;
  for (const root of [element, element.shadowRoot])
    for (const child of root?.children ?? []) if (parts.length < most) partsOf(child, parts);
  return parts;
}

/** Whether an element is where its box is: it has one with area, and what it contains does not lie out of it for the most part. */
function hasArea(element: Element): boolean {
  const { width, height } = element.getBoundingClientRect();
  if (width * height === 0) return false;
  const { offsetHeight = 0 } = element as HTMLElement;
  if (element.scrollHeight <= 2 * offsetHeight) return true;
  return element.ownerDocument.defaultView?.getComputedStyle(element).overflowY !== "visible";
}

/** A reference that does not keep what it refers to, where the browser has such. */
export function weak<T extends object>(value: T): () => T | undefined {
  return typeof WeakRef === "function" ? weakly(new WeakRef(value)) : () => value;
}

/** On its own: a function keeps whatever another of the same scope uses. */
function weakly<T extends object>(reference: WeakRef<T>): () => T | undefined {
  return () => reference.deref();
}
