//! Doors for the fuzz targets, which hand in bytes no sandboxed process needs to be started for. Of no
//! use to anybody else: a PDF of a stranger is opened in the sandbox only.

use std::{
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook},
    sync::Once,
};

use kakehashi_ingest_core::inspection::frame::{Layer, Sandbox};

use crate::{examine::examine as inner, serve::serve};

thread_local! {
    static IS_INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// Examines a PDF; answers a word for how it was taken. As in the inspector, a panic is a refusal.
pub fn examine(pdf: &[u8]) -> &'static str {
    expect_panics();
    IS_INSIDE.set(true);
    let examined = catch_unwind(AssertUnwindSafe(|| inner(pdf)));
    IS_INSIDE.set(false);
    match examined {
        Ok(Ok(examined)) if examined.facts.active.is_empty() => "readable",
        Ok(Ok(_)) => "readable, disarmed",
        Ok(Err(_)) => "refused",
        Err(_) => "refused by panic",
    }
}

/// Answers what the inspector writes to its standard output for a PDF.
pub fn answer(pdf: &[u8]) -> Vec<u8> {
    let sandbox = Sandbox { landlock: Layer::Enforced, namespaces: Layer::Enforced };
    let mut output = Vec::new();
    // Writing to memory does not fail.
    serve(pdf, &mut output, sandbox).ok();
    output
}

/// Panics below the inspector are expected and say nothing; all others are treated as before.
fn expect_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = take_hook();
        set_hook(Box::new(move |panic| {
            if !IS_INSIDE.get() {
                usual(panic);
            }
        }));
    });
}
