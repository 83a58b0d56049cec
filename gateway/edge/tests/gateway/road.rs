//! Requests that get through, and what the component sees of them.

use bytes::Bytes;
use http::{Request, header::HeaderName};
use http_body_util::BodyExt;
use kakehashi_contract::{Role, Zone};
use kakehashi_edge::LimitsConfig;
use kakehashi_platform::{
    mtls::{BoxBody, ClientError, Protocol},
    pki::Holder,
};

use crate::house::{House, codes, municipality};

#[tokio::test]
async fn the_component_sees_the_identity_and_no_forged_header() {
    let house = House::start().await;
    let issued = house.issue(&municipality());
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let client = house.client_of(Some(&issued), protocol);
        let mut request = Request::builder().uri(house.url(Zone::Municipal, "/echo"));
        for name in ["client-cert", "client_cert", "x-forwarded-for", "kakehashi-request-id"] {
            let name = HeaderName::from_static(name);
            request = request.header(&name, ":Zm9yZ2Vk:").header(&name, "forged");
        }
        let request = request.header("accept", "text/plain").body(Bytes::new()).unwrap();
        let answer = client.send(request).await.unwrap();
        assert_eq!(answer.status, 200);
        let text = std::str::from_utf8(&answer.body).unwrap();
        assert!(text.contains("identity: municipal/municipal-staff/141003/scan-01\n"), "{text}");
        assert!(text.contains("accept: text/plain\n"), "{text}");
        assert!(text.contains("host: localhost:"), "{text}");
        let id = answer.headers["kakehashi-request-id"].to_str().unwrap();
        assert!(text.contains(&format!("kakehashi-request-id: {id}\n")), "{text}");
        assert!(!text.contains("forged") && !text.contains("Zm9yZ2Vk"), "{text}");
        assert!(!text.contains("client_cert") && !text.contains("x-forwarded"), "{text}");
        assert_eq!(answer.headers["x-outer"], "1");
        assert!(!answer.headers.contains_key("x-inner"), "hop-by-hop headers stay inside");
    }
    let actor = "municipal/municipal-staff/141003/scan-01";
    let expected = format!("{actor} request GET /echo ok");
    assert_eq!(codes(&house.end().await), [expected.clone(), expected]);
}

#[tokio::test]
async fn the_audit_entry_names_request_certificate_and_peer() {
    let house = House::start().await;
    let issued = house.issue(&municipality());
    let certificate = kakehashi_kernel::Sha256Digest::of(&issued.leaf().unwrap());
    let client = house.client(&issued);
    let answer = client.get(&house.url(Zone::Municipal, "/echo")).await.unwrap();
    let id = answer.headers["kakehashi-request-id"].to_str().unwrap().to_owned();
    let detail = house.end().await.remove(0).fact.detail;
    assert!(detail.starts_with(&format!("request={id} peer=127.0.0.1:")), "{detail}");
    assert!(detail.contains(&format!("certificate={certificate} serial=")), "{detail}");
    assert!(detail.contains(" tls=1.3 status=200 in=0 out="), "{detail}");
}

#[tokio::test]
async fn what_the_policy_does_not_name_is_refused() {
    let house = House::start().await;
    let client = house.client(&house.issue(&municipality()));
    for path in ["/", "/echo/", "/other", "/count/a/b", "/%2e%2e/echo"] {
        let answer = client.get(&house.url(Zone::Municipal, path)).await.unwrap();
        assert_eq!(answer.status, 403, "{path}");
        assert_eq!(answer.headers["content-type"], "application/problem+json");
    }
    let request = Request::delete(house.url(Zone::Municipal, "/echo")).body("").unwrap();
    let answer = client.send(request).await.unwrap();
    assert_eq!(answer.status, 405);
    assert_eq!(answer.headers["allow"], "GET, POST");
    let doctor = Holder::new(Zone::Entry, Role::Institution, "1312345", "desk-1");
    let client = house.client(&house.issue(&doctor));
    assert_eq!(client.get(&house.url(Zone::Entry, "/echo")).await.unwrap().status, 403);
    let staff = "municipal/municipal-staff/141003/scan-01";
    let get = format!("{staff} request GET - route-unknown");
    let odd = format!("{staff} request GET - path-malformed");
    let expected = [
        get.clone(),
        odd.clone(),
        get.clone(),
        get,
        odd,
        format!("{staff} request DELETE - method-unknown"),
        "entry/institution/1312345/desk-1 request GET - route-unknown".to_owned(),
    ];
    assert_eq!(codes(&house.end().await), expected);
}

#[tokio::test]
async fn hosts_that_disagree_are_refused() {
    let house = House::start().await;
    let issued = house.issue(&municipality());
    let client = house.client_of(Some(&issued), Protocol::Http2);
    let request = Request::builder()
        .uri(house.url(Zone::Municipal, "/echo"))
        .header("host", "elsewhere.example")
        .body("")
        .unwrap();
    assert_eq!(client.send(request).await.unwrap().status, 400);
    assert!(codes(&house.end().await)[0].ends_with("GET /echo host-malformed"));
}

