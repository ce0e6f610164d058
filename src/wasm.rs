//! The boundary to JavaScript: numbers, strings and typed arrays over the core, and no logic.
//!
//! Errors are thrown as `Error` objects with the stable code as `name` and one sentence as `message`.

#[cfg(feature = "faults")]
mod faults;
#[cfg(feature = "tract")]
mod full;

use js_sys::Error as JsError;
#[cfg(not(feature = "tract"))]
use rlsf::SmallGlobalTlsf;
use wasm_bindgen::prelude::*;

use crate::candidate::{Candidate, Candidates};
use crate::error::Error;
use crate::id::{ArticleId, SpaceId, TopicId};
use crate::model::{Model, Unchecked};
use crate::policy::{Policy, TopicCap};
use crate::profile::{Dwell, Profile};
use crate::rank::{Ranker, Reason};
use crate::time::Seconds;
use nearside_kernels::vector::Vector;

/// 2.4 KB less in brotli than dlmalloc. A plain free list would be 0.1 KB less still, but small blocks split what a long list left
/// free, so that the memory grows (npm run soak). The full flavour's engine allocates by the thousand and keeps dlmalloc.
#[cfg(not(feature = "tract"))]
#[global_allocator]
static ALLOCATOR: SmallGlobalTlsf = SmallGlobalTlsf::new();

/// One model, one reader's profile and one list at a time. Without a model it keeps the profile only.
#[wasm_bindgen]
pub struct Core {
    ranker: Option<Ranker>,
    unchecked: Option<Unchecked>,
    profile: Profile,
    candidates: Candidates,
    #[cfg(feature = "tract")]
    last: full::Last,
}

#[wasm_bindgen]
impl Core {
    /// Reads a model; throws where it is refused. It must be put to `check` before it ranks.
    #[wasm_bindgen(constructor)]
    pub fn new(model: &[u8]) -> Result<Core, JsError> {
        #[cfg(feature = "faults")]
        faults::at("new");
        #[cfg(feature = "tract")]
        full::print_panics();
        let mut core = Self::with(Profile::new());
        core.unchecked = Some(Unchecked::read(model).map_err(thrown)?);
        Ok(core)
    }

    /// Runs the golden case of a model just read; throws where it does not hold. Until then there is no model.
    pub fn check(&mut self) -> Result<(), JsError> {
        let Some(unchecked) = self.unchecked.take() else { return Ok(()) };
        let model = unchecked.check().map_err(thrown)?;
        self.profile.set_space(SpaceId::new(model.space()));
        self.ranker = Some(Ranker::new(model));
        Ok(())
    }

    /// A core without a model: the history of a page whose model is in a worker. `space` is that model's; `rank` throws.
    pub fn history(space: &str) -> Core {
        let mut profile = Profile::new();
        profile.set_space(SpaceId::new(space));
        Self::with(profile)
    }

    /// The model's name, its vector space's and its features', in the order of an explanation; newline-separated.
    pub fn description(&self) -> String {
        let Some(model) = self.model() else { return String::new() };
        let mut names = String::from(model.id());
        for name in [model.space()].into_iter().chain(model.features().iter().map(|feature| feature.name())) {
            names.push('\n');
            names.push_str(name);
        }
        names
    }

    /// Takes in a stored profile; `false` (and no change) where the bytes are none.
    #[wasm_bindgen(js_name = mergeProfile)]
    pub fn merge_profile(&mut self, bytes: &[u8], now_ms: f64) -> bool {
        #[cfg(feature = "faults")]
        faults::at("merge");
        let Ok(mut stored) = Profile::decode(bytes, Seconds::from_millis(now_ms)) else { return false };
        stored.set_space(self.profile.space());
        self.profile.merge(&stored);
        true
    }

    /// Takes in a profile of this version in place of what was known; `false` (and an empty profile) where the bytes are none.
    #[wasm_bindgen(js_name = setProfile)]
    pub fn set_profile(&mut self, bytes: &[u8], now_ms: f64) -> bool {
        let space = self.profile.space();
        self.profile = Profile::new();
        self.profile.set_space(space);
        self.merge_profile(bytes, now_ms)
    }

