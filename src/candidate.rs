//! What the server sent, validated, as columns.

use crate::error::Error;
use crate::id::{ArticleId, SpaceId, TopicId};
use nearside_kernels::sort::sort;
use nearside_kernels::vector::{DIMENSION, Directions, Vector};

/// Candidates that are ranked; those behind keep their place. Benchmarks draw their curves beyond.
pub const MAX_RANKED: usize = if cfg!(feature = "bench") { 1000 } else { 200 };

/// The most UTF-16 units of a candidate's id: web addresses, which many feeds have for ids, are shorter. The SDK refuses a list with a
/// longer one.
pub const MAX_ID: usize = 2048;

/// The most UTF-16 units of a topic, a subtopic or a vector in base64. The SDK holds an item with a longer one, and copies no text before its
/// length is known.
pub const MAX_TEXT: usize = 1024;

/// Farthest date from 1970, in milliseconds: the range of JavaScript's `Date` (ECMA-262, time values).
const MAX_DATE_MS: f64 = 8.64e15;

/// One candidate as the feed states it. What is absent is `""`, `NaN` or `false`.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// The article's id; required.
    pub id: &'a str,
    /// Its topic.
    pub topic: &'a str,
    /// Its subtopic.
    pub subtopic: &'a str,
    /// Its vector, base64 of 64 signed bytes.
    pub vector: &'a str,
    /// When it was published, in milliseconds since 1970.
    pub published_ms: f64,
    /// How often the server has shown it.
    pub shows: f64,
    /// How often it was clicked.
    pub clicks: f64,
    /// The server's own score, on a log-odds scale.
    pub score: f64,
    /// An editor pinned it to its slot.
    pub pinned: bool,
    /// It must not be personalized.
    pub fixed: bool,
}

impl Default for Candidate<'_> {
    fn default() -> Self {
        Self {
            id: "",
            topic: "",
            subtopic: "",
            vector: "",
            published_ms: f64::NAN,
            shows: f64::NAN,
            clicks: f64::NAN,
            score: f64::NAN,
            pinned: false,
            fixed: false,
        }
    }
}

/// Whether a candidate may move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It may.
    Movable,
    /// Pinned by an editor, or kept because the reader already sees it.
    Pinned,
    /// The publisher said `personalize: false`.
    Fixed,
    /// Its vector, counts, score or date cannot be used.
    Faulty,
}

/// A validated candidate list. Buffers are reused: [`clear`](Self::clear), then [`push`](Self::push) in the server's order,
/// then [`check`](Self::check).
#[derive(Debug, Default)]
pub struct Candidates {
    ids: Vec<ArticleId>,
    standings: Vec<Standing>,
    topics: Vec<TopicId>,
    subtopics: Vec<TopicId>,
    published_ms: Vec<f64>,
    counts: Vec<Option<Counts>>,
    scores: Vec<f64>,
    directions: Directions,
    scorable: Vec<bool>,
    sorted_ids: Vec<u64>,
    without_id: Option<usize>,
}

/// How often an article was shown and clicked; 0 ≤ clicks ≤ shows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Counts {
    pub(crate) shows: f64,
    pub(crate) clicks: f64,
}

impl Candidates {
    /// An empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets the list and keeps the buffers.
    pub fn clear(&mut self) {
        self.ids.clear();
        self.standings.clear();
        self.topics.clear();
        self.subtopics.clear();
        self.published_ms.clear();
        self.counts.clear();
        self.scores.clear();
        self.directions.clear();
        self.scorable.clear();
        self.without_id = None;
    }

    /// Adds the next candidate. Only the first 200 are kept with all their columns.
    pub fn push(&mut self, candidate: &Candidate<'_>) {
        let vector = (!candidate.vector.is_empty()).then(|| Vector::from_base64(candidate.vector));
        self.push_decoded(candidate, vector);
    }

