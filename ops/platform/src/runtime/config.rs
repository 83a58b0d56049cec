//! TOML configuration. Unknown keys are errors, so that a misspelt limit does not pass for a default.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

/// Why a configuration file does not load.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read configuration {path}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not what the component expects. The text names line and key.
    #[error("configuration {path} is wrong: {reason}")]
    Parse {
        /// Which file.
        path: PathBuf,
        /// Line, key and expectation.
        reason: String,
    },
}

/// Reads a configuration. The type must deny unknown fields.
///
/// # Errors
///
/// [`ConfigError`] naming file, line and key.
pub fn load_config<T: DeserializeOwned>(path: &Path) -> Result<T, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
    toml::from_str(&text)
        .map_err(|error| ConfigError::Parse { path: path.to_owned(), reason: error.to_string() })
}
