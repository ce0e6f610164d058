//! One number for many rankings: native, Node and browsers must all come to it.
#![allow(unreachable_pub, reason = "test binaries include this file")]

use super::random::{NOW, Random, list, reader};
use nearside::{Model, Policy, Ranker, TopicCap};

/// Orders and score bits of 200 rankings with the shipped model, and as many with the attention fixture. Changes when a feature, the
/// blend, the ordering, the model or the engine's arithmetic does: then, and only then, put the new number here.
pub const EXPECTED: u64 = 13_468_696_412_698_358_201;

/// Ranks random lists for random readers and folds every order and every score's bits into one number.
pub fn fingerprint() -> u64 {
    let models: [&[u8]; 2] =
        [include_bytes!("../../models/reranker.onnx"), include_bytes!("../fixtures/attention-20k.onnx")];
    let mut fold = Random(0);
    for model in models {
        let mut ranker = Ranker::new(Model::load(model).expect("the model loads"));
        let mut random = Random(42);
        for round in 0..200 {
            let len = 1 + random.below(120);
            let clicks = 2 + random.below(49);
            let (candidates, profile) = (list(&mut random, len), reader(&mut random, clicks));
            let topic_cap = (round % 3 == 0).then_some(TopicCap { limit: 2, window: 6 });
            let maximum_displacement = (round % 2 == 0).then_some(10);
            let policy =
                Policy { topic_cap, maximum_displacement, minimum_evidence: 0.1, ..Policy::default() };
            let order = ranker.rank(&candidates, &profile, &policy, NOW).expect("the list is sound").to_vec();
            for item in order {
                let score = ranker.explain(item as usize).expect("it was ranked").score();
                fold.0 ^= (u64::from(item) << 32) | u64::from(score.to_bits());
                fold.next();
            }
        }
    }
    fold.next()
}
