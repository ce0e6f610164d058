//! The full flavour's engine against onnxruntime, on the fixtures of `python/tools/full_fixtures.py`, and against the compact
//! engine on what both run. All names begin with `tract`, by which `npm test` chooses them.

use super::super::compact::Compact;
use super::super::{Engine, Inputs, Model, onnx};
use super::Tract;
use crate::{Error, Words};
use nearside_kernels::vector::DIMENSION;

const TRANSFORMER: &[u8] = include_bytes!("../../../tests/fixtures/transformer.onnx");
const TREES: &[u8] = include_bytes!("../../../tests/fixtures/trees.onnx");
const ATTENTION: &[u8] = include_bytes!("../../../tests/fixtures/attention-20k.onnx");
const HAND_SET: &[u8] = include_bytes!("../../../tests/fixtures/hand-set.onnx");
const DEFAULT: &[u8] = include_bytes!("../../../models/reranker.onnx");
const TOLERANCE: f32 = 1e-4;

/// A file of cases; `python/tools/conformance_fixtures.py` says how it is laid out.
struct File<'a>(&'a [u8]);

/// Name, inputs and scores.
type Case<'a> = (&'a str, Vec<Vec<f32>>, Vec<f32>);

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

    fn tensor(&mut self) -> Vec<f32> {
        let elements: usize = (0..self.number()).map(|_| self.number()).product();
        self.take(4 * elements).as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
    }

    fn case(&mut self) -> Case<'a> {
        let name = core::str::from_utf8(self.blob()).unwrap();
        assert!(self.blob().is_empty());
        let inputs = (0..self.number()).map(|_| self.tensor()).collect();
        assert_eq!((self.take(1), self.number()), (&[0][..], 1));
        (name, inputs, self.tensor())
    }

    fn cases(bytes: &'a [u8]) -> Vec<Case<'a>> {
        let mut file = Self(bytes);
        let cases = (0..file.number()).map(|_| file.case()).collect();
        assert!(file.0.is_empty());
        cases
    }
}

fn load(bytes: &[u8]) -> Result<Tract, Error> {
    let outline = onnx::outline(bytes)?;
    let features = outline.metadata.iter().find(|(key, _)| *key == "nearside.features").unwrap().1;
    Tract::load(bytes, &outline, features.split('\n').count(), DIMENSION)
}

/// Scores with inputs in the contract's order: features, candidates, history, history_weight.
fn score(engine: &mut dyn Engine, inputs: &[Vec<f32>], candidates: usize) -> Result<Vec<f32>, Error> {
    let input = |place: usize| inputs.get(place).map_or(&[][..], Vec::as_slice);
    let inputs = Inputs {
        candidates_len: candidates,
        features: input(0),
        candidates: input(1),
        history_len: input(3).len(),
        history: input(2),
        history_weight: input(3),
    };
    let mut scores = vec![f32::NAN; candidates];
    engine.score(&inputs, &mut scores).map(|()| scores)
}

#[track_caller]
fn assert_near(found: &[f32], expected: &[f32], name: &str) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() <= TOLERANCE, "{name}: {found}, not {expected}");
    }
}

#[test]
fn tract_scores_as_onnxruntime_does() {
    for (model, cases) in [
        (TRANSFORMER, &include_bytes!("../../../tests/fixtures/transformer.bin")[..]),
        (TREES, include_bytes!("../../../tests/fixtures/trees.bin")),
        (ATTENTION, include_bytes!("../../../tests/fixtures/attention-20k.bin")),
    ] {
        let mut engine = load(model).unwrap();
        let cases = File::cases(cases);
        assert!(cases.len() >= 3);
        // Twice, and more sizes than plans are kept: one is found again and one is pushed out in between.
        for (name, inputs, expected) in cases.iter().chain(&cases) {
            assert_near(&score(&mut engine, inputs, expected.len()).unwrap(), expected, name);
        }
    }
}

