// The history in Chromium's IndexedDB: kept across pages and tabs, erased for good, and done without where storage fails.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { launch } from "./browser.mjs";
import {
  readStories as click,
  feed,
  goTo,
  openGuarded,
  openSite,
  openTab,
  rank,
  read,
  serveSite,
  startBrowser,
  startReranker,
} from "./package.mjs";
import { record, saved, stored, written } from "./record.mjs";

const links = Array.from(
  { length: 10 },
  (_, i) => `<p><a href="/?${i}" data-nearside-id="story-${i}">${i}</a></p>`,
).join("");

const browser = await startBrowser();
const server = await serveSite({ bodies: { "/list.html": `<main id="list">${links}</main>` } });
after(() => server.close());

const open = (t, options) => openGuarded(t, browser, server, options);

test("the history outlives the page, as one record of at most 12 KB", async (t) => {
  const page = await open(t);
  await startReranker(page);
  await click(page, read);
  assert.equal((await written(page)).length, (await stored(page)).bytes);
  await page.evaluate((items) => {
    for (let i = 0; i < 400; i++) {
      const item = { ...items[i % items.length], id: `many-${i}` };
      globalThis.reranker.viewed(item);
      globalThis.reranker.clicked(item);
      globalThis.reranker.hide(item);
    }
  }, feed.items);
  await page.waitForTimeout(800);
  await goTo(page, server);
  await startReranker(page);
  const { outcome } = await rank(page, feed);
  assert.equal(outcome.reason, "ranked");
  assert.equal(outcome.storage, undefined);
  const { bytes, clicks, views, hides } = await stored(page);
  assert.deepEqual([clicks, views, hides], [50, 300, 20]);
  assert.ok(bytes <= 12 * 1024, `${bytes} bytes`);
});

test("no word of what was read is in the storage", async (t) => {
  const page = await open(t);
  await startReranker(page);
  const plain = {
    ...read[0],
    id: "harbour-vote",
    title: "Harbour vote",
    url: "https://example.org/harbour-vote",
  };
  plain._nearside = { ...plain._nearside, topic: "politics", subtopic: "local-council" };
  await click(page, [plain]);
  await saved(page);
  const local = await page.evaluate((story) => {
    globalThis.reranker.viewed(story);
    globalThis.reranker.hide(story);
    dispatchEvent(new Event("pagehide"));
    return Object.values(localStorage).join("");
  }, plain);
  assert.ok(local.length > 100, "the page left its record there, too");
  const text = Buffer.from(await record(page)).toString("latin1") + local;
  for (const word of [
    "harbour",
    "Harbour",
    "vote",
    "example",
    "politics",
    "local",
    "council",
    plain._nearside.vector,
  ])
    assert.ok(!text.includes(word), word);
});

test("a click on a link that leaves the page is kept, a new reader's very first included", async (t) => {
  const page = await open(t);
  for (let i = 0; i < 10; i++) {
    await goTo(page, server, "/list.html");
    await startReranker(page);
    await page.evaluate(() => globalThis.reranker.watch(document.getElementById("list")));
    await Promise.all([page.waitForURL(`**/?${i}`), page.click(`[data-nearside-id=story-${i}]`)]);
    await page.waitForFunction(() => globalThis.nearside);
    await startReranker(page);
    assert.equal((await stored(page)).clicks, i + 1);
  }
});

test("the first events of a new reader are kept although IndexedDB has no time to write them", async (t) => {
  const page = await open(t, {
    init: () => {
      const { transaction } = IDBDatabase.prototype;
      // A disk so slow that no write ends before the page does.
      IDBDatabase.prototype.transaction = function (names, mode, ...rest) {
        const made = transaction.call(this, names, mode, ...rest);
        const isSlow = mode === "readwrite" && location.pathname === "/list.html";
        addEventListener("pagehide", () => isSlow && made.abort());
        const keepOpen = () => {
          if (isSlow) made.objectStore("nearside").count().onsuccess = keepOpen;
        };
        keepOpen();
        return made;
      };
    },
  });
  await goTo(page, server, "/list.html");
  await startReranker(page);
  await page.evaluate(() => globalThis.reranker.watch(document.getElementById("list")));
  await Promise.all([page.waitForURL("**/?0"), page.click("[data-nearside-id=story-0]")]);
  await page.waitForFunction(() => globalThis.nearside);
  await startReranker(page);
  assert.equal((await stored(page)).clicks, 1);
  await click(page, read);
  assert.equal((await written(page)).length, (await stored(page)).bytes);
  await page.waitForFunction(() => localStorage.length === 0);
});

