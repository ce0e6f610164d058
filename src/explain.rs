//! For one item of a ranking: its features, the server's number, the personal part, and what bound it.

use crate::features::Feature;
use crate::policy::Bound;

/// Why an item stands where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation<'a> {
    /// The features the model was given, in its order, with their values.
    pub features: &'a [f32],
    /// Their names.
    pub names: &'a [Feature],
    /// The server's log-odds of a click.
    pub server_logit: f32,
    /// The model's output less its mean over the list; 0 for an item it did not score.
    pub personal: f32,
    /// Weight of the personal part: `strength * n / (n + k)`; 0 where nothing was personalized.
    pub weight: f32,
    /// What kept the item from standing where its score alone would have put it.
    pub bound: Bound,
}

impl Explanation<'_> {
    /// What the item was ordered by: `server_logit + weight * personal`.
    pub fn score(&self) -> f32 {
        self.server_logit + self.weight * self.personal
    }
}
