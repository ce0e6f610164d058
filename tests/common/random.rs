//! Random lists and readers for tests and benchmarks, from a seed.
#![allow(dead_code, unreachable_pub, reason = "each test binary that includes this file uses a part of it")]

use base64::prelude::{BASE64_STANDARD, Engine};
use nearside::{ArticleId, Candidate, Candidates, Dwell, Profile, Seconds, SpaceId, TopicId, Vector};

/// When the random readers read, in seconds since 1970.
pub const NOW: Seconds = Seconds(1_700_000_000);
/// The vector space of the shipped model.
pub const SPACE: &str = "minilm-l6-pca64-v1";

const TOPICS: [&str; 8] =
    ["world", "politics", "business", "science", "sports", "culture", "health", "travel"];

/// SplitMix64 (Steele, Lea and Flood 2014): a small generator whose numbers never change.
pub struct Random(pub u64);

impl Random {
    /// The next 64 bits.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    /// A number in [0, 1).
    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A vector near the direction of its topic.
    pub fn vector(&mut self, topic: usize) -> Vector {
        let mut around = Self(topic as u64 + 1);
        Vector(
            std::array::from_fn(|_| (around.below(81) + self.below(121)) as i8)
                .map(|x: i8| x.wrapping_sub(100)),
        )
    }
}

/// An article with everything a feed can say of it.
pub struct Article {
    pub id: String,
    pub topic: &'static str,
    pub subtopic: String,
    pub vector: Vector,
    pub vector_text: String,
    pub published_ms: f64,
    pub shows: f64,
    pub clicks: f64,
}

impl Article {
    /// A random article; `id` must differ from article to article.
    pub fn new(random: &mut Random, id: usize) -> Self {
        let topic = random.below(TOPICS.len());
        let vector = random.vector(topic);
        let shows = random.below(20_000) as f64;
        Self {
            id: format!("story-{id}"),
            topic: TOPICS[topic],
            subtopic: format!("part {}", random.below(3)),
            vector,
            vector_text: BASE64_STANDARD.encode(vector.0.map(|x| x as u8)),
            published_ms: (f64::from(NOW.0) - random.unit() * 200_000.0) * 1000.0,
            shows,
            clicks: (shows * random.unit() * 0.15).floor(),
        }
    }

    /// As the core takes it.
    pub fn candidate(&self) -> Candidate<'_> {
        Candidate {
            id: &self.id,
            topic: self.topic,
            subtopic: &self.subtopic,
            vector: &self.vector_text,
            published_ms: self.published_ms,
            shows: self.shows,
            clicks: self.clicks,
            ..Candidate::default()
        }
    }
}

/// A reader who opened these articles, each so many seconds ago as `ago` says of its place.
pub fn reader_of<'a>(articles: impl IntoIterator<Item = &'a Article>, ago: impl Fn(usize) -> u32) -> Profile {
    let mut profile = Profile::new();
    profile.set_space(SpaceId::new(SPACE));
    for (i, article) in articles.into_iter().enumerate() {
        let subtopic = TopicId::subtopic(article.topic, &article.subtopic);
        let at = Seconds(NOW.0 - ago(i));
        profile.click(
            ArticleId::new(&article.id),
            TopicId::new(article.topic),
            subtopic,
            Some(article.vector),
            at,
        );
    }
    profile
}

/// `len` random articles, as a list.
pub fn list(random: &mut Random, len: usize) -> Candidates {
    let mut candidates = Candidates::new();
    for id in 0..len {
        candidates.push(&Article::new(random, id).candidate());
    }
    candidates.check(SPACE, SPACE).expect("the ids differ");
    candidates
}

/// A reader with `clicks` clicks (at most 50), mostly in two topics, and five views for each.
pub fn reader(random: &mut Random, clicks: usize) -> Profile {
    let mut profile = Profile::new();
    profile.set_space(SpaceId::new(SPACE));
    let liked = [random.below(TOPICS.len()), random.below(TOPICS.len())];
    for i in 0..clicks {
        let topic = if random.below(4) > 0 { liked[random.below(2)] } else { random.below(TOPICS.len()) };
        let at = Seconds(NOW.0 - ((clicks - i) * 40_000 + random.below(30_000)) as u32 / 2);
        for _ in 0..5 {
            let seen = random.below(TOPICS.len());
            profile.view(
                ArticleId(random.next()),
                TopicId::new(TOPICS[seen]),
                Seconds(at.0 - random.below(60) as u32),
            );
        }
        let id = ArticleId(random.next());
        let subtopic = TopicId::subtopic(TOPICS[topic], &format!("part {}", random.below(3)));
        profile.click(id, TopicId::new(TOPICS[topic]), subtopic, Some(random.vector(topic)), at);
        if random.below(2) > 0 {
            profile.dwell(id, Dwell::from_seconds(random.unit() * 90.0).expect("not negative"), at);
        }
    }
    profile
}

/// Lists of several sizes, each with its reader.
pub fn pages() -> Vec<(Candidates, Profile)> {
    let mut random = Random(7);
    [(1, 2), (3, 4), (12, 8), (40, 20)]
        .map(|(len, clicks)| (list(&mut random, len), reader(&mut random, clicks)))
        .into()
}

/// A number that tries a bound.
pub fn odd_integer(random: &mut Random) -> u64 {
    const EDGES: [i64; 20] = [
        0,
        1,
        -1,
        2,
        3,
        4,
        7,
        16,
        50,
        64,
        200,
        255,
        256,
        0x7fff,
        0xffff,
        1 << 24,
        i32::MAX as i64,
        u32::MAX as i64,
        i64::MAX,
        i64::MIN,
    ];
    match random.below(4) {
        0 => random.next(),
        1 => random.below(12) as u64,
        _ => EDGES[random.below(EDGES.len())] as u64,
    }
}

/// A number that tries a bound, or is none.
pub fn odd_float(random: &mut Random) -> f64 {
    const EDGES: [f64; 14] = [
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        0.0,
        -0.0,
        1.0,
        -1.0,
        f64::MAX,
        f64::MIN,
        f64::MIN_POSITIVE,
        5e-324,
        1e-40,
        3.5e38,
        1.7e12,
    ];
    match random.below(4) {
        0 => f64::from_bits(random.next()),
        1 => random.unit() * 1e4,
        _ => EDGES[random.below(EDGES.len())],
    }
}
