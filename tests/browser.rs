//! The boundary, as WebAssembly: run in Node, and with `WASM_BINDGEN_USE_BROWSER=1` in a headless browser.
#![cfg(target_arch = "wasm32")]

use common::parity;
use common::random::{Article, NOW, Random, SPACE, reader};
use nearside::wasm::{Core, Event, ROW};
use nearside::{Error, Reason, Words};
use wasm_bindgen_test::wasm_bindgen_test;

mod common {
    pub(crate) mod parity;
    pub(crate) mod random;
}

const MODEL: &[u8] = include_bytes!("../models/reranker.onnx");
const NOW_MS: f64 = NOW.0 as f64 * 1000.0;
const POLICY: [f64; 6] = [0.8, f64::NAN, 2.0, 10.0, f64::NAN, f64::NAN];

fn core() -> Core {
    let mut core = unchecked();
    core.check().expect("its golden case holds");
    core
}

fn unchecked() -> Core {
    let mut core = Core::new();
    core.read(MODEL).expect("it is read");
    core
}

/// A list as the SDK sends it.
#[derive(Default)]
struct Columns {
    text: String,
    rows: Vec<f64>,
}

impl Columns {
    fn push(&mut self, strings: [&str; 4], numbers: [f64; 4], flags: u8) {
        for string in strings {
            self.text.push_str(string);
            self.rows.push(string.encode_utf16().count() as f64);
        }
        self.rows.extend(numbers);
        self.rows.push(flags.into());
    }

    fn of(articles: &[Article]) -> Self {
        let mut columns = Self::default();
        for article in articles {
            columns.push(
                [&article.id, article.topic, &article.subtopic, &article.vector_text],
                [article.published_ms, article.shows, article.clicks, f64::NAN],
                0,
            );
        }
        columns
    }

    fn rank(&self, core: &mut Core, space: &str) -> Result<Vec<u32>, Error> {
        core.rank(self.text.as_bytes(), &self.rows, space, &POLICY, NOW_MS).map(<[u32]>::to_vec)
    }
}

fn articles(len: usize) -> Vec<Article> {
    let mut random = Random(4);
    (0..len).map(|id| Article::new(&mut random, id)).collect()
}

fn read(core: &mut Core) {
    assert!(core.merge_profile(&reader(&mut Random(5), 20).encode(), NOW_MS));
}

#[wasm_bindgen_test]
fn scores_and_orders_are_those_of_the_native_build() {
    assert_eq!(parity::fingerprint(), parity::EXPECTED);
}

#[wasm_bindgen_test]
fn a_list_is_ranked_and_explained() {
    let mut core = core();
    let columns = Columns::of(&articles(50));
    let identity: Vec<u32> = (0..50).collect();
    assert_eq!(columns.rank(&mut core, SPACE), Ok(identity.clone()));
    assert_eq!(core.reason(), Reason::Cold);
    read(&mut core);
    let order = columns.rank(&mut core, "").expect("ranked");
    assert_eq!((core.reason(), core.skipped()), (Reason::Ranked, 0));
    assert_ne!(order, identity);
    let width = core.description().split('\n').count() - 2 + 3;
    assert_eq!(core.explanations().len(), 50 * width);
    assert!(core.weight() > 0.0 && core.weight() < 0.8);
}

#[wasm_bindgen_test]
fn strings_of_any_script_are_told_apart() {
    let mut core = core();
    let mut columns = Columns::default();
    for id in ["é", "新闻", "a🗞️b", "__proto__", "\u{fffd}", "\0", " "] {
        columns.push([id, "日本", "🎾", ""], [f64::NAN; 4], 0);
    }
    assert_eq!(columns.rank(&mut core, ""), Ok((0..7).collect()));
    columns.push(["a🗞️b", "", "", ""], [f64::NAN; 4], 0);
    assert_eq!(columns.rank(&mut core, "").expect_err("refused").code(), "bad_candidates");
}

#[wasm_bindgen_test]
fn columns_that_do_not_fit_are_refused() {
    let mut core = core();
    let sound = || Columns::of(&articles(3));
    assert!(sound().rank(&mut core, "").is_ok());
    for spoil in [
        |columns: &mut Columns| columns.rows.truncate(3 * ROW - 1),
        |columns: &mut Columns| columns.rows.truncate(2 * ROW),
        |columns: &mut Columns| columns.rows.extend([0.0; ROW - 1]),
        |columns: &mut Columns| columns.text.push('x'),
        |columns: &mut Columns| columns.text.truncate(20),
        |columns: &mut Columns| columns.rows[0] = f64::INFINITY,
        |columns: &mut Columns| columns.rows[0] = f64::NAN,
        |columns: &mut Columns| columns.text.insert(3, '🗞'),
    ] {
        let mut columns = sound();
        spoil(&mut columns);
        assert_eq!(columns.rank(&mut core, "").expect_err("refused").code(), "bad_candidates");
    }
    let not_text = core.rank(
        &[0xff],
        &[1.0, 0.0, 0.0, 0.0, f64::NAN, f64::NAN, f64::NAN, f64::NAN, 0.0],
        "",
        &POLICY,
        NOW_MS,
    );
    assert_eq!(not_text.expect_err("refused").code(), "bad_candidates");
}