    /// The profile as stored, at most 12 KB.
    #[wasm_bindgen(js_name = profileBytes)]
    pub fn profile_bytes(&mut self, now_ms: f64) -> Vec<u8> {
        #[cfg(feature = "faults")]
        faults::at("bytes");
        self.profile.expire(Seconds::from_millis(now_ms));
        self.profile.encode()
    }

    /// What is to be stored in place of the records `first` and `second` (`""` for none): their sum and, with `own`, what this history
    /// adds to it. Nothing where one is of a later version, which stays.
    #[wasm_bindgen(js_name = profileOver)]
    pub fn profile_over(&mut self, first: &[u8], second: &[u8], own: bool, now_ms: f64) -> Vec<u8> {
        let now = Seconds::from_millis(now_ms);
        let mut sum: Option<Profile> = None;
        for bytes in [first, second] {
            if Profile::is_later(bytes) {
                return Vec::new();
            }
            if let Ok(stored) = Profile::decode(bytes, now) {
                sum = Some(sum.map_or(stored.clone(), |sum| stored.added_to(&sum)));
            }
        }
        self.profile.expire(now);
        match sum {
            Some(sum) if own => self.profile.added_to(&sum).encode(),
            Some(sum) => sum.encode(),
            None => self.profile.encode(),
        }
    }

    /// Clicks, views, hides and generation.
    #[wasm_bindgen(js_name = profileCounts)]
    pub fn profile_counts(&mut self, now_ms: f64) -> Vec<u32> {
        self.profile.expire(Seconds::from_millis(now_ms));
        let profile = &self.profile;
        vec![
            profile.clicks().len() as u32,
            profile.views().len() as u32,
            profile.hides().len() as u32,
            profile.generation(),
        ]
    }

    /// Empties the profile and starts a new generation.
    pub fn erase(&mut self) {
        self.profile.erase();
    }

    /// Takes in an event; `false` where it came to nothing.
    ///
    /// - `kind`: 0 seen, 1 opened, 2 read for `seconds` (nothing unless opened in the last 24 hours), 3 hidden, 4 no longer hidden.
    /// - `topic`, `subtopic`, `vector`: what is known of the article, `""` for nothing. `vector` is base64; anything but 64 bytes counts as none.
    #[allow(clippy::too_many_arguments)]
    pub fn record(
        &mut self,
        kind: u8,
        id: &str,
        topic: &str,
        subtopic: &str,
        vector: &str,
        seconds: f64,
        now_ms: f64,
    ) -> bool {
        let (id, now, profile) = (ArticleId::new(id), Seconds::from_millis(now_ms), &mut self.profile);
        let (topic, subtopic) = (TopicId::new(topic), TopicId::subtopic(topic, subtopic));
        let vector = Vector::from_base64(vector);
        match kind {
            0 => profile.view(id, topic, now),
            1 => profile.click(id, topic, subtopic, vector, now),
            2 => {
                return Dwell::from_seconds(seconds).is_some_and(|dwell| profile.dwell(id, dwell, now));
            }
            3 => profile.hide(id, topic, vector, now),
            4 => profile.unhide(id, now),
            _ => return false,
        }
        true
    }

    /// Ranks a list: `order[slot]` is the place in the list of the candidate that stands in that slot.
    ///
    /// - `text`: UTF-8 of id, topic, subtopic and vector (base64) of each candidate in turn, without separators; `""` where absent.
    /// - `lengths`: their lengths in UTF-16 units, four a candidate.
    /// - `numbers`: date (ms since 1970), shows, clicks, score, four a candidate; `NaN` where absent, infinite where unusable.
    /// - `flags`: one a candidate, bit 0 pinned, bit 1 fixed.
    /// - `space`: the list's vector space; `""` where not stated.
    /// - `policy`: strength, k (`NaN`: the model's), minimum evidence, maximum displacement (infinite: any), topic cap limit (`NaN`: none) and window.
    #[allow(clippy::too_many_arguments)]
    pub fn rank(
        &mut self,
        text: &[u8],
        lengths: &[u32],
        numbers: &[f64],
        flags: &[u8],
        space: &str,
        policy: &[f64],
        now_ms: f64,
    ) -> Result<Vec<u32>, JsError> {
        #[cfg(feature = "faults")]
        faults::before_ranking();
        let Self { ranker, profile, candidates, .. } = self;
        let ranker = ranker.as_mut().ok_or_else(no_model)?;
        #[cfg(feature = "tract")]
        let mut after = self.last.begin(text, lengths, profile.generation());
        #[cfg(not(feature = "tract"))]
        let after = || ();
        fill(candidates, text, lengths, numbers, flags)
            .and_then(|()| candidates.check(space, ranker.model().space()))
            .and_then(|()| {
                after();
                let now = Seconds::from_millis(now_ms);
                ranker.rank_in_steps(candidates, profile, &policy_of(policy), now, after)
            })
            .map(<[u32]>::to_vec)
            .map_err(thrown)
    }

