// `consent: "auto"`, with the signals of the IAB's own libraries, and with platforms that misbehave.

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { debounced, newPage, openTab, options, pause, readTwo, soon, stories, Watched } from "./page.mjs";
import { gppStub, platformScript, tcfStub } from "./platform.mjs";

const list = stories(4);
const run = (script) => new Function(script)();
const platforms = new Function(`${await platformScript()}; return platforms;`);
const stub = await tcfStub();
const all = [1, 5, 6];
const inTime = { budgetMs: 5000 };

globalThis.window = globalThis;
afterEach(() => {
  delete globalThis.__tcfapi;
  delete globalThis.__gpp;
});

/** A platform that tells at once. */
function tcf(purposes) {
  const platform = platforms().tcf();
  if (purposes !== undefined) platform.tell(purposes);
  return platform;
}

function gpp(...told) {
  run(gppStub); // the library expects one
  const platform = platforms().gpp();
  if (told.length > 0) platform.tell(...told);
  return platform;
}

/** Notes what is asked of an interface. */
function noted(name) {
  const calls = [];
  const real = globalThis[name];
  globalThis[name] = (command, ...rest) => {
    calls.push([command, ...rest.filter((one) => typeof one !== "function")]);
    return real(command, ...rest);
  };
  return calls;
}

async function reasonOf(consent = "auto", { budgetMs } = inTime) {
  const page = await newPage();
  const reranker = page.createReranker(options(page, { consent }));
  const { outcome } = await reranker.rank(list, { budgetMs });
  reranker.dispose();
  return outcome.reason;
}

/** A tab under `consent: "auto"`, not waited for. */
async function openAuto(store, consent = "auto") {
  const page = await newPage();
  const script = page.url("consent-platforms.js");
  await import(script); // the browser's cache has it
  const reranker = page.createReranker(options(page, { store, consent }));
  await import(script);
  await pause(soon); // by now the platforms are asked
  return Object.assign(reranker, { page });
}

test("without a consent platform on the page there is no consent, and nothing is used", async () => {
  const store = new Watched();
  const began = performance.now();
  const reranker = await openAuto(store, { signal: "auto", timeoutMs: 20_000 });
  readTwo(reranker, list);
  assert.equal((await reranker.rank(list, { budgetMs: 10_000 })).outcome.reason, "no_consent");
  await reranker.ready;
  assert.ok(performance.now() - began < 8000, "and nothing is waited for");
  await pause(debounced);
  assert.deepEqual([store.uses, reranker.page.control.calls], [[], []]);
});

test("where the script that asks the platforms does not come there is no consent, and the outcome says why", async () => {
  tcf(all);
  const store = new Watched();
  const page = await newPage("consent-platforms.js");
  const reranker = page.createReranker(options(page, { store, consent: "auto" }));
  readTwo(reranker, list);
  const { outcome } = await reranker.rank(list, inTime);
  assert.equal(outcome.reason, "no_consent");
  assert.match(outcome.message, /^consent: its script did not load; .*consent-platforms.js does not come/);
  await reranker.ready;
  assert.equal(await reranker.erase(), true);
  assert.deepEqual([page.control.calls.length, reranker.stored()], [0, undefined]);
});

test("where that script does not come Global Privacy Control is a no all the same: it erases", async (t) => {
  const store = await filledStore();
  privacyControl(t);
  const page = await newPage("consent-platforms.js");
  const reranker = page.createReranker(options(page, { store, consent: "auto" }));
  await erased(store);
  reranker.dispose();
});

test("TCF: storing, a profile for content and content by it are needed, and no more", async () => {
  tcf(all);
  assert.equal(await reasonOf(), "cold");
  assert.equal(await reasonOf({ signal: "auto" }), "cold");
  for (const missing of all) {
    tcf(all.filter((purpose) => purpose !== missing));
    assert.equal(await reasonOf(), "no_consent", `without ${missing}`);
  }
  tcf([]);
  assert.equal(await reasonOf(), "no_consent");
});

