//! Trust as it is delivered: whole sets, newer lists, old and renewed authorities side by side.

use std::{fs, path::PathBuf, sync::Arc, time::Duration};

use kakehashi_contract::{Role, Zone};
use kakehashi_platform::{
    mtls::{
        ClientTls, ClientTrust, ServerTls, Trust, client_config, crypto_provider, handshake_code,
    },
    pki::{Authority, CertificateFiles, Holder, Issued, Seat, SystemSerials, Validity},
};
use rustix::process::{Signal, getpid, kill_process};
use rustls::{
    SignatureScheme,
    client::ResolvesClientCert,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
    sign::CertifiedKey,
};
use tempfile::TempDir;
use tokio::signal::unix::{SignalKind, signal};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use tokio_util::sync::CancellationToken;

use crate::ground::{DAY_MS, Fixed, NOW, authority, listener};

/// An authority, what it published, and a listener for the municipal zone.
struct House {
    folder: TempDir,
    authority: Authority,
    server: CertificateFiles,
}

impl House {
    fn build() -> Self {
        let folder = TempDir::new().unwrap();
        let authority = authority(folder.path(), "ca");
        let validity = Validity::days(NOW, 30);
        let server =
            authority.ensure_server(folder.path(), "edge", NOW, validity, &SystemSerials).unwrap();
        let house = Self { folder, authority, server };
        house.publish();
        house
    }

    fn publish(&self) {
        let public = self.folder.path().join("public");
        self.authority.publish(&public, NOW, NOW.plus_ms(DAY_MS)).unwrap();
    }

    fn public(&self, name: &str) -> PathBuf {
        self.folder.path().join("public").join(name)
    }

    fn files(&self) -> ServerTls {
        listener(&self.folder.path().join("public"), "municipal", self.server.clone())
    }

    fn trust(&self) -> Arc<Trust> {
        Arc::new(Trust::load(self.files(), Arc::new(Fixed)).unwrap())
    }

    fn issue(&self) -> Issued {
        issue(&self.authority)
    }

    /// Makes a handshake and answers the code of its failure.
    async fn meet(&self, trust: &Trust, issued: &Issued) -> Result<(), &'static str> {
        let files = ClientTls { client: None, root: self.public("root.pem") };
        let mut config = client_config(&files, Arc::new(Fixed)).unwrap();
        let key = PrivateKeyDer::from_pem_slice(issued.key_pem.as_bytes()).unwrap();
        let key = crypto_provider().key_provider.load_private_key(key).unwrap();
        let chain = CertificateDer::pem_slice_iter(issued.chain_pem.as_bytes());
        let chain = chain.collect::<Result<Vec<_>, _>>().unwrap();
        let shown = Shown(Arc::new(CertifiedKey::new(chain, key)));
        config.client_auth_cert_resolver = Arc::new(shown);
        let connector = TlsConnector::from(Arc::new(config));
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let name = ServerName::try_from("localhost").unwrap();
        let (accepted, connected) = tokio::join!(
            TlsAcceptor::from(trust.config()).accept(theirs),
            connector.connect(name, ours)
        );
        let stream = accepted.map_err(|error| handshake_code(&error))?;
        connected.unwrap();
        trust.settle(stream.get_ref().1).map(drop).map_err(|untrusted| untrusted.code)
    }
}

fn issue(authority: &Authority) -> Issued {
    let holder = Holder::new(Zone::Municipal, Role::MunicipalStaff, "141003", "scan-01");
    authority.issue_client(&holder, Validity::days(NOW, 30), &SystemSerials).unwrap()
}

#[tokio::test]
async fn a_key_without_its_certificate_leaves_the_whole_old_set_in_force() {
    let house = House::build();
    let (trust, revoked) = (house.trust(), house.issue());
    let renewed =
        house.authority.issue_server("edge", Validity::days(NOW, 30), &SystemSerials).unwrap();
    fs::write(&house.server.key, &renewed.key_pem).unwrap();
    house.authority.revoke(Zone::Municipal, &revoked.chain_pem, NOW).unwrap();
    house.publish();
    assert!(!trust.files().reload_now());
    assert!(trust.files().reloads().is_failing);
    // Not even the list, which is fine by itself.
    assert_eq!(house.meet(&trust, &revoked).await, Ok(()));
    fs::write(&house.server.chain, &renewed.chain_pem).unwrap();
    assert!(trust.files().reload_now());
    assert!(!trust.files().reloads().is_failing);
    assert_eq!(house.meet(&trust, &revoked).await, Err("certificate-revoked"));
}

