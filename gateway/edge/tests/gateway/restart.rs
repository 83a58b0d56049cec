//! A gateway that ends, and the one that comes after it.

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use kakehashi_contract::Zone;
use kakehashi_edge::{Edge, EdgeConfig, EdgeError, HandoverError, LimitsConfig};
use kakehashi_platform::mtls::Protocol;
use tokio::{
    io::AsyncReadExt,
    net::TcpStream,
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

use crate::{
    house::{House, codes, municipality},
    operation::look,
    raw::{PATIENCE, Raw},
};

const ASK: &[u8] = b"GET /echo HTTP/1.1\r\nhost: localhost\r\n\r\n";

fn handover(house: &House) -> PathBuf {
    house.folder.path().join("handover.sock")
}

/// A configuration whose gateway can be succeeded.
fn config(house: &House, limits: LimitsConfig) -> EdgeConfig {
    let mut config = house.config(limits);
    config.handover = Some(handover(house));
    config
}

/// The same at the addresses of the gateway that runs.
fn same(house: &House) -> EdgeConfig {
    let mut config = config(house, LimitsConfig::default());
    for listener in &mut config.listeners {
        listener.address = house.edge[&listener.zone];
    }
    config.operation.address = house.operation;
    config
}

async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so().await {
        assert!(Instant::now() < end, "{what}");
        sleep(Duration::from_millis(5)).await;
    }
}

async fn is_refused(address: SocketAddr) -> bool {
    TcpStream::connect(address).await.is_err()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_fails_while_gateways_succeed_each_other() {
    let mut house = House::build().await;
    house.open_as(config(&house, LimitsConfig::default()), House::parts()).await;
    let (done, stop) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let issued = house.issue(&municipality());
    let fresh = Arc::new(house.maker(&issued));
    let mut asking = JoinSet::new();
    for kept in [
        house.client(&issued),
        house.client(&issued),
        house.client_of(Some(&issued), Protocol::Http2),
    ] {
        let url = house.url(Zone::Municipal, "/echo");
        let (done, stop, fresh) = (Arc::clone(&done), Arc::clone(&stop), Arc::clone(&fresh));
        asking.spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                // One connection that is kept, and one that is new.
                for client in [&kept, &fresh()] {
                    assert_eq!(client.get(&url).await.unwrap().status, 200);
                    done.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
    }
    for _ in 0..3 {
        let before = done.load(Ordering::Relaxed);
        until("requests", async || done.load(Ordering::Relaxed) > before + 20).await;
        house.open_as(same(&house), House::parts()).await;
    }
    let before = done.load(Ordering::Relaxed);
    until("requests of the last", async || done.load(Ordering::Relaxed) > before + 20).await;
    stop.store(true, Ordering::Relaxed);
    asking.join_all().await;
    let path = handover(&house);
    let codes = codes(&house.end().await);
    let handed = codes.iter().filter(|code| code.ends_with(" gateway.handover gateway ok"));
    assert_eq!(handed.count(), 3, "{codes:?}");
    assert!(!path.exists());
}

#[tokio::test]
async fn a_gateway_is_not_ended_for_one_that_does_not_start() {
    let mut house = House::build().await;
    house.open_as(config(&house, LimitsConfig::default()), House::parts()).await;
    let mut wrong = same(&house);
    wrong.policy = house.folder.path().join("nowhere.toml");
    let refused = Edge::bind(wrong, House::parts()).await.map(drop);
    assert!(matches!(refused, Err(EdgeError::Policy { .. })), "{refused:?}");
    // Nor for one that listens elsewhere.
    let elsewhere = config(&house, LimitsConfig::default());
    let refused = Edge::bind(elsewhere, House::parts()).await.map(drop);
    let is_foreign = matches!(refused, Err(EdgeError::Handover(HandoverError::Foreign)));
    assert!(is_foreign, "{refused:?}");
    let client = house.client(&house.issue(&municipality()));
    assert_eq!(client.get(&house.url(Zone::Municipal, "/echo")).await.unwrap().status, 200);
    house.end().await;
}

#[tokio::test]
async fn readiness_is_denied_while_connections_are_still_taken() {
    let mut house = House::build().await;
    let limits = LimitsConfig { drain_notice_ms: 4_000, ..LimitsConfig::default() };
    let config = house.config(limits);
    let edge = Edge::bind(config, House::parts()).await.unwrap();
    let operation = edge.operation_address().unwrap();
    house.edge = edge.addresses();
    house.run(edge);
    let client = house.client(&house.issue(&municipality()));
    let url = house.url(Zone::Municipal, "/echo");
    let ((), ()) = tokio::join!(house.close(), async {
        until("draining", async || {
            let (status, text) = look(operation, "GET /ready").await;
            status == 503 && text.contains(r#""code":"draining""#)
        })
        .await;
        assert_eq!(client.get(&url).await.unwrap().status, 200);
    });
    house.end().await;
}

#[tokio::test]
async fn who_has_just_connected_is_answered_and_told_to_go() {
    let mut house = House::build().await;
    let limits = LimitsConfig { drain_linger_ms: 30_000, ..LimitsConfig::default() };
    let limits = LimitsConfig { drain_timeout_ms: 30_000, ..limits };
    house.open_with(house.config(limits), House::parts()).await;
    let issued = house.issue(&municipality());
    let mut raw = Raw::connect(&house, &issued, b"http/1.1").await;
    let mut kept = Raw::connect(&house, &issued, b"http/1.1").await;
    assert!(kept.send(ASK).await);
    let heard = kept.hear(b"identity: ").await;
    assert!(!String::from_utf8_lossy(&heard).contains("connection: close"));
    let address = house.edge[&Zone::Municipal];
    let ((), ()) = tokio::join!(house.close(), async {
        until("closed", async || is_refused(address).await).await;
        for raw in [&mut raw, &mut kept] {
            assert!(raw.send(ASK).await);
            let heard = String::from_utf8_lossy(&raw.hear_all().await).into_owned();
            let is_told = heard.contains("HTTP/1.1 200") && heard.contains("connection: close");
            assert!(is_told, "{heard}");
        }
    });
    house.end().await;
}

#[tokio::test]
async fn one_connection_too_many_is_closed_at_once_and_counted() {
    let limits = LimitsConfig { connections_max: 1, ..LimitsConfig::default() };
    let house = House::start_with(limits).await;
    let (address, operation) = (house.edge[&Zone::Municipal], house.operation.unwrap());
    let issued = house.issue(&municipality());
    let only = Raw::connect(&house, &issued, b"http/1.1").await;
    let mut refused = TcpStream::connect(address).await.unwrap();
    let heard = timeout(PATIENCE, refused.read(&mut [0; 16])).await.expect("closed at once");
    assert!(matches!(heard, Ok(0) | Err(_)), "{heard:?}");
    let (_, text) = look(operation, "GET /metrics").await;
    let counted = text.lines().any(|line| {
        line.contains(r#"zone="municipal""#)
            && line.contains(r#"outcome="connections-full""#)
            && line.ends_with(" 1")
    });
    assert!(counted, "{text}");
    drop(only);
    let (client, url) = (house.client(&issued), house.url(Zone::Municipal, "/echo"));
    until("room again", async || client.get(&url).await.is_ok()).await;
    // The client's connection takes the only place until it is dropped.
    drop(client);
    let codes = codes(&house.end().await);
    assert_eq!(codes.first().map(String::as_str), Some("- handshake municipal connections-full"));
}
