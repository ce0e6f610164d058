//! What a model file says of itself: names, space and one golden case, in ONNX `metadata_props`.
//!
//! Flat strings, so that no parser is needed: lists are newline-separated, arrays are base64 of little-endian numbers. All keys begin
//! with `nearside.`:
//!
//! | key | value |
//! |---|---|
//! | `contract` | version, `1` |
//! | `id` | the model's name, for outcomes and logs: at most 128 bytes of letters, digits and signs |
//! | `features` | feature names, one a line, each once, in the order of the columns |
//! | `space`, `dimension` | name of the vector space, as `id`; numbers in a vector, `64` |
//! | `k` | clicks at which half of the strength is reached |
//! | `golden.now` | milliseconds since 1970 |
//! | `golden.ids`, `golden.topics`, `golden.subtopics` | one a candidate |
//! | `golden.vectors` | n × 64 signed bytes |
//! | `golden.numbers` | f64[n × 4]: date in ms, shows, clicks, score; NaN for none |
//! | `golden.flags` | u8[n], all 0: every candidate of the case must be scored (else bit 0 pinned, bit 1 `personalize: false`) |
//! | `golden.profile` | a stored profile |
//! | `golden.features` | f32[n × F]: the rows that must come out, exactly |
//! | `golden.scores` | f32[n]: the scores that must come out, within 1e-4, or that part of a score whose absolute value is above 1 |

#[cfg(test)]
mod tests;

use super::Model;
use super::name::{is_name, shown};
use crate::candidate::{Candidate, Candidates};
use crate::error::Error;
use crate::features::Feature;
use crate::id::SpaceId;
use crate::profile::Profile;
use crate::signals::Signals;
use crate::time::Seconds;
use crate::words::Words;
use nearside_kernels::base64;
use nearside_kernels::vector::DIMENSION;

pub(crate) const VERSION: &str = "1";
/// [`DIMENSION`], as a contract writes it.
const DIMENSION_TEXT: &str = "64";
/// How far a golden score may be from the stated one, which another engine computed: a part of it where it is beyond 1, since
/// engines that sum in different orders agree to so many digits and not to so many places.
pub(super) const TOLERANCE: f32 = 1e-4;
/// Most candidates in a golden case.
const MAX_GOLDEN: usize = 50;

/// A model's own account of what it wants.
#[derive(Debug)]
pub(super) struct Contract {
    pub(super) id: String,
    pub(super) features: Vec<Feature>,
    pub(super) space: String,
    pub(super) k: f32,
}

/// A list, a history and a moment, with the features and scores they must give.
#[derive(Debug)]
pub(super) struct Golden {
    now: Seconds,
    candidates: Candidates,
    profile: Profile,
    features: Vec<f32>,
    scores: Vec<f32>,
}

/// Reads the contract and its golden case from a model's metadata.
pub(super) fn read(metadata: &[(&str, &str)]) -> Result<(Contract, Golden), Error> {
    let metadata = Metadata(metadata);
    if metadata.get("nearside.contract")? != VERSION {
        return Err(broken("nearside.contract", Words::NotVersion1));
    }
    if metadata.get("nearside.dimension")? != DIMENSION_TEXT {
        return Err(broken("nearside.dimension", Words::Not64));
    }
    let contract = Contract {
        id: metadata.name("nearside.id")?.into(),
        features: metadata.features()?,
        space: metadata.name("nearside.space")?.into(),
        k: metadata.number("nearside.k", 1, 1000)? as f32,
    };
    let golden = read_golden(&metadata, &contract)?;
    Ok((contract, golden))
}

