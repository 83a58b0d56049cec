//! What is refused is counted, whoever refuses it: repeated often enough, the guard cuts its holder off.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use kakehashi_contract::{Zone, reception::RECEPTION_PATH};
use kakehashi_edge::{EdgeParts, GuardConfig, LimitsConfig};
use kakehashi_platform::{mtls::Protocol, pki::Issued};

use crate::{
    guard::{MovedClock, guard_facts, open_with, text},
    house::{House, POLICY, municipality},
    raw::{PREFACE, Raw, frame},
};

/// Refusals before the holder is locked out, in these tests.
const REFUSALS: u32 = 5;
const SILENT_ROUTE: &str = r#"
    [[route]]
    zone = "municipal"
    role = "municipal-staff"
    methods = ["GET"]
    path = "/unmeasured"
    upstream = "component"
"#;

fn strict() -> GuardConfig {
    let mut guard = GuardConfig::default();
    guard.lockout.refusals.count = REFUSALS;
    guard.lockout.handshakes.count = REFUSALS;
    guard
}

async fn watched(guard: GuardConfig) -> House {
    let mut house = House::build().await;
    let policy = house.folder.path().join("policy.toml");
    std::fs::write(policy, format!("{POLICY}{SILENT_ROUTE}")).unwrap();
    open_with(&mut house, &MovedClock::new(), guard).await;
    house
}

/// Sends these bytes on a connection of their own and waits for its end.
async fn offend(house: &House, issued: &Issued, alpn: &[u8], bytes: &[u8]) {
    let mut raw = Raw::connect(house, issued, alpn).await;
    raw.send(bytes).await;
    raw.hear_all().await;
}

