//! Each bound is reached and passed by one, and one test for each other refusal, on files built byte by byte.

use super::super::MAX_METADATA;
use super::super::tests::{Message, attribute, floats, initializer, message, model};
use super::*;

fn of(model: &Message) -> Result<(), Error> {
    outline(&model.0).map(|_| ())
}

fn graph(graph: &Message) -> Result<(), Error> {
    of(&model(graph))
}

fn node(operator: impl AsRef<[u8]>) -> Message {
    message().bytes(4, operator)
}

#[track_caller]
fn bounded(most: usize, with: impl Fn(usize) -> Message, sentence: &str) {
    assert_eq!(of(&with(most)), Ok(()), "at the bound: {sentence}");
    assert_eq!(of(&with(most + 1)), Err(Error::ModelTooLarge(Words::of(sentence))));
}

#[test]
fn counts_are_bounded() {
    let repeated =
        |field, part: Message| move |count| model(&message().times(count, |graph| graph.bytes(field, &part)));
    bounded(MAX_NODES, repeated(1, node("Relu")), "it has too many nodes");
    bounded(MAX_TENSORS, repeated(5, floats(&[0])), "it has too many tensors");
    bounded(MAX_VALUES, repeated(11, message().bytes(1, "x")), "it has too many inputs");
    let port = message().bytes(1, "y");
    let outputs = |count| {
        model(&message().bytes(1, node("Relu").bytes(2, "y")).times(count, |graph| graph.bytes(12, &port)))
    };
    bounded(MAX_VALUES, outputs, "it has too many outputs");
    let kinds =
        |count| model(&(0..count).fold(message(), |graph, i| graph.bytes(1, node(format!("Operator{i}")))));
    bounded(MAX_KINDS, kinds, "it has too many operators");
    let sets = |count: usize| {
        (1..count).fold(model(&message()), |model, i| {
            model.bytes(8, message().bytes(1, format!("set{i}")).int(2, 1))
        })
    };
    bounded(MAX_KINDS, sets, "it has too many operator sets");
    let entries = |count: usize| {
        (0..count).fold(model(&message()), |model, i| {
            model.bytes(14, message().bytes(1, format!("key{i}")).bytes(2, ""))
        })
    };
    bounded(MAX_METADATA, entries, "it has too many metadata entries");
    for part in [1, 2, 5] {
        // One part is the operator's name.
        let parts =
            |count| model(&message().bytes(1, node("Concat").times(count - 1, |node| node.bytes(part, ""))));
        bounded(MAX_PARTS, parts, "a node has too many parts");
    }
}

#[test]
fn nesting_ranks_and_the_file_are_bounded() {
    let nested =
        |depth| {
            model(&(0..depth).fold(message(), |graph, _| {
                message().bytes(1, node("If").bytes(5, message().bytes(6, graph)))
            }))
        };
    bounded(MAX_DEPTH, nested, "its graphs lie too deep in each other");
    bounded(MAX_RANK, |rank| initializer(&floats(&vec![0; rank])), "a tensor has too many dimensions");
    let input = |rank| {
        let shape = message().times(rank, |shape| shape.bytes(1, message().bytes(2, "N")));
        let kind = message().bytes(1, message().int(1, 1).bytes(2, shape));
        model(&message().bytes(11, message().bytes(1, "x").bytes(2, kind)))
    };
    bounded(MAX_RANK, input, "a value has too many dimensions");
    // Unknown fields are skipped: the file is as long as wanted.
    let head = model(&message()).0.len();
    let long = |length: usize| model(&message()).bytes(99, vec![0; length - head - 6]);
    assert_eq!(long(MAX_BYTES).0.len(), MAX_BYTES);
    bounded(MAX_BYTES, long, "the file has more than 16 MB");
}

#[test]
fn nodes_and_tensors_count_wherever_they_stand() {
    let tensor = message().bytes(5, floats(&[0]));
    let inside = message().bytes(1, node("Relu")).bytes(5, floats(&[1]).float(4, 2.0));
    let file = model(
        &message()
            .bytes(1, node("If").bytes(5, message().bytes(6, &inside)).bytes(5, message().bytes(11, inside)))
            .bytes(1, node("Constant").bytes(5, tensor)),
    );
    let outline = outline(&file.0).unwrap();
    assert_eq!((outline.nodes, outline.tensors, outline.weights), (4, 3, 2));
    assert_eq!(outline.operators[&("", "Relu")], 2);
}

