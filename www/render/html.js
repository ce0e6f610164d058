// Text to HTML: everything that goes into a page goes through `html`, which escapes it.

const entities = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

class Markup {
  constructor(text) {
    this.text = text;
  }
  toString() {
    return this.text;
  }
}

/** A template tag: values are escaped unless they are markup already; lists are joined, `undefined` and `false` are nothing. */
export const html = (strings, ...values) => new Markup(String.raw({ raw: strings }, ...values.map(render)));

/** Marks text as markup that needs no escaping. */
export const raw = (text) => new Markup(text);

function render(value) {
  if (value === undefined || value === false) return "";
  if (value instanceof Markup) return value.text;
  if (Array.isArray(value)) return value.map(render).join("");
  return String(value).replace(/[&<>"']/g, (character) => entities[character]);
}

/** JSON for a `<script type="application/json">`: no text in it can end the element. */
export const json = (value) => raw(JSON.stringify(value).replaceAll("<", "\\u003c"));