/// Offends as often as it takes, and looks that it takes no less and no more.
async fn is_cut_off_for(alpn: &[u8], bytes: &[u8], code: &str) {
    let house = watched(strict()).await;
    let issued = house.issue(&municipality());
    let client = house.client_of(Some(&issued), Protocol::Http1);
    let echo = house.url(Zone::Municipal, "/echo");
    for _ in 0..REFUSALS {
        assert_eq!(client.get(&echo).await.unwrap().status, 200, "{code}");
        offend(&house, &issued, alpn, bytes).await;
    }
    // The offender may hear the end of its connection before the guard does.
    let blocked = async {
        let mut answer = client.get(&echo).await.unwrap();
        while !text(&answer).contains("urn:kakehashi:problem:blocked") {
            tokio::time::sleep(Duration::from_millis(10)).await;
            answer = client.get(&echo).await.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(20), blocked).await.expect(code);
    let entries = house.end().await;
    let counted = entries.iter().filter(|entry| entry.fact.outcome == code).count();
    assert_eq!(counted, REFUSALS as usize, "{code}");
    assert_eq!(guard_facts(&entries), ["guard.block refusals"], "{code}");
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_http_is_counted_wherever_it_is_refused() {
    let head = "POST /count/a HTTP/1.1\r\nHost: localhost\r\n";
    for (broken, code) in [
        ("GET /echo HTTP/1.0\r\nHost: localhost\r\n\r\n".to_owned(), "wire-version"),
        (format!("{head}Content-Length: 5\r\nContent-Length: 6\r\n\r\n"), "wire-length-conflict"),
        (format!("{head}Transfer-Encoding: chunked\r\n\r\n+5\r\n"), "wire-chunk"),
    ] {
        is_cut_off_for(b"http/1.1", broken.as_bytes(), code).await;
    }
    let mut pings = [PREFACE, &frame(4, 0, 0, &[])].concat();
    (0..60).for_each(|_| pings.extend(frame(6, 0, 0, &[0; 8])));
    is_cut_off_for(b"h2", &pings, "h2-ping-flood").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_not_ours_is_counted() {
    let with = |host: &str| {
        format!("GET /echo HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").into_bytes()
    };
    is_cut_off_for(b"http/1.1", &with("other.example"), "host-mismatch").await;
    is_cut_off_for(b"http/1.1", &with("u@localhost"), "host-malformed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_beyond_its_limit_is_counted_whether_it_is_announced_or_not() {
    let head = "POST /small HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\n";
    let end = "Connection: close\r\n";
    let announced = format!("{head}{end}Content-Length: 1001\r\n\r\n{}", "x".repeat(1001));
    is_cut_off_for(b"http/1.1", announced.as_bytes(), "body-too-large").await;
    let chunk = format!("3E9\r\n{}\r\n0\r\n\r\n", "x".repeat(1001));
    let chunked = format!("{head}{end}Transfer-Encoding: chunked\r\n\r\n{chunk}");
    is_cut_off_for(b"http/1.1", chunked.as_bytes(), "body-too-large").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_name_that_is_not_ours_is_counted_by_its_address() {
    let mut house = House::build().await;
    let mut config = house.config(LimitsConfig::default());
    config.listeners[0].server_names = vec!["gate.example".to_owned()];
    config.guard = strict();
    config.guard.limits.is_loopback_exempt = false;
    let parts = EdgeParts { clock: MovedClock::new(), ..House::parts() };
    house.open_with(config, parts).await;
    let issued = house.issue(&municipality());
    for _ in 0..REFUSALS {
        let client = house.client_of(Some(&issued), Protocol::Http1);
        let answer = client.get(&house.url(Zone::Municipal, "/echo")).await.unwrap();
        assert!(text(&answer).contains("server-name-unknown"), "{}", text(&answer));
    }
    let client = house.client_of(Some(&issued), Protocol::Http1);
    client.get(&house.url(Zone::Municipal, "/echo")).await.unwrap_err();
    let entries = house.end().await;
    assert_eq!(guard_facts(&entries), ["guard.block handshakes"]);
    // Who was refused after the handshake is known by certificate and TLS version.
    let refused = entries.iter().find(|entry| entry.fact.outcome == "server-name-unknown").unwrap();
    assert!(refused.fact.detail.contains(" serial=") && refused.fact.detail.contains(" tls=1.3"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateways_own_page_is_no_place_to_scan_from() {
    let house = watched(GuardConfig::default()).await;
    let client = house.client(&house.issue(&municipality()));
    let page = house.url(Zone::Municipal, RECEPTION_PATH);
    assert_eq!(client.get(&page).await.unwrap().status, 200);
    let post = Request::post(&page).body(Bytes::new()).unwrap();
    assert!(text(&client.send(post).await.unwrap()).contains("route-unknown"));
    for number in 1..40 {
        let answer = client.get(&format!("{page}?x={number}")).await.unwrap();
        assert!(text(&answer).contains("parameter-unknown"), "{number}: {}", text(&answer));
    }
    let answer = client.get(&page).await.unwrap();
    assert!(text(&answer).contains("urn:kakehashi:problem:blocked"), "{}", text(&answer));
    assert_eq!(guard_facts(&house.end().await), ["guard.block scan"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_count_both_ways_whether_their_number_was_announced_or_not() {
    let mut guard = GuardConfig::default();
    guard.limits.organisation_bytes_per_hour = Some(128 * 1024);
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let house = watched(guard.clone()).await;
        let client = house.client_of(Some(&house.issue(&municipality())), protocol);
        let url = house.url(Zone::Municipal, "/unmeasured");
        for expected in [200, 200, 429] {
            assert_eq!(client.get(&url).await.unwrap().status, expected, "{protocol:?}");
        }
        let entries = house.end().await;
        let moved = entries.iter().filter(|entry| entry.fact.detail.contains(" out=65536 "));
        assert_eq!(moved.count(), 2, "{protocol:?}");
        let house = watched(guard.clone()).await;
        let client = house.client_of(Some(&house.issue(&municipality())), protocol);
        let url = house.url(Zone::Municipal, "/count/a");
        for expected in [200, 200, 429] {
            let body = Bytes::from(vec![b'x'; 64 * 1024]);
            let request = Request::post(&url).header("content-type", "text/plain");
            let answer = client.send(request.body(body).unwrap()).await.unwrap();
            assert_eq!(answer.status, expected, "{protocol:?}");
        }
        house.end().await;
    }
}
