//! What a ranking promises, with the shipped model: the server's order unless there is evidence, nothing moved that must not, and the
//! explanation of every place.

use common::random::{Article, NOW, Random, SPACE, list, reader, reader_of};
use nearside::{
    ArticleId, Bound, Candidate, Candidates, Error, Feature, Model, Policy, Profile, Ranker, Reason, Seconds,
    SpaceId, TopicCap, TopicId,
};
use proptest::prelude::*;

mod common {
    pub(crate) mod random;
}

const MODEL: &[u8] = include_bytes!("../models/reranker.onnx");

fn ranker() -> Ranker {
    Ranker::new(Model::load(MODEL).expect("the shipped model loads"))
}

fn identity(len: usize) -> Vec<u32> {
    (0..len as u32).collect()
}

fn assert_permutation(order: &[u32], len: usize) {
    let mut sorted = order.to_vec();
    sorted.sort_unstable();
    assert_eq!(sorted, identity(len));
}

#[test]
fn the_shipped_model_states_its_contract() {
    let model = Model::load(MODEL).unwrap();
    assert_eq!((model.space(), model.k()), (SPACE, 10.0));
    assert!(model.features().contains(&Feature::TopicShare) && model.features().len() == 9);
    assert!(MODEL.len() <= 24 * 1024);
}

#[test]
fn a_reader_sees_more_of_what_they_read() {
    let mut random = Random(1);
    let articles: Vec<_> = (0..100).map(|id| Article::new(&mut random, id)).collect();
    let mut candidates = Candidates::new();
    articles.iter().for_each(|article| candidates.push(&article.candidate()));
    candidates.check(SPACE, SPACE).unwrap();
    let sports = articles.iter().filter(|article| article.topic == "sports").take(5);
    let profile = reader_of(sports, |i| i as u32 * 60);
    let mut ranker = ranker();
    let order = ranker.rank(&candidates, &profile, &Policy::default(), NOW).unwrap().to_vec();
    assert_eq!(ranker.reason(), Reason::Ranked);
    let mean_place = |order: &[u32], topic: &str| {
        let unread = |&(_, &item): &(usize, &u32)| {
            let article = &articles[item as usize];
            article.topic == topic
                && !profile.clicks().iter().any(|click| click.id == ArticleId::new(&article.id))
        };
        let places: Vec<_> = order.iter().enumerate().filter(unread).map(|(place, _)| place as f64).collect();
        places.iter().sum::<f64>() / places.len() as f64
    };
    assert!(mean_place(&order, "sports") + 3.0 < mean_place(&identity(100), "sports"));
}

#[test]
fn without_evidence_the_order_is_the_servers() {
    let mut ranker = ranker();
    let candidates = list(&mut Random(2), 60);
    let mut one_click = reader(&mut Random(3), 1);
    let order = ranker.rank(&candidates, &Profile::new(), &Policy::default(), NOW).unwrap();
    assert_eq!(order, identity(60));
    assert_eq!((ranker.reason(), ranker.weight()), (Reason::Cold, 0.0));
    assert_eq!(ranker.rank(&candidates, &one_click, &Policy::default(), NOW).unwrap(), identity(60));
    assert_eq!(ranker.reason(), Reason::Cold);
    assert!(ranker.explain(0).unwrap().personal == 0.0 && ranker.explain(60).is_none());
    let none_needed = Policy { minimum_evidence: 0.0, ..Policy::default() };
    assert_eq!(ranker.rank(&candidates, &Profile::new(), &none_needed, NOW).unwrap(), identity(60));
    assert_eq!(ranker.reason(), Reason::Cold, "no history at all is never ranked");
    one_click.click(ArticleId(1), TopicId::new("sports"), TopicId::NONE, None, NOW);
    assert!(ranker.rank(&candidates, &one_click, &Policy::default(), NOW).is_ok());
    // A click and a bounce are less than two clicks.
    one_click.dwell(ArticleId(1), nearside::Dwell::from_seconds(2.0).unwrap(), NOW);
    ranker.rank(&candidates, &one_click, &Policy::default(), NOW).unwrap();
    assert_eq!(ranker.reason(), Reason::Cold);
}

