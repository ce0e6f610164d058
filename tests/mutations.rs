//! Hostile profiles and candidate lists: valid ones, changed field by field, so that most pass the first checks.
//!
//! By default 20,000 of each; a million with
//!
//! ```sh
//! NEARSIDE_MUTATIONS=1000000 cargo test --profile checked --lib --test mutations -- mutations --nocapture
//! ```
//!
//! which also runs the models' (`src/model/compact/tests/mutations.rs`). The profile `checked` optimises as for a release and keeps the
//! checks of integer overflow.

use std::collections::HashSet;

use base64::prelude::{BASE64_STANDARD, Engine};
use common::random::{Article, NOW, Random, SPACE, list, odd_float, odd_integer, reader};
use common::trials::{self, Outcome};
use nearside::{
    ArticleId, Candidate, Candidates, Error, Model, Policy, Profile, Ranker, Seconds, SpaceId, Standing,
    TopicCap, TopicId,
};

mod common {
    pub mod random;
    pub mod trials;
}

/// A profile of the largest size with its copies, or 300 candidates, with the ranker's buffers: ten times what a page needs.
const MOST_BYTES: u64 = 256 * 1024;

fn ranker() -> Ranker {
    Ranker::new(Model::load(include_bytes!("../models/reranker.onnx")).expect("the shipped model loads"))
}

#[track_caller]
fn assert_permutation(order: &[u32], len: usize) {
    let mut seen = vec![false; len];
    order.iter().for_each(|&item| seen[item as usize] = true);
    assert!(order.len() == len && !seen.contains(&false));
}

/// Readers with and without clicks, hides and erased histories.
fn readers() -> Vec<Profile> {
    let mut random = Random(1);
    let reader = |i: usize| {
        let mut profile = reader(&mut random, i * 50 / 31);
        for hide in 0..i % 8 {
            let vector = (hide % 3 > 0).then(|| random.vector(hide));
            profile.hide(
                ArticleId(random.next()),
                TopicId(hide as u32),
                vector,
                Seconds(NOW.0 - hide as u32),
            );
        }
        if let Some(id) = profile.hides().first().map(|hide| hide.id) {
            profile.unhide(id, NOW);
        }
        if i % 16 == 15 {
            profile.erase();
        }
        profile
    };
    (0..32).map(reader).collect()
}

const HEADER: usize = 14;

/// A stored profile in its parts.
#[derive(Clone)]
struct Parts {
    /// Generation and vector space.
    head: Vec<u8>,
    /// Clicks, views and hides, each as its bytes.
    entries: [Vec<Vec<u8>>; 3],
}

impl Parts {
    fn of(bytes: &[u8]) -> Self {
        let (head, rest) = bytes[HEADER..].split_at(12);
        let (counts, mut rest) = rest.split_at(6);
        let mut entries = [const { Vec::new() }; 3];
        for (kind, count) in counts.as_chunks().0.iter().map(|&count| u16::from_le_bytes(count)).enumerate() {
            for _ in 0..count {
                let len = match kind {
                    0 => 22 + usize::from(rest[21] >> 7) * 64,
                    1 => 16,
                    _ => 17 + usize::from(rest[16] >> 1) * 64,
                };
                let (entry, after) = rest.split_at(len);
                entries[kind].push(entry.to_vec());
                rest = after;
            }
        }
        Self { head: head.to_vec(), entries }
    }

    /// The bytes, not sealed.
    fn bytes(&self, counts: [u16; 3]) -> Vec<u8> {
        let mut bytes = b"NSPF\x01\x00\0\0\0\0\0\0\0\0".to_vec();
        bytes.extend(&self.head);
        counts.iter().for_each(|count| bytes.extend(count.to_le_bytes()));
        self.entries.iter().flatten().for_each(|entry| bytes.extend(entry));
        bytes
    }

    fn mutate(&mut self, random: &mut Random) {
        let entries = &mut self.entries[random.below(3)];
        let (len, at) = (entries.len(), random.below(entries.len().max(1)));
        match random.below(8) {
            0 => self.head[random.below(12)] = random.next() as u8,
            1 if len > 0 => drop(entries.remove(at)),
            2 if len > 0 => entries.extend_from_within(at..len.min(at + 1 + random.below(40))),
            3 if len > 0 => entries.swap(at, random.below(len)),
            4 if len > 0 => entries.truncate(at),
            // Second, id, topic, and what is left.
            _ if len > 0 => {
                let entry = &mut entries[at];
                let (start, end) =
                    [(0, 4), (4, 12), (12, 16), (16, 20), (20, 22), (16, 17), (0, 86)][random.below(7)];
                let (start, end) = (start.min(entry.len()), end.min(entry.len()));
                match random.below(6) {
                    0 => entry.truncate(start),
                    1 => entry.resize(end + random.below(70), random.next() as u8),
                    2 if start < end => entry[start] ^= 1 << random.below(8),
                    3 => {
                        let second = NOW.0.wrapping_add_signed(random.below(2000) as i32 - 1000);
                        entry.splice(..4.min(entry.len()), second.to_le_bytes());
                    }
                    _ => {
                        let odd = odd_integer(random).to_le_bytes();
                        entry[start..end]
                            .iter_mut()
                            .zip(odd.iter().cycle())
                            .for_each(|(byte, &odd)| *byte = odd);
                    }
                }
            }
            _ => entries.push((0..[22, 16, 17][random.below(3)]).map(|_| random.next() as u8).collect()),
        }
    }
}

