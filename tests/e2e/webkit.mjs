// Starts WebKitGTK's MiniBrowser without a screen and drives it by WebDriver: Safari's engine, though not Safari itself.
//
// A driver has one session, and a session one window in use at a time. So each browser here is a driver of its own, with its own
// display, and an ephemeral profile: what a page stores is there for the other windows of the browser, and ends with it.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";

/** How long a browser may take to start, and a page or a script to come to its end, in milliseconds. */
const patience = 60_000;

/** After how long an answer will not come: a script that is sent while a document takes another's place may be lost. */
const lost = 1500;

/** There is neither a graphics card nor, as root or in a container, what its sandbox needs. */
const environment = {
  WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: "1",
  WEBKIT_DISABLE_COMPOSITING_MODE: "1",
  LIBGL_ALWAYS_SOFTWARE: "1",
};

/** Groups of processes that were started and have not been ended. */
const running = new Set();
const endAll = () => {
  for (const child of running) end(child);
};
process.once("exit", endAll);
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"])
  process.once(signal, () => {
    endAll();
    process.kill(process.pid, signal);
  });

/** Starts a program that leads a group of processes, so that what it starts in turn ends with it. */
function start(program, args, options) {
  const child = spawn(program, args, { detached: true, ...options });
  child.once("error", () => running.delete(child));
  child.once("exit", () => end(child));
  running.add(child);
  return child;
}

function end(child) {
  running.delete(child);
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    // All of it has ended.
  }
}

/** A display without a screen; answers with the process and the display's name. */
async function startDisplay() {
  const program = "Xvfb";
  const args = ["-displayfd", "1", "-screen", "0", "1400x1000x24", "-nolisten", "tcp"];
  const display = start(program, args, { stdio: ["ignore", "pipe", "ignore"] });
  const said = once(createInterface(display.stdout), "line");
  const [number] = await Promise.race([said, once(display, "exit").then(() => [""])]);
  if (!/^\d+$/.test(number)) throw new Error(`${program} did not start`);
  return { display, name: `:${number}` };
}

/** A port that nobody listens to. */
async function freePort() {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

/**
 * Starts WebKitGTK's MiniBrowser with an ephemeral profile. `NEARSIDE_WEBKIT` names another WebKitWebDriver.
 *
 * Answers `{ version, newPage, close }`. Pages take turns: only one window of a session is driven at a time.
 */
export async function launchWebkit({ width = 1280, height = 720 } = {}) {
  const { display, name } = await startDisplay();
  const port = await freePort();
  const program = process.env.NEARSIDE_WEBKIT ?? "WebKitWebDriver";
  const env = { ...process.env, ...environment, DISPLAY: name };
  const driver = start(program, [`--port=${port}`], { env, stdio: "ignore" });
  const send = async (method, path, body) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      method,
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const { value } = await response.json();
    if (!response.ok)
      throw Object.assign(new Error(`${value.error}: ${value.message}`), { kind: value.error });
    return value;
  };
  const close = () => {
    end(driver);
    end(display);
  };
  try {
    await answering(() => send("GET", "/status"), driver);
    // It waits itself: the driver's own waiting does not end where a page made a frame while it loaded.
    const capabilities = { alwaysMatch: { pageLoadStrategy: "none" } };
    const { sessionId, capabilities: got } = await send("POST", "/session", { capabilities });
    const session = (method, path, body) => send(method, `/session/${sessionId}${path}`, body);
    await session("POST", "/timeouts", { script: lost, pageLoad: patience });
    return { version: got.browserVersion, ...(await windowsOf(session, { width, height })), close };
  } catch (error) {
    close();
    throw error;
  }
}

async function answering(ask, driver) {
  for (const until = performance.now() + patience; ; await delay(50)) {
    try {
      return await ask();
    } catch (error) {
      if (driver.exitCode !== null || driver.pid === undefined || performance.now() > until)
        throw new Error("WebKitWebDriver did not start", { cause: error });
    }
  }
}

/**
 * Pages of one session, with as much of Playwright's face as the tests that are shared need. Each command says first which window it is for,
 * and they come one after the other.
 */
