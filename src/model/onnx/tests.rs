//! One test for each way in which a file can fail, on files built byte by byte.

use super::*;

/// A message under construction.
#[derive(Clone, Default)]
pub(super) struct Message(pub(super) Vec<u8>);

impl Message {
    pub(super) fn number(mut self, mut value: u64) -> Self {
        while value > 0x7f {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
        self
    }

    pub(super) fn int(self, field: u64, value: i64) -> Self {
        self.number(field << 3).number(value as u64)
    }

    pub(super) fn bytes(self, field: u64, value: impl AsRef<[u8]>) -> Self {
        let value = value.as_ref();
        let mut message = self.number(field << 3 | 2).number(value.len() as u64);
        message.0.extend(value);
        message
    }

    pub(super) fn float(self, field: u64, value: f32) -> Self {
        let mut message = self.number(field << 3 | 5);
        message.0.extend(value.to_le_bytes());
        message
    }

    pub(super) fn times(self, count: usize, with: impl Fn(Self) -> Self) -> Self {
        (0..count).fold(self, |message, _| with(message))
    }
}

impl AsRef<[u8]> for Message {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

pub(super) fn message() -> Message {
    Message::default()
}

fn opset() -> Message {
    message().bytes(1, "").int(2, 17)
}

/// A model with this graph.
pub(super) fn model(graph: &Message) -> Message {
    message().int(1, 8).bytes(8, opset()).bytes(7, graph)
}

pub(super) fn floats(dims: &[i64]) -> Message {
    dims.iter().fold(message().int(2, 1), |tensor, &dim| tensor.int(1, dim))
}

pub(super) fn initializer(tensor: &Message) -> Message {
    model(&message().bytes(5, tensor))
}

pub(super) fn attribute(attribute: &Message) -> Message {
    model(&message().bytes(1, message().bytes(4, "Relu").bytes(5, attribute)))
}

fn input(kind: &Message) -> Message {
    model(&message().bytes(11, message().bytes(1, "x").bytes(2, kind)))
}

#[track_caller]
fn fails(model: &Message, expected: Error) {
    assert_eq!(read(&model.0).map(|_| ()), Err(expected));
}

#[track_caller]
fn malformed(model: &Message, expected: &str) {
    fails(model, Error::ModelMalformed(Words::of(expected)));
}

#[track_caller]
fn too_large(model: &Message, expected: &str) {
    fails(model, Error::ModelTooLarge(Words::of(expected)));
}

#[track_caller]
fn refused(model: &Message, expected: &str) {
    fails(model, Error::OperatorUnsupported { operator: expected.into() });
}

#[test]
fn a_whole_model_is_read() {
    let weights = floats(&[2]).float(4, 1.5).float(4, -2.0).bytes(8, "w");
    let axis = message().bytes(1, "axis").int(3, -1).int(20, 2);
    let node = message().bytes(1, "x").bytes(1, "w").bytes(2, "y").bytes(4, "Add").bytes(5, axis);
    let dim = |dim: Message| message().bytes(1, dim);
    let shape = dim(message().bytes(2, "N")).bytes(1, message().int(1, 2));
    let kind = message().bytes(1, message().int(1, 1).bytes(2, shape));
    let graph = message()
        .bytes(1, node)
        .bytes(5, weights)
        .bytes(11, message().bytes(1, "x").bytes(2, kind))
        .bytes(12, message().bytes(1, "y"));
    let file = model(&graph)
        .bytes(14, message().bytes(1, "key").bytes(2, "value"))
        .bytes(8, message().bytes(1, "com.example").int(2, 3));
    let model = read(&file.0).unwrap();
    assert_eq!((model.opset, model.metadata.as_slice()), (17, &[("key", "value")][..]));
    let graph = &model.graph;
    assert_eq!(graph.nodes[0].operator, "Add");
    assert_eq!(
        (graph.nodes[0].inputs.as_slice(), graph.nodes[0].outputs.as_slice()),
        (&["x", "w"][..], &["y"][..])
    );
    assert!(matches!(graph.nodes[0].attributes[..], [("axis", Attribute::Int(-1))]));
    assert_eq!((graph.initializers[0].name, graph.initializers[0].floats()), ("w", vec![1.5, -2.0]));
    assert_eq!(graph.inputs[0].dims.as_deref(), Some(&[None, Some(2)][..]));
    assert_eq!((graph.inputs[0].element, graph.outputs[0].name), (Some(Element::F32), "y"));
}

#[test]
fn every_prefix_of_a_model_is_read_or_refused() {
    let file = initializer(&floats(&[3]).bytes(9, [0; 12]));
    for length in 0..file.0.len() {
        assert!(read(&file.0[..length]).is_err(), "{length}");
    }
    assert!(read(&file.0).is_ok());
}

#[test]
fn nothing_and_other_files_are_malformed() {
    malformed(&message(), "it has no graph");
    malformed(&Message(b"<!DOCTYPE html><html></html>".to_vec()), "a field has an unknown wire type");
}

#[test]
fn a_file_has_a_largest_size() {
    too_large(&Message(vec![0; MAX_BYTES + 1]), "the file has more than 1 MB");
}

#[test]
fn unknown_fields_are_skipped() {
    let file = model(&message()).int(1000, 7).bytes(1001, "what").float(1002, 1.0).number(1003 << 3 | 1);
    assert!(read(&[&file.0[..], &[0; 8]].concat()).is_ok());
    malformed(&Message([&file.0[..], &[0; 7]].concat()), "a field ends after its message");
}

#[test]
fn varints_have_at_most_64_bits() {
    let file = |bytes: &[u8]| Message([&[0x08], bytes].concat());
    malformed(&file(&[0xff; 11]), "a varint is longer than 64 bits");
    malformed(
        &file(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2]),
        "a varint is longer than 64 bits",
    );
    malformed(&file(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]), "it has no graph");
    malformed(&file(&[0xff]), "a field ends after its message");
}

