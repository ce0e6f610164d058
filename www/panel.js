// The panel: what was moved, why, what is kept, and the reader's switches.

import { privacyControl, settings } from "./settings.js";
import { boundWords, featureGroups, number, reasonWords, releaseWords } from "./words.js";

const element = (id) => document.getElementById(id);

/** An element with text or children; text is never markup. */
function make(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

const places = (count) => (count === 1 ? "1 place" : `${count} places`);

export class Panel {
  #list;
  #explanation;
  #stored;
  #opener;
  #explained;
  #log = [];

  /** `explain(id)` and `stored()` as a reranker has them. */
  constructor({ list, explain, stored }) {
    this.#list = list;
    this.#explanation = explain;
    this.#stored = stored;
    const toggle = element("panel-toggle");
    toggle.addEventListener("click", () => (this.#isOpen ? this.close() : this.open(toggle)));
    element("panel-close").addEventListener("click", () => this.close());
    element("panel").addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.close();
    });
    element("only-moved").addEventListener("change", () => this.#showPlaces());
    element("places").addEventListener("click", ({ target }) => {
      const id = target.closest("button")?.dataset.id;
      if (id !== undefined) this.explain(this.#list.byId.get(id).item, this.#opener);
    });
  }

  get #isOpen() {
    return !element("panel").hidden;
  }

  /** Opens the panel and moves the focus into it; `opener` gets it back. */
  open(opener, focus = element("panel-title")) {
    this.#opener = opener;
    // A wide window makes room for the panel: what was pressed stays under the finger.
    const before = opener?.getBoundingClientRect().top;
    element("panel").hidden = false;
    element("panel-toggle").setAttribute("aria-expanded", "true");
    document.documentElement.classList.add("with-panel");
    if (opener) scrollBy(0, opener.getBoundingClientRect().top - before);
    this.#show();
    focus.focus({ preventScroll: true });
  }

  close() {
    element("panel").hidden = true;
    element("panel-toggle").setAttribute("aria-expanded", "false");
    document.documentElement.classList.remove("with-panel");
    (this.#opener?.isConnected ? this.#opener : element("panel-toggle")).focus();
  }

  /** Opens the panel at the reasons for one story's place. */
  explain(item, opener) {
    this.#explained = item;
    element("explain").hidden = false;
    this.open(opener, element("explain-title"));
    element("panel").scrollTop =
      element("explain").offsetTop - element("panel").firstElementChild.offsetHeight;
  }

  /** Takes over the result of a ranking: a sentence and all outcomes so far, latest first. */
  update({ sentence, log }) {
    this.#log = log;
    element("outcome").textContent = sentence;
    if (this.#isOpen) this.#show();
  }

  /** Says something at the top of the panel. */
  say(sentence) {
    element("outcome").textContent = sentence;
  }

  #show() {
    this.#showSwitches();
    this.#showOutcome();
    this.#showExplanation();
    this.#showPlaces();
    this.#showStored();
    this.#showLog();
  }

  #showSwitches() {
    element("consent").checked = settings.consent && !privacyControl();
    element("consent").disabled = privacyControl();
    element("server-order").checked = settings.serverOrder;
    if (privacyControl())
      element("consent-note").textContent = "Your browser sends Global Privacy Control, which counts as no.";
  }

  #showOutcome() {
    const outcome = this.#log[0]?.outcome;
    if (!outcome) return;
    const parts = [`Outcome “${outcome.reason}”, ${number(outcome.ms, 1)} ms`];
    if (outcome.modelId) parts.push(`model ${outcome.modelId}`);
    if (outcome.skipped > 0) parts.push(`${outcome.skipped} with unusable data`);
    if (outcome.release) parts.push(releaseWords[outcome.release]);
    if (outcome.storage) parts.push("storage blocked: kept until you leave this page");
    element("outcome-detail").textContent = `${parts.join(" · ")}.`;
  }

  #showExplanation() {
    const item = this.#explained;
    if (!item) return;
    const now = this.#list.shown.indexOf(item);
    const { slot } = this.#list.byId.get(String(item.id));
    const explanation = this.#explanation(item.id);
    element("explain-title").textContent = `Why is “${item.title}” here?`;

    const by = slot - now;
    const moved =
      by === 0
        ? `Place ${now + 1}, where the editors put it.`
        : `Place ${now + 1}. The editors put it at ${slot + 1}, so it went ${by > 0 ? "up" : "down"} ${places(Math.abs(by))}.`;
    const body = [make("p", {}, moved)];
    const reason = this.#log[0]?.outcome.reason;
    if (!explanation || reason !== "ranked") {
      body.push(make("p", {}, reasonWords[reason] ?? "No ranking has placed it yet."));
    } else {
      body.push(make("p", {}, boundWords[explanation.bound] ?? ""));
      if (Number.isFinite(explanation.serverLogit)) body.push(sum(explanation));
      body.push(...features(explanation));
    }
    element("explain-body").replaceChildren(...body);
  }

  #showPlaces() {
    const onlyMoved = element("only-moved").checked;
    const shown = this.#list.shown;
    const rows = shown.map((item, now) => {
      const { slot } = this.#list.byId.get(String(item.id));
      if (onlyMoved && slot === now) return undefined;
      const own = item._nearside ?? {};
      const kept = own.pinned === true ? "pinned" : own.personalize === false ? "same for all" : "";
      const change = slot === now ? kept : `${slot > now ? "▲" : "▼"} ${Math.abs(slot - now)}`;
      return make(
        "tr",
        { class: slot === now ? "still" : slot > now ? "up" : "down" },
        make("td", {}, String(now + 1)),
        make("td", {}, String(slot + 1), " ", make("span", { class: "change" }, change)),
        make("td", {}, make("button", { type: "button", "data-id": String(item.id) }, item.title)),
      );
    });
    element("places").replaceChildren(...rows.filter(Boolean));
    const moved = shown.filter((item, now) => this.#list.byId.get(String(item.id)).slot !== now).length;
    element("before-after-note").textContent =
      `${moved} of ${shown.length} stories stand elsewhere than the editors put them.`;
  }

  #showStored() {
    const stored = this.#stored();
    const facts = stored
      ? [
          ["Size", `${stored.bytes.toLocaleString("en-GB")} bytes`],
          ["Stories opened", `${stored.clicks} of at most 50`],
          ["Stories seen", `${stored.views} of at most 300`],
          ["Wanted less of, or taken back", `${stored.hides} of at most 20`],
          ["Times erased", String(stored.generation)],
        ]
      : [["Size", "Nothing is read or kept."]];
    element("stored").replaceChildren(
      ...facts.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value))),
    );
  }

  #showLog() {
    element("log").replaceChildren(
      ...this.#log.map(({ at, outcome, shown }) =>
        make(
          "tr",
          {},
          make("td", {}, at.toLocaleTimeString("en-GB")),
          make("td", {}, make("code", {}, outcome.reason)),
          make("td", {}, outcome.moved > 0 && !shown ? `${outcome.moved}, not shown` : String(outcome.moved)),
          make("td", {}, `${number(outcome.ms, 1)} ms`),
        ),
      ),
    );
  }
}

/** Score = editors' part + weight × personal part. */
function sum({ serverLogit, weight, personal }) {
  const part = (label, value) => make("div", {}, make("dt", {}, label), make("dd", {}, value));
  return make(
    "dl",
    { class: "facts sum" },
    part("Editors and all readers", number(serverLogit)),
    part("You", number(personal)),
    part("How much you count so far", `× ${number(weight)}`),
    part("Score", number(serverLogit + weight * personal)),
  );
}

/** A table for each group of features: words, a bar, a value. */
function features({ features: values }) {
  return featureGroups.flatMap(({ title, features: group }) => {
    const rows = Object.entries(group)
      .filter(([name]) => Number.isFinite(values[name]))
      .map(([name, { label, say, share }]) => {
        const bar = make("span", { class: values[name] < 0 ? "bar against" : "bar", "aria-hidden": "true" });
        bar.style.setProperty("--share", String(share(values[name])));
        return make(
          "tr",
          {},
          make("th", { scope: "row" }, label),
          make("td", {}, bar),
          make("td", {}, say(values[name])),
        );
      });
    if (rows.length === 0) return [];
    return make("table", { class: "features" }, make("caption", {}, title), make("tbody", {}, ...rows));
  });
}