test("tabs that are left at the same time keep each other's last events", async (t) => {
  const first = await open(t);
  const second = await openTab(first, server);
  for (const page of [first, second]) await startReranker(page);
  for (const [i, page] of [first, second].entries())
    await page.evaluate((item) => {
      IDBDatabase.prototype.transaction = () => {
        throw new Error("too late");
      };
      globalThis.reranker.clicked(item);
      dispatchEvent(new Event("pagehide"));
    }, read[i]);
  await goTo(first, server);
  await startReranker(first);
  assert.equal((await stored(first)).clicks, 2);
});

test("where localStorage is refused all goes on, and nothing is thrown", async (t) => {
  const page = await open(t, {
    init: () =>
      Object.defineProperty(globalThis, "localStorage", {
        get() {
          throw new DOMException("refused", "SecurityError");
        },
      }),
  });
  await startReranker(page);
  await click(page, read);
  await written(page);
  await goTo(page, server);
  await startReranker(page);
  assert.equal((await rank(page, feed)).outcome.reason, "ranked");
});

test("what happened right before the page is left is kept", async (t) => {
  const page = await open(t);
  for (let i = 0; i < 10; i++) {
    await startReranker(page);
    await page.evaluate(
      ([story, i]) => {
        globalThis.reranker.viewed(story);
        globalThis.reranker.hide(story);
        location.href = `/?${i}`;
      },
      [feed.items[i], i],
    );
    await page.waitForURL(`**/?${i}`);
    await page.waitForFunction(() => globalThis.nearside);
    await startReranker(page);
    const { views, hides } = await stored(page);
    assert.deepEqual([views, hides], [i + 1, i + 1]);
  }
  await page.evaluate((story) => globalThis.reranker.clicked(story), feed.items[20]);
  await page.waitForTimeout(100);
  await record(page); // asserts that it is one record again
});

test("views that are pending are written when the page goes out of sight", async (t) => {
  const page = await open(t);
  await startReranker(page);
  await page.evaluate((item) => {
    globalThis.reranker.viewed(item);
    Object.defineProperty(document, "hidden", { value: true });
    document.dispatchEvent(new Event("visibilitychange"));
  }, read[0]);
  await page.waitForTimeout(150);
  await goTo(page, server);
  await startReranker(page);
  assert.equal((await stored(page)).views, 1);
});

test("a tab learns what others did when it comes back into sight", async (t) => {
  const page = await open(t);
  await startReranker(page);
  const other = await openTab(page, server, {
    init: () => {
      globalThis.BroadcastChannel = undefined; // it cannot tell
    },
  });
  await startReranker(other);
  await click(other, read);
  await written(page);
  assert.equal((await stored(page)).clicks, 0);
  await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
  await page.waitForFunction(() => globalThis.reranker.stored().clicks === 4);
  await other.guard();
});

test("tabs that write at the same time keep each other's events", async (t) => {
  const pages = [await open(t)];
  for (let i = 0; i < 2; i++) pages.push(await openTab(pages[0], server));
  await Promise.all(pages.map((page) => startReranker(page)));
  await Promise.all(pages.map((page, i) => click(page, feed.items.slice(5 * i, 5 * i + 5))));
  // The others' news bring theirs; then all that is pending is stored.
  for (const page of pages) await page.waitForFunction(() => globalThis.reranker.stored().clicks === 15);
  for (const page of pages) await saved(page);
  await goTo(pages[0], server);
  await startReranker(pages[0]);
  assert.equal((await stored(pages[0])).clicks, 15);
  for (const page of pages) await page.guard();
});

test("after erase the order is the server's, in each tab and the next page, whatever was pending", async (t) => {
  const page = await open(t);
  await startReranker(page);
  const other = await openTab(page, server);
  await startReranker(other);
  await click(page, read);
  await click(other, feed.items.slice(0, 3));
  await page.waitForTimeout(200);
  await other.evaluate((item) => globalThis.reranker.viewed(item), feed.items[9]);
  assert.equal(await page.evaluate(() => globalThis.reranker.erase()), true);
  assert.equal((await rank(page, feed)).outcome.reason, "cold");
  await other.waitForTimeout(800); // the other tab's pending view meets the erased record
  await saved(other);
  assert.equal((await rank(other, feed)).outcome.reason, "cold");
  assert.deepEqual(await stored(other), {
    ...(await stored(page)),
    clicks: 0,
    views: 0,
    hides: 0,
    generation: 1,
  });
  await goTo(page, server);
  await startReranker(page);
  assert.equal((await rank(page, feed)).outcome.reason, "cold");
  await other.guard();
});

