//! The engine against onnxruntime, on the fixtures of `python/tools/conformance_fixtures.py`.

mod cost;
mod hostile;
#[path = "../../../../tests/common/messages.rs"]
mod messages;
// Loads whole models, which the full flavour has tract run.
#[cfg(not(feature = "tract"))]
mod mutations;
mod node_tests;
mod oracle;

use super::super::onnx;
use super::graph::{Tensor, run};
use super::*;
use crate::fuzzing::random;

pub(super) const ATTENTION: &[u8] = include_bytes!("../../../../tests/fixtures/attention-20k.onnx");
const ATTENTION_CASES: &[u8] = include_bytes!("../../../../tests/fixtures/attention-20k.bin");
const CONFORMANCE: &[u8] = include_bytes!("../../../../tests/fixtures/conformance.bin");

/// A file of cases; the Python script says how it is laid out.
struct File<'a>(&'a [u8]);

struct Case<'a> {
    name: &'a str,
    model: &'a [u8],
    inputs: Vec<Tensor>,
    expected: Result<Vec<Tensor>, &'a str>,
}

impl<'a> File<'a> {
    fn take(&mut self, length: usize) -> &'a [u8] {
        let (bytes, rest) = self.0.split_at(length);
        self.0 = rest;
        bytes
    }

    fn number(&mut self) -> usize {
        u32::from_le_bytes(self.take(4).try_into().unwrap()) as usize
    }

    fn blob(&mut self) -> &'a [u8] {
        let length = self.number();
        self.take(length)
    }

    fn text(&mut self) -> &'a str {
        core::str::from_utf8(self.blob()).unwrap()
    }

    fn tensors(&mut self) -> Vec<Tensor> {
        let count = self.number();
        let tensor = |_| {
            let rank = self.number();
            let dims: Vec<_> = (0..rank).map(|_| self.number()).collect();
            let bytes = self.take(4 * shape::product(&dims));
            let elements = bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
            Tensor { shape: Shape::new(&dims).unwrap(), elements }
        };
        (0..count).map(tensor).collect()
    }

    fn cases(bytes: &'a [u8]) -> Vec<Case<'a>> {
        let mut file = Self(bytes);
        let count = file.number();
        let case = |_| {
            let (name, model, inputs) = (file.text(), file.blob(), file.tensors());
            let expected = if file.take(1) == [0] { Ok(file.tensors()) } else { Err(file.text()) };
            Case { name, model, inputs, expected }
        };
        let cases = (0..count).map(case).collect();
        assert!(file.0.is_empty());
        cases
    }
}

fn close(found: f32, expected: f32) -> bool {
    found == expected
        || (found - expected).abs() <= 1e-5 * expected.abs().max(1.0)
        || (found.is_nan() && expected.is_nan())
}

fn difference(found: &Tensor, expected: &Tensor) -> Option<String> {
    if found.shape != expected.shape || found.elements.len() != expected.elements.len() {
        return Some(format!("shape {:?}, not {:?}", found.shape.dims(), expected.shape.dims()));
    }
    let mut pairs = found.elements.iter().zip(&expected.elements).enumerate();
    let (place, (found, expected)) = pairs.find(|(_, (found, expected))| !close(**found, **expected))?;
    Some(format!("element {place} is {found}, not {expected}"))
}

#[test]
fn every_operator_agrees_with_onnxruntime_or_is_refused_by_name() {
    let mut failures = Vec::new();
    let cases = File::cases(CONFORMANCE);
    for case in &cases {
        let failure = match (run(case.model, &case.inputs), &case.expected) {
            (Ok(found), Ok(expected)) if found.len() == expected.len() => {
                found.iter().zip(expected).find_map(|(found, expected)| difference(found, expected))
            }
            (Ok(_), expected) => Some(format!("ran; expected {:?}", expected.as_ref().err())),
            (Err(Error::OperatorUnsupported { operator }), Err(expected)) if operator == *expected => None,
            (Err(error), _) => Some(format!("{error:?}")),
        };
        if let Some(failure) = failure {
            failures.push(format!("{}: {failure}", case.name));
        }
    }
    assert!(cases.len() > 400);
    assert!(failures.is_empty(), "{} of {}:\n{}", failures.len(), cases.len(), failures.join("\n"));
}

fn attention() -> Compact {
    Compact::load(&onnx::read(ATTENTION).unwrap(), 16, 64).unwrap()
}

fn score(engine: &mut Compact, inputs: &[Tensor]) -> Vec<f32> {
    let [features, candidates, history, history_weight] = inputs else { panic!("four inputs") };
    let inputs = Inputs {
        candidates_len: features.shape.dim(0),
        features: &features.elements,
        candidates: &candidates.elements,
        history_len: history.shape.dim(0),
        history: &history.elements,
        history_weight: &history_weight.elements,
    };
    let mut scores = vec![f32::NAN; inputs.candidates_len];
    engine.score(&inputs, &mut scores).unwrap();
    scores
}

#[test]
fn target_attention_agrees_with_onnxruntime() {
    let mut engine = attention();
    assert!(engine.needs_history() && engine.needs_candidates());
    // Twice, so that every plan is used again and one is pushed out in between.
    for case in File::cases(ATTENTION_CASES).iter().chain(&File::cases(ATTENTION_CASES)) {
        let expected = case.expected.as_ref().unwrap();
        let elements = score(&mut engine, &case.inputs);
        let found = Tensor { shape: Shape::new(&[elements.len()]).unwrap(), elements };
        assert_eq!(difference(&found, &expected[0]), None, "{}", case.name);
    }
}

#[test]
fn a_candidate_has_the_same_score_to_the_bit_alone_and_among_others() {
    let mut engine = attention();
    let case = File::cases(ATTENTION_CASES).pop().unwrap();
    let together = score(&mut engine, &case.inputs);
    let [features, candidates, history, history_weight] = case.inputs.as_slice() else { panic!() };
    let rows = features.elements.chunks(16).zip(candidates.elements.chunks(64));
    for ((features, candidates), together) in rows.zip(together) {
        let inputs = Inputs {
            candidates_len: 1,
            features,
            candidates,
            history_len: history.shape.dim(0),
            history: &history.elements,
            history_weight: &history_weight.elements,
        };
        let mut alone = [f32::NAN];
        engine.score(&inputs, &mut alone).unwrap();
        assert_eq!(alone[0].to_bits(), together.to_bits());
    }
}
