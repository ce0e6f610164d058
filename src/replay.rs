//! A click log played again in time order: what each reader's device and the server knew at every impression.
//!
//! For the lab only (cargo feature `python`). All that is computed here comes from [`Signals`] and [`Ranker`], as on a device.

mod articles;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

pub(crate) use self::articles::{Articles, Counts};
use crate::candidate::{Candidates, MAX_RANKED};
use crate::error::Error;
use crate::features::Feature;
use crate::id::SpaceId;
use crate::policy::Policy;
use crate::profile::{Dwell, Profile};
use crate::rank::Ranker;
use crate::signals::Signals;
use crate::time::Seconds;

/// Shows by which a click-through rate is shrunk to the pooled one where the server's order is its counts.
const PRIOR_SHOWS: f64 = 20.0;
/// How far the server's log-odds fall from one candidate to the next behind the last ranked one, as in `server`.
const STEP: f32 = 0.02;

/// Consecutive impressions, sorted by time: impression `i` shows `articles[offsets[i]..offsets[i + 1]]`.
#[derive(Debug, Clone, Copy)]
pub struct Impressions<'a> {
    /// The reader's number, one an impression.
    pub readers: &'a [u32],
    /// When, one an impression.
    pub seconds: &'a [u32],
    /// One more than impressions.
    pub offsets: &'a [i64],
    /// Rows of the articles, in the order shown.
    pub articles: &'a [u32],
    /// Whether each was seen; `None` where the log does not say, and then no view is recorded.
    pub viewed: Option<&'a [bool]>,
}

/// One click of a log.
#[derive(Debug, Clone, Copy)]
pub struct LoggedClick {
    /// The reader's number.
    pub reader: u32,
    /// When.
    pub second: u32,
    /// The article's row.
    pub article: u32,
    /// Whether it happened on an impression of the log, so that the server counts it.
    pub counted: bool,
    /// How long the article was read, in seconds; `NaN` where unknown.
    pub dwell: f64,
}

/// A ranker, and the policies under which it is to order each impression.
pub struct Contender<'a> {
    /// The ranker.
    pub ranker: &'a mut Ranker,
    /// Its policies.
    pub policies: &'a [Policy],
}

/// What a contender made of the impressions of a step.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Ranking {
    /// The personal part, one a candidate; 0 where it has none.
    pub personal: Vec<f32>,
    /// Its weight under each policy, impressions within policies.
    pub weights: Vec<Vec<f32>>,
    /// The slot each candidate stands in under each policy, from 0.
    pub slots: Vec<Vec<u32>>,
}

/// What was known at each impression of a step. Columns "a candidate" are in the server's order.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Rows {
    /// Each candidate's place in the order shown.
    pub places: Vec<u32>,
    /// What the page carries of each candidate.
    pub shows: Vec<f64>,
    /// The clicks among them.
    pub clicks: Vec<f64>,
    /// The server's log-odds, one a candidate.
    pub server_logits: Vec<f32>,
    /// Whether a model can score the candidate.
    pub scorable: Vec<bool>,
    /// Row-major, one row a candidate; 0 behind the 200th.
    pub features: Vec<f32>,
    /// The evidence, one an impression.
    pub evidence: Vec<f32>,
    /// Where each impression's clicks end among the three columns below; one more than impressions.
    pub clicked_offsets: Vec<i64>,
    /// Rows of the articles in the reader's profile, oldest click first.
    pub clicked_articles: Vec<u32>,
    /// When they were clicked.
    pub clicked_seconds: Vec<u32>,
    /// Their dwell weights.
    pub clicked_weights: Vec<f32>,
    /// Where each impression's history (clicks with a vector) ends among the two columns below.
    pub history_offsets: Vec<i64>,
    /// Rows of the articles in a model's `history`.
    pub history_articles: Vec<u32>,
    /// A model's `history_weight`.
    pub history_weights: Vec<f32>,
    /// One a contender.
    pub rankings: Vec<Ranking>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Happening {
    Click { counted: bool, dwell: Option<Dwell>, dwell_seconds: u32 },
    Dwell(Dwell),
}

