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
  const options = { signal, capture: true, passive: true };
  container.addEventListener("click", onClick, options);
  container.addEventListener(
    "auxclick",
    (event) => (event as MouseEvent).button === 1 && onClick(event),
    options,
  );
}

function watchViews(container: Element, watcher: Watcher, signal: AbortSignal): void {
  /** Elements that are half visible, with the timer that runs while the page is visible, too. */
  const visible = new Map<Element, ReturnType<typeof setTimeout> | undefined>();
  const { ownerDocument: page } = container;

  const start = (element: Element): void => {
    clearTimeout(visible.get(element));
    const timer = page.hidden ? undefined : setTimeout(() => report(element, watcher.viewed), glance);
    visible.set(element, timer);
  };
  const stop = (element: Element): void => {
    clearTimeout(visible.get(element));
    visible.delete(element);
  };

  const views = new IntersectionObserver(
    (entries) => {
      for (const { target, intersectionRatio } of entries) {
        if (intersectionRatio >= 0.5) start(target);
        else stop(target);
      }
    },
    { threshold: 0.5 },
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
  const changes = new MutationObserver((records) => {
    for (const { type, target } of records) {
      // A framework may show another story in the same element: its second begins anew.
      if (type === "attributes" && visible.has(target as Element)) start(target as Element);
    }
    observe();
  });
  changes.observe(container, { subtree: true, childList: true, attributeFilter: [attribute] });
  observe();

  page.addEventListener("visibilitychange", () => [...visible.keys()].forEach(start), { signal });
  signal.addEventListener("abort", () => {
    changes.disconnect();
    views.disconnect();
    for (const element of [...visible.keys()]) stop(element);
  });
}

function report(element: Element, tell: (id: string) => void): void {
  try {
    const id = element.getAttribute(attribute);
    if (id) tell(id);
  } catch {
    // guard: report
    // A host that patched its globals: the click is the page's all the same.
  }
}
