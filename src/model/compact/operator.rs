//! The operators that the engine runs, with their attributes as ONNX defines them for opsets 13 to 21.

use crate::model::onnx::{Attribute, Element, Node};
use crate::model::refusal::{Refusal, unsupported};
use crate::{Error, Words};
use nearside_kernels::elements::Function;

/// One operator with its attributes.
#[derive(Clone, Copy)]
pub(super) enum Operator {
    /// One operand, element by element.
    Unary(Function),
    /// Two operands, element by element.
    Binary(Function),
    MatMul,
    Gemm {
        alpha: f32,
        beta: f32,
        transpose_a: bool,
        transpose_b: bool,
    },
    Softmax {
        axis: i64,
    },
    LayerNormalization {
        axis: i64,
        epsilon: f32,
    },
    Concat {
        axis: i64,
    },
    Transpose,
    Reshape {
        allow_zero: bool,
    },
    Squeeze,
    Unsqueeze,
    Expand,
    Slice,
    Where,
    Reduce {
        mean: bool,
        keep_dims: bool,
        none_if_empty: bool,
    },
    Clip,
    Gather {
        axis: i64,
    },
    Identity,
    Cast {
        to: Option<Element>,
    },
    DequantizeLinear {
        axis: i64,
        block: i64,
    },
}

/// ONNX requires the axis of Concat: left alone, this one is out of every range.
const REQUIRED: i64 = i64::MAX;

/// Name, the opset that introduced it (13 for older ones), the least and the most inputs, and its attributes' defaults.
static OPERATORS: [(&str, i64, usize, usize, Operator); 36] = {
    use Operator::{Binary, Reduce, Unary};
    [
        ("Add", 13, 2, 2, Binary(Function::Add)),
        ("Sub", 13, 2, 2, Binary(Function::Sub)),
        ("Mul", 13, 2, 2, Binary(Function::Mul)),
        ("Div", 13, 2, 2, Binary(Function::Div)),
        ("Pow", 13, 2, 2, Binary(Function::Pow)),
        ("Sqrt", 13, 1, 1, Unary(Function::Sqrt)),
        ("Exp", 13, 1, 1, Unary(Function::Exp)),
        ("Log", 13, 1, 1, Unary(Function::Log)),
        ("Neg", 13, 1, 1, Unary(Function::Scale(-1.0))),
        ("Reciprocal", 13, 1, 1, Unary(Function::Reciprocal)),
        ("Relu", 13, 1, 1, Unary(Function::Relu)),
        ("LeakyRelu", 13, 1, 1, Unary(Function::LeakyRelu(0.01))),
        ("Elu", 13, 1, 1, Unary(Function::Elu(1.0))),
        ("Gelu", 20, 1, 1, Unary(Function::Gelu)),
        ("Erf", 13, 1, 1, Unary(Function::Erf)),
        ("Sigmoid", 13, 1, 1, Unary(Function::Sigmoid)),
        ("Tanh", 13, 1, 1, Unary(Function::Tanh)),
        ("MatMul", 13, 2, 2, Operator::MatMul),
        ("Gemm", 13, 2, 3, Operator::Gemm { alpha: 1.0, beta: 1.0, transpose_a: false, transpose_b: false }),
        ("Softmax", 13, 1, 1, Operator::Softmax { axis: -1 }),
        ("LayerNormalization", 17, 2, 3, Operator::LayerNormalization { axis: -1, epsilon: 1e-5 }),
        ("Concat", 13, 1, usize::MAX, Operator::Concat { axis: REQUIRED }),
        ("Transpose", 13, 1, 1, Operator::Transpose),
        ("Reshape", 13, 2, 2, Operator::Reshape { allow_zero: false }),
        ("Squeeze", 13, 1, 2, Operator::Squeeze),
        ("Unsqueeze", 13, 2, 2, Operator::Unsqueeze),
        ("Expand", 13, 2, 2, Operator::Expand),
        ("Slice", 13, 3, 5, Operator::Slice),
        ("Where", 13, 3, 3, Operator::Where),
        ("ReduceSum", 13, 1, 2, Reduce { mean: false, keep_dims: true, none_if_empty: false }),
        ("ReduceMean", 13, 1, 2, Reduce { mean: true, keep_dims: true, none_if_empty: false }),
        ("Clip", 13, 1, 3, Operator::Clip),
        ("Gather", 13, 2, 2, Operator::Gather { axis: 0 }),
        ("Identity", 13, 1, 1, Operator::Identity),
        ("Cast", 13, 1, 1, Operator::Cast { to: None }),
        ("DequantizeLinear", 13, 2, 3, Operator::DequantizeLinear { axis: 1, block: 0 }),
    ]
};

