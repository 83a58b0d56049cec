//! The policy file: TOML, read entry by entry, so that every fault of every entry is found at once.
//!
//! ```toml
//! [type.scan]
//! kind = "uuid"                  # see `parameter` for the kinds
//!
//! [hours.office]                 # optional
//! open = ["mon-fri 08:30-17:15"]
//! closed = ["2027-01-01"]
//!
//! [zone.municipal]               # optional: hours of a whole zone
//! hours = "office"
//!
//! [organisation."municipal/141003"]   # optional: another organisation's hours in place of its zone's
//! hours = "late"
//!
//! [[route]]
//! zone = "municipal"             # or a list
//! role = "municipal-staff"       # or a list
//! methods = ["POST"]
//! path = "/scans/{scan}/withdraw"     # `{name}` has the type `name`, `{name:type}` another
//! upstream = "ingest"
//! query = { lang = "language", tag = { type = "word", required = true, times_max = 3 } }
//! headers = { upload-offset = "size" }
//! body = ["application/json"]    # content types; none: no body; "any": any, or none given
//! body_bytes_max = 1024          # optional; never more than the gateway's own limit
//! signs_in = true                # optional: a wrong answer counts as a failed sign-in
//! enumerates = ["scan"]          # optional: parameters that are ids of something
//! access_key = "key"             # optional: the parameter that opens something by itself
//! hours = "office"               # optional: on top of the zone's or organisation's
//! ```

use std::collections::BTreeMap;

use serde::{Deserialize, de::DeserializeOwned};

use super::{
    fault::{Faults, PolicyError},
    hours,
};

/// Largest policy file.
pub(super) const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// The sections of the file, entries not looked at yet.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PolicyFile {
    #[serde(default, rename = "type")]
    pub(super) types: BTreeMap<String, toml::Table>,
    #[serde(default)]
    hours: BTreeMap<String, toml::Table>,
    #[serde(default)]
    zone: BTreeMap<String, toml::Table>,
    #[serde(default)]
    organisation: BTreeMap<String, toml::Table>,
    #[serde(default)]
    route: Vec<toml::Table>,
}

/// A zone's or organisation's table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PlaceEntry {
    pub(super) hours: String,
}

/// A route as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RouteEntry {
    pub(super) zone: OneOrMore,
    pub(super) role: OneOrMore,
    pub(super) methods: Vec<String>,
    pub(super) path: String,
    pub(super) upstream: String,
    #[serde(default)]
    pub(super) query: BTreeMap<String, toml::Value>,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, toml::Value>,
    #[serde(default)]
    pub(super) body: OneOrMore,
    pub(super) body_bytes_max: Option<u64>,
    #[serde(default)]
    pub(super) signs_in: bool,
    #[serde(default)]
    pub(super) enumerates: Vec<String>,
    pub(super) access_key: Option<String>,
    pub(super) hours: Option<String>,
}

/// `"a"` or `["a", "b"]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum OneOrMore {
    One(String),
    More(Vec<String>),
}

/// A query parameter or header: `"type"` alone is optional and single.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ParameterEntry {
    #[serde(rename = "type")]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) required: bool,
    #[serde(default = "once")]
    pub(super) times_max: u8,
}

const fn once() -> u8 {
    1
}

impl Default for OneOrMore {
    fn default() -> Self {
        Self::More(Vec::new())
    }
}

impl OneOrMore {
    pub(super) fn as_slice(&self) -> &[String] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::More(more) => more,
        }
    }
}

impl ParameterEntry {
    pub(super) fn read(value: &toml::Value) -> Result<Self, toml::de::Error> {
        match value {
            toml::Value::String(kind) => {
                Ok(Self { kind: kind.clone(), required: false, times_max: once() })
            }
            other => other.clone().try_into(),
        }
    }
}

impl PolicyFile {
    pub(super) fn read(text: &str) -> Result<Self, PolicyError> {
        Ok(toml::from_str(text)?)
    }

    /// Reads every `[hours.NAME]`.
    pub(super) fn hours(&self, faults: &mut Faults) -> BTreeMap<String, hours::Declared> {
        entries("hours", &self.hours, faults)
    }

    /// Reads every `[zone.NAME]`.
    pub(super) fn zones(&self, faults: &mut Faults) -> BTreeMap<String, PlaceEntry> {
        entries("zone", &self.zone, faults)
    }

    /// Reads every `[organisation."ZONE/CODE"]`.
    pub(super) fn organisations(&self, faults: &mut Faults) -> BTreeMap<String, PlaceEntry> {
        entries("organisation", &self.organisation, faults)
    }

    /// Reads every `[[route]]`, each with the words a fault of it is named by.
    pub(super) fn routes(&self, faults: &mut Faults) -> Vec<(String, RouteEntry)> {
        let mut routes = Vec::new();
        for (index, table) in self.route.iter().enumerate() {
            let path = table.get("path").and_then(toml::Value::as_str).unwrap_or("no path");
            let place = format!("policy entry {} ({path})", index + 1);
            if let Some(entry) = faults.keep(&place, typed(table)) {
                routes.push((place, entry));
            }
        }
        routes
    }
}

fn entries<T: DeserializeOwned>(
    section: &str,
    tables: &BTreeMap<String, toml::Table>,
    faults: &mut Faults,
) -> BTreeMap<String, T> {
    let mut entries = BTreeMap::new();
    for (name, table) in tables {
        if let Some(entry) = faults.keep(&format!("{section} {name}"), typed(table)) {
            entries.insert(name.clone(), entry);
        }
    }
    entries
}

fn typed<T: DeserializeOwned>(table: &toml::Table) -> Result<T, toml::de::Error> {
    toml::Value::Table(table.clone()).try_into()
}
