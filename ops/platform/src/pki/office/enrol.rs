//! Enrolment: an operator makes a one-time code; a device presents it with its request.

use kakehashi_kernel::Timestamp;

use super::{Office, issue::Order};
use crate::pki::{
    Closed, Enrolment, EnrolmentCode, EnrolmentEnvelope, Origin, PkiError, Serials, SigningRequest,
    act::{Act, Opened},
};

const HOUR_MS: i64 = 3_600_000;

/// What a code will be good for.
#[derive(Debug, Clone)]
pub struct Invitation {
    /// What will be issued.
    pub order: Order,
    /// Hours in which the code must be used; the profiles' when nothing is said.
    pub valid_hours: Option<u32>,
}

impl Office {
    /// Makes a one-time code. It is shown once; the CA keeps only what can check it.
    ///
    /// # Errors
    ///
    /// [`PkiError::NoProfile`], [`PkiError::TooLong`] or a bad name.
    pub fn invite(
        &mut self,
        invitation: &Invitation,
        now: Timestamp,
        serials: &dyn Serials,
    ) -> Result<EnrolmentCode, PkiError> {
        let order = &invitation.order;
        order.subject.check()?;
        let profile = self.profiles.find(order.profile.as_deref(), &order.subject)?;
        let days = order.days.unwrap_or(profile.days);
        if days == 0 || days > profile.days_max {
            return Err(PkiError::TooLong { days_max: profile.days_max });
        }
        let rules = self.profiles.enrolment;
        let hours = invitation.valid_hours.unwrap_or(rules.valid_hours);
        let code = self.unused_code(serials)?;
        let opened = Opened {
            enrolment: code.id().to_owned(),
            profile: profile.name.clone(),
            subject: order.subject.clone(),
            days,
            expires_at: now.plus_ms(i64::from(hours) * HOUR_MS),
            attempts_max: rules.attempts_max,
            verifier: code.verifier()?,
        };
        self.tell(now, Act::EnrolmentOpen(Box::new(opened)))?;
        Ok(code)
    }

    /// Issues to a device whose envelope is signed with its code. Answers the enrolment and the chain, PEM.
    ///
    /// # Errors
    ///
    /// [`PkiError::CodeUnknown`], [`PkiError::CodeWrong`], [`PkiError::CodeExpired`] or
    /// [`PkiError::CodeClosed`]; and as [`Office::certify`], after which the code is used up.
    pub fn enrol(
        &mut self,
        envelope: &EnrolmentEnvelope,
        now: Timestamp,
        serials: &dyn Serials,
    ) -> Result<(Enrolment, String), PkiError> {
        let request = envelope.request()?;
        let found = self.inventory.enrolments.get(envelope.enrolment()).cloned();
        let Some(found) = found else {
            return Err(self.refuse(now, "enrolment", PkiError::CodeUnknown));
        };
        let is_proven = envelope.is_proven(&request, &found.verifier);
        self.redeem(found, is_proven, &request, now, serials)
    }

    /// Issues to a device whose request and code came by different ways.
    ///
    /// # Errors
    ///
    /// As [`Office::enrol`].
    pub fn enrol_by_code(
        &mut self,
        code: &EnrolmentCode,
        request: &SigningRequest,
        now: Timestamp,
        serials: &dyn Serials,
    ) -> Result<(Enrolment, String), PkiError> {
        let Some(found) = self.inventory.enrolments.get(code.id()).cloned() else {
            return Err(self.refuse(now, "enrolment", PkiError::CodeUnknown));
        };
        let is_proven = code.verifier()? == found.verifier;
        self.redeem(found, is_proven, request, now, serials)
    }

    /// Closes an enrolment whose code must not be used any more.
    ///
    /// # Errors
    ///
    /// [`PkiError::CodeUnknown`].
    pub fn withdraw(&mut self, id: &str, now: Timestamp) -> Result<(), PkiError> {
        let found = self.inventory.enrolments.get(id).ok_or(PkiError::CodeUnknown)?;
        if found.closed.is_some() {
            return Ok(());
        }
        self.close(id, Closed::Withdrawn, now)
    }

    pub(super) fn close(&mut self, id: &str, why: Closed, now: Timestamp) -> Result<(), PkiError> {
        self.tell(now, Act::EnrolmentClose { enrolment: id.to_owned(), why })
    }

    fn redeem(
        &mut self,
        found: Enrolment,
        is_proven: bool,
        request: &SigningRequest,
        now: Timestamp,
        serials: &dyn Serials,
    ) -> Result<(Enrolment, String), PkiError> {
        let subject = found.subject.to_string();
        if let Some(why) = found.closed {
            return Err(self.refuse(now, &subject, PkiError::CodeClosed { why }));
        }
        if found.expires_at < now {
            return Err(self.refuse(now, &subject, PkiError::CodeExpired));
        }
        if !is_proven {
            self.tell(now, Act::EnrolmentFail { enrolment: found.id.clone() })?;
            let left = found.attempts_max.saturating_sub(found.failures + 1);
            if left == 0 {
                self.close(&found.id, Closed::Locked, now)?;
            }
            return Err(PkiError::CodeWrong { left });
        }
        // Used up before anything is signed: a crash costs a new code, never a second certificate.
        self.close(&found.id, Closed::Used, now)?;
        let order = Order {
            subject: found.subject.clone(),
            profile: Some(found.profile.clone()),
            days: Some(found.days),
        };
        let origin = Origin::Enrolment(found.id.clone());
        let chain = self.certify_on(&order, request, origin, now, serials)?;
        Ok((found, chain))
    }

    fn unused_code(&self, serials: &dyn Serials) -> Result<EnrolmentCode, PkiError> {
        // 33 million names: with a thousand codes a year one comes again every thirty years.
        for _ in 0..16 {
            let code = EnrolmentCode::draw(serials)?;
            if !self.inventory.enrolments.contains_key(code.id()) {
                return Ok(code);
            }
        }
        Err(PkiError::Random)
    }
}
