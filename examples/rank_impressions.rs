//! Ranks prepared impressions natively: `rank_impressions MODEL FOLDER...`, folders as `python/tools/prepare_mind.py` writes them.
//!
//! Prints a line for each impression and policy (default; unlimited displacement): id, reason, bits of the weight, order,
//! separated by spaces, the order's numbers by commas. `tests/mind` compares the lines with the browser's.

use std::collections::HashMap;
use std::error::Error;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;

use feed::{ItemExtension, candidate};
use nearside::{ArticleId, Candidates, Model, Policy, Profile, Ranker, Seconds, SpaceId, TopicId, Vector};
use serde::Deserialize;

#[path = "../tests/common/feed.rs"]
mod feed;

#[derive(Deserialize)]
struct Impression {
    id: String,
    now: f64,
    candidates: Vec<String>,
    history: Vec<(String, f64)>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<_> = std::env::args().skip(1).collect();
    let [model, folders @ ..] = args.as_slice() else {
        return Err("usage: rank_impressions MODEL FOLDER...".into());
    };
    let mut ranker = Ranker::new(Model::load(&fs::read(model)?)?);
    let mut out = BufWriter::new(std::io::stdout().lock());
    for folder in folders.iter().map(Path::new) {
        let articles: HashMap<String, ItemExtension> =
            serde_json::from_str(&fs::read_to_string(folder.join("articles.json"))?)?;
        for line in BufReader::new(File::open(folder.join("impressions.jsonl"))?).lines() {
            rank(&mut ranker, &articles, &serde_json::from_str(&line?)?, &mut out)?;
        }
    }
    Ok(out.flush()?)
}

fn rank(
    ranker: &mut Ranker,
    articles: &HashMap<String, ItemExtension>,
    impression: &Impression,
    out: &mut impl Write,
) -> Result<(), Box<dyn Error>> {
    let space = ranker.model().space().to_owned();
    let mut profile = Profile::new();
    profile.set_space(SpaceId::new(&space));
    for (id, ms) in &impression.history {
        let article = &articles[id];
        let (topic, subtopic) =
            (TopicId::new(&article.topic), TopicId::subtopic(&article.topic, &article.subtopic));
        let vector = Vector::from_base64(&article.vector);
        profile.click(ArticleId::new(id), topic, subtopic, vector, Seconds::from_millis(*ms));
    }
    let mut candidates = Candidates::new();
    impression.candidates.iter().for_each(|id| candidates.push(&candidate(id, None, &articles[id])));
    candidates.check(&space, &space)?;
    for maximum_displacement in [Policy::default().maximum_displacement, None] {
        let policy = Policy { maximum_displacement, ..Policy::default() };
        let order = ranker.rank(&candidates, &profile, &policy, Seconds::from_millis(impression.now))?;
        let order: Vec<_> = order.iter().map(u32::to_string).collect();
        let (reason, weight) = (ranker.reason().code(), ranker.weight().to_bits());
        writeln!(out, "{} {reason} {weight} {}", impression.id, order.join(","))?;
    }
    Ok(())
}