test("TCF: the page may name other purposes; storing needs consent whatever it names", async () => {
  tcf([1, 8]);
  assert.equal(await reasonOf({ signal: "auto", purposes: [8] }), "cold");
  assert.equal(await reasonOf({ signal: "auto", purposes: [] }), "cold");
  assert.equal(await reasonOf({ signal: "auto", purposes: [8, 9] }), "no_consent");
  tcf([5, 6, 8]);
  assert.equal(await reasonOf({ signal: "auto", purposes: [8] }), "no_consent");
});

test("TCF: where GDPR does not apply it has no objection", async () => {
  tcf(null);
  assert.equal(await reasonOf(), "cold");
});

test("TCF: an open dialogue decides nothing, and consent that comes later starts loading by itself", async () => {
  const platform = tcf();
  platform.show(all);
  const store = new Watched();
  const reranker = await openAuto(store, { signal: "auto", timeoutMs: 30 });
  reranker.clicked(list[0]);
  assert.equal((await reranker.rank(list, inTime)).outcome.reason, "no_consent");
  assert.deepEqual([store.uses, reranker.page.control.calls], [[], []]);
  platform.tell(all);
  await reranker.ready;
  assert.deepEqual(store.uses, ["read"], "loaded without being asked to rank");
  assert.equal(reranker.stored().clicks, 0, "what happened before is not known");
  assert.equal((await reranker.rank(list)).outcome.reason, "cold");
  platform.show(all);
  assert.equal((await reranker.rank(list)).outcome.reason, "cold", "opened again it decides nothing, too");
});

test("withdrawal erases what is stored at once, and later rankings say so", async () => {
  const platform = tcf(all);
  const store = new Watched();
  const reranker = await openAuto(store);
  await reranker.ready;
  readTwo(reranker, list);
  await pause(soon);
  assert.equal((await reranker.rank(list)).outcome.reason, "ranked");
  reranker.viewed(list[2]); // pending
  platform.tell([1]);
  assert.equal((await reranker.rank(list)).outcome.reason, "no_consent");
  assert.equal(reranker.explain("s0"), undefined);
  await pause(soon);
  assert.deepEqual(JSON.parse(store.text).events, []);
  reranker.clicked(list[3]);
  await pause(debounced);
  assert.deepEqual(JSON.parse(store.text).events, []);
  platform.tell(all);
  assert.equal((await reranker.rank(list)).outcome.reason, "cold");
  reranker.clicked(list[3]);
  await pause(soon);
  assert.equal(JSON.parse(store.text).events.length, 1);
});

test("withdrawal reaches other tabs: none brings the history back", async () => {
  const store = new Watched();
  const other = await openTab(store);
  readTwo(other, list);
  await pause(soon);
  const platform = tcf(all);
  const reranker = await openAuto(store);
  await reranker.ready;
  other.viewed(list[2]); // pending there
  platform.tell([]);
  await pause(debounced);
  assert.deepEqual(JSON.parse(store.text).events, []);
  assert.equal(other.stored().clicks, 0);
});

test("a no that was said on another page erases what is stored, once; where nothing is, nothing is written", async () => {
  const store = new Watched();
  readTwo(await openTab(store), list);
  await pause(soon);
  tcf([]);
  await openAuto(store);
  await pause(soon);
  assert.doesNotMatch(store.text, /clicked/);
  store.uses.length = 0;
  await openAuto(store);
  await pause(soon);
  const fresh = new Watched();
  await openAuto(fresh);
  await pause(soon);
  assert.deepEqual([store.uses, fresh.uses], [["read"], ["read"]]);
});

test("a ranking waits for the answer within its budget, and no longer than the page allows", async () => {
  const platform = tcf();
  const page = await newPage();
  const reranker = page.createReranker(options(page, { consent: { signal: "auto", timeoutMs: 4000 } }));
  assert.equal((await reranker.rank(list, { budgetMs: 20 })).outcome.reason, "no_consent");
  const pending = reranker.rank(list, inTime);
  setTimeout(platform.tell, 50, all); // not in the turn of the call
  assert.equal((await pending).outcome.reason, "cold");

  tcf();
  const began = performance.now();
  assert.equal(await reasonOf({ signal: "auto", timeoutMs: 60 }), "no_consent");
  const took = performance.now() - began;
  assert.ok(took > 40 && took < 3000, `${took}`);
  const later = performance.now();
  assert.equal(await reasonOf(), "no_consent");
  assert.ok(performance.now() - later > 400, "half a second, if the page says nothing");
});

