//! A listener that a browser without a client certificate can talk to.
//!
//! It ends the browser's TLS and opens its own to the gateway with a given client certificate, then
//! copies bytes both ways. It reads nothing of what it carries.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context;
use kakehashi_platform::{
    mtls::{ClientTls, client_config, crypto_provider},
    pki::{CertificateFiles, Issued},
    runtime::SystemClock,
};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, TlsConnector};

const HANDSHAKE: Duration = Duration::from_secs(20);

/// A running bridge. It ends when dropped.
pub(crate) struct Bridge {
    /// Where the browser connects.
    pub(crate) address: SocketAddr,
    _tasks: JoinSet<()>,
}

/// Both sides of a bridge.
#[derive(Clone)]
struct Sides {
    acceptor: TlsAcceptor,
    connector: TlsConnector,
    gateway: SocketAddr,
}

impl Bridge {
    /// Opens a bridge to `gateway`: `server` is shown to the browser, `client` to the gateway.
    pub(crate) async fn open(
        gateway: SocketAddr,
        server: &Issued,
        client: &ClientTls,
    ) -> anyhow::Result<Self> {
        let mut to_gateway = client_config(client, Arc::new(SystemClock))?;
        to_gateway.alpn_protocols = vec![b"http/1.1".to_vec()];
        let sides = Sides {
            acceptor: TlsAcceptor::from(Arc::new(to_browser(server)?)),
            connector: TlsConnector::from(Arc::new(to_gateway)),
            gateway,
        };
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, sides));
        Ok(Self { address, _tasks: tasks })
    }
}

/// Where the files of a client of the demo lie.
pub(crate) fn client_tls(data: &std::path::Path, client: &str) -> ClientTls {
    ClientTls {
        client: Some(CertificateFiles::of(&data.join("clients"), client)),
        root: data.join("certificates/root.pem"),
    }
}

fn to_browser(server: &Issued) -> anyhow::Result<ServerConfig> {
    let chain: Vec<CertificateDer<'static>> =
        CertificateDer::pem_slice_iter(server.chain_pem.as_bytes()).collect::<Result<_, _>>()?;
    let key = PrivateKeyDer::from_pem_slice(server.key_pem.as_bytes())?;
    let mut config = ServerConfig::builder_with_provider(crypto_provider())
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

async fn accept(listener: TcpListener, sides: Sides) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let sides = sides.clone();
        connections.spawn(async move {
            // A browser drops connections as it likes: what it misses, the page under test shows.
            carry(stream, &sides).await.ok();
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn carry(stream: TcpStream, sides: &Sides) -> anyhow::Result<()> {
    let mut browser = timeout(HANDSHAKE, sides.acceptor.accept(stream)).await??;
    let stream = TcpStream::connect(sides.gateway).await.context("gateway is not there")?;
    // The browser speaks to an address; so do we, and no name goes before it.
    let name = ServerName::try_from("127.0.0.1")?;
    let mut gateway = timeout(HANDSHAKE, sides.connector.connect(name, stream)).await??;
    copy_bidirectional(&mut browser, &mut gateway).await?;
    Ok(())
}
