// What the project needs on a machine. Each function checks, installs what is missing, and checks again;
// when it cannot, it stops with one sentence that says what to do.

import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { basename, delimiter, dirname, join } from "node:path";
import { cache, capture, done, isMain, isProgram, main, root, run, Stop, say, which } from "./shell.mjs";

const WASM = "wasm32-unknown-unknown";
const UV_VERSION = "0.13.8";
const UV_ENV = { UV_PYTHON_DOWNLOADS: "never" };

const read = (file) => readFileSync(join(root, file), "utf8");
const exe = process.platform === "win32" ? ".exe" : "";

/** True when dotted version `have` is at least `want`. */
export function atLeast(have, want) {
  const [a, b] = [have, want].map((version) => version.split(".").map(Number));
  for (let place = 0; place < b.length; place++) {
    if ((a[place] ?? 0) !== b[place]) return (a[place] ?? 0) > b[place];
  }
  return true;
}

/** Node itself, as package.json asks for it. */
export function ensureNode() {
  const want = JSON.parse(read("package.json")).engines.node.replace(">=", "");
  if (!atLeast(process.versions.node, want))
    throw new Stop(
      `Node ${want} or newer is needed and this is ${process.versions.node}: install it from https://nodejs.org.`,
    );
}

/** Rust with the wasm target and, where asked, its formatter and linter. */
export async function ensureRust({ lint = false } = {}) {
  const rustup = which("rustup");
  const version = () => /^rustc (\d+\.\d+\.\d+)/.exec(capture("rustc", ["--version"]).stdout)?.[1];
  if (version() === undefined && rustup) {
    say("  Installing the Rust toolchain…");
    await run(rustup, ["toolchain", "install", "stable", "--profile", "minimal"]);
  }
  const have = version();
  if (have === undefined)
    throw new Stop("Rust is missing: install it with rustup (https://rustup.rs) and run this again.");
  const want = /^rust-version = "([\d.]+)"/m.exec(read("Cargo.toml"))[1];
  if (!atLeast(have, want))
    throw new Stop(`Rust ${want} or newer is needed and this is ${have}: run \`rustup update stable\`.`);

  const hasTarget = () => {
    const folder = capture("rustc", ["--print", "target-libdir", "--target", WASM]).stdout.trim();
    return folder !== "" && existsSync(folder);
  };
  if (!hasTarget()) {
    if (!rustup)
      throw new Stop(`Rust's ${WASM} target is missing: install it, or use rustup (https://rustup.rs).`);
    await run(rustup, ["target", "add", WASM], {
      otherwise: `Run \`rustup target add ${WASM}\`; it failed here, and its output above says why.`,
    });
    if (!hasTarget()) throw new Stop(`Run \`rustup target add ${WASM}\`: the target is still missing.`);
  }
  if (lint) {
    for (const [component, command] of [
      ["rustfmt", "fmt"],
      ["clippy", "clippy"],
    ]) {
      if (capture("cargo", [command, "--version"]).code === 0) continue;
      if (!rustup) throw new Stop(`Install Rust's ${component}.`);
      await run(rustup, ["component", "add", component]);
    }
  }
  done(`Rust ${have} with ${WASM}`);
}

/** The version of wasm-bindgen that the crate is locked to; the command-line tool must be the same one. */
export function wasmBindgenVersion() {
  const locked = existsSync(join(root, "Cargo.lock"))
    ? /name = "wasm-bindgen"\nversion = "([^"]+)"/.exec(read("Cargo.lock"))?.[1]
    : undefined;
  const version = locked ?? /^wasm-bindgen = "=([^"]+)"/m.exec(read("Cargo.toml"))?.[1];
  if (version === undefined) throw new Stop("Cargo.toml names no exact version of wasm-bindgen (`=…`).");
  return version;
}

/**
 * wasm-bindgen's command line in the crate's exact version: the one on PATH or in cargo's own folder where that
 * fits, else built into `.cache/tools`. Returns the folder that holds it and its test runner.
 */
export async function ensureWasmBindgen() {
  const version = wasmBindgenVersion();
  const own = join(cache, "tools", "bin");
  const fits = (folder) =>
    isProgram(join(folder, `wasm-bindgen-test-runner${exe}`)) &&
    capture(join(folder, `wasm-bindgen${exe}`), ["--version"]).stdout.trim() === `wasm-bindgen ${version}`;
  const onPath = which("wasm-bindgen");
  const folders = [
    own,
    ...(onPath ? [dirname(onPath)] : []),
    join(process.env.CARGO_HOME ?? join(homedir(), ".cargo"), "bin"),
  ];
  let folder = folders.find(fits);
  if (folder === undefined) {
    say(`  Building wasm-bindgen ${version} into .cache/tools, once; this takes a few minutes…`);
    // Without --locked: its lock file asks for versions of crates that have since been withdrawn.
    await run(
      "cargo",
      ["install", "wasm-bindgen-cli", "--version", version, "--root", join(cache, "tools")],
      {
        env: withoutRustflags(),
        otherwise: `Run \`cargo install wasm-bindgen-cli --version ${version}\`; it failed here, and its output above says why.`,
      },
    );
    if (!fits(own)) throw new Stop(`Run \`cargo install wasm-bindgen-cli --version ${version}\`.`);
    folder = own;
  }
  done(`wasm-bindgen ${version}`);
  return folder;
}

