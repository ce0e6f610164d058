import { safely } from "./quiet.js";

const attribute = "data-nearside-id";
/** How long a story must be half visible to count as seen. */
const glance = 1000;
/** What opens a story. Other controls on a card (hide, save, share) do not. */
const opener = "a[href], area[href], [role=link]";

/** What `watch` reports, by story id. */
export interface Watcher {
  viewed(id: string): void;
  /** `at` tells one click from the next. */
  clicked(id: string, at: number): void;
}

/** Reports views and clicks on the marked elements within a container, also on those that come later, until `signal` aborts. */
export function watch(container: Element, watcher: Watcher, signal: AbortSignal): void {
  watchClicks(container, watcher, signal);
  if (typeof IntersectionObserver === "function") watchViews(container, watcher, signal);
}

function watchClicks(container: Element, watcher: Watcher, signal: AbortSignal): void {
  const onClick = (event: globalThis.Event): void => {
    const target = event.target instanceof Element ? event.target : null;
    const link = target?.closest(opener);
    const story = target?.closest(`[${attribute}]`);
    // The link may lie in the story or around it, or be the story.
    if (link && story && container.contains(story))
      report(story, (id) => watcher.clicked(id, event.timeStamp));
  };
  const options = { __proto__: null, signal, capture: true, passive: true };
  container.addEventListener("click", safely(onClick), options);
  container.addEventListener(
    "auxclick",
    safely((event) => (event as MouseEvent).button === 1 && onClick(event)),
    options,
  );
}

function watchViews(container: Element, watcher: Watcher, signal: AbortSignal): void {
  /** Elements that are half visible, with the timer that runs while the page is visible, too. */
  const visible = new Map<Element, ReturnType<typeof setTimeout> | undefined>();
  const { ownerDocument: page } = container;

  const start = (element: Element): void => {
    clearTimeout(visible.get(element));
    const seen = safely(() => report(element, watcher.viewed));
    const timer = page.hidden ? undefined : setTimeout(seen, glance);
    visible.set(element, timer);
  };
  const stop = (element: Element): void => {
    clearTimeout(visible.get(element));
    visible.delete(element);
  };

  const views = new IntersectionObserver(
    safely((entries: IntersectionObserverEntry[]) => {
      for (const { target, intersectionRatio } of entries) {
        if (intersectionRatio >= 0.5) start(target);
        else stop(target);
      }
    }),
    { __proto__: null, threshold: 0.5 } as IntersectionObserverInit,
  );

  const observed = new Set<Element>();
  const observe = (): void => {
    const present = new Set(container.querySelectorAll(`[${attribute}]`));
    for (const element of observed) {
      if (present.has(element)) continue;
      observed.delete(element);
      views.unobserve(element);
      stop(element);
    }
    for (const element of present) {
      if (observed.has(element)) continue;
      observed.add(element);
      views.observe(element);
    }
  };
  const changes = new MutationObserver(
    safely((records: MutationRecord[]) => {
      for (const { type, target } of records) {
        // A framework may show another story in the same element: its second begins anew.
        if (type === "attributes" && visible.has(target as Element)) start(target as Element);
      }
      observe();
    }),
  );
  changes.observe(container, {
    __proto__: null,
    ...{ subtree: true, childList: true, attributeFilter: [attribute] },
  } as MutationObserverInit);
  observe();

  page.addEventListener(
    "visibilitychange",
    safely(() => [...visible.keys()].forEach(start)),
    { __proto__: null, signal } as object,
  );
  signal.addEventListener(
    "abort",
    safely(() => {
      changes.disconnect();
      views.disconnect();
      for (const element of [...visible.keys()]) stop(element);
    }),
  );
}

function report(element: Element, tell: (id: string) => void): void {
  const id = element.getAttribute(attribute);
  if (id) tell(id);
}
