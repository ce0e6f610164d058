//! A graph made ready: operators read, names resolved, and everything that does not depend on inputs computed once.

use super::memory::{Constant, Constants, Source, Value};
use super::operator::{Operator, unsupported};
use super::plan::{MAX_COST, Plan, Planner};
use super::shape::Shape;
use crate::Error;
use crate::model::onnx::{Attribute, Element, MAX_VALUES, Node, OnnxModel, ValueInfo, is_default};

pub(super) struct Program {
    pub(super) constants: Constants,
    nodes: Vec<Planned>,
    outputs: Vec<Slot>,
}

/// A node that depends on inputs.
struct Planned {
    /// As the file spells it, for errors.
    name: String,
    operator: Operator,
    inputs: Vec<Option<Slot>>,
}

/// Where a named value comes from.
#[derive(Clone, Copy)]
enum Slot {
    Input(usize),
    Constant(usize),
    Node(usize),
}

/// The names given so far.
struct Names<'a>(Vec<(&'a str, Slot)>);

impl<'a> Names<'a> {
    fn add(&mut self, name: &'a str, slot: Slot) -> Result<(), Error> {
        if name.is_empty() {
            return Err(Error::ModelGraph("a value has no name"));
        }
        if self.find(name).is_ok() {
            return Err(Error::ModelGraph("a value is given twice"));
        }
        self.0.push((name, slot));
        Ok(())
    }

    /// Values are mostly used soon after they are given.
    fn find(&self, name: &str) -> Result<Slot, Error> {
        let found = self.0.iter().rfind(|(given, _)| *given == name);
        found.map(|(_, slot)| *slot).ok_or(Error::ModelGraph("a value is used that no earlier node gives"))
    }
}

/// The graph's inputs that are not merely initializers listed once more.
pub(super) fn inputs<'m, 'a>(model: &'m OnnxModel<'a>) -> impl Iterator<Item = &'m ValueInfo<'a>> {
    let initializers = &model.graph.initializers;
    model.graph.inputs.iter().filter(|input| initializers.iter().all(|tensor| tensor.name != input.name))
}

impl Program {
    pub(super) fn read(model: &OnnxModel) -> Result<Self, Error> {
        if !(13..=21).contains(&model.opset) {
            return Err(Error::OpsetUnsupported(model.opset));
        }
        let graph = &model.graph;
        let mut program = Self { constants: Constants::default(), nodes: Vec::new(), outputs: Vec::new() };
        let mut names = Names(Vec::new());
        for (index, input) in inputs(model).enumerate() {
            if index >= MAX_VALUES {
                return Err(Error::ModelTooLarge("it has too many inputs"));
            }
            if input.element.is_some_and(|element| element != Element::F32) {
                return Err(Error::ModelGraph("an input is not of floats"));
            }
            names.add(input.name, Slot::Input(index))?;
        }
        for tensor in &graph.initializers {
            names.add(tensor.name, Slot::Constant(program.constants.read(tensor)?))?;
        }
        let mut cost = 0;
        for node in &graph.nodes {
            let slot = program.node(node, model.opset, &names, &mut cost)?;
            if cost > MAX_COST {
                return Err(Error::ModelTooLarge("its constants take more than 25 million operations"));
            }
            names.add(node.outputs.first().copied().unwrap_or_default(), slot)?;
        }
        for output in &graph.outputs {
            program.outputs.push(names.find(output.name)?);
        }
        Ok(program)
    }

    fn node(&mut self, node: &Node, opset: i64, names: &Names, cost: &mut usize) -> Result<Slot, Error> {
        if !is_default(node.domain) {
            return Err(unsupported(&[node.domain, ".", node.operator].concat(), ""));
        }
        if node.operator == "Constant" {
            return Ok(Slot::Constant(self.constant(node)?));
        }
        let operator = Operator::read(node, opset)?;
        let mut inputs = Vec::with_capacity(node.inputs.len());
        for &name in &node.inputs {
            inputs.push(if name.is_empty() { None } else { Some(names.find(name)?) });
        }
        if inputs.iter().flatten().all(|slot| matches!(slot, Slot::Constant(_))) {
            return Ok(Slot::Constant(self.fold(node.operator, &operator, &inputs, cost)?));
        }
        self.nodes.push(Planned { name: node.operator.into(), operator, inputs });
        Ok(Slot::Node(self.nodes.len() - 1))
    }

