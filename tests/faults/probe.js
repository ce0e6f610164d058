// The first script of the page: it sees what any later script prints, throws, rejects or shifts. A classic script; browsers load it.
// It keeps what it needs of the language, so that a row may spoil all of it afterwards.

(() => {
  const { stringify } = JSON;
  const { apply, getOwnPropertyDescriptor, defineProperty, deleteProperty } = Reflect;
  const NativePromise = Promise;
  const NativeString = String;
  const prototypes = [Object.prototype, Array.prototype, String.prototype, Number.prototype];
  const windowHeight = () => document.documentElement.clientHeight;
  const settle = setTimeout.bind(globalThis);
  const { isArray } = Array;
  const { getComputedStyle } = globalThis;
  const clock = performance.now.bind(performance);
  const { push, slice, indexOf } = Array.prototype;
  const { getItem, setItem } = globalThis.Storage?.prototype ?? {};
  const { open } = globalThis.IDBFactory?.prototype ?? {};
  const factory = (() => {
    try {
      return indexedDB;
    } catch {
      return undefined; // a frame without an origin
    }
  })();

  const isWebkit = navigator.vendor.startsWith("Apple");

  const problems = [];
  const add = (text) => apply(push, problems, [text]);
  for (const name of Object.keys(console)) {
    const real = console[name];
    if (typeof real !== "function") continue;
    console[name] = function (...values) {
      add(`console.${name}: ${values[0]?.message ?? values[0]}`);
      return apply(real, this, values);
    };
  }
  addEventListener("error", (event) => add(`error: ${event.message} ${event.error?.stack ?? ""}`));
  addEventListener("unhandledrejection", ({ reason }) => {
    // WebKit's driver waits by the page's own promises, whatever a row has made of them.
    if (isWebkit && /evaluateJavaScriptFunction@/.test(reason?.stack)) return;
    add(`unhandledrejection: ${reason?.stack ?? reason?.message ?? reason}`);
  });

  /** Layout shifts that no input explains, and scripts that kept the page's thread for 50 ms: `{ url, ms, at }`. */
  const shifts = [];
  const tasks = [];
  const observe = (type, take) => {
    if (!globalThis.PerformanceObserver?.supportedEntryTypes?.includes(type)) return false;
    new PerformanceObserver((list) => {
      for (const entry of apply(slice, list.getEntries(), [0])) take(entry);
    }).observe({ type, buffered: true });
    return true;
  };
  const hasShifts = observe("layout-shift", ({ value, hadRecentInput, startTime }) => {
    if (!hadRecentInput) apply(push, shifts, [{ value, at: startTime }]);
  });
  // A long task names no script; a long frame names each that ran in it for more than 5 ms.
  const hasTasks = observe("long-animation-frame", ({ scripts }) => {
    for (const { sourceURL, duration, startTime } of scripts) {
      if (duration > 50) apply(push, tasks, [{ url: sourceURL, ms: duration, at: startTime }]);
    }
  });

  const list = () => document.getElementById("front");
  const marked = () => apply(slice, list()?.children ?? [], [0]);
  const order = () => {
    const ids = [];
    for (const child of marked()) apply(push, ids, [child.getAttribute("data-nearside-id") ?? "-"]);
    return ids;
  };
  const wait = (ms) => new NativePromise((resolve) => settle(resolve, ms));
  const rects = (children) => {
    const places = [];
    for (const child of children) {
      const { left, top } = child.getBoundingClientRect();
      apply(push, places, [`${left} ${top}`]);
    }
    return places;
  };

  /** What `apply` must not move, found without its help: what is in or above the viewport, focused, or playing. */
  const held = () => {
    const places = [];
    let slot = 0;
    for (const child of marked()) {
      const focused = document.activeElement !== document.body && child.contains(document.activeElement);
      const delicate = child.querySelector("iframe, video") !== null;
      // A story without a box is where its contents are.
      const box = getComputedStyle(child).display === "contents" ? child.firstElementChild : child;
      const seen = box.getClientRects().length > 0 && box.getBoundingClientRect().top < windowHeight();
      if (focused || delicate || seen || !child.hasAttribute("data-nearside-id")) apply(push, places, [slot]);
      slot++;
    }
    return places;
  };

  /** What `take` answers of each story of a list, as far as it is one and can be read. */
  const each = (items, take) => {
    const taken = [];
    try {
      const list = isArray(items) ? items : items?.items;
      for (let i = 0; i < (isArray(list) ? list.length : 0); i++) {
        let one = "unreadable";
        try {
          one = take(list[i]);
        } catch {
          // A getter of the row's.
        }
        if (one !== undefined) apply(push, taken, [one]);
      }
    } catch {
      // Not even a list.
    }
    return taken;
  };
  // What a driver has to bring: an id may be as long as a row likes.
  const idOf = (item) => {
    const id = NativeString(item?.id);
    return id.length > 1000 ? `${id[0]} ${id.length} times` : id;
  };
  const pinnedOf = (item) =>
    item._nearside?.pinned || item._nearside?.personalize === false ? idOf(item) : undefined;

  const views = [];
  const told = [];
  const clicks = { saved: 0, opened: 0, key: 0 };
  let go;
  const started = new NativePromise((resolve) => {
    go = resolve;
  });
  // WebKit's driver puts a script of its own into the page when it first asks there, and must find its language whole. Where a row has
  // spoilt it from the beginning, the driver comes when it has been mended.
  const lookForDriver = (times) => {
    if (globalThis.driven || times === 0) go();
    else settle(lookForDriver, 20, times - 1);
  };
  if (globalThis.top !== globalThis || (!hasTasks && !isWebkit)) go();
  else if (isWebkit) lookForDriver(100);
  let finish;
  const finished = new NativePromise((resolve) => {
    finish = resolve;
  });

  /** JSON whatever the page did to its prototypes: `toJSON` of a patched one is put aside. */
  const text = (value) => {
    const spoilt = [];
    for (const prototype of prototypes) {
      const descriptor = getOwnPropertyDescriptor(prototype, "toJSON");
      if (descriptor && deleteProperty(prototype, "toJSON")) apply(push, spoilt, [[prototype, descriptor]]);
    }
    const json = stringify(value);
    for (const [prototype, descriptor] of spoilt) defineProperty(prototype, "toJSON", descriptor);
    return json;
  };

  globalThis.probe = {
    views,
    told,
    clicks,
    wait,
    order,
    held,
    finished,
    base: [],
    notes: [],
    /** Notes an outcome that the page's listener got. */
    tell: (outcome) => void apply(push, told, [outcome]),
    /** Notes that the package begins: what shifts or takes long before is the page's own. */
    begin: () => {
      globalThis.probe.began = clock();
    },
    note: (text) => void apply(push, globalThis.probe.notes, [text]),
    /** Resolves once the reader sees the page: nothing may move any more that stands in the viewport. */
    painted: new NativePromise((resolve) => {
      settle(resolve, 2000);
      if (!globalThis.PerformanceObserver?.supportedEntryTypes?.includes("paint")) return;
      new PerformanceObserver((entries) => {
        if (entries.getEntriesByName("first-contentful-paint").length > 0) resolve();
      }).observe({ type: "paint", buffered: true });
    }),
    go,
    /** Resolves when the driver has looked at the clock: not in a frame, and where no script's time is measured. */
    started,
    /** Puts a history where a page that was left puts it. */
    leave(bytes) {
      let characters = "";
      for (const byte of bytes) characters += String.fromCharCode(byte);
      try {
        apply(setItem, localStorage, ["nearside", characters]);
      } catch {
        // A frame without an origin has no storage: its reader is new.
      }
    },
    /** Puts a history where the package keeps it. `version` and `table` for a database of another package's making. */
    store(bytes, version = 1, table = "nearside") {
      return new NativePromise((resolve, reject) => {
        const request = apply(open, factory, ["nearside", version]);
        request.onupgradeneeded = () => void request.result.createObjectStore(table);
        request.onerror = () => reject(request.error);
        request.onsuccess = () => {
          const database = request.result;
          const change = database.transaction(table, "readwrite");
          change.objectStore(table).put(bytes, "history");
          change.oncomplete = () => {
            database.close();
            resolve();
          };
        };
      });
    },
    /** What the package keeps there now. */
    stored() {
      return new NativePromise((resolve) => {
        const request = apply(open, factory, ["nearside"]);
        request.onerror = () => resolve(undefined);
        request.onsuccess = () => {
          const database = request.result;
          const names = database.objectStoreNames;
          if (!names.contains("nearside")) return resolve(undefined);
          const found = database.transaction("nearside").objectStore("nearside").get("history");
          found.onsuccess = () => {
            database.close();
            resolve(found.result);
          };
        };
      });
    },
    left: () => apply(getItem, localStorage, ["nearside"]),
    /** Notes one ranking, and what `change` made of the list: the page before and after. */
    view(given, items, outcome, change) {
      const before = order();
      const fixed = held();
      const visible = [];
      const children = marked();
      for (const slot of fixed) apply(push, visible, [children[slot]]);
      const places = rects(visible);
      const application = change();
      const still = text(places) === text(rects(visible));
      apply(push, views, [
        {
          outcome,
          application,
          before,
          after: order(),
          fixed,
          ids: each(items, idOf),
          given: each(given, idOf),
          pinned: each(given, pinnedOf),
          still,
        },
      ]);
    },
    /** Ends the page's part; the driver clicks then. */
    async end() {
      await wait(globalThis.row?.settle ?? 80);
      globalThis.probe.at = clock();
      const target = (selector) => {
        for (const found of apply(slice, document.querySelectorAll(selector), [0])) {
          const { left, top, width, height } = found.getBoundingClientRect();
          const x = left + width / 2;
          const y = top + height / 2;
          if (y > 0 && y < windowHeight()) return { x, y };
        }
        return undefined;
      };
      // WebKit's driver asks by the page's own language.
      if (isWebkit) globalThis.mendBuiltins();
      const pages = [target("#front .save"), target("#front h2 a")];
      finish(text({ targets: pages, top: globalThis.top === globalThis }));
    },
    /** All that was noted, as JSON. */
    async report() {
      await wait(60);
      const { base, notes, began, at, failed, calls } = globalThis.probe;
      const order_ = order();
      return text({
        problems,
        shifts: apply(slice, shifts, [0]),
        tasks,
        hasShifts,
        hasTasks,
        views,
        told,
        clicks,
        base,
        notes,
        began,
        at,
        failed,
        calls,
        order: order_,
        stale: apply(indexOf, order_, ["-"]),
      });
    },
  };
})();