test("a stub that is replaced by its platform passes on what it was asked", async () => {
  globalThis.document = undefined;
  globalThis.frames = { __tcfapiLocator: true };
  globalThis.top = globalThis;
  globalThis.addEventListener ??= () => {};
  // The stub looks for a locator in a page's frames: it is installed as if there were none of another frame.
  run(
    stub
      .replace("r.frames.__tcfapiLocator", "false")
      .replace("n.document", "{body:{appendChild(){}},createElement:()=>({style:{}})}"),
  );
  delete globalThis.document;
  assert.equal(typeof globalThis.__tcfapi, "function");
  run(gppStub);
  const page = await newPage();
  const reranker = page.createReranker(options(page, { consent: "auto" }));
  const pending = reranker.rank(list, inTime);
  const platform = platforms();
  platform.tcf().tell(all);
  assert.equal(await Promise.race([pending, pause(20)]), undefined, "GPP has not answered");
  platform.gpp().tell([-1]);
  assert.equal((await pending).outcome.reason, "cold");
});

test("a platform that drops what its stub was asked is asked again at the next use; so is one that comes late", async () => {
  for (const first of [() => {}, undefined]) {
    globalThis.__tcfapi = first;
    const reranker = await openAuto(undefined, { signal: "auto", timeoutMs: 10 });
    assert.equal((await reranker.rank(list)).outcome.reason, "no_consent");
    delete globalThis.__tcfapi;
    tcf(all);
    assert.equal((await reranker.rank(list, inTime)).outcome.reason, "cold");
  }
});

const misbehaving = {
  throws: () => {
    throw new Error("no");
  },
  hangs: () => {},
  "answers nothing": (_command, _version, callback) => callback(),
  "answers null": (_command, _version, callback) => callback(null, true),
  "answers a number": (_command, _version, callback) => callback(7, true),
  "answers without purposes": (_command, _version, callback) =>
    callback({ eventStatus: "tcloaded", gdprApplies: true }, true),
  "answers what throws": (_command, _version, callback) =>
    callback(
      {
        get eventStatus() {
          throw new Error("no");
        },
      },
      true,
    ),
  "answers without success": (_command, _version, callback) => callback({ gdprApplies: false }, false),
  "answers that it failed": (_command, _version, callback) =>
    callback({ gdprApplies: false, cmpStatus: "error" }, true),
  "consents to texts": (_command, _version, callback) =>
    callback({ eventStatus: "tcloaded", purpose: { consents: { 1: "true", 5: 1, 6: {} } } }, true),
};
for (const [what, api] of Object.entries(misbehaving)) {
  test(`a platform that ${what} has given no consent`, async () => {
    globalThis.__tcfapi = api;
    assert.equal(await reasonOf({ signal: "auto", timeoutMs: 20 }), "no_consent");
    delete globalThis.__tcfapi;
    globalThis.__gpp = (command, callback) => api(command, undefined, callback);
    assert.equal(await reasonOf({ signal: "auto", timeoutMs: 20 }), "no_consent");
  });
}

test("a platform that fails after it consented ends the use of the history, and does not erase it", async () => {
  let tell;
  globalThis.__tcfapi = (command, _version, callback) => {
    if (command !== "addEventListener") return;
    tell = callback;
  };
  const store = new Watched();
  const reranker = await openAuto(store);
  const consents = { 1: true, 5: true, 6: true };
  tell({ eventStatus: "tcloaded", gdprApplies: true, purpose: { consents } }, true);
  await reranker.ready;
  readTwo(reranker, list);
  await pause(soon);
  tell({ cmpStatus: "error", gdprApplies: true }, true);
  assert.equal((await reranker.rank(list)).outcome.reason, "no_consent");
  await pause(soon);
  assert.match(store.text, /clicked s0/);
});

