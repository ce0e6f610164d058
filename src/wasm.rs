//! The boundary to JavaScript: one call, by number, over the core ([`wire`] says which there are), and no logic.

#[cfg(feature = "bench")]
mod bench;
#[cfg(feature = "faults")]
mod faults;
#[cfg(feature = "tract")]
mod full;
mod wire;

#[cfg(not(feature = "tract"))]
use rlsf::SmallGlobalTlsf;
use wasm_bindgen::prelude::*;

use crate::candidate::{Candidate, Candidates};
use crate::error::{Error, Kind};
use crate::id::{ArticleId, SpaceId, TopicId};
use crate::model::{Model, Unchecked};
use crate::policy::Policy;
use crate::profile::{Dwell, Profile};
use crate::rank::{Ranker, Reason};
use crate::time::Seconds;
use nearside_kernels::bytes::append_floats;
use nearside_kernels::vector::Vector;
use wire::{Call, Question};
pub use wire::{Event, ROW};

/// 2.4 KB less in brotli than dlmalloc. A plain free list would be 0.1 KB less still, but small blocks split what a long list left
/// free, so that the memory grows (npm run soak). The full flavour's engine allocates by the thousand and keeps dlmalloc.
#[cfg(not(feature = "tract"))]
#[global_allocator]
static ALLOCATOR: SmallGlobalTlsf = SmallGlobalTlsf::new();

/// One model, one reader's profile and one list at a time. Without a model it keeps the profile only.
#[wasm_bindgen]
#[derive(Default)]
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
    /// A core with an empty profile and no model.
    #[wasm_bindgen(constructor)]
    pub fn new() -> Self {
        Self::default()
    }

    /// Does what a [`Call`] of this number says; `wire.rs` says what it is given and how it answers.
    pub fn call(&mut self, call: u8, bytes: &[u8], numbers: &[f64]) -> Vec<u8> {
        let number_of = |kind: Kind| (kind as u32 + 1).to_le_bytes().to_vec();
        let Some(&call) = Call::ALL.get(usize::from(call)) else { return number_of(Kind::Internal) };
        let mut answer = vec![0; 4];
        if let Err(error) = self.answer(call, Question::new(bytes, numbers), &mut answer) {
            answer = number_of(error.kind());
            answer.extend(error.to_string().as_bytes());
        }
        answer
    }
}

impl Core {
    fn answer(&mut self, call: Call, question: Question, answer: &mut Vec<u8>) -> Result<(), Error> {
        let mut question = question;
        let now_ms = question.number();
        match call {
            Call::Read => self.read(question.part())?,
            Call::Check => self.check()?,
            Call::History => *self = Self::history(question.text()),
            Call::Description => answer.extend(self.description().as_bytes()),
            Call::MergeProfile => answer.push(self.merge_profile(question.part(), now_ms).into()),
            Call::SetProfile => answer.push(self.set_profile(question.part(), now_ms).into()),
            Call::ProfileBytes => answer.extend(self.profile_bytes(now_ms)),
            Call::ProfileOver => {
                let (first, second) = (question.part(), question.part());
                answer.extend(self.profile_over(first, second, question.number() == 1.0, now_ms));
            }
            Call::ProfileCounts => {
                for count in self.profile_counts(now_ms) {
                    answer.extend(count.to_le_bytes());
                }
            }
            Call::Erase => self.erase(),
            Call::Record => {
                let [id, topic, subtopic, vector] = [(); 4].map(|()| question.text());
                let (kind, seconds) = (question.number(), question.number());
                let event = Event::ALL.get(kind as usize).filter(|_| kind >= 0.0);
                let taken = event
                    .is_some_and(|&event| self.record(event, id, topic, subtopic, vector, seconds, now_ms));
                answer.push(taken.into());
            }
            Call::Rank => {
                let (space, text) = (question.text(), question.part());
                let numbers = question.numbers();
                let (knobs, rows) = numbers.split_at(numbers.len().min(Policy::KNOBS.len()));
                let mut order: Vec<f32> =
                    self.rank(text, rows, space, knobs, now_ms)?.iter().map(|&place| place as f32).collect();
                let (reason, ranked) = (f32::from(self.reason() as u8), order.len() as f32);
                let mut head = vec![reason, self.skipped() as f32, self.weight(), ranked];
                head.append(&mut order);
                let explained = self.explanations();
                // At once: an answer that grows leaves holes behind.
                answer.reserve_exact(size_of::<f32>() * (head.len() + explained.len()));
                append_floats(answer, &head);
                append_floats(answer, &explained);
            }
        }
        Ok(())
    }

    /// Reads a model. It must be put to `check` before it ranks.
    ///
    /// # Errors
    ///
    /// Whatever refuses a model.
    pub fn read(&mut self, model: &[u8]) -> Result<(), Error> {
        #[cfg(feature = "faults")]
        faults::at("new");
        #[cfg(feature = "tract")]
        full::print_panics();
        self.unchecked = Some(Unchecked::read(model)?);
        Ok(())
    }