test("erase holds although the page is left at once", async (t) => {
  const page = await open(t);
  for (let i = 0; i < 5; i++) {
    await startReranker(page);
    await click(page, read);
    await page.waitForTimeout(100);
    assert.equal((await stored(page)).clicks, 4);
    await page.evaluate((i) => {
      globalThis.reranker.erase();
      location.href = `/?${i}`;
    }, i);
    await page.waitForURL(`**/?${i}`);
    await page.waitForFunction(() => globalThis.nearside);
    await startReranker(page);
    const { clicks, generation } = await stored(page);
    assert.deepEqual([clicks, generation], [0, i + 1]);
  }
});

for (const answered of [1, 2]) {
  const what = answered === 1 ? "while the click before it is being stored" : "with another click waiting";
  test(`erase ${what} holds although another tab had erased before and the page is left`, async (t) => {
    const deaf = () => {
      globalThis.BroadcastChannel = undefined; // it cannot hear of the other's erasure
    };
    const page = await open(t, { init: deaf });
    await startReranker(page);
    const other = await openTab(page, server);
    await startReranker(other);
    await other.evaluate(() => globalThis.reranker.erase());
    await click(other, read);
    await saved(other);
    await page.evaluate(
      ([item, answered]) => {
        const { get } = IDBObjectStore.prototype;
        const clicked = () => globalThis.reranker.clicked(item);
        return new Promise((resolve) => {
          let uses = 0;
          IDBObjectStore.prototype.get = function (...args) {
            if (++uses > answered) return {}; // nothing more is answered; the second is the erasure's own read, not the click's
            if (uses === 1) {
              if (answered > 1) clicked();
              Promise.resolve().then(() => globalThis.reranker.erase());
            }
            const left = () => resolve(dispatchEvent(new Event("pagehide")));
            if (uses === answered) this.transaction.addEventListener("complete", left);
            return get.apply(this, args);
          };
          clicked();
        });
      },
      [feed.items[0], answered],
    );
    await goTo(page, server);
    await startReranker(page);
    assert.equal((await stored(page)).clicks, 0);
    await other.guard();
  });
}

test("erase without consent erases what is stored, and an open tab brings nothing back", async (t) => {
  const page = await open(t);
  await startReranker(page);
  await page.evaluate(() => globalThis.reranker.erase());
  await click(page, read);
  const before = await written(page);
  const other = await openTab(page, server, {
    init: () => {
      globalThis.BroadcastChannel = undefined; // it cannot tell
    },
  });
  await startReranker(other, { consent: false });
  assert.equal(await other.evaluate(() => globalThis.reranker.erase()), true);
  assert.ok((await record(other)).length < 16);
  const erased = await record(page);
  await page.evaluate((item) => globalThis.reranker.viewed(item), feed.items[9]);
  assert.ok((await written(page, erased)).length < before.length);
  const { clicks, generation } = await stored(page);
  assert.deepEqual([clicks, generation], [0, 2], "it goes on counting");
  await other.guard();
});

test("a record that was changed gives a fresh history and is replaced", async (t) => {
  const page = await open(t);
  await startReranker(page);
  await click(page, read);
  await saved(page); // a later write would replace the changed record
  const changes = [
    (bytes) => bytes.map((byte, i) => (i === bytes.length >> 1 ? byte ^ 1 : byte)),
    (bytes) => bytes.subarray(0, bytes.length - 1),
    () => new Uint8Array(),
    () => "garbage",
    () => ({ length: 5 }),
  ];
  for (const change of changes) {
    await record(page, change);
    await goTo(page, server);
    await startReranker(page);
    const { outcome } = await rank(page, feed);
    assert.equal(outcome.reason, "cold");
    assert.equal(outcome.storage, undefined);
    const before = await record(page);
    await click(page, read);
    await written(page, before);
    await goTo(page, server);
    await startReranker(page);
    assert.equal((await rank(page, feed)).outcome.reason, "ranked");
  }
});

const failures = {
  "no IndexedDB": () => Object.defineProperty(globalThis, "indexedDB", { value: undefined }),
  "IndexedDB whose getter throws": () =>
    Object.defineProperty(globalThis, "indexedDB", {
      get() {
        throw new DOMException("denied", "SecurityError");
      },
    }),
  "IndexedDB that refuses to open": () => {
    IDBFactory.prototype.open = () => {
      throw new DOMException("denied", "SecurityError");
    };
  },
  "IndexedDB that never answers": () => {
    // A request that no one will ever call back.
    IDBFactory.prototype.open = () => new EventTarget();
  },
  "IndexedDB that never answers a read": () => {
    IDBObjectStore.prototype.get = () => ({});
  },
  "IndexedDB that cannot write": () => {
    IDBObjectStore.prototype.put = () => {
      throw new DOMException("full", "QuotaExceededError");
    };
  },
  "IndexedDB whose transactions abort": () => {
    const real = IDBObjectStore.prototype.put;
    IDBObjectStore.prototype.put = function (...args) {
      const request = real.apply(this, args);
      this.transaction.abort();
      return request;
    };
  },
};

