//! What the profile promises: merges that are a union whatever their order, an erase that nothing undoes, bounds and ends.

use nearside::{ArticleId, Dwell, Profile, Seconds, SpaceId, TopicId, Vector};
use proptest::prelude::*;

const NOW: u32 = 1_700_000_000;

/// An event: what, which article, how long ago, a number for the payload.
type Event = (u8, u8, u32, u8);

fn events(most: usize) -> impl Strategy<Value = Vec<Event>> {
    prop::collection::vec((0u8..5, 0u8..8, 0u32..400, 0u8..4), 0..most)
}

fn record(profile: &mut Profile, &(what, article, ago, payload): &Event) {
    let at = Seconds(NOW - ago);
    let id = ArticleId(u64::from(article));
    let topic = TopicId(u32::from(payload % 3));
    let vector = (payload > 1).then_some(Vector([payload as i8; 64]));
    match what {
        0 => profile.view(id, topic, at),
        1 => profile.click(id, topic, TopicId(u32::from(payload)), vector, at),
        2 => {
            profile.dwell(id, Dwell::from_seconds(f64::from(payload) * 20.0).expect("not negative"), at);
        }
        3 => profile.hide(id, topic, vector, at),
        _ => profile.unhide(id, at),
    }
}

fn profile(generation: u8, space: u8, events: &[Event]) -> Profile {
    let mut profile = Profile::new();
    (0..generation).for_each(|_| profile.erase());
    profile.set_space(SpaceId(u64::from(space)));
    events.iter().for_each(|event| record(&mut profile, event));
    profile
}

fn profiles(most: usize) -> impl Strategy<Value = Profile> {
    (prop_oneof![8 => Just(0u8), 1 => Just(1)], prop_oneof![4 => Just(1u8), 1 => 0u8..3], events(most))
        .prop_map(|(generation, space, events)| profile(generation, space, &events))
}

fn merged(a: &Profile, b: &Profile) -> Profile {
    let mut merged = a.clone();
    merged.merge(b);
    merged
}

/// A profile near or over its bounds: hundreds of articles, each at its own second.
fn full(first: u32, len: u32) -> Profile {
    let mut profile = Profile::new();
    for i in first..first + len {
        let (id, at) = (ArticleId(u64::from(i)), Seconds(NOW - 1000 + i % 500));
        profile.view(id, TopicId(i % 7 + 1), at);
        profile.click(id, TopicId(i % 7 + 1), TopicId(i % 3), Some(Vector([i as i8; 64])), at);
        profile.hide(id, TopicId(i % 7 + 1), None, at);
    }
    profile
}

