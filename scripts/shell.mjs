// What every script here needs: say what is happening, run a program, stop with one sentence.

import { spawn, spawnSync } from "node:child_process";
import { accessSync, constants, readFileSync, statSync } from "node:fs";
import { delimiter, join, relative } from "node:path";
import { stripVTControlCharacters } from "node:util";

import { bold, colour, root, Stop, say } from "../delivery/terminal.mjs";

export { bold, colour, dim, done, green, isMain, main, red, root, Stop, say } from "../delivery/terminal.mjs";

/** The project's own cache: tools, build stages. Safe to delete. */
export const cache = join(root, ".cache");

export const header = (text) => say(`\n${bold(`── ${text} ${"─".repeat(Math.max(3, 76 - text.length))}`)}`);
export const seconds = (since) => `${((performance.now() - since) / 1000).toFixed(1)} s`;

/** The full path of a program on PATH, or undefined. */
export function which(program, path = process.env.PATH ?? "") {
  const suffixes = process.platform === "win32" ? [".exe", ".cmd", ""] : [""];
  for (const folder of path.split(delimiter).filter(Boolean)) {
    for (const suffix of suffixes) {
      const file = join(folder, program + suffix);
      if (isProgram(file)) return file;
    }
  }
  return undefined;
}

/** True when `file` exists and can be run. */
export function isProgram(file) {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

/** Runs a program to its end and returns its exit code and output; code -1 when it cannot be started. */
export function capture(program, args, options = {}) {
  const result = spawnSync(program, args, {
    cwd: root,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    maxBuffer: 1 << 28,
    ...options,
  });
  return { code: result.status ?? -1, stdout: result.stdout ?? "", stderr: result.stderr ?? "" };
}

/** Runs a program with its output shown, and returns its exit code and plain output. */
export function stream(program, args, options = {}) {
  const env = { ...(options.env ?? process.env) };
  if (colour) env.CARGO_TERM_COLOR ??= "always";
  return new Promise((settle, refuse) => {
    const child = spawn(program, args, {
      cwd: root,
      ...options,
      env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    const keep = (to) => (chunk) => {
      output += chunk;
      to.write(chunk);
    };
    child.stdout.setEncoding("utf8").on("data", keep(process.stdout));
    child.stderr.setEncoding("utf8").on("data", keep(process.stderr));
    child.on("error", (error) => refuse(new Stop(`${program} cannot be started: ${error.message}.`)));
    child.on("close", (code, signal) =>
      settle({ code: code ?? 1, signal, output: stripVTControlCharacters(output) }),
    );
  });
}

/** Runs a program with its output shown; anything but success stops with `otherwise`. */
export async function run(program, args, { otherwise, ...options } = {}) {
  const { code } = await stream(program, args, options);
  if (code !== 0)
    throw new Stop(
      otherwise ?? `\`${[nameOf(program), ...args].join(" ")}\` failed; its output above says why.`,
    );
}

const nameOf = (program) => (program === process.execPath ? "node" : program);

/** Node's arguments for the program `name` of an npm dependency: its script, run by the Node at hand. */
export function bin(dependency, name = dependency.split("/").at(-1)) {
  const folder = join(root, "node_modules", dependency);
  const declared = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")).bin;
  return relative(root, join(folder, typeof declared === "string" ? declared : declared[name]));
}
