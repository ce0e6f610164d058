/** Names the story of an element. */
export const attribute = "data-nearside-id";

/** Whether a node, of whatever window, is an element that fits a selector. */
export function fits(node: unknown, selector: string): boolean {
  return (node as Element).matches?.(selector);
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
