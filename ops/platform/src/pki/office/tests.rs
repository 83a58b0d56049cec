use std::{fs, path::Path};

use kakehashi_contract::{Identity, Role, Zone};
use kakehashi_kernel::Sensitive;
use proptest::prelude::*;
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use tempfile::TempDir;

use super::*;
use crate::pki::{
    Authority, Closed, EnrolmentCode, EnrolmentEnvelope, Expected, Holder, Issued, KeyAlgorithm,
    NoPassphrase, Origin, Reason, RenewalEnvelope, RequestRefusal, SigningRequest, Standing,
    Subject, SystemSerials, Validity,
    act::Intent,
    lint::{LintFinding, lint},
};

const NOW: Timestamp = Timestamp(1_795_400_000_000);
const DAY_MS: i64 = 86_400_000;

fn day(days: i64) -> Timestamp {
    NOW.plus_ms(days * DAY_MS)
}

/// A folder with root and issuing CAs that the demo's authority made.
fn office(folder: &Path) -> Office {
    Authority::ensure(folder, Validity::days(NOW, 3650), &SystemSerials).unwrap();
    reopen(folder, NOW)
}

fn reopen(folder: &Path, now: Timestamp) -> Office {
    Office::open(folder, "test", Box::new(NoPassphrase), now).unwrap()
}

fn subject() -> Subject {
    Holder::new(Zone::Municipal, Role::MunicipalStaff, "141003", "scan-01").into()
}

fn order() -> Order {
    Order { subject: subject(), profile: None, days: None }
}

fn issue(office: &mut Office) -> Issued {
    office.issue(&order(), KeyAlgorithm::P256, NOW, &SystemSerials).unwrap()
}

fn request() -> (KeyPair, String) {
    let key = KeyAlgorithm::P256.generate().unwrap();
    let pem = SigningRequest::make(&key).unwrap();
    (key, pem)
}

fn only(office: &Office) -> Record {
    let mut records = office.records();
    let record = records.next().unwrap().clone();
    assert!(records.next().is_none());
    record
}

#[test]
fn what_is_issued_follows_its_profile_and_is_kept() {
    let folder = TempDir::new().unwrap();
    let mut office = office(folder.path());
    let issued = issue(&mut office);
    let identity = Identity::from_der(&issued.leaf().unwrap()).unwrap();
    assert_eq!(identity.to_string(), "municipal/municipal-staff/141003/scan-01");
    let record = only(&office);
    assert_eq!((record.standing(NOW), &*record.profile), (Standing::Valid, "municipality"));
    assert!(issued.chain_pem.starts_with(&office.issued(&record.serial).unwrap()));
    assert_eq!(office.examine().unwrap(), []);
    drop(office);
    let office = reopen(folder.path(), NOW);
    assert_eq!(only(&office), record);
    assert_eq!(record.standing(day(366)), Standing::Expired);
}

