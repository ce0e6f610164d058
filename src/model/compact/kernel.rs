//! The loops that the operators come down to. A kernel writes its whole result, from front to back; all sizes were
//! settled when it was planned.

use super::matmul;
use super::memory::{Memory, Source};
use super::operator::{Binary, Unary};
use super::shape::Walk;
use crate::Error;

const LANES: usize = 8;

#[derive(Debug)]
pub(super) enum Kernel {
    /// Moves or repeats elements of the first operand.
    Copy(Walk),
    Binary(Binary, Walk),
    Unary(Unary),
    /// The second operand where the first is not 0, else the third.
    Select(Walk),
    /// The first operand, not below the second's only element and not above the third's; either may be missing.
    Clip,
    /// Rows of `row` elements, each the parts' rows (of the given lengths) one after the other.
    Join {
        row: usize,
        parts: Vec<(Source, usize)>,
    },
    /// See [`matmul::pack`].
    Pack {
        inner: usize,
        columns: usize,
        transposed: bool,
    },
    /// See [`matmul::multiply`]; one product for each row of the walk.
    Multiply {
        rows: usize,
        inner: usize,
        columns: usize,
        matrices: Walk,
    },
    /// Sums (or means) along the middle one of three dimensions, the outer, `along` and `inner`.
    Sum {
        along: usize,
        inner: usize,
        mean: bool,
    },
    /// Rows of `along` elements.
    Softmax {
        along: usize,
    },
    /// Rows of `along` elements, to mean 0 and variance 1.
    Normalize {
        along: usize,
        epsilon: f32,
    },
    /// Entries of `inner` elements of the first operand, by the indices that the second holds, from tables of `along`.
    Gather {
        along: usize,
        inner: usize,
    },
}

impl Kernel {
    pub(super) fn run(&self, operands: &[Source; 3], memory: &Memory, out: &mut [f32]) -> Result<(), Error> {
        let [a, b, c] = operands.map(|operand| memory.get(operand));
        match self {
            Self::Copy(walk) => copy(walk, a, out),
            Self::Binary(operator, walk) => match operator {
                Binary::Add => binary(walk, a, b, out, |a, b| a + b),
                Binary::Sub => binary(walk, a, b, out, |a, b| a - b),
                Binary::Mul => binary(walk, a, b, out, |a, b| a * b),
                Binary::Div => binary(walk, a, b, out, |a, b| a / b),
                Binary::Pow => binary(walk, a, b, out, libm::powf),
            },
            Self::Unary(operator) => unary(*operator, a, out),
            Self::Select(walk) => select(walk, [a, b, c], out),
            Self::Clip => {
                let low = b.first().copied().unwrap_or(f32::NEG_INFINITY);
                let high = c.first().copied().unwrap_or(f32::INFINITY);
                // Comparisons, not `max` and `min`, which would swallow NaN.
                map(a, out, |x| {
                    let x = if x < low { low } else { x };
                    if x > high { high } else { x }
                });
            }
            Self::Join { row, parts } => {
                let mut start = 0;
                for &(source, length) in parts {
                    let pieces = memory.get(source).chunks_exact(length.max(1));
                    for (row, piece) in out.chunks_exact_mut((*row).max(1)).zip(pieces) {
                        if let Some(row) = row.get_mut(start..start + piece.len()) {
                            row.copy_from_slice(piece);
                        }
                    }
                    start += length;
                }
            }
            &Self::Pack { inner, columns, transposed } => matmul::pack(a, inner, columns, transposed, out),
            Self::Multiply { rows, inner, columns, matrices } => {
                for (out, [at_a, at_b, _]) in
                    out.chunks_exact_mut((rows * columns).max(1)).zip(matrices.rows())
                {
                    let left = tail(a, at_a).get(..rows * inner).unwrap_or(&[]);
                    let right = tail(b, at_b).get(..matmul::packed_len(*inner, *columns)).unwrap_or(&[]);
                    matmul::multiply(left, right, *inner, *columns, out);
                }
            }
            &Self::Sum { along, inner, mean } => sum_along(a, along.max(1), inner.max(1), mean, out),
            Self::Softmax { along } => {
                let along = (*along).max(1);
                a.chunks_exact(along)
                    .zip(out.chunks_exact_mut(along))
                    .for_each(|(row, out)| softmax(row, out));
            }
            Self::Normalize { along, epsilon } => {
                let along = (*along).max(1);
                for (row, out) in a.chunks_exact(along).zip(out.chunks_exact_mut(along)) {
                    normalize(row, *epsilon, out);
                }
            }
            &Self::Gather { along, inner } => return gather(a, b, along.max(1), inner.max(1), out),
        }
        Ok(())
    }
}

