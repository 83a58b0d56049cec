//! Numbers as people write them.

use rust_decimal::Decimal;

use crate::answer::Comparator;

/// Drops what stands between digits of a number that is a name: hyphens, spaces, brackets.
pub(super) fn without_marks(plain: &str) -> String {
    let is_mark = |c: char| c.is_whitespace() || matches!(c, '-' | '‐' | '−' | 'ー' | '(' | ')');
    plain.chars().filter(|c| !is_mark(*c)).collect()
}

/// Reads a whole number, thousands separators allowed.
pub(super) fn integer(plain: &str) -> Option<i64> {
    without_separators(plain.trim())?.parse().ok()
}

/// Reads a number with up to `places` places and an optional comparator. More places than declared
/// are refused rather than rounded: rounding is the writer's decision.
pub(super) fn decimal(plain: &str, places: u32) -> Option<(Decimal, Option<Comparator>)> {
    let (comparator, rest) = split_comparator(plain.trim());
    let digits = without_separators(rest.trim())?;
    let (whole, fraction) = digits.split_once('.').unwrap_or((&digits, ""));
    let is_plain = !whole.is_empty()
        && whole.trim_start_matches('-').bytes().all(|byte| byte.is_ascii_digit())
        && fraction.bytes().all(|byte| byte.is_ascii_digit())
        && (digits.contains('.') != fraction.is_empty());
    // Counted in the text: reading so many digits that they do not fit would round them.
    if !is_plain || fraction.trim_end_matches('0').len() > usize::try_from(places).ok()? {
        return None;
    }
    let mut value: Decimal = digits.parse().ok()?;
    value.rescale(places);
    // Zero is written one way.
    value.set_sign_positive(value.is_sign_positive() || value.is_zero());
    Some((value, comparator))
}

fn split_comparator(plain: &str) -> (Option<Comparator>, &str) {
    let signs = [
        ("<=", Comparator::Le),
        ("≦", Comparator::Le),
        ("≤", Comparator::Le),
        (">=", Comparator::Ge),
        ("≧", Comparator::Ge),
        ("≥", Comparator::Ge),
        ("<", Comparator::Lt),
        (">", Comparator::Gt),
    ];
    for (sign, comparator) in signs {
        if let Some(rest) = plain.strip_prefix(sign) {
            return (Some(comparator), rest);
        }
    }
    (None, plain)
}

/// Parts a number from the words behind it that mean a comparator: `0.1未満`.
pub(super) fn comparator_behind(plain: &str) -> (&str, Option<Comparator>) {
    let words = [
        ("未満", Comparator::Lt),
        ("以下", Comparator::Le),
        ("以上", Comparator::Ge),
        ("超", Comparator::Gt),
    ];
    let plain = plain.trim_end();
    let found = words
        .into_iter()
        .find_map(|(word, comparator)| Some((plain.strip_suffix(word)?, Some(comparator))));
    found.unwrap_or((plain, None))
}

/// `1,234,567` but not `1,23`.
fn without_separators(plain: &str) -> Option<String> {
    let plain = plain.replace('，', ",").replace('−', "-");
    let mut groups = plain.split(',');
    let first = groups.next()?;
    let mut digits = first.to_owned();
    let count = groups.clone().count();
    for (place, group) in groups.enumerate() {
        let whole = if place + 1 == count { group.split('.').next()? } else { group };
        if whole.len() != 3 || first.trim_start_matches('-').is_empty() {
            return None;
        }
        digits.push_str(group);
    }
    Some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_separators_are_read_where_they_belong() {
        assert_eq!(integer("1,234,567"), Some(1_234_567));
        assert_eq!(integer("-12"), Some(-12));
        for odd in ["1,23", ",123", "1,2345", "", "1.5", "12a", "9999999999999999999999"] {
            assert_eq!(integer(odd), None, "{odd}");
        }
    }

    #[test]
    fn decimals_keep_their_places_and_comparator() {
        let read = |text| decimal(text, 1).map(|(value, sign)| (value.to_string(), sign));
        assert_eq!(read("600"), Some(("600.0".to_owned(), None)));
        assert_eq!(read("<0.1"), Some(("0.1".to_owned(), Some(Comparator::Lt))));
        assert_eq!(read("≧ 1,200.5"), Some(("1200.5".to_owned(), Some(Comparator::Ge))));
        assert_eq!(read("0.10"), Some(("0.1".to_owned(), None)));
        assert_eq!(read("-0.0"), Some(("0.0".to_owned(), None)));
        let rounded = format!("0.5{}1", "0".repeat(40));
        assert_eq!(read(&rounded), None);
        for odd in ["0.15", "1.", ".5", "1e3", "--1", "<", "1.2.3", "1,2"] {
            assert_eq!(read(odd), None, "{odd}");
        }
    }
}
