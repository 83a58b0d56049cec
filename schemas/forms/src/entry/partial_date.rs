//! Partial dates as people write them: `2019年4月頃`, `H31.4`, `平成元年`, `201904`.

use kakehashi_kernel::{CivilDate, PartialDate};

/// Reads a partial date from half-width text.
pub(super) fn parse(plain: &str) -> Option<PartialDate> {
    let plain = plain.trim().trim_end_matches('頃').trim_end_matches("ごろ").replace("元年", "1年");
    if let Ok(date) = plain.parse() {
        return Some(date);
    }
    if let Ok(date) = CivilDate::parse_japanese(&plain) {
        return PartialDate::new(date.year(), Some(date.month()), Some(date.day())).ok();
    }
    if plain.len() == 6 && plain.bytes().all(|byte| byte.is_ascii_digit()) {
        let (year, month) = plain.split_at(4);
        return PartialDate::new(year.parse().ok()?, Some(month.parse().ok()?), None).ok();
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
            let date = any_day(era, year, &[month])?;
            PartialDate::new(date.year(), Some(date.month()), None).ok()
        }
        [year] => {
            let date = any_day(era, year, &["1", "12"])?;
            PartialDate::new(date.year(), None, None).ok()
        }
        _ => None,
    }
}

fn any_day(era: &str, year: &str, months: &[&str]) -> Option<CivilDate> {
    let days = ["1", "28", "30", "31"];
    let mut candidates = months.iter().flat_map(|month| days.map(|day| (month, day)));
    candidates.find_map(|(month, day)| {
        CivilDate::parse_japanese(&format!("{era}{year}-{month}-{day}")).ok()
    })
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
        ] {
            assert_eq!(
                parse(text).map(|date| date.to_string()).as_deref(),
                Some(expected),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_not_a_date_is_refused() {
        for text in
            ["", "4月", "19年", "2019-13", "昭和65年", "令和6年13月", "2019-04-31", "春", "2019x4"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
