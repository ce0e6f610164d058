/**
 * Whether the reader's consent holds now. Only `true`, or a function that returns `true`, is consent; Global Privacy Control
 * overrules it.
 */
export function hasConsent(consent: unknown): boolean {
  try {
    const { navigator } = globalThis as { navigator?: { globalPrivacyControl?: unknown } };
    if (navigator?.globalPrivacyControl === true) return false; // guard: gpc
    return consent === true || (typeof consent === "function" && consent() === true); // guard: consent-true
  } catch {
    // guard: consent-throws
    return false;
  }
}
