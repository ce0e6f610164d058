// Releases as the SDK takes them: what is signed, fresh and newer is kept, and nothing else; a bad one costs no ranking.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { afterEach, test } from "node:test";
import { makeKeys, sign } from "../../delivery/manifest.mjs";
import { isBucket, isInShare } from "../../dist/buckets.js";
import { coded } from "./core.mjs";
import { newPage, options, pause, readTwo, stories, wasmBytes } from "./page.mjs";

const list = stories(3);
const hour = 3_600_000;
const day = 24 * hour;
const keys = makeKeys();
const others = makeKeys();
const manifestUrl = "https://news.test/release/manifest.json";
const release = { manifestUrl, publicKeys: [keys.publicKey] };
const sha256 = (bytes) => `sha256-${createHash("sha256").update(bytes).digest("base64")}`;
const glue = {
  name: "nearside.js",
  integrity: sha256(await readFile(new URL("../../dist/nearside.js", import.meta.url))),
};
const { version: sdk } = JSON.parse(await readFile(new URL("../../package.json", import.meta.url)));

/** Module `n`: the least one, with a custom section of its own. */
const wasmOf = (n) => new Uint8Array([...wasmBytes, 0, 2, 1, n]);
const modelOf = (n) => new Uint8Array([7, n]);
const filesOf = (n) => [`w${n}.wasm`, `m${n}.onnx`].map((name) => `https://news.test/release/${name}`);
const baked = "1,2,3";

const realDate = Date.now;
const globals = ["fetch", "localStorage"].map((name) => [
  name,
  Object.getOwnPropertyDescriptor(globalThis, name),
]);
afterEach(() => {
  Date.now = realDate;
  for (const [name, descriptor] of globals) {
    if (descriptor) Object.defineProperty(globalThis, name, descriptor);
    else delete globalThis[name];
  }
});

/** A reader's device, and the site's servers. */
function makeDevice() {
  const items = new Map();
  const device = {
    items,
    clock: 0,
    asked: [],
    files: new Map(),
    /** What is kept beside the history. */
    get kept() {
      try {
        return JSON.parse(items.get("nearside.release") ?? "null");
      } catch {
        return items.get("nearside.release"); // what a test put there, for now
      }
    },
    /** What of it is known of the releases. */
    get keptRelease() {
      return device.kept?.releases?.[manifestUrl];
    },
    /** Puts release `n` where it is served. `more` goes over its manifest. */
    publish(n, more = {}, { key = keys.privateKey, wasm = wasmOf(1), model = modelOf(n) } = {}) {
      device.files.set(`https://news.test/release/w${n}.wasm`, wasm);
      device.files.set(`https://news.test/release/m${n}.onnx`, model);
      const manifest = {
        format: 1,
        channel: "default",
        version: n,
        expires: new Date(Date.now() + 30 * day).toISOString(),
        killed: false,
        rollout: { percentage: 100, salt: "s" },
        policy: {},
        sdk,
        contract: 1,
        wasm: { name: `w${n}.wasm`, integrity: sha256(wasm), bytes: wasm.length },
        model: { name: `m${n}.onnx`, integrity: sha256(model), bytes: model.length },
        glue,
        ...more,
      };
      device.files.set(manifestUrl, sign(manifest, key));
      return manifest;
    },
    /** Has requests for the manifest wait until what this returns is called. */
    holdManifest() {
      const text = device.files.get(manifestUrl);
      let answer;
      const answered = new Promise((resolve) => {
        answer = resolve;
      });
      device.files.set(manifestUrl, () => answered.then(() => new Response(text)));
      return answer;
    },
    /** Waits until nothing is asked for, verified or kept any more. */
    async settle() {
      for (let calm = 0, before; calm < 8; ) {
        await pause(15);
        const now = JSON.stringify([device.asked, device.kept]);
        calm = now === before ? calm + 1 : 0;
        before = now;
      }
    },
    /** A page view: ranks once, then lets what was begun come to its end. */
    async view({ prepare = () => {}, later = () => {}, ...more } = {}) {
      device.asked = [];
      const page = await newPage();
      const models = [];
      page.control.before = (name, argument) => {
        if (name === "new") models.push(String(argument));
        prepare(name, argument);
      };
      const reranker = page.createReranker(options(page, { release, ...more }));
      readTwo(reranker, list);
      const { items, outcome } = await reranker.rank(list, { budgetMs: 5000 });
      if (outcome.source === "server") assert.deepEqual(items, list);
      else assert.notDeepEqual(items, list);
      await device.settle();
      await later(reranker, page);
      reranker.dispose();
      return { ...outcome, models };
    },
  };
  Date.now = () => realDate() + device.clock;
  const localStorage = {
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => void items.set(key, value),
    removeItem: (key) => void items.delete(key),
  };
  const fetch = async (url, { integrity } = {}) => {
    device.asked.push(String(url));
    const file = device.files.get(String(url));
    if (typeof file === "function") return file();
    if (file === undefined) return new Response("", { status: 404 });
    if (integrity && sha256(file) !== integrity) throw new TypeError("Failed to fetch");
    return new Response(file);
  };
  for (const [name, value] of Object.entries({ fetch, localStorage }))
    Object.defineProperty(globalThis, name, { configurable: true, writable: true, value });
  return device;
}

