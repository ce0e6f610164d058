//! A bounded reader of ONNX files, for models that come over the network.
//!
//! Only what the engines use is kept, borrowed from the file's bytes; unknown fields are skipped. Nothing recurses, and
//! nothing is allocated that the bytes read so far do not pay for: every list has a bound, and a tensor's dimensions must
//! multiply to exactly the elements that its data holds.
//!
//! ```text
//! ModelProto      7 graph, 8 opset_import*, 14 metadata_props*      20 training_info, 25 functions: refused
//! OperatorSetId   1 domain, 2 version
//! StringString    1 key, 2 value
//! GraphProto      1 node*, 5 initializer*, 11 input*, 12 output*    15 sparse_initializer: refused
//! NodeProto       1 input*, 2 output*, 4 op_type, 5 attribute*, 7 domain
//! AttributeProto  1 name, 2 f, 3 i, 4 s, 5 t, 7 floats*, 8 ints*, 20 type      all other types: refused
//! TensorProto     1 dims*, 2 data_type, 4 float_data*, 5 int32_data*, 7 int64_data*, 8 name, 9 raw_data
//!                 13 external_data, 14 data_location: refused
//! ValueInfo       1 name, 2 type { 1 tensor { 1 elem_type, 2 shape { 1 dim* { 1 value, 2 param } } } }
//! ```

#[cfg(feature = "tract")]
mod outline;
mod tensor;
mod wire;

#[cfg(test)]
mod tests;

use super::refusal::{Refusal, Refused};
use crate::{Error, Words};
pub(crate) use nearside_kernels::walk::MAX_RANK;
#[cfg(feature = "tract")]
pub(crate) use outline::{Dim, Outline, Port, outline};
pub(crate) use tensor::{Element, Tensor};
use tensor::{read_element, read_tensor};
use wire::{Field, Wire};

/// The longest file that is read. Shipped models are far smaller (24 KB); this leaves room for experiments.
pub(crate) const MAX_BYTES: usize = 1 << 20;
/// The most nodes of a graph.
pub(crate) const MAX_NODES: usize = 512;
/// The most initializers of a graph.
pub(crate) const MAX_INITIALIZERS: usize = 512;
/// The most inputs and the most outputs of a graph.
pub(crate) const MAX_VALUES: usize = 16;
/// The most inputs, outputs and attributes of a node.
pub(crate) const MAX_NODE_PARTS: usize = 64;
/// The most bytes of the name of an operator, a domain or an attribute: errors repeat them.
pub(crate) const MAX_NAME: usize = 64;
/// The most metadata entries.
pub(crate) const MAX_METADATA: usize = 64;

/// The parts of a model file that the engines and the contract use.
pub(crate) struct OnnxModel<'a> {
    /// Version of the default operator set (domain "" or "ai.onnx"); 0 where the file imports others only, and uses no other.
    pub(crate) opset: i64,
    /// Keys, each once, and values, in file order.
    pub(crate) metadata: Vec<(&'a str, &'a str)>,
    pub(crate) graph: Graph<'a>,
}

#[derive(Default)]
pub(crate) struct Graph<'a> {
    /// In file order, which ONNX wants to be topological.
    pub(crate) nodes: Vec<Node<'a>>,
    pub(crate) initializers: Vec<Tensor<'a>>,
    pub(crate) inputs: Vec<ValueInfo<'a>>,
    pub(crate) outputs: Vec<ValueInfo<'a>>,
}

#[derive(Default)]
pub(crate) struct Node<'a> {
    pub(crate) operator: &'a str,
    /// "" is the default operator set. The attributes of others' nodes may be missing.
    pub(crate) domain: &'a str,
    /// Value names; "" is an optional input left out.
    pub(crate) inputs: Vec<&'a str>,
    pub(crate) outputs: Vec<&'a str>,
    pub(crate) attributes: Vec<(&'a str, Attribute<'a>)>,
}

pub(crate) enum Attribute<'a> {
    Float(f32),
    Int(i64),
    Text(&'a str),
    Tensor(Tensor<'a>),
    Floats(Vec<f32>),
    Ints(Vec<i64>),
}

pub(crate) struct ValueInfo<'a> {
    pub(crate) name: &'a str,
    /// `None`: the file does not say.
    pub(crate) element: Option<Element>,
    /// `None`: the file does not say. In it, `None` is a dimension known by name or not at all.
    pub(crate) dims: Option<Vec<Option<i64>>>,
}

