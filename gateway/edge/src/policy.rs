//! Who may ask what: zone × role × method × path template, everything else denied.
//!
//! ```toml
//! [[route]]
//! zone = "municipal"
//! role = "municipal-staff"
//! methods = ["POST", "HEAD", "PATCH"]
//! path = "/uploads/{upload}"
//! upstream = "ingest"
//! body_bytes_max = 16777216   # optional; never more than the gateway's own limit
//! ```

use std::collections::HashMap;

use http::Method;
use kakehashi_contract::{Identity, Role, Zone};
use serde::Deserialize;

use crate::{
    refusal::Refusal,
    template::{PlainPath, Template},
};

/// Methods a policy may name. CONNECT and TRACE are nobody's.
const METHODS: [Method; 7] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::OPTIONS,
];

/// The checked policy.
#[derive(Debug)]
pub struct Policy {
    routes: HashMap<(Zone, Role, Method), Vec<Route>>,
}

/// One permitted way through.
#[derive(Debug, Clone)]
pub(crate) struct Route {
    pub(crate) template: Template,
    pub(crate) upstream: String,
    pub(crate) body_bytes_max: Option<u64>,
}

/// The policy file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// No TOML, or an unknown or missing key.
    #[error("the policy file cannot be read")]
    Syntax(#[from] toml::de::Error),
    /// An entry is wrong.
    #[error("policy entry {entry} ({path}): {fault}")]
    Entry {
        /// 1 for the first.
        entry: usize,
        /// The entry's path template.
        path: String,
        /// What is wrong.
        fault: PolicyFault,
    },
}