test("where the client of releases does not come nothing is ranked: nobody would know of a kill switch", async () => {
  const page = await newPage("release-client.js");
  const reranker = page.createReranker(options(page, { release }));
  const { outcome } = await reranker.rank(stories(5), { budgetMs: 5000 });
  assert.equal(outcome.reason, "load_failed");
  assert.match(outcome.message, /^release: its script did not load; .*release-client.js does not come/);
  for (let i = 0; i < 200 && !page.control.calls.includes("init"); i++) await pause(5);
  assert.ok(page.control.calls.includes("init"), "the package's own files are on their way meanwhile");
  reranker.dispose();
});

test("a release takes effect with the next page view, and is verified each time", async () => {
  const device = makeDevice();
  device.publish(1);
  const first = await device.view();
  assert.equal(first.reason, "ranked");
  assert.equal(first.releaseVersion, undefined);
  assert.equal(first.release, undefined);
  assert.deepEqual(first.models, [baked]);
  assert.deepEqual(device.asked, [
    manifestUrl,
    "https://news.test/release/w1.wasm",
    "https://news.test/release/m1.onnx",
  ]);

  const second = await device.view();
  assert.equal(second.reason, "ranked");
  assert.equal(second.releaseVersion, 1);
  assert.deepEqual(second.models, ["7,1"]);
  assert.equal(device.keptRelease.good, device.files.get(manifestUrl));
});

test("without consent nothing is asked for or kept", async () => {
  const device = makeDevice();
  device.publish(1);
  assert.equal((await device.view({ consent: false })).reason, "no_consent");
  assert.deepEqual(device.asked, []);
  assert.equal(device.items.size, 0);
});

test("consent withdrawn while the manifest comes: it is not kept", async () => {
  const device = makeDevice();
  device.publish(1);
  const text = device.files.get(manifestUrl);
  let consent = true;
  device.files.set(manifestUrl, async () => {
    await pause(10);
    consent = false;
    return new Response(text);
  });
  await device.view({ consent: () => consent });
  assert.equal(device.items.size, 0);
});

for (const [what, spoil, reason] of [
  ["signed by another key", (device) => device.publish(3, {}, { key: others.privateKey }), "sig_invalid"],
  [
    "without a signature",
    (device) => device.files.set(manifestUrl, `{"manifest":{"version":3}}`),
    "sig_invalid",
  ],
  [
    "of a captive portal",
    (device) => device.files.set(manifestUrl, "<!doctype html><p>Log in"),
    "sig_invalid",
  ],
  ["empty", (device) => device.files.set(manifestUrl, ""), "sig_invalid"],
  [
    "with one character changed",
    (device) => {
      device.publish(3);
      device.files.set(manifestUrl, device.files.get(manifestUrl).replace('"version":3', '"version":4'));
    },
    "sig_invalid",
  ],
  [
    "over a day past its time",
    (device) => device.publish(3, { expires: new Date(Date.now() - day - hour).toISOString() }),
    "expired",
  ],
  ["signed for another channel", (device) => device.publish(3, { channel: "uk" }), "sig_invalid"],
  [
    "signed for another channel, and killed",
    (device) => device.publish(3, { channel: "uk", killed: true }),
    "sig_invalid",
  ],
  [
    "that names no channel",
    (device) => device.publish(3, { channel: undefined, killed: true }),
    "sig_invalid",
  ],
  ["with a date that is none", (device) => device.publish(3, { expires: "2100-01-01" }), "unsupported"],
  ["with a version that is none", (device) => device.publish(3, { version: "3" }), "unsupported"],
  ["that says yes to killed in a text", (device) => device.publish(3, { killed: "false" }), "unsupported"],
  ["below the version kept", (device) => device.publish(1), "rollback"],
  ["for a later version of the package", (device) => device.publish(3, { sdk: "100.0.0" }), "unsupported"],
  ["with another contract", (device) => device.publish(3, { contract: 2 }), "unsupported"],
  ["in another format", (device) => device.publish(3, { format: 2 }), "unsupported"],
  [
    "for another glue",
    (device) => device.publish(3, { glue: { name: "g.js", integrity: sha256("x") } }),
    "unsupported",
  ],
  ["with a policy out of range", (device) => device.publish(3, { policy: { strength: 99 } }), "unsupported"],
  [
    "with a file outside its folder",
    (device) => device.publish(3, { model: { name: "../m.onnx", integrity: sha256("") } }),
    "unsupported",
  ],
  [
    "without its members",
    (device) => device.files.set(manifestUrl, sign({ channel: "default", version: 3 }, keys.privateKey)),
    "unsupported",
  ],
  ["that is not there", (device) => device.files.delete(manifestUrl), "load_failed"],
  [
    "that the network refuses",
    (device) =>
      device.files.set(manifestUrl, () => {
        throw new TypeError("Failed to fetch");
      }),
    "load_failed",
  ],
]) {
  test(`a manifest ${what} is not taken: ${reason}; the stored release ranks on`, async () => {
    const device = makeDevice();
    device.publish(2);
    await device.view();
    await device.view();
    const before = device.kept;
    spoil(device);
    let after;
    const outcome = await device.view({
      later: async (reranker) => {
        after = (await reranker.rank(list)).outcome;
      },
    });
    assert.equal(outcome.reason, "ranked");
    assert.equal(outcome.releaseVersion, 2);
    assert.equal(after.reason, "ranked");
    assert.equal(after.release, reason);
    assert.deepEqual(device.kept, before);
  });
}