/// Reads a model file.
///
/// # Errors
/// `ModelMalformed` for bytes that are no ONNX model, `ModelTooLarge` for one past a bound of this module, and
/// `OperatorUnsupported` for one that uses a part of the format that no engine here runs.
pub(crate) fn read(bytes: &[u8]) -> Result<OnnxModel<'_>, Error> {
    let mut operator = "";
    read_model(bytes, &mut operator).map_err(|refusal| refusal.of(operator))
}

/// `operator` is that of the node the attributes of which were being read.
fn read_model<'a>(bytes: &'a [u8], operator: &mut &'a str) -> Refused<OnnxModel<'a>> {
    if bytes.len() > MAX_BYTES {
        return Err(&Refusal::TooLarge(Words::FileOver1Mb));
    }
    let (mut graph, mut opset, mut metadata) = (None, None, Vec::new());
    let mut model = Wire::new(bytes);
    while let Some((number, field)) = model.field()? {
        match number {
            7 if graph.is_some() => return Err(&Refusal::Malformed(Words::TwoGraphs)),
            7 => graph = Some(read_graph(field.bytes()?, operator)?),
            8 => match read_opset(field.bytes()?)? {
                // Converters add one that is there already.
                ("", version) if *opset.get_or_insert(version) != version => return Err(TWO_VERSIONS),
                _ => {}
            },
            14 => read_entry(field.bytes()?, &mut metadata)?,
            20 => return Err(&Refusal::Unsupported(Words::TrainingInformation)),
            25 => return Err(&Refusal::Unsupported(Words::OwnFunctions)),
            _ => {}
        }
    }
    let graph = graph.ok_or(&Refusal::Malformed(Words::NoGraph))?;
    let opset = match opset {
        Some(version) => version,
        // A file of trees may have none of ONNX's own operators, and import none.
        None if graph.nodes.iter().any(|node| !node.domain.is_empty()) => 0,
        None => return Err(&Refusal::Malformed(Words::NoOperatorSet)),
    };
    Ok(OnnxModel { opset, metadata, graph })
}

const TWO_VERSIONS: &Refusal = &Refusal::Malformed(Words::OnnxTwice);

/// The name of an operator set as it is held: ONNX's own has two.
fn domain(name: &str) -> &str {
    if name == "ai.onnx" { "" } else { name }
}

#[inline(never)]
fn push<T>(list: &mut Vec<T>, item: T, bound: usize, refusal: &'static Refusal) -> Refused<()> {
    if list.len() >= bound {
        return Err(refusal);
    }
    list.push(item);
    Ok(())
}

/// Domain and version.
fn read_opset(bytes: &[u8]) -> Refused<(&str, i64)> {
    let (mut name, mut version) = ("", 0);
    let mut wire = Wire::new(bytes);
    while let Some((number, field)) = wire.field()? {
        match number {
            1 => name = domain(field.name()?),
            2 => version = field.int()?,
            _ => {}
        }
    }
    Ok((name, version))
}

fn read_entry<'a>(bytes: &'a [u8], metadata: &mut Vec<(&'a str, &'a str)>) -> Refused<()> {
    let (mut key, mut value) = ("", "");
    let mut wire = Wire::new(bytes);
    while let Some((number, field)) = wire.field()? {
        match number {
            1 => key = field.text()?,
            2 => value = field.text()?,
            _ => {}
        }
    }
    if metadata.iter().any(|&(earlier, _)| earlier == key) {
        return Err(&Refusal::Malformed(Words::MetadataTwice));
    }
    const MANY: &Refusal = &Refusal::TooLarge(Words::ManyMetadata);
    push(metadata, (key, value), MAX_METADATA, MANY)
}

fn read_graph<'a>(bytes: &'a [u8], operator: &mut &'a str) -> Refused<Graph<'a>> {
    let mut graph = Graph::default();
    let mut wire = Wire::new(bytes);
    while let Some((number, field)) = wire.field()? {
        match number {
            1 => push(
                &mut graph.nodes,
                read_node(field.bytes()?, operator)?,
                MAX_NODES,
                &Refusal::TooLarge(Words::ManyNodes),
            )?,
            5 => {
                let tensor = read_tensor(field.bytes()?)?;
                push(
                    &mut graph.initializers,
                    tensor,
                    MAX_INITIALIZERS,
                    &Refusal::TooLarge(Words::ManyInitializers),
                )?;
            }
            11 => {
                let value = read_value(field.bytes()?)?;
                // Old files list their initializers as inputs, too.
                push(
                    &mut graph.inputs,
                    value,
                    MAX_VALUES + MAX_INITIALIZERS,
                    &Refusal::TooLarge(Words::ManyInputs),
                )?;
            }
            12 => push(
                &mut graph.outputs,
                read_value(field.bytes()?)?,
                MAX_VALUES,
                &Refusal::TooLarge(Words::ManyOutputs),
            )?,
            15 => return Err(&Refusal::Unsupported(Words::SparseTensors)),
            _ => {}
        }
    }
    Ok(graph)
}

