//! What was answered to one item, and to a whole form. Personal data: `Debug` shows nothing of it.

use std::{collections::BTreeMap, fmt};

use kakehashi_kernel::{CivilDate, PartialDate};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// A value somebody gave. `Debug` names the kind only.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// Text, kana and numbers that are names (postcode, telephone, recipient and insurer number).
    /// The code points are those received; nothing is normalised.
    Text(String),
    /// A full date.
    Date(CivilDate),
    /// A date that may lack its day or month.
    PartialDate(PartialDate),
    /// One code of the item's list.
    Code(String),
    /// Several codes, in the order of the list, each once, at least one.
    Codes(Vec<String>),
    /// A whole number.
    Integer(i64),
    /// A measured number.
    Decimal {
        /// The number, with exactly the places the item declares.
        value: Decimal,
        /// Set when the laboratory said only on which side of the number the value lies.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        comparator: Option<Comparator>,
    },
    /// 感度以下: the laboratory found less than it can measure. Where the item knows the limit
    /// ([`crate::Item::detection`]) the value lies below it, else nothing more is known.
    BelowDetection,
    /// The rows of a table, in the order written, at least one.
    Rows(Vec<Row>),
}

/// One row of a table: the answers by column. A column without an answer is blank, and a blank is
/// never kept, so equal rows are equal. `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "BTreeMap<String, Answer>")]
pub struct Row(BTreeMap<String, Answer>);

impl Row {
    /// Makes an empty row.
    pub const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// The answer in a column; `None` is blank.
    pub fn get(&self, column: &str) -> Option<&Answer> {
        self.0.get(column)
    }

    /// The given value in a column.
    pub fn value(&self, column: &str) -> Option<&Value> {
        self.get(column).and_then(Answer::value)
    }

    /// Sets the answer in a column; a blank takes it out.
    pub fn set(&mut self, column: impl Into<String>, answer: Answer) {
        let column = column.into();
        if answer == Answer::Blank {
            self.0.remove(&column);
        } else {
            self.0.insert(column, answer);
        }
    }

    /// The answers by column id.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Answer)> {
        self.0.iter().map(|(column, answer)| (column.as_str(), answer))
    }

    /// Tells whether every column is blank.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<BTreeMap<String, Answer>> for Row {
    fn from(mut cells: BTreeMap<String, Answer>) -> Self {
        cells.retain(|_, answer| *answer != Answer::Blank);
        Self(cells)
    }
}

impl FromIterator<(String, Answer)> for Row {
    fn from_iter<T: IntoIterator<Item = (String, Answer)>>(cells: T) -> Self {
        Self::from(cells.into_iter().collect::<BTreeMap<_, _>>())
    }
}

/// On which side of the number a laboratory value lies (`<0.1`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Comparator {
    /// `<`
    Lt,
    /// `<=`
    Le,
    /// `>`
    Gt,
    /// `>=`
    Ge,
}

impl Comparator {
    /// Every comparator.
    pub const ALL: [Self; 4] = [Self::Lt, Self::Le, Self::Gt, Self::Ge];

    /// As printed before a number.
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Lt => "<",
            Self::Le => "<=",
            Self::Gt => ">",
            Self::Ge => ">=",
        }
    }

    /// As written in an XML attribute.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Lt => "lt",
            Self::Le => "le",
            Self::Gt => "gt",
            Self::Ge => "ge",
        }
    }

    /// Reads the word of an XML attribute.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|comparator| comparator.as_str() == word)
    }
}

/// The answer to one item: a value, or the state the item is in instead.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// A value was given.
    Given(Value),
    /// Nothing was written.
    Blank,
    /// 未実施: the examination was not done.
    NotDone,
    /// 不明: the writer does not know.
    Unknown,
    /// 判読不能: something is written and cannot be read.
    Illegible,
    /// 抹消: what was written was struck out.
    Struck,
    /// 複数選択: more boxes are marked than may be.
    MultiplyMarked,
}

impl Answer {
    /// The given value, if there is one.
    pub const fn value(&self) -> Option<&Value> {
        match self {
            Self::Given(value) => Some(value),
            _ => None,
        }
    }

    /// The word for a state in XML; `None` for a given value.
    pub const fn state(&self) -> Option<&'static str> {
        match self {
            Self::Given(_) => None,
            Self::Blank => Some("blank"),
            Self::NotDone => Some("not-done"),
            Self::Unknown => Some("unknown"),
            Self::Illegible => Some("illegible"),
            Self::Struck => Some("struck"),
            Self::MultiplyMarked => Some("multiple-marked"),
        }
    }

    /// The word people read for a state, in Japanese; `None` for a value and for blank.
    pub const fn word(&self) -> Option<&'static str> {
        match self {
            Self::Given(_) | Self::Blank => None,
            Self::NotDone => Some("未実施"),
            Self::Unknown => Some("不明"),
            Self::Illegible => Some("判読不能"),
            Self::Struck => Some("抹消"),
            Self::MultiplyMarked => Some("複数選択"),
        }
    }

    /// The state of a word of [`Answer::word`]. For what is *described* (a case table, a transcript),
    /// not for what is typed into an item: there the words may be text.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::STATES.into_iter().find(|answer| answer.word() == Some(word))
    }

    const STATES: [Self; 6] = [
        Self::Blank,
        Self::NotDone,
        Self::Unknown,
        Self::Illegible,
        Self::Struck,
        Self::MultiplyMarked,
    ];

    /// Reads the word for a state in XML.
    pub fn from_state(word: &str) -> Option<Self> {
        Self::STATES.into_iter().find(|answer| answer.state() == Some(word))
    }
}

