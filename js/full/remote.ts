import { type Page, Remote } from "../remote.js";

/** As the default flavour's, with the worker of this one. */
export function startRemote(url: unknown, page: Page): Remote {
  return new Remote(url, page, () => new Worker(new URL("./worker.js", import.meta.url), { type: "module" }));
}
