//! One item of a form: what a page needs to ask it and what the engine needs to check it.

use std::sync::Arc;

use rust_decimal::Decimal;
use serde::{Deserialize, de::Error as _};

use crate::{
    code_list::CodeList, definition::Application, expression::Expression, finding::Localized,
};

/// What kind of value an item takes.
#[derive(Debug)]
pub enum Kind {
    /// Text as written. More than one line when `lines_max` is above 1.
    Text {
        /// Characters (code points), line ends included.
        length_max: usize,
        /// Lines.
        lines_max: usize,
    },
    /// Hiragana or katakana, spaces, middle dots.
    Kana {
        /// Characters (code points).
        length_max: usize,
    },
    /// A full date.
    Date,
    /// A year, a year and month, or a full date.
    PartialDate,
    /// One code.
    Code(Arc<CodeList>),
    /// Any number of codes.
    Codes(Arc<CodeList>),
    /// A whole number.
    Integer {
        /// Smallest value.
        min: i64,
        /// Largest value.
        max: i64,
    },
    /// A number with decimal places.
    Decimal {
        /// Smallest value.
        min: Decimal,
        /// Largest value.
        max: Decimal,
        /// Digits after the point.
        places: u32,
        /// Whether `<`, `<=`, `>`, `>=` may stand before it, and 感度以下 in its place.
        comparator: bool,
    },
    /// Digits that are a name, leading zeros kept.
    Digits {
        /// Fewest digits.
        min: usize,
        /// Most digits.
        max: usize,
    },
    /// Seven digits.
    Postcode,
    /// Ten or eleven digits, no hyphens.
    Tel,
    /// 受給者番号: seven digits, the last a check digit.
    Recipient,
    /// 保険者番号: six or eight digits, the last a check digit.
    Insurer,
    /// A table: every row answers the columns.
    Rows {
        /// Fewest rows, once there is one.
        min: usize,
        /// Most rows.
        max: usize,
        /// The columns, as printed. None is a table; conditions on other answers
        /// (`relevant`, `required_when`) are the table's, a column has none.
        columns: Vec<Item>,
    },
}

impl Kind {
    /// Tells whether its values are [`crate::Value::Text`].
    pub const fn is_text(&self) -> bool {
        match self {
            Self::Text { .. }
            | Self::Kana { .. }
            | Self::Digits { .. }
            | Self::Postcode
            | Self::Tel
            | Self::Recipient
            | Self::Insurer => true,
            Self::Date
            | Self::PartialDate
            | Self::Code(_)
            | Self::Codes(_)
            | Self::Integer { .. }
            | Self::Decimal { .. }
            | Self::Rows { .. } => false,
        }
    }
}

/// The control an entry page shows for an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    /// One line of text.
    Line,
    /// Several lines of text.
    Area,
    /// A date, typed as people write it.
    Date,
    /// A date that may lack day or month.
    PartialDate,
    /// One of the options.
    Radio,
    /// Any of the options.
    Checkboxes,
    /// A number.
    Number,
    /// Rows of columns; each column has its own control.
    Table,
}

/// Where an item stands on its printed page, in tenths of a millimetre from the top left corner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Region {
    /// From the left edge.
    pub left: u16,
    /// From the top edge.
    pub top: u16,
    /// Its width, above 0.
    pub width: u16,
    /// Its height, above 0.
    pub height: u16,
}

/// For which kinds of application something holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Applications {
    /// 新規 and 更新.
    Both,
    /// 新規 only.
    New,
    /// 更新 only.
    Renewal,
    /// Neither.
    #[default]
    Never,
}

/// Reads `applies`: what is for neither application would escape every check of gaps.
pub(crate) fn some_applications<'de, D>(read: D) -> Result<Option<Applications>, D::Error>
where
    D: serde::Deserializer<'de>,
{
    match Applications::deserialize(read)? {
        Applications::Never => Err(D::Error::custom("applies is both, new or renewal")),
        other => Ok(Some(other)),
    }
}

impl Applications {
    /// Tells whether `application` is among them.
    pub const fn include(self, application: Application) -> bool {
        match (self, application) {
            (Self::Both, _)
            | (Self::New, Application::New)
            | (Self::Renewal, Application::Renewal) => true,
            (Self::Never | Self::New | Self::Renewal, _) => false,
        }
    }
}

