// Readers with different histories, in one headless Chromium, each with a profile of its own.

import { newPage } from "../../tests/e2e/browser.mjs";

/** A reader: a page in a context of its own that stays over its views. */
export async function newReader(browser, cache) {
  const page = await newPage(browser);
  let open = 0;
  page.on("request", () => open++);
  for (const end of ["requestfinished", "requestfailed"]) page.on(end, () => open--);
  /** Until nothing is under way any more: the order is made and the manifest has come. */
  const settled = async () => {
    const deadline = Date.now() + 2000;
    for (let quiet = 0; quiet < 3 && Date.now() < deadline; quiet = open > 0 ? 0 : quiet + 1)
      await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 15)));
  };
  return {
    page,
    /** One page view. Returns `{ at, until, reason, version, trouble, order }`, `at` and `until` in milliseconds since 1970. */
    async view() {
      open = 0;
      const at = Date.now();
      const manifest = page
        .waitForEvent("requestfinished", {
          predicate: (request) => request.url().endsWith("/nearside/manifest.json"),
          timeout: 5000,
        })
        .catch(() => {});
      await page.goto(`${cache.url}/`);
      // Not by frames: a page behind another may draw none.
      await page.waitForFunction(() => globalThis.ranked !== undefined, undefined, { polling: 20 });
      const { outcome, order } = await page.evaluate(() => ({
        outcome: globalThis.outcomes[0],
        order: [...document.querySelectorAll("#top-stories > li")].map((row) => row.dataset.nearsideId),
      }));
      await manifest;
      await settled();
      const { reason, releaseVersion: version, release: trouble } = outcome;
      return { at, until: Date.now(), reason, version, trouble, order };
    },
    /** Opens `count` stories and looks at others, chosen by `seed`. */
    async read(seed, count) {
      await page.evaluate(
        ([seed, count]) => {
          let state = seed + 1;
          const next = (n) => {
            state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
            return Math.floor((state / 2 ** 32) * n);
          };
          const { items } = globalThis.feed;
          const topics = [...new Set(items.map((item) => item._nearside.topic))];
          const liked = items.filter((item) => item._nearside.topic === topics[next(topics.length)]);
          for (let n = 0; n < count; n++) {
            // Mostly of one topic, and of any other now and then.
            const story = next(4) > 0 ? liked[next(liked.length)] : items[next(items.length)];
            globalThis.reranker.clicked(story);
            globalThis.reranker.dwelled(story, 5 + next(120));
          }
          for (let n = next(20); n > 0; n--) globalThis.reranker.viewed(items[next(items.length)]);
        },
        [seed, count],
      );
    },
    /** Forgets the browser's HTTP cache, as it does itself after days; the history stays. */
    async forgetCache() {
      const session = await page.context().newCDPSession(page);
      await session.send("Network.clearBrowserCache");
      await session.detach();
    },
    close: () => page.context().close(),
  };
}

/**
 * Has `count` readers view the page three times: new; with a history; and with a history and an empty HTTP cache. Returns what each
 * reader's views made Varnish see, as one text a view, with the distinct texts counted.
 */
export async function compareReaders(browser, cache, log, count, progress = () => {}) {
  const views = [];
  await log.take();
  for (let reader = 0; reader < count; reader++) {
    const { view, read, forgetCache, close, page } = await newReader(browser, cache);
    views.push({ reader, kind: "new", ...(await view()) });
    await read(reader, reader % 16);
    views.push({ reader, kind: "returning", ...(await view()) });
    await forgetCache();
    views.push({ reader, kind: "returning, HTTP cache empty", ...(await view()) });
    await page.guard();
    await close();
    progress(reader + 1);
  }
  const requests = await log.take();
  let attributed = 0;
  const kinds = [...new Set(views.map(({ kind }) => kind))].map((kind) => {
    const sets = new Map();
    for (const { at, until, reader } of views.filter((view) => view.kind === kind)) {
      const own = requests.filter((request) => request.at >= at && request.at < until);
      attributed += own.length;
      const text = own
        .map(({ method, url, headers, bodyBytes }) =>
          [`${method} ${url}`, ...headers, `body ${bodyBytes}`].join("\n"),
        )
        .sort()
        .join("\n\n");
      sets.set(text, [...(sets.get(text) ?? []), { reader, requests: own }]);
    }
    const [[, [{ requests: example }]]] = sets;
    return {
      kind,
      sets: [...sets].map(([text, of]) => ({ text, readers: of.map(({ reader }) => reader) })),
      example,
    };
  });
  const later = views.filter(({ kind }) => kind !== "new");
  return {
    readers: count,
    kinds,
    requests: requests.length,
    attributed,
    reasons: tally(views.map(({ reason }) => reason)),
    troubles: tally(views.map(({ trouble }) => trouble).filter(Boolean)),
    orders: new Set(later.map(({ order }) => order.join(" "))).size,
  };
}

const tally = (values) =>
  Object.fromEntries(
    [...new Set(values)].map((value) => [value, values.filter((other) => other === value).length]),
  );
