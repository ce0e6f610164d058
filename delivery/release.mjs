// `nearside release --out DIR --key FILE` (in the repository `npm run release --`): makes a release, a folder of static files that every cache can hold.
//
//   dist/nearside_bg.wasm ─┐
//   dist/nearside.js ──────┤  DIR/NAME.HASH.END, .br, .gz     immutable
//   the model ─────────────┤
//   the model's space ─────┘  DIR/manifest.json, .br, .gz     names and hashes them, signed
//
// Files of earlier releases stay: pages ask for them until they know of the new one, and a rollback names them again.
// `manifest.N.json` keeps what release N was. docs/delivery.md describes the format and how to serve it.

import { createHash, randomBytes } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { brotliCompressSync, brotliDecompressSync, constants, gunzipSync, gzipSync } from "node:zlib";
import { refuseKeyIn } from "./keys.mjs";
import { MOST_MS, timeLargest } from "./largest.mjs";
import {
  FORMAT,
  isPublicKey,
  isVersion,
  publicKeyOf,
  readPrivateKey,
  readSigned,
  readUnverified,
  sign,
} from "./manifest.mjs";
import { metadataOf } from "./onnx.mjs";
import { bold, dim, done, isMain, main, root, Stop, say } from "./terminal.mjs";

/** The most bytes of a model that a page should load. */
const MOST_MODEL_BYTES = 24 * 1024;
const DAY = 86_400_000;
const DEFAULT_DAYS = 30;
/** The channel of a page that names none. */
const CHANNEL = "default";
export const MANIFEST = "manifest.json";
const past = (version) => `manifest.${version}.json`;
/** The members of a manifest that are files. */
export const files = ["wasm", "glue", "model", "space"];

/**
 * Makes a release in the folder `out`, signed by the private key in the file `key`. Returns its manifest.
 *
 * - `version`: by default one above all that are in the folder.
 * - `expires` (RFC 3339) or `days` from now.
 * - `model`, `space`: their files, by default the package's own. `dist`: where the built package is.
 * - `mostMs`: how long the largest list may take here, in milliseconds; by default 10.
 * - `policy`, `rollout` (percentage): by default none and 100. `salt`: by default the present release's, else random.
 * - `channel`: whom the folder's releases are for, by default the present release's, else "default".
 * - `kill`: the present release again, switched off. `rollbackTo`: the files and knobs of an earlier one, as a new version.
 * - `trust`: further public keys by which earlier manifests in the folder may be signed.
 * - `report`: told the milliseconds of the largest list, where there is a model to try.
 */
export async function makeRelease({ out, key, trust = [], ...options }) {
  for (const [folder, what] of [
    [out, "the folder that is served"],
    [root, "the repository"],
  ])
    refuseKeyIn(folder, key, what);
  const privateKey = readPrivateKey(read(key, "The private key"));
  const untrusted = trust.find((text) => !isPublicKey(text));
  if (untrusted !== undefined)
    throw new Stop(`--trust ${untrusted} is no public key, the base64 of 32 bytes.`);
  const publicKeys = [publicKeyOf(privateKey), ...trust];
  if (options.kill && options.rollbackTo !== undefined)
    throw new Stop("Kill a release or roll back to one, not both: a rollback makes a version that is on.");

  const published = versionsIn(out);
  const newest = Math.max(0, ...published);
  const version = options.version ?? newest + 1;
  if (!isVersion(version)) throw new Stop("A version is a whole number of at least 1.");
  if (version < newest)
    throw new Stop(`The folder holds version ${newest}, and versions only go up: ${version} is below it.`);

  const again = options.kill ? presentVersion(out) : options.rollbackTo;
  if (options.kill && again === undefined) throw new Stop("There is no release in the folder to kill.");
  if (again !== undefined && (options.model ?? options.space) !== undefined)
    throw new Stop(
      "--kill and --rollback-to take the files of a release that is there, so no --model or --space.",
    );
  const base = again === undefined ? await newBase(out, options) : pastBase(out, again, publicKeys);

  const sdk = await readersOf(options.dist);
  const named = (option, value) => {
    if (sdk.isName(value)) return value;
    throw new Stop(`${option} is 1 to 64 printable characters of ASCII.`);
  };
  const { rollout = {}, policy = {} } = base.manifest;
  const manifest = {
    format: FORMAT,
    channel: named("--channel", options.channel ?? present(out)?.channel ?? CHANNEL),
    version,
    expires: expiry(options, sdk),
    killed: options.kill === true,
    rollout: {
      percentage: percentage(options.rollout ?? rollout.percentage ?? 100),
      // Of hexadecimal digits, which no command line takes for an option.
      salt: named("--salt", options.salt ?? rollout.salt ?? randomBytes(6).toString("hex")),
    },
    policy: checkedPolicy(options.policy ?? policy, sdk),
    sdk: base.manifest.sdk,
    contract: base.manifest.contract,
    ...Object.fromEntries(files.map((name) => [name, base.manifest[name]])),
  };
  if (!sdk.isSound(manifest))
    throw new Stop("Pages would refuse the manifest: make it of the package's own files.");
  publish(out, base.contents, version, sign(manifest, privateKey));
  if (base.milliseconds !== undefined) options.report?.(base.milliseconds);
  return manifest;
}

