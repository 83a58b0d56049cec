//! The definition files as written: the TOML shapes, nothing checked yet.
//!
//! `schemas/definitions/README.md` describes them for people who write definitions.

use kakehashi_kernel::CivilDate;
use serde::Deserialize;
use toml::Spanned;

use crate::{
    code_list::Means,
    finding::{Localized, Severity},
    item::{AllowedState, Applications, Carry, DataClass, some_applications},
    table::{Between, Outside},
};

/// `forms/<programme>/<number>-<branch>/<yymm>.toml`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawForm {
    pub(crate) key: Spanned<String>,
    pub(crate) name: Localized,
    /// The reading of the name in hiragana.
    pub(crate) kana: Option<String>,
    pub(crate) pages: u16,
    pub(crate) valid_from: CivilDate,
    pub(crate) valid_until: Option<CivilDate>,
    pub(crate) accepted_until: Option<CivilDate>,
    #[serde(default, deserialize_with = "some_applications")]
    pub(crate) applies: Option<Applications>,
    pub(crate) unverified: Option<Localized>,
    #[serde(default)]
    pub(crate) section: Vec<RawSection>,
    #[serde(default)]
    pub(crate) derived: Vec<RawDerived>,
    #[serde(default)]
    pub(crate) rule: Vec<RawRule>,
    #[serde(default)]
    pub(crate) criterion: Vec<RawCriterion>,
    #[serde(default)]
    pub(crate) diagnosis: Vec<RawDiagnosis>,
    #[serde(default)]
    pub(crate) severity: Vec<RawSeverity>,
}

/// `shapes/<programme>/<name>.toml`: what many form versions of `lists/` share.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawShape {
    pub(crate) pages: u16,
    #[serde(default, deserialize_with = "some_applications")]
    pub(crate) applies: Option<Applications>,
    pub(crate) unverified: Option<Localized>,
    #[serde(default)]
    pub(crate) section: Vec<RawSection>,
    #[serde(default)]
    pub(crate) derived: Vec<RawDerived>,
    #[serde(default)]
    pub(crate) rule: Vec<RawRule>,
    #[serde(default)]
    pub(crate) criterion: Vec<RawCriterion>,
    #[serde(default)]
    pub(crate) diagnosis: Vec<RawDiagnosis>,
    #[serde(default)]
    pub(crate) severity: Vec<RawSeverity>,
}

impl RawForm {
    /// Parts what is the form's own (left behind) from what it could share.
    pub(crate) fn take_shape(&mut self) -> RawShape {
        RawShape {
            pages: self.pages,
            applies: self.applies,
            unverified: self.unverified.take(),
            section: std::mem::take(&mut self.section),
            derived: std::mem::take(&mut self.derived),
            rule: std::mem::take(&mut self.rule),
            criterion: std::mem::take(&mut self.criterion),
            diagnosis: std::mem::take(&mut self.diagnosis),
            severity: std::mem::take(&mut self.severity),
        }
    }
}

/// A section of a form: written out, or included by name.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawSection {
    pub(crate) include: Option<Spanned<String>>,
    pub(crate) page: Spanned<u16>,
    pub(crate) id: Option<Spanned<String>>,
    pub(crate) ja: Option<String>,
    pub(crate) en: Option<String>,
    #[serde(default)]
    pub(crate) item: Vec<RawItem>,
}

/// `shared/**.toml`: one section with the calculations, rules and criteria that belong to it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawShared {
    pub(crate) id: Spanned<String>,
    pub(crate) ja: String,
    pub(crate) en: String,
    #[serde(default)]
    pub(crate) item: Vec<RawItem>,
    #[serde(default)]
    pub(crate) derived: Vec<RawDerived>,
    #[serde(default)]
    pub(crate) rule: Vec<RawRule>,
    #[serde(default)]
    pub(crate) criterion: Vec<RawCriterion>,
}

