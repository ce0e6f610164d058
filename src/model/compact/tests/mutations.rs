//! Hostile models: valid ones, changed field by field, so that most are still well-formed files (how to run a million:
//! `tests/mutations.rs`).

use super::*;
use crate::model::contract::{self, Contract, Golden};
use crate::model::{Model, onnx};
use crate::{Candidates, Policy, Profile, Ranker};
use changes::{Stock, Subject};
use nearside_kernels::vector::DIMENSION;
use random::{NOW, Random, list, reader};
use trials::Outcome;

#[path = "../../../../tests/common/changes.rs"]
mod changes;
#[path = "../../../../tests/common/trials.rs"]
mod trials;

const SHIPPED: &[u8] = include_bytes!("../../../../models/reranker.onnx");

/// Constants of a million elements (as floats and as integers, 12 MB), one more in the making, and three arenas' worth of results
/// (8 MB each) on their way into them.
const MOST_BYTES: u64 = 64 << 20;
/// What reading may take: the lists of a graph with as many parts as are allowed, and for each byte of the file, at worst
/// a number of eight bytes in a list that is just growing.
const MOST_READ: (u64, u64) = (256 << 10, 32);

/// A valid model.
struct Seed<'a> {
    bytes: &'a [u8],
    subject: Subject,
    /// `None`: it is a whole reranker.
    inputs: Option<Vec<Tensor>>,
}

impl<'a> Seed<'a> {
    fn new(bytes: &'a [u8], inputs: Option<Vec<Tensor>>) -> Self {
        let subject = Subject::read(bytes).unwrap();
        assert!(subject.message.write() == bytes, "the file is understood");
        Self { bytes, subject, inputs }
    }
}

fn contract_of(bytes: &[u8]) -> (Contract, Golden) {
    contract::read(&onnx::read(bytes).unwrap().metadata).unwrap()
}

/// Reads, loads and ranks with a whole reranker. One whose contract was broken is taken with the contract it had.
fn rank(seed: &Seed, bytes: &[u8], candidates: &Candidates, profile: &Profile) -> Outcome {
    let Ok(file) = onnx::read(bytes) else { return Outcome::Header };
    let loaded = Model::load(bytes);
    let (contract, golden) = contract::read(&file.metadata).unwrap_or_else(|_| contract_of(seed.bytes));
    let Ok(engine) = Compact::load(&file, contract.features.len(), DIMENSION) else {
        assert!(loaded.is_err());
        return Outcome::Body;
    };
    let mut model = Model {
        contract,
        engine: Box::new(engine),
        features: Vec::new(),
        candidates: Vec::new(),
        history: Vec::new(),
        scores: Vec::new(),
    };
    let held = golden.check(&mut model);
    assert!(held.is_ok() || loaded.is_err());
    let mut ranker = Ranker::new(model);
    match ranker.rank(candidates, profile, &Policy::default(), NOW) {
        Ok(order) => {
            let mut seen = order.to_vec();
            seen.sort_unstable();
            assert!(seen.into_iter().eq(0..candidates.len() as u32));
        }
        Err(error) => {
            assert!(matches!(error.code(), "nonfinite" | "model_rejected" | "model_unsupported"), "{error}")
        }
    }
    Outcome::Taken
}

#[test]
fn mutations_of_models_are_refused_or_run() {
    let mut seeds = vec![Seed::new(SHIPPED, None), Seed::new(ATTENTION, None)];
    let cases = File::cases(CONFORMANCE);
    seeds.extend(cases.into_iter().map(|case| Seed::new(case.model, Some(case.inputs))));
    let stock = Stock::of(seeds.iter().map(|seed| &seed.subject));
    let mut random = Random(7);
    let sizes = [(200, 50), (40, 20), (12, 8), (12, 2), (3, 4), (1, 2)];
    let readers = sizes.map(|(len, clicks)| (list(&mut random, len), reader(&mut random, clicks)));
    let make = |random: &mut Random| {
        let seed = match random.below(8) {
            0 => 1,
            1..4 => 0,
            _ => 2 + random.below(seeds.len() - 2),
        };
        let reader = if random.below(64) == 0 { 0 } else { 1 + random.below(readers.len() - 1) };
        (seed, stock.mutate(&seeds[seed].subject, random), reader)
    };
    let attempt = |(seed, bytes, reader): &(usize, Vec<u8>, usize)| {
        let reading = allocation_counter::measure(|| drop(onnx::read(bytes)));
        let (base, each) = MOST_READ;
        assert!(
            reading.bytes_max <= base + each * bytes.len() as u64,
            "reading takes {} bytes",
            reading.bytes_max
        );
        let (seed, (candidates, profile)) = (&seeds[*seed], &readers[*reader]);
        match &seed.inputs {
            None => rank(seed, bytes, candidates, profile),
            Some(inputs) => match (onnx::read(bytes), run(bytes, inputs)) {
                (Err(_), _) => Outcome::Header,
                (_, Err(_)) => Outcome::Body,
                _ => Outcome::Taken,
            },
        }
    };
    trials::run("models", 20_000, MOST_BYTES, make, attempt);
}