#[test]
fn a_request_that_asks_to_be_a_ca_gets_what_the_profile_says() {
    let folder = TempDir::new().unwrap();
    let mut office = office(folder.path());
    let key = KeyAlgorithm::P384.generate().unwrap();
    let mut params = CertificateParams::new(vec!["evil.example".to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let pem = params.serialize_request(&key).unwrap().pem().unwrap();
    let request = SigningRequest::parse(pem.as_bytes()).unwrap();
    let chain = office.certify(&order(), &request, NOW, &SystemSerials).unwrap();
    let leaf = leaf_of(&chain).unwrap();
    assert!(Identity::from_der(&leaf).is_ok());
    assert!(!String::from_utf8_lossy(&leaf).contains("evil"));
}

#[test]
fn requests_without_proof_or_with_weak_keys_are_refused() {
    let (_, pem) = request();
    let mut der = SigningRequest::parse(pem.as_bytes()).unwrap().der().to_vec();
    let refused = |bytes: &[u8]| SigningRequest::parse(bytes).err();
    *der.last_mut().unwrap() ^= 1;
    assert_eq!(refused(&der), Some(RequestRefusal::NoProof));
    der.push(0);
    assert_eq!(refused(&der), Some(RequestRefusal::Unreadable));
    assert_eq!(refused(format!("{pem}{pem}").as_bytes()), Some(RequestRefusal::Unreadable));
    assert_eq!(refused(&vec![b'a'; 17 * 1024]), Some(RequestRefusal::TooLarge));
    let weak = KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    let weak = SigningRequest::make(&weak).unwrap();
    assert_eq!(refused(weak.as_bytes()), Some(RequestRefusal::Key));
}

#[test]
fn what_the_profile_does_not_allow_is_refused_and_written_down() {
    let folder = TempDir::new().unwrap();
    let mut office = office(folder.path());
    let entries = office.entries();
    let mut refused = |change: &dyn Fn(&mut Order)| {
        let mut order = order();
        change(&mut order);
        office.issue(&order, KeyAlgorithm::P256, NOW, &SystemSerials).unwrap_err().code()
    };
    assert_eq!(refused(&|order| order.days = Some(399)), "too-long");
    assert_eq!(refused(&|order| order.profile = Some("nation".to_owned())), "no-profile");
    let server =
        |name: &str| Subject::Server { name: "x".to_owned(), names: vec![name.to_owned()] };
    assert_eq!(refused(&|order| order.subject = server("*.example.jp")), "name");
    // Outside the name constraint of the internal CA, which the demo's authority made.
    assert_eq!(refused(&|order| order.subject = server("gateway.example.jp")), "lint");
    assert_eq!(refused(&|order| order.subject = server("10.1.2.3")), "lint");
    assert_eq!(office.records().count(), 0);
    assert_eq!(office.entries(), entries + 5);
}

#[test]
fn what_outlives_its_issuer_is_not_signed() {
    let folder = TempDir::new().unwrap();
    Authority::ensure(folder.path(), Validity::days(NOW, 100), &SystemSerials).unwrap();
    let mut office = reopen(folder.path(), NOW);
    let error = office.issue(&order(), KeyAlgorithm::P256, NOW, &SystemSerials).unwrap_err();
    assert!(error.to_string().contains("outlives-issuer"), "{error}");
}

#[test]
fn a_key_is_certified_once() {
    let folder = TempDir::new().unwrap();
    let mut office = office(folder.path());
    let request = SigningRequest::parse(request().1.as_bytes()).unwrap();
    office.certify(&order(), &request, NOW, &SystemSerials).unwrap();
    let again = office.certify(&order(), &request, NOW, &SystemSerials).unwrap_err();
    assert!(matches!(again, PkiError::KeyUsedBefore));
}

#[test]
fn a_code_is_good_once_for_its_holder() {
    let folder = TempDir::new().unwrap();
    let mut office = office(folder.path());
    let invitation = Invitation { order: order(), valid_hours: None };
    let code = office.invite(&invitation, NOW, &SystemSerials).unwrap();
    let typed = EnrolmentCode::parse(&code.reveal().to_lowercase().replace('-', " ")).unwrap();
    let envelope = typed.envelope(&request().1).unwrap();
    let envelope = EnrolmentEnvelope::parse(envelope.to_json().as_bytes()).unwrap();
    let (_, chain) = office.enrol(&envelope, NOW, &SystemSerials).unwrap();
    assert!(Identity::from_der(&leaf_of(&chain).unwrap()).is_ok());
    assert_eq!(only(&office).origin, Origin::Enrolment(code.id().to_owned()));
    let again = typed.envelope(&request().1).unwrap();
    let again = office.enrol(&again, NOW, &SystemSerials).unwrap_err();
    assert!(matches!(again, PkiError::CodeClosed { why: Closed::Used }));
    let stored = fs::read_to_string(folder.path().join("journal.jsonl")).unwrap();
    assert!(!stored.contains(&code.reveal().replace('-', "")) && !stored.contains(&code.reveal()));
}

#[test]
fn wrong_codes_are_counted_until_the_enrolment_locks() {
    let folder = TempDir::new().unwrap();
    let mut office = office(folder.path());
    let invitation = Invitation { order: order(), valid_hours: Some(2) };
    let code = office.invite(&invitation, NOW, &SystemSerials).unwrap();
    let mut wrong = code.reveal();
    wrong.pop();
    wrong.push(if code.reveal().ends_with('0') { '1' } else { '0' });
    let wrong = EnrolmentCode::parse(&wrong).unwrap();
    let request = SigningRequest::parse(request().1.as_bytes()).unwrap();
    for left in (0..5).rev() {
        let refused = office.enrol_by_code(&wrong, &request, NOW, &SystemSerials).unwrap_err();
        assert!(matches!(refused, PkiError::CodeWrong { left: found } if found == left));
    }
    drop(office);
    let mut office = reopen(folder.path(), NOW);
    let refused = office.enrol_by_code(&code, &request, NOW, &SystemSerials).unwrap_err();
    assert!(matches!(refused, PkiError::CodeClosed { why: Closed::Locked }));
}

#[test]
fn expired_withdrawn_and_foreign_codes_are_refused() {
    let folder = TempDir::new().unwrap();
    let mut office = office(folder.path());
    let invitation = Invitation { order: order(), valid_hours: Some(2) };
    let expired = office.invite(&invitation, NOW, &SystemSerials).unwrap();
    let withdrawn = office.invite(&invitation, NOW, &SystemSerials).unwrap();
    let foreign = EnrolmentCode::draw(&SystemSerials).unwrap();
    office.withdraw(withdrawn.id(), NOW).unwrap();
    let mut refused = |code: &EnrolmentCode, at: Timestamp| {
        let envelope = code.envelope(&request().1).unwrap();
        office.enrol(&envelope, at, &SystemSerials).unwrap_err().code()
    };
    assert_eq!(refused(&expired, NOW.plus_ms(2 * 3_600_000 + 1)), "code-expired");
    assert_eq!(refused(&withdrawn, NOW), "code-closed");
    assert_eq!(refused(&foreign, NOW), "code-unknown");
}

#[test]
fn an_envelope_whose_request_was_exchanged_is_refused() {
    let folder = TempDir::new().unwrap();
    let mut office = office(folder.path());
    let invitation = Invitation { order: order(), valid_hours: None };
    let code = office.invite(&invitation, NOW, &SystemSerials).unwrap();
    let mine = code.envelope(&request().1).unwrap().to_json();
    let mut value: serde_json::Value = serde_json::from_str(&mine).unwrap();
    value["request"] = request().1.into();
    let theirs = EnrolmentEnvelope::parse(value.to_string().as_bytes()).unwrap();
    let refused = office.enrol(&theirs, NOW, &SystemSerials).unwrap_err();
    assert!(matches!(refused, PkiError::CodeWrong { left: 4 }));
}

#[test]
fn a_holder_renews_by_the_old_certificate_inside_its_window_once() {
    let folder = TempDir::new().unwrap();
    let mut office = office(folder.path());
    for key in [KeyAlgorithm::P256, KeyAlgorithm::P384, KeyAlgorithm::Rsa2048] {
        let old = office.issue(&order(), key, NOW, &SystemSerials).unwrap();
        let envelope = RenewalEnvelope::make(&old, &request().1).unwrap();
        let envelope = RenewalEnvelope::parse(envelope.to_json().as_bytes()).unwrap();
        let mut renew = |at| office.renew(&envelope, at, &SystemSerials);
        assert!(matches!(renew(day(304)), Err(PkiError::RenewalEarly { .. })));
        assert!(matches!(renew(day(366)), Err(PkiError::RenewalNotValid { .. })));
        let (record, chain) = renew(day(310)).unwrap();
        assert_eq!(record.subject, subject());
        let identity = Identity::from_der(&leaf_of(&chain).unwrap()).unwrap();
        assert_eq!(identity.to_string(), subject().to_string());
        assert!(matches!(renew(day(311)), Err(PkiError::RenewalDone)));
    }
}

#[test]
fn foreign_revoked_and_forged_certificates_renew_nothing() {
    let folder = TempDir::new().unwrap();
    let mut office = office(folder.path());
    let other_folder = TempDir::new().unwrap();
    let mut other = self::office(other_folder.path());
    let theirs = issue(&mut other);
    let envelope = RenewalEnvelope::make(&theirs, &request().1).unwrap();
    let at = day(310);
    let foreign = office.renew(&envelope, at, &SystemSerials).unwrap_err();
    assert!(matches!(foreign, PkiError::RenewalForeign));

    let ours = issue(&mut office);
    // Our certificate with another's key, and our signature with another's request.
    let stolen = Issued { chain_pem: ours.chain_pem.clone(), key_pem: theirs.key_pem };
    assert!(matches!(RenewalEnvelope::make(&stolen, &request().1), Err(PkiError::RenewalUnsigned)));
    let good = RenewalEnvelope::make(&ours, &request().1).unwrap();
    let mut value: serde_json::Value = serde_json::from_str(&good.to_json()).unwrap();
    value["request"] = request().1.into();
    let forged = RenewalEnvelope::parse(value.to_string().as_bytes()).unwrap();
    let refused = office.renew(&forged, at, &SystemSerials).unwrap_err();
    assert!(matches!(refused, PkiError::RenewalUnsigned));

    let which = Selection::Certificate(ours.chain_pem);
    office.revoke(&which, Reason::KeyCompromise, NOW).unwrap();
    let refused = office.renew(&good, at, &SystemSerials).unwrap_err();
    assert!(matches!(refused, PkiError::RenewalNotValid { standing: Standing::Revoked }));
}

#[test]
fn an_organisation_is_revoked_with_its_open_codes() {
    let folder = TempDir::new().unwrap();
    let mut office = office(folder.path());
    issue(&mut office);
    issue(&mut office);
    let mut other = order();
    other.subject = Holder::new(Zone::Municipal, Role::MunicipalStaff, "999997", "scan-01").into();
    office.issue(&other, KeyAlgorithm::P256, NOW, &SystemSerials).unwrap();
    let invitation = Invitation { order: order(), valid_hours: None };
    office.invite(&invitation, NOW, &SystemSerials).unwrap();
    let which = Selection::Holder { zone: None, organisation: "141003".to_owned(), device: None };
    let reason = Reason::CessationOfOperation;
    assert_eq!(office.revoke(&which, reason, NOW).unwrap().len(), 2);
    assert_eq!(office.revoke(&which, reason, NOW).unwrap().len(), 0);
    assert!(office.enrolments().all(|found| found.closed == Some(Closed::Withdrawn)));
    let valid = office.records().filter(|record| record.standing(NOW) == Standing::Valid);
    assert_eq!(valid.count(), 1);
}

#[test]
fn list_numbers_only_grow_and_nobody_is_taken_off_a_list() {
    let (folder, out) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let mut office = office(folder.path());
    let issued = issue(&mut office);
    let which = Selection::Certificate(issued.chain_pem);
    office.revoke(&which, Reason::Superseded, NOW).unwrap();
    let only = Some(Seat::Zone(Zone::Municipal));
    let first = office.publish(out.path(), only, None, NOW).unwrap();
    assert_eq!((first[0].number, first[0].revoked), (1, 1));
    fs::remove_file(folder.path().join("municipal/revoked.json")).unwrap();
    assert!(matches!(office.examine().unwrap()[..], [Discrepancy::Unrevoked { .. }]));
    let second = office.publish(out.path(), only, Some(5), NOW).unwrap();
    assert_eq!((second[0].number, second[0].revoked), (2, 1));
    assert_eq!(second[0].next_update, NOW.plus_ms(5 * 3_600_000));
    assert_eq!(office.examine().unwrap(), []);
}

#[test]
fn a_zone_works_without_the_roots_key_and_with_an_encrypted_one() {
    let (root, zone) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let passphrase = Sensitive::new("correct horse battery".to_owned());
    let mut at_root =
        Office::open(root.path(), "root", Box::new(Some(passphrase.clone())), NOW).unwrap();
    let root_pem = at_root.make_root(None, Some(&passphrase), NOW, &SystemSerials).unwrap();
    let key = fs::read_to_string(root.path().join("root/key.pem")).unwrap();
    assert!(key.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"));

    let mut at_zone =
        Office::open(zone.path(), "zone", Box::new(Some(passphrase.clone())), NOW).unwrap();
    let request = at_zone.request_zone(Zone::Municipal, Some(&passphrase), NOW).unwrap();
    assert_eq!(at_zone.request_zone(Zone::Municipal, None, NOW).unwrap(), request);
    let request = SigningRequest::parse(request.as_bytes()).unwrap();
    let sign = |office: &mut Office| {
        office.sign_zone(Zone::Municipal, &request, &[], &[], NOW, &SystemSerials)
    };
    let pem = sign(&mut at_root).unwrap();
    assert!(matches!(sign(&mut at_root), Err(PkiError::KeyUsedBefore)));
    assert!(matches!(
        at_zone.install_zone(Zone::Municipal, &root_pem, &root_pem, NOW),
        Err(PkiError::Foreign)
    ));
    at_zone.install_zone(Zone::Municipal, &pem, &root_pem, NOW).unwrap();
    issue(&mut at_zone);
    let out = TempDir::new().unwrap();
    assert_eq!(at_zone.publish(out.path(), None, None, NOW).unwrap().len(), 1);
    assert_eq!(fs::read_to_string(out.path().join("root.pem")).unwrap(), root_pem);

    drop(at_zone);
    let open = |passphrase: Option<&str>| {
        let passphrase = passphrase.map(|text| Sensitive::new(text.to_owned()));
        let mut office = Office::open(zone.path(), "zone", Box::new(passphrase), NOW).unwrap();
        office.issue(&order(), KeyAlgorithm::P256, NOW, &SystemSerials).unwrap_err().code()
    };
    assert_eq!(open(None), "passphrase-missing");
    assert_eq!(open(Some("wrong horse")), "passphrase-wrong");
}

#[test]
fn a_crash_between_intent_and_issue_loses_nothing() {
    let folder = TempDir::new().unwrap();
    let mut office = office(folder.path());
    let issued = issue(&mut office);
    let kept = only(&office);
    let intent = |serial: Serial, spki: &str| {
        Act::CertificateIntend(Box::new(Intent {
            seat: kept.seat,
            serial,
            profile: kept.profile.clone(),
            subject: kept.subject.clone(),
            key: kept.key,
            spki: Sha256Digest::of(spki.as_bytes()),
            not_before: kept.not_before,
            not_after: kept.not_after,
            origin: Origin::Command,
        }))
    };
    // Cut off before the signature, and after the certificate was kept.
    let (never, nearly) =
        (Serial::draw(&SystemSerials).unwrap(), Serial::draw(&SystemSerials).unwrap());
    office.tell(NOW, intent(never.clone(), "a")).unwrap();
    office.tell(NOW, intent(nearly.clone(), "b")).unwrap();
    let path = office.issued_path(kept.seat, &nearly);
    folder::write_public(&path, issued.chain_pem.as_bytes()).unwrap();
    drop(office);
    let office = reopen(folder.path(), NOW);
    let standing = |serial: &Serial| {
        office.records().find(|record| record.serial == *serial).unwrap().standing(NOW)
    };
    assert_eq!(standing(&never), Standing::Abandoned);
    assert_eq!(standing(&nearly), Standing::Valid);
    assert!(office.inventory.knows(&never), "its number is used up");
}

#[test]
fn a_torn_last_line_is_cut_and_a_changed_one_stops_everything() {
    let folder = TempDir::new().unwrap();
    let mut office = office(folder.path());
    issue(&mut office);
    let entries = office.entries();
    drop(office);
    let path = folder.path().join("journal.jsonl");
    let whole = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("{whole}{{\"sequence\":")).unwrap();
    assert_eq!(reopen(folder.path(), NOW).entries(), entries);
    assert_eq!(fs::read_to_string(&path).unwrap(), whole);

    let open = || Office::open(folder.path(), "test", Box::new(NoPassphrase), NOW).err();
    fs::write(&path, whole.replace("141003", "141004")).unwrap();
    assert!(matches!(open(), Some(PkiError::Journal(_))));
    let cut = whole.trim_end().rfind('\n').unwrap();
    fs::write(&path, &whole[..=cut]).unwrap();
    assert!(matches!(open(), Some(PkiError::Journal(_))));
    fs::write(&path, &whole).unwrap();
    assert!(open().is_none());
    fs::remove_file(folder.path().join("journal.key")).unwrap();
    assert!(matches!(open(), Some(PkiError::JournalKey(_))));
}

#[test]
fn files_that_are_not_the_journals_show() {
    let folder = TempDir::new().unwrap();
    let mut office = office(folder.path());
    let first = issue(&mut office);
    let record = only(&office);
    let path = office.issued_path(record.seat, &record.serial);
    let second = issue(&mut office);
    fs::write(&path, &second.chain_pem).unwrap();
    assert!(matches!(office.examine().unwrap()[..], [Discrepancy::Changed { .. }]));
    fs::remove_file(&path).unwrap();
    assert!(matches!(office.examine().unwrap()[..], [Discrepancy::Missing { .. }]));
    fs::write(&path, &first.chain_pem).unwrap();
    fs::write(path.with_file_name("extra.pem"), &first.chain_pem).unwrap();
    assert!(matches!(office.examine().unwrap()[..], [Discrepancy::Stray { .. }]));
}

#[test]
fn operators_at_the_same_time_take_turns() {
    let folder = TempDir::new().unwrap();
    drop(office(folder.path()));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..3 {
                    issue(&mut reopen(folder.path(), NOW));
                }
            });
        }
    });
    let office = reopen(folder.path(), NOW);
    assert_eq!(office.records().count(), 12);
    assert_eq!(office.examine().unwrap(), []);
}

