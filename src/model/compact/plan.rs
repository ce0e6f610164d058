//! A plan: the kernels that compute a graph for one set of input shapes, and the arena their results share.

use super::kernel::Kernel;
use super::memory::{Constants, Memory, Source, Value};
use super::shape::Shape;
use crate::model::onnx::Element;
use crate::model::refusal::{Refusal, Refused};
use crate::words::Words;
use nearside_kernels::matmul;

/// The most elements of one tensor and of an arena: 8 MB.
pub(super) const MAX_ARENA: usize = 1 << 21;

/// The highest planned cost, in operations (see [`Planner::emit`]): no more than about 25 ms on a server's core, whatever a model is made
/// of and whatever numbers it meets (`tests/cost.rs`). Benchmarks draw their curves beyond.
pub(super) const MAX_COST: usize = if cfg!(feature = "bench") { 125_000_000 } else { 25_000_000 };

/// What a kernel costs that computes nothing.
const STEP: usize = 64;

const TOO_LARGE: &Refusal = &Refusal::TooLarge(Words::IntermediateOver8Mb);

pub(super) struct Plan {
    steps: Vec<Step>,
    buffers: Vec<(usize, usize)>,
    /// Elements that the arena must have.
    pub(super) arena: usize,
    /// Operations.
    pub(super) cost: usize,
    pub(super) outputs: Vec<Value>,
}

struct Step {
    kernel: Kernel,
    operands: [Source; 3],
    out: usize,
}

impl Plan {
    /// Runs the steps. `inputs` must have the shapes that were planned for, `arena` at least [`Plan::arena`] elements.
    pub(super) fn run(&self, constants: &Constants, inputs: &[&[f32]], arena: &mut [f32]) -> Refused<()> {
        for step in &self.steps {
            let (start, length) = self.buffers.get(step.out).copied().unwrap_or_default();
            let Some((low, rest)) = arena.split_at_mut_checked(start) else { return Err(TOO_LARGE) };
            let Some((out, high)) = rest.split_at_mut_checked(length) else { return Err(TOO_LARGE) };
            let buffers = &self.buffers;
            let memory = Memory { constants, inputs, buffers, low, high, high_start: start + length };
            step.kernel.run(&step.operands, &memory, out)?;
        }
        Ok(())
    }

    /// The elements of an output after [`Plan::run`] with the same arguments.
    pub(super) fn output<'m>(
        &'m self,
        index: usize,
        constants: &'m Constants,
        inputs: &'m [&'m [f32]],
        arena: &'m [f32],
    ) -> &'m [f32] {
        let memory = Memory {
            constants,
            inputs,
            buffers: &self.buffers,
            low: arena,
            high: &[],
            high_start: usize::MAX,
        };
        self.outputs.get(index).map(|value| memory.get(value.source)).unwrap_or_default()
    }
}

/// A value's place in [`Planner::values`].
pub(super) type Id = usize;

/// The value of inputs that are left out: [`Value::NONE`] stands in the first place.
pub(super) const NONE: Id = 0;

/// Builds a plan, node by node (see `lower.rs`).
pub(super) struct Planner<'p> {
    pub(super) constants: &'p mut Constants,
    values: Vec<Value>,
    steps: Vec<Step>,
    buffers: Vec<Buffer>,
    cost: usize,
}

struct Buffer {
    length: usize,
    /// The steps that write it and that read it last.
    made: usize,
    last: usize,
}

impl<'p> Planner<'p> {
    /// `values` begins with [`Value::NONE`].
    pub(super) fn new(constants: &'p mut Constants, values: Vec<Value>) -> Self {
        Self { constants, values, steps: Vec::new(), buffers: Vec::new(), cost: 0 }
    }

    pub(super) fn value(&self, id: Id) -> &Value {
        self.values.get(id).unwrap_or(&Value::NONE)
    }

    pub(super) fn shape(&self, id: Id) -> &Shape {
        &self.value(id).shape
    }

    /// Lets an id stand for another's value.
    pub(super) fn name(&mut self, id: Id, value: Id) {
        let value = *self.value(value);
        if let Some(place) = self.values.get_mut(id) {
            *place = value;
        }
    }

    /// Checks that a tensor of this shape can be planned.
    #[inline(never)]
    pub(super) fn check(&self, shape: &Shape) -> Refused<()> {
        match shape.elements() {
            0 => Err(&Refusal::Unsupported(Words::EmptyTensor)),
            1..=MAX_ARENA => Ok(()),
            _ => Err(TOO_LARGE),
        }
    }

    /// Checks that a value can be read as data: integers are exact in the floats that hold them.
    #[inline(never)]
    pub(super) fn check_data(&self, id: Id) -> Refused<()> {
        let value = self.value(id);
        self.check(&value.shape)?;
        match value.source {
            Source::Constant(index) if !self.constants.get(index).is_some_and(|constant| constant.exact) => {
                Err(&Refusal::Unsupported(Words::IntegersBeyond24Bits))
            }
            _ => Ok(()),
        }
    }