fn assert_laws(a: &Profile, b: &Profile, c: &Profile) {
    assert_eq!(merged(a, b), merged(b, a), "commutative");
    assert_eq!(merged(&merged(a, b), c), merged(a, &merged(b, c)), "associative");
    assert_eq!(&merged(a, a), a, "idempotent");
    assert_eq!(merged(&merged(a, b), b), merged(a, b), "absorbing");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn merging_is_commutative_associative_and_idempotent(
        a in profiles(40), b in profiles(40), c in profiles(40),
    ) {
        assert_laws(&a, &b, &c);
    }

    #[test]
    fn the_laws_hold_for_full_sets(starts in prop::array::uniform3(0u32..400), lens in prop::array::uniform3(0u32..400)) {
        let [a, b, c] = [0, 1, 2].map(|i| full(starts[i], lens[i]));
        assert_laws(&a, &b, &c);
    }

    #[test]
    fn events_in_two_tabs_are_the_events_of_one(a in events(30), b in events(30)) {
        let views_and_clicks = |events: &[Event]| events.iter().copied().filter(|event| event.0 < 2).collect::<Vec<_>>();
        let (a, b) = (views_and_clicks(&a), views_and_clicks(&b));
        let both = profile(0, 1, &[a.clone(), b.clone()].concat());
        prop_assert_eq!(merged(&profile(0, 1, &a), &profile(0, 1, &b)), both);
    }

    #[test]
    fn bytes_lead_back_to_the_profile(profile in profiles(400)) {
        let bytes = profile.encode();
        prop_assert!(bytes.len() <= 12 * 1024);
        prop_assert_eq!(Profile::decode(&bytes, Seconds(NOW)), Ok(profile));
    }

    #[test]
    fn any_bytes_are_refused_or_a_valid_profile(mut bytes in prop::collection::vec(any::<u8>(), 0..400), now in any::<u32>()) {
        prop_assert!(Profile::decode(&bytes, Seconds(now)).is_err());
        bytes.splice(0..0, *b"NSPF\x01\x00");
        prop_assert!(Profile::decode(&bytes, Seconds(now)).is_err());
    }

    #[test]
    fn entries_are_bounded_sorted_and_never_far_from_now(events in events(900), now in NOW - 500..NOW + 500) {
        let mut profile = profile(0, 1, &events);
        profile.expire(Seconds(now));
        prop_assert!(profile.clicks().len() <= 50 && profile.views().len() <= 300 && profile.hides().len() <= 20);
        prop_assert!(profile.clicks().is_sorted_by_key(|click| (click.second, click.id)));
        prop_assert!(profile.views().is_sorted_by_key(|view| (view.second, view.id)));
        prop_assert!(profile.hides().is_sorted_by_key(|hide| (hide.second, hide.id)));
        prop_assert!(profile.views().iter().all(|view| view.second.0 <= now + 600));
    }
}

#[test]
fn erase_wins_over_every_older_copy() {
    let mut old = full(0, 100);
    old.set_space(SpaceId(7));
    let mut erased = old.clone();
    erased.erase();
    assert_eq!(
        (erased.clicks().len(), erased.views().len(), erased.hides().len(), erased.generation()),
        (0, 0, 0, 1)
    );
    assert_eq!((old.generation(), erased.space()), (0, old.space()));
    assert_eq!(merged(&erased, &old), erased);
    assert_eq!(merged(&old, &erased), erased);
    let mut again = erased.clone();
    record(&mut again, &(1, 1, 0, 0));
    assert_eq!(merged(&old, &again), again);
}

/// What version 1 wrote at noon of 1 December 2026. Every later version reads it: the file stays as it is.
#[test]
fn a_record_of_version_1_is_read_by_every_later_version() {
    const RECORD: &[u8] = include_bytes!("fixtures/profile-version-1.bin");
    const NOON: Seconds = Seconds(1_796_126_400);
    let profile = Profile::decode(RECORD, NOON).expect("it is read");
    assert!(!Profile::is_later(RECORD));
    assert_eq!((profile.clicks().len(), profile.views().len(), profile.hides().len()), (7, 5, 2));
    assert_eq!(profile.clicks().iter().filter(|click| click.vector.is_some()).count(), 6);
    assert_eq!(profile.clicks()[0].second, Seconds(NOON.0 - 3000 * 60));
    assert_eq!([5, 6].map(|i| profile.clicks()[i].topic), ["science", "sports"].map(TopicId::new));
    assert_eq!(profile.hides().iter().filter(|hide| hide.hidden).count(), 1);
    // What is written of it is of the newest version, and the same history.
    assert_eq!(Profile::decode(&profile.encode(), NOON), Ok(profile));
}

#[test]
fn a_new_space_keeps_topics_and_loses_vectors() {
    let mut profile = profile(0, 1, &[(1, 1, 5, 3), (3, 2, 5, 3)]);
    profile.set_space(SpaceId(1));
    assert!(profile.clicks()[0].vector.is_some() && profile.hides()[0].vector.is_some());
    profile.set_space(SpaceId(2));
    assert!(profile.clicks()[0].vector.is_none() && profile.hides()[0].vector.is_none());
    assert_eq!(profile.clicks()[0].subtopic, TopicId(3));
    assert_eq!(profile.space(), SpaceId(2));
}

