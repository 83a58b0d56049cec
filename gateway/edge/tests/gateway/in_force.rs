//! What is in force changes while the gateway runs: the policy, and who is suspended.

use std::{fs, time::Duration};

use http::Request;
use kakehashi_contract::{Role, Zone};
use kakehashi_platform::{mtls::Client, pki::Holder};

use crate::house::{House, POLICY, codes, municipality};

/// How long a change of a file may take to be in force here; it takes a second on a machine at rest.
const DEADLINE: Duration = Duration::from_secs(30);

/// Asks until the answer is this one.
async fn awaits(client: &Client, url: &str, expected: u16) {
    let asking = async {
        while client.get(url).await.map_or(0, |answer| answer.status.as_u16()) != expected {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(DEADLINE, asking).await.unwrap_or_else(|_| panic!("never {expected}"));
}

fn suspend(house: &House, organisation: &str) {
    let text = format!(
        "[[suspended]]\nzone = \"municipal\"\norganisation = \"{organisation}\"\n\
         since = \"2026-11-23T09:05:07+09:00\"\nreason = \"incident\"\n"
    );
    let path = house.ledger().with_file_name("suspended.toml");
    let written = path.with_extension("new");
    fs::write(&written, text).unwrap();
    fs::rename(written, path).unwrap();
}

#[tokio::test]
async fn a_suspended_organisation_is_out_at_once_and_nobody_else() {
    let house = House::start().await;
    let client = house.client(&house.issue(&municipality()));
    let other = Holder::new(Zone::Municipal, Role::MunicipalStaff, "131130", "scan-01");
    let other = house.client(&house.issue(&other));
    let url = house.url(Zone::Municipal, "/echo");
    assert_eq!(client.get(&url).await.unwrap().status, 200);
    let never = house.url(Zone::Municipal, "/count/never");
    let (open, ()) = tokio::join!(client.post(&never, "text/plain", "body"), async {
        house.asked.notified().await;
        suspend(&house, "141003");
    });
    assert!(open.is_err(), "the open connection ends: {open:?}");
    let refused = client.get(&url).await.unwrap();
    assert_eq!(refused.status, 403);
    let problem: serde_json::Value = serde_json::from_slice(&refused.body).unwrap();
    assert_eq!(problem["type"], "urn:kakehashi:problem:suspended");
    assert_eq!(other.get(&url).await.unwrap().status, 200);
    suspend(&house, "131130");
    awaits(&client, &url, 200).await;
    let found = codes(&house.end().await);
    assert!(found.iter().any(|entry| entry.ends_with("suspended")), "{found:?}");
}

#[tokio::test]
async fn a_new_policy_is_in_force_without_a_restart() {
    let house = House::start().await;
    let client = house.client(&house.issue(&municipality()));
    let path = house.folder.path().join("policy.toml");
    let url = |path: &str| house.url(Zone::Municipal, path);
    assert_eq!(client.get(&url("/echo")).await.unwrap().status, 200);
    fs::write(path.with_extension("new"), POLICY.replace("\"/away\"", "\"/other\"")).unwrap();
    fs::rename(path.with_extension("new"), &path).unwrap();
    awaits(&client, &url("/other"), 503).await;
    assert_eq!(client.get(&url("/away")).await.unwrap().status, 403);
    assert_eq!(client.get(&url("/echo")).await.unwrap().status, 200);
    house.end().await;
}

#[tokio::test]
async fn a_browser_is_refused_by_a_page() {
    let house = House::start().await;
    let client = house.client(&house.issue(&municipality()));
    let request = Request::get(house.url(Zone::Municipal, "/echo?debug=1"));
    let request = request.header("accept", "text/html,*/*;q=0.8").body("").unwrap();
    let answer = client.send(request).await.unwrap();
    assert_eq!(answer.status, 400);
    assert_eq!(answer.headers["content-type"], "text/html; charset=utf-8");
    assert_eq!(answer.headers["cache-control"], "no-store");
    let page = std::str::from_utf8(&answer.body).unwrap();
    let id = answer.headers["kakehashi-request-id"].to_str().unwrap();
    assert!(page.contains(id) && page.contains("parameter-unknown"), "{page}");
    assert!(codes(&house.end().await)[0].ends_with("GET /echo parameter-unknown"));
}

#[tokio::test]
async fn an_answer_is_not_stored_unless_its_component_says_so() {
    let house = House::start().await;
    let client = house.client(&house.issue(&municipality()));
    let answer = client.get(&house.url(Zone::Municipal, "/echo")).await.unwrap();
    assert_eq!(answer.headers["cache-control"], "no-store");
    assert_eq!(answer.headers["x-content-type-options"], "nosniff");
    assert!(!answer.headers.contains_key("strict-transport-security"), "localhost is no name");
    house.end().await;
}