async function windowsOf(session, size) {
  let last = Promise.resolve();
  let current = await session("GET", "/window");
  const turn = (work) => {
    const mine = last.then(work);
    last = mine.catch(() => {});
    return mine;
  };
  const to = async (handle) => {
    if (current === handle) return;
    await session("POST", "/window", { handle });
    current = handle;
  };
  /** What a script answers at once, which may be asked twice. */
  const ask = async (script, ...args) => {
    for (const until = performance.now() + patience; ; ) {
      try {
        return await session("POST", "/execute/sync", { script, args });
      } catch (error) {
        if (!/timeout/.test(error.kind) || performance.now() > until) throw error;
      }
    }
  };
  let asked = 0;
  /** A document that goes takes the answer with it, and the driver would wait for it: so it is asked for, over and over. */
  const evaluate = async (expression, args) => {
    const id = ++asked;
    await ask(`const values = [...arguments]; ${starting(expression)}`, ...args, id);
    for (let wait = 0; ; wait = Math.min(wait + 5, 50)) {
      const [state, value] = await ask(
        "const told = globalThis.told?.[arguments[0]]; return told ?? ['gone', null]",
        id,
      );
      if (state === "value") return value;
      // The page's own error, not one of what was needed to ask.
      if (state === "error") throw Object.assign(new Error(value), { isPage: true });
      if (state === "gone") return undefined;
      await delay(wait);
    }
  };
  /** A window whose page is exactly as large as asked for, whatever stands around it. */
  const fit = async () => {
    const [across, down] = await ask("return [outerWidth - innerWidth, outerHeight - innerHeight]");
    await session("POST", "/window/rect", { width: size.width + across, height: size.height + down });
  };
  const pageOf = (handle) => {
    const use = (work) =>
      turn(async () => {
        await to(handle);
        return work();
      });
    /**
     * The value of an expression, or of a function of JSON's values with its arguments. Promises are waited for. Undefined where the
     * document went before it answered; null for what is no JSON.
     */
    const run = (code, ...args) =>
      use(() => evaluate(typeof code === "function" ? `(${code})(...values)` : code, args));
    const clickAt = (x, y) =>
      use(async () => {
        const move = {
          type: "pointerMove",
          duration: 0,
          origin: "viewport",
          x: Math.round(x),
          y: Math.round(y),
        };
        const actions = [move, { type: "pointerDown", button: 0 }, { type: "pointerUp", button: 0 }];
        await session("POST", "/actions", { actions: [{ type: "pointer", id: "mouse", actions }] });
      });
    return {
      /** Goes to a page, and waits until it has been parsed and its deferred scripts have run. */
      goto: (url) =>
        use(async () => {
          await ask("globalThis.left = true");
          await session("POST", "/url", { url });
          const parsed = "globalThis.performance?.timing?.domContentLoadedEventEnd > 0";
          const arrived = `globalThis.driven = true; return !globalThis.left && (document.readyState === "complete" || ${parsed})`;
          // Where a script of the new page has spoilt what it takes to ask, it is there.
          const isThere = () => ask(arrived).catch(({ kind }) => kind === "javascript error");
          for (const until = performance.now() + patience; !(await isThere()); await delay(10))
            if (performance.now() > until) throw new Error(`${url} did not come`);
        }),
      evaluate: run,
      $eval: (selector, work, ...args) =>
        run(`(${work})(document.querySelector(${JSON.stringify(selector)}), ...values)`, ...args),
      async waitForFunction(work, arg, { timeout = patience } = {}) {
        for (const until = performance.now() + timeout; ; await delay(20)) {
          try {
            if (await run(work, arg)) return;
          } catch (error) {
            if (error.isPage) throw error;
          }
          if (performance.now() > until) throw new Error(`it did not come to be: ${work}`);
        }
      },
      waitForTimeout: (ms) => delay(ms),
      mouse: { click: clickAt },
      /** A real click in the middle of an element. */
      async click(selector) {
        const place = await run(`(() => {
          const found = document.querySelector(${JSON.stringify(selector)});
          found.scrollIntoView({ block: "nearest" });
          const { left, top, width, height } = found.getBoundingClientRect();
          return [left + width / 2, top + height / 2];
        })()`);
        await clickAt(...place);
      },
      close: () => use(() => session("DELETE", "/window")),
    };
  };
  const first = current;
  return {
    /** A window of its own; the browser's first one stays, empty, so that the session goes on. */
    newPage: () =>
      turn(async () => {
        await to(first);
        const { handle } = await session("POST", "/window/new", { type: "window" });
        await to(handle);
        await fit();
        return pageOf(handle);
      }),
  };
}

/** Starts an expression in the page, once, and notes there what it comes to. */
const starting = (expression) => `
  const id = values.pop();
  globalThis.told ??= {};
  if (globalThis.told[id]) return;
  globalThis.told[id] = ["pending", null];
  (async () => (${expression}))().then(
    (value) => { globalThis.told[id] = ["value", value ?? null]; },
    (error) => { globalThis.told[id] = ["error", String(error?.stack ?? error)]; },
  );`;
