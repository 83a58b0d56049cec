//! One way through: what the head of a request must look like, and what is permitted then.

use std::{collections::BTreeMap, sync::Arc};

use http::{HeaderName, Method, Uri, request::Parts};

use super::{
    fault::Faults,
    file::{ParameterEntry, RouteEntry},
    head::{Bodies, PARAMETERS_MAX, Rule, check_body, check_headers, check_query, may_have_body},
    hours::Hours,
    parameter::{Kind, Plus, decode},
    template::{PlainPath, Segment, Template, is_name},
};
use crate::refusal::Refusal;

/// A route, checked.
#[derive(Debug)]
pub(super) struct Route {
    pub(super) template: Template,
    upstream: Arc<str>,
    /// One per segment that is a parameter.
    values: Vec<(usize, Arc<Kind>)>,
    query: Vec<Rule<Box<str>>>,
    headers: Vec<Rule<HeaderName>>,
    bodies: Bodies,
    body_bytes_max: Option<u64>,
    signs_in: bool,
    enumerates: Vec<Place>,
    access_key: Option<Place>,
    pub(super) hours: Option<Arc<Hours>>,
}

/// Where a parameter stands.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Segment(usize),
    Query(Box<str>),
}

/// What the file declares for all routes.
pub(super) struct Declarations<'a> {
    pub(super) kinds: &'a BTreeMap<String, Arc<Kind>>,
    pub(super) hours: &'a BTreeMap<String, Arc<Hours>>,
    pub(super) is_upstream: &'a dyn Fn(&str) -> bool,
}

/// Permission for one request. Only the policy makes one.
#[derive(Debug, Clone)]
pub(crate) struct Permit {
    route: Arc<Route>,
    may_have_body: bool,
}

impl Route {
    /// Reads an entry; notes everything that is wrong with it.
    pub(super) fn read(
        place: &str,
        entry: &RouteEntry,
        declared: &Declarations<'_>,
        faults: &mut Faults,
    ) -> Option<Self> {
        let before = faults.count();
        let Some(template) = Template::parse(&entry.path) else {
            faults.add(place, "malformed path template");
            return None;
        };
        if !(declared.is_upstream)(&entry.upstream) {
            faults.add(place, "unknown upstream");
        }
        let mut values = Vec::new();
        for (index, segment) in template.segments().iter().enumerate() {
            let Segment::Parameter { kind, .. } = segment else { continue };
            values.extend(declared.kind(kind, place, faults).map(|kind| (index, kind)));
        }
        let hours = entry.hours.as_ref().and_then(|name| {
            let found = declared.hours.get(name).cloned();
            found.or_else(|| {
                faults.add(place, format!("unknown hours {name}"));
                None
            })
        });
        let mut places = |name: &String| {
            let found = find_place(name, &template, entry);
            found.or_else(|| {
                faults.add(place, format!("no parameter {name} in path or query"));
                None
            })
        };
        let enumerates = entry.enumerates.iter().filter_map(&mut places).collect();
        let access_key = entry.access_key.as_ref().and_then(&mut places);
        let route = Self {
            upstream: entry.upstream.as_str().into(),
            values,
            query: declared.query(entry, place, faults),
            headers: declared.headers(entry, place, faults),
            bodies: bodies(entry, place, faults),
            body_bytes_max: entry.body_bytes_max,
            signs_in: entry.signs_in,
            enumerates,
            access_key,
            hours,
            template,
        };
        (faults.count() == before).then_some(route)
    }

    /// Answers whether the path's values are of their types. Its shape is known to be right.
    pub(super) fn accepts_path(&self, path: &PlainPath<'_>) -> bool {
        let parts = path.segments();
        self.values.iter().all(|(index, kind)| {
            let part = parts.get(*index).and_then(|part| decode(part, Plus::IsPlus));
            part.is_some_and(|part| kind.accepts(&part))
        })
    }

    /// Checks what of a head is not its path.
    pub(super) fn permit(self: &Arc<Self>, head: &Parts) -> Result<Permit, Refusal> {
        check_headers(&self.headers, &head.headers)?;
        check_query(&self.query, head.uri.query().unwrap_or_default())?;
        let may_have_body = check_body(&self.bodies, head)?;
        Ok(Permit { route: Arc::clone(self), may_have_body })
    }

    pub(super) const fn upstream(&self) -> &Arc<str> {
        &self.upstream
    }
}

impl Permit {
    /// Answers the path template, without types.
    pub(crate) fn template(&self) -> &Arc<str> {
        self.route.template.text()
    }

    /// Answers the component's name.
    pub(crate) fn upstream(&self) -> &str {
        &self.route.upstream
    }

    /// Answers how long the body may be, if the policy says: 0 where there may be none.
    pub(crate) fn body_bytes_max(&self) -> Option<u64> {
        if self.may_have_body { self.route.body_bytes_max } else { Some(0) }
    }

    /// Answers whether a wrong answer is a failed sign-in.
    pub(crate) fn signs_in(&self) -> bool {
        self.route.signs_in
    }

    /// Answers whether the route has parameters somebody could count through.
    pub(crate) fn has_ids(&self) -> bool {
        !self.route.enumerates.is_empty()
    }

