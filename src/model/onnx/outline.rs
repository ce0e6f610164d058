//! A bounded look over a whole ONNX file, for an engine that reads the file itself.
//!
//! What the compact engine's reader refuses (other operator sets, graphs inside nodes, other element types) is walked here
//! and bounded: the file, its nodes, the nesting of graphs, the dimensions of every tensor, which must be filled by the data
//! that is there. Of that, only what the contract and a report need is kept.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use super::wire::{Field, Wire};
use super::{MAX_NODE_PARTS, MAX_RANK, MAX_VALUES, TWO_VERSIONS, domain, push, read_entry, read_opset};
use crate::model::refusal::{Refusal, Refused};
use crate::{Error, Words};

/// The longest file.
pub(crate) const MAX_BYTES: usize = 16 << 20;
/// The most nodes of all graphs together.
const MAX_NODES: usize = 8192;
/// The most tensors of all graphs together.
const MAX_TENSORS: usize = 8192;
/// The most operator sets, and of differently named operators.
const MAX_KINDS: usize = 256;
/// How deep graphs may lie in nodes of other graphs.
const MAX_DEPTH: usize = 4;
/// The most inputs, outputs and attributes of a node: a large `Concat` is one.
const MAX_PARTS: usize = 16 * MAX_NODE_PARTS;

/// What a file says of itself.
#[derive(Default)]
pub(crate) struct Outline<'a> {
    /// Domain (`""` for ONNX's own) and version of each operator set.
    pub(crate) opsets: Vec<(&'a str, i64)>,
    /// Keys, each once, and values, in file order.
    pub(crate) metadata: Vec<(&'a str, &'a str)>,
    /// How often each operator stands in the graphs, by domain and name.
    pub(crate) operators: BTreeMap<(&'a str, &'a str), usize>,
    /// The graph's inputs, without its initializers.
    pub(crate) inputs: Vec<Port<'a>>,
    pub(crate) outputs: Vec<Port<'a>>,
    /// Elements of all initializers and of all tensors in attributes.
    pub(crate) weights: usize,
    nodes: usize,
    tensors: usize,
}

/// An input or output of the graph.
#[derive(Default)]
pub(crate) struct Port<'a> {
    pub(crate) name: &'a str,
    /// The code of ONNX's `TensorProto.DataType`, 1 for f32; 0 where the file does not say or it is no tensor.
    pub(crate) element: i64,
    /// `None`: the file does not say.
    pub(crate) dims: Option<Vec<Dim<'a>>>,
}

/// One dimension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dim<'a> {
    Fixed(i64),
    /// `""` where it has none.
    Named(&'a str),
}

/// Looks a model file over.
///
/// # Errors
/// `ModelMalformed` for bytes that are no ONNX model, `ModelTooLarge` for one past a bound of this module, `ModelGraph` for
/// graphs that give what nothing in them makes, and `OperatorUnsupported` for data in other files, sparse tensors, and
/// functions or training information.
pub(crate) fn outline(bytes: &[u8]) -> Result<Outline<'_>, Error> {
    read_outline(bytes).map_err(|refusal| refusal.of(""))
}

fn read_outline(bytes: &[u8]) -> Refused<Outline<'_>> {
    if bytes.len() > MAX_BYTES {
        return Err(&Refusal::TooLarge(Words::FileOver16Mb));
    }
    let mut outline = Outline::default();
    let mut graph = None;
    let mut model = Wire::new(bytes);
    while let Some((number, field)) = model.field()? {
        match number {
            7 if graph.is_some() => return Err(&Refusal::Malformed(Words::TwoGraphs)),
            7 => graph = Some(field.bytes()?),
            8 => outline.import(read_opset(field.bytes()?)?)?,
            14 => read_entry(field.bytes()?, &mut outline.metadata)?,
            20 => return Err(&Refusal::Unsupported(Words::TrainingInformation)),
            25 => return Err(&Refusal::Unsupported(Words::OwnFunctions)),
            _ => {}
        }
    }
    let graph = graph.ok_or(&Refusal::Malformed(Words::NoGraph))?;
    (outline.inputs, outline.outputs) = outline.graph(graph, 0)?;
    let imports = |wanted: &str| outline.opsets.iter().any(|&(domain, _)| domain == wanted);
    // A file of trees may have none of ONNX's own operators, and import none.
    if !imports("")
        && (outline.operators.is_empty() || outline.operators.keys().any(|(domain, _)| domain.is_empty()))
    {
        return Err(&Refusal::Malformed(Words::NoOperatorSet));
    }
    Ok(outline)
}

