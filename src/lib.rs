//! Nearside reorders a news front page in the reader's own browser, from a history that never leaves it.
//!
//! A site sends every reader the same list of article candidates. [`Ranker::rank`] puts [`Candidates`] in an order for the reader of a
//! [`Profile`], with a [`Model`] (a compact ONNX reranker that carries its own contract) and within a [`Policy`]; what it cannot rank it
//! leaves in the server's order. [`Ranker::explain`] says why an item stands where it stands.
//!
//! ```text
//! candidate ─┐
//!            ├─ features ── model ── rank (blend) ── policy ── order, explanation
//! profile ── interest
//! ```
//!
//! Clock and randomness are arguments. The same inputs give the same order, to the bit, natively and as WebAssembly.

#![forbid(unsafe_code)]

// The tests in here share files with those in `tests/`, which know the crate by its name.
#[cfg(test)]
extern crate self as nearside;

mod candidate;
mod error;
mod explain;
mod features;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod id;
// Asked for by the boundary to JavaScript alone.
#[cfg(feature = "tract")]
#[cfg_attr(not(target_arch = "wasm32"), allow(dead_code))]
mod inspect;
mod interest;
mod model;
mod numbered;
mod policy;
mod profile;
#[cfg(feature = "python")]
mod python;
mod rank;
#[cfg(feature = "python")]
mod replay;
mod server;
mod signals;
mod time;
#[cfg(target_arch = "wasm32")]
pub mod wasm;
/// Natively only its test, which keeps what the build of the SDK is given.
#[cfg(all(test, not(target_arch = "wasm32")))]
#[path = "wasm/wire.rs"]
pub mod wire;
mod words;

pub use candidate::{Candidate, Candidates, MAX_ID, MAX_RANKED, MAX_TEXT, Standing};
pub use error::Error;
pub use explain::Explanation;
pub use features::Feature;
pub use id::{ArticleId, SpaceId, TopicId};
pub use model::Model;
pub use nearside_kernels::vector::{DIMENSION, Vector};
pub use policy::{Bound, Policy, TopicCap};
pub use profile::{Click, Dwell, Hide, Profile, View};
pub use rank::{Ranker, Reason};
#[cfg(feature = "python")]
pub use replay::Replay;
pub use signals::Signals;
pub use time::Seconds;
pub use words::Words;
