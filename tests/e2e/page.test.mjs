// The demo page in Chromium, driven as a reader would: by mouse, keyboard and real navigations.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { CONTENT_SECURITY_POLICY } from "../../scripts/serve.mjs";
import { launch, newPage } from "./browser.mjs";
import { serve } from "./server.mjs";

const site = new URL("../../www/dist/", import.meta.url);
const feed = JSON.parse(await readFile(new URL("../../www/feed.json", import.meta.url), "utf8"));
const serverOrder = feed.items.map(({ id }) => id);
const own = new Map(feed.items.map((item) => [item.id, item._nearside]));
const headers = (path) =>
  /(\.html|\/)$/.test(path) ? { "content-security-policy": CONTENT_SECURITY_POLICY } : {};

let browser;
let server;
before(async () => {
  browser = await launch();
  server = await serve(site, { headers });
});
after(async () => {
  await browser?.close();
  await server?.close();
});

/** Adds up the layout shifts that no input explains. Runs in the page before its scripts. */
function countShifts() {
  globalThis.shifts = 0;
  new PerformanceObserver((list) => {
    for (const { value, hadRecentInput } of list.getEntries())
      if (!hadRecentInput) globalThis.shifts += value;
  }).observe({ type: "layout-shift", buffered: true });
}

/** On a story's page a second passes as a minute, so that a test can stay as long as a reader. */
function readFast() {
  if (!location.pathname.startsWith("/story/")) return;
  const real = performance.now.bind(performance);
  performance.now = () => real() * 60;
}

const init = `(${countShifts})();(${readFast})();`;

async function open(path = "/", { at = server, ...options } = {}) {
  const page = await newPage(browser, { init, ...options });
  await page.goto(at.url + path);
  return page;
}

const ranked = (page) => page.waitForFunction(() => document.getElementById("status").textContent !== "");
const order = (page) =>
  page.$$eval("#front > [data-nearside-id]", (cards) => cards.map((card) => card.dataset.nearsideId));
const shifts = (page) =>
  page.evaluate(() => new Promise((done) => setTimeout(() => done(globalThis.shifts), 300)));

async function agree(page) {
  await ranked(page);
  const refused = await page.textContent("#status");
  await page.click("[data-consent=yes]");
  await page.waitForSelector("#ask", { state: "hidden" });
  await page.waitForFunction((text) => document.getElementById("status").textContent !== text, refused);
}

/** Opens stories from the front page, stays for a minute each and comes back by the link. */
async function readStories(page, ids) {
  for (const id of ids) {
    await page.click(`#front [data-nearside-id="${id}"] h3 a`);
    await page.waitForURL(`**/story/${id}.html`);
    await page.waitForTimeout(1000);
    await page.click(".return a");
    await page.waitForSelector("#front");
    await ranked(page);
  }
}

async function openPanel(page) {
  if (await page.isHidden("#panel")) await page.click("#panel-toggle");
}

/** The latest reason in the panel's log, and the fact of a name in its list of what is stored. */
async function lastReason(page) {
  await openPanel(page);
  return page.textContent("#log tr:first-child code");
}
async function stored(page, name) {
  await openPanel(page);
  return page.locator("#stored div", { hasText: name }).locator("dd").textContent();
}

const meanPlace = (places, ids) => ids.reduce((sum, id) => sum + places.indexOf(id), 0) / ids.length;
const unreadOf = (topic, read) =>
  serverOrder.filter((id) => {
    const { topic: its, pinned, personalize } = own.get(id);
    return its === topic && !read.includes(id) && !pinned && personalize !== false;
  });
const assertFixedInPlace = (places) => {
  for (const [slot, id] of serverOrder.entries()) {
    if (own.get(id).pinned || own.get(id).personalize === false)
      assert.equal(places[slot], id, `${id} moved`);
  }
};

