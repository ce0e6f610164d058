// What becomes of what is kept on the device.

const row = (name, fault, reason, page, more) => ({ group: "storage", name, fault, reason, page, ...more });
const memory = { outcome: { storage: "memory" } };
/** A new reader's view: nothing could be read, and that is no error. */
const forgotten = { ...memory, history: "none" };
/** Two rankings with a click between them: what cannot be written shows in the second outcome. */
const writes = { ...memory, reasons: ["ranked", "ranked"], applied: ["applied"] };

/** Changes one byte of the record at a time, in a store of the page's own, and ranks by each. */
const flipEach = ([first, step]) => {
  const { probe, row } = globalThis;
  row.after = async (_reranker, { createReranker }) => {
    const feed = JSON.parse(document.getElementById("feed").textContent);
    const tally = {};
    for (let place = first; place < probe.history.length; place += step) {
      const bytes = probe.history.slice();
      bytes[place] ^= 0xff;
      const store = { read: () => bytes, write: () => {} };
      const reranker = createReranker({ consent: true, store });
      const { items, outcome } = await reranker.rank(feed, { budgetMs: 8000 });
      reranker.dispose();
      tally[outcome.reason] = (tally[outcome.reason] ?? 0) + 1;
      if (!["cold", "ranked"].includes(outcome.reason)) probe.note(`byte ${place}: ${outcome.reason}`);
      if (items.length !== feed.items.length || outcome.storage)
        probe.note(`byte ${place}: ${outcome.storage}`);
      if (place % 16 === 0) await probe.wait(0);
    }
    if (!tally.cold) probe.note("no changed byte was noticed");
  };
};