test("GPP: a US section without an objection is enough, whatever notices it names", async () => {
  const free = {
    SaleOptOutNotice: 1,
    SharingOptOutNotice: 1,
    TargetedAdvertisingOptOutNotice: 1,
    SensitiveDataProcessingOptOutNotice: 1,
    SaleOptOut: 2,
    SharingOptOut: 2,
    TargetedAdvertisingOptOut: 0,
    SensitiveDataProcessing: [0, 2, 0, 2, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0],
    KnownChildSensitiveDataConsents: [0, 0, 0],
    PersonalDataConsents: 2,
    MspaCoveredTransaction: 1,
    MspaOptOutOptionMode: 1,
    MspaServiceProviderMode: 2,
    Gpc: false,
  };
  gpp([7], { usnat: free });
  assert.equal(await reasonOf(), "cold");
});

const objections = [
  ["usnat", 7, { SaleOptOut: 1 }],
  ["usnat", 7, { SharingOptOut: 1 }],
  ["usnat", 7, { TargetedAdvertisingOptOut: 1 }],
  ["usnat", 7, { SensitiveDataProcessing: [0, 0, 2, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0] }],
  ["usnat", 7, { KnownChildSensitiveDataConsents: [0, 1, 0] }],
  ["usnat", 7, { PersonalDataConsents: 1 }],
  ["usnat", 7, { Gpc: true }],
  ["usca", 8, { SharingOptOut: 1 }],
  ["usca", 8, { Gpc: true }],
  ["usva", 9, { TargetedAdvertisingOptOut: 1 }],
  ["usco", 10, { SaleOptOut: 1 }],
  ["usut", 11, { TargetedAdvertisingOptOut: 1 }],
  ["usct", 12, { Gpc: true }],
  ["ustx", 16, { AdditionalDataProcessingConsent: 1 }],
  ["usnh", 20, { SensitiveDataProcessing: [1, 0, 0, 0, 0, 0, 0, 0] }],
  ["usmn", 23, { SaleOptOut: 1 }],
  ["uspv1", 6, { OptOutSale: "Y" }],
];
for (const [section, id, fields] of objections) {
  test(`GPP: ${section} with ${JSON.stringify(fields)} is a no`, async () => {
    const platform = gpp([id], { [section]: fields });
    assert.equal(await reasonOf(), "no_consent");
    const none = { 1: 2, Y: "N" };
    const free = Object.entries(fields).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.map(() => 0) : value === true ? false : none[value],
    ]);
    platform.tell([id], { [section]: Object.fromEntries(free) });
    assert.equal(await reasonOf(), "cold", "and without it none");
  });
}

test("GPP: sections as lists of segments are read as well", async () => {
  const say = (usnat) => {
    const pingData = { signalStatus: "ready", applicableSections: [7], parsedSections: { usnat } };
    globalThis.__gpp = (command, callback) =>
      command === "addEventListener" &&
      callback({ eventName: "listenerRegistered", listenerId: 1, pingData }, true);
  };
  say([
    { Version: 1, SaleOptOut: 2 },
    { SubsectionType: 1, Gpc: false },
  ]);
  assert.equal(await reasonOf(), "cold");
  say([
    { Version: 1, SaleOptOut: 2 },
    { SubsectionType: 1, Gpc: true },
  ]);
  assert.equal(await reasonOf(), "no_consent");
});

test("GPP: the section of TCF counts as TCF does, where it applies", async () => {
  const consents = (...purposes) => Array.from({ length: 24 }, (_, i) => purposes.includes(i + 1));
  const platform = gpp([2], { tcfeuv2: { PurposeConsents: consents(1, 5, 6) } });
  assert.equal(await reasonOf(), "cold");
  platform.tell([2], { tcfeuv2: { PurposeConsents: consents(1, 5) } });
  assert.equal(await reasonOf(), "no_consent");
  platform.tell([7], { usnat: { SaleOptOut: 2 } });
  assert.equal(await reasonOf(), "cold", "it does not apply");
});