test("with nothing stored a manifest that is not taken leaves the package's own files to rank", async () => {
  const device = makeDevice();
  device.publish(1, {}, { key: others.privateKey });
  await device.view();
  const outcome = await device.view();
  assert.deepEqual([outcome.reason, outcome.releaseVersion, outcome.models], ["ranked", undefined, [baked]]);
  assert.equal(device.kept, null);
});

test("a day of grace for the device's clock; past it the package's own files rank, and a fresh manifest mends it", async () => {
  const device = makeDevice();
  device.publish(1, { expires: new Date(Date.now() + hour).toISOString() });
  await device.view();
  device.clock = 24 * hour;
  assert.equal((await device.view()).releaseVersion, 1);
  device.clock = 26 * hour;
  const late = await device.view();
  assert.deepEqual([late.reason, late.releaseVersion, late.release], ["ranked", undefined, "expired"]);
  device.publish(2);
  await device.view();
  assert.equal((await device.view()).releaseVersion, 2);
});

test("a clock ten years off, either way, costs a release at most", async () => {
  for (const clock of [3650 * day, -3650 * day]) {
    const device = makeDevice();
    device.publish(1);
    await device.view();
    device.clock = clock;
    const outcome = await device.view();
    assert.equal(outcome.reason, "ranked");
    assert.equal(outcome.release, clock > 0 ? "expired" : undefined);
  }
});

test("the kill switch: at the next ranking, on the next page view without loading, and until a newer version", async () => {
  const device = makeDevice();
  device.publish(1);
  await device.view();
  await device.view({
    async later(reranker) {
      device.publish(2, { killed: true });
      assert.equal((await reranker.rank(list)).outcome.reason, "ranked", "asked a moment ago");
      device.clock += 61_000;
      await reranker.rank(list);
      await device.settle();
      assert.equal((await reranker.rank(list)).outcome.reason, "killed");
    },
  });
  const { reason, models } = await device.view();
  assert.deepEqual([reason, models], ["killed", []]);
  assert.deepEqual(device.asked, [manifestUrl]);

  device.clock += 3650 * day;
  device.files.delete(manifestUrl);
  assert.equal((await device.view()).reason, "killed", "whatever the clock");
  device.publish(3);
  await device.view();
  assert.equal((await device.view()).releaseVersion, 3);
});

test("a new reader's first ranking after the manifest came heeds the kill switch", async () => {
  const device = makeDevice();
  device.publish(1, { killed: true });
  await device.view({
    async later(reranker) {
      assert.equal((await reranker.rank(list)).outcome.reason, "killed");
    },
  });
});

test("outside the rollout the order is the server's; the share is of buckets, by the salt", async () => {
  const device = makeDevice();
  device.publish(1, { rollout: { percentage: 0, salt: "s" } });
  await device.view();
  const outcome = await device.view();
  assert.deepEqual([outcome.reason, outcome.models], ["not_in_rollout", []]);
  assert.deepEqual(device.asked, [manifestUrl], "and it goes on asking");
  const { bucket } = device.kept;
  assert.ok(Number.isInteger(bucket) && bucket >= 0 && bucket < 1000);

  for (let bucket = 0; bucket < 1000; bucket += 20) {
    const arm = makeDevice();
    arm.publish(1, { rollout: { percentage: 30, salt: "spring" } });
    arm.items.set(
      "nearside.release",
      JSON.stringify({ releases: { [manifestUrl]: { newest: arm.files.get(manifestUrl) } }, bucket }),
    );
    const wanted = isInShare(bucket, 30, "spring") ? "ranked" : "not_in_rollout";
    assert.equal((await arm.view()).reason, wanted, `${bucket}`);
    assert.equal(arm.kept.bucket, bucket);
  }
});

test("what stands in the place of the bucket and is none is drawn anew", async () => {
  for (const bucket of [-1, 1000, 0.5, "5", null, [5], {}]) {
    const device = makeDevice();
    device.publish(1, { rollout: { percentage: 99.9, salt: "spring" } });
    device.items.set("nearside.release", JSON.stringify({ bucket }));
    await device.view();
    await device.view();
    assert.ok(isBucket(device.kept.bucket), JSON.stringify(bucket));
  }
});

test("the manifest's policy goes over the page's, member by member", async () => {
  const device = makeDevice();
  device.publish(1, { policy: { strength: 0.25 } });
  await device.view();
  let given;
  const prepare = (name, ...args) => {
    if (name === "rank") given = args;
  };
  await device.view({
    policy: { strength: 2, k: 7 },
    later: async (reranker, { control }) => {
      control.before = (name, ...args) => name === "rank" && prepare(name, ...args);
      await reranker.rank(list);
    },
  });
  assert.deepEqual([...given[5].slice(0, 2)], [0.25, 7]);
  device.publish(2, { policy: { strength: 0 } });
  await device.view();
  assert.equal((await device.view()).reason, "off");
});

