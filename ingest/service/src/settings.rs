//! Settings of ingest. Every limit has a default at or below the kernel's.

use kakehashi_kernel::limits;
use serde::Deserialize;

/// Settings of ingest.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Uploads one municipality may have open at once.
    pub uploads_open_max: u32,
    /// Hours after which an upload nobody finished is removed.
    pub upload_idle_hours: i64,
    /// Inspections at once.
    pub inspections_max: u32,
    /// Times an inspection is tried when it fails for our own reasons.
    pub inspection_attempts_max: u32,
    /// Milliseconds without news after which a released scan is announced again.
    pub overdue_ms: i64,
    /// Milliseconds between two rounds of the sweeper.
    pub sweep_every_ms: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            uploads_open_max: limits::UPLOADS_OPEN_MAX,
            upload_idle_hours: limits::UPLOAD_IDLE_HOURS_MAX,
            inspections_max: 2,
            inspection_attempts_max: 5,
            overdue_ms: 30 * 60 * 1000,
            sweep_every_ms: 60 * 1000,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_setting_is_an_error() {
        assert!(toml::from_str::<Settings>("uploads_open_max = 5").is_ok());
        assert!(toml::from_str::<Settings>("upload_open_max = 5").is_err());
    }
}
