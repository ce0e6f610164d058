//! One row of named numbers for each candidate: the only place where a feature is computed.
//!
//! Training, evaluation and the browser all call [`Features::update`]; a model's contract lists the names it wants, in order.

use crate::candidate::{Candidates, MAX_RANKED};
use crate::interest::{Interest, Tally};
use crate::profile::Profile;
use crate::time::Seconds;
use nearside_kernels::cosines::Cosines;
use nearside_kernels::lanes::exponentials;

/// Sharpness of the attention over clicked articles: a click 0.1 nearer in cosine weighs 2.2 times as much. Cosines of titles in
/// the default space spread by about 0.15 within a topic.
const ATTENTION: f32 = 8.0;
/// Clicks by which a topic's share of the history is shrunk to its share of the list.
const PRIOR_CLICKS: f32 = 3.0;

macro_rules! features {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// A feature, by its name in a model's contract.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Feature {
            $($(#[$doc])* $variant,)*
        }

        impl Feature {
            /// All features, in the order of the shipped model.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The name in a contract.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

features! {
    /// Mean cosine with the clicked articles. In [-1, 1]; 0 without clicks.
    CosineMean = "cosine_mean",
    /// Greatest cosine with a clicked article. In [-1, 1]; 0 without clicks.
    CosineMax = "cosine_max",
    /// Mean of the three greatest cosines (of fewer where there are fewer clicks). In [-1, 1]; 0 without clicks.
    CosineTop3 = "cosine_top3",
    /// Mean cosine under softmax weights e^(8 cosine). In [-1, 1]; 0 without clicks.
    CosineAttention = "cosine_attention",
    /// Mean cosine under weights dwell × 2^(-age / 7 days). In [-1, 1]; 0 without clicks.
    CosineRecent = "cosine_recent",
    /// Sum of cosines under weights dwell × 2^(-age / 20 minutes), over 1 + the sum of the weights: the session so far. In (-1, 1).
    CosineSession = "cosine_session",
    /// ln(((c + 3g) / (n + 3)) / g): c of the n dwell-weighted clicks went to the topic, g is its share of the list. 0 without clicks.
    TopicLift = "topic_lift",
    /// The same for the subtopic; 0 for an item without one.
    SubtopicLift = "subtopic_lift",
    /// ln(1 + dwell-weighted clicks in the subtopic). In [0, 3.94].
    SubtopicCount = "subtopic_count",
    /// The share of the dwell-weighted clicks that went to the topic. In [0, 1]; 0 without clicks.
    TopicShare = "topic_share",
    /// The same for the subtopic; 0 for an item without one.
    SubtopicShare = "subtopic_share",
    /// ln of the topic's click rate over the reader's overall rate, since the oldest kept view, shrunk by ten views. 0 without views.
    TopicRate = "topic_rate",
    /// 1 where a view of any topic is kept, so that `topic_rate` means something; else 0.
    TopicRateKnown = "topic_rate_known",
    /// ln(1 + hours since publication); the list's mean where the item has no date, 0 where none has.
    LogAgeHours = "log_age_hours",
    /// ln(1 + views of this article by this reader). In [0, 5.71].
    LogTimesSeen = "log_times_seen",
    /// Greatest cosine with an article the reader hid. In [-1, 1]; 0 without hides.
    CosineHidden = "cosine_hidden",
    /// ln(1 + evidence), the dwell-weighted clicks. In [0, 3.94].
    LogHistory = "log_history",
    /// The server's log-odds of a click, in the server's order (see `server`). In about [-30, 30].
    ServerLogit = "server_logit",
}

impl Feature {
    /// The feature of a name; `None` for a name this version does not know.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|feature| feature.name() == name)
    }
}

/// The feature matrix of a list, and its reused buffers.
#[derive(Debug, Default)]
pub(crate) struct Features {
    rows: Vec<f32>,
    topics: Tally,
    subtopics: Tally,
    /// Cosines with the clicked articles and those with the hidden ones: row-major, one row a ranked candidate.
    clicked: Vec<f32>,
    hidden: Vec<f32>,
    /// Attention on the clicked articles, as `clicked`.
    attention: Vec<f32>,
    packed: Vec<f32>,
}

impl Features {
    /// Row-major, one row a ranked candidate, one column a wanted feature.
    pub(crate) fn rows(&self) -> &[f32] {
        &self.rows
    }

    /// Computes the `wanted` features of every ranked candidate at `now`; `server_logits` has one number each.
    pub(crate) fn update(
        &mut self,
        wanted: &[Feature],
        candidates: &Candidates,
        interest: &Interest,
        server_logits: &[f32],
        now: Seconds,
    ) {
        self.topics.clear();
        self.subtopics.clear();
        candidates.topics().iter().for_each(|&topic| self.topics.add(topic, 1.0));
        candidates.subtopics().iter().for_each(|&subtopic| self.subtopics.add(subtopic, 1.0));
        let mean_age = mean(candidates.published_ms().iter().filter_map(|&ms| log_age_hours(ms, now)));
        // Room for the longest list and history: memory that grew with a history would leave holes.
        for buffer in [&mut self.clicked, &mut self.hidden, &mut self.attention, &mut self.packed] {
            buffer.clear();
            buffer.reserve(MAX_RANKED * Profile::MAX_CLICKS);
        }
        let directions = candidates.directions();
        directions.cosines(interest.clicked(), &mut self.packed, &mut self.clicked);
        directions.cosines(interest.hidden(), &mut self.packed, &mut self.hidden);
        self.attention.extend(self.clicked.iter().map(|cosine| ATTENTION * cosine));
        exponentials(&mut self.attention);
        let log_history = libm::log1pf(interest.evidence());
        self.rows.clear();
        for (i, &server_logit) in server_logits.iter().enumerate() {
            let (topic, subtopic) = (candidates.topics()[i], candidates.subtopics()[i]);
            let (start, len) = (i * interest.clicked().len(), interest.clicked().len());
            let (cosines, attention) = (&self.clicked[start..][..len], &self.attention[start..][..len]);
            let clicked = Cosines::of(cosines, attention, interest.recency(), interest.session());
            for feature in wanted {
                self.rows.push(match feature {
                    Feature::CosineMean => clicked.mean,
                    Feature::CosineMax => clicked.max,
                    Feature::CosineTop3 => clicked.top3,
                    Feature::CosineAttention => clicked.attention,
                    Feature::CosineRecent => clicked.recent,
                    Feature::CosineSession => clicked.session,
                    Feature::TopicLift => lift(
                        interest.topics().get(topic),
                        interest.topics(),
                        self.topics.get(topic),
                        &self.topics,
                    ),
                    Feature::SubtopicLift => lift(
                        interest.subtopics().get(subtopic),
                        interest.subtopics(),
                        self.subtopics.get(subtopic),
                        &self.subtopics,
                    ),
                    Feature::SubtopicCount => libm::log1pf(interest.subtopics().get(subtopic)),
                    Feature::TopicShare => share(interest.topics().get(topic), interest.topics()),
                    Feature::SubtopicShare => share(interest.subtopics().get(subtopic), interest.subtopics()),
                    Feature::TopicRate => interest.topic_rate(topic),
                    Feature::TopicRateKnown => f32::from(u8::from(interest.knows_rates())),
                    Feature::LogAgeHours => {
                        log_age_hours(candidates.published_ms()[i], now).unwrap_or(mean_age)
                    }
                    Feature::LogTimesSeen => libm::log1pf(interest.times_seen(candidates.ids()[i]) as f32),
                    Feature::CosineHidden => {
                        let len = interest.hidden().len();
                        self.hidden[i * len..][..len].iter().copied().reduce(f32::max).unwrap_or(0.0)
                    }
                    Feature::LogHistory => log_history,
                    Feature::ServerLogit => server_logit,
                });
            }
        }
    }
}

/// See [`Feature::TopicShare`].
fn share(clicks: f32, history: &Tally) -> f32 {
    if clicks > 0.0 { clicks / history.total() } else { 0.0 }
}

/// See [`Feature::TopicLift`]; 0 for a topic the list does not have.
fn lift(clicks: f32, history: &Tally, in_list: f32, list: &Tally) -> f32 {
    let share = in_list / list.total();
    if in_list == 0.0 {
        return 0.0;
    }
    libm::logf((clicks + PRIOR_CLICKS * share) / (history.total() + PRIOR_CLICKS) / share)
}

/// ln(1 + hours since publication), 0 for a date in the future; `None` without a usable date.
fn log_age_hours(published_ms: f64, now: Seconds) -> Option<f32> {
    let age_ms = f64::from(now.0) * 1000.0 - published_ms;
    age_ms.is_finite().then(|| libm::log1pf((age_ms / 3_600_000.0).max(0.0) as f32))
}

/// The mean, summed in order; 0 of nothing.
fn mean(numbers: impl Iterator<Item = f32>) -> f32 {
    let (sum, len) = numbers.fold((0.0, 0u32), |(sum, len), x| (sum + x, len + 1));
    if len == 0 { 0.0 } else { sum / len as f32 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::candidate::Candidate;
    use crate::id::{ArticleId, TopicId};
    use crate::profile::{Dwell, Profile};
    use crate::server::ServerLogits;
    use nearside_kernels::vector::Vector;

    const NOW: Seconds = Seconds(1_700_000_000);

    /// The base64 of a vector with `x` in its first place, `y` in its second, 0 elsewhere.
    fn text(x: u8, y: u8) -> String {
        const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let bits = (u32::from(x) << 16) | (u32::from(y) << 8);
        let head: String =
            [18, 12, 6, 0].map(|shift| ALPHABET[(bits >> shift) as usize & 63] as char).iter().collect();
        head + &"AAAA".repeat(20) + "AA"
    }

    fn vector(x: u8, y: u8) -> Option<Vector> {
        Some(Vector::from_base64(&text(x, y)).unwrap())
    }

    fn row(candidates: &[Candidate<'_>], profile: &Profile, of: usize) -> impl Fn(Feature) -> f32 + use<> {
        let mut list = Candidates::new();
        candidates.iter().for_each(|candidate| list.push(candidate));
        let (mut interest, mut logits, mut features) = Default::default();
        Interest::update(&mut interest, profile, NOW);
        ServerLogits::update(&mut logits, &list);
        Features::update(&mut features, Feature::ALL, &list, &interest, logits.get(), NOW);
        let width = Feature::ALL.len();
        let row = features.rows()[of * width..][..width].to_vec();
        move |feature| row[Feature::ALL.iter().position(|&f| f == feature).unwrap()]
    }

    #[track_caller]
    fn assert_close(a: f32, b: f32) {
        assert!((a - b).abs() < 1e-5, "{a} is not {b}");
    }

    #[test]
    fn names_lead_back_to_their_features() {
        for &feature in Feature::ALL {
            assert_eq!(Feature::from_name(feature.name()), Some(feature));
        }
        assert_eq!(Feature::from_name("cosine"), None);
    }

    #[test]
    fn no_history_gives_no_personal_number() {
        let candidate =
            Candidate { id: "a", topic: "t", subtopic: "s", vector: &text(1, 0), ..Candidate::default() };
        let row = row(&[candidate], &Profile::new(), 0);
        for &feature in Feature::ALL {
            assert_eq!(row(feature), 0.0, "{feature:?}");
        }
    }

    #[test]
    fn cosines_of_a_candidate_with_four_clicks() {
        let mut profile = Profile::new();
        let [east, north, diagonal] = [vector(100, 0), vector(0, 100), vector(100, 100)];
        for (i, vector) in [east, north, diagonal, east].into_iter().enumerate() {
            let at = Seconds(NOW.0 - 604_800 * (3 - i as u32));
            profile.click(ArticleId(i as u64), TopicId::NONE, TopicId::NONE, vector, at);
        }
        profile.hide(ArticleId(9), TopicId::NONE, diagonal, NOW);
        profile.hide(ArticleId(8), TopicId::NONE, north, NOW);
        let east = text(50, 0);
        let row = row(&[Candidate { id: "a", vector: &east, ..Candidate::default() }], &profile, 0);
        let slant = 0.5f32.sqrt();
        assert_close(row(Feature::CosineMean), (2.0 + slant) / 4.0);
        assert_close(row(Feature::CosineMax), 1.0);
        assert_close(row(Feature::CosineTop3), (2.0 + slant) / 3.0);
        let weights = [1.0, slant, 0.0].map(|cosine| libm::expf(8.0 * cosine));
        assert_close(
            row(Feature::CosineAttention),
            (2.0 * weights[0] + slant * weights[1]) / (2.0 * weights[0] + weights[1] + weights[2]),
        );
        assert_close(row(Feature::CosineRecent), (0.125 + 0.5 * slant + 1.0) / 1.875);
        assert_close(row(Feature::CosineSession), 0.5);
        assert_close(row(Feature::CosineHidden), slant);
        assert_close(row(Feature::LogHistory), libm::logf(5.0));
    }

    #[test]
    fn fewer_than_three_clicks_and_opposite_vectors() {
        let mut profile = Profile::new();
        profile.click(ArticleId(1), TopicId::NONE, TopicId::NONE, vector(156, 0), NOW);
        let east = text(100, 0);
        let row = row(&[Candidate { id: "a", vector: &east, ..Candidate::default() }], &profile, 0);
        assert_close(row(Feature::CosineTop3), -1.0);
        assert_close(row(Feature::CosineMax), -1.0);
    }

    #[test]
    fn lifts_compare_the_history_with_the_list() {
        let item = |id, topic, subtopic| Candidate { id, topic, subtopic, ..Candidate::default() };
        let list = [item("a", "x", "p"), item("b", "x", "q"), item("c", "x", ""), item("d", "y", "p")];
        let mut profile = Profile::new();
        for (id, second) in [(1, 30), (2, 20), (3, 10)] {
            let subtopic = TopicId::subtopic("x", "p");
            profile.click(ArticleId(id), TopicId::new("x"), subtopic, None, Seconds(NOW.0 - second));
        }
        profile.dwell(ArticleId(3), Dwell::from_seconds(1.0).unwrap(), NOW);
        let lift = |clicks: f32, share: f32| libm::logf((clicks + 3.0 * share) / 5.2 / share);
        let (x_p, x_none, y_p) = (row(&list, &profile, 0), row(&list, &profile, 2), row(&list, &profile, 3));
        assert_close(x_p(Feature::TopicLift), lift(2.2, 0.75));
        assert_close(y_p(Feature::TopicLift), lift(0.0, 0.25));
        assert_close(x_p(Feature::SubtopicLift), lift(2.2, 1.0 / 3.0));
        assert_close(y_p(Feature::SubtopicLift), lift(0.0, 1.0 / 3.0));
        assert_close(x_p(Feature::SubtopicCount), libm::logf(3.2));
        assert_eq!((x_none(Feature::SubtopicLift), x_none(Feature::SubtopicCount)), (0.0, 0.0));
        assert_eq!((x_p(Feature::TopicShare), y_p(Feature::TopicShare)), (1.0, 0.0));
        assert_eq!((x_p(Feature::SubtopicShare), x_none(Feature::SubtopicShare)), (1.0, 0.0));
    }

    #[test]
    fn ages_are_in_hours_and_a_missing_date_is_as_old_as_the_list() {
        let dated = |id, hours: f64| Candidate {
            id,
            published_ms: f64::from(NOW.0) * 1000.0 - hours * 3_600_000.0,
            ..Candidate::default()
        };
        let list = [
            dated("a", 1.0),
            dated("b", 7.0),
            dated("c", -9.0),
            Candidate { id: "d", ..Candidate::default() },
        ];
        let age = |of| row(&list, &Profile::new(), of)(Feature::LogAgeHours);
        assert_close(age(0), libm::logf(2.0));
        assert_close(age(1), libm::logf(8.0));
        assert_eq!(age(2), 0.0);
        assert_close(age(3), libm::logf(16.0) / 3.0);
    }

    #[test]
    fn seen_articles_count() {
        let mut profile = Profile::new();
        profile.view(ArticleId::new("a"), TopicId::new("t"), Seconds(NOW.0 - 9));
        profile.view(ArticleId::new("a"), TopicId::new("t"), NOW);
        let row = row(&[Candidate { id: "a", ..Candidate::default() }], &profile, 0);
        assert_close(row(Feature::LogTimesSeen), libm::logf(3.0));
        assert_eq!(row(Feature::TopicRateKnown), 1.0);
    }
}
