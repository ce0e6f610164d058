//! What the operators come down to; its loops are in `kernels/`. A kernel writes its whole result, from front to back; all sizes were
//! settled when it was planned.

use super::memory::{Memory, Source};
use crate::model::refusal::{Refusal, Refused};
use crate::words::Words;
use nearside_kernels::elements::{Function, elements};
use nearside_kernels::walk::Walk;
use nearside_kernels::{matmul, rows};

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

impl Kernel {
    pub(super) fn run(&self, operands: &[Source; 3], memory: &Memory, out: &mut [f32]) -> Refused<()> {
        let [a, mut b, mut c] = operands.map(|operand| memory.get(operand));
        match self {
            Self::Elements(function, walk) => {
                // Only Clip leaves operands out that it looks at.
                if *function == Function::Clip {
                    b = if b.is_empty() { &[f32::NEG_INFINITY] } else { b };
                    c = if c.is_empty() { &[f32::INFINITY] } else { c };
                }
                elements(*function, walk, [a, b, c], out);
            }
            Self::Join { row, parts } => {
                let mut start = 0;
                for &(source, length) in parts {
                    rows::join(memory.get(source), length.max(1), start, (*row).max(1), out);
                    start += length;
                }
            }
            &Self::Pack { inner, columns, transposed } => matmul::pack(a, inner, columns, transposed, out),
            Self::Multiply { rows, inner, columns, matrices } => {
                for (out, [at_a, at_b, _]) in
                    out.chunks_exact_mut((rows * columns).max(1)).zip(matrices.rows())
                {
                    let left = rows::tail(a, at_a).get(..rows * inner).unwrap_or(&[]);
                    let right =
                        rows::tail(b, at_b).get(..matmul::packed_len(*inner, *columns)).unwrap_or(&[]);
                    matmul::multiply(left, right, *inner, *columns, out);
                }
            }
            &Self::Sum { along, inner, mean } => rows::sum_along(a, along.max(1), inner.max(1), mean, out),
            &Self::Softmax { along } => rows::softmax(a, along.max(1), out),
            &Self::Normalize { along, epsilon } => rows::normalize(a, along.max(1), epsilon, out),
            &Self::Gather { along, inner } => {
                if !rows::gather(a, b, along.max(1), inner.max(1), out) {
                    return Err(&Refusal::Graph(Words::GatherRange));
                }
            }
        }
        Ok(())
    }
}
