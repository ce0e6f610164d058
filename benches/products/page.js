// What every product's page does around the ranking: fetches the feed at once and notes when there was an order.

/** Rankings after the first one while long tasks are watched for. */
const further = 10;

/**
 * Starts `rank`, which gets a promise of the feed and gives `{ items, again }`. `globalThis.order` becomes the milliseconds from
 * navigation to that order, and the number of its items.
 */
export function measured(rank) {
  const feed = fetch("feed.json").then((response) => response.json());
  globalThis.order = (async () => {
    const { items, again } = await rank(feed);
    const ms = performance.now();
    for (let i = 0; i < further; i++) {
      // Each in a task of its own, as on a page.
      await new Promise((settle) => setTimeout(settle));
      await again(await feed);
    }
    return { ms, items: items.length };
  })();
}