    /// What the last ranking came to: 0 `ranked`, 1 `cold`, 2 `off`, 3 `unscored`.
    pub fn reason(&self) -> u8 {
        self.ranker.as_ref().map_or(Reason::Cold, Ranker::reason) as u8
    }

    /// Items of the last list that kept their slot because something in them could not be used.
    pub fn skipped(&self) -> usize {
        self.candidates.faulty()
    }

    /// The weight of the personal part in the last ranking.
    pub fn weight(&self) -> f32 {
        self.ranker.as_ref().map_or(0.0, Ranker::weight)
    }

    /// For each ranked candidate of the last list, in its order: the features, the server's logit, the personal part and the
    /// code of what bound it.
    pub fn explanations(&self) -> Vec<f32> {
        let explain = |i| self.ranker.as_ref()?.explain(i);
        let width = explain(0).map_or(0, |explanation| explanation.features.len() + 3);
        let mut rows = Vec::with_capacity(width * self.candidates.ranked());
        for explanation in (0..self.candidates.ranked()).map_while(explain) {
            rows.extend_from_slice(explanation.features);
            rows.extend([explanation.server_logit, explanation.personal, f32::from(explanation.bound as u8)]);
        }
        rows
    }
}

/// The parts of a ranking one by one, for `npm run bench`. The package is built without the feature.
#[cfg(feature = "bench")]
#[wasm_bindgen]
impl Core {
    /// Takes in a list as `rank` does, and leaves it at that.
    pub fn take(
        &mut self,
        text: &[u8],
        lengths: &[u32],
        numbers: &[f64],
        flags: &[u8],
        space: &str,
    ) -> Result<(), JsError> {
        let Self { ranker, candidates, .. } = self;
        let ranker = ranker.as_ref().ok_or_else(no_model)?;
        fill(candidates, text, lengths, numbers, flags)
            .and_then(|()| candidates.check(space, ranker.model().space()))
            .map_err(thrown)
    }

    /// Repeats one part of the last `rank`, which must have come to `ranked`: `features`, `engine`, `ordering`, or `rank` for all three.
    /// In here, because a clock in JavaScript is too coarse for once.
    pub fn repeat(&mut self, part: &str, times: u32, policy: &[f64], now_ms: f64) -> Result<(), JsError> {
        let (policy, now) = (policy_of(policy), Seconds::from_millis(now_ms));
        let Self { ranker, profile, candidates, .. } = self;
        let ranker = ranker.as_mut().ok_or_else(no_model)?;
        for _ in 0..times {
            match part {
                "features" => {
                    ranker.derive(candidates, profile, &policy, now);
                    Ok(())
                }
                "engine" => ranker.score(candidates),
                "ordering" => ranker.arrange(candidates, &policy),
                "rank" => ranker.rank(candidates, profile, &policy, now).map(|_| ()),
                _ => return Err(JsError::new("a ranking has no such part")),
            }
            .map_err(thrown)?;
        }
        Ok(())
    }

    /// What the engine was given in the last ranking: `features`, `candidates`, `history` or `history_weight`, row-major; empty
    /// where the model has no such input.
    pub fn input(&self, name: &str) -> Vec<f32> {
        self.ranker.as_ref().and_then(|ranker| ranker.input(name)).unwrap_or_default().to_vec()
    }
}

