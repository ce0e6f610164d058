//! Matrix products. Every element of a product is summed over the inner dimension from front to back, whatever the number
//! of rows, so that a candidate's score does not depend on which others stand in the list.

use wide::f32x4;

/// Columns of a product that are computed side by side.
pub const LANES: usize = 8;
/// Factors nearer to 0 than this (2^-51) the engine takes for 0. Then no product of two is below 2^-102 and every sum of such is a multiple of
/// 2^-125: none is denormal.
pub const LEAST: f32 = 4.440_892e-16;
/// Rows of a product that share one pass over the right matrix.
const ROWS: usize = 4;
/// Steps along the inner dimension between two looks at its end.
const STEPS: usize = 2;

/// The length of a packed matrix.
pub fn packed_len(inner: usize, columns: usize) -> usize {
    columns.div_ceil(LANES).saturating_mul(LANES).saturating_mul(inner)
}

/// Lays right matrices of `inner` x `columns` out as panels of [`LANES`] columns, the last one filled up with zeros.
///
/// With `transposed`, the source holds `columns` x `inner`.
#[inline(never)]
pub fn pack(source: &[f32], inner: usize, columns: usize, transposed: bool, packed: &mut [f32]) {
    let (inner, columns) = (inner.max(1), columns.max(1));
    let matrices = source.chunks_exact(inner * columns);
    for (matrix, packed) in matrices.zip(packed.chunks_exact_mut(packed_len(inner, columns))) {
        for (panel, first) in packed.chunks_exact_mut(inner * LANES).zip((0..columns).step_by(LANES)) {
            let width = LANES.min(columns - first);
            for (row, lanes) in panel.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
                let (start, step) =
                    if transposed { (first * inner + row, inner) } else { (row * columns + first, 1) };
                *lanes = [0.0; LANES];
                let elements = matrix.get(start..).unwrap_or(&[]).iter().step_by(step);
                for (lane, &element) in lanes.iter_mut().zip(elements).take(width) {
                    *lane = element;
                }
            }
        }
    }
}

/// `product` = `left` (any number of rows of `inner`) times one packed matrix.
#[inline(never)]
pub fn multiply(left: &[f32], packed: &[f32], inner: usize, columns: usize, product: &mut [f32]) {
    let (inner, columns) = (inner.max(1), columns.max(1));
    let mut blocks = left.chunks_exact(ROWS * inner);
    let mut products = product.chunks_exact_mut(ROWS * columns);
    for (block, product) in blocks.by_ref().zip(products.by_ref()) {
        let mut rows = block.chunks_exact(inner);
        if let (Some(a), Some(b), Some(c), Some(d)) = (rows.next(), rows.next(), rows.next(), rows.next()) {
            four_rows([a, b, c, d], packed, inner, columns, product);
        }
    }
    let rest = blocks.remainder().chunks_exact(inner);
    for (row, product) in rest.zip(products.into_remainder().chunks_exact_mut(columns)) {
        one_row(row, packed, inner, product);
    }
}

fn four_rows(rows: [&[f32]; ROWS], packed: &[f32], inner: usize, columns: usize, product: &mut [f32]) {
    let [a, b, c, d] = rows.map(|row| row.as_chunks::<STEPS>().0);
    let last = inner - inner % STEPS;
    for (panel, first) in packed.chunks_exact(inner * LANES).zip((0..columns).step_by(LANES)) {
        let [mut sum_a, mut sum_b, mut sum_c, mut sum_d] = [[f32x4::ZERO; 2]; ROWS];
        let (panel, odd) = panel.as_chunks::<LANES>().0.as_chunks::<STEPS>();
        for (right, (((a, b), c), d)) in panel.iter().zip(a.iter().zip(b).zip(c).zip(d)) {
            for step in 0..STEPS {
                let right = halves(&right[step]);
                add(&mut sum_a, a[step], right);
                add(&mut sum_b, b[step], right);
                add(&mut sum_c, c[step], right);
                add(&mut sum_d, d[step], right);
            }
        }
        for (step, right) in odd.iter().enumerate() {
            let right = halves(right);
            for (sum, row) in [&mut sum_a, &mut sum_b, &mut sum_c, &mut sum_d].into_iter().zip(rows) {
                add(sum, row.get(last + step).copied().unwrap_or(0.0), right);
            }
        }
        let mut rows = product.chunks_exact_mut(columns);
        if let (Some(a), Some(b), Some(c), Some(d)) = (rows.next(), rows.next(), rows.next(), rows.next()) {
            store(a, first, sum_a);
            store(b, first, sum_b);
            store(c, first, sum_c);
            store(d, first, sum_d);
        }
    }
}

fn one_row(row: &[f32], packed: &[f32], inner: usize, product: &mut [f32]) {
    for (panel, first) in packed.chunks_exact(inner * LANES).zip((0..product.len()).step_by(LANES)) {
        let mut sums = [f32x4::ZERO; 2];
        for (right, &a) in panel.as_chunks::<LANES>().0.iter().zip(row) {
            add(&mut sums, a, halves(right));
        }
        store(product, first, sums);
    }
}

