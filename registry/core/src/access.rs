//! Who may see which record.

use kakehashi_contract::Zone;
use kakehashi_kernel::{AccountId, MunicipalityCode, Programme, RecordId};

use crate::{account::AccountRole, record::Source};

/// Somebody signed in, on a certificate of the account's own zone and organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reader {
    /// The account.
    pub account: AccountId,
    /// Its role.
    pub role: AccountRole,
    /// The zone of certificate and account.
    pub zone: Zone,
    /// The organisation of certificate and account.
    pub organisation: String,
    /// The programmes the account is granted.
    pub programmes: Vec<Programme>,
}

/// Whose record it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ownership {
    /// The record.
    pub record: RecordId,
    /// Its programme.
    pub programme: Programme,
    /// Where it came from.
    pub source: Source,
    /// The municipality that sent the scan.
    pub municipality: Option<MunicipalityCode>,
    /// The institution whose doctor entered it.
    pub institution: Option<String>,
    /// The municipality that sent the scan this record is linked to.
    pub linked_municipality: Option<MunicipalityCode>,
}

/// Leave to see one record. Only [`Reader::may_view`] makes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permit(RecordId);

/// Why a reader may not see a record. The reader is told that there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// The role has no business in that zone.
    #[error("the role does not belong to the zone")]
    Zone,
    /// The account is not granted the programme.
    #[error("the programme is not granted")]
    Programme,
    /// The record belongs to somebody else.
    #[error("the record belongs to another organisation")]
    Owner,
}

impl Permit {
    /// The record it is for.
    pub const fn record(&self) -> RecordId {
        self.0
    }
}

impl Denied {
    /// The word in the audit trail.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Zone => "denied-zone",
            Self::Programme => "denied-programme",
            Self::Owner => "denied-owner",
        }
    }
}

impl Reader {
    /// Decides whether the reader may see a record.
    ///
    /// A doctor sees what was entered online at the own institution. A municipality sees the records of
    /// its own scans, and online records that are linked to one of them.
    ///
    /// # Errors
    ///
    /// [`Denied`], for the audit trail.
    pub fn may_view(&self, of: &Ownership) -> Result<Permit, Denied> {
        if self.zone != self.role.zone() {
            return Err(Denied::Zone);
        }
        if !self.programmes.contains(&of.programme) {
            return Err(Denied::Programme);
        }
        let is_ours = |code: &Option<MunicipalityCode>| {
            code.as_ref().is_some_and(|code| code.as_str() == self.organisation)
        };
        let may = match (self.role, of.source) {
            (AccountRole::Doctor, Source::Online) => {
                of.institution.as_deref() == Some(self.organisation.as_str())
            }
            (AccountRole::Doctor, Source::Scan) => false,
            (AccountRole::MunicipalStaff, Source::Scan) => is_ours(&of.municipality),
            (AccountRole::MunicipalStaff, Source::Online) => is_ours(&of.linked_municipality),
        };
        if may { Ok(Permit(of.record)) } else { Err(Denied::Owner) }
    }

    /// Decides whether the reader may enter forms of a programme.
    ///
    /// # Errors
    ///
    /// [`Denied`].
    pub fn may_enter(&self, programme: Programme) -> Result<(), Denied> {
        match (self.role, self.zone) {
            (AccountRole::Doctor, Zone::Entry) if self.programmes.contains(&programme) => Ok(()),
            (AccountRole::Doctor, Zone::Entry) => Err(Denied::Programme),
            (AccountRole::Doctor | AccountRole::MunicipalStaff, _) => Err(Denied::Zone),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSPITAL: &str = "1410000011";
    const CITY: &str = "141003";

    fn reader(role: AccountRole, organisation: &str) -> Reader {
        Reader {
            account: uuid::Uuid::nil().into(),
            role,
            zone: role.zone(),
            organisation: organisation.to_owned(),
            programmes: vec![Programme::Nanbyo],
        }
    }

    fn scan_of(municipality: &str) -> Ownership {
        Ownership {
            record: uuid::Uuid::nil().into(),
            programme: Programme::Nanbyo,
            source: Source::Scan,
            municipality: municipality.parse().ok(),
            institution: None,
            linked_municipality: None,
        }
    }

    fn online_of(institution: &str, linked: Option<&str>) -> Ownership {
        Ownership {
            source: Source::Online,
            municipality: None,
            institution: Some(institution.to_owned()),
            linked_municipality: linked.and_then(|code| code.parse().ok()),
            ..scan_of(CITY)
        }
    }

    #[test]
    fn who_may_see_what() {
        use AccountRole::{Doctor, MunicipalStaff};
        let table = [
            (Doctor, HOSPITAL, online_of(HOSPITAL, None), Ok(())),
            (Doctor, HOSPITAL, online_of(HOSPITAL, Some(CITY)), Ok(())),
            (Doctor, HOSPITAL, online_of("1410000029", None), Err(Denied::Owner)),
            (Doctor, HOSPITAL, scan_of(CITY), Err(Denied::Owner)),
            // A municipality code as a hospital's organisation opens nothing.
            (Doctor, CITY, scan_of(CITY), Err(Denied::Owner)),
            (MunicipalStaff, CITY, scan_of(CITY), Ok(())),
            (MunicipalStaff, CITY, scan_of("131016"), Err(Denied::Owner)),
            (MunicipalStaff, CITY, online_of(HOSPITAL, None), Err(Denied::Owner)),
            (MunicipalStaff, CITY, online_of(HOSPITAL, Some(CITY)), Ok(())),
            (MunicipalStaff, CITY, online_of(HOSPITAL, Some("131016")), Err(Denied::Owner)),
            (MunicipalStaff, HOSPITAL, online_of(HOSPITAL, None), Err(Denied::Owner)),
        ];
        for (row, (role, organisation, of, expected)) in table.into_iter().enumerate() {
            let answer = reader(role, organisation).may_view(&of).map(|_| ());
            assert_eq!(answer, expected, "row {row}");
        }
    }

    #[test]
    fn a_programme_that_is_not_granted_is_denied() {
        let of = Ownership { programme: Programme::Shouman, ..scan_of(CITY) };
        let reader = reader(AccountRole::MunicipalStaff, CITY);
        assert_eq!(reader.may_view(&of), Err(Denied::Programme));
    }

    #[test]
    fn a_role_in_a_foreign_zone_is_denied_everything() {
        for zone in Zone::ALL {
            for role in [AccountRole::Doctor, AccountRole::MunicipalStaff] {
                let reader = Reader { zone: *zone, ..reader(role, CITY) };
                if *zone != role.zone() {
                    assert_eq!(reader.may_view(&scan_of(CITY)), Err(Denied::Zone));
                    assert!(reader.may_enter(Programme::Nanbyo).is_err());
                }
            }
        }
    }

    #[test]
    fn only_doctors_enter_forms_and_only_of_their_programmes() {
        let doctor = reader(AccountRole::Doctor, HOSPITAL);
        assert_eq!(doctor.may_enter(Programme::Nanbyo), Ok(()));
        assert_eq!(doctor.may_enter(Programme::Shouman), Err(Denied::Programme));
        let staff = reader(AccountRole::MunicipalStaff, CITY);
        assert_eq!(staff.may_enter(Programme::Nanbyo), Err(Denied::Zone));
    }
}
