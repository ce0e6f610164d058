//! The engine against the ONNX project's own node tests (`python/tools/node_tests.py`), and the table of how it does.
//!
//! ```sh
//! NEARSIDE_WRITE_TABLE=1 cargo test --lib node_tests    # writes docs/conformance.md
//! ```

use std::collections::BTreeMap;
use std::fmt::Write;

use super::*;

const NODE_TESTS: &[u8] = include_bytes!("../../../../tests/fixtures/node-tests.bin");
const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/conformance.md");

const HEAD: &str = "# The ONNX project's own node tests

Made by `NEARSIDE_WRITE_TABLE=1 cargo test --lib node_tests` from `tests/fixtures/node-tests.bin`, which `python/tools/node_tests.py` writes and explains:
every test of `onnx.backend.test` all nodes of which are operators that the compact engine knows, stated to be of opset 21. The `rust` suite fails
when a line of this file is no longer what the engine does. *Unsupported* is refused by name, with the code `model_unsupported`; *failed* would be
another result, another shape or another refusal.

| operators | passed | unsupported | failed |
|---|--:|--:|--:|
";

#[test]
fn the_node_tests_come_out_as_the_table_says() {
    let (mut rows, mut refusals, mut failures) = (BTreeMap::new(), Vec::new(), Vec::new());
    let mut all = [0; 3];
    for case in File::cases(NODE_TESTS) {
        let expected = case.expected.unwrap();
        let (column, said) = match run(case.model, &case.inputs) {
            Ok(found) if found.len() == expected.len() => {
                match found.iter().zip(&expected).find_map(|(found, expected)| difference(found, expected)) {
                    None => (0, String::new()),
                    Some(difference) => (2, difference),
                }
            }
            Ok(_) => (2, "another number of outputs".into()),
            // By what is refused, not by its sentence, which may change.
            Err(Error::OperatorUnsupported { operator, .. }) => (1, operator),
            Err(error) => (2, error.to_string()),
        };
        match column {
            1 => refusals.push(format!("| `{}` | {said} |", case.name)),
            2 => failures.push(format!("{}: {said}", case.name)),
            _ => {}
        }
        let row: &mut [usize; 3] = rows.entry(operators(case.model)).or_default();
        row[column] += 1;
        all[column] += 1;
    }
    let mut table = String::from(HEAD);
    for (operators, [passed, unsupported, failed]) in &rows {
        writeln!(table, "| {operators} | {passed} | {unsupported} | {failed} |").unwrap();
    }
    let [passed, unsupported, failed] = all;
    write!(table, "| **all** | {passed} | {unsupported} | {failed} |\n\nWhat is unsupported, and why:\n\n| test | not run |\n|---|---|\n").unwrap();
    writeln!(table, "{}", refusals.join("\n")).unwrap();
    println!("{table}");
    assert!(failures.is_empty(), "{} failed:\n{}", failures.len(), failures.join("\n"));
    if std::env::var_os("NEARSIDE_WRITE_TABLE").is_some() {
        std::fs::write(TABLE, &table).unwrap();
    }
    assert!(
        std::fs::read_to_string(TABLE).unwrap() == table,
        "docs/conformance.md says otherwise: {passed} passed, {unsupported} unsupported"
    );
}

/// The one operator of a model, or that it is an operator's definition by others.
fn operators(bytes: &[u8]) -> String {
    let message = messages::Message::read(messages::Kind::Model, bytes).unwrap();
    let mut names = std::collections::BTreeSet::new();
    message.walk(&mut |message| {
        if message.kind == messages::Kind::Node {
            names.extend(message.texts(&[4]).map(String::from));
        }
    });
    match names.len() {
        1 => names.pop_first().unwrap(),
        _ => "(several: definitions by other operators)".into(),
    }
}
