//! What the cosines of one candidate with a reader's clicks come to.

/// Statistics of a candidate's cosines; all 0 without clicks.
#[derive(Debug, Default, Clone, Copy)]
pub struct Cosines {
    /// The mean.
    pub mean: f32,
    /// The largest.
    pub max: f32,
    /// The mean of the three largest, or of what there is.
    pub top3: f32,
    /// The mean weighted by attention.
    pub attention: f32,
    /// The sum weighted by recency.
    pub recent: f32,
    /// The sum weighted by the session clock.
    pub session: f32,
}

impl Cosines {
    /// Of the cosines and, in the same order, the candidate's attention on the clicks and their weights on both clocks.
    #[inline(never)]
    pub fn of(cosines: &[f32], attention: &[f32], recency: &[f32], session: &[f32]) -> Self {
        if cosines.is_empty() {
            return Self::default();
        }
        // One pass, so that the sums, each a chain of additions in the clicks' order, run beside one another.
        let (mut sum, mut recent, mut in_session, mut attended, mut attentions) = (0.0, 0.0, 0.0, 0.0, 0.0);
        let (mut first, mut second, mut third) = (f32::NEG_INFINITY, f32::NEG_INFINITY, f32::NEG_INFINITY);
        let weights = attention.iter().zip(recency).zip(session);
        for (&cosine, ((weight, recent_weight), session_weight)) in cosines.iter().zip(weights) {
            sum += cosine;
            recent += cosine * recent_weight;
            in_session += cosine * session_weight;
            attended += weight * cosine;
            attentions += weight;
            // Mostly it is none of the largest three.
            if cosine > third {
                if cosine > second {
                    third = second;
                    (first, second) = if cosine > first { (cosine, first) } else { (first, cosine) };
                } else {
                    third = cosine;
                }
            }
        }
        let (mut largest, mut count) = (0.0, 0_u32);
        for cosine in [first, second, third].into_iter().filter(|cosine| cosine.is_finite()) {
            (largest, count) = (largest + cosine, count + 1);
        }
        Self {
            mean: sum / cosines.len() as f32,
            max: first,
            top3: largest / count as f32,
            attention: attended / attentions,
            recent,
            session: in_session,
        }
    }
}
