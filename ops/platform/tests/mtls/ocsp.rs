//! OCSP answers from a file, made and read by openssl: shown while they hold, and never otherwise.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
};

use kakehashi_contract::Zone;
use kakehashi_kernel::{Clock, Timestamp};
use kakehashi_platform::{
    mtls::{OcspFault, ServerTls, TlsVersions, Trust, crypto_provider},
    pki::{Authority, CertificateFiles, SystemSerials, Validity},
    runtime::SystemClock,
};
use rustls::{
    ClientConfig, DigitallySignedStruct, Error, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_rustls::{TlsAcceptor, TlsConnector};
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::ground::{DAY_MS, listener};

/// The system's time, which openssl goes by, and some more.
#[derive(Default)]
struct Later(AtomicI64);

impl Clock for Later {
    fn now(&self) -> Timestamp {
        SystemClock.now().plus_ms(self.0.load(Ordering::Relaxed))
    }
}

struct House {
    folder: TempDir,
    authority: Authority,
    server: CertificateFiles,
    clock: Arc<Later>,
}

fn openssl(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().expect("openssl is installed (ops/test)");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

impl House {
    fn build() -> Self {
        let folder = TempDir::new().unwrap();
        let now = SystemClock.now();
        let ca = folder.path().join("ca");
        let authority = Authority::ensure(&ca, Validity::days(now, 3650), &SystemSerials).unwrap();
        authority.publish(&folder.path().join("public"), now, now.plus_ms(DAY_MS)).unwrap();
        let server = authority
            .ensure_server(folder.path(), "edge", now, Validity::days(now, 30), &SystemSerials)
            .unwrap();
        Self { folder, authority, server, clock: Arc::default() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn files(&self) -> ServerTls {
        let public = self.path("public");
        let versions = TlsVersions::Tls12And13;
        let ocsp = Some(self.path("edge.ocsp.der"));
        ServerTls { versions, ocsp, ..listener(&public, "municipal", self.server.clone()) }
    }

    fn trust(&self) -> Trust {
        Trust::load(self.files(), Arc::clone(&self.clock) as Arc<dyn Clock>).unwrap()
    }

    /// Answers about a certificate of the internal zone by whom `signer` names (certificate and key).
    fn answer(&self, of: &Path, status: Status, minutes: u32, signer: [&Path; 2]) -> Vec<u8> {
        let der = CertificateDer::from_pem_file(of).unwrap();
        let (_, found) = X509Certificate::from_der(&der).unwrap();
        let serial = hex::encode_upper(found.raw_serial());
        let index = match status {
            Status::Good => format!("V\t491231235959Z\t\t{serial}\tunknown\t/CN=edge\n"),
            Status::Revoked => {
                format!("R\t491231235959Z\t260101000000Z\t{serial}\tunknown\t/CN=edge\n")
            }
            Status::Unknown => String::new(),
        };
        fs::write(self.path("index.txt"), index).unwrap();
        let (issuer, out) = (self.path("public/internal.pem"), self.path("answer.der"));
        let mut command = Command::new("openssl");
        command.args(["ocsp", "-nmin", &minutes.to_string(), "-index"]).arg(self.path("index.txt"));
        command.arg("-CA").arg(&issuer).arg("-rsigner").arg(signer[0]).arg("-rkey").arg(signer[1]);
        command.arg("-issuer").arg(&issuer).arg("-cert").arg(of).arg("-respout").arg(&out);
        openssl(command.arg("-noverify"));
        fs::read(out).unwrap()
    }

    /// Answers about our certificate, as its issuer does.
    fn by_issuer(&self, status: Status, minutes: u32) -> Vec<u8> {
        let ca = ["ca/internal/certificate.pem", "ca/internal/key.pem"].map(|name| self.path(name));
        self.answer(&self.server.chain, status, minutes, [&ca[0], &ca[1]])
    }

    /// Answers about our certificate, as somebody does whom the issuer gave a certificate for `purpose`.
    fn by_responder(&self, purpose: rcgen::ExtendedKeyUsagePurpose) -> Vec<u8> {
        let key = fs::read_to_string(self.path("ca/internal/key.pem")).unwrap();
        let key = rcgen::KeyPair::from_pem(&key).unwrap();
        let issuer =
            rcgen::Issuer::from_ca_cert_pem(self.authority.zone_pem(Zone::Internal), key).unwrap();
        let mut params = rcgen::CertificateParams::default();
        let days = |days| time::OffsetDateTime::now_utc() + time::Duration::days(days);
        (params.not_before, params.not_after) = (days(-1), days(30));
        params.extended_key_usages = vec![purpose];
        let own = rcgen::KeyPair::generate().unwrap();
        let certificate = params.signed_by(&own, &issuer).unwrap();
        let files = ["responder.pem", "responder.key.pem"].map(|name| self.path(name));
        fs::write(&files[0], certificate.pem()).unwrap();
        fs::write(&files[1], own.serialize_pem()).unwrap();
        self.answer(&self.server.chain, Status::Good, 60, [&files[0], &files[1]])
    }

    fn put(&self, answer: &[u8]) {
        fs::write(self.path("edge.ocsp.der"), answer).unwrap();
    }
}

#[derive(Debug, Clone, Copy)]
enum Status {
    Good,
    Revoked,
    Unknown,
}

/// Believes everybody and keeps the answer that was shown.
#[derive(Debug, Default)]
struct Seen(Mutex<Vec<u8>>);

impl ServerCertVerifier for Seen {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        answer: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        *self.0.lock().unwrap() = answer.to_vec();
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        crypto_provider().signature_verification_algorithms.supported_schemes()
    }
}

/// What a new client is shown; nothing is an empty answer.
async fn shown(trust: &Trust) -> Vec<u8> {
    let seen = Arc::new(Seen::default());
    let config = ClientConfig::builder_with_provider(crypto_provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(&seen) as Arc<dyn ServerCertVerifier>)
        .with_no_client_auth();
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    let name = ServerName::try_from("localhost").unwrap();
    let (accepted, connected) = tokio::join!(
        TlsAcceptor::from(trust.config()).accept(theirs),
        TlsConnector::from(Arc::new(config)).connect(name, ours)
    );
    accepted.map(drop).expect_err("it shows no certificate");
    drop(connected);
    let seen = seen.0.lock().unwrap();
    seen.clone()
}

/// What openssl says about the answer it is shown.
async fn openssl_sees(house: &House, trust: &Trust, version: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut command = Command::new("openssl");
    command.args(["s_client", "-status", version, "-servername", "localhost", "-CAfile"]);
    command.arg(house.path("public/root.pem")).arg("-connect");
    command.arg(listener.local_addr().unwrap().to_string()).stdin(Stdio::null());
    let asking = tokio::task::spawn_blocking(move || command.output().unwrap());
    let (stream, _) = listener.accept().await.unwrap();
    // It shows no certificate either.
    TlsAcceptor::from(trust.config()).accept(stream).await.map(drop).unwrap_err();
    String::from_utf8_lossy(&asking.await.unwrap().stdout).into_owned()
}

#[tokio::test]
async fn openssl_is_shown_a_good_answer_in_both_versions_of_tls() {
    let house = House::build();
    let without = house.trust();
    house.put(&house.by_issuer(Status::Good, 60));
    let with = house.trust();
    assert_eq!((without.ocsp_fault(), with.ocsp_fault()), (None, None));
    for version in ["-tls1_2", "-tls1_3"] {
        let text = openssl_sees(&house, &with, version).await;
        for line in ["OCSP Response Status: successful", "Cert Status: good"] {
            assert!(text.contains(line), "{version}: {text}");
        }
        let text = openssl_sees(&house, &without, version).await;
        assert!(text.contains("OCSP response: no response sent"), "{version}: {text}");
    }
    let ends: Vec<_> = with.expiries().into_iter().filter(|found| found.of == "ocsp").collect();
    let left = ends[0].at.0 - SystemClock.now().0;
    assert!(ends.len() == 1 && (0..=60 * 60_000).contains(&left), "{ends:?}");
}

#[tokio::test]
async fn a_new_answer_takes_the_old_ones_place_and_none_without_a_file() {
    let house = House::build();
    let (first, second) = (house.by_issuer(Status::Good, 60), house.by_issuer(Status::Good, 90));
    let trust = house.trust();
    assert_eq!(shown(&trust).await, b"");
    for answer in [&first, &second] {
        house.put(answer);
        assert!(trust.files().reload_now());
        assert_eq!(&shown(&trust).await, answer);
    }
    let appointed = house.by_responder(rcgen::ExtendedKeyUsagePurpose::OcspSigning);
    house.put(&appointed);
    assert!(trust.files().reload_now());
    assert_eq!(shown(&trust).await, appointed);
    fs::remove_file(house.path("edge.ocsp.der")).unwrap();
    assert!(trust.files().reload_now());
    assert_eq!((shown(&trust).await, trust.ocsp_fault()), (Vec::new(), None));
}

#[tokio::test]
async fn an_answer_of_no_use_is_named_and_the_old_one_stays() {
    let house = House::build();
    let good = house.by_issuer(Status::Good, 60);
    house.put(&good);
    let trust = house.trust();
    let now = SystemClock.now();
    let other = house.authority.issue_server("other", Validity::days(now, 30), &SystemSerials);
    let other = other.unwrap().store(house.folder.path(), "other").unwrap().chain;
    let ca = ["ca/internal/certificate.pem", "ca/internal/key.pem"].map(|name| house.path(name));
    let foreign = house.answer(&other, Status::Good, 60, [&ca[0], &ca[1]]);
    // A zone's authority that did not issue our certificate.
    let zone = ["ca/entry/certificate.pem", "ca/entry/key.pem"].map(|name| house.path(name));
    let unsigned = house.answer(&house.server.chain, Status::Good, 60, [&zone[0], &zone[1]]);
    let unappointed = house.by_responder(rcgen::ExtendedKeyUsagePurpose::ClientAuth);
    let mut forged = good.clone();
    // In the time it was made.
    let at = forged.windows(2).position(|window| window == [0x18, 15]).unwrap() + 2;
    forged[at + 3] ^= 1;
    let (cut, long) = (&good[..good.len() - 1], [&good[..], &[0]].concat());
    // "Try later", as a responder says it.
    let later = [0x30, 3, 10, 1, 3];
    for (answer, fault) in [
        (&b"garbage"[..], OcspFault::Unreadable),
        (b"", OcspFault::Unreadable),
        (cut, OcspFault::Unreadable),
        (&long, OcspFault::Unreadable),
        (&later, OcspFault::Unreadable),
        (&vec![0; 40_000], OcspFault::Unreadable),
        (&foreign, OcspFault::Foreign),
        (&unsigned, OcspFault::Unsigned),
        (&unappointed, OcspFault::Unsigned),
        (&forged, OcspFault::Unsigned),
        (&house.by_issuer(Status::Revoked, 60), OcspFault::NotGood),
        (&house.by_issuer(Status::Unknown, 60), OcspFault::NotGood),
    ] {
        house.put(answer);
        // The rest of the set is in force all the same.
        assert!(trust.files().reload_now());
        assert_eq!(trust.ocsp_fault(), Some(fault));
        assert_eq!(shown(&trust).await, good, "{fault:?}");
        // A start with it shows nothing, and is a start.
        let started = house.trust();
        assert_eq!((shown(&started).await, started.ocsp_fault()), (Vec::new(), Some(fault)));
    }
}

#[tokio::test]
async fn an_answer_is_shown_to_its_end_and_not_beyond() {
    let house = House::build();
    let good = house.by_issuer(Status::Good, 60);
    house.put(&good);
    let trust = house.trust();
    house.clock.0.store(59 * 60_000, Ordering::Relaxed);
    assert_eq!(shown(&trust).await, good);
    house.clock.0.store(60 * 60_000, Ordering::Relaxed);
    assert_eq!(shown(&trust).await, b"", "without the files being read again");
    assert!(trust.files().reload_now());
    assert_eq!(trust.ocsp_fault(), Some(OcspFault::Stale));
    // From a responder whose clock is an hour ahead.
    house.clock.0.store(-60 * 60_000, Ordering::Relaxed);
    house.put(&house.by_issuer(Status::Good, 240));
    // Our certificate is not valid yet either, but that is the clients' to say.
    assert_eq!(house.trust().ocsp_fault(), Some(OcspFault::Stale));
}

#[tokio::test]
async fn a_renewed_certificate_is_not_shown_with_the_old_ones_answer() {
    let house = House::build();
    house.put(&house.by_issuer(Status::Good, 60));
    let trust = house.trust();
    let now = SystemClock.now();
    let renewed = house.authority.issue_server("edge", Validity::days(now, 30), &SystemSerials);
    renewed.unwrap().store(house.folder.path(), "edge").unwrap();
    assert!(trust.files().reload_now());
    assert_eq!((shown(&trust).await, trust.ocsp_fault()), (Vec::new(), Some(OcspFault::Foreign)));
    let next = house.by_issuer(Status::Good, 60);
    house.put(&next);
    assert!(trust.files().reload_now());
    assert_eq!((shown(&trust).await, trust.ocsp_fault()), (next, None));
}
