// What a page can do without Nearside, in twenty lines: the reader's click rate by topic, blended with the server's log-odds. It is
// the kind of local ranking that Firefox ships for its new tab.

const logit = (rate) => Math.log(rate / (1 - rate));

/** Orders items by the server's and the reader's numbers. `history`: by topic, `{ clicks, views }`. */
export function blend(items, history, strength = 0.8, prior = 10) {
  const sum = (member) => Object.values(history).reduce((all, topic) => all + topic[member], 0);
  const [clicks, views] = [sum("clicks"), sum("views")];
  const weight = (strength * clicks) / (clicks + prior);
  const overall = (clicks + 1) / (views + 20);
  const scores = new Map(
    items.map((item) => {
      const { topic, shows, clicks } = item._nearside;
      const own = history[topic] ?? { clicks: 0, views: 0 };
      const rate = (own.clicks + prior * overall) / (own.views + prior);
      return [item, logit((clicks + 1) / (shows + 20)) + weight * Math.log(rate / overall)];
    }),
  );
  return items.toSorted((a, b) => scores.get(b) - scores.get(a));
}