#[test]
fn a_length_past_the_end_is_malformed() {
    for length in [1, 0x7fff_ffff, 0xffff_ffff, u64::MAX] {
        malformed(&message().number(7 << 3 | 2).number(length), "a field ends after its message");
    }
}

#[test]
fn field_numbers_and_wire_types_are_checked() {
    malformed(&message().number(0).number(1), "a field has the number 0");
    malformed(&message().number(7 << 3 | 3), "a field has an unknown wire type");
    malformed(&message().int(7, 1), "a field has the wrong wire type");
    malformed(&message().bytes(8, message().bytes(2, "")), "a field has the wrong wire type");
    malformed(&attribute(&message().int(2, 1)), "a field has the wrong wire type");
}

#[test]
fn names_are_text() {
    malformed(&model(&message().bytes(1, message().bytes(4, [0xff]))), "a name is not UTF-8");
}

#[test]
fn names_that_errors_repeat_are_short() {
    let long = "n".repeat(MAX_NAME + 1);
    let message_of = |field| model(&message().bytes(1, message().bytes(field, &long)));
    too_large(&message_of(4), "the name of an operator or attribute is too long");
    too_large(&message_of(7), "the name of an operator or attribute is too long");
    too_large(&attribute(&message().bytes(1, &long)), "the name of an operator or attribute is too long");
}

fn import(domain: &str, version: i64) -> Message {
    message().bytes(1, domain).int(2, version)
}

#[test]
fn the_graph_stands_once() {
    malformed(&model(&message()).bytes(7, message()), "it has two graphs");
}

#[test]
fn an_operator_set_is_imported_in_one_version_however_often() {
    for domain in ["", "ai.onnx"] {
        let file = model(&message()).bytes(8, import("ai.onnx.ml", 3)).bytes(8, import(domain, 17));
        assert_eq!(read(&file.bytes(8, import("ai.onnx.ml", 3)).0).unwrap().opset, 17);
        malformed(&model(&message()).bytes(8, import(domain, 18)), "it imports ai.onnx in two versions");
    }
    // Of which nothing runs.
    let other = model(&message()).bytes(8, import("ai.onnx.ml", 3)).bytes(8, import("ai.onnx.ml", -1));
    assert!(read(&other.0).is_ok());
}

