// What all pages of the paper share: the head, the masthead, the foot.

import { longDate } from "./dates.js";
import { html } from "./html.js";

// The same policy as the server's header, so that the page keeps it on any static host. `connect-src` is open because
// `?feed=URL` may name any feed; a publisher's own page needs no more than 'self'.
const POLICY = [
  "default-src 'self'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self'",
  "connect-src 'self' http: https:",
  "img-src 'self' data:",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'self'",
].join("; ");

/** A whole document. `root` leads from the page to the front page's folder; `files` are `{ script, style }`. */
export const document = ({ feed, title, description, root, files, body, page }) => html`<!doctype html>
<html lang="${feed.language}" class="${page}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<meta name="description" content="${description}">
<link rel="icon" type="image/svg+xml" href="${root}icon.svg">
<link rel="alternate" type="application/feed+json" title="${feed.title}" href="${root}feed.json">
<link rel="stylesheet" href="${root}${files.style}">
<script type="module" src="${root}${files.script}"></script>
</head>
<body>
${body}
<footer class="foot">
<p><strong>${feed.title}</strong> is an invented newspaper, made to show Nearside at work. Its places, people and events do not exist.</p>
<p>Every reader is sent this same page. Whatever order you see was worked out in your browser, and nothing you read is reported to anybody.</p>
</footer>
</body>
</html>
`;

/** The paper's name above a page. On the front page it is the heading of everything; elsewhere a link back. */
export const masthead = ({ feed, front }) => html`<header class="masthead">
<p class="date"><time datetime="${feed._courier.updated}">${longDate(feed._courier.updated)}</time></p>
${
  front
    ? html`<h1 class="name" id="name">${feed.title}</h1>`
    : html`<p class="name"><a href="../">${feed.title}</a></p>`
}
<p class="motto">News from the estuary and the world</p>
</header>`;

export const icon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="6" fill="#7a1f2b"/><path fill="#fff" d="M9 7h5v14h9v4H9z"/></svg>
`;
