//! The policy as a whole.

use http::{Method, Request};
use kakehashi_contract::{Identity, Role, Zone};
use kakehashi_kernel::{Sha256Digest, Timestamp};
use proptest::prelude::*;

use super::{Methods, Permit, Policy, PolicyError};
use crate::refusal::Refusal;

const GOOD: &str = r#"
    [type.scan]
    kind = "uuid"
    [type.page]
    kind = "integer"
    min = 1
    max = 60
    [hours.office]
    open = ["mon-fri 08:30-17:15"]
    [[route]]
    zone = "municipal"
    role = "municipal-staff"
    methods = ["GET", "POST"]
    path = "/scans/{scan}"
    upstream = "ingest"
    query = { page = "page" }
    body = "application/json"
    enumerates = ["scan"]
    [[route]]
    zone = "municipal"
    role = "municipal-staff"
    methods = ["GET"]
    path = "/scans/new"
    upstream = "registry"
    [[route]]
    zone = ["national", "internal"]
    role = "national-staff"
    methods = ["GET"]
    path = "/scans/{scan}/pages/{number:page}"
    upstream = "registry"
"#;

const SCAN: &str = "0192f0c1-2a3b-7c4d-8e5f-001122334455";
/// Monday 2026-11-23 11:13 in Japan.
const NOW: Timestamp = Timestamp(1_795_400_000_000);
const STAFF: (Zone, Role) = (Zone::Municipal, Role::MunicipalStaff);

fn parse(text: &str) -> Result<Policy, PolicyError> {
    Policy::parse(text, |name| ["ingest", "registry"].contains(&name))
}

fn identity((zone, role): (Zone, Role)) -> Identity {
    Identity {
        zone,
        role,
        organisation: "141003".to_owned(),
        device: "scan-01".to_owned(),
        certificate: Sha256Digest::of(b""),
    }
}

fn ask(policy: &Policy, who: (Zone, Role), method: &str, uri: &str) -> Result<Permit, Refusal> {
    let head = Request::builder().method(method).uri(uri).body(()).unwrap().into_parts().0;
    policy.admit(&identity(who), &head, NOW).map_err(|denied| denied.refusal)
}

#[track_caller]
fn check(who: (Zone, Role), method: &str, uri: &str, expected: Result<&str, Refusal>) {
    let found = ask(&parse(GOOD).unwrap(), who, method, uri);
    assert_eq!(found.as_ref().map(Permit::upstream).map_err(|refusal| *refusal), expected, "{uri}");
}

fn methods(names: &[Method]) -> Methods {
    names.iter().collect()
}

