//! Large bodies, one after the other on every connection.

use std::time::Instant;

use anyhow::ensure;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    task::JoinSet,
};

use super::{LoadArgs, Order, Tally, Window, Work, http1, http1::Connection};
use crate::gateway::upstream::DOWNLOAD_BYTES;

const PIECE_BYTES: usize = 64 * 1024;

/// Moves bodies until the window closes; what is under way then counts as far as it came.
pub(crate) async fn run(
    order: &Order,
    connections: Vec<Connection>,
    window: Window,
) -> anyhow::Result<Tally> {
    let mut running = JoinSet::new();
    for connection in connections {
        let args = order.args.clone();
        running.spawn(async move {
            if args.work == Work::Upload {
                upload(connection, &args, window).await
            } else {
                download(connection, &args, window).await
            }
        });
    }
    let mut tally = Tally::default();
    while let Some(ended) = running.join_next().await {
        tally.add(&ended??);
    }
    Ok(tally)
}

async fn download(
    mut connection: Connection,
    args: &LoadArgs,
    window: Window,
) -> anyhow::Result<Tally> {
    let mut tally = Tally::default();
    let request = http1::request(args);
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        connection.stream().write_all(&request).await?;
        connection.stream().flush().await?;
        let (length, mut read) = connection.head().await?;
        while read < length {
            let count = connection.stream().read(&mut piece).await?;
            ensure!(count > 0, "a download broke off");
            read += count as u64;
            let now = Instant::now();
            if now >= window.until {
                tally.done += 1;
                return Ok(tally);
            }
            if window.holds(now) {
                tally.bytes += count as u64;
            }
        }
        tally.done += 1;
    }
}

async fn upload(
    mut connection: Connection,
    args: &LoadArgs,
    window: Window,
) -> anyhow::Result<Tally> {
    let mut tally = Tally::default();
    let whole = LoadArgs { body: usize::try_from(DOWNLOAD_BYTES)?, ..args.clone() };
    let head = http1::request_head(&whole);
    let piece = vec![b'u'; PIECE_BYTES];
    loop {
        connection.stream().write_all(&head).await?;
        let mut sent = 0;
        while sent < DOWNLOAD_BYTES {
            connection.stream().write_all(&piece).await?;
            sent += PIECE_BYTES as u64;
            let now = Instant::now();
            if now >= window.until {
                tally.done += 1;
                return Ok(tally);
            }
            if window.holds(now) {
                tally.bytes += PIECE_BYTES as u64;
            }
        }
        connection.exchange(&[]).await?;
        tally.done += 1;
    }
}
