import type { Engine } from "./engine.js";
import { hearNews } from "./news.js";
import type { Profile } from "./profile.js";
import { quietly, safely } from "./quiet.js";

/** Stores what is pending when the page goes out of sight, and learns what other tabs did when it comes back. */
export function followPage(
  profile: Profile,
  engine: Engine,
  allowed: () => boolean,
  forget: () => void,
  signal: AbortSignal,
): void {
  const page = globalThis.document as Document | undefined;
  if (!page) return;
  const refresh = (): void => {
    if (engine.live && allowed()) void quietly(() => profile.sync(engine, allowed));
  };
  let news: BroadcastChannel | undefined;
  const onNews = (erased: boolean): void => {
    if (erased) forget();
    if (erased) void quietly(() => profile.hearErasure(engine, allowed));
    else if (!page.hidden) refresh();
  };
  const hear = (): void => {
    news?.close();
    if (profile.isShared) news = hearNews(onNews);
  };
  let gone = false;
  const onVisibility = (): void => {
    if (!page.hidden) refresh();
    else if (!gone) void quietly(() => profile.flush());
  };
  const options = { __proto__: null, signal };
  page.addEventListener("visibilitychange", safely(onVisibility), options);
  // The page's own listeners may tell a last reading time after this one: at the same event, or when the page, as it goes, is
  // hidden. That event comes after `pagehide` and reaches the window last.
  const onLeave = (): void => {
    gone = true;
    profile.leave(page.hidden);
    news?.close(); // it would keep the page out of the back-forward cache
  };
  globalThis.addEventListener("pagehide", safely(onLeave), options);
  globalThis.addEventListener(
    "visibilitychange",
    safely(() => gone && page.hidden && onLeave()),
    options,
  );
  globalThis.addEventListener(
    "pageshow",
    safely((event) => {
      gone = false;
      if (!event.persisted) return;
      hear();
      profile.resume();
      refresh();
    }),
    options,
  );
  hear();
  signal.addEventListener(
    "abort",
    safely(() => news?.close()),
  );
}

/** In a page that is prerendered: does `work` once the reader sees it, if ever, and answers `true`. */
export function whenShown(work: () => void): boolean {
  const page = globalThis.document as (Document & { prerendering?: boolean }) | undefined;
  if (!page?.prerendering) return false;
  page.addEventListener("prerenderingchange", safely(work), { __proto__: null, once: true } as object);
  return true;
}
