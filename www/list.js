// The list of stories on the page. Children without an id (a notice, headings) keep their index.

const idOf = (child) => child.getAttribute("data-nearside-id");
const calm = matchMedia("(prefers-reduced-motion: reduce)");

export class List {
  /** `items` in the server's order. */
  constructor(container, items) {
    this.container = container;
    this.items = items;
    this.byId = new Map(items.map((item, slot) => [String(item.id), { item, slot }]));
  }

  /** The items in the order in which the page shows them now. */
  get shown() {
    return this.#cards().map((card) => this.byId.get(idOf(card)).item);
  }

  /** The card of a story. */
  card(id) {
    return this.#cards().find((card) => idOf(card) === String(id));
  }

  /** The story whose card a node lies in. */
  itemAt(node) {
    const card = node.closest("[data-nearside-id]");
    return card && this.byId.get(idOf(card))?.item;
  }

  /** Ids of the stories down to the lower edge of the window: what the reader sees, or has scrolled past. */
  get seen() {
    return this.#cards()
      .filter((card) => card.getBoundingClientRect().top < innerHeight)
      .map(idOf);
  }

  /** Writes on each card how far it stands from its place in the server's order. */
  mark() {
    this.#cards().forEach((card, slot) => {
      const by = this.byId.get(idOf(card)).slot - slot;
      const mark = card.querySelector(".moved");
      mark.classList.toggle("up", by > 0);
      mark.textContent = by === 0 ? "" : `${by > 0 ? "▲" : "▼"} ${Math.abs(by)}`;
      mark.title = by === 0 ? "" : `${by > 0 ? "Up" : "Down"} ${Math.abs(by)} from the editors’ order`;
    });
  }

  /** Whether the reader wanted less like a story. */
  isHushed({ id }) {
    return this.card(id).classList.contains("hushed");
  }

  /** Shows that the reader wants less like a story, or no longer does. */
  hush({ id }, hushed) {
    const card = this.card(id);
    card.classList.toggle("hushed", hushed);
    card.querySelector(".less").textContent = hushed ? "Undo" : "Less like this";
  }

  /** Puts all cards in the order of `items`, at once. */
  place(items) {
    const cards = new Map(this.#cards().map((card) => [idOf(card), card]));
    const next = items.map(({ id }) => cards.get(String(id)));
    const children = [...this.container.children].map((child) =>
      idOf(child) === null ? child : next.shift(),
    );
    this.container.replaceChildren(...children);
  }

  /**
   * Puts the cards in the order of `items` because the reader asked for it just now, and lets them glide there. (When
   * nobody asked, `reranker.apply` moves only what nobody has seen.)
   */
  rearrange(items) {
    const before = new Map(this.#cards().map((card) => [card, card.getBoundingClientRect()]));
    this.place(items);
    if (calm.matches) return;
    for (const [card, from] of before) {
      const to = card.getBoundingClientRect();
      const seen = (box) => box.bottom > 0 && box.top < innerHeight;
      if ((from.top === to.top && from.left === to.left) || (!seen(from) && !seen(to))) continue;
      const start = {
        transform: `translate(${from.left - to.left}px, ${from.top - to.top}px)`,
        opacity: 0.6,
      };
      card.animate([start, { transform: "none", opacity: 1 }], {
        duration: 420,
        easing: "cubic-bezier(.2, .7, .2, 1)",
      });
    }
  }

  #cards() {
    return [...this.container.children].filter((child) => idOf(child) !== null);
  }
}
