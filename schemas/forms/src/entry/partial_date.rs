//! Partial dates as people write them: `2019年4月頃`, `H31.4`, `平成元年`, `201904`.

use kakehashi_kernel::{CivilDate, EraReading, PartialDate};

/// Words for a day or month that nobody remembers; what stands before them is all that is known.
const NOT_KNOWN: [&str; 16] = [
    "不詳日",
    "不明日",
    "日不詳",
    "日不明",
    "日未詳",
    "不詳月",
    "不明月",
    "月不詳",
    "月不明",
    "不詳",
    "不明",
    "頃",
    "ごろ",
    "ころ",
    "day unknown",
    "month unknown",
];

/// Reads a partial date from half-width text. Answers it, and whether it lies outside the era it
/// names.
pub(super) fn parse(plain: &str) -> Option<(PartialDate, bool)> {
    let plain = without_unknown_parts(plain.trim()).replace("元年", "1年");
    if let Ok(date) = plain.parse() {
        return Some((date, false));
    }
    if let Ok(read) = CivilDate::parse_across_eras(&plain) {
        return Some((read.date.into(), read.is_outside_era));
    }
    if plain.len() == 6 && plain.bytes().all(|byte| byte.is_ascii_digit()) {
        let (year, month) = plain.split_at(4);
        let date = PartialDate::new(year.parse().ok()?, Some(month.parse().ok()?), None).ok()?;
        return Some((date, false));
    }
    let digits_at = plain.find(|c: char| c.is_ascii_digit())?;
    let (era, rest) = plain.split_at(digits_at);
    let groups: Vec<&str> =
        rest.split(|c: char| !c.is_ascii_digit()).filter(|group| !group.is_empty()).collect();
    let is_only_marks = rest
        .chars()
        .all(|c| c.is_ascii_digit() || matches!(c, '年' | '月' | '/' | '.' | '-' | ' '));
    if !is_only_marks || (era.is_empty() && groups.first().is_none_or(|year| year.len() != 4)) {
        return None;
    }
    // An era may begin or end inside the year or month: any day of it that exists will do.
    match groups[..] {
        [year, month] => {
            let read = any_day(era, year, &[month])?;
            let (year, month) = (read.date.year(), read.date.month());
            Some((PartialDate::new(year, Some(month), None).ok()?, read.is_outside_era))
        }
        [year] => {
            let read = any_day(era, year, &["1", "12"])?;
            Some((PartialDate::new(read.date.year(), None, None).ok()?, read.is_outside_era))
        }
        _ => None,
    }
}

/// Drops 日不詳 and its like, and the zeros that stand for a part in eight digits (`20180400`).
fn without_unknown_parts(plain: &str) -> String {
    let is_eight = plain.len() == 8 && plain.bytes().all(|byte| byte.is_ascii_digit());
    if is_eight && plain.ends_with("00") {
        let year_and_month = plain.strip_suffix("00").unwrap_or(plain);
        return year_and_month.strip_suffix("00").unwrap_or(year_and_month).to_owned();
    }
    let mut known = plain;
    loop {
        let zeros = ["-00", "/00", ".00"].iter().find_map(|zeros| known.strip_suffix(zeros));
        let word = NOT_KNOWN.iter().find_map(|word| known.strip_suffix(word));
        match zeros.or(word) {
            Some(rest) => known = rest.trim_end(),
            None => return known.to_owned(),
        }
    }
}

fn any_day(era: &str, year: &str, months: &[&str]) -> Option<EraReading> {
    let days = ["1", "28", "30", "31"];
    let dates =
        months.iter().flat_map(|month| days.map(|day| format!("{era}{year}-{month}-{day}")));
    let read: Vec<EraReading> =
        dates.filter_map(|date| CivilDate::parse_across_eras(&date).ok()).collect();
    let inside = read.iter().find(|read| !read.is_outside_era);
    inside.or(read.first()).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partial_dates_are_read_as_people_write_them() {
        for (text, expected) in [
            ("2019-04", "2019-04"),
            ("2019", "2019"),
            ("2019年", "2019"),
            ("2019年4月頃", "2019-04"),
            ("2019/4", "2019-04"),
            ("201904", "2019-04"),
            ("H31.4", "2019-04"),
            ("令和元年5月", "2019-05"),
            ("令和元年", "2019"),
            ("昭和64年", "1989"),
            ("平成元年1月", "1989-01"),
            ("R6.4.1", "2024-04-01"),
            ("20190410", "2019-04-10"),
            ("平成30年4月日不詳", "2018-04"),
            ("昭和63年4月 日不明", "1988-04"),
            ("1998年4月不詳日", "1998-04"),
            ("1998年不詳月不詳日", "1998"),
            ("平成10年月日不詳", "1998"),
            ("平成10年頃 月不明", "1998"),
            ("2018-04-00", "2018-04"),
            ("2018/00/00", "2018"),
            ("20180400", "2018-04"),
            ("20180000", "2018"),
            ("20000000", "2000"),
            ("20000400", "2000-04"),
            ("2018-04 day unknown", "2018-04"),
            ("R 6. 4", "2024-04"),
            ("2000", "2000"),
        ] {
            let read = parse(text).map(|(date, is_outside)| (date.to_string(), is_outside));
            assert_eq!(read, Some((expected.to_owned(), false)), "{text}");
        }
    }

    #[test]
    fn a_month_or_year_outside_its_era_is_read_and_marked() {
        for (text, expected) in
            [("昭和64年1月8日", "1989-01-08"), ("平成35年3月", "2023-03"), ("昭和65年", "1990")]
        {
            let read = parse(text).map(|(date, is_outside)| (date.to_string(), is_outside));
            assert_eq!(read, Some((expected.to_owned(), true)), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_date_is_refused() {
        for text in [
            "",
            "4月",
            "19年",
            "2019-13",
            "令和6年13月",
            "2019-04-31",
            "春",
            "2019x4",
            "日不詳",
            "00000000",
            "昭和0年",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
