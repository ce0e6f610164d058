//! One reader's history.

use std::sync::{Mutex, MutexGuard};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::articles::PyArticles;
use super::{lock, refused};
use crate::id::SpaceId;
use crate::profile::{Dwell, Profile};
use crate::time::Seconds;

/// One reader's history.
#[pyclass(name = "Profile", frozen)]
pub(super) struct PyProfile(pub(super) Mutex<Profile>);

impl PyProfile {
    pub(super) fn lock(&self) -> MutexGuard<'_, Profile> {
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