/// Second, whether a click (within a second a reader leaves an article before another is opened), a sequence number so that the
/// order of the log decides among equals, reader, article.
type Event = (u32, bool, u64, u32, u32, Happening);

struct Shown {
    reader: u32,
    second: u32,
    articles: Vec<u32>,
    viewed: Vec<bool>,
}

/// The state of a replay: every reader's profile, and the server's counts. Memory is bounded by articles and by
/// the readers that something has happened to.
pub struct Replay {
    space: SpaceId,
    wanted: Vec<Feature>,
    /// How many readers there are; those of whom nothing is known yet have no profile here.
    readers: usize,
    profiles: HashMap<u32, Profile>,
    counts: Vec<Counts>,
    total: Counts,
    counting: bool,
    by_counts: bool,
    second: u32,
    events: BinaryHeap<Reverse<Event>>,
    sequence: u64,
    shown: Vec<Shown>,
    signals: Signals,
    candidates: Candidates,
}

impl Replay {
    /// Nothing has happened yet to `readers` readers. With `counts` the page carries those throughout; without, what was counted
    /// up to each impression. `by_counts`: the server's order is by click-through so far, not as shown.
    pub fn new(
        articles: &Articles,
        readers: usize,
        space: &str,
        wanted: &[Feature],
        counts: Option<Vec<Counts>>,
        by_counts: bool,
    ) -> Result<Self, Error> {
        if readers as u64 > 1 << 32 {
            return Err(Error::CandidateColumns); // their numbers are u32
        }
        let counting = counts.is_none();
        let counts = counts.unwrap_or_else(|| vec![Counts::default(); articles.len()]);
        if counts.len() != articles.len() {
            return Err(Error::CandidateColumns);
        }
        let total = counts.iter().fold(Counts::default(), |sum, counts| Counts {
            shows: sum.shows + counts.shows,
            clicks: sum.clicks + counts.clicks,
        });
        Ok(Self {
            space: SpaceId::new(space),
            wanted: wanted.to_vec(),
            readers,
            profiles: HashMap::new(),
            counts,
            total,
            counting,
            by_counts,
            second: 0,
            events: BinaryHeap::new(),
            sequence: 0,
            shown: Vec::new(),
            signals: Signals::new(),
            candidates: Candidates::new(),
        })
    }

    /// A reader's profile as it stands; `None` where there is no such reader.
    pub fn profile(&self, reader: u32) -> Option<Profile> {
        let known = self.profiles.get(&reader).cloned();
        ((reader as usize) < self.readers).then(|| known.unwrap_or_else(|| new_profile(self.space)))
    }

    /// The space of the articles' vectors.
    pub fn space(&self) -> SpaceId {
        self.space
    }

    /// Takes in clicks to come. Each takes effect before the first impression of a later second; one in the past, before the next.
    pub fn expect(&mut self, click: LoggedClick) {
        let happening = Happening::Click {
            counted: click.counted,
            dwell: Dwell::from_seconds(click.dwell),
            dwell_seconds: click.dwell.ceil() as u32,
        };
        self.schedule(click.second, click.reader, click.article, happening);
    }

    fn schedule(&mut self, second: u32, reader: u32, article: u32, happening: Happening) {
        self.sequence += 1;
        let click = matches!(happening, Happening::Click { .. });
        self.events.push(Reverse((second, click, self.sequence, reader, article, happening)));
    }

