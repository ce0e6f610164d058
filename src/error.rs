//! Everything that can be refused, with a stable code for each kind of refusal.

use std::fmt;

use crate::numbered::numbered;
use crate::words::Words;

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
    ProfileMalformed(Words),
    /// Bytes that are no well-formed ONNX model.
    ModelMalformed(Words),
    /// The model passes a bound on nodes, tensors, elements, nesting or planned cost.
    ModelTooLarge(Words),
    /// Shapes, types or attributes of the graph contradict each other or the contract.
    ModelGraph(Words),
    /// The contract in the model's metadata is missing, malformed or asks for what this version lacks: which member, and why.
    ModelContract(String),
    /// The model's golden case gave other features or scores than the file states.
    ModelGolden(Words),
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
        f.write_str(&self.sentence())
    }
}

impl std::error::Error for Error {}

impl Error {
    fn sentence(&self) -> String {
        match self {
            Self::CandidateColumns => "the candidate columns differ in length".into(),
            Self::CandidateWithoutId { index } => around("candidate ", &decimal(*index as i64), " has no id"),
            Self::CandidateRepeated { index } => {
                around("candidate ", &decimal(*index as i64), " repeats an earlier id")
            }
            Self::SpaceMismatch { expected } => {
                around("the list's vector space is not the model's, ", expected, "")
            }
            Self::ProfileMalformed(why) => said(Words::ProfileMalformed, "", &[*why]),
            Self::ModelMalformed(why) => said(Words::ModelMalformed, "", &[*why]),
            Self::ModelTooLarge(why) => said(Words::ModelTooLarge, "", &[*why]),
            Self::ModelGraph(why) => said(Words::ModelGraph, "", &[*why]),
            Self::ModelContract(why) => said(Words::ModelContract, why, &[]),
            Self::ModelGolden(why) => said(Words::ModelGolden, "", &[*why]),
            Self::OperatorUnsupported { operator } => said(RUNS_NOT, operator, FULL_MAY),
            Self::OpsetUnsupported(opset) => {
                let opset = said(Words::Opset, &decimal(*opset), &[Words::KnownOpsets]);
                said(RUNS_NOT, &opset, FULL_MAY)
            }
            #[cfg(feature = "tract")]
            Self::TractUnsupported(what) => said(RUNS_NOT, what, &[]),
            #[cfg(feature = "tract")]
            Self::TractFailed(why) => around("tract failed: ", why, ""),
            Self::NonFinite => "the model gave a score that is not finite".into(),
            Self::PolicyRange(name) => around("policy.", name, " is out of its range"),
            Self::NoModel => "no model".into(),
        }
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

const RUNS_NOT: Words = if cfg!(feature = "tract") { Words::FullRunsNot } else { Words::CompactRunsNot };
const FULL_MAY: &[Words] = if cfg!(feature = "tract") { &[] } else { &[Words::FullMay] };

fn around(before: &str, about: &str, after: &str) -> String {
    joined(&[before, about, after])
}

/// The texts one behind the other. What is behind `concat` would be 0.1 KB of what a page loads.
pub(crate) fn joined(texts: &[&str]) -> String {
    let mut all = String::new();
    for text in texts {
        all.push_str(text);
    }
    all
}

fn said(before: Words, about: &str, after: &[Words]) -> String {
    let mut sentence = String::new();
    before.add_to(&mut sentence);
    sentence.push_str(about);
    for words in after {
        words.add_to(&mut sentence);
    }
    sentence
}

fn decimal(number: i64) -> String {
    let mut digits = [0; 20];
    let mut rest = number.unsigned_abs();
    let mut first = digits.len();
    loop {
        first -= 1;
        digits[first] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    let sign = if number < 0 { "-" } else { "" };
    around(sign, std::str::from_utf8(&digits[first..]).unwrap_or_default(), "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_stable() {
        assert_eq!(Error::CandidateColumns.code(), "bad_candidates");
        assert_eq!(Error::SpaceMismatch { expected: String::new() }.code(), "bad_candidates");
        assert_eq!(Error::ProfileMalformed(Words::ProfileEnd).code(), "bad_profile");
        assert_eq!(Error::ModelGolden(Words::GoldenList).code(), "model_rejected");
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
        assert_eq!(
            said(Error::ModelGolden(Words::GoldenList)),
            "the model's golden case does not hold: its list is refused"
        );
    }
}
