//! Many random cases of hostile input, of which none may panic, hang, or take more memory than is stated.
//!
//! `NEARSIDE_MUTATIONS` sets how many; `NEARSIDE_MUTATION` runs only the one of that number, to look at a failure.
#![allow(dead_code, unreachable_pub, reason = "each test binary that includes this file uses a part of it")]

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::random::Random;

/// A case that takes longer hangs: the slowest takes a few milliseconds.
const HANGS: Duration = Duration::from_secs(30);

/// How far a case came.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Refused by the checks that stand before everything else.
    Header,
    /// Refused later.
    Body,
    /// Taken.
    Taken,
}

/// Makes cases from random numbers and puts each to the test. Fails when one panics or takes more than `most_bytes` at once,
/// and when less than half of them pass the header.
pub fn run<T>(
    what: &str,
    default: u64,
    most_bytes: u64,
    make: impl Fn(&mut Random) -> T,
    attempt: impl FnMut(&T) -> Outcome,
) {
    let cases = match (number("NEARSIDE_MUTATION"), number("NEARSIDE_MUTATIONS")) {
        (Some(one), _) => one..one + 1,
        (None, count) => 0..count.unwrap_or(default),
    };
    run_cases(what, cases, most_bytes, make, attempt);
}

/// The same for the cases of these numbers.
pub fn run_cases<T>(
    what: &str,
    cases: Range<u64>,
    most_bytes: u64,
    make: impl Fn(&mut Random) -> T,
    mut attempt: impl FnMut(&T) -> Outcome,
) {
    let current = Arc::new(AtomicU64::new(u64::MAX));
    watch(&current);
    let (mut counts, mut peak, mut slowest) = ([0u64; 3], 0, Duration::ZERO);
    let mut failures = Vec::new();
    for number in cases.clone() {
        current.store(number, Ordering::Relaxed);
        let case = make(&mut Random(number.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        let mut outcome = None;
        let begun = Instant::now();
        let memory = allocation_counter::measure(|| {
            outcome = catch_unwind(AssertUnwindSafe(|| attempt(&case))).ok();
        });
        slowest = slowest.max(begun.elapsed());
        peak = peak.max(memory.bytes_max);
        match outcome {
            Some(outcome) => counts[outcome as usize] += 1,
            None => failures.push(format!("case {number} panics")),
        }
        if memory.bytes_max > most_bytes {
            failures.push(format!("case {number} takes {} bytes", memory.bytes_max));
        }
    }
    let [header, body, taken] = counts;
    println!(
        "{} mutated {what}: {header} refused by the header, {body} behind it, {taken} taken; \
         at most {} KB and {} us for one; {} failures",
        cases.end - cases.start,
        peak.div_ceil(1024),
        slowest.as_micros(),
        failures.len(),
    );
    failures.truncate(20);
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(cases.end - cases.start == 1 || body + taken >= header, "most do not pass the header");
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().expect("a number of cases"))
}

/// Ends the process when `current` stays the same for too long.
fn watch(current: &Arc<AtomicU64>) {
    let current = Arc::downgrade(current);
    std::thread::spawn(move || {
        let mut last = None;
        while let Some(now) = current.upgrade().map(|current| current.load(Ordering::Relaxed)) {
            if last == Some(now) {
                eprintln!("case {now} hangs");
                std::process::exit(1);
            }
            last = Some(now);
            std::thread::sleep(HANGS);
        }
    });
}
