//! From a model file to an order, on files changed field by field.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use models::random::{NOW, pages};
use nearside::{Candidates, Profile};

#[path = "../models.rs"]
mod models;

static PAGES: LazyLock<Vec<(Candidates, Profile)>> = LazyLock::new(pages);

fuzz_target!(|bytes: &[u8]| nearside::fuzzing::load_and_rank(bytes, &PAGES, NOW));

fuzz_mutator!(|data: &mut [u8], size: usize, most: usize, seed: u32| {
    models::mutate(data, size, most, seed)
});
