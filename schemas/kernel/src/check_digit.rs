//! Check digits of the numbers printed on forms.
//!
//! Sources: the local-government code (総務省 全国地方公共団体コード) and the numbering rules for payer,
//! recipient and insurer numbers (保険者番号等設定要領).

/// Answers the check digit of the first five digits of a local-government code.
///
/// Weights 6, 5, 4, 3, 2. `None` unless `digits` is five ASCII digits.
pub fn local_government(digits: &str) -> Option<u8> {
    let digits = ascii_digits(digits).filter(|digits| digits.len() == 5)?;
    let sum: u32 = digits.iter().zip([6, 5, 4, 3, 2]).map(|(d, w)| u32::from(*d) * w).sum();
    let check = if sum >= 11 { 11 - sum % 11 } else { 11 - sum };
    u8::try_from(check % 10).ok()
}

/// Answers the check digit of a payer (8), recipient (7) or insurer (6 or 8) number.
///
/// The digits before the check digit, weighted 2, 1, 2, 1 … from the right, digit sums added.
/// `None` when `digits` is empty or holds anything but ASCII digits.
pub fn payer(digits: &str) -> Option<u8> {
    let digits = ascii_digits(digits)?;
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let product = u32::from(*digit) * if place % 2 == 0 { 2 } else { 1 };
            product / 10 + product % 10
        })
        .sum();
    u8::try_from((10 - sum % 10) % 10).ok()
}

/// Tells whether the last digit of a payer, recipient or insurer number is its check digit.
pub fn payer_is_valid(number: &str) -> bool {
    if !number.is_ascii() || number.len() < 2 {
        return false;
    }
    let (body, check) = number.split_at(number.len() - 1);
    payer(body).is_some_and(|digit| check.as_bytes() == [b'0' + digit])
}

fn ascii_digits(text: &str) -> Option<Vec<u8>> {
    if text.is_empty() {
        return None;
    }
    text.bytes().map(|byte| byte.is_ascii_digit().then(|| byte - b'0')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_local_government_codes_match() {
        for code in ["010006", "130001", "011002", "141003", "271004", "401307"] {
            let check = local_government(&code[..5]).unwrap();
            assert_eq!(code.as_bytes()[5], b'0' + check, "{code}");
        }
    }

    #[test]
    fn published_payer_numbers_match() {
        for number in ["54016027", "54376017", "138016", "138040", "01010016", "67138016"] {
            assert!(payer_is_valid(number), "{number}");
        }
        for number in ["54016020", "52136010", "", "7", "5401602x", "５４０１"] {
            assert!(!payer_is_valid(number), "{number}");
        }
    }
}
