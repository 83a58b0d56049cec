//! Only benches: `cargo build --release && cargo bench -p kakehashi-bench`.
