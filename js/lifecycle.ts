import type { Engine } from "./engine.js";
import type { Profile } from "./profile.js";

/** Stores what is pending when the page goes out of sight, and learns what other tabs did when it comes back. */
export function followPage(
  profile: Profile,
  engine: Engine,
  allowed: () => boolean,
  signal: AbortSignal,
): void {
  const page = globalThis.document as Document | undefined;
  if (!page) return;
  const refresh = (): void => {
    if (engine.live && allowed()) void profile.sync(engine, allowed);
  };
  let gone = false;
  const onVisibility = (): void => {
    if (!page.hidden) refresh();
    else if (!gone) void profile.flush();
  };
  page.addEventListener("visibilitychange", onVisibility, { signal });
  // The page's own listeners may tell a last reading time after this one: at the same event, or when the page, as it goes, is
  // hidden. That event comes after `pagehide` and reaches the window last.
  const onLeave = (): void => {
    gone = true;
    profile.leave(page.hidden);
  };
  globalThis.addEventListener("pagehide", onLeave, { signal });
  globalThis.addEventListener("visibilitychange", () => gone && page.hidden && onLeave(), { signal });
  globalThis.addEventListener(
    "pageshow",
    (event) => {
      gone = false;
      if (!event.persisted) return;
      profile.resume();
      refresh();
    },
    { signal },
  );
}