#[test]
fn dwell_attaches_to_the_latest_click_of_its_article_within_a_day() {
    let mut profile = profile(0, 1, &[(1, 1, 300, 0), (1, 2, 200, 0), (1, 1, 100, 0)]);
    let dwell = |seconds| Dwell::from_seconds(seconds).unwrap();
    let one = ArticleId(1);
    assert!(profile.dwell(one, dwell(30.0), Seconds(NOW)));
    assert!(profile.dwell(one, dwell(12.0), Seconds(NOW)), "the longest stays");
    let dwells = |profile: &Profile| profile.clicks().iter().map(|click| click.dwell).collect::<Vec<_>>();
    assert_eq!(dwells(&profile), [Dwell::UNKNOWN, Dwell::UNKNOWN, dwell(30.0)]);
    assert!(!profile.dwell(ArticleId(3), dwell(30.0), Seconds(NOW)));
    assert!(profile.dwell(one, dwell(31.0), Seconds(NOW - 100 + 86_400)));
    assert!(!profile.dwell(one, dwell(32.0), Seconds(NOW - 100 + 86_401)));
    assert_eq!(dwells(&profile)[2], dwell(31.0));
}

#[test]
fn dwell_weighs_little_below_ten_seconds_and_fully_from_fifty() {
    let weight = |seconds| Dwell::from_seconds(seconds).unwrap().weight();
    assert_eq!([0.0, 9.9, 10.0].map(weight), [0.2; 3]);
    assert!((weight(30.0) - 0.6).abs() < 1e-6 && weight(49.0) < 1.0);
    assert_eq!([50.0, 300.0, 1e9, f64::INFINITY].map(weight), [1.0; 4]);
    assert_eq!(Dwell::from_seconds(1e9), Dwell::from_seconds(300.0));
    assert_ne!(Dwell::from_seconds(299.0), Dwell::from_seconds(300.0));
    assert_eq!(Dwell::UNKNOWN.weight(), 1.0);
    assert_eq!([Dwell::from_seconds(-1.0), Dwell::from_seconds(f64::NAN)], [None; 2]);
}

#[test]
fn the_readers_last_word_on_an_article_counts_whatever_the_second() {
    let mut profile = profile(0, 1, &[(3, 1, 0, 2)]);
    profile.unhide(ArticleId(1), Seconds(NOW));
    assert!(!profile.hides()[0].hidden);
    let earlier_copy = self::profile(0, 1, &[(3, 1, 0, 2)]);
    assert!(!merged(&profile, &earlier_copy).hides()[0].hidden);
    profile.hide(ArticleId(1), TopicId(1), None, Seconds(NOW));
    assert!(profile.hides()[0].hidden && profile.hides().len() == 1);
    profile.unhide(ArticleId(7), Seconds(NOW));
    assert_eq!(profile.hides().len(), 1, "there was nothing to withdraw");
}

#[test]
fn clicks_and_views_in_one_second_are_one() {
    let profile = profile(0, 1, &[(1, 1, 5, 0), (1, 1, 5, 3), (0, 1, 5, 0), (0, 1, 5, 1), (1, 2, 5, 0)]);
    assert_eq!((profile.clicks().len(), profile.views().len()), (2, 1));
    assert!(profile.clicks()[0].vector.is_some(), "fields are joined by their maximum");
    assert_eq!(profile.views()[0].topic, TopicId(1));
}