    /// The same with the vector as 64 bytes, in place of the candidate's text.
    pub fn push_with_vector(&mut self, candidate: &Candidate<'_>, vector: &[u8]) {
        let vector = vector.try_into().map(|bytes: [u8; DIMENSION]| Vector(bytes.map(|byte| byte as i8)));
        self.push_decoded(candidate, Some(vector.ok()));
    }

    /// `vector`: `None` where absent, `Some(None)` where it cannot be used.
    fn push_decoded(&mut self, candidate: &Candidate<'_>, vector: Option<Option<Vector>>) {
        if candidate.id.is_empty() && self.without_id.is_none() {
            self.without_id = Some(self.ids.len());
        }
        self.ids.push(ArticleId::new(candidate.id));
        if self.ids.len() > MAX_RANKED {
            return;
        }
        let counts = counts(candidate.shows, candidate.clicks);
        let sound = vector != Some(None)
            && counts.is_ok()
            && (candidate.published_ms.is_nan() || candidate.published_ms.abs() <= MAX_DATE_MS)
            && !candidate.score.is_infinite();
        let standing = match (candidate.pinned, candidate.fixed, sound) {
            (_, _, false) => Standing::Faulty,
            (true, _, true) => Standing::Pinned,
            (false, true, true) => Standing::Fixed,
            (false, false, true) => Standing::Movable,
        };
        let topic = TopicId::new(candidate.topic);
        let has_direction = self.directions.push(vector.flatten().as_ref().filter(|_| sound));
        self.standings.push(standing);
        self.topics.push(topic);
        self.subtopics.push(TopicId::subtopic(candidate.topic, candidate.subtopic));
        self.published_ms.push(if sound { candidate.published_ms } else { f64::NAN });
        self.counts.push(counts.ok().flatten().filter(|_| sound));
        self.scores.push(candidate.score);
        self.scorable.push(standing == Standing::Movable && has_direction && topic.is_some());
    }

    /// Checks what only the whole list shows. `space` is the feed's vector space, `""` where it does not say
    /// (then it is taken to be the model's).
    ///
    /// # Errors
    ///
    /// [`Error::CandidateWithoutId`], [`Error::CandidateRepeated`] or [`Error::SpaceMismatch`].
    pub fn check(&mut self, space: &str, model_space: &str) -> Result<(), Error> {
        if !space.is_empty() && SpaceId::new(space) != SpaceId::new(model_space) {
            return Err(Error::SpaceMismatch { expected: model_space.into() });
        }
        if let Some(index) = self.without_id {
            return Err(Error::CandidateWithoutId { index });
        }
        self.sorted_ids.clear();
        self.sorted_ids.extend(self.ids.iter().map(|id| id.0));
        sort(&mut self.sorted_ids);
        let Some(pair) = self.sorted_ids.windows(2).find(|pair| pair[0] == pair[1]) else { return Ok(()) };
        let second = (0..).zip(&self.ids).filter(|(_, id)| id.0 == pair[0]).nth(1);
        Err(Error::CandidateRepeated { index: second.map_or(0, |(index, _)| index) })
    }

    /// Candidates in the list.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether the list is empty.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Candidates that are ranked: at most the first 200.
    pub fn ranked(&self) -> usize {
        self.standings.len()
    }

    /// Ranked candidates that keep their slot because something in them cannot be used.
    pub fn faulty(&self) -> usize {
        self.standings.iter().filter(|&&standing| standing == Standing::Faulty).count()
    }

    /// Whether each ranked candidate may move.
    pub fn standings(&self) -> &[Standing] {
        &self.standings
    }

    /// The ranked candidates' vectors, scaled to unit length (all zero where there is none): `f32[ranked, 64]`.
    pub fn unit_vectors(&self) -> Vec<f32> {
        let mut units = Vec::with_capacity(self.ranked() * DIMENSION);
        self.directions.extend_units(0..self.ranked(), &mut units);
        units
    }

    pub(crate) fn ids(&self) -> &[ArticleId] {
        &self.ids
    }

    pub(crate) fn topics(&self) -> &[TopicId] {
        &self.topics
    }

    pub(crate) fn subtopics(&self) -> &[TopicId] {
        &self.subtopics
    }