test("GPP: where no section applies it has no objection; where none is known, or another, it has not consented", async () => {
  const platform = gpp([-1]);
  assert.equal(await reasonOf(), "cold");
  for (const sections of [[], [0], [1], [2], [5], [7]]) {
    platform.tell(sections);
    assert.equal(await reasonOf({ signal: "auto", timeoutMs: 20 }), "no_consent", `[${sections}]`);
  }
  platform.tell([5], { tcfcav1: { PurposesExpressConsent: Array(24).fill(true) } });
  assert.equal(await reasonOf(), "no_consent", "Canada's section is not read");
});

test("GPP: nothing counts before the signal is ready, and an opt-out later erases", async () => {
  const platform = gpp();
  platform.api.setFieldValue("usnat", "SaleOptOut", 2);
  platform.api.setApplicableSections([7]);
  const store = new Watched();
  const reranker = await openAuto(store, { signal: "auto", timeoutMs: 20 });
  assert.equal((await reranker.rank(list, inTime)).outcome.reason, "no_consent");
  platform.api.setSignalStatus("ready");
  await reranker.ready;
  readTwo(reranker, list);
  await pause(soon);
  assert.match(store.text, /clicked/);
  platform.tell([7], { usnat: { TargetedAdvertisingOptOut: 1 } });
  assert.equal((await reranker.rank(list)).outcome.reason, "no_consent");
  await pause(soon);
  assert.deepEqual(JSON.parse(store.text).events, []);
});

test("with both on the page, both must have answered and neither with no", async () => {
  const consent = { signal: "auto", timeoutMs: 20 };
  tcf(all);
  const platform = gpp();
  assert.equal(await reasonOf(consent), "no_consent", "GPP has not answered");
  platform.tell([7], { usnat: { SaleOptOut: 1 } });
  assert.equal(await reasonOf(consent), "no_consent");
  platform.tell([7], { usnat: { SaleOptOut: 2 } });
  assert.equal(await reasonOf(consent), "cold");
  tcf([1]);
  assert.equal(await reasonOf(consent), "no_consent");
});

/** Has the browser say no, or not, until the test ends. */
function privacyControl(t) {
  const descriptor = Object.getOwnPropertyDescriptor(globalThis, "navigator");
  t.after(() =>
    descriptor ? Object.defineProperty(globalThis, "navigator", descriptor) : delete globalThis.navigator,
  );
  const control = { globalPrivacyControl: true };
  Object.defineProperty(globalThis, "navigator", { configurable: true, value: control });
  return control;
}

/** A store with two clicks in it. */
async function filledStore() {
  const store = new Watched();
  const tab = await openTab(store);
  readTwo(tab, list);
  await until(() => /clicked/.test(store.text));
  tab.dispose();
  await pause(soon);
  store.uses.length = 0;
  return store;
}

/** Waits for what may take its time on a busy machine. */
async function until(holds) {
  for (let i = 0; i < 300 && !holds(); i++) await pause(10);
  assert.ok(holds(), `${holds}`);
}

const erased = (store) => until(() => !/clicked/.test(store.text));

test("Global Privacy Control is a no beside the platform's yes: nothing is waited for, kept or loaded", async (t) => {
  privacyControl(t);
  tcf(all);
  const store = new Watched();
  const began = performance.now();
  const reranker = await openAuto(store, { signal: "auto", timeoutMs: 20_000 });
  assert.equal((await reranker.rank(list, { budgetMs: 10_000 })).outcome.reason, "no_consent");
  await reranker.ready;
  assert.ok(performance.now() - began < 8000, "nothing is waited for");
  readTwo(reranker, list);
  await pause(debounced);
  assert.deepEqual([store.uses, reranker.page.control.calls], [["read"], []], "there was nothing to erase");
  reranker.dispose();
});

for (const [what, start] of [
  ["with a platform that says yes", () => tcf(all)],
  ["with a platform that says no", () => tcf([])],
  ["with a platform that is silent", () => tcf()],
  ["without a platform", () => {}],
]) {
  test(`Global Privacy Control erases as a withdrawal does, ${what}`, async (t) => {
    const store = await filledStore();
    privacyControl(t);
    start();
    const reranker = await openAuto(store);
    await erased(store);
    assert.equal((await reranker.rank(list)).outcome.reason, "no_consent");
    reranker.dispose();
  });
}

