//! The articles of a log.

use numpy::{PyReadonlyArray1, PyReadonlyArray2};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::refused;
use crate::error::Error;
use crate::id::{ArticleId, TopicId};
use crate::replay::Articles;
use nearside_kernels::vector::{DIMENSION, Vector};

/// The articles of a log, one column each.
#[pyclass(name = "Articles", frozen)]
pub(super) struct PyArticles(pub(super) Articles);

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
        let vectors = vectors.as_array();
        if vectors.ncols() != DIMENSION {
            let sentence = format!("a vector has {} numbers, not {}", DIMENSION, vectors.ncols());
            return Err(PyValueError::new_err(sentence));
        }
        if vectors.nrows() != has_vector.as_array().len() {
            return Err(refused(Error::CandidateColumns));
        }
        let vectors: Vec<Option<Vector>> = vectors
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

impl PyArticles {
    /// The article's id, topic, subtopic and vector.
    pub(super) fn entry(&self, row: u32) -> PyResult<(ArticleId, TopicId, TopicId, Option<Vector>)> {
        if (row as usize) < self.0.len() {
            Ok(self.0.entry(row))
        } else {
            Err(PyValueError::new_err(format!("there is no article {row}")))
        }
    }
}
