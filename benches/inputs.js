// What an engine is given for a list and a reader: the numbers that Nearside itself computes, in the page and when the site is built.

/** The default policy, as the core takes it. */
export const policy = new Float64Array([0.8, Number.NaN, 2, 10, Number.NaN, Number.NaN]);

/** The columns of a list of any length, in copies that stay. The SDK makes them of 200 items at most. */
export function columnsOf(toColumns, items) {
  const parts = [];
  for (let at = 0; at < items.length; at += 200) {
    const { text, lengths, numbers, flags } = toColumns(items.slice(at, at + 200), undefined);
    parts.push([text.slice(), lengths.slice(), numbers.slice(), flags.slice()]);
  }
  const joined = parts[0].map((first, column) => {
    const joined = new first.constructor(parts.reduce((sum, part) => sum + part[column].length, 0));
    let at = 0;
    for (const part of parts) {
      joined.set(part[column], at);
      at += part[column].length;
    }
    return joined;
  });
  const [text, lengths, numbers, flags] = joined;
  return { text, lengths, numbers, flags };
}

/** The vector space of the core's model. */
export const spaceOf = (core) => core.describe().space;

/** The inputs of the core's last ranking, which must have come to this. */
export function inputsOf(core, { reason }) {
  if (reason !== "ranked") throw new Error(`the list came to ${reason}`);
  const [features, candidates, history, history_weight] = [
    "features",
    "candidates",
    "history",
    "history_weight",
  ].map((name) => core.glue.input(name));
  const width = core.describe().names.length;
  return { count: features.length / width, features, candidates, history, history_weight };
}
