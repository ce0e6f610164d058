// Illustrations of people and their works, by subtopic: each draws in the colours a–d and takes its chances from `r`.

import { box, disc, HEIGHT, line, path, range, ridge, round, WIDTH } from "./shapes.js";

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

export const people = {
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
};
