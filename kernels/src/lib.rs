//! The loops in which a ranking spends its time: over flat slices, and without a list, a profile or a model.
//!
//! They are a package of their own because Cargo sets the level of optimisation by package: these are compiled for speed, all
//! else in nearside for size (`Cargo.toml`, `[profile.release]`). What is called from there is `inline(never)`: inlined, it would
//! be compiled for size as well.

#![forbid(unsafe_code)]

pub mod base64;
pub mod bytes;
pub mod cosines;
pub mod elements;
pub mod hash;
pub mod lanes;
pub mod matmul;
pub mod rows;
pub mod sort;
pub mod vector;
pub mod walk;
