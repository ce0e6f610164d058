// What a command line says, and how it ends: with its work done, or with one sentence.

import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** The package's root: the repository's, or that of the installed package. */
export const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");

/** Whether to print in colour. */
export const colour = Boolean(process.stdout.isTTY && !process.env.NO_COLOR);
const paint = (code, text) => (colour ? `\u001b[${code}m${text}\u001b[0m` : text);
export const bold = (text) => paint("1", text);
export const dim = (text) => paint("2", text);
export const green = (text) => paint("32", text);
export const red = (text) => paint("31", text);

/** A failure the reader can act on; its message is one sentence that says how. */
export class Stop extends Error {
  name = "Stop";
}

export const say = (text) => console.log(text);
export const done = (text) => say(`${green("✓")} ${text}`);

/** Runs a script's main function; a `Stop` ends it with its sentence alone. */
export async function main(body) {
  try {
    await body();
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
    console.error(`\n${red("✗")} ${error.message}`);
    process.exitCode = 1;
  }
}

/** True when `url` (an `import.meta.url`) is the file Node was started with. */
export const isMain = (url) =>
  process.argv[1] !== undefined && fileURLToPath(url) === resolve(process.argv[1]);
