//! Components at several places: who is asked, who is left alone, and what is sent again.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use kakehashi_contract::Zone;
use kakehashi_edge::{LimitsConfig, Places, UpstreamLimits};
use kakehashi_platform::mtls::{Answer, Client, ServerTls, TlsVersions, Trust, TrustRules};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
    task::JoinSet,
    time::{Instant, sleep},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use crate::{
    house::{FixedClock, House, codes, municipality},
    operation::look,
    raw::PATIENCE,
};

/// How a place behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Behaviour {
    /// Answers every request.
    Well,
    /// Answers the first request of each connection, and closes it when it has heard the second.
    OnceEach,
    /// Never answers.
    Never,
}

/// A place of a component. Dropped, it is gone with its connections.
struct Place {
    address: SocketAddr,
    /// Requests it has heard whole.
    asked: Arc<AtomicUsize>,
    /// Requests it has heard and closed the connection upon.
    broken: Arc<AtomicUsize>,
    _running: JoinSet<()>,
}

impl Place {
    async fn open(house: &House, behaviour: Behaviour) -> Self {
        Self::open_at(house, behaviour, ([127, 0, 0, 1], 0).into()).await
    }

    async fn open_at(house: &House, behaviour: Behaviour, address: SocketAddr) -> Self {
        let files = ServerTls {
            server: house.server("component"),
            client_authority: house.public("internal.pem"),
            revocations: house.public("internal.crl.pem"),
            ocsp: None,
            root: None,
            versions: TlsVersions::Tls13,
            rules: TrustRules::default(),
        };
        let trust = Trust::load(files, Arc::new(FixedClock)).unwrap();
        let acceptor = TlsAcceptor::from(trust.config());
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (asked, broken) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let (heard, closed) = (Arc::clone(&asked), Arc::clone(&broken));
        let mut running = JoinSet::new();
        running.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (acceptor, heard) = (acceptor.clone(), Arc::clone(&heard));
                let closed = Arc::clone(&closed);
                connections.spawn(async move {
                    // A gateway that goes away is none of a place's concern.
                    if let Ok(stream) = acceptor.accept(stream).await {
                        converse(stream, behaviour, &heard, &closed).await.unwrap_or_default();
                    }
                });
            }
        });
        Self { address, asked, broken, _running: running }
    }

    fn url(&self) -> String {
        format!("https://localhost:{}", self.address.port())
    }

    fn asked(&self) -> usize {
        self.asked.load(Relaxed)
    }

    fn broken(&self) -> usize {
        self.broken.load(Relaxed)
    }
}

async fn converse(
    mut stream: TlsStream<TcpStream>,
    behaviour: Behaviour,
    asked: &AtomicUsize,
    broken: &AtomicUsize,
) -> std::io::Result<()> {
    for turn in 0.. {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await?);
        }
        let head = String::from_utf8(head).unwrap();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length = length.map_or(0, |length| length.parse().unwrap());
        stream.read_exact(&mut vec![0; length]).await?;
        asked.fetch_add(1, Relaxed);
        match behaviour {
            Behaviour::Never => std::future::pending().await,
            Behaviour::OnceEach if turn > 0 => {
                broken.fetch_add(1, Relaxed);
                return Ok(());
            }
            Behaviour::Well | Behaviour::OnceEach => {}
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await?;
        stream.flush().await?;
    }
    Ok(())
}

/// An address that is taken, and where nobody listens.
fn dead() -> (TcpSocket, String) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let url = format!("https://localhost:{}", socket.local_addr().unwrap().port());
    (socket, url)
}

/// A gateway whose component runs at these places, and a client.
async fn before(urls: Vec<String>, limits: UpstreamLimits, mut house: House) -> (House, Client) {
    let mut config = house.config(LimitsConfig::default());
    config.upstreams.insert("component".to_owned(), Places::Several(urls));
    config.upstream_limits = limits;
    house.open_as(config, House::parts()).await;
    let client = house.client(&house.issue(&municipality()));
    (house, client)
}

async fn get(house: &House, client: &Client) -> Answer {
    client.get(&house.url(Zone::Municipal, "/echo")).await.unwrap()
}

async fn post(house: &House, client: &Client) -> Answer {
    let url = house.url(Zone::Municipal, "/count/name");
    client.post(&url, "text/plain", "a record").await.unwrap()
}

async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so().await {
        assert!(Instant::now() < end, "{what}");
        sleep(Duration::from_millis(5)).await;
    }
}

#[track_caller]
fn assert_refused(answer: &Answer, status: u16, code: &str) {
    let text = String::from_utf8_lossy(&answer.body);
    assert_eq!(answer.status, status, "{text}");
    assert!(text.contains(code) && text.contains("再試行"), "{text}");
}

