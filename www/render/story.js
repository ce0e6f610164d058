// A story's own page.

import { art } from "./art.js";
import { ago, longDate } from "./dates.js";
import { document, masthead } from "./frame.js";
import { html, json } from "./html.js";
import { subtopicName, topics } from "./topics.js";

const RELATED = 4;

export function storyPage(feed, item, files) {
  const { topic, subtopic } = item._nearside;
  const others = related(feed, item);
  return document({
    feed,
    files,
    root: "../",
    page: "story-page",
    title: `${item.title} – ${feed.title}`,
    description: item.summary,
    body: html`<a class="skip" href="#story">Skip to the story</a>
${masthead({ feed, front: false })}
<nav class="bar" aria-label="Paper"><a class="back" href="../"><span aria-hidden="true">←</span> Front page</a> <a href="../#${topic}">${topics[topic]}</a></nav>
<main id="story" tabindex="-1" data-topic="${topic}">
<article class="full">
<header>
<p class="kicker">${topics[topic]} <span>${subtopicName(subtopic)}</span></p>
<h1>${item.title}</h1>
<p class="standfirst">${item.summary}</p>
<p class="byline">By ${item.authors.map(({ name }) => html`<span class="author">${name}</span> `)}<time datetime="${item.date_published}" title="${longDate(item.date_published)}">${ago(item.date_published, feed._courier.updated)}</time></p>
</header>
${art(item)}
<div class="text">${item.content_text.split("\n\n").map((paragraph) => html`<p>${paragraph}</p>`)}</div>
<p class="tags">${item.tags.map((tag) => html`<span>${tag}</span> `)}</p>
</article>
<p class="return"><a class="back" href="../"><span aria-hidden="true">←</span> Back to the front page</a></p>
<nav class="related" aria-labelledby="related-title">
<h2 class="rule" id="related-title">More in ${topics[topic]}</h2>
<ul id="related">${others.map(
      (other) => html`<li data-nearside-id="${other.id}"><a href="${other.id}.html">${other.title}</a></li>`,
    )}</ul>
</nav>
</main>
<script type="application/json" id="feed">${json({ _nearside: feed._nearside, items: [item, ...others].map(bare) })}</script>`,
  });
}

/** Stories of the same subtopic first, then of the same topic, in the editors' order. */
function related(feed, item) {
  const { topic, subtopic } = item._nearside;
  const others = feed.items.filter((other) => other !== item && other._nearside.topic === topic);
  const near = (other) => Number(other._nearside.subtopic !== subtopic);
  return others.toSorted((a, b) => near(a) - near(b)).slice(0, RELATED);
}

const bare = ({ id, title, date_published, _nearside }) => ({ id, title, date_published, _nearside });