fn fnv1a(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, &byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

fn checksum(bytes: &[u8]) -> u32 {
    fnv1a(&bytes[HEADER..]) ^ fnv1a(&bytes[..10])
}

/// States length and checksum as they are.
fn seal(bytes: &mut [u8]) {
    let len = bytes.len() as u32;
    bytes[6..10].copy_from_slice(&len.to_le_bytes());
    let sum = checksum(bytes);
    bytes[10..14].copy_from_slice(&sum.to_le_bytes());
}

/// Whether magic, version, length and checksum hold.
fn is_sealed(bytes: &[u8]) -> bool {
    bytes.len() >= HEADER
        && bytes.len() <= Profile::MAX_BYTES
        && bytes.starts_with(b"NSPF\x01\x00")
        && bytes[6..10] == (bytes.len() as u32).to_le_bytes()
        && bytes[10..14] == checksum(bytes).to_le_bytes()
}

struct ProfileCase {
    bytes: Vec<u8>,
    now: Seconds,
    other: usize,
}

fn profile_case(valid: &[Parts], random: &mut Random) -> ProfileCase {
    let mut parts = valid[random.below(valid.len())].clone();
    for _ in 0..=random.below(4) {
        parts.mutate(random);
    }
    let mut counts = parts.entries.each_ref().map(|entries| entries.len() as u16);
    if random.below(8) == 0 {
        counts[random.below(3)] = odd_integer(random) as u16;
    }
    let mut bytes = parts.bytes(counts);
    match random.below(16) {
        0 => bytes.truncate(HEADER + random.below(bytes.len() - HEADER)),
        1 => bytes.extend(random.next().to_le_bytes()),
        _ => {}
    }
    seal(&mut bytes);
    match random.below(16) {
        0 => {
            let at = random.below(bytes.len());
            bytes[at] ^= 1 << random.below(8);
        }
        1 => bytes.truncate(random.below(bytes.len())),
        _ => {}
    }
    let now = if random.below(8) == 0 { Seconds(odd_integer(random) as u32) } else { NOW };
    ProfileCase { bytes, now, other: random.below(valid.len()) }
}

#[test]
fn mutations_of_profiles_are_refused_or_valid() {
    let readers = readers();
    let valid: Vec<_> = readers.iter().map(|profile| Parts::of(&profile.encode())).collect();
    for (parts, profile) in valid.iter().zip(&readers) {
        let mut bytes = parts.bytes(parts.entries.each_ref().map(|entries| entries.len() as u16));
        seal(&mut bytes);
        assert_eq!(bytes, profile.encode(), "the parts are understood");
    }
    let candidates = list(&mut Random(2), 12);
    let mut ranker = ranker();
    let attempt = |case: &ProfileCase| {
        let ProfileCase { bytes, now, other } = case;
        let mut profile = match Profile::decode(bytes, *now) {
            Ok(profile) => profile,
            Err(_) if is_sealed(bytes) => return Outcome::Body,
            Err(_) => return Outcome::Header,
        };
        assert!(is_sealed(bytes));
        assert!(profile.clicks().len() <= 50 && profile.views().len() <= 300 && profile.hides().len() <= 20);
        assert!(profile.clicks().is_sorted_by_key(|click| (click.second, click.id)));
        assert!(profile.views().is_sorted_by_key(|view| (view.second, view.id)));
        assert!(profile.hides().is_sorted_by_key(|hide| (hide.second, hide.id)));
        let seconds = (profile.clicks().iter().map(|click| click.second))
            .chain(profile.views().iter().map(|view| view.second))
            .chain(profile.hides().iter().map(|hide| hide.second));
        for second in seconds {
            assert!(second.since(*now) <= 600 && now.since(second) < 30 * 86_400);
        }
        assert_eq!(Profile::decode(&profile.encode(), *now).as_ref(), Ok(&profile));
        let (mut merged, mut other) = (profile.clone(), readers[*other].clone());
        merged.merge(&other);
        other.merge(&profile);
        assert_eq!(merged, other);
        profile.set_space(SpaceId::new(SPACE));
        let order = ranker.rank(&candidates, &profile, &Policy::default(), *now).expect("it ranks");
        assert_permutation(order, candidates.len());
        Outcome::Taken
    };
    trials::run("profiles", 20_000, MOST_BYTES, |random| profile_case(&valid, random), attempt);
}

/// Names that have broken programs: JavaScript's, halves of surrogate pairs as an encoder passes them on, ends of planes,
/// direction marks, control characters.
const ODD_NAMES: [&str; 14] = [
    "",
    " ",
    "__proto__",
    "constructor",
    "\u{fffd}",
    "\u{fffd}\u{fffd}",
    "\u{d7ff}\u{e000}",
    "\u{10ffff}",
    "\u{feff}id",
    "\u{202e}di",
    "a\0b",
    "\n",
    "e\u{301}",
    "\u{e9}",
];

#[derive(Clone)]
struct Row {
    id: String,
    topic: String,
    subtopic: String,
    vector: String,
    /// In place of the text.
    bytes: Option<Vec<u8>>,
    numbers: [f64; 4],
    pinned: bool,
    fixed: bool,
}

impl Row {
    fn of(article: &Article) -> Self {
        Self {
            id: article.id.clone(),
            topic: article.topic.into(),
            subtopic: article.subtopic.clone(),
            vector: article.vector_text.clone(),
            bytes: None,
            numbers: [article.published_ms, article.shows, article.clicks, f64::NAN],
            pinned: false,
            fixed: false,
        }
    }

    fn push(&self, candidates: &mut Candidates) {
        let [published_ms, shows, clicks, score] = self.numbers;
        let Self { id, topic, subtopic, vector, pinned, fixed, .. } = self;
        let (pinned, fixed) = (*pinned, *fixed);
        let candidate =
            Candidate { id, topic, subtopic, vector, published_ms, shows, clicks, score, pinned, fixed };
        match &self.bytes {
            Some(bytes) => candidates.push_with_vector(&candidate, bytes),
            None => candidates.push(&candidate),
        }
    }

    fn mutate_vector(&mut self, random: &mut Random) {
        let at = random.below(self.vector.len().max(1));
        let at = (0..=at).rfind(|&at| self.vector.is_char_boundary(at)).unwrap_or(0);
        match random.below(8) {
            0 => self.vector.truncate(at),
            1 => self.vector.insert(at, ['!', '=', '-', '\u{e9}', 'A', ' '][random.below(6)]),
            2 => self.vector.push_str(["=", "==", "AAAA", "A", "\n"][random.below(5)]),
            3 => self.vector = BASE64_STANDARD.encode([0; 64]),
            4 => self.vector = BASE64_STANDARD.encode([128; 64]),
            5 => self.vector = "A".repeat(random.below(5000)),
            6 => self.vector.clear(),
            _ => self.bytes = Some(vec![random.next() as u8; [0, 1, 63, 64, 64, 65, 4096][random.below(7)]]),
        }
    }
}

struct ListCase {
    rows: Vec<Row>,
    space: &'static str,
    policy: Policy,
    reader: usize,
    now: Seconds,
}

fn policy(random: &mut Random) -> Policy {
    let float = |random: &mut Random| match random.below(4) {
        0 => odd_float(random) as f32,
        _ => random.unit() as f32 * 8.0,
    };
    Policy {
        strength: float(random),
        k: (random.below(2) > 0).then(|| float(random)),
        minimum_evidence: float(random),
        maximum_displacement: (random.below(4) > 0).then(|| odd_integer(random) as usize),
        topic_cap: (random.below(2) > 0).then(|| TopicCap {
            limit: random.below(20),
            window: 1 + if random.below(4) == 0 {
                odd_integer(random) as usize / 2
            } else {
                random.below(20)
            },
        }),
    }
}

fn list_case(articles: &[Article], random: &mut Random) -> ListCase {
    let len = if random.below(64) == 0 { random.below(300) } else { random.below(40) };
    let first = random.below(articles.len() - len);
    let mut rows: Vec<_> = articles[first..first + len].iter().map(Row::of).collect();
    if random.below(2) > 0 {
        rows.iter_mut().for_each(|row| row.numbers[3] = random.unit() * 8.0 - 4.0);
    }
    for _ in 0..=random.below(8) {
        if rows.is_empty() {
            break;
        }
        let (at, other) = (random.below(rows.len()), random.below(rows.len()));
        match random.below(24) {
            0 => rows[at].id = ODD_NAMES[random.below(ODD_NAMES.len())].into(),
            1 => rows[at].id = [rows[at].id.as_str(), ODD_NAMES[random.below(ODD_NAMES.len())]].concat(),
            2 => rows[at].id = "x".repeat(random.below(10_000)),
            3 if random.below(4) == 0 => rows[at].id = rows[other].id.clone(),
            4 if random.below(4) == 0 => rows.insert(other, rows[at].clone()),
            5 => rows.swap(at, other),
            6 => rows.truncate(at),
            7..9 => rows[at].topic = ODD_NAMES[random.below(ODD_NAMES.len())].into(),
            9 => rows[at].topic = rows[other].topic.clone(),
            10 => rows[at].subtopic = ODD_NAMES[random.below(ODD_NAMES.len())].into(),
            11..15 => rows[at].mutate_vector(random),
            15 => rows[at].pinned = true,
            16 => rows[at].fixed = true,
            _ => rows[at].numbers[random.below(4)] = odd_float(random),
        }
    }
    ListCase {
        rows,
        space: ["", SPACE, SPACE, SPACE, "another"][random.below(5).min(3 + random.below(8) / 7)],
        policy: if random.below(2) > 0 { Policy::default() } else { policy(random) },
        reader: random.below(32),
        now: if random.below(8) == 0 { Seconds(odd_integer(random) as u32) } else { NOW },
    }
}

#[test]
fn mutations_of_candidate_lists_are_refused_or_ranked_within_the_rules() {
    let mut random = Random(3);
    let articles: Vec<_> = (0..400).map(|id| Article::new(&mut random, id)).collect();
    let readers = readers();
    let mut ranker = ranker();
    let attempt = |case: &ListCase| {
        let ListCase { rows, space, policy, reader, now } = case;
        let mut candidates = Candidates::new();
        rows.iter().for_each(|row| row.push(&mut candidates));
        let mut ids = HashSet::new();
        let sound = rows.iter().all(|row| !row.id.is_empty() && ids.insert(&row.id));
        let checked = candidates.check(space, SPACE);
        assert_eq!(checked.is_ok(), sound && *space != "another", "{checked:?}");
        if checked.is_err() {
            return Outcome::Header;
        }
        let order = match ranker.rank(&candidates, &readers[*reader], policy, *now) {
            Ok(order) => order.to_vec(),
            Err(error) => {
                assert!(matches!(error, Error::PolicyRange(_)), "{error}");
                return Outcome::Body;
            }
        };
        assert_permutation(&order, rows.len());
        assert!(order.iter().skip(candidates.ranked()).zip(200..).all(|(&item, slot)| item == slot));
        let movable = |item: &u32| candidates.standings()[*item as usize] == Standing::Movable;
        let ranked = candidates.ranked() as u32;
        let (mut place, mut places) = (0, vec![0usize; candidates.ranked()]);
        for item in (0..ranked).filter(movable) {
            places[item as usize] = place;
            place += 1;
        }
        let mut place = 0;
        for (slot, item) in (0..ranked).zip(&order) {
            if movable(&slot) {
                let moved = places[*item as usize].abs_diff(place);
                assert!(movable(item) && policy.maximum_displacement.is_none_or(|most| moved <= most));
                place += 1;
            } else {
                assert_eq!(slot, *item);
            }
            let explanation = ranker.explain(slot as usize).expect("it was ranked");
            assert!(explanation.score().is_finite() && explanation.features.iter().all(|x| x.is_finite()));
        }
        Outcome::Taken
    };
    trials::run("candidate lists", 20_000, MOST_BYTES, |random| list_case(&articles, random), attempt);
}

/// Runs a hundred cases, one of which is treated by `attempt`.
fn one_of_a_hundred(attempt: impl Fn() -> Outcome) {
    let odd = Random(0).next();
    let attempt = |&case: &u64| if case == odd { attempt() } else { Outcome::Taken };
    trials::run_cases("numbers", 0..100, 1000, Random::next, attempt);
}

#[test]
#[should_panic(expected = "case 0 panics")]
fn one_case_that_panics_fails_the_trial() {
    one_of_a_hundred(|| panic!("as it should here"));
}

#[test]
#[should_panic(expected = "case 0 takes 1001 bytes")]
fn one_case_that_takes_too_much_fails_the_trial() {
    one_of_a_hundred(|| {
        drop(std::hint::black_box(vec![0u8; 1001]));
        Outcome::Taken
    });
}

#[test]
#[should_panic(expected = "most do not pass the header")]
fn cases_that_do_not_get_far_fail_the_trial() {
    trials::run_cases("numbers", 0..100, 1000, Random::next, |_| Outcome::Header);
}
