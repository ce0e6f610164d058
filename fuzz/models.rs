//! Mutations of model files that know what such a file is made of: those of the `rust` suite (`tests/common/changes.rs`), with the
//! fuzzer's own for bytes that are no file any more.

use std::sync::LazyLock;

use changes::{Stock, Subject};
use libfuzzer_sys::fuzzer_mutate;
use random::Random;

#[path = "../tests/common/changes.rs"]
pub mod changes;
#[path = "../tests/common/messages.rs"]
pub mod messages;
#[path = "../tests/common/random.rs"]
pub mod random;

/// Every operator with its attributes, and the parts of whole rerankers.
static STOCK: LazyLock<Stock> = LazyLock::new(|| {
    let conformance = conformance(include_bytes!("../tests/fixtures/conformance.bin"));
    let whole = [
        &include_bytes!("../models/reranker.onnx")[..],
        include_bytes!("../tests/fixtures/attention-20k.onnx"),
    ];
    let subjects: Vec<_> = whole.into_iter().chain(conformance).filter_map(Subject::read).collect();
    Stock::of(&subjects)
});

/// The models of a file of cases (`python/tools/conformance_fixtures.py` says how it is laid out).
fn conformance(mut file: &[u8]) -> Vec<&[u8]> {
    fn number(file: &mut &[u8]) -> usize {
        let (bytes, rest) = file.split_first_chunk().expect("the file is whole");
        *file = rest;
        u32::from_le_bytes(*bytes) as usize
    }
    fn blob<'a>(file: &mut &'a [u8]) -> &'a [u8] {
        let len = number(file);
        file.split_off(..len).expect("the file is whole")
    }
    fn tensors(file: &mut &[u8]) {
        for _ in 0..number(file) {
            let rank = number(file);
            let elements: usize = (0..rank).map(|_| number(file)).product();
            file.split_off(..4 * elements).expect("the file is whole");
        }
    }
    let file = &mut file;
    let count = number(file);
    let model = |_| {
        blob(file);
        let model = blob(file);
        tensors(file);
        match file.split_off_first() {
            Some(0) => tensors(file),
            _ => drop(blob(file)),
        }
        model
    };
    (0..count).map(model).collect()
}

/// Changes the first `size` bytes of `data` and returns how many there are then, at most `most`.
pub fn mutate(data: &mut [u8], size: usize, most: usize, seed: u32) -> usize {
    let mut random = Random(u64::from(seed));
    if random.below(10) > 0
        && let Some(subject) = Subject::read(&data[..size])
    {
        let changed = STOCK.mutate(&subject, &mut random);
        if changed.len() <= most.min(data.len()) {
            data[..changed.len()].copy_from_slice(&changed);
            return changed.len();
        }
    }
    fuzzer_mutate(data, size, most)
}
