//! The harness of the end-to-end stories: the real program in real processes, on loopback, in folders
//! of its own that go away afterwards.
//!
//! Everything is bounded: every wait has a deadline, and a process that outlives its test is killed with
//! everything it started. The harness panics when the house does not stand; that is a failed test.
#![expect(clippy::missing_panics_doc, reason = "a harness panics when the house does not stand")]

pub mod house;
pub mod leaks;
pub mod ledger;
pub mod listening;
pub mod outcome;
pub mod papers;
pub mod processes;
pub mod program;
pub mod tool;
pub mod workspace;

pub use house::House;
pub use listening::Listening;
pub use outcome::Outcome;
pub use program::{Finished, Started};

use std::{
    thread,
    time::{Duration, Instant},
};

const POLL: Duration = Duration::from_millis(20);

/// Asks again and again until there is an answer; panics with `what` after `deadline`.
#[track_caller]
pub fn until<T>(what: &str, deadline: Duration, mut ask: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(started.elapsed() < deadline, "waited {} s in vain: {what}", deadline.as_secs());
        thread::sleep(POLL);
    }
}