#[test]
fn a_list_in_which_nothing_can_be_scored_is_unscored() {
    let mut ranker = ranker();
    let profile = reader(&mut Random(3), 20);
    let article = Article::new(&mut Random(2), 0);
    let sound = article.candidate();
    let lists = [
        vec![],
        vec![Candidate { pinned: true, ..sound }],
        vec![Candidate { fixed: true, ..sound }],
        vec![Candidate { vector: "", ..sound }],
        vec![Candidate { topic: "", ..sound }],
        vec![Candidate { clicks: -1.0, ..sound }, Candidate { id: "other", pinned: true, ..sound }],
    ];
    for list in lists {
        let mut candidates = Candidates::new();
        list.iter().for_each(|candidate| candidates.push(candidate));
        candidates.check(SPACE, SPACE).unwrap();
        for (policy, profile, reason) in [
            (Policy::default(), &profile, Reason::Unscored),
            (Policy::default(), &Profile::new(), Reason::Cold),
            (Policy { strength: 0.0, ..Policy::default() }, &profile, Reason::Off),
        ] {
            assert_eq!(ranker.rank(&candidates, profile, &policy, NOW).unwrap(), identity(list.len()));
            assert_eq!((ranker.reason(), ranker.weight()), (reason, 0.0), "{list:?}");
        }
    }
    assert_eq!(Reason::Unscored.code(), "unscored");
}

#[test]
fn just_enough_evidence_is_enough() {
    let mut ranker = ranker();
    let candidates = list(&mut Random(2), 60);
    let mut profile = Profile::new();
    profile.set_space(SpaceId::new(SPACE));
    for (id, reason) in [(1, Reason::Cold), (2, Reason::Ranked)] {
        let vector = Some(Random(1).vector(0));
        profile.click(ArticleId(id), TopicId::new("world"), TopicId::NONE, vector, NOW);
        ranker.rank(&candidates, &profile, &Policy::default(), NOW).unwrap();
        assert_eq!(ranker.reason(), reason);
    }
}

#[test]
fn a_model_of_48_000_weights_is_within_the_bounds() {
    Model::load(include_bytes!("fixtures/attention-48k.onnx")).expect("it loads");
}

#[test]
fn only_a_model_that_reads_clicked_vectors_is_cold_without_them() {
    let attention = Model::load(include_bytes!("fixtures/attention-20k.onnx")).expect("it loads");
    let candidates = list(&mut Random(2), 60);
    let with_vectors = reader(&mut Random(3), 20);
    let mut without = with_vectors.clone();
    without.set_space(SpaceId::NONE);
    let reasons = |mut ranker: Ranker| {
        [&with_vectors, &without].map(|profile| {
            ranker.rank(&candidates, profile, &Policy::default(), NOW).unwrap();
            ranker.reason()
        })
    };
    assert_eq!(reasons(ranker()), [Reason::Ranked, Reason::Ranked]);
    assert_eq!(reasons(Ranker::new(attention)), [Reason::Ranked, Reason::Cold]);
}

#[test]
fn a_history_that_has_ended_is_no_evidence() {
    let profile = reader(&mut Random(3), 20);
    let mut ranker = ranker();
    for now in [NOW.0 + 31 * 86_400, NOW.0 - 31 * 86_400, 0, u32::MAX] {
        ranker.rank(&list(&mut Random(2), 20), &profile, &Policy::default(), Seconds(now)).unwrap();
        assert_eq!(ranker.reason(), Reason::Cold);
    }
}

