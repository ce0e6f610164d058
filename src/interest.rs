//! What a reader's history says: evidence, two clocks, topic shares and topic click rates.

use crate::id::{ArticleId, TopicId};
use crate::profile::Profile;
use crate::time::Seconds;
use nearside_kernels::sort::sort;
use nearside_kernels::vector::Directions;

/// Half-life of the session clock: 20 minutes.
const SESSION_HALF_LIFE: f32 = 20.0 * 60.0;
/// Half-life of the long-term clock: 7 days.
const LONG_HALF_LIFE: f32 = 7.0 * Seconds::DAY as f32;
/// Views by which a topic's click rate is shrunk to the reader's overall rate.
const PRIOR_VIEWS: f32 = 10.0;
/// The reader's overall rate before any view, worth one view; a usual click-through rate of a front page.
const PRIOR_RATE: f32 = 0.05;

/// Statistics of one profile at one moment. All buffers are reused.
#[derive(Debug, Default)]
pub(crate) struct Interest {
    evidence: f32,
    clicked: Directions,
    recency: Vec<f32>,
    session: Vec<f32>,
    hidden: Directions,
    topics: Tally,
    subtopics: Tally,
    rated_clicks: Tally,
    viewed: Tally,
    /// Ids of the viewed articles, sorted.
    seen: Vec<u64>,
}

impl Interest {
    /// Derives everything from the entries of `profile` that count at `now`.
    pub(crate) fn update(&mut self, profile: &Profile, now: Seconds) {
        self.evidence = 0.0;
        self.clicked.clear();
        self.recency.clear();
        self.session.clear();
        self.hidden.clear();
        for tally in [&mut self.topics, &mut self.subtopics, &mut self.rated_clicks, &mut self.viewed] {
            tally.clear();
        }
        let views = || profile.views().iter().filter(|view| Profile::counts(view.second, now));
        let first_view = views().next().map(|view| view.second);
        for click in profile.clicks().iter().filter(|click| Profile::counts(click.second, now)) {
            let weight = click.dwell.weight();
            let age = now.since(click.second) as f32;
            self.evidence += weight;
            self.topics.add(click.topic, weight);
            self.subtopics.add(click.subtopic, weight);
            if first_view.is_some_and(|first| click.second >= first) {
                self.rated_clicks.add(click.topic, weight);
            }
            if let Some(vector) = &click.vector
                && vector.inverse_length().is_some()
            {
                self.clicked.push(Some(vector));
                self.recency.push(weight * libm::exp2f(-age / LONG_HALF_LIFE));
                self.session.push(weight * libm::exp2f(-age / SESSION_HALF_LIFE));
            }
        }
        let total: f32 = self.recency.iter().sum();
        self.recency.iter_mut().for_each(|weight| *weight /= total);
        let in_session: f32 = self.session.iter().sum();
        self.session.iter_mut().for_each(|weight| *weight /= 1.0 + in_session);
        for hide in profile.hides().iter().filter(|hide| hide.hidden && Profile::counts(hide.second, now)) {
            self.hidden.push(hide.vector.as_ref());
        }
        self.seen.clear();
        for view in views() {
            self.viewed.add(view.topic, 1.0);
            self.seen.push(view.id.0);
        }
        sort(&mut self.seen);
    }

    /// The evidence `n`: clicks of the last 30 days, each weighted by its dwell (0.2–1), not decayed; 0–50.
    pub(crate) fn evidence(&self) -> f32 {
        self.evidence
    }

    /// The clicked vectors, oldest first.
    pub(crate) fn clicked(&self) -> &Directions {
        &self.clicked
    }

    /// For each clicked vector: dwell weight × 2^(-age / 7 days), scaled to sum 1.
    pub(crate) fn recency(&self) -> &[f32] {
        &self.recency
    }

    /// For each clicked vector: dwell weight × 2^(-age / 20 minutes), over 1 + the sum of all: they sum to less than 1, and to
    /// nearly nothing once the session is long over.
    pub(crate) fn session(&self) -> &[f32] {
        &self.session
    }

    /// The vectors of hidden articles.
    pub(crate) fn hidden(&self) -> &Directions {
        &self.hidden
    }

    /// Dwell-weighted clicks by topic.
    pub(crate) fn topics(&self) -> &Tally {
        &self.topics
    }

    /// Dwell-weighted clicks by subtopic.
    pub(crate) fn subtopics(&self) -> &Tally {
        &self.subtopics
    }

    /// Views kept of one article.
    pub(crate) fn times_seen(&self, id: ArticleId) -> usize {
        let first = self.seen.partition_point(|&seen| seen < id.0);
        self.seen[first..].iter().take_while(|&&seen| seen == id.0).count()
    }

    /// Whether a view of any topic is kept, so that click rates mean something.
    pub(crate) fn knows_rates(&self) -> bool {
        self.viewed.total() > 0.0
    }

    /// ln of the topic's click rate over the reader's overall rate, both since the oldest kept view and the first shrunk to the
    /// second by ten views. 0 for a topic never seen, and where no view is kept.
    pub(crate) fn topic_rate(&self, topic: TopicId) -> f32 {
        if !self.knows_rates() {
            return 0.0;
        }
        let overall = (self.rated_clicks.total() + PRIOR_RATE) / (self.viewed.total() + 1.0);
        let rate =
            (self.rated_clicks.get(topic) + PRIOR_VIEWS * overall) / (self.viewed.get(topic) + PRIOR_VIEWS);
        libm::logf(rate / overall)
    }
}

