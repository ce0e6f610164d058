// Consent platforms as sites have them, by the IAB's own libraries, for Node and for a browser's page: a script that has no state of others.

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const source = `
import { CmpApi as TcfApi } from "@iabtechlabtcf/cmpapi";
import { GVL, TCModel, TCString } from "@iabtechlabtcf/core";
import { CmpApi as GppApi } from "@iabgpp/cmpapi";

const id = 31;
const list = {
  gvlSpecificationVersion: 3, vendorListVersion: 48, tcfPolicyVersion: 5, lastUpdated: "2026-01-01T00:00:00Z",
  purposes: {}, specialPurposes: {}, features: {}, specialFeatures: {}, stacks: {}, dataCategories: {}, vendors: {},
};

/** A TC string of a reader who consents to these purposes. */
function tcString(purposes) {
  const model = new TCModel(new GVL(list));
  model.cmpId = id;
  model.cmpVersion = 1;
  model.isServiceSpecific = true;
  model.purposeConsents.set(purposes);
  return TCString.encode(model);
}

/** A TCF platform: tell(purposes) decides, tell(null) says that GDPR does not apply, show(purposes) opens the dialogue. */
function tcf() {
  const api = new TcfApi(id, 1, true);
  return {
    api,
    tell: (purposes) => api.update(purposes && tcString(purposes)),
    show: (purposes = []) => api.update(tcString(purposes), true),
  };
}

/** A GPP platform: tell(sections, fields) decides, with fields as { usnat: { SaleOptOut: 1 } }. */
function gpp() {
  const api = new GppApi(id, 1);
  return {
    api,
    tell(applicable, fields = {}) {
      api.setSignalStatus("not ready");
      api.setApplicableSections(applicable);
      for (const [section, values] of Object.entries(fields)) {
        for (const [name, value] of Object.entries(values)) api.setFieldValue(section, name, value);
        api.fireSectionChange(section);
      }
      api.setSignalStatus("ready");
    },
  };
}

export { gpp, tcf };
`;

/** A script that puts `platforms` into the page: `platforms.tcf()` and `platforms.gpp()` start one each. */
export async function platformScript() {
  const { outputFiles } = await build({
    stdin: { contents: source, resolveDir: fileURLToPath(new URL("../../", import.meta.url)) },
    ...{ bundle: true, format: "iife", globalName: "platforms", target: "es2022" },
    ...{ write: false, logLevel: "error" },
  });
  return outputFiles[0].text;
}

/** The IAB's script that queues what is asked of TCF until the platform itself has come. */
export async function tcfStub() {
  return readFile(createRequire(import.meta.url).resolve("@iabtechlabtcf/stub"), "utf8");
}

/** The same for GPP, written after the stub in the GPP specification's "CMP API", which is in no package. */
export const gppStub = `window.__gpp = function (command, callback, parameter) {
  const { __gpp } = window;
  __gpp.queue ??= [];
  __gpp.events ??= [];
  if (arguments.length === 0) return __gpp.queue;
  const pingData = {
    gppVersion: "1.1", cmpStatus: "stub", cmpDisplayStatus: "hidden", signalStatus: "not ready", supportedAPIs: [], cmpId: 0,
    sectionList: [], applicableSections: [], gppString: "", parsedSections: {},
  };
  if (command === "ping") callback(pingData, true);
  else if (command === "addEventListener") {
    __gpp.lastId = (__gpp.lastId ?? 0) + 1;
    __gpp.events.push({ id: __gpp.lastId, callback, parameter });
    callback({ eventName: "listenerRegistered", listenerId: __gpp.lastId, data: true, pingData }, true);
  } else if (command === "removeEventListener") {
    const at = __gpp.events.findIndex(({ id }) => id === parameter);
    if (at >= 0) __gpp.events.splice(at, 1);
    callback({ eventName: "listenerRemoved", listenerId: parameter, data: at >= 0, pingData }, true);
  } else if (command === "events") return __gpp.events;
  else __gpp.queue.push([].slice.apply(arguments));
};`;
