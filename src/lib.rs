//! Nearside.
#![forbid(unsafe_code)]
mod error;
mod model;
pub use error::Error;
