//! Bytes that no honest client sends: refused by name, never passed on, and nobody else notices.

use kakehashi_contract::Zone;
use kakehashi_edge::LimitsConfig;
use kakehashi_platform::mtls::Protocol;

use crate::{
    house::{House, codes, municipality},
    raw::{PREFACE, Raw, frame, get_block},
};

const GET: &str = "GET /echo HTTP/1.1\r\nHost: localhost\r\n\r\n";
const POST: &str = "POST /count/a HTTP/1.1\r\nHost: localhost\r\n";

/// A good client is served, and the ledger names what was refused.
async fn end(house: House) -> Vec<String> {
    let client = house.client_of(Some(&house.issue(&municipality())), Protocol::Http2);
    let answer = client.get(&house.url(Zone::Municipal, "/echo")).await.unwrap();
    assert_eq!(answer.status, 200);
    codes(&house.end().await)
}

fn outcomes(codes: &[String]) -> Vec<&str> {
    codes.iter().map(|code| code.rsplit(' ').next().unwrap()).collect()
}

/// What is sent as a first request, and the code it is refused with.
fn heads() -> Vec<(String, &'static str)> {
    let post = |fields: &str| format!("{POST}{fields}\r\nhello");
    let line = |line: &str| format!("{line}\r\nHost: localhost\r\n\r\n");
    vec![
        ("GET /echo HTTP/1.1\nHost: localhost\n\n".to_owned(), "wire-line-end"),
        ("GET /echo HTTP/1.1\r\nHost: localhost\rX: y\r\n\r\n".to_owned(), "wire-line-end"),
        (post("Content-Length: 5\r\nX: a\r\n b\r\n"), "wire-fold"),
        (post("Content-Length : 5\r\n"), "wire-field-name"),
        (format!("\r\n{GET}"), "wire-request-line"),
        (post("X: a\0b\r\n"), "wire-control-character"),
        (post("X(y): z\r\n"), "wire-field-name"),
        (post("Content-Length: 5\r\nContent-Length: 5\r\n"), "wire-length-conflict"),
        (post("Content-Length: 5\r\nContent-Length: 6\r\n"), "wire-length-conflict"),
        (post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), "wire-length-conflict"),
        (post("Content-Length: +5\r\n"), "wire-length-malformed"),
        (post("Content-Length: 0x5\r\n"), "wire-length-malformed"),
        (post("Content-Length: 5 5\r\n"), "wire-length-malformed"),
        (post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), "wire-encoding"),
        (post("Transfer-Encoding: gzip, chunked\r\n"), "wire-encoding"),
        (post("Transfer-Encoding: xchunked\r\n"), "wire-encoding"),
        (post("Transfer-Encoding: chunked\r\n\r\n+5\r\n"), "wire-chunk"),
        (post("Transfer-Encoding: chunked\r\n\r\n0x5\r\n"), "wire-chunk"),
        (post("Transfer-Encoding: chunked\r\n\r\n5;a=b\r\n"), "wire-chunk"),
        (post("Transfer-Encoding: chunked\r\n\r\n5\n"), "wire-chunk"),
        (post("Transfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\n"), "wire-trailer"),
        (line("GET https://localhost/echo HTTP/1.1"), "wire-target"),
        (line("GET localhost:1 HTTP/1.1"), "wire-target"),
        (line("GET * HTTP/1.1"), "wire-target"),
        (line("CONNECT localhost:1 HTTP/1.1"), "wire-method"),
        (line("GET /echo HTTP/1.0"), "wire-version"),
        (line("GET /echo HTTP/2.0"), "wire-version"),
        (line("GET /echo"), "wire-request-line"),
        (line("! / HTTP/1.1"), "wire-method"),
        ("GET /echo HTTP/1.1\r\n\r\n".to_owned(), "host-malformed"),
        (post("Host: localhost\r\n"), "host-malformed"),
        (post("Connection: Upgrade\r\nUpgrade: h2c\r\n"), "wire-upgrade"),
        (post("HTTP2-Settings: AAMAAABk\r\n"), "wire-upgrade"),
        (post(&"X: y\r\n".repeat(101)), "wire-fields-many"),
        (format!("GET /{} HTTP/1.1\r\n", "a".repeat(33_000)), "wire-head-long"),
        (String::from_utf8(PREFACE.to_vec()).unwrap(), "wire-version"),
        ("\u{16}\u{3}\u{1}\u{2}".to_owned(), "wire-request-line"),
    ]
}

