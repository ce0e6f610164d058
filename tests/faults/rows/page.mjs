// Lists that are not as they should be, readers who are further than the page, and pages that patch what everybody uses.

const list = (name, fault, reason, feed, more) => ({
  group: "candidates",
  name,
  fault,
  reason,
  page: `(${SET_FEED})(${feed})`,
  ...more,
});
/** Makes the row's list by a function of the page's feed. */
function setFeed(make) {
  return () => {
    globalThis.row.feed = make;
  };
}
const SET_FEED = String(setFeed);
const item = (name, fault, change, more) =>
  list(name, `one story: ${fault}`, "ranked", `(feed) => { (${change})(feed.items[12]); return feed; }`, {
    outcome: { skipped: 1 },
    holds: ["story-12"],
    ...more,
  });
const page = (name, fault, reason, page, more) => ({ group: "page", name, fault, reason, page, ...more });

const lists = [
  list("no list", "a number in the list's place", "bad_candidates", "() => 7", { guards: ["list"] }),
  list("null", "`null` in the list's place", "bad_candidates", "() => null"),
  list("no items", "a feed without `items`", "bad_candidates", "() => ({})"),
  list(
    "an id twice",
    "the first story again at the end",
    "bad_candidates",
    "({ items }) => [...items, items[0]]",
    {
      guards: ["ids-twice"],
    },
  ),
  list(
    "no id",
    "a story without an id",
    "bad_candidates",
    "(feed) => { delete feed.items[3].id; return feed; }",
    {
      guards: ["no-id"],
    },
  ),
  list(
    "no id behind the 200th",
    "a story without an id where none is ranked",
    "ranked",
    `({ items }) => {
    const more = Array.from({ length: 240 }, (_, i) => ({ ...items[i % 60], id: "more-" + i }));
    delete more[230].id;
    return [...items, ...more];
  }`,
    { applied: "stale_list" },
  ),
  list(
    "an id twice behind the 200th",
    "where none is ranked",
    "ranked",
    `({ items }) => {
    const more = Array.from({ length: 240 }, (_, i) => ({ ...items[i % 60], id: "more-" + i }));
    more[230].id = more[229].id;
    return [...items, ...more];
  }`,
    { applied: "stale_list" },
  ),
  list(
    "an empty id",
    "a story whose id is empty",
    "bad_candidates",
    "(feed) => { feed.items[3].id = ''; return feed; }",
  ),
  list(
    "null among the stories",
    "a story that is `null`",
    "bad_candidates",
    "({ items }) => [null, ...items]",
  ),
  list(
    "a getter throws",
    "reading a story's id throws",
    "bad_candidates",
    `(feed) => {
    Object.defineProperty(feed.items[5], "id", { get() { throw new Error("not yet loaded"); } });
    return feed;
  }`,
    { guards: ["getter", "unreadable"] },
  ),
  {
    group: "candidates",
    name: "a getter ranks",
    fault: "reading the last story's date ranks another list",
    reason: "ranked",
    page: () => {
      let other;
      globalThis.row.ready = async (_, { createReranker }) => {
        other = createReranker({ consent: true });
        await other.ready;
        await other.rank([{ id: "first" }]);
      };
      globalThis.row.feed = (feed) => {
        const item = feed.items[59];
        const { date_published: date } = item;
        const others = feed.items.map((item, i) => {
          const { pinned, ...own } = item._nearside;
          return { ...item, id: `another-story-${i}`, _nearside: own };
        });
        let isFirst = true;
        Object.defineProperty(item, "date_published", {
          enumerable: true,
          get() {
            if (isFirst) void other.rank(others, { budgetMs: 8000 });
            isFirst = false;
            return date;
          },
        });
        return feed;
      };
    },
    guards: ["own-buffers"],
  },
  list(
    "a getter disposes",
    "reading a story disposes of the reranker",
    "disposed",
    `(feed) => {
    Object.defineProperty(feed.items[30], "date_published", { get: () => void globalThis.reranker.dispose() });
    return feed;
  }`,
    { guards: ["check-again"] },
  ),
  list(
    "an id of 50 MB",
    "one story's id is longer than any id",
    "bad_candidates",
    "(feed) => { feed.items[3].id = 'x'.repeat(5e7); return feed; }",
    { applied: "stale_list" },
  ),
  list(
    "a slot throws",
    "reading the list throws",
    "bad_candidates",
    `({ items }) => {
    Object.defineProperty(items, 4, { get() { throw new Error("not yet loaded"); } });
    return items;
  }`,
    { guards: ["list", "slot"] },
  ),
  list(
    "a revoked proxy",
    "the list cannot be touched at all",
    "bad_candidates",
    `({ items }) => {
    const { proxy, revoke } = Proxy.revocable(items, {});
    revoke();
    return proxy;
  }`,
    { guards: ["list"] },
  ),
  list(
    "another vector space",
    "the feed names a space that is not the model's",
    "bad_candidates",
    `(feed) => {
    feed._nearside = { space: "another" };
    return feed;
  }`,
  ),
  list(
    "a space that is no text",
    "the feed names a number",
    "bad_candidates",
    `(feed) => {
    feed._nearside = { space: 7 };
    return feed;
  }`,
  ),
  list("empty", "no stories", "unscored", "() => []", { unmoved: true, applied: "stale_list" }),
  list("one story", "nothing to order", "ranked", "({ items }) => items.slice(0, 1)", {
    unmoved: true,
    applied: "stale_list",
  }),
  list(
    "10,000 stories",
    "far more than are ranked",
    "ranked",
    `({ items }) => [
    ...items,
    ...Array.from({ length: 9940 }, (_, i) => ({ ...items[i % 60], id: "more-" + i })),
  ]`,
    { applied: "stale_list" },
  ),
];
const items = [
  item("a vector too short", "its vector is no vector", "(item) => { item._nearside.vector = 'AAAA'; }"),
  item("a vector of another type", "its vector is a number", "(item) => { item._nearside.vector = 12; }"),
  item(
    "a megabyte for a vector",
    "its vector is very long",
    "(item) => { item._nearside.vector = 'A'.repeat(1 << 20); }",
    {},
  ),
  item("a date that is none", "its date is a word", "(item) => { item.date_published = 'yesterday'; }"),
  item(
    "more clicks than shows",
    "its counts contradict each other",
    "(item) => { item._nearside.clicks = 2000; }",
  ),
  item("counts that are text", "its counts are texts", "(item) => { item._nearside.shows = '1000'; }"),
  item("a score that is text", "its score is a text", "(item) => { item._nearside.score = '0.5'; }"),
  item(
    "personalize as text",
    '`personalize: "false"`, as many a CMS writes it',
    "(item) => { item._nearside.personalize = 'false'; }",
  ),
  item("pinned as a number", "`pinned: 1`", "(item) => { item._nearside.pinned = 1; }"),
  item("a topic that is a list", "its topic is a list", "(item) => { item._nearside.topic = ['sports']; }"),
  item(
    "a topic of 50 MB",
    "its topic is longer than any topic",
    "(item) => { item._nearside.topic = 'x'.repeat(5e7); }",
  ),
  item(
    "a date of 50 MB",
    "its date has fifty million digits",
    "(item) => { item.date_published = '2026-01-31T12:00:00.' + '0'.repeat(5e7) + 'Z'; }",
  ),
  item("an infinite score", "its score is infinite", "(item) => { item._nearside.score = Infinity; }"),
  list(
    "half a character in an id",
    "a lone surrogate",
    "ranked",
    "(feed) => { feed.items[40].id = 'story-\\ud800'; return feed; }",
    {
      applied: "stale_list",
    },
  ),
  list(
    "all pinned",
    "every story is pinned",
    "unscored",
    "(feed) => { for (const { _nearside } of feed.items) _nearside.pinned = true; return feed; }",
    { unmoved: true, applied: "applied" },
  ),
  list(
    "no extension",
    "no story has `_nearside`",
    "unscored",
    "({ items }) => items.map(({ id }) => ({ id }))",
    {
      unmoved: true,
      applied: "applied",
    },
  ),
];