test("Global Privacy Control that is switched on in an open page erases at the next use", async (t) => {
  const control = privacyControl(t);
  control.globalPrivacyControl = false;
  tcf(all);
  const store = await filledStore();
  const reranker = await openAuto(store);
  assert.equal((await reranker.rank(list, inTime)).outcome.reason, "ranked");
  control.globalPrivacyControl = true;
  assert.equal((await reranker.rank(list)).outcome.reason, "no_consent");
  await erased(store);
  control.globalPrivacyControl = false;
  assert.equal((await reranker.rank(list, inTime)).outcome.reason, "cold", "the platform's yes still stands");
  reranker.dispose();
});

test("Global Privacy Control hides no answer of the platform's: its no erases, and stays one", async (t) => {
  const store = await filledStore();
  const control = privacyControl(t);
  const platform = tcf(all);
  const reranker = await openAuto(store);
  await erased(store);
  // Another tab, on a page without the platform, goes on meanwhile.
  control.globalPrivacyControl = false;
  const other = await openTab(store);
  readTwo(other, list);
  await until(() => /clicked/.test(store.text));
  control.globalPrivacyControl = true;
  platform.tell([1]);
  await erased(store); // the platform's no came under Global Privacy Control
  control.globalPrivacyControl = false;
  assert.equal((await reranker.rank(list)).outcome.reason, "no_consent");
  platform.tell(all);
  assert.equal((await reranker.rank(list, inTime)).outcome.reason, "cold");
  for (const one of [reranker, other]) one.dispose();
});

/** A page, as far as a platform may come to it. */
function page(t) {
  const listeners = new Map();
  const listen = (name, listener, { signal } = {}) => {
    listeners.set(listener, name);
    signal?.addEventListener("abort", () => listeners.delete(listener));
  };
  const real = globalThis.addEventListener;
  globalThis.document = { addEventListener: listen, hidden: false, readyState: "loading" };
  globalThis.addEventListener = listen;
  t.after(() => {
    delete globalThis.document;
    globalThis.addEventListener = real;
  });
  return {
    listeners,
    fire: (name) => {
      for (const [listener, its] of listeners) if (its === name) listener({ type: name });
    },
  };
}

test("a platform that a tag manager brings is found within the timeout, by a ranking that can wait and by itself", async (t) => {
  page(t);
  const reranker = await openAuto(new Watched(), { signal: "auto", timeoutMs: 4000 });
  const patient = reranker.rank(list, inTime);
  assert.equal((await reranker.rank(list, { budgetMs: 1000 })).outcome.reason, "no_consent");
  setTimeout(tcf, 120, all);
  assert.equal((await patient).outcome.reason, "cold");
  reranker.dispose();

  delete globalThis.__tcfapi;
  const other = await openAuto(new Watched(), { signal: "auto", timeoutMs: 4000 });
  setTimeout(gpp, 120, [-1]);
  await other.ready;
  assert.notEqual(other.stored(), undefined, "loaded without being asked to rank");
  other.dispose();
});

for (const event of ["DOMContentLoaded", "load"]) {
  test(`a platform that comes after the timeout is found at ${event}`, async (t) => {
    const { fire, listeners } = page(t);
    const reranker = await openAuto(new Watched(), { signal: "auto", timeoutMs: 0 });
    await reranker.ready;
    tcf(all);
    await pause(100);
    assert.equal(reranker.page.control.calls.length, 0, "nobody looks for it any more");
    fire(event);
    await reranker.ready;
    assert.equal((await reranker.rank(list, inTime)).outcome.reason, "cold");
    reranker.dispose();
    assert.ok(![...listeners.values()].includes(event), "dispose ends listening");
  });
}

