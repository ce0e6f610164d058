// A manifest as the SDK reads it: signed, for this channel, and every member of its type and in its range.

import assert from "node:assert/strict";
import { test } from "node:test";
import { MOST_BYTES, makeKeys, sign } from "../../delivery/manifest.mjs";
import { flavour } from "../../dist/default-flavour.js";
import { glueIntegrity } from "../../dist/integrity.js";
import { isExpired, readManifest } from "../../dist/manifest.js";
import { page } from "../../dist/release.js";

const keys = makeKeys();
const hash = (character) => `sha256-${character.repeat(43)}=`;

const sound = () => ({
  format: 1,
  channel: "default",
  version: 7,
  expires: "2100-01-01T00:00:00Z",
  killed: false,
  rollout: { percentage: 100, salt: "s" },
  policy: {
    strength: 0.5,
    k: 3,
    minimumEvidence: 2,
    maximumDisplacement: 5,
    topicCap: { limit: 2, window: 6 },
  },
  sdk: "0.0.1",
  contract: 1,
  wasm: { name: "nearside.0a.wasm", integrity: hash("a"), bytes: 116615 },
  model: { name: "reranker.0b.onnx", integrity: hash("b"), bytes: 3400 },
  glue: { name: "nearside.0c.js", integrity: glueIntegrity, bytes: 20000 },
  space: { name: "space.0d.safetensors", integrity: hash("d"), bytes: 500 },
});

const read = (manifest, channel = "default", ...more) =>
  readManifest(sign(manifest, keys.privateKey), { keys: [keys.publicKey], channel, flavour }, page, ...more);

/** What becomes of a manifest: `usable`, `not usable`, or the refusal's reason. */
const verdict = (manifest, ...more) =>
  read(manifest, ...more).then(
    ({ isUsable }) => (isUsable ? "usable" : "not usable"),
    ({ reason }) => reason,
  );

/** The manifest with another value at a path. `undefined` takes the member away. */
function changed(path, value) {
  const manifest = sound();
  const names = path.split(".");
  const last = names.pop();
  const parent = names.reduce((object, name) => object[name], manifest);
  parent[last] = value;
  return manifest;
}

test("a manifest with all its members is usable, and so is one without those that pages do not read", async () => {
  assert.equal(await verdict(sound()), "usable");
  for (const path of ["space", "wasm.bytes", "model.bytes", "glue.bytes", "policy.k", "policy.topicCap"])
    assert.equal(await verdict(changed(path, undefined)), "usable", path);
  assert.equal(await verdict(changed("policy.topicCap", null)), "usable");
  assert.equal(await verdict({ ...sound(), later: { members: [] } }), "usable", "what later versions add");
});

test("another channel's manifest is as one that nobody signed, its kill switch included", async () => {
  for (const channel of [
    "uk",
    "Default",
    "default ",
    "",
    "*",
    undefined,
    null,
    5,
    ["default"],
    { 0: "default" },
  ])
    for (const killed of [false, true])
      assert.equal(await verdict({ ...sound(), channel, killed }), "sig_invalid", JSON.stringify(channel));
  assert.equal(await verdict({ ...sound(), channel: "uk" }, "uk"), "usable");
  assert.equal(await verdict(sound(), "uk"), "sig_invalid");
  assert.equal(await verdict({ ...sound(), channel: undefined }, "undefined"), "sig_invalid");
});

test("of what was kept before there were channels a kill switch holds, and nothing else", async () => {
  const old = { ...sound(), channel: undefined };
  assert.equal(await verdict(old, "default", true), "sig_invalid");
  assert.equal((await read({ ...old, killed: true }, "default", true)).killed, true);
  assert.equal(await verdict({ ...old, killed: true }), "sig_invalid", "that comes by the network");
  assert.equal(await verdict({ ...sound(), channel: "uk", killed: true }, "default", true), "sig_invalid");
  assert.equal(await verdict({ ...old, killed: "true" }, "default", true), "sig_invalid");
});

