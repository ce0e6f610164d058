// Which clicks open a story, what `watch` lets go of, and what a move keeps, in Chromium.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { openGuarded, serveSite, startBrowser } from "./package.mjs";

const browser = await startBrowser();
const server = await serveSite({
  bodies: { "/news/index.html": "<main></main>", "/plain.html": "<main></main>" },
});
after(() => server.close());

const open = (t, path = "/news/") => openGuarded(t, browser, server, { path });

/** Which links of a card count: each is clicked in a card of its own, with all others beside it. */
const counted = (page, { html, item }) =>
  page.evaluate(
    async ({ html, item }) => {
      const stop = (event) => event.preventDefault();
      addEventListener("click", stop);
      const main = document.querySelector("main");
      const names = [...html.matchAll(/ id="(\w+)"/g)].map(([, name]) => name);
      const counts = [];
      for (const name of names) {
        const store = new globalThis.nearside.MemoryStore();
        const reranker = globalThis.nearside.createReranker({ consent: true, store });
        await reranker.ready;
        if (item) await reranker.rank([item], { budgetMs: 5000 });
        const list = document.createElement("section");
        list.innerHTML = html;
        main.replaceChildren(list);
        for (const template of list.querySelectorAll("template.shadow")) {
          const root = template.parentElement.attachShadow({ mode: "open" });
          root.append(template.content);
        }
        reranker.watch(list);
        const find = (root) =>
          root.querySelector(`#${name}`) ??
          [...root.querySelectorAll("*")].flatMap(
            ({ shadowRoot }) => (shadowRoot && find(shadowRoot)) ?? [],
          )[0];
        find(list).click();
        await new Promise((resolve) => setTimeout(resolve, 20));
        if (reranker.stored().clicks > 0) counts.push(name);
        reranker.dispose();
      }
      return counts;
    },
    { html, item },
  );

const card = (inner) => `<article data-nearside-id="s12">${inner}</article>`;
const others = `<a id="share" href="https://www.facebook.com/sharer/sharer.php?u=x">f</a><a id="mail" href="mailto:?subject=x">m</a>
  <a id="save" href="#">s</a><a id="script" href="javascript:void 0">j</a><a id="section" href="/section/politics">p</a>
  <a id="shared" href="/share?id=123">s</a><a id="saved" href="/save?story=12">s</a><a id="printed" href="/print?id=5">p</a>
  <a id="login" href="/login?next=/2026/01/story">l</a><a id="subscribe" href="/subscribe?from=123">s</a><a id="search" href="/search?q=eu+2026">s</a>
  <a id="query" href="?share=1">q</a><a id="page" href="?page=2">p</a><a id="top" href="#top">t</a><a id="profile" href="/profile/jane">p</a>
  <a id="columnist" href="/columnists/jane">c</a><a id="rubric" href="/rubrik/politik">r</a><a id="tagged" href="/tag/politics?p=2">t</a>
  <a id="section2" href="/section/world?p=2">s</a><a id="author2" href="/author/view?id=12">a</a><a id="front" href="/politics">p</a><a id="author" href="/by/someone">a</a><a id="tag" href="/news/tag/eu/">t</a>
  <a id="file" href="/2026/story.pdf" download>d</a><button id="hide">h</button>`;

test("of a card whose story the list has an address for, the link to it counts, and no other", async (t) => {
  const page = await open(t);
  const item = (url) => ({ id: "s12", url });
  const links = `<a id="title" href="/2026/story?utm_source=front">t</a><a id="comments" href="/2026/story/comments">c</a>
    <a id="related" href="/2026/another-story">r</a>${others}`;
  for (const url of ["https://www.example.com/2026/story", `${server.url}/2026/story/`, "/2026/story"])
    assert.deepEqual(await counted(page, { html: card(links), item: item(url) }), ["title"], url);
  const byQuery = `<a id="one" href="/story?id=1&from=front">1</a><a id="two" href="/story?id=2">2</a>`;
  assert.deepEqual(await counted(page, { html: card(byQuery), item: item("/story?id=1") }), ["one"]);
  const byHash = `<a id="one" href="/#/story/1">1</a><a id="two" href="/#/story/2">2</a>`;
  assert.deepEqual(await counted(page, { html: card(byHash), item: item("/#/story/2") }), ["two"]);
  const elsewhere = `<a id="title" href="https://other.example/a">t</a><a id="via" href="/2026/story">v</a>`;
  const linked = { ...item("/2026/no-link"), external_url: "https://other.example/a" };
  assert.deepEqual(await counted(page, { html: card(elsewhere), item: linked }), ["title"]);
});

