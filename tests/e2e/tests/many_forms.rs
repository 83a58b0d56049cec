//! Eight very different forms down the whole road: each scan arrives as a record of its own form, judged
//! as its answers are.

use std::{collections::BTreeMap, fs, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use kakehashi_contract::Zone;
use kakehashi_e2e::{House, Listening, Outcome};
use kakehashi_forms::Judgement;
use kakehashi_kit::{FilledForm, catalogue, filled_form};
use kakehashi_platform::{
    mtls::{Client, ClientLimits, ClientTls},
    pki::CertificateFiles,
    runtime::SystemClock,
};

const FORMS: [&str; 8] = [
    "nanbyo/0049-000/2403",
    "nanbyo/0097-000/2403",
    "nanbyo/0085-000/2403",
    "nanbyo/0011-000/2403",
    "nanbyo/0222-000/2403",
    "nanbyo/0001-000/2403",
    "shouman/0005-046/2404",
    "shouman/0001-001/2404",
];
const SCANS: u32 = 16;
const SEED: u64 = 7;
/// Scans of every demo run that are refused.
const REFUSED: [u32; 2] = [4, 5];
const RUN: Duration = Duration::from_mins(4);

/// The municipal clerk at work.
struct Clerk {
    client: Client,
    base: String,
    cookie: String,
}

impl Clerk {
    async fn sign_in(house: &House, port: u16) -> Self {
        let files = CertificateFiles::of(&house.path("clients"), "municipality");
        let tls = ClientTls { client: Some(files), root: house.path("certificates/root.pem") };
        let client = Client::new(&tls, Arc::new(SystemClock), ClientLimits::default());
        let client = client.expect("a client");
        let accounts = fs::read_to_string(house.path("demo-accounts.toml")).expect("accounts");
        let accounts: toml::Table = toml::from_str(&accounts).expect("accounts are TOML");
        let password = accounts["clerk_password"].as_str().expect("a password");
        let base = format!("https://localhost:{port}");
        let mut clerk = Self { client, base, cookie: String::new() };
        let body = format!("login=clerk&password={password}&next=");
        let (status, cookie, _) = clerk.send(Method::POST, "/sign-in", body).await;
        assert_eq!(status, StatusCode::SEE_OTHER);
        clerk.cookie = cookie;
        clerk
    }

    async fn send(&self, method: Method, path: &str, body: String) -> (StatusCode, String, String) {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header("accept", "text/html")
            .header("cookie", &self.cookie)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Bytes::from(body))
            .expect("a request");
        let answer = self.client.send(request).await.expect("an answer");
        let cookie = answer.headers.get("set-cookie").and_then(|cookie| cookie.to_str().ok());
        let cookie = cookie.and_then(|cookie| cookie.split(';').next()).unwrap_or_default();
        let page = String::from_utf8_lossy(&answer.body).into_owned();
        (answer.status, cookie.to_owned(), page)
    }

    async fn page(&self, path: &str) -> String {
        let (status, _, page) = self.send(Method::GET, path, String::new()).await;
        assert_eq!(status, StatusCode::OK, "{path}");
        page
    }
}

/// What the scans of the run say, by form and name.
fn truth() -> BTreeMap<(String, String), FilledForm> {
    let sent = (0..SCANS).filter(|index| !REFUSED.contains(index));
    let truth: BTreeMap<_, _> = sent
        .map(|index| {
            let key = FORMS[usize::try_from(index).expect("few") % FORMS.len()];
            let form = catalogue().definition(key.parse().expect("a literal key"));
            let filled = filled_form(form.expect("the form is there"), SEED, index);
            let name = filled.answers.text("name_kanji").expect("a name").to_owned();
            ((key.to_owned(), name), filled)
        })
        .collect();
    assert_eq!(truth.len(), 14, "two patients of one form have one name");
    truth
}

/// What a page that shows the judgement must say of it.
fn expected(judgement: &Judgement) -> Vec<String> {
    let is_judged = judgement.diagnosis_half.is_some() && judgement.severity_half.is_some();
    let outcome = if is_judged {
        format!(" {}</span>", judgement.outcome.label().ja)
    } else {
        "機械判定なし".to_owned()
    };
    let classes = [&judgement.diagnosis, &judgement.severity].into_iter().flatten();
    let halves = [&judgement.diagnosis_half, &judgement.severity_half].into_iter().flatten();
    [outcome]
        .into_iter()
        .chain(classes.map(|class| class.label.ja.clone()))
        .chain(halves.map(|half| half.version.clone()))
        .collect()
}

fn between<'a>(page: &'a str, start: &str, end: &str) -> &'a str {
    let rest = page.split_once(start).map_or("", |(_, rest)| rest);
    rest.split_once(end).map_or(rest, |(part, _)| part)
}

#[tokio::test]
async fn scans_of_eight_forms_arrive_as_records_judged_as_their_answers_are() {
    let house = House::new();
    let forms = FORMS.join(",");
    let more = ["--forms", forms.as_str(), "--mistakes-permille", "300"];
    let outcome = Outcome::of(&house.demo(SCANS, SEED, &more, RUN));
    outcome.accounts_for(u64::from(SCANS));
    house.books().must_succeed();

    let Listening { server, ports } = Listening::of(&house);
    let clerk = Clerk::sign_in(&house, ports[&Zone::Municipal]).await;
    let list = clerk.page("/records").await;
    let mut truth = truth();
    for link in list.split("href=\"/records/").skip(1).filter_map(|rest| rest.split_once('"')) {
        let page = clerk.page(&format!("/records/{}", link.0)).await;
        let name = between(&page, "<h1>", "<span").trim();
        let form = between(&page, "様式 <span class=\"number\">", "</span>");
        let filled = truth.remove(&(form.to_owned(), name.to_owned()));
        let filled = filled.unwrap_or_else(|| panic!("a record of {form} that nobody sent"));
        let definition = catalogue().definition(filled.key).expect("the form is there");
        let circumstances = definition.circumstances(&filled.answers, filled.application);
        let judgement = definition.judge(&filled.answers, &circumstances);
        let shown = between(&page, "id=\"judgement-title\"", "</details>");
        for text in expected(&judgement) {
            assert!(shown.contains(&text), "{form} {}: no {text} in {shown}", filled.serial);
        }
    }
    assert!(truth.is_empty(), "{} scans without a record", truth.len());

    server.terminate();
    server.wait(Duration::from_secs(40)).must_succeed();
}
