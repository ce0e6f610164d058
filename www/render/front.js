// The front page: the server's order, complete without any script.

import { art } from "./art.js";
import { ago } from "./dates.js";
import { document, masthead } from "./frame.js";
import { html, json } from "./html.js";
import { subtopicName, topics } from "./topics.js";

/** Children of the list which are not stories keep their place whatever the order: a notice and headings. */
const notice = html`<aside class="notice" aria-label="From the Courier">
<p><strong>The Courier on paper.</strong> A broadsheet every Saturday, folded by hand and carried to your door by the ferry that brings the milk.</p>
</aside>`;
const fixed = new Map([
  [7, notice],
  [8, html`<h2 class="rule">More of today</h2>`],
  [27, html`<h2 class="rule">Also in this edition</h2>`],
  [54, html`<h2 class="rule">In brief</h2>`],
]);

export function frontPage(feed, files) {
  const { updated } = feed._courier;
  const children = feed.items.map((item) => storyCard(item, updated));
  for (const [index, child] of fixed) children.splice(index, 0, child);

  return document({
    feed,
    files,
    root: "",
    page: "front-page",
    title: `${feed.title}: news from the estuary and the world`,
    description: feed.description,
    body: html`<a class="skip" href="#front">Skip to the news</a>
${masthead({ feed, front: true })}
<div class="bar">
<nav aria-label="Sections"><ul>${Object.entries(topics).map(([topic, name]) => html`<li><a href="#${topic}">${name}</a></li>`)}</ul></nav>
<button type="button" class="toggle" id="panel-toggle" aria-expanded="false" aria-controls="panel">Your order <span class="badge" id="badge"></span></button>
</div>
${panel}
<main>
<p class="status hidden-text" id="status" role="status"></p>
<p class="trouble" id="trouble" role="alert" hidden></p>
<h2 class="hidden-text">Top stories</h2>
<div class="front" id="front" tabindex="-1">${children}</div>
<section class="most-read same" aria-labelledby="most-read">
<h2 class="rule" id="most-read">Most read</h2>
<ol>${mostRead(feed).map((item) => html`<li><a href="${item.url}">${item.title}</a></li>`)}</ol>
</section>
<section class="index same" aria-labelledby="sections">
<h2 class="rule" id="sections">All sections</h2>
<p class="note">These lists are the same for every reader, in the editors’ order.</p>
<div class="columns" id="sections-list">${Object.entries(topics).map(
      ([topic, name]) => html`<section aria-labelledby="${topic}" data-topic="${topic}">
<h3 id="${topic}">${name}</h3>
<ul>${feed.items
        .filter((item) => item._nearside.topic === topic)
        .map(
          (item) => html`<li data-nearside-id="${item.id}"><a href="${item.url}">${item.title}</a></li>`,
        )}</ul>
</section>`,
    )}</div>
</section>
</main>
<section class="ask" id="ask" aria-label="Your order" hidden>
<p><strong>Shall this front page follow what you read?</strong> It notes the stories you open, in this browser only, and moves what you care about up. Nothing is sent to us.</p>
<p class="actions"><button type="button" class="primary" data-consent="yes">Yes, follow my reading</button> <button type="button" data-consent="no">No, keep the editors’ order</button></p>
</section>
<template id="story-template">${storyCard(blank, updated)}</template>
<script type="application/json" id="feed">${json(candidates(feed))}</script>`,
  });
}

/** What the ranking needs, and titles for the panel; the texts are on the page already. */
const candidates = ({ version, title, _nearside, items }) => ({
  version,
  title,
  _nearside,
  items: items.map(({ id, url, title: name, date_published, _nearside: own }) => ({
    id,
    url,
    title: name,
    date_published,
    _nearside: own,
  })),
});

const mostRead = ({ items }) =>
  items.toSorted((a, b) => b._nearside.clicks - a._nearside.clicks).slice(0, 10);

const blank = { id: "", url: "", title: "", summary: "", authors: [{ name: "" }], _nearside: {} };

export function storyCard(item, updated) {
  const { topic, subtopic } = item._nearside;
  return html`<article class="story" data-nearside-id="${item.id}" data-topic="${topic}">
${topic && art(item)}
<div class="words">
<p class="kicker">${topic && html`${topics[topic]} <span>${subtopicName(subtopic)}</span>`}</p>
<h3><a href="${item.url}">${item.title}</a></h3>
<p class="summary">${item.summary}</p>
<p class="byline">${item.authors.map(({ name }) => html`<span class="author">${name}</span> `)}<time${item.date_published && html` datetime="${item.date_published}"`}>${item.date_published && ago(item.date_published, updated)}</time></p>
<p class="controls"><button type="button" class="why">Why here?</button> <button type="button" class="less">Less like this</button> <span class="moved"></span></p>
</div>
</article>
`;
}

const panel = html`<aside class="panel" id="panel" aria-labelledby="panel-title" hidden>
<header>
<h2 id="panel-title" tabindex="-1">Your order</h2>
<button type="button" class="close" id="panel-close">Close</button>
</header>
<section class="outcome" aria-label="Result">
<p class="lead" id="outcome"></p>
<p class="note" id="outcome-detail"></p>
</section>
<section class="switches" aria-label="Switches">
<label class="switch"><input type="checkbox" role="switch" id="consent"><span><strong>Follow what I read</strong> <small id="consent-note">Notes the stories you open, in this browser only.</small></span></label>
<label class="switch"><input type="checkbox" role="switch" id="server-order"><span><strong>Show the editors’ order</strong> <small>Goes on noting what you read, but moves nothing.</small></span></label>
<p><button type="button" id="erase">Erase my history</button></p>
</section>
<section class="explain" id="explain" aria-labelledby="explain-title" hidden>
<h3 id="explain-title" tabindex="-1">Why here?</h3>
<div id="explain-body"></div>
</section>
<section aria-labelledby="before-after">
<h3 id="before-after">Before and after</h3>
<p class="note" id="before-after-note"></p>
<p><label><input type="checkbox" id="only-moved"> Only stories that moved</label></p>
<div class="scroll" tabindex="0" role="region" aria-labelledby="before-after">
<table><thead><tr><th scope="col">Place</th><th scope="col">Was</th><th scope="col">Story</th></tr></thead><tbody id="places"></tbody></table>
</div>
</section>
<section aria-labelledby="stored-title">
<h3 id="stored-title">What this browser keeps</h3>
<dl class="facts" id="stored"></dl>
<p class="note">Ids as hashes, topics as hashes, times and vectors. No addresses, no headlines, no name. Entries end after 30 days.</p>
</section>
<section aria-labelledby="log-title">
<h3 id="log-title">Rankings of this page view</h3>
<div class="scroll" tabindex="0" role="region" aria-labelledby="log-title">
<table><thead><tr><th scope="col">At</th><th scope="col">Reason</th><th scope="col">Moved</th><th scope="col">Time</th></tr></thead><tbody id="log"></tbody></table>
</div>
</section>
<section aria-labelledby="other-title">
<h3 id="other-title">Another feed</h3>
<form class="other" action="" method="get">
<label for="feed-url">Address of a JSON Feed</label>
<input id="feed-url" name="feed" type="url" required placeholder="https://example.org/feed.json" autocomplete="off" spellcheck="false">
<button type="submit">Rank it here</button>
</form>
</section>
</aside>`;