#[tokio::test]
async fn several_places_are_asked_in_turn() {
    let house = House::build().await;
    let one = Place::open(&house, Behaviour::Well).await;
    let two = Place::open(&house, Behaviour::Well).await;
    let limits = UpstreamLimits::default();
    let (house, client) = before(vec![one.url(), two.url()], limits, house).await;
    for _ in 0..20 {
        assert_eq!(get(&house, &client).await.status, 200);
    }
    assert_eq!(one.asked() + two.asked(), 20);
    assert!(one.asked() >= 5 && two.asked() >= 5, "{} {}", one.asked(), two.asked());
    let (_, text) = look(house.operation.unwrap(), "GET /metrics").await;
    for place in [&one, &two] {
        let labels = format!(r#"upstream="component",place="localhost:{}""#, place.address.port());
        let answers = format!("kakehashi_upstream_place_answers{{{labels}}} 1");
        let waiting = format!(r#"kakehashi_upstream_connections{{{labels},state="waiting"}} 0"#);
        assert!(text.contains(&answers) && text.contains(&waiting), "{answers}\n{text}");
    }
    house.end().await;
}

#[tokio::test]
async fn a_place_that_dies_is_left_alone_and_asked_again_when_it_is_back() {
    let house = House::build().await;
    let one = Place::open(&house, Behaviour::Well).await;
    let two = Place::open(&house, Behaviour::Well).await;
    let limits = UpstreamLimits {
        health_interval_ms: 200,
        backoff_max_ms: 400,
        ..UpstreamLimits::default()
    };
    let (house, client) = before(vec![one.url(), two.url()], limits, house).await;
    let address = two.address;
    drop(two);
    for _ in 0..20 {
        assert_eq!(get(&house, &client).await.status, 200);
    }
    assert!(one.asked() >= 20);
    let two = Place::open_at(&house, Behaviour::Well, address).await;
    until("asked again", async || {
        assert_eq!(get(&house, &client).await.status, 200);
        two.asked() > 0
    })
    .await;
    house.end().await;
}

#[tokio::test]
async fn a_safe_request_is_tried_again_elsewhere_when_a_kept_connection_breaks() {
    let house = House::build().await;
    let one = Place::open(&house, Behaviour::OnceEach).await;
    let two = Place::open(&house, Behaviour::Well).await;
    let limits = UpstreamLimits::default();
    let (house, client) = before(vec![one.url(), two.url()], limits, house).await;
    for _ in 0..12 {
        assert_eq!(get(&house, &client).await.status, 200);
    }
    let broken = one.broken();
    assert!(broken >= 1);
    // What broke was asked twice, once at each place.
    assert_eq!(one.asked() + two.asked(), 12 + broken);
    let (_, text) = look(house.operation.unwrap(), "GET /metrics").await;
    let retries = format!("kakehashi_upstream_retries{{upstream=\"component\"}} {broken}");
    assert!(text.contains(&retries), "{retries}\n{text}");
    house.end().await;
}

#[tokio::test]
async fn a_request_with_a_body_that_went_out_is_never_sent_twice() {
    let house = House::build().await;
    let one = Place::open(&house, Behaviour::OnceEach).await;
    let (house, client) = before(vec![one.url()], UpstreamLimits::default(), house).await;
    let mut refused = 0;
    for _ in 0..12 {
        let answer = post(&house, &client).await;
        if answer.status != 200 {
            assert_refused(&answer, 502, "component-broken");
            refused += 1;
        }
    }
    assert!(refused >= 1);
    assert_eq!((one.asked(), one.broken()), (12, refused));
    house.end().await;
}

#[tokio::test]
async fn when_every_place_is_dead_the_refusal_says_so() {
    let house = House::build().await;
    let ((_one, first), (_two, second)) = (dead(), dead());
    let (house, client) = before(vec![first, second], UpstreamLimits::default(), house).await;
    for _ in 0..3 {
        assert_refused(&get(&house, &client).await, 503, "component-down");
        assert_refused(&post(&house, &client).await, 503, "component-down");
    }
    let codes = codes(&house.end().await);
    assert!(codes.iter().all(|code| code.ends_with("component-down")), "{codes:?}");
}

/// One connection, one place to wait.
fn narrow(queue_timeout_ms: u64) -> UpstreamLimits {
    UpstreamLimits {
        connections_max: 1,
        queue_max: 1,
        queue_timeout_ms,
        ..UpstreamLimits::default()
    }
}

/// Tells whether the metrics count one connection of a place in this state.
async fn is_told(house: &House, place: &Place, state: &str) -> bool {
    let place = format!(r#"place="localhost:{}""#, place.address.port());
    let line = format!(
        r#"kakehashi_upstream_connections{{upstream="component",{place},state="{state}"}} 1"#
    );
    look(house.operation.unwrap(), "GET /metrics").await.1.contains(&line)
}

/// Asks what is never answered, until the place has heard it.
async fn occupy(house: &House, client: &Client, place: &Place) -> JoinSet<()> {
    let mut asking = JoinSet::new();
    let (client, url) = (client.clone(), house.url(Zone::Municipal, "/count/name"));
    // The gateway's first look at the place may have the only connection: then again.
    asking.spawn(async move { while client.post(&url, "text/plain", "").await.is_ok() {} });
    until("asked", async || place.asked() == 1).await;
    asking
}

#[tokio::test]
async fn whoever_waits_too_long_for_a_connection_is_told_so() {
    let house = House::build().await;
    let one = Place::open(&house, Behaviour::Never).await;
    let (house, client) = before(vec![one.url()], narrow(100), house).await;
    let _asking = occupy(&house, &client, &one).await;
    assert_refused(&post(&house, &client).await, 503, "component-busy");
    assert_eq!(one.asked(), 1);
    house.end().await;
}

#[tokio::test]
async fn one_too_many_in_the_queue_is_told_so_at_once() {
    let house = House::build().await;
    let one = Place::open(&house, Behaviour::Never).await;
    // Waiting would take longer than the client has patience.
    let (house, client) = before(vec![one.url()], narrow(600_000), house).await;
    let _asking = occupy(&house, &client, &one).await;
    let mut waiting = JoinSet::new();
    let (second, url) = (client.clone(), house.url(Zone::Municipal, "/echo"));
    waiting.spawn(async move { drop(second.get(&url).await) });
    until("one waits", async || is_told(&house, &one, "waiting").await).await;
    assert_refused(&get(&house, &client).await, 503, "component-busy");
    drop(waiting);
    house.end().await;
}