/** Waits until an outcome says that the history is in memory only. */
async function inMemory(page) {
  for (let i = 0; i < 50; i++) {
    const { outcome } = await rank(page, feed);
    assert.equal(outcome.reason, "ranked");
    if (outcome.storage === "memory") return;
    await page.waitForTimeout(100);
  }
  assert.fail("no outcome says memory");
}

for (const [name, init] of Object.entries(failures)) {
  test(`${name}: ranking goes on from memory, and the outcome says so`, async (t) => {
    const page = await open(t, { init });
    const started = Date.now();
    await startReranker(page);
    assert.ok(Date.now() - started < 3000);
    await click(page, read);
    assert.equal((await rank(page, feed)).outcome.reason, "ranked");
    await inMemory(page);
    assert.equal((await stored(page)).clicks, 4);
  });
}

test("what a page could not store in time is handed to the next one", async (t) => {
  const page = await open(t);
  await page.evaluate(failures["IndexedDB that never answers"]);
  await startReranker(page);
  await click(page, read);
  await inMemory(page);
  await goTo(page, server, "/list.html");
  await startReranker(page);
  assert.equal((await stored(page)).clicks, read.length);
  assert.equal((await rank(page, feed)).outcome.storage, undefined);
});

test("where the database fails, nothing is left beside it, and what was left is erased", async (t) => {
  const page = await open(t);
  const left = () => page.evaluate(() => localStorage.getItem("nearside")?.length);
  const spoil = () => page.evaluate(failures["IndexedDB that refuses to open"]);
  await spoil();
  await startReranker(page);
  await click(page, read);
  await inMemory(page);
  await goTo(page, server, "/list.html");
  assert.equal(await left(), undefined);

  // Left by a page whose database was late; the next one's fails.
  await page.evaluate(failures["IndexedDB that never answers"]);
  await startReranker(page);
  await click(page, read);
  await inMemory(page);
  await goTo(page, server, "/list.html");
  const before = await left();
  assert.ok(before > 64 * read.length, `${before} bytes are left`);
  await spoil();
  await startReranker(page);
  assert.equal(
    await page.evaluate(() => globalThis.reranker.erase()),
    true,
    "the database can be taken away",
  );
  assert.equal(await left(), undefined);
  await goTo(page, server, "/list.html");
  await startReranker(page);
  assert.equal((await stored(page)).clicks, 0);
});

/** What a page may do to what the language or the browser gives it. Each is a function for the page. */
const spoilers = {
  "promises have no `catch`": () => delete Promise.prototype.catch,
  "the `then` of promises throws": () => {
    Reflect.set(Promise.prototype, "then", () => {
      throw new Error("the page's own");
    });
  },
  "the `then` of promises gives them back": () => {
    Reflect.set(Promise.prototype, "then", function () {
      return this;
    });
  },
  "all objects have a `then`": () => {
    Reflect.set(Object.prototype, "then", () => {});
  },
  "there is no AbortController": () => delete globalThis.AbortController,
  "WeakMap throws": () => {
    globalThis.WeakMap = class {
      constructor() {
        throw new Error("the page's own");
      }
    };
  },
  "Set throws": () => {
    globalThis.Set = class {
      constructor() {
        throw new Error("the page's own");
      }
    };
  },
  "the database's store has keys of another kind": async () => {
    const settled = (request) => new Promise((resolve) => (request.onsuccess = () => resolve()));
    await settled(indexedDB.deleteDatabase("nearside"));
    const request = indexedDB.open("nearside", 1);
    request.onupgradeneeded = () => request.result.createObjectStore("nearside", { keyPath: "id" });
    await settled(request);
    request.result.close();
  },
};

