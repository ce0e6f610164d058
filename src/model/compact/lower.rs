//! From operators to kernels: shape inference and planning in one pass over the graph.

use super::kernel::Kernel;
use super::matmul::packed_len;
use super::memory::{Source, Value};
use super::operator::{Binary, Operator, Unary};
use super::plan::Planner;
use super::shape::{Shape, Walk, product};
use crate::Error;
use crate::model::onnx::{Element, MAX_RANK};

const NO_STRIDES: [isize; MAX_RANK] = [0; MAX_RANK];
const RANK: Error = Error::ModelTooLarge("a tensor has too many dimensions");
const AXIS: Error = Error::ModelGraph("an axis is out of range");
const BROADCAST: Error = Error::ModelGraph("shapes do not broadcast");
const INNER: Error = Error::ModelGraph("the inner dimensions of a matrix product differ");

impl Planner<'_> {
    /// Plans one node.
    pub(super) fn node(&mut self, operator: &Operator, inputs: &[Option<Value>]) -> Result<Value, Error> {
        let optional = |index: usize| inputs.get(index).copied().flatten();
        let input = |index| optional(index).ok_or(Error::ModelGraph("a node lacks an input"));
        let x = input(0)?;
        match operator {
            Operator::Binary(operator) => self.binary(*operator, x, input(1)?),
            Operator::Unary(operator) => self.unary(*operator, x),
            Operator::MatMul => self.mat_mul(x, input(1)?),
            &Operator::Gemm { alpha, beta, transpose_a, transpose_b } => {
                let a = if transpose_a { self.transpose(self.matrix(x)?, &[1, 0])? } else { x };
                let product = self.gemm(a, input(1)?, transpose_b)?;
                let product = self.scale(product, alpha)?;
                let Some(c) = optional(2) else { return Ok(product) };
                let c = self.scale(c, beta)?;
                self.onto(Binary::Add, product, c)
            }
            Operator::Softmax { axis } => self.softmax(x, *axis),
            Operator::LayerNormalization { axis, epsilon } => {
                let x = self.floats(x)?;
                let axis = Shape::axis(*axis, x.shape.rank()).ok_or(AXIS)?;
                let (_, first, rest) = x.shape.around(axis);
                let kernel = Kernel::Normalize { along: first * rest, epsilon: *epsilon };
                let cost = x.shape.elements().saturating_mul(8);
                let normal = self.emit(kernel, [Some(x), None, None], x.shape, Element::F32, cost)?;
                let scaled = self.onto(Binary::Mul, normal, input(1)?)?;
                optional(2).map_or(Ok(scaled), |bias| self.onto(Binary::Add, scaled, bias))
            }
            Operator::Concat { axis } => self.concat(*axis, inputs),
            Operator::Transpose { order: None } => {
                let order: Vec<usize> = (0..x.shape.rank()).rev().collect();
                self.transpose(x, &order)
            }
            Operator::Transpose { order: Some(order) } => {
                let axes = order.iter().map(|&axis| usize::try_from(axis).ok()).collect::<Option<Vec<_>>>();
                self.transpose(x, &axes.ok_or(AXIS)?)
            }
            Operator::Reshape { allow_zero } => self.reshape(x, &self.ints(input(1)?)?, *allow_zero),
            Operator::Squeeze => {
                let axes = optional(1).map(|axes| self.ints(axes)).transpose()?;
                let given = axes.map(|axes| mask(&axes, x.shape.rank())).transpose()?;
                let mut shape = Shape::SCALAR;
                for (axis, &dim) in x.shape.dims().iter().enumerate() {
                    match given {
                        Some(given) if given.get(axis) == Some(&true) => {
                            if dim != 1 {
                                return Err(Error::ModelGraph("Squeeze names a dimension that is not 1"));
                            }
                        }
                        None if dim == 1 => {}
                        _ => shape = shape.and(&[dim]).ok_or(RANK)?,
                    }
                }
                self.alias(x, shape)
            }
            Operator::Unsqueeze => {
                let axes = self.ints(input(1)?)?;
                let rank = x.shape.rank() + axes.len();
                let (new, mut dims, mut shape) = (mask(&axes, rank)?, x.shape.dims().iter(), Shape::SCALAR);
                for &new in new.iter().take(rank) {
                    let dim = if new { 1 } else { dims.next().copied().unwrap_or(1) };
                    shape = shape.and(&[dim]).ok_or(RANK)?;
                }
                self.alias(x, shape)
            }
            Operator::Expand => {
                let dims = self.dims(&self.ints(input(1)?)?)?;
                let shape = x.shape.broadcast(&Shape::new(&dims).ok_or(RANK)?).ok_or(BROADCAST)?;
                self.copy(x, shape, x.shape.strides_in(&shape), 0)
            }
            Operator::Slice => {
                let axes = optional(3).map(|axes| self.ints(axes)).transpose()?;
                let steps = optional(4).map(|steps| self.ints(steps)).transpose()?;
                self.slice(x, &self.ints(input(1)?)?, &self.ints(input(2)?)?, axes, steps)
            }
            Operator::Where => {
                let (yes, no) = (input(1)?, input(2)?);
                if x.element != Element::Bool {
                    return Err(Error::ModelGraph("the condition of Where is not a truth value"));
                }
                same_element(yes, no)?;
                let shape = x.shape.broadcast(&yes.shape).and_then(|shape| shape.broadcast(&no.shape));
                let shape = shape.ok_or(BROADCAST)?;
                let operands = [x, yes, no];
                for operand in &operands {
                    self.check_data(operand)?;
                }
                self.check(&shape)?;
                let walk = Walk::new(&shape, operands.map(|operand| operand.shape.strides_in(&shape)), 0);
                let cost = shape.elements().saturating_mul(2);
                self.emit(Kernel::Select(walk), operands.map(Some), shape, yes.element, cost)
            }
            Operator::Reduce { mean, axes, keep_dims, none_if_empty } => {
                let axes = match (axes, optional(1)) {
                    (Some(axes), _) => axes.clone(),
                    (None, Some(axes)) => self.ints(axes)?,
                    (None, None) => Vec::new(),
                };
                if axes.is_empty() && *none_if_empty {
                    return self.floats(x);
                }
                self.reduce(x, &axes, *mean, *keep_dims)
            }
            Operator::Clip => {
                let x = self.floats(x)?;
                let bounds = [optional(1), optional(2)];
                for bound in bounds.into_iter().flatten() {
                    if self.floats(bound)?.shape.elements() != 1 {
                        return Err(Error::ModelGraph("a bound of Clip is not one number"));
                    }
                }
                let [low, high] = bounds;
                let cost = x.shape.elements().saturating_mul(2);
                self.emit(Kernel::Clip, [Some(x), low, high], x.shape, Element::F32, cost)
            }
            Operator::Gather { axis } => self.gather(x, input(1)?, *axis),
            Operator::Identity => Ok(x),
            Operator::Cast { to } => self.cast(x, *to),
            &Operator::DequantizeLinear { axis, block } => {
                self.dequantize(x, input(1)?, optional(2), axis, block)
            }
        }
    }

    /// Refuses other elements than floats, and tensors that cannot be planned.
    fn floats(&self, value: Value) -> Result<Value, Error> {
        if value.element != Element::F32 {
            return self.refuse(value.element.name());
        }
        self.check_data(&value)?;
        Ok(value)
    }

    fn matrix(&self, value: Value) -> Result<Value, Error> {
        if value.shape.rank() != 2 {
            return Err(Error::ModelGraph("an operand of Gemm is not a matrix"));
        }
        self.floats(value)
    }

    /// A shape, axes, starts…: one-dimensional integers known at load.
    fn ints(&self, value: Value) -> Result<Vec<i64>, Error> {
        if !matches!(value.element, Element::I32 | Element::I64) || value.shape.rank() > 1 {
            return Err(Error::ModelGraph("a shape or axis is no list of integers"));
        }
        match value.source {
            Source::Constant(index) => {
                Ok(self.constants.get(index).map(|own| own.ints.clone()).unwrap_or_default())
            }
            _ => self.refuse("a shape or axis that is not constant"),
        }
    }

    fn dims(&self, ints: &[i64]) -> Result<Vec<usize>, Error> {
        let dims = ints.iter().map(|&dim| usize::try_from(dim).ok()).collect::<Option<_>>();
        dims.ok_or(Error::ModelGraph("a dimension is negative or too large"))
    }

    /// Elements of `value` by strides; nothing is copied where that changes nothing.
    fn copy(
        &mut self,
        value: Value,
        shape: Shape,
        strides: [isize; MAX_RANK],
        start: isize,
    ) -> Result<Value, Error> {
        self.check_data(&value)?;
        self.check(&shape)?;
        let walk = Walk::new(&shape, [strides, NO_STRIDES, NO_STRIDES], start);
        if walk.is_straight() && shape.elements() == value.shape.elements() {
            return self.alias(value, shape);
        }
        self.emit(Kernel::Copy(walk), [Some(value), None, None], shape, value.element, shape.elements())
    }

    fn binary(&mut self, operator: Binary, a: Value, b: Value) -> Result<Value, Error> {
        let a = self.floats(a)?;
        // An exponent may be an integer.
        if operator == Binary::Pow && matches!(b.element, Element::I32 | Element::I64) {
            self.check_data(&b)?;
        } else {
            self.floats(b)?;
        }
        let shape = a.shape.broadcast(&b.shape).ok_or(BROADCAST)?;
        let strides = [a.shape.strides_in(&shape), b.shape.strides_in(&shape), NO_STRIDES];
        self.binary_by(operator, a, b, shape, strides)
    }

    fn binary_by(
        &mut self,
        operator: Binary,
        a: Value,
        b: Value,
        shape: Shape,
        strides: [[isize; MAX_RANK]; 3],
    ) -> Result<Value, Error> {
        self.check(&shape)?;
        let kernel = Kernel::Binary(operator, Walk::new(&shape, strides, 0));
        let each = match operator {
            Binary::Add | Binary::Sub | Binary::Mul => 1,
            Binary::Div => 4,
            Binary::Pow => 32,
        };
        let cost = shape.elements().saturating_mul(each);
        self.emit(kernel, [Some(a), Some(b), None], shape, Element::F32, cost)
    }

    /// A binary operator the second operand of which must broadcast to the first.
    fn onto(&mut self, operator: Binary, a: Value, b: Value) -> Result<Value, Error> {
        if a.shape.broadcast(&b.shape) != Some(a.shape) {
            return Err(BROADCAST);
        }
        self.binary(operator, a, b)
    }

    fn unary(&mut self, operator: Unary, x: Value) -> Result<Value, Error> {
        let x = self.floats(x)?;
        let each = match operator {
            Unary::Relu | Unary::Scale(_) | Unary::Truncate | Unary::Truth => 1,
            Unary::Sqrt => 4,
            _ => 16,
        };
        let cost = x.shape.elements().saturating_mul(each);
        self.emit(Kernel::Unary(operator), [Some(x), None, None], x.shape, Element::F32, cost)
    }

    fn scale(&mut self, x: Value, factor: f32) -> Result<Value, Error> {
        if factor == 1.0 { Ok(x) } else { self.unary(Unary::Scale(factor), x) }
    }

    fn mat_mul(&mut self, a: Value, b: Value) -> Result<Value, Error> {
        let (a, b) = (self.floats(a)?, self.floats(b)?);
        let (Some((&inner, rows)), Some(_)) = (a.shape.dims().split_last(), b.shape.dims().first()) else {
            return Err(Error::ModelGraph("an operand of MatMul is a scalar"));
        };
        // A vector is one row on the left and one column on the right, and leaves no dimension behind.
        let (row, batch_a) = match rows.split_last() {
            Some((row, batch)) => (Some(*row), batch),
            None => (None, rows),
        };
        let (batch_b, inner_b, column) = match *b.shape.dims() {
            [ref batch @ .., inner, column] => (batch, inner, Some(column)),
            [inner] => (&[][..], inner, None),
            [] => return Err(INNER),
        };
        if inner != inner_b {
            return Err(INNER);
        }
        let batch_a = Shape::new(batch_a).ok_or(RANK)?;
        let batch_b = Shape::new(batch_b).ok_or(RANK)?;
        let batch = batch_a.broadcast(&batch_b).ok_or(BROADCAST)?;
        let mut shape = batch;
        for dim in [row, column].into_iter().flatten() {
            shape = shape.and(&[dim]).ok_or(RANK)?;
        }
        let columns = column.unwrap_or(1);
        let right = self.pack(b, inner, columns, false)?;
        if batch_b.elements() == 1 {
            // One matrix for all rows; what the batches of `a` are does not matter.
            return self.multiply(
                a,
                right,
                a.shape.elements() / inner,
                inner,
                columns,
                [Shape::SCALAR; 3],
                shape,
            );
        }
        let rows = row.unwrap_or(1);
        self.multiply(a, right, rows, inner, columns, [batch, batch_a, batch_b], shape)
    }

    fn gemm(&mut self, a: Value, b: Value, transpose_b: bool) -> Result<Value, Error> {
        let (a, b) = (self.matrix(a)?, self.matrix(b)?);
        let (rows, inner) = (a.shape.dim(0), a.shape.dim(1));
        let (inner_b, columns) =
            if transpose_b { (b.shape.dim(1), b.shape.dim(0)) } else { (b.shape.dim(0), b.shape.dim(1)) };
        if inner != inner_b {
            return Err(INNER);
        }
        let right = self.pack(b, inner, columns, transpose_b)?;
        let shape = Shape::new(&[rows, columns]).ok_or(RANK)?;
        self.multiply(a, right, rows, inner, columns, [Shape::SCALAR; 3], shape)
    }

    /// `batches`: the product's, and the left's and right's that broadcast to it.
    #[expect(clippy::too_many_arguments, reason = "a matrix product has three sizes and three operands")]
    fn multiply(
        &mut self,
        left: Value,
        right: Value,
        rows: usize,
        inner: usize,
        columns: usize,
        batches: [Shape; 3],
        shape: Shape,
    ) -> Result<Value, Error> {
        self.check(&shape)?;
        let [batch, batch_a, batch_b] = batches;
        let times = |strides: [isize; MAX_RANK], size: usize| strides.map(|stride| stride * size as isize);
        let packed = packed_len(inner, columns);
        let a = times(batch_a.strides_in(&batch), rows * inner);
        let b = times(batch_b.strides_in(&batch), packed);
        let matrices = Walk::each(&batch, [a, b, NO_STRIDES]);
        let cost = batch.elements().saturating_mul(rows).saturating_mul(packed).saturating_mul(2);
        let kernel = Kernel::Multiply { rows, inner, columns, matrices };
        self.emit(kernel, [Some(left), Some(right), None], shape, Element::F32, cost)
    }

    fn transpose(&mut self, x: Value, order: &[usize]) -> Result<Value, Error> {
        let axes: Vec<i64> = order.iter().map(|&axis| axis as i64).collect();
        if order.len() != x.shape.rank() {
            return Err(AXIS);
        }
        mask(&axes, x.shape.rank())?;
        let (own, mut strides, mut shape) = (x.shape.strides(), NO_STRIDES, Shape::SCALAR);
        for (stride, &axis) in strides.iter_mut().zip(order) {
            *stride = own.get(axis).copied().unwrap_or(0);
            shape = shape.and(&[x.shape.dim(axis)]).ok_or(RANK)?;
        }
        self.copy(x, shape, strides, 0)
    }

    fn softmax(&mut self, x: Value, axis: i64) -> Result<Value, Error> {
        let x = self.floats(x)?;
        let axis = Shape::axis(axis, x.shape.rank()).ok_or(AXIS)?;
        let (_, _, inner) = x.shape.around(axis);
        let mut order: Vec<usize> = (0..x.shape.rank()).collect();
        if inner > 1 {
            // Its own inverse.
            order.swap(axis, x.shape.rank() - 1);
        }
        let rows = self.transpose(x, &order)?;
        let kernel = Kernel::Softmax { along: x.shape.dim(axis) };
        let cost = x.shape.elements().saturating_mul(24);
        let result = self.emit(kernel, [Some(rows), None, None], rows.shape, Element::F32, cost)?;
        self.transpose(result, &order)
    }

    fn concat(&mut self, axis: i64, inputs: &[Option<Value>]) -> Result<Value, Error> {
        let lacks = Error::ModelGraph("a node lacks an input");
        let values = inputs.iter().copied().collect::<Option<Vec<_>>>().ok_or(lacks)?;
        let [first, others @ ..] = values.as_slice() else { return self.refuse("") };
        let axis = Shape::axis(axis, first.shape.rank()).ok_or(AXIS)?;
        let mut shape = first.shape;
        for other in others {
            same_element(*first, *other)?;
            shape.set(axis, shape.dim(axis).saturating_add(other.shape.dim(axis)));
            let mut aligned = other.shape;
            aligned.set(axis, first.shape.dim(axis));
            if aligned != first.shape {
                return Err(Error::ModelGraph("parts of Concat differ in more than its axis"));
            }
        }
        let mut parts = Vec::with_capacity(values.len());
        for value in &values {
            self.check_data(value)?;
            let (_, along, inner) = value.shape.around(axis);
            parts.push((value.source, along * inner));
        }
        self.check(&shape)?;
        let (_, along, inner) = shape.around(axis);
        let kernel = Kernel::Join { row: along * inner, parts };
        self.emit(kernel, [None; 3], shape, first.element, shape.elements())
    }

    fn reshape(&self, x: Value, wanted: &[i64], allow_zero: bool) -> Result<Value, Error> {
        let (mut dims, mut open) = (Vec::with_capacity(wanted.len()), None);
        for (axis, &dim) in wanted.iter().enumerate() {
            dims.push(match dim {
                -1 if open.replace(axis).is_some() => {
                    return Err(Error::ModelGraph("Reshape leaves two dimensions open"));
                }
                -1 => 1,
                0 if !allow_zero => *x.shape.dims().get(axis).ok_or(AXIS)?,
                dim => self.dims(&[dim])?.first().copied().unwrap_or(0),
            });
        }
        let rest = x.shape.elements() / product(&dims).max(1);
        if let Some(dim) = open.and_then(|axis| dims.get_mut(axis)) {
            *dim = rest;
        }
        self.alias(x, Shape::new(&dims).ok_or(RANK)?)
    }

    fn slice(
        &mut self,
        x: Value,
        starts: &[i64],
        ends: &[i64],
        axes: Option<Vec<i64>>,
        steps: Option<Vec<i64>>,
    ) -> Result<Value, Error> {
        let count = starts.len();
        let axes = axes.unwrap_or_else(|| (0_i64..).take(count).collect());
        let steps = steps.unwrap_or_else(|| vec![1; count]);
        if [ends.len(), axes.len(), steps.len()] != [count; 3] {
            return Err(Error::ModelGraph("the lists of Slice differ in length"));
        }
        mask(&axes, x.shape.rank())?;
        let (mut shape, mut strides, mut first) = (x.shape, x.shape.strides(), 0_isize);
        for (((&start, &end), &axis), &step) in starts.iter().zip(ends).zip(&axes).zip(&steps) {
            let axis = Shape::axis(axis, x.shape.rank()).ok_or(AXIS)?;
            let dim = x.shape.dim(axis) as i64;
            let from_end = |place: i64| if place < 0 { place.saturating_add(dim) } else { place };
            let (start, end) = match step {
                0 => return Err(Error::ModelGraph("a step of Slice is 0")),
                1.. => (from_end(start).clamp(0, dim), from_end(end).clamp(0, dim)),
                _ => (from_end(start).clamp(0, dim - 1), from_end(end).clamp(-1, dim - 1)),
            };
            let span = if step > 0 { end - start } else { start - end };
            // How many steps fit, the first place included.
            let taken = if span <= 0 { 0 } else { (span - 1).unsigned_abs() / step.unsigned_abs() + 1 };
            shape.set(axis, taken as usize);
            if let Some(stride) = strides.get_mut(axis) {
                first += start as isize * *stride;
                // A step that is taken is not longer than the dimension.
                *stride *= if taken > 1 { step as isize } else { 1 };
            }
        }
        self.copy(x, shape, strides, first)
    }

    fn reduce(&mut self, x: Value, axes: &[i64], mean: bool, keep_dims: bool) -> Result<Value, Error> {
        let mut x = self.floats(x)?;
        let rank = x.shape.rank();
        let reduced = if axes.is_empty() { [true; MAX_RANK] } else { mask(axes, rank)? };
        let (mut kept, mut gone, mut shape) = (Vec::new(), Vec::new(), Shape::SCALAR);
        for (axis, (&dim, &reduced)) in x.shape.dims().iter().zip(&reduced).enumerate() {
            if reduced {
                gone.push(axis);
            } else {
                kept.push(axis);
            }
            if !reduced || keep_dims {
                shape = shape.and(&[if reduced { 1 } else { dim }]).ok_or(RANK)?;
            }
        }
        let along: usize = gone.iter().map(|&axis| x.shape.dim(axis)).product();
        let (first, last) = (gone.first().copied().unwrap_or(0), gone.last().copied().unwrap_or(0));
        let mut inner = 1;
        if last + 1 - first == gone.len() {
            inner = x.shape.around(last).2;
        } else {
            kept.extend(&gone);
            x = self.transpose(x, &kept)?;
        }
        let cost = x.shape.elements();
        self.emit(Kernel::Sum { along, inner, mean }, [Some(x), None, None], shape, Element::F32, cost)
    }

    fn gather(&mut self, x: Value, indices: Value, axis: i64) -> Result<Value, Error> {
        self.check_data(&x)?;
        self.check_data(&indices)?;
        if !matches!(indices.element, Element::I32 | Element::I64) {
            return Err(Error::ModelGraph("an index of Gather is not an integer"));
        }
        let axis = Shape::axis(axis, x.shape.rank()).ok_or(AXIS)?;
        let (outer, inner) = x.shape.dims().split_at_checked(axis).ok_or(AXIS)?;
        let shape = Shape::new(outer).and_then(|shape| shape.and(indices.shape.dims()));
        let shape = shape.and_then(|shape| shape.and(inner.get(1..).unwrap_or(&[]))).ok_or(RANK)?;
        let (_, along, inner) = x.shape.around(axis);
        if let Source::Constant(index) = indices.source
            && let Some(constant) = self.constants.get(index)
            && !constant.ints.iter().all(|&index| Shape::axis(index, along).is_some())
        {
            return Err(Error::ModelGraph("an index of Gather is out of range"));
        }
        let kernel = Kernel::Gather { along, inner };
        self.emit(kernel, [Some(x), Some(indices), None], shape, x.element, shape.elements())
    }

    fn cast(&mut self, x: Value, to: Element) -> Result<Value, Error> {
        self.check_data(&x)?;
        let kernel = match (x.element, to) {
            (from, to) if from == to => return Ok(x),
            (_, Element::Bool) => Kernel::Unary(Unary::Truth),
            (Element::F32, _) => Kernel::Unary(Unary::Truncate),
            // Constants were checked to have 24 bits; a computed one may need wrapping around.
            (Element::I64, Element::I32) if !matches!(x.source, Source::Constant(_)) => {
                return self.refuse("int64 to int32");
            }
            _ => return Ok(Value { element: to, ..x }),
        };
        self.emit(kernel, [Some(x), None, None], x.shape, to, x.shape.elements())
    }

    fn dequantize(
        &mut self,
        x: Value,
        scale: Value,
        zero: Option<Value>,
        axis: i64,
        block: usize,
    ) -> Result<Value, Error> {
        match x.element {
            // Integers beyond 24 bits are rounded, as the operator says.
            Element::I32 => self.check(&x.shape)?,
            Element::I8 | Element::U8 => self.check_data(&x)?,
            other => return self.refuse(other.name()),
        }
        let scale = self.floats(scale)?;
        if let Some(zero) = zero {
            same_element(x, zero)?;
            self.check_data(&zero)?;
            if zero.shape != scale.shape {
                return Err(Error::ModelGraph("scale and zero point differ in shape"));
            }
        }
        let (mut shape, mut strides) = (x.shape, NO_STRIDES);
        if block > 0 {
            // Seen as blocks, with one dimension more, along which the scale repeats.
            let axis = Shape::axis(axis, x.shape.rank()).ok_or(AXIS)?;
            let (_, dim, _) = x.shape.around(axis);
            if dim % block != 0 {
                return self.refuse("a last block that is not full");
            }
            let mut blocks = x.shape;
            blocks.set(axis, dim / block);
            if blocks != scale.shape {
                return Err(Error::ModelGraph("the scale does not fit its blocks"));
            }
            let (outer, inner) = x.shape.dims().split_at_checked(axis).ok_or(AXIS)?;
            let split = |last: usize| {
                let shape = Shape::new(outer).and_then(|shape| shape.and(&[dim / block, last]));
                shape.and_then(|shape| shape.and(inner.get(1..).unwrap_or(&[]))).ok_or(RANK)
            };
            shape = split(block)?;
            strides = split(1)?.strides_in(&shape);
        } else if scale.shape.elements() > 1 {
            let axis = Shape::axis(axis, x.shape.rank()).ok_or(AXIS)?;
            if scale.shape.dims() != [x.shape.dim(axis)] {
                return Err(Error::ModelGraph("the scale does not fit its axis"));
            }
            if let Some(stride) = strides.get_mut(axis) {
                *stride = 1;
            }
        }
        let strides = [shape.strides(), strides, NO_STRIDES];
        let whole = x.shape;
        let x = match zero {
            Some(zero) => self.binary_by(Binary::Sub, x, zero, shape, strides)?,
            None => x,
        };
        let result = self.binary_by(Binary::Mul, x, scale, shape, strides)?;
        self.alias(result, whole)
    }
}

/// Which of `rank` axes a list names, each at most once.
fn mask(axes: &[i64], rank: usize) -> Result<[bool; MAX_RANK], Error> {
    let mut named = [false; MAX_RANK];
    for &axis in axes {
        let place = Shape::axis(axis, rank).and_then(|axis| named.get_mut(axis)).ok_or(AXIS)?;
        if core::mem::replace(place, true) {
            return Err(Error::ModelGraph("an axis is named twice"));
        }
    }
    Ok(named)
}

fn same_element(a: Value, b: Value) -> Result<(), Error> {
    if a.element == b.element {
        Ok(())
    } else {
        Err(Error::ModelGraph("operands differ in their element type"))
    }
}

impl Element {
    fn name(self) -> &'static str {
        match self {
            Self::F32 => "float",
            Self::U8 => "uint8",
            Self::I8 => "int8",
            Self::I32 => "int32",
            Self::I64 => "int64",
            Self::Bool => "bool",
        }
    }
}
