//! A time that stands still, and an authority that has published what it must.

use std::path::{Path, PathBuf};

use kakehashi_kernel::{Clock, Timestamp};
use kakehashi_platform::{
    mtls::{RootFiles, ServerTls, TlsVersions, TrustRules},
    pki::{Authority, CertificateFiles, SystemSerials, Validity},
};

pub(crate) const NOW: Timestamp = Timestamp(1_795_400_000_000);
pub(crate) const DAY_MS: i64 = 86_400_000;

pub(crate) struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        NOW
    }
}

pub(crate) fn authority(folder: &Path, name: &str) -> Authority {
    let validity = Validity::days(NOW, 3650);
    Authority::ensure(&folder.join(name), validity, &SystemSerials).unwrap()
}

/// The files of a listener for `zone`, among what was published into `public`.
pub(crate) fn listener(public: &Path, zone: &str, server: CertificateFiles) -> ServerTls {
    let of = |name: String| -> PathBuf { public.join(name) };
    ServerTls {
        server,
        client_authority: of(format!("{zone}.pem")),
        revocations: of(format!("{zone}.crl.pem")),
        root: Some(RootFiles {
            certificate: of("root.pem".to_owned()),
            revocations: of("root.crl.pem".to_owned()),
        }),
        ocsp: None,
        versions: TlsVersions::Tls13,
        rules: TrustRules::default(),
    }
}