#[tokio::test]
async fn a_component_that_is_away_is_named_with_a_remedy() {
    let house = House::start().await;
    let client = house.client(&house.issue(&municipality()));
    let answer = client.get(&house.url(Zone::Municipal, "/away")).await.unwrap();
    assert_eq!(answer.status, 503);
    let text = String::from_utf8_lossy(&answer.body);
    assert!(text.contains("component-down") && text.contains("再試行"), "{text}");
    assert!(codes(&house.end().await)[0].ends_with("GET /away component-down"));
}

/// A body of `pieces` times 64 KiB, made while it is sent, of unknown length.
fn long_body(pieces: usize) -> BoxBody {
    let piece = Bytes::from(vec![0x5a; 64 * 1024]);
    let frames = (0..pieces).map(move |_| Ok(hyper::body::Frame::data(piece.clone())));
    http_body_util::StreamBody::new(futures_util::stream::iter(frames)).boxed_unsync()
}

#[tokio::test]
async fn a_large_body_streams_through() {
    let house = House::start().await;
    let issued = house.issue(&municipality());
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let client = house.client_of(Some(&issued), protocol);
        let request = Request::post(house.url(Zone::Municipal, "/count/large"));
        let response = client.request(request.body(long_body(1024)).unwrap()).await.unwrap();
        assert_eq!(response.status(), 200);
        let counted = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(counted, (64 * 1024 * 1024).to_string());
    }
    for entry in house.end().await {
        assert_eq!(entry.fact.subject, "POST /count/{name}");
        assert!(entry.fact.detail.contains("in=67108864"), "{}", entry.fact.detail);
    }
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_whether_declared_or_not() {
    let house = House::start().await;
    let client = house.client(&house.issue(&municipality()));
    let url = house.url(Zone::Municipal, "/small");
    let fits = client.post(&url, "text/plain", vec![0; 1000]).await.unwrap();
    assert_eq!((fits.status.as_u16(), &fits.body[..]), (200, &b"1000"[..]));
    let declared = client.post(&url, "text/plain", vec![0; 1001]).await.unwrap();
    assert_eq!(declared.status, 413);
    let request = Request::post(&url).body(long_body(4)).unwrap();
    assert_eq!(client.request(request).await.unwrap().status(), 413);
    let found = codes(&house.end().await);
    assert!(found[1].ends_with("POST /small body-too-large"), "{found:?}");
    assert!(found[2].ends_with("POST /small body-too-large"), "{found:?}");
}

#[tokio::test]
async fn a_client_that_stops_sending_is_given_up() {
    let limits = LimitsConfig { idle_timeout_ms: 100, ..LimitsConfig::default() };
    let house = House::start_with(limits).await;
    let client = house.client(&house.issue(&municipality()));
    let first = hyper::body::Frame::data(Bytes::from_static(b"first"));
    let frames = futures_util::StreamExt::chain(
        futures_util::stream::iter([Ok(first)]),
        futures_util::stream::pending(),
    );
    let body = http_body_util::StreamBody::new(frames).boxed_unsync();
    let request = Request::post(house.url(Zone::Municipal, "/count/slow")).body(body).unwrap();
    assert_eq!(client.request(request).await.unwrap().status(), 408);
    assert!(codes(&house.end().await)[0].ends_with("POST /count/{name} client-slow"));
}

#[tokio::test]
async fn a_component_that_does_not_answer_is_given_up() {
    let limits = LimitsConfig { idle_timeout_ms: 100, ..LimitsConfig::default() };
    let house = House::start_with(limits).await;
    let client = house.client(&house.issue(&municipality()));
    let url = house.url(Zone::Municipal, "/count/never");
    assert_eq!(client.post(&url, "text/plain", "body").await.unwrap().status, 504);
    assert!(codes(&house.end().await)[0].ends_with("POST /count/{name} component-slow"));
}

#[tokio::test]
async fn a_client_that_goes_away_is_recorded() {
    let house = House::start().await;
    let client = house.client(&house.issue(&municipality()));
    let url = house.url(Zone::Municipal, "/count/never");
    let call = client.post(&url, "text/plain", "body");
    // The component is asked before the client goes.
    tokio::select! {
        answer = call => panic!("{answer:?}"),
        () = house.asked.notified() => {}
    }
    drop(client);
    assert!(codes(&house.end().await)[0].ends_with("POST /count/{name} client-gone"));
}

#[tokio::test]
async fn the_component_answers_nobody_who_comes_round_the_gateway() {
    let house = House::start().await;
    let client = house.client(&house.issue(&municipality()));
    let url = format!("https://localhost:{}/echo", house.component.port());
    let refused = client.send(Request::get(url).body("").unwrap()).await;
    assert!(matches!(refused, Err(ClientError::Transport(_))), "{refused:?}");
    assert!(house.end().await.is_empty());
}
