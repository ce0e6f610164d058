//! Planning of the operators that only move, repeat or rename elements.

use super::kernel::Kernel;
use super::lower::{NO_STRIDES, by_rows};
use super::memory::Source;
use super::plan::{Id, NONE, Planner};
use super::shape::{Shape, index, product};
use crate::model::onnx::Element;
use crate::model::refusal::{Refusal, Refused};
use crate::words::Words;
use nearside_kernels::elements::Function;
use nearside_kernels::walk::{MAX_RANK, Strides, Walk};

const AXIS: &Refusal = &Refusal::Graph(Words::AxisRange);

/// Which of `rank` axes a list names, each at most once.
#[inline(never)]
pub(super) fn mask(axes: &[i64], rank: usize) -> Refused<[bool; MAX_RANK]> {
    let mut named = [false; MAX_RANK];
    for &axis in axes {
        let place = index(axis, rank).and_then(|axis| named.get_mut(axis)).ok_or(AXIS)?;
        if core::mem::replace(place, true) {
            return Err(&Refusal::Graph(Words::AxisTwice));
        }
    }
    Ok(named)
}

impl Planner<'_> {
    /// A shape, axes, starts…: one-dimensional integers known at load.
    #[inline(never)]
    pub(super) fn ints(&self, id: Id) -> Refused<&[i64]> {
        let value = self.value(id);
        if !matches!(value.element, Element::I32 | Element::I64) || value.shape.rank() > 1 {
            return Err(&Refusal::Graph(Words::ShapeNotIntegers));
        }
        let constant = match value.source {
            Source::Constant(index) => self.constants.get(index),
            _ => None,
        };
        let constant = constant.ok_or(&Refusal::Unsupported(Words::ShapeNotConstant))?;
        Ok(&constant.ints)
    }

    /// Elements of `id` by strides; nothing is copied where that changes nothing.
    #[inline(never)]
    fn copy(&mut self, id: Id, shape: &Shape, strides: Strides, start: isize) -> Refused<Id> {
        self.check_data(id)?;
        let strides = [strides, NO_STRIDES, NO_STRIDES];
        if shape.elements() == self.shape(id).elements()
            && Walk::new(shape.dims(), &strides, start).is_straight()
        {
            return self.alias(id, shape);
        }
        self.elements_by(Function::Copy, [id, NONE, NONE], shape, self.value(id).element, &strides, start)
    }

    /// Dimensions in another order; `None` is the reverse.
    #[inline(never)]
    pub(super) fn transpose(&mut self, x: Id, order: Option<&[i64]>) -> Refused<Id> {
        let own = *self.shape(x);
        let reverse: Vec<i64> = (0..own.rank() as i64).rev().collect();
        let order = order.unwrap_or(&reverse);
        if order.len() != own.rank() {
            return Err(AXIS);
        }
        mask(order, own.rank())?;
        let (from, mut strides, mut shape) = (own.strides(), NO_STRIDES, Shape::SCALAR);
        for (stride, &axis) in strides.iter_mut().zip(order) {
            let axis = own.axis(axis)?;
            *stride = from.get(axis).copied().unwrap_or(0);
            shape.push(own.dim(axis))?;
        }
        self.copy(x, &shape, strides, 0)
    }

    pub(super) fn concat(&mut self, axis: i64, inputs: &[Id]) -> Refused<Id> {
        let first = inputs.first().copied().unwrap_or(NONE);
        let part = *self.shape(first);
        let axis = part.axis(axis)?;
        let (mut shape, mut along, mut parts) = (part, 0_usize, Vec::with_capacity(inputs.len()));
        for &id in inputs {
            self.same_element(first, id)?;
            self.check_data(id)?;
            let value = self.value(id);
            let (_, dim, inner) = value.shape.around(axis);
            parts.push((value.source, dim * inner));
            along += dim;
            let mut aligned = value.shape;
            aligned.set(axis, part.dim(axis));
            if id == NONE || aligned != part {
                return Err(&Refusal::Graph(Words::ConcatParts));
            }
        }
        shape.set(axis, along);
        let (_, _, inner) = shape.around(axis);
        let row = along * inner;
        let cost = by_rows(shape.elements(), 1, row, 16 * parts.len());
        self.emit(Kernel::Join { row, parts }, [NONE; 3], &shape, self.value(first).element, cost)
    }

    pub(super) fn reshape(&mut self, x: Id, wanted: Id, allow_zero: bool) -> Refused<Id> {
        let own = self.shape(x);
        let (mut shape, mut open) = (Shape::SCALAR, None);
        for (axis, &dim) in self.ints(wanted)?.iter().enumerate() {
            shape.push(match dim {
                -1 if open.replace(axis).is_some() => {
                    return Err(&Refusal::Graph(Words::ReshapeOpen));
                }
                -1 => 1,
                0 if !allow_zero => *own.dims().get(axis).ok_or(AXIS)?,
                dim => dimension(dim)?,
            })?;
        }
        if let Some(axis) = open {
            shape.set(axis, own.elements() / product(shape.dims()).max(1));
        }
        self.alias(x, &shape)
    }

    pub(super) fn squeeze(&mut self, x: Id, axes: Id) -> Refused<Id> {
        let own = self.shape(x);
        let given = if axes == NONE { None } else { Some(mask(self.ints(axes)?, own.rank())?) };
        let mut shape = Shape::SCALAR;
        for (axis, &dim) in own.dims().iter().enumerate() {
            let goes = given.map_or(dim == 1, |given| given.get(axis) == Some(&true));
            if !goes {
                shape.push(dim)?;
            } else if dim != 1 {
                return Err(&Refusal::Graph(Words::SqueezeNot1));
            }
        }
        self.alias(x, &shape)
    }

    pub(super) fn unsqueeze(&mut self, x: Id, axes: Id) -> Refused<Id> {
        let axes = self.ints(axes)?;
        let own = self.shape(x);
        let rank = own.rank() + axes.len();
        let (new, mut dims, mut shape) = (mask(axes, rank)?, own.dims().iter(), Shape::SCALAR);
        for axis in 0..rank {
            let new = new.get(axis) == Some(&true);
            shape.push(if new { 1 } else { dims.next().copied().unwrap_or(1) })?;
        }
        self.alias(x, &shape)
    }

    pub(super) fn expand(&mut self, x: Id, wanted: Id) -> Refused<Id> {
        let mut shape = Shape::SCALAR;
        for &dim in self.ints(wanted)? {
            shape.push(dimension(dim)?)?;
        }
        let own = self.shape(x);
        let shape = own.broadcast(&shape)?;
        let strides = own.strides_in(&shape);
        self.copy(x, &shape, strides, 0)
    }

    /// `lists`: starts, ends, and perhaps axes and steps.
    pub(super) fn slice(&mut self, x: Id, lists: [Id; 4]) -> Refused<Id> {
        let [starts, ends, axes, steps] = lists;
        let (starts, ends, own) = (self.ints(starts)?, self.ints(ends)?, self.shape(x));
        let axes = if axes == NONE { None } else { Some(self.ints(axes)?) };
        let steps = if steps == NONE { None } else { Some(self.ints(steps)?) };
        let lengths =
            [ends.len(), axes.map_or(starts.len(), <[_]>::len), steps.map_or(starts.len(), <[_]>::len)];
        if lengths != [starts.len(); 3] {
            return Err(&Refusal::Graph(Words::SliceLists));
        }
        mask(axes.unwrap_or(&[]), own.rank())?;
        let (mut shape, mut strides, mut first) = (*own, own.strides(), 0);
        for (place, (&start, &end)) in starts.iter().zip(ends).enumerate() {
            let listed = |list: Option<&[i64]>| list.and_then(|list| list.get(place)).copied();
            let axis = own.axis(listed(axes).unwrap_or(place as i64))?;
            let step = listed(steps).unwrap_or(1);
            let dim = own.dim(axis) as i64;
            let from_end = |place: i64| if place < 0 { place.saturating_add(dim) } else { place };
            // Backwards, a slice starts at an element and may end before the first.
            let back = i64::from(step < 0);
            let start = from_end(start).clamp(0, dim.saturating_sub(back).max(0));
            let end = from_end(end).clamp(-back, dim - back);
            let span = if step < 0 { start - end } else { end - start };
            if span <= 0 || step == 0 {
                return Err(&Refusal::Unsupported(Words::EmptyTensor));
            }
            // How many steps fit, the first place included.
            let taken = (span - 1).unsigned_abs() / step.unsigned_abs() + 1;
            shape.set(axis, taken as usize);
            if let Some(stride) = strides.get_mut(axis) {
                first += start as isize * *stride;
                // A step that is taken is not longer than the dimension.
                *stride *= if taken > 1 { step as isize } else { 1 };
            }
        }
        self.copy(x, &shape, strides, first)
    }

    pub(super) fn gather(&mut self, x: Id, indices: Id, axis: i64) -> Refused<Id> {
        self.check_data(x)?;
        self.check_data(indices)?;
        let (from, at) = (self.value(x), self.value(indices));
        if !matches!(at.element, Element::I32 | Element::I64) {
            return Err(&Refusal::Graph(Words::GatherNotInteger));
        }
        let axis = from.shape.axis(axis)?;
        let mut shape = Shape::SCALAR;
        for (place, &dim) in from.shape.dims().iter().enumerate() {
            shape = shape.and(if place == axis { at.shape.dims() } else { core::slice::from_ref(&dim) })?;
        }
        let (_, along, inner) = from.shape.around(axis);
        if let Source::Constant(constant) = at.source
            && let Some(constant) = self.constants.get(constant)
            && !constant.ints.iter().all(|&place| index(place, along).is_some())
        {
            return Err(&Refusal::Graph(Words::GatherRange));
        }
        let kernel = Kernel::Gather { along, inner };
        // An entry may lie anywhere in memory.
        let cost = by_rows(shape.elements(), 1, inner, 96);
        self.emit(kernel, [x, indices, NONE], &shape, from.element, cost)
    }
}

fn dimension(dim: i64) -> Refused<usize> {
    usize::try_from(dim).or(Err(&Refusal::Graph(Words::Dimension)))
}
