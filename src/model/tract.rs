//! The full flavour's engine: any ONNX model, through `tract-onnx`.
//!
//! A file is looked over first (`onnx::outline`), so that what tract is given is bounded and names nothing that is not there;
//! where the file comes from is the SDK's to check. tract reads it once. For each candidate count N and history length H
//! the graph is then typed, simplified and optimised with these sizes; the plans used last are kept. (A plan for any N and
//! H would save that work and runs 8 to 19 % slower in browsers.)
//!
//! tract turns NaN into numbers, so that what goes in must be finite: features and unit vectors are.

mod trees;

#[cfg(test)]
mod tests;

use ndarray::{ArrayView, Dimension, IntoDimension};
use tract_onnx::prelude::*;
use tract_onnx::tract_hir::internal::{Cost, DimLike, Framework, IntoTValue, TractErrorContext};

use super::onnx::{Dim, Outline, Port};
use super::{Engine, Inputs};
use crate::error::Error;
use crate::words::Words;

/// The sizes at which a model is planned when it is loaded. The last is the largest that is ever ranked.
const SIZES: [(usize, usize); 3] = [(1, 1), (7, 3), (200, 50)];
/// Plans that are kept.
const KEPT: usize = 4;
/// The highest planned cost of a ranking, in multiplications and additions: four times the compact engine's.
const MAX_COST: usize = 100_000_000;
/// The most elements of all tensors of a ranking together: 64 MB.
const MAX_ELEMENTS: usize = 1 << 24;
/// The longest message of tract's that is passed on, in bytes.
const MAX_MESSAGE: usize = 400;

/// ONNX's code for f32.
const F32: i64 = 1;

/// Operator sets whose names tract knows. It looks an operator up by its name alone.
const DOMAINS: [&str; 3] = ["", "ai.onnx.ml", "com.microsoft"];
/// Operators that draw numbers: the same list would not give the same order.
const RANDOM: [&str; 5] =
    ["Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"];

/// A model that is ready to score.
pub(crate) struct Tract {
    graph: InferenceModel,
    roles: Vec<Role>,
    /// F and D.
    features: usize,
    dimension: usize,
    /// N, H and their plan; at most [`KEPT`].
    plans: Vec<((usize, usize), Arc<TypedSimplePlan>)>,
    /// The plan that makes room for the next one.
    oldest: usize,
}

/// What an input of the graph is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
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

impl Tract {
    /// Prepares the model of a file with its outline, for `features` columns of features and vectors of `dimension` elements.
    ///
    /// # Errors
    /// `TractUnsupported` for what tract does not read or plan, `ModelTooLarge` for a model that would cost too much time or
    /// memory, `ModelGraph` for one whose inputs or output are not the contract's.
    pub(crate) fn load(
        bytes: &[u8],
        outline: &Outline<'_>,
        features: usize,
        dimension: usize,
    ) -> Result<Self, Error> {
        let onnx = framework();
        for &(domain, operator) in outline.operators.keys() {
            let known = DOMAINS.contains(&domain) && onnx.op_register.0.contains_key(operator);
            if !known || RANDOM.contains(&operator) {
                let dot = if domain.is_empty() { "" } else { "." };
                return Err(Error::TractUnsupported(format!("{domain}{dot}{operator}")));
            }
        }
        let roles = outline.inputs.iter().map(|input| Role::of(input, features, dimension));
        let roles = roles.collect::<Result<Vec<_>, _>>()?;
        if (1..roles.len()).any(|place| roles[..place].contains(&roles[place])) {
            return Err(Error::ModelGraph(Words::InputTwice));
        }
        if !matches!(outline.outputs.as_slice(), [output] if output.name == "score") {
            return Err(Error::ModelGraph(Words::OnlyScore));
        }
        let graph = onnx.model_for_read(&mut &*bytes).map_err(unsupported)?;
        let names: Option<Vec<_>> = graph.inputs.iter().map(|outlet| graph.nodes.get(outlet.node)).collect();
        if !names.is_some_and(|nodes| {
            nodes.iter().map(|node| node.name.as_str()).eq(outline.inputs.iter().map(|input| input.name))
        }) {
            return Err(Error::ModelGraph(Words::TractOtherInputs));
        }
        let mut engine = Self { graph, roles, features, dimension, plans: Vec::new(), oldest: 0 };
        for (candidates, history) in SIZES {
            engine.keep((candidates, if engine.needs_history() { history } else { 0 }))?;
        }
        Ok(engine)
    }

    fn shape(&self, role: Role, (candidates, history): (usize, usize)) -> TVec<usize> {
        match role {
            Role::Features => tvec![candidates, self.features],
            Role::Candidates => tvec![candidates, self.dimension],
            Role::History => tvec![history, self.dimension],
            Role::HistoryWeight => tvec![history],
        }
    }

    fn plan(&self, size: (usize, usize)) -> Result<Arc<TypedSimplePlan>, Error> {
        let model = self.typed(size).map_err(unsupported)?;
        let output = model.output_fact(0).map_err(unsupported)?;
        let n = size.0;
        let shape = output.shape.as_concrete();
        if output.datum_type != f32::datum_type() {
            return Err(Error::ModelGraph(Words::ScoresNotFloats));
        }
        if !shape.is_some_and(|shape| [&[n][..], &[n, 1], &[1, n]].contains(&shape)) {
            return Err(Error::ModelGraph(Words::ScoreForEach));
        }
        check_cost(&model)?;
        model.into_optimized().and_then(IntoRunnable::into_runnable).map_err(unsupported)
    }