/// One item.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawItem {
    pub(crate) id: Spanned<String>,
    pub(crate) ja: String,
    pub(crate) en: String,
    #[serde(rename = "type")]
    pub(crate) kind: Spanned<String>,
    pub(crate) codes: Option<Spanned<String>>,
    pub(crate) length: Option<[usize; 2]>,
    pub(crate) lines_max: Option<usize>,
    pub(crate) range: Option<Spanned<[String; 2]>>,
    pub(crate) places: Option<u32>,
    #[serde(default)]
    pub(crate) comparator: bool,
    pub(crate) detection: Option<Spanned<String>>,
    /// Fewest and most rows of a table.
    pub(crate) rows: Option<[usize; 2]>,
    #[serde(default)]
    pub(crate) column: Vec<RawItem>,
    pub(crate) unit: Option<String>,
    pub(crate) help: Option<Localized>,
    #[serde(default)]
    pub(crate) required: Applications,
    #[serde(default, deserialize_with = "some_applications")]
    pub(crate) applies: Option<Applications>,
    pub(crate) required_when: Option<Spanned<String>>,
    pub(crate) relevant: Option<Spanned<String>>,
    /// A column takes it from its table.
    pub(crate) class: Option<DataClass>,
    /// A column takes it from its table.
    pub(crate) carry: Option<Carry>,
    #[serde(default)]
    pub(crate) states: Vec<AllowedState>,
    pub(crate) page: Option<u16>,
    /// Left, top, width, height on the page in tenths of a millimetre.
    pub(crate) region: Option<Spanned<[u16; 4]>>,
    pub(crate) confidence: Option<String>,
}

/// One derived item.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawDerived {
    pub(crate) id: Spanned<String>,
    pub(crate) ja: String,
    pub(crate) en: String,
    pub(crate) unit: Option<String>,
    pub(crate) value: Spanned<String>,
    pub(crate) places: Option<u32>,
    pub(crate) codes: Option<Spanned<String>>,
    pub(crate) when: Option<Spanned<String>>,
    pub(crate) formula: Localized,
    pub(crate) source: String,
    pub(crate) confidence: Option<String>,
}

/// One consistency rule.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawRule {
    pub(crate) id: Spanned<String>,
    pub(crate) item: Spanned<String>,
    pub(crate) severity: Severity,
    pub(crate) holds: Spanned<String>,
    pub(crate) message: Localized,
    pub(crate) remedy: Localized,
}

/// One criterion: exactly one of `when`, `all`, `any`, `at_least` with `of`, `not`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawCriterion {
    pub(crate) id: Spanned<String>,
    pub(crate) ja: String,
    pub(crate) en: String,
    pub(crate) when: Option<Spanned<String>>,
    pub(crate) all: Option<Vec<String>>,
    pub(crate) any: Option<Vec<String>>,
    pub(crate) at_least: Option<usize>,
    pub(crate) of: Option<Vec<String>>,
    pub(crate) not: Option<String>,
}

/// A set of diagnosis categories, by first certification.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawDiagnosis {
    pub(crate) version: Spanned<String>,
    pub(crate) notice: Localized,
    pub(crate) certified_from: Option<CivilDate>,
    pub(crate) certified_until: Option<CivilDate>,
    #[serde(default)]
    pub(crate) category: Vec<RawGrade>,
}

/// A set of severity grades, by the day of writing.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawSeverity {
    pub(crate) version: Spanned<String>,
    pub(crate) notice: Localized,
    pub(crate) written_from: Option<CivilDate>,
    pub(crate) written_until: Option<CivilDate>,
    #[serde(default, deserialize_with = "some_applications")]
    pub(crate) applies: Option<Applications>,
    #[serde(default)]
    pub(crate) grade: Vec<RawGrade>,
}

/// A diagnosis category or a severity grade.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawGrade {
    pub(crate) id: String,
    pub(crate) ja: String,
    pub(crate) en: String,
    pub(crate) criterion: Spanned<String>,
    pub(crate) eligible: bool,
}

/// `tables/*.toml`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawTables {
    pub(crate) table: Vec<RawTable>,
}

/// One table of numbers.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawTable {
    pub(crate) id: Spanned<String>,
    /// Where the numbers are from. For readers of the file.
    #[serde(rename = "source")]
    pub(crate) _source: String,
    pub(crate) x: Vec<String>,
    pub(crate) y: Vec<String>,
    pub(crate) between: Between,
    pub(crate) below: Outside,
    pub(crate) above: Outside,
}

/// `codes/*.toml`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawCodes {
    pub(crate) list: Vec<RawCodeList>,
}

/// One code list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawCodeList {
    pub(crate) id: Spanned<String>,
    /// Where the codes are from. For readers of the file.
    #[serde(rename = "source")]
    pub(crate) _source: Option<String>,
    pub(crate) code: Vec<RawCode>,
}

/// One code.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawCode {
    pub(crate) code: String,
    pub(crate) ja: String,
    pub(crate) en: String,
    pub(crate) means: Option<Means>,
    pub(crate) points: Option<i64>,
}