describe("the promise", () => {
  for (const topic of ["science", "sports", "climate"]) {
    test(`three stories of ${topic} bring its others up, and erasing brings the server's order back`, async () => {
      const page = await open();
      await agree(page);
      const read = unreadOf(topic, []).slice(0, 3);
      await readStories(page, read);

      const places = await order(page);
      assert.deepEqual(places.toSorted(), serverOrder.toSorted());
      const rise = (ids) => meanPlace(serverOrder, ids) - meanPlace(places, ids);
      const gain = rise(unreadOf(topic, read)) - rise(unreadOf("business", []));
      assert.ok(gain >= 3, `${topic} gained ${gain.toFixed(2)} places on business`);
      assertFixedInPlace(places);
      assert.equal(await shifts(page), 0, "the ranking shifted the layout");
      assert.match(await page.textContent("#status"), /^Your front page was reordered: \d+ stories moved\.$/);
      assert.equal(await lastReason(page), "ranked");
      assert.match(await stored(page, "Stories opened"), /^3 of/);

      await page.click("#erase");
      await page.waitForFunction(() => document.querySelector("#log code").textContent === "cold");
      assert.deepEqual(await order(page), serverOrder);
      assert.match(await stored(page, "Stories opened"), /^0 of/);
      await page.reload();
      await ranked(page);
      assert.deepEqual(await order(page), serverOrder);
      assert.equal(await lastReason(page), "cold");
      await page.guard();
      await page.context().close();
    });
  }

  test("the switch shows the editors' order and takes it back", async () => {
    const page = await open();
    await agree(page);
    await readStories(page, unreadOf("sports", []).slice(0, 3));
    const mine = await order(page);
    assert.notDeepEqual(mine, serverOrder);
    await openPanel(page);
    await page.check("#server-order");
    await page.waitForFunction(() => document.querySelector("#log code").textContent === "off");
    assert.deepEqual(await order(page), serverOrder);
    await page.uncheck("#server-order");
    await page.waitForFunction(() => document.querySelector("#log code").textContent === "ranked");
    assertFixedInPlace(await order(page));
    assert.notDeepEqual(await order(page), serverOrder);
    await page.guard();
    await page.context().close();
  });

  test("a story says why it stands where it stands", async () => {
    const page = await open();
    await agree(page);
    await readStories(page, unreadOf("science", []).slice(0, 3));
    const places = await order(page);
    const risen = places.find(
      (id, slot) => own.get(id).topic === "science" && serverOrder.indexOf(id) > slot,
    );
    await page.click(`#front [data-nearside-id="${risen}"] .why`);
    const { title } = feed.items.find(({ id }) => id === risen);
    assert.equal(await page.textContent("#explain-title"), `Why is “${title}” here?`);
    const from = serverOrder.indexOf(risen);
    const to = places.indexOf(risen);
    const by = from - to === 1 ? "1 place" : `${from - to} places`;
    assert.ok(
      (await page.textContent("#explain-body")).startsWith(
        `Place ${to + 1}. The editors put it at ${from + 1}, so it went up ${by}.`,
      ),
    );
    const facts = await page.$$eval("#explain .sum dd", (cells) =>
      cells.map((cell) => Number(cell.textContent.replace("−", "-").replace("× ", ""))),
    );
    const [editors, you, weight, score] = facts;
    assert.ok(you > 0 && weight > 0, `${facts}`);
    const rounding = 0.005 * (2 + Math.abs(you) + weight);
    assert.ok(Math.abs(editors + you * weight - score) <= rounding + 1e-9, `${facts}`);
    assert.ok((await page.$$("#explain .features tbody tr")).length >= 9);

    await page.click(`#front [data-nearside-id="${serverOrder[0]}"] .why`);
    assert.match(await page.textContent("#explain-body"), /where the editors put it.*The editors pinned it/s);
    await page.guard();
    await page.context().close();
  });

  test("less like this is remembered, and can be taken back later", async () => {
    const page = await open();
    await agree(page);
    const read = unreadOf("science", []).slice(0, 3);
    await readStories(page, read);
    const [liked] = unreadOf("science", read);
    const card = page.locator(`#front [data-nearside-id="${liked}"]`);
    const press = async (now, then) => {
      assert.equal(await card.locator(".less").textContent(), now);
      await card.locator(".less").click();
      assert.equal(await card.locator(".less").textContent(), then);
      await page.waitForTimeout(300);
      await page.reload();
      await ranked(page);
      assert.equal(await card.locator(".less").textContent(), then);
      return (await order(page)).indexOf(liked);
    };
    const before = (await order(page)).indexOf(liked);
    const disliked = await press("Less like this", "Undo");
    assert.ok(disliked > before, `it went from ${before} to ${disliked}`);
    assert.match(await stored(page, "Wanted less of"), /^1 of/);
    await page.click("#panel-close");
    const again = await press("Undo", "Less like this");
    assert.ok(again < disliked, `it went from ${disliked} to ${again}`);
    await page.guard();
    await page.context().close();
  });
});

