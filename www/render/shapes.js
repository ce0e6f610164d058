// The shapes of which illustrations are made, as SVG in a field of 320 × 200, in the colours a–d.

export const WIDTH = 320;
export const HEIGHT = 200;

export const range = (count) => Array.from({ length: count }, (_, n) => n);
export const round = (number) => Math.round(number * 10) / 10;
export const path = (colour, d, more = "") => `<path class="${colour}" d="${d}"${more}/>`;
export const disc = (colour, x, y, r, more = "") =>
  `<circle class="${colour}" cx="${round(x)}" cy="${round(y)}" r="${round(r)}"${more}/>`;
export const box = (colour, x, y, w, h, more = "") =>
  `<rect class="${colour}" x="${round(x)}" y="${round(y)}" width="${round(w)}" height="${round(h)}"${more}/>`;
/** Lines have no fill: class `la` is the stroke in colour a. */
export const line = (colour, d, width, more = "") =>
  `<path class="l${colour}" d="${d}" stroke-width="${width}"${more}/>`;

/** A closed shape below a curve through evenly spaced heights. */
export function ridge(colour, heights, more) {
  const step = WIDTH / (heights.length - 1);
  let d = `M0 ${HEIGHT}V${heights[0]}`;
  for (let n = 1; n < heights.length; n++) {
    const x = step * n;
    d += `C${round(x - step / 2)} ${heights[n - 1]} ${round(x - step / 2)} ${heights[n]} ${round(x)} ${heights[n]}`;
  }
  return path(colour, `${d}V${HEIGHT}z`, more);
}
