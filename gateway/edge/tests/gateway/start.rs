//! Configurations that do not start.

use kakehashi_contract::Zone;
use kakehashi_edge::{Edge, EdgeConfig, LimitsConfig};

use crate::house::{House, POLICY};

async fn check(change: impl FnOnce(&House, &mut EdgeConfig), expected: &str) {
    let house = House::build().await;
    let mut config = house.config(LimitsConfig::default());
    change(&house, &mut config);
    let Err(error) = Edge::bind(config, House::parts()).await else { panic!("started") };
    let mut said = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(error) = source {
        said = format!("{said}: {error}");
        source = error.source();
    }
    assert!(said.contains(expected), "{said}");
}

#[tokio::test]
async fn a_zone_has_one_listener() {
    check(|_, config| config.listeners[1].zone = Zone::Municipal, "at most one listener").await;
    check(|_, config| config.listeners.clear(), "at least one").await;
}

#[tokio::test]
async fn upstreams_are_bare_https_addresses() {
    for url in ["http://localhost:1", "https://localhost", "https://localhost:1/x", "nonsense"] {
        let change = |_: &House, config: &mut EdgeConfig| {
            config.upstreams.insert("component".to_owned(), url.to_owned().into());
        };
        check(change, "upstream component is not https://host:port").await;
    }
}

#[tokio::test]
async fn a_policy_for_an_unknown_upstream_is_named() {
    let change = |_: &House, config: &mut EdgeConfig| drop(config.upstreams.remove("away"));
    check(change, "policy entry 4 (/away): unknown upstream").await;
}

#[tokio::test]
async fn a_duplicate_route_is_named() {
    let change = |house: &House, _: &mut EdgeConfig| {
        let text = POLICY.replace("/small", "/echo");
        std::fs::write(house.folder.path().join("policy.toml"), text).unwrap();
    };
    check(change, "policy entry 3 (/echo): duplicate").await;
}

#[tokio::test]
async fn a_listener_without_revocation_list_does_not_start() {
    let change = |house: &House, _: &mut EdgeConfig| {
        std::fs::write(house.public("municipal.crl.pem"), "").unwrap();
    };
    check(change, "municipal.crl.pem holds no usable revocation list").await;
}

#[tokio::test]
async fn a_broken_ledger_does_not_start() {
    let change = |house: &House, _: &mut EdgeConfig| {
        std::fs::create_dir_all(house.ledger().parent().unwrap()).unwrap();
        std::fs::write(house.ledger(), "{}\n{}\n").unwrap();
    };
    check(change, "head of the audit ledger").await;
}

#[tokio::test]
async fn operators_look_in_on_the_loopback_alone() {
    for address in ["0.0.0.0:0", "192.0.2.1:9440", "[::]:0"] {
        let change = |_: &House, config: &mut EdgeConfig| {
            config.operation.address = Some(address.parse().unwrap());
        };
        check(change, "is not on the loopback").await;
    }
}

#[test]
fn an_unknown_key_in_the_configuration_is_refused() {
    let text = r#"
        policy = "policy.toml"
        audit = "gateway.jsonl"
        [[listeners]]
        zone = "municipal"
        address = "127.0.0.1:0"
        certificate = "edge.pem"
        key = "edge.key.pem"
        client_authority = "municipal.pem"
        revocations = "municipal.crl.pem"
        [upstreams]
        ingest = "https://localhost:9001"
        [upstream_client]
        certificate = "gateway.pem"
        key = "gateway.key.pem"
        root = "root.pem"
        [limits]
        connections_max = 10
    "#;
    let config: EdgeConfig = toml::from_str(text).unwrap();
    assert_eq!(config.limits, LimitsConfig { connections_max: 10, ..LimitsConfig::default() });
    let text = text.replace("connections_max", "connection_max");
    assert!(
        toml::from_str::<EdgeConfig>(&text).unwrap_err().to_string().contains("connection_max")
    );
}