    /// Plays impressions. Their effects (counts, views) are known from the next second on.
    ///
    /// # Errors
    ///
    /// [`Error::CandidateColumns`] for lengths that do not fit, numbers out of range or times that go back;
    /// [`Error::CandidateRepeated`]; and what [`Ranker::rank`] refuses.
    pub fn step(
        &mut self,
        articles: &Articles,
        impressions: Impressions<'_>,
        contenders: &mut [Contender<'_>],
    ) -> Result<Rows, Error> {
        self.check(articles, &impressions)?;
        let mut rows = Rows { clicked_offsets: vec![0], history_offsets: vec![0], ..Rows::default() };
        rows.rankings = contenders
            .iter()
            .map(|contender| Ranking {
                weights: vec![Vec::new(); contender.policies.len()],
                slots: vec![Vec::new(); contender.policies.len()],
                ..Ranking::default()
            })
            .collect();
        for (i, ends) in impressions.offsets.windows(2).enumerate() {
            let (start, end) = (ends[0] as usize, ends[1] as usize);
            let shown = &impressions.articles[start..end];
            self.advance(articles, impressions.seconds[i]);
            let places = self.places(shown);
            self.impression(articles, impressions.readers[i], shown, &places, contenders, &mut rows)?;
            rows.places.extend(&places);
            self.shown.push(Shown {
                reader: impressions.readers[i],
                second: impressions.seconds[i],
                articles: shown.to_vec(),
                viewed: impressions.viewed.map_or(Vec::new(), |viewed| viewed[start..end].to_vec()),
            });
        }
        Ok(rows)
    }

    fn check(&self, articles: &Articles, impressions: &Impressions<'_>) -> Result<(), Error> {
        let Impressions { readers, seconds, offsets, articles: shown, viewed } = impressions;
        let sound = readers.len() + 1 == offsets.len()
            && readers.len() == seconds.len()
            && offsets.first() == Some(&0)
            && offsets.last() == Some(&(shown.len() as i64))
            && offsets.is_sorted()
            && viewed.is_none_or(|viewed| viewed.len() == shown.len())
            && readers.iter().all(|&reader| (reader as usize) < self.readers)
            && shown.iter().all(|&row| (row as usize) < articles.len())
            && self.events.iter().all(|Reverse((_, _, _, reader, row, _))| {
                (*reader as usize) < self.readers && (*row as usize) < articles.len()
            })
            && seconds.is_sorted()
            && seconds.first().is_none_or(|&first| first >= self.second);
        if sound { Ok(()) } else { Err(Error::CandidateColumns) }
    }

    /// Lets happen all that happened before `second`.
    fn advance(&mut self, articles: &Articles, second: u32) {
        if second > self.second {
            for shown in std::mem::take(&mut self.shown) {
                self.account(articles, &shown);
            }
            self.second = second;
        }
        while let Some(&Reverse((at, _, _, reader, article, happening))) = self.events.peek()
            && at < second
        {
            self.events.pop();
            let profile = profile_of(&mut self.profiles, reader, self.space);
            let (id, topic, subtopic, vector) = articles.entry(article);
            match happening {
                Happening::Click { counted, dwell, dwell_seconds } => {
                    profile.click(id, topic, subtopic, vector, Seconds(at));
                    if counted && self.counting {
                        self.counts[article as usize].clicks += 1.0;
                        self.total.clicks += 1.0;
                    }
                    if let Some(dwell) = dwell {
                        let left = at.saturating_add(dwell_seconds);
                        self.schedule(left, reader, article, Happening::Dwell(dwell));
                    }
                }
                Happening::Dwell(dwell) => {
                    profile.dwell(id, dwell, Seconds(at));
                }
            }
        }
    }

    fn account(&mut self, articles: &Articles, shown: &Shown) {
        if self.counting {
            self.total.shows += shown.articles.len() as f64;
            shown.articles.iter().for_each(|&row| self.counts[row as usize].shows += 1.0);
        }
        let profile = profile_of(&mut self.profiles, shown.reader, self.space);
        for (&row, _) in shown.articles.iter().zip(&shown.viewed).filter(|&(_, &viewed)| viewed) {
            let (id, topic, ..) = articles.entry(row);
            profile.view(id, topic, Seconds(shown.second));
        }
    }

    /// The places, in the order shown, of the articles in the server's order.
    fn places(&self, shown: &[u32]) -> Vec<u32> {
        let mut places: Vec<u32> = (0..shown.len() as u32).collect();
        if self.by_counts {
            let pooled = if self.total.shows > 0.0 { self.total.clicks / self.total.shows } else { 0.0 };
            let rate = |place: &u32| {
                let Counts { shows, clicks } = self.counts[shown[*place as usize] as usize];
                (clicks + PRIOR_SHOWS * pooled) / (shows + PRIOR_SHOWS)
            };
            places.sort_by(|a, b| rate(b).total_cmp(&rate(a)));
        }
        places
    }

    fn impression(
        &mut self,
        articles: &Articles,
        reader: u32,
        shown: &[u32],
        places: &[u32],
        contenders: &mut [Contender<'_>],
        rows: &mut Rows,
    ) -> Result<(), Error> {
        let now = Seconds(self.second);
        self.candidates.clear();
        for &place in places {
            let row = shown[place as usize];
            let counts = self.counts[row as usize];
            articles.push(row, counts, &mut self.candidates);
            rows.shows.push(counts.shows);
            rows.clicks.push(counts.clicks);
        }
        self.candidates.check("", "")?;
        let profile = profile_of(&mut self.profiles, reader, self.space);
        profile.expire(now);
        self.signals.update(&self.wanted, &self.candidates, profile, now);
        let (ranked, behind) = (self.candidates.ranked(), shown.len().saturating_sub(MAX_RANKED));
        rows.features.extend_from_slice(self.signals.features());
        rows.features.extend(std::iter::repeat_n(0.0, behind * self.wanted.len()));
        rows.scorable.extend_from_slice(self.candidates.scorable());
        rows.scorable.extend(std::iter::repeat_n(false, behind));
        rows.server_logits.extend_from_slice(self.signals.server_logits());
        let last = self.signals.server_logits()[..ranked].last().copied().unwrap_or(0.0);
        rows.server_logits.extend((1..=behind).map(|i| last - STEP * i as f32));
        rows.evidence.push(self.signals.evidence());
        for click in profile.clicks() {
            let row = articles.row(click.id);
            rows.clicked_articles.push(row);
            rows.clicked_seconds.push(click.second.0);
            rows.clicked_weights.push(click.dwell.weight());
            if click.vector.is_some_and(|vector| vector.inverse_length().is_some()) {
                rows.history_articles.push(row);
            }
        }
        rows.history_weights.extend_from_slice(self.signals.history_weight());
        rows.clicked_offsets.push(rows.clicked_articles.len() as i64);
        rows.history_offsets.push(rows.history_articles.len() as i64);
        for (contender, ranking) in contenders.iter_mut().zip(&mut rows.rankings) {
            contender.rank(&self.candidates, profile, now, ranking)?;
        }
        Ok(())
    }
}

fn new_profile(space: SpaceId) -> Profile {
    let mut profile = Profile::new();
    profile.set_space(space);
    profile
}

fn profile_of(profiles: &mut HashMap<u32, Profile>, reader: u32, space: SpaceId) -> &mut Profile {
    profiles.entry(reader).or_insert_with(|| new_profile(space))
}

impl Contender<'_> {
    /// Orders one list under every policy and adds the results to `ranking`.
    pub fn rank(
        &mut self,
        candidates: &Candidates,
        profile: &Profile,
        now: Seconds,
        ranking: &mut Ranking,
    ) -> Result<(), Error> {
        let mut personal = None;
        let start = ranking.personal.len();
        for ((policy, weights), slots) in
            self.policies.iter().zip(&mut ranking.weights).zip(&mut ranking.slots)
        {
            let order = self.ranker.rank(candidates, profile, policy, now)?;
            let first = slots.len();
            slots.resize(first + order.len(), 0);
            for (slot, &item) in (0..).zip(order) {
                slots[first + item as usize] = slot;
            }
            weights.push(self.ranker.weight());
            personal.get_or_insert_with(|| self.ranker.personal().to_vec());
        }
        ranking.personal.extend(personal.unwrap_or_default());
        ranking.personal.resize(start + candidates.len(), 0.0);
        Ok(())
    }
}