const values = [
  undefined,
  null,
  true,
  false,
  0,
  1,
  -1,
  1.5,
  1e300,
  "",
  "1",
  "true",
  "x",
  [],
  [1],
  {},
  { 0: 1 },
];
const allowed = {
  format: [1],
  version: [1],
  expires: [],
  killed: [true, false],
  "rollout.percentage": [0, 1, 1.5],
  "rollout.salt": ["1", "true", "x"],
  "policy.strength": [undefined, null, 0, 1, 1.5],
  "policy.k": [undefined, null, 1, 1.5],
  "policy.minimumEvidence": [undefined, null, 0, 1, 1.5],
  "policy.maximumDisplacement": [undefined, null, 0, 1, 1e300],
  "policy.topicCap": [undefined, null],
  "policy.topicCap.limit": [1, 1e300],
  "policy.topicCap.window": [1, 1e300],
  policy: [{}, { 0: 1 }],
  rollout: [],
  sdk: [],
  contract: [1],
  wasm: [],
  model: [],
  glue: [],
  space: [undefined],
  "wasm.name": ["1", "true", "x"],
  "model.name": ["1", "true", "x"],
  "glue.name": ["1", "true", "x"],
  "space.name": ["1", "true", "x"],
  "wasm.integrity": [],
  "model.integrity": [],
  "glue.integrity": [],
  "space.integrity": [],
  "wasm.bytes": [undefined, 0, 1],
  "space.bytes": [undefined, 0, 1],
};
const head = ["format", "version", "expires", "killed"];
for (const [path, sane] of Object.entries(allowed)) {
  test(`a manifest whose ${path} is of another type or out of its range is not used`, async () => {
    for (const value of values) {
      const text = JSON.stringify(value);
      const wanted = sane.some((one) => JSON.stringify(one) === text)
        ? "usable"
        : head.includes(path)
          ? "unsupported"
          : "not usable";
      assert.equal(await verdict(changed(path, value)), wanted, `${path}: ${text}`);
    }
  });
}

test("what a killed manifest says beyond its head may be anything", async () => {
  const { rollout, policy, sdk, contract, wasm, model, glue, space, ...rest } = { ...sound(), killed: true };
  assert.equal((await read(rest)).killed, true);
  for (const path of ["rollout", "policy", "sdk", "wasm", "glue.integrity"])
    for (const value of values)
      assert.equal((await read({ ...changed(path, value), killed: true })).killed, true);
  for (const path of ["format", "version", "expires"])
    assert.equal(await verdict({ ...changed(path, "x"), killed: true }), "unsupported", path);
});