impl<'a> Outline<'a> {
    /// Takes in an operator set; again, where it is of the version that it had.
    fn import(&mut self, (domain, version): (&'a str, i64)) -> Refused<()> {
        match self.opsets.iter().find(|(earlier, _)| *earlier == domain) {
            Some(&(_, earlier)) if earlier == version => Ok(()),
            Some(_) if domain.is_empty() => Err(TWO_VERSIONS),
            Some(_) => Err(&Refusal::Malformed(Words::OperatorSetTwice)),
            None => {
                const MANY: &Refusal = &Refusal::TooLarge(Words::ManyOperatorSets);
                push(&mut self.opsets, (domain, version), MAX_KINDS, MANY)
            }
        }
    }

    /// Walks a graph and those within it; its inputs that are no initializers, and its outputs.
    fn graph(&mut self, bytes: &'a [u8], depth: usize) -> Refused<(Vec<Port<'a>>, Vec<Port<'a>>)> {
        if depth > MAX_DEPTH {
            return Err(&Refusal::TooLarge(Words::GraphsTooDeep));
        }
        let (mut inputs, mut outputs) = (Vec::new(), Vec::new());
        // Names of values: initializers, and what nodes give.
        let (mut constants, mut made) = (Vec::new(), Vec::new());
        let mut wire = Wire::new(bytes);
        while let Some((number, field)) = wire.field()? {
            match number {
                1 => self.node(field.bytes()?, depth, &mut made)?,
                5 => constants.push(self.tensor(field.bytes()?)?),
                11 => push(
                    &mut inputs,
                    read_port(field.bytes()?)?,
                    MAX_TENSORS,
                    &Refusal::TooLarge(Words::ManyInputs),
                )?,
                12 => push(
                    &mut outputs,
                    read_port(field.bytes()?)?,
                    MAX_VALUES,
                    &Refusal::TooLarge(Words::ManyOutputs),
                )?,
                15 => return Err(&Refusal::Unsupported(Words::SparseTensors)),
                _ => {}
            }
        }
        constants.sort_unstable();
        made.sort_unstable();
        inputs.retain(|input: &Port<'_>| constants.binary_search(&input.name).is_err());
        if inputs.len() > MAX_VALUES {
            return Err(&Refusal::TooLarge(Words::ManyInputs));
        }
        let exists = |name: &str| {
            made.binary_search(&name).is_ok()
                || constants.binary_search(&name).is_ok()
                || inputs.iter().any(|input| input.name == name)
        };
        if !outputs.iter().all(|output: &Port<'_>| exists(output.name)) {
            return Err(&Refusal::Graph(Words::OutputMadeByNone));
        }
        Ok((inputs, outputs))
    }

    fn node(&mut self, bytes: &'a [u8], depth: usize, made: &mut Vec<&'a str>) -> Refused<()> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(&Refusal::TooLarge(Words::ManyNodes));
        }
        let (mut operator, mut set, mut parts) = ("", "", 0);
        let mut wire = Wire::new(bytes);
        while let Some((number, field)) = wire.field()? {
            match number {
                1 => {}
                // An output left out has no name.
                2 => made.extend(Some(field.text()?).filter(|name| !name.is_empty())),
                4 => operator = field.name()?,
                5 => self.attribute(field.bytes()?, depth)?,
                7 => set = domain(field.name()?),
                _ => continue,
            }
            parts += 1;
            if parts > MAX_PARTS {
                return Err(&Refusal::TooLarge(Words::ManyPartsOfNode));
            }
        }
        if operator.is_empty() {
            return Err(&Refusal::Malformed(Words::NodeWithoutOperator));
        }
        *self.operators.entry((set, operator)).or_default() += 1;
        if self.operators.len() > MAX_KINDS {
            return Err(&Refusal::TooLarge(Words::ManyOperators));
        }
        Ok(())
    }

    fn attribute(&mut self, bytes: &'a [u8], depth: usize) -> Refused<()> {
        let mut wire = Wire::new(bytes);
        while let Some((number, field)) = wire.field()? {
            match number {
                5 | 10 => drop(self.tensor(field.bytes()?)?),
                6 | 11 => drop(self.graph(field.bytes()?, depth + 1)?),
                21 => return Err(&Refusal::Unsupported(Words::AttributesOfFunctions)),
                22 | 23 => return Err(&Refusal::Unsupported(Words::SparseTensors)),
                _ => {}
            }
        }
        Ok(())
    }

