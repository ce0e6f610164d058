//! The boundary to Python: NumPy arrays over the core, and no logic. The module is `nearside._core`; its types are told to Python in
//! `python/nearside/_core.pyi`. The interpreter lock is released while the core works.

mod articles;
mod lists;
mod profile;
mod replay;

use std::sync::{Mutex, MutexGuard, PoisonError};

use numpy::{IntoPyArray, PyReadonlyArray1};
use pyo3::create_exception;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use self::articles::PyArticles;
use self::lists::Lists;
use self::profile::PyProfile;
use self::replay::PyReplay;
use crate::error::Error;
use crate::features::Feature;
use crate::policy::TopicCap;
use crate::profile::Profile;
use crate::replay::{Contender, Ranking};
use crate::{Model, Policy, Ranker};

create_exception!(
    nearside,
    NearsideError,
    PyValueError,
    "What the core refuses; `args` are the stable code and one sentence."
);

fn refused(error: Error) -> PyErr {
    NearsideError::new_err((error.code(), error.to_string()))
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
        let lists = Lists::new(articles, &seconds, &offsets, &rows, &shows, &clicks)?;
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

/// The features of these names. Each comes once: what is made of them grows with their number.
fn wanted(names: &[String]) -> PyResult<Vec<Feature>> {
    let feature = |name: &String| {
        Feature::from_name(name).ok_or_else(|| PyValueError::new_err(format!("there is no feature {name}")))
    };
    let features: Vec<Feature> = names.iter().map(feature).collect::<PyResult<_>>()?;
    match (1..features.len()).find(|&i| features[..i].contains(&features[i])) {
        Some(i) => Err(PyValueError::new_err(format!("the feature {} comes twice", names[i]))),
        None => Ok(features),
    }
}

fn slice<'a, T: numpy::Element>(array: &'a PyReadonlyArray1<'_, T>) -> PyResult<&'a [T]> {
    array.as_slice().map_err(|_| PyValueError::new_err("an array is not contiguous"))
}

/// A panic while the lock was held came to Python as an exception; the value is overwritten by the next call.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The extension module.
#[pymodule]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("NearsideError", module.py().get_type::<NearsideError>())?;
    module.add("FEATURES", Feature::ALL.iter().map(|feature| feature.name()).collect::<Vec<_>>())?;
    module.add("MAX_ID", crate::MAX_ID)?;
    module.add("MAX_TEXT", crate::MAX_TEXT)?;
    module.add_class::<PyArticles>()?;
    module.add_class::<PyPolicy>()?;
    module.add_class::<PyProfile>()?;
    module.add_class::<PyRanker>()?;
    module.add_class::<PyReplay>()?;
    module.add_function(wrap_pyfunction!(lists::features, module)?)?;
    module.add_function(wrap_pyfunction!(lists::inputs, module)?)?;
    module.add_function(wrap_pyfunction!(lists::arrange, module)?)
}
