// Written from src/wasm/wire.rs (`NEARSIDE_WRITE=1 cargo test --lib wire`): what the core and the SDK agree on, by number.

/** What a core may be asked for. */
export const calls = {
  read: 0,
  check: 1,
  history: 2,
  description: 3,
  mergeProfile: 4,
  setProfile: 5,
  profileBytes: 6,
  profileOver: 7,
  profileCounts: 8,
  erase: 9,
  record: 10,
  rank: 11,
} as const;

/** Kinds of events. */
export const events = {
  viewed: 0,
  clicked: 1,
  dwelled: 2,
  hide: 3,
  unhide: 4,
} as const;

/** Kinds of refusals. */
export const refusals = [
  "bad_candidates",
  "bad_profile",
  "model_rejected",
  "model_unsupported",
  "nonfinite",
  "internal",
] as const;

/** What a ranking may come to. */
export const rankings = ["ranked", "cold", "off", "unscored"] as const;

/** What bound a story. */
export const bounds = [
  "none",
  "pinned",
  "not_personalizable",
  "item_fault",
  "displacement",
  "topic_cap",
  "unscored",
] as const;

/** The policy's members: name, least, most, whether it is whole, and what it is where it is left out. */
export const knobs: readonly (readonly [string, number, number, boolean, number])[] = [
  ["strength", 0, 10, false, 0.8],
  ["k", 0.000001, 1000, false, NaN],
  ["minimumEvidence", 0, 1000000, false, 2],
  ["maximumDisplacement", 0, Infinity, true, 10],
  ["topicCap.limit", 1, Infinity, true, NaN],
  ["topicCap.window", 1, Infinity, true, NaN],
];

/** Candidates that are ranked; those behind keep their place. */
export const maxRanked = 200;

/** Numbers of a candidate in a ranking's question. */
export const row = 9;

/** The most erasures of a history that are counted. */
export const mostErasures = 16777216;

/** The most UTF-16 units of an id. */
export const longestId = 2048;

/** The same of a topic or subtopic. */
export const longestText = 1024;

/** The character that stands for the first of the words of a refused model. */
export const firstMark = 57344;

/** The contract of models that is known. */
export const knownContract = 1;

/** How a stored profile begins: a big-endian number. */
export const profileMagic = 1314082886;

/** Where its generation stands, four bytes little-endian. */
export const generationAt = 14;