#[tokio::test]
async fn odd_requests_are_answered_and_closed_wherever_they_come() {
    let house = House::start().await;
    let issued = house.issue(&municipality());
    let mut expected = Vec::new();
    for (text, code) in heads() {
        for before in ["", GET] {
            let mut raw = Raw::connect(&house, &issued, b"http/1.1").await;
            raw.send(format!("{before}{text}").as_bytes()).await;
            let heard = String::from_utf8(raw.hear_all().await).unwrap();
            let status = if code.ends_with("-long") || code.ends_with("-many") { 431 } else { 400 };
            assert!(heard.contains(&format!("HTTP/1.1 {status} ")), "{text:?}: {heard}");
            assert!(heard.contains(code), "{text:?}: {heard}");
            assert_eq!(heard.contains("HTTP/1.1 200 OK"), !before.is_empty(), "{text:?}: {heard}");
            if !before.is_empty() {
                expected.push("ok");
            }
            expected.push(code);
        }
    }
    expected.push("ok");
    let found = end(house).await;
    assert_eq!(outcomes(&found), expected);
}

#[tokio::test]
async fn what_follows_a_refused_head_is_not_looked_at() {
    let house = House::start().await;
    let mut raw = Raw::connect(&house, &house.issue(&municipality()), b"http/1.1").await;
    raw.send(format!("{POST}Content-Length: 5\r\nContent-Length: 50\r\n\r\n{GET}{GET}").as_bytes())
        .await;
    let heard = String::from_utf8(raw.hear_all().await).unwrap();
    assert_eq!(heard.matches("HTTP/1.1 ").count(), 1, "{heard}");
    assert_eq!(outcomes(&end(house).await), ["wire-length-conflict", "ok"]);
}

#[tokio::test]
async fn a_request_that_comes_byte_by_byte_is_served() {
    let house = House::start().await;
    let mut raw = Raw::connect(&house, &house.issue(&municipality()), b"http/1.1").await;
    let text = format!(
        "{POST}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n00a\r\n0123456789\r\n0\r\n\r\n{GET}"
    );
    for byte in text.as_bytes() {
        assert!(raw.send(&[*byte]).await);
    }
    let heard = raw.hear(b"identity: ").await;
    let heard = String::from_utf8(heard).unwrap();
    assert!(heard.contains("\r\n\r\n13HTTP/1.1 200 OK"), "{heard}");
    drop(raw);
    assert_eq!(outcomes(&end(house).await), ["ok", "ok", "ok"]);
}

#[tokio::test]
async fn a_client_that_expects_to_be_told_to_continue_is() {
    let house = House::start().await;
    let mut raw = Raw::connect(&house, &house.issue(&municipality()), b"http/1.1").await;
    raw.send(format!("{POST}Content-Length: 5\r\nExpect: 100-continue\r\n\r\n").as_bytes()).await;
    raw.hear(b"HTTP/1.1 100 Continue\r\n\r\n").await;
    raw.send(b"hello").await;
    raw.hear(b"\r\n\r\n5").await;
}

#[tokio::test]
async fn a_head_that_comes_slowly_has_one_limit_for_the_whole() {
    let limits = LimitsConfig { header_timeout_ms: 300, ..LimitsConfig::default() };
    let house = House::start_with(limits).await;
    let mut raw = Raw::connect(&house, &house.issue(&municipality()), b"http/1.1").await;
    raw.send(b"GET /echo HTTP/1.1\r\n").await;
    // Every byte is in time; the head is not.
    let mut sent = 0;
    while raw.send(b"X").await {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        sent += 1;
        assert!(sent < 1_000, "the gateway closes");
    }
    assert_eq!(outcomes(&end(house).await), ["header-timeout", "ok"]);
}

#[tokio::test]
async fn an_idle_connection_is_closed_without_an_entry() {
    let limits = LimitsConfig { keep_alive_timeout_ms: 100, ..LimitsConfig::default() };
    let house = House::start_with(limits).await;
    let issued = house.issue(&municipality());
    let mut raw = Raw::connect(&house, &issued, b"http/1.1").await;
    assert_eq!(raw.hear_all().await, b"");
    let mut raw = Raw::connect(&house, &issued, b"http/1.1").await;
    raw.send(GET.as_bytes()).await;
    assert!(raw.hear_all().await.starts_with(b"HTTP/1.1 200"));
    assert_eq!(outcomes(&house_end(house).await), ["ok"]);
}

