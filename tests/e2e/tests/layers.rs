//! The ground plan, from cargo's own view of the workspace: who may depend on whom, what is pure, who
//! may open a PDF or a database, where status codes may stand (invariants 1, 2, 8 and 13).

use std::collections::BTreeSet;

use kakehashi_e2e::workspace::{Kind, Package, cargo, needs, packages, root, sources, std_modules};
use serde::Deserialize;

/// Where a crate lives in the house.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Room {
    Schemas,
    Platform,
    Kit,
    Core(&'static str),
    Service(&'static str),
    Tool,
    Roof,
    Tests,
}

const COMPONENTS: [&str; 4] = ["gateway", "ingest", "converter", "registry"];

fn room(folder: &str) -> Room {
    let (top, below) = folder.split_once('/').unwrap_or((folder, ""));
    match (top, below) {
        ("schemas", _) => Room::Schemas,
        ("ops", "platform") => Room::Platform,
        ("ops", "kit") => Room::Kit,
        ("ops", "check") => Room::Tool,
        ("ops", "bin") => Room::Roof,
        ("tests", _) => Room::Tests,
        _ => {
            let component = COMPONENTS.iter().find(|name| **name == top);
            let component = component.unwrap_or_else(|| panic!("{folder} is in no known room"));
            if below == "core" { Room::Core(component) } else { Room::Service(component) }
        }
    }
}

/// Whether a crate in `from` may need one in `to`. Tests of a component may use the kit's scans.
fn may_depend(from: Room, to: Room, kind: Kind) -> bool {
    match (from, to) {
        (_, Room::Schemas) | (Room::Tests, _) | (Room::Service(_), Room::Platform) => true,
        (Room::Roof, _) => to != Room::Tests,
        (Room::Service(_) | Room::Tool, Room::Kit) => kind == Kind::Dev,
        (Room::Service(one), Room::Service(other) | Room::Core(other)) => one == other,
        (
            Room::Schemas
            | Room::Core(_)
            | Room::Platform
            | Room::Kit
            | Room::Service(_)
            | Room::Tool,
            _,
        ) => false,
    }
}

fn ours(packages: &[Package]) -> Vec<(&Package, &str)> {
    packages.iter().filter_map(|p| Some((p, p.folder.as_deref()?))).collect()
}

#[test]
fn crates_depend_downward_only_and_components_never_on_one_another() {
    let packages = packages();
    let ours = ours(&packages);
    assert!(ours.len() >= 19, "cargo sees only {} of our crates", ours.len());
    let mut wrong = Vec::new();
    for (package, folder) in &ours {
        for (name, kind) in &package.depends_on {
            let Some((_, other)) = ours.iter().find(|(one, _)| one.name == *name) else { continue };
            if !may_depend(room(folder), room(other), *kind) {
                wrong.push(format!("{folder} depends on {other} ({kind:?})"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_ground_plan_forbids_what_it_should() {
    let (ingest, registry) = (Room::Service("ingest"), Room::Service("registry"));
    assert!(!may_depend(ingest, registry, Kind::Dev));
    assert!(!may_depend(ingest, Room::Core("registry"), Kind::Normal));
    assert!(!may_depend(ingest, Room::Kit, Kind::Normal));
    assert!(!may_depend(Room::Core("ingest"), Room::Platform, Kind::Normal));
    assert!(!may_depend(Room::Schemas, Room::Platform, Kind::Dev));
    assert!(!may_depend(Room::Platform, ingest, Kind::Dev));
    assert!(!may_depend(Room::Roof, Room::Tests, Kind::Dev));
    assert!(may_depend(ingest, Room::Core("ingest"), Kind::Normal));
    assert!(!may_depend(Room::Tool, Room::Platform, Kind::Normal));
    assert!(!may_depend(Room::Tool, Room::Kit, Kind::Normal));
    assert!(may_depend(Room::Tool, Room::Kit, Kind::Dev));
    assert!(may_depend(ingest, Room::Kit, Kind::Dev));
    assert!(may_depend(Room::Roof, registry, Kind::Normal));
}

fn is_pure(folder: &str) -> bool {
    matches!(room(folder), Room::Schemas | Room::Core(_))
}

/// Crates that reach outside: async, network, databases, randomness, logging.
const REACHES_OUT: [&str; 12] = [
    "tokio",
    "axum",
    "hyper",
    "sqlx",
    "getrandom",
    "rand",
    "rand_core",
    "tracing",
    "log",
    "mio",
    "socket2",
    "rustix",
];

/// What the ZIP crate below the workbook writer brings for its encryption and its slow compression, and a
/// workbook without passwords never calls: the same form gives the same bytes, which `schemas/spec` tests.
const UNUSED_BELOW_WORKBOOKS: [(&str, &str); 2] =
    [("schemas/spec", "getrandom"), ("schemas/spec", "log")];

#[test]
fn pure_crates_need_nothing_that_reaches_outside() {
    let packages = packages();
    let mut wrong = Vec::new();
    for (package, folder) in ours(&packages) {
        if !is_pure(folder) {
            continue;
        }
        // Each crate on its own: in a build of everything others switch features on that it never uses.
        let needs = needs(&package.name);
        assert!(needs.contains(&package.name), "cargo tree shows {needs:?}");
        let is_unused = |name: &str| UNUSED_BELOW_WORKBOOKS.contains(&(folder, name));
        let reaching = needs.iter().filter(|name| REACHES_OUT.contains(&name.as_str()));
        let reaching = reaching.filter(|name| !is_unused(name));
        wrong.extend(reaching.map(|name| format!("{folder} needs {name}")));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn pure_crates_touch_no_file_network_environment_or_clock() {
    let packages = packages();
    let mut wrong = Vec::new();
    for (_, folder) in ours(&packages) {
        if !is_pure(folder) {
            continue;
        }
        for source in sources(folder) {
            let named = std_modules(&source.code);
            for module in ["fs", "net", "env", "process", "thread", "os"] {
                if named.iter().any(|name| name == module) {
                    wrong.push(format!("{}: std::{module}", source.path));
                }
            }
            for word in [
                "SystemTime",
                "Instant::now",
                "Zoned::now",
                "Timestamp::now",
                "new_v4",
                "now_v7",
                "async fn",
            ] {
                if source.code.contains(word) {
                    wrong.push(format!("{}: {word}", source.path));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn only_the_inspector_and_the_kit_can_open_a_pdf() {
    let packages = packages();
    let (mut readers, mut renderers) = (BTreeSet::new(), BTreeSet::new());
    let mut wrong = Vec::new();
    for (package, folder) in ours(&packages) {
        for (name, kind) in &package.depends_on {
            let is_reader = name.starts_with("hayro") || name.contains("pdf");
            if name.starts_with("hayro") && *kind == Kind::Normal {
                renderers.insert(folder);
            }
            if is_reader && *kind == Kind::Normal {
                readers.insert(folder);
            } else if is_reader && !matches!(folder, "ingest/inspect" | "ops/kit") {
                wrong.push(format!("{folder} depends on {name} ({kind:?})"));
            }
            // The roof is the inspector's program too: it enters the sandbox before anything else. What
            // damages samples to try the parsers holds no credentials and sees no stranger's PDF.
            let hosts = matches!(room(folder), Room::Roof) || folder == "tests/fuzz";
            if name == "kakehashi-inspect" && !hosts {
                wrong.push(format!("{folder} depends on the inspector"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(readers.into_iter().collect::<Vec<_>>(), ["ingest/inspect", "ops/kit"]);
    assert_eq!(renderers.into_iter().collect::<Vec<_>>(), ["ingest/inspect"]);
}

#[test]
fn the_inspector_has_no_network_no_database_and_no_cryptography_of_ours() {
    let needs = needs("kakehashi-inspect");
    for name in ["tokio", "hyper", "rustls", "sqlx", "kakehashi-platform", "kakehashi-seal"] {
        assert!(!needs.iter().any(|needed| needed == name), "the inspector needs {name}");
    }
    assert!(needs.iter().any(|needed| needed == "lopdf"), "{needs:?}");
}

/// Crates that are, or exist for, networks and their runtimes.
const TALKS: [&str; 22] = [
    "async-std",
    "attohttpc",
    "aws-lc-rs",
    "curl",
    "h2",
    "hickory-resolver",
    "http",
    "hyper",
    "isahc",
    "mio",
    "native-tls",
    "openssl",
    "quinn",
    "reqwest",
    "ring",
    "rustls",
    "smol",
    "socket2",
    "tokio",
    "tokio-rustls",
    "ureq",
    "webpki",
];

#[test]
fn the_check_tool_cannot_talk_to_anybody() {
    let needs = needs("kakehashi-check");
    assert!(needs.iter().any(|name| name == "kakehashi-xml"), "{needs:?}");
    let talking: Vec<_> = needs.iter().filter(|name| TALKS.contains(&name.as_str())).collect();
    assert!(talking.is_empty(), "{talking:?}");
    let packages = packages();
    let mut wrong = Vec::new();
    let mut files = 0;
    for (_, folder) in ours(&packages).iter().filter(|(package, _)| needs.contains(&package.name)) {
        for source in sources(folder) {
            files += 1;
            let names_net = std_modules(&source.code).iter().any(|name| name == "net");
            let words = ["TcpStream", "TcpListener", "UdpSocket", "UnixStream", "AF_INET"];
            if names_net || words.iter().any(|word| source.code.contains(word)) {
                wrong.push(source.path);
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(files > 60, "only {files} sources were looked at");
}

#[derive(Deserialize)]
struct Deny {
    bans: Bans,
}

#[derive(Deserialize)]
struct Bans {
    deny: Vec<Ban>,
}

#[derive(Deserialize)]
struct Ban {
    #[serde(rename = "crate")]
    name: String,
    #[serde(default)]
    wrappers: Vec<String>,
}

#[test]
fn what_is_banned_is_used_by_its_wrappers_only() {
    let text = std::fs::read_to_string(root().join("deny.toml")).expect("deny.toml is there");
    let deny: Deny = toml::from_str(&text).expect("deny.toml is TOML");
    let banned: Vec<&str> = deny.bans.deny.iter().map(|ban| &*ban.name).collect();
    for name in ["openssl", "sqlx", "lopdf", "hayro"] {
        assert!(banned.contains(&name), "deny.toml says nothing of {name}: {banned:?}");
    }
    let packages = packages();
    let mut wrong = Vec::new();
    for ban in &deny.bans.deny {
        for package in &packages {
            let uses = package.depends_on.iter().any(|(name, _)| *name == ban.name);
            if uses && !ban.wrappers.contains(&package.name) {
                wrong.push(format!("{} depends on {}", package.name, ban.name));
            }
        }
        for wrapper in &ban.wrappers {
            assert!(
                packages.iter().any(|package| package.name == *wrapper),
                "no such crate: {wrapper}"
            );
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Status codes that are no refusal and no failure.
const FINE: [&str; 9] = [
    "OK",
    "CREATED",
    "ACCEPTED",
    "NO_CONTENT",
    "PARTIAL_CONTENT",
    "FOUND",
    "SEE_OTHER",
    "NOT_MODIFIED",
    "PERMANENT_REDIRECT",
];

/// What refuses in this code: a status that is not fine, or one made from a number.
fn refusals(code: &str) -> Vec<&str> {
    let parts = code.split("StatusCode::").skip(1);
    let words = parts.map(|rest| {
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        &rest[..end]
    });
    let is_wrong = |word: &&str| {
        let is_constant = word.chars().all(|c| c.is_ascii_uppercase() || c == '_');
        if is_constant { !FINE.contains(word) } else { *word == "from_u16" }
    };
    words.filter(is_wrong).collect()
}

#[test]
fn refusals_become_status_codes_only_in_problem_files() {
    let packages = packages();
    let mut wrong = Vec::new();
    let mut files = 0;
    for (_, folder) in ours(&packages) {
        if !matches!(room(folder), Room::Service(_) | Room::Platform) {
            continue;
        }
        for source in sources(folder) {
            if source.path.ends_with("/problem.rs") {
                files += usize::from(!refusals(&source.code).is_empty());
                continue;
            }
            let found = refusals(&source.code).into_iter();
            wrong.extend(found.map(|word| format!("{}: {word}", source.path)));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(files >= 4, "only {files} problem files were found");
}

#[test]
fn a_status_code_is_recognised() {
    assert_eq!(refusals("a(StatusCode::OK) b(StatusCode::NOT_FOUND)"), ["NOT_FOUND"]);
    assert_eq!(refusals("StatusCode::from_u16(404)"), ["from_u16"]);
    assert_eq!(refusals("StatusCode::as_u16"), [""; 0]);
}

#[test]
fn the_lock_file_is_up_to_date() {
    cargo(&["metadata", "--format-version", "1", "--no-deps"]);
}
