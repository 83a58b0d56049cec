//! What is withdrawn or ends while its holder is connected: streaming either way, by either protocol.

use std::{
    fs,
    sync::{Arc, OnceLock},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::Request;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use kakehashi_contract::Zone;
use kakehashi_edge::{EdgeConfig, LimitsConfig};
use kakehashi_kernel::{Clock, Timestamp};
use kakehashi_platform::{
    mtls::{Client, Protocol, empty_body},
    pki::{Authority, Issued, Seat, SystemSerials, Validity},
};
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Instant, sleep, timeout, timeout_at},
};

use crate::house::{House, NOW, codes, municipality};

/// What the project promises.
pub(crate) const CLOSED_WITHIN: Duration = Duration::from_secs(5);
/// What the held clock gives before it ends something.
const SOON_MS: i64 = 2_000;
const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// Longer than anything here takes on a busy machine.
const GIVE_UP: Duration = Duration::from_secs(30);
const WHO: &str = "municipal/municipal-staff/141003/scan-01";

/// Stands still at [`NOW`] until it is told to run.
#[derive(Default)]
pub(crate) struct HeldClock(OnceLock<Instant>);

impl HeldClock {
    pub(crate) fn run(&self) {
        self.0.get_or_init(Instant::now);
    }
}

impl Clock for HeldClock {
    fn now(&self) -> Timestamp {
        let passed = self.0.get().map_or(0, |since| since.elapsed().as_millis());
        NOW.plus_ms(i64::try_from(passed).unwrap())
    }
}

/// A house whose gateway goes by a clock of ours.
pub(crate) async fn held(
    publish: impl FnOnce(&House),
    change: impl FnOnce(&mut EdgeConfig),
) -> (House, Arc<HeldClock>) {
    let mut house = House::build().await;
    publish(&house);
    let clock = Arc::new(HeldClock::default());
    let mut parts = House::parts();
    parts.clock = Arc::clone(&clock) as Arc<dyn Clock>;
    let mut config = house.config(LimitsConfig::default());
    change(&mut config);
    house.open_as(config, parts).await;
    (house, clock)
}

pub(crate) fn ends_soon(house: &House) -> Issued {
    let validity = Validity { not_after: NOW.plus_ms(SOON_MS), ..Validity::days(NOW, 1) };
    house.authority.issue_client(&municipality(), validity, &SystemSerials).unwrap()
}

/// An upload that never ends of itself; whether it was answered.
async fn upload(client: Client, url: String, under_way: mpsc::Sender<()>) -> bool {
    let pieces = stream::iter(0_u64..).then(move |number| {
        // What was sent before this one was taken.
        if number == 10 {
            under_way.try_send(()).unwrap();
        }
        async {
            sleep(Duration::from_millis(20)).await;
            Ok(Frame::data(Bytes::from_static(b"0123456789")))
        }
    });
    let request = Request::post(url).body(StreamBody::new(pieces).boxed_unsync()).unwrap();
    client.request(request).await.is_ok_and(|answer| answer.status() == 200)
}

/// An answer that never ends of itself; whether it ended as answers do.
async fn download(client: Client, url: String, under_way: mpsc::Sender<()>) -> bool {
    let request = Request::get(url).body(empty_body()).unwrap();
    let answer = client.request(request).await.unwrap();
    assert_eq!(answer.status(), 200);
    let mut body = answer.into_body();
    body.frame().await.unwrap().unwrap();
    under_way.try_send(()).unwrap();
    loop {
        match body.frame().await {
            None => return true,
            Some(Err(_)) => return false,
            Some(Ok(_)) => {}
        }
    }
}

/// Streams both ways by both protocols, each with a certificate and a connection of its own, then
/// withdraws what they rely on: all are cut off `within`.
async fn all_are_cut_off(
    house: &House,
    issue: impl Fn(&House) -> Issued,
    withdraw: impl FnOnce(&[Issued]),
    within: Duration,
) {
    let mut streaming = JoinSet::new();
    let mut certificates = Vec::new();
    for protocol in [Protocol::Http1, Protocol::Http2] {
        for is_upload in [true, false] {
            let issued = issue(house);
            let client = house.client_of(Some(&issued), protocol);
            certificates.push(issued);
            let (sender, mut under_way) = mpsc::channel(1);
            let url = |path| house.url(Zone::Municipal, path);
            let what = format!("{protocol:?}, upload: {is_upload}");
            let way: std::pin::Pin<Box<dyn Future<Output = bool> + Send>> = if is_upload {
                Box::pin(upload(client, url("/count/all"), sender))
            } else {
                Box::pin(download(client, url("/flow/endless"), sender))
            };
            streaming.spawn(async move { (what, way.await) });
            timeout(GIVE_UP, under_way.recv()).await.unwrap().expect("it is under way");
        }
    }
    assert!(streaming.try_join_next().is_none(), "all go on while nothing is wrong");
    withdraw(&certificates);
    let end = Instant::now() + within;
    while !streaming.is_empty() {
        let ended = timeout_at(end, streaming.join_next()).await;
        let (what, is_well) =
            ended.unwrap_or_else(|_| panic!("{} go on", streaming.len())).unwrap().unwrap();
        assert!(!is_well, "{what} ended as if nothing were wrong");
    }
}

