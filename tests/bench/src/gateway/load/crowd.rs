//! Thousands of connections that do nothing, or next to nothing.

use std::{io::Read, time::Duration};

use anyhow::Context;
use tokio::{io::AsyncWriteExt, task::JoinSet, time::Instant};

use super::{
    Order, Work,
    http1::{self, Connection, open},
    say,
};

/// Handshakes at a time while the crowd gathers.
const AT_A_TIME: usize = 32;
/// Time between two bytes of a slow client.
const SLOWNESS: Duration = Duration::from_secs(5);
/// A request that a slow client never finishes.
const SLOW_BYTES: &[u8] = b"GET /small HTTP/1.1\r\nHost: localhost\r\nX-Slow: ";

/// Gathers, says how many there are, and stays until standard input ends.
pub(crate) fn run(order: &Order) -> anyhow::Result<()> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let (ended, end) = tokio::sync::oneshot::channel::<()>();
    std::thread::spawn(move || {
        // Whatever comes, its end is what counts.
        std::io::stdin().read_to_end(&mut Vec::new()).unwrap_or_default();
        drop(ended);
    });
    runtime.block_on(async {
        let crowd = gather(order).await?;
        say(&crowd.len().to_string())?;
        if order.args.work == Work::Slow {
            let dawdling = async {
                let mut members = JoinSet::new();
                for (index, member) in crowd.into_iter().enumerate() {
                    members.spawn(dawdle(member, index, order.args.connections));
                }
                members.join_all().await;
            };
            tokio::select! {
                () = dawdling => {}
                _ = end => {}
            }
        } else {
            // The sender is dropped unsent: the wait ends with an error that says nothing.
            end.await.unwrap_or_default();
            drop(crowd);
        }
        Ok(())
    })
}

async fn gather(order: &Order) -> anyhow::Result<Vec<Connection>> {
    let request = http1::request(&order.args);
    let mut members = Vec::with_capacity(order.args.connections);
    let mut opening = JoinSet::new();
    for _ in 0..order.args.connections {
        while opening.len() >= AT_A_TIME {
            members.push(opening.join_next().await.context("somebody is opening")???);
        }
        let (order, request) = (order.clone(), request.clone());
        opening.spawn(async move {
            let mut member = Connection::new(open(&order).await?);
            if order.args.work == Work::Idle {
                member.exchange(&request).await?;
            }
            anyhow::Ok(member)
        });
    }
    while let Some(opened) = opening.join_next().await {
        members.push(opened??);
    }
    Ok(members)
}

/// One byte, a pause, one byte: forever, or until the gateway has had enough.
async fn dawdle(mut member: Connection, index: usize, count: usize) {
    let mut due = Instant::now() + SLOWNESS.mul_f64(index as f64 / count as f64);
    let endless = SLOW_BYTES.iter().chain(std::iter::repeat(&b'x'));
    for byte in endless {
        tokio::time::sleep_until(due).await;
        let sent = async {
            member.stream().write_all(&[*byte]).await?;
            member.stream().flush().await
        };
        if sent.await.is_err() {
            return;
        }
        due += SLOWNESS;
    }
}
