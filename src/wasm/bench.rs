//! What `npm run bench` asks of the core beside its calls. The package is built without it.

use js_sys::Error as JsError;
use wasm_bindgen::prelude::*;

use super::{Core, fill};
use crate::error::Error;
use crate::model::Model;
use crate::policy::Policy;
use crate::time::Seconds;

/// The parts of a ranking one by one.
#[wasm_bindgen]
impl Core {
    /// Takes in a list as `rank` does, and leaves it at that.
    pub fn take(&mut self, text: &[u8], rows: &[f64], space: &str) -> Result<(), JsError> {
        let Self { ranker, candidates, .. } = self;
        let ranker = ranker.as_ref().ok_or(Error::NoModel).map_err(thrown)?;
        fill(candidates, text, rows)
            .and_then(|()| candidates.check(space, ranker.model().space()))
            .map_err(thrown)
    }

    /// Repeats one part of the last `rank`, which must have come to `ranked`: `features`, `engine`, `ordering`, or `rank` for all three.
    /// In here, because a clock in JavaScript is too coarse for once.
    pub fn repeat(&mut self, part: &str, times: u32, policy: &[f64], now_ms: f64) -> Result<(), JsError> {
        let (policy, now) = (Policy::of_numbers(policy), Seconds::from_millis(now_ms));
        let Self { ranker, profile, candidates, .. } = self;
        let ranker = ranker.as_mut().ok_or(Error::NoModel).map_err(thrown)?;
        for _ in 0..times {
            match part {
                "features" => {
                    ranker.derive(candidates, profile, &policy, now);
                    Ok(())
                }
                "engine" => ranker.score(candidates),
                "ordering" => ranker.arrange(candidates, &policy),
                "rank" => ranker.rank(candidates, profile, &policy, now).map(|_| ()),
                _ => return Err(JsError::new("a ranking has no such part")),
            }
            .map_err(thrown)?;
        }
        Ok(())
    }

    /// What is said of each candidate of the last ranking.
    pub fn explained(&self) -> Vec<f32> {
        self.explanations()
    }

    /// What the engine was given in the last ranking: `features`, `candidates`, `history` or `history_weight`, row-major; empty
    /// where the model has no such input.
    pub fn input(&self, name: &str) -> Vec<f32> {
        self.ranker.as_ref().and_then(|ranker| ranker.input(name)).unwrap_or_default().to_vec()
    }
}

/// A model's engine alone, called as other engines are.
#[wasm_bindgen]
pub struct Engine(Model);

#[wasm_bindgen]
impl Engine {
    /// Loads a model; throws where it is refused.
    #[wasm_bindgen(constructor)]
    pub fn new(model: &[u8]) -> Result<Engine, JsError> {
        Model::load(model).map(Engine).map_err(thrown)
    }

    /// One score a row of `features`. Inputs that the model does not have may be empty.
    pub fn score(
        &mut self,
        features: &[f32],
        candidates: &[f32],
        history: &[f32],
        history_weight: &[f32],
    ) -> Result<Vec<f32>, JsError> {
        self.0.run(features, candidates, history, history_weight).map(<[f32]>::to_vec).map_err(thrown)
    }
}

fn thrown(error: Error) -> JsError {
    JsError::new(&error.to_string())
}
