//! Step 1: certificate, key and root as they lie on this machine. Nothing is sent anywhere.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use kakehashi_contract::{Identity, IdentityRefusal};
use kakehashi_kernel::Timestamp;
use kakehashi_platform::mtls::crypto_provider;
use p12_keystore::{KeyStore, Pkcs12ImportPolicy};
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    sign::CertifiedKey,
};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::{
    check::{Check, Step, Text},
    words,
};

const DAY_MS: i64 = 86_400_000;
/// Days of validity below which renewal is advised.
const DAYS_LEFT_MIN: i64 = 30;
/// Bytes of a file that are read; a certificate, key or bundle is far smaller.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Where the holder's certificate comes from.
pub(super) enum Source {
    /// A chain and its key, PEM.
    Pair { certificate: PathBuf, key: PathBuf },
    /// A PKCS#12 bundle and its password.
    Bundle { file: PathBuf, password: String },
}

/// What the following steps need.
pub(super) struct Credentials {
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
    pub(super) roots: RootCertStore,
    pub(super) identity: Identity,
}

/// Looks at the files; answers what was found and, if nothing blocks, what was read.
pub(super) fn examine(
    source: &Source,
    root: &Path,
    now: Timestamp,
) -> (Vec<Check>, Option<Credentials>) {
    let mut checks = Vec::new();
    let read = read_all(source, root, now, &mut checks);
    match read {
        Ok(credentials) => (checks, Some(credentials)),
        Err(check) => {
            checks.push(check);
            (checks, None)
        }
    }
}

type Outcome<T> = Result<T, Check>;

fn read_all(
    source: &Source,
    root: &Path,
    now: Timestamp,
    checks: &mut Vec<Check>,
) -> Outcome<Credentials> {
    let (chain, key) = match source {
        Source::Pair { certificate, key } => {
            let chain = certificates(certificate)?;
            checks.extend(open_to_others(key));
            (chain, private_key(key)?)
        }
        Source::Bundle { file, password } => {
            checks.extend(open_to_others(file));
            bundle(file, password)?
        }
    };
    let leaf = chain.first().ok_or_else(|| broken("certificate-empty", &words::CERTIFICATE_PEM))?;
    let identity = Identity::from_der(leaf).map_err(profile)?;
    belongs(&chain, &key)?;
    let (_, parsed) =
        X509Certificate::from_der(leaf).map_err(|_| profile(IdentityRefusal::Unreadable))?;
    let days = validity(&parsed, now)?;
    checks.extend(chain_order(&chain));
    let roots = roots(root)?;
    if days < DAYS_LEFT_MIN {
        let found = Text::new(
            format!("端末の証明書の期限まで残り {days} 日です"),
            format!("the client certificate expires in {days} days"),
        );
        let remedy = words::text(&words::RENEW);
        checks.push(Check::warning(Step::Files, "certificate-expires-soon", found, remedy));
    }
    let until = Timestamp(parsed.validity().not_after.timestamp().saturating_mul(1000));
    let until = until.date_in_japan();
    let found = Text::new(
        format!("{identity}、期限 {until}（残り {days} 日）"),
        format!("{identity}, valid until {until} ({days} days left)"),
    );
    checks.insert(0, Check::ok(Step::Files, "files-ok", found));
    Ok(Credentials { chain, key, roots, identity })
}

fn read(path: &Path) -> Outcome<Vec<u8>> {
    let refuse = |error: &io::Error| {
        let (code, why) = match error.kind() {
            io::ErrorKind::NotFound => ("file-missing", &words::FILE_MISSING),
            io::ErrorKind::PermissionDenied => ("file-permission", &words::FILE_PERMISSION),
            _ => ("file-unreadable", &words::FILE_UNREADABLE),
        };
        file(path, code, why)
    };
    let length = fs::metadata(path).map_err(|error| refuse(&error))?.len();
    if length > FILE_BYTES_MAX {
        return Err(file(path, "file-unreadable", &words::FILE_UNREADABLE));
    }
    fs::read(path).map_err(|error| refuse(&error))
}

fn certificates(path: &Path) -> Outcome<Vec<CertificateDer<'static>>> {
    let bytes = read(path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) | Err(_) => Err(file(path, "certificate-not-pem", &words::CERTIFICATE_PEM)),
    }
}

fn private_key(path: &Path) -> Outcome<PrivateKeyDer<'static>> {
    let bytes = read(path)?;
    if String::from_utf8_lossy(&bytes).contains("ENCRYPTED") {
        return Err(file(path, "key-encrypted", &words::KEY_ENCRYPTED));
    }
    PrivateKeyDer::from_pem_slice(&bytes).map_err(|_| file(path, "key-not-pem", &words::KEY_PEM))
}

