//! Issuing: the one road on which anything is signed.

use kakehashi_contract::Identity;
use kakehashi_kernel::{Sha256Digest, Timestamp};
use rcgen::{CertificateParams, PublicKeyData};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::Office;
use crate::pki::{
    Expected, Issued, KeyAlgorithm, Origin, PkiError, Profile, Seat, Serial, Serials, Severity,
    SigningRequest, Subject, Validity,
    act::{Act, Intent},
    folder,
    lint::{LintFinding, lint},
};

/// What an operator wants issued.
#[derive(Debug, Clone)]
pub struct Order {
    /// For whom.
    pub subject: Subject,
    /// Under which profile; the first that fits when nothing is said.
    pub profile: Option<String>,
    /// Days of validity; the profile's when nothing is said.
    pub days: Option<u16>,
}

/// What is signed besides its names.
pub(super) struct Plan {
    pub(super) seat: Seat,
    pub(super) profile: String,
    pub(super) subject: Subject,
    pub(super) key: KeyAlgorithm,
    pub(super) spki: Sha256Digest,
    pub(super) validity: Validity,
    pub(super) origin: Origin,
}

impl Office {
    /// Issues a certificate for a key that is made here.
    ///
    /// # Errors
    ///
    /// As [`Office::certify`].
    pub fn issue(
        &mut self,
        order: &Order,
        key: KeyAlgorithm,
        now: Timestamp,
        serials: &dyn Serials,
    ) -> Result<Issued, PkiError> {
        let pair = key.generate()?;
        let request = SigningRequest::parse(SigningRequest::make(&pair)?.as_bytes())?;
        let chain_pem = self.certify(order, &request, now, serials)?;
        Ok(Issued { chain_pem, key_pem: pair.serialize_pem() })
    }

    /// Issues a certificate for the key of a request. Answers the chain, PEM.
    ///
    /// # Errors
    ///
    /// [`PkiError`] saying what the operator must change; nothing is signed then.
    pub fn certify(
        &mut self,
        order: &Order,
        request: &SigningRequest,
        now: Timestamp,
        serials: &dyn Serials,
    ) -> Result<String, PkiError> {
        self.certify_on(order, request, Origin::Command, now, serials)
    }

    pub(super) fn certify_on(
        &mut self,
        order: &Order,
        request: &SigningRequest,
        origin: Origin,
        now: Timestamp,
        serials: &dyn Serials,
    ) -> Result<String, PkiError> {
        let subject = order.subject.to_string();
        match self.plan(order, request, origin, now) {
            Err(error) => Err(self.refuse(now, &subject, error)),
            Ok((plan, profile)) => {
                let build = |serial: [u8; 16]| profile.params(&plan.subject, plan.validity, serial);
                let expected = Some((&profile, &plan.subject));
                self.sign(&plan, request.key(), &build, expected, now, serials)
            }
        }
    }

    fn plan(
        &self,
        order: &Order,
        request: &SigningRequest,
        origin: Origin,
        now: Timestamp,
    ) -> Result<(Plan, Profile), PkiError> {
        order.subject.check()?;
        let profile = self.profiles.find(order.profile.as_deref(), &order.subject)?.clone();
        if !profile.keys.contains(&request.algorithm()) {
            return Err(PkiError::KeyNotAllowed { profile: profile.name });
        }
        if self.inventory.knows_key(&request.spki()) {
            return Err(PkiError::KeyUsedBefore);
        }
        let days = order.days.unwrap_or(profile.days);
        if days == 0 || days > profile.days_max {
            return Err(PkiError::TooLong { days_max: profile.days_max });
        }
        let plan = Plan {
            seat: Seat::Zone(order.subject.zone()),
            profile: profile.name.clone(),
            subject: order.subject.clone(),
            key: request.algorithm(),
            spki: request.spki(),
            validity: Validity::days(now, days),
            origin,
        };
        Ok((plan, profile))
    }

    /// Intent, rehearsal, lint, signature, file, journal. Answers the chain, PEM.
    pub(super) fn sign(
        &mut self,
        plan: &Plan,
        key: &impl PublicKeyData,
        build: &dyn Fn([u8; 16]) -> Result<CertificateParams, PkiError>,
        expected: Option<(&Profile, &Subject)>,
        now: Timestamp,
        serials: &dyn Serials,
    ) -> Result<String, PkiError> {
        let signer = self.signer(plan.seat)?;
        let serial = self.draw(serials)?;
        let params = build(serial.bytes().ok_or(PkiError::Random)?)?;
        let issuer = signer.der()?;
        let rehearsed = params.signed_by(key, &signer.rehearsal()?)?;
        let findings = match expected {
            Some((profile, subject)) => {
                let (profile, subject) = (Some(profile), Some(subject));
                lint(rehearsed.der(), &Expected { profile, subject, issuer: Some(&issuer) })
            }
            None => crate::pki::lint::lint_issuing(rehearsed.der(), &issuer),
        };
        if let Some(error) = refusal(&findings, rehearsed.der(), expected) {
            return Err(self.refuse(now, &plan.subject.to_string(), error));
        }
        self.tell(now, Act::CertificateIntend(Box::new(plan.intent(serial.clone()))))?;
        let certificate = params.signed_by(key, &signer.issuer)?;
        if tbs(certificate.der()) != tbs(rehearsed.der()) {
            return Err(PkiError::Rehearsal);
        }
        let path = self.issued_path(plan.seat, &serial);
        folder::write_public(&path, certificate.pem().as_bytes())?;
        let digest = Sha256Digest::of(certificate.der());
        self.tell(now, Act::CertificateIssue { serial, certificate: digest })?;
        Ok(format!("{}{}", certificate.pem(), signer.pem))
    }

    fn draw(&self, serials: &dyn Serials) -> Result<Serial, PkiError> {
        let serial = Serial::draw(serials)?;
        // A number that comes again is no accident but a broken random source.
        if self.inventory.knows(&serial) { Err(PkiError::Random) } else { Ok(serial) }
    }
}

impl Plan {
    fn intent(&self, serial: Serial) -> Intent {
        Intent {
            seat: self.seat,
            serial,
            profile: self.profile.clone(),
            subject: self.subject.clone(),
            key: self.key,
            spki: self.spki,
            not_before: self.validity.not_before,
            not_after: self.validity.not_after,
            origin: self.origin.clone(),
        }
    }
}

fn refusal(
    findings: &[LintFinding],
    der: &[u8],
    expected: Option<(&Profile, &Subject)>,
) -> Option<PkiError> {
    let errors: Vec<LintFinding> =
        findings.iter().filter(|finding| finding.severity == Severity::Error).copied().collect();
    if !errors.is_empty() {
        return Some(PkiError::Lint(errors));
    }
    // What the gateway would not let in is not issued either.
    match expected {
        Some((_, Subject::Device { .. })) => Identity::from_der(der).err().map(PkiError::Profile),
        _ => None,
    }
}

/// What is signed of a certificate.
fn tbs(der: &[u8]) -> Option<Vec<u8>> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    Some(certificate.tbs_certificate.as_ref().to_vec())
}
