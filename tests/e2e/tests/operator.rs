//! `kakehashi gateway` against a gateway that runs: an operator looks, releases, suspends and resumes.

use std::{collections::BTreeMap, ffi::OsString, sync::Arc, time::Duration};

use kakehashi_contract::Zone;
use kakehashi_e2e::{Finished, House, Listening, Started, ledger::Ledger, program::run};
use kakehashi_platform::{
    mtls::{Answer, Client, ClientLimits, ClientTls},
    pki::CertificateFiles,
    runtime::SystemClock,
};
use serde_json::Value;

const COMMAND: Duration = Duration::from_mins(1);
/// As the demo sets it up, and a page of its that answers.
const MUNICIPALITY: &str = "municipal/999997";
const TOTALS: &str = "/api/scans/summary";
/// More different targets than anybody may try (decision 0018).
const TARGETS: usize = 45;

struct Watch {
    house: House,
    _server: Started,
    ports: BTreeMap<Zone, u16>,
    client: Client,
}

impl Watch {
    fn begin() -> Self {
        let house = House::new();
        house.furnish();
        let Listening { server, ports } = Listening::of(&house);
        let files = CertificateFiles::of(&house.path("clients"), "municipality");
        let tls = ClientTls { client: Some(files), root: house.path("certificates/root.pem") };
        let client = Client::new(&tls, Arc::new(SystemClock), ClientLimits::default());
        Self { house, _server: server, ports, client: client.expect("a client") }
    }

    async fn get(&self, path: &str) -> Answer {
        let url = format!("https://localhost:{}{path}", self.ports[&Zone::Municipal]);
        // A connection that was closed meanwhile is noticed when it is used: once.
        match self.client.get(&url).await {
            Ok(answer) => answer,
            Err(_) => self.client.get(&url).await.expect("an answer"),
        }
    }

    /// `kakehashi gateway WORDS`.
    fn run(&self, words: &[&str]) -> Finished {
        let mut arguments: Vec<OsString> = vec!["gateway".into()];
        arguments.extend(words.iter().map(OsString::from));
        arguments.extend(["--config".into(), self.house.config().into_os_string()]);
        run(arguments, COMMAND)
    }

    /// Runs it well and answers what it says to a person.
    #[track_caller]
    fn says(&self, words: &[&str], expected: &[&str]) {
        let finished = self.run(words);
        finished.must_succeed();
        for text in expected {
            assert!(finished.stdout.contains(text), "{words:?}: {text}: {}", finished.stdout);
        }
    }

    /// Runs it well and answers what it says to a program.
    #[track_caller]
    fn json(&self, words: &[&str]) -> Value {
        let finished = self.run(&[words, &["--json"]].concat());
        finished.must_succeed();
        serde_json::from_str(&finished.stdout).expect("one JSON object")
    }
}

fn text(answer: &Answer) -> String {
    String::from_utf8_lossy(&answer.body).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_false_positive_is_explained_and_released_by_an_operator() {
    let watch = Watch::begin();
    assert_eq!(watch.get(TOTALS).await.status, 200);
    watch.says(&["status"], &["見ている証明書"]);
    assert_eq!(watch.json(&["status"])["guard"]["measures"], 0);
    for number in 0..TARGETS {
        assert_eq!(watch.get(&format!("/wp-admin/{number}")).await.status, 403);
    }
    let blocked = watch.get(TOTALS).await;
    assert_eq!(blocked.status, 403);
    let blocks = watch.json(&["blocks"]);
    let measure = &blocks["measures"][0];
    let id = measure["id"].as_str().expect("a decision");
    assert!(text(&blocked).contains(id), "whoever is blocked can quote it: {}", text(&blocked));
    assert_eq!((&measure["rule"], &measure["counted"]), (&"scan".into(), &40.into()));
    // Rule, count, threshold, window, end: the decision explains itself, in the operator's words.
    watch.says(&["blocks"], &[id, "遮断", "探索", "600 秒に 40 ≧ 40", "証明書:"]);
    watch.says(&["alerts"], &[id, "至急", "探索", "遮断"]);
    for (wrong, why) in
        [("g-ffffffffff", "その番号の措置はありません"), ("1", "番号の形式が違います")]
    {
        let finished = watch.run(&["release", wrong]);
        assert!(!finished.status.success() && finished.stderr.contains(why), "{finished:?}");
    }
    assert_eq!(watch.get(TOTALS).await.status, 403, "a wrong number releases nobody");
    watch.says(&["release", id], &["解除しました", "この対象には規則「探索」を適用しません"]);
    assert_eq!(watch.get(TOTALS).await.status, 200);
    watch.says(&["blocks"], &["例外の規則", "探索", "operator/"]);
    for number in 0..TARGETS {
        watch.get(&format!("/phpmyadmin/{number}")).await;
    }
    assert_eq!(watch.get(TOTALS).await.status, 200, "what was no scan is none the next time");
    let acts: Vec<String> = Ledger::of(&watch.house)
        .entries()
        .into_iter()
        .filter(|entry| entry.fact.action.starts_with("guard."))
        .map(|entry| format!("{} {}", entry.fact.action, entry.fact.outcome))
        .collect();
    for act in ["guard.block scan", "guard.release decision-unknown", "guard.release ok"] {
        assert!(acts.iter().any(|found| found == act), "{act}: {acts:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organisation_is_suspended_at_once_and_resumed() {
    let watch = Watch::begin();
    assert_eq!(watch.get(TOTALS).await.status, 200);
    watch.says(&["suspend", MUNICIPALITY, "--reason", "lost-device"], &["利用を停止しました"]);
    let refused = watch.get(TOTALS).await;
    assert_eq!(refused.status, 403);
    assert!(text(&refused).contains("urn:kakehashi:problem:suspended"), "{}", text(&refused));
    watch.says(&["suspensions"], &[MUNICIPALITY, "lost-device"]);
    watch.says(&["resume", MUNICIPALITY], &["利用停止を解除しました"]);
    assert_eq!(watch.get(TOTALS).await.status, 200);
    let again = watch.run(&["resume", MUNICIPALITY]);
    assert!(
        !again.status.success() && again.stderr.contains("利用停止されていません"),
        "{again:?}"
    );
    watch.says(&["habits"], &[MUNICIPALITY, "まだ"]);
}