describe("whatever is missing", () => {
  test("without scripts the page is the server's, whole and at once", async () => {
    const page = await (await browser.newContext({ javaScriptEnabled: false })).newPage();
    await page.goto(server.url);
    const ids = await page
      .locator("#front > [data-nearside-id]")
      .evaluateAll((cards) => cards.map((card) => card.getAttribute("data-nearside-id")));
    assert.deepEqual(ids, serverOrder);
    assert.ok(await page.isVisible("#front h3 >> nth=0"));
    assert.ok(await page.isHidden("#panel-toggle"));
    assert.ok(await page.isHidden("#front .why >> nth=0"));
    await page.click("#front h3 a >> nth=1");
    const { title, content_text } = feed.items[1];
    assert.equal(await page.textContent("h1"), title);
    assert.equal((await page.locator(".text p").allTextContents()).join("\n\n"), content_text);
    await page.context().close();
  });

  for (const fault of ["404", "hang", "empty"]) {
    test(`when the script answers with ${fault}, the server's order is shown all the same`, async () => {
      const broken = await serve(site, { headers, faults: { "*.js": fault } });
      const page = await newPage(browser);
      await page.goto(broken.url, { waitUntil: "commit" });
      await page.waitForSelector("#front h3 >> nth=89", { state: "visible", timeout: 5000 });
      assert.deepEqual(await order(page), serverOrder);
      await page.guard();
      await page.context().close();
      await broken.close();
    });
  }

  test("when the ranking is late, what is on the screen stays and what lies below follows", async () => {
    const slow = await serve(site, { headers });
    const page = await open("/", { at: slow });
    await agree(page);
    const read = unreadOf("science", []).slice(0, 3);
    await readStories(page, read);
    slow.faults["*.wasm"] = { delay: 1500 };
    await page.goto("about:blank");
    await page.goto(slow.url, { waitUntil: "domcontentloaded" });
    await page.waitForSelector("#front h3 >> nth=0", { state: "visible" });
    const seen = await page.$$eval("#front > [data-nearside-id]", (cards) =>
      cards
        .filter((card) => card.getBoundingClientRect().top < innerHeight)
        .map((card) => card.dataset.nearsideId),
    );
    await ranked(page);
    const places = await order(page);
    assert.deepEqual(seen, serverOrder.slice(0, seen.length));
    assert.deepEqual(places.slice(0, seen.length), seen);
    assertFixedInPlace(places);
    assert.notDeepEqual(places, serverOrder);
    assert.equal(await shifts(page), 0, "the ranking shifted the layout");
    await openPanel(page);
    assert.deepEqual(await page.locator("#log code").allTextContents(), ["ranked", "budget"]);
    await page.guard();
    await page.context().close();
    await slow.close();
  });

  test("without consent nothing is read, written or fetched", async () => {
    const strict = await serve(site, { headers });
    const page = await open("/", { at: strict });
    await ranked(page);
    assert.equal(await lastReason(page), "no_consent");
    assert.equal(await page.textContent("#stored dd"), "Nothing is read or kept.");
    await page.click("#panel-close");
    await page.click("[data-consent=no]");
    await page.click(`#front [data-nearside-id="${serverOrder[1]}"] h3 a`);
    await page.waitForTimeout(300);
    await page.click(".return a");
    await ranked(page);
    assert.ok(await page.isHidden("#ask"), "the answer was not remembered");
    assert.deepEqual(await order(page), serverOrder);
    assert.deepEqual(await page.evaluate(() => indexedDB.databases()), []);
    assert.deepEqual(
      strict.requests.filter(({ path }) => /\.(wasm|onnx)$/.test(path)),
      [],
    );
    await page.guard();
    await page.context().close();
    await strict.close();
  });

  test("Global Privacy Control is a no that the page does not question", async () => {
    const page = await open("/", {
      init: () => Object.defineProperty(Navigator.prototype, "globalPrivacyControl", { get: () => true }),
    });
    await ranked(page);
    assert.ok(await page.isHidden("#ask"));
    assert.equal(await lastReason(page), "no_consent");
    assert.ok(await page.isDisabled("#consent"));
    assert.match(await page.textContent("#consent-note"), /Global Privacy Control/);
    await page.guard();
    await page.context().close();
  });

  test("a page from the back-forward cache is as the reader left it", async (t) => {
    const caching = await launch({ ignoreDefaultArgs: ["--disable-back-forward-cache"] });
    t.after(() => caching.close());
    // Chromium keeps no page whose database is still writing as it is left: on the one that is kept no story is seen or clicked.
    const page = await newPage(caching, { init: `${init}globalThis.IntersectionObserver = undefined;` });
    await page.goto(server.url);
    await agree(page);
    await readStories(page, unreadOf("culture", []).slice(0, 3));
    const places = await order(page);
    assert.notDeepEqual(places, serverOrder);
    const rankings = await page.evaluate(() => {
      globalThis.kept = true;
      document.getElementById("panel-toggle").click();
      const { length } = document.querySelectorAll("#log tr");
      document.getElementById("panel-close").click();
      return length;
    });
    await page.goto(`${server.url}/story/${places.find((id) => own.get(id).topic === "health")}.html`);
    await page.waitForTimeout(500);
    await page.evaluate(() => history.back());
    await page.waitForSelector("#front");
    assert.ok(await page.evaluate(() => globalThis.kept), "the page is kept");
    await page.waitForTimeout(500);
    assert.deepEqual(await order(page), places);
    await openPanel(page);
    assert.equal(await page.locator("#log tr").count(), rankings);
    await page.guard();
  });
});

