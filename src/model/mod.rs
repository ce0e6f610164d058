//! The reranker: what a model file promises, and the engines that run it.

// Nothing calls the engine yet.
#![allow(dead_code)]

pub(crate) mod compact;
pub(crate) mod onnx;
mod refusal;

use crate::Error;

/// What an engine scores, row-major.
#[derive(Clone, Copy)]
pub(crate) struct Inputs<'a> {
    /// N, the number of candidates.
    pub(crate) candidates_len: usize,
    /// N x F
    pub(crate) features: &'a [f32],
    /// N x D, of length 1 each; may be empty if the engine does not need it.
    pub(crate) candidates: &'a [f32],
    /// H, the number of clicks.
    pub(crate) history_len: usize,
    /// H x D, of length 1 each, the oldest click first; may be empty if the engine does not need it.
    pub(crate) history: &'a [f32],
    /// H weights that sum to 1; may be empty if the engine does not need it.
    pub(crate) history_weight: &'a [f32],
}

/// What runs a model's graph.
pub(crate) trait Engine {
    /// Whether the graph reads the history, which then must not be empty.
    fn needs_history(&self) -> bool;
    /// Whether the graph reads the candidates' vectors.
    fn needs_candidates(&self) -> bool;
    /// Writes one score for each candidate. They may be infinite or NaN.
    ///
    /// # Errors
    /// Inputs of wrong lengths, and sizes at which the graph cannot be run.
    fn score(&mut self, inputs: &Inputs, scores: &mut [f32]) -> Result<(), Error>;
}
