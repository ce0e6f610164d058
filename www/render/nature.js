// Illustrations of nature, bodies and machines, by subtopic: each draws in the colours a–d and takes its chances from `r`.

import { box, disc, HEIGHT, line, path, range, ridge, round, WIDTH } from "./shapes.js";

/** For a story without a scene of its own. */
export function hills(r) {
  const sun = disc("d", r.between(60, 260), r.between(45, 75), r.between(20, 32));
  const layer = (low, high) => range(5).map(() => r.between(low, high));
  return sun + ridge("b", layer(80, 130)) + ridge("c", layer(120, 165)) + ridge("b", layer(165, 185));
}

function stars(r, count) {
  return range(count)
    .map(() => disc("b", r.between(8, 312), r.between(8, 120), r.chance(0.2) ? 1.8 : 1))
    .join("");
}

function sea(r, from, layers) {
  const colours = ["b", "c", "b", "c"];
  return range(layers)
    .map((n) => {
      const y = from + n * ((HEIGHT - from) / layers);
      const sway = r.between(4, 9);
      return ridge(
        colours[n % colours.length],
        range(9).map((k) => round(y + (k % 2 ? sway : -sway))),
      );
    })
    .join("");
}

export const nature = {
  diplomacy(r) {
    const y = r.between(84, 104);
    const gap = r.between(70, 120);
    const left = (WIDTH - gap) / 2;
    return (
      disc("d", WIDTH / 2, y - 8, r.between(24, 34)) +
      sea(r, y + 10, 4) +
      path("c", `M0 ${y - 50}C${left * 0.5} ${y - 46} ${left * 0.7} ${y} ${left} ${y + 26}L0 ${y + 60}z`) +
      path(
        "c",
        `M${WIDTH} ${y - 34}C${WIDTH - left * 0.4} ${y - 50} ${WIDTH - left * 0.8} ${y} ${WIDTH - left} ${y + 22}L${WIDTH} ${y + 70}z`,
      ) +
      path("a", `M${WIDTH / 2 - 22} ${y + 44}h44l-8 12h-28z`) +
      box("a", WIDTH / 2 - 8, y + 34, 14, 10)
    );
  },
  ai(r) {
    const layers = [3, 5, 5, 3].map((count, n) =>
      range(count).map((k) => ({ x: 46 + n * 76, y: 100 + (k - (count - 1) / 2) * 36 + r.between(-5, 5) })),
    );
    let edges = "";
    for (let n = 0; n < 3; n++)
      for (const from of layers[n])
        for (const to of layers[n + 1])
          if (r.chance(0.62))
            edges += line(r.chance(0.18) ? "d" : "b", `M${from.x} ${from.y}L${to.x} ${to.y}`, 2);
    return (
      edges +
      layers
        .flat()
        .map(({ x, y }) => disc(r.chance(0.3) ? "d" : "c", x, y, 9))
        .join("")
    );
  },
  devices(r) {
    const x = r.between(40, 80);
    return (
      box("b", x, 34, 190, 120, ' rx="8"') +
      box("c", x + 9, 43, 172, 102, ' rx="3"') +
      box("b", x - 16, 158, 222, 12, ' rx="6"') +
      range(5)
        .map((n) => box(n === 1 ? "d" : "a", x + 22, 58 + n * 17, r.between(40, 130), 7, ' rx="3"'))
        .join("") +
      box("d", x + 172, 76, 56, 102, ' rx="9"') +
      box("a", x + 178, 86, 44, 76, ' rx="3"')
    );
  },
  security(r) {
    const squares = range(60)
      .map((n) =>
        box(
          r.chance(0.12) ? "d" : "b",
          8 + (n % 10) * 31,
          8 + Math.floor(n / 10) * 31,
          25,
          25,
          r.chance(0.35) ? ' opacity=".35"' : "",
        ),
      )
      .join("");
    return (
      squares +
      disc("a", 160, 104, 66) +
      line("c", "M136 92V74a24 24 0 0 1 48 0v18", 10) +
      box("c", 122, 90, 76, 60, ' rx="6"') +
      disc("d", 160, 114, 9) +
      box("d", 156, 116, 8, 20, ' rx="3"')
    );
  },
  space(r) {
    const x = r.between(90, 230);
    const y = r.between(90, 120);
    const flat = 0.48;
    const radii = [64, 98, 134, 172];
    const rings = radii.map(
      (radius) =>
        `<ellipse class="lb" cx="${x}" cy="${y}" rx="${radius}" ry="${round(radius * flat)}" stroke-width="1.5"/>`,
    );
    const planets = radii.map((radius) => {
      const angle = (r.between(0, 360) * Math.PI) / 180;
      const size = r.between(5, 11);
      return disc(
        r.pick(["c", "c", "d"]),
        x + radius * Math.cos(angle),
        y + radius * flat * Math.sin(angle),
        size,
      );
    });
    return stars(r, 40) + rings.join("") + disc("d", x, y, 22) + planets.join("");
  },
  archaeology(r) {
    const layers = range(4)
      .map((n) =>
        ridge(
          n % 2 ? "c" : "b",
          range(5).map(() => 60 + n * 34 + r.between(-9, 9)),
          n > 1 ? ' opacity=".75"' : "",
        ),
      )
      .join("");
    const x = r.between(110, 210);
    return (
      layers +
      path(
        "d",
        `M${x - 26} 108c-8-14-6-24 8-26h36c14 2 16 12 8 26c14 22 8 52-10 62h-32c-18-10-24-40-10-62z`,
      ) +
      line("a", `M${x - 34} 128l14-9l14 9l14-9l14 9l14-9`, 4) +
      range(6)
        .map(() => disc("a", r.between(20, 300), r.between(110, 190), r.between(2, 5)))
        .join("")
    );
  },
  nature(r) {
    const leaf = (x, y, size, angle, colour) =>
      path(
        colour,
        `M0 0C${round(size * 0.5)} ${round(-size * 0.5)} ${round(size * 0.5)} ${-size} 0 ${round(-size * 1.5)}C${round(-size * 0.5)} ${-size} ${round(-size * 0.5)} ${round(-size * 0.5)} 0 0z`,
        ` transform="translate(${x} ${y}) rotate(${angle})"`,
      );
    const stems = [r.between(60, 100), r.between(150, 180), r.between(230, 270)].map((x, s) => {
      const top = r.between(50, 90);
      let parts = line(s === 1 ? "c" : "b", `M${x} 200V${top}`, 4);
      for (let y = 184; y > top + 10; y -= 30)
        for (const side of [-1, 1])
          parts += leaf(x, y, r.between(26, 34), side * r.between(48, 62), s === 1 ? "c" : "b");
      return parts + leaf(x, top + 10, 30, 0, "d");
    });
    return disc("d", r.between(40, 280), 44, 16) + stems.join("");
  },
  medicine(r) {
    return range(5)
      .flatMap((row) =>
        range(7).map((column) => {
          const x = 20 + column * 50 + (row % 2 ? 25 : 0) + r.between(-5, 5);
          const y = 12 + row * 44 + r.between(-5, 5);
          const size = r.between(17, 24);
          const odd = r.chance(0.16);
          return (
            disc(odd ? "d" : "b", x, y, size) +
            disc(odd ? "a" : "c", x + r.between(-5, 5), y + r.between(-5, 5), size * 0.34)
          );
        }),
      )
      .join("");
  },
  "public-health"(r) {
    const x = r.between(70, 250);
    const y = r.between(60, 140);
    return range(9)
      .flatMap((row) =>
        range(15).map((column) => {
          const px = 14 + column * 21;
          const py = 14 + row * 21.5;
          const near = Math.hypot(px - x, py - y);
          return disc(near < 26 ? "d" : near < 62 ? "c" : "b", px, py, Math.max(2.5, 8.5 - near / 28));
        }),
      )
      .join("");
  },
  wellbeing(r) {
    const x = r.between(110, 210);
    return (
      range(5)
        .map((n) => disc(["b", "a", "b", "a", "d"][n], x, 112, 104 - n * 20, n % 2 ? "" : ' opacity=".9"'))
        .join("") +
      ridge(
        "c",
        range(5).map(() => r.between(146, 170)),
      )
    );
  },
  outdoors(r) {
    const peak = r.between(90, 230);
    return (
      stars(r, 24) +
      disc("d", peak > 160 ? r.between(50, 100) : r.between(220, 270), 48, 20) +
      path("b", `M${peak - 130} 200L${peak} 44L${peak + 130} 200z`) +
      path("a", `M${peak - 25} 74L${peak} 44L${peak + 25} 74L${peak + 10} 68L${peak} 80L${peak - 12} 68z`) +
      ridge(
        "c",
        range(5).map(() => r.between(130, 168)),
      ) +
      line(
        "d",
        `M${peak - 60} 200C${peak - 20} 180 ${peak - 90} 168 ${peak - 30} 152`,
        4,
        ' stroke-dasharray="3 7" stroke-linecap="round"',
      )
    );
  },
  energy(r) {
    const mill = (x, y, size) => {
      const turn = r.between(0, 119);
      const blade = `M0 0L${size * 0.09} ${-size * 0.3}L0 ${-size}L${-size * 0.09} ${-size * 0.3}z`;
      return (
        path("c", `M${x - 3} ${y}h6l3 ${200 - y}h-12z`) +
        [0, 120, 240]
          .map((angle) => path("d", blade, ` transform="translate(${x} ${y}) rotate(${angle + turn})"`))
          .join("") +
        disc("c", x, y, 5)
      );
    };
    return (
      ridge(
        "b",
        range(5).map(() => r.between(120, 150)),
      ) +
      mill(82, 76, 52) +
      mill(176, 58, 58) +
      mill(258, 92, 42) +
      ridge(
        "b",
        range(5).map(() => r.between(164, 182)),
      )
    );
  },
  oceans(r) {
    const from = r.between(70, 92);
    return disc("d", r.between(70, 250), from, r.between(28, 38)) + sea(r, from, 5);
  },
  weather(r) {
    const cloud = (x, y, s, colour) =>
      disc(colour, x, y, 22 * s) +
      disc(colour, x + 26 * s, y - 12 * s, 28 * s) +
      disc(colour, x + 56 * s, y, 22 * s) +
      box(colour, x, y, 56 * s, 22 * s);
    const drops = range(26)
      .map(() => {
        const x = r.between(30, 300);
        const y = r.between(96, 170);
        return line(r.chance(0.25) ? "d" : "b", `M${x} ${y}l-7 20`, 3, ' stroke-linecap="round"');
      })
      .join("");
    return drops + cloud(r.between(150, 200), 64, 1.2, "b") + cloud(r.between(50, 90), 78, 1.3, "c");
  },
};
