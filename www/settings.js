// The reader's two switches, remembered in this browser; where storage is blocked, until the page is left.

const memory = new Map();

function get(name) {
  if (memory.has(name)) return memory.get(name);
  try {
    return localStorage.getItem(`courier.${name}`) ?? undefined;
  } catch {
    return undefined;
  }
}

function set(name, value) {
  memory.set(name, value);
  try {
    localStorage.setItem(`courier.${name}`, value);
  } catch {
    // The choice holds for this page view.
  }
}

export const settings = {
  /** Whether the reader was asked and has answered. */
  get asked() {
    return get("consent") !== undefined;
  },
  /** Whether a history may be kept. Given to Nearside as a function, so that it holds from the moment it is given. */
  get consent() {
    return get("consent") === "yes";
  },
  set consent(agreed) {
    set("consent", agreed ? "yes" : "no");
  },
  /** Whether the reader wants the editors' order whatever was read. */
  get serverOrder() {
    return get("order") === "server";
  },
  set serverOrder(wanted) {
    set("order", wanted ? "server" : "personal");
  },
};

/** Global Privacy Control: Nearside takes it as no, whatever the switch says. */
export const privacyControl = () => navigator.globalPrivacyControl === true;
