//! The compact engine: runs the operators that small rerankers need, over flat `f32` slices.
//!
//! A model goes through four stages. `operator` reads nodes with their attributes; `program` resolves names and computes
//! what is constant; `lower` plans kernels for one candidate count N and history length H, shapes and cost checked; `plan`
//! runs them in one arena. Plans are kept for the sizes used last, so that scoring a size again allocates nothing.
//!
//! All elements are held as `f32`. Integers and truth values exist where operators need them (shapes, axes, indices,
//! conditions, casts): integers in constants must then have at most 24 bits, and arithmetic on them is refused.
//!
//! Planning runs once a size, so its functions are `inline(never)`: small code matters more there than calls.
//!
//! Results have the same bits on every machine: transcendental functions are `libm`'s or the kernels' own, sums run in a fixed
//! order, and no result depends on how many other candidates are scored beside it.

#[cfg(any(test, fuzzing))]
pub(super) mod graph;
mod kernel;
mod lower;
mod memory;
mod moves;
mod operator;
mod plan;
mod program;
mod shape;

#[cfg(test)]
mod tests;

use super::onnx::{OnnxModel, ValueInfo};
use super::{Engine, Inputs};
use crate::model::refusal::{Refusal, Refused};
use crate::{Error, Words};
use plan::Plan;
use program::Program;
use shape::Shape;

/// The candidate counts and history lengths at which a model is planned when it is loaded. The last is the largest that is
/// ever ranked, and the one at which [`plan::MAX_COST`] and [`plan::MAX_ARENA`] matter.
const SIZES: [(usize, usize); 3] = [(1, 1), (7, 3), (200, 50)];
/// Plans that are kept.
const KEPT: usize = 4;

/// A model that is ready to score.
pub(crate) struct Compact {
    program: Program,
    roles: Vec<Role>,
    /// F, the number of features.
    features: usize,
    /// D, the length of a vector.
    dimension: usize,
    /// Candidate count, history length and their plan; at most [`KEPT`].
    plans: Vec<((usize, usize), Plan)>,
    /// The plan that makes room for the next one.
    oldest: usize,
    arena: Vec<f32>,
}

/// What an input of the graph is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// N x F
    Features,
    /// N x D
    Candidates,
    /// H x D
    History,
    /// H
    HistoryWeight,
}

impl Compact {
    /// Prepares a model with `features` columns of features and vectors of `dimension` elements.
    ///
    /// # Errors
    /// `OpsetUnsupported` and `OperatorUnsupported` for what this engine does not run, `ModelTooLarge` for a model that would
    /// cost too much time or memory, `ModelGraph` for one that contradicts itself or the contract.
    pub(crate) fn load(model: &OnnxModel, features: usize, dimension: usize) -> Result<Self, Error> {
        let mut roles = Vec::new();
        for input in program::inputs(model) {
            roles.push(Role::of(input, features, dimension).map_err(|refusal| refusal.of(""))?);
        }
        match model.graph.outputs.as_slice() {
            [output] if output.name == "score" => {}
            _ => return Err(Error::ModelGraph(Words::OnlyScore)),
        }
        let program = Program::read(model)?;
        let (plans, arena) = (Vec::new(), Vec::new());
        let mut engine = Self { program, roles, features, dimension, plans, oldest: 0, arena };
        for (candidates, history) in SIZES {
            engine.plan(candidates, history)?;
        }
        Ok(engine)
    }

    fn plan(&mut self, candidates: usize, history: usize) -> Result<Plan, Error> {
        let shape = |role: &Role| match role {
            Role::Features => Shape::of([candidates, self.features]),
            Role::Candidates => Shape::of([candidates, self.dimension]),
            Role::History => Shape::of([history, self.dimension]),
            Role::HistoryWeight => Shape::of([history]),
        };
        let shapes: Vec<_> = self.roles.iter().map(shape).collect();
        let plan = self.program.plan(&shapes)?;
        match plan.outputs.as_slice() {
            [score] if score.element == super::onnx::Element::F32 => match *score.shape.dims() {
                [n] | [n, 1] | [1, n] if n == candidates => Ok(plan),
                _ => Err(Error::ModelGraph(Words::ScoreForEach)),
            },
            _ => Err(Error::ModelGraph(Words::ScoresNotFloats)),
        }
    }