    #[inline(never)]
    fn add(&mut self, value: Value) -> Id {
        self.values.push(value);
        self.values.len() - 1
    }

    /// The same elements under another shape.
    #[inline(never)]
    pub(super) fn alias(&mut self, id: Id, shape: &Shape) -> Refused<Id> {
        self.check(shape)?;
        if shape.elements() != self.shape(id).elements() {
            return Err(&Refusal::Graph(Words::ShapeElements));
        }
        Ok(self.add(Value { shape: *shape, ..*self.value(id) }))
    }

    /// The same elements under another type.
    #[inline(never)]
    pub(super) fn retyped(&mut self, id: Id, element: Element) -> Id {
        self.add(Value { element, ..*self.value(id) })
    }

    /// Plans a kernel over up to three operands; `cost` is in operations for the whole result, about nanoseconds at worst: of
    /// elements ([`Function::cost`]), of rows, however short they are, and of what is read out of turn.
    #[inline(never)]
    pub(super) fn emit(
        &mut self,
        kernel: Kernel,
        operands: [Id; 3],
        shape: &Shape,
        element: Element,
        cost: usize,
    ) -> Refused<Id> {
        self.check(shape)?;
        self.cost = self.cost.saturating_add(cost).saturating_add(STEP);
        if self.cost > MAX_COST {
            return Err(&Refusal::TooLarge(Words::ScoringOver25Million));
        }
        let made = self.steps.len();
        let operands = operands.map(|operand| self.value(operand).source);
        for &source in &operands {
            self.read_at(source, made);
        }
        if let Kernel::Join { parts, .. } = &kernel {
            for &(source, _) in parts {
                self.read_at(source, made);
            }
        }
        let out = self.buffers.len();
        self.steps.push(Step { kernel, operands, out });
        self.buffers.push(Buffer { length: shape.elements(), made, last: made });
        Ok(self.add(Value { shape: *shape, element, source: Source::Buffer(out) }))
    }

    #[inline(never)]
    fn read_at(&mut self, source: Source, step: usize) {
        if let Source::Buffer(index) = source
            && let Some(buffer) = self.buffers.get_mut(index)
        {
            buffer.last = step;
        }
    }

    /// Right matrices for [`Kernel::Multiply`], without what is near 0; constant ones are packed once for all plans.
    #[inline(never)]
    pub(super) fn pack(&mut self, id: Id, inner: usize, columns: usize, transposed: bool) -> Refused<Id> {
        self.check_data(id)?;
        let value = self.value(id);
        let matrices = value.shape.elements() / inner.saturating_mul(columns).max(1);
        let length = matmul::packed_len(inner, columns).saturating_mul(matrices);
        let shape = Shape::of([length]);
        let Source::Constant(index) = value.source else {
            let id = self.quiet(id)?;
            let kernel = Kernel::Pack { inner, columns, transposed };
            return self.emit(kernel, [id, NONE, NONE], &shape, Element::F32, length.saturating_mul(8));
        };
        self.check(&shape)?;
        let key = [index, inner, columns];
        let packed = match (self.constants.packed(key, transposed), self.constants.get(index)) {
            (None, Some(constant)) => {
                let mut floats = vec![0.0; length];
                matmul::pack(&constant.floats, inner, columns, transposed, &mut floats);
                floats.iter_mut().filter(|x| x.abs() < matmul::LEAST).for_each(|x| *x = 0.0);
                self.constants.add_packed(key, transposed, floats)?
            }
            (packed, _) => packed.unwrap_or_default(),
        };
        Ok(self.add(self.constants.value(packed)))
    }

    /// Gives every buffer the lowest place in the arena that is free while it is needed.
    pub(super) fn finish(mut self, outputs: &[Id]) -> Refused<Plan> {
        let outputs: Vec<Value> = outputs.iter().map(|&id| *self.value(id)).collect();
        for output in &outputs {
            self.read_at(output.source, usize::MAX);
        }
        let (mut buffers, mut arena) = (Vec::with_capacity(self.buffers.len()), 0);
        // Start, end and last step of what is in the arena, by start.
        let mut live: Vec<(usize, usize, usize)> = Vec::new();
        for buffer in &self.buffers {
            live.retain(|&(_, _, last)| last >= buffer.made);
            let (mut start, mut place) = (0, live.len());
            for (index, &(taken, end, _)) in live.iter().enumerate() {
                if taken - start >= buffer.length {
                    place = index;
                    break;
                }
                start = end;
            }
            let end = start + buffer.length;
            live.insert(place, (start, end, buffer.last));
            buffers.push((start, buffer.length));
            arena = arena.max(end);
            if arena > MAX_ARENA {
                return Err(TOO_LARGE);
            }
        }
        Ok(Plan { steps: self.steps, buffers, arena, cost: self.cost, outputs })
    }
}