fn bundle(
    path: &Path,
    password: &str,
) -> Outcome<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)> {
    let bytes = read(path)?;
    let store =
        KeyStore::from_pkcs12(&bytes, password, Pkcs12ImportPolicy::Relaxed).map_err(|error| {
            match error {
                p12_keystore::error::Error::MacError(_) => {
                    file(path, "bundle-password", &words::BUNDLE_PASSWORD)
                }
                _ => file(path, "bundle-unreadable", &words::BUNDLE_UNREADABLE),
            }
        })?;
    let unusable = || file(path, "bundle-unreadable", &words::BUNDLE_UNREADABLE);
    let (_, entry) = store.private_key_chain().ok_or_else(unusable)?;
    let chain: Vec<_> = entry
        .certs()
        .iter()
        .map(|certificate| CertificateDer::from(certificate.as_der().to_vec()))
        .collect();
    let key = PrivateKeyDer::try_from(entry.key().as_der().to_vec()).map_err(|_| unusable())?;
    Ok((chain, key))
}

/// A key that others may read is no longer its holder's alone.
fn open_to_others(path: &Path) -> Option<Check> {
    let mode = fs::metadata(path).ok()?.permissions().mode() & 0o777;
    if mode.trailing_zeros() >= 6 {
        return None;
    }
    let shown = path.display();
    let found = Text::new(
        format!("{shown} をほかの利用者も読めます（{mode:03o}）"),
        format!("{shown} is open to other users ({mode:03o})"),
    );
    let remedy = Text::new(format!("chmod 600 {shown}"), format!("chmod 600 {shown}"));
    Some(Check::warning(Step::Files, "key-permissions", found, remedy))
}

fn belongs(chain: &[CertificateDer<'static>], key: &PrivateKeyDer<'static>) -> Outcome<()> {
    let pair = CertifiedKey::from_der(chain.to_vec(), key.clone_key(), &crypto_provider());
    match pair {
        Ok(_) => Ok(()),
        Err(rustls::Error::InconsistentKeys(_)) => {
            Err(broken("key-mismatch", &words::KEY_MISMATCH))
        }
        Err(_) => Err(broken("key-unusable", &words::KEY_PEM)),
    }
}

/// Answers the days left.
fn validity(certificate: &X509Certificate<'_>, now: Timestamp) -> Outcome<i64> {
    let from = certificate.validity().not_before.timestamp().saturating_mul(1000);
    let until = certificate.validity().not_after.timestamp().saturating_mul(1000);
    if now.0 < from {
        return Err(broken("certificate-not-yet-valid", &words::NOT_YET_VALID));
    }
    if now.0 > until {
        return Err(broken("certificate-expired", &words::EXPIRED));
    }
    Ok((until - now.0) / DAY_MS)
}

/// Each certificate must be followed by its issuer's.
fn chain_order(chain: &[CertificateDer<'_>]) -> Option<Check> {
    let parsed: Vec<_> =
        chain.iter().filter_map(|der| Some(X509Certificate::from_der(der).ok()?.1)).collect();
    let is_chain = parsed.len() == chain.len()
        && parsed.windows(2).all(|pair| match pair {
            [lower, upper] => lower.issuer() == upper.subject(),
            _ => true,
        });
    let is_alone = chain.len() == 1;
    if is_chain && !is_alone {
        return None;
    }
    let found = if is_alone {
        let issuer = parsed.first().map(|leaf| leaf.issuer().to_string()).unwrap_or_default();
        Text::new(
            format!("発行者（{issuer}）の証明書が付いていません"),
            format!("the issuer's certificate ({issuer}) is not in the file"),
        )
    } else {
        Text::new("証明書の並びが発行の順になっていません", "the chain is not in order of issue")
    };
    let remedy = words::text(&words::CHAIN);
    Some(Check::warning(Step::Files, "chain-incomplete", found, remedy))
}

fn roots(path: &Path) -> Outcome<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(|_| file(path, "root-unusable", &words::ROOT))?;
    }
    Ok(roots)
}

fn file(path: &Path, code: &'static str, why: &words::Words) -> Check {
    let shown = path.display();
    let found = Text::new(format!("{shown}：{}", why.0), format!("{shown}: {}", why.1));
    Check::failed(Step::Files, code, found, Text::new(why.2, why.3))
}

fn broken(code: &'static str, why: &words::Words) -> Check {
    words::failed(Step::Files, code, why)
}

fn profile(refusal: IdentityRefusal) -> Check {
    let why = &words::PROFILE;
    let found = Text::new(why.0, format!("{}: {refusal}", why.1));
    Check::failed(Step::Files, refusal.code(), found, Text::new(why.2, why.3))
}
