import type { Flavour } from "./flavour.js";
import type { Page } from "./release.js";
import type { Policy } from "./types.js";

/** A file of a release. */
interface File {
  /** Its name beside the manifest. */
  readonly name: string;
  /** Its hash, `sha256-…`. */
  readonly integrity: string;
  /** Its size. */
  readonly bytes?: number;
}

/** What every version of the package reads of a manifest, whatever that is for. */
interface Head {
  readonly format: 1;
  /** Whom it is for: pages take the manifests of one channel. */
  readonly channel: string;
  /** Whole and monotonic. */
  readonly version: number;
  /** RFC 3339. */
  readonly expires: string;
  readonly killed: boolean;
}

/** What is read of a release's manifest; `docs/delivery.md` has all of it. */
export interface Manifest extends Head {
  /** The key that signed it. */
  readonly key: string;
  /** Whether this version of the package can rank by it. If not, nothing but its head need be there. */
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
  /** For whoever encodes the feed; pages do not load it. */
  readonly space?: File;
  readonly sdk: string;
}

/** A device's clock may be wrong by so much: 24 hours. */
const grace = 86_400_000;

/** What is signed is the text between the two names, to the byte. With the framing that is at most 8 KB. */
const framing = /^\{"manifest":(.{1,8075}),"signature":"([\w+/]{86}==)"\}\n?$/s;

/** What a manifest is held to. */
export interface Pinned {
  /** The Ed25519 keys, one of which has signed it: base64 of 32 bytes. */
  readonly keys: readonly string[];
  readonly channel: string;
  /** The glue, the contract and the package's version, which its files must fit. */
  readonly flavour: Pick<Flavour, "glueIntegrity" | "contract" | "version">;
}

/**
 * Reads a manifest that one of the keys has signed for the channel. `isKept`: it was kept by this device.
 *
 * Throws a refusal: `sig_invalid`, also where it was signed for another channel; else `unsupported` where this browser knows no
 * Ed25519, or this version of the package does not know the format.
 */
export async function readManifest(
  text: string,
  { keys, channel, flavour }: Pinned,
  page: Page,
  isKept = false,
): Promise<Manifest> {
  const [, signed = "", signature = ""] = framing.exec(text) ?? [];
  const key = await signerOf(signed, signature, keys, page);
  if (key === undefined) throw new page.Refusal("sig_invalid"); // guard: signed
  let manifest: Signed | undefined;
  try {
    manifest = JSON.parse(signed);
  } catch {
    // Signed, and yet no JSON.
  }
  // Versions of the package before channels kept manifests that name none: of those a kill switch still holds, and nothing else.
  const isOldKill = isKept && manifest?.channel === undefined && manifest?.killed === true;
  if (manifest?.channel !== channel && !isOldKill) throw new page.Refusal("sig_invalid"); // guard: channel
  if (!hasHead(manifest, page)) throw new page.Refusal("unsupported");
  return { ...manifest, key, isUsable: isSound(manifest, page) && fits(manifest, flavour) };
}

/** Whether a manifest says all that the kill switch needs. */
function hasHead(manifest: Signed | undefined, { dateOf }: Page): manifest is Signed {
  return (
    manifest?.format === 1 && // guard: format
    Number.isSafeInteger(manifest.version) &&
    manifest.version > 0 &&
    Number.isFinite(dateOf(manifest.expires)) &&
    typeof manifest.killed === "boolean"
  );
}

/** Whether the rest of a manifest is of its types and in its ranges. What joins the manifest gets its line here. */
export function isSound(manifest: Signed, { readPolicy }: Page): boolean {
  try {
    const { rollout, policy, sdk, contract, wasm, glue, model, space = glue } = manifest;
    readPolicy(policy); // guard: release-policy
    return (
      [policy, policy.topicCap ?? {}].every(isObject) &&
      typeof rollout.percentage === "number" &&
      rollout.percentage >= 0 &&
      rollout.percentage <= 100 &&
      isName(rollout.salt) &&
      isText(sdk, /^\d+\.\d+\.\d+[\w.+-]*$/) &&
      Number.isSafeInteger(contract) &&
      [wasm, glue, model, space].every(isFile)
    );
  } catch {
    return false; // a member is missing
  }
}

function isFile({ name, integrity, bytes = 0 }: File): boolean {
  return (
    isText(name, /^\w[\w.-]{0,127}$/) && // no path, nor a folder's name
    isText(integrity, /^sha256-[A-Za-z0-9+/]{43}=$/) &&
    Number.isSafeInteger(bytes) &&
    bytes >= 0
  );
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isText(value: unknown, pattern: RegExp): value is string {
  return typeof value === "string" && pattern.test(value);
}

/** Whether a sound manifest's release is for this version of the package. */
export function fits({ contract, glue, sdk }: Signed, flavour: Pinned["flavour"]): boolean {
  return (
    contract === flavour.contract && // guard: contract
    glue.integrity === flavour.glueIntegrity && // guard: glue
    flavour.version.localeCompare(sdk, "en", { numeric: true }) >= 0 // guard: sdk
  );
}

/** Whether a release may not be used any more. */
export function isExpired({ expires }: Manifest, { date, dateOf }: Page): boolean {
  return date() > dateOf(expires) + grace;
}

/** Which of the keys has signed the text. */
async function signerOf(
  signed: string,
  signature: string,
  keys: readonly string[],
  { bytesOfBinary, Refusal }: Page,
): Promise<string | undefined> {
  for (const key of keys) {
    try {
      const { subtle } = crypto;
      const name = "Ed25519";
      const known = await subtle.importKey("raw", bytesOfBinary(atob(key)), name, false, ["verify"]);
      if (await subtle.verify(name, known, bytesOfBinary(atob(signature)), new TextEncoder().encode(signed)))
        return key;
    } catch (error) {
      // `DataError`, `InvalidCharacterError`: that is no key.
      const { name } = error as Error;
      if (name === "NotSupportedError" || name === "TypeError")
        throw new Refusal("unsupported", "no Ed25519");
    }
  }
  return undefined;
}

/** Whether a value is the name of a channel, or a salt: 1 to 64 printable characters of ASCII. */
export function isName(value: unknown): value is string {
  return typeof value === "string" && /^[ -~]{1,64}$/.test(value);
}
