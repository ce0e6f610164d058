//! After the first list of a size, a ranking allocates nothing.

use common::random::{NOW, Random, list, reader};
use nearside::{Model, Policy, Ranker, TopicCap};

mod common {
    pub(crate) mod random;
}

#[test]
fn a_ranking_allocates_nothing_after_the_first_of_a_size() {
    let policy = Policy { topic_cap: Some(TopicCap { limit: 2, window: 5 }), ..Policy::default() };
    for model in
        [&include_bytes!("../models/reranker.onnx")[..], include_bytes!("fixtures/attention-20k.onnx")]
    {
        let mut ranker = Ranker::new(Model::load(model).expect("the model loads"));
        let mut random = Random(1);
        let cases = [(200, 50), (20, 10), (100, 30)]
            .map(|(len, clicks)| (list(&mut random, len), reader(&mut random, clicks)));
        for round in 0..3 {
            for (candidates, profile) in &cases {
                let mut moved = false;
                let counted = allocation_counter::measure(|| {
                    moved =
                        ranker.rank(candidates, profile, &policy, NOW).is_ok_and(|order| !order.is_sorted());
                });
                assert!(moved);
                assert!(
                    round == 0 || counted.count_total == 0,
                    "{} allocations for {} candidates",
                    counted.count_total,
                    candidates.len()
                );
            }
        }
    }
}
