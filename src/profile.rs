//! What the reader did: bounded, expiring, mergeable sets of events, and nothing derived from them.

pub(crate) mod bytes;

use crate::id::{ArticleId, SpaceId, TopicId};
use crate::time::Seconds;
use nearside_kernels::vector::Vector;

/// How long a clicked article was read: unknown, or 0–300 seconds.
///
/// Stored as seconds plus one, 0 for unknown, so that the maximum of two is the better known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Dwell(u16);

impl Dwell {
    /// Longest dwell time kept, in seconds: beyond it a tab was left open.
    pub const MAX_SECONDS: u16 = 300;
    /// Not reported (yet).
    pub const UNKNOWN: Self = Self(0);

    /// From seconds, capped at 300; `None` for a negative number or none at all.
    pub fn from_seconds(seconds: f64) -> Option<Self> {
        (seconds >= 0.0).then(|| Self((seconds as u16).min(Self::MAX_SECONDS) + 1))
    }

    /// The click's weight in [0.2, 1]: 0.2 below 10 s (a bounce says little), rising linearly to 1 at 50 s.
    ///
    /// An unknown dwell time weighs 1: nothing speaks against the click, and a page that never reports would else count nothing.
    pub fn weight(self) -> f32 {
        match self.0 {
            0 | 51.. => 1.0,
            code if code <= 10 => 0.2,
            code => 0.2 + f32::from(code - 11) * 0.02,
        }
    }
}

/// An article opened by the reader. Ordered by time, then id; the payload follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Click {
    /// When.
    pub second: Seconds,
    /// Which article.
    pub id: ArticleId,
    /// Its topic.
    pub topic: TopicId,
    /// Its subtopic, within the topic.
    pub subtopic: TopicId,
    /// How long it was read.
    pub dwell: Dwell,
    /// Its vector, in the profile's space.
    pub vector: Option<Vector>,
}

/// An article that was at least half visible for one second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    /// When.
    pub second: Seconds,
    /// Which article.
    pub id: ArticleId,
    /// Its topic.
    pub topic: TopicId,
}

/// An article the reader asked to see less of, or no longer does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hide {
    /// When the reader last said so.
    pub second: Seconds,
    /// Which article.
    pub id: ArticleId,
    /// Whether it is hidden; `false` once withdrawn.
    pub hidden: bool,
    /// Its topic.
    pub topic: TopicId,
    /// Its vector, in the profile's space.
    pub vector: Option<Vector>,
}

/// The reader's history on this device.
///
/// Clicks and views are sets under the key (second, id), hides under the id with the latest word winning. The sets are kept sorted
/// by time, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profile {
    generation: u32,
    space: SpaceId,
    clicks: Vec<Click>,
    views: Vec<View>,
    hides: Vec<Hide>,
}

impl Profile {
    /// Most clicks kept; the newest stay.
    pub const MAX_CLICKS: usize = 50;
    /// Most views kept; the newest stay.
    pub const MAX_VIEWS: usize = 300;
    /// Most hides (and withdrawn hides) kept; the newest stay.
    pub const MAX_HIDES: usize = 20;
    /// Age in seconds at which an entry ends: 30 days.
    pub const LIFETIME: u32 = 30 * Seconds::DAY;
    /// Seconds an entry may lie ahead of `now` before it is taken for the work of a wrong clock.
    pub const CLOCK_TOLERANCE: u32 = 600;
    /// Seconds after a click in which a dwell time may still be attached to it.
    pub const DWELL_WINDOW: u32 = Seconds::DAY;
    /// Most erasures that are counted. No reader gets there: a record that claims more was not written by this package.
    pub const MAX_GENERATION: u32 = 1 << 24;
    /// Seconds without a new vector after which a record leaves its space for another: longer than pages of two spaces
    /// that are open side by side are usually quiet, and shorter than the time between two visits.
    pub const SPACE_REST: u32 = 3600;

    /// An empty history, generation 0.
    pub fn new() -> Self {
        Self::default()
    }

    /// The clicks, oldest first.
    pub fn clicks(&self) -> &[Click] {
        &self.clicks
    }

