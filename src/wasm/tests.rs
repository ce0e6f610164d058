use std::fmt::Write;
use std::path::Path;

use super::*;
use crate::error::Kind;
use crate::model::contract::VERSION as CONTRACT;
use crate::profile::bytes as profile;
use crate::words::{FIRST_MARK, Words};
use crate::{Bound, MAX_ID, MAX_RANKED, MAX_TEXT, Policy, Profile, Reason};

/// Most characters of a line with its end, as Biome breaks them.
const LINE: usize = 111;

/// `js/wire.ts`.
fn typescript() -> String {
    let mut text = String::from(
        "// Written from src/wasm/wire.rs (`NEARSIDE_WRITE=1 cargo test --lib wire`): what the core and the SDK agree on, by number.\n",
    );
    // What goes to the core is looked up by syntax: of arrays a page may have patched the methods.
    let mut numbers = |about: &str, name: &str, names: Vec<&str>| {
        let lines: String =
            names.iter().zip(0..).map(|(name, number)| format!("  {name}: {number},\n")).collect();
        write!(text, "\n/** {about} */\nexport const {name} = {{\n{lines}}} as const;\n").unwrap();
    };
    numbers("What a core may be asked for.", "calls", Call::ALL.iter().map(|call| call.code()).collect());
    numbers("Kinds of events.", "events", Event::ALL.iter().map(|event| event.code()).collect());
    let mut names = |about: &str, name: &str, names: Vec<&str>| {
        let quoted: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
        let mut line = format!("export const {name} = [{}] as const;\n", quoted.join(", "));
        if line.len() > LINE {
            line = format!("export const {name} = [\n  {},\n] as const;\n", quoted.join(",\n  "));
        }
        write!(text, "\n/** {about} */\n{line}").unwrap();
    };
    names("Kinds of refusals.", "refusals", Kind::ALL.iter().map(|kind| kind.code()).collect());
    names(
        "What a ranking may come to.",
        "rankings",
        Reason::ALL.iter().map(|reason| reason.code()).collect(),
    );
    names("What bound a story.", "bounds", Bound::ALL.iter().map(|bound| bound.code()).collect());
    let number = |number: f64| match number {
        // No page can put anything in the place of these two names.
        _ if number.is_nan() => "NaN".into(),
        _ if number.is_infinite() => "Infinity".into(),
        _ => number.to_string(),
    };
    text.push_str("\n/** The policy's members: name, least, most, whether it is whole, and what it is where it is left out. */\n");
    text.push_str(
        "export const knobs: readonly (readonly [string, number, number, boolean, number])[] = [\n",
    );
    for knob in Policy::KNOBS {
        let [least, most] = knob.range.map(number);
        let default = number(knob.default);
        writeln!(text, "  [\"{}\", {least}, {most}, {}, {default}],", knob.name, knob.whole).unwrap();
    }
    text.push_str("];\n");
    for (about, name, value) in [
        ("Candidates that are ranked; those behind keep their place.", "maxRanked", MAX_RANKED),
        ("Numbers of a candidate in a ranking's question.", "row", ROW),
        (
            "The most erasures of a history that are counted.",
            "mostErasures",
            Profile::MAX_GENERATION as usize,
        ),
        ("The most UTF-16 units of an id.", "longestId", MAX_ID),
        ("The same of a topic or subtopic.", "longestText", MAX_TEXT),
        (
            "The character that stands for the first of the words of a refused model.",
            "firstMark",
            FIRST_MARK as usize,
        ),
        ("The contract of models that is known.", "knownContract", CONTRACT.parse().unwrap()),
        (
            "How a stored profile begins: a big-endian number.",
            "profileMagic",
            u32::from_be_bytes(*profile::MAGIC) as usize,
        ),
        ("Where its generation stands, four bytes little-endian.", "generationAt", profile::HEADER),
    ] {
        write!(text, "\n/** {about} */\nexport const {name} = {value};\n").unwrap();
    }
    text
}

/// `js/words.ts`.
fn sentences() -> String {
    let mut text = String::from(
        "// Written from src/words.rs (`NEARSIDE_WRITE=1 cargo test --lib wire`): what is said of a model that is refused.\n\n",
    );
    text.push_str("/** The words, by number. */\nexport const words: readonly string[] = [\n");
    for words in Words::ALL {
        writeln!(text, "  \"{}\",", words.code()).unwrap();
    }
    text.push_str("];\n");
    text
}

#[test]
fn the_sdk_has_these_numbers_and_words() {
    for (name, expected) in [("js/wire.ts", typescript()), ("js/words.ts", sentences())] {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
        if std::env::var_os("NEARSIDE_WRITE").is_some() {
            std::fs::write(&file, &expected).unwrap();
        }
        let written = std::fs::read_to_string(&file).unwrap_or_default();
        assert_eq!(written, expected, "{name} is stale: NEARSIDE_WRITE=1 cargo test --lib wire");
    }
}

#[test]
fn each_of_the_words_has_its_mark() {
    let mut texts: Vec<&str> = Words::ALL.iter().map(|words| words.code()).collect();
    // They fit into the private use area, and can be written between quotation marks.
    assert!(texts.len() < 0xf900 - FIRST_MARK as usize);
    assert!(
        texts
            .iter()
            .all(|text| text.bytes().all(|byte| (b' '..=b'~').contains(&byte) && !b"\"\\".contains(&byte)))
    );
    texts.sort_unstable();
    texts.dedup();
    assert_eq!(texts.len(), Words::ALL.len());
}

#[test]
fn a_question_gives_what_there_is_and_nothing_else() {
    let mut question = Question::new(b"abcde", &[7.0, 2.0, 9.0, 5.0]);
    assert_eq!((question.number(), question.text()), (7.0, "ab"));
    assert_eq!((question.part(), question.part(), question.part()), (&b"cde"[..], &b""[..], &b""[..]));
    assert!(question.number().is_nan() && question.numbers().is_empty());
    for length in [f64::NAN, -1.0, f64::INFINITY] {
        assert!(Question::new(b"abc", &[length]).part().len() <= 3);
    }
    assert_eq!(Question::new(&[0xff], &[1.0]).text(), "");
}

#[test]
fn the_defaults_of_the_knobs_are_the_policys() {
    let numbers = Policy::KNOBS.map(|knob| knob.default);
    assert_eq!(Policy::of_numbers(&numbers), Policy::default());
}