#[test]
fn tract_scores_what_the_compact_engine_scores() {
    let random = |len: usize, seed: u32| {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        };
        (0..len).map(|_| next()).collect::<Vec<_>>()
    };
    for bytes in [DEFAULT, HAND_SET, ATTENTION] {
        let file = onnx::read(bytes).unwrap();
        let features = file.metadata.iter().find(|(key, _)| *key == "nearside.features").unwrap().1;
        let features = features.split('\n').count();
        let mut compact = Compact::load(&file, features, DIMENSION).unwrap();
        let mut tract = load(bytes).unwrap();
        assert_eq!(
            (tract.needs_history(), tract.needs_candidates()),
            (compact.needs_history(), compact.needs_candidates())
        );
        for (n, h) in [(1, 1), (2, 50), (33, 7), (200, 50)] {
            let mut inputs = vec![
                random(n * features, 1),
                random(n * DIMENSION, 2),
                random(h * DIMENSION, 3),
                vec![1.0 / h as f32; h],
            ];
            if !compact.needs_history() {
                inputs.truncate(2);
            }
            let expected = score(&mut compact, &inputs, n).unwrap();
            assert_near(&score(&mut tract, &inputs, n).unwrap(), &expected, &format!("{n} x {h}"));
        }
    }
}

#[test]
fn tract_runs_models_that_the_compact_engine_refuses() {
    for (bytes, id) in [(TRANSFORMER, "fixture-transformer"), (TREES, "fixture-trees")] {
        let model = Model::load(bytes).unwrap();
        assert_eq!(model.id(), id);
        let compact =
            onnx::read(bytes).and_then(|file| Compact::load(&file, model.features().len(), DIMENSION));
        assert_eq!(compact.err().map(|error| error.code()), Some("model_unsupported"));
    }
}

#[test]
fn tract_holds_models_to_their_golden_case() {
    let text = String::from_utf8_lossy(TREES);
    let at = text.find("nearside.golden.scores").unwrap();
    let mut bytes = TREES.to_vec();
    // In the base64 of the first score: key, tag and length lie before it.
    let at = bytes.windows(22).position(|window| window == b"nearside.golden.scores").unwrap_or(at) + 22 + 8;
    bytes[at] = if bytes[at] == b'Q' { b'R' } else { b'Q' };
    assert!(matches!(Model::load(&bytes), Err(Error::ModelGolden(_))));
}

#[test]
fn tract_refuses_bytes_that_are_no_model() {
    let code = |bytes: &[u8]| Model::load(bytes).err().map(|error| error.code());
    assert_eq!(code(&[]), Some("model_rejected"));
    assert_eq!(code(b"<!doctype html>"), Some("model_rejected"));
    assert_eq!(code(&vec![0; (16 << 20) + 1]), Some("model_rejected"));
    for length in (0..TREES.len()).step_by(997) {
        assert_eq!(code(&TREES[..length]), Some("model_rejected"), "{length}");
    }
}

#[test]
fn tract_names_the_operator_it_does_not_run() {
    // Of one length, so that nothing else in the file changes.
    let with = |from: &[u8], to: &[u8]| {
        let mut bytes = TREES.to_vec();
        let at = bytes.windows(from.len()).position(|window| window == from).unwrap();
        bytes[at..at + to.len()].copy_from_slice(to);
        Model::load(&bytes).err()
    };
    let unsupported = |name: &str| Some(Error::TractUnsupported(name.into()));
    assert_eq!(
        with(b"TreeEnsembleRegressor", b"TreeEnsembleOfUnicorn"),
        unsupported("ai.onnx.ml.TreeEnsembleOfUnicorn")
    );
    assert_eq!(with(b"Squeeze", b"Bananas"), unsupported("Bananas"));
    // tract looks operators up by name alone, whatever set they are of.
    assert_eq!(with(b"ai.onnx.ml", b"my.onnx.ml"), unsupported("my.onnx.ml.TreeEnsembleRegressor"));
    let unmade = with(b"\x0a\x05score", b"\x0a\x05scare");
    assert_eq!(unmade, Some(Error::ModelGraph(Words::of("an output is made by no node"))));
}

#[test]
fn tract_says_what_is_wrong_with_sizes() {
    let mut engine = load(TRANSFORMER).unwrap();
    let (_, inputs, _) = File::cases(include_bytes!("../../../tests/fixtures/transformer.bin")).remove(1);
    assert!(matches!(score(&mut engine, &inputs[..1], 7), Err(Error::ModelGraph(_))));
    assert!(matches!(score(&mut engine, &inputs, 8), Err(Error::ModelGraph(_))));
    assert!(score(&mut engine, &inputs, 7).is_ok());
}