test("no request tells one reader from another", async () => {
  const loads = [];
  for (const topic of ["politics", "travel"]) {
    const plain = await serve(site, { headers });
    const page = await open("/", { at: plain });
    await agree(page);
    await readStories(page, unreadOf(topic, []).slice(0, 3));
    assert.equal(await lastReason(page), "ranked");
    await page.click("#panel-close");
    for (const { method, search, body, headers: sent } of plain.requests) {
      assert.equal(method, "GET");
      assert.equal(search + body, "");
      assert.equal(sent.cookie, undefined);
      assert.equal(sent.referer, undefined);
    }
    plain.requests.length = 0;
    await page.goto("about:blank");
    await page.goto(plain.url);
    await ranked(page);
    await page.mouse.wheel(0, 20_000);
    await page.waitForTimeout(500);
    loads.push({ order: await order(page), requests: plain.requests.map(({ path }) => path).toSorted() });
    await page.guard();
    await page.context().close();
    await plain.close();
  }
  const [one, other] = loads;
  assert.notDeepEqual(one.order, other.order);
  assert.deepEqual(one.requests, other.requests);
});

describe("another feed", () => {
  const item = (id, more) => ({ id, url: `https://example.org/${id}`, title: `Story ${id}`, ...more });
  const hostile = {
    version: "https://jsonfeed.org/version/1.1",
    title: "<b>Feed</b>",
    items: [
      item("image", {
        title: "<img src=x onerror=\"alert('title')\">",
        summary: "<script>alert('summary')</script>",
      }),
      item("script", { url: "javascript:alert('url')" }),
      item("data", { url: "data:text/html,<script>alert('data')</script>", external_url: "vbscript:x" }),
      item("__proto__", { url: "../relative.html", authors: [{ name: "<i>A</i>" }, null, 3] }),
      { id: 7, content_text: "Without a title", url: 5, date_published: "never", _nearside: null },
      null,
      { title: "without an id" },
      item("image", { title: "The same id again" }),
      ...Array.from({ length: 400 }, (_, n) => item(`more-${n}`)),
    ],
  };

  test("is shown as text, with web links only", async () => {
    const files = { "/hostile.json": JSON.stringify(hostile) };
    const feeds = await serve({ "/": site }, { headers, files });
    const page = await newPage(browser);
    page.on("dialog", (dialog) => page.problems.push(dialog.message()));
    await page.goto(`${feeds.url}/?feed=${encodeURIComponent("/hostile.json")}`);
    await ranked(page);
    assert.equal(await page.textContent("h1"), "<b>Feed</b>");
    const titles = await page.locator("#front h3").allTextContents();
    assert.deepEqual(titles.slice(0, 5), [
      "<img src=x onerror=\"alert('title')\">",
      "Story script",
      "Story data",
      "Story __proto__",
      "Without a title",
    ]);
    assert.equal(titles.length, 200);
    assert.equal(await page.locator("#front :is(img, script, iframe, b, i)").count(), 0);
    const links = await page.$$eval("#front h3 a", (all) =>
      all.slice(0, 5).map((link) => link.getAttribute("href")),
    );
    assert.deepEqual(links, ["https://example.org/image", null, null, `${feeds.url}/relative.html`, null]);
    assert.ok(await page.isHidden(".index"));
    await page.guard();
    await page.context().close();
    await feeds.close();
  });

  test("shows as much of a text as there is room for, and stays usable", async () => {
    const giant = "x".repeat(3e5);
    const words = "word ".repeat(6e4);
    const own = { topic: giant, subtopic: giant, vector: giant };
    const files = {
      "/giant.json": JSON.stringify({
        title: giant,
        items: [
          item("title", { title: "x".repeat(1e6) }),
          item("words", { title: words, summary: words, authors: Array(1000).fill({ name: "Ann" }) }),
          { id: "text", content_text: words, date_published: words, url: `https://example.org/${giant}` },
          item("topic", { _nearside: own }),
        ],
      }),
      "/large.json": JSON.stringify({ items: [item("a", { title: "x".repeat(6e6) })] }),
    };
    const feeds = await serve({ "/": site }, { headers, files });
    const page = await newPage(browser);
    await page.goto(`${feeds.url}/?feed=${encodeURIComponent("/giant.json")}`);
    await ranked(page);
    const longest = await page.evaluate(() => {
      const lengths = [...document.querySelectorAll("body *")]
        .filter((element) => !/^(script|style|template)$/i.test(element.tagName))
        .flatMap((element) => [
          ...[...element.attributes].map(({ value }) => value.length),
          ...[...element.childNodes].filter(({ nodeType }) => nodeType === 3).map(({ data }) => data.length),
        ]);
      return Math.max(...lengths, document.title.length);
    });
    assert.ok(longest < 1000, `${longest} characters in one place`);
    const started = performance.now();
    await page.locator("#front .why").first().click();
    await page.waitForSelector("#explain:not([hidden])");
    assert.ok(performance.now() - started < 5000);
    await page.goto(`${feeds.url}/?feed=${encodeURIComponent("/large.json")}`);
    await page.waitForSelector("#trouble:not([hidden])");
    assert.match(await page.textContent("#trouble"), /It is too large/);
    await page.guard();
    await page.context().close();
    await feeds.close();
  });

  test("is ranked if its vectors are of the model's space", async () => {
    const moved = { ...feed, title: "Elsewhere", items: feed.items.slice(0, 40) };
    const elsewhere = await serve(site, {
      files: { "/other.json": JSON.stringify(moved) },
      headers: { "access-control-allow-origin": "*" },
    });
    const page = await open();
    await agree(page);
    await readStories(page, unreadOf("science", []).slice(0, 3));
    await page.goto(`${server.url}/?feed=${encodeURIComponent(`${elsewhere.url}/other.json`)}`);
    await ranked(page);
    for (let i = 0; i < 3 && (await lastReason(page)) === "budget"; i++) {
      await page.reload(); // of a second to rank in, loading took all
      await ranked(page);
    }
    assert.equal(await page.textContent("h1"), "Elsewhere");
    assert.equal(await lastReason(page), "ranked");
    const places = await order(page);
    assert.notDeepEqual(places, serverOrder.slice(0, 40));
    assertFixedInPlace([...places, ...serverOrder.slice(40)]);
    await page.guard();
    await page.context().close();
    await elsewhere.close();
  });

  test("is learned from: a story of another site is opened", async () => {
    const items = feed.items.slice(0, 40).map((item, i) => ({
      ...item,
      url: i % 2 ? undefined : `https://news.example/${i}`,
      external_url: `/stories/${i}`,
    }));
    const elsewhere = await serve(site, {
      files: { "/other.json": JSON.stringify({ ...feed, items }) },
      headers: { "access-control-allow-origin": "*" },
    });
    const page = await open();
    await agree(page);
    await page.goto(`${server.url}/?feed=${encodeURIComponent(`${elsewhere.url}/other.json`)}`);
    await ranked(page);
    await page.evaluate(() => addEventListener("click", (event) => event.preventDefault()));
    for (const i of [2, 3]) await page.click(`#front [data-nearside-id="${items[i].id}"] h3 a`);
    await page.waitForTimeout(100);
    assert.match(await stored(page, "Stories opened"), /^2 of/);
    await page.guard();
    await page.context().close();
    await elsewhere.close();
  });

  test("that cannot be read is told kindly", async () => {
    const closed = await serve(site, { files: { "/feed.json": JSON.stringify(hostile) } });
    const feeds = await serve(site, {
      headers,
      files: { "/text.json": "no feed", "/list.json": "[1]", "/empty.json": '{"items":[]}' },
    });
    const cases = {
      "/missing.json": "Its server answered 404.",
      "/text.json": "It is not JSON.",
      "/list.json": "It has no list of items: it is not a JSON Feed.",
      "/empty.json": "It has no stories.",
      "javascript:alert(1)": "Its address must begin with http:// or https://.",
      [`${closed.url}/feed.json`]: "It did not answer, or its server does not let other pages read it.",
    };
    const page = await newPage(browser);
    for (const [address, message] of Object.entries(cases)) {
      await page.goto(`${feeds.url}/?feed=${encodeURIComponent(address)}`);
      await page.waitForSelector("#trouble", { state: "visible" });
      assert.equal(
        await page.textContent("#trouble"),
        `This feed cannot be shown. ${message} Back to The Larkmoor Courier`,
      );
    }
    await page.click("#trouble a");
    await ranked(page);
    assert.deepEqual(await order(page), serverOrder);
    await page.guard();
    await page.context().close();
    await closed.close();
    await feeds.close();
  });
});