#[wasm_bindgen_test]
fn a_model_that_has_not_passed_its_golden_case_neither_ranks_nor_has_a_name() {
    let mut core = unchecked();
    let columns = Columns::of(&articles(3));
    assert_eq!(columns.rank(&mut core, SPACE), Err(Error::NoModel));
    assert_eq!((core.description().as_str(), core.reason()), ("", Reason::Cold));
    assert!(core.check().is_ok() && core.check().is_ok());
    assert!(columns.rank(&mut core, SPACE).is_ok());

    // Another first score, in base64, behind the key, a field's mark and a length.
    let mut wrong = MODEL.to_vec();
    let key = b"nearside.golden.scores";
    let at = wrong.windows(key.len()).position(|bytes| bytes == key).expect("the model has a golden case");
    for digit in &mut wrong[at + key.len() + 4..][..3] {
        *digit = if *digit == b'A' { b'B' } else { b'A' };
    }
    let mut core = Core::new();
    core.read(&wrong).expect("it is read");
    assert_eq!(core.check().expect_err("refused").code(), "model_rejected");
    assert_eq!(columns.rank(&mut core, SPACE), Err(Error::NoModel));
}

#[wasm_bindgen_test]
fn refusals_carry_their_code_and_one_sentence() {
    let mut core = core();
    let columns = Columns::of(&articles(3));
    let refused = columns.rank(&mut core, "another space").expect_err("refused");
    assert_eq!(
        (refused.code(), refused.to_string().as_str()),
        ("bad_candidates", "the list's vector space is not the model's, minilm-l6-pca64-v1")
    );
    assert_eq!(Core::new().read(&MODEL[..MODEL.len() / 2]).expect_err("refused").code(), "model_rejected");
    let no_policy = core.rank(columns.text.as_bytes(), &columns.rows, "", &[], NOW_MS);
    assert_eq!(no_policy.expect_err("refused").to_string(), "policy.strength is out of its range");
    // The same over the wire: what kind it is, and its sentence.
    let answer = Core::new().call(0, &MODEL[..MODEL.len() / 2], &[NOW_MS, MODEL.len() as f64 / 2.0]);
    assert_eq!(answer[..4], [3, 0, 0, 0]);
    // A page looks the words up by their number.
    let said = std::str::from_utf8(&answer[4..]).expect("text");
    assert!(said.chars().count() == 2 && said.starts_with('\u{e000}'), "{said:?}");
    assert_eq!(Words::ModelMalformed.to_string(), "\u{e000}");
    assert_eq!(core.call(200, &[], &[]), [6, 0, 0, 0]);
}

#[wasm_bindgen_test]
fn faults_and_flags_keep_their_slots() {
    let mut core = core();
    read(&mut core);
    let mut columns = Columns::of(&articles(40));
    for (item, flags) in [(4, 1u8), (9, 2), (30, 3)] {
        columns.rows[item * ROW + 8] = flags.into();
    }
    columns.rows[20 * ROW + 4] = f64::INFINITY;
    let order = columns.rank(&mut core, SPACE).expect("ranked");
    assert!([4, 9, 20, 30].iter().all(|&slot| order[slot] == slot as u32));
    assert_eq!((core.skipped(), core.reason()), (1, Reason::Ranked));
}

#[wasm_bindgen_test]
fn the_profile_goes_out_and_comes_back() {
    let mut one = core();
    one.record(Event::Viewed, "a", "sports", "", "", 0.0, NOW_MS - 9000.0);
    one.record(Event::Clicked, "a", "sports", "tennis", "not a vector", 0.0, NOW_MS - 8000.0);
    one.record(Event::Hide, "b", "politics", "", "", 0.0, NOW_MS);
    one.record(Event::Unhide, "b", "", "", "", 0.0, NOW_MS);
    assert!(
        one.record(Event::Dwelled, "a", "", "", "", 30.0, NOW_MS)
            && !one.record(Event::Dwelled, "b", "", "", "", 30.0, NOW_MS)
            && !one.record(Event::Dwelled, "a", "", "", "", f64::NAN, NOW_MS)
    );
    assert_eq!(one.profile_counts(NOW_MS), [1, 1, 1, 0]);
    let bytes = one.profile_bytes(NOW_MS);
    let mut two = core();
    assert!(two.merge_profile(&bytes, NOW_MS));
    assert_eq!(two.profile_bytes(NOW_MS), bytes);
    let mut flipped = bytes.clone();
    flipped[20] ^= 1;
    assert!(!two.merge_profile(&flipped, NOW_MS) && !two.merge_profile(&[], NOW_MS));
    two.erase();
    assert!(two.merge_profile(&bytes, NOW_MS));
    assert_eq!(two.profile_counts(NOW_MS), [0, 0, 0, 1]);
}

#[wasm_bindgen_test]
fn a_history_without_a_model_ranks_through_another_core() {
    let columns = Columns::of(&articles(50));
    let mut whole = core();
    read(&mut whole);
    let order = columns.rank(&mut whole, SPACE).expect("ranked");

    let mut history = Core::history(SPACE);
    read(&mut history);
    let bytes = history.profile_bytes(NOW_MS);
    assert_eq!(bytes, whole.profile_bytes(NOW_MS));
    assert!(columns.rank(&mut history, SPACE).is_err());
    assert_eq!((history.description().as_str(), history.reason()), ("", Reason::Cold));

    // Whatever the other core knew, of later generations too, is not in the ranking.
    let mut ranking = core();
    ranking.record(Event::Viewed, "a", "sports", "", "", 0.0, NOW_MS);
    ranking.erase();
    assert!(ranking.set_profile(&bytes, NOW_MS));
    assert_eq!(columns.rank(&mut ranking, SPACE), Ok(order));
    assert_eq!(ranking.explanations(), whole.explanations());
    assert_eq!(ranking.profile_bytes(NOW_MS), bytes);
    assert!(!ranking.set_profile(&[], NOW_MS));
    assert_eq!(ranking.profile_counts(NOW_MS), [0; 4]);
}
