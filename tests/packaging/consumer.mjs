// Packs the package and installs it into an empty project, as a publisher's `npm install nearside` would.

import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const execute = promisify(execFile);

/** The repository's root. */
export const root = fileURLToPath(new URL("../../", import.meta.url));

/** Eight stories with vectors, as a publisher's page would hold them. */
export const stories = Array.from({ length: 8 }, (_, n) => ({
  id: `story-${n}`,
  title: `Story ${n}`,
  date_published: "2026-01-01T00:00:00Z",
  _nearside: {
    vector: Buffer.from(Array.from({ length: 64 }, (_, d) => (n * 31 + d * 17) % 127)).toString("base64"),
    topic: n % 2 ? "sports" : "science",
    shows: 1000,
    clicks: 10 + n,
  },
}));

/**
 * Makes the project. Returns its folder, the names of the packed files, `write(name, text)`, `node(args)` and
 * `remove()`.
 */
export async function makeConsumer() {
  const folder = await mkdtemp(path.join(tmpdir(), "nearside-consumer-"));
  // What an outer npm tells its scripts would lead an inner one astray.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(npm_|NODE_TEST)/.test(name)),
  );
  const options = { cwd: folder, env, maxBuffer: 1 << 26 };
  const npm = async (...args) => JSON.parse((await execute("npm", args, options)).stdout);

  const [packed] = await npm("pack", root, "--json", "--ignore-scripts", "--pack-destination", folder);
  await writeFile(
    path.join(folder, "package.json"),
    `{ "name": "consumer", "private": true, "type": "module" }\n`,
  );
  await npm(
    "install",
    "--json",
    "--ignore-scripts",
    "--no-audit",
    "--prefer-offline",
    `./${packed.filename}`,
  );

  return {
    folder,
    files: packed.files.map((file) => file.path).sort(),
    write: (name, text) => writeFile(path.join(folder, name), text),
    /** Runs Node in the project; never throws, so that a test can look at how it ended. */
    node: (...args) =>
      execute(process.execPath, args, { ...options, timeout: 60_000 }).then(
        ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
        ({ code, stdout, stderr }) => ({ code: code ?? "killed", stdout, stderr }),
      ),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