/** What a release of the built package and a model consists of. */
async function newBase(out, { dist = join(root, "dist"), model, space, mostMs = MOST_MS }) {
  const built = (name) => read(join(dist, name), "The package is not built (`npm run build`):");
  const bytes = { wasm: built("nearside_bg.wasm"), glue: built("nearside.js") };
  bytes.model = model === undefined ? built("reranker.onnx") : read(model, "The model");
  const { metadata, milliseconds } = await checkModel(bytes.model, bytes.wasm, dist, mostMs);
  const spaceName = metadata["nearside.space"];
  const spaceFile = space ?? join(root, "models", `${spaceName}.safetensors`);
  bytes.space = read(spaceFile, `The model's vector space ${spaceName} (say where it is by --space):`);
  const names = {
    wasm: ["nearside", "wasm"],
    glue: ["nearside", "js"],
    model: ["reranker", "onnx"],
    space: [spaceName.replaceAll(/[^\w.-]/g, "-"), "safetensors"],
  };
  const entries = files.map((name) => [name, entry(...names[name], bytes[name])]);
  const sdk = JSON.parse(readFileSync(join(root, "package.json"), "utf8")).version;
  return {
    manifest: {
      rollout: { salt: presentSalt(out) },
      sdk,
      contract: Number(metadata["nearside.contract"]),
      ...Object.fromEntries(entries),
    },
    contents: entries.map(([name, { name: file }]) => [file, bytes[name]]),
    milliseconds,
  };
}

/** A release that the folder holds, its files checked against its hashes. */
function pastBase(out, version, publicKeys) {
  const file = join(out, past(version));
  if (!existsSync(file))
    throw new Stop(
      `${file} is not there: the folder knows of ${versionsIn(out).join(", ") || "no version"}.`,
    );
  let manifest;
  try {
    manifest = readSigned(readFileSync(file, "utf8"), publicKeys);
  } catch (error) {
    throw new Stop(`${file}: ${error.message} Was it signed by an earlier key? Then name that by --trust.`);
  }
  if (manifest.version !== version) throw new Stop(`${file} holds version ${manifest.version}.`);
  const contents = files.map((name) => {
    const { name: file, integrity } = manifest[name];
    const bytes = read(join(out, file), `Version ${version} needs`);
    if (hash(bytes).integrity !== integrity)
      throw new Stop(`${join(out, file)} is not the file that version ${version} was made of.`);
    return [file, bytes];
  });
  return { manifest, contents };
}

/**
 * Refuses a model that is too large, has no contract, or in the release's own wasm fails its golden case or is slow. Returns its
 * metadata and the milliseconds of the largest list.
 */
async function checkModel(model, wasm, dist, mostMs) {
  if (!(mostMs > 0)) throw new Stop("--most-ms is a number of milliseconds above 0.");
  if (model.length > MOST_MODEL_BYTES)
    throw new Stop(
      `The model has ${model.length} bytes and may have ${MOST_MODEL_BYTES}: quantize or shrink it.`,
    );
  const metadata = metadataOf(model);
  if (!/^\d+$/.test(metadata["nearside.contract"] ?? "") || !metadata["nearside.space"])
    throw new Stop("The model has no contract in its metadata: write it with `nearside export`.");
  const { Core } = await import(pathToFileURL(join(dist, "core.js")));
  const { glue } = await import(pathToFileURL(join(dist, "default-flavour.js")));
  const { readPolicy } = await import(pathToFileURL(join(dist, "policy.js")));
  let milliseconds;
  try {
    glue.start({ module: new WebAssembly.Module(wasm) });
    const core = new Core(glue, model);
    core.check();
    milliseconds = timeLargest(core, readPolicy);
    core.free();
  } catch (error) {
    if (error instanceof Stop) throw error;
    const { worded } = await import(pathToFileURL(join(dist, "worded.js")));
    throw new Stop(
      `Pages would refuse the model (${error.reason ?? error.name}): ${await worded(error.message)}.`,
    );
  }
  if (milliseconds > mostMs)
    throw new Stop(
      `Ranking 200 stories for a reader with 50 clicks takes the model ${milliseconds.toFixed(1)} ms here, and may take ` +
        `${mostMs}: a phone may take ten times as long. Shrink the model, or allow more by --most-ms.`,
    );
  return { metadata, milliseconds };
}

