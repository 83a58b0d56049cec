//! Which person a form is about.
//!
//! The rule prefers a person too many to a person too few: two persons can be joined later, the data
//! of two people mixed into one cannot be told apart again.

use kakehashi_forms::{Answers, Value};
use kakehashi_kernel::{CivilDate, PersonId, Programme, text};
use serde::{Deserialize, Serialize};

/// The items of a form by which its person is found. Every form definition uses these ids.
pub mod items {
    /// 姓名（漢字）.
    pub const NAME: &str = "name_kanji";
    /// 姓名（かな）.
    pub const KANA: &str = "name_kana";
    /// 生年月日.
    pub const BIRTH_DATE: &str = "birth_date";
    /// 郵便番号.
    pub const POSTCODE: &str = "postcode";
    /// 受給者番号.
    pub const RECIPIENT: &str = "recipient_no";
    /// 記載年月日.
    pub const ENTRY_DATE: &str = "entry_date";
}

/// What lists and matching need of a form. Personal: sealed wherever it is stored.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Heading {
    /// Name as written.
    pub name: Option<String>,
    /// Kana as written.
    pub kana: Option<String>,
    /// Birth date.
    pub birth_date: Option<CivilDate>,
    /// Postcode, seven digits.
    #[serde(default)]
    pub postcode: Option<String>,
    /// Recipient number.
    pub recipient: Option<String>,
    /// The day the form was written.
    pub entry_date: Option<CivilDate>,
}

impl std::fmt::Debug for Heading {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Heading(…)")
    }
}

/// The normalised texts a person is searched by. Personal: only their keyed digests are stored.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct SearchTexts {
    /// Programme and recipient number: for a clerk's search.
    pub recipient: Option<String>,
    /// Programme, recipient number and birth date: for matching. Numbers repeat between
    /// municipalities, so that a number alone proves nothing.
    pub recipient_birth: Option<String>,
    /// Kana, birth date and postcode. Namesakes born on one day exist; without the place, one's form
    /// would be linked to, and shown with, the other's.
    pub name_birth_place: Option<String>,
}

/// Persons already known under a form's search texts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Candidates {
    /// Persons with the same recipient number and birth date.
    pub by_recipient: Vec<PersonId>,
    /// Persons with the same kana, birth date and postcode.
    pub by_name: Vec<PersonId>,
    /// Those of `by_name` that have another recipient number of the same programme.
    pub with_other_number: Vec<PersonId>,
}

/// Who a form is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Match {
    /// A person already known.
    Known(PersonId),
    /// Somebody new.
    New,
    /// What is known contradicts itself: treated as somebody new, and noted.
    Conflict,
}

impl Heading {
    /// Reads the heading out of a form's answers. What is missing or unreadable stays `None`.
    pub fn of(answers: &Answers) -> Self {
        let text = |item| answers.text(item).map(str::to_owned);
        let date = |item| match answers.value(item) {
            Some(Value::Date(date)) => Some(*date),
            _ => None,
        };
        Self {
            name: text(items::NAME),
            kana: text(items::KANA),
            birth_date: date(items::BIRTH_DATE),
            postcode: text(items::POSTCODE),
            recipient: text(items::RECIPIENT),
            entry_date: date(items::ENTRY_DATE),
        }
    }

    /// The texts this heading is searched by.
    pub fn search_texts(&self, programme: Programme) -> SearchTexts {
        let recipient = self.recipient.as_deref().map(|number| format!("{programme}|{number}"));
        let birth = self.birth_date;
        let with_birth = |text: String| birth.map(|birth| format!("{text}|{birth}"));
        let kana = self.kana.as_deref().map(text::search_key).filter(|key| !key.is_empty());
        SearchTexts {
            recipient_birth: recipient.clone().and_then(with_birth),
            name_birth_place: kana
                .and_then(with_birth)
                .and_then(|text| Some(format!("{text}|{}", self.postcode.as_deref()?))),
            recipient,
        }
    }
}

impl Match {
    /// Decides who a form is about.
    pub fn decide(candidates: &Candidates) -> Self {
        let Candidates { by_recipient, by_name, with_other_number } = candidates;
        match (by_recipient.as_slice(), by_name.as_slice()) {
            ([], []) => Self::New,
            ([one], []) => Self::Known(*one),
            ([one], names) if names.contains(one) => Self::Known(*one),
            ([], [one]) if !with_other_number.contains(one) => Self::Known(*one),
            _ => Self::Conflict,
        }
    }

