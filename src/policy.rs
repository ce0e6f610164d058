//! What the publisher allows: how strong, how far, how many of a topic, and the ordering that keeps to it by construction.

use crate::candidate::{Candidates, Standing};
use crate::error::Error;
use crate::numbered::numbered;
use nearside_kernels::sort::sort;

/// At most `limit` items of one topic in any `window` consecutive slots of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TopicCap {
    /// Most items of one topic; at least 1.
    pub limit: usize,
    /// Slots in a row that are counted together; at least 1.
    pub window: usize,
}

/// The publisher's knobs.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// Weight of the personal part at unlimited evidence, in [0, 10]; 0 turns ranking off.
    pub strength: f32,
    /// Clicks at which half of the strength is reached, in (0, 1000]; `None` for the model's own.
    pub k: Option<f32>,
    /// Least evidence (dwell-weighted clicks) for any change; at least 0.
    pub minimum_evidence: f32,
    /// Farthest an item may move, in slots that are neither pinned nor fixed; `None` for any distance.
    pub maximum_displacement: Option<usize>,
    /// Limit on one topic in a row, if any.
    pub topic_cap: Option<TopicCap>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            strength: 0.8,
            k: None,
            minimum_evidence: 2.0,
            maximum_displacement: Some(10),
            topic_cap: None,
        }
    }
}

/// One number of a policy, for whoever sets it.
#[derive(Debug, Clone, Copy)]
pub struct Knob {
    /// Its name in the SDK's options; behind a dot that of a member's member.
    pub name: &'static str,
    /// The least and the most it may be.
    pub range: [f64; 2],
    /// Whether it counts something.
    pub whole: bool,
    /// What it is where it is left out. `NaN`: the model's own, or none.
    pub default: f64,
}

impl Policy {
    /// The numbers of a policy, in the order in which they are handed over.
    pub const KNOBS: [Knob; 6] = {
        const ANY: f64 = f64::INFINITY;
        const fn knob(name: &'static str, range: [f64; 2], whole: bool, default: f64) -> Knob {
            Knob { name, range, whole, default }
        }
        [
            knob("strength", [0.0, 10.0], false, 0.8),
            knob("k", [1e-6, 1000.0], false, f64::NAN),
            knob("minimumEvidence", [0.0, 1e6], false, 2.0),
            knob("maximumDisplacement", [0.0, ANY], true, 10.0),
            knob("topicCap.limit", [1.0, ANY], true, f64::NAN),
            knob("topicCap.window", [1.0, ANY], true, f64::NAN),
        ]
    };

    /// A policy of the numbers of its knobs; those that are missing are `NaN`.
    pub fn of_numbers(numbers: &[f64]) -> Self {
        let number = |i: usize| numbers.get(i).copied().unwrap_or(f64::NAN);
        let displacement = number(3);
        Self {
            strength: number(0) as f32,
            k: Some(number(1)).filter(|k| !k.is_nan()).map(|k| k as f32),
            minimum_evidence: number(2) as f32,
            maximum_displacement: (displacement != f64::INFINITY).then_some(displacement as usize),
            topic_cap: Some(number(4))
                .filter(|limit| !limit.is_nan())
                .map(|limit| TopicCap { limit: limit as usize, window: number(5) as usize }),
        }
    }

    /// Checks every knob against its range.
    ///
    /// # Errors
    ///
    /// [`Error::PolicyRange`] with the knob's name.
    pub fn check(&self) -> Result<(), Error> {
        let [strength, k, evidence, ..] = Self::KNOBS;
        let within = |Knob { name, range: [least, most], .. }: Knob, value: f32| {
            let inside = (least as f32..=most as f32).contains(&value);
            if inside { Ok(()) } else { Err(Error::PolicyRange(name)) }
        };
        within(strength, self.strength)?;
        within(k, self.k.unwrap_or(1.0))?;
        within(evidence, self.minimum_evidence)?;
        let sound = self.topic_cap.is_none_or(|cap| cap.limit >= 1 && cap.window >= 1);
        if sound { Ok(()) } else { Err(Error::PolicyRange("topicCap")) }
    }
}

numbered! {
    /// What kept an item from standing where its score alone would have put it. The names are the SDK's.
    #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
    pub enum Bound {
        /// Nothing.
        #[default]
        None = "none",
        /// It is pinned, or kept because the reader already sees it.
        Pinned = "pinned",
        /// The publisher said `personalize: false`.
        Fixed = "not_personalizable",
        /// Its vector, counts, score or date cannot be used.
        Faulty = "item_fault",
        /// The displacement limit.
        Displacement = "displacement",
        /// The topic cap.
        TopicCap = "topic_cap",
        /// It moves, but by the server's number alone: it has no vector or no topic.
        Unscored = "unscored",
    }
}

