// `nearside keys --out FILE` (in the repository `npm run keys --`): makes the pair of keys that signs releases. The private key goes into FILE, readable by its owner
// alone; the public key is printed, for the SDK's `release.publicKeys`.

import { existsSync, realpathSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { parseArgs } from "node:util";
import { makeKeys } from "./manifest.mjs";
import { bold, done, isMain, main, root, Stop, say } from "./terminal.mjs";

export const usage = "keys --out FILE";

/** Writes a new private key to `file`, which must not exist. Returns the public key. */
export function writeKeys(file) {
  refuseKeyIn(root, file, "the repository");
  for (let folder = dirname(real(file)); ; folder = dirname(folder)) {
    if (existsSync(join(folder, "manifest.json")))
      throw new Stop(`${folder} is a release's folder and is served: keep the private key elsewhere.`);
    if (existsSync(join(folder, ".git")))
      throw new Stop(`${folder} is a repository: keep the private key outside of it.`);
    if (folder === dirname(folder)) break;
  }
  const { privateKey, publicKey } = makeKeys();
  try {
    writeFileSync(file, privateKey, { flag: "wx", mode: 0o600 });
  } catch (error) {
    if (error.code === "EEXIST")
      throw new Stop(`${file} exists, and a key is never overwritten: name another file.`);
    throw new Stop(`${file} cannot be written: ${error.message}.`);
  }
  return publicKey;
}

/** Stops where a private key's file lies in `folder`, links followed. */
export function refuseKeyIn(folder, file, what) {
  const inside = relative(real(folder), real(file));
  if (inside === "" || !(inside === ".." || inside.startsWith(`..${sep}`) || resolve(inside) === inside))
    throw new Stop(`The private key must not lie in ${what} (${folder}): keep it elsewhere.`);
}

/** A path with its links followed, as far as it exists. */
function real(path) {
  const full = resolve(path);
  if (statSync(full, { throwIfNoEntry: false })) return realpathSync(full);
  return full === dirname(full) ? full : join(real(dirname(full)), basename(full));
}

/** The command line, with these arguments; paths are of the folder `from`, by default the one at hand. */
export function run(args, from = "") {
  let out;
  try {
    out = parseArgs({ args, options: { out: { type: "string" } } }).values.out;
  } catch (error) {
    throw new Stop(`Use \`nearside ${usage}\`: ${error.message}.`);
  }
  if (!out) throw new Stop(`Use \`nearside ${usage}\`: say where the private key is to be written.`);
  const publicKey = writeKeys(resolve(from, out));
  done(`${out} is the private key. Back it up; whoever has it can publish to every reader.`);
  say(`Public key, for \`release.publicKeys\`:\n${bold(publicKey)}`);
}

if (isMain(import.meta.url)) await main(() => run(process.argv.slice(2)));
