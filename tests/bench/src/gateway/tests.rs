//! The load tool against the upstream itself, and the configurations.

use std::{sync::Arc, time::Duration};

use clap::Parser;
use tokio::{net::TcpListener, task::JoinSet};
use tokio_rustls::TlsAcceptor;

use super::{
    ANY_PORT, Cli, PartPlayed, ground,
    load::{LoadArgs, Order, Window, http1, tls},
    peer::Setting,
    upstream,
};

fn arguments(words: &[&str]) -> LoadArgs {
    let all = [&["gateway", "load"], words, &["--address", "127.0.0.1:1", "--certificates", "/"]];
    match Cli::parse_from(all.concat()).part_played {
        Some(PartPlayed::Load(arguments)) => arguments,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_load_tool_gets_its_answers_from_the_upstream() {
    let folder = tempfile::tempdir().unwrap();
    ground::certificates(folder.path()).unwrap();
    let certificates = folder.path().join("certificates");
    let acceptor = TlsAcceptor::from(Arc::new(upstream::config(&certificates).unwrap()));
    let listener = TcpListener::bind(ANY_PORT).await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut serving = JoinSet::new();
    serving.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            upstream::serve(stream, acceptor.clone()).await;
        }
    });
    // The upstream wants the internal zone's certificate.
    let tls = tls::client_as(&certificates, ground::GATEWAY_CLIENT, ground::COMPONENT).unwrap();
    let tls = Arc::new(tls);
    for (words, at_least) in [
        (&["http1"][..], 120),
        (&["http1", "--path", "/page"], upstream::PAGE_BYTES),
        (&["http1", "--path", "/page", "--body", "65536"], 2),
    ] {
        let args = LoadArgs { address, ..arguments(words) };
        let order = Order { args, tls: Arc::clone(&tls) };
        let mut connections = http1::connect(&order, 1).await.unwrap();
        let bytes = connections[0].exchange(&http1::request(&order.args)).await.unwrap();
        assert_eq!(bytes, at_least as u64, "{words:?}");
        let window = Window::opening(Duration::ZERO);
        let tally = http1::run(&order, connections, window).await.unwrap();
        assert_eq!((tally.done, tally.failed), (0, 0), "nothing counts outside the window");
    }
    serving.shutdown().await;
}

#[test]
fn every_configuration_names_the_same_address_certificates_and_upstream() {
    let setting = Setting {
        address: "127.0.0.1:4001".parse().unwrap(),
        upstream: "127.0.0.1:4002".parse().unwrap(),
        certificates: "/certificates".into(),
        folder: "/folder".into(),
        is_bare: false,
    };
    for text in [setting.kakehashi(), setting.nginx(), setting.haproxy()] {
        for named in ["127.0.0.1:4001", "127.0.0.1:4002", "/certificates/gateway."] {
            assert!(text.contains(named), "{named} in {text}");
        }
        for place in ["{address}", "{upstream}", "{certificates}", "{folder}"] {
            assert!(!text.contains(place), "{place} left in {text}");
        }
    }
    toml::from_str::<toml::Table>(&setting.kakehashi()).unwrap();
    let bare = Setting { is_bare: true, ..setting };
    assert!(!bare.nginx().contains("Client-Cert") && !bare.haproxy().contains("log-format"));
}
