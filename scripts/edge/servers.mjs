// An origin (nginx) and a cache (Varnish) on loopback, run without privileges in a folder of their own, by the very files that
// docs/delivery.md shows: only paths, ports and, where a proof must not take hours, times are replaced.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { root, Stop } from "../shell.mjs";

const HOST = "127.0.0.1";
const NGINX = join(root, "docs/delivery/nginx.conf");
const VARNISH = join(root, "docs/delivery/varnish.vcl");
/** Debian's `nobody`: what root becomes. */
const NOBODY = 65534;
const unprivileged = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};

/** A file with each key of `replacements` replaced by its value; a key that is not in it stops. */
export function replaced(text, replacements) {
  return Object.entries(replacements).reduce((text, [what, by]) => {
    if (!text.includes(what)) throw new Stop(`The configuration has no \`${what}\` to replace.`);
    return text.replaceAll(what, by);
  }, text);
}

/** A port that nobody listens on. */
export async function freePort() {
  const server = createServer().listen(0, HOST);
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

/**
 * Starts nginx with the folders `site` and `releases` (the one above `nearside/`), its own files in `folder`. `change`: further
 * replacements in its configuration. `hits()` lists what it answered, `stop()` kills it, `start()` starts it again.
 */
export async function startOrigin(programs, { folder, site, releases, change = {} }) {
  const own = ownFolder(folder);
  const port = await freePort();
  const log = join(own, "access.log");
  writeFileSync(
    join(own, "server.conf"),
    replaced(readFileSync(NGINX, "utf8"), {
      "127.0.0.1:8080": `${HOST}:${port}`,
      "/srv/releases": releases,
      "/srv/site": site,
      ...change,
    }),
  );
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  writeFileSync(
    join(own, "nginx.conf"),
    [
      `load_module ${programs.brotli};`,
      "daemon off; worker_processes 1;",
      `pid ${join(own, "nginx.pid")}; error_log stderr;`,
      "events { }",
      "http {",
      `  log_format hits '$request_uri\\t$status\\t$msec'; access_log ${log} hits;`,
      ...temporary.map((name) => `  ${name}_temp_path ${join(own, name)};`),
      `  include ${join(own, "server.conf")};`,
      "}",
    ].join("\n"),
  );
  const args = ["-p", own, "-c", join(own, "nginx.conf"), "-e", "stderr"];
  let running = await launch(programs.nginx, args, port);
  return {
    url: `http://${HOST}:${port}`,
    port,
    hits: () =>
      (existsSync(log) ? readFileSync(log, "utf8") : "")
        .split("\n")
        .filter(Boolean)
        .map((line) => line.split("\t"))
        .map(([path, status, at]) => ({ path, status: Number(status), at: Number(at) * 1000 })),
    stop: () => running.stop(),
    start: async () => {
      running = await launch(programs.nginx, args, port);
    },
  };
}

/** Starts Varnish before an origin. `change`: replacements in its configuration. */
export async function startCache(programs, { folder, origin, change = {} }) {
  const own = ownFolder(folder);
  const work = join(own, "work");
  const vcl = join(own, "varnish.vcl");
  writeFileSync(
    vcl,
    replaced(readFileSync(VARNISH, "utf8"), {
      '.port = "8080"': `.port = "${origin.port}"`,
      ...change,
    }),
  );
  const start = (port) =>
    launch(
      programs.varnishd,
      [
        ...[
          "-F",
          "-j",
          "none",
          "-n",
          work,
          "-f",
          vcl,
          "-a",
          `${HOST}:${port}`,
          "-T",
          "none",
          "-s",
          "malloc,64m",
        ],
        ...["-p", "http_gzip_support=off", "-p", "thread_pools=1", "-p", "thread_pool_min=20", "-l", "16m"],
      ],
      port,
    );
  // Somebody else may take a free port before Varnish does.
  let port = await freePort();
  const running = await start(port).catch(async () => {
    port = await freePort();
    return start(port);
  });
  return { url: `http://${HOST}:${port}`, port, work, stop: () => running.stop() };
}

/**
 * Lists the requests that Varnish receives from now on: `{ at, method, url, headers, bodyBytes }`, `at` in milliseconds since 1970.
 * `take()` waits for the log to be written and empties the list.
 */
export async function watchRequests(programs, cache) {
  const args = [
    "-n",
    cache.work,
    "-g",
    "request",
    "-c",
    "-i",
    "Timestamp,ReqMethod,ReqURL,ReqHeader,ReqAcct,VCL_call",
  ];
  const child = spawn(programs.varnishlog, args, { ...unprivileged, stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (chunk) => {
    text += chunk;
  });
  await sleep(500);
  return {
    async take() {
      for (let length = -1; length !== text.length; ) {
        length = text.length;
        await sleep(300);
      }
      const requests = parse(text);
      text = "";
      return requests;
    },
    async stop() {
      child.kill();
      await once(child, "exit");
    },
  };
}

/** What a client sent comes before the first call of the configuration, which changes it. */
function parse(log) {
  const requests = [];
  for (const block of log.split(/\n(?=\*)/).filter((block) => block.startsWith("*"))) {
    const request = { headers: [] };
    let received = false;
    for (const line of block.split("\n")) {
      const [, tag, value = ""] = /^-\s+(\w+)\s+(.*)$/.exec(line) ?? [];
      if (tag === "VCL_call") received = true;
      else if (tag === "Timestamp" && value.startsWith("Start:"))
        request.at = Number(value.split(" ")[1]) * 1000;
      else if (tag === "ReqAcct") request.bodyBytes = Number(value.split(" ")[1]);
      else if (received) continue;
      else if (tag === "ReqMethod") request.method = value;
      else if (tag === "ReqURL") request.url = value;
      else if (tag === "ReqHeader") request.headers.push(value);
    }
    // Varnish adds these itself.
    request.headers = request.headers.filter((header) => !/^(X-Forwarded-For|Via):/i.test(header));
    requests.push(request);
  }
  return requests;
}

function ownFolder(folder) {
  mkdirSync(folder, { recursive: true });
  if (unprivileged.uid !== undefined) chownSync(folder, unprivileged.uid, unprivileged.gid);
  return folder;
}

/** Starts a program and waits until its port answers. */
async function launch(program, args, port) {
  const child = spawn(program, args, { ...unprivileged, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (chunk) => {
      output += chunk;
    });
  const ended = once(child, "exit");
  for (let tries = 0; !(await answers(port)); tries++) {
    if (child.exitCode !== null || child.signalCode !== null || tries > 300)
      throw new Stop(`${program} did not start: ${output.trim().split("\n").slice(-5).join(" / ")}`);
    await sleep(100);
  }
  return {
    async stop() {
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGTERM");
      await ended;
    },
  };
}

function answers(port) {
  return new Promise((settle) => {
    const socket = connect(port, HOST);
    socket.on("connect", () => settle(true)).on("error", () => settle(false));
    socket.on("connect", () => socket.destroy());
  });
}
