//! Everything that can be refused, with a stable code for each kind of refusal.

use thiserror::Error;

/// Why an input was refused.
///
/// The sentence (`Display`) is for an engineer and may change; [`Error::code`] is API and does not.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Error {
    /// The columns of a candidate list do not have the lengths that the list's length asks for.
    #[error("the candidate columns differ in length")]
    CandidateColumns,
    /// A candidate came without an id.
    #[error("candidate {index} has no id")]
    CandidateWithoutId {
        /// Place in the list, from 0.
        index: usize,
    },
    /// Two candidates share one id.
    #[error("candidate {index} repeats an earlier id")]
    CandidateRepeated {
        /// Place of the second in the list, from 0.
        index: usize,
    },
    /// The list's vectors belong to another vector space than the model's.
    #[error("the list's vector space is not the model's, {expected}")]
    SpaceMismatch {
        /// The space the model wants.
        expected: String,
    },
    /// Bytes that are no profile of a known version, or were changed since they were written.
    #[error("the profile cannot be read: {0}")]
    ProfileMalformed(&'static str),
    /// Bytes that are no well-formed ONNX model.
    #[error("the model cannot be read: {0}")]
    ModelMalformed(&'static str),
    /// The model passes a bound on nodes, tensors, elements, nesting or planned cost.
    #[error("the model is too large: {0}")]
    ModelTooLarge(&'static str),
    /// Shapes, types or attributes of the graph contradict each other or the contract.
    #[error("the model's graph does not fit: {0}")]
    ModelGraph(&'static str),
    /// The contract in the model's metadata is missing, malformed or asks for what this version lacks.
    #[error("the model's contract does not hold: {0}")]
    ModelContract(&'static str),
    /// The model's golden case gave other features or scores than the file states.
    #[error("the model's golden case does not hold: {0}")]
    ModelGolden(&'static str),
    /// The graph needs an operator, or a variant of one, that the compact engine does not run.
    #[error("the compact engine does not run {operator}")]
    OperatorUnsupported {
        /// The operator's name, with the variant where that is the matter, e.g. `Gather (axis 1)`.
        operator: String,
    },
    /// The model was written for an opset outside 13–21.
    #[error("the compact engine does not run opset {0}, only 13 to 21")]
    OpsetUnsupported(i64),
    /// What the full flavour's engine does not run: an operator's name, or what tract says of the graph.
    #[cfg(feature = "tract")]
    #[error("tract does not run {0}")]
    TractUnsupported(String),
    /// The full flavour's engine failed at a ranking, with what tract says of it.
    #[cfg(feature = "tract")]
    #[error("tract failed: {0}")]
    TractFailed(String),
    /// The model gave a score that is not a finite number.
    #[error("the model gave a score that is not finite")]
    NonFinite,
    /// A policy value is out of its range.
    #[error("policy.{0} is out of its range")]
    PolicyRange(&'static str),
}

impl Error {
    /// The stable code of this kind of refusal; the SDK's outcome reasons of the same names come from here.
    pub fn code(&self) -> &'static str {
        match self {
            Self::CandidateColumns
            | Self::CandidateWithoutId { .. }
            | Self::CandidateRepeated { .. }
            | Self::SpaceMismatch { .. } => "bad_candidates",
            Self::ProfileMalformed(_) => "bad_profile",
            Self::ModelMalformed(_)
            | Self::ModelTooLarge(_)
            | Self::ModelGraph(_)
            | Self::ModelContract(_)
            | Self::ModelGolden(_) => "model_rejected",
            Self::OperatorUnsupported { .. } | Self::OpsetUnsupported(_) => "model_unsupported",
            #[cfg(feature = "tract")]
            Self::TractUnsupported(_) => "model_unsupported",
            #[cfg(feature = "tract")]
            Self::TractFailed(_) => "model_rejected",
            Self::NonFinite => "nonfinite",
            Self::PolicyRange(_) => "internal",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_stable() {
        assert_eq!(Error::CandidateColumns.code(), "bad_candidates");
        assert_eq!(Error::SpaceMismatch { expected: String::new() }.code(), "bad_candidates");
        assert_eq!(Error::ProfileMalformed("").code(), "bad_profile");
        assert_eq!(Error::ModelGolden("").code(), "model_rejected");
        assert_eq!(Error::OpsetUnsupported(12).code(), "model_unsupported");
        assert_eq!(Error::NonFinite.code(), "nonfinite");
    }
}
