// Releases: the folder, the signed framing of its manifest, and what is refused.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash, generateKeyPairSync } from "node:crypto";
import {
  chmod,
  copyFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { writeKeys } from "../../delivery/keys.mjs";
import { MOST_BYTES, makeKeys, readSigned, sign } from "../../delivery/manifest.mjs";
import { metadataOf } from "../../delivery/onnx.mjs";
import { makeRelease } from "../../delivery/release.mjs";
import { root } from "./consumer.mjs";

const execute = promisify(execFile);
const expires = "2100-01-01T00:00:00Z";

let parent;
let key;
let publicKey;
before(async () => {
  parent = await mkdtemp(path.join(tmpdir(), "nearside-release-"));
  key = path.join(parent, "key.pem");
  publicKey = writeKeys(key);
});
after(() => rm(parent, { recursive: true, force: true }));

let folders = 0;
const freshFolder = () => path.join(parent, `release-${folders++}`);
const release = (out, options) => makeRelease({ out, key, expires, ...options });
const text = (out, name = "manifest.json") => readFile(path.join(out, name), "utf8");
const manifestIn = async (out, name) => readSigned(await text(out, name), [publicKey]);

/** All files of a folder with their bytes. */
async function contents(out) {
  const names = (await readdir(out)).sort();
  return Object.fromEntries(
    await Promise.all(
      names.map(async (name) => [name, (await readFile(path.join(out, name))).toString("base64")]),
    ),
  );
}

test("a release is four files under their hashes, each compressed twice, and a manifest that names them", async () => {
  const out = freshFolder();
  const made = await release(out, { salt: "s", policy: { strength: 0.5 } });
  assert.deepEqual(await manifestIn(out), made);
  const sources = {
    wasm: "dist/nearside_bg.wasm",
    glue: "dist/nearside.js",
    model: "dist/reranker.onnx",
    space: "models/minilm-l6-pca64-v1.safetensors",
  };
  const names = [];
  for (const [part, source] of Object.entries(sources)) {
    const { name, integrity, bytes } = made[part];
    const wanted = await readFile(path.join(root, source));
    const digest = createHash("sha256").update(wanted).digest();
    assert.match(name, new RegExp(`^[\\w.-]+\\.${digest.toString("hex").slice(0, 16)}\\.[a-z]+$`));
    assert.deepEqual([integrity, bytes], [`sha256-${digest.toString("base64")}`, wanted.length]);
    assert.ok((await readFile(path.join(out, name))).equals(wanted), name);
    names.push(name);
  }
  for (const name of [...names, "manifest.json"]) {
    const plain = await readFile(path.join(out, name));
    assert.ok(brotliDecompressSync(await readFile(path.join(out, `${name}.br`))).equals(plain), name);
    assert.ok(gunzipSync(await readFile(path.join(out, `${name}.gz`))).equals(plain), name);
  }
  const expected = [...names, "manifest.json"].flatMap((name) => [name, `${name}.br`, `${name}.gz`]);
  assert.deepEqual((await readdir(out)).sort(), [...expected, "manifest.1.json"].sort());
  const { format, channel, version, killed, rollout, policy, contract } = made;
  assert.deepEqual(
    { format, channel, version, killed, rollout, policy, contract, expires: made.expires },
    {
      ...{
        format: 1,
        channel: "default",
        version: 1,
        killed: false,
        policy: { strength: 0.5 },
        contract: 1,
        expires,
      },
      rollout: { percentage: 100, salt: "s" },
    },
  );
  assert.equal(made.sdk, JSON.parse(await readFile(path.join(root, "package.json"), "utf8")).version);
});

test("the manifest is JSON as a whole, in the framing that the SDK reads", async () => {
  const out = freshFolder();
  await release(out);
  const signed = await text(out);
  assert.match(signed, /^\{"manifest":\{.*\},"signature":"[A-Za-z0-9+/]{86}=="\}\n$/);
  assert.deepEqual(JSON.parse(signed).manifest, await manifestIn(out));
  assert.ok(Buffer.byteLength(signed) <= MOST_BYTES);
});

test("no byte of a manifest can change without its signature failing", async () => {
  const signed = sign({ format: 1, version: 7, policy: {}, text: "Zürich" }, await readFile(key, "utf8"));
  assert.equal(readSigned(signed, [publicKey]).version, 7);
  assert.equal(readSigned(signed.trimEnd(), [publicKey]).version, 7, "the last line break is no part of it");
  const bytes = Buffer.from(signed.trimEnd());
  for (let at = 0; at < bytes.length; at++)
    for (const flip of [1, 0x10, 0x80]) {
      const changed = Buffer.from(bytes);
      changed[at] ^= flip;
      assert.throws(() => readSigned(changed.toString("utf8"), [publicKey]), /manifest/i, `byte ${at}`);
    }
  for (let length = 0; length < bytes.length; length++)
    assert.throws(() => readSigned(bytes.toString("utf8", 0, length), [publicKey]), /manifest/i);
});

test("one of two pinned keys is enough, a third is not", async () => {
  const [old, next, other] = [makeKeys(), makeKeys(), makeKeys()];
  const pinned = [old.publicKey, next.publicKey];
  for (const { privateKey } of [old, next])
    assert.equal(readSigned(sign({ format: 1, version: 1 }, privateKey), pinned).version, 1);
  assert.throws(
    () => readSigned(sign({ format: 1, version: 1 }, other.privateKey), pinned),
    /none of the public/,
  );
  assert.throws(
    () => readSigned(sign({ format: 1, version: 1 }, old.privateKey), ["no key"]),
    /no public key/,
  );
  const rsa = generateKeyPairSync("rsa", { modulusLength: 1024 });
  const pem = rsa.privateKey.export({ type: "pkcs8", format: "pem" });
  assert.throws(() => sign({ format: 1, version: 1 }, pem), /not Ed25519/);
  assert.throws(() => sign({ text: "x".repeat(MOST_BYTES) }, old.privateKey), /may have 8192/);
});

test("the same inputs give the same bytes, and releasing them again changes no file", async () => {
  const [one, other] = [freshFolder(), freshFolder()];
  await release(one, { salt: "s" });
  await release(other, { salt: "s" });
  assert.deepEqual(await contents(one), await contents(other));
  const times = async () =>
    Promise.all((await readdir(one)).map(async (name) => [name, (await stat(path.join(one, name))).mtimeMs]));
  const before = await times();
  await release(one, { salt: "s", version: 1 });
  assert.deepEqual(await times(), before);
});

test("versions go up by one, keep the salt and the files of before, and never go down or change", async () => {
  const out = freshFolder();
  const model = path.join(root, "tests/fixtures/hand-set.onnx");
  const first = await release(out);
  const second = await release(out, { model });
  assert.deepEqual([first.version, second.version], [1, 2]);
  assert.match(first.rollout.salt, /^[0-9a-f]{12}$/);
  assert.equal(second.rollout.salt, first.rollout.salt);
  assert.notEqual(second.model.name, first.model.name);
  for (const { name } of [first.model, second.model]) await stat(path.join(out, name));
  const before = await contents(out);
  await assert.rejects(release(out, { version: 1 }), /versions only go up: 1 is below/);
  await assert.rejects(release(out, { version: 2 }), /published with another content/);
  for (const version of [0, -1, 2.5, Number.NaN])
    await assert.rejects(release(out, { version }), /whole number/);
  assert.deepEqual(await contents(out), before);
  assert.equal((await release(out, { version: 40 })).version, 40);
  assert.equal((await release(out)).version, 41);
});

test("a folder's releases are for one channel, by default for pages that name none", async () => {
  const out = freshFolder();
  assert.equal((await release(out)).channel, "default");
  const other = freshFolder();
  assert.equal((await release(other, { channel: "uk" })).channel, "uk");
  assert.equal((await release(other)).channel, "uk", "as the release before");
  assert.equal((await release(other, { kill: true })).channel, "uk");
  assert.equal((await release(other, { channel: "ie" })).channel, "ie");
  assert.equal(
    (await release(other, { rollbackTo: 1 })).channel,
    "ie",
    "a rollback is for the readers of today",
  );
});

test("a folder from before there were channels goes on as the default's, a rollback into that time included", async () => {
  const out = freshFolder();
  const { channel: _, ...old } = await release(out, { policy: { k: 3 } });
  const signed = sign(old, await readFile(key, "utf8"));
  for (const name of ["manifest.json", "manifest.1.json"]) await writeFile(path.join(out, name), signed);
  assert.equal((await release(out)).channel, "default");
  const { channel, policy } = await release(out, { rollbackTo: 1 });
  assert.deepEqual([channel, policy], ["default", { k: 3 }]);
});

test("what is released is what the package takes, and what it would not take is not released", async () => {
  const { isSound, readManifest } = await import("../../dist/manifest.js");
  const { page } = await import("../../dist/release.js");
  const { flavour } = await import("../../dist/default-flavour.js");
  const out = freshFolder();
  const made = await release(out, {
    channel: "uk",
    rollout: 12.5,
    policy: { topicCap: { limit: 2, window: 6 } },
  });
  assert.ok(isSound(made, page));
  assert.ok(
    (await readManifest(await text(out), { keys: [publicKey], channel: "uk", flavour }, page)).isUsable,
  );
  // As another tool may have signed it.
  const odd = sign({ ...made, sdk: "next" }, await readFile(key, "utf8"));
  await writeFile(path.join(out, "manifest.1.json"), odd);
  await assert.rejects(release(out, { rollbackTo: 1 }), /Pages would refuse the manifest/);
});

test("kill is the present release again, switched off; the next release is on", async () => {
  const out = freshFolder();
  const model = path.join(root, "tests/fixtures/hand-set.onnx");
  const { version: _, killed: __, ...first } = await release(out, { model, policy: { k: 5 }, rollout: 25 });
  const { version, killed, ...rest } = await release(out, { kill: true });
  assert.deepEqual([version, killed, rest], [2, true, first]);
  assert.deepEqual(await manifestIn(out), { ...rest, version, killed });
  assert.equal((await release(out)).killed, false);
  await assert.rejects(release(freshFolder(), { kill: true }), /no release in the folder/);
});

test("a rollback is a new version with the files and knobs of an earlier one", async () => {
  const out = freshFolder();
  const model = path.join(root, "tests/fixtures/hand-set.onnx");
  const { version: _, ...first } = await release(out, { policy: { strength: 0.25 }, rollout: 50 });
  await release(out, { model });
  await release(out, { kill: true });
  const { version, ...rest } = await release(out, { rollbackTo: 1 });
  assert.deepEqual([version, rest], [4, first]);
  await assert.rejects(release(out, { rollbackTo: 9 }), /knows of 1, 2, 3, 4/);
  await assert.rejects(release(out, { rollbackTo: 1, kill: true }), /not both/);
  await assert.rejects(release(out, { rollbackTo: 1, model }), /no --model/);
});

test("a rollback signs only what was signed before, and only the very files of then", async () => {
  const out = freshFolder();
  const first = await release(out);
  const stranger = makeKeys();
  await writeFile(
    path.join(out, "manifest.1.json"),
    sign({ ...first, policy: { k: 1 } }, stranger.privateKey),
  );
  await assert.rejects(release(out, { rollbackTo: 1 }), /none of the public keys.*--trust/);
  assert.deepEqual((await release(out, { rollbackTo: 1, trust: [stranger.publicKey] })).policy, { k: 1 });
  await release(out);
  await writeFile(path.join(out, first.model.name), "another model");
  await assert.rejects(release(out, { rollbackTo: 2 }), /not the file that version 2 was made of/);
});

test("a model that pages would refuse is refused, and nothing is written", async () => {
  const out = freshFolder();
  const write = async (name, bytes) => {
    await writeFile(path.join(parent, name), bytes);
    return path.join(parent, name);
  };
  const good = await readFile(path.join(root, "models/reranker.onnx"));
  const golden = Buffer.from(good);
  golden[golden.indexOf("nearside.golden.scores") + 28] ^= 1;
  for (const [model, why] of [
    [path.join(root, "tests/fixtures/attention-48k.onnx"), /may have 24576/],
    [path.join(root, "package.json"), /no ONNX file/],
    [await write("empty.onnx", ""), /no contract/],
    [await write("cut.onnx", good.subarray(0, 3000)), /no ONNX file/],
    [
      await write("golden.onnx", golden),
      /Pages would refuse the model \(model_rejected\): the model's golden case does not hold: the scores differ/,
    ],
    [path.join(parent, "absent.onnx"), /The model .*absent\.onnx cannot be read/],
  ])
    await assert.rejects(release(out, { model }), why);
  await assert.rejects(stat(out), { code: "ENOENT" });
});

test("the largest list is timed, and a model that is slow at it is refused with its milliseconds", async () => {
  const out = freshFolder();
  const slow =
    /Ranking 200 stories for a reader with 50 clicks takes the model \d+\.\d ms here, and may take 0\.0001:/;
  await assert.rejects(release(out, { mostMs: 0.0001 }), slow);
  for (const mostMs of [0, -1, Number.NaN])
    await assert.rejects(release(out, { mostMs }), /--most-ms is a number of milliseconds above 0/);
  await assert.rejects(stat(out), { code: "ENOENT" });
  const times = [];
  const report = (time) => times.push(time);
  await release(out, { mostMs: 1e6, report });
  await release(out, { mostMs: 1e6, report, model: path.join(root, "tests/fixtures/hand-set.onnx") });
  assert.equal(times.length, 2);
  assert.ok(times.every((time) => time > 0 && time < 1e6));
  await release(out, { kill: true, report });
  assert.equal(times.length, 2, "files that were released are not tried again");
});

test("knobs out of their range are refused", async () => {
  const out = freshFolder();
  for (const [options, why] of [
    [{ policy: { strength: 11 } }, /strength must be a number from 0 to 10/],
    [{ policy: { strenght: 1 } }, /The policy has no strenght/],
    [{ policy: [] }, /JSON object/],
    [{ rollout: 101 }, /percentage from 0 to 100/],
    [{ rollout: Number.NaN }, /percentage from 0 to 100/],
    [{ rollout: "50" }, /percentage from 0 to 100/],
    [{ expires: "2100-01-01" }, /RFC 3339/],
    [{ expires: "2100-02-30T00:00:00Z" }, /RFC 3339/],
    [{ expires: "2100-01-01T00:00:00" }, /RFC 3339/],
    [{ expires: undefined, days: 1e12 }, /RFC 3339/],
    ...["", "ü", "a\nb", "x".repeat(65), 5].map((channel) => [{ channel }, /--channel is 1 to 64 printable/]),
    ...["", "ü", "a\nb", "x".repeat(65), 5].map((salt) => [{ salt }, /--salt is 1 to 64 printable/]),
    [{ expires: "2020-01-01T00:00:00Z" }, /later --expires/],
    [{ expires: undefined, days: -1 }, /later --expires/],
    [{ expires: undefined, days: Number.NaN }, /--days a number/],
    [{ trust: ["x"] }, /no public key/],
    [{ dist: parent }, /not built \(`npm run build`\)/],
    [{ space: path.join(parent, "none") }, /vector space minilm-l6-pca64-v1/],
  ])
    await assert.rejects(release(out, options), why);
  await assert.rejects(stat(out), { code: "ENOENT" });
});

test("the private key is kept out of the served folder and of the repository", async () => {
  const out = freshFolder();
  await release(out);
  const inside = path.join(out, "key.pem");
  await copyFile(key, inside);
  await assert.rejects(release(out, { key: inside }), /must not lie in the folder that is served/);
  await rm(inside);
  // A link into the folder does not hide it.
  const link = path.join(parent, "link");
  await symlink(out, link);
  assert.throws(() => writeKeys(path.join(link, "other.pem")), /is served/);
  assert.throws(() => writeKeys(path.join(root, "key.pem")), /must not lie in the repository/);
  await assert.rejects(
    release(out, { key: path.join(root, "package.json") }),
    /must not lie in the repository/,
  );
  const repository = path.join(parent, "repository");
  await mkdir(path.join(repository, ".git"), { recursive: true });
  assert.throws(() => writeKeys(path.join(repository, "key.pem")), /is a repository/);
  assert.throws(() => writeKeys(key), /never overwritten/);
  assert.equal((await stat(key)).mode & 0o777, 0o600);
  for (const bytes of Object.values(await contents(out)))
    assert.ok(!Buffer.from(bytes, "base64").includes("PRIVATE KEY"));
});

test("a reader of the folder finds the old release or the new one, never a part", async () => {
  const out = freshFolder();
  await release(out);
  let reads = 0;
  let publishing = true;
  const reader = (async () => {
    for (; publishing; reads++) {
      const manifest = await manifestIn(out);
      for (const part of ["wasm", "glue", "model", "space"]) {
        const bytes = await readFile(path.join(out, manifest[part].name));
        const digest = createHash("sha256").update(bytes).digest("base64");
        assert.equal(`sha256-${digest}`, manifest[part].integrity);
      }
    }
  })();
  const publish = ["--out", out, "--key", key, "--expires", expires];
  const other = ["--model", path.join(root, "tests/fixtures/hand-set.onnx")];
  for (const more of [other, [], other])
    await execute(process.execPath, [path.join(root, "delivery/release.mjs"), ...publish, ...more]);
  publishing = false;
  await reader;
  assert.ok(reads > 10);
  assert.ok(!(await readdir(out)).some((name) => name.endsWith(".tmp")));
});

test("where the manifest cannot be replaced, the old one stays whole", async (t) => {
  if (process.getuid() === 0) {
    // Root writes anywhere: a folder in the manifest's place stands for it.
    const out = freshFolder();
    await mkdir(path.join(out, "manifest.json.br"), { recursive: true });
    await assert.rejects(release(out));
    assert.ok(!(await readdir(out)).some((name) => name === "manifest.json" || name.endsWith(".tmp")));
    return;
  }
  const out = freshFolder();
  await release(out);
  const before = await contents(out);
  await chmod(out, 0o500);
  t.after(() => chmod(out, 0o700));
  await assert.rejects(release(out));
  assert.deepEqual(await contents(out), before);
});

test("the metadata of an ONNX file is read without a parser of ONNX", async () => {
  const metadata = metadataOf(await readFile(path.join(root, "models/reranker.onnx")));
  assert.equal(metadata["nearside.contract"], "1");
  assert.equal(metadata["nearside.space"], "minilm-l6-pca64-v1");
  assert.equal(metadata["nearside.features"].split("\n").length, 9);
});

test("the command lines do the same, and say in a sentence what is wrong", async () => {
  const out = freshFolder();
  const own = path.join(parent, "own.pem");
  const node = (script, ...args) => execute(process.execPath, [path.join(root, "delivery", script), ...args]);
  const { stdout } = await node("keys.mjs", "--out", own);
  const printed = stdout.trim().split("\n").at(-1);
  const policy = path.join(parent, "policy.json");
  await writeFile(policy, '{ "topicCap": { "limit": 2, "window": 6 } }');
  const args = ["--out", out, "--key", own, "--policy", policy, "--rollout", "12.5", "--expires", expires];
  const said = await node("release.mjs", ...args, "--channel", "front page");
  assert.match(said.stdout, /`release\.channel` is "front page"/);
  const made = readSigned(await text(out), [printed]);
  assert.deepEqual(made.policy, { topicCap: { limit: 2, window: 6 } });
  assert.deepEqual([made.rollout.percentage, made.channel], [12.5, "front page"]);
  await node("release.mjs", "--out", out, "--key", own, "--kill");
  assert.equal(readSigned(await text(out), [printed]).killed, true);
  for (const [wrong, why] of [
    [["release.mjs"], /--out and --key are needed/],
    [["release.mjs", ...args, "--days", "3"], /not both/],
    [["release.mjs", ...args, "--policy", "{"], /JSON or a file/],
    [["release.mjs", ...args, "--version", "x"], /whole number/],
    [["keys.mjs"], /say where/],
  ]) {
    const { stderr, code } = await node(...wrong).catch((error) => error);
    assert.deepEqual([code, stderr.trim().split("\n").length], [1, 1], stderr);
    assert.match(stderr, why);
  }
});
