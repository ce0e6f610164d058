// In which engines a row is run.

/** All of them, in the order they are run in. */
export const engines = ["chromium", "firefox", "webkit"];

/** A row as it is in an engine in which it comes to something else: what differs is under the engine's name. */
export const rowIn = (row, engine) => ({ ...row, ...row[engine] });

/** Those of one row: all, unless it says which. */
export const enginesOf = (row) => row.engines ?? engines;
