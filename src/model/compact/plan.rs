//! A plan: the kernels that compute a graph for one set of input shapes, and the arena their results share.

use super::kernel::Kernel;
use super::matmul;
use super::memory::{Constants, Memory, Source, Value};
use super::operator::unsupported;
use super::shape::Shape;
use crate::Error;
use crate::model::onnx::Element;

/// The most elements of one tensor and of an arena: 8 MB.
pub(super) const MAX_ARENA: usize = 1 << 21;

/// The highest planned cost, in operations (see [`Planner::emit`]).
pub(super) const MAX_COST: usize = 25_000_000;

const TOO_LARGE: Error = Error::ModelTooLarge("its intermediate results take more than 8 MB");

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
    pub(super) fn run(
        &self,
        constants: &Constants,
        inputs: &[&[f32]],
        arena: &mut [f32],
    ) -> Result<(), Error> {
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

/// Builds a plan, node by node (see `lower.rs`).
pub(super) struct Planner<'p> {
    pub(super) constants: &'p mut Constants,
    /// The operator that is being planned, for errors.
    pub(super) operator: &'p str,
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
    pub(super) fn new(constants: &'p mut Constants) -> Self {
        Self { constants, operator: "", steps: Vec::new(), buffers: Vec::new(), cost: 0 }
    }

    /// An error that names the operator with the variant that is not run.
    pub(super) fn refuse<T>(&self, variant: &str) -> Result<T, Error> {
        Err(unsupported(self.operator, variant))
    }

    /// Checks that a tensor of this shape can be planned.
    pub(super) fn check(&self, shape: &Shape) -> Result<(), Error> {
        match shape.elements() {
            0 => self.refuse("an empty tensor"),
            1..=MAX_ARENA => Ok(()),
            _ => Err(TOO_LARGE),
        }
    }

    /// Checks that a value can be read as data: integers are exact in the floats that hold them.
    pub(super) fn check_data(&self, value: &Value) -> Result<(), Error> {
        self.check(&value.shape)?;
        match value.source {
            Source::Constant(index) if !self.constants.get(index).is_some_and(|constant| constant.exact) => {
                self.refuse("integers beyond 24 bits")
            }
            _ => Ok(()),
        }
    }

    /// The same elements under another shape.
    pub(super) fn alias(&self, value: Value, shape: Shape) -> Result<Value, Error> {
        self.check(&shape)?;
        if shape.elements() != value.shape.elements() {
            return Err(Error::ModelGraph("a new shape has another number of elements"));
        }
        Ok(Value { shape, ..value })
    }

    /// Plans a kernel over up to three operands; `cost` is in operations for the whole result. An addition or a moved
    /// element counts 1, a division or root 4, an exponential or other transcendental function 16.
    pub(super) fn emit(
        &mut self,
        kernel: Kernel,
        operands: [Option<Value>; 3],
        shape: Shape,
        element: Element,
        cost: usize,
    ) -> Result<Value, Error> {
        self.check(&shape)?;
        self.cost = self.cost.saturating_add(cost);
        if self.cost > MAX_COST {
            return Err(Error::ModelTooLarge("scoring takes more than 25 million operations"));
        }
        let made = self.steps.len();
        let operands = operands.map(|operand| operand.map_or(Source::Nothing, |value| value.source));
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
        Ok(Value { shape, element, source: Source::Buffer(out) })
    }

    fn read_at(&mut self, source: Source, step: usize) {
        if let Source::Buffer(index) = source
            && let Some(buffer) = self.buffers.get_mut(index)
        {
            buffer.last = step;
        }
    }

    /// Right matrices for [`Kernel::Multiply`]; constant ones are packed once for all plans.
    pub(super) fn pack(
        &mut self,
        value: Value,
        inner: usize,
        columns: usize,
        transposed: bool,
    ) -> Result<Value, Error> {
        self.check_data(&value)?;
        let matrices = value.shape.elements() / inner.saturating_mul(columns).max(1);
        let length = matmul::packed_len(inner, columns).saturating_mul(matrices);
        let Some(shape) = Shape::new(&[length]) else { return Err(TOO_LARGE) };
        let Source::Constant(index) = value.source else {
            let kernel = Kernel::Pack { inner, columns, transposed };
            return self.emit(kernel, [Some(value), None, None], shape, Element::F32, length);
        };
        self.check(&shape)?;
        let key = [index, inner, columns];
        let packed = match (self.constants.packed(key, transposed), self.constants.get(index)) {
            (Some(packed), _) => packed,
            (None, Some(constant)) => {
                let mut floats = vec![0.0; length];
                matmul::pack(&constant.floats, inner, columns, transposed, &mut floats);
                self.constants.add_packed(key, transposed, floats)?
            }
            (None, None) => return Err(TOO_LARGE),
        };
        Ok(Value { shape, element: Element::F32, source: Source::Constant(packed) })
    }

    /// Gives every buffer the lowest place in the arena that is free while it is needed.
    pub(super) fn finish(mut self, outputs: Vec<Value>) -> Result<Plan, Error> {
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
