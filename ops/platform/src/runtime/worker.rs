//! Background work: woken by a hint, looked after by a timer, slowed down after a failure.

use std::{future::Future, panic::AssertUnwindSafe, time::Duration};

use futures_util::FutureExt;
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
        // A defect in one round must not end the worker: everybody else's work waits behind it.
        let wait = match AssertUnwindSafe(round()).catch_unwind().await {
            Ok(Ok(Round::Busy)) => {
                failures = 0;
                continue;
            }
            Ok(Ok(Round::Idle)) => {
                failures = 0;
                every
            }
            Ok(Err(error)) => {
                tracing::error!(worker = name, error = chain(&error), "work failed, will retry");
                failures += 1;
                backoff(failures)
            }
            Err(_) => {
                tracing::error!(worker = name, "work panicked, will retry");
                failures += 1;
                backoff(failures)
            }
        };
        tokio::select! {
            () = token.cancelled() => {}
            () = hint.notified(), if failures == 0 => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
}

fn backoff(failures: u32) -> Duration {
    Duration::from_millis(200u64 << failures.min(7)).min(Duration::from_secs(30))
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test]
    async fn a_round_that_panics_or_fails_is_tried_again() {
        let (token, hint, rounds) = (CancellationToken::new(), Notify::new(), AtomicU32::new(0));
        run("test", Duration::from_millis(1), &hint, &token, || async {
            match rounds.fetch_add(1, Ordering::SeqCst) {
                0 => panic!("a defect"),
                1 => Err(std::io::Error::other("a failure")),
                2 => Ok(Round::Busy),
                3 => Ok(Round::Idle),
                _ => {
                    token.cancel();
                    Ok(Round::Idle)
                }
            }
        })
        .await;
        assert_eq!(rounds.load(Ordering::SeqCst), 5);
    }
}
