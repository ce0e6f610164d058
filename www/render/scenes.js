// What the illustrations show, by subtopic: each scene draws in the colours a–d and takes its chances from `r`.

import { box, disc, HEIGHT, line, path, range, ridge, round, WIDTH } from "./shapes.js";

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

function skyline(r) {
  let x = -6;
  let near = "";
  let far = "";
  while (x < WIDTH) {
    const width = r.between(24, 52);
    const height = r.between(50, 130);
    far += box("b", x + 14, HEIGHT - height - 22, width, height + 22);
    near += box("c", x, HEIGHT - height, width - 6, height);
    for (let y = HEIGHT - height + 12; y < HEIGHT - 14; y += 18)
      for (let w = x + 7; w < x + width - 16; w += 12) if (r.chance(0.55)) near += box("d", w, y, 5, 8);
    x += width;
  }
  return disc("d", r.between(50, 270), r.between(34, 60), 18) + far + near;
}

export const scenes = {
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
  elections(r) {
    const split = r.between(45, 60) / 100;
    return range(8)
      .flatMap((row) =>
        range(13).map((column) => {
          const x = 28 + column * 22;
          const y = 23 + row * 22;
          return disc(column + row * 0.6 < 13 * split + r.between(-1, 1) ? "d" : "b", x, y, 7);
        }),
      )
      .join("");
  },
  society(r) {
    const heads = (y, size, colour, shift) =>
      range(8)
        .map((n) => {
          const x = n * 46 + shift;
          const top = y + r.between(-8, 8);
          return (
            disc(colour, x, top - size, size * 0.62) +
            path(
              colour,
              `M${x - size} ${HEIGHT}V${top + size}a${size} ${size} 0 0 1 ${size * 2} 0V${HEIGHT}z`,
            )
          );
        })
        .join("");
    return heads(96, 20, "b", 4) + heads(132, 22, "c", -18) + disc("d", r.between(80, 240), 40, 20);
  },
  parliament(r) {
    const gap = r.between(2, 4);
    return (
      range(6)
        .flatMap((ring) => {
          const radius = 42 + ring * 18;
          const seats = 9 + ring * 4;
          return range(seats).map((n) => {
            const angle = Math.PI * (1 - n / (seats - 1));
            const colour = n < seats * 0.42 ? "d" : n < seats * (0.42 + gap / 20) ? "c" : "b";
            return disc(colour, 160 + radius * Math.cos(angle), 166 - radius * Math.sin(angle), 6);
          });
        })
        .join("") + box("c", 144, 148, 32, 24, ' rx="3"')
    );
  },
  courts(r) {
    const columns = r.pick([5, 6, 7]);
    const step = 220 / columns;
    return (
      disc("d", r.pick([70, 250]), 40, 22) +
      path("b", "M30 84L160 24L290 84z") +
      box("c", 40, 84, 240, 12) +
      range(columns)
        .map((n) => box("b", 50 + n * step + step * 0.2, 96, step * 0.6, 74))
        .join("") +
      box("c", 34, 170, 252, 12) +
      box("b", 20, 182, 280, 18)
    );
  },
  local: skyline,
  markets(r) {
    let height = r.between(50, 80);
    const bars = range(11).map((n) => {
      height = Math.max(24, Math.min(150, height + r.between(-30, 34)));
      return { x: 16 + n * 27, height };
    });
    const trend = bars.map(({ x, height: h }, n) => `${n ? "L" : "M"}${x + 9} ${HEIGHT - 12 - h}`).join("");
    return (
      range(4)
        .map((n) => line("b", `M0 ${40 + n * 40}H320`, 1))
        .join("") +
      bars.map(({ x, height: h }) => box("b", x, HEIGHT - h + 14, 18, h)).join("") +
      line("d", trend, 5, ' stroke-linejoin="round" stroke-linecap="round"') +
      disc("d", bars[10].x + 9, HEIGHT - 12 - bars[10].height, 8)
    );
  },
  companies(r) {
    let containers = "";
    for (let row = 0; row < 4; row++)
      for (let column = row; column < 6 - (row > 2 ? r.between(0, 2) : 0); column++)
        containers += box(r.pick(["b", "c", "c", "d"]), 22 + column * 48, 152 - row * 27, 44, 23);
    return (
      line("c", "M262 175V20H150M262 20L286 44M262 20L230 44M286 20v24", 5) +
      line("c", `M${r.between(160, 190)} 20v26`, 2) +
      containers +
      box("b", 0, 175, 320, 25)
    );
  },
  work(r) {
    const x = r.between(110, 210);
    const hours = range(12)
      .map((n) => {
        const angle = (n * Math.PI) / 6;
        return disc("c", x + 66 * Math.sin(angle), 100 - 66 * Math.cos(angle), n % 3 ? 3 : 5);
      })
      .join("");
    const share = (r.between(20, 40) / 100) * 2 * Math.PI;
    return (
      disc("b", x, 100, 84) +
      path(
        "d",
        `M${x} 100V34A66 66 0 0 1 ${round(x + 66 * Math.sin(share))} ${round(100 - 66 * Math.cos(share))}z`,
      ) +
      hours +
      line("c", `M${x} 100V52`, 6, ' stroke-linecap="round"') +
      disc("c", x, 100, 7)
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
  football(r) {
    const bands = range(8)
      .map((n) => box("b", n * 40, 0, 40, 200, n % 2 ? ' opacity="0"' : ""))
      .join("");
    return (
      bands +
      line("c", "M160 0V200M0 40H54V160H0M320 40H266V160H320M0 74H22v52H0M320 74h-22v52h22", 3) +
      `<circle class="lc" cx="160" cy="100" r="42" stroke-width="3"/>` +
      line(
        "d",
        `M${r.between(70, 120)} 170Q${r.between(150, 200)} ${r.between(20, 60)} ${r.between(236, 256)} 96`,
        3,
        ' stroke-dasharray="2 9" stroke-linecap="round"',
      ) +
      disc("d", r.between(90, 230), r.between(60, 140), 11)
    );
  },
  tennis(r) {
    const bounce = r.between(120, 190);
    return (
      path("b", "M70 30H250L310 190H10z") +
      line("c", "M70 30H250L310 190H10zM93 30L50 190M227 30L270 190M80 70H240M73 130H250M160 70V130", 3) +
      line("a", "M40 100H284", 4) +
      line(
        "d",
        `M${bounce - 90} 30Q${bounce - 20} 60 ${bounce} 140Q${bounce + 24} 70 ${bounce + 66} 62`,
        3,
        ' stroke-dasharray="2 8" stroke-linecap="round"',
      ) +
      disc("d", bounce + 70, 60, 11)
    );
  },
  cycling(r) {
    const wheel = (x) =>
      `<circle class="lc" cx="${x}" cy="128" r="46" stroke-width="5"/>` +
      range(8)
        .map((n) => {
          const angle = (n * Math.PI) / 8;
          const dx = round(44 * Math.cos(angle));
          const dy = round(44 * Math.sin(angle));
          return line("b", `M${x - dx} ${128 - dy}L${x + dx} ${128 + dy}`, 1.5);
        })
        .join("") +
      disc("c", x, 128, 5);
    return (
      ridge(
        "b",
        [r.between(110, 140), r.between(60, 90), r.between(100, 130), r.between(50, 80), r.between(110, 140)],
        ' opacity=".55"',
      ) +
      wheel(94) +
      wheel(226) +
      line(
        "d",
        "M94 128L128 72H202L160 128zM128 72L160 128M202 72L226 128M202 72l-4-18h18M128 72l-6-14M108 58h30",
        6,
        ' stroke-linejoin="round" stroke-linecap="round"',
      )
    );
  },
  film(r) {
    const holes = range(11)
      .map((n) => box("a", 8 + n * 29, 12, 16, 12, ' rx="2"') + box("a", 8 + n * 29, 176, 16, 12, ' rx="2"'))
      .join("");
    const frame = (x) => {
      const horizon = r.between(96, 126);
      return (
        box("b", x, 36, 98, 128) +
        disc("d", x + r.between(26, 72), horizon - r.between(12, 30), r.between(10, 16)) +
        path("c", `M${x} ${horizon}q24-${r.between(10, 30)} 49 0t49 0V164h-98z`)
      );
    };
    return box("c", 0, 0, 320, 200) + holes + frame(6) + frame(111) + frame(216);
  },
  music(r) {
    const middle = 100;
    return (
      range(33)
        .map((n) => {
          const swell = Math.sin((n / 32) * Math.PI);
          const height = 10 + swell * r.between(40, 150);
          return box(
            n % r.pick([5, 6, 7]) === 0 ? "d" : n % 2 ? "b" : "c",
            10 + n * 9.2,
            middle - height / 2,
            5,
            height,
            ' rx="2.5"',
          );
        })
        .join("") + line("b", "M0 100H320", 1)
    );
  },
  books(r) {
    let x = 14;
    let spines = "";
    while (x < 292) {
      const width = r.between(16, 32);
      const height = r.between(96, 150);
      const colour = r.pick(["b", "b", "c", "c", "d"]);
      spines += box(colour, x, 176 - height, width, height, ' rx="2"');
      spines += box("a", x, 176 - height + 16, width, 4) + box("a", x, 152, width, 4);
      x += width + 3;
    }
    return `${spines}${box("c", 0, 176, 320, 8)}`;
  },
  rail(r) {
    const ties = range(9)
      .map((n) => {
        const t = (n / 8) ** 1.8;
        const y = 96 + t * 104;
        const half = 10 + t * 116;
        return box("c", 160 - half, y, half * 2, 2 + t * 9);
      })
      .join("");
    return (
      disc("d", 160 + r.between(-50, 50), r.between(60, 84), r.between(24, 34)) +
      ridge("b", [r.between(70, 100), r.between(50, 90), 96, r.between(50, 90), r.between(70, 100)]) +
      path("a", "M0 96H320V200H0z", ' opacity=".55"') +
      ties +
      line("d", "M156 96L66 200M164 96L254 200", 5)
    );
  },
  cities: skyline,
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