test("of a card whose story has no address, or no link to it, links to sections, authors and elsewhere do not count", async (t) => {
  const page = await open(t);
  for (const title of [
    "#story",
    "/2026/12/01/a-story",
    "/news/a-story.html",
    "/?p=123",
    "/index.php?story_id=7",
    "/politics/?id=9",
    "/comment/2026/01/the-case",
    "/print/2026/x",
  ]) {
    const html = card(`<a id="title" href="${title}">t</a>${others}`);
    for (const item of [undefined, { id: "s12" }, { id: "s12", url: "/r/123" }])
      assert.deepEqual(await counted(page, { html, item }), ["title"], title);
  }
});

test("a link to the story in an open shadow root is what counts, not another beside it", async (t) => {
  const page = await open(t);
  const html = `<x-card data-nearside-id="s12"><template class="shadow"><a id="title" href="/2026/story?x=1">t</a><slot></slot></template>
    <a id="related" href="/2026/related-story">r</a></x-card>`;
  assert.deepEqual(await counted(page, { html, item: { id: "s12", url: "/2026/story" } }), ["title"]);
});

test("a page says of a link that it opens the story, or that it does not", async (t) => {
  const page = await open(t);
  const html =
    card(`<a id="go" href="/go" data-nearside-link>g</a><a id="no" href="/2026/story" data-nearside-link="false">n</a>
    <button id="read" data-nearside-link>r</button><span id="role" role="link">l</span>`);
  assert.deepEqual(await counted(page, { html }), ["go", "read", "role"]);
});

test("links count in open shadow roots, slotted, and around; controls in links do not", async (t) => {
  const page = await open(t);
  const html = `<x-card data-nearside-id="s1"><template class="shadow"><a id="shadow" href="/2026/s1">t</a><slot></slot>
      <button id="hidden">h</button></template><a id="slotted" href="/2026/s1"><b id="deep">t</b></a></x-card>
    <div data-nearside-id="s2"><div><template class="shadow"><p><a id="nested" href="/2026/s2">t</a></p></template></div></div>
    <a href="/2026/s3"><article data-nearside-id="s3"><p id="around">t</p><button id="control">s</button></article></a>`;
  assert.deepEqual(await counted(page, { html }), ["shadow", "slotted", "deep", "nested", "around"]);
});

test("a list in a frame of the page's own origin is watched", async (t) => {
  const page = await open(t);
  const counts = await page.evaluate(async () => {
    const frame = document.createElement("iframe");
    frame.style.cssText = "width: 600px; height: 300px";
    document.querySelector("main").append(frame);
    const inner = frame.contentDocument;
    inner.body.innerHTML = `<main>${Array.from({ length: 9 }, (_, i) => `<article data-nearside-id="s${i}" style="height: 90px"><a href="/2026/s-${i}">x</a></article>`).join("")}</main>`;
    inner.addEventListener("click", (event) => event.preventDefault());
    const store = new globalThis.nearside.MemoryStore();
    const reranker = globalThis.nearside.createReranker({ consent: true, store });
    await reranker.ready;
    reranker.watch(inner.querySelector("main"));
    await new Promise((resolve) => setTimeout(resolve, 1500));
    inner.querySelector("a").click();
    await new Promise((resolve) => setTimeout(resolve, 50));
    const { views, clicks } = reranker.stored();
    reranker.dispose();
    return [views, clicks];
  });
  assert.deepEqual(counts, [3, 1]);
});

