// Readers who did not agree, or do not agree any more.

const group = "consent";
const row = (name, fault, reason, page, more) => ({ group, name, fault, reason, page, ...more });

/** Nothing may be kept that this view could have put there. */
const untouched = ({ notes }) => notes;

export const consent = [
  row(
    "absent",
    "`consent: false`",
    "no_consent",
    () => {
      globalThis.row.options = () => ({ consent: false });
    },
    { silent: true, guards: ["consent"] },
  ),
  row(
    "left out",
    "no `consent` at all",
    "no_consent",
    () => {
      globalThis.row.options = () => ({ consent: undefined });
    },
    { silent: true },
  ),
  row(
    "a word for it",
    '`consent: "true"`',
    "no_consent",
    () => {
      globalThis.row.options = () => ({ consent: "true" });
    },
    { silent: true, guards: ["consent-true"] },
  ),
  row(
    "throws",
    "the page's consent function throws",
    "no_consent",
    () => {
      globalThis.row.options = () => ({
        consent: () => {
          throw new Error("the consent platform is broken");
        },
      });
    },
    { silent: true, guards: ["consent-throws"] },
  ),
  row(
    "a promise",
    "the page's consent function answers with a promise",
    "no_consent",
    () => {
      globalThis.row.options = () => ({ consent: () => Promise.resolve(true) });
    },
    { silent: true },
  ),
  row(
    "Global Privacy Control",
    "the browser says no for the reader",
    "no_consent",
    () => {
      Object.defineProperty(navigator, "globalPrivacyControl", { value: true });
    },
    { silent: true, guards: ["gpc"] },
  ),
  row(
    "absent, then clicks",
    "the reader opens and hides stories without consent: nothing is kept",
    "no_consent",
    () => {
      const { probe, row } = globalThis;
      row.options = () => ({ consent: false });
      row.after = async (reranker) => {
        reranker.clicked({ id: "story-1" });
        reranker.hide({ id: "story-2" });
        dispatchEvent(new Event("pagehide"));
        await probe.wait(700);
        const bytes = await indexedDB.databases?.();
        if (bytes?.some(({ name }) => name === "nearside")) probe.note("a database was made without consent");
        if (probe.left() !== null) probe.note("something was left without consent");
      };
    },
    { silent: true, history: "none", expect: untouched, guards: ["consent-event"] },
  ),
  row(
    "withdrawn while loading",
    "consent goes while the files are on their way",
    "no_consent",
    () => {
      let agreed = true;
      globalThis.row.options = () => ({ consent: () => agreed });
      setTimeout(() => {
        agreed = false;
      }, 150);
      globalThis.row.between = () => {
        agreed = true;
        setTimeout(() => {
          agreed = false;
        }, 50);
      };
    },
    { faults: () => ({ "/reranker.onnx": { delay: 400 } }), guards: ["consent-again"] },
  ),
  row(
    "withdrawn between rankings",
    "ranked, then without consent: the server's order for the next list",
    "",
    () => {
      let agreed = true;
      Object.assign(globalThis.row, {
        rankings: 2,
        options: () => ({ consent: () => agreed }),
        between: (i) => {
          agreed = i === 0;
        },
      });
    },
    { reasons: ["ranked", "no_consent"] },
  ),
  row(
    "withdrawn and erased",
    "the page calls `erase` when consent goes",
    "",
    () => {
      const { probe } = globalThis;
      let agreed = true;
      Object.assign(globalThis.row, {
        rankings: 2,
        options: () => ({ consent: () => agreed }),
        between: async (i, reranker) => {
          if (i === 0) return;
          agreed = false;
          // On a busy machine storage may take longer than a page waits for it: the page asks again.
          let erased = false;
          for (let i = 0; i < 5 && !erased; i++) erased = await reranker.erase();
          if (!erased) probe.note("erase did not answer true");
          if (probe.left() !== null) probe.note("what a page left is still there");
        },
      });
    },
    { reasons: ["ranked", "no_consent"] },
  ),
  row(
    "auto, and no platform",
    '`consent: "auto"` on a page without a consent platform',
    "no_consent",
    () => {
      globalThis.row.options = () => ({ consent: "auto" });
    },
    { silent: true },
  ),
  row(
    "auto, and a platform that throws",
    "`__tcfapi` and `__gpp` throw at every call",
    "no_consent",
    () => {
      globalThis.__tcfapi = globalThis.__gpp = () => {
        throw new Error("the consent platform is broken");
      };
      globalThis.row.options = () => ({ consent: "auto" });
    },
    { silent: true },
  ),
  row(
    "auto, and Global Privacy Control",
    "the browser says no for the reader, and the platform yes",
    "no_consent",
    () => {
      Object.defineProperty(navigator, "globalPrivacyControl", { value: true });
      globalThis.__tcfapi = (command, _version, hear) =>
        command === "addEventListener" && hear({ listenerId: 1, gdprApplies: false }, true);
      globalThis.row.options = () => ({ consent: "auto" });
    },
    { silent: true, history: "none" },
  ),
  row(
    "auto, and a platform that comes late",
    "a tag manager brings it 200 ms after the reranker, without a stub",
    "ranked",
    () => {
      globalThis.row.options = () => {
        setTimeout(() => {
          globalThis.__tcfapi = (command, _version, hear) =>
            command === "addEventListener" && hear({ listenerId: 1, gdprApplies: false }, true);
        }, 200);
        return { consent: { signal: "auto", timeoutMs: 2000 } };
      };
    },
  ),
  row(
    "auto, and a platform that never answers",
    "`__tcfapi` takes the listener and is silent",
    "no_consent",
    () => {
      globalThis.__tcfapi = () => {};
      globalThis.row.options = () => ({ consent: "auto" });
    },
    { silent: true },
  ),
];
