// Any other JSON Feed, by `?feed=URL`: text stays text, links are http(s) or nothing.

const MOST_SHOWN = 200;
const LARGEST = 5_000_000;
const PATIENCE_MS = 15_000;
/** Characters that are shown of a title, of a summary and of a label: a feed may hold anything. */
const LONGEST_TITLE = 300;
const LONGEST_SUMMARY = 280;
const LONGEST_LABEL = 120;
const MOST_AUTHORS = 5;
/** A longer address leads nowhere, and a longer id is none, as for the package. */
const LONGEST_ADDRESS = 2048;

/** What is wrong with a feed, said to the reader. */
export class FeedError extends Error {}

/**
 * Fetches a feed, puts its stories into `container` instead of the paper's, and returns what is to be ranked. The container
 * is hidden; the caller shows it when the order is known.
 */
export async function foreignFeed(address, container) {
  document.documentElement.classList.add("foreign", "ready");
  container.hidden = true;
  container.replaceChildren();
  const waiting = document.createElement("p");
  waiting.className = "waiting";
  waiting.textContent = "The feed is being fetched …";
  container.before(waiting);
  try {
    const url = webAddress(address, location.href);
    if (!url) throw new FeedError("Its address must begin with http:// or https://.");
    const feed = read(await fetchText(url));
    const items = feed.items.slice(0, MOST_SHOWN);
    const title = shown(feed.title, LONGEST_LABEL) || new URL(url).host;
    document.getElementById("name").textContent = title;
    document.title = title;
    container.replaceChildren(...items.map((item) => card(item, url)));
    return { _nearside: feed._nearside, items: items.map((item) => candidate(item, url)) };
  } finally {
    waiting.remove();
  }
}

async function fetchText(url) {
  let response;
  try {
    response = await fetch(url, {
      credentials: "omit",
      referrerPolicy: "no-referrer",
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
  } catch {
    throw new FeedError("It did not answer, or its server does not let other pages read it.");
  }
  if (!response.ok) throw new FeedError(`Its server answered ${response.status}.`);
  const decoder = new TextDecoder();
  const reader = response.body.getReader();
  for (let body = ""; ; ) {
    const { done, value } = await reader.read();
    body += decoder.decode(value, { stream: !done });
    if (body.length > LARGEST) {
      reader.cancel().catch(() => {});
      throw new FeedError("It is too large.");
    }
    if (done) return body;
  }
}

function read(body) {
  let feed;
  try {
    feed = JSON.parse(body);
  } catch {
    throw new FeedError("It is not JSON.");
  }
  if (!Array.isArray(feed?.items)) throw new FeedError("It has no list of items: it is not a JSON Feed.");
  const byId = new Map();
  for (const item of feed.items) {
    const id = typeof item === "object" && item !== null ? idOf(item) : "";
    if (id !== "" && id.length <= LONGEST_ADDRESS && !byId.has(id)) byId.set(id, item);
  }
  const items = [...byId.values()];
  if (items.length === 0) throw new FeedError("It has no stories.");
  return { ...feed, items };
}

const idOf = ({ id }) => (typeof id === "number" ? String(id) : text(id));
const text = (value) => (typeof value === "string" ? value.trim() : "");
const object = (value) => (typeof value === "object" && value !== null ? value : {});
/** As much of a text as there is room for. */
const shown = (value, most) => {
  const whole = text(value);
  return whole.length > most ? `${whole.slice(0, most).trimEnd()}…` : whole;
};
const titleOf = (item) =>
  shown(item.title, LONGEST_TITLE) ||
  shown(item.summary, LONGEST_LABEL) ||
  shown(item.content_text, LONGEST_LABEL) ||
  "Untitled";

const candidate = (item, feedUrl) => ({
  id: idOf(item),
  url: addressOf(item, feedUrl),
  title: titleOf(item),
  date_published: item.date_published,
  _nearside: item._nearside,
});

/** Where a story opens, or undefined. */
const addressOf = (item, feedUrl) =>
  [item.url, item.external_url]
    .filter((address) => text(address) !== "" && address.length <= LONGEST_ADDRESS)
    .map((address) => webAddress(text(address), feedUrl))
    .find(Boolean);

/** An absolute http(s) address, or undefined. */
function webAddress(address, base) {
  try {
    const url = new URL(address, base);
    return url.protocol === "http:" || url.protocol === "https:" ? url.href : undefined;
  } catch {
    return undefined;
  }
}

function card(item, feedUrl) {
  const story = document.getElementById("story-template").content.firstElementChild.cloneNode(true);
  const put = (selector, content) => {
    story.querySelector(selector).textContent = content;
  };
  story.setAttribute("data-nearside-id", idOf(item));
  story.removeAttribute("data-topic");
  put(
    ".kicker",
    [object(item._nearside).topic, object(item._nearside).subtopic]
      .map((topic) => shown(topic, LONGEST_LABEL))
      .filter(Boolean)
      .join(" · "),
  );
  put("h3 a", titleOf(item));
  put(".summary", text(item.title) ? shown(item.summary, LONGEST_SUMMARY) : "");
  const authors = Array.isArray(item.authors) ? item.authors.slice(0, MOST_AUTHORS) : [];
  put(
    ".author",
    authors
      .map((author) => shown(object(author).name, LONGEST_LABEL))
      .filter(Boolean)
      .join(", "),
  );
  const date = new Date(text(item.date_published).slice(0, LONGEST_LABEL));
  put(
    "time",
    Number.isNaN(date.getTime()) ? "" : date.toLocaleString([], { dateStyle: "medium", timeStyle: "short" }),
  );
  const link = story.querySelector("h3 a");
  const target = addressOf(item, feedUrl);
  if (target) link.href = target;
  else link.removeAttribute("href");
  link.rel = "noopener noreferrer";
  return story;
}
