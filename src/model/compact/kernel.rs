//! The loops that the operators come down to. A kernel writes its whole result, from front to back; all sizes were
//! settled when it was planned.

use super::memory::{Memory, Source};
use super::shape::Walk;
use crate::lanes::exponentials;
use crate::matmul;
use crate::model::refusal::{Refusal, Refused};

const LANES: usize = 8;
/// Elements that are computed between two looks at the operands' strides.
const BLOCK: usize = 64;
type Block = [f32; BLOCK];

pub(super) enum Kernel {
    /// Every element from those of up to three operands that the walk leads to.
    Elements(Function, Box<Walk>),
    /// Rows of `row` elements, each the parts' rows (of the given lengths) one after the other.
    Join { row: usize, parts: Vec<(Source, usize)> },
    /// See [`matmul::pack`].
    Pack { inner: usize, columns: usize, transposed: bool },
    /// See [`matmul::multiply`]; one product for each row of the walk.
    Multiply { rows: usize, inner: usize, columns: usize, matrices: Box<Walk> },
    /// Sums (or means) along the middle one of three dimensions, the outer, `along` and `inner`.
    Sum { along: usize, inner: usize, mean: bool },
    /// Rows of `along` elements.
    Softmax { along: usize },
    /// Rows of `along` elements, to mean 0 and variance 1.
    Normalize { along: usize, epsilon: f32 },
    /// Entries of `inner` elements of the first operand, by the indices that the second holds, from tables of `along`.
    Gather { along: usize, inner: usize },
}

/// What is computed element by element.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Function {
    /// Moves or repeats.
    Copy,
    Add,
    Sub,
    Mul,
    Div,
    Pow,
    Sqrt,
    Exp,
    Log,
    Relu,
    Gelu,
    GeluTanh,
    Erf,
    Sigmoid,
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