#[test]
fn the_default_operator_set_is_imported_where_the_graph_has_its_operators() {
    let of = |nodes: &[&str]| {
        let node = |domain: &&str| message().bytes(4, "Trees").bytes(7, *domain);
        let graph = nodes.iter().map(node).fold(message(), |graph, node| graph.bytes(1, node));
        message().bytes(8, import("ai.onnx.ml", 1)).bytes(7, graph)
    };
    assert_eq!(read(&of(&["ai.onnx.ml"]).0).unwrap().opset, 0);
    malformed(&of(&[""]), "it does not name its operator set");
    malformed(&of(&["ai.onnx"]), "it does not name its operator set");
    malformed(&of(&[]), "it does not name its operator set");
    malformed(&message().bytes(7, message()), "it does not name its operator set");
}

#[test]
fn attributes_of_other_operator_sets_are_not_what_refuses_them() {
    let node =
        message().bytes(4, "TreeEnsembleRegressor").bytes(5, message().bytes(1, "nodes_modes").int(20, 8));
    let file = model(&message().bytes(1, node.clone().bytes(7, "ai.onnx.ml")));
    let file = read(&file.0).unwrap();
    let found = &file.graph.nodes[0];
    assert_eq!(
        (found.domain, found.operator, found.attributes.len()),
        ("ai.onnx.ml", "TreeEnsembleRegressor", 0)
    );
    const LISTS: &str = "TreeEnsembleRegressor (attributes of text lists, tensor lists or types)";
    refused(&model(&message().bytes(1, node.bytes(7, "ai.onnx"))), LISTS);
}

#[test]
fn metadata_keys_stand_once_and_are_bounded() {
    let entry = |key: &str| message().bytes(1, key).bytes(2, "value");
    malformed(&model(&message()).bytes(14, entry("a")).bytes(14, entry("a")), "a metadata key stands twice");
    let many = (0..=MAX_METADATA).fold(model(&message()), |file, i| file.bytes(14, entry(&i.to_string())));
    too_large(&many, "it has too many metadata entries");
}

#[test]
fn lists_are_bounded() {
    let graph = |field, count| model(&message().times(count, |graph| graph.bytes(field, message())));
    too_large(&graph(1, MAX_NODES + 1), "it has too many nodes");
    too_large(&graph(11, MAX_VALUES + MAX_INITIALIZERS + 1), "it has too many inputs");
    too_large(&graph(12, MAX_VALUES + 1), "it has too many outputs");
    let tensors = message().times(MAX_INITIALIZERS + 1, |graph| graph.bytes(5, floats(&[0])));
    too_large(&model(&tensors), "it has too many initializers");
    for field in [1, 2] {
        let node = message().times(MAX_NODE_PARTS + 1, |node| node.bytes(field, "x"));
        too_large(&model(&message().bytes(1, node)), "a node has too many inputs, outputs or attributes");
    }
    let node = message().times(MAX_NODE_PARTS + 1, |node| node.bytes(5, message().int(20, 2)));
    too_large(&model(&message().bytes(1, node)), "a node has too many inputs, outputs or attributes");
    let shape = message().times(MAX_RANK + 1, |shape| shape.bytes(1, message()));
    too_large(&input(&message().bytes(1, message().bytes(2, shape))), "a value has too many dimensions");
}

#[test]
fn a_tensor_names_a_type_that_is_run() {
    malformed(&initializer(&message()), "a tensor does not name its type");
    refused(&initializer(&message().int(2, 10)), "tensors of float16");
    refused(&initializer(&message().int(2, 11)), "tensors of double");
    for kind in [4, 5, 8, 12, 16, 22, -1, i64::MAX] {
        let expected = "tensors of types other than float, uint8, int8, int32, int64 and bool";
        refused(&initializer(&message().int(2, kind)), expected);
    }
}