test("a release whose golden case fails is given up for the last good one, at once and for good", async () => {
  const device = makeDevice();
  device.publish(1);
  await device.view();
  await device.view();
  device.publish(2, {}, { wasm: wasmOf(2) });
  await device.view();
  const refuse = (name, model) => {
    if (name === "new" && String(model) === "7,2") throw coded("model_rejected");
  };
  const outcome = await device.view({ prepare: refuse });
  assert.deepEqual(
    [outcome.reason, outcome.releaseVersion, outcome.release, outcome.models],
    ["ranked", 1, "model_rejected", ["7,2", "7,1"]],
  );
  const again = await device.view({ prepare: refuse });
  assert.deepEqual([again.releaseVersion, again.models], [1, ["7,1"]]);
  assert.equal(device.keptRelease.version, 2, "no version below it is taken");
  device.publish(3);
  await device.view();
  assert.equal((await device.view()).releaseVersion, 3);
});

test("a release that traps as it loads costs one instance, and the package's own files rank", async () => {
  const device = makeDevice();
  device.publish(1);
  await device.view();
  const outcome = await device.view({
    prepare: (name, model) => {
      if (name === "new" && String(model) === "7,1") throw new WebAssembly.RuntimeError("unreachable");
    },
  });
  assert.deepEqual([outcome.reason, outcome.release, outcome.models], ["ranked", "trap", ["7,1", baked]]);
});

test("files that do not come, or are not what the manifest says: the package's own rank; the release stays wanted", async () => {
  const device = makeDevice();
  device.publish(1);
  await device.view();
  const model = device.files.get("https://news.test/release/m1.onnx");
  device.files.delete("https://news.test/release/m1.onnx");
  const outcome = await device.view();
  assert.deepEqual(
    [outcome.reason, outcome.releaseVersion, outcome.release],
    ["ranked", undefined, "load_failed"],
  );
  device.files.set("https://news.test/release/m1.onnx", model);
  assert.equal((await device.view()).releaseVersion, 1);
  device.publish(2);
  await device.view();
  device.files.set("https://news.test/release/m2.onnx", modelOf(9));
  const other = await device.view();
  assert.deepEqual([other.releaseVersion, other.release], [1, "integrity"]);
  device.publish(2);
  assert.equal((await device.view()).releaseVersion, 2, "what came in its place says nothing of the release");
});

for (const [what, more] of [
  ["made with another script of the module", { glue: { name: "g.js", integrity: sha256("x") } }],
  ["for a later version of the package", { sdk: "100.0.0" }],
  ["with another contract", { contract: 2 }],
  ["with a policy out of range", { policy: { strength: 99 } }],
  ["with nothing else", { glue: null, sdk: null, wasm: null, model: null, rollout: null }],
]) {
  test(`the kill switch is heeded in a release ${what}`, async () => {
    const device = makeDevice();
    device.publish(1);
    await device.view();
    device.publish(2, { killed: true, ...more });
    await device.view({
      later: async (reranker) =>
        assert.equal((await reranker.rank(list)).outcome.reason, "killed", "at the next ranking"),
    });
    const { reason, models } = await device.view();
    assert.deepEqual([reason, models], ["killed", []]);
  });
}

test("a kill switch is lifted by a newer release, though that is for another version of the package", async () => {
  const device = makeDevice();
  device.publish(1);
  await device.view();
  await device.view();
  device.publish(2, { killed: true, sdk: "100.0.0" });
  await device.view();
  assert.equal((await device.view()).reason, "killed");
  device.publish(3, { sdk: "100.0.0" });
  assert.equal((await device.view()).reason, "killed");
  const { reason, releaseVersion, release } = await device.view();
  assert.deepEqual([reason, releaseVersion, release], ["ranked", 1, "unsupported"]);
  device.publish(2);
  await device.view({
    later: async (reranker) =>
      assert.equal((await reranker.rank(list)).outcome.release, "unsupported", "what is kept comes first"),
  });
  assert.equal(device.keptRelease.version, 3, "no version below it is taken");
});

test("a page that is done before the manifest comes keeps the release all the same", async () => {
  const device = makeDevice();
  device.publish(1);
  const answer = device.holdManifest();
  await device.view({
    async later(reranker) {
      reranker.dispose();
      answer();
      await device.settle();
    },
  });
  assert.equal((await device.view()).releaseVersion, 1);
});

for (const [what, end] of [
  ["that then erases", (reranker) => reranker.erase()],
  ["beside one that withdraws its consent", (_reranker, withdraw) => withdraw()],
]) {
  test(`a manifest that comes late to a page that is done, ${what}, is not kept`, async () => {
    const device = makeDevice();
    device.publish(1);
    const answer = device.holdManifest();
    let consent = true;
    const page = await newPage();
    const given = options(page, { release });
    const reranker = page.createReranker(given);
    const other = page.createReranker({ ...given, consent: () => consent });
    await reranker.rank(list, { budgetMs: 5000 });
    await other.rank(list, { budgetMs: 5000 });
    assert.ok(device.asked.includes(manifestUrl));
    await end(reranker, () => {
      consent = false;
    });
    reranker.dispose();
    answer();
    await device.settle();
    assert.equal(device.kept, null);
    assert.deepEqual(device.asked, [manifestUrl]);
    other.dispose();
  });
}

test("an erasure while a release is loading stays one", async () => {
  const device = makeDevice();
  device.publish(1, { rollout: { percentage: 100, salt: "s" } });
  await device.view();
  const page = await newPage();
  const reranker = page.createReranker(options(page, { release }));
  device.files.set("https://news.test/release/m1.onnx", async () => {
    await reranker.erase();
    device.files.delete(manifestUrl);
    return new Response(modelOf(1));
  });
  readTwo(reranker, list);
  assert.equal((await reranker.rank(list, { budgetMs: 5000 })).outcome.releaseVersion, 1);
  await device.settle();
  assert.equal(device.kept, null);
  reranker.dispose();
});