    /// The operator `Constant`.
    fn constant(&mut self, node: &Node) -> Result<usize, Error> {
        let ([(name, attribute)], [], [_]) =
            (node.attributes.as_slice(), node.inputs.as_slice(), node.outputs.as_slice())
        else {
            return Err(Error::ModelGraph("a Constant has not one value and one output"));
        };
        let vector = |count| Shape::new(&[count]).unwrap_or(Shape::SCALAR);
        let mut ints = Vec::new();
        let (shape, element, floats) = match (*name, attribute) {
            ("value", Attribute::Tensor(tensor)) => return self.constants.read(tensor),
            ("value_float", Attribute::Float(value)) => (Shape::SCALAR, Element::F32, vec![*value]),
            ("value_floats", Attribute::Floats(values)) => {
                (vector(values.len()), Element::F32, values.clone())
            }
            ("value_int", Attribute::Int(value)) => {
                ints.push(*value);
                (Shape::SCALAR, Element::I64, Vec::new())
            }
            ("value_ints", Attribute::Ints(values)) => {
                ints.clone_from(values);
                (vector(values.len()), Element::I64, Vec::new())
            }
            _ => return Err(unsupported(node.operator, "another kind of value")),
        };
        self.constants.add(if element == Element::F32 {
            Constant::new(shape, element, floats)
        } else {
            Constant::of_ints(shape, element, ints)
        })
    }

    /// Computes a node all inputs of which are constant.
    fn fold(
        &mut self,
        name: &str,
        operator: &Operator,
        inputs: &[Option<Slot>],
        cost: &mut usize,
    ) -> Result<usize, Error> {
        let inputs = inputs.iter().map(|slot| value(&self.constants, (*slot)?, &[], &[]));
        let inputs: Vec<_> = inputs.collect();
        let mut planner = Planner::new(&mut self.constants);
        planner.operator = name;
        let value = planner.node(operator, &inputs)?;
        let plan = planner.finish(vec![value])?;
        *cost = cost.saturating_add(plan.cost);
        if let Source::Constant(index) = value.source
            && let Some(constant) = self.constants.get(index)
        {
            if constant.shape == value.shape && constant.element == value.element {
                return Ok(index);
            }
            let same = constant.element == value.element;
            let copy = if same && !constant.ints.is_empty() {
                Constant::of_ints(value.shape, value.element, constant.ints.clone())
            } else {
                Constant::new(value.shape, value.element, constant.floats.clone())
            };
            return self.constants.add(copy);
        }
        let mut arena = vec![0.0; plan.arena];
        plan.run(&self.constants, &[], &mut arena)?;
        let floats = plan.output(0, &self.constants, &[], &arena).to_vec();
        self.constants.add(Constant::new(value.shape, value.element, floats))
    }

    /// Plans the graph for inputs of these shapes, in the order of [`inputs`].
    pub(super) fn plan(&mut self, inputs: &[Shape]) -> Result<Plan, Error> {
        let mut planner = Planner::new(&mut self.constants);
        let mut nodes = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            planner.operator = &node.name;
            let values = node.inputs.iter().map(|slot| value(planner.constants, (*slot)?, inputs, &nodes));
            let values: Vec<_> = values.collect();
            nodes.push(planner.node(&node.operator, &values)?);
        }
        let outputs = self.outputs.iter().filter_map(|&slot| value(planner.constants, slot, inputs, &nodes));
        let outputs = outputs.collect();
        planner.finish(outputs)
    }
}

fn value(constants: &Constants, slot: Slot, inputs: &[Shape], nodes: &[Value]) -> Option<Value> {
    match slot {
        Slot::Input(index) => {
            let source = Source::Input(index);
            inputs.get(index).map(|&shape| Value { shape, element: Element::F32, source })
        }
        Slot::Constant(index) => constants.get(index).map(|constant| Value {
            shape: constant.shape,
            element: constant.element,
            source: Source::Constant(index),
        }),
        Slot::Node(index) => nodes.get(index).copied(),
    }
}