fn read_golden(metadata: &Metadata<'_>, contract: &Contract) -> Result<Golden, Error> {
    let lines = |key| metadata.get(key).map(|text| lines_of(text).collect::<Vec<_>>());
    let ids = lines("nearside.golden.ids")?;
    let topics = lines("nearside.golden.topics")?;
    let subtopics = lines("nearside.golden.subtopics")?;
    let vectors = metadata.bytes("nearside.golden.vectors")?;
    let numbers = metadata.bytes("nearside.golden.numbers")?;
    let flags = metadata.bytes("nearside.golden.flags")?;
    let features = floats(&metadata.bytes("nearside.golden.features")?);
    let scores = floats(&metadata.bytes("nearside.golden.scores")?);
    let n = ids.len();
    let lengths = [topics.len(), subtopics.len(), flags.len(), scores.len()];
    if n > MAX_GOLDEN
        || lengths != [n; 4]
        || vectors.len() != n * DIMENSION
        || numbers.len() != n * 32
        || features.len() != n * contract.features.len()
    {
        return Err(Error::ModelGolden(Words::GoldenLengths));
    }
    let mut candidates = Candidates::new();
    for i in 0..n {
        let number = |column: usize| {
            let bytes = numbers[i * 32 + column * 8..].first_chunk().copied().unwrap_or_default();
            f64::from_le_bytes(bytes)
        };
        candidates.push_with_vector(
            &Candidate {
                id: ids[i],
                topic: topics[i],
                subtopic: subtopics[i],
                vector: "",
                published_ms: number(0),
                shows: number(1),
                clicks: number(2),
                score: number(3),
                pinned: flags[i] & 1 != 0,
                fixed: flags[i] & 2 != 0,
            },
            &vectors[i * DIMENSION..][..DIMENSION],
        );
    }
    candidates.check(&contract.space, &contract.space).map_err(|_| Error::ModelGolden(Words::GoldenList))?;
    let now = Seconds((metadata.number("nearside.golden.now", 0, u64::from(u32::MAX) * 1000)? / 1000) as u32);
    let mut profile = Profile::decode(&metadata.bytes("nearside.golden.profile")?, now)
        .map_err(|_| Error::ModelGolden(Words::GoldenProfile))?;
    profile.set_space(SpaceId::new(&contract.space));
    Ok(Golden { now, candidates, profile, features, scores })
}

impl Golden {
    /// Runs the case through the code that also serves readers.
    pub(super) fn check(&self, model: &mut Model) -> Result<(), Error> {
        let mut signals = Signals::new();
        signals.update(model.features(), &self.candidates, &self.profile, self.now);
        if signals.history_len() == 0 || !self.candidates.scorable().iter().all(|&scorable| scorable) {
            return Err(Error::ModelGolden(Words::GoldenScoresNothing));
        }
        let same_bits = |(a, b): (&f32, &f32)| a.to_bits() == b.to_bits();
        if !signals.features().iter().zip(&self.features).all(same_bits) {
            return Err(Error::ModelGolden(Words::GoldenFeatures));
        }
        let mut scores = vec![0.0; self.scores.len()];
        model.score(&self.candidates, &signals, &mut scores)?;
        // A NaN is near nothing, and so is what is not finite.
        let near = |(a, b): (&f32, &f32)| b.is_finite() && (a - b).abs() <= TOLERANCE * b.abs().max(1.0);
        if scores.is_empty() || !scores.iter().zip(&self.scores).all(near) {
            return Err(Error::ModelGolden(Words::GoldenScores));
        }
        Ok(())
    }
}

/// A contract that does not hold: what of it, and the rest of the sentence.
#[cold]
#[inline(never)]
fn broken(about: &str, why: Words) -> Error {
    let mut sentence = String::from(about);
    why.add_to(&mut sentence);
    Error::ModelContract(sentence)
}

struct Metadata<'a>(&'a [(&'a str, &'a str)]);

impl Metadata<'_> {
    fn get(&self, key: &str) -> Result<&str, Error> {
        let found = self.0.iter().find(|(name, _)| *name == key);
        found.map(|&(_, value)| value).ok_or_else(|| broken(key, Words::Missing))
    }

    /// A text that logs and pages show.
    fn name(&self, key: &str) -> Result<&str, Error> {
        let name = self.get(key)?;
        if is_name(name) { Ok(name) } else { Err(broken(key, Words::NotName)) }
    }

    /// A decimal integer.
    fn number(&self, key: &str, least: u64, most: u64) -> Result<u64, Error> {
        let number = self.get(key)?.parse().ok().filter(|number| (least..=most).contains(number));
        number.ok_or_else(|| broken(key, Words::NotWhole))
    }

    /// The wanted features, each once.
    fn features(&self) -> Result<Vec<Feature>, Error> {
        let mut features = Vec::new();
        for name in lines_of(self.get("nearside.features")?) {
            let why = match Feature::from_name(name) {
                Some(feature) if !features.contains(&feature) => {
                    features.push(feature);
                    continue;
                }
                Some(_) => Words::FeatureTwice,
                None => Words::FeatureUnknown,
            };
            return Err(broken(&shown(name), why));
        }
        Ok(features)
    }

    fn bytes(&self, key: &str) -> Result<Vec<u8>, Error> {
        base64::decode(self.get(key)?).ok_or_else(|| broken(key, Words::NotBase64))
    }
}

/// What stands between line ends. The search for characters behind `str::split` would be 0.2 KB of what a page loads.
fn lines_of(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let end = text.bytes().position(|byte| byte == b'\n');
        let (line, after) = end.and_then(|at| text.split_at_checked(at)).unwrap_or((text, ""));
        rest = after.get(1..);
        Some(line)
    })
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks().0.iter().map(|&chunk| f32::from_le_bytes(chunk)).collect()
}
