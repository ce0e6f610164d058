// Releases that cannot be trusted, and clocks that cannot. A bad release never costs the ranking: the package's own files rank.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { makeKeys, sign } from "../../../delivery/manifest.mjs";
import { reweighted } from "../onnx.mjs";
import * as spoil from "../spoil.mjs";

const file = (path) => readFileSync(new URL(`../../../${path}`, import.meta.url));
const sha256 = (bytes) => `sha256-${createHash("sha256").update(bytes).digest("base64")}`;
const keys = makeKeys();
const rotated = makeKeys();
const strangers = makeKeys();
const wasm = file("dist/nearside_bg.wasm");
const model = reweighted(file("models/reranker.onnx"), {});
const { version: sdk } = JSON.parse(file("package.json"));
const day = 86_400_000;
const path = "/release/manifest.json";
const modelPath = "/release/m.onnx";

const describe = (name, bytes) => ({ name, integrity: sha256(bytes), bytes: bytes.length });
const manifest = (version, more = {}) => ({
  format: 1,
  channel: "default",
  version,
  expires: new Date(Date.now() + 30 * day).toISOString(),
  killed: false,
  rollout: { percentage: 100, salt: "front" },
  policy: {},
  sdk,
  contract: 1,
  wasm: describe("w.wasm", wasm),
  model: describe("m.onnx", model),
  glue: describe("g.js", file("dist/nearside.js")),
  ...more,
});
const signed = (version, more, key = keys) => sign(manifest(version, more), key.privateKey);
const old = { expires: new Date(Date.now() - 10 * day).toISOString() };

/**
 * A row with a release. `served`: the manifest's text; `kept`: what an earlier view kept; `more`: a function that goes on in the
 * page. Two rankings, so that the second outcome knows what became of the manifest.
 */
function row(name, fault, { served = signed(2), kept, publicKeys, files, go, ...more }) {
  const { faults: failed, ...known } =
    typeof kept === "string" ? { version: 1, newest: kept, good: kept } : (kept ?? {});
  const keep = kept && { release: { key: keys.publicKey, channel: "default", ...known }, faults: failed };
  return {
    group: "trust",
    name,
    fault,
    reason: "",
    reasons: ["ranked", "ranked"],
    asks: /^\/(nearside_bg\.wasm|reranker\.onnx|release\/[\w.]+)$/,
    files: { [path]: served, [modelPath]: model, "/release/w.wasm": wasm, ...files },
    arg: { keep, publicKeys: publicKeys ?? [keys.publicKey] },
    page: `(arg) => { (${withRelease})(arg); (${go ?? "() => {}"})(arg); }`,
    ...more,
  };
}

const withRelease = ({ keep, publicKeys }) => {
  // The second ranking comes when nothing is on its way any more, or what is will not come soon.
  let pending = 0;
  const count = (of, name) => {
    const real = of?.[name];
    if (!real) return;
    of[name] = function (...args) {
      const answer = real.apply(this, args);
      if (!answer?.then) return answer;
      pending++;
      const end = () => pending--;
      answer.then(end, end);
      return answer;
    };
  };
  count(globalThis, "fetch");
  for (const name of ["text", "arrayBuffer"]) count(Response.prototype, name);
  for (const name of ["importKey", "verify"])
    count(globalThis.crypto?.subtle && SubtleCrypto.prototype, name);
  const quiet = async () => {
    for (let i = 0, calm = 0; i < 20 && calm < 3; i++) {
      await globalThis.probe.wait(100);
      calm = pending > 0 ? 0 : calm + 1;
    }
  };
  if (keep) {
    const releases = { [new URL("/release/manifest.json", location.href)]: keep.release };
    localStorage.setItem("nearside.release", JSON.stringify({ releases, faults: keep.faults }));
  }
  Object.assign(globalThis.row, {
    quiet,
    rankings: 2,
    options: () => ({ release: { manifestUrl: "/release/manifest.json", publicKeys } }),
    between: (i) => (i === 0 ? undefined : quiet()),
  });
};
/** The page's clock, off by some milliseconds. */
const shifted = (ms) => `() => { const real = Date.now; Date.now = () => real() + ${ms}; }`;
const kept = signed(1);
const fine = { outcome: { release: undefined, releaseVersion: undefined } };
const by = (release) => ({ outcome: { release, releaseVersion: undefined } });
const byFirst = { outcome: { release: undefined, releaseVersion: 1 } };

