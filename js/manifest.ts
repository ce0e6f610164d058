import { date } from "./clock.js";
import { glueIntegrity, version } from "./integrity.js";
import { readPolicy } from "./policy.js";
import { Refusal } from "./refusal.js";
import type { Policy } from "./types.js";

/** A file of a release. */
interface File {
  /** Its name beside the manifest. */
  readonly name: string;
  /** Its hash, `sha256-…`. */
  readonly integrity: string;
}

/** What is read of a release's manifest; `docs/delivery.md` has all of it. */
export interface Manifest {
  /** Whole and monotonic. */
  readonly version: number;
  /** The key that signed it. */
  readonly key: string;
  /** RFC 3339. */
  readonly expires: string;
  readonly killed: boolean;
  /** Whether this version of the package can rank by it. If not, nothing but what stands above need be there. */
  readonly isUsable: boolean;
  readonly rollout: { readonly percentage: number; readonly salt: string };
  readonly policy: Policy;
  readonly wasm: File;
  readonly model: File;
}

/** What tells whether it can be used. */
interface Signed extends Manifest {
  readonly contract: number;
  readonly glue: File;
  readonly sdk: string;
}

/** The model contract's version that this package's core knows. */
const contract = 1;
/** A device's clock may be wrong by so much: 24 hours. */
const grace = 86_400_000;

/** What is signed is the text between the two names, to the byte. */
const framing = /^\{"manifest":(.{1,8000}),"signature":"([\w+/]{86}==)"\}\n?$/s;

/**
 * Reads a manifest that one of the keys (base64 of 32 bytes) has signed.
 *
 * Throws a refusal: `sig_invalid`; else `unsupported` where this browser knows no Ed25519, or this version of the package does not
 * know the format.
 */
export async function readManifest(text: string, keys: readonly string[]): Promise<Manifest> {
  const [, signed = "", signature = ""] = framing.exec(text) ?? [];
  const key = await signerOf(signed, signature, keys);
  if (key === undefined) throw new Refusal("sig_invalid"); // guard: signed
  try {
    const manifest = JSON.parse(signed);
    const isKnown =
      manifest.format === 1 && // guard: format
      Number.isSafeInteger(manifest.version);
    if (isKnown) return { ...manifest, key, isUsable: isUsable(manifest) };
  } catch {
    // Signed, and yet nothing with members.
  }
  throw new Refusal("unsupported");
}

function isUsable(manifest: Signed): boolean {
  try {
    const { wasm, model } = manifest;
    readPolicy(manifest.policy); // guard: release-policy
    return (
      manifest.contract === contract && // guard: contract
      manifest.glue.integrity === glueIntegrity && // guard: glue
      version.localeCompare(manifest.sdk, "en", { numeric: true }) >= 0 && // guard: sdk
      Date.parse(manifest.expires) > 0 &&
      manifest.rollout.percentage >= 0 &&
      [wasm, model].every(
        (file) => /^[\w.-]+$/.test(file.name) && /^sha256-[\w+/]{43}=$/.test(file.integrity),
      )
    );
  } catch {
    return false; // signed, and yet not as it should be
  }
}

/** Whether a release may not be used any more. */
export function isExpired({ expires }: Manifest): boolean {
  return date() > Date.parse(expires) + grace;
}

/** Which of the keys has signed the text. */
async function signerOf(
  signed: string,
  signature: string,
  keys: readonly string[],
): Promise<string | undefined> {
  for (const key of keys) {
    try {
      const { subtle } = crypto;
      const name = "Ed25519";
      const known = await subtle.importKey("raw", bytesOf(key), name, false, ["verify"]);
      if (await subtle.verify(name, known, bytesOf(signature), new TextEncoder().encode(signed))) return key;
    } catch (error) {
      // `DataError`, `InvalidCharacterError`: that is no key.
      const { name } = error as Error;
      if (name === "NotSupportedError" || name === "TypeError")
        throw new Refusal("unsupported", "no Ed25519");
    }
  }
  return undefined;
}

function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}
