//! The whole policy: read at once or not at all, asked once per request.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use http::{Method, request::Parts};
use kakehashi_contract::{Identity, Role, Zone};
use kakehashi_kernel::Timestamp;

use super::{
    fault::{Faults, PolicyError},
    file::{PlaceEntry, PolicyFile},
    hours::{Hours, next_opening},
    methods::{self, METHODS_COUNT, Methods},
    parameter::Kind,
    route::{Declarations, Permit, Route},
    template::{PlainPath, Template, is_name},
};
use crate::refusal::Refusal;

/// The checked policy.
#[derive(Debug, Default)]
pub struct Policy {
    rules: HashMap<(Zone, Role), Vec<Site>>,
    hours: HashMap<Zone, ZoneHours>,
}

/// One shape of path of one zone and role, the more specific ones first.
#[derive(Debug)]
struct Site {
    template: Template,
    methods: [Option<Arc<Route>>; METHODS_COUNT],
    permitted: Methods,
}

/// When a zone is open, and which organisations keep other hours.
#[derive(Debug, Default)]
struct ZoneHours {
    all: Option<Arc<Hours>>,
    organisations: HashMap<String, Arc<Hours>>,
}

/// A request that the policy does not permit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Denied {
    pub(crate) refusal: Refusal,
    /// The route's template, where one was found.
    pub(crate) template: Option<Arc<str>>,
}

/// One way through, for lists and tests.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RouteLine {
    /// Whose zone.
    pub zone: Zone,
    /// Whose role.
    pub role: Role,
    /// The method.
    pub method: String,
    /// The path template.
    pub path: String,
    /// The component that answers.
    pub upstream: String,
}

impl Policy {
    /// Reads and checks a policy. `is_upstream` says which components exist.
    ///
    /// # Errors
    ///
    /// [`PolicyError`] naming every entry that is wrong, as far as a person wants to read.
    pub fn parse(text: &str, is_upstream: impl Fn(&str) -> bool) -> Result<Self, PolicyError> {
        let file = PolicyFile::read(text)?;
        let mut faults = Faults::default();
        let kinds = kinds(&file, &mut faults);
        let hours = hours(&file, &mut faults);
        let declared = Declarations { kinds: &kinds, hours: &hours, is_upstream: &is_upstream };
        let mut policy = Self::default();
        policy.add_hours(&file, &hours, &mut faults);
        for (place, entry) in &file.routes(&mut faults) {
            let methods = super::route::methods(entry, place, &mut faults);
            let zones = words::<Zone>(entry.zone.as_slice(), "zone", place, &mut faults);
            let roles = words::<Role>(entry.role.as_slice(), "role", place, &mut faults);
            let route = Route::read(place, entry, &declared, &mut faults);
            let Some(route) = route.map(Arc::new) else { continue };
            for (zone, role) in
                zones.iter().flat_map(|zone| roles.iter().map(|role| (*zone, *role)))
            {
                let sites = policy.rules.entry((zone, role)).or_default();
                if !add(sites, &route, &methods) {
                    faults.add(place, "duplicate of an earlier entry");
                }
            }
        }
        if faults.count() > 0 {
            return Err(PolicyError::Faults(faults));
        }
        for sites in policy.rules.values_mut() {
            sites.sort_by(|one, other| one.template.specificity(&other.template));
        }
        Ok(policy)
    }

    /// Answers the permission for a request, or why there is none.
    pub(crate) fn admit(
        &self,
        who: &Identity,
        head: &Parts,
        now: Timestamp,
    ) -> Result<Permit, Denied> {
        let route = self.find(who, &head.method, head.uri.path())?;
        let denied =
            |refusal| Denied { refusal, template: Some(Arc::clone(route.template.text())) };
        self.check_hours(who, route, now).map_err(denied)?;
        route.permit(head).map_err(denied)
    }

    /// Answers every way through, sorted.
    pub fn lines(&self) -> Vec<RouteLine> {
        let mut lines = Vec::new();
        for ((zone, role), sites) in &self.rules {
            for route in sites.iter().flat_map(|site| site.methods.iter().enumerate()) {
                let (index, Some(route)) = route else { continue };
                lines.push(RouteLine {
                    zone: *zone,
                    role: *role,
                    method: methods::name(index).to_owned(),
                    path: route.template.text().to_string(),
                    upstream: route.upstream().to_string(),
                });
            }
        }
        lines.sort();
        lines
    }

