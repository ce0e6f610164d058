//! A stored history, read and merged.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use nearside::Profile;
use random::{NOW, pages};

#[path = "../../tests/common/random.rs"]
mod random;

static OTHER: LazyLock<Profile> = LazyLock::new(|| pages().pop().expect("there are pages").1);

fuzz_target!(|bytes: &[u8]| nearside::fuzzing::profile(bytes, &OTHER, NOW));
