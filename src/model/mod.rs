//! The reranker: a model file, the contract it carries, and the engine that runs it.

// In the full flavour every model runs on tract, so that it is one engine; the tests compare the two.
#[cfg(any(not(feature = "tract"), test))]
mod compact;
pub(crate) mod contract;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod name;
#[cfg_attr(feature = "tract", allow(dead_code, unused_imports))]
mod onnx;
mod refusal;
#[cfg(feature = "tract")]
#[cfg_attr(not(target_arch = "wasm32"), allow(dead_code))]
mod report;
#[cfg(feature = "tract")]
mod tract;

use crate::candidate::Candidates;
use crate::error::Error;
use crate::features::Feature;
use crate::signals::Signals;
#[cfg(not(feature = "tract"))]
use compact::Compact;
use contract::{Contract, Golden};
use nearside_kernels::vector::DIMENSION;
#[cfg(feature = "tract")]
pub(crate) use report::{Contract as ContractReport, File as FileReport};
#[cfg(feature = "tract")]
use tract::Tract;

/// What a model is given for one list. Rows are dense and row-major.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Inputs<'a> {
    /// N, the scored candidates; 1–200.
    pub(crate) candidates_len: usize,
    /// `f32[N, F]`.
    pub(crate) features: &'a [f32],
    /// `f32[N, 64]`, unit vectors.
    pub(crate) candidates: &'a [f32],
    /// H, the clicked articles that have a vector; 0–50, at least 1 where the model wants a history.
    pub(crate) history_len: usize,
    /// `f32[H, 64]`, unit vectors, oldest click first.
    pub(crate) history: &'a [f32],
    /// `f32[H]`, recency × dwell weights that sum to 1.
    pub(crate) history_weight: &'a [f32],
}

/// Something that runs a model's graph.
pub(crate) trait Engine: Send {
    /// Whether `history` or `history_weight` is an input.
    fn needs_history(&self) -> bool;

    /// Whether `candidates` is an input.
    fn needs_candidates(&self) -> bool;

    /// Writes one score a candidate. Whether they are finite is for the caller to check.
    fn score(&mut self, inputs: &Inputs<'_>, scores: &mut [f32]) -> Result<(), Error>;
}

/// A reranker whose golden case holds, ready to score.
pub struct Model {
    contract: Contract,
    engine: Box<dyn Engine>,
    #[cfg(feature = "tract")]
    #[cfg_attr(not(target_arch = "wasm32"), allow(dead_code))]
    file: report::File,
    /// The scorable candidates' rows, vectors and scores, gathered.
    features: Vec<f32>,
    candidates: Vec<f32>,
    history: Vec<f32>,
    scores: Vec<f32>,
}

/// A model that has been read, and has yet to prove itself on its golden case.
pub(crate) struct Unchecked {
    model: Model,
    golden: Golden,
}

impl Unchecked {
    /// Reads an ONNX file, checks its contract and prepares its engine.
    ///
    /// # Errors
    ///
    /// Any model error but [`Error::ModelGolden`] of a case that does not hold.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Error> {
        #[cfg(not(feature = "tract"))]
        let file = onnx::read(bytes)?;
        #[cfg(feature = "tract")]
        let file = onnx::outline(bytes)?;
        let (contract, golden) = contract::read(&file.metadata)?;
        #[cfg(not(feature = "tract"))]
        let engine = Box::new(Compact::load(&file, contract.features.len(), DIMENSION)?);
        #[cfg(feature = "tract")]
        let engine = Box::new(Tract::load(bytes, &file, contract.features.len(), DIMENSION)?);
        let model = Model {
            contract,
            engine,
            #[cfg(feature = "tract")]
            file: report::File::of(bytes, &file),
            features: Vec::new(),
            candidates: Vec::new(),
            history: Vec::new(),
            scores: Vec::new(),
        };
        Ok(Self { model, golden })
    }