    fn typed(&self, size: (usize, usize)) -> TractResult<TypedModel> {
        let mut model = self.graph.clone();
        for (place, &role) in self.roles.iter().enumerate() {
            model.set_input_fact(place, f32::fact(self.shape(role, size)).into())?;
        }
        model.into_typed()?.into_decluttered()
    }

    /// Plans a size that is not among those kept; where it is kept.
    fn keep(&mut self, size: (usize, usize)) -> Result<usize, Error> {
        let plan = self.plan(size)?;
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

/// tract with what it lacks.
fn framework() -> tract_onnx::Onnx {
    let mut onnx = tract_onnx::onnx();
    onnx.op_register.insert("TreeEnsembleRegressor", trees::read);
    // What converters write there is often wrong, and is never needed.
    onnx.with_ignore_value_info(true)
}

/// Holds a simplified graph of fixed sizes to the bounds.
fn check_cost(model: &TypedModel) -> Result<(), Error> {
    let (mut cost, mut elements) = (0_usize, 0_usize);
    for node in &model.nodes {
        let inputs = model.node_input_facts(node.id).map_err(unsupported)?;
        for (kind, count) in node.op.cost(&inputs).map_err(unsupported)? {
            if matches!(kind, Cost::FMA(_) | Cost::Div(_)) {
                cost = cost.saturating_add(count.to_usize().unwrap_or(usize::MAX));
            }
        }
        for output in &node.outputs {
            let volume = output.fact.shape.volume().to_usize().unwrap_or(usize::MAX);
            elements = elements.saturating_add(volume);
        }
    }
    if cost > MAX_COST {
        return Err(Error::ModelTooLarge(Words::RankingOver100Million));
    }
    if elements > MAX_ELEMENTS {
        return Err(Error::ModelTooLarge(Words::RankingOver64Mb));
    }
    Ok(())
}

/// What tract says of a graph it does not read or plan.
fn unsupported(error: TractError) -> Error {
    Error::TractUnsupported(message(&error))
}

fn message(error: &TractError) -> String {
    let mut message = format!("{error:#}");
    if message.len() > MAX_MESSAGE {
        let end = (0..=MAX_MESSAGE).rev().find(|&at| message.is_char_boundary(at));
        message.truncate(end.unwrap_or(0));
        message.push('…');
    }
    message
}

impl Role {
    /// The role of an input, by its name; what the file says of it must agree.
    fn of(input: &Port<'_>, features: usize, dimension: usize) -> Result<Self, Error> {
        let (role, columns) = match input.name {
            "features" => (Self::Features, Some(features)),
            "candidates" => (Self::Candidates, Some(dimension)),
            "history" => (Self::History, Some(dimension)),
            "history_weight" => (Self::HistoryWeight, None),
            _ => return Err(Error::ModelGraph(Words::InputUnknown)),
        };
        let fits = match (input.dims.as_deref(), columns) {
            (None, _) | (Some([Dim::Named(_)]), None) | (Some([Dim::Named(_), Dim::Named(_)]), Some(_)) => {
                true
            }
            (Some([Dim::Named(_), Dim::Fixed(fixed)]), Some(columns)) => {
                usize::try_from(*fixed) == Ok(columns)
            }
            _ => false,
        };
        if !fits {
            return Err(Error::ModelGraph(Words::InputShape));
        }
        if input.element != F32 {
            return Err(Error::ModelGraph(Words::InputNotF32));
        }
        Ok(role)
    }
}

impl Engine for Tract {
    fn needs_history(&self) -> bool {
        self.needs([Role::History, Role::HistoryWeight])
    }

    fn needs_candidates(&self) -> bool {
        self.needs([Role::Candidates; 2])
    }

    fn score(&mut self, inputs: &Inputs<'_>, scores: &mut [f32]) -> Result<(), Error> {
        if inputs.candidates_len == 0 && scores.is_empty() {
            return Ok(());
        }
        if inputs.history_len == 0 && self.needs_history() {
            return Err(Error::ModelGraph(Words::NoHistory));
        }
        let size = (inputs.candidates_len, if self.needs_history() { inputs.history_len } else { 0 });
        let place = match self.plans.iter().position(|(planned, _)| *planned == size) {
            Some(place) => place,
            None => self.keep(size)?,
        };
        let Some((_, plan)) = self.plans.get(place) else { return Ok(()) };
        let mut tensors = TVec::new();
        for role in &self.roles {
            let tensor = match role {
                Role::Features => tensor((size.0, self.features), inputs.features),
                Role::Candidates => tensor((size.0, self.dimension), inputs.candidates),
                Role::History => tensor((size.1, self.dimension), inputs.history),
                Role::HistoryWeight => tensor(size.1, inputs.history_weight),
            };
            tensors.push(tensor.ok_or(Error::ModelGraph(Words::InputLength))?);
        }
        let failed = |error: TractError| Error::TractFailed(message(&error));
        let results = plan.run(tensors).map_err(failed)?;
        let result = results.first().context("there is no output").map_err(failed)?;
        let result = result.to_plain_array_view::<f32>().map_err(failed)?;
        if result.len() != scores.len() {
            return Err(Error::ModelGraph(Words::PlaceForEach));
        }
        for (score, &result) in scores.iter_mut().zip(&result) {
            *score = result;
        }
        Ok(())
    }
}

/// A tensor of these elements, which must fill the shape.
fn tensor<D: Dimension>(shape: impl IntoDimension<Dim = D>, elements: &[f32]) -> Option<TValue> {
    let view = ArrayView::from_shape(shape.into_dimension(), elements).ok()?;
    (view.len() == elements.len()).then(|| Tensor::from(view.to_owned()).into_tvalue())
}