    /// Plans a size that is not among those kept; where it is kept.
    fn keep(&mut self, size: (usize, usize)) -> Result<usize, Error> {
        let plan = self.plan(size.0, size.1)?;
        let place = self.oldest;
        self.oldest = (place + 1) % KEPT;
        match self.plans.get_mut(place) {
            Some(oldest) => *oldest = (size, plan),
            None => self.plans.push((size, plan)),
        }
        Ok(place)
    }

    fn needs(&self, wanted: [Role; 2]) -> bool {
        self.roles.iter().any(|role| wanted.contains(role))
    }
}

impl Role {
    /// The role of an input, by its name; what the file says of its shape must agree.
    fn of(input: &ValueInfo, features: usize, dimension: usize) -> Refused<Self> {
        let (role, columns) = match input.name {
            "features" => (Self::Features, Some(features)),
            "candidates" => (Self::Candidates, Some(dimension)),
            "history" => (Self::History, Some(dimension)),
            "history_weight" => (Self::HistoryWeight, None),
            _ => return Err(&Refusal::Graph(Words::InputUnknown)),
        };
        let Some(dims) = &input.dims else { return Ok(role) };
        let fits = match (dims.as_slice(), columns) {
            ([None], None) | ([None, None], Some(_)) => true,
            ([None, Some(fixed)], Some(columns)) => usize::try_from(*fixed) == Ok(columns),
            _ => false,
        };
        if fits { Ok(role) } else { Err(&Refusal::Graph(Words::InputShape)) }
    }
}

impl Engine for Compact {
    fn needs_history(&self) -> bool {
        self.needs([Role::History, Role::HistoryWeight])
    }

    fn needs_candidates(&self) -> bool {
        self.needs([Role::Candidates; 2])
    }

    fn score(&mut self, inputs: &Inputs, scores: &mut [f32]) -> Result<(), Error> {
        if inputs.candidates_len == 0 && scores.is_empty() {
            return Ok(());
        }
        if inputs.history_len == 0 && self.needs_history() {
            return Err(Error::ModelGraph(Words::NoHistory));
        }
        // A plan does not depend on a history that the graph does not read.
        let size = (inputs.candidates_len, if self.needs_history() { inputs.history_len } else { 0 });
        let known = self.plans.iter().position(|(planned, _)| *planned == size);
        let place = match known {
            Some(place) => place,
            None => self.keep(size)?,
        };
        let Some((_, plan)) = self.plans.get(place) else { return Ok(()) };
        if self.arena.len() < plan.arena {
            self.arena.resize(plan.arena, 0.0);
        }
        let mut slices: [&[f32]; 4] = [&[]; 4];
        for (slice, role) in slices.iter_mut().zip(&self.roles) {
            let (elements, length) = match role {
                Role::Features => (inputs.features, size.0 * self.features),
                Role::Candidates => (inputs.candidates, size.0 * self.dimension),
                Role::History => (inputs.history, size.1 * self.dimension),
                Role::HistoryWeight => (inputs.history_weight, size.1),
            };
            if elements.len() != length {
                return Err(Error::ModelGraph(Words::InputLength));
            }
            *slice = elements;
        }
        let constants = &self.program.constants;
        plan.run(constants, &slices, &mut self.arena).map_err(|refusal| refusal.of(""))?;
        let result = plan.output(0, constants, &slices, &self.arena);
        if result.len() != scores.len() {
            return Err(Error::ModelGraph(Words::PlaceForEach));
        }
        scores.copy_from_slice(result);
        Ok(())
    }
}
