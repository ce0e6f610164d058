/** In JSON: a choice of the reader's in a US section of GPP that is "opted out" or "no consent", which is 1 in all of them. */
const objection = /"\w*(OptOut(Sale)?|Processing|Consents?|Gpc)":([[\d,]*1|true|"Y")/;

interface TcData {
  readonly cmpStatus?: string;
  readonly eventStatus?: string;
  readonly gdprApplies?: boolean;
  readonly purpose: { readonly consents: Readonly<Record<number, unknown>> };
}

interface PingData {
  readonly cmpStatus?: string;
  readonly signalStatus?: string;
  readonly applicableSections: readonly number[];
  /** By name, a section's fields or a list of its segments'. */
  readonly parsedSections: { readonly tcfeuv2?: unknown };
}

/** What the IAB's TCF says; `undefined`: what it said before. Throws at what cannot be read. */
export function readTcf(data: TcData, purposes: readonly number[]): boolean | undefined {
  if (data.cmpStatus === "error") throw data;
  if (data.gdprApplies === false) return true;
  // While the dialogue is open, nothing new is decided.
  if (!/^(tcloaded|useractioncomplete)$/.test(`${data.eventStatus}`)) return undefined;
  return purposes.every((purpose) => data.purpose.consents[purpose] === true);
}

/**
 * What the IAB's GPP says; `undefined`: what it said before. One choice against anything in a US section is a no, and the section of TCF
 * counts as TCF does. Throws at what cannot be read.
 */
export function readGpp(
  { pingData }: { pingData: PingData },
  purposes: readonly number[],
): boolean | undefined {
  if (pingData.cmpStatus === "error") throw pingData;
  if (pingData.signalStatus !== "ready") return undefined;
  const { applicableSections, parsedSections } = pingData;
  const states = JSON.stringify(parsedSections, (name, value) => (/^tcf/.test(name) ? undefined : value));
  const [tcf] = [parsedSections.tcfeuv2].flat() as [{ PurposeConsents: unknown[] } | undefined];
  const allows = (section: number): boolean =>
    section === 2
      ? purposes.every((purpose) => tcf?.PurposeConsents[purpose - 1] === true)
      : section === -1 || (section > 5 && states.length > 2); // -1: none applies; from 6 on: the United States and its states
  return !objection.test(states) && applicableSections.length > 0 && applicableSections.every(allows);
}