fn tail(operand: &[f32], start: isize) -> &[f32] {
    operand.get(start as usize..).unwrap_or(&[])
}

fn map(a: &[f32], out: &mut [f32], f: impl Fn(f32) -> f32) {
    out.iter_mut().zip(a).for_each(|(place, &x)| *place = f(x));
}

fn copy(walk: &Walk, a: &[f32], out: &mut [f32]) {
    let [stride, ..] = walk.row_strides();
    for (row, [start, ..]) in out.chunks_exact_mut(walk.row()).zip(walk.rows()) {
        match (stride, tail(a, start)) {
            (1, a) => map(a, row, |x| x),
            (0, a) => row.fill(a.first().copied().unwrap_or(0.0)),
            _ => {
                let mut at = start;
                for place in row {
                    *place = a.get(at as usize).copied().unwrap_or(0.0);
                    at += stride;
                }
            }
        }
    }
}

/// Operands lie in order, so that a row steps through each by 1 or stays at one element.
fn binary(walk: &Walk, a: &[f32], b: &[f32], out: &mut [f32], f: impl Fn(f32, f32) -> f32) {
    let [stride_a, stride_b, _] = walk.row_strides();
    for (row, [at_a, at_b, _]) in out.chunks_exact_mut(walk.row()).zip(walk.rows()) {
        let (a, b) = (tail(a, at_a), tail(b, at_b));
        let (Some(&first_a), Some(&first_b)) = (a.first(), b.first()) else { continue };
        match (stride_a, stride_b) {
            (0, _) => map(b, row, |b| f(first_a, b)),
            (_, 0) => map(a, row, |a| f(a, first_b)),
            _ => row.iter_mut().zip(a.iter().zip(b)).for_each(|(place, (&a, &b))| *place = f(a, b)),
        }
    }
}

fn select(walk: &Walk, operands: [&[f32]; 3], out: &mut [f32]) {
    let strides = walk.row_strides();
    for (row, mut at) in out.chunks_exact_mut(walk.row()).zip(walk.rows()) {
        for place in row {
            let element = |i: usize| operands[i].get(at[i] as usize).copied().unwrap_or(0.0);
            *place = if element(0) != 0.0 { element(1) } else { element(2) };
            at.iter_mut().zip(strides).for_each(|(at, stride)| *at += stride);
        }
    }
}

fn unary(operator: Unary, a: &[f32], out: &mut [f32]) {
    match operator {
        Unary::Sqrt => map(a, out, f32::sqrt),
        Unary::Exp => map(a, out, libm::expf),
        Unary::Log => map(a, out, libm::logf),
        // Not `max`, which would swallow NaN.
        Unary::Relu => map(a, out, |x| if x < 0.0 { 0.0 } else { x }),
        Unary::Gelu => map(a, out, |x| 0.5 * x * (1.0 + libm::erff(x * core::f32::consts::FRAC_1_SQRT_2))),
        Unary::GeluTanh => map(a, out, |x| {
            const SQRT_2_PI: f32 = 0.797_884_6;
            0.5 * x * (1.0 + libm::tanhf(SQRT_2_PI * (x + 0.044_715 * x * x * x)))
        }),
        Unary::Erf => map(a, out, libm::erff),
        Unary::Sigmoid => map(a, out, |x| 1.0 / (1.0 + libm::expf(-x))),
        Unary::Tanh => map(a, out, libm::tanhf),
        Unary::Scale(factor) => map(a, out, |x| x * factor),
        Unary::Truncate => map(a, out, libm::truncf),
        Unary::Truth => map(a, out, |x| if x == 0.0 { 0.0 } else { 1.0 }),
    }
}