test("a consent platform's last word does not outlive the reranker that follows it", async (t) => {
  const device = makeDevice();
  device.publish(1);
  const consents = { 1: true, 5: true, 6: true };
  globalThis.__tcfapi = (command, _version, hear) =>
    command === "addEventListener" &&
    hear({ listenerId: 1, eventStatus: "tcloaded", purpose: { consents } }, true);
  t.after(() => delete globalThis.__tcfapi);
  const text = device.files.get(manifestUrl);
  const page = await newPage();
  let reranker;
  device.files.set(manifestUrl, async () => {
    reranker.dispose();
    return new Response(text);
  });
  reranker = page.createReranker(options(page, { release, consent: "auto" }));
  await reranker.rank(list, { budgetMs: 5000 });
  await device.settle();
  assert.deepEqual([device.asked, device.kept], [[manifestUrl], null]);
});

test("where localStorage takes no more, what was learned holds for the page", async () => {
  const device = makeDevice();
  device.publish(1);
  await device.view();
  device.publish(2, { killed: true });
  localStorage.setItem = () => {
    throw new DOMException("full", "QuotaExceededError");
  };
  await device.view({
    async later(reranker) {
      device.publish(1);
      device.clock += 61_000;
      await reranker.rank(list);
      await device.settle();
      const { reason, release } = (await reranker.rank(list)).outcome;
      assert.deepEqual([reason, release], ["killed", "rollback"]);
    },
  });
});

test("a model that fails on another release's module is still wanted", async () => {
  const device = makeDevice();
  device.publish(1, {}, { wasm: wasmOf(2) });
  await device.view();
  const page = await newPage();
  page.control.before = (name, model) => {
    if (name === "new" && String(model) === "7,1") throw coded("model_rejected");
  };
  const own = options(page);
  const first = page.createReranker(own);
  await first.rank(list, { budgetMs: 5000 });
  const second = page.createReranker({ ...own, release });
  const { outcome } = await second.rank(list, { budgetMs: 5000 });
  assert.equal(outcome.release, "model_rejected");
  await device.settle();
  assert.equal(device.keptRelease.newest, device.files.get(manifestUrl));
  for (const reranker of [first, second]) reranker.dispose();
});

test("a reranker that joins a loaded engine asks for releases, too", async () => {
  const device = makeDevice();
  device.publish(1);
  let consent = true;
  const page = await newPage();
  const given = options(page, {
    release,
    consent: () => consent,
  });
  const one = page.createReranker(given);
  await one.rank(list, { budgetMs: 5000 });
  await device.settle();
  consent = false;
  one.dispose();
  const other = page.createReranker(given);
  consent = true;
  device.publish(2, { killed: true });
  device.clock += 61_000;
  await other.rank(list);
  await device.settle();
  assert.equal((await other.rank(list)).outcome.reason, "killed");
  other.dispose();
});

test("the releases of at most four URLs are kept, those used last", async () => {
  const device = makeDevice();
  device.publish(1);
  const urls = [1, 2, 3, 4, 5].map((n) => `https://news.test/release/manifest-${n}.json`);
  const [first, second, ...rest] = urls;
  for (const url of [first, second, first, ...rest]) {
    device.files.set(url, device.files.get(manifestUrl));
    await device.view({ release: { manifestUrl: url, publicKeys: [keys.publicKey] } });
  }
  assert.deepEqual(Object.keys(device.kept.releases), [...rest.reverse(), first]);
  await device.view({ release: { manifestUrl: first, publicKeys: [keys.publicKey] } });
  await device.view({ release: { manifestUrl: second, publicKeys: [keys.publicKey] } });
  assert.deepEqual(Object.keys(device.kept.releases), [second, first, ...rest.slice(0, 2)]);
});

test("releases of one URL say nothing of those of another", async () => {
  const device = makeDevice();
  const otherUrl = "https://news.test/release/uk/manifest.json";
  const uk = { release: { manifestUrl: otherUrl, publicKeys: [keys.publicKey] } };
  const publishThere = (n, more) => {
    device.publish(n, { ...more, wasm: { name: "w.wasm", integrity: sha256(wasmOf(1)) } });
    device.files.set(otherUrl, device.files.get(manifestUrl));
    device.files.set("https://news.test/release/uk/w.wasm", wasmOf(1));
    device.files.set(`https://news.test/release/uk/m${n}.onnx`, modelOf(n));
  };
  publishThere(12);
  device.publish(40);
  await device.view();
  assert.equal((await device.view()).releaseVersion, 40);
  await device.view(uk);
  assert.equal((await device.view(uk)).releaseVersion, 12);
  assert.equal((await device.view()).releaseVersion, 40);
  device.publish(41, { killed: true });
  await device.view();
  assert.equal((await device.view()).reason, "killed");
  assert.equal((await device.view(uk)).releaseVersion, 12);
});

/** What another version of the package, or a page that pins another channel, has kept of a manifest. */
const keep = (device, manifest, more) => {
  const newest = sign(manifest, keys.privateKey);
  const known = { version: manifest.version, key: keys.publicKey, newest, good: newest, ...more };
  device.items.set("nearside.release", JSON.stringify({ releases: { [manifestUrl]: known } }));
};

