//! What there is: every form version, what of it can be judged, what is not confirmed.

use std::collections::BTreeSet;

use kakehashi_kernel::{CivilDate, FormKey, Programme};

use crate::{catalogue::Catalogue, definition::Definition, finding::Localized};

/// One form version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoverageRow {
    /// What names it.
    pub key: FormKey,
    /// The disease.
    pub name: Localized,
    /// First day of writing.
    pub valid_from: CivilDate,
    /// First day no longer.
    pub valid_until: Option<CivilDate>,
    /// Items, columns of tables not counted.
    pub items: usize,
    /// Derived items.
    pub derived: usize,
    /// Consistency rules.
    pub rules: usize,
    /// Whether the diagnosis can be judged by machine.
    pub has_diagnosis: bool,
    /// Whether the severity can be judged by machine.
    pub has_severity: bool,
    /// Whether something about the form itself is not confirmed.
    pub is_unverified: bool,
    /// The shape it shares; `None` for a form with a file of its own.
    pub shape: Option<String>,
}

impl From<&Definition> for CoverageRow {
    fn from(definition: &Definition) -> Self {
        Self {
            key: definition.key,
            name: definition.name.clone(),
            valid_from: definition.valid_from,
            valid_until: definition.valid_until,
            items: definition.items().count(),
            derived: definition.derived().len(),
            rules: definition.body.rules.len(),
            has_diagnosis: definition.has_diagnosis(),
            has_severity: definition.has_severity(),
            is_unverified: definition.unverified.is_some(),
            shape: definition.shape.clone(),
        }
    }
}

/// The form versions of one programme, counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Totals {
    /// The programme.
    pub programme: Programme,
    /// Diseases (number).
    pub numbers: usize,
    /// Forms (number and branch).
    pub forms: usize,
    /// Versions of forms.
    pub versions: usize,
    /// Versions with a file of their own; the others share a shape.
    pub own_files: usize,
    /// Versions whose diagnosis can be judged by machine.
    pub with_diagnosis: usize,
    /// Versions whose severity can be judged by machine.
    pub with_severity: usize,
    /// Versions that are judged by machine in neither half (機械判定なし).
    pub not_judged: usize,
    /// Versions with something unconfirmed about the form itself.
    pub unverified: usize,
}

/// What there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    /// Every form version, in the order of keys.
    pub rows: Vec<CoverageRow>,
    /// Per programme.
    pub totals: Vec<Totals>,
}

impl Catalogue {
    /// Counts what there is.
    pub fn coverage(&self) -> Coverage {
        let rows: Vec<CoverageRow> = self.iter().map(CoverageRow::from).collect();
        let totals = Programme::ALL.map(|programme| total(programme, &rows));
        Coverage { rows, totals: totals.to_vec() }
    }
}

fn total(programme: Programme, rows: &[CoverageRow]) -> Totals {
    let rows: Vec<_> = rows.iter().filter(|row| row.key.programme == programme).collect();
    let count = |is: fn(&CoverageRow) -> bool| rows.iter().filter(|row| is(row)).count();
    let numbers: BTreeSet<u16> = rows.iter().map(|row| row.key.number).collect();
    let forms: BTreeSet<(u16, u16)> =
        rows.iter().map(|row| (row.key.number, row.key.branch)).collect();
    Totals {
        programme,
        numbers: numbers.len(),
        forms: forms.len(),
        versions: rows.len(),
        own_files: count(|row| row.shape.is_none()),
        with_diagnosis: count(|row| row.has_diagnosis),
        with_severity: count(|row| row.has_severity),
        not_judged: count(|row| !row.has_diagnosis && !row.has_severity),
        unverified: count(|row| row.is_unverified),
    }
}