/// An order of a list, and what bound each item. Buffers are reused.
#[derive(Debug, Default)]
pub(crate) struct Ordering {
    order: Vec<u32>,
    bounds: Vec<Bound>,
    /// Slots of the page whose items may move, in page order; also the movable items, in the server's order.
    movable: Vec<u32>,
    keys: Vec<u64>,
    /// Movable items that are not placed yet, as places among the movable, best score first.
    remaining: Vec<u32>,
    placed: Vec<bool>,
}

impl Ordering {
    /// `order[slot]` is the candidate that stands in that slot of the page.
    pub(crate) fn order(&self) -> &[u32] {
        &self.order
    }

    /// What bound each ranked candidate, in the server's order.
    pub(crate) fn bounds(&self) -> &[Bound] {
        &self.bounds
    }

    /// The server's own order, bound by nothing but what cannot move.
    pub(crate) fn set_identity(&mut self, candidates: &Candidates) {
        self.order.clear();
        self.order.extend(0..candidates.len() as u32);
        self.bounds.clear();
        self.bounds.extend(candidates.standings().iter().zip(candidates.scorable()).map(|pair| match pair {
            (Standing::Pinned, _) => Bound::Pinned,
            (Standing::Fixed, _) => Bound::Fixed,
            (Standing::Faulty, _) => Bound::Faulty,
            (Standing::Movable, false) => Bound::Unscored,
            (Standing::Movable, true) => Bound::None,
        }));
    }

    /// Orders the movable candidates by falling `scores` (one a ranked candidate; all finite) within `policy`.
    ///
    /// Items that cannot move keep their slots. Among the other slots, renumbered, places are filled in turn: an item that reaches
    /// its displacement limit is placed now, else the best remaining that may already stand here. At each place at
    /// most one item can be at its limit (the one that came from that far above), so the limit always holds.
    /// A topic cap passes over an item only while another that may stand here is under its cap. Ties keep the server's order.
    pub(crate) fn update(&mut self, candidates: &Candidates, scores: &[f32], policy: &Policy) {
        self.set_identity(candidates);
        let standings = candidates.standings();
        self.movable.clear();
        self.movable
            .extend((0..).zip(standings).filter(|pair| *pair.1 == Standing::Movable).map(|(slot, _)| slot));
        self.keys.clear();
        self.keys
            .extend((0..).zip(&self.movable).map(|(place, &item)| sort_key(scores[item as usize], place)));
        sort(&mut self.keys);
        self.remaining.clear();
        self.remaining.extend(self.keys.iter().map(|&key| key as u32));
        self.placed.clear();
        self.placed.resize(self.movable.len(), false);
        let reach = policy.maximum_displacement.unwrap_or(usize::MAX);
        for place in 0..self.movable.len() {
            let slot = self.movable[place] as usize;
            let at_limit = place.checked_sub(reach).filter(|&from| !self.placed[from]);
            let chosen = match at_limit {
                Some(from) => self.remaining.iter().position(|&remaining| remaining as usize == from),
                None => self.best_for(candidates, policy, place, slot),
            };
            // Of the items 0..=place at most `place` are placed, so there is always one.
            let Some(chosen) = chosen else { break };
            let from = self.remaining[chosen] as usize;
            if at_limit.is_some() && chosen > 0 {
                self.bounds[self.movable[from] as usize] = Bound::Displacement;
            }
            self.placed[from] = true;
            self.order[slot] = self.movable[from];
            self.remaining.remove(chosen);
        }
    }

    /// Where among the remaining the best item is that may stand at `place`, by preference one under its topic cap; those passed
    /// over for it are marked with what bound them.
    fn best_for(
        &mut self,
        candidates: &Candidates,
        policy: &Policy,
        place: usize,
        slot: usize,
    ) -> Option<usize> {
        let within_reach = |from: u32| {
            policy.maximum_displacement.is_none_or(|reach| from as usize <= place.saturating_add(reach))
        };
        let under_cap = |from: u32| {
            let item = self.movable[from as usize] as usize;
            policy.topic_cap.is_none_or(|cap| fits(candidates, &self.order, cap, item, slot))
        };
        let reachable = self.remaining.iter().position(|&from| within_reach(from));
        let chosen =
            self.remaining.iter().position(|&from| within_reach(from) && under_cap(from)).or(reachable)?;
        for &passed in &self.remaining[..chosen] {
            let bound = if within_reach(passed) { Bound::TopicCap } else { Bound::Displacement };
            self.bounds[self.movable[passed as usize] as usize] = bound;
        }
        Some(chosen)
    }
}

/// A number that sorts by falling score, then by place: ties keep the server's order.
fn sort_key(score: f32, place: u32) -> u64 {
    // Adding 0 makes a negative zero a positive one: they tie.
    let bits = (score + 0.0).to_bits();
    // The usual map from floats to integers of the same order: positive numbers fall below the negative ones when negated.
    let falling = if bits >> 31 == 0 { !(bits | 1 << 31) } else { bits };
    (u64::from(falling) << 32) | u64::from(place)
}