test("a page that names its channel takes that channel's releases, and no other's", async () => {
  const device = makeDevice();
  const uk = { release: { ...release, channel: "uk" } };
  device.publish(3, { channel: "uk" });
  await device.view(uk);
  assert.equal((await device.view(uk)).releaseVersion, 3);
  device.publish(4, { killed: true });
  await device.view(uk);
  const outcome = await device.view(uk);
  assert.deepEqual([outcome.reason, outcome.releaseVersion], ["ranked", 3]);
  device.publish(4, { channel: "uk", killed: true });
  await device.view(uk);
  assert.equal((await device.view(uk)).reason, "killed");
});

test("two channels at one URL, as when a page changes the one it pins: neither counts the other's versions", async () => {
  const device = makeDevice();
  const uk = { release: { ...release, channel: "uk" } };
  device.publish(40);
  await device.view();
  assert.equal((await device.view()).releaseVersion, 40);
  device.publish(3, { channel: "uk" });
  const before = await device.view(uk);
  assert.deepEqual([before.releaseVersion, before.release], [undefined, "sig_invalid"]);
  const after = await device.view(uk);
  assert.deepEqual([after.releaseVersion, after.models], [3, ["7,3"]]);
  assert.equal(device.keptRelease.channel, "uk");
});

test("a release kept before there were channels is not used, and its version is no bar to a lower one", async () => {
  const device = makeDevice();
  const { channel: _, ...manifest } = device.publish(900);
  keep(device, manifest);
  device.publish(5);
  const outcome = await device.view();
  assert.deepEqual(
    [outcome.reason, outcome.releaseVersion, outcome.release, outcome.models],
    ["ranked", undefined, "sig_invalid", [baked]],
  );
  assert.equal((await device.view()).releaseVersion, 5);
});

test("a kill switch kept before there were channels holds until there is a manifest of the channel", async () => {
  const device = makeDevice();
  const { channel: _, ...manifest } = device.publish(900, { killed: true });
  keep(device, manifest, { good: undefined });
  device.publish(900, { channel: undefined });
  assert.equal((await device.view()).reason, "killed");
  assert.equal((await device.view()).reason, "killed", "one that names no channel does not lift it");
  device.publish(5);
  assert.equal((await device.view()).reason, "killed");
  assert.equal((await device.view()).releaseVersion, 5);
});

test("what was kept of another channel says nothing: no version, no kill switch, no release", async () => {
  for (const more of [{}, { channel: "uk" }, { channel: "default" }]) {
    const device = makeDevice();
    keep(device, device.publish(900, { channel: "uk", killed: true }), more);
    device.publish(901);
    const outcome = await device.view();
    assert.deepEqual([outcome.reason, outcome.models], ["ranked", [baked]]);
    assert.equal((await device.view()).releaseVersion, 901);
  }
});

test("a kept version that is none is no bar", async () => {
  for (const version of ["x", "999", null, 1.5, -7, 1e300, [9], {}]) {
    const device = makeDevice();
    keep(
      device,
      { ...device.publish(5), version: 900 },
      { version, channel: "default", newest: 5, good: "" },
    );
    await device.view();
    assert.equal((await device.view()).releaseVersion, 5, JSON.stringify(version));
  }
});

test("a version that a key signed counts as long as the key is pinned", async () => {
  const device = makeDevice();
  const stolen = { manifestUrl, publicKeys: [others.publicKey] };
  device.publish(Number.MAX_SAFE_INTEGER, {}, { key: others.privateKey });
  await device.view({ release: stolen });
  assert.equal((await device.view({ release: stolen })).releaseVersion, Number.MAX_SAFE_INTEGER);
  device.publish(5);
  await device.view();
  assert.equal((await device.view()).releaseVersion, 5);
});

test("a page that is switched off loads no release, though it keeps the history", async () => {
  const device = makeDevice();
  device.publish(1);
  await device.view();
  device.files.set("https://news.test/release/m1.onnx", () => assert.fail("loaded"));
  const outcome = await device.view({ policy: { strength: 0 } });
  assert.equal(outcome.reason, "off");
  assert.deepEqual(outcome.models, [baked], "the reader's clicks need a core");
  assert.deepEqual(device.asked, []);
});

test("consent withdrawn while a file comes: no other is asked for, and with consent again they are", async () => {
  const device = makeDevice();
  device.publish(1);
  await device.view();
  let consent = true;
  device.files.set("https://news.test/release/m1.onnx", async () => {
    consent = false;
    return new Response("", { status: 404 });
  });
  let again;
  const outcome = await device.view({
    consent: () => consent,
    async later(reranker) {
      assert.deepEqual(new Set(device.asked), new Set(filesOf(1)));
      consent = true;
      device.files.set("https://news.test/release/m1.onnx", modelOf(1));
      again = (await reranker.rank(list, { budgetMs: 5000 })).outcome;
      await device.settle();
    },
  });
  assert.deepEqual(
    [outcome.reason, outcome.models],
    ["no_consent", ["7,1"]],
    "and the package's own are not",
  );
  assert.deepEqual([again.source, again.releaseVersion, again.release], ["model", 1, undefined]);
});

