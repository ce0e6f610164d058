// Illustrations: a small poster for each story, drawn from its subject, the same at every build.
//
// Shapes have one of the classes a–d; topics.css gives these the topic's four colours (a is the ground, d the accent).

import { html, raw } from "./html.js";
import { hills, scenes } from "./scenes.js";

/** A story's illustration as inline SVG. Inline, because an image fetched when it scrolls into view tells the order. */
export function art(item) {
  const { topic, subtopic } = item._nearside;
  const draw = scenes[subtopic] ?? hills;
  return html`<svg class="art" data-topic="${topic}" viewBox="0 0 320 200" preserveAspectRatio="xMidYMid slice" aria-hidden="true" focusable="false"><path class="a" d="M0 0h320v200H0z"/>${raw(draw(random(item.id)))}</svg>`;
}

/** Numbers that depend on the text alone: FNV-1a to seed, mulberry32 to go on. */
function random(text) {
  let state = 0x811c9dc5;
  for (const character of text) state = Math.imul(state ^ character.codePointAt(0), 0x01000193);
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    between: (low, high) => Math.round(low + next() * (high - low)),
    chance: (share) => next() < share,
    pick: (list) => list[Math.floor(next() * list.length)],
  };
}
