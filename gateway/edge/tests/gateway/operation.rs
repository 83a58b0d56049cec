//! What operators see, and what happens when the ledger cannot be kept.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::Request;
use kakehashi_contract::Zone;
use kakehashi_edge::LimitsConfig;
use kakehashi_platform::mtls::Client;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::house::{House, municipality};

const DEADLINE: Duration = Duration::from_secs(30);

/// Asks an operator's page; answers status and everything.
pub(crate) async fn look(address: SocketAddr, line: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("{line} HTTP/1.1\r\nhost: localhost\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    let status = text.split(' ').nth(1).unwrap().parse().unwrap();
    (status, text)
}

/// Asks the gateway; nothing when it does not even take the connection.
async fn ask(house: &House, client: &Client) -> Option<u16> {
    let uri = house.url(Zone::Municipal, "/echo");
    let request = Request::builder().uri(uri).body(Bytes::new()).unwrap();
    client.send(request).await.ok().map(|answer| answer.status.as_u16())
}

#[tokio::test]
async fn operators_see_health_readiness_and_counts_and_nothing_else() {
    let house = House::start().await;
    let address = house.operation.unwrap();
    let client = house.client(&house.issue(&municipality()));
    assert_eq!(ask(&house, &client).await, Some(200));
    assert_eq!(look(address, "GET /health").await.0, 200);
    let started = Instant::now();
    // One of the two components is nowhere; that is found at the first look.
    let text = loop {
        let (status, text) = look(address, "GET /ready").await;
        if status == 503 {
            break text;
        }
        assert!(started.elapsed() < DEADLINE, "{text}");
    };
    for check in [
        r#"{"name":"ledger","is_ready":true"#,
        r#"{"name":"drain","is_ready":true"#,
        r#"{"name":"listener-municipal","is_ready":true"#,
        r#"{"name":"upstream-component","is_ready":true"#,
        r#"{"name":"upstream-away","is_ready":false,"code":"component-down""#,
    ] {
        assert!(text.contains(check), "{check} in {text}");
    }
    let started = Instant::now();
    // The entry is finished with the last byte, which the client may have before.
    let wanted = "kakehashi_requests_total{zone=\"municipal\",template=\"/echo\",class=\"ok\"} 1";
    let page = loop {
        let (status, page) = look(address, "GET /metrics").await;
        assert_eq!(status, 200);
        if page.contains(wanted) || started.elapsed() > DEADLINE {
            break page;
        }
    };
    for line in [
        wanted,
        "kakehashi_handshakes_total{zone=\"municipal\",outcome=\"ok\"} 1",
        "kakehashi_protocols_total{zone=\"municipal\",tls=\"1.3\",alpn=",
        "kakehashi_connections{zone=\"municipal\"} 1",
        "kakehashi_request_seconds_count{zone=\"municipal\",template=\"/echo\"} 1",
        "kakehashi_ledger_open 1",
        "kakehashi_ledger_lost 0",
        "kakehashi_policy_reloads{outcome=\"failed\"} 0",
        "kakehashi_policy_loaded_seconds 1795400000",
        "kakehashi_ocsp_refused{zone=\"municipal\"} 0",
        "# EOF",
    ] {
        assert!(page.contains(line), "{line} in\n{page}");
    }
    // The server's certificate, its client authority with its list, the root with its: each by its number.
    let left = |of: &str| {
        let of = format!("kakehashi_expiry_seconds{{zone=\"municipal\",of=\"{of}\",serial=\"");
        let lines: Vec<_> = page.lines().filter_map(|line| line.strip_prefix(&of)).collect();
        let [only] = lines[..] else { panic!("{of}: {lines:?}") };
        let (serial, left) = only.split_once("\"} ").unwrap();
        assert_eq!(serial.len(), 32, "{serial}");
        left.parse::<i64>().unwrap()
    };
    let day = 86_400;
    for (of, days) in [("certificate", 30), ("authority", 3650), ("root", 3650)] {
        assert!((days * day..=(days + 1) * day).contains(&left(of)), "{of}: {}", left(of));
    }
    assert_eq!((left("revocations"), left("root-revocations")), (day, day));
    for other in ["GET /", "POST /ready", "GET /metrics/x", "DELETE /health"] {
        assert_eq!(look(address, other).await.0, 404, "{other}");
    }
    house.end().await;
}

#[tokio::test]
async fn while_the_ledger_cannot_be_kept_nobody_is_answered() {
    let house = House::start_with(LimitsConfig::default()).await;
    let address = house.operation.unwrap();
    let client = house.client(&house.issue(&municipality()));
    // Stands where the new head is written.
    let obstacle = format!("{}.head.new", house.ledger().display());
    std::fs::create_dir(&obstacle).unwrap();
    let becomes = async |wanted: Option<u16>| {
        let started = Instant::now();
        while ask(&house, &client).await != wanted {
            assert!(started.elapsed() < DEADLINE, "did not become {wanted:?}");
        }
    };
    becomes(Some(503)).await;
    let (status, text) = look(address, "GET /ready").await;
    assert_eq!(status, 503);
    assert!(text.contains("\"is_ready\":false") && text.contains("head-stuck"), "{text}");
    assert!(text.contains("監査台帳"), "{text}");
    assert_eq!(look(address, "GET /health").await.0, 200);
    // A new connection is not taken either.
    let stranger = house.client(&house.issue(&municipality()));
    assert_eq!(ask(&house, &stranger).await, None);

    std::fs::remove_dir(&obstacle).unwrap();
    becomes(Some(200)).await;
    let entries = house.end().await;
    let told = |subject: &str| entries.iter().filter(|entry| entry.fact.subject == subject).count();
    assert_eq!((told("closed"), told("opened")), (1, 1));
    assert!(!entries.iter().any(|entry| entry.fact.outcome == "audit-down"));
}

#[tokio::test]
async fn an_entry_tells_what_went_in_and_out_and_by_which_certificate() {
    let house = House::start().await;
    let client = house.client(&house.issue(&municipality()));
    let uri = house.url(Zone::Municipal, "/count/one");
    let request = Request::post(uri).body(Bytes::from(vec![b'x'; 70_000])).unwrap();
    let answer = client.send(request).await.unwrap();
    assert_eq!(&answer.body[..], b"70000");
    let entries = house.end().await;
    let detail = &entries[0].fact.detail;
    for word in [" tls=1.3 ", " status=200 ", " in=70000 ", " out=5 ", " serial="] {
        assert!(detail.contains(word), "{word} in {detail}");
    }
}