const options = [
  page("no time at all", "`budgetMs: 0`", "budget", () => {
    globalThis.row.rank = { budgetMs: 0 };
  }),
  page(
    "a policy out of range",
    "`strength: -1`",
    "internal",
    () => {
      globalThis.row.options = () => ({ policy: { strength: -1 } });
    },
    { silent: true, guards: ["settings"] },
  ),
  page(
    "a policy that cannot be read",
    "its getter throws",
    "internal",
    () => {
      globalThis.row.options = () => ({
        get policy() {
          throw new Error("no policy");
        },
      });
    },
    { silent: true, guards: ["settings"] },
  ),
  page(
    "switched off",
    "`strength: 0`",
    "off",
    () => {
      globalThis.row.options = () => ({ policy: { strength: 0 } });
    },
    {},
  ),
  page("keep is no list", "`keep: 7`", "internal", () => {
    globalThis.row.rank = { budgetMs: 8000, keep: 7 };
  }),
  page(
    "the listener throws",
    "`onOutcome` throws, and rejects",
    "ranked",
    () => {
      const { probe } = globalThis;
      let count = 0;
      globalThis.row.options = () => ({
        onOutcome: (outcome) => {
          probe.tell(outcome);
          if (count++ % 2) throw new Error("monitoring is broken");
          return Promise.reject(new Error("monitoring is broken"));
        },
      });
    },
    { guards: ["listener"] },
  ),
  page("disposed", "the page disposes of it before it ranks", "disposed", () => {
    globalThis.row.ready = (reranker) => reranker.dispose();
  }),
  page(
    "disposed while loading",
    "the page disposes of it while the files are on their way",
    "disposed",
    () => {
      globalThis.row.ready = (reranker) => void setTimeout(() => reranker.dispose(), 50);
    },
    { faults: () => ({ "/reranker.onnx": { delay: 400 } }), guards: ["consent-again"] },
  ),
  page(
    "events that are none",
    "garbage for every event",
    "ranked",
    () => {
      globalThis.row.ready = (reranker) => {
        for (const one of [
          undefined,
          null,
          7,
          {},
          { id: "" },
          {
            get id() {
              throw new Error("no id");
            },
          },
        ]) {
          for (const kind of ["viewed", "clicked", "dwelled", "hide", "unhide"])
            reranker[kind](one, Number.NaN);
        }
        reranker.watch(null);
        reranker.watch({});
        reranker.explain({});
      };
    },
    { guards: ["at-once"] },
  ),
];

