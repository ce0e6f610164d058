//! The operators that the engine runs, with their attributes as ONNX defines them for opsets 13 to 21.

use crate::Error;
use crate::model::onnx::{Attribute, Element, Node};

/// One operator with its attributes, defaults filled in.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Operator {
    Binary(Binary),
    Unary(Unary),
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
    Transpose {
        order: Option<Vec<i64>>,
    },
    Reshape {
        allow_zero: bool,
    },
    Squeeze,
    Unsqueeze,
    Expand,
    Slice,
    Where,
    /// `axes` come as an attribute or as the second input.
    Reduce {
        mean: bool,
        axes: Option<Vec<i64>>,
        keep_dims: bool,
        none_if_empty: bool,
    },
    Clip,
    Gather {
        axis: i64,
    },
    Identity,
    Cast {
        to: Element,
    },
    DequantizeLinear {
        axis: i64,
        block: usize,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Binary {
    Add,
    Sub,
    Mul,
    Div,
    Pow,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Unary {
    Sqrt,
    Exp,
    Log,
    Relu,
    Gelu,
    GeluTanh,
    Erf,
    Sigmoid,
    Tanh,
    /// Times a constant.
    Scale(f32),
    /// Towards zero, as a cast to an integer rounds.
    Truncate,
    /// 1 where the element is not zero, as a cast to a truth value.
    Truth,
}

/// An error that names the operator, with the variant that is the matter.
pub(super) fn unsupported(operator: &str, variant: &str) -> Error {
    // The name may come from a hostile file.
    let name: String = operator.chars().take(64).collect();
    let operator = if variant.is_empty() { name } else { [&name, " (", variant, ")"].concat() };
    Error::OperatorUnsupported { operator }
}

/// The attributes of a node, each of which must be asked for.
struct Attributes<'n, 'a> {
    node: &'n Node<'a>,
    asked: Vec<&'static str>,
}

const WRONG_TYPE: Error = Error::ModelGraph("an attribute has the wrong type");

impl<'n, 'a> Attributes<'n, 'a> {
    fn get(&mut self, name: &'static str) -> Option<&'n Attribute<'a>> {
        self.asked.push(name);
        self.node.attributes.iter().find(|(own, _)| *own == name).map(|(_, attribute)| attribute)
    }

    fn int(&mut self, name: &'static str, default: i64) -> Result<i64, Error> {
        match self.get(name) {
            None => Ok(default),
            Some(&Attribute::Int(value)) => Ok(value),
            Some(_) => Err(WRONG_TYPE),
        }
    }

    fn flag(&mut self, name: &'static str, default: bool) -> Result<bool, Error> {
        Ok(self.int(name, default.into())? != 0)
    }

    fn float(&mut self, name: &'static str, default: f32) -> Result<f32, Error> {
        match self.get(name) {
            None => Ok(default),
            Some(&Attribute::Float(value)) => Ok(value),
            Some(_) => Err(WRONG_TYPE),
        }
    }

    fn ints(&mut self, name: &'static str) -> Result<Option<Vec<i64>>, Error> {
        match self.get(name) {
            None => Ok(None),
            Some(Attribute::Ints(values)) => Ok(Some(values.clone())),
            Some(_) => Err(WRONG_TYPE),
        }
    }

    /// An attribute that ONNX requires.
    fn required(&mut self, name: &'static str) -> Result<i64, Error> {
        match self.get(name) {
            Some(&Attribute::Int(value)) => Ok(value),
            Some(_) => Err(WRONG_TYPE),
            None => Err(Error::ModelGraph("a required attribute is missing")),
        }
    }

    /// Refuses attributes that were not asked for, so that none is passed over, and ones given twice.
    fn finish(self) -> Result<(), Error> {
        let names = || self.node.attributes.iter().map(|(name, _)| *name);
        for (place, name) in names().enumerate() {
            if !self.asked.contains(&name) {
                let name: String = name.chars().take(64).collect();
                return Err(unsupported(self.node.operator, &["attribute ", &name].concat()));
            }
            if names().take(place).any(|earlier| earlier == name) {
                return Err(Error::ModelGraph("an attribute stands twice"));
            }
        }
        Ok(())
    }
}

impl Operator {
    /// Reads a node of the default operator set.
    pub(super) fn read(node: &Node, opset: i64) -> Result<Self, Error> {
        let refuse = |variant| Err(unsupported(node.operator, variant));
        let mut attributes = Attributes { node, asked: Vec::new() };
        let (operator, inputs) = match node.operator {
            "Add" => (Self::Binary(Binary::Add), 2..=2),
            "Sub" => (Self::Binary(Binary::Sub), 2..=2),
            "Mul" => (Self::Binary(Binary::Mul), 2..=2),
            "Div" => (Self::Binary(Binary::Div), 2..=2),
            "Pow" => (Self::Binary(Binary::Pow), 2..=2),
            "Sqrt" => (Self::Unary(Unary::Sqrt), 1..=1),
            "Exp" => (Self::Unary(Unary::Exp), 1..=1),
            "Log" => (Self::Unary(Unary::Log), 1..=1),
            "Relu" => (Self::Unary(Unary::Relu), 1..=1),
            "Erf" => (Self::Unary(Unary::Erf), 1..=1),
            "Sigmoid" => (Self::Unary(Unary::Sigmoid), 1..=1),
            "Tanh" => (Self::Unary(Unary::Tanh), 1..=1),
            "Gelu" if opset < 20 => return refuse("before opset 20"),
            "Gelu" => match attributes.get("approximate") {
                None | Some(Attribute::Text("none")) => (Self::Unary(Unary::Gelu), 1..=1),
                Some(Attribute::Text("tanh")) => (Self::Unary(Unary::GeluTanh), 1..=1),
                Some(Attribute::Text(_)) => return refuse("another approximation"),
                Some(_) => return Err(WRONG_TYPE),
            },
            "MatMul" => (Self::MatMul, 2..=2),
            "Gemm" => {
                let alpha = attributes.float("alpha", 1.0)?;
                let beta = attributes.float("beta", 1.0)?;
                let transpose_a = attributes.flag("transA", false)?;
                let transpose_b = attributes.flag("transB", false)?;
                (Self::Gemm { alpha, beta, transpose_a, transpose_b }, 2..=3)
            }
            "Softmax" => (Self::Softmax { axis: attributes.int("axis", -1)? }, 1..=1),
            "LayerNormalization" if opset < 17 => return refuse("before opset 17"),
            "LayerNormalization" => {
                let axis = attributes.int("axis", -1)?;
                let epsilon = attributes.float("epsilon", 1e-5)?;
                if attributes.int("stash_type", 1)? != 1 {
                    return refuse("a stash type other than float");
                }
                (Self::LayerNormalization { axis, epsilon }, 2..=3)
            }
            "Concat" => (Self::Concat { axis: attributes.required("axis")? }, 1..=usize::MAX),
            "Transpose" => (Self::Transpose { order: attributes.ints("perm")? }, 1..=1),
            "Reshape" => {
                let allow_zero = opset >= 14 && attributes.flag("allowzero", false)?;
                (Self::Reshape { allow_zero }, 2..=2)
            }
            "Squeeze" => (Self::Squeeze, 1..=2),
            "Unsqueeze" => (Self::Unsqueeze, 2..=2),
            "Expand" => (Self::Expand, 2..=2),
            "Slice" => (Self::Slice, 3..=5),
            "Where" => (Self::Where, 3..=3),
            "ReduceSum" | "ReduceMean" => {
                let mean = node.operator == "ReduceMean";
                let keep_dims = attributes.flag("keepdims", true)?;
                if mean && opset < 18 {
                    let axes = attributes.ints("axes")?;
                    (Self::Reduce { mean, axes, keep_dims, none_if_empty: false }, 1..=1)
                } else {
                    let none_if_empty = attributes.flag("noop_with_empty_axes", false)?;
                    (Self::Reduce { mean, axes: None, keep_dims, none_if_empty }, 1..=2)
                }
            }
            "Clip" => (Self::Clip, 1..=3),
            "Gather" => (Self::Gather { axis: attributes.int("axis", 0)? }, 2..=2),
            "Identity" => (Self::Identity, 1..=1),
            "Cast" => {
                let to = match attributes.required("to")? {
                    1 => Element::F32,
                    6 => Element::I32,
                    7 => Element::I64,
                    9 => Element::Bool,
                    _ => return refuse("to a type other than float, int32, int64 and bool"),
                };
                // Only casts to 8-bit floats look at it.
                if opset >= 19 {
                    attributes.flag("saturate", true)?;
                }
                (Self::Cast { to }, 1..=1)
            }
            "DequantizeLinear" => {
                let axis = attributes.int("axis", 1)?;
                let block = if opset >= 21 { attributes.int("block_size", 0)? } else { 0 };
                let block = usize::try_from(block).or(Err(Error::ModelGraph("a block size is negative")))?;
                (Self::DequantizeLinear { axis, block }, 2..=3)
            }
            _ => return refuse(""),
        };
        attributes.finish()?;
        if !inputs.contains(&node.inputs.len()) {
            return Err(Error::ModelGraph("a node has too few or too many inputs"));
        }
        match node.outputs.split_first() {
            Some((first, others)) if !first.is_empty() => {
                if others.iter().any(|name| !name.is_empty()) {
                    return refuse("more than one output");
                }
            }
            _ => return Err(Error::ModelGraph("a node has no output")),
        }
        Ok(operator)
    }
}