    /// Answers what the policy says to a request's head: the template it is let through by, or the code
    /// of the refusal. For operators and tests; suspensions are not asked.
    ///
    /// # Errors
    ///
    /// The stable code of the refusal.
    pub fn explain(
        &self,
        who: &Identity,
        head: &Parts,
        now: Timestamp,
    ) -> Result<String, &'static str> {
        let admitted = self.admit(who, head, now);
        admitted.map(|permit| permit.template().to_string()).map_err(|denied| denied.refusal.code())
    }

    fn find(&self, who: &Identity, method: &Method, path: &str) -> Result<&Arc<Route>, Denied> {
        let nowhere = |refusal| Denied { refusal, template: None };
        let path = PlainPath::parse(path).ok_or_else(|| nowhere(Refusal::PathMalformed))?;
        let sites = self.rules.get(&(who.zone, who.role)).map_or(&[][..], Vec::as_slice);
        let index = methods::index(method);
        let (mut permitted, mut malformed) = (Methods::default(), None);
        for site in sites.iter().filter(|site| site.template.matches(&path)) {
            permitted = permitted.union(site.permitted);
            let Some(route) = index.and_then(|index| site.methods[index].as_ref()) else {
                continue;
            };
            if route.accepts_path(&path) {
                return Ok(route);
            }
            malformed = Some(route);
        }
        // Roles without a way of this shape learn nothing, not even that others have one.
        Err(match malformed {
            Some(route) => Denied {
                refusal: Refusal::ParameterMalformed,
                template: Some(Arc::clone(route.template.text())),
            },
            None if permitted.is_empty() => nowhere(Refusal::NoRoute),
            None => nowhere(Refusal::MethodUnknown(permitted)),
        })
    }

    fn check_hours(&self, who: &Identity, route: &Route, now: Timestamp) -> Result<(), Refusal> {
        if self.hours.is_empty() && route.hours.is_none() {
            return Ok(());
        }
        check(self.hours_of(who).into_iter().chain(&route.hours), now)
    }

    /// Answers whether the holder's zone and organisation are within their hours.
    pub(crate) fn check_zone_hours(&self, who: &Identity, now: Timestamp) -> Result<(), Refusal> {
        check(self.hours_of(who).into_iter(), now)
    }

    fn hours_of(&self, who: &Identity) -> Option<&Arc<Hours>> {
        let zone = self.hours.get(&who.zone)?;
        zone.organisations.get(&who.organisation).or(zone.all.as_ref())
    }

    fn add_hours(
        &mut self,
        file: &PolicyFile,
        hours: &BTreeMap<String, Arc<Hours>>,
        faults: &mut Faults,
    ) {
        let find = |place: &str, entry: &PlaceEntry, faults: &mut Faults| {
            let found = hours.get(&entry.hours).cloned();
            if found.is_none() {
                faults.add(place, format!("unknown hours {}", entry.hours));
            }
            found
        };
        for (name, entry) in file.zones(faults) {
            let place = format!("zone {name}");
            let zone = faults.keep(&place, name.parse::<Zone>().map_err(|_| "unknown zone"));
            if let (Some(zone), Some(hours)) = (zone, find(&place, &entry, faults)) {
                self.hours.entry(zone).or_default().all = Some(hours);
            }
        }
        for (name, entry) in file.organisations(faults) {
            let place = format!("organisation {name}");
            let parts = name.split_once('/').and_then(|(zone, code)| {
                Some((zone.parse::<Zone>().ok()?, code)).filter(|(_, code)| !code.is_empty())
            });
            let parts = faults.keep(&place, parts.ok_or("not like municipal/141003"));
            if let (Some((zone, code)), Some(hours)) = (parts, find(&place, &entry, faults)) {
                let organisations = &mut self.hours.entry(zone).or_default().organisations;
                organisations.insert(code.to_owned(), hours);
            }
        }
    }
}

/// Refuses outside of any of these hours.
fn check<'a>(hours: impl Iterator<Item = &'a Arc<Hours>>, now: Timestamp) -> Result<(), Refusal> {
    let all: Vec<&Hours> = hours.map(|hours| &**hours).collect();
    if all.iter().all(|hours| hours.is_open(now)) {
        return Ok(());
    }
    Err(Refusal::OutOfHours { opens: next_opening(&all, now) })
}

/// Adds a route under each of its methods; `false` when an earlier entry has one of them.
fn add(sites: &mut Vec<Site>, route: &Arc<Route>, methods: &[Method]) -> bool {
    let found = sites.iter().position(|site| site.template.is_same_shape(&route.template));
    let index = found.unwrap_or_else(|| {
        sites.push(Site {
            template: route.template.clone(),
            methods: Default::default(),
            permitted: Methods::default(),
        });
        sites.len() - 1
    });
    let site = &mut sites[index];
    let mut is_new = true;
    for method in methods {
        let Some(place) = methods::index(method) else { continue };
        is_new &= site.methods[place].replace(Arc::clone(route)).is_none();
        site.permitted.insert(method);
    }
    is_new
}

fn words<T: std::str::FromStr>(
    names: &[String],
    what: &str,
    place: &str,
    faults: &mut Faults,
) -> Vec<T> {
    if names.is_empty() {
        faults.add(place, format!("no {what}"));
    }
    let read =
        |name: &String| faults.keep(place, name.parse().map_err(|_| format!("unknown {what}")));
    names.iter().filter_map(read).collect()
}

fn kinds(file: &PolicyFile, faults: &mut Faults) -> BTreeMap<String, Arc<Kind>> {
    let mut kinds = BTreeMap::new();
    for (name, table) in &file.types {
        let place = format!("type {name}");
        if !is_name(name) {
            faults.add(&place, "malformed name");
        }
        // What is wrong here is said once, not again by every route that uses it.
        let kind = faults.keep(&place, Kind::read(table.clone())).unwrap_or(Kind::Uuid);
        kinds.insert(name.clone(), Arc::new(kind));
    }
    kinds
}

fn hours(file: &PolicyFile, faults: &mut Faults) -> BTreeMap<String, Arc<Hours>> {
    let mut hours = BTreeMap::new();
    for (name, declared) in file.hours(faults) {
        if let Some(read) = faults.keep(&format!("hours {name}"), Hours::read(&declared)) {
            hours.insert(name, Arc::new(read));
        }
    }
    hours
}
