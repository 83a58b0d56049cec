//! A thousand clients that connect and then do nothing, or next to nothing: a good client is served all
//! the while. How fast is the bench's question; here it is whether.

use std::{net::Ipv4Addr, path::PathBuf, sync::Arc, time::Duration};

use futures_util::{StreamExt, stream};
use http::StatusCode;
use kakehashi_contract::Zone;
use kakehashi_e2e::{House, Listening, papers};
use kakehashi_platform::{
    mtls::{Client, ClientLimits, ClientTls, client_config},
    pki::CertificateFiles,
    runtime::SystemClock,
};
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::timeout,
};
use tokio_rustls::TlsConnector;

/// A page of the municipality that answers with its own totals.
const TOTALS: &str = "/api/scans/summary";
const IDLERS: u32 = 1_000;
/// Organisations the idlers with a certificate belong to.
const ORGANISATIONS: u32 = 10;
/// Idlers that come from one address.
const PER_ADDRESS: u32 = 20;
/// Handshakes at one time, on a busy machine.
const AT_ONCE: usize = 16;
const ARRIVAL: Duration = Duration::from_secs(30);
const VISITS: u32 = 15;

/// Somebody who holds a connection open.
trait Idler: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Idler for T {}

#[derive(Clone)]
struct Street {
    port: u16,
    root: PathBuf,
    papers: Arc<Vec<CertificateFiles>>,
}

impl Street {
    async fn connect(&self, number: u32) -> std::io::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        let host = u8::try_from(number / PER_ADDRESS).unwrap_or(u8::MAX);
        socket.bind((Ipv4Addr::new(127, 0, 7, host), 0).into())?;
        socket.connect((Ipv4Addr::LOCALHOST, self.port).into()).await
    }

    /// Arrives and stays. What the gateway closes is no matter: it may.
    async fn idle(self, number: u32) -> std::io::Result<Box<dyn Idler>> {
        let mut stream = self.connect(number).await?;
        match number % 3 {
            // Says nothing.
            0 => Ok(Box::new(stream)),
            // Begins a handshake: a record's header that promises 512 bytes, and four of them.
            1 => {
                stream.write_all(&[22, 3, 1, 2, 0, 1, 0, 1, 252]).await?;
                Ok(Box::new(stream))
            }
            // Finishes the handshake, and begins a request.
            _ => {
                let paper = self.papers[number as usize % self.papers.len()].clone();
                let files = ClientTls { client: Some(paper), root: self.root };
                let config = client_config(&files, Arc::new(SystemClock));
                let config = Arc::new(config.map_err(std::io::Error::other)?);
                let name = ServerName::try_from("localhost").map_err(std::io::Error::other)?;
                let mut stream = TlsConnector::from(config).connect(name, stream).await?;
                stream.write_all(b"GET /api/scans/summary HTTP/1.1\r\nHost: local").await?;
                stream.flush().await?;
                Ok(Box::new(stream))
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_idlers_do_not_stop_a_good_client() {
    let house = House::new();
    house.furnish();
    let papers: Vec<CertificateFiles> = (0..ORGANISATIONS)
        .map(|number| papers::of_organisation(&house, &format!("idle-{number}"), "slow"))
        .collect();
    let good = papers::of_organisation(&house, "999997", "good");
    let Listening { server: _server, ports } = Listening::of(&house);
    let port = ports[&Zone::Municipal];
    let root = house.path("certificates/root.pem");
    let visit = async || {
        let files = ClientTls { client: Some(good.clone()), root: root.clone() };
        let client = Client::new(&files, Arc::new(SystemClock), ClientLimits::default());
        let url = format!("https://localhost:{port}{TOTALS}");
        client.expect("a client").get(&url).await.expect("an answer").status
    };
    assert_eq!(visit().await, StatusCode::OK);

    let street = Street { port, root: root.clone(), papers: Arc::new(papers) };
    let arriving = stream::iter(0..IDLERS).map(|number| {
        let street = street.clone();
        async move { timeout(ARRIVAL, street.idle(number)).await }
    });
    let arrived: Vec<_> = arriving.buffer_unordered(AT_ONCE).collect().await;
    let idlers: Vec<Box<dyn Idler>> = arrived.into_iter().flatten().flatten().collect();
    // Most are there; how many of each kind the gateway tolerates is its guard's business.
    assert!(idlers.len() > IDLERS as usize / 2, "only {} arrived", idlers.len());

    for _ in 0..VISITS {
        assert_eq!(visit().await, StatusCode::OK);
    }
    drop(idlers);
    assert_eq!(visit().await, StatusCode::OK);
}
