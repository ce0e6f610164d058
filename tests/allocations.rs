//! After the first list of a size, a ranking allocates nothing.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use common::random::{NOW, Random, list, reader};
use nearside::{Model, Policy, Ranker, TopicCap};

mod common {
    pub(crate) mod random;
}

struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

#[expect(unsafe_code, reason = "an allocator cannot be written without; it only counts and forwards")]
// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// One test in this binary: other threads' allocations would be counted, too.
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
                let before = ALLOCATIONS.load(Ordering::Relaxed);
                let moved =
                    ranker.rank(candidates, profile, &policy, NOW).is_ok_and(|order| !order.is_sorted());
                let allocations = ALLOCATIONS.load(Ordering::Relaxed) - before;
                assert!(moved);
                assert!(
                    round == 0 || allocations == 0,
                    "{allocations} allocations for {} candidates",
                    candidates.len()
                );
            }
        }
    }
}