#[test]
fn data_must_fill_its_dimensions() {
    let unfilled = Err(Error::ModelMalformed(Words::of("a tensor's data does not fill its dimensions")));
    assert_eq!(of(&initializer(&floats(&[2]).float(4, 1.0).float(4, 2.0))), Ok(()));
    assert_eq!(of(&initializer(&floats(&[2]).bytes(9, [0; 8]))), Ok(()));
    for tensor in [
        floats(&[2]).float(4, 1.0),
        floats(&[2]).bytes(9, [0; 7]),
        floats(&[2]).bytes(9, [0; 12]),
        floats(&[2]).bytes(9, [0; 8]).float(4, 1.0),
        floats(&[-1]),
        floats(&[i64::MAX, i64::MAX, 0]),
        floats(&[1 << 40, 1 << 40]),
        floats(&[1 << 30]),
    ] {
        assert_eq!(of(&initializer(&tensor)), unfilled);
        assert_eq!(of(&attribute(&message().bytes(5, tensor))), unfilled, "in an attribute");
    }
}

#[test]
fn what_is_not_in_the_file_is_refused() {
    let refused = |model: &Message, what: &str| {
        assert_eq!(of(model), Err(Error::OperatorUnsupported { operator: what.into() }));
    };
    refused(&model(&message()).bytes(20, ""), "training information");
    refused(&model(&message()).bytes(25, ""), "functions of the model's own");
    refused(&model(&message().bytes(15, "")), "sparse tensors");
    for field in [22, 23] {
        refused(&attribute(&message().bytes(field, "")), "sparse tensors");
    }
    refused(&attribute(&message().bytes(21, "alpha")), "attributes that refer to a function's");
    refused(&initializer(&floats(&[0]).bytes(13, "")), "tensors in other files");
    refused(&initializer(&floats(&[0]).int(14, 1)), "tensors in other files");
    refused(&initializer(&message().int(1, 0).int(2, 99)), "tensors of an uncommon type");
}

#[test]
fn operator_sets_are_imported_in_one_version_and_where_they_are_used() {
    let import = |domain: &str, version| message().bytes(1, domain).int(2, version);
    for domain in ["", "ai.onnx"] {
        assert_eq!(of(&model(&message()).bytes(8, import(domain, 17))), Ok(()));
        let twice = Err(Error::ModelMalformed(Words::of("it imports ai.onnx in two versions")));
        assert_eq!(of(&model(&message()).bytes(8, import(domain, 9))), twice);
    }
    let other = |version| {
        of(&model(&message()).bytes(8, import("ai.onnx.ml", 3)).bytes(8, import("ai.onnx.ml", version)))
    };
    assert_eq!(other(3), Ok(()));
    let twice =
        Error::ModelMalformed(Words::of("it imports another operator set than ai.onnx in two versions"));
    assert_eq!(other(1), Err(twice));
    let trees = message().bytes(1, node("TreeEnsembleRegressor").bytes(7, "ai.onnx.ml"));
    let only = |graph: &Message| of(&message().bytes(8, import("ai.onnx.ml", 1)).bytes(7, graph));
    assert_eq!(only(&trees), Ok(()));
    let unnamed = Err(Error::ModelMalformed(Words::of("it does not name its operator set")));
    assert_eq!(only(&trees.bytes(1, node("Relu"))), unnamed);
    assert_eq!(only(&message()), unnamed);
}

#[test]
fn what_is_no_model_is_refused() {
    let malformed =
        |model: Message, sentence| assert_eq!(of(&model), Err(Error::ModelMalformed(Words::of(sentence))));
    malformed(message().bytes(8, message().int(2, 17)), "it has no graph");
    malformed(message().bytes(7, ""), "it does not name its operator set");
    malformed(model(&message()).bytes(7, ""), "it has two graphs");
    let entry = message().bytes(1, "key").bytes(2, "");
    malformed(model(&message()).bytes(14, &entry).bytes(14, &entry), "a metadata key stands twice");
    malformed(model(&message().bytes(1, message().bytes(2, "y"))), "a node has no operator");
    let unmade = message().bytes(12, message().bytes(1, "y"));
    assert_eq!(graph(&unmade), Err(Error::ModelGraph(Words::of("an output is made by no node"))));
    assert_eq!(graph(&unmade.bytes(11, message().bytes(1, "y"))), Ok(()), "an input may be an output");
}
