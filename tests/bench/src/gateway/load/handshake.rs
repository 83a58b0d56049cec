//! Full mutual handshakes, one after the other.
//!
//! In TLS 1.3 the client is done before the server has looked at its certificate. So each handshake ends
//! with a close: the server must have taken the client's last flight before it can answer that.

use std::{
    io::ErrorKind,
    time::{Duration, Instant},
};

use anyhow::Context;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    task::JoinSet,
    time::timeout,
};

use super::{Order, Tally, Window, http1::open};

const PATIENCE: Duration = Duration::from_secs(30);

/// Shakes hands on so many connections at a time until the window closes.
pub(crate) async fn run(order: &Order, count: usize, window: Window) -> anyhow::Result<Tally> {
    let mut running = JoinSet::new();
    for _ in 0..count {
        let order = order.clone();
        running.spawn(async move {
            let mut tally = Tally::default();
            while !window.is_over() {
                let since = Instant::now();
                let ended = once(&order).await;
                let now = Instant::now();
                match ended {
                    Ok(()) if window.holds(now) => tally.succeeded(since, now, 0),
                    Ok(()) => {}
                    Err(error) => {
                        if tally.failed == 0 {
                            eprintln!("a handshake failed: {error:#}");
                        }
                        tally.failed += 1;
                    }
                }
            }
            tally
        });
    }
    let mut tally = Tally::default();
    while let Some(ended) = running.join_next().await {
        tally.add(&ended?);
    }
    Ok(tally)
}

async fn once(order: &Order) -> anyhow::Result<()> {
    let mut stream = open(order).await?;
    stream.shutdown().await?;
    // Session tickets may come first. Some servers end without a close_notify; a refusal is an alert,
    // which comes as another kind of error.
    let mut rest = [0; 64];
    let ending = async {
        loop {
            match stream.read(&mut rest).await {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    };
    timeout(PATIENCE, ending).await.context("the server does not close")?
}
