use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use kakehashi_contract::{Identity, Role, Zone};
use kakehashi_kernel::Timestamp;
use rustls::pki_types::pem::PemObject;
use tempfile::TempDir;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::*;

const NOW: Timestamp = Timestamp(1_795_400_000_000);

fn authority(folder: &Path) -> Authority {
    Authority::ensure(folder, Validity::days(NOW, 3650), &SystemSerials).unwrap()
}

fn municipality() -> Holder {
    Holder::new(Zone::Municipal, Role::MunicipalStaff, "141003", "scan-01")
}

#[test]
fn a_client_certificate_carries_its_holder() {
    let folder = TempDir::new().unwrap();
    let authority = authority(folder.path());
    let issued =
        authority.issue_client(&municipality(), Validity::days(NOW, 30), &SystemSerials).unwrap();
    let identity = Identity::from_der(&issued.leaf().unwrap()).unwrap();
    assert_eq!(identity.to_string(), "municipal/municipal-staff/141003/scan-01");
}

#[test]
fn a_holder_with_odd_words_is_not_certified() {
    let folder = TempDir::new().unwrap();
    let authority = authority(folder.path());
    let holder = Holder::new(Zone::Municipal, Role::MunicipalStaff, "141003/x", "scan 01");
    let refused = authority.issue_client(&holder, Validity::days(NOW, 30), &SystemSerials);
    assert!(matches!(refused, Err(PkiError::Profile(_))));
}

#[test]
fn a_restart_finds_the_same_authority() {
    let folder = TempDir::new().unwrap();
    let first = authority(folder.path());
    let second = authority(folder.path());
    assert_eq!(first.root_pem(), second.root_pem());
    for zone in Zone::ALL.iter().copied() {
        assert_eq!(first.zone_pem(zone), second.zone_pem(zone));
    }
}

#[test]
fn an_authority_that_was_cut_off_half_way_completes() {
    let folder = TempDir::new().unwrap();
    let first = authority(folder.path());
    fs::remove_file(folder.path().join("national/certificate.pem")).unwrap();
    let second = authority(folder.path());
    assert_eq!(first.root_pem(), second.root_pem());
    assert_ne!(first.zone_pem(Zone::National), second.zone_pem(Zone::National));
}

#[test]
fn a_damaged_authority_is_not_replaced() {
    let folder = TempDir::new().unwrap();
    authority(folder.path());
    fs::write(folder.path().join("root/key.pem"), "no key").unwrap();
    let again = Authority::ensure(folder.path(), Validity::days(NOW, 30), &SystemSerials);
    assert!(matches!(again, Err(PkiError::Damaged { .. })));
}

#[test]
fn files_are_kept_while_valid_and_replaced_when_expired() {
    let (ca, out) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let authority = authority(ca.path());
    let ensure = |now: Timestamp| {
        let validity = Validity::days(now, 30);
        let holder = municipality();
        let files = authority
            .ensure_client(out.path(), "scan-01", &holder, now, validity, &SystemSerials)
            .unwrap();
        Issued::load(&files).unwrap().chain_pem
    };
    let first = ensure(NOW);
    assert_eq!(first, ensure(NOW.plus_ms(29 * 86_400_000)));
    assert_ne!(first, ensure(NOW.plus_ms(31 * 86_400_000)));
}

#[test]
fn files_of_another_authority_are_replaced() {
    let (one, two) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let out = TempDir::new().unwrap();
    let ensure = |ca: &Path| {
        let validity = Validity::days(NOW, 30);
        let files = authority(ca)
            .ensure_server(out.path(), "ingest", NOW, validity, &SystemSerials)
            .unwrap();
        Issued::load(&files).unwrap().chain_pem
    };
    assert_ne!(ensure(one.path()), ensure(two.path()));
}

#[test]
fn keys_are_for_their_owner_alone() {
    let folder = TempDir::new().unwrap();
    let authority = authority(folder.path());
    let validity = Validity::days(NOW, 30);
    let files =
        authority.ensure_server(folder.path(), "edge", NOW, validity, &SystemSerials).unwrap();
    for key in [files.key, folder.path().join("root/key.pem"), folder.path().join("entry/key.pem")]
    {
        let mode = fs::metadata(key).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[test]
fn only_the_zone_that_issued_a_certificate_revokes_it() {
    let folder = TempDir::new().unwrap();
    let authority = authority(folder.path());
    let issued =
        authority.issue_client(&municipality(), Validity::days(NOW, 30), &SystemSerials).unwrap();
    let foreign = authority.revoke(Zone::Entry, &issued.chain_pem, NOW);
    assert!(matches!(foreign, Err(PkiError::Foreign)));
    authority.revoke(Zone::Municipal, &issued.chain_pem, NOW).unwrap();
    authority.revoke(Zone::Municipal, &issued.chain_pem, NOW).unwrap();
    let list = authority
        .revocation_list(Seat::Zone(Zone::Municipal), NOW, NOW.plus_ms(86_400_000))
        .unwrap();
    let der = rustls::pki_types::CertificateRevocationListDer::from_pem_slice(list.as_bytes());
    let der = der.unwrap();
    let (_, parsed) = x509_parser::parse_x509_crl(&der).unwrap();
    let leaf = issued.leaf().unwrap();
    let (_, certificate) = X509Certificate::from_der(&leaf).unwrap();
    let serials: Vec<_> =
        parsed.iter_revoked_certificates().map(|entry| entry.raw_serial().to_vec()).collect();
    assert_eq!(serials, [certificate.raw_serial().to_vec()]);
    assert_eq!(parsed.next_update().unwrap().timestamp(), NOW.0 / 1000 + 86_400);
}

#[test]
fn a_bundle_opens_with_its_password_only() {
    use p12_keystore::{KeyStore, Pkcs12ImportPolicy};
    let folder = TempDir::new().unwrap();
    let authority = authority(folder.path());
    let issued =
        authority.issue_client(&municipality(), Validity::days(NOW, 30), &SystemSerials).unwrap();
    let bundle = issued.bundle("scan-01", "demo-password").unwrap();
    assert!(KeyStore::from_pkcs12(&bundle, "wrong", Pkcs12ImportPolicy::Strict).is_err());
    let store =
        KeyStore::from_pkcs12(&bundle, "demo-password", Pkcs12ImportPolicy::Relaxed).unwrap();
    let (_, chain) = store.private_key_chain().unwrap();
    assert_eq!(chain.certs()[0].as_der(), issued.leaf().unwrap().as_ref());
}
