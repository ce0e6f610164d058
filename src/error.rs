//! Everything that can be refused, with a stable code for each kind of refusal.

use std::borrow::Cow;
use std::fmt;

use crate::numbered::numbered;

/// Why an input was refused.
///
/// The sentence (`Display`) is for an engineer and may change; [`Error::code`] is API and does not.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The columns of a candidate list do not have the lengths that the list's length asks for.
    CandidateColumns,
    /// A candidate came without an id.
    CandidateWithoutId {
        /// Place in the list, from 0.
        index: usize,
    },
    /// Two candidates share one id.
    CandidateRepeated {
        /// Place of the second in the list, from 0.
        index: usize,
    },
    /// The list's vectors belong to another vector space than the model's.
    SpaceMismatch {
        /// The space the model wants.
        expected: String,
    },
    /// Bytes that are no profile of a known version, or were changed since they were written.
    ProfileMalformed(&'static str),
    /// Bytes that are no well-formed ONNX model.
    ModelMalformed(&'static str),
    /// The model passes a bound on nodes, tensors, elements, nesting or planned cost.
    ModelTooLarge(&'static str),
    /// Shapes, types or attributes of the graph contradict each other or the contract.
    ModelGraph(&'static str),
    /// The contract in the model's metadata is missing, malformed or asks for what this version lacks: which member, and why.
    ModelContract(String),
    /// The model's golden case gave other features or scores than the file states.
    ModelGolden(&'static str),
    /// The graph needs an operator, or a variant of one, that the compact engine does not run.
    OperatorUnsupported {
        /// The operator's name, with the variant where that is the matter, e.g. `Gather (axis 1)`.
        operator: String,
    },
    /// The model was written for an opset outside 13–21.
    OpsetUnsupported(i64),
    /// What the full flavour's engine does not run: an operator's name, or what tract says of the graph.
    #[cfg(feature = "tract")]
    TractUnsupported(String),
    /// The full flavour's engine failed at a ranking, with what tract says of it.
    #[cfg(feature = "tract")]
    TractFailed(String),
    /// The model gave a score that is not a finite number.
    NonFinite,
    /// A policy value is out of its range.
    PolicyRange(&'static str),
    /// A ranking was asked for before there was a model.
    NoModel,
}

/// One sentence, by `write_str` alone: the machinery behind `write!` would be 2 KB of what a page loads.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (before, value, after) = self.sentence();
        f.write_str(before)?;
        f.write_str(&value)?;
        f.write_str(after)
    }
}

impl std::error::Error for Error {}

impl Error {
    /// The sentence, around what it is about.
    fn sentence(&self) -> (&str, Cow<'_, str>, &str) {
        let (before, value, after) = match self {
            Self::CandidateColumns => ("the candidate columns differ in length", "", ""),
            Self::CandidateWithoutId { index } => {
                return ("candidate ", decimal(*index as i64).into(), " has no id");
            }
            Self::CandidateRepeated { index } => {
                return ("candidate ", decimal(*index as i64).into(), " repeats an earlier id");
            }
            Self::SpaceMismatch { expected } => {
                ("the list's vector space is not the model's, ", expected.as_str(), "")
            }
            Self::ProfileMalformed(why) => ("the profile cannot be read: ", *why, ""),
            Self::ModelMalformed(why) => ("the model cannot be read: ", *why, ""),
            Self::ModelTooLarge(why) => ("the model is too large: ", *why, ""),
            Self::ModelGraph(why) => ("the model's graph does not fit: ", *why, ""),
            Self::ModelContract(why) => ("the model's contract does not hold: ", why.as_str(), ""),
            Self::ModelGolden(why) => ("the model's golden case does not hold: ", *why, ""),
            Self::OperatorUnsupported { operator } => (RUNS_NOT, operator.as_str(), FULL_RUNS),
            Self::OpsetUnsupported(opset) => {
                let mut opsets = String::from("opset ");
                opsets.push_str(&decimal(*opset));
                opsets.push_str(", only 13 to 21");
                return (RUNS_NOT, opsets.into(), FULL_RUNS);
            }
            #[cfg(feature = "tract")]
            Self::TractUnsupported(what) => (RUNS_NOT, what.as_str(), ""),
            #[cfg(feature = "tract")]
            Self::TractFailed(why) => ("tract failed: ", why.as_str(), ""),
            Self::NonFinite => ("the model gave a score that is not finite", "", ""),
            Self::PolicyRange(name) => ("policy.", *name, " is out of its range"),
            Self::NoModel => ("no model", "", ""),
        };
        (before, value.into(), after)
    }

    /// The stable name of this kind of refusal; the SDK's outcome reasons of the same names come from here.
    pub fn code(&self) -> &'static str {
        self.kind().code()
    }

    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::CandidateColumns
            | Self::CandidateWithoutId { .. }
            | Self::CandidateRepeated { .. }
            | Self::SpaceMismatch { .. } => Kind::BadCandidates,
            Self::ProfileMalformed(_) => Kind::BadProfile,
            Self::ModelMalformed(_)
            | Self::ModelTooLarge(_)
            | Self::ModelGraph(_)
            | Self::ModelContract(_)
            | Self::ModelGolden(_) => Kind::ModelRejected,
            Self::OperatorUnsupported { .. } | Self::OpsetUnsupported(_) => Kind::ModelUnsupported,
            #[cfg(feature = "tract")]
            Self::TractUnsupported(_) => Kind::ModelUnsupported,
            #[cfg(feature = "tract")]
            Self::TractFailed(_) => Kind::ModelRejected,
            Self::NonFinite => Kind::Nonfinite,
            Self::PolicyRange(_) | Self::NoModel => Kind::Internal,
        }
    }
}

