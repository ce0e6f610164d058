// What Nearside's outcomes, bounds and features say in plain words.

export const reasonWords = {
  ranked: "Ordered for you.",
  cold: "The editors’ order: you have not read enough yet for it to change.",
  unscored: "The editors’ order: no story that may move says what it is about.",
  no_consent: "The editors’ order: you have not allowed this page to follow what you read.",
  off: "The editors’ order, because you asked for it.",
  unsupported: "The editors’ order: this browser cannot run WebAssembly.",
  load_failed: "The editors’ order: a file of the ranking could not be loaded.",
  integrity: "The editors’ order: a file of the ranking was not the one expected, so it was not used.",
  compile_blocked: "The editors’ order: this page’s security policy does not let the ranking start.",
  model_rejected: "The editors’ order: the model did not pass its own check.",
  model_unsupported: "The editors’ order: the model needs something this version cannot do.",
  bad_candidates: "The feed’s own order: its list cannot be ranked.",
  nonfinite: "The editors’ order: the model gave no usable numbers.",
  budget: "The editors’ order: the ranking was not ready in time.",
  trap: "The editors’ order: the ranking stopped unexpectedly.",
  killed: "The editors’ order: the publisher has switched the ranking off.",
  not_in_rollout: "The editors’ order: you are one of the readers who see it for comparison.",
  breaker: "The editors’ order: the ranking failed on this device, and rests for a day.",
  disposed: "The editors’ order: the ranking had been closed.",
  internal: "The editors’ order: something unexpected happened.",
};

/** Why the newest release is not what ranks. */
export const releaseWords = {
  sig_invalid: "the newest release is not signed as it should be",
  expired: "the newest release is too old",
  rollback: "the newest release is older than the one before",
  unsupported: "the newest release is for another version, or this browser cannot check it",
  load_failed: "the newest release could not be loaded",
  integrity: "a file of the newest release was not the one expected",
  compile_blocked: "this page’s security policy does not let the newest release start",
  model_rejected: "the newest release’s model did not pass its own check",
  model_unsupported: "the newest release’s model needs something this version cannot do",
  trap: "the newest release stopped unexpectedly",
  internal: "something unexpected happened to the newest release",
};

export const boundWords = {
  none: "Nothing held it back.",
  pinned: "The editors pinned it: it keeps its place whatever you read, or you had it on the screen already.",
  not_personalizable: "It is the same for every reader, so it keeps its place.",
  item_fault: "Its data could not be used, so it keeps its place.",
  displacement: "It would have gone further, but no story moves more than ten places.",
  topic_cap: "It would have gone further, but the page keeps its topics mixed.",
  unscored: "It has no subject the model could use, so only the editors’ part counts.",
  beyond_limit: "Only the first 200 stories are ordered; it stands behind them.",
};

const number = (value, digits = 2) => value.toFixed(digits).replace("-", "−");
const times = (value) => {
  const factor = Math.exp(value);
  return factor >= 1 ? `${number(factor, 1)}× as often` : `${number(1 / factor, 1)}× less often`;
};
const likeness = (label) => ({ label, say: (value) => number(value), share: (value) => Math.abs(value) });
const lift = (label) => ({ label, say: times, share: (value) => Math.min(1, Math.abs(value) / 2.5) });
const part = (label) => ({ label, say: (value) => `${Math.round(value * 100)} %`, share: (value) => value });
const count = (value) => Math.round(Math.expm1(value) * 10) / 10;

/** For each feature a label, a wording of its value and the length of its bar, 0 to 1. Groups in the order shown. */
export const featureGroups = [
  {
    title: "Likeness to the stories you opened (1 is the same)",
    features: {
      cosine_max: likeness("The one most like it"),
      cosine_top3: likeness("The three most like it"),
      cosine_recent: likeness("All, recent ones counting more"),
      cosine_attention: likeness("All, similar ones counting more"),
      cosine_mean: likeness("All of them"),
      cosine_session: likeness("Those of the last minutes"),
      cosine_hidden: likeness("What you wanted less of"),
    },
  },
  {
    title: "You and its subject",
    features: {
      topic_share: part("Of the stories you opened, so many were of its section"),
      subtopic_share: part("Of those, so many were on its subject"),
      topic_lift: lift("You open this section, for its share of the page"),
      subtopic_lift: lift("You open this subject, for its share of the page"),
      subtopic_count: {
        label: "Stories you opened on this subject",
        say: (value) => String(count(value)),
        share: (value) => Math.min(1, count(value) / 10),
      },
      topic_rate: lift("Once you see it, you open this section"),
    },
  },
  {
    title: "The story itself",
    features: {
      log_times_seen: {
        label: "Times it was before your eyes",
        say: (value) => String(Math.round(Math.expm1(value))),
        share: (value) => Math.min(1, Math.expm1(value) / 10),
      },
      log_age_hours: {
        label: "Age",
        say: (value) => {
          const hours = Math.expm1(value);
          return hours < 48 ? `${Math.round(hours)} hours` : `${Math.round(hours / 24)} days`;
        },
        share: (value) => Math.min(1, value / 6),
      },
    },
  },
];

export { number };