#[tokio::test]
async fn a_revocation_list_never_goes_back() {
    let house = House::build();
    let (trust, revoked) = (house.trust(), house.issue());
    let path = house.public("municipal.crl.pem");
    let before = fs::read(&path).unwrap();
    house.authority.revoke(Zone::Municipal, &revoked.chain_pem, NOW).unwrap();
    house.publish();
    assert!(trust.files().reload_now());
    fs::write(&path, &before).unwrap();
    assert!(!trust.files().reload_now());
    assert_eq!(house.meet(&trust, &revoked).await, Err("certificate-revoked"));
    // A newer number with an older time is no newer list.
    let public = house.folder.path().join("public");
    house.authority.publish(&public, NOW.plus_ms(-DAY_MS), NOW.plus_ms(DAY_MS)).unwrap();
    assert!(!trust.files().reload_now());
    house.publish();
    assert!(trust.files().reload_now());
}

#[test]
fn a_list_with_the_same_number_and_other_content_is_refused() {
    let house = House::build();
    // The authority comes back from a backup and has forgotten what it published since.
    let state = house.folder.path().join("ca/municipal/revoked.json");
    let backup = fs::read(&state).unwrap();
    let revoked = house.issue();
    house.authority.revoke(Zone::Municipal, &revoked.chain_pem, NOW).unwrap();
    house.publish();
    let trust = house.trust();
    fs::write(&state, backup).unwrap();
    house.publish();
    assert!(!trust.files().reload_now());
}

#[test]
fn lists_of_others_and_missing_lists_are_refused() {
    let house = House::build();
    let load = || Trust::load(house.files(), Arc::new(Fixed)).map(drop);
    let (ours, theirs) = (house.public("municipal.crl.pem"), house.public("entry.crl.pem"));
    let both = fs::read_to_string(&ours).unwrap() + &fs::read_to_string(&theirs).unwrap();
    load().unwrap();
    fs::copy(&theirs, &ours).unwrap();
    load().unwrap_err();
    fs::write(&ours, &both).unwrap();
    load().unwrap_err();
    let authorities = house.public("municipal.pem");
    let entry = fs::read_to_string(house.public("entry.pem")).unwrap();
    fs::write(&authorities, fs::read_to_string(&authorities).unwrap() + &entry).unwrap();
    load().unwrap();
    fs::copy(&theirs, &ours).unwrap();
    load().unwrap_err();
}

#[tokio::test]
async fn an_old_and_a_renewed_authority_of_one_name_work_side_by_side() {
    let house = House::build();
    let renewed = authority(house.folder.path(), "renewed");
    let revoked = issue(&renewed);
    renewed.revoke(Zone::Municipal, &revoked.chain_pem, NOW).unwrap();
    let list =
        renewed.revocation_list(Seat::Zone(Zone::Municipal), NOW, NOW.plus_ms(DAY_MS)).unwrap();
    let append = |path: PathBuf, text: &str| {
        fs::write(&path, fs::read_to_string(&path).unwrap() + text).unwrap();
    };
    append(house.public("municipal.pem"), renewed.zone_pem(Zone::Municipal));
    append(house.public("municipal.crl.pem"), &list);
    let roots = renewed.revocation_list(Seat::Root, NOW, NOW.plus_ms(DAY_MS)).unwrap();
    append(house.public("root.pem"), renewed.root_pem());
    append(house.public("root.crl.pem"), &roots);
    let trust = house.trust();
    assert_eq!(house.meet(&trust, &house.issue()).await, Ok(()));
    assert_eq!(house.meet(&trust, &issue(&renewed)).await, Ok(()));
    assert_eq!(house.meet(&trust, &revoked).await, Err("certificate-revoked"));
    // The old one goes: those of the new one are served on, and the listener is not closed.
    house.authority.revoke_zone(Zone::Municipal, NOW).unwrap();
    let lists = house.authority.revocation_list(Seat::Root, NOW, NOW.plus_ms(DAY_MS)).unwrap();
    fs::write(house.public("root.crl.pem"), lists + &roots).unwrap();
    assert!(trust.files().reload_now());
    let met = house.meet(&trust, &house.issue()).await;
    assert_eq!(met, Err("certificate-authority-revoked"));
    assert_eq!(house.meet(&trust, &issue(&renewed)).await, Ok(()));
    assert_eq!(trust.closed(), None);
    let stranger = authority(house.folder.path(), "stranger");
    let met = house.meet(&trust, &issue(&stranger)).await;
    assert_eq!(met, Err("certificate-bad-signature"));
}

