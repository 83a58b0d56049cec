//! Civil dates, partial dates, and how people write them in Japan.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A day of the Gregorian calendar, 1873 to 2200. Written `2026-11-23`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CivilDate(jiff::civil::Date);

/// A date that may lack its day or month, as people remember an onset. Written `1998`, `1998-04`,
/// `1998-04-30`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartialDate {
    year: i16,
    month: Option<i8>,
    day: Option<i8>,
}

/// A date read from text that may name the wrong era.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EraReading {
    /// The day meant.
    pub date: CivilDate,
    /// Set when the era had ended or not begun on that day: 昭和64年1月8日 is 平成元年1月8日.
    pub is_outside_era: bool,
}

/// The text is not a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a date: write 2024-04-01, R6.4.1 or 令和6年4月1日")]
pub struct InvalidDate;

/// First day, name, letter and code (of the seven-digit form) of each era.
///
/// Source: 元号法 and the imperial ordinances; the calendar before 1873 is lunar and not supported.
const ERAS: [(i16, i8, i8, &str, char, char); 5] = [
    (2019, 5, 1, "令和", 'R', '5'),
    (1989, 1, 8, "平成", 'H', '4'),
    (1926, 12, 25, "昭和", 'S', '3'),
    (1912, 7, 30, "大正", 'T', '2'),
    (1868, 1, 25, "明治", 'M', '1'),
];

impl CivilDate {
    /// Makes a date.
    ///
    /// # Errors
    ///
    /// [`InvalidDate`] when there is no such day, or the year is not 1873 to 2200.
    pub fn new(year: i16, month: i8, day: i8) -> Result<Self, InvalidDate> {
        if !(1873..=2200).contains(&year) {
            return Err(InvalidDate);
        }
        jiff::civil::Date::new(year, month, day).map(Self).map_err(|_| InvalidDate)
    }

    pub(crate) const fn from_jiff(date: jiff::civil::Date) -> Self {
        Self(date)
    }

    /// Reads a date as people write it: `2024-04-01`, `2024/4/1`, `20240401`, `R6.4.1`, `R060401`,
    /// `令和元年5月1日`, `5060401` (era code and yymmdd), also in full-width characters.
    ///
    /// # Errors
    ///
    /// [`InvalidDate`] for anything else, and for an era year that ends before or starts after the
    /// era (昭和64年1月8日 is 平成元年1月8日).
    pub fn parse_japanese(text: &str) -> Result<Self, InvalidDate> {
        let read = Self::parse_across_eras(text)?;
        if read.is_outside_era { Err(InvalidDate) } else { Ok(read.date) }
    }

    /// Reads a date like [`CivilDate::parse_japanese`], also one outside its era: forms printed
    /// before a change of era name years it never reached (平成35年3月31日).
    ///
    /// # Errors
    ///
    /// [`InvalidDate`] when it is no date.
    pub fn parse_across_eras(text: &str) -> Result<EraReading, InvalidDate> {
        let plain = without_spaces(&crate::text::to_half_width(text.trim()));
        let (era, rest) = split_era(&plain);
        let normal = rest
            .replace("元年", "1年")
            .replace(['年', '月', '/', '.', '‐', '‑', '–', '—', '―', '−', 'ー'], "-")
            .replace('日', "");
        let parts: Vec<&str> = normal.split('-').filter(|part| !part.is_empty()).collect();
        let known = |date| EraReading { date, is_outside_era: false };
        match (era, &parts[..]) {
            (None, [compact]) if compact.len() == 8 => Self::from_compact(compact).map(known),
            (None, [coded]) if coded.len() == 7 && coded.is_ascii() => {
                let era = ERAS.iter().position(|era| coded.starts_with(era.5));
                Self::from_six(era.ok_or(InvalidDate)?, &coded[1..])
            }
            (None, [year, month, day]) if year.len() == 4 => {
                Self::new(number(year)?, small(month)?, small(day)?).map(known)
            }
            (Some(era), [six]) if six.len() == 6 && six.is_ascii() => Self::from_six(era, six),
            (Some(era), [year, month, day]) => {
                Self::in_era(era, number(year)?, number(month)?, number(day)?)
            }
            _ => Err(InvalidDate),
        }
    }

    fn from_compact(text: &str) -> Result<Self, InvalidDate> {
        if !text.is_ascii() {
            return Err(InvalidDate);
        }
        Self::new(number(&text[..4])?, small(&text[4..6])?, small(&text[6..])?)
    }

    /// The `yymmdd` of an era.
    fn from_six(era: usize, text: &str) -> Result<EraReading, InvalidDate> {
        Self::in_era(era, number(&text[..2])?, number(&text[2..4])?, number(&text[4..])?)
    }

