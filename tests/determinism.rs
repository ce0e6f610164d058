//! The corpus of `python/tools/determinism_corpus.py`: every engine and browser must come to the same bits. This is the native
//! side; `tests/determinism/` has the others.

#![cfg(not(target_arch = "wasm32"))]

use std::collections::HashMap;
use std::fmt::Write;

use nearside::{
    ArticleId, Candidate, Candidates, Dwell, Model, Policy, Profile, Ranker, Reason, Seconds, SpaceId,
    TopicId, Vector,
};
use serde::Deserialize;
use sha2::{Digest, Sha256};

const CORPUS: &str = include_str!("fixtures/determinism.json");
const EXPECTED: &str = include_str!("fixtures/determinism.sha256");
const MODELS: [(&str, &[u8]); 2] = [
    ("models/reranker.onnx", include_bytes!("../models/reranker.onnx")),
    ("tests/fixtures/attention-20k.onnx", include_bytes!("fixtures/attention-20k.onnx")),
];

#[derive(Deserialize)]
struct Corpus {
    articles: Vec<Article>,
    pages: Vec<Page>,
}

/// Id, topic, subtopic, vector and time of publication.
#[derive(Deserialize)]
struct Article(String, String, String, String, Option<f64>);

#[derive(Deserialize)]
struct Page {
    reader: u32,
    now: f64,
    events: Vec<Vec<f64>>,
    /// Article, shows and clicks.
    items: Vec<(usize, f64, f64)>,
}

#[test]
fn a_thousand_rankings_come_to_the_bits_that_every_engine_must_come_to() {
    let corpus: Corpus = serde_json::from_str(CORPUS).expect("the corpus is JSON");
    assert_eq!(corpus.pages.len(), 1000);
    let lines: String =
        MODELS.iter().map(|(name, model)| format!("{}  {name}\n", hash(&corpus, model))).collect();
    assert_eq!(
        lines, EXPECTED,
        "put it into tests/fixtures/determinism.sha256 if the arithmetic was to change"
    );
}

/// SHA-256 of every ranking in turn: the order as u32, the weight, then each item's features, server logit and personal part
/// as f32, in the list's order; all little-endian.
fn hash(corpus: &Corpus, model: &[u8]) -> String {
    let mut ranker = Ranker::new(Model::load(model).expect("the model loads"));
    let mut readers: HashMap<u32, Profile> = HashMap::new();
    let mut candidates = Candidates::new();
    let mut sum = Sha256::new();
    let mut ranked = 0;
    for page in &corpus.pages {
        let profile = readers.entry(page.reader).or_insert_with(|| {
            let mut profile = Profile::new();
            profile.set_space(SpaceId::new(ranker.model().space()));
            profile
        });
        for event in &page.events {
            take(profile, &corpus.articles[event[1] as usize], event);
        }
        candidates.clear();
        for &(article, shows, clicks) in &page.items {
            let Article(id, topic, subtopic, vector, published_ms) = &corpus.articles[article];
            let published_ms = published_ms.unwrap_or(f64::NAN);
            let (score, pinned, fixed) = (f64::NAN, false, false);
            candidates.push(&Candidate {
                id,
                topic,
                subtopic,
                vector,
                published_ms,
                shows,
                clicks,
                score,
                pinned,
                fixed,
            });
        }
        candidates.check("", ranker.model().space()).expect("the list is sound");
        let order = ranker
            .rank(&candidates, profile, &Policy::default(), Seconds::from_millis(page.now))
            .expect("the list is ranked");
        order.iter().for_each(|item| sum.update(item.to_le_bytes()));
        ranked += usize::from(ranker.reason() == Reason::Ranked);
        sum.update(ranker.weight().to_le_bytes());
        for explanation in (0..page.items.len()).map_while(|i| ranker.explain(i)) {
            explanation.features.iter().for_each(|feature| sum.update(feature.to_le_bytes()));
            sum.update(explanation.server_logit.to_le_bytes());
            sum.update(explanation.personal.to_le_bytes());
        }
    }
    assert!(ranked > 500, "{ranked} are ranked: the others prove nothing");
    sum.finalize().iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes it");
        text
    })
}

fn take(profile: &mut Profile, Article(id, topic, subtopic, vector, _): &Article, event: &[f64]) {
    let (id, at) = (ArticleId::new(id), Seconds::from_millis(event[2]));
    match event[0] as u8 {
        0 => profile.view(id, TopicId::new(topic), at),
        1 => {
            let vector = Vector::from_base64(vector);
            profile.click(id, TopicId::new(topic), TopicId::subtopic(topic, subtopic), vector, at);
        }
        2 => {
            let dwell = Dwell::from_seconds(event[3]).expect("a time");
            assert!(profile.dwell(id, dwell, at), "read after it was opened");
        }
        kind => panic!("no kind of event: {kind}"),
    }
}
