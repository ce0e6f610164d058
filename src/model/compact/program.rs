//! A graph made ready: operators read, names resolved, and everything that does not depend on inputs computed once.

use super::memory::{Constant, Constants, Source, Value};
use super::operator::Operator;
use super::plan::{Id, MAX_COST, NONE, Plan, Planner};
use super::shape::Shape;
use crate::error::joined;
use crate::model::onnx::{Attribute, Element, MAX_VALUES, Node, OnnxModel, ValueInfo};
use crate::model::refusal::{Refusal, Refused, unsupported};
use crate::{Error, Words};

pub(super) struct Program {
    pub(super) constants: Constants,
    /// Every value that has a name, behind [`Value::NONE`]. Those that depend on inputs get their shape when planned.
    values: Vec<Value>,
    nodes: Vec<Step>,
    outputs: Vec<Id>,
}

/// A node that depends on inputs.
struct Step {
    /// As the file spells it, for errors.
    name: String,
    operator: Operator,
    list: Option<Vec<i64>>,
    inputs: Vec<Id>,
    output: Id,
}

/// The names of a program's values in their order, each with its value. A hostile file asks for tens of thousands that differ at their ends
/// only.
#[derive(Default)]
struct Names<'a>(Vec<(&'a str, Id)>);

impl<'a> Names<'a> {
    /// Names the value `id`.
    fn add(&mut self, name: &'a str, id: Id) -> Refused<()> {
        if name.is_empty() {
            return Err(&Refusal::Graph(Words::ValueNameless));
        }
        let Err(place) = self.place(name) else {
            return Err(&Refusal::Graph(Words::ValueTwice));
        };
        self.0.insert(place, (name, id));
        Ok(())
    }

    /// "" is [`NONE`].
    fn find(&self, name: &str) -> Refused<Id> {
        if name.is_empty() {
            return Ok(NONE);
        }
        let found = self.place(name).ok().and_then(|place| self.0.get(place));
        found.map(|&(_, id)| id).ok_or(&Refusal::Graph(Words::ValueUnknown))
    }

    #[inline(never)]
    fn place(&self, name: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|&(given, _)| given.cmp(name))
    }
}

/// The graph's inputs that are not merely initializers listed once more.
pub(super) fn inputs<'m, 'a>(model: &'m OnnxModel<'a>) -> impl Iterator<Item = &'m ValueInfo<'a>> {
    let initializers = &model.graph.initializers;
    model.graph.inputs.iter().filter(|input| initializers.iter().all(|tensor| tensor.name != input.name))
}

impl Program {
    pub(super) fn read(model: &OnnxModel) -> Result<Self, Error> {
        // Before the opset, which another version of a file may change; this engine has no other operator sets.
        if let Some(node) = model.graph.nodes.iter().find(|node| !node.domain.is_empty()) {
            return Err(unsupported(&joined(&[node.domain, ".", node.operator]), None, ""));
        }
        if !(13..=21).contains(&model.opset) {
            return Err(Error::OpsetUnsupported(model.opset));
        }
        let values = vec![Value::NONE];
        let mut program =
            Self { constants: Constants::default(), values, nodes: Vec::new(), outputs: Vec::new() };
        let mut names = Names::default();
        program.begin(model, &mut names).map_err(|refusal| refusal.of(""))?;
        let mut cost = 0;
        for node in &model.graph.nodes {
            let value = program.node(node, model.opset, &names, &mut cost)?;
            let output = node.outputs.first().copied().unwrap_or_default();
            names.add(output, program.values.len()).map_err(|refusal| refusal.of(""))?;
            program.values.push(value);
        }
        for output in &model.graph.outputs {
            program.outputs.push(names.find(output.name).map_err(|refusal| refusal.of(""))?);
        }
        Ok(program)
    }

