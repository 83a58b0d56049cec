//! Killed at any moment and started again on the same folder, the house loses nothing and does nothing
//! twice.

use std::{
    thread,
    time::{Duration, Instant},
};

use kakehashi_e2e::{House, Outcome, processes};
use kakehashi_kit::dice::Dice;

const SCANS: u32 = 200;
const KILLS: u32 = 10;
const SEED: u64 = 7;
/// Everything a killed process had started ends by itself within this time.
const ORPHANS: Duration = Duration::from_secs(10);
const LAST_RUN: Duration = Duration::from_mins(8);

#[test]
fn a_run_killed_ten_times_still_balances() {
    let house = House::new();
    let mut moments = Dice::new(SEED, 0, "moments of death");
    let mut killed_at_work = 0;
    for kill in 1..=KILLS {
        let moment = u64::try_from(moments.between(200, 6000)).expect("a positive range");
        let mut demo = house.start_demo(SCANS, SEED);
        thread::sleep(Duration::from_millis(moment));
        let was_running = demo.is_running();
        assert!(was_running, "run {kill} ended before it was killed:\n{}", demo.stderr());
        let is_at_work = house.path("data/registry.db").exists();
        demo.kill();
        killed_at_work += u32::from(is_at_work && demo.was_killed());
        let killed = Instant::now();
        demo.leaves_nobody(ORPHANS);
        let left = processes::naming(&house.root().display().to_string());
        assert!(left.is_empty(), "{left:?}");
        eprintln!(
            "kill {kill} after {moment} ms; everybody gone after {} ms",
            killed.elapsed().as_millis()
        );
    }
    assert!(killed_at_work >= KILLS / 2, "only {killed_at_work} runs were killed at work");

    let last = house.demo(SCANS, SEED, &[], LAST_RUN);
    let outcome = Outcome::of(&last);
    outcome.accounts_for(u64::from(SCANS));
    house.books().must_succeed();
    house.verify_audit().must_succeed();
}