    /// The word in the audit trail.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Known(_) => "person-known",
            Self::New => "person-new",
            Self::Conflict => "person-conflict",
        }
    }
}

#[cfg(test)]
mod tests {
    use kakehashi_forms::Answer;

    use super::*;

    fn person(n: u8) -> PersonId {
        uuid_of(n).into()
    }

    fn uuid_of(n: u8) -> uuid::Uuid {
        uuid::Uuid::from_bytes([n; 16])
    }

    #[track_caller]
    fn check(by_recipient: &[u8], by_name: &[u8], with_other_number: &[u8], expected: Match) {
        let persons = |numbers: &[u8]| numbers.iter().copied().map(person).collect();
        let candidates = Candidates {
            by_recipient: persons(by_recipient),
            by_name: persons(by_name),
            with_other_number: persons(with_other_number),
        };
        assert_eq!(Match::decide(&candidates), expected);
    }

    #[test]
    fn nobody_known_is_somebody_new() {
        check(&[], &[], &[], Match::New);
    }

    #[test]
    fn the_recipient_number_with_the_birth_date_is_enough() {
        check(&[1], &[], &[], Match::Known(person(1)));
        check(&[1], &[1], &[], Match::Known(person(1)));
    }

    #[test]
    fn the_recipient_number_decides_between_namesakes() {
        check(&[2], &[1, 2], &[1], Match::Known(person(2)));
    }

    #[test]
    fn kana_birth_date_and_postcode_are_enough_without_a_number() {
        check(&[], &[1], &[], Match::Known(person(1)));
    }

    #[test]
    fn a_namesake_with_another_number_is_a_conflict() {
        check(&[], &[1], &[1], Match::Conflict);
    }

    #[test]
    fn number_and_name_of_different_persons_are_a_conflict() {
        check(&[1], &[2], &[], Match::Conflict);
    }

    #[test]
    fn two_namesakes_are_a_conflict() {
        check(&[], &[1, 2], &[], Match::Conflict);
        check(&[1, 2], &[], &[], Match::Conflict);
    }

    fn heading(kana: &str, recipient: Option<&str>) -> Heading {
        Heading {
            kana: Some(kana.to_owned()),
            birth_date: "1950-01-02".parse().ok(),
            postcode: Some("0000001".to_owned()),
            recipient: recipient.map(str::to_owned),
            ..Heading::default()
        }
    }

    #[test]
    fn kana_written_differently_is_searched_by_one_text() {
        let texts = |kana| heading(kana, None).search_texts(Programme::Nanbyo).name_birth_place;
        assert_eq!(texts("みほん　いちろう"), texts("ﾐﾎﾝ ｲﾁﾛｳ"));
        assert_ne!(texts("みほん　いちろう"), texts("みほん　じろう"));
    }

    #[test]
    fn a_namesake_born_on_the_same_day_who_lives_elsewhere_is_somebody_else() {
        let here = heading("みほん　いちろう", None);
        let elsewhere = Heading { postcode: Some("0000002".to_owned()), ..here.clone() };
        let unknown = Heading { postcode: None, ..here.clone() };
        let text = |heading: &Heading| heading.search_texts(Programme::Nanbyo).name_birth_place;
        assert_ne!(text(&here), text(&elsewhere));
        assert_eq!(text(&unknown), None);
    }

    #[test]
    fn without_a_birth_date_nobody_is_matched() {
        let mut heading = heading("みほん　いちろう", Some("1234567"));
        heading.birth_date = None;
        let texts = heading.search_texts(Programme::Nanbyo);
        assert!(texts.name_birth_place.is_none() && texts.recipient_birth.is_none());
        assert!(texts.recipient.is_some());
    }

    #[test]
    fn numbers_of_two_programmes_are_kept_apart() {
        let heading = heading("みほん", Some("1234567"));
        let texts = |programme| heading.search_texts(programme).recipient_birth;
        assert_ne!(texts(Programme::Nanbyo), texts(Programme::Shouman));
    }

    #[test]
    fn a_heading_is_read_from_answers_and_shows_nothing_in_debug() {
        let mut answers = Answers::new();
        let given = |text: &str| Answer::Given(Value::Text(text.to_owned()));
        answers.set(items::NAME, given("見本　一郎"));
        answers.set(items::KANA, Answer::Illegible);
        let heading = Heading::of(&answers);
        assert_eq!(heading.name.as_deref(), Some("見本　一郎"));
        assert_eq!(heading.kana, None);
        assert_eq!(format!("{heading:?}"), "Heading(…)");
    }
}
