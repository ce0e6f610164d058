import { type Page, Remote } from "./remote.js";

/** The page's side of a worker whose script lies at `url`, or `true`: beside the package's own files. Throws a refusal. */
export function startRemote(url: unknown, page: Page): Remote {
  // Bundlers know these words and take the worker along.
  return new Remote(url, page, () => new Worker(new URL("./worker.js", import.meta.url), { type: "module" }));
}