export const storage = [
  row(
    "absent",
    "`indexedDB` is `undefined`",
    "cold",
    () => {
      Object.defineProperty(globalThis, "indexedDB", { value: undefined });
    },
    { ...forgotten, guards: ["store-fails"] },
  ),
  row(
    "refused",
    "reading `indexedDB` throws",
    "cold",
    () => {
      Object.defineProperty(globalThis, "indexedDB", {
        get() {
          throw new DOMException("refused", "SecurityError");
        },
      });
    },
    { ...forgotten, guards: ["store-fails"] },
  ),
  row(
    "localStorage refused",
    "reading `localStorage` throws",
    "ranked",
    () => {
      globalThis.row.before = () => globalThis.probe.store(globalThis.probe.history);
      Object.defineProperty(globalThis, "localStorage", {
        get() {
          throw new DOMException("refused", "SecurityError");
        },
      });
    },
    { history: "none", guards: ["left-read"] },
  ),
  row(
    "erase, localStorage refused",
    "the reader erases all the same",
    "ranked",
    () => {
      const { probe, row } = globalThis;
      row.before = () => probe.store(probe.history);
      Object.defineProperty(globalThis, "localStorage", {
        get() {
          throw new DOMException("refused", "SecurityError");
        },
      });
      row.after = async (reranker) => {
        let erased = false;
        for (let i = 0; i < 5 && !erased; i++) erased = await reranker.erase();
        if (!erased) probe.note("erase did not answer true");
      };
    },
    { history: "none", guards: ["forget"] },
  ),
  row(
    "all storage refused",
    "both throw",
    "cold",
    () => {
      for (const name of ["indexedDB", "localStorage"]) {
        Object.defineProperty(globalThis, name, {
          get() {
            throw new DOMException("refused", "SecurityError");
          },
        });
      }
    },
    forgotten,
  ),
  row(
    "hung open",
    "the database never opens; the ranking has a second for it and more",
    "cold",
    () => {
      IDBFactory.prototype.open = () => new EventTarget();
    },
    { ...forgotten, guards: ["store-patience"] },
  ),
  row(
    "hung open, short of time",
    "the database never opens; the ranking has 150 ms",
    "budget",
    () => {
      IDBFactory.prototype.open = () => new EventTarget();
      globalThis.row.rank = { budgetMs: 150 };
    },
    { guards: ["late"] },
  ),
  row(
    "corrupt backing store",
    "opening fails with an unknown error",
    "cold",
    () => {
      IDBFactory.prototype.open = () => {
        const request = { error: new DOMException("Internal error opening backing store", "UnknownError") };
        setTimeout(() => request.onerror?.({ target: request }));
        return request;
      };
    },
    forgotten,
  ),
  row(
    "opening throws",
    "at every call",
    "cold",
    () => {
      IDBFactory.prototype.open = () => {
        throw new DOMException("no", "InvalidStateError");
      };
    },
    forgotten,
  ),
  row(
    "reading fails",
    "no transaction can be begun",
    "cold",
    () => {
      IDBDatabase.prototype.transaction = () => {
        throw new DOMException("The database connection is closing", "InvalidStateError");
      };
    },
    forgotten,
  ),
  row(
    "reading fails, once",
    "the first transaction cannot be begun: the connection was lost",
    "ranked",
    () => {
      const { probe, row } = globalThis;
      row.before = async () => {
        await probe.store(probe.history);
        const real = IDBDatabase.prototype.transaction;
        let count = 0;
        IDBDatabase.prototype.transaction = function (...args) {
          if (count++ === 0)
            throw new DOMException("The database connection is closing", "InvalidStateError");
          return real.apply(this, args);
        };
      };
    },
    { history: "none", guards: ["twice"] },
  ),
  row(
    "connection lost in a transaction",
    "the write's transaction is aborted, each time",
    "",
    () => {
      const real = IDBDatabase.prototype.transaction;
      IDBDatabase.prototype.transaction = function (names, mode, ...rest) {
        const made = real.call(this, names, mode, ...rest);
        if (mode === "readwrite") setTimeout(() => made.abort());
        const keep = () => {
          try {
            if (mode === "readwrite") made.objectStore("nearside").count().onsuccess = keep;
          } catch {
            // It has been aborted.
          }
        };
        keep();
        return made;
      };
      Object.assign(globalThis.row, {
        rankings: 2,
        between: async (i, reranker) => {
          if (i === 0) return;
          reranker.clicked({ id: "story-1" });
          await globalThis.probe.wait(1100); // whatever hinders it, the store's second is over
        },
      });
    },
    { ...writes, guards: ["update-unawaited"] },
  ),
  row(
    "quota",
    "every `put` throws",
    "",
    () => {
      IDBObjectStore.prototype.put = () => {
        throw new DOMException("full", "QuotaExceededError");
      };
      Object.assign(globalThis.row, {
        rankings: 2,
        between: async (i, reranker) => {
          if (i === 0) return;
          reranker.clicked({ id: "story-1" });
          await globalThis.probe.wait(1100);
        },
      });
    },
    writes,
  ),
  row(
    "quota when the page is left",
    "`setItem` throws at `pagehide`",
    "ranked",
    () => {
      Storage.prototype.setItem = () => {
        throw new DOMException("full", "QuotaExceededError");
      };
      globalThis.row.after = async (reranker) => {
        reranker.viewed({ id: "story-1" });
        dispatchEvent(new Event("pagehide"));
        await globalThis.probe.wait(50);
      };
    },
    { guards: ["leave"] },
  ),
  row(
    "deleted by another tab",
    "the database is deleted while the page is open",
    "",
    () => {
      Object.assign(globalThis.row, {
        rankings: 2,
        between: async (i, reranker) => {
          if (i === 0) return;
          await new Promise((resolve, reject) => {
            const request = indexedDB.deleteDatabase("nearside");
            request.onsuccess = resolve;
            request.onerror = request.onblocked = () =>
              reject(new Error("an open connection stands in the way"));
          });
          reranker.clicked({ id: "story-1" });
          await globalThis.probe.wait(200);
        },
      });
    },
    { reasons: ["ranked", "ranked"], guards: ["versionchange"] },
  ),
  row("evicted between views", "all storage of the site is gone at the second view", "cold", undefined, {
    history: "none",
    steps: async ({ page, server }) => {
      await page.goto(`${server.url}/`);
      await page.read("globalThis.probe.finished");
      await page.read(`(async () => {
        const feed = JSON.parse(document.getElementById("feed").textContent);
        for (const item of feed.items) if (item._nearside.topic === "travel") globalThis.reranker.clicked(item);
        globalThis.reranker.dispose(); // it would leave its history as the page goes
        await globalThis.probe.wait(200);
        localStorage.clear();
        await new Promise((resolve) => { indexedDB.deleteDatabase("nearside").onsuccess = resolve; });
        return "";
      })()`);
    },
  }),
  row("the next view", "nothing: the second view knows what the first recorded", "ranked", undefined, {
    history: "none",
    steps: async ({ page, server }) => {
      await page.goto(`${server.url}/`);
      await page.read("globalThis.probe.finished");
      await page.read(`(async () => {
        const feed = JSON.parse(document.getElementById("feed").textContent);
        for (const item of feed.items) if (item._nearside.topic === "travel") globalThis.reranker.clicked(item);
        await globalThis.probe.wait(200);
        return "";
      })()`);
    },
  }),
  row("some bytes of the record flipped", "every 16th byte, one at a time", "ranked", flipEach, {
    arg: [0, 16],
    patience: 60_000,
    long: true,
  }),
  row("every byte of the record flipped", "one at a time", "ranked", flipEach, {
    arg: [0, 1],
    slow: true,
    patience: 120_000,
    long: true,
  }),
  row(
    "no record at all",
    "another kind of value under the package's key",
    "cold",
    () => {
      globalThis.row.before = () => globalThis.probe.store({ not: "bytes" });
    },
    { history: "none" },
  ),
  row(
    "a record of the future",
    "its version is higher than this package knows",
    "cold",
    () => {
      const { probe, row } = globalThis;
      // `src/profile/bytes.rs`: the checksum at byte 10 is of the head and of what follows, by FNV-1a.
      const sum = (bytes) => bytes.reduce((hash, byte) => Math.imul(hash ^ byte, 0x01000193), 0x811c9dc5);
      const head = probe.history.subarray(0, 10);
      const view = new DataView(probe.history.buffer, probe.history.byteOffset);
      const before = sum(head);
      head[4] = 200;
      view.setUint32(10, view.getUint32(10, true) ^ before ^ sum(head), true);
      row.before = () => probe.store(probe.history);
    },
    { history: "none" },
  ),
  row(
    "a text for a record",
    "what a page left is no record",
    "cold",
    () => {
      localStorage.setItem("nearside", "\u20ac no bytes at all");
    },
    { history: "none" },
  ),
  row(
    "a newer schema",
    "the database has version 2: another version of the package made it, and its record is read",
    "ranked",
    () => {
      globalThis.row.before = () => globalThis.probe.store(globalThis.probe.history, 2);
    },
    { history: "none" },
  ),
  row(
    "an older schema",
    "the database has version 1, and no table of the package's, which it gets",
    "cold",
    () => {
      globalThis.row.before = () => globalThis.probe.store(globalThis.probe.history, 1, "other");
    },
    { history: "none" },
  ),
  row(
    "two tabs writing",
    "two documents of the site tell their clicks at once: none is lost",
    "ranked",
    tabs,
    {
      arg: 2,
      asks: /^\/(nearside_bg\.wasm|reranker\.onnx|tab\.html|tab\.js)$/,
      ...tabFiles(),
      csp: null,
    },
  ),
  row("fifty tabs writing", "the same with fifty", "ranked", tabs, {
    arg: 50,
    unmoved: "perhaps", // the tabs' stories take the place of the reader's own
    asks: /^\/(nearside_bg\.wasm|reranker\.onnx|tab\.html|tab\.js)$/,
    ...tabFiles(),
    csp: null,
    slow: true,
    long: true,
    patience: 120_000,
  }),
  row("tab killed in a write", "another tab's process ends while it writes", "ranked", undefined, {
    steps: async ({ page, server }) => {
      const tab = await page.tab();
      await tab.goto(`${server.url}/`);
      await tab.read("globalThis.probe.finished");
      await tab.read(`(() => {
        for (let i = 0; i < 40; i++) globalThis.reranker.clicked({ id: "story-" + i });
        return "";
      })()`);
      void tab.kill();
      await new Promise((resolve) => setTimeout(resolve, 200));
    },
  }),
  row(
    "a store of the page's own throws",
    "at every call",
    "cold",
    () => {
      const fail = () => {
        throw new Error("no");
      };
      globalThis.row.options = () => ({ store: { read: fail, write: fail } });
    },
    memory,
  ),
  row(
    "a store of the page's own answers garbage",
    "a text in place of bytes",
    "cold",
    () => {
      globalThis.row.options = () => ({ store: { read: () => "history", write: () => {} } });
    },
    { ...memory, guards: ["store-garbage"] },
  ),
];

