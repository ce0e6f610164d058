//! Refusals on the way through a model, before it is said of which operator they are.

use super::name::shown;
use crate::{Error, Words};

/// Why a model is refused. Passed on by reference: a result that holds an [`Error`] is several times larger, and so is the
/// code that hands it on at each of the hundreds of places where a hostile model can fail.
#[derive(Debug)]
pub(crate) enum Refusal {
    Malformed(Words),
    TooLarge(Words),
    Graph(Words),
    /// A variant of the operator, or by itself a part of the format.
    Unsupported(Words),
}

pub(crate) type Refused<T> = Result<T, &'static Refusal>;

impl Refusal {
    /// The error, with the operator that was being read or planned; "" is none.
    #[cold]
    pub(crate) fn of(&self, operator: &str) -> Error {
        match self {
            Self::Malformed(why) => Error::ModelMalformed(*why),
            Self::TooLarge(why) => Error::ModelTooLarge(*why),
            Self::Graph(why) => Error::ModelGraph(*why),
            Self::Unsupported(what) if operator.is_empty() => {
                let mut name = String::new();
                what.add_to(&mut name);
                Error::OperatorUnsupported { operator: name }
            }
            Self::Unsupported(variant) => unsupported(operator, Some(*variant), ""),
        }
    }
}

/// `operator (variant detail)`; operator and detail are texts of the file.
#[cold]
pub(crate) fn unsupported(operator: &str, variant: Option<Words>, detail: &str) -> Error {
    let mut name = shown(operator);
    if let Some(variant) = variant {
        name.push_str(" (");
        variant.add_to(&mut name);
        name.push_str(&shown(detail));
        name.push(')');
    }
    Error::OperatorUnsupported { operator: name }
}