for (const [name, spoil] of Object.entries(spoilers))
  test(`erase erases where ${name}`, async (t) => {
    const page = await open(t);
    await startReranker(page);
    await click(page, read);
    await saved(page);
    await goTo(page, server, "/list.html");
    // The answer is left on the page: what waits for a promise may itself need what was spoilt.
    await page.evaluate(`globalThis.spoil = ${spoil};
      setTimeout(async () => {
        const { createReranker } = globalThis.nearside;
        await globalThis.spoil();
        const reranker = createReranker({ consent: true });
        document.body.setAttribute("data-answer", await reranker.erase());
      });`);
    await page.waitForSelector("[data-answer]");
    assert.equal(await page.getAttribute("body", "data-answer"), "true");
    await goTo(page, server, "/list.html");
    await startReranker(page);
    assert.equal((await stored(page)).clicks, 0);
    await click(page, read);
    await page.waitForTimeout(200);
    assert.equal((await rank(page, feed)).outcome.storage, undefined, "and the database is whole");
    await goTo(page, server, "/list.html");
    await startReranker(page);
    assert.equal((await stored(page)).clicks, read.length);
  });

test("a connection that was lost is opened again", async (t) => {
  const page = await open(t);
  await startReranker(page);
  await click(page, read.slice(0, 2));
  await written(page);
  const before = await record(page);
  await page.evaluate((stories) => {
    // As after a restored page or under storage pressure: the connection is closed, transactions on it throw.
    const real = IDBDatabase.prototype.transaction;
    IDBDatabase.prototype.transaction = function (...args) {
      IDBDatabase.prototype.transaction = real;
      this.close();
      return real.apply(this, args);
    };
    for (const story of stories) globalThis.reranker.clicked(story);
  }, read.slice(2));
  await written(page, before);
  assert.equal((await rank(page, feed)).outcome.storage, undefined);
});

test("another tab may delete the database: an open one does not stand in the way", async (t) => {
  const page = await open(t);
  await startReranker(page);
  await click(page, read);
  await written(page);
  const other = await openTab(page, server);
  const deleted = await other.evaluate(
    () =>
      new Promise((resolve) => {
        const request = indexedDB.deleteDatabase("nearside");
        request.onsuccess = () => resolve("deleted");
        request.onblocked = () => setTimeout(resolve, 500, "blocked");
      }),
  );
  assert.equal(deleted, "deleted");
  await click(page, feed.items.slice(0, 1));
  await page.waitForTimeout(200);
  assert.equal((await rank(page, feed)).outcome.storage, undefined);
});

test("a page restored from the back-forward cache goes on, with what happened since", async (t) => {
  const own = await launch({ ignoreDefaultArgs: ["--disable-back-forward-cache"] });
  t.after(() => own.close());
  const page = await openSite(own, server);
  await startReranker(page);
  await page.evaluate(() => {
    globalThis.mark = "first";
    addEventListener("pageshow", (event) => {
      globalThis.restored = event.persisted;
    });
  });
  await click(page, read.slice(0, 1));
  await saved(page);
  await goTo(page, server, "/list.html");
  await startReranker(page);
  await click(page, read.slice(1, 3));
  await saved(page);
  await page.evaluate(() => history.back());
  await page.waitForFunction(() => globalThis.restored !== undefined); // only the first page has it
  assert.deepEqual(await page.evaluate(() => [globalThis.mark, globalThis.restored]), ["first", true]);
  await page.waitForFunction(() => globalThis.reranker.stored().clicks === 3);
  await click(page, read.slice(3));
  assert.equal((await stored(page)).clicks, 4);
  assert.equal((await rank(page, feed)).outcome.storage, undefined);
  await page.guard();
});

test("storage that failed gets another chance on a restored page", async (t) => {
  const init = () => {
    const real = IDBFactory.prototype.open;
    IDBFactory.prototype.open = () => {
      throw new DOMException("frozen", "UnknownError");
    };
    globalThis.repair = () => {
      IDBFactory.prototype.open = real;
    };
  };
  const page = await open(t, { init });
  await startReranker(page);
  await click(page, read);
  await inMemory(page);
  await page.evaluate(() => {
    globalThis.repair();
    dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true }));
  });
  await written(page);
  assert.equal((await rank(page, feed)).outcome.storage, undefined);
});

test("a store of the page's own is used instead of IndexedDB", async (t) => {
  const page = await open(t);
  const result = await page.evaluate(
    async ([feed, read]) => {
      const store = new globalThis.nearside.MemoryStore();
      const one = globalThis.nearside.createReranker({ consent: true, store });
      await one.ready;
      for (const story of read) one.clicked(story);
      await new Promise((resolve) => setTimeout(resolve, 50));
      const other = globalThis.nearside.createReranker({ consent: true, store });
      const { outcome } = await other.rank(feed, { budgetMs: 5000 });
      return {
        reason: outcome.reason,
        bytes: (await store.read()).length,
        databases: await indexedDB.databases(),
      };
    },
    [feed, read],
  );
  assert.equal(result.reason, "ranked");
  assert.ok(result.bytes > 0);
  assert.deepEqual(result.databases, []);
});
