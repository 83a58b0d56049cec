//! One target under libFuzzer, guided by coverage; the target is named by `FUZZ_TARGET`. See README.md.
#![no_main]

use std::sync::OnceLock;

use kakehashi_fuzz::{Target, named};

fn target() -> &'static Target {
    static TARGET: OnceLock<&'static Target> = OnceLock::new();
    TARGET.get_or_init(|| {
        let name = std::env::var_os("FUZZ_TARGET").expect("FUZZ_TARGET names a target");
        named(&name.to_string_lossy()).expect("FUZZ_TARGET names one of our targets")
    })
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    (target().run)(bytes);
});