/// A model's engine alone, called as other engines are, for `npm run bench`.
#[cfg(feature = "bench")]
#[wasm_bindgen]
pub struct Engine(Model);

#[cfg(feature = "bench")]
#[wasm_bindgen]
impl Engine {
    /// Loads a model; throws where it is refused.
    #[wasm_bindgen(constructor)]
    pub fn new(model: &[u8]) -> Result<Engine, JsError> {
        Model::load(model).map(Engine).map_err(thrown)
    }

    /// One score a row of `features`. Inputs that the model does not have may be empty.
    pub fn score(
        &mut self,
        features: &[f32],
        candidates: &[f32],
        history: &[f32],
        history_weight: &[f32],
    ) -> Result<Vec<f32>, JsError> {
        self.0.run(features, candidates, history, history_weight).map(<[f32]>::to_vec).map_err(thrown)
    }
}

impl Core {
    fn with(profile: Profile) -> Self {
        Self {
            ranker: None,
            unchecked: None,
            profile,
            candidates: Candidates::new(),
            #[cfg(feature = "tract")]
            last: full::Last::default(),
        }
    }

    fn model(&self) -> Option<&Model> {
        self.ranker.as_ref().map(Ranker::model)
    }
}

fn no_model() -> JsError {
    JsError::new("no model")
}

fn thrown(error: Error) -> JsError {
    let thrown = JsError::new(&error.to_string());
    thrown.set_name(error.code());
    thrown
}

fn policy_of(numbers: &[f64]) -> Policy {
    let number = |i: usize| numbers.get(i).copied().unwrap_or(f64::NAN);
    let displacement = number(3);
    Policy {
        strength: number(0) as f32,
        k: Some(number(1)).filter(|k| !k.is_nan()).map(|k| k as f32),
        minimum_evidence: number(2) as f32,
        maximum_displacement: (displacement != f64::INFINITY).then_some(displacement as usize),
        topic_cap: Some(number(4))
            .filter(|limit| !limit.is_nan())
            .map(|limit| TopicCap { limit: limit as usize, window: number(5) as usize }),
    }
}

fn fill(
    candidates: &mut Candidates,
    text: &[u8],
    lengths: &[u32],
    numbers: &[f64],
    flags: &[u8],
) -> Result<(), Error> {
    candidates.clear();
    let (lengths, odd) = lengths.as_chunks::<4>();
    let (numbers, odd_numbers) = numbers.as_chunks::<4>();
    if !odd.is_empty()
        || !odd_numbers.is_empty()
        || numbers.len() != lengths.len()
        || flags.len() != lengths.len()
    {
        return Err(Error::CandidateColumns);
    }
    let mut text = std::str::from_utf8(text).map_err(|_| Error::CandidateColumns)?;
    for ((&lengths, &[published_ms, shows, clicks, score]), &flags) in lengths.iter().zip(numbers).zip(flags)
    {
        let mut parts = [""; 4];
        for (part, length) in parts.iter_mut().zip(lengths) {
            (*part, text) = split_utf16(text, length as usize).ok_or(Error::CandidateColumns)?;
        }
        let [id, topic, subtopic, vector] = parts;
        let (pinned, fixed) = (flags & 1 != 0, flags & 2 != 0);
        candidates.push(&Candidate {
            id,
            topic,
            subtopic,
            vector,
            published_ms,
            shows,
            clicks,
            score,
            pinned,
            fixed,
        });
    }
    if text.is_empty() { Ok(()) } else { Err(Error::CandidateColumns) }
}

/// Splits behind the first `units` UTF-16 units.
fn split_utf16(text: &str, units: usize) -> Option<(&str, &str)> {
    // Ids, topics and base64 are nearly always ASCII, where units are bytes.
    if let Some(head) = text.as_bytes().get(..units)
        && head.is_ascii()
    {
        return text.split_at_checked(units);
    }
    let mut left = units;
    for (at, char) in text.char_indices() {
        if left == 0 {
            return text.split_at_checked(at);
        }
        left = left.checked_sub(char.len_utf16())?;
    }
    (left == 0).then_some((text, ""))
}