#[test]
fn a_tensor_fills_its_dimensions() {
    const EXPECTED: &str = "a tensor's data does not fill its dimensions";
    malformed(&initializer(&floats(&[2]).bytes(9, [0; 4])), EXPECTED);
    malformed(&initializer(&floats(&[2]).bytes(9, [0; 9])), EXPECTED);
    malformed(&initializer(&floats(&[2]).float(4, 0.0)), EXPECTED);
    malformed(&initializer(&floats(&[i64::MAX, i64::MAX]).bytes(9, [0; 4])), EXPECTED);
    malformed(&initializer(&floats(&[1 << 32, 1 << 32])), EXPECTED);
    malformed(&initializer(&floats(&[-1])), "a tensor's dimension is negative");
    too_large(&initializer(&floats(&[1; MAX_RANK + 1]).bytes(9, [0; 4])), "a tensor has too many dimensions");
    assert!(read(&initializer(&floats(&[])).0).is_err());
    assert!(read(&initializer(&floats(&[0, 5])).0).is_ok());
}

#[test]
fn a_tensor_has_data_of_its_type() {
    const EXPECTED: &str = "a tensor's data is not of its type";
    malformed(&initializer(&floats(&[1]).bytes(9, [0; 4]).float(4, 0.0)), EXPECTED);
    malformed(&initializer(&floats(&[1]).int(7, 1)), EXPECTED);
    malformed(&initializer(&floats(&[1]).int(5, 1)), EXPECTED);
    malformed(&initializer(&message().int(2, 7).int(1, 1).int(5, 1)), EXPECTED);
    malformed(&initializer(&message().int(2, 6).int(1, 1).int(7, 1)), EXPECTED);
    for (kind, value) in [(2, 256), (2, -1), (3, 128), (3, -129), (6, 1 << 31), (9, 2)] {
        let tensor = message().int(2, kind).int(1, 1).int(5, value);
        malformed(&initializer(&tensor), "a tensor's element does not fit its type");
    }
    malformed(&initializer(&floats(&[1]).bytes(4, [0; 5])), "a field ends after its message");
}

#[test]
fn packed_and_unpacked_numbers_are_the_same() {
    let one_by_one = message().int(2, 7).int(1, 2).int(7, -1).int(7, 300);
    let packed = message().int(2, 7).bytes(1, [2]).bytes(7, message().number(u64::MAX).number(300));
    let raw = message().int(2, 7).int(1, 2).bytes(9, [[0xff; 8], [0x2c, 1, 0, 0, 0, 0, 0, 0]].concat());
    for tensor in [one_by_one, packed, raw] {
        assert_eq!(read(&initializer(&tensor).0).unwrap().graph.initializers[0].ints(), [-1, 300]);
    }
    let packed = floats(&[2]).bytes(4, [1.0_f32.to_le_bytes(), 2.0_f32.to_le_bytes()].concat());
    assert_eq!(read(&initializer(&packed).0).unwrap().graph.initializers[0].floats(), [1.0, 2.0]);
}

#[test]
fn raw_integers_keep_their_sign() {
    let ints = |kind: i64, bytes: &[u8]| {
        let file = initializer(&message().int(2, kind).int(1, 1).bytes(9, bytes));
        read(&file.0).unwrap().graph.initializers[0].ints()
    };
    assert_eq!(ints(2, &[0xfe]), [254]);
    assert_eq!(ints(3, &[0xfe]), [-2]);
    assert_eq!(ints(6, &[0xfe, 0xff, 0xff, 0xff]), [-2]);
    assert_eq!(ints(9, &[2]), [1]);
}

#[test]
fn other_files_are_not_opened() {
    refused(&initializer(&floats(&[1]).bytes(13, "")), "tensors in other files");
    refused(&initializer(&floats(&[1]).int(14, 1)), "tensors in other files");
}