#[tokio::test]
async fn whomever_a_revoked_authority_signed_is_refused() {
    let house = House::build();
    let (trust, issued) = (house.trust(), house.issue());
    assert_eq!(house.meet(&trust, &issued).await, Ok(()));
    let before = fs::read(house.public("root.crl.pem")).unwrap();
    house.authority.revoke_zone(Zone::Municipal, NOW).unwrap();
    house.publish();
    assert!(trust.files().reload_now());
    let refused = Err("certificate-authority-revoked");
    assert_eq!(house.meet(&trust, &issued).await, refused);
    assert_eq!(trust.closed(), refused.err());
    // Nobody takes that back by an older list.
    fs::write(house.public("root.crl.pem"), before).unwrap();
    assert!(!trust.files().reload_now());
    assert_eq!(house.meet(&trust, &issued).await, refused);
    // Another zone's authority is as good as before.
    let other = listener(&house.folder.path().join("public"), "entry", house.server.clone());
    house.publish();
    let other = Trust::load(other, Arc::new(Fixed)).unwrap();
    let doctor = Holder::new(Zone::Entry, Role::Institution, "1312345", "desk-1");
    let doctor = house.authority.issue_client(&doctor, Validity::days(NOW, 30), &SystemSerials);
    assert_eq!(house.meet(&other, &doctor.unwrap()).await, Ok(()));
}

#[tokio::test]
async fn a_roots_list_that_is_too_old_closes_the_listener() {
    let house = House::build();
    let list = house.authority.revocation_list(Seat::Root, NOW.plus_ms(-DAY_MS), NOW).unwrap();
    fs::write(house.public("root.crl.pem"), list).unwrap();
    let trust = house.trust();
    assert_eq!(house.meet(&trust, &house.issue()).await, Err("revocation-stale"));
    assert_eq!(trust.closed(), Some("revocation-stale"));
    house.publish();
    assert!(trust.files().reload_now());
    assert_eq!(trust.closed(), None);
    assert_eq!(house.meet(&trust, &house.issue()).await, Ok(()));
}

#[test]
fn an_authority_below_another_root_and_lists_of_other_roots_are_refused() {
    let house = House::build();
    let load = || Trust::load(house.files(), Arc::new(Fixed)).map(drop);
    let other = authority(house.folder.path(), "other");
    let list = other.revocation_list(Seat::Root, NOW, NOW.plus_ms(DAY_MS)).unwrap();
    let ours = fs::read(house.public("root.crl.pem")).unwrap();
    fs::write(house.public("root.crl.pem"), &list).unwrap();
    load().unwrap_err();
    fs::write(house.public("root.pem"), other.root_pem()).unwrap();
    // Root and list fit, but the zone's authority comes from elsewhere.
    load().unwrap_err();
    fs::write(house.public("root.pem"), house.authority.root_pem()).unwrap();
    load().unwrap_err();
    fs::write(house.public("root.crl.pem"), ours).unwrap();
    load().unwrap();
}

/// Shows a certificate that the TLS library itself would rather not.
#[derive(Debug)]
struct Shown(Arc<CertifiedKey>);