test("consent withdrawn while a new release is fetched: the rest of it is not", async () => {
  const device = makeDevice();
  device.publish(1);
  let consent = true;
  device.files.set("https://news.test/release/w1.wasm", async () => {
    consent = false;
    return new Response(wasmOf(1));
  });
  await device.view({ consent: () => consent });
  assert.deepEqual(device.asked, [manifestUrl, "https://news.test/release/w1.wasm"]);
});

test("a reranker that is disposed while a file of its release fails says so", async () => {
  const device = makeDevice();
  device.publish(1);
  await device.view();
  let reranker;
  device.files.set("https://news.test/release/m1.onnx", async () => {
    reranker.dispose();
    return new Response("", { status: 404 });
  });
  const page = await newPage();
  reranker = page.createReranker(options(page, { release }));
  assert.equal((await reranker.rank(list, { budgetMs: 5000 })).outcome.reason, "disposed");
  await device.settle();
});

test("a model that fails as consent is withdrawn leaves no note", async () => {
  const device = makeDevice();
  let consent = true;
  const outcome = await device.view({
    release: undefined,
    consent: () => consent,
    prepare: (name) => {
      if (name !== "rank") return;
      consent = false;
      throw new WebAssembly.RuntimeError("unreachable");
    },
  });
  assert.equal(outcome.reason, "trap");
  assert.equal(device.items.size, 0);
});

test("what another tab erased does not come back", async () => {
  const device = makeDevice();
  device.publish(1);
  await device.view();
  await device.view({
    async later(reranker) {
      assert.equal(typeof device.kept.bucket, "number");
      device.items.clear();
      device.publish(2);
      device.clock += 61_000;
      await reranker.rank(list);
      await device.settle();
      assert.deepEqual(Object.keys(device.kept), ["releases"]);
      assert.deepEqual(Object.keys(device.keptRelease).sort(), ["channel", "key", "newest", "version"]);
    },
  });
});

test("two keys: a release signed by either is taken, one that is no longer pinned is not", async () => {
  const device = makeDevice();
  const both = { manifestUrl, publicKeys: [keys.publicKey, others.publicKey] };
  device.publish(1, {}, { key: others.privateKey });
  await device.view({ release: both });
  assert.equal((await device.view({ release: both })).releaseVersion, 1);
  device.files.delete(manifestUrl);
  assert.equal((await device.view()).release, "sig_invalid");
});

test("where the browser has no Ed25519 the package's own files rank", async (t) => {
  const device = makeDevice();
  device.publish(1);
  t.mock.method(crypto.subtle, "importKey", async () => {
    throw new DOMException("no such algorithm", "NotSupportedError");
  });
  await device.view();
  const outcome = await device.view({
    later: async (reranker) => assert.equal((await reranker.rank(list)).outcome.release, "unsupported"),
  });
  assert.deepEqual([outcome.reason, outcome.releaseVersion], ["ranked", undefined]);
  assert.equal(device.kept, null);
});

test("three page views with a trap within a day switch the model off for a day; another model goes on", async () => {
  const device = makeDevice();
  const trap = (name) => {
    if (name === "rank") throw new WebAssembly.RuntimeError("unreachable");
  };
  for (let view = 0; view < 3; view++) {
    device.clock += hour;
    assert.equal((await device.view({ prepare: trap, release: undefined })).reason, "trap");
  }
  const off = await device.view({ release: undefined });
  assert.deepEqual([off.reason, off.models], ["breaker", []]);
  device.clock += 23 * hour;
  assert.equal((await device.view({ release: undefined })).reason, "breaker");
  const modelUrl = new Uint8Array([4]);
  const modelIntegrity = `sha384-${createHash("sha384").update(modelUrl).digest("base64")}`;
  assert.equal((await device.view({ release: undefined, modelUrl, modelIntegrity })).reason, "ranked");
  device.clock += 2 * hour;
  assert.equal((await device.view({ release: undefined })).reason, "ranked");
});

test("two models that fail in turn are both switched off", async () => {
  const device = makeDevice();
  const trap = (name) => {
    if (name === "rank") throw new WebAssembly.RuntimeError("unreachable");
  };
  const models = [4, 5].map((byte) => ({
    release: undefined,
    modelUrl: new Uint8Array([byte]),
    modelIntegrity: undefined,
  }));
  for (let view = 0; view < 6; view++)
    assert.equal((await device.view({ ...models[view % 2], prepare: trap })).reason, "trap");
  for (const model of models) assert.equal((await device.view(model)).reason, "breaker");
  // Of few models something is kept.
  for (let byte = 10; byte < 30; byte++)
    await device.view({ ...models[0], modelUrl: new Uint8Array([byte]), prepare: trap });
  assert.equal(Object.keys(device.kept.faults).length, 4);
});

test("models given as bytes without a hash are told apart, too", async () => {
  const device = makeDevice();
  const trap = (name) => {
    if (name === "rank") throw new WebAssembly.RuntimeError("unreachable");
  };
  const bad = { release: undefined, modelUrl: new Uint8Array([4]), modelIntegrity: undefined };
  for (let view = 0; view < 3; view++)
    assert.equal((await device.view({ ...bad, prepare: trap })).reason, "trap");
  assert.equal((await device.view(bad)).reason, "breaker");
  assert.equal((await device.view({ ...bad, modelUrl: new Uint8Array([5]) })).reason, "ranked");
});

/** Keeps the thread as a slow engine would, in calls of this name. */
const spin = (ms, called) => (name) => {
  const end = performance.now() + (name === called ? ms : 0);
  while (performance.now() < end);
};

