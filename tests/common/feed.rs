//! JSON Feeds and event lists as the tests and native tools read them.
#![allow(dead_code, unreachable_pub, reason = "each test binary that includes this file uses a part of it")]

use nearside::{ArticleId, Candidate, Candidates, Dwell, Profile, Seconds, TopicId, Vector};
use serde::Deserialize;

/// A JSON Feed 1.1, as far as ranking reads it.
#[derive(Debug, Deserialize)]
pub struct Feed {
    /// The stories, in the server's order.
    pub items: Vec<Item>,
    /// The extension: the vector space.
    #[serde(rename = "_nearside", default)]
    pub extension: FeedExtension,
}

/// The feed's own extension object.
#[derive(Debug, Default, Deserialize)]
pub struct FeedExtension {
    /// The vector space of the items.
    #[serde(default)]
    pub space: String,
}

/// A story.
#[derive(Debug, Deserialize)]
pub struct Item {
    /// Its id.
    pub id: String,
    /// The extension.
    #[serde(rename = "_nearside", default)]
    pub extension: ItemExtension,
    /// RFC 3339.
    pub date_published: Option<String>,
}

/// An item's extension object.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ItemExtension {
    /// Base64 of 64 signed bytes.
    pub vector: String,
    /// Topic.
    pub topic: String,
    /// Subtopic.
    pub subtopic: String,
    /// The server's counts.
    pub shows: Option<f64>,
    /// The server's counts.
    pub clicks: Option<f64>,
    /// The server's score.
    pub score: Option<f64>,
    /// Pinned by an editor.
    pub pinned: bool,
    /// May be personalized unless `false`.
    pub personalize: Option<bool>,
}

impl Item {
    /// The story as the core takes it.
    pub fn candidate(&self) -> Candidate<'_> {
        candidate(&self.id, self.date_published.as_deref(), &self.extension)
    }
}

/// A story as the core takes it.
pub fn candidate<'a>(
    id: &'a str,
    date_published: Option<&str>,
    extension: &'a ItemExtension,
) -> Candidate<'a> {
    let number = |number: Option<f64>| number.unwrap_or(f64::NAN);
    Candidate {
        id,
        topic: &extension.topic,
        subtopic: &extension.subtopic,
        vector: &extension.vector,
        published_ms: date_published.map_or(f64::NAN, |date| {
            date.parse().map_or(f64::INFINITY, |date: jiff::Timestamp| date.as_millisecond() as f64)
        }),
        shows: number(extension.shows),
        clicks: number(extension.clicks),
        score: number(extension.score),
        pinned: extension.pinned,
        fixed: extension.personalize == Some(false),
    }
}

/// The feed's items as candidates, not yet checked.
pub fn candidates(items: &[Item]) -> Candidates {
    let mut candidates = Candidates::new();
    items.iter().for_each(|item| candidates.push(&item.candidate()));
    candidates
}

/// Something the reader did.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Event {
    /// Seen.
    View(About),
    /// Opened.
    Click(About),
    /// Read for `seconds`.
    Dwell(About),
    /// Hidden.
    Hide(About),
    /// No longer hidden.
    Unhide(About),
}

/// The article and moment of an event.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct About {
    /// The article.
    pub id: String,
    /// Its topic.
    pub topic: String,
    /// Its subtopic.
    pub subtopic: String,
    /// Its vector.
    pub vector: String,
    /// When, in milliseconds since 1970.
    pub ms: f64,
    /// For how long, in seconds.
    pub seconds: f64,
}

impl Event {
    /// Records the event.
    pub fn record(&self, profile: &mut Profile) {
        let (Self::View(about)
        | Self::Click(about)
        | Self::Dwell(about)
        | Self::Hide(about)
        | Self::Unhide(about)) = self;
        let (id, at, topic) =
            (ArticleId::new(&about.id), Seconds::from_millis(about.ms), TopicId::new(&about.topic));
        let vector = Vector::from_base64(&about.vector);
        match self {
            Self::View(_) => profile.view(id, topic, at),
            Self::Click(_) => {
                profile.click(id, topic, TopicId::subtopic(&about.topic, &about.subtopic), vector, at);
            }
            Self::Dwell(_) => {
                let dwell = Dwell::from_seconds(about.seconds).expect("a dwell time is not negative");
                assert!(profile.dwell(id, dwell, at), "no click of {}", about.id);
            }
            Self::Hide(_) => profile.hide(id, topic, vector, at),
            Self::Unhide(_) => profile.unhide(id, at),
        }
    }
}