    /// Milliseconds since 1970; `NaN` where absent and in a faulty item.
    pub(crate) fn published_ms(&self) -> &[f64] {
        &self.published_ms
    }

    pub(crate) fn counts(&self) -> &[Option<Counts>] {
        &self.counts
    }

    /// The server's own scores; `NaN` where absent.
    pub(crate) fn scores(&self) -> &[f64] {
        &self.scores
    }

    pub(crate) fn directions(&self) -> &Directions {
        &self.directions
    }

    /// Whether the model can score each ranked candidate: it may move and has a vector and a topic.
    pub(crate) fn scorable(&self) -> &[bool] {
        &self.scorable
    }
}

/// The counts of an item; `Ok(None)` where it has none, `Err` where they cannot be.
fn counts(shows: f64, clicks: f64) -> Result<Option<Counts>, ()> {
    match (shows.is_nan(), clicks.is_nan()) {
        (true, true) => Ok(None),
        _ if shows.is_finite() && 0.0 <= clicks && clicks <= shows => Ok(Some(Counts { shows, clicks })),
        _ => Err(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing_of(candidate: Candidate<'_>) -> Standing {
        let mut list = Candidates::new();
        list.push(&Candidate { id: "a", ..candidate });
        list.standings()[0]
    }

    #[test]
    fn faults_of_an_item_make_it_keep_its_slot() {
        let sound = Candidate::default();
        assert_eq!(standing_of(sound), Standing::Movable);
        assert_eq!(standing_of(Candidate { shows: 10.0, clicks: 10.0, ..sound }), Standing::Movable);
        assert_eq!(standing_of(Candidate { pinned: true, fixed: true, ..sound }), Standing::Pinned);
        assert_eq!(standing_of(Candidate { fixed: true, ..sound }), Standing::Fixed);
        for faulty in [
            Candidate { vector: "AAAA", ..sound },
            Candidate { vector: "!", ..sound },
            Candidate { shows: 10.0, ..sound },
            Candidate { clicks: 10.0, ..sound },
            Candidate { shows: 10.0, clicks: 11.0, ..sound },
            Candidate { shows: 10.0, clicks: -1.0, ..sound },
            Candidate { shows: f64::INFINITY, clicks: 1.0, ..sound },
            Candidate { published_ms: f64::INFINITY, ..sound },
            Candidate { published_ms: -1e300, ..sound },
            Candidate { score: f64::NEG_INFINITY, ..sound },
            Candidate { score: f64::INFINITY, pinned: true, ..sound },
        ] {
            assert_eq!(standing_of(faulty), Standing::Faulty, "{faulty:?}");
        }
    }

    #[test]
    fn faults_of_the_list_refuse_it() {
        let mut list = Candidates::new();
        let check = |list: &mut Candidates, ids: &[&str]| {
            list.clear();
            ids.iter().for_each(|id| list.push(&Candidate { id, ..Candidate::default() }));
            list.check("s", "s")
        };
        assert_eq!(check(&mut list, &[]), Ok(()));
        assert_eq!(check(&mut list, &["a", "b"]), Ok(()));
        assert_eq!(check(&mut list, &["a", "", ""]), Err(Error::CandidateWithoutId { index: 1 }));
        assert_eq!(check(&mut list, &["b", "a", "c", "a"]), Err(Error::CandidateRepeated { index: 3 }));
        assert_eq!(list.check("t", "s"), Err(Error::SpaceMismatch { expected: "s".into() }));
        assert_eq!(check(&mut list, &["a"]), Ok(()));
        assert_eq!(list.check("", "s"), Ok(()));
    }

    #[test]
    fn the_201st_candidate_is_only_an_id() {
        let mut list = Candidates::new();
        let ids: Vec<_> = (0..202).map(|i| i.to_string()).collect();
        ids.iter().for_each(|id| list.push(&Candidate { id, score: f64::INFINITY, ..Candidate::default() }));
        assert_eq!((list.len(), list.ranked(), list.faulty()), (202, 200, 200));
    }
}
