//! The reader of ONNX files, on files changed field by field.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target};

#[path = "../models.rs"]
mod models;

fuzz_target!(|bytes: &[u8]| nearside::fuzzing::read(bytes));

fuzz_mutator!(|data: &mut [u8], size: usize, most: usize, seed: u32| {
    models::mutate(data, size, most, seed)
});
