//! What is computed element by element, by blocks.

use crate::lanes::{exponential, exponentials};
use crate::rows::{tail, write};
use crate::walk::Walk;

/// Most elements that are computed between two looks at the operands' strides.
const BLOCK: usize = 256;

/// What is computed element by element.
#[derive(Clone, Copy, PartialEq)]
pub enum Function {
    /// Moves or repeats.
    Copy,
    /// The sum.
    Add,
    /// The difference.
    Sub,
    /// The product.
    Mul,
    /// The quotient.
    Div,
    /// The first operand to the power of the second.
    Pow,
    /// The square root.
    Sqrt,
    /// e to the power of the element.
    Exp,
    /// The natural logarithm.
    Log,
    /// Not below 0.
    Relu,
    /// Gelu, by the error function.
    Gelu,
    /// Gelu, by the hyperbolic tangent.
    GeluTanh,
    /// The error function.
    Erf,
    /// 1 / (1 + e^-x).
    Sigmoid,
    /// The hyperbolic tangent.
    Tanh,
    /// Times a constant.
    Scale(f32),
    /// Towards zero, as a cast to an integer rounds.
    Truncate,
    /// 1 where the element is not zero, as a cast to a truth value.
    Truth,
    /// The second operand where the first is not 0, else the third.
    Select,
    /// The first operand, not below the second and not above the third; either may be missing.
    Clip,
}

/// Writes every element of `out` from those of the operands that the walk leads to.
#[inline(never)]
pub fn elements(function: Function, walk: &Walk, operands: [&[f32]; 3], out: &mut [f32]) {
    let strides = walk.row_strides();
    let mut blocks = [[0.0; BLOCK]; 3];
    for (row, mut at) in out.chunks_exact_mut(walk.row()).zip(walk.rows()) {
        for out in row.chunks_mut(BLOCK) {
            let mut loaded = [&[][..]; 3];
            let places = at.iter_mut().zip(strides).zip(operands).zip(&mut blocks);
            for (loaded, (((at, stride), operand), block)) in loaded.iter_mut().zip(places) {
                if operand.is_empty() {
                    break;
                }
                *loaded = load(operand, *at, stride, out.len(), block);
                *at += stride * BLOCK as isize;
            }
            function.apply(loaded, out);
        }
    }
}

/// The operand's next elements, where they lie or gathered in its block.
#[inline(never)]
fn load<'o>(
    operand: &'o [f32],
    at: isize,
    stride: isize,
    length: usize,
    block: &'o mut [f32; BLOCK],
) -> &'o [f32] {
    let behind = tail(operand, if stride < 0 { 0 } else { at });
    let block = block.get_mut(..length).unwrap_or(&mut []);
    match (stride, behind) {
        (0, [first, ..]) => block.fill(*first),
        (1, behind) => return behind.get(..length).unwrap_or(behind),
        (1.., behind) => write_strided(block, behind.iter().step_by(stride as usize)),
        _ => {
            let before = operand.get(..=at as usize).unwrap_or(&[]);
            write_strided(block, before.iter().rev().step_by(stride.unsigned_abs()));
        }
    }
    block
}

fn write_strided<'a>(block: &mut [f32], elements: impl Iterator<Item = &'a f32>) {
    block.iter_mut().zip(elements).for_each(|(place, &x)| *place = x);
}

impl Function {
    /// Operations a result, see `Planner::emit`.
    pub fn cost(self) -> usize {
        match self {
            Self::Copy | Self::Add | Self::Sub | Self::Mul | Self::Scale(_) => 1,
            Self::Relu | Self::Truncate | Self::Truth | Self::Select | Self::Clip => 1,
            Self::Sqrt | Self::Div => 4,
            Self::Pow => 32,
            _ => 16,
        }
    }