fn read_node<'a>(bytes: &'a [u8], operator: &mut &'a str) -> Refused<Node<'a>> {
    const MANY: &Refusal = &Refusal::TooLarge(Words::ManyOfNode);
    let (mut node, mut failed) = (Node::default(), None);
    let mut wire = Wire::new(bytes);
    while let Some((number, field)) = wire.field()? {
        match number {
            1 => push(&mut node.inputs, field.text()?, MAX_NODE_PARTS, MANY)?,
            2 => push(&mut node.outputs, field.text()?, MAX_NODE_PARTS, MANY)?,
            4 => node.operator = field.name()?,
            5 => match read_attribute(field.bytes()?) {
                Ok(attribute) => push(&mut node.attributes, attribute, MAX_NODE_PARTS, MANY)?,
                Err(refusal) => failed = Some(refusal),
            },
            7 => node.domain = domain(field.name()?),
            _ => {}
        }
    }
    match failed {
        // Another set's operator is refused by its name, whatever it has beside.
        Some(refusal) if node.domain.is_empty() => {
            *operator = node.operator;
            Err(refusal)
        }
        _ => Ok(node),
    }
}

fn read_attribute(bytes: &[u8]) -> Refused<(&str, Attribute<'_>)> {
    let (mut name, mut kind) = ("", 0);
    let (mut float, mut int, mut text, mut tensor) = (0.0, 0, &[][..], None);
    let (mut floats, mut ints) = (Vec::new(), Vec::new());
    let mut wire = Wire::new(bytes);
    while let Some((number, field)) = wire.field()? {
        match number {
            1 => name = field.name()?,
            2 => float = field.float()?,
            3 => int = field.int()?,
            4 => text = field.bytes()?,
            5 => tensor = Some(field.bytes()?),
            7 => field.floats(&mut floats)?,
            8 => field.ints(&mut ints)?,
            20 => kind = field.int()?,
            21 => return Err(&Refusal::Unsupported(Words::AttributesOfFunctions)),
            _ => {}
        }
    }
    let attribute = match kind {
        1 => Attribute::Float(float),
        2 => Attribute::Int(int),
        3 => Attribute::Text(Field::Bytes(text).text()?),
        4 => Attribute::Tensor(read_tensor(tensor.unwrap_or_default())?),
        6 => Attribute::Floats(floats),
        7 => Attribute::Ints(ints),
        0 => return Err(&Refusal::Malformed(Words::AttributeUntyped)),
        5 | 10 => return Err(&Refusal::Unsupported(Words::GraphsInNodes)),
        11 | 12 => return Err(&Refusal::Unsupported(Words::SparseTensors)),
        _ => return Err(&Refusal::Unsupported(Words::AttributesOfOtherTypes)),
    };
    Ok((name, attribute))
}

fn read_value(bytes: &[u8]) -> Refused<ValueInfo<'_>> {
    let mut value = ValueInfo { name: "", element: None, dims: None };
    let mut wire = Wire::new(bytes);
    while let Some((number, field)) = wire.field()? {
        match number {
            1 => value.name = field.text()?,
            2 => {
                let mut kind = Wire::new(field.bytes()?);
                while let Some((number, field)) = kind.field()? {
                    match number {
                        1 => read_tensor_type(field.bytes()?, &mut value)?,
                        4 | 5 | 8 | 9 => {
                            return Err(&Refusal::Unsupported(Words::ValuesNoTensors));
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    Ok(value)
}

fn read_tensor_type<'a>(bytes: &'a [u8], value: &mut ValueInfo<'a>) -> Refused<()> {
    let mut wire = Wire::new(bytes);
    while let Some((number, field)) = wire.field()? {
        match number {
            1 => value.element = Some(read_element(field.int()?)?),
            2 => {
                let dims = value.dims.get_or_insert_default();
                let mut shape = Wire::new(field.bytes()?);
                while let Some((number, field)) = shape.field()? {
                    if number == 1 {
                        push(
                            dims,
                            read_dim(field.bytes()?)?,
                            MAX_RANK,
                            &Refusal::TooLarge(Words::ManyDimensionsOfValue),
                        )?;
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn read_dim(bytes: &[u8]) -> Refused<Option<i64>> {
    let mut dim = None;
    let mut wire = Wire::new(bytes);
    while let Some((number, field)) = wire.field()? {
        if number == 1 {
            dim = Some(field.int()?);
        }
    }
    Ok(dim)
}
