// `nearside check --out DIR --key PUBLIC-KEY`: whether the release in a folder is one that pages take: signed by a pinned key, of this package's
// format, still good, and each of its files there under its hash, compressed as well.

import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { readSigned } from "./manifest.mjs";
import { files, forms, hash, isCompressed, MANIFEST, readersOf } from "./release.mjs";
import { bold, done, green, isMain, main, red, Stop, say } from "./terminal.mjs";

export const usage = "check --out DIR --key PUBLIC-KEY [--key PUBLIC-KEY] [--channel NAME] [--days N]";
const DAY = 86_400_000;

/**
 * What is wrong with the release in the folder `out` for pages that pin `keys` and `channel`; nothing where it is whole. `days`: how long it
 * must still be good. Returns `{ manifest, faults }`; throws a `Stop` where there is no manifest that one of the keys has signed.
 */
export async function checkRelease({ out, keys, channel = "default", days = 1, now = Date.now(), dist }) {
  const path = join(out, MANIFEST);
  if (!existsSync(path)) throw new Stop(`${path} is not there.`);
  const manifest = readSigned(readFileSync(path, "utf8"), keys);
  const { isSound, fits, dateOf } = await readersOf(dist);
  const faults = [];
  if (!isSound(manifest)) faults.push("A member of the manifest is missing or out of its range.");
  else if (!fits(manifest))
    faults.push(
      `It is of version ${manifest.sdk} of the package, and does not fit the one that is installed here.`,
    );
  if (manifest.channel !== channel)
    faults.push(`It is for the channel ${JSON.stringify(manifest.channel)}, not ${JSON.stringify(channel)}.`);
  const left = (dateOf(manifest.expires) - now) / DAY;
  if (!(left >= days)) faults.push(`It is good until ${manifest.expires}: make a new one.`);
  const isThere = (name) => {
    const content = existsSync(join(out, name)) ? readFileSync(join(out, name)) : undefined;
    if (!content) faults.push(`${name} is not there.`);
    for (const { end, decompress } of content ? forms : [])
      if (!isCompressed(join(out, name + end), content, decompress))
        faults.push(`${name}${end} is not there, or another file.`);
    return content;
  };
  isThere(MANIFEST);
  for (const { name, integrity } of files.map((member) => manifest[member] ?? {})) {
    const content = isThere(String(name));
    if (content && hash(content).integrity !== integrity)
      faults.push(`${name} is not the file that was signed.`);
  }
  return { manifest, faults };
}

/** The command line, with these arguments; paths are of the folder `from`, by default the one at hand. */
export async function run(args, from = "") {
  const text = { type: "string" };
  let given;
  try {
    const options = { out: text, key: { ...text, multiple: true }, channel: text, days: text };
    given = parseArgs({ args, options }).values;
    if (!given.out || !given.key) throw new Error("--out and --key are needed");
    if (given.days !== undefined && !(Number(given.days) >= 0)) throw new Error("--days is a number");
  } catch (error) {
    throw new Stop(`Use \`nearside ${usage}\`: ${error.message}.`);
  }
  const { out, key: keys, channel, days } = given;
  const { manifest, faults } = await checkRelease({
    ...{ out: resolve(from, out), keys, channel },
    ...(days === undefined ? {} : { days: Number(days) }),
  });
  const { version, killed, expires } = manifest;
  say(`Version ${bold(version)}${killed ? ", switched off" : ""}, good until ${expires}`);
  for (const fault of faults) say(`${red("✗")} ${fault}`);
  if (faults.length > 0) throw new Stop("Pages would not take this release as it is.");
  done(green("Pages take this release."));
}

if (isMain(import.meta.url)) await main(() => run(process.argv.slice(2)));
