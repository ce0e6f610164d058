//! The same inputs give the same order and the same score bits as in Node and in browsers (`tests/browser.rs`).

use common::parity;

mod common {
    pub(crate) mod parity;
    pub(crate) mod random;
}

#[test]
fn scores_and_orders_are_those_of_the_wasm_build() {
    assert_eq!(parity::fingerprint(), parity::EXPECTED);
}