fn halves(lanes: &[f32; LANES]) -> [f32x4; 2] {
    let [a, b, c, d, e, f, g, h] = *lanes;
    [f32x4::new([a, b, c, d]), f32x4::new([e, f, g, h])]
}

#[inline(always)]
fn add(sums: &mut [f32x4; 2], left: f32, right: [f32x4; 2]) {
    let left = f32x4::splat(left);
    sums[0] += left * right[0];
    sums[1] += left * right[1];
}

#[inline(always)]
fn store(row: &mut [f32], first: usize, sums: [f32x4; 2]) {
    let sums: [[f32; 4]; 2] = sums.map(f32x4::to_array);
    let row = row.get_mut(first..).unwrap_or(&mut []);
    // Whole panels are the rule and store without a loop.
    if let Some(row) = row.first_chunk_mut::<LANES>() {
        row.copy_from_slice(sums.as_flattened());
    } else {
        row.iter_mut().zip(sums.as_flattened()).for_each(|(place, &sum)| *place = sum);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Small integers: every order of summation gives the same exact result.
    fn numbers(count: usize, seed: usize) -> Vec<f32> {
        (0..count).map(|i| ((i * 7 + seed * 13) % 11) as f32 - 5.0).collect()
    }

    #[test]
    fn products_are_right_for_all_remainders_of_rows_and_columns() {
        for rows in 1..10 {
            for columns in 1..20 {
                for inner in [1, 2, 5, 8] {
                    let (left, right) = (numbers(rows * inner, 1), numbers(inner * columns, 2));
                    let mut packed = vec![f32::NAN; packed_len(inner, columns)];
                    pack(&right, inner, columns, false, &mut packed);
                    let mut product = vec![f32::NAN; rows * columns];
                    multiply(&left, &packed, inner, columns, &mut product);
                    for (place, &found) in product.iter().enumerate() {
                        let (row, column) = (place / columns, place % columns);
                        let expected: f32 =
                            (0..inner).map(|i| left[row * inner + i] * right[i * columns + column]).sum();
                        assert_eq!(found, expected, "{rows} {columns} {inner}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_transposed_matrix_packs_as_its_transpose() {
        let (inner, columns) = (5, 11);
        let matrix = numbers(inner * columns, 3);
        let transpose: Vec<f32> =
            (0..inner * columns).map(|i| matrix[(i % inner) * columns + i / inner]).collect();
        let mut packed = [vec![f32::NAN; packed_len(inner, columns)], vec![0.0; packed_len(inner, columns)]];
        pack(&matrix, inner, columns, false, &mut packed[0]);
        pack(&transpose, inner, columns, true, &mut packed[1]);
        assert_eq!(packed[0], packed[1]);
    }

    #[test]
    fn no_product_of_factors_that_are_large_enough_is_denormal() {
        let (inner, columns) = (64, 24);
        let quiet = |x: f32| if x.abs() < LEAST { 0.0 } else { x };
        // Of both signs, around the least factor and far below it, so that sums cancel.
        let number = |i: usize| {
            let x = LEAST * (1.0 + (i * 7919 % 1000) as f32 / 1000.0);
            let x = if i.is_multiple_of(3) { x / 1024.0 } else { x };
            if i.is_multiple_of(2) { x } else { -x }
        };
        let right: Vec<f32> = (0..inner * columns).map(|i| quiet(number(i))).collect();
        let left: Vec<f32> = (0..8 * inner).map(|i| quiet(number(i * 5 + 1))).collect();
        let mut packed = vec![f32::NAN; packed_len(inner, columns)];
        pack(&right, inner, columns, false, &mut packed);
        let mut product = vec![f32::NAN; 8 * columns];
        multiply(&left, &packed, inner, columns, &mut product);
        assert!(packed.iter().chain(&product).all(|x| *x == 0.0 || x.is_normal()));
        assert!(product.iter().any(|&x| x != 0.0) && packed.contains(&0.0));
        for (place, &found) in product.iter().enumerate() {
            let (row, column) = (place / columns, place % columns);
            for steps in 1..=inner {
                let sum = (0..steps)
                    .fold(0.0_f32, |sum, i| sum + left[row * inner + i] * right[i * columns + column]);
                assert!(!sum.is_subnormal());
                assert!(steps < inner || sum == found);
            }
        }
    }

    #[test]
    fn a_row_has_the_same_bits_alone_and_among_others() {
        let (inner, columns) = (37, 13);
        let left: Vec<f32> = (0..9 * inner).map(|i| libm::sinf(i as f32)).collect();
        let right: Vec<f32> = (0..inner * columns).map(|i| libm::cosf(i as f32)).collect();
        let mut packed = vec![0.0; packed_len(inner, columns)];
        pack(&right, inner, columns, false, &mut packed);
        let mut together = vec![0.0; 9 * columns];
        multiply(&left, &packed, inner, columns, &mut together);
        for (row, expected) in left.chunks(inner).zip(together.chunks(columns)) {
            let mut alone = vec![0.0; columns];
            multiply(row, &packed, inner, columns, &mut alone);
            assert_eq!(alone, expected);
        }
    }
}