    /// The views, oldest first.
    pub fn views(&self) -> &[View] {
        &self.views
    }

    /// The hides and withdrawn hides, oldest first.
    pub fn hides(&self) -> &[Hide] {
        &self.hides
    }

    /// How often the history was erased.
    pub fn generation(&self) -> u32 {
        self.generation
    }

    /// The vector space of the kept vectors.
    pub fn space(&self) -> SpaceId {
        self.space
    }

    /// Moves to `space`: when it is another than before, entries keep their topics and lose their vectors.
    pub fn set_space(&mut self, space: SpaceId) {
        if self.space != space {
            self.drop_vectors();
            self.space = space;
        }
    }

    /// Records that an article was seen.
    pub fn view(&mut self, id: ArticleId, topic: TopicId, now: Seconds) {
        self.add_view(View { second: now, id, topic });
        self.expire(now);
    }

    /// Records that an article was opened; `vector` must be of the profile's space.
    pub fn click(
        &mut self,
        id: ArticleId,
        topic: TopicId,
        subtopic: TopicId,
        vector: Option<Vector>,
        now: Seconds,
    ) {
        self.add_click(Click { second: now, id, topic, subtopic, dwell: Dwell::UNKNOWN, vector });
        self.expire(now);
    }

    /// Attaches a dwell time to the latest click of `id` within the last 24 hours; the longest reported stays.
    /// `false` when there is no such click.
    pub fn dwell(&mut self, id: ArticleId, dwell: Dwell, now: Seconds) -> bool {
        let latest = self
            .clicks
            .iter_mut()
            .rev()
            .find(|click| click.id == id && now.since(click.second) <= Self::DWELL_WINDOW);
        match latest {
            Some(click) => {
                click.dwell = click.dwell.max(dwell);
                true
            }
            None => false,
        }
    }

    /// Records that the reader wants less of an article like this one.
    pub fn hide(&mut self, id: ArticleId, topic: TopicId, vector: Option<Vector>, now: Seconds) {
        let second = self.next_word(id, now);
        self.add_hide(Hide { second, id, hidden: true, topic, vector });
        self.expire(now);
    }

    /// Withdraws a hide; without effect where there was none.
    pub fn unhide(&mut self, id: ArticleId, now: Seconds) {
        let second = self.next_word(id, now);
        if let Some(&hide) = self.hides.iter().find(|hide| hide.id == id) {
            self.add_hide(Hide { second, hidden: false, ..hide });
            self.expire(now);
        }
    }

    /// Empties the history and starts a new generation, so that no older copy can bring anything back. Behind the last
    /// generation, [`MAX_GENERATION`](Self::MAX_GENERATION), there is none.
    pub fn erase(&mut self) {
        let generation = Self::MAX_GENERATION.min(self.generation + 1);
        *self = Self { generation, space: self.space, ..Self::default() };
    }

    /// Takes in another copy of the history: the higher generation wins whole; within one, the union.
    ///
    /// Entries with one key are joined field by field by their maximum. Where the spaces differ, the vectors of the lower are lost;
    /// call [`set_space`](Self::set_space) on both before to choose. Commutative, associative and idempotent for copies
    /// that are valid at one `now`.
    pub fn merge(&mut self, other: &Self) {
        if other.generation > self.generation {
            *self = other.clone();
        }
        if other.generation < self.generation {
            return;
        }
        let mut other = other.clone();
        let space = self.space.max(other.space);
        self.set_space(space);
        other.set_space(space);
        other.clicks.into_iter().for_each(|click| self.add_click(click));
        other.views.into_iter().for_each(|view| self.add_view(view));
        other.hides.into_iter().for_each(|hide| self.add_hide(hide));
    }

