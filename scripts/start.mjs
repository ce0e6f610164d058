// `npm start`: sets the machine up, builds, and serves the demo page. `--port N`, `--no-open`.

import { spawn } from "node:child_process";
import { parseArgs } from "node:util";
import { buildPackage, buildPage } from "./build.mjs";
import { serve } from "./serve.mjs";
import { ensureNode, ensureNodeModules, ensureRust, ensureWasmBindgen } from "./setup.mjs";
import { bold, dim, header, main, root, Stop, say, seconds, which } from "./shell.mjs";

await main(async () => {
  const began = performance.now();
  const { port, open } = options();

  ensureNode();
  header("1/3 Set-up");
  await ensureNodeModules();
  await ensureRust();
  const bindgen = await ensureWasmBindgen();

  header("2/3 Build");
  await buildPackage(bindgen);
  await buildPage();

  header("3/3 Serve");
  const { url } = await serve({ folder: `${root}/www/dist`, port });
  say(`Ready after ${seconds(began)}: ${bold(url)}  ${dim("(Ctrl+C stops it)")}`);
  if (open) openBrowser(url);
});

function options() {
  try {
    const { values } = parseArgs({
      options: { port: { type: "string" }, open: { type: "boolean", default: true } },
      allowNegative: true,
    });
    const port = Number(values.port ?? process.env.PORT ?? 8080);
    if (!Number.isInteger(port) || port < 0 || port > 65535) throw new Error(`${values.port} is no port`);
    return { port, open: values.open && hasDesktop() };
  } catch (error) {
    throw new Stop(`Use \`npm start -- [--port N] [--no-open]\`: ${error.message}.`);
  }
}

function hasDesktop() {
  if (process.env.CI || process.env.SSH_CONNECTION) return false;
  return process.platform !== "linux" || Boolean(process.env.DISPLAY || process.env.WAYLAND_DISPLAY);
}

/** Opens the page where there is a browser to open it in; nothing depends on it. */
function openBrowser(url) {
  const [program, ...args] = { darwin: ["open", url], win32: ["cmd", "/c", "start", "", url] }[
    process.platform
  ] ?? ["xdg-open", url];
  if (!which(program)) return;
  spawn(program, args, { stdio: "ignore", detached: true })
    .on("error", () => {})
    .unref();
}