numbered! {
    /// The kinds of refusals.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(crate) enum Kind {
        BadCandidates = "bad_candidates",
        BadProfile = "bad_profile",
        ModelRejected = "model_rejected",
        ModelUnsupported = "model_unsupported",
        Nonfinite = "nonfinite",
        Internal = "internal",
    }
}

#[cfg(not(feature = "tract"))]
const RUNS_NOT: &str = "the compact engine does not run ";
#[cfg(not(feature = "tract"))]
const FULL_RUNS: &str = "; nearside/full may";
#[cfg(feature = "tract")]
const RUNS_NOT: &str = "the full flavour does not run ";
#[cfg(feature = "tract")]
const FULL_RUNS: &str = "";

fn decimal(number: i64) -> String {
    let mut rest = number.unsigned_abs();
    let mut digits = Vec::new();
    loop {
        digits.push(char::from(b'0' + (rest % 10) as u8));
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if number < 0 {
        digits.push('-');
    }
    digits.iter().rev().collect()
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

    #[test]
    fn sentences_name_what_they_are_about() {
        let said = |error: Error| error.to_string();
        assert_eq!(said(Error::CandidateRepeated { index: 120 }), "candidate 120 repeats an earlier id");
        assert_eq!(said(Error::CandidateWithoutId { index: 0 }), "candidate 0 has no id");
        assert_eq!(said(Error::PolicyRange("strength")), "policy.strength is out of its range");
        assert_eq!(
            said(Error::OperatorUnsupported { operator: "Gather (axis 1)".into() }),
            "the compact engine does not run Gather (axis 1); nearside/full may"
        );
        assert_eq!(
            said(Error::OpsetUnsupported(i64::MIN)),
            "the compact engine does not run opset -9223372036854775808, only 13 to 21; nearside/full may"
        );
        let missing = Error::ModelContract("nearside.k is missing".into());
        assert_eq!(said(missing), "the model's contract does not hold: nearside.k is missing");
        assert_eq!(said(Error::ModelGolden("a score")), "the model's golden case does not hold: a score");
    }
}
