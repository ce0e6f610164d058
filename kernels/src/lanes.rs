//! The exponential of many numbers, computed without branches so that the compiler can use SIMD. A number's result does not depend on
//! those beside it, and is the same on every machine: sums and products, none of them fused. None is denormal, which a processor
//! may take a hundred times as long over.

/// Below this x, e^x is near enough to the least normal number (1.2e-38) to be 0.
pub const LEAST_EXPONENT: f32 = -87.0;

/// Puts e^x, within 2 units in the last place, in the place of every x, and 0 where x is below [`LEAST_EXPONENT`]. Many at once are
/// faster than in pieces.
#[inline(never)]
pub fn exponentials(numbers: &mut [f32]) {
    // Behind the box they are variables. SIMD constants are what an engine makes anew in every step of a loop.
    let way = core::hint::black_box(CEPHES);
    numbers.iter_mut().for_each(|x| *x = way.exponential(*x));
}

/// One of [`exponentials`].
#[inline(never)]
pub(crate) fn exponential(x: f32) -> f32 {
    CEPHES.exponential(x)
}

/// 2^n e^r, with the integer n nearest to x / ln 2 and what is left, r, of at most ln 2 / 2.
#[derive(Clone, Copy)]
struct Way {
    /// Beyond these e^x is 0, and infinite.
    range: [f32; 2],
    log2_e: f32,
    /// Added to a number below 2^22, it leaves the number's nearest integer in the lowest bits.
    round: f32,
    /// ln 2 as a sum, the first term so short that its products with n are exact.
    ln_2: [f32; 2],
    /// For (e^r - 1 - r) / r², the highest power first.
    polynomial: [f32; 6],
    one: f32,
}

/// S. L. Moshier's, from the Cephes library (`expf.c`).
const CEPHES: Way = Way {
    range: [LEAST_EXPONENT, 89.0],
    log2_e: core::f32::consts::LOG2_E,
    round: 12_582_912.0,
    ln_2: [0.693_359_4, -2.121_944_4e-4],
    polynomial: [1.987_569_2e-4, 1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_6e-1, 0.5],
    one: 1.0,
};

impl Way {
    #[inline(always)]
    fn exponential(self, x: f32) -> f32 {
        let Self { range: [low, high], log2_e, round, ln_2, polynomial: [first, rest @ ..], one } = self;
        // NaN stays.
        let (least, x) = (x < low, if x < low { low } else { x });
        let x = if x > high { high } else { x };
        let shifted = x * log2_e + round;
        let n = shifted - round;
        let r = x - n * ln_2[0] - n * ln_2[1];
        let y = rest.into_iter().fold(first, |y, coefficient| y * r + coefficient) * (r * r) + r + one;
        // Times 2^n by halves, as it may be beyond what one factor can be.
        let n = shifted.to_bits() as i32 - round.to_bits() as i32;
        let half = n >> 1;
        let y = y * power_of_2(half) * power_of_2(n - half);
        if least { 0.0 } else { y }
    }
}

fn power_of_2(exponent: i32) -> f32 {
    f32::from_bits(((exponent + 127) << 23) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_near(numbers: [f32; 9]) {
        let mut found = numbers;
        exponentials(&mut found);
        for (x, found) in numbers.into_iter().zip(found) {
            let alone = exponential(x);
            assert!(alone.to_bits() == found.to_bits() || alone.is_nan(), "{x:?} alone");
            let exact = if x < LEAST_EXPONENT { 0.0 } else { libm::exp(f64::from(x)) };
            assert!(!found.is_subnormal(), "e^{x:?}: {found:?}");
            let expected = exact as f32;
            let unit = f64::from(expected.next_up()) - f64::from(expected);
            let near = found == expected || (f64::from(found) - exact).abs() < 2.0 * unit;
            assert!(near || (x.is_nan() && found.is_nan()), "e^{x:?}: {found:?} is not {expected:?}");
        }
    }

    fn check_every(step: u32) {
        for first in (0..=u32::MAX - 9 * step).step_by(9 * step as usize) {
            assert_near(std::array::from_fn(|i| f32::from_bits(first + i as u32 * step)));
        }
    }

    #[test]
    fn exponentials_are_near_for_floats_of_all_sizes() {
        check_every(1009);
    }

    #[test]
    #[ignore = "four billion floats"]
    fn exponentials_are_near_for_every_float() {
        check_every(1);
    }

    #[test]
    fn exponentials_are_near_at_their_ends() {
        // The least with a result, with a normal one, the greatest with a finite one, the clamp, infinity and the first NaN.
        for edge in [0, 0x42ae_0000, 0x42ae_ac50, 0x42b1_7218, 0x42b2_0000, 0x42cf_f1b5, 0x7f80_0000_u32] {
            for sign in [0, 1 << 31] {
                assert_near(std::array::from_fn(|i| {
                    f32::from_bits((edge.wrapping_add(i as u32).wrapping_sub(4)) ^ sign)
                }));
            }
        }
    }
}