describe("everybody", () => {
  test("gets through the panel by keyboard, and back to where they were", async () => {
    const page = await open();
    await ranked(page);
    const focused = () =>
      page.evaluate(
        () => document.activeElement.id || document.activeElement.className || document.activeElement.tagName,
      );
    await page.keyboard.press("Tab");
    assert.equal(await focused(), "skip");
    await page.keyboard.press("Enter");
    assert.equal(await focused(), "front");

    await page.focus("#panel-toggle");
    await page.keyboard.press("Enter");
    assert.equal(await focused(), "panel-title");
    assert.equal(await page.getAttribute("#panel-toggle", "aria-expanded"), "true");
    const stops = [];
    while (!stops.includes("feed-url") && stops.length < 150) {
      await page.keyboard.press("Tab");
      stops.push(await focused());
      if (stops.at(-1) === "consent") {
        await page.keyboard.press("Space");
        await page.waitForFunction(() => document.querySelector("#log code").textContent === "cold");
      }
    }
    for (const stop of ["panel-close", "consent", "server-order", "erase", "only-moved", "feed-url"])
      assert.ok(stops.includes(stop), `${stop} cannot be reached`);
    await page.keyboard.press("Escape");
    assert.equal(await focused(), "panel-toggle");
    assert.ok(await page.isHidden("#panel"));

    const why = page.locator("#front .why >> nth=3");
    await why.focus();
    await page.keyboard.press("Enter");
    assert.equal(await focused(), "explain-title");
    await page.keyboard.press("Escape");
    assert.ok(await why.evaluate((button) => button === document.activeElement));
    await page.guard();
    await page.context().close();
  });

  const places = { "the front page": "/", "a story": `/story/${serverOrder[1]}.html` };
  for (const [name, path] of Object.entries(places)) {
    for (const width of [320, 390, 820]) {
      test(`sees ${name} without sideways scrolling at ${width} pixels`, async () => {
        const page = await open(path, {
          contextOptions: { viewport: { width, height: 800 }, isMobile: true, hasTouch: true },
        });
        const overflow = () =>
          page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        assert.equal(await overflow(), 0);
        if (path === "/") {
          await agree(page);
          await openPanel(page);
          const panel = await page
            .locator("#panel")
            .evaluate((p) => [p.scrollWidth - p.clientWidth, p.getBoundingClientRect().width]);
          assert.equal(panel[0], 0);
          assert.ok(panel[1] <= width);
          assert.equal(await overflow(), 0);
        }
        await page.guard();
        await page.context().close();
      });
    }

    for (const colorScheme of ["light", "dark"]) {
      test(`can read and name everything on ${name} in ${colorScheme} colours`, async () => {
        const page = await open(path, { contextOptions: { colorScheme } });
        if (path === "/") {
          await agree(page);
          await page.click("#front .why >> nth=1");
        }
        assert.deepEqual(await page.evaluate(faults), []);
        await page.guard();
        await page.context().close();
      });
    }
  }
});