impl ResolvesClientCert for Shown {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

#[tokio::test]
async fn a_critical_extension_that_nobody_knows_is_named() {
    let house = House::build();
    let ca = fs::read_to_string(house.folder.path().join("ca/municipal/key.pem")).unwrap();
    let ca = rcgen::KeyPair::from_pem(&ca).unwrap();
    let issuer =
        rcgen::Issuer::from_ca_cert_pem(house.authority.zone_pem(Zone::Municipal), ca).unwrap();
    let mut params = crate::profile::good();
    let oid = [1, 3, 6, 1, 4, 1, 99999];
    let mut unknown = rcgen::CustomExtension::from_oid_content(&oid, vec![5, 0]);
    unknown.set_criticality(true);
    params.custom_extensions.push(unknown);
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, &issuer).unwrap();
    let odd = Issued { chain_pem: certificate.pem(), key_pem: key.serialize_pem() };
    let trust = house.trust();
    assert_eq!(house.meet(&trust, &odd).await, Err("certificate-extension-unknown"));
}

#[tokio::test]
async fn a_hangup_reads_files_that_look_unchanged() {
    // From here on the signal does not end this process.
    let _ours = signal(SignalKind::hangup()).unwrap();
    let house = House::build();
    let path = house.public("municipal.crl.pem");
    let (short, modified) = (fs::read_to_string(&path).unwrap(), NOW);
    fs::write(&path, format!("{short}{}", "\n".repeat(2_000 - short.len()))).unwrap();
    let stamp = |path: &PathBuf| {
        let time = std::time::UNIX_EPOCH + Duration::from_millis(modified.0.unsigned_abs());
        fs::File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
    };
    stamp(&path);
    let (trust, revoked) = (house.trust(), house.issue());
    house.authority.revoke(Zone::Municipal, &revoked.chain_pem, NOW).unwrap();
    let list = house
        .authority
        .revocation_list(Seat::Zone(Zone::Municipal), NOW, NOW.plus_ms(DAY_MS))
        .unwrap();
    fs::write(&path, format!("{list}{}", "\n".repeat(2_000 - list.len()))).unwrap();
    stamp(&path);
    let shutdown = CancellationToken::new();
    let following = {
        let (trust, shutdown) = (Arc::clone(&trust), shutdown.clone());
        async move { trust.files().follow_files(&shutdown).await }
    };
    let mut sets = trust.files().watch();
    let hangups = async {
        // The signal is sent until somebody listens.
        while tokio::time::timeout(Duration::from_millis(20), sets.changed()).await.is_err() {
            kill_process(getpid(), Signal::HUP).unwrap();
        }
        shutdown.cancel();
    };
    tokio::time::timeout(Duration::from_secs(30), async { tokio::join!(following, hangups) })
        .await
        .expect("read again");
    assert_eq!(house.meet(&trust, &revoked).await, Err("certificate-revoked"));
}

#[test]
fn a_clients_own_certificate_is_followed_as_a_whole() {
    let house = House::build();
    let client = house.issue().store(house.folder.path(), "gateway").unwrap();
    let files = ClientTls { client: Some(client.clone()), root: house.public("root.pem") };
    let trust = ClientTrust::load(files, Arc::new(Fixed)).unwrap();
    let first = trust.config();
    let renewed = house.issue();
    fs::write(&client.key, &renewed.key_pem).unwrap();
    assert!(!trust.reload_now());
    assert!(Arc::ptr_eq(&first, &trust.config()));
    fs::write(&client.chain, &renewed.chain_pem).unwrap();
    assert!(trust.reload_now());
    assert!(!Arc::ptr_eq(&first, &trust.config()));
}

#[test]
fn our_own_certificate_must_not_have_expired() {
    let house = House::build();
    let past = Validity::days(NOW.plus_ms(-40 * DAY_MS), 30);
    let old = house.authority.issue_server("edge", past, &SystemSerials).unwrap();
    let trust = house.trust();
    old.store(house.folder.path(), "edge").unwrap();
    assert!(!trust.files().reload_now());
    Trust::load(house.files(), Arc::new(Fixed)).map(drop).unwrap_err();
}
