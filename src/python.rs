//! The boundary to Python: NumPy arrays over the core, and no logic. The module is `nearside._core`; its types are told to Python in
//! `python/nearside/_core.pyi`. The interpreter lock is released while the core works.

use std::sync::Mutex;

use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::create_exception;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use crate::candidate::{Candidate, Candidates};
use crate::error::Error;
use crate::features::Feature;
use crate::id::SpaceId;
use crate::policy::{Ordering, TopicCap};
use crate::profile::{Dwell, Profile};
use crate::replay::{Articles, Contender, Counts, Impressions, LoggedClick, Ranking, Rows};
use crate::signals::Signals;
use crate::time::Seconds;
use crate::{Model, Policy, Ranker, Replay};
use nearside_kernels::vector::Vector;

create_exception!(
    nearside,
    NearsideError,
    PyValueError,
    "What the core refuses; `args` are the stable code and one sentence."
);

fn refused(error: Error) -> PyErr {
    NearsideError::new_err((error.code(), error.to_string()))
}

/// The articles of a log, one column each.
#[pyclass(name = "Articles", frozen)]
struct PyArticles(Articles);

#[pymethods]
impl PyArticles {
    #[new]
    fn new(
        ids: Vec<String>,
        topics: Vec<String>,
        subtopics: Vec<String>,
        vectors: PyReadonlyArray2<'_, i8>,
        has_vector: PyReadonlyArray1<'_, bool>,
        published_ms: PyReadonlyArray1<'_, f64>,
    ) -> PyResult<Self> {
        let vectors: Vec<Option<Vector>> = vectors
            .as_array()
            .rows()
            .into_iter()
            .zip(has_vector.as_array())
            .map(|(row, &has)| has.then(|| row.to_vec().try_into().ok().map(Vector)).flatten())
            .collect();
        let published_ms = published_ms.as_array().to_vec();
        Articles::new(ids, topics, subtopics, vectors, published_ms).map(Self).map_err(refused)
    }

    fn __len__(&self) -> usize {
        self.0.len()
    }
}

/// A publisher's policy.
#[pyclass(name = "Policy", frozen, from_py_object)]
#[derive(Clone)]
struct PyPolicy(Policy);

#[pymethods]
impl PyPolicy {
    #[new]
    #[pyo3(signature = (*, strength=0.8, k=None, minimum_evidence=2.0, maximum_displacement=Some(10), topic_cap=None))]
    fn new(
        strength: f32,
        k: Option<f32>,
        minimum_evidence: f32,
        maximum_displacement: Option<usize>,
        topic_cap: Option<(usize, usize)>,
    ) -> PyResult<Self> {
        let topic_cap = topic_cap.map(|(limit, window)| TopicCap { limit, window });
        let policy = Policy { strength, k, minimum_evidence, maximum_displacement, topic_cap };
        policy.check().map_err(refused)?;
        Ok(Self(policy))
    }
}

/// A model file, ready to rank.
#[pyclass(name = "Ranker", frozen)]
struct PyRanker {
    ranker: Mutex<Ranker>,
    id: String,
    space: String,
    features: Vec<&'static str>,
    k: f32,
    needs_history: bool,
}

#[pymethods]
impl PyRanker {
    #[new]
    fn new(model: &[u8]) -> PyResult<Self> {
        let model = Model::load(model).map_err(refused)?;
        Ok(Self {
            id: model.id().into(),
            space: model.space().into(),
            features: model.features().iter().map(|feature| feature.name()).collect(),
            k: model.k(),
            needs_history: model.needs_history(),
            ranker: Mutex::new(Ranker::new(model)),
        })
    }

    #[getter]
    fn id(&self) -> &str {
        &self.id
    }

    #[getter]
    fn space(&self) -> &str {
        &self.space
    }

    #[getter]
    fn features(&self) -> Vec<&'static str> {
        self.features.clone()
    }

    #[getter]
    fn k(&self) -> f32 {
        self.k
    }

    #[getter]
    fn needs_history(&self) -> bool {
        self.needs_history
    }

    /// Ranks lists: list `i` has the articles `offsets[i]..offsets[i + 1]`, in the server's order, for the profile `profiles[i]`.
    #[allow(clippy::too_many_arguments)]
    fn rank<'py>(
        &self,
        py: Python<'py>,
        articles: &PyArticles,
        profiles: Vec<PyRef<'py, PyProfile>>,
        seconds: PyReadonlyArray1<'py, u32>,
        offsets: PyReadonlyArray1<'py, i64>,
        rows: PyReadonlyArray1<'py, u32>,
        shows: PyReadonlyArray1<'py, f64>,
        clicks: PyReadonlyArray1<'py, f64>,
        policy: &PyPolicy,
    ) -> PyResult<Bound<'py, PyDict>> {
        let profiles: Vec<Profile> = profiles.iter().map(|profile| profile.lock().clone()).collect();
        let lists = Lists {
            articles: &articles.0,
            seconds: slice(&seconds)?,
            offsets: slice(&offsets)?,
            rows: slice(&rows)?,
            shows: slice(&shows)?,
            clicks: slice(&clicks)?,
        };
        let ranking = py.detach(|| {
            let mut ranker = lock(&self.ranker);
            let policies = std::slice::from_ref(&policy.0);
            let mut contender = Contender { ranker: &mut ranker, policies };
            let mut ranking =
                Ranking { weights: vec![Vec::new()], slots: vec![Vec::new()], ..Ranking::default() };
            lists.each(&profiles, |candidates, profile, now| {
                contender.rank(candidates, profile, now, &mut ranking)
            })?;
            Ok(ranking)
        });
        let mut ranking: Ranking = ranking.map_err(refused)?;
        let result = PyDict::new(py);
        result.set_item("personal", ranking.personal.into_pyarray(py))?;
        result.set_item("weight", ranking.weights.remove(0).into_pyarray(py))?;
        result.set_item("slot", ranking.slots.remove(0).into_pyarray(py))?;
        Ok(result)
    }
}