#[test]
fn strength_zero_is_off_and_a_wrong_policy_is_named() {
    let mut ranker = ranker();
    let (candidates, profile) = (list(&mut Random(2), 20), reader(&mut Random(3), 20));
    let off = Policy { strength: 0.0, ..Policy::default() };
    assert_eq!(ranker.rank(&candidates, &profile, &off, NOW).unwrap(), identity(20));
    assert_eq!((ranker.reason().code(), ranker.weight()), ("off", 0.0));
    let wrong = Policy { strength: -1.0, ..Policy::default() };
    assert_eq!(ranker.rank(&candidates, &profile, &wrong, NOW), Err(Error::PolicyRange("strength")));
}

#[test]
fn influence_grows_with_evidence() {
    let mut ranker = ranker();
    let candidates = list(&mut Random(2), 50);
    for clicks in [3, 10, 50] {
        let profile = reader(&mut Random(3), clicks);
        let n: f32 = profile.clicks().iter().map(|click| click.dwell.weight()).sum();
        for (k, policy_k) in [(10.0, None), (20.0, Some(20.0))] {
            ranker.rank(&candidates, &profile, &Policy { k: policy_k, ..Policy::default() }, NOW).unwrap();
            assert!((ranker.weight() - 0.8 * n / (n + k)).abs() < 1e-6);
        }
    }
}

#[test]
fn what_was_read_already_sinks() {
    let mut random = Random(8);
    let articles: Vec<_> = (0..60).map(|id| Article::new(&mut random, id)).collect();
    let mut candidates = Candidates::new();
    articles.iter().for_each(|article| candidates.push(&article.candidate()));
    candidates.check(SPACE, SPACE).unwrap();
    let read = [20usize, 25, 30];
    let profile = reader_of(read.iter().map(|&place| &articles[place]), |_| 60);
    let order = ranker().rank(&candidates, &profile, &Policy::default(), NOW).unwrap().to_vec();
    for place in read {
        let now = order.iter().position(|&item| item as usize == place).unwrap();
        assert!(now > place, "{place} stands at {now}");
    }
}

#[test]
fn explanations_add_up_to_the_order() {
    let mut ranker = ranker();
    let candidates = list(&mut Random(5), 120);
    let policy = Policy { maximum_displacement: None, ..Policy::default() };
    let order = ranker.rank(&candidates, &reader(&mut Random(6), 30), &policy, NOW).unwrap().to_vec();
    let scores: Vec<_> = order.iter().map(|&item| ranker.explain(item as usize).unwrap().score()).collect();
    assert!(scores.is_sorted_by(|a, b| a >= b));
    let explanations: Vec<_> = (0..120).map(|item| ranker.explain(item).unwrap()).collect();
    assert!(
        explanations
            .iter()
            .all(|explanation| explanation.bound == Bound::None && explanation.features.len() == 9)
    );
    let mean = explanations.iter().map(|explanation| explanation.personal).sum::<f32>() / 120.0;
    assert!(mean.abs() < 1e-4, "the personal parts are centred");
    assert!(explanations.iter().any(|explanation| explanation.personal.abs() > 0.1));
    let share = explanations[0].names.iter().position(|&name| name == Feature::TopicShare).unwrap();
    assert!(explanations.iter().all(|explanation| (0.0..=1.0).contains(&explanation.features[share])));
    assert!(explanations.iter().any(|explanation| explanation.features[share] > 0.0));
}

#[test]
fn an_item_without_vector_or_topic_is_ranked_by_the_server_alone() {
    let mut random = Random(7);
    let articles: Vec<_> = (0..30).map(|id| Article::new(&mut random, id)).collect();
    let profile = reader(&mut random, 30);
    let mut candidates = Candidates::new();
    for (i, article) in articles.iter().enumerate() {
        let whole = article.candidate();
        candidates.push(&match i {
            3 => Candidate { vector: "", ..whole },
            4 => Candidate { topic: "", ..whole },
            _ => whole,
        });
    }
    candidates.check(SPACE, SPACE).unwrap();
    let mut ranker = ranker();
    ranker.rank(&candidates, &profile, &Policy::default(), NOW).unwrap();
    for item in [3, 4] {
        assert_eq!(ranker.explain(item).unwrap().personal, 0.0);
    }
    assert_ne!(ranker.explain(5).unwrap().personal, 0.0);
    let mut none_scorable = Candidates::new();
    articles.iter().for_each(|article| none_scorable.push(&Candidate { vector: "", ..article.candidate() }));
    none_scorable.check("", SPACE).unwrap();
    assert_eq!(ranker.rank(&none_scorable, &profile, &Policy::default(), NOW).unwrap(), identity(30));
    assert_eq!(ranker.reason(), Reason::Unscored);
}