/// Whoever comes anew is told why not.
async fn is_told(house: &House, issued: &Issued, code: &str) {
    let answer = house.client(issued).get(&house.url(Zone::Municipal, "/echo")).await.unwrap();
    assert_eq!(answer.status, 403);
    let text = String::from_utf8_lossy(&answer.body);
    assert!(text.contains(code), "{text}");
}

/// Ends everything and counts the connections that were closed for a reason.
async fn closed(house: House, code: &str) -> usize {
    let entry = format!("{WHO} handshake municipal {code}");
    codes(&house.end().await).iter().filter(|found| **found == entry).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_revoked_while_streaming_is_closed_within_seconds() {
    let house = House::start().await;
    let idle = house.issue(&municipality());
    let client = house.client(&idle);
    assert_eq!(client.get(&house.url(Zone::Municipal, "/echo")).await.unwrap().status, 200);
    let revoke = |issued: &[Issued]| {
        for issued in issued.iter().chain([&idle]) {
            house.authority.revoke(Zone::Municipal, &issued.chain_pem, NOW).unwrap();
        }
        house.publish();
    };
    all_are_cut_off(&house, |house| house.issue(&municipality()), revoke, CLOSED_WITHIN).await;
    is_told(&house, &idle, "certificate-revoked").await;
    // Those that streamed, and the one that was idle.
    assert_eq!(closed(house, "certificate-revoked").await, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_ends_with_its_certificate() {
    let (house, clock) = held(|_| {}, |_| {}).await;
    all_are_cut_off(&house, ends_soon, |_| clock.run(), 2 * CLOSED_WITHIN).await;
    is_told(&house, &ends_soon(&house), "certificate-expired").await;
    assert_eq!(closed(house, "certificate-expired").await, 4);
}

/// A list goes out of date while they stream.
async fn a_stale_list_closes(publish: impl FnOnce(&House), change: impl FnOnce(&mut EdgeConfig)) {
    let (house, clock) = held(publish, change).await;
    let issue = |house: &House| house.issue(&municipality());
    all_are_cut_off(&house, issue, |_| clock.run(), 2 * CLOSED_WITHIN).await;
    is_told(&house, &issue(&house), "revocation-stale").await;
    assert_eq!(closed(house, "revocation-stale").await, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_list_past_its_next_update_closes_whoever_is_connected() {
    let publish = |house: &House| {
        let public = house.folder.path().join("public");
        house.authority.publish(&public, NOW, NOW.plus_ms(SOON_MS)).unwrap();
    };
    a_stale_list_closes(publish, |_| {}).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_list_older_than_the_limit_closes_whoever_is_connected() {
    let publish = |house: &House| {
        let public = house.folder.path().join("public");
        let then = NOW.plus_ms(SOON_MS - HOUR_MS);
        house.authority.publish(&public, then, NOW.plus_ms(DAY_MS)).unwrap();
    };
    a_stale_list_closes(publish, |config| config.listeners[0].revocations_age_max_hours = Some(1))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roots_list_past_its_next_update_closes_whoever_is_connected() {
    let publish = |house: &House| {
        let list = house.authority.revocation_list(Seat::Root, NOW, NOW.plus_ms(SOON_MS)).unwrap();
        fs::write(house.public("root.crl.pem"), list).unwrap();
    };
    a_stale_list_closes(publish, |_| {}).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whomever_a_revoked_authority_signed_is_closed_within_seconds() {
    let house = House::start().await;
    let revoke = |_: &[Issued]| {
        house.authority.revoke_zone(Zone::Municipal, NOW).unwrap();
        house.publish();
    };
    let issue = |house: &House| house.issue(&municipality());
    all_are_cut_off(&house, issue, revoke, CLOSED_WITHIN).await;
    is_told(&house, &issue(&house), "certificate-authority-revoked").await;
    assert_eq!(closed(house, "certificate-authority-revoked").await, 4);
}

/// Lets the municipal listener trust a renewed authority, and no longer the one it trusted.
pub(crate) fn renew_authority(house: &House) {
    let folder = house.folder.path().join("renewed");
    let validity = Validity { not_before: NOW.plus_ms(-DAY_MS), ..Validity::days(NOW, 300) };
    let renewed = Authority::ensure(&folder, validity, &SystemSerials).unwrap();
    let list = |seat| renewed.revocation_list(seat, NOW, NOW.plus_ms(DAY_MS)).unwrap();
    for (name, more) in
        [("root.pem", renewed.root_pem().to_owned()), ("root.crl.pem", list(Seat::Root))]
    {
        let both = fs::read_to_string(house.public(name)).unwrap() + &more;
        fs::write(house.public(name), both).unwrap();
    }
    fs::write(house.public("municipal.pem"), renewed.zone_pem(Zone::Municipal)).unwrap();
    fs::write(house.public("municipal.crl.pem"), list(Seat::Zone(Zone::Municipal))).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn whose_authority_is_no_longer_trusted_is_closed_within_seconds() {
    let house = House::start().await;
    let issue = |house: &House| house.issue(&municipality());
    all_are_cut_off(&house, issue, |_| renew_authority(&house), CLOSED_WITHIN).await;
    // Nobody's certificate is not explained.
    let client = house.client(&issue(&house));
    client.get(&house.url(Zone::Municipal, "/echo")).await.unwrap_err();
    let found = codes(&house.end().await);
    let cut = found.iter().filter(|code| code.starts_with(&format!("{WHO} handshake municipal")));
    assert_eq!(cut.count(), 4, "{found:?}");
}
