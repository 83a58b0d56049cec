//! The gateway beside nginx and `HAProxy`: see `tests/bench/README.md`.

fn main() -> anyhow::Result<()> {
    kakehashi_bench::gateway::run()
}
