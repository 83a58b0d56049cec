//! The states of a scan.

use kakehashi_contract::ApplicationKind;
use kakehashi_kernel::{FormKey, MunicipalityCode, ReceiptNumber, ScanId, Sha256Digest, Timestamp};
use serde::{Deserialize, Serialize};

/// What the sender holds in its hand: the scan is durable and will be accounted for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The number to quote.
    pub number: ReceiptNumber,
    /// The scan.
    pub scan: ScanId,
    /// Digest of the original.
    pub sha256: Sha256Digest,
    /// Size of the original.
    pub size_bytes: u64,
    /// When it became durable.
    pub received_at: Timestamp,
}

/// Where a scan is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScanState {
    /// Durable, not yet inspected.
    Received,
    /// Fit for conversion.
    Released {
        /// Which form it is.
        form: FormKey,
        /// Its pages.
        pages: u32,
    },
    /// The sender has to act.
    Refused {
        /// The refusal's code.
        why: String,
    },
    /// Taken back by the municipality.
    Withdrawn,
}

impl ScanState {
    /// The word in the database and in JSON.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Released { .. } => "released",
            Self::Refused { .. } => "refused",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// One scan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan {
    /// Its id.
    pub id: ScanId,
    /// Who sent it.
    pub municipality: MunicipalityCode,
    /// Its receipt.
    pub receipt: Receipt,
    /// New or renewal, as declared.
    pub application: ApplicationKind,
    /// Where it is.
    pub state: ScanState,
}

/// The scan is not in a state that allows this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a scan that is {from} cannot become {to}")]
pub struct InvalidTransition {
    from: &'static str,
    to: &'static str,
}

impl Scan {
    /// Releases an inspected scan for conversion.
    ///
    /// # Errors
    ///
    /// [`InvalidTransition`] unless it is `Received`.
    pub fn release(self, form: FormKey, pages: u32) -> Result<Self, InvalidTransition> {
        self.conclude(ScanState::Released { form, pages })
    }

    /// Refuses an inspected scan.
    ///
    /// # Errors
    ///
    /// [`InvalidTransition`] unless it is `Received`.
    pub fn refuse(self, why: impl Into<String>) -> Result<Self, InvalidTransition> {
        self.conclude(ScanState::Refused { why: why.into() })
    }

    /// Withdraws a scan that is not refused.
    ///
    /// # Errors
    ///
    /// [`InvalidTransition`] when it is `Refused` or `Withdrawn` already.
    pub fn withdraw(self) -> Result<Self, InvalidTransition> {
        match self.state {
            ScanState::Received | ScanState::Released { .. } => {
                Ok(Self { state: ScanState::Withdrawn, ..self })
            }
            ScanState::Refused { .. } | ScanState::Withdrawn => {
                Err(InvalidTransition { from: self.state.as_str(), to: "withdrawn" })
            }
        }
    }

    fn conclude(self, to: ScanState) -> Result<Self, InvalidTransition> {
        match self.state {
            ScanState::Received => Ok(Self { state: to, ..self }),
            ScanState::Released { .. } | ScanState::Refused { .. } | ScanState::Withdrawn => {
                Err(InvalidTransition { from: self.state.as_str(), to: to.as_str() })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use kakehashi_kernel::Programme;

    use super::*;

    fn received() -> Scan {
        let id = ScanId::from(uuid::Uuid::nil());
        let number = ReceiptNumber::new("2026-11-23".parse().unwrap(), 1);
        let sha256 = Sha256Digest::of(b"");
        Scan {
            id,
            municipality: "141003".parse().unwrap(),
            receipt: Receipt { number, scan: id, sha256, size_bytes: 0, received_at: Timestamp(0) },
            application: ApplicationKind::New,
            state: ScanState::Received,
        }
    }

    fn form() -> FormKey {
        FormKey::new(Programme::Nanbyo, 6, 0, 2403).unwrap()
    }

    #[test]
    fn a_verdict_is_given_once() {
        let released = received().release(form(), 4).unwrap();
        assert_eq!(released.state, ScanState::Released { form: form(), pages: 4 });
        assert!(released.clone().release(form(), 4).is_err());
        assert!(released.refuse("encrypted").is_err());
        assert!(received().refuse("encrypted").unwrap().release(form(), 4).is_err());
    }

    #[test]
    fn what_is_refused_cannot_be_withdrawn() {
        assert!(received().withdraw().unwrap().withdraw().is_err());
        assert!(received().release(form(), 4).unwrap().withdraw().is_ok());
        assert!(received().refuse("encrypted").unwrap().withdraw().is_err());
    }
}
