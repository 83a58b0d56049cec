//! Background work: woken by a hint, looked after by a timer, slowed down after a failure.

use std::{future::Future, time::Duration};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// What one round of a worker found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Round {
    /// There may be more: run again at once.
    Busy,
    /// Nothing to do: wait for the hint or the timer.
    Idle,
}

/// Runs `round` until the token is cancelled: again at once while it is busy, else on `hint` or after
/// `every`. A failed round is logged and tried again after a delay that doubles up to 30 s.
pub async fn run<E, F>(
    name: &'static str,
    every: Duration,
    hint: &Notify,
    token: &CancellationToken,
    mut round: impl FnMut() -> F,
) where
    F: Future<Output = Result<Round, E>>,
    E: std::error::Error,
{
    let mut failures: u32 = 0;
    while !token.is_cancelled() {
        let wait = match round().await {
            Ok(Round::Busy) => {
                failures = 0;
                continue;
            }
            Ok(Round::Idle) => {
                failures = 0;
                every
            }
            Err(error) => {
                tracing::error!(worker = name, error = chain(&error), "work failed, will retry");
                failures += 1;
                Duration::from_millis(200u64 << failures.min(7)).min(Duration::from_secs(30))
            }
        };
        tokio::select! {
            () = token.cancelled() => {}
            () = hint.notified(), if failures == 0 => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// An error with its causes in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        text.push_str(": ");
        text.push_str(&source.to_string());
        cause = source.source();
    }
    text
}
