//! Computes what a model's golden case must state: `golden FEATURES GOLDEN`.
//!
//! FEATURES: a file with the names of the wanted features, one a line. GOLDEN: a JSON file with `now` (ms since 1970), `feed` (a JSON
//! Feed) and `events`. Prints one JSON object: the golden case's metadata, arrays in base64, and the model's other inputs
//! (`candidates`, `history`, `history_weight`), for whoever computes the scores.

use std::error::Error;
use std::fs;

use base64::prelude::{BASE64_STANDARD, Engine};
use feed::{Event, Feed, candidates};
use nearside::{Feature, Profile, Seconds, Signals, SpaceId, Vector};
use serde::Deserialize;
use serde_json::json;

#[path = "../tests/common/feed.rs"]
mod feed;

#[derive(Deserialize)]
struct Case {
    now: f64,
    feed: Feed,
    events: Vec<Event>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<_> = std::env::args().skip(1).collect();
    let [features, case] = args.as_slice() else { return Err("usage: golden FEATURES GOLDEN".into()) };
    let names = fs::read_to_string(features)?;
    let wanted =
        names.lines().map(|name| Feature::from_name(name).ok_or(format!("no feature is named {name}")));
    let wanted = wanted.collect::<Result<Vec<_>, _>>()?;
    let case: Case = serde_json::from_str(&fs::read_to_string(case)?)?;
    let (items, space) = (&case.feed.items, &case.feed.extension.space);
    let now = Seconds::from_millis(case.now);

    let mut profile = Profile::new();
    profile.set_space(SpaceId::new(space));
    case.events.iter().for_each(|event| event.record(&mut profile));
    let mut list = candidates(items);
    list.check(space, space)?;
    let mut signals = Signals::new();
    signals.update(&wanted, &list, &profile, now);
    let mut history = Vec::new();
    signals.extend_history(&mut history);

    let lines = |part: fn(&feed::Item) -> &str| items.iter().map(part).collect::<Vec<_>>().join("\n");
    let vectors =
        items.iter().map(|item| Vector::from_base64(&item.extension.vector).ok_or("a vector is missing"));
    let vectors = vectors.collect::<Result<Vec<_>, _>>()?;
    let numbers =
        items.iter().map(|item| item.candidate()).flat_map(|c| [c.published_ms, c.shows, c.clicks, c.score]);
    let flags =
        items.iter().map(|item| item.candidate()).map(|c| u8::from(c.pinned) | (u8::from(c.fixed) << 1));
    let floats = |floats: &[f32]| base64(floats.iter().flat_map(|x| x.to_le_bytes()));
    println!(
        "{}",
        json!({
            "now": format!("{}", case.now),
            "ids": lines(|item| &item.id),
            "topics": lines(|item| &item.extension.topic),
            "subtopics": lines(|item| &item.extension.subtopic),
            "vectors": base64(vectors.iter().flat_map(|vector| vector.0.map(|x| x as u8))),
            "numbers": base64(numbers.flat_map(f64::to_le_bytes)),
            "flags": base64(flags),
            "profile": base64(profile.encode()),
            "features": floats(signals.features()),
            "candidates": floats(&list.unit_vectors()),
            "history": floats(&history),
            "history_weight": floats(signals.history_weight()),
        })
    );
    Ok(())
}

fn base64(bytes: impl IntoIterator<Item = u8>) -> String {
    BASE64_STANDARD.encode(bytes.into_iter().collect::<Vec<_>>())
}