    /// Runs the golden case.
    ///
    /// # Errors
    ///
    /// [`Error::ModelGolden`] where it does not hold, or what scoring failed with.
    pub(crate) fn check(mut self) -> Result<Model, Error> {
        self.golden.check(&mut self.model)?;
        Ok(self.model)
    }
}

impl Model {
    /// Reads an ONNX file, checks its contract and runs its golden case.
    ///
    /// # Errors
    ///
    /// Any model error: `model_rejected` or `model_unsupported` by [`Error::code`].
    pub fn load(bytes: &[u8]) -> Result<Self, Error> {
        Unchecked::read(bytes)?.check()
    }

    /// The model's name.
    pub fn id(&self) -> &str {
        &self.contract.id
    }

    /// The name of its vector space.
    pub fn space(&self) -> &str {
        &self.contract.space
    }

    /// The features it wants, in order.
    pub fn features(&self) -> &[Feature] {
        &self.contract.features
    }

    /// Clicks at which half of the policy's strength is reached.
    pub fn k(&self) -> f32 {
        self.contract.k
    }

    /// What the engine was given for the last list: `features`, `candidates` or `history`, dense and row-major.
    #[cfg(feature = "bench")]
    pub(crate) fn input(&self, name: &str) -> Option<&[f32]> {
        match name {
            "features" => Some(&self.features),
            "candidates" => Some(&self.candidates),
            "history" => Some(&self.history),
            _ => None,
        }
    }

    /// Runs the engine alone, one score a row of `features`. `history` is dense rows of vectors.
    #[cfg(feature = "bench")]
    pub(crate) fn run(
        &mut self,
        features: &[f32],
        candidates: &[f32],
        history: &[f32],
        history_weight: &[f32],
    ) -> Result<&[f32], Error> {
        let candidates_len = features.len() / self.contract.features.len();
        let history_len = history.len() / DIMENSION;
        self.scores.clear();
        self.scores.resize(candidates_len, 0.0);
        let inputs = Inputs { candidates_len, features, candidates, history_len, history, history_weight };
        self.engine.score(&inputs, &mut self.scores)?;
        Ok(&self.scores)
    }

    /// Whether it can say nothing without a clicked vector.
    pub(crate) fn needs_history(&self) -> bool {
        self.engine.needs_history()
    }

    /// Writes the model's output for every scorable candidate to its place in `personal`, and leaves the others' as they are.
    ///
    /// `signals` are of the same list, with this model's features. The rows of candidates that cannot be scored are not shown to the model
    /// at all, so they cannot sway one that compares the candidates.
    pub(crate) fn score(
        &mut self,
        candidates: &Candidates,
        signals: &Signals,
        personal: &mut [f32],
    ) -> Result<(), Error> {
        let scorable = candidates.scorable();
        let scored = || (0..).zip(scorable).filter(|&(_, &scorable)| scorable).map(|(i, _): (usize, _)| i);
        let len = scored().count();
        if len == 0 {
            return Ok(());
        }
        let width = self.contract.features.len();
        self.features.clear();
        scored().for_each(|i| self.features.extend_from_slice(&signals.features()[i * width..][..width]));
        self.candidates.clear();
        if self.engine.needs_candidates() {
            candidates.directions().extend_units(scored(), &mut self.candidates);
        }
        self.history.clear();
        if self.engine.needs_history() {
            signals.extend_history(&mut self.history);
        }
        self.scores.clear();
        self.scores.resize(len, 0.0);
        let inputs = Inputs {
            candidates_len: len,
            features: &self.features,
            candidates: &self.candidates,
            history_len: signals.history_len(),
            history: &self.history,
            history_weight: signals.history_weight(),
        };
        self.engine.score(&inputs, &mut self.scores)?;
        if !self.scores.iter().all(|score| score.is_finite()) {
            return Err(Error::NonFinite);
        }
        for (i, &score) in scored().zip(&self.scores) {
            personal[i] = score;
        }
        Ok(())
    }
}
