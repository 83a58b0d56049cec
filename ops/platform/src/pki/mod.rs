//! The certificate authority: one root, one issuing CA per zone, certificates, revocation lists, files.
//!
//! The CA's keys lie in a folder of their own, which no server reads. What servers and clients read
//! (roots, revocation lists, their own key and chain) is written elsewhere by [`Authority::publish`]
//! and the `ensure_*` functions. Time and serial numbers are passed in. It does not speak over any
//! network and keeps no inventory of what it issued; only revocations are remembered.

mod authority;
mod bundle;
mod folder;
mod profile;
mod revocation;
#[cfg(test)]
mod tests;

pub use authority::{Authority, CertificateFiles, Issued};
pub use folder::{write_private, write_public};
pub use profile::{Holder, Validity};

use kakehashi_contract::IdentityRefusal;

/// Draws certificate serial numbers.
pub trait Serials: Send + Sync {
    /// Answers 16 bytes that nobody can guess.
    ///
    /// # Errors
    ///
    /// [`PkiError::Random`] when the source fails.
    fn draw(&self) -> Result<[u8; 16], PkiError>;
}

/// Serial numbers from the operating system's random source.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemSerials;

impl Serials for SystemSerials {
    fn draw(&self) -> Result<[u8; 16], PkiError> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(|_| PkiError::Random)?;
        Ok(bytes)
    }
}

/// Why the authority could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum PkiError {
    /// A file could not be read or written.
    #[error("{path} could not be {verb}")]
    File {
        /// Which file.
        path: std::path::PathBuf,
        /// `read` or `written`.
        verb: &'static str,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A key or certificate could not be made.
    #[error("the certificate could not be made")]
    Make(#[from] rcgen::Error),
    /// What was issued would not be accepted by our own profile.
    #[error("the certificate would not follow the profile")]
    Profile(#[from] IdentityRefusal),
    /// A stored certificate, key or revocation record is not what was written.
    #[error("{path} is damaged")]
    Damaged {
        /// Which file.
        path: std::path::PathBuf,
    },
    /// The certificate was not issued by this zone's CA.
    #[error("the certificate was not issued by this zone's authority")]
    Foreign,
    /// The random source failed.
    #[error("the random source failed")]
    Random,
    /// The browser bundle could not be made.
    #[error("the PKCS#12 bundle could not be made")]
    Bundle(#[from] p12_keystore::error::Error),
}
