//! A click log played again.

use std::sync::Mutex;

use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::articles::PyArticles;
use super::profile::PyProfile;
use super::{PyPolicy, PyRanker, lock, refused, slice, wanted};
use crate::error::Error;
use crate::replay::{Contender, Counts, Impressions, LoggedClick, Rows};
use crate::{Policy, Replay};

/// A click log played again in time order.
#[pyclass(name = "Replay", frozen)]
pub(super) struct PyReplay {
    articles: Py<PyArticles>,
    replay: Mutex<Replay>,
}

#[pymethods]
impl PyReplay {
    #[new]
    #[pyo3(signature = (articles, readers, space, features, *, counts=None, by_counts=false))]
    fn new(
        articles: &Bound<'_, PyArticles>,
        readers: usize,
        space: &str,
        features: Vec<String>,
        counts: Option<(PyReadonlyArray1<'_, f64>, PyReadonlyArray1<'_, f64>)>,
        by_counts: bool,
    ) -> PyResult<Self> {
        let counts = counts.map(|(shows, clicks)| {
            let (shows, clicks) = (shows.as_array(), clicks.as_array());
            let fits = shows.len() == clicks.len();
            fits.then(|| shows.iter().zip(clicks).map(|(&shows, &clicks)| Counts { shows, clicks }).collect())
                .ok_or_else(|| PyValueError::new_err("shows and clicks differ in length"))
        });
        let (wanted, counts) = (wanted(&features)?, counts.transpose()?);
        let replay = Replay::new(&articles.get().0, readers, space, &wanted, counts, by_counts);
        Ok(Self { articles: articles.clone().unbind(), replay: Mutex::new(replay.map_err(refused)?) })
    }

    /// Takes in clicks to come.
    fn expect(
        &self,
        readers: PyReadonlyArray1<'_, u32>,
        seconds: PyReadonlyArray1<'_, u32>,
        articles: PyReadonlyArray1<'_, u32>,
        counted: PyReadonlyArray1<'_, bool>,
        dwell: PyReadonlyArray1<'_, f64>,
    ) -> PyResult<()> {
        let (readers, seconds, articles) = (slice(&readers)?, slice(&seconds)?, slice(&articles)?);
        let (counted, dwell) = (slice(&counted)?, slice(&dwell)?);
        let lengths = [seconds.len(), articles.len(), counted.len(), dwell.len()];
        if lengths.iter().any(|&length| length != readers.len()) {
            return Err(refused(Error::CandidateColumns));
        }
        let mut replay = lock(&self.replay);
        for i in 0..readers.len() {
            replay.expect(LoggedClick {
                reader: readers[i],
                second: seconds[i],
                article: articles[i],
                counted: counted[i],
                dwell: dwell[i],
            });
        }
        Ok(())
    }

    /// Plays consecutive impressions, and ranks each by every ranker under its policies.
    #[pyo3(signature = (readers, seconds, offsets, articles, *, viewed=None, rankers=Vec::new()))]
    #[allow(clippy::too_many_arguments)]
    fn step<'py>(
        &self,
        py: Python<'py>,
        readers: PyReadonlyArray1<'py, u32>,
        seconds: PyReadonlyArray1<'py, u32>,
        offsets: PyReadonlyArray1<'py, i64>,
        articles: PyReadonlyArray1<'py, u32>,
        viewed: Option<PyReadonlyArray1<'py, bool>>,
        rankers: Vec<(Py<PyRanker>, Vec<PyPolicy>)>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let impressions = Impressions {
            readers: slice(&readers)?,
            seconds: slice(&seconds)?,
            offsets: slice(&offsets)?,
            articles: slice(&articles)?,
            viewed: viewed.as_ref().map(slice).transpose()?,
        };
        for (i, (ranker, _)) in rankers.iter().enumerate() {
            if rankers[..i].iter().any(|(other, _)| other.is(ranker)) {
                // Each is locked once: the second time would wait for ever.
                return Err(PyValueError::new_err("a ranker comes twice: give it all its policies at once"));
            }
        }
        let rows = py.detach(|| {
            let policies: Vec<Vec<Policy>> = rankers
                .iter()
                .map(|(_, policies)| policies.iter().map(|policy| policy.0.clone()).collect())
                .collect();
            let mut rankers: Vec<_> = rankers.iter().map(|(ranker, _)| lock(&ranker.get().ranker)).collect();
            let mut contenders: Vec<Contender<'_>> = rankers
                .iter_mut()
                .zip(&policies)
                .map(|(ranker, policies)| Contender { ranker, policies })
                .collect();
            lock(&self.replay).step(&self.articles.get().0, impressions, &mut contenders)
        });
        into_dict(py, rows.map_err(refused)?)
    }

    /// A reader's profile as it stands.
    fn profile(&self, reader: u32) -> PyResult<PyProfile> {
        let replay = lock(&self.replay);
        let profile = replay
            .profile(reader)
            .ok_or_else(|| PyValueError::new_err(format!("there is no reader {reader}")))?;
        Ok(PyProfile(Mutex::new(profile)))
    }
}

fn into_dict(py: Python<'_>, rows: Rows) -> PyResult<Bound<'_, PyDict>> {
    let result = PyDict::new(py);
    result.set_item("place", rows.places.into_pyarray(py))?;
    result.set_item("shows", rows.shows.into_pyarray(py))?;
    result.set_item("clicks", rows.clicks.into_pyarray(py))?;
    result.set_item("server_logit", rows.server_logits.into_pyarray(py))?;
    result.set_item("scorable", rows.scorable.into_pyarray(py))?;
    result.set_item("features", rows.features.into_pyarray(py))?;
    result.set_item("evidence", rows.evidence.into_pyarray(py))?;
    result.set_item("clicked_offsets", rows.clicked_offsets.into_pyarray(py))?;
    result.set_item("clicked_article", rows.clicked_articles.into_pyarray(py))?;
    result.set_item("clicked_second", rows.clicked_seconds.into_pyarray(py))?;
    result.set_item("clicked_weight", rows.clicked_weights.into_pyarray(py))?;
    result.set_item("history_offsets", rows.history_offsets.into_pyarray(py))?;
    result.set_item("history_article", rows.history_articles.into_pyarray(py))?;
    result.set_item("history_weight", rows.history_weights.into_pyarray(py))?;
    let mut rankings = Vec::new();
    for ranking in rows.rankings {
        let one = PyDict::new(py);
        one.set_item("personal", ranking.personal.into_pyarray(py))?;
        one.set_item("weight", arrays(py, ranking.weights))?;
        one.set_item("slot", arrays(py, ranking.slots))?;
        rankings.push(one);
    }
    result.set_item("rankings", rankings)?;
    Ok(result)
}

fn arrays<T: numpy::Element>(py: Python<'_>, columns: Vec<Vec<T>>) -> Vec<Bound<'_, PyArray1<T>>> {
    columns.into_iter().map(|column| column.into_pyarray(py)).collect()
}
