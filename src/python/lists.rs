//! Lists of articles, one after another, and what is computed of them without a model.

use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::articles::PyArticles;
use super::profile::PyProfile;
use super::{PyPolicy, refused, slice, wanted};
use crate::candidate::{Candidate, Candidates};
use crate::error::Error;
use crate::policy::Ordering;
use crate::profile::Profile;
use crate::replay::{Articles, Counts};
use crate::signals::Signals;
use crate::time::Seconds;

/// Lists of articles with what the page carries of them, one after another.
pub(super) struct Lists<'a> {
    articles: &'a Articles,
    seconds: &'a [u32],
    offsets: &'a [i64],
    rows: &'a [u32],
    shows: &'a [f64],
    clicks: &'a [f64],
}

impl<'a> Lists<'a> {
    pub(super) fn new(
        articles: &'a PyArticles,
        seconds: &'a PyReadonlyArray1<'_, u32>,
        offsets: &'a PyReadonlyArray1<'_, i64>,
        rows: &'a PyReadonlyArray1<'_, u32>,
        shows: &'a PyReadonlyArray1<'_, f64>,
        clicks: &'a PyReadonlyArray1<'_, f64>,
    ) -> PyResult<Self> {
        Ok(Self {
            articles: &articles.0,
            seconds: slice(seconds)?,
            offsets: slice(offsets)?,
            rows: slice(rows)?,
            shows: slice(shows)?,
            clicks: slice(clicks)?,
        })
    }

    /// Calls `work` with each list, as candidates, and its reader.
    pub(super) fn each(
        &self,
        profiles: &[Profile],
        mut work: impl FnMut(&Candidates, &Profile, Seconds) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let sound = self.offsets.len() == profiles.len() + 1
            && self.seconds.len() == profiles.len()
            && self.offsets.is_sorted()
            && self.offsets.first() == Some(&0)
            && self.offsets.last() == Some(&(self.rows.len() as i64))
            && [self.shows.len(), self.clicks.len()] == [self.rows.len(); 2]
            && self.rows.iter().all(|&row| (row as usize) < self.articles.len());
        if !sound {
            return Err(Error::CandidateColumns);
        }
        let mut candidates = Candidates::new();
        for (i, profile) in profiles.iter().enumerate() {
            candidates.clear();
            for at in self.offsets[i] as usize..self.offsets[i + 1] as usize {
                let counts = Counts { shows: self.shows[at], clicks: self.clicks[at] };
                self.articles.push(self.rows[at], counts, &mut candidates);
            }
            candidates.check("", "")?;
            work(&candidates, profile, Seconds(self.seconds[i]))?;
        }
        Ok(())
    }
}

/// The features of lists, one row a candidate, as `Ranker.rank` takes them: `(features f32[S * F], server_logit f32[S])`.
#[pyfunction]
#[allow(clippy::too_many_arguments, clippy::type_complexity)]
pub(super) fn features<'py>(
    py: Python<'py>,
    names: Vec<String>,
    articles: &PyArticles,
    profiles: Vec<PyRef<'py, PyProfile>>,
    seconds: PyReadonlyArray1<'py, u32>,
    offsets: PyReadonlyArray1<'py, i64>,
    rows: PyReadonlyArray1<'py, u32>,
    shows: PyReadonlyArray1<'py, f64>,
    clicks: PyReadonlyArray1<'py, f64>,
) -> PyResult<(Bound<'py, PyArray1<f32>>, Bound<'py, PyArray1<f32>>)> {
    let profiles: Vec<Profile> = profiles.iter().map(|profile| profile.lock().clone()).collect();
    let wanted = wanted(&names)?;
    let lists = Lists::new(articles, &seconds, &offsets, &rows, &shows, &clicks)?;
    let (features, logits) = py
        .detach(|| {
            let (mut signals, mut features, mut logits) = (Signals::new(), Vec::new(), Vec::new());
            lists.each(&profiles, |candidates, profile, now| {
                signals.update(&wanted, candidates, profile, now);
                features.extend_from_slice(signals.features());
                logits.extend_from_slice(signals.server_logits());
                Ok(())
            })?;
            Ok((features, logits))
        })
        .map_err(refused)?;
    Ok((features.into_pyarray(py), logits.into_pyarray(py)))
}

/// What a model is given for one list: `features` f32[N * F], `candidates` f32[N * 64], `history` f32[H * 64], `history_weight` f32[H].
#[pyfunction]
#[allow(clippy::too_many_arguments)]
pub(super) fn inputs<'py>(
    py: Python<'py>,
    names: Vec<String>,
    articles: &PyArticles,
    profile: PyRef<'py, PyProfile>,
    second: u32,
    rows: PyReadonlyArray1<'py, u32>,
    shows: PyReadonlyArray1<'py, f64>,
    clicks: PyReadonlyArray1<'py, f64>,
) -> PyResult<Bound<'py, PyDict>> {
    let wanted = wanted(&names)?;
    let lists = Lists {
        articles: &articles.0,
        seconds: &[second],
        offsets: &[0, rows.len()? as i64],
        rows: slice(&rows)?,
        shows: slice(&shows)?,
        clicks: slice(&clicks)?,
    };
    let profile = profile.lock().clone();
    let (mut signals, mut units, mut history) = (Signals::new(), Vec::new(), Vec::new());
    lists
        .each(&[profile], |candidates, profile, now| {
            signals.update(&wanted, candidates, profile, now);
            units = candidates.unit_vectors();
            signals.extend_history(&mut history);
            Ok(())
        })
        .map_err(refused)?;
    let result = PyDict::new(py);
    result.set_item("features", signals.features().to_vec().into_pyarray(py))?;
    result.set_item("candidates", units.into_pyarray(py))?;
    result.set_item("history", history.into_pyarray(py))?;
    result.set_item("history_weight", signals.history_weight().to_vec().into_pyarray(py))?;
    Ok(result)
}

/// The slot of each candidate when lists are ordered by `scores` under a policy, as a ranking orders them.
#[pyfunction]
pub(super) fn arrange<'py>(
    py: Python<'py>,
    scores: PyReadonlyArray1<'py, f32>,
    offsets: PyReadonlyArray1<'py, i64>,
    policy: &PyPolicy,
) -> PyResult<Bound<'py, PyArray1<u32>>> {
    let (scores, offsets) = (slice(&scores)?, slice(&offsets)?);
    let slots = py.detach(|| {
        if offsets.first() != Some(&0)
            || offsets.last() != Some(&(scores.len() as i64))
            || !offsets.is_sorted()
        {
            return Err(Error::CandidateColumns);
        }
        if !scores.iter().all(|score| score.is_finite()) {
            return Err(Error::NonFinite);
        }
        let (mut candidates, mut ordering, mut slots) =
            (Candidates::new(), Ordering::default(), vec![0; scores.len()]);
        for ends in offsets.windows(2) {
            let (start, end) = (ends[0] as usize, ends[1] as usize);
            candidates.clear();
            (start..end).for_each(|_| candidates.push(&Candidate { id: "any", ..Candidate::default() }));
            ordering.update(&candidates, &scores[start..start + candidates.ranked()], &policy.0);
            for (slot, &item) in (0..).zip(ordering.order()) {
                slots[start + item as usize] = slot;
            }
        }
        Ok(slots)
    });
    Ok(slots.map_err(refused)?.into_pyarray(py))
}