/** What a reader with a screen reader or weak eyes would stumble over. Runs in the page. */
function faults() {
  const found = [];
  const all = (selector) => [...document.querySelectorAll(selector)].filter((e) => e.checkVisibility());
  const tell = (what, element) => found.push(`${what}: ${element.outerHTML.slice(0, 90)}`);

  for (const [selector, count] of Object.entries({ h1: 1, main: 1, "body > header": 1, "body > footer": 1 }))
    if (all(selector).length !== count) found.push(`${all(selector).length} × ${selector}`);
  if (!document.documentElement.lang) found.push("no language");

  const ids = [...document.querySelectorAll("[id]")].map(({ id }) => id);
  for (const id of new Set(ids))
    if (ids.filter((other) => other === id).length > 1) found.push(`id ${id} twice`);
  for (const attribute of ["aria-labelledby", "aria-controls", "for"])
    for (const element of document.querySelectorAll(`[${attribute}]`))
      if (!document.getElementById(element.getAttribute(attribute))) tell(`dangling ${attribute}`, element);

  const name = (element) =>
    element.getAttribute("aria-label") ??
    document.getElementById(element.getAttribute("aria-labelledby"))?.textContent ??
    ([...(element.labels ?? [])].map((label) => label.textContent).join(" ") || element.textContent);
  for (const element of all("a[href], button, input, nav, aside, [role=region], article h3"))
    if (name(element).trim() === "") tell("no name", element);
  const landmarks = all("nav, aside, main section[aria-labelledby]").map((element) => name(element));
  if (new Set(landmarks).size !== landmarks.length) found.push(`landmarks with one name: ${landmarks}`);

  let level = 0;
  for (const heading of all("main :is(h1, h2, h3, h4)")) {
    const next = Number(heading.tagName[1]);
    if (level && next > level + 1) tell(`level ${level} to ${next}`, heading);
    level = next;
  }
  for (const svg of all("svg"))
    if (svg.getAttribute("aria-hidden") !== "true") tell("decoration with a voice", svg);
  for (const control of all("button, input")) {
    const { width, height } = control.getBoundingClientRect();
    if (Math.min(width, height) < 12 || (control.closest(".story") && height < 23))
      tell("too small to hit", control);
  }

  // Contrast by WCAG 2.2: 4.5, for large text 3.
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return canvas.getImageData(0, 0, 1, 1).data;
  };
  const luminance = ([r, g, b]) =>
    [r, g, b]
      .map((value) => value / 255)
      .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4))
      .reduce((sum, value, n) => sum + value * [0.2126, 0.7152, 0.0722][n], 0);
  const ground = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const colour = rgba(getComputedStyle(e).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return rgba("Canvas");
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (texts.data?.trim() === "" || texts.currentNode.data.trim() === "" || !element.checkVisibility())
      continue;
    if (element.closest("script, template, .hidden-text, :disabled")) continue;
    const style = getComputedStyle(element);
    const size = Number.parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const [light, dark] = [luminance(rgba(style.color)), luminance(ground(element))].sort((a, b) => b - a);
    const contrast = (light + 0.05) / (dark + 0.05);
    if (contrast < (large ? 3 : 4.5)) tell(`contrast ${contrast.toFixed(2)}`, element);
  }
  return found;
}