const pages = [
  page(
    "a story gone",
    "the page takes a story out between the ranking and `apply`",
    "ranked",
    () => {
      globalThis.row.change = (front) => front.children[40].remove();
    },
    { applied: "stale_list", changed: true },
  ),
  page(
    "a story added",
    "the page puts a story in between",
    "ranked",
    () => {
      globalThis.row.change = (front) => {
        const story = front.children[40].cloneNode(true);
        story.setAttribute("data-nearside-id", "breaking");
        front.append(story);
      };
    },
    { applied: "stale_list", changed: true },
  ),
  page(
    "a story twice",
    "the page shows a story twice",
    "ranked",
    () => {
      globalThis.row.change = (front) => front.append(front.children[40].cloneNode(true));
    },
    { applied: "stale_list", changed: true },
  ),
  page("an advertisement inside", "unmarked children keep their index", "ranked", () => {
    globalThis.row.before = () => {
      const ad = document.createElement("aside");
      ad.textContent = "Advertisement";
      document.getElementById("front").children[30].before(ad);
    };
  }),
  page(
    "scrolled to the middle",
    "the reader has scrolled: what is above and on the screen stays",
    "ranked",
    () => {
      globalThis.row.change = async () => {
        scrollTo(0, 1500);
        await globalThis.probe.wait(100);
      };
    },
    { guards: ["seen"] },
  ),
  page(
    "scrolled to the end",
    "nothing is below the screen",
    "ranked",
    () => {
      globalThis.row.change = async () => {
        scrollTo(0, document.body.scrollHeight);
        await globalThis.probe.wait(100);
      };
    },
    { applied: "too_late", guards: ["seen"] },
  ),
  page(
    "focus inside the list",
    "the reader's focus is on a story far down",
    "ranked",
    () => {
      globalThis.row.change = (front) => front.children[20].querySelector("a").focus({ preventScroll: true });
    },
    {
      expect: ({ views: [view] }) =>
        view?.before[20] === view?.after[20] ? [] : ["the focused story moved"],
      guards: ["focus"],
    },
  ),
  page(
    "a frame inside the list",
    "a story holds an `iframe`: it would start over",
    "ranked",
    () => {
      globalThis.row.before = () => {
        document.getElementById("front").children[19].append(document.createElement("iframe"));
      };
    },
    {
      expect: ({ views: [view] }) => (view?.before[19] === view?.after[19] ? [] : ["the frame moved"]),
      guards: ["delicate"],
    },
  ),
  page(
    "moves throw",
    "the page's own patch of `moveBefore` and `insertBefore` throws at the third call",
    "ranked",
    () => {
      let count = 0;
      document.addEventListener("DOMContentLoaded", () => {
        const front = document.getElementById("front");
        for (const [{ prototype }, name] of [
          [Element, "moveBefore"],
          [Node, "insertBefore"],
        ]) {
          const real = prototype[name];
          if (!real) continue;
          prototype[name] = function (...args) {
            if (this === front && ++count === 3) throw new Error("the page's own patch");
            return real.apply(this, args);
          };
        }
      });
    },
    { applied: "stale_list", guards: ["rearrange", "restore"] },
  ),
  page(
    "stories without a box",
    "each story is `display: contents`",
    "ranked",
    () => {
      globalThis.row.before = () => {
        for (const story of document.getElementById("front").children) {
          const box = document.createElement("div");
          box.append(...story.childNodes);
          story.append(box);
          story.style.display = "contents";
        }
      };
    },
    { applied: ["applied", "too_late"], guards: ["seen"] },
  ),
  page(
    "no container",
    "`apply` and `watch` get nothing",
    "ranked",
    () => {
      globalThis.row.after = (reranker) => {
        reranker.watch(null);
        if (reranker.apply(null, []).applied) globalThis.probe.note("applied to nothing");
      };
    },
    { guards: ["at-once"] },
  ),
  page("hidden", "the page is in the background", "ranked", () => {
    Object.defineProperty(document, "hidden", { value: true });
    Object.defineProperty(document, "visibilityState", { value: "hidden" });
  }),
];