    /// Inputs and initializers.
    fn begin<'a>(&mut self, model: &OnnxModel<'a>, names: &mut Names<'a>) -> Refused<()> {
        for (index, input) in inputs(model).enumerate() {
            if index >= MAX_VALUES {
                return Err(&Refusal::TooLarge(Words::ManyInputs));
            }
            if input.element.is_some_and(|element| element != Element::F32) {
                return Err(&Refusal::Graph(Words::InputNotFloats));
            }
            names.add(input.name, self.values.len())?;
            self.values.push(Value { source: Source::Input(index), ..Value::NONE });
        }
        for tensor in &model.graph.initializers {
            names.add(tensor.name, self.values.len())?;
            let constant = self.constants.read(tensor)?;
            self.values.push(self.constants.value(constant));
        }
        Ok(())
    }

    /// The value that a node gives: a constant, or [`Value::NONE`] for one that depends on inputs.
    fn node(&mut self, node: &Node, opset: i64, names: &Names, cost: &mut usize) -> Result<Value, Error> {
        let name = node.operator;
        if name == "Constant" {
            return self.constant(node).map_err(|refusal| refusal.of(name));
        }
        let (operator, list) = Operator::read(node, opset)?;
        let mut inputs = Vec::with_capacity(node.inputs.len());
        for input in &node.inputs {
            inputs.push(names.find(input).map_err(|refusal| refusal.of(name))?);
        }
        let known = |id: &Id| *id == NONE || self.values.get(*id).is_some_and(Value::is_constant);
        if inputs.iter().all(known) {
            return self.fold(operator, list, &inputs, cost).map_err(|refusal| refusal.of(name));
        }
        self.nodes.push(Step { name: name.into(), operator, list, inputs, output: self.values.len() });
        Ok(Value::NONE)
    }

    /// The operator `Constant`.
    fn constant(&mut self, node: &Node) -> Refused<Value> {
        let ([(name, attribute)], [], [_]) =
            (node.attributes.as_slice(), node.inputs.as_slice(), node.outputs.as_slice())
        else {
            return Err(&Refusal::Graph(Words::ConstantShape));
        };
        let constant = match (*name, attribute) {
            ("value", Attribute::Tensor(tensor)) => self.constants.read(tensor)?,
            ("value_float", Attribute::Float(value)) => self.floats(Shape::SCALAR, vec![*value])?,
            ("value_floats", Attribute::Floats(values)) => {
                self.floats(Shape::of([values.len()]), values.clone())?
            }
            ("value_int", Attribute::Int(value)) => self.ints(Shape::SCALAR, vec![*value])?,
            ("value_ints", Attribute::Ints(values)) => {
                self.ints(Shape::of([values.len()]), values.clone())?
            }
            _ => return Err(&Refusal::Unsupported(Words::AnotherValue)),
        };
        Ok(self.constants.value(constant))
    }

    fn floats(&mut self, shape: Shape, floats: Vec<f32>) -> Refused<usize> {
        self.constants.add(Constant::new(shape, Element::F32, floats))
    }

    fn ints(&mut self, shape: Shape, ints: Vec<i64>) -> Refused<usize> {
        self.constants.add(Constant::of_ints(shape, Element::I64, ints))
    }

    /// Computes a node all inputs of which are constant.
    fn fold(
        &mut self,
        operator: Operator,
        list: Option<Vec<i64>>,
        inputs: &[Id],
        cost: &mut usize,
    ) -> Refused<Value> {
        // Only the inputs, numbered anew.
        let mut values = vec![Value::NONE];
        values.extend(inputs.iter().filter_map(|&id| self.values.get(id)));
        let own = inputs.iter().zip(1..).map(|(&id, own)| if id == NONE { NONE } else { own });
        let own: Vec<Id> = own.collect();
        let mut planner = Planner::new(&mut self.constants, values);
        let result = planner.node(operator, list.as_deref(), &own)?;
        let value = *planner.value(result);
        let plan = planner.finish(&[result])?;
        *cost = cost.saturating_add(plan.cost);
        if *cost > MAX_COST {
            return Err(&Refusal::TooLarge(Words::ConstantsOver25Million));
        }
        let mut arena = vec![0.0; plan.arena];
        plan.run(&self.constants, &[], &mut arena)?;
        let constant = match value.source {
            Source::Constant(index) => match self.constants.get(index) {
                Some(same) if same.shape == value.shape && same.element == value.element => return Ok(value),
                // Integers that floats do not hold stay what they are.
                Some(same) if same.element == value.element && !same.exact => {
                    Constant::of_ints(value.shape, value.element, same.ints.clone())
                }
                Some(same) => Constant::new(value.shape, value.element, same.floats.clone()),
                None => return Ok(value),
            },
            _ => {
                let floats = plan.output(0, &self.constants, &[], &arena).to_vec();
                Constant::new(value.shape, value.element, floats)
            }
        };
        let constant = self.constants.add(constant)?;
        Ok(self.constants.value(constant))
    }

    /// Plans the graph for inputs of these shapes, in the order of [`inputs`].
    pub(super) fn plan(&mut self, inputs: &[Shape]) -> Result<Plan, Error> {
        let mut values = self.values.clone();
        for (value, shape) in values.iter_mut().skip(1).zip(inputs) {
            value.shape = *shape;
        }
        let mut planner = Planner::new(&mut self.constants, values);
        for node in &self.nodes {
            let result = planner.node(node.operator, node.list.as_deref(), &node.inputs);
            let result = result.map_err(|refusal| refusal.of(&node.name))?;
            planner.name(node.output, result);
        }
        planner.finish(&self.outputs).map_err(|refusal| refusal.of(""))
    }
}