    fn in_era(era: usize, year: i16, month: i16, day: i16) -> Result<EraReading, InvalidDate> {
        let (first_year, first_month, first_day, ..) = ERAS[era];
        if !(1..=99).contains(&year) {
            return Err(InvalidDate);
        }
        let part = |value: i16| i8::try_from(value).map_err(|_| InvalidDate);
        let date = Self::new(first_year + year - 1, part(month)?, part(day)?)?;
        let starts = jiff::civil::Date::constant(first_year, first_month, first_day);
        let ends = era.checked_sub(1).map(|next| {
            let (year, month, day, ..) = ERAS[next];
            jiff::civil::Date::constant(year, month, day)
        });
        let is_outside_era = date.0 < starts || ends.is_some_and(|ends| date.0 >= ends);
        Ok(EraReading { date, is_outside_era })
    }

    /// The year.
    pub fn year(self) -> i16 {
        self.0.year()
    }

    /// The month, 1 to 12.
    pub fn month(self) -> i8 {
        self.0.month()
    }

    /// The day, 1 to 31.
    pub fn day(self) -> i8 {
        self.0.day()
    }

    /// Eight digits: `20261123`.
    pub fn compact(self) -> String {
        self.0.strftime("%Y%m%d").to_string()
    }

    /// The era date: `令和8年11月23日`, the first year as `元年`.
    pub fn display_era(self) -> String {
        let era = ERAS.iter().find(|(year, month, day, ..)| {
            self.0 >= jiff::civil::Date::constant(*year, *month, *day)
        });
        let Some((first_year, _, _, name, ..)) = era else { return self.to_string() };
        let year = match self.year() - first_year + 1 {
            1 => "元".to_owned(),
            year => year.to_string(),
        };
        format!("{name}{year}年{}月{}日", self.month(), self.day())
    }

    /// Full years from `self` (a birth date) to `on`, the anniversary counted on the day itself.
    /// Negative when `on` is earlier.
    pub fn years_until(self, on: Self) -> i16 {
        let before_anniversary = (on.month(), on.day()) < (self.month(), self.day());
        on.year() - self.year() - i16::from(before_anniversary)
    }

    /// Days from `self` to `on`; negative when `on` is earlier.
    pub fn days_until(self, on: Self) -> i32 {
        self.0.until(on.0).map_or(0, |span| span.get_days())
    }

    /// The date `days` later, held at the ends of the calendar.
    #[must_use]
    pub fn plus_days(self, days: i32) -> Self {
        Self(self.0.saturating_add(jiff::Span::new().days(days)))
    }
}

impl PartialDate {
    /// Makes a partial date.
    ///
    /// # Errors
    ///
    /// [`InvalidDate`] when a part does not exist, or a day stands without a month.
    pub fn new(year: i16, month: Option<i8>, day: Option<i8>) -> Result<Self, InvalidDate> {
        if month.is_none() && day.is_some() {
            return Err(InvalidDate);
        }
        CivilDate::new(year, month.unwrap_or(1), day.unwrap_or(1))?;
        Ok(Self { year, month, day })
    }

    /// The year.
    pub const fn year(self) -> i16 {
        self.year
    }

    /// The month, if known.
    pub const fn month(self) -> Option<i8> {
        self.month
    }

    /// The earliest day it can mean.
    pub fn earliest(self) -> CivilDate {
        let first = (self.month.unwrap_or(1), self.day.unwrap_or(1));
        CivilDate(jiff::civil::Date::new(self.year, first.0, first.1).unwrap_or_default())
    }

    /// The latest day it can mean.
    pub fn latest(self) -> CivilDate {
        let first = self.earliest().0;
        CivilDate(match (self.month, self.day) {
            (_, Some(_)) => first,
            (Some(_), None) => first.last_of_month(),
            (None, None) => first.last_of_year(),
        })
    }
}

impl From<CivilDate> for PartialDate {
    fn from(date: CivilDate) -> Self {
        Self { year: date.year(), month: Some(date.month()), day: Some(date.day()) }
    }
}

impl fmt::Display for CivilDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year(), self.month(), self.day())
    }
}

impl FromStr for CivilDate {
    type Err = InvalidDate;

    /// Reads `YYYY-MM-DD` and nothing else.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = text.as_bytes();
        if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' || !text.is_ascii() {
            return Err(InvalidDate);
        }
        Self::new(number(&text[..4])?, small(&text[5..7])?, small(&text[8..])?)
    }
}

impl fmt::Display for PartialDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}", self.year)?;
        for part in [self.month, self.day].into_iter().flatten() {
            write!(f, "-{part:02}")?;
        }
        Ok(())
    }
}

impl FromStr for PartialDate {
    type Err = InvalidDate;

    /// Reads `YYYY`, `YYYY-MM` or `YYYY-MM-DD`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if !matches!(text.len(), 4 | 7 | 10) || !text.is_ascii() {
            return Err(InvalidDate);
        }
        let mut parts = text.split('-');
        let year = number(parts.next().unwrap_or_default())?;
        let month = parts.next().map(small).transpose()?;
        let day = parts.next().map(small).transpose()?;
        let date = Self::new(year, month, day)?;
        if date.to_string() == text { Ok(date) } else { Err(InvalidDate) }
    }
}

