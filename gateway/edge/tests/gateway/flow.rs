//! Bodies on their way through, counted at both ends: what the gateway takes in without having given it on
//! is bounded, whatever the body's length and however slow its receiver.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use axum::{Router, body::Body, extract::Path, routing::get};
use bytes::Bytes;
use futures_util::stream;
use http::Request;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use kakehashi_contract::Zone;
use kakehashi_edge::LimitsConfig;
use kakehashi_platform::mtls::{Protocol, empty_body};
use tokio::time::{Instant, sleep};

use crate::house::{House, municipality};

const PIECE: Bytes = Bytes::from_static(&[0x5a; 64 * 1024]);
const MIB: u64 = 1024 * 1024;
/// One body.
const TOTAL: u64 = 128 * MIB;
/// After so many bytes the receiver stops until the sender has come to rest.
const STOP_EVERY: u64 = 32 * MIB;
/// What may be on its way: in the gateway (some hundred KiB), within the client's HTTP/2 window (4 MiB), and
/// in the system's buffers of four sockets, which it makes as large as it likes. 6 to 14 MiB were found.
const UNDER_WAY_MAX: u64 = 24 * MIB;

/// One body, counted at both ends.
#[derive(Default)]
pub(crate) struct Flow {
    sent: AtomicU64,
    received: AtomicU64,
    /// The most that was ever sent and not yet received.
    most: AtomicU64,
}

impl Flow {
    fn sends(&self, bytes: u64) {
        let sent = self.sent.fetch_add(bytes, SeqCst) + bytes;
        self.most.fetch_max(sent.saturating_sub(self.received.load(SeqCst)), SeqCst);
    }

    /// Notes what came; at times it lets the sender run as far ahead as it can.
    async fn receives(&self, bytes: u64) {
        let before = self.received.fetch_add(bytes, SeqCst);
        if before / STOP_EVERY != (before + bytes) / STOP_EVERY && before + bytes < TOTAL {
            self.rests().await;
        }
    }

    /// Waits until the sender sends no more.
    async fn rests(&self) {
        let mut since = Instant::now();
        let mut seen = self.sent.load(SeqCst);
        while since.elapsed() < Duration::from_millis(150) {
            sleep(Duration::from_millis(10)).await;
            let sent = self.sent.load(SeqCst);
            if sent != seen {
                (seen, since) = (sent, Instant::now());
            }
        }
    }

    #[track_caller]
    fn was_bounded(&self) {
        assert_eq!(self.received.load(SeqCst), TOTAL);
        let most = self.most.load(SeqCst);
        assert!(most <= UNDER_WAY_MAX, "{most} bytes were under way");
    }
}

/// What a component answers about flows.
pub(crate) fn routes(flow: Arc<Flow>) -> Router {
    let taken = Arc::clone(&flow);
    let give = async move |Path(name): Path<String>| {
        let left = if name == "endless" { u64::MAX } else { TOTAL };
        Body::from_stream(stream::unfold((flow, left), |(flow, left)| async move {
            let left = left.checked_sub(PIECE.len() as u64)?;
            flow.sends(PIECE.len() as u64);
            Some((Ok::<_, Infallible>(PIECE), (flow, left)))
        }))
    };
    let take = async move |body: Body| {
        let mut body = body;
        while let Some(Ok(frame)) = body.frame().await {
            taken.receives(frame.data_ref().map_or(0, |data| data.len() as u64)).await;
        }
    };
    Router::new().route("/flow/{name}", get(give).post(take))
}

async fn download(protocol: Protocol) {
    let house = House::start().await;
    let client = house.client_of(Some(&house.issue(&municipality())), protocol);
    let request = Request::get(house.url(Zone::Municipal, "/flow/whole")).body(empty_body());
    let mut body = client.request(request.unwrap()).await.unwrap().into_body();
    house.flow.rests().await;
    while let Some(frame) = body.frame().await {
        let bytes = frame.unwrap().data_ref().map_or(0, |data| data.len() as u64);
        house.flow.receives(bytes).await;
    }
    house.flow.was_bounded();
    house.end().await;
}

async fn upload(protocol: Protocol) {
    let limits = LimitsConfig { body_bytes_max: 2 * TOTAL, ..LimitsConfig::default() };
    let house = House::start_with(limits).await;
    let client = house.client_of(Some(&house.issue(&municipality())), protocol);
    let flow = Arc::clone(&house.flow);
    let pieces = stream::unfold(TOTAL, move |left| {
        let left = left.checked_sub(PIECE.len() as u64);
        if left.is_some() {
            flow.sends(PIECE.len() as u64);
        }
        std::future::ready(left.map(|left| (Ok(Frame::data(PIECE)), left)))
    });
    let request = Request::post(house.url(Zone::Municipal, "/flow/whole"));
    let request = request.body(StreamBody::new(pieces).boxed_unsync()).unwrap();
    assert_eq!(client.request(request).await.unwrap().status(), 200);
    house.flow.was_bounded();
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_answer_waits_for_its_reader_in_http1() {
    download(Protocol::Http1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_answer_waits_for_its_reader_in_http2() {
    download(Protocol::Http2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_upload_waits_for_its_component_in_http1() {
    upload(Protocol::Http1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_upload_waits_for_its_component_in_http2() {
    upload(Protocol::Http2).await;
}
