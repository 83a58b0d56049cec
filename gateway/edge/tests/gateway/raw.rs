//! A TLS client that sends what it is told, byte by byte, and hears what comes back.

use std::{sync::Arc, time::Duration};

use kakehashi_platform::{
    mtls::{ClientTls, client_config},
    pki::Issued,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::house::{FixedClock, House};

/// Long beyond what any answer takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub(crate) struct Raw(TlsStream<TcpStream>);

impl Raw {
    /// Connects to the municipal listener.
    pub(crate) async fn connect(house: &House, issued: &Issued, alpn: &[u8]) -> Self {
        let folder = house.folder.path().join("raw");
        let client = Some(issued.store(&folder, "client").unwrap());
        let files = ClientTls { client, root: house.public("root.pem") };
        let mut config = client_config(&files, Arc::new(FixedClock)).unwrap();
        config.alpn_protocols = vec![alpn.to_vec()];
        let port = house.edge[&kakehashi_contract::Zone::Municipal].port();
        let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let name = "localhost".try_into().unwrap();
        Self(TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap())
    }

    /// Sends; a connection that is closed meanwhile is fine.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> bool {
        self.0.write_all(bytes).await.is_ok() && self.0.flush().await.is_ok()
    }

    /// Hears until the gateway closes.
    pub(crate) async fn hear_all(&mut self) -> Vec<u8> {
        let mut heard = Vec::new();
        let hearing = self.0.read_to_end(&mut heard);
        match timeout(PATIENCE, hearing).await.expect("the gateway closes") {
            Ok(_) | Err(_) => heard,
        }
    }

    /// Hears until `wanted` has come.
    pub(crate) async fn hear(&mut self, wanted: &[u8]) -> Vec<u8> {
        let mut heard = Vec::new();
        let hearing = async {
            while !heard.windows(wanted.len()).any(|window| window == wanted) {
                let mut piece = [0; 4096];
                let count = self.0.read(&mut piece).await.unwrap();
                assert_ne!(count, 0, "closed after {:?}", String::from_utf8_lossy(&heard));
                heard.extend_from_slice(&piece[..count]);
            }
        };
        timeout(PATIENCE, hearing).await.expect("an answer");
        heard
    }
}

/// Writes an HTTP/2 frame.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend_from_slice(payload);
    frame
}

/// Writes the header block of `GET <path>` to localhost, without compression.
pub(crate) fn get_block(path: &str) -> Vec<u8> {
    let mut block = vec![0x82, 0x87];
    for (index, value) in [(4, path), (1, "localhost")] {
        block.extend([index, u8::try_from(value.len()).unwrap()]);
        block.extend_from_slice(value.as_bytes());
    }
    block
}