/// All but the vectors and their space.
fn without_vectors(profile: &Profile) -> Profile {
    let mut bare = profile.clone();
    let other = SpaceId(profile.space().0 ^ 1);
    bare.set_space(other);
    bare.set_space(SpaceId(9));
    bare
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn what_is_added_to_a_record_is_there_and_adding_it_again_changes_nothing(a in profiles(40), b in profiles(40), record in profiles(40)) {
        let once = a.added_to(&record);
        prop_assert_eq!(&a.added_to(&once), &once, "idempotent");
        prop_assert_eq!(&once.added_to(&once), &once);
        prop_assert_eq!(without_vectors(&once), without_vectors(&merged(&a, &record)), "the same entries as a merge");
        // Two pages that know what they know can go on for ever: each adds once, then neither has anything to add.
        let (mut known_a, mut known_b) = (a.clone(), b.clone());
        let mut stored = record;
        let mut writes = 0;
        for _ in 0..4 {
            for known in [&mut known_a, &mut known_b] {
                let mut learned = stored.clone();
                learned.set_space(known.space());
                known.merge(&learned);
                let next = known.added_to(&stored);
                writes += u32::from(next != stored);
                stored = next;
            }
        }
        prop_assert!(writes <= 3, "{} writes", writes);
    }

    #[test]
    fn a_record_keeps_its_vectors_beside_pages_of_another_space(
        spaces in (1u8..4, 1u8..4), mine in events(40), theirs in events(40),
    ) {
        let (own, record) = (profile(0, spaces.0, &mine), profile(0, spaces.1, &theirs));
        let has_vectors = |profile: &Profile| profile.clicks().iter().any(|click| click.vector.is_some())
            || profile.hides().iter().any(|hide| hide.vector.is_some());
        let sum = own.added_to(&record);
        if has_vectors(&record) {
            prop_assert_eq!(sum.space(), record.space());
            for click in record.clicks() {
                let kept = sum.clicks().iter().find(|kept| (kept.second, kept.id) == (click.second, click.id));
                prop_assert!(kept.is_none_or(|kept| kept.vector.is_some() || click.vector.is_none()));
            }
        }
        if spaces.0 != spaces.1 && !has_vectors(&record) && has_vectors(&own) {
            prop_assert_eq!(sum.space(), own.space());
        }
    }
}

#[test]
fn a_record_moves_to_another_space_with_the_first_vector_after_an_hours_rest() {
    let at = |space: u8, ago: u32| profile(0, space, &[(1, space, ago, 3)]);
    let (old, soon, later) =
        (at(1, 4000), at(2, 4000 - Profile::SPACE_REST), at(2, 3999 - Profile::SPACE_REST));
    let sum = soon.added_to(&old);
    assert_eq!((sum.space(), sum.clicks().len()), (SpaceId(1), 2));
    assert!(sum.clicks()[0].vector.is_some() && sum.clicks()[1].vector.is_none());
    let sum = later.added_to(&old);
    assert_eq!((sum.space(), sum.clicks().len()), (SpaceId(2), 2));
    assert!(sum.clicks()[0].vector.is_none() && sum.clicks()[1].vector.is_some());
    // Who still has the old vectors does not move it back.
    assert_eq!(at(1, 4000).added_to(&sum), sum);
    let bare = profile(0, 2, &[(0, 1, 5, 3)]);
    assert_eq!(bare.added_to(&profile(0, 1, &[(0, 2, 5, 3)])).space(), SpaceId(1), "nothing to move for");
}

#[test]
fn generations_end_and_stay() {
    let mut profile = Profile::new();
    profile.erase();
    let mut bytes = profile.encode();
    bytes[14..18].copy_from_slice(&Profile::MAX_GENERATION.to_le_bytes());
    // The checksum is FNV-1a: see the layout.
    let fnv = |bytes: &[u8]| {
        bytes.iter().fold(0x811c_9dc5u32, |sum, &byte| (sum ^ u32::from(byte)).wrapping_mul(0x0100_0193))
    };
    let sum = fnv(&bytes[14..]) ^ fnv(&bytes[..10]);
    bytes[10..14].copy_from_slice(&sum.to_le_bytes());
    let mut last = Profile::decode(&bytes, Seconds(NOW)).expect("the last one counts");
    record(&mut last, &(1, 1, 5, 0));
    last.erase();
    assert_eq!((last.generation(), last.clicks().len()), (Profile::MAX_GENERATION, 0));
}
