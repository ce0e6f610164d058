//! From operators to kernels: shape inference and planning in one pass over the graph. What only moves elements stands in
//! `moves.rs`.

use super::kernel::Kernel;
use super::memory::Source;
use super::moves::mask;
use super::operator::Operator;
use super::plan::{Id, NONE, Planner};
use super::shape::Shape;
use crate::model::onnx::Element;
use crate::model::refusal::{Refusal, Refused};
use crate::words::Words;
use nearside_kernels::elements::Function;
use nearside_kernels::matmul::packed_len;
use nearside_kernels::walk::{MAX_RANK, Strides, Walk};

pub(super) const NO_STRIDES: Strides = [0; MAX_RANK];
/// What elements cost in rows of so many, each row some more.
#[inline(never)]
pub(super) fn by_rows(elements: usize, each: usize, row: usize, begun: usize) -> usize {
    elements.saturating_mul(each).saturating_add((elements / row.max(1)).saturating_mul(begun))
}

const INNER: &Refusal = &Refusal::Graph(Words::MatrixInner);

/// What a matrix product is made of.
struct Product {
    left: Id,
    /// Packed.
    right: Id,
    rows: usize,
    inner: usize,
    columns: usize,
}

impl Planner<'_> {
    /// Plans one node. `inputs` may end early or hold [`NONE`] for what may be left out; `list` is the attribute that is one.
    pub(super) fn node(&mut self, operator: Operator, list: Option<&[i64]>, inputs: &[Id]) -> Refused<Id> {
        let [x, y, z, axes, steps] = [0, 1, 2, 3, 4].map(|place| inputs.get(place).copied().unwrap_or(NONE));
        match operator {
            Operator::Unary(function) => self.unary(function, x),
            Operator::Binary(function) => self.binary(function, x, y),
            Operator::MatMul => self.mat_mul(x, y),
            Operator::Gemm { alpha, beta, transpose_a, transpose_b } => {
                self.matrix(x)?;
                let x = if transpose_a { self.transpose(x, Some(&[1, 0]))? } else { x };
                let product = self.gemm(x, y, transpose_b)?;
                let product = self.scale(product, alpha)?;
                if z == NONE {
                    return Ok(product);
                }
                let z = self.scale(z, beta)?;
                self.onto(Function::Add, product, z)
            }
            Operator::Softmax { axis } => self.softmax(x, axis),
            Operator::LayerNormalization { axis, epsilon } => {
                self.floats(x)?;
                let shape = *self.shape(x);
                let (_, first, rest) = shape.around(shape.axis(axis)?);
                let kernel = Kernel::Normalize { along: first * rest, epsilon };
                let cost = by_rows(shape.elements(), 8, first * rest, 160);
                let normal = self.emit(kernel, [x, NONE, NONE], &shape, Element::F32, cost)?;
                let scaled = self.onto(Function::Mul, normal, y)?;
                if z == NONE { Ok(scaled) } else { self.onto(Function::Add, scaled, z) }
            }
            Operator::Concat { axis } => self.concat(axis, inputs),
            Operator::Transpose => self.transpose(x, list),
            Operator::Reshape { allow_zero } => self.reshape(x, y, allow_zero),
            Operator::Squeeze => self.squeeze(x, y),
            Operator::Unsqueeze => self.unsqueeze(x, y),
            Operator::Expand => self.expand(x, y),
            Operator::Slice => self.slice(x, [y, z, axes, steps]),
            Operator::Where => {
                if self.value(x).element != Element::Bool {
                    return Err(&Refusal::Graph(Words::WhereCondition));
                }
                self.same_element(y, z)?;
                let shape = self.shape(x).broadcast(self.shape(y))?.broadcast(self.shape(z))?;
                self.elements(Function::Select, [x, y, z], &shape, self.value(y).element)
            }
            Operator::Reduce { mean, keep_dims, none_if_empty } => {
                let given = if y == NONE { list } else { Some(self.ints(y)?) };
                let reduced = match given {
                    Some(axes @ [_, ..]) => mask(axes, self.shape(x).rank())?,
                    _ if none_if_empty => return Ok(x),
                    _ => [true; MAX_RANK],
                };
                self.reduce(x, &reduced, mean, keep_dims)
            }
            Operator::Clip => {
                for bound in [y, z] {
                    self.floats(bound)?;
                    if self.shape(bound).elements() != 1 {
                        return Err(&Refusal::Graph(Words::ClipBound));
                    }
                }
                self.floats(x)?;
                let shape = *self.shape(x);
                self.elements(Function::Clip, [x, y, z], &shape, Element::F32)
            }
            Operator::Gather { axis } => self.gather(x, y, axis),
            Operator::Identity => Ok(x),
            Operator::Cast { to } => self.cast(x, to.ok_or(&Refusal::Graph(Words::CastTo))?),
            Operator::DequantizeLinear { axis, block } => self.dequantize([x, y, z], axis, block),
        }
    }

    /// Refuses other elements than floats, and tensors that cannot be planned.
    #[inline(never)]
    fn floats(&self, id: Id) -> Refused<()> {
        match self.value(id).element {
            Element::F32 => self.check_data(id),
            Element::U8 => Err(&Refusal::Unsupported(Words::Uint8)),
            Element::I8 => Err(&Refusal::Unsupported(Words::Int8)),
            Element::I32 => Err(&Refusal::Unsupported(Words::Int32)),
            Element::I64 => Err(&Refusal::Unsupported(Words::Int64)),
            Element::Bool => Err(&Refusal::Unsupported(Words::Bool)),
        }
    }

    #[inline(never)]
    pub(super) fn same_element(&self, a: Id, b: Id) -> Refused<()> {
        if self.value(a).element == self.value(b).element {
            return Ok(());
        }
        Err(&Refusal::Graph(Words::ElementsDiffer))
    }

    /// A function of operands that broadcast to `shape`.
    #[inline(never)]
    fn elements(
        &mut self,
        function: Function,
        operands: [Id; 3],
        shape: &Shape,
        element: Element,
    ) -> Refused<Id> {
        let strides = operands.map(|id| self.shape(id).strides_in(shape));
        self.elements_by(function, operands, shape, element, &strides, 0)
    }

    /// A function of operands that are read by strides, the first one from `start` on.
    #[inline(never)]
    pub(super) fn elements_by(
        &mut self,
        function: Function,
        operands: [Id; 3],
        shape: &Shape,
        element: Element,
        strides: &[Strides; 3],
        start: isize,
    ) -> Refused<Id> {
        self.check(shape)?;
        let walk = Box::new(Walk::new(shape.dims(), strides, start));
        let cost = by_rows(shape.elements(), function.cost(), walk.row(), 64);
        self.emit(Kernel::Elements(function, walk), operands, shape, element, cost)
    }

    #[inline(never)]
    fn unary(&mut self, function: Function, x: Id) -> Refused<Id> {
        self.floats(x)?;
        let shape = *self.shape(x);
        self.elements(function, [x, NONE, NONE], &shape, Element::F32)
    }

    /// Without what is nearer to 0 than a factor of a matrix product may be.
    #[inline(never)]
    pub(super) fn quiet(&mut self, x: Id) -> Refused<Id> {
        let shape = *self.shape(x);
        self.elements(Function::Quiet, [x, NONE, NONE], &shape, Element::F32)
    }

    #[inline(never)]
    fn scale(&mut self, x: Id, factor: f32) -> Refused<Id> {
        if factor == 1.0 { Ok(x) } else { self.unary(Function::Scale(factor), x) }
    }

    #[inline(never)]
    fn binary(&mut self, function: Function, a: Id, b: Id) -> Refused<Id> {
        self.floats(a)?;
        // The square, which libm's power multiplies as well.
        if function == Function::Pow && self.shape(b).rank() <= self.shape(a).rank() && self.is_two(b) {
            return self.binary(Function::Mul, a, a);
        }
        // An exponent may be an integer.
        if function == Function::Pow && matches!(self.value(b).element, Element::I32 | Element::I64) {
            self.check_data(b)?;
        } else {
            self.floats(b)?;
        }
        let shape = self.shape(a).broadcast(self.shape(b))?;
        self.elements(function, [a, b, NONE], &shape, Element::F32)
    }

    /// Whether a value is the one constant number 2.
    fn is_two(&self, id: Id) -> bool {
        let Source::Constant(index) = self.value(id).source else { return false };
        self.constants.get(index).is_some_and(|constant| constant.floats == [2.0])
    }

    /// A binary operator the second operand of which must broadcast to the first.
    #[inline(never)]
    fn onto(&mut self, function: Function, a: Id, b: Id) -> Refused<Id> {
        let shape = *self.shape(a);
        let result = self.binary(function, a, b)?;
        // The same shape, or an error.
        self.alias(result, &shape)
    }

    fn mat_mul(&mut self, a: Id, b: Id) -> Refused<Id> {
        self.floats(a)?;
        self.floats(b)?;
        let (shape_a, shape_b) = (*self.shape(a), *self.shape(b));
        // A vector is one row on the left and one column on the right, and leaves no dimension behind.
        let (batch_a, rows, inner) = match *shape_a.dims() {
            [ref batch @ .., rows, inner] => (batch, Some(rows), inner),
            [inner] => (&[][..], None, inner),
            [] => return Err(INNER),
        };
        let (batch_b, inner_b, columns) = match *shape_b.dims() {
            [ref batch @ .., inner, columns] => (batch, inner, Some(columns)),
            [inner] => (&[][..], inner, None),
            [] => return Err(INNER),
        };
        if inner != inner_b {
            return Err(INNER);
        }
        let (batch_a, batch_b) = (Shape::new(batch_a)?, Shape::new(batch_b)?);
        let batch = batch_a.broadcast(&batch_b)?;
        let mut shape = batch;
        for dim in [rows, columns].into_iter().flatten() {
            shape.push(dim)?;
        }
        let (rows, columns) = (rows.unwrap_or(1), columns.unwrap_or(1));
        let right = self.pack(b, inner, columns, false)?;
        let product = Product { left: a, right, rows, inner, columns };
        if batch_b.elements() > 1 {
            return self.multiply(product, &batch, [&batch_a, &batch_b], &shape);
        }
        // One matrix for all rows; what the batches of `a` are does not matter.
        let product = Product { rows: shape_a.elements() / inner, ..product };
        self.multiply(product, &Shape::SCALAR, [&Shape::SCALAR; 2], &shape)
    }

    #[inline(never)]
    fn matrix(&self, id: Id) -> Refused<()> {
        if self.shape(id).rank() != 2 {
            return Err(&Refusal::Graph(Words::GemmOperand));
        }
        self.floats(id)
    }

    fn gemm(&mut self, a: Id, b: Id, transpose_b: bool) -> Refused<Id> {
        self.matrix(b)?;
        let (a_shape, b_shape) = (self.shape(a), self.shape(b));
        let (rows, inner) = (a_shape.dim(0), a_shape.dim(1));
        let columns = b_shape.dim(usize::from(!transpose_b));
        if inner != b_shape.dim(usize::from(transpose_b)) {
            return Err(INNER);
        }
        let right = self.pack(b, inner, columns, transpose_b)?;
        let product = Product { left: a, right, rows, inner, columns };
        self.multiply(product, &Shape::SCALAR, [&Shape::SCALAR; 2], &Shape::of([rows, columns]))
    }

    /// One product for each element of `batch`, to which the batches of both operands broadcast.
    #[inline(never)]
    fn multiply(&mut self, product: Product, batch: &Shape, of: [&Shape; 2], shape: &Shape) -> Refused<Id> {
        self.check(shape)?;
        let Product { left, right, rows, inner, columns } = product;
        let left = self.quiet(left)?;
        let packed = packed_len(inner, columns);
        let mut strides = [of[0].strides_in(batch), of[1].strides_in(batch), NO_STRIDES];
        for (strides, size) in strides.iter_mut().zip([rows * inner, packed]) {
            strides.iter_mut().for_each(|stride| *stride *= size as isize);
        }
        let matrices = Box::new(Walk::each(batch.dims(), &strides));
        let one = rows.saturating_mul(packed).saturating_mul(2).saturating_add(64);
        let cost = batch.elements().saturating_mul(one);
        let kernel = Kernel::Multiply { rows, inner, columns, matrices };
        self.emit(kernel, [left, right, NONE], shape, Element::F32, cost)
    }

    fn softmax(&mut self, x: Id, axis: i64) -> Refused<Id> {
        self.floats(x)?;
        let shape = *self.shape(x);
        let axis = shape.axis(axis)?;
        let (_, along, inner) = shape.around(axis);
        let mut order: Vec<i64> = (0..shape.rank() as i64).collect();
        if inner > 1 {
            // Its own inverse.
            order.swap(axis, shape.rank() - 1);
        }
        let rows = self.transpose(x, Some(&order))?;
        let shape = *self.shape(rows);
        let cost = by_rows(shape.elements(), 40, along, 96);
        let result = self.emit(Kernel::Softmax { along }, [rows, NONE, NONE], &shape, Element::F32, cost)?;
        self.transpose(result, Some(&order))
    }

    fn reduce(&mut self, x: Id, reduced: &[bool; MAX_RANK], mean: bool, keep_dims: bool) -> Refused<Id> {
        self.floats(x)?;
        let from = *self.shape(x);
        let (mut order, mut gone, mut shape) = (Vec::new(), Vec::new(), Shape::SCALAR);
        let (mut along, mut inner) = (1, 1);
        for ((axis, &dim), &reduced) in (0_i64..).zip(from.dims()).zip(reduced) {
            if reduced {
                gone.push(axis);
                (along, inner) = (along * dim, 1);
            } else {
                order.push(axis);
                inner *= dim;
            }
            if !reduced || keep_dims {
                shape.push(if reduced { 1 } else { dim })?;
            }
        }
        let mut x = x;
        if let ([first, ..], [.., last]) = (gone.as_slice(), gone.as_slice())
            && last - first >= gone.len() as i64
        {
            // Axes that do not lie together go to the end.
            inner = 1;
            order.extend(&gone);
            x = self.transpose(x, Some(&order))?;
        }
        let kernel = Kernel::Sum { along, inner, mean };
        let row = if inner == 1 { along } else { inner };
        let divided = shape.elements().saturating_mul(if mean { 16 } else { 1 });
        let cost = by_rows(from.elements(), 1, row, 24).saturating_add(divided);
        self.emit(kernel, [x, NONE, NONE], &shape, Element::F32, cost)
    }

    fn cast(&mut self, x: Id, to: Element) -> Refused<Id> {
        self.check_data(x)?;
        let value = self.value(x);
        let function = match (value.element, to) {
            (from, to) if from == to => return Ok(x),
            (_, Element::Bool) => Function::Truth,
            (Element::F32, _) => Function::Truncate,
            // Constants were checked to have 24 bits; a computed one may need wrapping around.
            (Element::I64, Element::I32) if !matches!(value.source, Source::Constant(_)) => {
                return Err(&Refusal::Unsupported(Words::Int64ToInt32));
            }
            _ => return Ok(self.retyped(x, to)),
        };
        let shape = value.shape;
        self.elements(function, [x, NONE, NONE], &shape, to)
    }

    /// Elements, their scale and their zero point, which may be left out.
    fn dequantize(&mut self, [x, scale, zero]: [Id; 3], axis: i64, block: i64) -> Refused<Id> {
        match self.value(x).element {
            // Integers beyond 24 bits are rounded, as the operator says.
            Element::I32 => {}
            Element::I8 | Element::U8 => self.check_data(x)?,
            _ => return Err(&Refusal::Unsupported(Words::NotQuantized)),
        }
        self.floats(scale)?;
        let (whole, steps) = (*self.shape(x), *self.shape(scale));
        if zero != NONE {
            self.same_element(x, zero)?;
            self.check_data(zero)?;
            if *self.shape(zero) != steps {
                return Err(&Refusal::Graph(Words::ScaleZeroPoint));
            }
        }
        // The scale's shape, seen as one that broadcasts to that of the elements.
        let (mut shape, mut spread) = (whole, Shape::SCALAR);
        if block != 0 {
            let axis = whole.axis(axis)?;
            let block = usize::try_from(block).or(Err(&Refusal::Graph(Words::BlockNegative)))?;
            if whole.dim(axis) % block != 0 {
                return Err(&Refusal::Unsupported(Words::BlockNotFull));
            }
            let mut blocks = whole;
            blocks.set(axis, whole.dim(axis) / block);
            if blocks != steps {
                return Err(&Refusal::Graph(Words::ScaleBlocks));
            }
            // One dimension more, along which the scale repeats.
            shape = Shape::SCALAR;
            for (place, &dim) in blocks.dims().iter().enumerate() {
                shape.push(dim)?;
                spread.push(dim)?;
                if place == axis {
                    shape.push(block)?;
                    spread.push(1)?;
                }
            }
        } else if steps.elements() > 1 {
            let axis = whole.axis(axis)?;
            if steps.dims() != [whole.dim(axis)] {
                return Err(&Refusal::Graph(Words::ScaleAxis));
            }
            for (place, &dim) in whole.dims().iter().enumerate() {
                spread.push(if place == axis { dim } else { 1 })?;
            }
        }
        let strides = [shape.strides(), spread.strides_in(&shape), NO_STRIDES];
        let mut x = x;
        if zero != NONE {
            x = self.elements_by(Function::Sub, [x, zero, NONE], &shape, Element::F32, &strides, 0)?;
        }
        let result = self.elements_by(Function::Mul, [x, scale, NONE], &shape, Element::F32, &strides, 0)?;
        self.alias(result, &whole)
    }
}
