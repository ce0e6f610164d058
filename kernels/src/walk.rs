//! The walk that every broadcasting or moving operator shares.

/// Most dimensions of a tensor.
pub const MAX_RANK: usize = 8;

/// Steps between neighbours along each dimension, in elements.
pub type Strides = [isize; MAX_RANK];

/// How an operator meets the elements of up to three operands while it writes its result from front to back.
///
/// Neighbouring dimensions that every operand crosses with one stride are merged, so that the innermost rows are as long
/// as they can be.
#[derive(Clone, Debug)]
pub struct Walk {
    rank: usize,
    dims: [usize; MAX_RANK],
    strides: [Strides; 3],
    start: isize,
}

impl Walk {
    /// A walk over `dims`, at most [`MAX_RANK`] of them; `start` is where the first operand begins.
    pub fn new(dims: &[usize], strides: &[Strides; 3], start: isize) -> Self {
        let mut walk = Self { rank: 0, dims: [1; MAX_RANK], strides: [[0; MAX_RANK]; 3], start };
        for (axis, &dim) in dims.iter().enumerate() {
            if dim == 1 {
                continue;
            }
            let stride = strides.map(|strides| strides.get(axis).copied().unwrap_or(0));
            let last = walk.rank.wrapping_sub(1);
            let merges = walk.rank > 0
                && walk.strides.iter().zip(stride).all(|(outer, inner)| {
                    outer.get(last).copied() == Some(inner.saturating_mul(dim as isize))
                });
            let place = if merges { last } else { walk.rank };
            if let Some(merged) = walk.dims.get_mut(place) {
                *merged *= dim;
            }
            for (own, stride) in walk.strides.iter_mut().zip(stride) {
                if let Some(own) = own.get_mut(place) {
                    *own = stride;
                }
            }
            walk.rank = place + 1;
        }
        walk.rank = walk.rank.max(1);
        walk
    }

    /// A walk every row of which is one element; the strides may be any.
    pub fn each(dims: &[usize], strides: &[Strides; 3]) -> Self {
        let mut walk = Self::new(dims, strides, 0);
        if let Some(dim) = walk.dims.get_mut(walk.rank) {
            *dim = 1;
            walk.rank += 1;
        }
        walk
    }

    /// Whether the first operand is read from front to back, whole.
    pub fn is_straight(&self) -> bool {
        let stride = self.strides.first().and_then(|strides| strides.first()).copied();
        self.rank == 1 && self.start == 0 && (stride == Some(1) || self.row() == 1)
    }

    /// Elements of an innermost row.
    pub fn row(&self) -> usize {
        self.dims.get(self.rank - 1).copied().unwrap_or(1)
    }

    /// The operands' strides within an innermost row.
    pub fn row_strides(&self) -> [isize; 3] {
        self.strides.map(|strides| strides.get(self.rank - 1).copied().unwrap_or(0))
    }

    /// Where the operands' rows begin, row after row, for ever.
    pub fn rows(&self) -> Rows<'_> {
        Rows { walk: self, index: [0; MAX_RANK], at: [self.start, 0, 0] }
    }
}

/// See [`Walk::rows`].
pub struct Rows<'w> {
    walk: &'w Walk,
    index: [usize; MAX_RANK],
    at: [isize; 3],
}

impl Iterator for Rows<'_> {
    type Item = [isize; 3];

    #[inline(never)]
    fn next(&mut self) -> Option<[isize; 3]> {
        let here = self.at;
        let outer = self.index.iter_mut().zip(&self.walk.dims).enumerate().take(self.walk.rank - 1);
        for (axis, (index, &dim)) in outer.rev() {
            *index += 1;
            let wraps = *index == dim;
            for (at, strides) in self.at.iter_mut().zip(&self.walk.strides) {
                let stride = strides.get(axis).copied().unwrap_or(0);
                *at += if wraps { stride * (1 - dim as isize) } else { stride };
            }
            if !wraps {
                break;
            }
            *index = 0;
        }
        Some(here)
    }
}
