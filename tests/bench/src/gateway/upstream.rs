//! The component behind every gateway: HTTP/1.1 over mutual TLS, as components of ours accept it.
//!
//! `GET /small` and `/page` answer 120 bytes and 64 KiB, `GET /download` 256 MiB, and `POST /upload` and
//! `/page` read the body and answer two bytes. It checks nothing and is the same for all.

use std::{
    convert::Infallible,
    io::Write,
    path::Path,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use anyhow::Context as _;
use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Either, Full};
use hyper::{
    body::{Body, Frame, Incoming, SizeHint},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use rustls::{RootCertStore, ServerConfig, server::WebPkiClientVerifier};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;

use super::{ANY_PORT, ground, load::tls};

/// Bytes of a small answer.
const SMALL_BYTES: usize = 120;
/// Bytes of a page.
pub(crate) const PAGE_BYTES: usize = 64 * 1024;
/// Bytes of a download.
pub(crate) const DOWNLOAD_BYTES: u64 = 256 * 1024 * 1024;
/// Bytes of a piece of a download.
const PIECE_BYTES: usize = 64 * 1024;

static BYTES: [u8; PAGE_BYTES] = [b'k'; PAGE_BYTES];

/// Serves until it is killed; writes its address as its first line.
pub(crate) fn run(certificates: &Path) -> anyhow::Result<()> {
    let config = Arc::new(config(certificates)?);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(ANY_PORT).await?;
        let mut output = std::io::stdout();
        writeln!(output, "{}", listener.local_addr()?)?;
        output.flush()?;
        let mut connections = JoinSet::new();
        loop {
            let (stream, _) = listener.accept().await?;
            connections.spawn(serve(stream, TlsAcceptor::from(Arc::clone(&config))));
            while connections.try_join_next().is_some() {}
        }
    })
}

/// One connection; whatever breaks it is seen by the load tool as a failed request.
pub(crate) async fn serve(stream: TcpStream, acceptor: TlsAcceptor) {
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let Ok(stream) = acceptor.accept(stream).await else { return };
    let service = service_fn(|request| async { Ok::<_, Infallible>(answer(request).await) });
    http1::Builder::new()
        .max_buf_size(256 * 1024)
        .serve_connection(TokioIo::new(stream), service)
        .await
        .unwrap_or_default();
}

pub(crate) fn config(certificates: &Path) -> anyhow::Result<ServerConfig> {
    let mut anchors = RootCertStore::empty();
    for anchor in tls::certificates(&certificates.join("internal.pem"))? {
        anchors.add(anchor)?;
    }
    let verifier = WebPkiClientVerifier::builder_with_provider(anchors.into(), tls::provider())
        .build()
        .context("the internal authority")?;
    let mut config = ServerConfig::builder_with_provider(tls::provider())
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_client_cert_verifier(verifier)
        .with_single_cert(
            tls::certificates(&certificates.join(format!("{}.pem", ground::COMPONENT)))?,
            tls::key(&certificates.join(format!("{}.key.pem", ground::COMPONENT)))?,
        )?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

async fn answer(request: Request<Incoming>) -> Response<Either<Full<Bytes>, Pieces>> {
    let full = |bytes| Response::new(Either::Left(Full::new(bytes)));
    let is_post = request.method() == Method::POST;
    match request.uri().path() {
        "/page" | "/upload" if is_post => {
            let mut body = request.into_body();
            while let Some(frame) = body.frame().await {
                if frame.is_err() {
                    break;
                }
            }
            full(Bytes::from_static(b"ok"))
        }
        "/small" => full(Bytes::from_static(&BYTES[..SMALL_BYTES])),
        "/page" => full(Bytes::from_static(&BYTES)),
        "/download" => Response::new(Either::Right(Pieces { left: DOWNLOAD_BYTES })),
        // Seen by the load tool, which counts an empty answer as failed.
        _ => full(Bytes::new()),
    }
}

/// A large body without memory.
struct Pieces {
    left: u64,
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        self.left -= PIECE_BYTES as u64;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&BYTES[..PIECE_BYTES])))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
