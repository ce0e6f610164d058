// A front page with another engine. The features are given to it ready-made, which spares it what Nearside does for them; of the
// history it reads nothing.

import { load } from "engine";
import { files } from "files";
import { measured } from "./page.js";

measured(async (feed) => {
  const inputs = fetch("inputs.json").then((response) => response.json());
  const engine = await load(files);
  const given = Object.fromEntries(
    Object.entries(await inputs).map(([name, value]) => [
      name,
      Array.isArray(value) ? Float32Array.from(value) : value,
    ]),
  );
  const order = async ({ items }) => {
    const scores = await engine.score(given);
    return Array.from(items.keys())
      .sort((a, b) => scores[b] - scores[a])
      .map((place) => items[place]);
  };
  return { items: await order(await feed), again: order };
});
