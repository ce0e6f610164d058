/** Names the story of an element. */
export const attribute = "data-nearside-id";

/** Whether a node, of whatever window, is an element that fits a selector. */
export function fits(node: unknown, selector: string): boolean {
  return (node as Element).matches?.(selector);
}

/** What an element is laid out in: its slot, its parent, or of a shadow tree's outermost the host. */
export function outerOf(element: Element): Element | null {
  return (
    element.assignedSlot ?? element.parentElement ?? (element.parentNode as ShadowRoot | null)?.host ?? null
  );
}

/** Whether `test` says so of a node's own element or of one within, in shadow trees that are open as well. */
export function someWithin(root: Node, test: (element: Element) => boolean): boolean {
  const walker = document.createTreeWalker(root, 1); // elements
  for (let node: Node | null = root; node; node = walker.nextNode()) {
    if (node.nodeType === 11) continue; // the shadow root itself
    const element = node as Element;
    if (test(element)) return true;
    const { shadowRoot } = element;
    if (shadowRoot && someWithin(shadowRoot, test)) return true;
  }
  return false;
}

/** Whether an element is, or may become, a custom one: what is in it is its own, and it hears of each insertion. */
export function isCustom({ localName }: Element): boolean {
  return typeof localName === "string" && localName.includes("-");
}

/** Whether this browser moves an element with all its state: a frame is not loaded again, an animation goes on. */
export function keepsState(): boolean {
  return typeof Element.prototype.moveBefore === "function";
}

/**
 * Whether an element's contents flow in columns. Their heights are balanced anew with every move, and browsers do not come back to where
 * they were: in Firefox a list that is put back may stand otherwise than before.
 */
export function flowsInColumns(element: Element): boolean {
  for (let one: Element | null = element; one; one = outerOf(one)) {
    const { columnCount, columnWidth } = getComputedStyle(one);
    if ([columnCount, columnWidth].some((value) => value && value !== "auto")) return true;
  }
  return false;
}