impl Kernel {
    pub(super) fn run(&self, operands: &[Source; 3], memory: &Memory, out: &mut [f32]) -> Refused<()> {
        let [a, b, c] = operands.map(|operand| memory.get(operand));
        match self {
            Self::Elements(function, walk) => {
                // Only Clip leaves operands out that it looks at.
                let b = if b.is_empty() { &[f32::NEG_INFINITY] } else { b };
                let c = if c.is_empty() { &[f32::INFINITY] } else { c };
                elements(*function, walk, [a, b, c], out);
            }
            Self::Join { row, parts } => {
                let mut start = 0;
                for &(source, length) in parts {
                    let pieces = memory.get(source).chunks_exact(length.max(1));
                    for (row, piece) in out.chunks_exact_mut((*row).max(1)).zip(pieces) {
                        write(row.get_mut(start..).unwrap_or(&mut []), piece);
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

/// As much as there is place for.
fn write(out: &mut [f32], from: &[f32]) {
    out.iter_mut().zip(from).for_each(|(place, &x)| *place = x);
}

fn elements(function: Function, walk: &Walk, operands: [&[f32]; 3], out: &mut [f32]) {
    let strides = walk.row_strides();
    let (mut blocks, mut results) = ([[0.0; BLOCK]; 3], [0.0; BLOCK]);
    for (row, mut at) in out.chunks_exact_mut(walk.row()).zip(walk.rows()) {
        for out in row.chunks_mut(BLOCK) {
            let mut loaded = [&[0.0; BLOCK]; 3];
            let places = at.iter_mut().zip(strides).zip(operands).zip(&mut blocks);
            for (loaded, (((at, stride), operand), block)) in loaded.iter_mut().zip(places) {
                *loaded = load(operand, *at, stride, out.len(), block);
                *at += stride * BLOCK as isize;
            }
            function.apply(loaded, out.len(), &mut results);
            write(out, &results);
        }
    }
}

/// The operand's next elements, where they lie or gathered in its block. Behind `length` stands anything.
#[inline(never)]
fn load<'o>(operand: &'o [f32], at: isize, stride: isize, length: usize, block: &'o mut Block) -> &'o Block {
    let behind = tail(operand, if stride < 0 { 0 } else { at });
    match (stride, behind) {
        // Mostly the element that the block is full of already.
        (0, [first, ..]) if first.to_bits() == block[0].to_bits() => {}
        (0, [first, ..]) => *block = [*first; BLOCK],
        (1, behind) => match behind.first_chunk() {
            Some(chunk) => return chunk,
            None => write(block, behind),
        },
        (1.., behind) => write_strided(block, length, behind.iter().step_by(stride as usize)),
        _ => {
            let before = operand.get(..=at as usize).unwrap_or(&[]);
            write_strided(block, length, before.iter().rev().step_by(stride.unsigned_abs()));
        }
    }
    block
}

fn write_strided<'a>(block: &mut Block, length: usize, elements: impl Iterator<Item = &'a f32>) {
    block.iter_mut().take(length).zip(elements).for_each(|(place, &x)| *place = x);
}

impl Function {
    /// Operations a result, see [`super::plan::Planner::emit`].
    pub(super) fn cost(self) -> usize {
        match self {
            Self::Copy | Self::Add | Self::Sub | Self::Mul | Self::Scale(_) => 1,
            Self::Relu | Self::Truncate | Self::Truth | Self::Select | Self::Clip => 1,
            Self::Sqrt | Self::Div => 4,
            Self::Pow => 32,
            _ => 16,
        }
    }

    /// Writes the results of whole blocks; those behind `length` may be missing.
    fn apply(self, [a, b, c]: [&Block; 3], length: usize, out: &mut Block) {
        match self {
            Self::Copy => *out = *a,
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
                *out = *c;
                for (chosen, (&condition, &b)) in out.iter_mut().zip(a.iter().zip(b)) {
                    *chosen = if condition != 0.0 { b } else { *chosen };
                }
            }
            Self::Exp => {
                *out = *a;
                exponentials(out.get_mut(..length).unwrap_or(&mut []));
            }
            Self::Pow => {
                out.iter_mut().zip(a).zip(b).take(length).for_each(|((out, &a), &b)| *out = libm::powf(a, b));
            }
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
                out.iter_mut().zip(a).take(length).for_each(|(out, &x)| *out = function(x));
            }
        }
    }
}

fn each(a: &Block, out: &mut Block, f: impl Fn(f32) -> f32) {
    out.iter_mut().zip(a).for_each(|(out, &a)| *out = f(a));
}

fn both(a: &Block, b: &Block, out: &mut Block, f: impl Fn(f32, f32) -> f32) {
    out.iter_mut().zip(a).zip(b).for_each(|((out, &a), &b)| *out = f(a, b));
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + libm::expf(-x))
}

fn gelu(x: f32) -> f32 {
    0.5 * x * (1.0 + libm::erff(x * core::f32::consts::FRAC_1_SQRT_2))
}

fn gelu_tanh(x: f32) -> f32 {
    const SQRT_2_PI: f32 = 0.797_884_6;
    0.5 * x * (1.0 + libm::tanhf(SQRT_2_PI * (x + 0.044_715 * x * x * x)))
}

/// Combines a row lane by lane, then the lanes in pairs: the same order on every machine.
fn reduce(row: &[f32], start: f32, f: impl Fn(f32, f32) -> f32) -> f32 {
    let mut lanes = [start; LANES];
    let (chunks, rest) = row.as_chunks::<LANES>();
    for chunk in chunks {
        lanes.iter_mut().zip(chunk).for_each(|(lane, &x)| *lane = f(*lane, x));
    }
    lanes.iter_mut().zip(rest).for_each(|(lane, &x)| *lane = f(*lane, x));
    let [a, b, c, d] = [0, 1, 2, 3].map(|i| f(lanes[i], lanes[i + 4]));
    f(f(a, c), f(b, d))
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
        divide(out, along as f32);
    }
}

#[inline(never)]
fn divide(row: &mut [f32], by: f32) {
    row.iter_mut().for_each(|x| *x /= by);
}

#[inline(never)]
fn subtract(row: &[f32], number: f32, out: &mut [f32]) {
    out.iter_mut().zip(row).for_each(|(place, &x)| *place = x - number);
}

fn softmax(row: &[f32], out: &mut [f32]) {
    let largest = reduce(row, f32::NEG_INFINITY, |a, b| if b > a { b } else { a });
    subtract(row, largest, out);
    exponentials(out);
    let total = sum(out);
    divide(out, total);
}

fn normalize(row: &[f32], epsilon: f32, out: &mut [f32]) {
    let count = row.len() as f32;
    let mean = sum(row) / count;
    subtract(row, mean, out);
    let variance = squares(out) / count;
    divide(out, (variance + epsilon).sqrt());
}

fn squares(row: &[f32]) -> f32 {
    let mut lanes = [0.0; LANES];
    let (chunks, rest) = row.as_chunks::<LANES>();
    for chunk in chunks {
        lanes.iter_mut().zip(chunk).for_each(|(lane, &x)| *lane += x * x);
    }
    lanes.iter_mut().zip(rest).for_each(|(lane, &x)| *lane += x * x);
    sum(&lanes)
}

fn gather(table: &[f32], indices: &[f32], along: usize, inner: usize, out: &mut [f32]) -> Refused<()> {
    let rows = out.chunks_exact_mut((indices.len() * inner).max(1));
    for (block, out) in table.chunks_exact(along * inner).zip(rows) {
        for (&index, out) in indices.iter().zip(out.chunks_exact_mut(inner)) {
            let index = if index < 0.0 { index + along as f32 } else { index };
            // NaN is in no range, and `as` saturates.
            let entry = if index >= 0.0 { block.chunks_exact(inner).nth(index as usize) } else { None };
            write(out, entry.ok_or(&Refusal::Graph("an index of Gather is out of range"))?);
        }
    }
    Ok(())
}
