//! The full flavour's report of a model and its last ranking, for an engineer at a console.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::candidate::Candidates;
use crate::error::Error;
use crate::model::{ContractReport, FileReport};
use crate::rank::{Ranker, Reason};

/// All of it.
#[derive(Serialize)]
pub(crate) struct Inspection<'a> {
    /// What runs the model.
    engine: &'static str,
    contract: ContractReport<'a>,
    model: &'a FileReport,
    /// None before the first ranking, after one that failed, and once the history was erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    ranking: Option<Ranking<'a>>,
}

/// The last ranking.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Ranking<'a> {
    reason: &'static str,
    /// Weight of the personal part.
    weight: f32,
    /// Dwell-weighted clicks.
    evidence: f32,
    /// Clicked articles that have a vector.
    history: usize,
    /// Candidates that the model scored.
    scored: usize,
    /// One a ranked candidate, in the server's order.
    items: Vec<Item<'a>>,
    timings: Timings,
}

/// One candidate.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Item<'a> {
    id: &'a str,
    server_logit: f32,
    personal: f32,
    /// The features' values by name.
    features: BTreeMap<&'static str, f32>,
    /// What each feature did for its score ([`crate::Model`]'s `contributions`); none for one that the model did not score.
    #[serde(skip_serializing_if = "Option::is_none")]
    contributions: Option<BTreeMap<&'static str, f32>>,
}

/// Milliseconds that the parts of a ranking took.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Timings {
    /// Taking the list in.
    pub(crate) take: f64,
    pub(crate) features: f64,
    pub(crate) model: f64,
    /// Blend and order.
    pub(crate) order: f64,
    /// All of them.
    pub(crate) total: f64,
}

impl<'a> Inspection<'a> {
    /// The model alone, and with `last` the last ranking: of `candidates` with these ids, in so much time.
    ///
    /// # Errors
    ///
    /// As scoring: contributions run the model anew.
    pub(crate) fn of(
        ranker: &'a mut Ranker,
        candidates: &Candidates,
        last: Option<(&'a [String], Timings)>,
    ) -> Result<Self, Error> {
        let contributions = match last {
            Some(_) if ranker.reason() == Reason::Ranked => ranker.contributions()?,
            _ => Vec::new(),
        };
        let ranker: &'a Ranker = ranker;
        let ranking = last.map(|(ids, timings)| ranking(ranker, candidates, ids, &contributions, timings));
        let model = ranker.model();
        Ok(Self { engine: "tract", contract: model.contract(), model: model.file(), ranking })
    }
}

fn ranking<'a>(
    ranker: &Ranker,
    candidates: &Candidates,
    ids: &'a [String],
    contributions: &[f32],
    timings: Timings,
) -> Ranking<'a> {
    let names = ranker.model().features();
    let by_name = |values: &[f32]| names.iter().map(|name| name.name()).zip(values.iter().copied()).collect();
    let mut rows = contributions.chunks_exact(names.len());
    let item = |(index, id): (usize, &'a String)| {
        let explanation = ranker.explain(index)?;
        let row = if *candidates.scorable().get(index)? { rows.next() } else { None };
        Some(Item {
            id,
            server_logit: explanation.server_logit,
            personal: explanation.personal,
            features: by_name(explanation.features),
            contributions: row.map(by_name),
        })
    };
    let items = ids.iter().enumerate().map_while(item).collect();
    Ranking {
        reason: ranker.reason().code(),
        weight: ranker.weight(),
        evidence: ranker.signals().evidence(),
        history: ranker.signals().history_len(),
        scored: contributions.len() / names.len(),
        items,
        timings,
    }
}