test("a model that takes long in the engine, beyond the budget, counts once a page view and is switched off by the third", async () => {
  const device = makeDevice();
  for (let view = 0; view < 3; view++) {
    const first = await device.view({
      prepare: spin(130, "rank"),
      release: undefined,
      async later(reranker) {
        for (let i = 0; i < 2; i++)
          assert.equal((await reranker.rank(list, { budgetMs: 10 })).outcome.reason, "budget");
      },
    });
    assert.equal(first.reason, "ranked", "its budget was 5,000");
    assert.equal(Object.values(device.kept.faults)[0].length, view + 1);
  }
  assert.equal((await device.view({ release: undefined })).reason, "breaker");
});

for (const [what, prepare, rank] of [
  ["a budget of nothing", undefined, (reranker) => reranker.rank(list, { budgetMs: 0 })],
  [
    "a tiny budget, and an engine that takes a little",
    spin(20, "rank"),
    (reranker) => reranker.rank(list, { budgetMs: 1 }),
  ],
  ["an engine within its budget", spin(130, "rank"), (reranker) => reranker.rank(list, { budgetMs: 5000 })],
  [
    "a history that takes long to read",
    spin(130, "clicked"),
    (reranker) => reranker.rank(list, { budgetMs: 10 }),
  ],
  ["slow loading", spin(130, "new"), (reranker) => reranker.rank(list, { budgetMs: 10 })],
  [
    "one huge list",
    undefined,
    (reranker) =>
      reranker.rank(
        Array.from({ length: 1e5 }, (_, i) => ({ id: `i${i}` })),
        { budgetMs: 1 },
      ),
  ],
  [
    "slow getters of the page's items",
    undefined,
    (reranker) =>
      reranker.rank(
        list.map((item) => ({
          ...item,
          get _nearside() {
            spin(60, "x")("x");
            return item._nearside;
          },
        })),
        { budgetMs: 10 },
      ),
  ],
  [
    "a thread that is busy after the call",
    undefined,
    (reranker) => {
      const ranking = reranker.rank(list, { budgetMs: 10 });
      spin(130, "x")("x");
      return ranking;
    },
  ],
]) {
  test(`${what} is no fault of the model`, async () => {
    const device = makeDevice();
    for (let view = 0; view < 4; view++) {
      await device.view({
        prepare,
        release: undefined,
        later: async (reranker) => assert.notEqual((await rank(reranker)).outcome.reason, "breaker"),
      });
    }
    assert.equal(device.kept?.faults, undefined);
  });
}

test("faults a day apart, or of a clock that was wrong, do not add up", async () => {
  const device = makeDevice();
  const trap = (name) => {
    if (name === "rank") throw new WebAssembly.RuntimeError("unreachable");
  };
  for (let view = 0; view < 5; view++) {
    device.clock += 13 * hour;
    assert.equal((await device.view({ prepare: trap, release: undefined })).reason, "trap");
  }
  device.clock -= 3650 * day;
  assert.equal((await device.view({ release: undefined })).reason, "ranked");
});

test("erasing forgets bucket, faults and releases", async () => {
  const device = makeDevice();
  device.publish(1, { rollout: { percentage: 50, salt: "s" } });
  await device.view();
  assert.notEqual(device.kept, null);
  await device.view({ later: (reranker) => reranker.erase() });
  assert.equal(device.kept, null);
});

test("whatever stands in the place of what was kept is no error", async () => {
  for (const text of [
    "",
    "{",
    "5",
    "null",
    '"text"',
    "[]",
    `{"releases":{"${manifestUrl}":{"newest":5,"good":{}}},"faults":7,"bucket":"x"}`,
    `{"releases":{"${manifestUrl}":7}}`,
    '{"releases":"x"}',
    '{"faults":{"model":"undefined","times":"abc"}}',
    '{"faults":{"undefined":"abc","other":[null,{}],"more":5}}',
  ]) {
    const device = makeDevice();
    device.publish(1);
    device.items.set("nearside.release", text);
    assert.equal((await device.view()).reason, "ranked", text);
    assert.equal((await device.view()).releaseVersion, 1, text);
  }
});

test("where localStorage is refused, the package's own files rank in each page view", async () => {
  const device = makeDevice();
  device.publish(1);
  Object.defineProperty(globalThis, "localStorage", {
    configurable: true,
    get() {
      throw new DOMException("refused", "SecurityError");
    },
  });
  for (let view = 0; view < 2; view++) {
    const outcome = await device.view();
    assert.deepEqual([outcome.reason, outcome.releaseVersion], ["ranked", undefined]);
  }
});

test("options that are none refuse to rank, and say so", async () => {
  const device = makeDevice();
  for (const release of [
    5,
    {},
    { manifestUrl },
    { manifestUrl, publicKeys: [] },
    { manifestUrl, publicKeys: ["a", "b", "c"] },
    { manifestUrl, publicKeys: [5] },
    { manifestUrl: "/no/base", publicKeys: [keys.publicKey] },
    ...["", "x".repeat(65), "a\nb", "ü", 5, ["default"], {}, true].map((channel) => ({
      manifestUrl,
      publicKeys: [keys.publicKey],
      channel,
    })),
  ]) {
    const outcome = await device.view({ release });
    assert.equal(outcome.reason, "internal", JSON.stringify(release));
  }
});