/// Weights added up by topic. Small and sorted: at most a few hundred topics.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    sums: Vec<(TopicId, f32)>,
    total: f32,
}

impl Tally {
    pub(crate) fn clear(&mut self) {
        self.sums.clear();
        self.total = 0.0;
    }

    /// Adds `weight` to `topic`; without effect for [`TopicId::NONE`].
    pub(crate) fn add(&mut self, topic: TopicId, weight: f32) {
        if !topic.is_some() {
            return;
        }
        self.total += weight;
        match self.sums.binary_search_by_key(&topic, |&(topic, _)| topic) {
            Ok(at) => self.sums[at].1 += weight,
            Err(at) => self.sums.insert(at, (topic, weight)),
        }
    }

    pub(crate) fn get(&self, topic: TopicId) -> f32 {
        self.sums.binary_search_by_key(&topic, |&(topic, _)| topic).map_or(0.0, |at| self.sums[at].1)
    }

    pub(crate) fn total(&self) -> f32 {
        self.total
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::Dwell;
    use nearside_kernels::vector::Vector;

    const NOW: Seconds = Seconds(1_700_000_000);
    const WEEK: u32 = 7 * Seconds::DAY;

    fn ago(seconds: u32) -> Seconds {
        Seconds(NOW.0 - seconds)
    }

    fn interest(profile: &Profile) -> Interest {
        let mut interest = Interest::default();
        interest.update(profile, NOW);
        interest
    }

    fn click(profile: &mut Profile, id: &str, topic: &str, at: Seconds) {
        profile.click(ArticleId::new(id), TopicId::new(topic), TopicId::NONE, Some(Vector([1; 64])), at);
    }

    #[test]
    fn an_empty_history_says_nothing() {
        let interest = interest(&Profile::new());
        assert_eq!(interest.evidence(), 0.0);
        assert_eq!(interest.topic_rate(TopicId::new("a")), 0.0);
        assert!(!interest.knows_rates() && interest.recency().is_empty());
    }

    #[test]
    fn evidence_is_weighted_by_dwell_and_not_decayed() {
        let mut profile = Profile::new();
        click(&mut profile, "a", "x", ago(3 * WEEK));
        click(&mut profile, "b", "x", ago(5));
        profile.dwell(ArticleId::new("b"), Dwell::from_seconds(3.0).unwrap(), NOW);
        assert_eq!(interest(&profile).evidence(), 1.2);
    }

    #[test]
    fn the_long_clock_halves_in_a_week_and_the_session_clock_in_twenty_minutes() {
        let mut profile = Profile::new();
        click(&mut profile, "a", "x", ago(WEEK));
        click(&mut profile, "b", "x", ago(1200));
        click(&mut profile, "c", "x", NOW);
        let interest = interest(&profile);
        let [a, _, c] = interest.recency().try_into().unwrap();
        let [old, recent, now] = interest.session().try_into().unwrap();
        assert!(
            f32::abs(c / a - 2.0) < 1e-5 && f32::abs(interest.recency().iter().sum::<f32>() - 1.0) < 1e-6
        );
        assert!(old < 1e-20 && f32::abs(now / recent - 2.0) < 1e-5 && f32::abs(now - 1.0 / 2.5) < 1e-6);
    }

    #[test]
    fn a_wrong_clock_never_makes_ages_negative() {
        let mut profile = Profile::new();
        click(&mut profile, "a", "x", Seconds(NOW.0 + 500));
        assert_eq!(interest(&profile).session(), [0.5]);
    }

    #[test]
    fn a_topic_seen_and_not_clicked_has_a_rate_below_the_others() {
        let mut profile = Profile::new();
        for i in 0..20 {
            profile.view(ArticleId(i), TopicId::new(if i % 2 == 0 { "liked" } else { "passed" }), ago(100));
        }
        click(&mut profile, "before any view", "passed", ago(200));
        click(&mut profile, "a", "liked", ago(50));
        let interest = interest(&profile);
        assert!(interest.knows_rates());
        let overall = 1.05f32 / 21.0;
        let liked = (1.0 + 10.0 * overall) / 20.0;
        assert!(f32::abs(interest.topic_rate(TopicId::new("liked")) - libm::logf(liked / overall)) < 1e-5);
        assert!(f32::abs(interest.topic_rate(TopicId::new("passed")) - libm::logf(0.5)) < 1e-5);
        assert_eq!(interest.topic_rate(TopicId::new("never seen")), 0.0);
        assert_eq!(interest.topics().get(TopicId::new("passed")), 1.0);
    }

    #[test]
    fn views_of_one_article_are_counted() {
        let mut profile = Profile::new();
        for (id, at) in [(7, 1), (7, 2), (7, 2), (8, 3)] {
            profile.view(ArticleId(id), TopicId::NONE, ago(at));
        }
        let interest = interest(&profile);
        assert_eq!([6, 7, 8, 9].map(|id| interest.times_seen(ArticleId(id))), [0, 2, 1, 0]);
    }
}