#[track_caller]
fn faults(text: &str, expected: &[&str]) {
    match parse(text) {
        Err(PolicyError::Faults(faults)) => {
            let found: Vec<String> = faults.iter().map(ToString::to_string).collect();
            assert_eq!(found, expected);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_written_is_permitted_and_the_most_specific_wins() {
    check(STAFF, "GET", &format!("/scans/{SCAN}"), Ok("ingest"));
    check(STAFF, "GET", "/scans/new", Ok("registry"));
    for zone in [Zone::National, Zone::Internal] {
        let uri = format!("/scans/{SCAN}/pages/7");
        check((zone, Role::NationalStaff), "GET", &uri, Ok("registry"));
    }
}

#[test]
fn everything_else_is_denied() {
    check(STAFF, "GET", "/", Err(Refusal::NoRoute));
    check(STAFF, "GET", "/scans/../scans/new", Err(Refusal::PathMalformed));
    check((Zone::Entry, Role::MunicipalStaff), "GET", "/scans/new", Err(Refusal::NoRoute));
    check((Zone::Municipal, Role::Institution), "GET", "/scans/new", Err(Refusal::NoRoute));
}

#[test]
fn a_path_that_is_known_says_which_methods_it_has() {
    let get_post = Refusal::MethodUnknown(methods(&[Method::GET, Method::POST]));
    let uri = format!("/scans/{SCAN}");
    check(STAFF, "DELETE", &uri, Err(get_post));
    check(STAFF, "CONNECT", &uri, Err(get_post));
    check(STAFF, "HEAD", &uri, Err(get_post));
    check(STAFF, "BREW", &uri, Err(get_post));
    // To other roles it is a path like any that does not exist.
    check((Zone::National, Role::NationalStaff), "DELETE", &uri, Err(Refusal::NoRoute));
}

#[test]
fn values_are_of_their_types_in_path_and_query() {
    check(STAFF, "GET", "/scans/7", Err(Refusal::ParameterMalformed));
    check(STAFF, "POST", "/scans/new", Err(Refusal::ParameterMalformed));
    check(STAFF, "GET", &format!("/scans/{SCAN}?page=60"), Ok("ingest"));
    check(STAFF, "GET", &format!("/scans/{SCAN}?page=61"), Err(Refusal::ParameterMalformed));
    check(STAFF, "GET", &format!("/scans/{SCAN}?debug=1"), Err(Refusal::ParameterUnknown));
    check(STAFF, "GET", "/scans/new?page=1", Err(Refusal::ParameterUnknown));
}

#[test]
fn a_permit_knows_the_ids_a_request_names() {
    let policy = parse(GOOD).unwrap();
    let uri = format!("/scans/{SCAN}?page=2");
    let permit = ask(&policy, STAFF, "GET", &uri).unwrap();
    assert_eq!(permit.ids(&uri.parse().unwrap()).collect::<Vec<_>>(), [SCAN]);
    assert!(permit.has_ids() && !permit.signs_in());
    assert_eq!(&**permit.template(), "/scans/{scan}");
    assert_eq!(permit.body_bytes_max(), Some(0));
    let text =
        GOOD.replace("enumerates = [\"scan\"]", "enumerates = [\"page\"]\naccess_key = \"scan\"");
    let permit = ask(&parse(&text).unwrap(), STAFF, "GET", &uri).unwrap();
    assert_eq!(permit.ids(&uri.parse().unwrap()).collect::<Vec<_>>(), ["2"]);
    assert_eq!(permit.access_key(&uri.parse().unwrap()), Some(SCAN));
}

#[test]
fn a_wrong_entry_is_named() {
    for (from, to, what) in [
        ("\"municipal\"", "\"moon\"", "unknown zone"),
        ("\"municipal\"", "[]", "no zone"),
        ("municipal-staff", "mayor", "unknown role"),
        ("\"GET\", \"POST\"", "\"POST\", \"BREW\"", "unknown method"),
        ("\"GET\", \"POST\"", "\"POST\", \"POST\"", "method POST twice"),
        ("\"GET\", \"POST\"", "\"GET\"", "a body for methods that have none"),
        ("\"ingest\"", "\"elsewhere\"", "unknown upstream"),
        ("page = \"page\"", "page = \"leaf\"", "unknown type leaf"),
        ("page = \"page\"", "Page = \"page\"", "malformed name of a query parameter"),
        (
            "page = \"page\"",
            "page = { type = \"page\", times_max = 0 }",
            "a query parameter that may come 0 times",
        ),
        ("[\"scan\"]", "[\"scam\"]", "no parameter scam in path or query"),
        ("enumerates", "access_key = \"key\"\nenumerates", "no parameter key in path or query"),
        ("enumerates", "hours = \"night\"\nenumerates", "unknown hours night"),
        ("enumerates", "headers = { X-Big = \"page\" }\nenumerates", "malformed name of a header"),
        ("application/json", "json", "malformed content type \"json\""),
    ] {
        let place = "policy entry 1 (/scans/{scan})";
        faults(&GOOD.replacen(from, to, 1), &[&format!("{place}: {what}")]);
    }
    let text = GOOD.replacen("/scans/{scan}", "/scans/{", 1);
    faults(&text, &["policy entry 1 (/scans/{): malformed path template"]);
    let text = GOOD.replacen("{scan}", "{leaf}", 1).replacen("[\"scan\"]", "[]", 1);
    faults(&text, &["policy entry 1 (/scans/{leaf}): unknown type leaf"]);
}

#[test]
fn every_fault_is_named_not_only_the_first() {
    let text = GOOD
        .replacen("\"ingest\"", "\"elsewhere\"", 1)
        .replacen("kind = \"uuid\"", "kind = \"moon\"", 1)
        .replacen("mon-fri", "moon", 1)
        .replacen("\"national-staff\"", "\"mayor\"\nallow = true", 1);
    let found = parse(&text).unwrap_err().to_string();
    for expected in ["type scan: ", "hours office: ", "policy entry 1 ", "policy entry 3 ", "allow"]
    {
        assert!(found.contains(expected), "{expected} is missing in {found}");
    }
    let many = "[[route]]\nzone = \"moon\"\n".repeat(60);
    assert!(parse(&many).unwrap_err().to_string().ends_with("; and 10 more"));
}

#[test]
fn a_duplicate_is_named_whatever_its_parameter_is_called() {
    let text = GOOD.replace("/scans/new", "/scans/{other:scan}");
    faults(&text, &["policy entry 2 (/scans/{other:scan}): duplicate of an earlier entry"]);
}

#[test]
fn an_unknown_section_is_refused() {
    assert!(matches!(parse("[[rout]]"), Err(PolicyError::Syntax(_))));
    assert!(matches!(parse("x"), Err(PolicyError::Syntax(_))));
}

#[test]
fn a_shut_door_says_when_it_opens() {
    let asked = |text: &str| ask(&parse(text).unwrap(), STAFF, "GET", "/scans/new").err();
    let opens = |text: &str| Some(Refusal::OutOfHours { opens: text.parse().ok() });
    let sunday = format!("[hours.sunday]\nopen = [\"sun 09:00-12:00\"]\n{GOOD}");
    let zone = format!("[zone.municipal]\nhours = \"sunday\"\n{sunday}");
    assert_eq!(asked(&zone), opens("2026-11-29T09:00:00+09:00"));
    // An organisation's hours stand in place of its zone's, for that organisation.
    let mine = format!("[organisation.\"municipal/141003\"]\nhours = \"office\"\n{zone}");
    assert_eq!(asked(&mine), None);
    let others = format!("[organisation.\"municipal/141004\"]\nhours = \"office\"\n{zone}");
    assert_eq!(asked(&others), opens("2026-11-29T09:00:00+09:00"));
    // A route's hours come on top.
    let route =
        GOOD.replacen("path = \"/scans/new\"", "path = \"/scans/new\"\nhours = \"early\"", 1);
    let route = format!("[hours.early]\nopen = [\"daily 06:00-10:00\"]\n{route}");
    assert_eq!(asked(&route), opens("2026-11-24T06:00:00+09:00"));
    let both = format!("[zone.municipal]\nhours = \"office\"\n{route}");
    assert_eq!(asked(&both), opens("2026-11-24T08:30:00+09:00"));
}

#[test]
fn hours_of_nobody_are_named() {
    let text = format!(
        "[zone.moon]\nhours = \"office\"\n[organisation.\"141003\"]\nhours = \"office\"\n\
         [zone.entry]\nhours = \"night\"\n{GOOD}"
    );
    faults(
        &text,
        &[
            "zone entry: unknown hours night",
            "zone moon: unknown zone",
            "organisation 141003: not like municipal/141003",
        ],
    );
}

#[test]
fn the_lines_name_every_way() {
    let lines = parse(GOOD).unwrap().lines();
    let shown: Vec<String> =
        lines.iter().map(|l| format!("{} {} {} {}", l.zone, l.role, l.method, l.path)).collect();
    assert_eq!(
        shown,
        [
            "municipal municipal-staff GET /scans/new",
            "municipal municipal-staff GET /scans/{scan}",
            "municipal municipal-staff POST /scans/{scan}",
            "national national-staff GET /scans/{scan}/pages/{number}",
            "internal national-staff GET /scans/{scan}/pages/{number}",
        ]
    );
}

proptest! {
    /// Whatever is put around or into a good path, only plain ones of the right types get through.
    #[test]
    fn no_path_with_tricks_is_admitted(
        before in "(/|//|\\.|\\.\\./|%2e/|%2f|;|a/){0,2}",
        inside in "(%2[eEfF5]|%5[cC]|%00|%0a|\\.\\.|;|=|[a-z0-9%./-]){0,3}",
        after in "(/|//|/\\.|/\\.\\.|%2f|;a|%20|\\.json|[?]|[?]x=1|[?]page=0|&page=1){0,2}",
    ) {
        let policy = parse(GOOD).unwrap();
        let uri = format!("/{before}scans/{inside}{SCAN}{after}");
        let Ok(request) = Request::get(&uri).body(()) else { return Ok(()) };
        let head = request.into_parts().0;
        let admitted = policy.admit(&identity(STAFF), &head, NOW).is_ok();
        let is_plain = uri == format!("/scans/{SCAN}") || uri == format!("/scans/{SCAN}?");
        prop_assert_eq!(admitted, is_plain, "{}", uri);
    }

    /// Nothing a stranger sends makes the policy panic.
    #[test]
    fn any_target_is_answered(path in "\\PC{0,60}", query in "\\PC{0,60}", method in "[A-Z]{1,8}") {
        let policy = parse(GOOD).unwrap();
        let Ok(request) = Request::builder().method(&*method).uri(format!("/{path}?{query}")).body(())
        else { return Ok(()) };
        let head = request.into_parts().0;
        policy.admit(&identity(STAFF), &head, NOW).ok();
    }
}
