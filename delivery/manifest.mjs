// A release's manifest: its signed framing, and what may stand in it. docs/delivery.md describes the format.
//
// The file is `{"manifest":M,"signature":"S"}`: S is the Ed25519 signature over the bytes of the text M, so the file is JSON as
// a whole, what is parsed is what was signed, and no cache can pair a signature with another version.

import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign as signBytes,
  verify,
} from "node:crypto";
import { Stop } from "./terminal.mjs";

/** The format this writes and reads. */
export const FORMAT = 1;
/** The most bytes of a manifest that the SDK reads. */
export const MOST_BYTES = 8192;

const before = '{"manifest":';
const between = ',"signature":"';
const after = '"}';
/** Ed25519's 64 bytes in padded base64. */
const signatureLength = 88;
/** What a public key's DER has before its 32 raw bytes. */
const keyHeader = Buffer.from("302a300506032b6570032100", "hex");
const rawKeyLength = 32;

/** A new pair: the private key as PKCS#8 PEM, the public key as the SDK takes it. */
export function makeKeys() {
  const { privateKey } = generateKeyPairSync("ed25519");
  return {
    privateKey: privateKey.export({ type: "pkcs8", format: "pem" }),
    publicKey: publicKeyOf(privateKey),
  };
}

/** The private key in a PEM text. */
export function readPrivateKey(pem) {
  let key;
  try {
    key = createPrivateKey(pem);
  } catch {
    throw new Stop("The key file holds no private key in PEM: make one with `nearside keys --out FILE`.");
  }
  if (key.asymmetricKeyType !== "ed25519")
    throw new Stop(
      `The key is ${key.asymmetricKeyType}, not Ed25519: make one with \`nearside keys --out FILE\`.`,
    );
  return key;
}

/** The public half of a private key: base64 of its 32 raw bytes. */
export function publicKeyOf(privateKey) {
  const der = createPublicKey(asKey(privateKey)).export({ type: "spki", format: "der" });
  return der.subarray(keyHeader.length).toString("base64");
}

/** The file of a manifest: its text, signed. `privateKey`: PEM or a key. */
export function sign(manifest, privateKey) {
  const text = typeof manifest === "string" ? manifest : JSON.stringify(manifest);
  const signature = signBytes(null, Buffer.from(text), asKey(privateKey)).toString("base64");
  const signed = `${before}${text}${between}${signature}${after}\n`;
  const bytes = Buffer.byteLength(signed);
  if (bytes > MOST_BYTES)
    throw new Stop(
      `The manifest has ${bytes} bytes and may have ${MOST_BYTES}: shorten the policy or the salt.`,
    );
  return signed;
}

/** The manifest of a signed file; throws where none of the public keys made its signature. */
export function readSigned(signed, publicKeys) {
  const { text, signature } = take(signed);
  const isSigned = publicKeys.some((key) => verify(null, Buffer.from(text), asPublicKey(key), signature));
  if (!isSigned) throw new Stop("The manifest's signature is of none of the public keys.");
  return parse(text);
}

/** The manifest of a file whoever signed it, for its version and salt alone. */
export const readUnverified = (signed) => parse(take(signed).text);

function take(signed) {
  const body = signed.endsWith("\n") ? signed.slice(0, -1) : signed;
  const end = body.length - after.length - signatureLength;
  const text = body.slice(before.length, end - between.length);
  const signature = body.slice(end, end + signatureLength);
  const isFramed =
    Buffer.byteLength(signed) <= MOST_BYTES &&
    body.startsWith(before) &&
    body.slice(end - between.length, end) === between &&
    /^[A-Za-z0-9+/]{86}==$/.test(signature) &&
    body.endsWith(after);
  if (!isFramed) throw new Stop('The manifest is not one: it is not `{"manifest":…,"signature":"…"}`.');
  return { text, signature: Buffer.from(signature, "base64") };
}

function parse(text) {
  let manifest;
  try {
    manifest = JSON.parse(text);
  } catch {
    throw new Stop("The manifest is no JSON.");
  }
  if (manifest?.format !== FORMAT) throw new Stop(`The manifest is not of format ${FORMAT}.`);
  if (!isVersion(manifest.version))
    throw new Stop("The manifest's version is no whole number of at least 1.");
  return manifest;
}

/** Whether a value may be a release's version. */
export const isVersion = (value) => Number.isSafeInteger(value) && value >= 1;

const asKey = (key) => (typeof key === "string" ? readPrivateKey(key) : key);

/** Whether a text is a public key as the SDK takes it. */
export const isPublicKey = (text) =>
  /^[A-Za-z0-9+/]{43}=$/.test(text) && Buffer.from(text, "base64").length === rawKeyLength;

function asPublicKey(text) {
  if (!isPublicKey(text)) throw new Stop(`${text} is no public key: it is the base64 of 32 bytes.`);
  const key = Buffer.concat([keyHeader, Buffer.from(text, "base64")]);
  return createPublicKey({ key, format: "der", type: "spki" });
}
