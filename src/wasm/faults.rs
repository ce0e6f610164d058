//! Faults on purpose, for tests of the SDK. The package is built without the feature.

use std::hint::black_box;
use std::sync::atomic::{AtomicU32, Ordering};

use js_sys::{Function, Reflect};
use wasm_bindgen::prelude::*;

/// Which ranking of an instance panics, for `npm run soak`.
#[wasm_bindgen(js_name = trapEvery)]
#[allow(unreachable_pub)] // what is not `pub` is not exported
pub fn trap_every() -> u32 {
    100
}

/// Comes before each ranking: panics at every hundredth, and else does what the page asks for.
pub(super) fn before_ranking() {
    static RANKINGS: AtomicU32 = AtomicU32::new(0);
    let ranking = RANKINGS.fetch_add(1, Ordering::Relaxed) + 1;
    assert!(!ranking.is_multiple_of(trap_every()), "a fault on purpose");
    at("rank");
}

/// Does what the global function `nearsideFault`, where there is one, answers to the name of a place: 1 panics, 2 calls itself until
/// the stack ends, 3 never ends. What that function throws goes through the core, as from any import.
pub(super) fn at(place: &str) {
    let function = Reflect::get(&js_sys::global(), &"nearsideFault".into()).ok();
    let Some(function) = function.and_then(|value| value.dyn_into::<Function>().ok()) else { return };
    let fault = match function.call1(&JsValue::NULL, &place.into()) {
        Ok(fault) => fault.as_f64().unwrap_or(0.0),
        Err(thrown) => wasm_bindgen::throw_val(thrown),
    };
    if fault == 1.0 {
        panic!("a fault on purpose");
    } else if fault == 2.0 {
        black_box(deep(black_box(1)));
    } else if fault == 3.0 {
        let mut spin = 0u32;
        while black_box(spin) != 1 {
            spin = black_box(0);
        }
    }
}

/// Needs a frame for each of 4,294,967,295 calls.
#[inline(never)]
fn deep(depth: u32) -> u32 {
    if black_box(depth) == 0 { 0 } else { deep(depth + 1) + black_box(depth) }
}
