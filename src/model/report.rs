//! What a loaded model is made of, and what each feature did in its last ranking.

use std::collections::BTreeMap;

use serde::Serialize;

use super::onnx::{Dim, Outline, Port};
use super::{Inputs, Model};
use crate::error::Error;
use crate::signals::Signals;
use nearside_kernels::vector::DIMENSION;

/// A model file, as an engineer would ask about it.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct File {
    /// Size in bytes.
    bytes: usize,
    /// Versions of the operator sets by domain; ONNX's own is `ai.onnx`.
    opsets: BTreeMap<String, i64>,
    /// How often each operator stands in the graph; those of other sets than ONNX's own with their domain before the name.
    operators: BTreeMap<String, usize>,
    /// Numbers in all constant tensors.
    weights: usize,
    inputs: Vec<Value>,
    outputs: Vec<Value>,
}

/// An input or output of the graph.
#[derive(Debug, Clone, Serialize)]
struct Value {
    name: String,
    /// Each a number, or the name the file gives it, such as `N`; none where the file does not say.
    shape: Option<Vec<Length>>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
enum Length {
    Fixed(i64),
    Named(String),
}

/// What the model's file says of what it wants.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Contract<'a> {
    /// The contract's version.
    version: &'a str,
    id: &'a str,
    space: &'a str,
    /// Numbers in a vector.
    dimension: usize,
    /// Names, in the order of the columns.
    features: Vec<&'a str>,
    /// Clicks at which half of the strength is reached.
    k: f32,
}

impl File {
    pub(super) fn of(bytes: &[u8], outline: &Outline<'_>) -> Self {
        let set = |domain: &str| if domain.is_empty() { "ai.onnx".to_owned() } else { domain.to_owned() };
        let operator = |(domain, name): (&str, &str)| match domain {
            "" => name.to_owned(),
            domain => format!("{domain}.{name}"),
        };
        Self {
            bytes: bytes.len(),
            opsets: outline.opsets.iter().map(|&(domain, version)| (set(domain), version)).collect(),
            operators: outline.operators.iter().map(|(&name, &count)| (operator(name), count)).collect(),
            weights: outline.weights,
            inputs: outline.inputs.iter().map(Value::of).collect(),
            outputs: outline.outputs.iter().map(Value::of).collect(),
        }
    }
}

impl Value {
    fn of(port: &Port<'_>) -> Self {
        let length = |dim: &Dim<'_>| match *dim {
            Dim::Fixed(length) => Length::Fixed(length),
            Dim::Named(name) => Length::Named(name.to_owned()),
        };
        Self {
            name: port.name.to_owned(),
            shape: port.dims.as_ref().map(|dims| dims.iter().map(length).collect()),
        }
    }
}

impl Model {
    /// The file it was read from.
    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// Its contract.
    pub(crate) fn contract(&self) -> Contract<'_> {
        Contract {
            version: super::contract::VERSION,
            id: self.id(),
            space: self.space(),
            dimension: DIMENSION,
            features: self.features().iter().map(|feature| feature.name()).collect(),
            k: self.k(),
        }
    }

    /// How much each feature did for each candidate of the list scored last: `f32[scored, F]`, in the list's order.
    ///
    /// The contribution of a feature to a candidate is the candidate's score less the score it gets when that feature is, for all
    /// scored candidates at once, replaced by its mean over them; all else, vectors and history included, stays. So a feature
    /// that is the same for all candidates contributes 0. Contributions do not add up to the score where features interact.
    ///
    /// `signals` are those of that list. Runs the engine once for each feature and once more.
    ///
    /// # Errors
    ///
    /// As scoring.
    pub(crate) fn contributions(&mut self, signals: &Signals) -> Result<Vec<f32>, Error> {
        let width = self.contract.features.len();
        let len = self.features.len() / width;
        let mut features = self.features.clone();
        let mut base = vec![0.0; len];
        let mut scores = vec![0.0; len];
        let mut contributions = vec![0.0; len * width];
        if len == 0 {
            return Ok(contributions);
        }
        let (candidates, history, engine) = (&self.candidates, &self.history, &mut self.engine);
        let mut score = |features: &[f32], scores: &mut [f32]| {
            let inputs = Inputs {
                candidates_len: len,
                features,
                candidates,
                history_len: signals.history_len(),
                history,
                history_weight: signals.history_weight(),
            };
            engine.score(&inputs, scores)
        };
        score(&features, &mut base)?;
        for column in 0..width {
            let places = || (column..len * width).step_by(width);
            let mean = places().map(|place| self.features[place]).sum::<f32>() / len as f32;
            places().for_each(|place| features[place] = mean);
            score(&features, &mut scores)?;
            for (row, place) in places().enumerate() {
                contributions[place] = base[row] - scores[row];
                features[place] = self.features[place];
            }
        }
        Ok(contributions)
    }
}
