//! Refusals on the way through a model, before it is said of which operator they are.

use super::name::shown;
use crate::Error;

/// Why a model is refused. Passed on by reference: a result that holds an [`Error`] is several times larger, and so is the
/// code that hands it on at each of the hundreds of places where a hostile model can fail.
#[derive(Debug)]
pub(crate) enum Refusal {
    Malformed(&'static str),
    TooLarge(&'static str),
    Graph(&'static str),
    /// A variant of the operator, or by itself a part of the format.
    Unsupported(&'static str),
}

pub(crate) type Refused<T> = Result<T, &'static Refusal>;

impl Refusal {
    /// The error, with the operator that was being read or planned; "" is none.
    #[cold]
    pub(crate) fn of(&self, operator: &str) -> Error {
        match self {
            Self::Malformed(message) => Error::ModelMalformed(message),
            Self::TooLarge(message) => Error::ModelTooLarge(message),
            Self::Graph(message) => Error::ModelGraph(message),
            Self::Unsupported(what) if operator.is_empty() => unsupported(what, "", ""),
            Self::Unsupported(variant) => unsupported(operator, variant, ""),
        }
    }
}

/// `operator (variant detail)`; operator and detail are texts of the file.
#[cold]
pub(crate) fn unsupported(operator: &str, variant: &str, detail: &str) -> Error {
    let mut name = shown(operator);
    if !variant.is_empty() {
        for part in [" (", variant, &shown(detail), ")"] {
            name.push_str(part);
        }
    }
    Error::OperatorUnsupported { operator: name }
}
