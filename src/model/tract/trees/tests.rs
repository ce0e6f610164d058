//! Each variant of the operator that is run, on trees small enough to do by hand, and one test for each that is refused.

use ndarray::array;
use tract_onnx::pb::{AttributeProto, TensorProto, attribute_proto::AttributeType};

use super::*;

fn attribute(name: &str, kind: AttributeType) -> AttributeProto {
    AttributeProto { name: name.into(), r#type: kind as i32, ..AttributeProto::default() }
}

fn ints(name: &str, ints: &[i64]) -> AttributeProto {
    AttributeProto { ints: ints.to_vec(), ..attribute(name, AttributeType::Ints) }
}

fn floats(name: &str, floats: &[f32]) -> AttributeProto {
    AttributeProto { floats: floats.to_vec(), ..attribute(name, AttributeType::Floats) }
}

fn strings(name: &str, strings: &[&str]) -> AttributeProto {
    let strings = strings.iter().map(|string| string.as_bytes().to_vec()).collect();
    AttributeProto { strings, ..attribute(name, AttributeType::Strings) }
}

fn string(name: &str, string: &str) -> AttributeProto {
    AttributeProto { s: string.into(), ..attribute(name, AttributeType::String) }
}

fn int(name: &str, int: i64) -> AttributeProto {
    AttributeProto { i: int, ..attribute(name, AttributeType::Int) }
}

/// One tree: 1 where the first column is at most 0.5, else 2. `changes` stand in place of its attributes or beside them.
fn stump(changes: &[AttributeProto]) -> TractResult<Trees> {
    let mut all = vec![
        int("n_targets", 1),
        ints("nodes_treeids", &[0, 0, 0]),
        ints("nodes_nodeids", &[0, 1, 2]),
        strings("nodes_modes", &["BRANCH_LEQ", "LEAF", "LEAF"]),
        ints("nodes_featureids", &[0, 0, 0]),
        floats("nodes_values", &[0.5, 0.0, 0.0]),
        ints("nodes_truenodeids", &[1, 0, 0]),
        ints("nodes_falsenodeids", &[2, 0, 0]),
        ints("target_treeids", &[0, 0]),
        ints("target_nodeids", &[1, 2]),
        ints("target_ids", &[0, 0]),
        floats("target_weights", &[1.0, 2.0]),
    ];
    all.retain(|attribute| changes.iter().all(|change| change.name != attribute.name));
    all.extend_from_slice(changes);
    Trees::read(&NodeProto { attribute: all, ..NodeProto::default() })
}

/// Two trees: the first as [`stump`]'s, the second a leaf that adds 10.
fn two_trees(changes: &[AttributeProto]) -> TractResult<Trees> {
    let mut all = vec![
        ints("nodes_treeids", &[0, 0, 0, 7]),
        ints("nodes_nodeids", &[0, 1, 2, 5]),
        strings("nodes_modes", &["BRANCH_LEQ", "LEAF", "LEAF", "LEAF"]),
        ints("nodes_featureids", &[0; 4]),
        floats("nodes_values", &[0.5, 0.0, 0.0, 0.0]),
        ints("nodes_truenodeids", &[1, 0, 0, 0]),
        ints("nodes_falsenodeids", &[2, 0, 0, 0]),
        ints("target_treeids", &[7, 0, 0]),
        ints("target_nodeids", &[5, 2, 1]),
        ints("target_ids", &[0; 3]),
        floats("target_weights", &[10.0, 2.0, 1.0]),
    ];
    all.extend_from_slice(changes);
    stump(&all)
}

fn scores(trees: &Trees, column: &[f32]) -> Vec<f32> {
    let rows = Array2::from_shape_vec((column.len(), 1), column.to_vec()).unwrap();
    trees.run(&rows.view()).unwrap().into_raw_vec_and_offset().0
}

#[test]
fn every_comparison_branches() {
    for (mode, expected) in [
        ("BRANCH_LEQ", [1.0, 1.0, 2.0]),
        ("BRANCH_LT", [1.0, 2.0, 2.0]),
        ("BRANCH_GTE", [2.0, 1.0, 1.0]),
        ("BRANCH_GT", [2.0, 2.0, 1.0]),
        ("BRANCH_EQ", [2.0, 1.0, 2.0]),
        ("BRANCH_NEQ", [1.0, 2.0, 1.0]),
    ] {
        let trees = stump(&[strings("nodes_modes", &[mode, "LEAF", "LEAF"])]).unwrap();
        assert_eq!(scores(&trees, &[0.0, 0.5, 1.0]), expected, "{mode}");
        // What is missing goes where the node says, whatever the comparison.
        assert_eq!(scores(&trees, &[f32::NAN]), [2.0], "{mode}");
        let tracks = ints("nodes_missing_value_tracks_true", &[1, 0, 0]);
        let trees = stump(&[strings("nodes_modes", &[mode, "LEAF", "LEAF"]), tracks]).unwrap();
        assert_eq!(scores(&trees, &[f32::NAN]), [1.0], "{mode}");
    }
}

#[test]
fn every_aggregate_joins_the_trees() {
    for (aggregate, expected) in
        [("SUM", [11.0, 12.0]), ("AVERAGE", [5.5, 6.0]), ("MIN", [1.0, 2.0]), ("MAX", [10.0, 10.0])]
    {
        let trees = two_trees(&[string("aggregate_function", aggregate)]).unwrap();
        assert_eq!(scores(&trees, &[0.0, 1.0]), expected, "{aggregate}");
        let base = floats("base_values", &[-0.25]);
        let trees = two_trees(&[string("aggregate_function", aggregate), base]).unwrap();
        assert_eq!(scores(&trees, &[0.0, 1.0]), expected.map(|score| score - 0.25), "{aggregate}");
    }
}

#[test]
fn the_logistic_function_comes_last() {
    let trees = stump(&[string("post_transform", "LOGISTIC"), floats("base_values", &[-1.0])]).unwrap();
    let [zero, one] = scores(&trees, &[0.0, 1.0])[..] else { panic!("two rows") };
    assert_eq!(zero, 0.5);
    assert!((one - 0.731_058_6).abs() < 1e-6, "{one}");
}

#[test]
fn leaves_add_to_their_targets() {
    let trees = stump(&[
        int("n_targets", 2),
        ints("target_ids", &[1, 0]),
        floats("base_values", &[100.0, 200.0]),
        ints("nodes_featureids", &[1, 0, 0]),
    ])
    .unwrap();
    let rows = array![[9.0, 0.0], [-9.0, 1.0]];
    assert_eq!(trees.run(&rows.view()).unwrap(), array![[100.0, 201.0], [102.0, 200.0]]);
    // The second column is asked for.
    let error = trees.run(&array![[0.0]].view()).unwrap_err().to_string();
    assert!(error.contains("ask for 2 columns of 1"), "{error}");
}

#[test]
fn what_is_no_tree_or_not_run_is_refused() {
    let tensor = AttributeProto {
        t: Some(TensorProto::default()),
        ..attribute("nodes_values_as_tensor", AttributeType::Tensor)
    };
    for (change, expected) in [
        (tensor, "(nodes_values_as_tensor)"),
        (int("n_targets", 0), "(n_targets 0)"),
        (int("n_targets", 65), "(n_targets 65)"),
        (string("aggregate_function", "MEDIAN"), "(aggregate_function MEDIAN)"),
        (string("post_transform", "SOFTMAX"), "(post_transform SOFTMAX)"),
        (strings("nodes_modes", &["BRANCH_MEMBER", "LEAF", "LEAF"]), "(nodes_modes BRANCH_MEMBER)"),
        (floats("base_values", &[0.0, 0.0]), "one base value for each target"),
        (ints("nodes_treeids", &[]), "lists of nodes differ in length"),
        (ints("nodes_nodeids", &[0, 1]), "lists of nodes differ in length"),
        (ints("nodes_treeids", &[1, 0, 0]), "do not stand in order"),
        (ints("nodes_nodeids", &[0, 1, 1]), "share a number"),
        (ints("nodes_truenodeids", &[9, 0, 0]), "no node of a number that is named"),
        (ints("nodes_falsenodeids", &[9, 0, 0]), "no node of a number that is named"),
        (ints("target_nodeids", &[1, 9]), "no node of a number that is named"),
        (ints("target_treeids", &[0, 9]), "no node of a number that is named"),
        (ints("nodes_truenodeids", &[0, 0, 0]), "two ways to a node"),
        (ints("nodes_falsenodeids", &[1, 0, 0]), "two ways to a node"),
        (ints("target_ids", &[0, 1]), "a target that is not there"),
        (floats("nodes_values", &[0.5, 0.0]), "nodes_values has 2 entries, not 3"),
        (ints("nodes_featureids", &[0]), "nodes_featureids has 1 entries, not 3"),
        (floats("target_weights", &[1.0]), "target_weights has 1 entries, not 2"),
        (ints("nodes_missing_value_tracks_true", &[1, 0]), "nodes_missing_value_tracks_true has 2 entries"),
    ] {
        let error = stump(std::slice::from_ref(&change)).expect_err(expected);
        let error = format!("{error:#}");
        assert!(error.contains(expected), "{}: {error}, not {expected}", change.name);
    }
    for name in ["nodes_featureids", "nodes_truenodeids", "nodes_nodeids"] {
        assert!(stump(&[ints(name, &[-1, 1, 2])]).is_err(), "{name}");
    }
}
