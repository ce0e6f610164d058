// Random layouts, and what of them a reader sees, found without the package. A classic script; browsers load it.

(() => {
  const mulberry = (seed) => {
    let state = seed >>> 0;
    return () => {
      state = (state + 0x6d2b79f5) | 0;
      let t = Math.imul(state ^ (state >>> 15), 1 | state);
      t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
      return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
    };
  };
  const frame = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 20)));
  const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

  customElements.define(
    "shadow-card",
    class extends HTMLElement {
      connectedMoveCallback() {}
    },
  );

  const containers = [
    "",
    "",
    "display: grid; grid-template-columns: repeat(3, 1fr); gap: 8px",
    "display: grid; grid-template-columns: repeat(3, 1fr); grid-auto-flow: dense",
    "display: grid; grid-template-columns: repeat(2, 1fr); grid-auto-rows: 90px",
    "columns: 3",
    "columns: 2; height: 900px",
    "display: flex; flex-wrap: wrap; align-items: start",
    "display: flex; flex-direction: column-reverse",
    "display: flex; flex-direction: column; justify-content: center",
    "position: relative; height: 300px; overflow: auto",
    "position: relative; height: 900px; overflow: auto",
    "position: relative",
    "zoom: 0.5",
    "zoom: 1.5",
    "transform: scale(0.5); transform-origin: 0 0",
    "transform: scale(1.3) rotate(3deg); transform-origin: 0 0",
    "direction: rtl; display: flow-root",
  ];
  const kinds = [
    "box",
    "box",
    "box",
    "contents",
    "contents",
    "hidden",
    "float",
    "absolute",
    "shadow",
    "lifted",
    "pulled",
    "sticky",
    "contained",
    "tall",
    "wide",
    "inside",
  ];

  /** One story. Its body, `.c`, is what is painted of it. */
  const card = (document, kind, id, random) => {
    const story = document.createElement(kind === "shadow" ? "shadow-card" : "article");
    story.setAttribute("data-nearside-id", id);
    const body = document.createElement("div");
    body.className = "c";
    body.textContent = id;
    const height = kind === "tall" ? 900 + random() * 1500 : 30 + random() * 170;
    body.style.cssText = `height: ${Math.round(height)}px; background: #ccc; border: 1px solid; box-sizing: border-box`;
    if (kind === "shadow") story.attachShadow({ mode: "open" }).append(body);
    else story.append(body);
    const style = {
      contents: "display: contents",
      hidden: "visibility: hidden",
      sticky: "position: sticky; bottom: 0",
      contained: "content-visibility: auto; contain-intrinsic-size: auto 80px",
      wide: "grid-column: span 2",
      shadow: random() < 0.5 ? "display: contents" : "display: block",
    }[kind];
    if (style) story.style.cssText = style;
    if (kind === "hidden") body.style.visibility = "visible";
    if (kind === "float") Object.assign(body.style, { float: "left", width: "100%" });
    if (kind === "lifted") body.style.transform = `translateY(${-Math.round(random() * 150)}px)`;
    if (kind === "pulled") body.style.marginTop = `${-Math.round(random() * 60)}px`;
    if (kind === "absolute")
      Object.assign(body.style, {
        position: "absolute",
        top: `${Math.round(random() * 1400)}px`,
        left: `${Math.round(random() * 500)}px`,
        width: "200px",
      });
    if (kind === "inside") {
      const strays = document.createElement("i");
      strays.textContent = "new";
      strays.style.cssText = `position: absolute; top: ${Math.round(random() * 1200)}px; right: 0; width: 60px; height: 20px; background: red`;
      body.append(strays);
    }
    return story;
  };

  /** Builds the layout of a seed; calls `undo` to take it away. */
  const build = async (seed, { frames = true } = {}) => {
    const random = mulberry(seed);
    const pick = (list) => list[Math.floor(random() * list.length)];
    scrollTo(0, 0);
    document.documentElement.style.cssText = random() < 0.1 ? `zoom: ${pick([0.67, 1.25])}` : "";
    const host = document.createElement("section");
    document.body.prepend(host);
    let into = host;
    let page = document;
    if (frames && random() < 0.2) {
      const frame = document.createElement("iframe");
      frame.style.cssText = `display: block; border: 3px solid; margin-top: ${Math.round(random() * 500)}px; width: 700px; height: ${pick([250, 500, 3000])}px`;
      host.append(frame);
      page = frame.contentDocument;
      into = page.body;
    }
    const before = page.createElement("header");
    before.textContent = "News";
    before.style.cssText = `height: ${Math.round(random() * random() * 900)}px`;
    const after = page.createElement("footer");
    after.textContent = "End";
    const list = page.createElement("main");
    list.style.cssText = pick(containers);
    // Most lists are of one kind.
    const main = pick(kinds);
    const mixed = random() < 0.4;
    const ids = Array.from({ length: 10 + Math.floor(random() * 25) }, (_, i) => `s${i}`);
    for (const id of ids)
      list.append(card(page, mixed ? pick(kinds) : random() < 0.8 ? main : "box", id, random));
    const outer = page.createElement("div");
    if (random() < 0.15) outer.style.cssText = "columns: 2; height: 700px";
    // What stands beside the list may be a neighbour of what it is in, and on the other side of a shadow root.
    const around = mulberry(seed + 0x5eed);
    const nested = around();
    let inner = list;
    if (nested < 0.45) {
      inner = page.createElement("div");
      if (around() < 0.3) inner.style.display = "contents";
      const root = nested < 0.15 ? inner.attachShadow({ mode: "open" }) : inner;
      if (nested < 0.3) root.append(list);
      else {
        // The list lies in a slot, beside what is in the shadow tree.
        inner.append(list);
        const shade = inner.attachShadow({ mode: "open" });
        const aside = page.createElement("header");
        aside.textContent = "Aside";
        aside.style.height = "40px";
        shade.append(page.createElement("slot"), aside);
        if (around() < 0.5) inner.style.cssText = "display: flex; align-items: center";
      }
    }
    if (around() < 0.3) {
      outer.style.cssText += "; display: flex; align-items: center";
      before.style.height = "60px";
    }
    outer.append(before, inner, after);
    into.append(outer);
    await frame();
    if (random() < 0.5) scrollTo(0, Math.round(random() * 900));
    if (random() < 0.3) list.scrollTop = 200;
    await frame();
    await wait(120);
    const order = [...ids];
    if (random() < 0.3) order.reverse();
    else
      for (let i = order.length - 1; i > 0; i--) {
        const j = Math.floor(random() * (i + 1));
        [order[i], order[j]] = [order[j], order[i]];
      }
    const what = `${document.documentElement.style.cssText}${list.style.cssText || "block"}; ${mixed ? "mixed" : main}${page === document ? "" : "; in a frame"}`;
    return { list, ids, order, what, undo: () => host.remove() };
  };

  /** An element's box. Browsers of before `currentCSSZoom` tell it as if nothing were zoomed. */
  const boxOf = (element) => {
    const box = element.getBoundingClientRect();
    const isTrue = "currentCSSZoom" in element;
    let zoom = 1;
    for (let outer = isTrue ? null : element; outer; outer = outer.parentElement)
      zoom *= Number(getComputedStyle(outer).zoom) || 1;
    return new DOMRect(box.left * zoom, box.top * zoom, box.width * zoom, box.height * zoom);
  };

  /** All that is painted in the window: by element (and text), where. */
  const inWindow = () => {
    const seen = new Map();
    const look = (root, [dx, dy, scale], clip) => {
      for (const element of root.querySelectorAll("*")) {
        const box = boxOf(element);
        const view = element.ownerDocument.defaultView;
        const [x, y, width, height] = [
          box.left * scale + dx,
          box.top * scale + dy,
          box.width * scale,
          box.height * scale,
        ];
        const reaches = y < clip.bottom && y + height > clip.top && x < clip.right && x + width > clip.left;
        const isPainted = /article|shadow|^DIV$|^I$|HEADER|FOOTER/i.test(element.tagName);
        if (
          reaches &&
          isPainted &&
          width * height > 1 &&
          view.getComputedStyle(element).visibility === "visible"
        )
          seen.set(element, [x, y]);
        if (element.shadowRoot) look(element.shadowRoot, [dx, dy, scale], clip);
        if (element.tagName === "IFRAME" && element.contentDocument) {
          const inner = height / element.offsetHeight;
          const [left, top] = [x + element.clientLeft * inner, y + element.clientTop * inner];
          look(element.contentDocument, [left, top, inner], {
            top: Math.max(clip.top, top),
            left: Math.max(clip.left, left),
            bottom: Math.min(clip.bottom, top + element.clientHeight * inner),
            right: Math.min(clip.right, left + element.clientWidth * inner),
          });
        }
      }
    };
    look(document, [0, 0, 1], { top: 0, left: 0, bottom: innerHeight, right: innerWidth });
    return seen;
  };

  /** How much of each story the window shows: the share of its body, or of what of it the window has room for. */
  const shares = (list) => {
    const view = list.ownerDocument.defaultView;
    const found = {};
    for (const story of list.children) {
      const body = story.querySelector(".c") ?? story.shadowRoot.querySelector(".c");
      // Of what overflows its story both may count.
      const boxes = [body, story].map(boxOf).filter(({ width, height }) => width * height > 0);
      let clip = { top: 0, left: 0, bottom: view.innerHeight, right: view.innerWidth };
      const room = { width: view.innerWidth, height: view.innerHeight };
      const cut = (other) => {
        clip = {
          top: Math.max(clip.top, other.top),
          left: Math.max(clip.left, other.left),
          bottom: Math.min(clip.bottom, other.bottom),
          right: Math.min(clip.right, other.right),
        };
      };
      if (list.style.overflow === "auto") {
        cut(boxOf(list));
        room.width = Math.min(room.width, list.clientWidth);
        room.height = Math.min(room.height, list.clientHeight);
      }
      if (view !== globalThis) {
        const element = view.frameElement;
        const { left, top, height } = boxOf(element);
        const scale = element.offsetHeight / height;
        const [dx, dy] = [left * scale + element.clientLeft, top * scale + element.clientTop];
        cut({ top: -dy, left: -dx, bottom: innerHeight * scale - dy, right: innerWidth * scale - dx });
        room.width = Math.min(room.width, innerWidth);
        room.height = Math.min(room.height, innerHeight);
      }
      found[story.getAttribute("data-nearside-id")] = boxes.map((box) => {
        const width = Math.max(0, Math.min(box.right, clip.right) - Math.max(box.left, clip.left));
        const height = Math.max(0, Math.min(box.bottom, clip.bottom) - Math.max(box.top, clip.top));
        return (width * height) / (Math.min(box.width, room.width) * Math.min(box.height, room.height));
      });
      if (boxes.length === 0) found[story.getAttribute("data-nearside-id")] = [0];
    }
    return found;
  };

  /** Layout shifts that no input explains. They are told late. */
  const shifts = [];
  if (globalThis.PerformanceObserver?.supportedEntryTypes?.includes("layout-shift"))
    new PerformanceObserver((entries) => {
      for (const entry of entries.getEntries()) if (!entry.hadRecentInput) shifts.push(entry);
    }).observe({ type: "layout-shift", buffered: true });

  /** Applies a random order to each of the layouts, and says what moved that must not. */
  globalThis.applyLayouts = async (from, to) => {
    const reranker = globalThis.nearside.createReranker({ consent: false });
    const problems = [];
    const answers = { applied: 0, too_late: 0, moved: 0 };
    for (let seed = from; seed < to; seed++) {
      const { list, ids, order, what, undo } = await build(seed);
      const old = inWindow();
      const began = performance.now();
      const items = order.map((id) => ({ id }));
      const changes = new MutationObserver(() => {});
      changes.observe(list, { childList: true });
      const { reason } = reranker.apply(list, items);
      // Firefox balances columns anew, by fractions of a pixel, where nothing was touched.
      const now = changes.takeRecords().length > 0 ? inWindow() : old;
      await frame();
      await wait(100);
      const name = `layout ${seed} (${what})`;
      const shown = [...list.children].map((child) => child.getAttribute("data-nearside-id"));
      answers[reason] = (answers[reason] ?? 0) + 1;
      if (shown.join() !== ids.join()) answers.moved++;
      if (reason !== "applied" && shown.join() !== ids.join())
        problems.push(`${name}: ${reason}, yet something moved`);
      if ([...shown].sort().join() !== [...ids].sort().join()) problems.push(`${name}: a story was lost`);
      for (const [element, place] of old) {
        if (now.has(element) && now.get(element).every((at, i) => Math.abs(at - place[i]) < 0.01)) continue;
        problems.push(
          `${name}: ${element.tagName} ${element.textContent.slice(0, 8)} from ${place} to ${now.get(element)}`,
        );
        break;
      }
      for (const [element, place] of now) {
        if (old.has(element)) continue;
        problems.push(
          `${name}: ${element.tagName} ${element.textContent.slice(0, 8)} came into the window at ${place}`,
        );
        break;
      }
      for (const { value, startTime } of shifts.splice(0))
        if (startTime >= began) problems.push(`${name}: a layout shift of ${value}`);
      undo();
    }
    reranker.dispose();
    return JSON.stringify({ problems, answers });
  };

  /** Watches each of the layouts for a second, and says which views were counted wrongly. */
  globalThis.watchLayouts = async (from, to) => {
    const problems = [];
    const answers = { seen: 0, unseen: 0 };
    for (let seed = from; seed < to; seed++) {
      const { list, what, undo } = await build(seed);
      const store = new globalThis.nearside.MemoryStore();
      const reranker = globalThis.nearside.createReranker({ consent: true, store });
      await reranker.ready;
      const before = shares(list);
      const stop = reranker.watch(list);
      await wait(1400);
      const { views } = reranker.stored();
      const after = shares(list);
      const ids = Object.keys(after);
      const sure = ids.filter((id) => Math.min(...before[id], ...after[id]) > 0.55).length;
      const perhaps = ids.filter((id) => Math.max(...before[id], ...after[id]) >= 0.45).length;
      answers.seen += views;
      answers.unseen += ids.length - views;
      // WebKit's observer tells of where a sticky element would be if it were not, and of zoomed ones by a box that is none.
      const isTold = "currentCSSZoom" in list || !/zoom|sticky|mixed/.test(what);
      if (isTold && (views < sure || views > perhaps))
        problems.push(`layout ${seed} (${what}): ${views} of ${ids.length} seen, not ${sure} to ${perhaps}`);
      stop();
      reranker.dispose();
      undo();
    }
    return JSON.stringify({ problems, answers });
  };
})();
