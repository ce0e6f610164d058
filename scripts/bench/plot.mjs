// The curves as one SVG: three panels, legible on light and dark ground.

const PANEL = { width: 270, height: 220, left: 58, top: 46, gap: 24 };
const COLOURS = {
  rank: "#b3541e",
  core: "#d9a35f",
  "engine nearside": "#1f7a6c",
  "engine full": "#7fb069",
  "engine onnxruntime": "#4a6fa5",
  "engine tensorflow": "#8a6fa8",
  "JSON.parse": "#7a7a7a",
};
const NAMES = {
  rank: "Nearside, whole rank(feed), at most 200 ranked",
  core: "the same in Rust alone, without the cap",
  "engine nearside": "engine alone: Nearside",
  "engine full": "engine alone: Nearside, full",
  "engine onnxruntime": "engine alone: onnxruntime-web",
  "engine tensorflow": "engine alone: TensorFlow.js",
  "JSON.parse": "JSON.parse of the feed",
};
const PANELS = [
  { curve: "candidates", model: "attention-48k", title: "Candidates, 50 clicks" },
  { curve: "clicks", model: "attention-48k", title: "Clicks, 100 candidates" },
  { curve: "bytes", model: "shipped", title: "Feed in KB, 100 candidates", scale: 1024 },
];

/** The picture of a run's growth curves. */
export function plot({ curves }) {
  const panels = PANELS.map((about, at) => panel(about, at, curves));
  const used = Object.keys(NAMES).filter((what) => curves.some((entry) => entry.what === what));
  const width = PANEL.left + 3 * (PANEL.width + PANEL.gap) + 2 * 34;
  const legend = used.map((what, i) => {
    const [x, y] = [PANEL.left + (i % 3) * 326, PANEL.top + PANEL.height + 58 + 18 * Math.floor(i / 3)];
    return `<path d="M${x} ${y - 4}h18" stroke="${COLOURS[what]}" stroke-width="2"/><text x="${x + 24}" y="${y}">${NAMES[what]}</text>`;
  });
  const height = PANEL.top + PANEL.height + 66 + 18 * Math.ceil(used.length / 3);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="Growth of ranking time">
<style>text{font:12px system-ui,sans-serif;fill:#555}.title{font-weight:600}.grid{stroke:#888;stroke-opacity:.25}path{fill:none}
@media (prefers-color-scheme:dark){text{fill:#bbb}}</style>
<text x="${PANEL.left}" y="16">Milliseconds, median (48,000 weights; feed size: shipped model)</text>
${panels.join("\n")}
${legend.join("\n")}
</svg>
`;
}

function panel({ curve, model, title, scale = 1 }, at, curves) {
  const own = curves.filter((entry) => entry.curve === curve && entry.model === model);
  const left = PANEL.left + at * (PANEL.width + PANEL.gap + 34);
  const bottom = PANEL.top + PANEL.height;
  const xs = [...new Set(own.map(({ x }) => x))].sort((a, b) => a - b);
  const [low, high] = [xs[0], xs.at(-1)];
  const most = Math.max(...own.map(({ us }) => us.median)) / 1000;
  const step = stepOf(most);
  const top = Math.ceil(most / step) * step;
  const px = (x) => (left + ((x - low) / (high - low)) * PANEL.width).toFixed(1);
  const py = (ms) => (bottom - (ms / top) * PANEL.height).toFixed(1);
  const grid = Array.from({ length: Math.round(top / step) + 1 }, (_, i) =>
    Number((i * step).toPrecision(3)),
  ).map(
    (ms) =>
      `<path class="grid" d="M${left} ${py(ms)}h${PANEL.width}"/><text x="${left - 6}" y="${Number(py(ms)) + 4}" text-anchor="end">${ms}</text>`,
  );
  // From the right, so that the largest has its mark; those too near the last one have none.
  let free = Number.POSITIVE_INFINITY;
  const marks = xs.toReversed().map((x) => {
    if (free - px(x) < 32) return "";
    free = px(x);
    return `<text x="${free}" y="${bottom + 18}" text-anchor="middle">${Math.round(x / scale)}</text>`;
  });
  const lines = [...new Set(own.map(({ what }) => what))].map((what) => {
    const points = own.filter((entry) => entry.what === what).sort((a, b) => a.x - b.x);
    const path = points.map(({ x, us }, i) => `${i ? "L" : "M"}${px(x)} ${py(us.median / 1000)}`).join("");
    return `<path d="${path}" stroke="${COLOURS[what]}" stroke-width="2"/>`;
  });
  return `<text class="title" x="${left}" y="${PANEL.top - 10}">${title}</text>${grid.join("")}${marks.join("")}${lines.join("")}`;
}

/** A step of 1, 2 or 5 times a power of ten that gives about five lines. */
function stepOf(most) {
  const power = 10 ** Math.floor(Math.log10(most / 5));
  return power * [1, 2, 5, 10].find((factor) => factor * power * 5 >= most);
}