impl Operator {
    /// Reads a node of the default operator set. The second result is its list-valued attribute (`perm`, `axes`).
    pub(super) fn read(node: &Node, opset: i64) -> Result<(Self, Option<Vec<i64>>), Error> {
        let Some((name, since, least, most, operator)) =
            OPERATORS.iter().find(|known| known.0 == node.operator)
        else {
            return Err(unsupported(node.operator, None, ""));
        };
        if opset < *since {
            let since = if *since == 17 { "17" } else { "20" };
            return Err(unsupported(name, Some(Words::BeforeOpset), since));
        }
        let (mut operator, mut list) = (*operator, None);
        for (place, (attribute, value)) in node.attributes.iter().enumerate() {
            if node.attributes.iter().take(place).any(|(earlier, _)| earlier == attribute) {
                return Err(Refusal::Graph(Words::AttributeTwice).of(name));
            }
            if !operator.set(attribute, value, opset) {
                match value {
                    Attribute::Ints(values) if operator.takes_list(attribute, opset) => {
                        list = Some(values.clone())
                    }
                    _ => return Err(unsupported(name, Some(Words::Attribute), attribute)),
                }
            }
        }
        let given = node.inputs.iter().take_while(|name| !name.is_empty()).count();
        if given < *least || node.inputs.len() > *most {
            return Err(Refusal::Graph(Words::NodeInputs).of(name));
        }
        match node.outputs.as_slice() {
            [_] => {}
            [_, others @ ..] if others.iter().all(|name| name.is_empty()) => {}
            _ => return Err(Refusal::Unsupported(Words::MoreOutputs).of(name)),
        }
        Ok((operator, list))
    }

    /// Whether the operator has this attribute, with a value that it can have here.
    fn set(&mut self, attribute: &str, value: &Attribute, opset: i64) -> bool {
        match (self, attribute, value) {
            (
                Self::Softmax { axis }
                | Self::LayerNormalization { axis, .. }
                | Self::Concat { axis }
                | Self::Gather { axis }
                | Self::DequantizeLinear { axis, .. },
                "axis",
                Attribute::Int(value),
            ) => *axis = *value,
            (
                Self::Gemm { alpha, .. } | Self::Unary(Function::LeakyRelu(alpha) | Function::Elu(alpha)),
                "alpha",
                Attribute::Float(value),
            ) => *alpha = *value,
            (Self::Gemm { beta, .. }, "beta", Attribute::Float(value)) => *beta = *value,
            (Self::Gemm { transpose_a: flag, .. }, "transA", Attribute::Int(value))
            | (Self::Gemm { transpose_b: flag, .. }, "transB", Attribute::Int(value))
            | (Self::Reduce { keep_dims: flag, .. }, "keepdims", Attribute::Int(value)) => {
                *flag = *value != 0
            }
            (Self::Reshape { allow_zero: flag }, "allowzero", Attribute::Int(value)) if opset >= 14 => {
                *flag = *value != 0;
            }
            (Self::Reduce { mean, none_if_empty, .. }, "noop_with_empty_axes", Attribute::Int(value))
                if !*mean || opset >= 18 =>
            {
                *none_if_empty = *value != 0;
            }
            (Self::LayerNormalization { epsilon, .. }, "epsilon", Attribute::Float(value)) => {
                *epsilon = *value
            }
            (Self::LayerNormalization { .. }, "stash_type", Attribute::Int(1)) => {}
            (Self::Unary(Function::Gelu), "approximate", Attribute::Text("none")) => {}
            (Self::Unary(function @ Function::Gelu), "approximate", Attribute::Text("tanh")) => {
                *function = Function::GeluTanh;
            }
            (Self::Cast { to }, "to", Attribute::Int(value)) => {
                *to = match value {
                    1 => Some(Element::F32),
                    6 => Some(Element::I32),
                    7 => Some(Element::I64),
                    9 => Some(Element::Bool),
                    _ => return false,
                };
            }
            // Only casts to 8-bit floats look at it.
            (Self::Cast { .. }, "saturate", Attribute::Int(_)) if opset >= 19 => {}
            (Self::DequantizeLinear { block, .. }, "block_size", Attribute::Int(value)) if opset >= 21 => {
                *block = *value;
            }
            _ => return false,
        }
        true
    }

    fn takes_list(&self, attribute: &str, opset: i64) -> bool {
        match self {
            Self::Transpose => attribute == "perm",
            Self::Reduce { mean: true, .. } => attribute == "axes" && opset < 18,
            _ => false,
        }
    }
}