/** npm's packages, exactly as the package-lock.json of `folder` lists them. */
export async function ensureNodeModules(folder = "") {
  if (!nodeModulesAreCurrent(folder)) {
    say("  Installing npm's packages…");
    const npm = process.env.npm_execpath;
    const [program, ...first] =
      npm && basename(npm) === "npm-cli.js" ? [process.execPath, npm] : [which("npm") ?? "npm"];
    await run(program, [...first, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], {
      cwd: join(root, folder),
      shell: program.endsWith(".cmd"),
      otherwise: "Run `npm ci`; it failed here, and its output above says why.",
    });
    if (!nodeModulesAreCurrent(folder))
      throw new Stop(
        "Delete node_modules and run `npm ci`: what is there is not what package-lock.json lists.",
      );
  }
  done(`npm packages${folder && ` of ${folder}/`}`);
}

function nodeModulesAreCurrent(folder) {
  const installedList = join(folder, "node_modules/.package-lock.json");
  if (!existsSync(join(root, installedList))) return false;
  const installed = JSON.parse(read(installedList)).packages;
  return Object.entries(JSON.parse(read(join(folder, "package-lock.json"))).packages).every(
    ([path, wanted]) =>
      path === "" ||
      (installed[path] === undefined
        ? wanted.optional === true // a binary for another platform
        : installed[path].version === wanted.version && installed[path].integrity === wanted.integrity),
  );
}

/** The system's Chromium (or Chrome), or undefined. */
export const findChromium = () =>
  process.env.NEARSIDE_CHROMIUM ??
  ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
    .map((name) => which(name))
    .find(Boolean) ??
  ["/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"].find(isProgram);

/** The driver of that Chromium, or undefined. */
export const findChromedriver = () => process.env.CHROMEDRIVER ?? which("chromedriver");

/** Chromium and its driver; on Debian as root they are installed. Returns both paths. */
export async function ensureChromium() {
  if (!findChromium() || !findChromedriver()) await installDebian(["chromium", "chromium-driver"]);
  const [chromium, chromedriver] = [findChromium(), findChromedriver()];
  if (!chromium || !chromedriver)
    throw new Stop(
      "Chromium and chromedriver are needed: install them (Debian: `sudo apt-get install chromium chromium-driver`), " +
        "or say where they are in NEARSIDE_CHROMIUM and CHROMEDRIVER.",
    );
  done(`Chromium, ${capture(chromium, ["--version"]).stdout.trim()}`);
  return { chromium, chromedriver };
}

/** The system's Firefox, or undefined. */
export const findFirefox = () =>
  process.env.NEARSIDE_FIREFOX ??
  ["firefox-esr", "firefox"].map((name) => which(name)).find(Boolean) ??
  ["/Applications/Firefox.app/Contents/MacOS/firefox"].find(isProgram);

/** Firefox; on Debian as root it is installed. Returns its path. */
export async function ensureFirefox() {
  if (!findFirefox()) await installDebian(["firefox-esr"]);
  const firefox = findFirefox();
  if (!firefox)
    throw new Stop(
      "Firefox is needed: install it (Debian: `sudo apt-get install firefox-esr`), or say where it is in NEARSIDE_FIREFOX.",
    );
  done(`Firefox, ${capture(firefox, ["--version"]).stdout.trim()}`);
  return firefox;
}

/** The system's WebKitWebDriver and the X server without a screen that its browser needs, or undefined. */
export const findWebkit = () => process.env.NEARSIDE_WEBKIT ?? which("WebKitWebDriver");
export const findXvfb = () => which("Xvfb");

/** WebKitGTK's driver, which comes with its browser, and Xvfb; on Debian as root they are installed. Returns the driver's path. */
export async function ensureWebkit() {
  const packages = ["webkit2gtk-driver", "xvfb"];
  if (!findWebkit() || !findXvfb()) await installDebian(packages);
  const webkit = findWebkit();
  if (!webkit || !findXvfb())
    throw new Stop(
      `WebKitWebDriver and Xvfb are needed: install them (Debian: \`sudo apt-get install ${packages.join(" ")}\`), ` +
        "or say where the driver is in NEARSIDE_WEBKIT.",
    );
  done("WebKitWebDriver");
  return webkit;
}

