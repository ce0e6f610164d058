//! The pipeline, top to bottom: candidates and history in, an order out.

use crate::candidate::{Candidates, MAX_RANKED};
use crate::error::Error;
use crate::explain::Explanation;
use crate::model::Model;
use crate::numbered::numbered;
use crate::policy::{Ordering, Policy};
use crate::profile::Profile;
use crate::signals::Signals;
use crate::time::Seconds;

numbered! {
    /// What a ranking came to. The names are the SDK's outcome reasons.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Reason {
        /// The model ranked the list.
        Ranked = "ranked",
        /// Too little evidence: the server's order.
        Cold = "cold",
        /// The policy's strength is 0: the server's order.
        Off = "off",
        /// No candidate that may move has what the model scores by, a vector and a topic: the server's order.
        Unscored = "unscored",
    }
}

/// Ranks lists with one model. All buffers are reused: after the first list of a size, nothing is allocated.
pub struct Ranker {
    model: Model,
    signals: Signals,
    /// One number a ranked candidate, and the blend of it with the server's.
    personal: Vec<f32>,
    scores: Vec<f32>,
    ordering: Ordering,
    reason: Reason,
    weight: f32,
}

impl Ranker {
    /// A ranker with `model`.
    pub fn new(model: Model) -> Self {
        Self {
            model,
            signals: Signals::new(),
            personal: Vec::with_capacity(MAX_RANKED),
            scores: Vec::with_capacity(MAX_RANKED),
            ordering: Ordering::default(),
            reason: Reason::Cold,
            weight: 0.0,
        }
    }

    /// The model.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Orders a checked list for the reader of `profile` at `now`.
    ///
    /// `order[slot]` is the candidate that stands in that slot: always a permutation, with pinned, fixed and faulty items and all
    /// behind the 200th in their places.
    ///
    /// # Errors
    ///
    /// [`Error::PolicyRange`], [`Error::NonFinite`], or [`Error::ModelGraph`] where the model does not fit a list of this size.
    pub fn rank(
        &mut self,
        candidates: &Candidates,
        profile: &Profile,
        policy: &Policy,
        now: Seconds,
    ) -> Result<&[u32], Error> {
        self.rank_in_steps(candidates, profile, policy, now, || ())
    }

    /// As [`rank`](Self::rank), and calls `after` after each of its three steps.
    pub(crate) fn rank_in_steps(
        &mut self,
        candidates: &Candidates,
        profile: &Profile,
        policy: &Policy,
        now: Seconds,
        mut after: impl FnMut(),
    ) -> Result<&[u32], Error> {
        policy.check()?;
        self.derive(candidates, profile, policy, now);
        after();
        if self.reason == Reason::Ranked {
            self.score(candidates)?;
            after();
            self.arrange(candidates, policy)?;
        } else {
            after();
            self.ordering.set_identity(candidates);
        }
        after();
        Ok(self.ordering.order())
    }

    /// First step: features and evidence, and whether that is enough to rank.
    pub(crate) fn derive(
        &mut self,
        candidates: &Candidates,
        profile: &Profile,
        policy: &Policy,
        now: Seconds,
    ) {
        self.signals.update(self.model.features(), candidates, profile, now);
        self.personal.clear();
        self.personal.resize(candidates.ranked(), 0.0);
        self.weight = 0.0;
        self.reason = self.reason_for(policy, candidates);
    }

    /// Second step, only where there is enough: the personal part.
    pub(crate) fn score(&mut self, candidates: &Candidates) -> Result<(), Error> {
        self.model.score(candidates, &self.signals, &mut self.personal)?;
        center(&mut self.personal, candidates.scorable());
        Ok(())
    }

    /// Third step: the blend with the server's numbers, and the order it gives.
    pub(crate) fn arrange(&mut self, candidates: &Candidates, policy: &Policy) -> Result<(), Error> {
        let n = self.signals.evidence();
        self.weight = policy.strength * n / (n + policy.k.unwrap_or(self.model.k()));
        self.scores.clear();
        let blend = |(logit, personal): (&f32, &f32)| logit + self.weight * personal;
        self.scores.extend(self.signals.server_logits().iter().zip(&self.personal).map(blend));
        if !self.scores.iter().all(|score| score.is_finite()) {
            return Err(Error::NonFinite);
        }
        self.ordering.update(candidates, &self.scores, policy);
        Ok(())
    }

    /// What the last ranking came to.
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// The weight of the personal part in the last ranking: `strength * n / (n + k)`, 0 unless ranked.
    pub fn weight(&self) -> f32 {
        self.weight
    }

    /// The personal part of each ranked candidate in the last ranking; 0 unless ranked.
    #[cfg(feature = "python")]
    pub(crate) fn personal(&self) -> &[f32] {
        &self.personal
    }

    /// What the last ranking knew before any model.
    #[cfg(feature = "tract")]
    #[cfg_attr(not(target_arch = "wasm32"), allow(dead_code))]
    pub(crate) fn signals(&self) -> &Signals {
        &self.signals
    }

    /// What each feature did for each scored candidate of the last ranking, which must have come to [`Reason::Ranked`]:
    /// see [`Model::contributions`].
    #[cfg(feature = "tract")]
    #[cfg_attr(not(target_arch = "wasm32"), allow(dead_code))]
    pub(crate) fn contributions(&mut self) -> Result<Vec<f32>, Error> {
        self.model.contributions(&self.signals)
    }

    /// What the engine was given in the last ranking, by the input's name.
    #[cfg(feature = "bench")]
    pub(crate) fn input(&self, name: &str) -> Option<&[f32]> {
        if name == "history_weight" { Some(self.signals.history_weight()) } else { self.model.input(name) }
    }

    /// Why candidate `index` of the last ranking stands where it stands; `None` behind the 200th.
    pub fn explain(&self, index: usize) -> Option<Explanation<'_>> {
        let names = self.model.features();
        Some(Explanation {
            features: self.signals.features().get(index * names.len()..(index + 1) * names.len())?,
            names,
            server_logit: *self.signals.server_logits().get(index)?,
            personal: *self.personal.get(index)?,
            weight: self.weight,
            bound: *self.ordering.bounds().get(index)?,
        })
    }

    fn reason_for(&self, policy: &Policy, candidates: &Candidates) -> Reason {
        let n = self.signals.evidence();
        let no_history = n < policy.minimum_evidence
            || n == 0.0
            || (self.model.needs_history() && self.signals.history_len() == 0);
        if policy.strength == 0.0 {
            Reason::Off
        } else if no_history {
            Reason::Cold
        } else if !candidates.scorable().contains(&true) {
            Reason::Unscored
        } else {
            Reason::Ranked
        }
    }
}

/// Takes from every scored number their mean, so that an item that cannot be scored (0) stands in the middle of those that can.
fn center(personal: &mut [f32], scorable: &[bool]) {
    let (sum, len) = personal
        .iter()
        .zip(scorable)
        .filter(|&(_, &scorable)| scorable)
        .fold((0.0, 0u32), |(sum, len), (&x, _)| (sum + x, len + 1));
    let mean = sum / len.max(1) as f32;
    for (x, &scorable) in personal.iter_mut().zip(scorable) {
        *x = if scorable { *x - mean } else { 0.0 };
    }
}