export const trust = [
  row("no fault, first view", "the package's own files rank; the release is fetched for the next view", fine),
  row("no fault, kept", "the kept release ranks", { kept, ...byFirst }),
  row("signed by the second key", "a key that is being rotated", {
    served: signed(2, {}, rotated),
    publicKeys: [keys.publicKey, rotated.publicKey],
    ...fine,
  }),
  row("bad signature", "one character of the manifest is another", {
    guards: ["signed"],
    served: kept.replace('"killed":false', '"killed":fAlse'),
    ...by("sig_invalid"),
  }),
  row("killed without a signature", "a kill switch that nobody signed", {
    served: kept.replace('"killed":false', '"killed":true '),
    ...by("sig_invalid"),
  }),
  row("another channel", "signed by the publisher, for another edition", {
    guards: ["channel"],
    served: signed(2, { channel: "uk" }),
    ...by("sig_invalid"),
  }),
  row("killed, of another channel", "another edition's kill switch is served in place of this one's", {
    kept,
    served: signed(2, { channel: "uk", killed: true }),
    outcome: { release: "sig_invalid", releaseVersion: 1 },
  }),
  row(
    "kept before there were channels",
    "an earlier version of the package kept a manifest that names none",
    {
      kept: signed(1, { channel: undefined }),
      ...by("sig_invalid"),
    },
  ),
  row("missing signature", "a manifest and nothing else", {
    served: JSON.stringify(manifest(2)),
    ...by("sig_invalid"),
  }),
  row("unknown key", "signed by someone else", { served: signed(2, {}, strangers), ...by("sig_invalid") }),
  row("a key that is none", "the page pins garbage", { publicKeys: ["no key"], ...by("sig_invalid") }),
  row("kept, and tampered with", "another script of the site changed what is kept", {
    kept: kept.replace('"version":1', '"version":9'),
    ...by("sig_invalid"),
  }),
  row("kept garbage", "what is kept is no JSON", {
    go: `() => localStorage.setItem("nearside.release", "{")`,
    ...fine,
    guards: ["kept"],
  }),
  row("expired", "its time is over", { guards: ["expired"], served: signed(2, old), ...by("expired") }),
  row("kept, and expired", "its time is over", {
    guards: ["kept-expired"],
    kept: signed(1, old),
    ...by("expired"),
  }),
  row("rollback by a key that is no longer pinned", "the version it had seen counts no more", {
    kept: { version: 5, key: strangers.publicKey },
    served: signed(4),
    ...fine,
  }),
  row("rollback", "its version is lower than one seen", {
    guards: ["rollback"],
    kept: { version: 5 },
    served: signed(4),
    ...by("rollback"),
  }),
  row("another contract", "a new model for another core", {
    guards: ["contract"],
    served: signed(2, { contract: 2 }),
    ...by("unsupported"),
  }),
  row("new model, old module", "the release is for another version of the module's script", {
    guards: ["glue"],
    served: signed(2, { glue: describe("g.js", Buffer.from("another")) }),
    ...by("unsupported"),
  }),
  row("a package too old", "the release wants version 99", {
    guards: ["sdk"],
    served: signed(2, { sdk: "99.0.0" }),
    ...by("unsupported"),
  }),
  row("another format", "`format: 2`", {
    guards: ["format"],
    served: signed(2, { format: 2 }),
    ...by("unsupported"),
  }),
  row("a name that leaves the folder", "a file called `../x`", {
    served: signed(2, { model: { ...describe("../x", model) } }),
    ...by("unsupported"),
  }),
  row("a file named for its folder", "a file called `..`", {
    served: signed(2, { model: { ...describe("..", model) } }),
    ...by("unsupported"),
  }),
  row("a date without its zone", "`expires` is no RFC 3339", {
    served: signed(2, { expires: "2100-01-01T00:00:00" }),
    ...by("unsupported"),
  }),
  row("a policy out of range", "`strength: 99`", {
    guards: ["release-policy"],
    served: signed(2, { policy: { strength: 99 } }),
    ...by("unsupported"),
  }),
  row("no Ed25519", "the browser does not know the signature", {
    go: `() => { crypto.subtle.importKey = () => Promise.reject(new DOMException("unknown", "NotSupportedError")); }`,
    ...by("unsupported"),
  }),
  row("no crypto.subtle", "the page is no secure context", {
    go: `() => Object.defineProperty(globalThis, "crypto", { value: {} })`,
    ...by("unsupported"),
  }),
  ...[
    ["404", "404", "load_failed"],
    ["500", "500", "load_failed"],
    ["hangs", "hang", undefined],
    ["reset in its body", spoil.reset, "load_failed"],
    ["captive portal", spoil.portal, "sig_invalid"],
    ["cut in half", spoil.shortened(8), "sig_invalid"],
    ["far too long", (answer) => ({ ...answer, body: Buffer.alloc(1 << 16, "{") }), "sig_invalid"],
  ].map(([name, how, release]) =>
    row(`manifest ${name}`, "the kept release ranks all the same", {
      kept,
      faults: () => ({ [path]: how }),
      outcome: { release, releaseVersion: 1 },
    }),
  ),
  row("offline before the manifest", "nothing of the release comes; the package's own files do", {
    faults: () => ({ [path]: "reset", [modelPath]: "reset", "/release/w.wasm": "reset" }),
    ...by("load_failed"),
  }),
  row("offline after the manifest", "the manifest comes, its files do not", {
    faults: () => ({ [modelPath]: "reset", "/release/w.wasm": "reset" }),
    ...by("load_failed"),
  }),
  row("kept, and its model is gone", "404 for the model of the kept release", {
    kept,
    faults: () => ({ [modelPath]: "404" }),
    ...by("load_failed"),
    guards: ["next-choice"],
  }),
  row("kept, and its model is another", "its hash does not fit", {
    kept,
    faults: () => ({ [modelPath]: "flip" }),
    ...by("integrity"),
  }),
  row("kept, and its model is malformed", "signed and hashed, and no model", {
    kept: signed(1, { model: describe("bad.onnx", Buffer.from("no model")) }),
    files: { "/release/bad.onnx": "no model" },
    ...by("model_rejected"),
  }),
  row("kept, and its module is another", "signed and hashed, and no module of this package", {
    kept: signed(1, { wasm: describe("bad.wasm", Buffer.from("\0asm\x01\0\0\0", "latin1")) }),
    files: { "/release/bad.wasm": Buffer.from("\0asm\x01\0\0\0", "latin1") },
    ...by("load_failed"),
  }),
  row("newest bad, last good one there", "the newest release's model is malformed: the one before it ranks", {
    kept: {
      version: 3,
      newest: signed(3, { model: describe("bad.onnx", Buffer.from("no model")) }),
      good: kept,
    },
    served: signed(3, { model: describe("bad.onnx", Buffer.from("no model")) }),
    files: { "/release/bad.onnx": "no model" },
    outcome: { release: "model_rejected", releaseVersion: 1 },
  }),
  row("killed, kept", "the publisher has switched ranking off", {
    guards: ["killed"],
    kept: signed(1, { killed: true }),
    served: signed(1, { killed: true }),
    reasons: ["killed", "killed"],
  }),
  row("killed, for another package", "the release that is switched off was made with another version", {
    kept,
    served: signed(2, { killed: true, sdk: "99.0.0", glue: describe("g.js", Buffer.from("another")) }),
    reasons: ["ranked", "killed"],
  }),
  row(
    "killed while the page is open",
    "the manifest says so at its second fetch; the ranking after it obeys",
    {
      kept,
      served: signed(1),
      reasons: ["ranked", "ranked", "killed"],
      faults: () => {
        let count = 0;
        const later = Buffer.from(signed(2, { killed: true }));
        return { [path]: (answer) => (count++ === 0 ? answer : { ...answer, body: later }) };
      },
      go: `() => {
      const real = Date.now;
      let ahead = 0;
      const { quiet } = globalThis.row;
      Date.now = () => real() + ahead;
      globalThis.row.rankings = 3;
      globalThis.row.between = (i) => {
        if (i === 1) ahead = 120_000;
        return i === 0 ? undefined : quiet();
      };
    }`,
    },
  ),
  row("outside of the rollout", "for none of the readers", {
    guards: ["rollout"],
    kept: signed(1, { rollout: { percentage: 0, salt: "front" } }),
    served: signed(1, { rollout: { percentage: 0, salt: "front" } }),
    reasons: ["not_in_rollout", "not_in_rollout"],
  }),
  row("three failed views", "the breaker has switched the model off for a day", {
    guards: ["breaker"],
    kept: {
      version: 1,
      newest: kept,
      good: kept,
      faults: { [sha256(model)]: [1, 2, 3].map((hours) => Date.now() - hours * 3_600_000) },
    },
    reasons: ["breaker", "breaker"],
  }),
  row("clock ten years ahead", "the release has expired, and so has the history", {
    kept,
    go: shifted(3653 * day),
    reasons: ["cold", "cold"],
    ...by("expired"),
  }),
  row("clock ten years behind", "the history is of a time to come", {
    kept,
    go: shifted(-3653 * day),
    reasons: ["cold", "cold"],
    ...byFirst,
  }),
  row("clock half a day behind", "the release may be used; the history is of a time to come", {
    kept,
    go: shifted(-day / 2),
    reasons: ["cold", "cold"],
    ...byFirst,
  }),
  row("jumping clock", "an hour to and fro, at every look", {
    kept,
    go: "() => { const real = Date.now; let count = 0; Date.now = () => real() + (count++ % 2 ? 3_600_000 : 0); }",
    ...byFirst,
  }),
  row("localStorage is full", "a new release cannot be kept: the kept one goes on", {
    kept,
    go: `() => { Storage.prototype.setItem = () => { throw new DOMException("full", "QuotaExceededError"); }; }`,
    ...byFirst,
    guards: ["keep"],
  }),
  row("localStorage refused", "nothing can be kept", {
    go: `() => Object.defineProperty(globalThis, "localStorage", { get() { throw new DOMException("no", "SecurityError"); } })`,
    reasons: ["cold", "cold"],
    outcome: { release: undefined },
    guards: ["kept"],
  }),
  {
    ...row("release without consent", "nothing is asked for", {
      reasons: ["no_consent", "no_consent"],
      silent: true,
    }),
    page: `(arg) => { (${withRelease})(arg); const { options } = globalThis.row; globalThis.row.options = () => ({ ...options(), consent: false }); }`,
  },
  {
    ...row(
      "stale manifest, origin dead",
      "a cache serves an expired manifest, and nothing answers for the files",
      {
        kept: signed(1, old),
        served: signed(1, old),
        faults: () => ({ [modelPath]: "reset", "/release/w.wasm": "reset" }),
        ...by("expired"),
      },
    ),
    group: "edge",
  },
];