for (const [what, path, bad, good] of [
  [
    "times are RFC 3339",
    "expires",
    [
      ...[
        "2100-01-01",
        "2100-01-01T00:00:00",
        "2100-01-01 00:00:00Z",
        "2100-1-1T00:00:00Z",
        "2100",
        "tomorrow",
      ],
      ...["2100-02-30T00:00:00Z", "2100-13-01T00:00:00Z", "2100-01-01T25:00:00Z", "2100-01-01T00:00:00+0100"],
      ...[
        "Fri, 01 Jan 2100 00:00:00 GMT",
        "2100-01-01T00:00Z",
        " 2100-01-01T00:00:00Z",
        "2100-01-01T00:00:00Z\n",
      ],
      ...["+012100-01-01T00:00:00Z", 4102444800000, "4102444800000"],
    ],
    [
      "2100-01-01T00:00:00.123Z",
      "2100-01-01T00:00:00+01:00",
      "2100-01-01T00:00:00-11:30",
      "2104-02-29T00:00:00Z",
    ],
  ],
  [
    "versions are whole, and exact",
    "version",
    [0, -1, 0.5, 2 ** 53, 1e300, "7", Number.NaN],
    [1, 2 ** 53 - 1],
  ],
  [
    "files lie beside the manifest",
    "model.name",
    [
      ...[
        "../m.onnx",
        "..",
        ".",
        "/m.onnx",
        "a/m.onnx",
        "a\\m.onnx",
        "..%2fm.onnx",
        "https://x.test/m.onnx",
        "//x.test/m",
      ],
      ...[
        "?m",
        "#m",
        "m.onnx?x",
        ".m.onnx",
        "-m.onnx",
        "m onnx",
        "m.onnx\n",
        "ü.onnx",
        "m".repeat(129),
        "",
        ["m.onnx"],
      ],
    ],
    ["m.onnx", "a..b", "m".repeat(128), "M-1_2.onnx"],
  ],
  [
    "hashes are SHA-256",
    "wasm.integrity",
    [
      ...[
        `sha384-${"a".repeat(64)}`,
        hash("a").slice(0, -1),
        `${hash("a")} ${hash("b")}`,
        ` ${hash("a")}`,
        hash("_"),
      ],
      ...[`SHA256-${"a".repeat(43)}=`, "", [hash("a")]],
    ],
    [hash("a"), hash("+"), hash("/")],
  ],
  [
    "salts are short and printable",
    "rollout.salt",
    ["", "x".repeat(65), "a\nb", "\0", "ü", "a\u202eb", ["s"], 5],
    ["s", "2026-12-01", "spring front page", "x".repeat(64), "~!"],
  ],
  ["shares are percentages", "rollout.percentage", [-0.1, 100.1, "50", 1e9, [50]], [0, 0.1, 12.5, 100]],
  [
    "versions of the package have three parts",
    "sdk",
    ["1", "1.0", "x", "0.0.1 x", "v0.0.1", "", [0, 0, 1]],
    ["0.0.1", "0.0.1-rc.2"],
  ],
]) {
  test(`${what}`, async () => {
    for (const value of good)
      assert.equal(await verdict(changed(path, value)), "usable", JSON.stringify(value));
    for (const value of bad)
      assert.ok(
        ["unsupported", "not usable"].includes(await verdict(changed(path, value))),
        JSON.stringify(value),
      );
  });
}

test("what is signed and no object is refused", async () => {
  for (const text of ["null", "5", '"text"', "[]", "true", "{", "{}", '[{"channel":"default"}]'])
    assert.equal(await verdict(text), "sig_invalid", text);
  const twice = JSON.stringify(sound()).replace('"version":7', '"version":"7","version":7');
  assert.equal((await read(twice)).version, 7, "of a member twice the last counts, as in all of JavaScript");
  const polluting = JSON.stringify(sound()).replace('"version":7', '"__proto__":{"killed":true},"version":7');
  assert.equal((await read(polluting)).killed, false);
});

test("the largest manifest that is signed is read, and nothing larger", async () => {
  const padded = (more) => ({ ...sound(), padding: "x".repeat(more) });
  const room = MOST_BYTES - Buffer.byteLength(sign(padded(0), keys.privateKey));
  assert.equal(await verdict(padded(room)), "usable");
  assert.throws(() => sign(padded(room + 1), keys.privateKey), /may have 8192/);
  const larger = sign(padded(room), keys.privateKey).replace('"padding":"', '"padding":"x');
  const pinned = { keys: [keys.publicKey], channel: "default", flavour };
  await assert.rejects(readManifest(larger, pinned, page), { reason: "sig_invalid" });
});

test("a release ends a day after the time it names, in whatever zone that is written", async (t) => {
  const end = Date.parse("2030-06-01T12:00:00Z");
  const manifests = await Promise.all(
    ["2030-06-01T12:00:00Z", "2030-06-01T14:00:00+02:00", "2030-06-01T12:00:00.000z"].map((expires) =>
      read({ ...sound(), expires }),
    ),
  );
  t.mock.timers.enable({ apis: ["Date"], now: end + 86_400_000 });
  const areExpired = () => manifests.map((manifest) => isExpired(manifest, page));
  assert.deepEqual(areExpired(), [false, false, false]);
  t.mock.timers.tick(1);
  assert.deepEqual(areExpired(), [true, true, true]);
});
