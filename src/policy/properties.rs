//! What the ordering promises, for random pins, limits, caps and scores.

use proptest::prelude::*;

use super::*;
use crate::candidate::Candidate;

/// An item of a random list: topic, score, and what it may do (mostly: move).
type Item = (u8, f32, u8);

fn items() -> impl Strategy<Value = Vec<Item>> {
    let score = prop_oneof![4 => -3f32..3.0, 1 => Just(0.0), 1 => Just(1.0)];
    prop::collection::vec((0u8..6, score, 0u8..20), 0..70)
}

fn policies() -> impl Strategy<Value = Policy> {
    let cap = (1usize..4, 1usize..12).prop_map(|(limit, window)| TopicCap { limit, window });
    (prop::option::weighted(0.8, 0usize..15), prop::option::of(cap)).prop_map(
        |(maximum_displacement, topic_cap)| Policy { maximum_displacement, topic_cap, ..Policy::default() },
    )
}

fn list(items: &[Item]) -> Candidates {
    let mut list = Candidates::new();
    for (i, &(topic, _, kind)) in items.iter().enumerate() {
        list.push(&Candidate {
            id: &i.to_string(),
            topic: ["", "a", "b", "c", "d", "e"][usize::from(topic)],
            vector: if kind == 2 { "!" } else { "" },
            pinned: kind == 0,
            fixed: kind == 1,
            ..Candidate::default()
        });
    }
    list
}

fn scores(items: &[Item]) -> Vec<f32> {
    items.iter().map(|item| item.1).collect()
}

fn ordered(candidates: &Candidates, scores: &[f32], policy: &Policy) -> Ordering {
    let mut ordering = Ordering::default();
    ordering.update(candidates, scores, policy);
    ordering
}

/// Places among the movable items, before and after.
fn moves(candidates: &Candidates, order: &[u32]) -> Vec<(usize, usize)> {
    let movable = |&item: &u32| candidates.standings()[item as usize] == Standing::Movable;
    let before: Vec<u32> = (0..candidates.ranked() as u32).filter(movable).collect();
    let after = order.iter().copied().filter(movable);
    after.enumerate().map(|(place, item)| (before.iter().position(|&x| x == item).unwrap(), place)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_order_is_a_permutation_in_which_what_cannot_move_has_not(items in items(), policy in policies()) {
        let candidates = list(&items);
        let ordering = ordered(&candidates, &scores(&items), &policy);
        let mut seen = ordering.order().to_vec();
        seen.sort_unstable();
        prop_assert!(seen.iter().copied().eq(0..items.len() as u32));
        for (slot, &standing) in candidates.standings().iter().enumerate() {
            prop_assert!(standing == Standing::Movable || ordering.order()[slot] as usize == slot);
        }
    }

    #[test]
    fn nothing_moves_farther_than_the_limit(items in items(), policy in policies()) {
        let candidates = list(&items);
        let ordering = ordered(&candidates, &scores(&items), &policy);
        for (from, to) in moves(&candidates, ordering.order()) {
            prop_assert!(policy.maximum_displacement.is_none_or(|limit| from.abs_diff(to) <= limit));
        }
    }

    #[test]
    fn without_limit_or_cap_scores_fall_and_ties_keep_the_servers_order(items in items()) {
        let candidates = list(&items);
        let policy = Policy { maximum_displacement: None, ..Policy::default() };
        let ordering = ordered(&candidates, &scores(&items), &policy);
        let movable = |&&item: &&u32| candidates.standings()[item as usize] == Standing::Movable;
        let order: Vec<u32> = ordering.order().iter().filter(movable).copied().collect();
        for pair in order.windows(2) {
            let [a, b] = [pair[0], pair[1]].map(|item| items[item as usize].1);
            prop_assert!(a > b || (a == b && pair[0] < pair[1]));
        }
    }

    #[test]
    fn scores_in_the_servers_order_change_nothing(items in items(), policy in policies()) {
        let falling: Vec<f32> = (0..items.len()).map(|i| -(i as f32)).collect();
        let ordering = ordered(&list(&items), &falling, &policy);
        prop_assert!(ordering.order().iter().copied().eq(0..items.len() as u32));
    }

    /// Where a window holds more of a topic than the cap and the server's own order allow, nothing else could have stood there: the
    /// item was at its displacement limit, or every other that was left and within reach would have broken the cap, too. What cannot
    /// move counts, before the item and behind it.
    #[test]
    fn a_cap_is_only_broken_where_nothing_else_could_stand(items in items(), policy in policies()) {
        let Some(cap) = policy.topic_cap else { return Ok(()) };
        let candidates = list(&items);
        let ordering = ordered(&candidates, &scores(&items), &policy);
        let order = ordering.order();
        let reach = policy.maximum_displacement.unwrap_or(usize::MAX);
        let topic = |item: u32| items[item as usize].0;
        // The plain way: each window that holds the slot is counted from the beginning.
        let too_many = |item: u32, slot: usize| {
            let whole = cap.window.min(items.len()) - 1;
            topic(item) != 0 && (slot.max(whole)..items.len().min(slot + cap.window)).any(|last| {
                let window = (last + 1).saturating_sub(cap.window)..=last;
                let known = |&at: &usize| at < slot || candidates.standings()[at] != Standing::Movable;
                let others = window.clone().filter(|&at| at != slot).filter(known);
                let here = others.filter(|&at| topic(order[at]) == topic(item)).count() + 1;
                let server = window.filter(|&at| topic(at as u32) == topic(item)).count();
                here > cap.limit.max(server)
            })
        };
        let movable = |&slot: &usize| candidates.standings()[slot] == Standing::Movable;
        let slots: Vec<usize> = (0..items.len()).filter(movable).collect();
        let moved = moves(&candidates, order);
        for (place, &slot) in slots.iter().enumerate() {
            let at_limit = reach.checked_add(moved[place].0) == Some(place);
            if at_limit || !too_many(order[slot], slot) {
                continue;
            }
            for &(from, to) in &moved[place..] {
                prop_assert!(from > place.saturating_add(reach) || too_many(order[slots[to]], slot));
            }
        }
    }

    #[test]
    fn a_bound_tells_the_truth(items in items(), policy in policies()) {
        let candidates = list(&items);
        let ordering = ordered(&candidates, &scores(&items), &policy);
        for (&standing, &bound) in candidates.standings().iter().zip(ordering.bounds()) {
            let true_for = match bound {
                Bound::Pinned => standing == Standing::Pinned,
                Bound::Fixed => standing == Standing::Fixed,
                Bound::Faulty => standing == Standing::Faulty,
                Bound::Displacement => standing == Standing::Movable && policy.maximum_displacement.is_some(),
                Bound::TopicCap => standing == Standing::Movable && policy.topic_cap.is_some(),
                Bound::None | Bound::Unscored => standing == Standing::Movable,
            };
            prop_assert!(true_for, "{:?} of {:?}", bound, standing);
        }
    }
}
