//! The shipped model's contract, changed member by member.

use super::*;
use crate::model::{Model, onnx};

const SHIPPED: &[u8] = include_bytes!("../../../models/reranker.onnx");

/// Reads the contract with some members in place of the shipped ones.
fn with(changes: &[(&str, &str)]) -> Result<(Contract, Golden), Error> {
    let mut metadata = onnx::read(SHIPPED).unwrap().metadata;
    for &(key, value) in changes {
        let entry = metadata.iter_mut().find(|entry| entry.0.strip_prefix("nearside.") == Some(key)).unwrap();
        entry.1 = value;
    }
    read(&metadata)
}

#[track_caller]
fn refused(key: &str, value: &str, sentence: &str) {
    let error = with(&[(key, value)]).err().unwrap();
    assert_eq!(error.to_string(), format!("the model's contract does not hold: {sentence}"), "{value:?}");
    assert_eq!(error.code(), "model_rejected");
}

#[test]
fn names_are_bounded_and_can_be_seen() {
    for key in ["id", "space"] {
        let about = format!("nearside.{key} is not 1 to 128 letters, digits and signs");
        let long = "x".repeat(129);
        for name in [
            "",
            " ",
            "a\n",
            "good\nminilm-l6-pca64-v1\nextra",
            "a\0b",
            "a\u{202e}gnp.exe",
            "a\u{2028}b",
            &long,
        ] {
            refused(key, name, &about);
        }
        for name in ["é", "a b", &long[1..]] {
            assert!(with(&[(key, name)]).is_ok(), "{name}");
        }
    }
}

#[test]
fn a_feature_is_known_and_wanted_once() {
    refused(
        "features",
        "cosine_mean\ntopic_lift\ncosine_mean",
        "cosine_mean stands twice in nearside.features",
    );
    refused("features", "cosine_mean\nshoe_size", "shoe_size, in nearside.features, is not known");
    refused("features", "cosine_mean\n", ", in nearside.features, is not known");
    refused("features", "a\u{202e}\tb", "a????b, in nearside.features, is not known");
    let long = "x".repeat(900_000);
    let shown = &long[..128];
    refused("features", &long, &format!("{shown}, in nearside.features, is not known"));
}

#[test]
fn numbers_are_in_their_ranges() {
    refused("contract", "2", "nearside.contract is not 1, the version that is known");
    refused("dimension", "32", "nearside.dimension is not 64");
    for k in ["0", "1001", "1.5", "", "-1", "99999999999999999999"] {
        refused("k", k, "nearside.k is not a whole number in its range");
    }
    refused("golden.now", "-1", "nearside.golden.now is not a whole number in its range");
    refused("golden.vectors", "?", "nearside.golden.vectors is not base64");
}

#[test]
fn a_member_that_is_missing_is_named() {
    let metadata = onnx::read(SHIPPED).unwrap().metadata;
    for missing in &metadata {
        let rest: Vec<_> = metadata.iter().copied().filter(|entry| entry.0 != missing.0).collect();
        let expected = Error::ModelContract(format!("{} is missing", missing.0));
        assert_eq!(read(&rest).err(), Some(expected));
    }
}

/// Gives every score times a factor, and so much beside it.
struct Scaled(f32, f32);

impl crate::model::Engine for Scaled {
    fn needs_history(&self) -> bool {
        false
    }

    fn needs_candidates(&self) -> bool {
        false
    }

    fn score(&mut self, inputs: &crate::model::Inputs<'_>, scores: &mut [f32]) -> Result<(), Error> {
        let rows = inputs.features.chunks(inputs.features.len() / inputs.candidates_len);
        scores.iter_mut().zip(rows).for_each(|(score, row)| *score = row[0] * self.0 + self.1);
        Ok(())
    }
}

/// Whether the golden case holds for an engine that gives the first feature times `factor`, the file stating so much, and is off by `off`.
fn holds(factor: f32, off: f32) -> bool {
    let (contract, mut golden) = with(&[]).unwrap();
    let width = contract.features.len();
    golden.scores = golden.features.chunks(width).map(|row| row[0] * factor).collect();
    let mut model = Model::load(SHIPPED).unwrap();
    model.engine = Box::new(Scaled(factor, off));
    golden.check(&mut model).is_ok()
}

#[test]
fn a_golden_score_is_near_in_places_where_it_is_small_and_in_digits_where_it_is_large() {
    for off in [0.0, 0.9e-4, -0.9e-4] {
        assert!(holds(1.0, off) && holds(0.0, off));
    }
    for off in [1.1e-4, -1.1e-4, f32::NAN, f32::INFINITY] {
        assert!(!holds(1.0, off) && !holds(0.0, off));
    }
    let (_, golden) = with(&[]).unwrap();
    let least = golden.features.chunks(9).map(|row| row[0].abs()).fold(f32::INFINITY, f32::min);
    for scale in [1e3, 1e6, 1e20] {
        let factor = scale / least;
        assert!(holds(factor, 0.9e-4 * scale) && holds(factor, -0.9e-4 * scale), "{scale}");
        assert!(!holds(factor, 1.1e-4 * scale), "{scale}");
    }
    assert!(!holds(f32::INFINITY, 0.0), "a score that is not finite is near nothing");
}

#[test]
fn lines_are_those_of_split() {
    for text in ["", "a", "a\nb", "\n", "\n\na\n", "ä\n\nö"] {
        assert!(lines_of(text).eq(text.split('\n')), "{text:?}");
    }
    assert_eq!(DIMENSION_TEXT, DIMENSION.to_string());
}

#[test]
fn scores_that_are_not_finite_are_near_no_model() {
    for score in [f32::INFINITY, f32::NEG_INFINITY, f32::NAN] {
        let (_, mut golden) = with(&[]).unwrap();
        golden.scores.fill(score);
        let mut model = Model::load(SHIPPED).unwrap();
        assert_eq!(golden.check(&mut model), Err(Error::ModelGolden(Words::GoldenScores)), "{score}");
    }
}