async fn house_end(house: House) -> Vec<String> {
    codes(&house.end().await)
}

/// Sends the preface, our settings and then the frames, until the gateway closes.
async fn flood(frames: &[u8], code: &str) {
    let house = House::start().await;
    let mut raw = Raw::connect(&house, &house.issue(&municipality()), b"h2").await;
    raw.send(PREFACE).await;
    raw.send(&frame(4, 0, 0, &[])).await;
    raw.send(frames).await;
    raw.hear_all().await;
    let found = end(house).await;
    let found = outcomes(&found);
    assert!(found.contains(&code), "{found:?}");
    assert_eq!(found.last(), Some(&"ok"));
}

#[tokio::test]
async fn a_rapid_reset_ends_the_connection() {
    let mut frames = Vec::new();
    for stream in (1..400).step_by(2) {
        frames.extend(frame(1, 5, stream, &get_block("/echo")));
        frames.extend(frame(3, 0, stream, &8_u32.to_be_bytes()));
    }
    flood(&frames, "h2-reset-flood").await;
}

#[tokio::test]
async fn pings_settings_priorities_and_unknown_frames_end_the_connection() {
    flood(&frame(6, 0, 0, &[0; 8]).repeat(60), "h2-ping-flood").await;
    flood(&frame(4, 0, 0, &[]).repeat(60), "h2-settings-flood").await;
    flood(&frame(2, 0, 1, &[0; 5]).repeat(60), "h2-priority-flood").await;
    flood(&frame(0xbb, 0, 0, &[0; 5]).repeat(60), "h2-unknown-frame-flood").await;
    flood(&frame(8, 0, 0, &1_u32.to_be_bytes()).repeat(600), "h2-window-update-flood").await;
}

#[tokio::test]
async fn a_header_block_without_end_ends_the_connection() {
    let mut frames = frame(1, 1, 1, &get_block("/echo"));
    frames.extend(frame(9, 0, 1, &[]).repeat(20));
    flood(&frames, "h2-continuation-flood").await;
    let mut frames = frame(1, 1, 1, &get_block("/echo"));
    frames.extend(frame(9, 0, 1, &[0x82; 16_000]).repeat(3));
    flood(&frames, "h2-head-long").await;
}

#[tokio::test]
async fn what_is_no_http2_ends_the_connection_by_name() {
    // Data on a stream that does not exist.
    flood(&frame(0, 0, 1, b"hello"), "h2-protocol-error").await;
}

#[tokio::test]
async fn a_client_that_takes_no_answer_is_cut_off() {
    let limits = LimitsConfig { stall_timeout_ms: 300, ..LimitsConfig::default() };
    let house = House::start_with(limits).await;
    let mut raw = Raw::connect(&house, &house.issue(&municipality()), b"h2").await;
    raw.send(PREFACE).await;
    // A window of nothing: the answer has nowhere to go.
    raw.send(&frame(4, 0, 0, &[0, 4, 0, 0, 0, 0])).await;
    raw.send(&frame(1, 5, 1, &get_block("/echo"))).await;
    raw.hear_all().await;
    let found = end(house).await;
    assert!(outcomes(&found).contains(&"client-stalled"), "{found:?}");
}

#[tokio::test]
async fn slow_clients_do_not_hold_up_a_good_one() {
    let house = House::start().await;
    let issued = house.issue(&municipality());
    let mut slow = Vec::new();
    for _ in 0..100 {
        let mut raw = Raw::connect(&house, &issued, b"http/1.1").await;
        raw.send(b"GET /echo HT").await;
        slow.push(raw);
    }
    let client = house.client(&issued);
    for _ in 0..50 {
        assert_eq!(client.get(&house.url(Zone::Municipal, "/echo")).await.unwrap().status, 200);
    }
    drop(slow);
    let found = end(house).await;
    assert_eq!(found.len(), 51, "{found:?}");
}

#[tokio::test]
async fn a_host_that_tls_was_not_made_for_is_refused() {
    let house = House::start().await;
    let mut raw = Raw::connect(&house, &house.issue(&municipality()), b"http/1.1").await;
    raw.send(b"GET /echo HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").await;
    raw.hear(b"host-mismatch").await;
    drop(raw);
    assert_eq!(outcomes(&end(house).await), ["host-mismatch", "ok"]);
}
