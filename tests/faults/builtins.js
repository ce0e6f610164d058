// Before all other scripts: keeps what a row may spoil of the language, so that WebKit's driver, which runs in the page, can still ask.

(() => {
  const { apply, defineProperty, deleteProperty, getOwnPropertyDescriptor, ownKeys } = Reflect;
  const { push } = Array.prototype;
  const holders = [globalThis];
  const names =
    "Object Function Array String Number Boolean Symbol Promise JSON Reflect Math Date Error Map Set WeakMap WeakSet Proxy TypeError Uint8Array Node Element setTimeout clearTimeout performance".split(
      " ",
    );
  for (const name of names) {
    apply(push, holders, [globalThis[name]]);
    if (globalThis[name]?.prototype) apply(push, holders, [globalThis[name].prototype]);
  }
  const kept = [];
  for (const holder of holders) {
    const keys = holder === globalThis ? names : ownKeys(holder);
    const known = { __proto__: null };
    for (const key of keys) known[key] = getOwnPropertyDescriptor(holder, key);
    apply(push, kept, [{ holder, keys, known }]);
  }

  /** Puts all of it back. */
  globalThis.mendBuiltins = () => {
    for (let i = 0; i < kept.length; i++) {
      const { holder, keys, known } = kept[i];
      try {
        for (let k = 0; k < keys.length; k++) defineProperty(holder, keys[k], known[keys[k]]);
        if (holder === globalThis) continue;
        const now = ownKeys(holder);
        for (let k = 0; k < now.length; k++) if (!(now[k] in known)) deleteProperty(holder, now[k]);
      } catch {
        // Fixed by the row.
      }
    }
  };
})();
