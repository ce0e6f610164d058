//! `libm`'s exponential, side by side: the same bits for every float, computed without branches so that the compiler can use
//! SIMD.

/// Numbers that are computed side by side.
const LANES: usize = 8;

// As in `libm`, which has them from FreeBSD's msun.
const INVERSE_LN_2: f32 = core::f32::consts::LOG2_E;
const LN_2_HIGH: f32 = 6.931_457_5e-1;
const LN_2_LOW: f32 = 1.428_606_8e-6;
const P1: f32 = 1.666_662_5e-1;
const P2: f32 = -2.766_733_3e-3;

/// Puts e^x in the place of every x.
#[inline(never)]
pub fn exponentials(numbers: &mut [f32]) {
    let (chunks, rest) = numbers.as_chunks_mut::<LANES>();
    for chunk in chunks {
        exponential(chunk);
    }
    let mut last = [0.0; LANES];
    last.iter_mut().zip(&*rest).for_each(|(lane, &x)| *lane = x);
    exponential(&mut last);
    rest.iter_mut().zip(last).for_each(|(x, lane)| *x = lane);
}

#[inline(never)]
fn exponential(lanes: &mut [f32; LANES]) {
    // Beyond are results that are no normal numbers.
    if !lanes.iter().fold(true, |sound, x| sound & (x.abs() < 87.0)) {
        lanes.iter_mut().for_each(|x| *x = libm::expf(*x));
        return;
    }
    for lane in lanes {
        let (x, size) = (*lane, lane.abs());
        let half = 0.5_f32.copysign(x);
        // More than 1.5 and more than 0.5 of ln 2, as `libm` compares them.
        let far = (INVERSE_LN_2 * x + half) as i32;
        let near = half + half;
        let power = if size.to_bits() > 0x3f85_1592 { far as f32 } else { near };
        let power = if size.to_bits() > 0x3eb1_7218 { power } else { 0.0 };
        let (high, low) = (x - power * LN_2_HIGH, power * LN_2_LOW);
        let reduced = high - low;
        let square = reduced * reduced;
        let c = reduced - square * (P1 + square * P2);
        let y = 1.0 + (reduced * c / (2.0 - c) - low + high);
        let y = if size.to_bits() > 0x3900_0000 { y } else { 1.0 + x };
        // A product with a power of two is exact.
        *lane = y * f32::from_bits(((power as i32 + 127) << 23) as u32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_same(numbers: [f32; 9]) {
        let mut found = numbers;
        exponentials(&mut found);
        for (x, found) in numbers.into_iter().zip(found) {
            assert_eq!(found.to_bits(), libm::expf(x).to_bits(), "e^{x:?}");
        }
    }

    fn check_every(step: u32) {
        for first in (0..=u32::MAX - 9 * step).step_by(9 * step as usize) {
            assert_same(std::array::from_fn(|i| f32::from_bits(first + i as u32 * step)));
        }
    }

    #[test]
    fn exponentials_have_the_bits_of_libm() {
        check_every(1009);
    }

    #[test]
    #[ignore = "four billion floats"]
    fn exponentials_have_the_bits_of_libm_for_every_float() {
        check_every(1);
    }

    #[test]
    fn exponentials_have_the_bits_of_libm_where_it_branches() {
        for edge in [
            0,
            0x3900_0000,
            0x3eb1_7218,
            0x3f85_1592,
            0x42ae_0000,
            0x42ae_ac50,
            0x42b1_7218,
            0x42cf_f1b5,
            0x7f80_0000_u32,
        ] {
            for sign in [0, 1 << 31] {
                assert_same(std::array::from_fn(|i| {
                    f32::from_bits((edge.wrapping_add(i as u32).wrapping_sub(4)) ^ sign)
                }));
            }
        }
    }
}