/// The answers of one form, by item id. Serialises as one JSON object.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Answers(BTreeMap<String, Answer>);

impl Answers {
    /// Makes an empty form.
    pub const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// The answer to an item, if one was set. Not set and [`Answer::Blank`] mean the same.
    pub fn get(&self, item: &str) -> Option<&Answer> {
        self.0.get(item)
    }

    /// The given value of an item.
    pub fn value(&self, item: &str) -> Option<&Value> {
        self.get(item).and_then(Answer::value)
    }

    /// The given text of an item, if its value is text.
    pub fn text(&self, item: &str) -> Option<&str> {
        match self.value(item) {
            Some(Value::Text(text) | Value::Code(text)) => Some(text),
            _ => None,
        }
    }

    /// The given date of an item, if its value is a full date.
    pub fn date(&self, item: &str) -> Option<CivilDate> {
        match self.value(item) {
            Some(Value::Date(date)) => Some(*date),
            _ => None,
        }
    }

    /// Sets an answer; answers the one it replaces.
    pub fn set(&mut self, item: impl Into<String>, answer: Answer) -> Option<Answer> {
        self.0.insert(item.into(), answer)
    }

    /// Takes an answer out.
    pub fn remove(&mut self, item: &str) -> Option<Answer> {
        self.0.remove(item)
    }

    /// All answers by item id.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Answer)> {
        self.0.iter().map(|(item, answer)| (item.as_str(), answer))
    }

    /// How many items have an answer set.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Tells whether no answer is set.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The ids of items that two forms answer differently; not set counts as blank.
    pub fn differences<'a>(&'a self, other: &'a Self) -> Vec<&'a str> {
        let ids: std::collections::BTreeSet<&str> =
            self.0.keys().chain(other.0.keys()).map(String::as_str).collect();
        let blank = &Answer::Blank;
        let of = |answers: &'a Self, id: &str| answers.0.get(id).unwrap_or(blank).clone();
        ids.into_iter().filter(|id| of(self, id) != of(other, id)).collect()
    }
}

impl FromIterator<(String, Answer)> for Answers {
    fn from_iter<T: IntoIterator<Item = (String, Answer)>>(answers: T) -> Self {
        Self(answers.into_iter().collect())
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text(_) => "Text(…)",
            Self::Date(_) => "Date(…)",
            Self::PartialDate(_) => "PartialDate(…)",
            Self::Code(_) => "Code(…)",
            Self::Codes(_) => "Codes(…)",
            Self::Integer(_) => "Integer(…)",
            Self::Decimal { .. } => "Decimal(…)",
            Self::BelowDetection => "BelowDetection",
            Self::Rows(_) => "Rows(…)",
        })
    }
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Row(…)")
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Given(value) => write!(f, "Given({value:?})"),
            other => f.write_str(other.state().unwrap_or_default()),
        }
    }
}

impl fmt::Debug for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Answers({} items)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name() -> Answers {
        let given = Answer::Given(Value::Text("難病 太郎".to_owned()));
        [("name_kanji".to_owned(), given)].into_iter().collect()
    }

    #[test]
    fn debug_shows_no_value() {
        assert_eq!(format!("{:?}", name()), "Answers(1 items)");
        assert_eq!(format!("{:?}", name().get("name_kanji")), "Some(Given(Text(…)))");
    }

    #[test]
    fn answers_survive_json() {
        let mut answers = name();
        let value = Decimal::new(1, 1);
        answers
            .set("crp", Answer::Given(Value::Decimal { value, comparator: Some(Comparator::Lt) }));
        answers.set("hy", Answer::Illegible);
        let json = serde_json::to_string(&answers).unwrap();
        assert_eq!(
            json,
            r#"{"crp":{"given":{"decimal":{"value":"0.1","comparator":"lt"}}},"hy":"illegible","name_kanji":{"given":{"text":"難病 太郎"}}}"#
        );
        assert!(serde_json::from_str::<Answers>(&json).unwrap() == answers);
    }

    #[test]
    fn tables_survive_json_and_hold_no_blanks() {
        let json = r#"{"drugs":{"given":{"rows":[{"dose":{"given":{"integer":3}}}]}},"hcv":{"given":"below_detection"}}"#;
        let answers: Answers = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&answers).unwrap(), json);
        let blank = json.replace("[{", r#"[{"name":"blank","#);
        assert!(serde_json::from_str::<Answers>(&blank).unwrap() == answers);
        let shown = format!("{:?} {:?}", answers.get("drugs"), answers.get("hcv"));
        assert_eq!(shown, "Some(Given(Rows(…))) Some(Given(BelowDetection))");
        assert_eq!(format!("{:?}", Row::new()), "Row(…)");
    }

    #[test]
    fn every_state_has_a_word_that_names_it() {
        for state in Answer::STATES.into_iter().filter(|state| *state != Answer::Blank) {
            assert!(Answer::from_word(state.word().unwrap()) == Some(state));
        }
        assert!(Answer::from_word("はい").is_none() && Answer::from_word("").is_none());
    }

    #[test]
    fn a_blank_and_a_missing_answer_do_not_differ() {
        let mut other = name();
        other.set("former_name", Answer::Blank);
        assert_eq!(name().differences(&other), Vec::<&str>::new());
        other.set("hy", Answer::Struck);
        assert_eq!(name().differences(&other), ["hy"]);
    }
}
