//! What the benches share. `cargo build --release && cargo bench -p kakehashi-bench` runs them all.
//!
//! A bench measures beside a peer or a limit in the same run; only the ratios mean anything.
#![expect(clippy::print_stdout, reason = "a bench prints its figures")]
#![expect(clippy::cast_precision_loss, reason = "figures are rounded anyway")]

pub mod gateway;
