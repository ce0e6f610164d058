//! The boundary's part that only the full flavour has.

use js_sys::{Error as JsError, Reflect};
use serde::Serialize;
use serde_wasm_bindgen::Serializer;
use wasm_bindgen::prelude::*;
use web_sys::Performance;

use super::wire::ROW;
use super::{Core, split_utf16};
use crate::error::Error;
use crate::inspect::{Inspection, Timings};

/// What is noted of the last ranking.
#[derive(Default)]
pub(super) struct Last {
    text: Vec<u8>,
    rows: Vec<f64>,
    /// The profile's: an erased history must not be reported on.
    generation: u32,
    /// Milliseconds at its start and at the end of each of its four parts; fewer if it failed.
    marks: Vec<f64>,
}

impl Last {
    /// Notes a list that is about to be ranked. What is returned notes the time.
    pub(super) fn begin(&mut self, text: &[u8], rows: &[f64], generation: u32) -> impl FnMut() {
        self.text.clear();
        self.text.extend_from_slice(text);
        self.rows.clear();
        self.rows.extend_from_slice(rows);
        self.generation = generation;
        let clock = performance();
        let now = move || clock.as_ref().map_or(f64::NAN, Performance::now);
        self.marks.clear();
        self.marks.push(now());
        let marks = &mut self.marks;
        move || marks.push(now())
    }

    fn timings(&self) -> Option<Timings> {
        let &[start, taken, derived, scored, arranged] = self.marks.as_slice() else { return None };
        Some(Timings {
            take: taken - start,
            features: derived - taken,
            model: scored - derived,
            order: arranged - scored,
            total: arranged - start,
        })
    }

    fn ids(&self) -> Vec<String> {
        let mut text = std::str::from_utf8(&self.text).unwrap_or_default();
        let mut ids = Vec::new();
        for &[id, topic, subtopic, vector, ..] in self.rows.as_chunks::<ROW>().0 {
            for (place, length) in [id, topic, subtopic, vector].into_iter().enumerate() {
                let Some((part, rest)) = split_utf16(text, length as usize) else { return ids };
                text = rest;
                if place == 0 {
                    ids.push(part.to_owned());
                }
            }
        }
        ids
    }
}

#[wasm_bindgen]
impl Core {
    /// The model's contract, file and last ranking as one object; throws where there is no model and where it fails at it.
    pub fn inspect(&mut self) -> Result<JsValue, JsError> {
        let known = self.last.generation == self.profile.generation();
        let ids = self.last.ids();
        let last = self.last.timings().filter(|_| known).map(|timings| (ids.as_slice(), timings));
        let ranker = self.ranker.as_mut().ok_or(Error::NoModel).map_err(thrown)?;
        let inspection = Inspection::of(ranker, &self.candidates, last).map_err(thrown)?;
        let plain = Serializer::new().serialize_maps_as_objects(true);
        inspection.serialize(&plain).map_err(|error| JsError::new(&error.to_string()))
    }
}

/// Has a panic say its message on the console before it traps.
pub(super) fn print_panics() {
    console_error_panic_hook::set_once();
}

/// The clock of a page, a worker or Node.
fn performance() -> Option<Performance> {
    let found = Reflect::get(&js_sys::global(), &"performance".into()).ok()?;
    found.is_object().then(|| found.unchecked_into())
}

fn thrown(error: Error) -> JsError {
    JsError::new(&error.to_string())
}
