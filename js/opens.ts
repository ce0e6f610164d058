import { attribute, fits, someWithin } from "./dom.js";

/** Says of a link what the page knows better: that it opens the story, or with `"false"` that it does not. */
const mark = "data-nearside-link";
const link = `a[href], area[href], [role=link], [${mark}]`;
/** What does something of its own, also where it lies in a link: hide, save, play. */
const control = "button, input, select, textarea, label, summary, [role=button]:not([href])";
/** Folders of a site that hold no story. */
const aside =
  /(^|\/)(authors?|autor(en)?|by|categor(y|ies)|columnists?|people|profiles?|ressorts?|rubrik(en)?|sections?|share|tags?|topics?)(\/[^/]*)?$/i;
/** A path of one word: a section's front, unless its query names a story. */
const front = /^[a-z]*$/i;
/** Paths at which a site does something for the reader. */
const service =
  /^(account|log-?(in|out)|newsletters?|print|register|save|search|share|sign-?(in|up)|subscribe)(\.\w+)?(\/[^/]*)?$/i;
/** A query that names a story by its number, as `/?p=123` does. */
const numbered = /[?&](a|art(icle|ikel)?_?(id)?|[nps]?id|item|news_?(id)?|p|post|story_?(id)?)=\d/i;

/**
 * The marked story in a container that a click opens, by its path from the innermost node outwards. Undefined if it opens none: the reader clicked a
 * control, a link to elsewhere, or no link.
 *
 * A link opens the story if it leads to one of the addresses that the list has for it (`urlsOf`). Where no link of the card does, it is the link that is
 * the whole story, or any but one to the top of this page, to a section, an author or the like, or to another site.
 */
export function storyOf(
  path: readonly unknown[],
  container: Element,
  urlsOf: (id: string) => readonly string[],
): string | undefined {
  const at = path.findIndex((node) => fits(node, `${link}, ${control}`));
  const opener = path[at] as Element;
  const story = path.find((node) => fits(node, `[${attribute}]`)) as Element | undefined;
  if (!story || path.indexOf(story) > path.indexOf(container) || !fits(opener, link)) return undefined;
  const id = story.getAttribute(attribute) as string;
  const says = opener.getAttribute(mark);
  const href = opener.getAttribute("href");
  if (says === "false") return undefined;
  if (says !== null || href === null) return id; // a script opens it
  if (opener.contains(story)) return id; // the whole story is the link
  const urls = urlsOf(id).flatMap((url) => parse(url, story) ?? []);
  const isStorys = (one: Element): boolean => urls.some((url) => leadsTo(url, one));
  if (isStorys(opener)) return id;
  const to = parse(href, opener);
  if (!to || opener.getAttribute("download") !== null) return undefined;
  if (someWithin(story, (inner) => fits(inner, link) && isStorys(inner))) return undefined;
  const folder = to.pathname.replace(/^\/|\/$/g, "");
  const opens = isHere(to, opener)
    ? !/^(#top)?$/i.test(to.hash)
    : to.host === location.host &&
      !aside.test(folder) &&
      !service.test(folder) &&
      (numbered.test(to.search) || !front.test(folder));
  return opens ? id : undefined;
}

/**
 * Whether a link leads to a story's address: its host or this site's, its path, and what it has of a query and a hash. A link may say more in its
 * query, for what counts readers.
 */
function leadsTo(story: URL, element: Element): boolean {
  const to = parse(element.getAttribute("href"), element);
  const path = ({ pathname }: URL): string => pathname.replace(/\/$/, "");
  return (
    to !== undefined &&
    path(story) === path(to) &&
    [story.host, location.host].includes(to.host) &&
    [...story.searchParams].every(([name, value]) => to.searchParams.getAll(name).includes(value)) &&
    (story.hash === "" ? !isHere(to, element) : story.hash === to.hash)
  );
}

/** Whether an address is of this page. A frame without one of its own has its parent's for a base. */
function isHere({ href }: URL, { ownerDocument }: Element): boolean {
  return href.split("#")[0] === ownerDocument.URL.split("#")[0];
}

function parse(url: unknown, { baseURI }: Element): URL | undefined {
  try {
    return typeof url === "string" ? new URL(url, baseURI) : undefined;
  } catch {
    return undefined;
  }
}