fn codes(findings: &[LintFinding]) -> Vec<&'static str> {
    findings.iter().map(|finding| finding.code).collect()
}

#[test]
fn lint_finds_what_is_wrong_and_nothing_else() {
    let folder = TempDir::new().unwrap();
    let mut office = office(folder.path());
    let certified = issue(&mut office);
    let leaf = certified.leaf().unwrap();
    let issuer = leaf_of(&office.certificate(Seat::Zone(Zone::Municipal)).unwrap()).unwrap();
    let subject = subject();
    let profile = office.profiles().find(None, &subject).unwrap();
    let expected =
        Expected { profile: Some(profile), subject: Some(&subject), issuer: Some(&issuer) };
    assert_eq!(codes(&lint(&leaf, &expected)), [""; 0]);
    assert_eq!(codes(&lint(b"0", &expected)), ["unreadable"]);
    let other: Subject = Holder::new(Zone::Municipal, Role::MunicipalStaff, "x", "y").into();
    let other = Expected { subject: Some(&other), ..expected };
    assert_eq!(codes(&lint(&leaf, &other)), ["name-mismatch"]);

    let key = KeyAlgorithm::P256.generate().unwrap();
    let mut params = CertificateParams::new(vec!["*.example".to_owned()]).unwrap();
    params.serial_number = Some(vec![1, 1, 1].into());
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let odd = params.self_signed(&key).unwrap();
    let found = lint(odd.der(), &expected);
    for code in
        ["serial-entropy", "ca-as-leaf", "no-key-usage", "ca-path-length", "issuer-mismatch"]
    {
        assert!(codes(&found).contains(&code), "{code}: {:?}", codes(&found));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_request_envelope_code_or_certificate_brings_us_down(
        noise in proptest::collection::vec(any::<u8>(), 0..600),
        cuts in proptest::collection::vec((any::<u16>(), any::<u8>()), 1..4),
    ) {
        let pem = "-----BEGIN CERTIFICATE REQUEST-----\n\
MIHIMHACAQAwDjEMMAoGA1UEAwwDYWJjMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcD\n\
-----END CERTIFICATE REQUEST-----\n";
        let folded = |bytes: &[u8]| {
            let mut bytes = bytes.to_vec();
            for (at, value) in &cuts {
                let length = bytes.len().max(1);
                if let Some(byte) = bytes.get_mut(usize::from(*at) % length) {
                    *byte ^= value;
                }
            }
            bytes
        };
        for bytes in [&noise[..], pem.as_bytes(), &folded(pem.as_bytes())] {
            SigningRequest::parse(bytes).ok();
            RenewalEnvelope::parse(bytes).ok();
            EnrolmentEnvelope::parse(bytes).ok();
            lint(bytes, &Expected::default());
            EnrolmentCode::parse(&String::from_utf8_lossy(bytes)).ok();
        }
        let key = KeyAlgorithm::P256.generate().unwrap();
        let request = SigningRequest::make(&key).unwrap();
        let der = SigningRequest::parse(request.as_bytes()).unwrap().der().to_vec();
        SigningRequest::parse(&folded(&der)).ok();
        lint(&folded(&der), &Expected::default());
        let code = EnrolmentCode::draw(&SystemSerials).unwrap();
        let json = code.envelope(&request).unwrap().to_json();
        if let Ok(envelope) = EnrolmentEnvelope::parse(&folded(json.as_bytes())) {
            envelope.request().ok();
        }
    }
}
