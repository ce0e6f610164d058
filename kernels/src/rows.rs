//! Sums and what rests on them, row by row; and rows that are moved.

use crate::lanes::exponentials;

const LANES: usize = 8;

/// Differences nearer to 0 than this (2^-60) are 0: then neither their squares are denormal nor what a row is divided to.
const LEAST: f32 = 8.673_617_4e-19;

/// What stands from `start` on; nothing behind the end.
pub fn tail(operand: &[f32], start: isize) -> &[f32] {
    operand.get(start as usize..).unwrap_or(&[])
}

/// As much as there is place for.
pub(crate) fn write(out: &mut [f32], from: &[f32]) {
    out.iter_mut().zip(from).for_each(|(place, &x)| *place = x);
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

/// Sums (or means) along the middle one of three dimensions, the outer, `along` and `inner`; both at least 1.
#[inline(never)]
pub fn sum_along(a: &[f32], along: usize, inner: usize, mean: bool, out: &mut [f32]) {
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
    out.iter_mut().zip(row).for_each(|(place, &x)| *place = quiet(x - number, LEAST));
}

/// The number, or 0 where it is nearer to 0 than `least`. A denormal number, or a product that is one, can take a processor a
/// hundred times as long as another.
pub(crate) fn quiet(x: f32, least: f32) -> f32 {
    if x.abs() < least { 0.0 } else { x }
}

/// The softmax of every row of `along` elements, at least 1.
#[inline(never)]
pub fn softmax(a: &[f32], along: usize, out: &mut [f32]) {
    for (row, out) in a.chunks_exact(along).zip(out.chunks_exact_mut(along)) {
        let largest = reduce(row, f32::NEG_INFINITY, |a, b| if b > a { b } else { a });
        subtract(row, largest, out);
    }
    exponentials(out);
    for row in out.chunks_exact_mut(along) {
        let total = sum(row);
        divide(row, total);
    }
}

/// Every row of `along` elements (at least 1) to mean 0 and variance 1.
#[inline(never)]
pub fn normalize(a: &[f32], along: usize, epsilon: f32, out: &mut [f32]) {
    let count = along as f32;
    for (row, out) in a.chunks_exact(along).zip(out.chunks_exact_mut(along)) {
        let mean = sum(row) / count;
        subtract(row, mean, out);
        let variance = squares(out) / count;
        divide(out, (variance + epsilon).sqrt());
    }
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

/// Copies rows of `length` elements to `start` in every row of `row` elements of `out`; all at least 1 but `start`.
#[inline(never)]
pub fn join(a: &[f32], length: usize, start: usize, row: usize, out: &mut [f32]) {
    for (row, piece) in out.chunks_exact_mut(row).zip(a.chunks_exact(length)) {
        write(row.get_mut(start..).unwrap_or(&mut []), piece);
    }
}

/// Writes entries of `inner` elements, by their indices, from tables of `along`, both at least 1; `false` where an index is
/// out of range.
#[inline(never)]
pub fn gather(table: &[f32], indices: &[f32], along: usize, inner: usize, out: &mut [f32]) -> bool {
    let rows = out.chunks_exact_mut((indices.len() * inner).max(1));
    for (block, out) in table.chunks_exact(along * inner).zip(rows) {
        for (&index, out) in indices.iter().zip(out.chunks_exact_mut(inner)) {
            let index = if index < 0.0 { index + along as f32 } else { index };
            // NaN is in no range, and `as` saturates.
            let entry = if index >= 0.0 { block.chunks_exact(inner).nth(index as usize) } else { None };
            let Some(entry) = entry else { return false };
            write(out, entry);
        }
    }
    true
}
