//! What the server's order and numbers say of each candidate: its log-odds of a click, in the server's own order.

use crate::candidate::{Candidates, Counts, Standing};

/// Shows by which a click-through rate is shrunk to the list's pooled rate (DESIGN: measured on real impressions).
const PRIOR_SHOWS: f64 = 30.0;
/// Least step down from one place of the server's order to the next, in log-odds: so `w = 0` is exactly the server's order.
const LEAST_STEP: f64 = 0.02;
/// Log-odds are kept within ± this; e^-30 is no rate that anyone has counted.
const BOUND: f64 = 30.0;

/// The server's log-odds of a click, for each ranked candidate, and the buffers behind them.
#[derive(Debug, Default)]
pub(crate) struct ServerLogits {
    logits: Vec<f32>,
    /// Runs of the isotonic projection: sum, length.
    runs: Vec<(f64, u32)>,
}

impl ServerLogits {
    /// One number a ranked candidate. Over the movable ones, in the server's order, they fall by at least 0.02 from one to the next.
    pub(crate) fn get(&self) -> &[f32] {
        &self.logits
    }

    /// Computes them from one source for the whole list: `score` where every sound item has one, else click-through rates shrunk
    /// to the list's, else `-ln(1 + place)` with places from 0.
    ///
    /// The projection is the least-squares one (pool adjacent violators: Ayer et al. 1955), over the movable items. The others keep
    /// their slots, so nothing is to be learnt from where they stand.
    pub(crate) fn update(&mut self, candidates: &Candidates) {
        let raw = Source::of(candidates);
        self.logits.clear();
        self.logits.extend((0..candidates.ranked()).map(|i| raw.logit(candidates, i) as f32));
        self.runs.clear();
        let movable =
            || (0..).zip(candidates.standings()).filter(|&(_, &standing)| standing == Standing::Movable);
        for (place, (i, _)) in movable().enumerate() {
            self.runs.push((raw.logit(candidates, i) + LEAST_STEP * place as f64, 1));
            while let [.., (sum_a, len_a), (sum_b, len_b)] = self.runs[..]
                && sum_a * f64::from(len_b) < sum_b * f64::from(len_a)
            {
                self.runs.pop();
                if let Some(last) = self.runs.last_mut() {
                    *last = (sum_a + sum_b, len_a + len_b);
                }
            }
        }
        let levels = self.runs.iter().flat_map(|&(sum, len)| (0..len).map(move |_| sum / f64::from(len)));
        for ((place, (i, _)), level) in movable().enumerate().zip(levels) {
            self.logits[i] = (level - LEAST_STEP * place as f64) as f32;
        }
    }
}

enum Source {
    Score,
    Rates { pooled: f64 },
    Place,
}

impl Source {
    fn of(candidates: &Candidates) -> Self {
        let sound = |i: &usize| candidates.standings()[*i] != Standing::Faulty;
        let n = candidates.ranked();
        if n > 0 && (0..n).filter(sound).all(|i| !candidates.scores()[i].is_nan()) {
            return Self::Score;
        }
        let (shows, clicks) = candidates
            .counts()
            .iter()
            .flatten()
            .fold((0.0, 0.0), |(shows, clicks), counts| (shows + counts.shows, clicks + counts.clicks));
        if shows > 0.0 { Self::Rates { pooled: clicks / shows } } else { Self::Place }
    }

    fn logit(&self, candidates: &Candidates, i: usize) -> f64 {
        let logit = match *self {
            Self::Score => candidates.scores()[i],
            Self::Rates { pooled } => {
                let Counts { shows, clicks } =
                    candidates.counts()[i].unwrap_or(Counts { shows: 0.0, clicks: 0.0 });
                let expected = clicks + PRIOR_SHOWS * pooled;
                let missed = shows + PRIOR_SHOWS - expected;
                libm::log(expected / missed)
            }
            Self::Place => -libm::log(1.0 + i as f64),
        };
        // A faulty item's score may be absent or infinite; nothing rests on its number.
        if logit.is_nan() { 0.0 } else { logit.clamp(-BOUND, BOUND) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::candidate::Candidate;

    fn logits(items: &[Candidate<'_>]) -> Vec<f32> {
        let mut candidates = Candidates::new();
        items.iter().for_each(|item| candidates.push(item));
        let mut logits = ServerLogits::default();
        logits.update(&candidates);
        logits.get().to_vec()
    }

    fn scored(score: f64) -> Candidate<'static> {
        Candidate { score, ..Candidate::default() }
    }

    fn counted(shows: f64, clicks: f64) -> Candidate<'static> {
        Candidate { shows, clicks, ..Candidate::default() }
    }

    fn assert_close(a: &[f32], b: &[f32]) {
        assert!(
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-5),
            "{a:?} is not {b:?}"
        );
    }

    #[test]
    fn scores_in_order_stay_as_they_are() {
        assert_close(&logits(&[scored(2.0), scored(1.0), scored(-3.0)]), &[2.0, 1.0, -3.0]);
    }

    #[test]
    fn scores_against_the_order_are_pooled_with_a_least_step() {
        assert_close(&logits(&[scored(1.0), scored(2.0)]), &[1.51, 1.49]);
        assert_close(
            &logits(&[scored(5.0), scored(1.0), scored(1.0), scored(-1.0)]),
            &[5.0, 1.01, 0.99, -1.0],
        );
    }

    #[test]
    fn one_missing_score_turns_the_list_to_its_counts_and_no_counts_to_its_places() {
        let both = Candidate { score: 9.0, ..counted(100.0, 10.0) };
        let rate = |clicks: f32, shows: f32| libm::logf(clicks / (shows - clicks));
        assert_close(
            &logits(&[both, counted(70.0, 7.0)]),
            &[rate(13.0, 130.0) + 0.01, rate(10.0, 100.0) - 0.01],
        );
        assert_close(
            &logits(&[scored(9.0), scored(f64::NAN), scored(1.0)]),
            &[0.0, -libm::logf(2.0), -libm::logf(3.0)],
        );
    }

    #[test]
    fn an_article_without_shows_gets_the_pooled_rate() {
        let pooled = libm::logf(0.1 / 0.9);
        assert_close(
            &logits(&[counted(1000.0, 100.0), Candidate::default()]),
            &[pooled + 0.01, pooled - 0.01],
        );
    }

    #[test]
    fn extremes_stay_finite() {
        for items in [
            vec![counted(10.0, 0.0), counted(20.0, 0.0)],
            vec![counted(10.0, 10.0)],
            vec![scored(f64::MAX), scored(f64::MIN)],
            vec![counted(f64::MAX, 0.0), counted(f64::MAX, f64::MAX)],
        ] {
            assert!(logits(&items).iter().all(|x| x.is_finite()), "{items:?}");
        }
    }

    #[test]
    fn items_that_cannot_move_do_not_bend_the_others() {
        let pinned = Candidate { pinned: true, ..scored(-9.0) };
        assert_close(&logits(&[pinned, scored(2.0), pinned, scored(1.0)]), &[-9.0, 2.0, -9.0, 1.0]);
        let faulty = Candidate { score: f64::INFINITY, ..Candidate::default() };
        assert_close(&logits(&[faulty, scored(2.0)]), &[30.0, 2.0]);
    }
}