#[test]
fn what_stands_behind_the_200th_keeps_its_place() {
    let mut ranker = ranker();
    let order = ranker
        .rank(&list(&mut Random(2), 10_000), &reader(&mut Random(3), 20), &Policy::default(), NOW)
        .unwrap();
    assert_permutation(order, 10_000);
    assert_eq!(order[200..], identity(10_000)[200..]);
    assert_ne!(order[..200], identity(200));
}

#[test]
fn the_same_inputs_give_the_same_order_whatever_was_ranked_before() {
    let (candidates, profile) = (list(&mut Random(2), 90), reader(&mut Random(3), 20));
    let mut used = ranker();
    for (len, clicks) in [(200, 50), (1, 2), (0, 9), (37, 11)] {
        used.rank(&list(&mut Random(8), len), &reader(&mut Random(9), clicks), &Policy::default(), NOW)
            .unwrap();
    }
    let order = used.rank(&candidates, &profile, &Policy::default(), NOW).unwrap();
    assert_eq!(order, ranker().rank(&candidates, &profile, &Policy::default(), NOW).unwrap());
}

/// Absurd numbers in every column of an item.
fn wild() -> impl Strategy<Value = f64> {
    prop_oneof![
        2 => Just(f64::NAN),
        1 => prop::num::f64::ANY,
        2 => 0.0..1e4,
        1 => prop::sample::select(vec![0.0, -0.0, -1.0, f64::INFINITY, f64::MAX, f64::MIN_POSITIVE, 1.7e12]),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_list_and_reader_give_a_permutation_that_keeps_the_rules(
        seed in any::<u64>(),
        clicks in 0usize..60,
        rows in prop::collection::vec((wild(), wild(), wild(), wild(), 0u8..16), 0..80),
        limit in prop::option::of(0usize..20),
        cap in prop::option::of((1usize..4, 1usize..10)),
        now in prop_oneof![Just(NOW.0), any::<u32>()],
    ) {
        let mut random = Random(seed);
        let articles: Vec<_> = (0..rows.len()).map(|id| Article::new(&mut random, id)).collect();
        let mut candidates = Candidates::new();
        for (article, &(published_ms, shows, clicks, score, kind)) in articles.iter().zip(&rows) {
            let vector = match kind { 0 => "", 1 => "not base64!", _ => &article.vector_text };
            let topic = if kind == 2 { "" } else { article.topic };
            let (pinned, fixed) = (kind == 3, kind == 4);
            candidates.push(&Candidate { published_ms, shows, clicks, score, vector, topic, pinned, fixed, ..article.candidate() });
        }
        candidates.check("", SPACE).unwrap();
        let policy = Policy {
            maximum_displacement: limit,
            topic_cap: cap.map(|(limit, window)| TopicCap { limit, window }),
            ..Policy::default()
        };
        let mut ranker = ranker();
        let order = ranker.rank(&candidates, &reader(&mut random, clicks), &policy, Seconds(now)).unwrap().to_vec();
        assert_permutation(&order, rows.len());
        for (slot, &item) in order.iter().enumerate() {
            let explanation = ranker.explain(item as usize).unwrap();
            let moves = !matches!(explanation.bound, Bound::Pinned | Bound::Fixed | Bound::Faulty);
            prop_assert!(moves || item as usize == slot);
            prop_assert!(explanation.score().is_finite());
        }
    }
}