/** nginx with brotli_static and Varnish, for `npm run edge`; on Debian as root they are installed. Returns their paths. */
export async function ensureEdge() {
  const packages = ["nginx", "libnginx-mod-http-brotli-static", "varnish"];
  // Their folder is not on everybody's path.
  const path = `${process.env.PATH}${delimiter}/usr/sbin`;
  const find = () => ({
    nginx: which("nginx", path),
    brotli: [
      "/usr/lib/nginx/modules/ngx_http_brotli_static_module.so",
      "/usr/lib64/nginx/modules/ngx_http_brotli_static_module.so",
    ].find((file) => existsSync(file)),
    varnishd: which("varnishd", path),
    varnishlog: which("varnishlog", path),
  });
  const isWhole = (programs) => Object.values(programs).every(Boolean);
  if (!isWhole(find())) await installDebian(packages);
  const programs = find();
  if (!isWhole(programs))
    throw new Stop(
      `nginx, its brotli module and Varnish are needed: install them (Debian: \`sudo apt-get install ${packages.join(" ")}\`).`,
    );
  const versionOf = (program, flag) => {
    const { stdout, stderr } = capture(program, [flag]);
    return /\d+\.\d+\.\d+/.exec(stdout + stderr)?.[0];
  };
  const versions = { nginx: versionOf(programs.nginx, "-v"), varnish: versionOf(programs.varnishd, "-V") };
  done(`nginx ${versions.nginx} and Varnish ${versions.varnish}`);
  return { ...programs, versions };
}

async function installDebian(packages) {
  const release = existsSync("/etc/os-release") ? readFileSync("/etc/os-release", "utf8") : "";
  if (process.getuid?.() !== 0 || !/^ID=debian$/m.test(release) || !which("apt-get")) return;
  say(`  Installing ${packages.join(" and ")}…`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const otherwise = `Run \`apt-get install ${packages.join(" ")}\`; it failed here, and its output above says why.`;
  await run("apt-get", ["update", "-q"], { env, otherwise });
  await run("apt-get", ["install", "-q", "-y", "--no-install-recommends", ...packages], { env, otherwise });
}

/** A Python of 3.11 or newer. Returns its path. */
export function ensurePython() {
  const want = "3.11";
  for (const name of ["python3", "python", "python3.14", "python3.13", "python3.12", "python3.11"]) {
    const program = which(name);
    if (!program) continue;
    const have = capture(program, ["-c", "import platform; print(platform.python_version())"]).stdout.trim();
    if (have && atLeast(have, want)) return program;
  }
  throw new Stop(`Python ${want} or newer is needed: install it from https://python.org.`);
}

/** uv, which runs everything under python/. Returns its path. */
export async function ensureUv() {
  const folder = join(cache, "uv");
  const own = join(folder, "bin", `uv${exe}`);
  const python = ensurePython();
  const find = () => which("uv") ?? (isProgram(own) ? own : undefined);
  if (!find()) {
    say("  Installing uv into .cache/uv…");
    // Into a folder of its own: this leaves the system's Python alone, and needs neither venv nor permission.
    await run(
      python,
      [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--root-user-action=ignore",
        "--target",
        folder,
        `uv==${UV_VERSION}`,
      ],
      {
        otherwise: "Install uv (https://docs.astral.sh/uv); pip could not, and its output above says why.",
      },
    );
    if (!find()) throw new Stop("Install uv (https://docs.astral.sh/uv): pip did not put it into .cache/uv.");
  }
  done("uv");
  return find();
}

/** The environment for uv: with the Python that is there, never one it downloads. */
export const uvEnvironment = () => ({ ...process.env, ...UV_ENV });

/** The environment without RUSTFLAGS, which would replace the crate's own flags (`+simd128`). */
export function withoutRustflags(environment = process.env) {
  const { RUSTFLAGS, CARGO_ENCODED_RUSTFLAGS, CARGO_BUILD_RUSTFLAGS, ...rest } = environment;
  return rest;
}

/** The environment with `folder` first on PATH. */
export const withPath = (folder, environment = process.env) => ({
  ...environment,
  PATH: folder + delimiter + (environment.PATH ?? ""),
});

if (isMain(import.meta.url)) {
  await main(async () => {
    ensureNode();
    await ensureNodeModules();
    await ensureRust({ lint: true });
    await ensureWasmBindgen();
    await ensureChromium();
    await ensureFirefox();
    await ensureWebkit();
    await ensureUv();
  });
}
