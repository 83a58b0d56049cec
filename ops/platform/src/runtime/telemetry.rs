//! Logging, to standard error or a file. Fields hold ids and codes; no personal data, no file names.

use std::{fs, io, path::Path, sync::Mutex};

use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// Starts logging; `filter` is a `tracing` directive list such as `info,sqlx=warn`.
///
/// The first call wins; a second one (as in tests) changes nothing.
pub fn start(filter: &str, format: LogFormat) {
    tell_places_of_panics_only();
    let filter = EnvFilter::builder().parse_lossy(filter);
    let registry = tracing_subscriber::registry().with(filter);
    let started = match format {
        LogFormat::Text => {
            registry.with(fmt::layer().with_writer(std::io::stderr).with_ansi(false)).try_init()
        }
        LogFormat::Json => {
            registry.with(fmt::layer().json().with_writer(std::io::stderr)).try_init()
        }
    };
    if started.is_err() {
        tracing::debug!("logging was already started");
    }
}

/// Starts logging to a file, begun anew: for the demo, whose terminal shows progress instead.
///
/// # Errors
///
/// When the file cannot be written.
pub fn start_to_file(filter: &str, path: &Path) -> io::Result<()> {
    tell_places_of_panics_only();
    let filter = EnvFilter::builder().parse_lossy(filter);
    let file = Mutex::new(fs::File::create(path)?);
    let layer = fmt::layer().with_writer(file).with_ansi(false);
    if tracing_subscriber::registry().with(filter).with(layer).try_init().is_err() {
        tracing::debug!("logging was already started");
    }
    Ok(())
}

/// The message of a panic may quote what was worked on, such as the text a slice was taken from.
fn tell_places_of_panics_only() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "panicked");
    }));
}