    fn apply(self, [a, b, c]: [&[f32]; 3], out: &mut [f32]) {
        match self {
            Self::Copy => write(out, a),
            Self::Add => both(a, b, out, |a, b| a + b),
            Self::Sub => both(a, b, out, |a, b| a - b),
            Self::Mul => both(a, b, out, |a, b| a * b),
            Self::Div => both(a, b, out, |a, b| a / b),
            Self::Sqrt => each(a, out, f32::sqrt),
            // Comparisons, not `max` and `min`, which would swallow NaN.
            Self::Relu => each(a, out, |x| if x < 0.0 { 0.0 } else { x }),
            Self::Clip => {
                both(a, b, out, |x, low| if x < low { low } else { x });
                out.iter_mut().zip(c).for_each(|(x, &high)| *x = if *x > high { high } else { *x });
            }
            Self::Scale(factor) => each(a, out, |x| x * factor),
            Self::Truth => each(a, out, |x| if x == 0.0 { 0.0 } else { 1.0 }),
            Self::Select => {
                write(out, c);
                for (chosen, (&condition, &b)) in out.iter_mut().zip(a.iter().zip(b)) {
                    *chosen = if condition != 0.0 { b } else { *chosen };
                }
            }
            Self::Exp => {
                write(out, a);
                exponentials(out);
            }
            Self::Pow => both(a, b, out, libm::powf),
            _ => {
                let function: fn(f32) -> f32 = match self {
                    Self::Log => libm::logf,
                    Self::Gelu => gelu,
                    Self::GeluTanh => gelu_tanh,
                    Self::Erf => libm::erff,
                    Self::Sigmoid => sigmoid,
                    Self::Truncate => libm::truncf,
                    _ => libm::tanhf,
                };
                each(a, out, function);
            }
        }
    }
}

fn each(a: &[f32], out: &mut [f32], f: impl Fn(f32) -> f32) {
    out.iter_mut().zip(a).for_each(|(out, &a)| *out = f(a));
}

fn both(a: &[f32], b: &[f32], out: &mut [f32], f: impl Fn(f32, f32) -> f32) {
    out.iter_mut().zip(a).zip(b).for_each(|((out, &a), &b)| *out = f(a, b));
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exponential(-x))
}

fn gelu(x: f32) -> f32 {
    0.5 * x * (1.0 + libm::erff(x * core::f32::consts::FRAC_1_SQRT_2))
}

fn gelu_tanh(x: f32) -> f32 {
    const SQRT_2_PI: f32 = 0.797_884_6;
    0.5 * x * (1.0 + libm::tanhf(SQRT_2_PI * (x + 0.044_715 * x * x * x)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::walk::{MAX_RANK, Strides};

    /// A row of `length` elements, read by each operand's stride from where it begins.
    #[test]
    fn rows_of_any_length_are_read_by_any_stride() {
        for length in [1, 2, 7, 64, 255, 256, 257, 511, 513, 600] {
            for strides in [[1, 1], [1, 0], [0, 1], [2, 1], [3, 2], [-1, 1], [-2, 0]] {
                let [a, b] = strides.map(|stride: isize| {
                    let count = (length - 1) * stride.unsigned_abs() + 1;
                    (0..count).map(|i| (i * 7 % 13) as f32).collect::<Vec<_>>()
                });
                let start = if strides[0] < 0 { a.len() as isize - 1 } else { 0 };
                let along =
                    |stride| std::array::from_fn::<_, MAX_RANK, _>(|axis| if axis == 0 { stride } else { 0 });
                let walk: [Strides; 3] = [along(strides[0]), along(strides[1]), along(0)];
                let mut out = vec![f32::NAN; length];
                elements(Function::Sub, &Walk::new(&[length], &walk, start), [&a, &b, &[]], &mut out);
                for (i, found) in (0..).zip(out) {
                    let expected = a[(start + i * strides[0]) as usize] - b[(i * strides[1]) as usize];
                    assert_eq!(found, expected, "{i} of {length} by {strides:?}");
                }
            }
        }
    }
}
