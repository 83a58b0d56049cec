//! TLS 1.2 where it is configured: ECDHE with AEAD, extended master secret, and nothing else.

use kakehashi_contract::Zone;
use kakehashi_edge::LimitsConfig;
use rustls::version::TLS12;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::{
    house::{House, municipality},
    raw::PATIENCE,
    resumption::{ask, resuming},
};

/// `ECDHE_ECDSA` with AES-128-GCM, AES-256-GCM, CHACHA20-POLY1305.
const GOOD: [u16; 3] = [0xc02b, 0xc02c, 0xcca9];
/// CBC, static RSA, DHE, PSK, anonymous, RC4, 3DES, NULL, `CCM_8`: what scanners and old clients offer.
const BAD: [u16; 16] = [
    0xc009, 0xc00a, 0xc023, 0xc024, 0x009c, 0x009d, 0x002f, 0x0035, 0x009e, 0x009f, 0x00a8, 0xc018,
    0xc007, 0xc008, 0xc006, 0xc0ae,
];
const EXTENDED_MASTER_SECRET: &[u8] = &[0, 0x17, 0, 0];
const PROTOCOL_VERSION: u8 = 70;
const HANDSHAKE_FAILURE: u8 = 40;

/// What a server says to a first message.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    /// It chose a suite.
    Chose(u16),
    /// It ended the handshake.
    Alert(u8),
}

/// Writes the first message of a TLS 1.2 client.
fn hello(suites: &[u16], more: &[u8]) -> Vec<u8> {
    let length = |bytes: usize| u16::try_from(bytes).unwrap().to_be_bytes();
    let mut extensions = vec![0, 0x0a, 0, 6, 0, 4, 0, 0x1d, 0, 0x17];
    extensions.extend([0, 0x0b, 0, 2, 1, 0, 0, 0x0d, 0, 8, 0, 6, 4, 3, 8, 4, 4, 1]);
    extensions.extend([0xff, 1, 0, 1, 0]);
    extensions.extend(more);
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.push(0);
    body.extend(length(2 * suites.len()));
    body.extend(suites.iter().flat_map(|suite| suite.to_be_bytes()));
    body.extend([1, 0]);
    body.extend(length(extensions.len()));
    body.extend(extensions);
    let mut record = vec![0x16, 3, 1];
    record.extend(length(body.len() + 4));
    record.extend([1, 0]);
    record.extend(length(body.len()));
    record.extend(body);
    record
}

async fn say(house: &House, zone: Zone, hello: &[u8]) -> Said {
    let mut stream = TcpStream::connect(house.edge[&zone]).await.unwrap();
    let hearing = async {
        stream.write_all(hello).await.unwrap();
        let mut head = [0; 5];
        stream.read_exact(&mut head).await.unwrap();
        let mut record = vec![0; usize::from(u16::from_be_bytes([head[3], head[4]]))];
        stream.read_exact(&mut record).await.unwrap();
        if head[0] == 0x15 {
            return Said::Alert(record[1]);
        }
        assert_eq!((head[0], record[0]), (0x16, 2), "a ServerHello");
        // Type, length, version, random, then the session's id with its length.
        let at = 39 + usize::from(record[38]);
        Said::Chose(u16::from_be_bytes([record[at], record[at + 1]]))
    };
    timeout(PATIENCE, hearing).await.expect("an answer")
}

async fn house() -> House {
    let mut house = House::build().await;
    let mut config = house.config(LimitsConfig::default());
    config.listeners[0].tls12 = true;
    assert_eq!(config.listeners[0].zone, Zone::Municipal);
    house.open_as(config, House::parts()).await;
    house
}

#[tokio::test]
async fn tls12_is_spoken_with_ecdhe_and_aead_only() {
    let house = house().await;
    for suite in GOOD {
        let said = say(&house, Zone::Municipal, &hello(&[suite], EXTENDED_MASTER_SECRET)).await;
        assert_eq!(said, Said::Chose(suite), "{suite:04x}");
    }
    for suite in BAD {
        let said = say(&house, Zone::Municipal, &hello(&[suite], EXTENDED_MASTER_SECRET)).await;
        assert_eq!(said, Said::Alert(HANDSHAKE_FAILURE), "{suite:04x}");
    }
    // Among many, the first of ours is found.
    let all: Vec<u16> = BAD.into_iter().chain(GOOD).collect();
    let said = say(&house, Zone::Municipal, &hello(&all, EXTENDED_MASTER_SECRET)).await;
    assert_eq!(said, Said::Chose(GOOD[0]));
    // Without an extended master secret two sessions could be made to share their keys.
    let said = say(&house, Zone::Municipal, &hello(&GOOD, &[])).await;
    assert!(matches!(said, Said::Alert(_)), "{said:?}");
    house.end().await;
}

#[tokio::test]
async fn tls12_is_refused_where_it_is_not_configured() {
    let house = house().await;
    let said = say(&house, Zone::Entry, &hello(&GOOD, EXTENDED_MASTER_SECRET)).await;
    assert_eq!(said, Said::Alert(PROTOCOL_VERSION));
    let connector = resuming(&house, &house.issue(&municipality()), &TLS12);
    let (kind, text) = ask(&house, Zone::Entry, &connector).await;
    assert_eq!(kind, None, "{text}");
    let (kind, text) = ask(&house, Zone::Municipal, &connector).await;
    assert!(kind.is_some() && text.starts_with("HTTP/1.1 200"), "{text}");
    let entries = house.end().await;
    let served = entries.iter().filter(|entry| entry.fact.detail.contains(" tls=1.2 "));
    assert_eq!(served.count(), 1);
    let refused = entries.iter().filter(|entry| entry.fact.outcome == "handshake-incompatible");
    assert_eq!(refused.count(), 2, "{:?}", crate::house::codes(&entries));
}
