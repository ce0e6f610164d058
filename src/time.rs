//! The clock as an argument: whole seconds since 1970, and ages that are never negative.

/// Whole seconds since 1970, saturating at both ends (1970 and 2106).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seconds(pub u32);

impl Seconds {
    /// One day, in seconds.
    pub const DAY: u32 = 86_400;

    /// From milliseconds since 1970, as JavaScript's `Date.now()` gives them; what is not a number counts as 1970.
    pub fn from_millis(ms: f64) -> Self {
        // `as` saturates and turns NaN into 0.
        Self((ms / 1000.0) as u32)
    }

    /// Seconds since `earlier`; 0 when that lies in the future.
    pub fn since(self, earlier: Self) -> u32 {
        self.0.saturating_sub(earlier.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absurd_clocks_saturate() {
        assert_eq!(Seconds::from_millis(f64::NAN), Seconds(0));
        assert_eq!(Seconds::from_millis(-1.0), Seconds(0));
        assert_eq!(Seconds::from_millis(f64::INFINITY), Seconds(u32::MAX));
        assert_eq!(Seconds::from_millis(1999.9), Seconds(1));
        assert_eq!(Seconds(5).since(Seconds(9)), 0);
    }
}
