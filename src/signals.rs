//! What is known of a list and its reader before any model: features, the server's log-odds, the evidence.

use crate::candidate::Candidates;
use crate::features::{Feature, Features};
use crate::interest::Interest;
use crate::profile::Profile;
use crate::server::ServerLogits;
use crate::time::Seconds;

/// Everything a model is given, for one list and one profile at one moment. Serving, golden cases and the lab all come through
/// here. Buffers are reused.
#[derive(Debug, Default)]
pub struct Signals {
    interest: Interest,
    server: ServerLogits,
    features: Features,
}

impl Signals {
    /// No list yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Computes the `wanted` features (and what they rest on) of a checked list for the reader of `profile` at `now`.
    pub fn update(&mut self, wanted: &[Feature], candidates: &Candidates, profile: &Profile, now: Seconds) {
        self.interest.update(profile, now);
        self.server.update(candidates);
        self.features.update(wanted, candidates, &self.interest, self.server.get(), now);
    }

    /// Row-major `f32[ranked, wanted]`.
    pub fn features(&self) -> &[f32] {
        self.features.rows()
    }

    /// The server's log-odds of a click, one a ranked candidate. Over the movable ones they fall by at least 0.02 from one to the next.
    pub fn server_logits(&self) -> &[f32] {
        self.server.get()
    }

    /// The evidence `n`: dwell-weighted clicks, in [0, 50].
    pub fn evidence(&self) -> f32 {
        self.interest.evidence()
    }

    /// H: clicked articles that have a vector.
    pub fn history_len(&self) -> usize {
        self.interest.clicked().len()
    }

    /// Appends the clicked vectors, scaled to unit length, oldest click first: `f32[H, 64]`.
    pub fn extend_history(&self, out: &mut Vec<f32>) {
        self.interest.clicked().extend_units(0..self.history_len(), out);
    }

    /// For each clicked vector, oldest first, its dwell weight × 2^(-age / 7 days), scaled to sum 1: `f32[H]`.
    pub fn history_weight(&self) -> &[f32] {
        self.interest.recency()
    }
}