/// Whether `item` in `slot` keeps its topic within `cap` in every window that holds the slot: with what was placed before it, and
/// with what cannot move behind it. The cap never asks for less than the server's own order has in a window. Windows begin and end
/// within the page; only a page that is shorter than a window has a shorter one.
fn fits(candidates: &Candidates, order: &[u32], cap: TopicCap, item: usize, slot: usize) -> bool {
    let (topics, standings) = (candidates.topics(), candidates.standings());
    let topic = topics[item];
    let first = (slot + 1).saturating_sub(cap.window);
    let last = slot.saturating_add(cap.window).min(topics.len());
    // Behind the slot, what cannot move stands where it stood.
    let stands = |at: usize| {
        at == slot || (at < slot || standings[at] != Standing::Movable) && topics[order[at] as usize] == topic
    };
    let (mut here, mut server) = (0, 0);
    for end in first..last {
        here += usize::from(stands(end));
        server += usize::from(topics[end] == topic);
        if end - first >= cap.window {
            here -= usize::from(stands(end - cap.window));
            server -= usize::from(topics[end - cap.window] == topic);
        }
        let is_whole = end + 1 >= cap.window.min(topics.len());
        if end >= slot && is_whole && here > cap.limit.max(server) && topic.is_some() {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod properties;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::candidate::Candidate;

    /// A list of one letter an item: lower case may move, `P` is pinned, `F` fixed, `X` faulty, `?` has no topic.
    /// The letter in lower case is the topic.
    fn list(letters: &str) -> Candidates {
        const VECTOR: &str = concat!(
            "AQEB", "AQEB", "AQEB", "AQEB", "AQEB", "AQEB", "AQEB", "AQEB", "AQEB", "AQEB", "AQEB", "AQEB",
            "AQEB", "AQEB", "AQEB", "AQEB", "AQEB", "AQEB", "AQEB", "AQEB", "AQEB", "AQ"
        );
        let mut list = Candidates::new();
        for (i, letter) in letters.chars().enumerate() {
            let (id, topic) = (i.to_string(), letter.to_ascii_lowercase().to_string());
            list.push(&Candidate {
                id: &id,
                topic: if letter == '?' { "" } else { &topic },
                vector: if letter == 'X' { "!" } else { VECTOR },
                pinned: letter == 'P',
                fixed: letter == 'F',
                ..Candidate::default()
            });
        }
        list
    }

    fn unlimited() -> Policy {
        Policy { maximum_displacement: None, ..Policy::default() }
    }

    #[track_caller]
    fn check(letters: &str, scores: &[f32], policy: &Policy, order: &[u32], bounds: &[Bound]) {
        let mut ordering = Ordering::default();
        ordering.update(&list(letters), scores, policy);
        assert_eq!((ordering.order(), ordering.bounds()), (order, bounds));
    }

    #[test]
    fn the_best_come_first_and_ties_keep_the_servers_order() {
        use Bound::None as N;
        check("abcd", &[1.0, 3.0, 1.0, 2.0], &unlimited(), &[1, 3, 0, 2], &[N; 4]);
        check("", &[], &unlimited(), &[], &[]);
        check("abc", &[-1.0, -0.0, 0.0], &unlimited(), &[1, 2, 0], &[N; 3]);
    }

    #[test]
    fn a_part_of_a_window_does_not_stand_in_a_caps_way() {
        let capped = Policy { topic_cap: Some(TopicCap { limit: 1, window: 9 }), ..unlimited() };
        let scores = [13.0, 8.0, 10.0, 11.0, 12.0, 9.0, 1.0, 7.0, 5.0, 6.0, 4.0, 3.0, 2.0];
        let mut ordering = Ordering::default();
        ordering.update(&list("ccxeatcdtatac"), &scores, &capped);
        // At the eighth slot `a` (9) would be one too many of the first nine; `t` (8) is not, though the server has no second in the first eight.
        assert_eq!(ordering.order()[..8], [0, 4, 3, 2, 5, 1, 7, 8]);
    }

    #[test]
    fn what_cannot_move_keeps_its_slot() {
        use Bound::{Faulty, Fixed, None as N, Pinned, Unscored};
        check(
            "Pa?FXc",
            &[0.0, 1.0, 2.0, 0.0, 9.0, 3.0],
            &unlimited(),
            &[0, 5, 2, 3, 4, 1],
            &[Pinned, N, Unscored, Fixed, Faulty, N],
        );
    }

    #[test]
    fn nothing_moves_farther_than_the_limit_and_the_bound_says_so() {
        use Bound::{Displacement as D, None as N};
        let within = |limit| Policy { maximum_displacement: Some(limit), ..Policy::default() };
        check("abcde", &[0.0, 1.0, 2.0, 3.0, 4.0], &within(0), &[0, 1, 2, 3, 4], &[D, D, D, D, N]);
        check("abcde", &[0.0, 1.0, 2.0, 3.0, 4.0], &within(1), &[1, 0, 3, 2, 4], &[D, N, D, D, D]);
        check("abc", &[0.0, 2.0, 1.0], &within(2), &[1, 2, 0], &[N, N, N]);
        check(
            "aPPb",
            &[0.0, 0.0, 0.0, 1.0],
            &within(1),
            &[3, 1, 2, 0],
            &[N, Bound::Pinned, Bound::Pinned, N],
        );
    }

    #[test]
    fn a_cap_passes_over_a_topic_while_another_can_stand_there() {
        use Bound::{None as N, TopicCap as C};
        let capped = |limit, window| Policy { topic_cap: Some(TopicCap { limit, window }), ..unlimited() };
        check("bacad", &[0.0, 5.0, 3.0, 4.0, 2.0], &capped(1, 2), &[1, 2, 3, 4, 0], &[N, N, N, C, N]);
        check("bacad", &[0.0, 5.0, 3.0, 4.0, 2.0], &capped(1, 3), &[1, 2, 4, 3, 0], &[N, N, N, C, N]);
        // Only one topic is left: the cap gives way.
        check("baa", &[9.0, 1.0, 2.0], &capped(1, 2), &[0, 2, 1], &[N, N, N]);
        // The server's own order has two in the window: so may ours.
        check("aab", &[1.0, 2.0, 0.0], &capped(1, 2), &[1, 0, 2], &[N, N, N]);
        // An item without topic never counts.
        check("a??", &[1.0, 2.0, 3.0], &capped(1, 9), &[2, 1, 0], &[N, Bound::Unscored, Bound::Unscored]);
    }

    #[test]
    fn a_cap_counts_what_cannot_move_before_and_behind() {
        use Bound::{Faulty as X, Fixed as F, None as N, Pinned as P, TopicCap as C};
        let capped = |limit, window| Policy { topic_cap: Some(TopicCap { limit, window }), ..unlimited() };
        let scores = [1.0, 2.0, 9.0, 3.0, 8.0];
        check("aPbcp", &scores, &capped(1, 3), &[2, 1, 3, 0, 4], &[N, P, N, N, C]);
        // Just before the pin, and one slot farther than the window reaches.
        check("abPcp", &scores, &capped(1, 3), &[3, 1, 2, 0, 4], &[N, N, P, N, C]);
        check("abPcp", &scores, &capped(1, 2), &[4, 3, 2, 1, 0], &[N, N, P, N, N]);
        check("abFcf", &scores, &capped(1, 3), &[3, 1, 2, 0, 4], &[N, N, F, N, C]);
        check("abXcx", &scores, &capped(1, 3), &[3, 1, 2, 0, 4], &[N, N, X, N, C]);
        // The first window that reaches the pin refuses what the later one, in which the server has two, would let stand.
        check(
            "abcPpP",
            &[1.0, 2.0, 3.0, 0.0, 9.0, 0.0],
            &capped(1, 4),
            &[2, 1, 0, 3, 4, 5],
            &[N, N, N, P, C, P],
        );
        // The server's own order has the pin and another in the window: so may ours.
        check("apPb", &[1.0, 2.0, 0.0, 3.0], &capped(1, 3), &[3, 1, 2, 0], &[N, N, P, N]);
        check("ab", &[1.0, 2.0], &capped(1, usize::MAX), &[1, 0], &[N, N]);
    }

    #[test]
    fn knobs_out_of_their_range_are_named() {
        let default = Policy::default;
        assert_eq!(default().check(), Ok(()));
        assert_eq!(Policy { strength: 0.0, k: Some(1000.0), ..default() }.check(), Ok(()));
        for (policy, name) in [
            (Policy { strength: -0.1, ..default() }, "strength"),
            (Policy { strength: f32::NAN, ..default() }, "strength"),
            (Policy { strength: 10.1, ..default() }, "strength"),
            (Policy { k: Some(0.0), ..default() }, "k"),
            (Policy { k: Some(1001.0), ..default() }, "k"),
            (Policy { minimum_evidence: -1.0, ..default() }, "minimumEvidence"),
            (Policy { minimum_evidence: f32::INFINITY, ..default() }, "minimumEvidence"),
            (Policy { topic_cap: Some(TopicCap { limit: 0, window: 5 }), ..default() }, "topicCap"),
            (Policy { topic_cap: Some(TopicCap { limit: 1, window: 0 }), ..default() }, "topicCap"),
        ] {
            assert_eq!(policy.check(), Err(Error::PolicyRange(name)));
        }
    }
}