/** Opens frames of the site, which each tell one click, and checks that all are in the record. */
function tabs(count) {
  const { probe, row } = globalThis;
  row.before = async () => {
    const done = [];
    for (let i = 0; i < count; i++) {
      const frame = document.createElement("iframe");
      frame.hidden = true;
      done.push(
        new Promise((resolve) => {
          addEventListener("message", ({ source, data }) => source === frame.contentWindow && resolve(data));
        }),
      );
      frame.src = `/tab.html#${i}`;
      document.body.append(frame);
    }
    row.kept = (await Promise.all(done)).filter((storage) => storage === "kept").length;
    for (const frame of document.querySelectorAll("body > iframe")) frame.remove();
  };
  row.after = async (reranker) => {
    const { clicks } = reranker.stored();
    // A tab that waited for more than a second for its turn keeps its click in memory, and says so in its outcome.
    if (row.kept < Math.min(count, 10) || clicks < Math.min(50, 5 + row.kept))
      probe.note(`${clicks} clicks are stored; ${row.kept} of ${count} tabs said that theirs is`);
  };
}

function tabFiles() {
  return {
    files: {
      "/tab.html": '<!doctype html><title>Tab</title><script type="module" src="/tab.js"></script>',
      "/tab.js": `import { createReranker } from "/nearside.js";
        const reranker = createReranker({ consent: true });
        await reranker.ready;
        reranker.clicked({ id: "tab-" + location.hash });
        setTimeout(async () => {
          const { outcome } = await reranker.rank([]);
          parent.postMessage(outcome.storage ?? "kept", "*");
        }, 1500);`,
    },
  };
}
