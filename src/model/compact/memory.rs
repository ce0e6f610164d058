//! Where the elements of values live: in the caller's inputs, in constants, or in a plan's arena.

use super::shape::{Shape, product};
use crate::model::onnx::{Element, Tensor};
use crate::model::refusal::{Refusal, Refused};
use crate::words::Words;

/// The most elements of all constants of a model together, unpacked weights and packed ones: 4 MB.
const MAX_CONSTANT_ELEMENTS: usize = 1 << 20;
/// Integers from here on do not all fit a float.
const EXACT: u64 = 1 << 24;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Source {
    Nothing,
    Input(usize),
    Constant(usize),
    Buffer(usize),
}

/// A tensor that a plan knows by its shape.
#[derive(Clone, Copy)]
pub(super) struct Value {
    pub(super) shape: Shape,
    pub(super) element: Element,
    pub(super) source: Source,
}

impl Value {
    /// An input that is left out, or a value that is not yet planned.
    pub(super) const NONE: Self =
        Self { shape: Shape::SCALAR, element: Element::F32, source: Source::Nothing };

    pub(super) fn is_constant(&self) -> bool {
        matches!(self.source, Source::Constant(_))
    }
}

/// A tensor known at load. All elements are held as floats: integers and truth values are exact, or refused where it
/// matters.
pub(super) struct Constant {
    pub(super) shape: Shape,
    pub(super) element: Element,
    pub(super) floats: Vec<f32>,
    /// The elements once more where they are int32 or int64.
    pub(super) ints: Vec<i64>,
    /// Whether `floats` holds every integer unrounded.
    pub(super) exact: bool,
}

#[derive(Default)]
pub(super) struct Constants {
    list: Vec<Constant>,
    elements: usize,
    /// Constant, inner dimension, columns, transposed, and the constant that holds it packed.
    packed: Vec<([usize; 3], bool, usize)>,
}

impl Constant {
    pub(super) fn new(shape: Shape, element: Element, floats: Vec<f32>) -> Self {
        let mut ints = Vec::new();
        if matches!(element, Element::I32 | Element::I64) {
            ints.extend(floats.iter().map(|&x| x as i64));
        }
        Self { shape, element, floats, ints, exact: true }
    }

    /// Integers or truth values.
    pub(super) fn of_ints(shape: Shape, element: Element, mut ints: Vec<i64>) -> Self {
        let (mut floats, mut exact) = (Vec::with_capacity(ints.len()), true);
        for &value in &ints {
            floats.push(value as f32);
            exact &= value.unsigned_abs() <= EXACT;
        }
        // Weights; shapes and indices are of the larger types.
        if !matches!(element, Element::I32 | Element::I64) {
            ints = Vec::new();
        }
        Self { shape, element, floats, ints, exact }
    }
}

impl Constants {
    #[inline(never)]
    pub(super) fn get(&self, index: usize) -> Option<&Constant> {
        self.list.get(index)
    }

    /// The constant as a value.
    #[inline(never)]
    pub(super) fn value(&self, index: usize) -> Value {
        self.list.get(index).map_or(Value::NONE, |constant| Value {
            shape: constant.shape,
            element: constant.element,
            source: Source::Constant(index),
        })
    }

    #[inline(never)]
    pub(super) fn read(&mut self, tensor: &Tensor) -> Refused<usize> {
        // Before anything is copied.
        self.reserve(product(&tensor.dims))?;
        let (shape, element) = (Shape::new(&tensor.dims)?, tensor.element);
        let constant = match element {
            Element::F32 => Constant::new(shape, element, tensor.floats()),
            _ => Constant::of_ints(shape, element, tensor.ints()),
        };
        self.list.push(constant);
        Ok(self.list.len() - 1)
    }

    #[inline(never)]
    pub(super) fn add(&mut self, constant: Constant) -> Refused<usize> {
        self.reserve(constant.floats.len())?;
        self.list.push(constant);
        Ok(self.list.len() - 1)
    }

    #[inline(never)]
    fn reserve(&mut self, elements: usize) -> Refused<()> {
        self.elements = self.elements.saturating_add(elements);
        if self.elements > MAX_CONSTANT_ELEMENTS {
            return Err(&Refusal::TooLarge(Words::ConstantsOverMillion));
        }
        Ok(())
    }

    pub(super) fn packed(&self, key: [usize; 3], transposed: bool) -> Option<usize> {
        self.packed.iter().find(|entry| entry.0 == key && entry.1 == transposed).map(|entry| entry.2)
    }

    pub(super) fn add_packed(
        &mut self,
        key: [usize; 3],
        transposed: bool,
        floats: Vec<f32>,
    ) -> Refused<usize> {
        let shape = Shape::of([floats.len()]);
        let constant = self.add(Constant::new(shape, Element::F32, floats))?;
        self.packed.push((key, transposed, constant));
        Ok(constant)
    }
}

/// What a kernel can read while it writes its own part of the arena.
pub(super) struct Memory<'m> {
    pub(super) constants: &'m Constants,
    pub(super) inputs: &'m [&'m [f32]],
    /// Start and length of every buffer in the arena.
    pub(super) buffers: &'m [(usize, usize)],
    /// The arena before the part that is being written.
    pub(super) low: &'m [f32],
    /// The arena behind it, and where that begins.
    pub(super) high: &'m [f32],
    pub(super) high_start: usize,
}

impl<'m> Memory<'m> {
    #[inline(never)]
    pub(super) fn get(&self, source: Source) -> &'m [f32] {
        let found = match source {
            Source::Nothing => None,
            Source::Input(index) => self.inputs.get(index).copied(),
            Source::Constant(index) => self.constants.get(index).map(|constant| constant.floats.as_slice()),
            Source::Buffer(index) => self.buffers.get(index).and_then(|&(start, length)| {
                match start.checked_sub(self.high_start) {
                    Some(start) => self.high.get(start..start + length),
                    None => self.low.get(start..start + length),
                }
            }),
        };
        found.unwrap_or(&[])
    }
}