/// One reader's history.
#[pyclass(name = "Profile", frozen)]
struct PyProfile(Mutex<Profile>);

impl PyProfile {
    fn lock(&self) -> std::sync::MutexGuard<'_, Profile> {
        lock(&self.0)
    }
}

#[pymethods]
impl PyProfile {
    #[new]
    fn new(space: &str) -> Self {
        let mut profile = Profile::new();
        profile.set_space(SpaceId::new(space));
        Self(Mutex::new(profile))
    }

    #[staticmethod]
    fn decode(data: &[u8], second: u32) -> PyResult<Self> {
        Profile::decode(data, Seconds(second)).map(|profile| Self(Mutex::new(profile))).map_err(refused)
    }

    fn encode<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.lock().encode())
    }

    fn click(&self, articles: &PyArticles, row: u32, second: u32) -> PyResult<()> {
        let (id, topic, subtopic, vector) = articles.entry(row)?;
        self.lock().click(id, topic, subtopic, vector, Seconds(second));
        Ok(())
    }

    fn view(&self, articles: &PyArticles, row: u32, second: u32) -> PyResult<()> {
        let (id, topic, ..) = articles.entry(row)?;
        self.lock().view(id, topic, Seconds(second));
        Ok(())
    }

    fn hide(&self, articles: &PyArticles, row: u32, second: u32) -> PyResult<()> {
        let (id, topic, _, vector) = articles.entry(row)?;
        self.lock().hide(id, topic, vector, Seconds(second));
        Ok(())
    }

    fn dwell(&self, articles: &PyArticles, row: u32, dwell: f64, second: u32) -> PyResult<bool> {
        let (id, ..) = articles.entry(row)?;
        let dwell =
            Dwell::from_seconds(dwell).ok_or_else(|| PyValueError::new_err("a dwell time is at least 0"))?;
        Ok(self.lock().dwell(id, dwell, Seconds(second)))
    }

    fn __len__(&self) -> usize {
        self.lock().clicks().len()
    }
}

impl PyArticles {
    fn entry(
        &self,
        row: u32,
    ) -> PyResult<(crate::ArticleId, crate::TopicId, crate::TopicId, Option<Vector>)> {
        if (row as usize) < self.0.len() {
            Ok(self.0.entry(row))
        } else {
            Err(PyValueError::new_err(format!("there is no article {row}")))
        }
    }
}

/// A click log played again in time order.
#[pyclass(name = "Replay", frozen)]
struct PyReplay {
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
            shows.iter().zip(clicks).map(|(&shows, &clicks)| Counts { shows, clicks }).collect()
        });
        let wanted = wanted(&features)?;
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
        Ok(PyProfile(Mutex::new(profile.clone())))
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

/// Lists of articles with what the page carries of them, one after another.
struct Lists<'a> {
    articles: &'a Articles,
    seconds: &'a [u32],
    offsets: &'a [i64],
    rows: &'a [u32],
    shows: &'a [f64],
    clicks: &'a [f64],
}

impl Lists<'_> {
    fn each(
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
fn features<'py>(
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
    let lists = Lists {
        articles: &articles.0,
        seconds: slice(&seconds)?,
        offsets: slice(&offsets)?,
        rows: slice(&rows)?,
        shows: slice(&shows)?,
        clicks: slice(&clicks)?,
    };
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
fn inputs<'py>(
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
fn arrange<'py>(
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

fn wanted(names: &[String]) -> PyResult<Vec<Feature>> {
    let feature = |name: &String| {
        Feature::from_name(name).ok_or_else(|| PyValueError::new_err(format!("there is no feature {name}")))
    };
    names.iter().map(feature).collect()
}

fn slice<'a, T: numpy::Element>(array: &'a PyReadonlyArray1<'_, T>) -> PyResult<&'a [T]> {
    array.as_slice().map_err(|_| PyValueError::new_err("an array is not contiguous"))
}

/// A panic while the lock was held came to Python as an exception; the value is overwritten by the next call.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// The extension module.
#[pymodule]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("NearsideError", module.py().get_type::<NearsideError>())?;
    module.add("FEATURES", Feature::ALL.iter().map(|feature| feature.name()).collect::<Vec<_>>())?;
    module.add_class::<PyArticles>()?;
    module.add_class::<PyPolicy>()?;
    module.add_class::<PyProfile>()?;
    module.add_class::<PyRanker>()?;
    module.add_class::<PyReplay>()?;
    module.add_function(wrap_pyfunction!(features, module)?)?;
    module.add_function(wrap_pyfunction!(inputs, module)?)?;
    module.add_function(wrap_pyfunction!(arrange, module)?)
}