macro_rules! serde_by_text {
    ($($name:ident),*) => {$(
        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

serde_by_text!(CivilDate, PartialDate);

/// Takes white space out, but keeps two numbers apart that only it parts (`R 6. 4. 1`, `2024 4 1`).
fn without_spaces(text: &str) -> String {
    let mut words = text.split_whitespace();
    let mut plain = words.next().unwrap_or_default().to_owned();
    for word in words {
        let is_digit = |c: char| c.is_ascii_digit();
        if plain.ends_with(is_digit) && word.starts_with(is_digit) {
            plain.push('-');
        }
        plain.push_str(word);
    }
    plain
}

fn split_era(text: &str) -> (Option<usize>, &str) {
    for (place, (_, _, _, name, letter, _)) in ERAS.iter().enumerate() {
        if let Some(rest) = text.strip_prefix(name) {
            return (Some(place), rest);
        }
        let lower = letter.to_ascii_lowercase();
        if let Some(rest) = text.strip_prefix(*letter).or_else(|| text.strip_prefix(lower)) {
            return (Some(place), rest);
        }
    }
    (None, text)
}

fn number(text: &str) -> Result<i16, InvalidDate> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(InvalidDate);
    }
    text.parse().map_err(|_| InvalidDate)
}

fn small(text: &str) -> Result<i8, InvalidDate> {
    i8::try_from(number(text)?).map_err(|_| InvalidDate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(CivilDate::parse_japanese(text).unwrap().to_string(), expected, "{text}");
    }

    #[test]
    fn dates_are_read_as_people_write_them() {
        check("2024-04-01", "2024-04-01");
        check("2024/4/1", "2024-04-01");
        check("20240401", "2024-04-01");
        check("R6.4.1", "2024-04-01");
        check("Ｒ６．４．１", "2024-04-01");
        check("令和元年5月1日", "2019-05-01");
        check("5060401", "2024-04-01");
        check("昭和64年1月7日", "1989-01-07");
        check("s20.8.15", "1945-08-15");
        check("R060401", "2024-04-01");
        check("令和 6年 4月 1日", "2024-04-01");
        check("R 6. 4. 1", "2024-04-01");
        check("2024 4 1", "2024-04-01");
        check("２０２４−０４−０１", "2024-04-01");
    }

    #[test]
    fn a_day_outside_its_era_is_read_and_marked() {
        for (text, expected) in [
            ("昭和64年1月8日", "1989-01-08"),
            ("平成35年3月31日", "2023-03-31"),
            ("4310501", "2019-05-01"),
            ("令和元年4月30日", "2019-04-30"),
        ] {
            let read = CivilDate::parse_across_eras(text).unwrap();
            assert_eq!((read.date.to_string().as_str(), read.is_outside_era), (expected, true));
            assert_eq!(CivilDate::parse_japanese(text), Err(InvalidDate), "{text}");
        }
        for text in ["昭和64年1月7日", "平成元年1月8日", "令和元年5月1日", "2019-05-01"]
        {
            assert!(!CivilDate::parse_across_eras(text).unwrap().is_outside_era, "{text}");
        }
    }

    #[test]
    fn impossible_dates_are_refused() {
        for text in [
            "昭和64年1月8日",
            "平成31年5月1日",
            "令和0年1月1日",
            "2023-02-29",
            "R6.13.1",
            "",
            "明日",
            "2024-4",
            "9060401",
            "50604011",
            "－１",
            "令和元年",
            "昭和20年8月",
            "1700-01-01",
            "2024 41",
            "R60401",
        ] {
            assert_eq!(CivilDate::parse_japanese(text), Err(InvalidDate), "{text}");
        }
    }

    #[test]
    fn eras_are_shown() {
        let show = |text: &str| text.parse::<CivilDate>().unwrap().display_era();
        assert_eq!(show("2019-05-01"), "令和元年5月1日");
        assert_eq!(show("2019-04-30"), "平成31年4月30日");
        assert_eq!(show("1926-12-24"), "大正15年12月24日");
    }

    #[test]
    fn partial_dates_survive_their_own_text() {
        for text in ["1998", "1998-04", "1998-04-30"] {
            assert_eq!(text.parse::<PartialDate>().unwrap().to_string(), text);
        }
        for text in ["98", "1998-4", "1998-13", "1998-02-30", "199804", "1998--04"] {
            assert!(text.parse::<PartialDate>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_partial_date_spans_its_days() {
        for (text, first, last) in [
            ("2020", "2020-01-01", "2020-12-31"),
            ("2020-02", "2020-02-01", "2020-02-29"),
            ("2020-02-03", "2020-02-03", "2020-02-03"),
        ] {
            let date: PartialDate = text.parse().unwrap();
            assert_eq!(date.earliest().to_string(), first);
            assert_eq!(date.latest().to_string(), last);
        }
    }

    #[test]
    fn age_counts_the_birthday_itself() {
        let born: CivilDate = "2000-02-29".parse().unwrap();
        assert_eq!(born.years_until("2018-02-28".parse().unwrap()), 17);
        assert_eq!(born.years_until("2018-03-01".parse().unwrap()), 18);
        assert_eq!(born.years_until("2020-02-29".parse().unwrap()), 20);
        assert_eq!(born.days_until("2000-03-02".parse().unwrap()), 2);
    }
}
