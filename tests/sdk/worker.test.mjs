// The page's side of a worker, with a worker of the test's making: silence, errors, late and foreign answers.

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { newPage, options, pause, readTwo, stories } from "./page.mjs";

const list = stories(3);
const described = { modelId: "worker-1", space: "fake-space", names: ["first", "second"] };
const scored = {
  order: Uint32Array.of(2, 1, 0),
  reason: "ranked",
  skipped: 0,
  weight: 0.5,
  rows: new Float32Array(15),
};

afterEach(() => {
  delete globalThis.Worker;
});

/** Puts a worker in place which, once its script runs (`speaks`), answers each message by `answer(message, worker)`; returns those that were made. */
function makeWorkers(answer, speaks = true) {
  const workers = [];
  globalThis.Worker = class {
    ended = false;
    jobs = [];

    constructor() {
      workers.push(this);
      if (speaks) queueMicrotask(() => this.say({ id: 0 }));
    }

    say(data) {
      if (!this.ended) this.onmessage?.({ data });
    }

    postMessage(message) {
      this.jobs.push(message);
      queueMicrotask(() => answer(message, this));
    }

    terminate() {
      this.ended = true;
    }
  };
  return workers;
}

const good = ({ id, job }, worker) =>
  queueMicrotask(() => worker.say({ id, result: "module" in job ? described : scored }));

async function start(more = {}) {
  const page = await newPage();
  const reranker = page.createReranker(options(page, { worker: true, ...more }));
  await reranker.ready;
  readTwo(reranker, list);
  return reranker;
}

test("the worker's order is the page's, and disposing ends it", async () => {
  const workers = makeWorkers(good);
  const reranker = await start();
  const { items, outcome } = await reranker.rank(list);
  assert.deepEqual([outcome.reason, outcome.modelId], ["ranked", "worker-1"]);
  assert.deepEqual(
    items.map(({ id }) => id),
    ["s2", "s1", "s0"],
  );
  const [, { job }] = workers[0].jobs;
  assert.ok(job.profile.length > 0, "the whole history goes with a ranking");
  reranker.dispose();
  await pause(20);
  assert.equal(workers[0].ended, true);
});

test("answers to nothing that was asked are not heard", async () => {
  makeWorkers((message, worker) => {
    worker.say({ id: 99, result: scored });
    worker.say({ id: -1, error: { reason: "internal", message: "y" } });
    good(message, worker);
  });
  const reranker = await start();
  assert.equal((await reranker.rank(list)).outcome.reason, "ranked");
});

test("what the core refuses in the worker keeps its reason", async () => {
  makeWorkers(({ id, job }, worker) => {
    if ("module" in job)
      worker.say({ id, error: { reason: "model_unsupported", message: "Einsum; see nearside/full" } });
  });
  const reranker = await start();
  const { items, outcome } = await reranker.rank(list);
  assert.deepEqual([outcome.reason, outcome.message], ["model_unsupported", "Einsum; see nearside/full"]);
  assert.deepEqual(items, list);
});

test("an order that is no permutation is not shown", async () => {
  makeWorkers(({ id, job }, worker) =>
    worker.say({ id, result: "module" in job ? described : { ...scored, order: Uint32Array.of(0, 0, 1) } }),
  );
  const reranker = await start();
  const { items, outcome } = await reranker.rank(list);
  assert.equal(outcome.reason, "internal");
  assert.deepEqual(items, list);
});

test("a worker that traps is replaced once; the second trap is the last", async () => {
  const workers = makeWorkers(({ id, job }, worker) =>
    "module" in job
      ? good({ id, job }, worker)
      : worker.say({ id, error: { reason: "trap", message: "unreachable" } }),
  );
  const reranker = await start();
  for (let i = 0; i < 4; i++) assert.equal((await reranker.rank(list)).outcome.reason, "trap");
  assert.equal(workers.length, 2);
  assert.ok(workers.every(({ ended }) => ended));
});

test("a worker whose script never runs is ended after 30 seconds: load_failed", async (t) => {
  const workers = makeWorkers(() => {}, false);
  const { setTimeout } = globalThis;
  let waited = 0;
  // Seconds pass in milliseconds here; the timers' sum is what counts.
  t.mock.method(globalThis, "setTimeout", (work, ms = 0) => {
    const isPatience = ms > 2000 && ms < 10_000;
    return setTimeout(
      () => {
        if (isPatience) waited += ms;
        work();
      },
      isPatience ? 10 : ms,
    );
  });
  const page = await newPage();
  const reranker = page.createReranker(options(page, { worker: true }));
  await assert.doesNotReject(reranker.ready);
  assert.equal(waited, 30_000);
  const { items, outcome } = await reranker.rank(list, { budgetMs: 60_000 });
  assert.equal(outcome.reason, "load_failed");
  assert.match(outcome.message, /no answer within 30000 ms/);
  assert.deepEqual(items, list);
  assert.ok(workers.every(({ ended }) => ended));
});

test("where no worker can be made the reason is load_failed, and the page does not rank instead", async () => {
  globalThis.Worker = class {
    constructor() {
      throw new DOMException("refused", "SecurityError");
    }
  };
  const reranker = await start();
  const { items, outcome } = await reranker.rank(list);
  assert.equal(outcome.reason, "load_failed");
  assert.match(outcome.message, /workerUrl/);
  assert.deepEqual(items, list);
});

test("without workers the reason is unsupported", async () => {
  const reranker = await start();
  assert.equal((await reranker.rank(list)).outcome.reason, "unsupported");
});