test("what watch returns ends it, and so does its signal; another watch begins anew", async (t) => {
  const page = await open(t);
  const counts = await page.evaluate(async () => {
    const main = document.querySelector("main");
    main.innerHTML = `<article data-nearside-id="a"><a href="#a1">a</a></article><article data-nearside-id="b"><a href="#b1">b</a></article>`;
    const [a, b] = main.querySelectorAll("a");
    const store = new globalThis.nearside.MemoryStore();
    const reranker = globalThis.nearside.createReranker({ consent: true, store });
    await reranker.ready;
    const counts = [];
    const click = (link) => {
      link.click();
      counts.push(reranker.stored().clicks);
    };
    const stop = reranker.watch(main);
    if (reranker.watch(main) !== stop) counts.push("another");
    stop();
    stop();
    click(a);
    const end = new AbortController();
    reranker.watch(main, { signal: end.signal });
    click(a);
    end.abort();
    click(b);
    reranker.watch(main, { signal: end.signal });
    click(b);
    reranker.watch(main);
    click(b);
    await new Promise((resolve) => setTimeout(resolve, 1200));
    reranker.dispose();
    return [...counts, typeof reranker.watch(main), typeof reranker.watch(null)];
  });
  assert.deepEqual(counts, [0, 1, 1, 1, 2, "function", "function"]);
});

test("a signal ends what was watched for its caller, not what another watches", async (t) => {
  const page = await open(t);
  const counts = await page.evaluate(async () => {
    const main = document.querySelector("main");
    main.innerHTML = ["a", "b", "c"]
      .map((id) => `<article data-nearside-id="${id}"><a href="#${id}1">${id}</a></article>`)
      .join("");
    const store = new globalThis.nearside.MemoryStore();
    const reranker = globalThis.nearside.createReranker({ consent: true, store });
    await reranker.ready;
    const [one, two, three] = [new AbortController(), new AbortController(), new AbortController()];
    const counts = [];
    const click = (id) => {
      main.querySelector(`[href="#${id}1"]`).click();
      counts.push(reranker.stored().clicks);
    };
    reranker.watch(main, { signal: one.signal });
    reranker.watch(main, { signal: two.signal });
    one.abort();
    click("a");
    two.abort();
    click("b");
    reranker.watch(main);
    reranker.watch(main, { signal: three.signal });
    three.abort();
    click("c");
    reranker.dispose();
    return counts;
  });
  assert.deepEqual(counts, [1, 1, 2]);
});

test("lists that the page lets go of are let go of; one that comes back is watched on", async (t) => {
  const page = await open(t);
  const session = await page.context().newCDPSession(page);
  await page.evaluate(async () => {
    const store = new globalThis.nearside.MemoryStore();
    globalThis.reranker = globalThis.nearside.createReranker({ consent: true, store });
    await globalThis.reranker.ready;
    globalThis.end = new AbortController();
    const kept = [];
    globalThis.kept = kept;
    for (let i = 0; i < 50; i++) {
      const list = document.createElement("section");
      list.innerHTML = Array.from(
        { length: 20 },
        (_, j) =>
          `<article data-nearside-id="s${i}-${j}" style="height: 100px"><a href="/2026/a-${i}">x</a></article>`,
      ).join("");
      document.querySelector("main").replaceChildren(list);
      kept.push(globalThis.reranker.watch(list, { signal: globalThis.end.signal }));
      await new Promise((resolve) => requestAnimationFrame(resolve));
    }
    globalThis.back = document.querySelector("section");
    globalThis.back.remove();
    await new Promise((resolve) => setTimeout(resolve, 1500));
  });
  const count = async () => {
    for (let i = 0; i < 3; i++) await session.send("HeapProfiler.collectGarbage");
    return (await session.send("Memory.getDOMCounters")).nodes;
  };
  const nodes = await count();
  assert.ok(nodes < 500, `${nodes} nodes are left of 3,000`);
  const counts = await page.evaluate(async () => {
    const { back, reranker } = globalThis;
    const before = reranker.stored();
    back.addEventListener("click", (event) => event.preventDefault());
    document.querySelector("main").append(back);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    back.querySelector("a").click();
    const { views, clicks } = reranker.stored();
    reranker.dispose();
    return [views - before.views > 2, clicks - before.clicks];
  });
  assert.deepEqual(counts, [true, 1]);
});