    /// Answers the ids a request names, as they are written in it.
    pub(crate) fn ids<'a>(&'a self, uri: &'a Uri) -> impl Iterator<Item = &'a str> {
        let values = self.route.enumerates.iter().filter_map(|place| place.value(uri));
        values.filter(|value| !value.is_empty())
    }

    /// Answers the access key a request names, as it is written in it.
    pub(crate) fn access_key<'a>(&'a self, uri: &'a Uri) -> Option<&'a str> {
        self.route.access_key.as_ref().and_then(|place| place.value(uri))
    }
}

impl Place {
    fn value<'a>(&self, uri: &'a Uri) -> Option<&'a str> {
        match self {
            Self::Segment(index) => uri.path().strip_prefix('/')?.split('/').nth(*index),
            Self::Query(name) => uri.query()?.split('&').find_map(|pair| {
                let (found, value) = pair.split_once('=')?;
                (decode(found, Plus::IsSpace)? == **name).then_some(value)
            }),
        }
    }
}

impl Declarations<'_> {
    fn kind(&self, name: &str, place: &str, faults: &mut Faults) -> Option<Arc<Kind>> {
        let found = self.kinds.get(name).cloned().or_else(|| Kind::plain(name).map(Arc::new));
        if found.is_none() {
            faults.add(place, format!("unknown type {name}"));
        }
        found
    }

    fn query(&self, entry: &RouteEntry, place: &str, faults: &mut Faults) -> Vec<Rule<Box<str>>> {
        if entry.query.len() > PARAMETERS_MAX {
            faults.add(place, format!("more than {PARAMETERS_MAX} query parameters"));
        }
        let mut rules = Vec::new();
        for (name, value) in &entry.query {
            let name = if is_name(name) { Some(name.as_str().into()) } else { None };
            rules.extend(self.rule(name, "query parameter", value, place, faults));
        }
        rules
    }

    fn headers(
        &self,
        entry: &RouteEntry,
        place: &str,
        faults: &mut Faults,
    ) -> Vec<Rule<HeaderName>> {
        let mut rules = Vec::new();
        for (name, value) in &entry.headers {
            // A name that is not written in lower case would be one nobody finds again.
            let name = name.parse().ok().filter(|known: &HeaderName| known.as_str() == name);
            rules.extend(self.rule(name, "header", value, place, faults));
        }
        rules
    }

    fn rule<N>(
        &self,
        name: Option<N>,
        what: &str,
        value: &toml::Value,
        place: &str,
        faults: &mut Faults,
    ) -> Option<Rule<N>> {
        if name.is_none() {
            faults.add(place, format!("malformed name of a {what}"));
        }
        let entry = faults.keep(place, ParameterEntry::read(value))?;
        if entry.times_max == 0 {
            faults.add(place, format!("a {what} that may come 0 times"));
        }
        let kind = self.kind(&entry.kind, place, faults)?;
        let (is_required, times_max) = (entry.required, entry.times_max);
        name.map(|name| Rule { name, kind, is_required, times_max })
    }
}

/// Reads the methods of an entry; unknown and doubled ones are faults.
pub(super) fn methods(entry: &RouteEntry, place: &str, faults: &mut Faults) -> Vec<Method> {
    let mut methods = Vec::new();
    for name in &entry.methods {
        match super::methods::parse(name) {
            Some(method) if !methods.contains(&method) => methods.push(method),
            Some(method) => faults.add(place, format!("method {method} twice")),
            None => faults.add(place, "unknown method"),
        }
    }
    if entry.methods.is_empty() {
        faults.add(place, "unknown method");
    }
    methods
}

fn bodies(entry: &RouteEntry, place: &str, faults: &mut Faults) -> Bodies {
    let methods: Vec<Method> =
        entry.methods.iter().filter_map(|name| super::methods::parse(name)).collect();
    let types = entry.body.as_slice();
    if !types.is_empty() && !may_have_body(&methods) {
        faults.add(place, "a body for methods that have none");
    }
    if types.is_empty() && entry.body_bytes_max.is_some() {
        faults.add(place, "body_bytes_max without body");
    }
    match types {
        [] => Bodies::None,
        [any] if any == "any" => Bodies::Any,
        types => {
            for media in types.iter().filter(|media| !is_media_type(media)) {
                faults.add(place, format!("malformed content type {media:?}"));
            }
            Bodies::Of(types.to_vec())
        }
    }
}

fn is_media_type(text: &str) -> bool {
    let is_token = |text: &str| {
        let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-+.".contains(&b);
        !text.is_empty() && text.bytes().all(is_plain)
    };
    text.split_once('/').is_some_and(|(kind, sub)| is_token(kind) && is_token(sub))
}

fn find_place(name: &str, template: &Template, entry: &RouteEntry) -> Option<Place> {
    let is_it = |segment: &Segment| matches!(segment, Segment::Parameter { name: own, .. } if **own == *name);
    let segment = template.segments().iter().position(is_it).map(Place::Segment);
    segment.or_else(|| entry.query.contains_key(name).then(|| Place::Query(name.into())))
}