/// Lane by lane, then the lanes in pairs: the same order on every machine.
fn fold(lanes: [f32; LANES], f: impl Fn(f32, f32) -> f32) -> f32 {
    let [a, b, c, d, e, g, h, i] = lanes;
    f(f(f(a, e), f(c, h)), f(f(b, g), f(d, i)))
}

fn reduce(row: &[f32], start: f32, f: impl Fn(f32, f32) -> f32) -> f32 {
    let mut lanes = [start; LANES];
    let (chunks, rest) = row.as_chunks::<LANES>();
    for chunk in chunks {
        lanes.iter_mut().zip(chunk).for_each(|(lane, &x)| *lane = f(*lane, x));
    }
    lanes.iter_mut().zip(rest).for_each(|(lane, &x)| *lane = f(*lane, x));
    fold(lanes, f)
}

fn sum(row: &[f32]) -> f32 {
    reduce(row, 0.0, |a, b| a + b)
}

fn sum_along(a: &[f32], along: usize, inner: usize, mean: bool, out: &mut [f32]) {
    for (block, out) in a.chunks_exact(along * inner).zip(out.chunks_exact_mut(inner)) {
        if let ([place], 1) = (&mut *out, inner) {
            *place = sum(block);
        } else {
            out.fill(0.0);
            for row in block.chunks_exact(inner) {
                out.iter_mut().zip(row).for_each(|(sum, &x)| *sum += x);
            }
        }
    }
    if mean {
        let count = along as f32;
        out.iter_mut().for_each(|sum| *sum /= count);
    }
}

fn softmax(row: &[f32], out: &mut [f32]) {
    let largest = reduce(row, f32::NEG_INFINITY, |a, b| if b > a { b } else { a });
    map(row, out, |x| libm::expf(x - largest));
    let total = sum(out);
    out.iter_mut().for_each(|x| *x /= total);
}

fn normalize(row: &[f32], epsilon: f32, out: &mut [f32]) {
    let count = row.len() as f32;
    let mean = sum(row) / count;
    map(row, out, |x| x - mean);
    let variance = reduce_squares(out) / count;
    let scale = 1.0 / (variance + epsilon).sqrt();
    out.iter_mut().for_each(|x| *x *= scale);
}

fn reduce_squares(row: &[f32]) -> f32 {
    let mut lanes = [0.0; LANES];
    let (chunks, rest) = row.as_chunks::<LANES>();
    for chunk in chunks {
        lanes.iter_mut().zip(chunk).for_each(|(lane, &x)| *lane += x * x);
    }
    lanes.iter_mut().zip(rest).for_each(|(lane, &x)| *lane += x * x);
    fold(lanes, |a, b| a + b)
}

fn gather(table: &[f32], indices: &[f32], along: usize, inner: usize, out: &mut [f32]) -> Result<(), Error> {
    let rows = out.chunks_exact_mut((indices.len() * inner).max(1));
    for (block, out) in table.chunks_exact(along * inner).zip(rows) {
        for (&index, out) in indices.iter().zip(out.chunks_exact_mut(inner)) {
            let index = if index < 0.0 { index + along as f32 } else { index };
            // NaN is in no range, and `as` saturates.
            let entry = if index >= 0.0 { block.chunks_exact(inner).nth(index as usize) } else { None };
            out.copy_from_slice(entry.ok_or(Error::ModelGraph("an index of Gather is out of range"))?);
        }
    }
    Ok(())
}