    /// What is to be stored in place of `record`: the same, and what it lacks of this history.
    ///
    /// As [`merge`](Self::merge), but a record of another space stays in it and gets the entries without their vectors, so that pages of
    /// two spaces do not overwrite each other's. It moves with the first vector that is
    /// [`SPACE_REST`](Self::SPACE_REST) younger than its own last one, and loses those.
    pub fn added_to(&self, record: &Self) -> Self {
        if self.generation != record.generation {
            return if self.generation > record.generation { self } else { record }.clone();
        }
        let sum_in = |space| {
            let (mut sum, mut own) = (record.clone(), self.clone());
            sum.set_space(space);
            own.set_space(space);
            sum.merge(&own);
            sum
        };
        let sum = sum_in(record.space);
        let rested = sum.last_vector().map(|last| last.0.saturating_add(Self::SPACE_REST));
        let moves = self.last_vector().map(|last| last.0) > rested;
        if moves { sum_in(self.space) } else { sum }
    }

    /// When the last entry with a vector was made.
    fn last_vector(&self) -> Option<Seconds> {
        let clicks = self.clicks.iter().filter(|click| click.vector.is_some()).map(|click| click.second);
        let hides = self.hides.iter().filter(|hide| hide.vector.is_some()).map(|hide| hide.second);
        clicks.chain(hides).max()
    }

    /// Whether an entry of `second` counts at `now`: not yet ended, and not too far ahead.
    pub(crate) fn counts(second: Seconds, now: Seconds) -> bool {
        now.since(second) < Self::LIFETIME && second.since(now) <= Self::CLOCK_TOLERANCE
    }

    /// Drops what has ended or lies too far ahead of `now`.
    pub fn expire(&mut self, now: Seconds) {
        self.clicks.retain(|click| Self::counts(click.second, now));
        self.views.retain(|view| Self::counts(view.second, now));
        self.hides.retain(|hide| Self::counts(hide.second, now));
    }

    /// The second of the reader's next word on `id`: later than any earlier word, so that the order of words survives a merge.
    fn next_word(&self, id: ArticleId, now: Seconds) -> Seconds {
        let last = self.hides.iter().find(|hide| hide.id == id);
        last.map_or(now, |hide| now.max(Seconds(hide.second.0.saturating_add(1))))
    }

    fn drop_vectors(&mut self) {
        self.clicks.iter_mut().for_each(|click| click.vector = None);
        self.hides.iter_mut().for_each(|hide| hide.vector = None);
    }

    fn add_click(&mut self, click: Click) {
        add(
            &mut self.clicks,
            click,
            |click| (click.second, click.id),
            |a, b| Click {
                topic: a.topic.max(b.topic),
                subtopic: a.subtopic.max(b.subtopic),
                dwell: a.dwell.max(b.dwell),
                vector: a.vector.max(b.vector),
                ..a
            },
        );
        keep_newest(&mut self.clicks, Self::MAX_CLICKS);
    }

    fn add_view(&mut self, view: View) {
        let join = |a: View, b: View| View { topic: a.topic.max(b.topic), ..a };
        add(&mut self.views, view, |view| (view.second, view.id), join);
        keep_newest(&mut self.views, Self::MAX_VIEWS);
    }

    fn add_hide(&mut self, hide: Hide) {
        let mut latest = hide;
        if let Some(at) = self.hides.iter().position(|other| other.id == hide.id) {
            // The latest word on the article stays; at one second, "hidden" wins. The vector is the article's, whoever had it.
            let word = |hide: &Hide| (hide.second, hide.hidden, hide.topic);
            let other = self.hides.remove(at);
            if word(&other) > word(&hide) {
                latest = other;
            }
            latest.vector = hide.vector.max(other.vector);
        }
        add(&mut self.hides, latest, |hide| (hide.second, hide.id), |a, _| a);
        keep_newest(&mut self.hides, Self::MAX_HIDES);
    }
}

/// Puts `entry` in its place by `key`, or joins it with the one that is there.
fn add<T: Copy, K: Ord>(sorted: &mut Vec<T>, entry: T, key: impl Fn(&T) -> K, join: impl Fn(T, T) -> T) {
    match sorted.binary_search_by_key(&key(&entry), key) {
        Ok(at) => sorted[at] = join(sorted[at], entry),
        Err(at) => sorted.insert(at, entry),
    }
}

fn keep_newest<T>(sorted: &mut Vec<T>, most: usize) {
    let surplus = sorted.len().saturating_sub(most);
    sorted.drain(..surplus);
}
