//! The policy as it is delivered, against a table written by hand and against the components' own
//! routers: a route added to one and forgotten in the other does not get past here.
#![expect(clippy::unwrap_used, reason = "a test helper may fail the test")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use http::{Request, request::Parts};
use kakehashi_contract::{Identity, Role, Zone};
use kakehashi_edge::Policy;
use kakehashi_kernel::{Sha256Digest, Timestamp};

const NOW: Timestamp = Timestamp(1_795_400_000_000);

const METHODS: [&str; 9] =
    ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"];

/// Where the components' routers stand, and the assets they serve.
const COMPONENTS: [(&str, &[&str]); 3] = [
    (
        "ingest",
        &["ingest/service/src/http/mod.rs", "ingest/service/src/pages/mod.rs", SHARED_ASSETS],
    ),
    ("converter", &["converter/service/src/http/mod.rs"]),
    ("registry", &["registry/service/src/routes.rs", SHARED_ASSETS]),
];

const SHARED_ASSETS: &str = "ops/platform/src/web/assets.rs";

/// What only the gateway itself asks a component.
const INTERNAL: [&str; 1] = ["/health"];

/// Methods and paths, or names and values of headers.
type Pairs<'a> = &'a [(&'a str, &'a str)];

/// A request: who, method, target, headers.
type Asked<'a> = (&'a Identity, &'a str, &'a str, Pairs<'a>);

