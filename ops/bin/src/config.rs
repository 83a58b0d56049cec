//! The configuration of a process: one TOML file, unknown keys refused.

use std::{net::SocketAddr, path::PathBuf};

use kakehashi_edge::EdgeConfig;
use kakehashi_platform::runtime::telemetry::LogFormat;
use serde::Deserialize;

/// Everything a process is told.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// Logging.
    #[serde(default)]
    pub(crate) log: LogConfig,
    /// Where things lie.
    pub(crate) folders: Folders,
    /// The gateway. Its upstreams `ingest`, `converter` and `registry` may be left at port 0 when all
    /// roles run in one process: the ports the components got are put in.
    pub(crate) gateway: EdgeConfig,
    /// Receive and examine.
    pub(crate) ingest: IngestConfig,
    /// Lots and returns.
    pub(crate) converter: ConverterConfig,
    /// Entry and records.
    pub(crate) registry: RegistryConfig,
}

impl Config {
    /// Refuses a configuration whose data is not there: a command that only looks must not make any.
    pub(crate) fn expect_data(&self) -> anyhow::Result<()> {
        let databases = ["ingest.db", "converter.db", "registry.db"];
        anyhow::ensure!(
            databases.iter().all(|database| self.folders.data.join(database).exists()),
            "not every component has its data in {}: check [folders] in the configuration",
            self.folders.data.display()
        );
        Ok(())
    }
}

/// Logging, to standard error.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LogConfig {
    /// `tracing` directives.
    pub(crate) filter: String,
    /// `text` or `json`.
    pub(crate) format: LogFormat,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { filter: "info,sqlx=warn".into(), format: LogFormat::Text }
    }
}

/// Where things lie.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Folders {
    /// Databases, objects, growing uploads.
    pub(crate) data: PathBuf,
    /// Sealing, index and audit keys.
    pub(crate) keys: PathBuf,
    /// Certificates, their keys, CA certificates and revocation lists of components.
    pub(crate) certificates: PathBuf,
}

macro_rules! component {
    ($(#[$doc:meta])* $name:ident, $settings:ty) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(crate) struct $name {
            /// Where it listens for the gateway; port 0 takes a free one.
            pub(crate) address: SocketAddr,
            /// Its settings.
            #[serde(default)]
            pub(crate) settings: $settings,
        }
    };
}

component!(
    /// Receive and examine.
    IngestConfig,
    kakehashi_ingest::Settings
);
component!(
    /// Lots and returns.
    ConverterConfig,
    kakehashi_converter::Settings
);
component!(
    /// Entry and records.
    RegistryConfig,
    kakehashi_registry::Settings
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_configuration_loads() {
        let sample = include_str!("../../deploy/kakehashi.toml");
        let config: Config = toml::from_str(sample).unwrap();
        assert_eq!(config.gateway.listeners.len(), 3);
    }

    #[test]
    fn a_misspelt_key_is_refused_with_its_line() {
        let sample = include_str!("../../deploy/kakehashi.toml")
            .replace("[ingest]\n", "[ingest]\nadress = 1\n");
        let error = toml::from_str::<Config>(&sample).unwrap_err().to_string();
        assert!(error.contains("adress"), "{error}");
    }
}