    /// Checks that a tensor's data fills its dimensions; its name.
    fn tensor(&mut self, bytes: &'a [u8]) -> Refused<&'a str> {
        self.tensors += 1;
        if self.tensors > MAX_TENSORS {
            return Err(&Refusal::TooLarge(Words::ManyTensors));
        }
        let (mut name, mut kind, mut dims, mut raw, mut typed) = ("", 0, Vec::new(), None, 0);
        let mut wire = Wire::new(bytes);
        while let Some((number, field)) = wire.field()? {
            match number {
                1 => field.ints(&mut dims)?,
                2 => kind = field.int()?,
                4 => typed += packed(field, 4)?,
                5 | 7 | 11 => {
                    let mut ints = Vec::new();
                    field.ints(&mut ints)?;
                    typed += ints.len();
                }
                6 => typed += 1,
                8 => name = field.text()?,
                9 => raw = Some(field.bytes()?),
                10 => typed += packed(field, 8)?,
                13 => return Err(&Refusal::Unsupported(Words::OtherFiles)),
                14 if field.int()? != 0 => return Err(&Refusal::Unsupported(Words::OtherFiles)),
                _ => {}
            }
        }
        if dims.len() > MAX_RANK {
            return Err(&Refusal::TooLarge(Words::ManyDimensions));
        }
        let elements =
            dims.iter().try_fold(1_usize, |elements, &dim| elements.checked_mul(usize::try_from(dim).ok()?));
        let stored = match (raw, element_bytes(kind)) {
            (_, None) => return Err(&Refusal::Unsupported(Words::UncommonElements)),
            (Some(raw), Some(size)) if typed == 0 && kind != STRING => {
                (raw.len() % size == 0).then_some(raw.len() / size)
            }
            (Some(_), Some(_)) => None,
            (None, Some(_)) => Some(typed),
        };
        match stored {
            Some(stored) if elements == Some(stored) => self.weights += stored,
            _ => return Err(&Refusal::Malformed(Words::TensorNotFilled)),
        }
        Ok(name)
    }
}

/// Numbers of `size` bytes in a field that may hold one (unpacked) or many (packed).
fn packed(field: Field<'_>, size: usize) -> Refused<usize> {
    match field {
        Field::Bytes(bytes) if bytes.len() % size == 0 => Ok(bytes.len() / size),
        Field::Four(_) | Field::Eight => Ok(1),
        _ => Err(&Refusal::Malformed(Words::TensorData)),
    }
}

const STRING: i64 = 8;

/// Bytes of an element in raw data, by ONNX's `TensorProto.DataType`.
fn element_bytes(kind: i64) -> Option<usize> {
    match kind {
        2 | 3 | 9 | STRING => Some(1),
        4 | 5 | 10 | 16 => Some(2),
        1 | 6 | 12 => Some(4),
        7 | 11 | 13 => Some(8),
        _ => None,
    }
}

fn read_port(bytes: &[u8]) -> Refused<Port<'_>> {
    let mut port = Port::default();
    let mut wire = Wire::new(bytes);
    while let Some((number, field)) = wire.field()? {
        match number {
            1 => port.name = field.text()?,
            2 => {
                let mut kind = Wire::new(field.bytes()?);
                while let Some((number, field)) = kind.field()? {
                    if number == 1 {
                        read_tensor_type(field.bytes()?, &mut port)?;
                    }
                }
            }
            _ => {}
        }
    }
    Ok(port)
}

fn read_tensor_type<'a>(bytes: &'a [u8], port: &mut Port<'a>) -> Refused<()> {
    let mut wire = Wire::new(bytes);
    while let Some((number, field)) = wire.field()? {
        match number {
            1 => port.element = field.int()?,
            2 => {
                let dims = port.dims.get_or_insert_default();
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

fn read_dim(bytes: &[u8]) -> Refused<Dim<'_>> {
    let mut dim = Dim::Named("");
    let mut wire = Wire::new(bytes);
    while let Some((number, field)) = wire.field()? {
        match number {
            1 => dim = Dim::Fixed(field.int()?),
            2 => dim = Dim::Named(field.text()?),
            _ => {}
        }
    }
    Ok(dim)
}