/// What is wrong with an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PolicyFault {
    /// No such zone.
    #[error("unknown zone")]
    Zone,
    /// No such role.
    #[error("unknown role")]
    Role,
    /// No method, or an unknown one.
    #[error("unknown method")]
    Method,
    /// A malformed path template.
    #[error("malformed path template")]
    Path,
    /// No such upstream.
    #[error("unknown upstream")]
    Upstream,
    /// Another entry says the same.
    #[error("duplicate of an earlier entry")]
    Duplicate,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyFile {
    #[serde(default)]
    route: Vec<RouteEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RouteEntry {
    zone: String,
    role: String,
    methods: Vec<String>,
    path: String,
    upstream: String,
    body_bytes_max: Option<u64>,
}

impl Policy {
    /// Reads and checks a policy. `is_upstream` says which components exist.
    ///
    /// # Errors
    ///
    /// [`PolicyError`] naming the first entry that is wrong.
    pub fn parse(text: &str, is_upstream: impl Fn(&str) -> bool) -> Result<Self, PolicyError> {
        let file: PolicyFile = toml::from_str(text)?;
        let mut policy = Self { routes: HashMap::new() };
        for (index, entry) in file.route.into_iter().enumerate() {
            policy.add(&entry, &is_upstream).map_err(|fault| PolicyError::Entry {
                entry: index + 1,
                path: entry.path,
                fault,
            })?;
        }
        for routes in policy.routes.values_mut() {
            routes.sort_by(|one, other| one.template.specificity(&other.template));
        }
        Ok(policy)
    }

    fn add(
        &mut self,
        entry: &RouteEntry,
        is_upstream: impl Fn(&str) -> bool,
    ) -> Result<(), PolicyFault> {
        let zone: Zone = entry.zone.parse().map_err(|_| PolicyFault::Zone)?;
        let role: Role = entry.role.parse().map_err(|_| PolicyFault::Role)?;
        let template = Template::parse(&entry.path).ok_or(PolicyFault::Path)?;
        if !is_upstream(&entry.upstream) {
            return Err(PolicyFault::Upstream);
        }
        if entry.methods.is_empty() {
            return Err(PolicyFault::Method);
        }
        for name in &entry.methods {
            let method = METHODS.iter().find(|method| method.as_str() == name);
            let method = method.ok_or(PolicyFault::Method)?.clone();
            let routes = self.routes.entry((zone, role, method)).or_default();
            if routes.iter().any(|route| route.template.is_same_shape(&template)) {
                return Err(PolicyFault::Duplicate);
            }
            routes.push(Route {
                template: template.clone(),
                upstream: entry.upstream.clone(),
                body_bytes_max: entry.body_bytes_max,
            });
        }
        Ok(())
    }

    /// Answers the way through for a request, or why there is none.
    pub(crate) fn route(
        &self,
        who: &Identity,
        method: &Method,
        path: &str,
    ) -> Result<&Route, Refusal> {
        let path = PlainPath::parse(path).ok_or(Refusal::PathMalformed)?;
        let routes = self.routes.get(&(who.zone, who.role, method.clone()));
        let found = routes.and_then(|routes| routes.iter().find(|r| r.template.matches(&path)));
        found.ok_or(Refusal::NoRoute)
    }
}

#[cfg(test)]
mod tests {
    use kakehashi_kernel::Sha256Digest;

    use super::*;

    const GOOD: &str = r#"
        [[route]]
        zone = "municipal"
        role = "municipal-staff"
        methods = ["GET", "POST"]
        path = "/scans/{scan}"
        upstream = "ingest"
        [[route]]
        zone = "municipal"
        role = "municipal-staff"
        methods = ["GET"]
        path = "/scans/new"
        upstream = "registry"
    "#;

    fn parse(text: &str) -> Result<Policy, PolicyError> {
        Policy::parse(text, |name| ["ingest", "registry"].contains(&name))
    }

    fn identity(zone: Zone, role: Role) -> Identity {
        Identity {
            zone,
            role,
            organisation: "141003".to_owned(),
            device: "scan-01".to_owned(),
            certificate: Sha256Digest::of(b""),
        }
    }

    #[track_caller]
    fn check(who: (Zone, Role), method: &str, path: &str, expected: Result<&str, Refusal>) {
        let policy = parse(GOOD).unwrap();
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let found = policy.route(&identity(who.0, who.1), &method, path);
        assert_eq!(found.map(|route| route.upstream.as_str()), expected);
    }

    const STAFF: (Zone, Role) = (Zone::Municipal, Role::MunicipalStaff);

    #[test]
    fn what_is_written_is_permitted_and_the_most_specific_wins() {
        check(STAFF, "GET", "/scans/1", Ok("ingest"));
        check(STAFF, "POST", "/scans/new", Ok("ingest"));
        check(STAFF, "GET", "/scans/new", Ok("registry"));
    }

    #[test]
    fn everything_else_is_denied() {
        check(STAFF, "DELETE", "/scans/1", Err(Refusal::NoRoute));
        check(STAFF, "CONNECT", "/scans/1", Err(Refusal::NoRoute));
        check(STAFF, "GET", "/", Err(Refusal::NoRoute));
        check(STAFF, "GET", "/scans/../scans/1", Err(Refusal::PathMalformed));
        check((Zone::Entry, Role::MunicipalStaff), "GET", "/scans/1", Err(Refusal::NoRoute));
        check((Zone::Municipal, Role::Institution), "GET", "/scans/1", Err(Refusal::NoRoute));
    }

    #[test]
    fn a_wrong_entry_is_named() {
        for (from, to, fault) in [
            ("\"municipal\"", "\"moon\"", PolicyFault::Zone),
            ("municipal-staff", "mayor", PolicyFault::Role),
            ("\"GET\", \"POST\"", "\"BREW\"", PolicyFault::Method),
            ("\"GET\", \"POST\"", "", PolicyFault::Method),
            ("/scans/{scan}", "/scans/{", PolicyFault::Path),
            ("\"ingest\"", "\"elsewhere\"", PolicyFault::Upstream),
        ] {
            match parse(&GOOD.replacen(from, to, 1)) {
                Err(PolicyError::Entry { entry: 1, fault: found, .. }) => assert_eq!(found, fault),
                other => panic!("{to}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_duplicate_is_named_whatever_its_parameter_is_called() {
        let text = GOOD.replace("/scans/new", "/scans/{other}");
        let error = parse(&text).unwrap_err();
        let said = "policy entry 2 (/scans/{other}): duplicate of an earlier entry";
        assert_eq!(error.to_string(), said);
    }

    #[test]
    fn an_unknown_key_is_refused() {
        assert!(matches!(parse("[[rout]]"), Err(PolicyError::Syntax(_))));
        let text = GOOD.replacen("upstream", "allow = true\nupstream", 1);
        assert!(matches!(parse(&text), Err(PolicyError::Syntax(_))));
    }
}