test("where no platform comes, looking for one ends with the timeout, or with the reranker", async (t) => {
  page(t);
  await pause(600); // what other tests began ends
  let looks = 0;
  Object.defineProperty(globalThis, "__tcfapi", { configurable: true, get: () => void looks++ });
  const reranker = await openAuto(new Watched(), { signal: "auto", timeoutMs: 150 });
  await reranker.ready;
  const before = looks;
  assert.ok(before > 1 && before < 12, `${before}`);
  await pause(300);
  assert.equal(looks, before);
  const other = await openAuto(new Watched(), { signal: "auto", timeoutMs: 1e9 });
  other.dispose();
  const after = looks;
  await pause(200);
  assert.equal(looks, after);
  await other.ready;
  reranker.dispose();
});

test("a platform in another's place is asked anew, and its word counts", async () => {
  tcf(all);
  const store = await filledStore();
  const reranker = await openAuto(store);
  assert.equal((await reranker.rank(list, inTime)).outcome.reason, "ranked");
  tcf([1]);
  assert.equal((await reranker.rank(list)).outcome.reason, "no_consent");
  await erased(store);
  reranker.dispose();
});

test("a platform whose interface is another function at each look is asked a few times, not for ever", async () => {
  let asked = 0;
  Object.defineProperty(globalThis, "__tcfapi", {
    configurable: true,
    get: () => () => void asked++,
  });
  const reranker = await openAuto(new Watched(), { signal: "auto", timeoutMs: 10 });
  for (let i = 0; i < 30; i++) await reranker.rank(list);
  assert.ok(asked < 12, `${asked}`);
  reranker.dispose();
});

test("a platform that calls back a thousand times, and after the end, does no harm", async () => {
  let tell;
  const removed = [];
  globalThis.__tcfapi = (command, _version, callback, id) => {
    if (command === "removeEventListener") removed.push(id);
    else tell = callback;
  };
  const store = new Watched();
  const reranker = await openAuto(store);
  const yes = {
    listenerId: 7,
    eventStatus: "tcloaded",
    purpose: { consents: { 1: true, 5: true, 6: true } },
  };
  for (let i = 0; i < 1000; i++) tell(i % 3 === 2 ? { toString: 0 } : yes, true);
  tell(yes, true);
  assert.equal((await reranker.rank(list, inTime)).outcome.reason, "cold");
  reranker.dispose();
  assert.deepEqual(removed, [7]);
  tell({ ...yes, listenerId: 8 }, true);
  assert.deepEqual(removed, [7, 8], "it gave the listener another number");
});

test("dispose ends listening, also where the platform answers only then", async () => {
  tcf(all);
  const calls = noted("__tcfapi");
  gpp([-1]);
  const more = noted("__gpp");
  const reranker = await openAuto(new Watched());
  await reranker.ready;
  reranker.dispose();
  assert.deepEqual(calls, [
    ["addEventListener", 2],
    ["removeEventListener", 2, 0],
  ]);
  assert.deepEqual(more, [["addEventListener"], ["removeEventListener", 1000]]);

  delete globalThis.__gpp;
  const late = tcf();
  const asked = noted("__tcfapi");
  const store = new Watched();
  const other = await openAuto(store);
  const pending = other.rank(list, inTime);
  other.dispose();
  assert.equal((await pending).outcome.reason, "disposed");
  late.tell(all);
  await pause(soon);
  assert.ok(
    asked.some(([command, , id]) => command === "removeEventListener" && id === 0),
    `${asked}`,
  );
  assert.deepEqual(store.uses, []);
});

test("options that cannot be read are no consent, and nothing is thrown", async () => {
  tcf(all);
  const throwing = {
    get signal() {
      throw new Error("no");
    },
  };
  const hostile = [
    { signal: "auto", purposes: 7 },
    { signal: "auto", purposes: ["x"] },
    throwing,
    { signal: "tcf" },
  ];
  for (const consent of [...hostile, "AUTO", ["auto"], { signal: "auto", purposes: [Number.NaN] }])
    assert.equal(await reasonOf(consent), "no_consent");
  assert.equal(await reasonOf({ signal: "auto", timeoutMs: Number.NaN }), "cold");
});
