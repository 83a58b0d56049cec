//! Forms checked and judged per second on one core, and allocations per form.
//!
//! `cargo bench -p kakehashi-forms`. Prints one line per measure; fails below the demand of 20,000
//! Parkinson forms checked and judged per second.
#![expect(unsafe_code, reason = "counting allocations takes a global allocator")]
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a bench prints and may panic")]

#[path = "../tests/sample/mod.rs"]
mod sample;

use std::{
    alloc::{GlobalAlloc, Layout, System},
    fs,
    hint::black_box,
    process::ExitCode,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use kakehashi_forms::{Answers, Application, Catalogue, Circumstances, Definition};
use sample::{TYPED, catalogue, parkinson, with};

/// What check and judge together must reach.
const FORMS_PER_SECOND_MIN: f64 = 20_000.0;
/// How long each measure runs.
const RUN: Duration = Duration::from_millis(1500);

struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

#[global_allocator]
static COUNTING: Counting = Counting;

// SAFETY: every call goes to the system allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// One in four complete, the others with every third, fifth or seventh answer missing.
fn forms(definition: &Definition) -> Vec<(Answers, Circumstances)> {
    let blank = |step: usize| -> Vec<(&str, &str)> {
        TYPED.iter().skip(step / 2).step_by(step).map(|(item, _)| (*item, "")).collect()
    };
    [Vec::new(), blank(3), blank(5), blank(7)]
        .iter()
        .map(|changes| {
            let answers = with(definition, changes);
            let circumstances = definition.circumstances(&answers, Application::New);
            (answers, circumstances)
        })
        .collect()
}

/// Time this thread has had a core, so that other work on the machine does not count; where the system
/// does not say, the time on the clock.
fn core_time(start: Instant) -> Duration {
    let told = fs::read_to_string("/proc/thread-self/schedstat").ok();
    let spent = told.and_then(|told| told.split(' ').next()?.parse().ok());
    spent.map_or_else(|| start.elapsed(), Duration::from_nanos)
}

fn measure(
    what: &str,
    forms: &[(Answers, Circumstances)],
    mut run: impl FnMut(&Answers, &Circumstances),
) -> f64 {
    let start = Instant::now();
    let (begun, before) = (core_time(start), ALLOCATIONS.load(Ordering::Relaxed));
    let mut done = 0_u32;
    while start.elapsed() < RUN {
        for (answers, circumstances) in forms {
            run(black_box(answers), circumstances);
            done += 1;
        }
    }
    let allocations = ALLOCATIONS.load(Ordering::Relaxed) - before;
    let per_second = f64::from(done) / core_time(start).saturating_sub(begun).as_secs_f64();
    let per_form = allocations / u64::from(done);
    println!("{what:<40} {per_second:>9.0} forms/s {per_form:>6} allocations/form");
    per_second
}

fn main() -> ExitCode {
    let start = Instant::now();
    let count = black_box(Catalogue::builtin().unwrap()).iter().count();
    println!("{count} form versions loaded in {} ms", start.elapsed().as_millis());
    let definition = parkinson(catalogue());
    let all = forms(definition);
    let complete = &all[..1];
    let mut slowest = f64::MAX;
    for (name, forms) in [("complete", complete), ("partly blank", &all[..])] {
        measure(&format!("{name}: check"), forms, |answers, circumstances| {
            black_box(definition.check(answers, circumstances.application));
        });
        measure(&format!("{name}: calculate"), forms, |answers, _| {
            black_box(definition.calculate(answers));
        });
        measure(&format!("{name}: judge"), forms, |answers, circumstances| {
            black_box(definition.judge(answers, circumstances));
        });
        let both = measure(&format!("{name}: check and judge"), forms, |answers, circumstances| {
            black_box(definition.check(answers, circumstances.application));
            black_box(definition.judge(answers, circumstances));
        });
        slowest = slowest.min(both);
        measure(&format!("{name}: examine (all three)"), forms, |answers, circumstances| {
            black_box(definition.examine(answers, circumstances));
        });
    }
    if slowest < FORMS_PER_SECOND_MIN {
        println!("below {FORMS_PER_SECOND_MIN} forms a second");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
