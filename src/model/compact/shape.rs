//! Shapes of at most [`MAX_RANK`] dimensions.

use nearside_kernels::walk::{MAX_RANK, Strides};

use crate::model::refusal::{Refusal, Refused};
use crate::words::Words;

/// A row-major shape. Equal dimensions are equal shapes: unused places hold 1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Shape {
    rank: usize,
    dims: [usize; MAX_RANK],
}

impl Shape {
    pub(super) const SCALAR: Self = Self { rank: 0, dims: [1; MAX_RANK] };

    pub(super) fn new(dims: &[usize]) -> Refused<Self> {
        Self::SCALAR.and(dims)
    }

    /// A shape of dimensions that cannot be too many.
    pub(super) fn of<const N: usize>(of: [usize; N]) -> Self {
        const { assert!(N <= MAX_RANK) };
        let mut dims = [1; MAX_RANK];
        dims.iter_mut().zip(of).for_each(|(place, dim)| *place = dim);
        Self { rank: N, dims }
    }

    /// This shape with further inner dimensions.
    #[inline(never)]
    pub(super) fn and(mut self, dims: &[usize]) -> Refused<Self> {
        dims.iter().try_for_each(|&dim| self.push(dim))?;
        Ok(self)
    }

    /// Adds an innermost dimension.
    #[inline(never)]
    pub(super) fn push(&mut self, dim: usize) -> Refused<()> {
        let place = self.dims.get_mut(self.rank);
        *place.ok_or(&Refusal::TooLarge(Words::ManyDimensions))? = dim;
        self.rank += 1;
        Ok(())
    }

    pub(super) fn rank(&self) -> usize {
        self.rank
    }

    pub(super) fn dims(&self) -> &[usize] {
        self.dims.get(..self.rank).unwrap_or(&[])
    }

    /// The dimension of an axis; 1 where there is none.
    pub(super) fn dim(&self, axis: usize) -> usize {
        self.dims().get(axis).copied().unwrap_or(1)
    }

    #[inline(never)]
    pub(super) fn set(&mut self, axis: usize, dim: usize) {
        if let Some(place) = self.dims.get_mut(..self.rank).and_then(|dims| dims.get_mut(axis)) {
            *place = dim;
        }
    }

    /// The number of elements; saturates.
    #[inline(never)]
    pub(super) fn elements(&self) -> usize {
        product(self.dims())
    }

    /// An ONNX axis, counted from the end where negative.
    #[inline(never)]
    pub(super) fn axis(&self, axis: i64) -> Refused<usize> {
        index(axis, self.rank).ok_or(&Refusal::Graph(Words::AxisRange))
    }

    /// Elements before, along and behind an axis.
    #[inline(never)]
    pub(super) fn around(&self, axis: usize) -> (usize, usize, usize) {
        let dims = self.dims();
        let inner = dims.get(axis + 1..).unwrap_or(&[]);
        (product(dims.get(..axis).unwrap_or(&[])), self.dim(axis), product(inner))
    }

    #[inline(never)]
    pub(super) fn strides(&self) -> Strides {
        let (mut strides, mut step) = ([0; MAX_RANK], 1_isize);
        for (stride, &dim) in strides.iter_mut().zip(&self.dims).take(self.rank).rev() {
            *stride = step;
            step = step.saturating_mul(dim as isize);
        }
        strides
    }

    /// The shape that two shapes broadcast to, numpy's way.
    #[inline(never)]
    pub(super) fn broadcast(&self, other: &Self) -> Refused<Self> {
        let (mut wide, narrow) = if self.rank >= other.rank { (*self, other) } else { (*other, self) };
        let missing = wide.rank - narrow.rank;
        for (place, &dim) in wide.dims.iter_mut().skip(missing).zip(narrow.dims()) {
            match (*place, dim) {
                (a, b) if a == b => {}
                (1, b) => *place = b,
                (_, 1) => {}
                _ => return Err(&Refusal::Graph(Words::ShapesDoNotBroadcast)),
            }
        }
        Ok(wide)
    }

    /// Strides that read this shape as `wide`, to which it broadcasts: 0 along what it repeats.
    #[inline(never)]
    pub(super) fn strides_in(&self, wide: &Self) -> Strides {
        let mut strides = [0; MAX_RANK];
        let missing = wide.rank.saturating_sub(self.rank);
        let own = self.strides().into_iter().zip(self.dims());
        for (place, (stride, &dim)) in strides.iter_mut().skip(missing).zip(own) {
            *place = if dim == 1 { 0 } else { stride };
        }
        strides
    }
}

/// A place among `count`, counted from the end where negative.
#[inline(never)]
pub(super) fn index(place: i64, count: usize) -> Option<usize> {
    let count = count as i64;
    let place = if place < 0 { place.saturating_add(count) } else { place };
    if (0..count).contains(&place) { Some(place as usize) } else { None }
}

#[inline(never)]
pub(super) fn product(dims: &[usize]) -> usize {
    dims.iter().fold(1, |product: usize, &dim| product.saturating_mul(dim))
}

#[cfg(test)]
mod tests {
    use nearside_kernels::walk::Walk;

    use super::*;

    fn shape(dims: &[usize]) -> Shape {
        Shape::new(dims).unwrap()
    }

    fn walk_of(wide: &[usize], operands: [&[usize]; 2]) -> Walk {
        let wide = shape(wide);
        let [a, b] = operands.map(|dims| shape(dims).strides_in(&wide));
        Walk::new(wide.dims(), &[a, b, [0; MAX_RANK]], 0)
    }

    #[test]
    fn shapes_broadcast_as_numpy_does() {
        assert_eq!(shape(&[2, 1, 4]).broadcast(&shape(&[3, 1])).unwrap(), shape(&[2, 3, 4]));
        assert_eq!(shape(&[]).broadcast(&shape(&[3, 1])).unwrap(), shape(&[3, 1]));
        assert!(shape(&[2]).broadcast(&shape(&[3])).is_err());
    }

    #[test]
    fn a_shape_has_a_largest_rank_and_its_size_saturates() {
        assert!(Shape::new(&[1; MAX_RANK + 1]).is_err());
        assert_eq!(shape(&[usize::MAX, usize::MAX]).elements(), usize::MAX);
    }

    #[test]
    fn axes_count_from_either_end() {
        assert_eq!(index(-1, 3), Some(2));
        assert_eq!(index(2, 3), Some(2));
        for outside in [3, -4, i64::MIN, i64::MAX] {
            assert_eq!(index(outside, 3), None);
        }
    }

    #[test]
    fn equal_shapes_are_one_row() {
        let walk = walk_of(&[2, 3, 4], [&[2, 3, 4], &[2, 3, 4]]);
        assert_eq!((walk.row(), walk.row_strides()), (24, [1, 1, 0]));
    }

    #[test]
    fn a_row_vector_repeats_row_by_row() {
        let walk = walk_of(&[5, 2, 3], [&[5, 2, 3], &[3]]);
        assert_eq!((walk.row(), walk.row_strides()), (3, [1, 1, 0]));
        assert_eq!(walk.rows().take(3).collect::<Vec<_>>(), [[0, 0, 0], [3, 0, 0], [6, 0, 0]]);
    }

    #[test]
    fn outer_dimensions_wrap_around() {
        let walk = walk_of(&[2, 2, 2], [&[2, 1, 2], &[2, 1]]);
        let expected = [[0, 0, 0], [0, 1, 0], [2, 0, 0], [2, 1, 0], [0, 0, 0]];
        assert_eq!(walk.rows().take(5).collect::<Vec<_>>(), expected);
    }
}
