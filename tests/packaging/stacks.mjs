// The tools of publishers, each in the versions its package-lock.json names: installed once, into a folder of its own under .cache/.

import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { cp, mkdir, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { root } from "./consumer.mjs";

const execute = promisify(execFile);

/** Installs the tools of tests/packaging/stacks/NAME where they are missing. Returns their folder. */
export async function ensureStack(name) {
  const source = path.join(root, "tests/packaging/stacks", name);
  const files = ["package.json", "package-lock.json"];
  const hash = createHash("sha256");
  for (const file of files) hash.update(readFileSync(path.join(source, file)));
  const folder = path.join(root, ".cache/stacks", `${name}-${hash.digest("hex").slice(0, 12)}`);
  if (existsSync(folder)) return folder;
  console.log(`installing ${name} (once)`);
  // A folder that is there is whole.
  const half = `${folder}.${process.pid}`;
  await mkdir(half, { recursive: true });
  for (const file of files) await cp(path.join(source, file), path.join(half, file));
  // What an outer npm tells its scripts would lead an inner one astray.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([key]) => !/^(npm_|NODE_TEST)/.test(key)),
  );
  // Not `ci`, which refuses a lock file without an optional package that its registry does not have.
  const args = ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"];
  try {
    await execute("npm", args, { cwd: half, env, maxBuffer: 1 << 26 });
  } catch (error) {
    await rm(half, { recursive: true, force: true });
    throw new Error(
      `${name} could not be installed, so its test cannot run; it needs npm's registry once: ${error.stderr ?? error}`,
    );
  }
  await rename(half, folder).catch(async (error) => {
    if (!existsSync(folder)) throw error; // another run was quicker
    await rm(half, { recursive: true, force: true });
  });
  return folder;
}

/** Runs a script of Node's in a folder; never throws. */
export function run(cwd, args, more = {}) {
  const env = Object.fromEntries(
    Object.entries({ ...process.env, ...more }).filter(([key]) => !/^(npm_|NODE_TEST)/.test(key)),
  );
  return execute(process.execPath, args, { cwd, env, timeout: 300_000, maxBuffer: 1 << 26 }).then(
    ({ stdout, stderr }) => ({ code: 0, output: stdout + stderr }),
    ({ code, stdout, stderr }) => ({ code: code ?? "killed", output: `${stdout}${stderr}` }),
  );
}

/** Makes a project of a publisher's in the consumer's folder: files by name. Returns its folder. */
export async function makeProject(consumer, name, files) {
  const folder = path.join(consumer.folder, name);
  await rm(folder, { recursive: true, force: true });
  for (const [file, text] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(folder, file)), { recursive: true });
    await writeFile(path.join(folder, file), text);
  }
  return folder;
}