/** The SHA-256 of a file: the digits in its name, and as a manifest writes it. */
export function hash(bytes) {
  const digest = createHash("sha256").update(bytes).digest();
  return { hex: digest.toString("hex").slice(0, 16), integrity: `sha256-${digest.toString("base64")}` };
}

function entry(stem, end, bytes) {
  const { hex, integrity } = hash(bytes);
  return { name: `${stem}.${hex}.${end}`, integrity, bytes: bytes.length };
}

/** What the built package itself reads a manifest with: of names, times, policies and the whole there is one definition. */
export async function readersOf(dist = join(root, "dist")) {
  const modules = ["manifest.js", "release.js", "wire.js", "default-flavour.js"].map(
    (file) => import(pathToFileURL(join(dist, file))),
  );
  const [{ fits, isName, isSound }, { page }, { knobs }, { flavour }] = await Promise.all(modules);
  return {
    ...{ ...page, isName, knobs },
    isSound: (manifest) => isSound(manifest, page),
    fits: (manifest) => fits(manifest, flavour),
  };
}

function expiry({ expires, days = DEFAULT_DAYS }, { dateOf }) {
  const time = expires === undefined ? Date.now() + days * DAY : dateOf(expires);
  if (!Number.isFinite(time) || Number.isNaN(new Date(time).getTime()))
    throw new Stop("--expires is a time by RFC 3339, as 2026-12-25T00:00:00Z; --days a number.");
  if (time <= Date.now()) throw new Stop("A release that has expired is of no use: say a later --expires.");
  return new Date(time).toISOString().replace(/\.\d+Z$/, "Z");
}

function percentage(value) {
  if (typeof value !== "number" || !(value >= 0 && value <= 100))
    throw new Stop("--rollout is a percentage from 0 to 100.");
  return value;
}

/** The policy, held to the SDK's own limits. */
function checkedPolicy(policy, { knobs, readPolicy }) {
  if (typeof policy !== "object" || policy === null || Array.isArray(policy))
    throw new Stop('--policy is a JSON object, as {"strength":0.5}, or a file with one.');
  const known = [...new Set(knobs.map(([name]) => name.split(".")[0]))];
  const unknown = Object.keys(policy).find((name) => !known.includes(name));
  if (unknown !== undefined) throw new Stop(`The policy has no ${unknown}, only ${known.join(", ")}.`);
  try {
    readPolicy(policy);
  } catch (error) {
    throw new Stop(`${error.message}.`);
  }
  return policy;
}

/** Writes the files and, when all are there, the manifest. */
function publish(out, contents, version, signed) {
  mkdirSync(out, { recursive: true });
  for (const [name, bytes] of contents) put(out, name, bytes);
  const kept = join(out, past(version));
  if (existsSync(kept) && readFileSync(kept, "utf8") !== signed)
    throw new Stop(`Version ${version} is published with another content: take a higher --version.`);
  putFile(kept, signed);
  put(out, MANIFEST, Buffer.from(signed));
}

/** Writes a file with its compressed neighbours; one that is as it should be is left alone. */
export function put(out, name, bytes) {
  for (const { end, compress, decompress } of forms) {
    const file = join(out, name + end);
    if (!isCompressed(file, bytes, decompress)) putFile(file, compress(bytes));
  }
  putFile(join(out, name), bytes);
}

export const forms = [
  { end: ".br", compress: asBrotli, decompress: brotliDecompressSync },
  { end: ".gz", compress: (bytes) => gzipSync(bytes, { level: 9 }), decompress: gunzipSync },
];

function asBrotli(bytes) {
  const { BROTLI_PARAM_QUALITY, BROTLI_PARAM_SIZE_HINT } = constants;
  return brotliCompressSync(bytes, {
    params: { [BROTLI_PARAM_QUALITY]: 11, [BROTLI_PARAM_SIZE_HINT]: bytes.length },
  });
}

