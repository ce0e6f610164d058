//! The articles of a log and what is counted of them.

use std::collections::HashMap;

use crate::candidate::{Candidate, Candidates};
use crate::error::Error;
use crate::id::{ArticleId, TopicId};
use nearside_kernels::vector::Vector;

/// What is known of the articles, one column each; a row is an article's number.
pub struct Articles {
    ids: Vec<String>,
    topics: Vec<String>,
    subtopics: Vec<String>,
    vectors: Vec<Option<Vector>>,
    published_ms: Vec<f64>,
    rows: HashMap<ArticleId, u32>,
}

impl Articles {
    /// Columns of one length. `""` stands for no topic or subtopic, `NaN` for no date.
    ///
    /// # Errors
    ///
    /// [`Error::CandidateColumns`] where the lengths differ; [`Error::CandidateWithoutId`], [`Error::CandidateRepeated`].
    pub fn new(
        ids: Vec<String>,
        topics: Vec<String>,
        subtopics: Vec<String>,
        vectors: Vec<Option<Vector>>,
        published_ms: Vec<f64>,
    ) -> Result<Self, Error> {
        let lengths = [topics.len(), subtopics.len(), vectors.len(), published_ms.len()];
        if lengths.iter().any(|&length| length != ids.len()) {
            return Err(Error::CandidateColumns);
        }
        let mut rows = HashMap::with_capacity(ids.len());
        for (index, id) in ids.iter().enumerate() {
            if id.is_empty() {
                return Err(Error::CandidateWithoutId { index });
            }
            if rows.insert(ArticleId::new(id), index as u32).is_some() {
                return Err(Error::CandidateRepeated { index });
            }
        }
        Ok(Self { ids, topics, subtopics, vectors, published_ms, rows })
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The article's id as hashed on a device, its topic, subtopic and vector.
    pub fn entry(&self, row: u32) -> (ArticleId, TopicId, TopicId, Option<Vector>) {
        let row = row as usize;
        let (topic, subtopic) = (&self.topics[row], &self.subtopics[row]);
        let id = ArticleId::new(&self.ids[row]);
        (id, TopicId::new(topic), TopicId::subtopic(topic, subtopic), self.vectors[row])
    }

    /// The row of an article of theirs.
    ///
    /// # Panics
    ///
    /// Where it is none of theirs.
    pub fn row(&self, id: ArticleId) -> u32 {
        self.rows[&id]
    }

    /// Adds an article to a candidate list.
    pub fn push(&self, row: u32, counts: Counts, candidates: &mut Candidates) {
        let row = row as usize;
        let candidate = Candidate {
            id: &self.ids[row],
            topic: &self.topics[row],
            subtopic: &self.subtopics[row],
            published_ms: self.published_ms[row],
            shows: counts.shows,
            clicks: counts.clicks,
            ..Candidate::default()
        };
        match &self.vectors[row] {
            Some(vector) => candidates.push_with_vector(&candidate, &vector.0.map(|x| x as u8)),
            None => candidates.push(&candidate),
        }
    }
}

/// How often an article was shown and clicked.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Counts {
    /// Times shown.
    pub shows: f64,
    /// Times clicked.
    pub clicks: f64,
}