/// Everything that is permitted, zone by zone. Nothing else is.
const PERMITTED: [(Zone, Role, Pairs<'static>); 3] = [
    (
        Zone::Municipal,
        Role::MunicipalStaff,
        &[
            ("GET", "/"),
            ("OPTIONS POST", "/uploads"),
            ("HEAD PATCH DELETE", "/uploads/{uuid}"),
            ("GET", "/uploads/{uuid}/receipt"),
            ("GET", "/scans"),
            ("GET", "/scans/table"),
            ("GET", "/scans/{uuid}"),
            ("POST", "/scans/{uuid}/withdraw"),
            ("GET", "/api/scans"),
            ("GET", "/api/scans/summary"),
            ("GET", "/assets/kakehashi.css"),
            ("GET", "/assets/design-tokens.css"),
            ("GET", "/assets/icon.svg"),
            ("GET", "/assets/upload.js"),
            ("GET POST", "/sign-in"),
            ("POST", "/sign-out"),
            ("GET", "/records"),
            ("GET", "/records/{uuid}"),
            ("GET", "/records/{uuid}/pages/1"),
        ],
    ),
    (
        Zone::Entry,
        Role::Institution,
        &[
            ("GET", "/"),
            ("GET", "/assets/kakehashi.css"),
            ("GET", "/assets/design-tokens.css"),
            ("GET", "/assets/icon.svg"),
            ("GET POST", "/sign-in"),
            ("POST", "/sign-out"),
            ("GET POST", "/forms/nanbyo/6"),
            ("GET POST", "/forms/shouman/5-46"),
            ("GET", "/records/{uuid}"),
        ],
    ),
    (
        Zone::Conversion,
        Role::Contractor,
        &[
            ("GET", "/api/v1/health"),
            ("GET", "/api/v1/lots"),
            ("POST", "/api/v1/lots/{uuid}/take"),
            ("GET", "/api/v1/lots/{uuid}/manifest"),
            ("GET", "/api/v1/lots/{uuid}/documents/{uuid}/pages/60"),
            ("POST", "/api/v1/lots/{uuid}/returns"),
            ("GET", "/api/v1/returns/{uuid}"),
            ("GET", "/api/v1/schema/nanbyo/0006/000/2403.xsd"),
        ],
    ),
];

/// Paths that nobody has, whatever the role.
const NOWHERE: [&str; 9] = [
    "/health",
    "/favicon.ico",
    "/scans/{uuid}/pages/1",
    "/uploads/{uuid}/withdraw",
    "/assets",
    "/assets/kakehashi.css/x",
    "/api/v2/lots",
    "/api/v1/lots/{uuid}",
    "/admin",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap()
}

fn policy() -> Policy {
    let text = fs::read_to_string(root().join("ops/deploy/policy.toml")).unwrap();
    let is_upstream = |name: &str| COMPONENTS.iter().any(|(component, _)| *component == name);
    Policy::parse(&text, is_upstream).unwrap_or_else(|error| panic!("{error}"))
}

fn identity(zone: Zone, role: Role) -> Identity {
    let (organisation, device) = ("141003".to_owned(), "scan-01".to_owned());
    Identity { zone, role, organisation, device, certificate: Sha256Digest::of(b"") }
}

fn real(path: &str) -> String {
    path.replace("{uuid}", "0192f0c1-2a3b-7c4d-8e5f-001122334455")
}

fn head(method: &str, uri: &str, headers: Pairs<'_>) -> Parts {
    let mut request = Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap().into_parts().0
}

#[test]
fn every_route_is_open_to_its_role_and_shut_to_every_other() {
    let policy = policy();
    let paths: BTreeSet<&str> =
        PERMITTED.iter().flat_map(|(.., ways)| ways.iter().map(|(_, path)| *path)).collect();
    let mut asked = 0;
    for zone in Zone::ALL {
        for role in Role::ALL {
            let own = PERMITTED.iter().find(|(z, r, _)| (z, r) == (zone, role));
            let ways: BTreeMap<&str, &str> = own
                .map(|(.., ways)| ways.iter().map(|(methods, path)| (*path, *methods)).collect())
                .unwrap_or_default();
            for path in paths.iter().chain(&NOWHERE) {
                for method in METHODS {
                    let found = policy.explain(
                        &identity(*zone, *role),
                        &head(method, &real(path), &[]),
                        NOW,
                    );
                    let methods = ways.get(path).copied();
                    let is_permitted =
                        methods.is_some_and(|methods| methods.split(' ').any(|own| own == method));
                    assert_eq!(
                        found.is_ok(),
                        is_permitted,
                        "{zone} {role} {method} {path}: {found:?}"
                    );
                    if ways.is_empty() {
                        assert_eq!(found, Err("route-unknown"), "{zone} {role} {method} {path}");
                    }
                    asked += 1;
                }
            }
        }
    }
    assert!(asked > 10_000, "only {asked} questions were asked");
}

#[test]
fn what_pages_and_programs_send_is_permitted() {
    let form = ("content-type", "application/x-www-form-urlencoded");
    let some = ("content-length", "9");
    let staff = identity(Zone::Municipal, Role::MunicipalStaff);
    let doctor = identity(Zone::Entry, Role::Institution);
    let contractor = identity(Zone::Conversion, Role::Contractor);
    let tus = [
        ("tus-resumable", "1.0.0"),
        ("upload-length", "67108864"),
        ("upload-metadata", "filename 5bGx,sha256 YWI=,application bmV3"),
        ("content-length", "0"),
    ];
    let part = [
        ("content-type", "application/offset+octet-stream"),
        ("upload-offset", "4194304"),
        ("content-length", "4194304"),
    ];
    let search = "%E6%BD%B0%E7%98%8D%E6%80%A7%E5%A4%A7%E8%85%B8%E7%82%8E+%28UC%29";
    let asked: [Asked<'_>; 18] = [
        (&staff, "GET", "/scans?show=in_lot&before=1795400000000&lang=en", &[]),
        (&staff, "GET", "/scans/table?", &[]),
        (&staff, "GET", "/scans?show=", &[]),
        (&staff, "POST", "/uploads", &tus),
        (&staff, "PATCH", "/uploads/{uuid}", &part),
        (&staff, "POST", "/scans/{uuid}/withdraw", &[form, ("content-length", "0")]),
        (&staff, "GET", "/records?scan=what+a+clerk+typed&page=2", &[]),
        (&staff, "GET", "/sign-in?next=%2Frecords%2F0192f0c1-2a3b-7c4d-8e5f-001122334455", &[]),
        (&staff, "POST", "/sign-in", &[form, some]),
        (&staff, "POST", "/sign-out", &[form, ("content-length", "0")]),
        (&doctor, "GET", &format!("/?form={search}&page=1"), &[]),
        (&doctor, "GET", "/forms/nanbyo/6?application=renewal", &[]),
        (&doctor, "POST", "/forms/shouman/5-46", &[form, some]),
        (&doctor, "GET", "/records/{uuid}?lang=ja", &[]),
        (&contractor, "POST", "/api/v1/lots/{uuid}/take", &[("content-type", "application/json")]),
        (
            &contractor,
            "POST",
            "/api/v1/lots/{uuid}/returns?partial=true",
            &[
                ("content-type", "application/xml; charset=Shift_JIS"),
                ("transfer-encoding", "chunked"),
            ],
        ),
        (&contractor, "POST", "/api/v1/lots/{uuid}/returns", &[("content-type", "text/xml"), some]),
        (&contractor, "GET", "/api/v1/schema/shouman/0005/046/2403.xsd", &[]),
    ];
    let policy = policy();
    for (who, method, uri, headers) in asked {
        let found = policy.explain(who, &head(method, &real(uri), headers), NOW);
        assert!(found.is_ok(), "{method} {uri}: {found:?}");
    }
}

#[test]
fn what_nobody_sends_is_refused_by_name() {
    let staff = identity(Zone::Municipal, Role::MunicipalStaff);
    let policy = policy();
    let json: Pairs<'_> = &[("content-type", "application/json"), ("content-length", "2")];
    for (method, uri, headers, code) in [
        ("GET", "/scans?show=everything", &[][..], "parameter-malformed"),
        ("GET", "/scans?show=&show=", &[], "parameter-doubled"),
        ("GET", "/scans?debug=1", &[], "parameter-unknown"),
        ("GET", "/scans?before=1'--", &[], "parameter-malformed"),
        ("GET", "/scans?before=%27+OR+1%3D1", &[], "parameter-malformed"),
        ("GET", "/scans?show=%", &[], "query-malformed"),
        ("GET", "/records?scan=a%00b", &[], "parameter-malformed"),
        ("GET", "/sign-in?next=https://elsewhere.example", &[], "parameter-malformed"),
        ("GET", "/records/../health", &[], "path-malformed"),
        ("GET", "/records/1", &[], "parameter-malformed"),
        ("GET", "/records/{uuid}/pages/0", &[], "parameter-malformed"),
        ("GET", "/records/{uuid}/pages/61", &[], "parameter-malformed"),
        ("GET", "/scans", json, "body-unexpected"),
        ("POST", "/sign-in", json, "content-type-unknown"),
        ("POST", "/uploads", json, "body-unexpected"),
        ("POST", "/uploads", &[("upload-length", "-1")], "header-malformed"),
        ("POST", "/uploads", &[("upload-length", "1"), ("upload-length", "1")], "header-malformed"),
    ] {
        let found = policy.explain(&staff, &head(method, &real(uri), headers), NOW);
        assert_eq!(found, Err(code), "{method} {uri}");
    }
}

/// Answers method and path of every route a source names: `.route("/path", get(..).post(..))` and the
/// paths of assets.
fn routes(source: &str) -> BTreeSet<(String, String)> {
    let mut routes = BTreeSet::new();
    for rest in source.split(".route(").skip(1) {
        let Some((_, rest)) = rest.split_once('"') else { continue };
        let Some((path, rest)) = rest.split_once('"') else { continue };
        // As far as the parenthesis after `.route` reaches.
        let mut depth = 1;
        let end = rest.find(|c| {
            depth += match c {
                '(' => 1,
                ')' => -1,
                _ => 0,
            };
            depth == 0
        });
        let handlers = &rest[..end.unwrap_or(rest.len())];
        for method in METHODS {
            let call = format!("{}(", method.to_lowercase());
            let is_called = handlers.match_indices(&call).any(|(at, _)| {
                !handlers[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_')
            });
            if is_called {
                routes.insert((method.to_owned(), shape(path)));
            }
        }
    }
    for rest in source.split("path: \"/assets/").skip(1) {
        let name = rest.split('"').next().unwrap_or_default();
        routes.insert(("GET".to_owned(), format!("/assets/{name}")));
    }
    routes
}

/// Parameters may be called differently on both sides.
fn shape(path: &str) -> String {
    let parts = path.split('/').map(|part| if part.starts_with('{') { "{}" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

fn is_of_shape(shape: &str, path: &str) -> bool {
    let (one, other): (Vec<_>, Vec<_>) = (shape.split('/').collect(), path.split('/').collect());
    one.len() == other.len()
        && one.iter().zip(&other).all(|(one, other)| *one == "{}" || one == other)
}

#[test]
fn the_policy_and_the_components_know_the_same_routes() {
    let lines = policy().lines();
    let mut wrong = Vec::new();
    for (component, files) in COMPONENTS {
        let sources = files.iter().map(|file| fs::read_to_string(root().join(file)).unwrap());
        let has: BTreeSet<(String, String)> = sources.flat_map(|source| routes(&source)).collect();
        assert!(has.len() > 5, "{component} seems to have only {has:?}");
        let permitted: BTreeSet<(String, String)> = lines
            .iter()
            .filter(|line| line.upstream == component)
            .map(|line| (line.method.clone(), shape(&line.path)))
            .collect();
        for (method, path) in &has {
            let is_known =
                permitted.iter().any(|(own, shape)| own == method && is_of_shape(shape, path));
            if !is_known && !INTERNAL.contains(&path.as_str()) {
                wrong.push(format!(
                    "{component} answers {method} {path}: the policy does not know it"
                ));
            }
        }
        for (method, shape) in &permitted {
            if !has.iter().any(|(own, path)| own == method && is_of_shape(shape, path)) {
                wrong.push(format!(
                    "the policy permits {method} {shape}: {component} has no such route"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn routes_are_found_in_a_source() {
    let source = r#"
        Router::new()
            .route("/", get(|| async { budget(1) }))
            .route("/a/{b}", axum::routing::patch(tus::append).head(tus::status).delete(remove))
            .route("/c", post(deliver).layer(limit(1)))
            .route("/d", forget(x))
        Asset { path: "/assets/x.css", bytes: 1 }
    "#;
    let found: Vec<String> =
        routes(source).into_iter().map(|(method, path)| format!("{method} {path}")).collect();
    let expected =
        ["DELETE /a/{}", "GET /", "GET /assets/x.css", "HEAD /a/{}", "PATCH /a/{}", "POST /c"];
    assert_eq!(found, expected);
}
