//! Models that break the contract.

use super::*;
use crate::model::onnx::{Attribute, Element, Graph, Node, ValueInfo};

pub(super) fn value<'a>(name: &'a str, dims: &[Option<i64>]) -> ValueInfo<'a> {
    ValueInfo { name, element: Some(Element::F32), dims: Some(dims.to_vec()) }
}

pub(super) fn node<'a>(operator: &'a str, inputs: &[&'a str], output: &'a str) -> Node<'a> {
    Node { operator, inputs: inputs.to_vec(), outputs: vec![output], ..Node::default() }
}

/// A model of four features and vectors of three elements.
pub(super) fn model<'a>(inputs: Vec<ValueInfo<'a>>, nodes: Vec<Node<'a>>) -> OnnxModel<'a> {
    let graph = Graph { nodes, inputs, outputs: vec![value("score", &[None])], ..Graph::default() };
    OnnxModel { opset: 13, metadata: Vec::new(), graph }
}

fn load(model: &OnnxModel) -> Result<Compact, Error> {
    Compact::load(model, 4, 3)
}

#[track_caller]
fn refuses(model: &OnnxModel, expected: &str) {
    assert_eq!(load(model).err(), Some(Error::ModelGraph(Words::of(expected))));
}

pub(super) fn features() -> ValueInfo<'static> {
    value("features", &[None, Some(4)])
}

/// The sum of the features.
fn sum() -> Node<'static> {
    let attributes = vec![("axes", Attribute::Ints(vec![1])), ("keepdims", Attribute::Int(0))];
    Node { attributes, ..node("ReduceMean", &["features"], "score") }
}

#[test]
fn a_model_of_features_alone_needs_no_history() {
    let mut engine = load(&model(vec![features()], vec![sum()])).unwrap();
    assert!(!engine.needs_history() && !engine.needs_candidates());
    let (mut scores, none) = ([f32::NAN; 2], &[][..]);
    let features = &[1.0, 2.0, 3.0, 6.0, -1.0, -1.0, -1.0, -5.0];
    let inputs = Inputs {
        candidates_len: 2,
        features,
        candidates: none,
        history_len: 0,
        history: none,
        history_weight: none,
    };
    engine.score(&inputs, &mut scores).unwrap();
    assert_eq!(scores, [3.0, -2.0]);
    let length = Err(Error::ModelGraph(Words::of("an input has not the length its size asks for")));
    assert_eq!(engine.score(&Inputs { features: &features[1..], ..inputs }, &mut scores), length);
    let places = Err(Error::ModelGraph(Words::of("there is not one place for each score")));
    assert_eq!(engine.score(&inputs, &mut scores[1..]), places);
    assert_eq!(engine.score(&Inputs { candidates_len: 0, features: none, ..inputs }, &mut []), Ok(()));
}

#[test]
fn a_history_that_is_needed_must_not_be_empty() {
    let none = &[][..];
    let inputs = Inputs {
        candidates_len: 1,
        features: &[0.0; 16],
        candidates: &[0.0; 64],
        history_len: 0,
        history: none,
        history_weight: none,
    };
    let expected = Err(Error::ModelGraph(Words::of("it needs a history and there is none")));
    assert_eq!(attention().score(&inputs, &mut [0.0]), expected);
}

#[test]
fn an_operand_that_is_needed_is_not_left_out() {
    for (operator, inputs) in [
        ("Add", &["features", ""][..]),
        ("Add", &["", "features"]),
        ("Relu", &[""]),
        ("MatMul", &["features", ""]),
        ("Gemm", &["features", ""]),
        ("Where", &["features", "features", ""]),
    ] {
        let nodes = vec![node(operator, inputs, "f"), Node { inputs: vec!["f"], ..sum() }];
        refuses(&model(vec![features()], nodes), "a node has too few or too many inputs");
    }
    let clip = node("Clip", &["features", "", ""], "f");
    assert!(load(&model(vec![features()], vec![clip, Node { inputs: vec!["f"], ..sum() }])).is_ok());
}

#[test]
fn nan_is_not_swallowed() {
    let nodes = vec![
        node("Relu", &["features"], "r"),
        node("Clip", &["r"], "c"),
        Node { inputs: vec!["c"], ..sum() },
    ];
    let mut engine = load(&model(vec![features()], nodes)).unwrap();
    let inputs = Inputs {
        candidates_len: 1,
        features: &[1.0, f32::NAN, 1.0, 1.0],
        candidates: &[],
        history_len: 0,
        history: &[],
        history_weight: &[],
    };
    let mut scores = [0.0];
    engine.score(&inputs, &mut scores).unwrap();
    assert!(scores[0].is_nan());
}

