/**
 * Whether the reader's consent holds now. Only `true`, or a function that returns `true`, is consent; Global Privacy Control
 * overrules it.
 */
export function hasConsent(consent: unknown): boolean {
  try {
    const { navigator } = globalThis as { navigator?: { globalPrivacyControl?: unknown } };
    if (navigator?.globalPrivacyControl === true) return false;
    return consent === true || (typeof consent === "function" && consent() === true);
  } catch {
    return false;
  }
}