test("a story that moves keeps what is scrolled in it, and what runs in it goes on", async (t) => {
  const page = await open(t, "/plain.html");
  const state = await page.evaluate(async () => {
    const asked = { plain: 0, ready: 0, loads: 0 };
    customElements.define(
      "ad-slot",
      class extends HTMLElement {
        connectedCallback() {
          asked.plain++;
        }
      },
    );
    customElements.define(
      "ready-slot",
      class extends HTMLElement {
        connectedCallback() {
          asked.ready++;
        }
        connectedMoveCallback() {}
      },
    );
    const inner = {
      12: `<div id="rail" style="width: 200px; overflow-x: auto"><div style="width: 900px">wide</div></div>`,
      13: "<ad-slot></ad-slot>",
      14: "<ready-slot></ready-slot>",
      15: "<div id=host></div>",
      16: "<dialog id=dialog open>hi</dialog>",
      17: "<div id=plain><ad-slot></ad-slot></div>",
    };
    const main = document.querySelector("main");
    const ids = Array.from({ length: 24 }, (_, i) => `s${i}`);
    main.innerHTML = ids
      .map((id, i) => `<article data-nearside-id="${id}" style="height: 100px">${inner[i] ?? ""}</article>`)
      .join("");
    const get = (id) => document.getElementById(id);
    const frame = document.createElement("iframe");
    frame.addEventListener("load", () => asked.loads++);
    get("host").attachShadow({ mode: "closed" }).append(frame);
    await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 300)));
    get("rail").scrollLeft = 300;
    const before = { ...asked };
    const reranker = globalThis.nearside.createReranker({ consent: false });
    const { reason } = reranker.apply(
      main,
      ids.toReversed().map((id) => ({ id })),
    );
    await new Promise((resolve) => setTimeout(resolve, 200));
    const order = [...main.children].map((c) => c.dataset.nearsideId).join(" ");
    const slots = [12, 13, 14, 15, 16, 17].filter(
      (slot) => main.children[slot].dataset.nearsideId !== `s${slot}`,
    );
    return { reason, left: get("rail").scrollLeft, open: get("dialog").open, before, asked, slots, order };
  });
  assert.deepEqual(state.asked, state.before);
  assert.deepEqual([state.reason, state.left, state.open], ["applied", 300, true]);
  assert.deepEqual(state.slots, [12, 14, 15, 16], state.order);
});

test("an element that a custom class extends is held: it would be taken out and put in again", async (t) => {
  const page = await open(t, "/plain.html");
  const result = await page.evaluate(async () => {
    const calls = [];
    class Own extends HTMLLIElement {
      connectedCallback() {
        calls.push("in");
      }
      disconnectedCallback() {
        calls.push("out");
      }
    }
    customElements.define("own-item", Own, { extends: "li" });
    const ids = Array.from({ length: 24 }, (_, i) => `s${i}`);
    const main = document.querySelector("main");
    main.innerHTML = ids
      .map(
        (id, i) =>
          `<li ${i % 4 === 3 ? "is=own-item" : ""} data-nearside-id="${id}" style="height: 100px">x</li>`,
      )
      .join("");
    await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 200)));
    calls.length = 0;
    const { reason } = globalThis.nearside.createReranker({ consent: false }).apply(
      main,
      ids.toReversed().map((id) => ({ id })),
    );
    const held = ids.filter((id, i) => i % 4 === 3 && main.children[i].dataset.nearsideId === id);
    return [reason, held.length, calls];
  });
  assert.deepEqual(result, ["applied", 6, []]);
});

test("without moveBefore what would start over is held", async (t) => {
  const page = await open(t, "/plain.html");
  const slots = await page.evaluate(async () => {
    delete Element.prototype.moveBefore;
    const inner = {
      12: `<div style="width: 200px; overflow: auto"><div style="width: 900px">wide</div></div>`,
      13: "<x-y></x-y>",
      15: "<div id=host></div>",
      16: "<dialog open>hi</dialog>",
    };
    const main = document.querySelector("main");
    const ids = Array.from({ length: 24 }, (_, i) => `s${i}`);
    main.innerHTML = ids
      .map((id, i) => `<article data-nearside-id="${id}" style="height: 100px">${inner[i] ?? ""}</article>`)
      .join("");
    document.getElementById("host").attachShadow({ mode: "open" }).append(document.createElement("iframe"));
    await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 200)));
    const rail = main.querySelector("div");
    rail.scrollLeft = 300;
    const { reason } = globalThis.nearside.createReranker({ consent: false }).apply(
      main,
      ids.toReversed().map((id) => ({ id })),
    );
    const moved = [12, 13, 15, 16].filter((slot) => main.children[slot].dataset.nearsideId !== `s${slot}`);
    return [reason, rail.scrollLeft, ...moved];
  });
  assert.deepEqual(slots, ["applied", 300, 12]);
});
