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
  page.addEventListener("visibilitychange", () => (page.hidden ? void profile.flush() : refresh()), {
    signal,
  });
  const leave = (): void => {
    profile.leave();
    void profile.close(); // an open connection can keep a page out of the back-forward cache
  };
  globalThis.addEventListener("pagehide", leave, { signal });
  globalThis.addEventListener(
    "pageshow",
    (event) => {
      if (!event.persisted) return;
      profile.resume();
      refresh();
    },
    { signal },
  );
}