/// How closely an item points at a person; decides masking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DataClass {
    /// Names the person: name, address, numbers.
    Direct,
    /// Narrows the person down: birth date, sex, place of birth.
    Quasi,
    /// About the person's health.
    Medical,
    /// About the institution or the doctor.
    Institution,
}

/// What happens to the answer in next year's form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Carry {
    /// Taken over.
    Always,
    /// Taken over after a question.
    Ask,
    /// Asked anew.
    Never,
}

/// A state that is an answer to the item, besides a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AllowedState {
    /// 未実施.
    NotDone,
    /// 不明.
    Unknown,
}

/// One item of a form.
#[derive(Debug)]
pub struct Item {
    /// Unique in the form: lower case letters, digits, underscores. Also the XML element's name.
    pub id: String,
    /// What is asked.
    pub label: Localized,
    /// What kind of value it takes, with ranges, lengths and options.
    pub kind: Kind,
    /// A sentence that helps to answer.
    pub help: Option<Localized>,
    /// Unit of a number, as printed.
    pub unit: Option<String>,
    /// The printed page it is on, from 1.
    pub page: u16,
    /// Where on that page: what a person who keys the item is shown.
    pub region: Option<Region>,
    /// What 感度以下 lies below, where that is known.
    pub detection: Option<Decimal>,
    /// For which applications it must be answered, as far as it is relevant.
    pub required: Applications,
    /// For which applications the form asks it at all.
    pub applies: Applications,
    /// How closely it points at a person.
    pub class: DataClass,
    /// What happens to it next year.
    pub carry: Carry,
    /// States that are answers.
    pub states: Vec<AllowedState>,
    /// How sure the definition is: `S` printed form or notice, `criteria` the criteria text, `O`
    /// assumed. Shown in the specification.
    pub confidence: Option<String>,
    pub(crate) required_when: Option<Expression>,
    pub(crate) relevant: Option<Expression>,
}

impl Item {
    /// The control an entry page shows.
    pub fn control(&self) -> Control {
        match &self.kind {
            Kind::Text { lines_max, .. } if *lines_max > 1 => Control::Area,
            Kind::Text { .. }
            | Kind::Kana { .. }
            | Kind::Digits { .. }
            | Kind::Postcode
            | Kind::Tel
            | Kind::Recipient
            | Kind::Insurer => Control::Line,
            Kind::Date => Control::Date,
            Kind::PartialDate => Control::PartialDate,
            Kind::Code(_) => Control::Radio,
            Kind::Codes(_) => Control::Checkboxes,
            Kind::Integer { .. } | Kind::Decimal { .. } => Control::Number,
            Kind::Rows { .. } => Control::Table,
        }
    }

    /// The columns of a table; none for any other item.
    pub fn columns(&self) -> &[Self] {
        match &self.kind {
            Kind::Rows { columns, .. } => columns,
            _ => &[],
        }
    }

    /// The column of an id.
    pub fn column(&self, id: &str) -> Option<&Self> {
        self.columns().iter().find(|column| column.id == id)
    }

    /// The codes it can take, if it takes codes.
    pub fn codes(&self) -> Option<&CodeList> {
        match &self.kind {
            Kind::Code(list) | Kind::Codes(list) => Some(list),
            _ => None,
        }
    }

    /// Most characters it can take, for an entry field.
    pub fn length_max(&self) -> Option<usize> {
        match self.kind {
            Kind::Text { length_max, .. } | Kind::Kana { length_max } => Some(length_max),
            Kind::Digits { max, .. } => Some(max),
            _ => None,
        }
    }

    /// Tells whether it must be answered in such an application whenever it is relevant.
    pub const fn is_required(&self, application: Application) -> bool {
        self.required.include(application) && self.is_asked(application)
    }

    /// Tells whether the form asks it in such an application at all.
    pub const fn is_asked(&self, application: Application) -> bool {
        self.applies.include(application)
    }

    /// Tells whether other answers decide if it must be answered or is asked at all.
    pub const fn is_conditional(&self) -> bool {
        self.required_when.is_some() || self.relevant.is_some()
    }

    /// Tells whether 感度以下 is an answer to it.
    pub const fn takes_below_detection(&self) -> bool {
        matches!(self.kind, Kind::Decimal { comparator: true, .. })
    }

    /// Tells whether a state is an answer to it.
    pub fn allows(&self, state: AllowedState) -> bool {
        self.states.contains(&state)
    }
}
