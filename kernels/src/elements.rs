//! What is computed element by element, by blocks.

use crate::lanes::{LEAST_EXPONENT, exponential, exponentials};
use crate::matmul;
use crate::rows::{quiet, tail, write};
use crate::walk::Walk;

/// Most elements that are computed between two looks at the operands' strides.
const BLOCK: usize = 256;
/// Nearer to 0 than this (2^-120) a number is 0 to the functions that would take long over it.
const LEAST: f32 = 7.523_164e-37;

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
    /// One over the element.
    Reciprocal,
    /// Not below 0.
    Relu,
    /// Times a constant where it is below 0.
    LeakyRelu(f32),
    /// A constant times e^x - 1 where it is below 0.
    Elu(f32),
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
    /// 0 where it is nearer to 0 than [`matmul::LEAST`]: what a matrix is multiplied by.
    Quiet,
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
    /// Operations a result, see `Planner::emit`: no less than its nanoseconds in a browser, with the elements that take longest. For
    /// what multiplies or divides that is denormal ones; where they cost most (150 cycles for four), no less than theirs.
    pub fn cost(self) -> usize {
        match self {
            Self::Add | Self::Sub | Self::Relu | Self::Truth | Self::Quiet => 1,
            Self::Select | Self::Clip => 2,
            // Copied is what is read out of turn.
            Self::Truncate | Self::Copy => 8,
            Self::Mul | Self::Scale(_) | Self::LeakyRelu(_) => 16,
            Self::Sqrt | Self::Div | Self::Exp => 16,
            Self::Reciprocal | Self::Sigmoid | Self::Elu(_) => 48,
            Self::Tanh => 48,
            Self::Log | Self::Erf | Self::Gelu | Self::GeluTanh => 64,
            Self::Pow => 256,
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
            Self::Relu | Self::Quiet => {
                // Compared is the element, or its absolute value. Not by `max`, which would swallow NaN.
                let (mask, least) =
                    if let Self::Relu = self { (u32::MAX, 0.0) } else { (u32::MAX >> 1, matmul::LEAST) };
                each(a, out, |x| if f32::from_bits(x.to_bits() & mask) < least { 0.0 } else { x });
            }
            Self::Clip => {
                both(a, b, out, |x, low| if x < low { low } else { x });
                out.iter_mut().zip(c).for_each(|(x, &high)| *x = if *x > high { high } else { *x });
            }
            Self::Scale(factor) | Self::LeakyRelu(factor) => {
                // Nothing is at least NaN.
                let whole = if let Self::Scale(_) = self { f32::NAN } else { 0.0 };
                each(a, out, |x| if x >= whole { x } else { x * factor });
            }
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
            Self::Elu(alpha) => each(a, out, |x| if x < 0.0 { alpha * (exponential(x) - 1.0) } else { x }),
            Self::Pow => both(a, b, out, libm::powf),
            _ => {
                let function: fn(f32) -> f32 = match self {
                    Self::Log => libm::logf,
                    Self::Reciprocal => |x| 1.0 / x,
                    Self::Gelu => gelu,
                    Self::GeluTanh => gelu_tanh,
                    Self::Erf => libm::erff,
                    Self::Sigmoid => sigmoid,
                    Self::Truncate => libm::truncf,
                    _ => libm::tanhf,
                };
                let least = if let Self::Log | Self::Reciprocal = self { 0.0 } else { LEAST };
                each(a, out, |x| function(quiet(x, least)));
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

/// Not 0, nor denormal, however far below 0 the element is.
fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exponential(if x < LEAST_EXPONENT { -LEAST_EXPONENT } else { -x }))
}

fn gelu(x: f32) -> f32 {
    0.5 * x * (1.0 + libm::erff(x * core::f32::consts::FRAC_1_SQRT_2))
}

fn gelu_tanh(x: f32) -> f32 {
    const SQRT_2_PI: f32 = 0.797_884_6;
    // Below 2^-40 the cube changes nothing, and would be denormal.
    let y = quiet(x, 9.094_947e-13);
    0.5 * x * (1.0 + libm::tanhf(SQRT_2_PI * (x + 0.044_715 * y * y * y)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::walk::{MAX_RANK, Strides};

    /// Every function of one element, of two constants where it has one.
    const UNARY: [Function; 19] = [
        Function::Copy,
        Function::Sqrt,
        Function::Exp,
        Function::Log,
        Function::Reciprocal,
        Function::Relu,
        Function::LeakyRelu(0.01),
        Function::LeakyRelu(-3.0),
        Function::Elu(1.0),
        Function::Elu(-0.5),
        Function::Gelu,
        Function::GeluTanh,
        Function::Erf,
        Function::Sigmoid,
        Function::Tanh,
        Function::Scale(0.5),
        Function::Quiet,
        Function::Truncate,
        Function::Truth,
    ];

    fn of(function: Function, x: f32) -> f32 {
        let mut out = [f32::INFINITY];
        let walk = Walk::new(&[1], &[[0; MAX_RANK]; 3], 0);
        elements(function, &walk, [&[x], &[], &[]], &mut out);
        out[0]
    }

    /// The function in double precision.
    fn exact(function: Function, x: f32) -> f64 {
        let x = f64::from(x);
        let tanh = |x: f64| libm::tanh(x);
        match function {
            Function::Copy => x,
            Function::Sqrt => libm::sqrt(x),
            Function::Exp => libm::exp(x),
            Function::Log => libm::log(x),
            Function::Reciprocal => 1.0 / x,
            Function::Relu => x.max(0.0),
            Function::LeakyRelu(alpha) => {
                if x < 0.0 {
                    f64::from(alpha) * x
                } else {
                    x
                }
            }
            Function::Elu(alpha) => {
                if x < 0.0 {
                    f64::from(alpha) * libm::expm1(x)
                } else {
                    x
                }
            }
            Function::Gelu => 0.5 * x * (1.0 + libm::erf(x * core::f64::consts::FRAC_1_SQRT_2)),
            Function::GeluTanh => {
                let inner = core::f64::consts::FRAC_2_SQRT_PI * core::f64::consts::FRAC_1_SQRT_2;
                0.5 * x * (1.0 + tanh(inner * (x + 0.044_715 * x * x * x)))
            }
            Function::Erf => libm::erf(x),
            Function::Sigmoid => 1.0 / (1.0 + libm::exp(-x)),
            Function::Tanh => tanh(x),
            Function::Scale(factor) => f64::from(factor) * x,
            Function::Quiet => x,
            Function::Truncate => libm::trunc(x),
            Function::Truth => f64::from(u8::from(x != 0.0)),
            _ => unreachable!("it has more operands"),
        }
    }

    #[test]
    fn functions_are_near_for_elements_of_all_sizes_and_keep_nan() {
        for function in UNARY {
            assert_eq!(of(function, f32::NAN).is_nan(), function != Function::Truth);
            for exponent in -126..=20 {
                for mantissa in [1.0, 1.25, 1.5, 1.9] {
                    for sign in [1.0, -1.0] {
                        let x = sign * mantissa * libm::exp2f(exponent as f32);
                        let (found, expected) = (of(function, x), exact(function, x));
                        let near = (f64::from(found) - expected).abs() <= 2e-6 * expected.abs().max(0.5);
                        let infinite = found == expected as f32;
                        assert!(
                            near || infinite || (found.is_nan() && expected.is_nan()),
                            "{x:e}: {found:e}, not {expected:e}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_below_zero_leaks_or_bends() {
        assert_eq!([-4.0, -0.0, 0.0, 3.0].map(|x| of(Function::LeakyRelu(0.25), x)), [-1.0, 0.0, 0.0, 3.0]);
        assert_eq!([f32::NEG_INFINITY, 0.0, 5.0].map(|x| of(Function::Elu(2.0), x)), [-2.0, 0.0, 5.0]);
        assert_eq!(of(Function::Scale(-1.0), 0.0).to_bits(), (-0.0_f32).to_bits());
        assert_eq!(
            [0.0, -0.0, 4.0].map(|x| of(Function::Reciprocal, x)),
            [f32::INFINITY, f32::NEG_INFINITY, 0.25]
        );
        assert_eq!(of(Function::LeakyRelu(0.5), f32::NEG_INFINITY), f32::NEG_INFINITY);
    }

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