/** Whether a file, decompressed, is these bytes. */
export function isCompressed(file, bytes, decompress) {
  try {
    return decompress(readFileSync(file)).equals(bytes);
  } catch {
    return false;
  }
}

/** Writes a file at once: whoever reads it finds the old one or the new one, whole. */
function putFile(file, content) {
  if (existsSync(file) && readFileSync(file).equals(Buffer.from(content))) return;
  const temporary = `${file}.${process.pid}.tmp`;
  try {
    writeFileSync(temporary, content, { mode: 0o644 });
    renameSync(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** All versions that a folder knows of, in their order. */
function versionsIn(out) {
  if (!existsSync(out)) return [];
  if (!statSync(out).isDirectory()) throw new Stop(`${out} is no folder.`);
  const kept = readdirSync(out).map((name) => Number(/^manifest\.(\d+)\.json$/.exec(name)?.[1]));
  const present = presentVersion(out);
  return [...new Set([...kept, present])].filter(isVersion).sort((a, b) => a - b);
}

const presentVersion = (out) => present(out)?.version;
const presentSalt = (out) => present(out)?.rollout?.salt;

function present(out) {
  const file = join(out, MANIFEST);
  if (!existsSync(file)) return undefined;
  try {
    return readUnverified(readFileSync(file, "utf8"));
  } catch (error) {
    throw new Stop(`${file}: ${error.message} Put the last good one in its place (${join(out, past("N"))}).`);
  }
}

function read(file, what) {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new Stop(`${what} ${file} cannot be read: ${error.code ?? error.message}.`);
  }
}

export const usage =
  "release --out DIR --key FILE [--version N] [--expires TIME | --days N] [--channel NAME] [--model FILE] [--space FILE] " +
  "[--most-ms MS] [--policy JSON|FILE] [--rollout PERCENT] [--salt TEXT] [--kill | --rollback-to N] [--trust PUBLIC-KEY]";

/** The options of `makeRelease` in the command line; paths are of the folder `from`. */
function options(args, from) {
  const text = { type: "string" };
  let values;
  try {
    ({ values } = parseArgs({
      args,
      options: {
        ...{ out: text, key: text, version: text, expires: text, days: text, model: text, space: text },
        ...{ channel: text, policy: text, rollout: text, salt: text, "rollback-to": text, "most-ms": text },
        kill: { type: "boolean" },
        trust: { type: "string", multiple: true },
      },
    }));
    if (!values.out || !values.key) throw new Error("--out and --key are needed");
    if (values.expires && values.days) throw new Error("--expires or --days, not both");
  } catch (error) {
    throw new Stop(`Use \`nearside ${usage}\`: ${error.message}.`);
  }
  const {
    out,
    key,
    model,
    space,
    days,
    rollout,
    version,
    policy,
    "rollback-to": rollbackTo,
    "most-ms": mostMs,
    ...rest
  } = values;
  const path = (given) => given && resolve(from, given);
  const number = (given) => (given === undefined ? undefined : Number(given));
  return {
    ...rest,
    ...{ out: path(out), key: path(key), model: path(model), space: path(space) },
    ...{
      days: number(days),
      rollout: number(rollout),
      version: number(version),
      mostMs: number(mostMs),
      rollbackTo: number(rollbackTo),
    },
    policy: policy === undefined ? undefined : readJson(policy, path),
  };
}

function readJson(given, path) {
  try {
    return JSON.parse(given.trimStart().startsWith("{") ? given : readFileSync(path(given), "utf8"));
  } catch (error) {
    throw new Stop(`--policy is JSON or a file with it: ${error.message}.`);
  }
}

/** The command line, with these arguments; paths are of the folder `from`, by default the one at hand. */
export async function run(args, from = "") {
  const given = options(args, from);
  const report = (time) => say(`  200 stories, 50 clicks: ${time.toFixed(1)} ms here`);
  const manifest = await makeRelease({ ...given, report });
  for (const name of files) say(`  ${manifest[name].name} ${dim(`${manifest[name].bytes} bytes`)}`);
  const { version, channel, killed, rollout, expires, policy } = manifest;
  say(`  policy ${JSON.stringify(policy)}, rollout ${rollout.percentage} % by salt ${rollout.salt}`);
  say(
    `  for pages whose \`release.channel\` is ${JSON.stringify(channel)}${channel === CHANNEL ? " or left out" : ""}`,
  );
  done(
    `Version ${bold(version)}${killed ? ", switched off," : ""} is in ${given.out}, good until ${expires}`,
  );
}

if (isMain(import.meta.url)) await main(() => run(process.argv.slice(2)));