    /// Runs the golden case of a model just read. Until then there is no model.
    ///
    /// # Errors
    ///
    /// [`Error::ModelGolden`] where it does not hold, or whatever the model fails at.
    pub fn check(&mut self) -> Result<(), Error> {
        let Some(unchecked) = self.unchecked.take() else { return Ok(()) };
        let model = unchecked.check()?;
        self.profile.set_space(SpaceId::new(model.space()));
        self.ranker = Some(Ranker::new(model));
        Ok(())
    }

    /// A core without a model: the history of a page whose model is in a worker. `space` is that model's; nothing can be ranked.
    pub fn history(space: &str) -> Core {
        let mut core = Self::default();
        core.profile.set_space(SpaceId::new(space));
        core
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
    pub fn merge_profile(&mut self, bytes: &[u8], now_ms: f64) -> bool {
        #[cfg(feature = "faults")]
        faults::at("merge");
        let Ok(mut stored) = Profile::decode(bytes, Seconds::from_millis(now_ms)) else { return false };
        stored.set_space(self.profile.space());
        self.profile.merge(&stored);
        true
    }

    /// Takes in a profile of this version in place of what was known; `false` (and an empty profile) where the bytes are none.
    pub fn set_profile(&mut self, bytes: &[u8], now_ms: f64) -> bool {
        let space = self.profile.space();
        self.profile = Profile::new();
        self.profile.set_space(space);
        self.merge_profile(bytes, now_ms)
    }

    /// The profile as stored, at most 12 KB.
    pub fn profile_bytes(&mut self, now_ms: f64) -> Vec<u8> {
        #[cfg(feature = "faults")]
        faults::at("bytes");
        self.profile.expire(Seconds::from_millis(now_ms));
        self.profile.encode()
    }

    /// What is to be stored in place of the records `first` and `second` (`""` for none): their sum and, with `own`, what this history
    /// adds to it. Nothing where one is of a later version, which stays.
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

    /// Takes in an event; `false` where it came to nothing. Texts are `""` for what is not known.
    #[allow(clippy::too_many_arguments)]
    pub fn record(
        &mut self,
        event: Event,
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
        match event {
            Event::Viewed => profile.view(id, topic, now),
            Event::Clicked => profile.click(id, topic, subtopic, vector, now),
            Event::Dwelled => {
                return Dwell::from_seconds(seconds).is_some_and(|dwell| profile.dwell(id, dwell, now));
            }
            Event::Hide => profile.hide(id, topic, vector, now),
            Event::Unhide => profile.unhide(id, now),
        }
        true
    }

    /// Ranks a list, as [`Call::Rank`] says: `order[slot]` is the place in the list of the candidate that stands in that slot.
    ///
    /// # Errors
    ///
    /// What refuses a list or a policy, or what the model fails at.
    pub fn rank(
        &mut self,
        text: &[u8],
        rows: &[f64],
        space: &str,
        knobs: &[f64],
        now_ms: f64,
    ) -> Result<&[u32], Error> {
        #[cfg(feature = "faults")]
        faults::before_ranking();
        let Self { ranker, profile, candidates, .. } = self;
        let ranker = ranker.as_mut().ok_or(Error::NoModel)?;
        #[cfg(feature = "tract")]
        let mut after = self.last.begin(text, rows, profile.generation());
        #[cfg(not(feature = "tract"))]
        let after = || ();
        fill(candidates, text, rows)?;
        candidates.check(space, ranker.model().space())?;
        after();
        let now = Seconds::from_millis(now_ms);
        ranker.rank_in_steps(candidates, profile, &Policy::of_numbers(knobs), now, after)
    }

    /// What the last ranking came to.
    pub fn reason(&self) -> Reason {
        self.ranker.as_ref().map_or(Reason::Cold, Ranker::reason)
    }

    /// Items of the last list that kept their slot because something in them could not be used.
    pub fn skipped(&self) -> usize {
        self.candidates.faulty()
    }

    /// The weight of the personal part in the last ranking.
    pub fn weight(&self) -> f32 {
        self.ranker.as_ref().map_or(0.0, Ranker::weight)
    }

    fn model(&self) -> Option<&Model> {
        self.ranker.as_ref().map(Ranker::model)
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

fn fill(candidates: &mut Candidates, text: &[u8], rows: &[f64]) -> Result<(), Error> {
    candidates.clear();
    let (rows, odd) = rows.as_chunks::<ROW>();
    let mut text = std::str::from_utf8(text).map_err(|_| Error::CandidateColumns)?;
    for &[id, topic, subtopic, vector, published_ms, shows, clicks, score, flags] in rows {
        let mut parts = [""; 4];
        for (part, length) in parts.iter_mut().zip([id, topic, subtopic, vector]) {
            (*part, text) = split_utf16(text, length as usize).ok_or(Error::CandidateColumns)?;
        }
        let [id, topic, subtopic, vector] = parts;
        let flags = flags as u8;
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
    if text.is_empty() && odd.is_empty() { Ok(()) } else { Err(Error::CandidateColumns) }
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