const host = [
  page("Array.prototype with more", "enumerable members, as old libraries add them", "ranked", () => {
    Array.prototype.first = function () {
      return this[0];
    };
    Object.prototype.own = () => {};
    Array.prototype.toJSON = () => "spoilt";
  }),
  page(
    "Array.prototype with others",
    "`at`, `flat` and `toSorted` of the page's own make",
    "ranked",
    () => {
      Object.defineProperty(Array.prototype, "at", { value: undefined });
      Object.defineProperty(Array.prototype, "toSorted", { value: undefined });
      Object.defineProperty(Array.prototype, "flat", { value: undefined });
    },
    { applied: "stale_list", guards: ["at-once"] },
  ),
  page("Array.prototype.map throws", "at every call", "internal", () => {
    Array.prototype.map = () => {
      throw new Error("patched");
    };
  }),
  page(
    "Array.from throws",
    "at every call",
    "ranked",
    () => {
      Array.from = () => {
        throw new Error("patched");
      };
    },
    { applied: "stale_list" },
  ),
  page("fetch in a wrapper", "the page's own, as monitoring does it", "ranked", () => {
    const real = fetch;
    globalThis.fetch = (...args) => real(...args).then((response) => response);
  }),
  page(
    "fetch throws",
    "at every call, at once",
    "load_failed",
    () => {
      globalThis.fetch = () => {
        throw new Error("patched");
      };
    },
    { silent: true },
  ),
  page(
    "fetch answers nothing",
    "`undefined` in place of a promise",
    "load_failed",
    () => {
      globalThis.fetch = () => undefined;
    },
    { silent: true },
  ),
  page(
    "fetch is gone",
    "the page deletes it",
    "load_failed",
    () => {
      delete globalThis.fetch;
    },
    { silent: true },
  ),
  page("Promise of the page's own", "a subclass in its place", "ranked", () => {
    globalThis.Promise = class extends Promise {};
  }),
  page("Promise.all throws", "at every call", "internal", () => {
    Promise.all = () => {
      throw new Error("patched");
    };
  }),
  page("JSON is spoilt", "`parse` and `stringify` throw once the page has its feed", "ranked", () => {
    globalThis.row.before = () => {
      JSON.parse = JSON.stringify = () => {
        throw new Error("patched");
      };
    };
  }),
  page("Date.now stands still", "always 0", "ranked", () => {
    Date.now = () => 0;
  }),
  page("Date.now is no number", "`NaN`", "ranked", () => {
    Date.now = () => Number.NaN;
  }),
  page("performance is gone", "no clock but the date", "ranked", () => {
    Object.defineProperty(globalThis, "performance", { value: undefined });
  }),
  page(
    "addEventListener throws",
    "on the document and the window",
    "ranked",
    () => {
      globalThis.row.before = () => {
        document.addEventListener = globalThis.addEventListener = () => {
          throw new Error("patched");
        };
      };
    },
    { guards: ["follow"] },
  ),
];

export const candidates = [...lists, ...items, ...options];
export const pageRows = [...pages, ...host];
