import { attribute } from "./dom.js";
import { storyOf } from "./opens.js";
import { safely } from "./quiet.js";
import { Views, weak } from "./views.js";

/** What `watch` reports, by story id. */
export interface Watcher {
  viewed(id: string): void;
  /** `at` tells one click from the next. */
  clicked(id: string, at: number): void;
  /** The addresses at which the story opens, as far as the lists know them. */
  urlsOf(id: string): readonly string[];
}

/**
 * Reports views and clicks on the marked elements within a container, also on those that come later, until the function that it returns is called. All
 * of it hangs on the container: once the page has let go of that, it is gone, and when the page puts it back, it goes on.
 */
export function watch(container: Element, watcher: Watcher): () => void {
  const self = weak(new Watch(container, watcher));
  return () => self()?.end();
}

class Watch {
  readonly #watcher: Watcher;
  readonly #views: Views | undefined;
  readonly #changes: MutationObserver;
  readonly #end = new AbortController();

  constructor(container: Element, watcher: Watcher) {
    this.#watcher = watcher;
    if (typeof IntersectionObserver === "function")
      this.#views = new Views((element) => watcher.viewed(element.getAttribute(attribute) ?? ""));
    const observe = (): void => this.#views?.follow(new Set(container.querySelectorAll(`[${attribute}]`)));
    this.#changes = new MutationObserver(
      safely((records: MutationRecord[]) => {
        // A framework may show another story in the same element: its second begins anew.
        for (const { type, target } of records)
          if (type === "attributes") this.#views?.restart(target as Element);
        observe();
      }),
    );
    this.#changes.observe(container, {
      __proto__: null,
      ...{ subtree: true, childList: true, attributeFilter: [attribute] },
    } as MutationObserverInit);
    observe();

    const options = { __proto__: null, signal: this.#end.signal, capture: true, passive: true };
    const onClick = (event: globalThis.Event): void => {
      const id = storyOf(event.composedPath(), container, this.#watcher.urlsOf);
      if (id) this.#watcher.clicked(id, event.timeStamp);
    };
    container.addEventListener("click", safely(onClick), options);
    container.addEventListener(
      "auxclick",
      safely((event) => (event as MouseEvent).button === 1 && onClick(event)),
      options,
    );
    whenShown(container.ownerDocument, weak(this));
  }

  /** The page is shown, or hidden. Answers whether it is still watched. */
  turn(): boolean {
    const { aborted } = this.#end.signal;
    if (!aborted) this.#views?.restart();
    return !aborted;
  }

  end(): void {
    this.#end.abort();
    this.#changes.disconnect();
    this.#views?.follow(new Set());
  }
}

/** The document lives longer than the list: its listener keeps nothing of that, and goes when it is gone. */
function whenShown(page: Document, self: () => Watch | undefined): void {
  const onVisibility = safely(() => {
    if (!self()?.turn()) page.removeEventListener("visibilitychange", onVisibility);
  });
  page.addEventListener("visibilitychange", onVisibility);
}