#[test]
fn attributes_have_a_type_that_is_run() {
    malformed(&attribute(&message().bytes(1, "a")), "an attribute does not name its type");
    for kind in [5, 10] {
        refused(&attribute(&message().int(20, kind)), "Relu (graphs inside nodes)");
    }
    for kind in [11, 12] {
        refused(&attribute(&message().int(20, kind)), "Relu (sparse tensors)");
    }
    for kind in [8, 9, 13, 14, 15, -1] {
        refused(
            &attribute(&message().int(20, kind)),
            "Relu (attributes of text lists, tensor lists or types)",
        );
    }
    refused(&attribute(&message().bytes(21, "outer")), "Relu (attributes that refer to a function's)");
    malformed(&attribute(&message().int(20, 4)), "a tensor does not name its type");
}

#[test]
fn a_value_left_out_is_zero() {
    let file = attribute(&message().bytes(1, "a").int(20, 2));
    let model = read(&file.0).unwrap();
    assert!(matches!(model.graph.nodes[0].attributes[..], [("a", Attribute::Int(0))]));
}

#[test]
fn inputs_are_tensors() {
    for field in [4, 5, 8, 9] {
        refused(&input(&message().bytes(field, message())), "inputs or outputs that are not tensors");
    }
    refused(&input(&message().bytes(1, message().int(1, 11))), "tensors of double");
}

#[test]
fn the_rest_of_the_format_is_refused() {
    refused(&model(&message()).bytes(20, ""), "training information");
    refused(&model(&message()).bytes(25, ""), "functions of the model's own");
    refused(&model(&message().bytes(15, "")), "sparse tensors");
}

/// Each bound: what reaches it is read, one more is too large.
#[test]
fn what_reaches_a_bound_is_read() {
    type Make = fn(usize) -> Message;
    let bounds: [(usize, Make); 11] = [
        (MAX_NODES, |count| model(&message().times(count, |graph| graph.bytes(1, message())))),
        (MAX_INITIALIZERS, |count| model(&message().times(count, |graph| graph.bytes(5, floats(&[0]))))),
        (MAX_VALUES + MAX_INITIALIZERS, |count| {
            model(&message().times(count, |graph| graph.bytes(11, message())))
        }),
        (MAX_VALUES, |count| model(&message().times(count, |graph| graph.bytes(12, message())))),
        (MAX_NODE_PARTS, |count| {
            model(&message().bytes(1, message().times(count, |node| node.bytes(1, "x"))))
        }),
        (MAX_NODE_PARTS, |count| {
            model(&message().bytes(1, message().times(count, |node| node.bytes(2, "x"))))
        }),
        (MAX_NODE_PARTS, |count| {
            model(&message().bytes(1, message().times(count, |node| node.bytes(5, message().int(20, 2)))))
        }),
        (MAX_RANK, |count| initializer(&floats(&vec![1; count]).bytes(9, [0; 4]))),
        (MAX_RANK, |count| {
            let shape = message().times(count, |shape| shape.bytes(1, message()));
            input(&message().bytes(1, message().bytes(2, shape)))
        }),
        (MAX_NAME, |length| attribute(&message().bytes(1, "n".repeat(length)).int(20, 2))),
        (MAX_METADATA, |count| {
            (0..count).fold(model(&message()), |file, i| file.bytes(14, message().bytes(1, i.to_string())))
        }),
    ];
    for (place, (bound, make)) in bounds.into_iter().enumerate() {
        assert!(read(&make(bound).0).is_ok(), "{place}");
        assert!(matches!(read(&make(bound + 1).0), Err(Error::ModelTooLarge(_))), "{place}");
    }
    // The largest file, most of it a field that is skipped: its tag has two bytes and its length three.
    let file = model(&message());
    let rest = MAX_BYTES - file.0.len() - 5;
    let largest = file.bytes(1001, vec![0; rest]);
    assert_eq!(largest.0.len(), MAX_BYTES);
    assert!(read(&largest.0).is_ok());
}