#[test]
fn only_the_contracts_inputs_are_fed() {
    const SHAPE: &str = "an input's shape is not the contract's";
    refuses(
        &model(vec![value("user_id", &[None])], vec![sum()]),
        "it has an input that the contract does not know",
    );
    for dims in
        [&[None, Some(5)][..], &[Some(200), Some(4)], &[None], &[None, Some(4), Some(1)], &[None, Some(-4)]]
    {
        refuses(&model(vec![value("features", dims)], vec![sum()]), SHAPE);
    }
    for (name, dims) in [
        ("candidates", &[None, Some(4)][..]),
        ("history", &[None, Some(4)]),
        ("history", &[Some(50), Some(3)]),
        ("history_weight", &[None, Some(1)]),
        ("history_weight", &[Some(50)]),
    ] {
        refuses(&model(vec![features(), value(name, dims)], vec![sum()]), SHAPE);
    }
    let ints = ValueInfo { element: Some(Element::I64), ..features() };
    refuses(&model(vec![ints], vec![sum()]), "an input is not of floats");
    let unsaid = ValueInfo { name: "features", element: None, dims: None };
    assert!(load(&model(vec![unsaid], vec![sum()])).is_ok());
}

#[test]
fn the_output_is_one_score_for_each_candidate() {
    let outputs = |outputs| {
        let mut model = model(vec![features()], vec![sum()]);
        model.graph.outputs = outputs;
        model
    };
    const ONLY: &str = "its only output must be score";
    refuses(&outputs(vec![]), ONLY);
    refuses(&outputs(vec![value("scores", &[None])]), ONLY);
    refuses(&outputs(vec![value("score", &[None]), value("features", &[None])]), ONLY);
    const EACH: &str = "it does not give one score for each candidate";
    refuses(&model(vec![features()], vec![node("Relu", &["features"], "score")]), EACH);
    refuses(
        &model(vec![value("history_weight", &[None])], vec![node("Relu", &["history_weight"], "score")]),
        EACH,
    );
    let truth = Node { attributes: vec![("to", Attribute::Int(9))], ..node("Cast", &["mean"], "score") };
    let mean = Node { outputs: vec!["mean"], ..sum() };
    refuses(&model(vec![features()], vec![mean, truth]), "its scores are not floats");
}

#[test]
fn names_are_given_once_and_before_they_are_used() {
    const UNKNOWN: &str = "a value is used that no earlier node gives";
    let late = vec![node("Relu", &["later"], "r"), node("Relu", &["features"], "later"), sum()];
    refuses(&model(vec![features()], late), UNKNOWN);
    refuses(&model(vec![features()], vec![]), UNKNOWN);
    let twice = vec![sum(), sum()];
    refuses(&model(vec![features()], twice), "a value is given twice");
    refuses(&model(vec![features(), features()], vec![sum()]), "a value is given twice");
    let nameless = vec![node("Relu", &["features"], ""), sum()];
    refuses(&model(vec![features()], nameless), "a value has no name");
}

#[test]
fn opsets_outside_13_to_21_are_refused() {
    for opset in [0, 12, 22, -1, i64::MAX] {
        let model = OnnxModel { opset, ..model(vec![features()], vec![sum()]) };
        assert_eq!(load(&model).err(), Some(Error::OpsetUnsupported(opset)));
    }
}

#[test]
fn a_model_that_costs_too_much_is_refused() {
    let exp = |count: usize| {
        let names: Vec<String> = (0..=count).map(|i| format!("x{i}")).collect();
        let nodes = names.windows(2).map(|pair| node("Exp", &[&pair[0]], &pair[1]));
        let mut nodes: Vec<_> = nodes.collect();
        nodes.insert(0, node("Identity", &["features"], "x0"));
        nodes.push(Node { inputs: vec![&names[count]], ..sum() });
        load(&model(vec![features()], nodes)).err()
    };
    assert_eq!(exp(100), None);
    // 200 candidates x 4 features x 16 operations
    assert_eq!(
        exp(2000),
        Some(Error::ModelTooLarge(Words::of("scoring takes more than 25 million operations")))
    );
}

#[test]
fn a_model_that_takes_too_much_memory_is_refused() {
    let shape = vec![("value_ints", Attribute::Ints(vec![3000, 200, 4]))];
    let nodes = vec![
        Node { attributes: shape, ..node("Constant", &[], "shape") },
        node("Expand", &["features", "shape"], "wide"),
        Node { inputs: vec!["wide"], ..sum() },
    ];
    // Of the sizes that are tried, only 1 and 200 candidates broadcast to this; the first of them is too large already.
    let expected = Some(Error::ModelTooLarge(Words::of("its intermediate results take more than 8 MB")));
    assert_eq!(load(&model(vec![features()], nodes)).err(), expected);
}

#[test]
fn constants_cannot_blow_up() {
    let shape = vec![("value_ints", Attribute::Ints(vec![1 << 20, 2]))];
    let nodes = vec![
        Node { attributes: shape, ..node("Constant", &[], "shape") },
        Node { attributes: vec![("value_float", Attribute::Float(1.0))], ..node("Constant", &[], "one") },
        node("Expand", &["one", "shape"], "wide"),
        sum(),
    ];
    let expected = Some(Error::ModelTooLarge(Words::of("its constants hold more than a million elements")));
    assert_eq!(load(&model(vec![features()], nodes)).err(), expected);
}
