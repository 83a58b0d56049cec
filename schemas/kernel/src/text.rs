//! Text people wrote is stored as received; what we search by is a separate key.

use unicode_normalization::UnicodeNormalization;

/// Turns full-width ASCII (！ to ～) and the ideographic space into half width; leaves the rest.
pub fn to_half_width(text: &str) -> String {
    text.chars().map(half_width).collect()
}

/// Makes the key a name or kana is searched by: compatibility forms folded (NFKC), katakana as
/// hiragana, small kana as large, long marks, middle dots and spaces removed, lower case.
///
/// The key is for comparing only. It must never be shown or stored in place of the text: NFKC turns
/// 神 (U+FA19) into 神 (U+795E).
pub fn search_key(text: &str) -> String {
    text.nfkc()
        .filter(|c| !c.is_whitespace() && !is_mark(*c))
        .map(hiragana)
        .map(large_kana)
        .flat_map(char::to_lowercase)
        .collect()
}

/// Writes kana as forms print it: half-width katakana in full width with their voiced marks composed,
/// loose voiced marks composed, dashes after a kana as the long mark. Hiragana and katakana stay what they are; everything else is left alone.
///
/// For kana items only: of a name's characters nothing is ever changed.
pub fn fold_kana(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            'ﾞ' | '\u{3099}' | '゛' => compose(&mut folded, '\u{3099}', '゛'),
            'ﾟ' | '\u{309A}' | '゜' => compose(&mut folded, '\u{309A}', '゜'),
            '\u{FF65}'..='\u{FF9D}' => folded.extend(std::iter::once(c).nfkc()),
            '-' | '－' | '‐' | '―' | '—' | '−' if folded.ends_with(is_kana_letter) => {
                folded.push('ー');
            }
            _ => folded.push(c),
        }
    }
    folded
}

/// Puts a voiced mark on the last letter if there is such a letter, else the mark by itself.
fn compose(folded: &mut String, combining: char, alone: char) {
    let Some(last) = folded.pop() else { return folded.push(alone) };
    let mut whole = [last, combining].into_iter().nfc();
    match (whole.next(), whole.next()) {
        (Some(one), None) => folded.push(one),
        _ => folded.extend([last, alone]),
    }
}

/// Tells whether a text is kana only: hiragana, katakana, long mark, spaces, middle dot.
pub fn is_kana(text: &str) -> bool {
    !text.is_empty()
        && text.chars().all(|c| is_kana_letter(c) || matches!(c, ' ' | '\u{3000}' | '・'))
}

fn is_kana_letter(c: char) -> bool {
    matches!(c, 'ぁ'..='ゖ' | 'ゝ' | 'ゞ' | 'ァ'..='ヺ' | 'ー' | 'ヽ' | 'ヾ')
}

fn half_width(c: char) -> char {
    match c {
        '！'..='～' => char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c),
        '\u{3000}' => ' ',
        _ => c,
    }
}

fn is_mark(c: char) -> bool {
    matches!(c, 'ー' | '－' | '-' | '‐' | '―' | '−' | '・' | '･' | '〜' | '～' | '~' | '.' | ',')
}

fn hiragana(c: char) -> char {
    match c {
        'ァ'..='ヶ' => char::from_u32(u32::from(c) - 0x60).unwrap_or(c),
        _ => c,
    }
}

fn large_kana(c: char) -> char {
    match c {
        'ぁ' => 'あ',
        'ぃ' => 'い',
        'ぅ' => 'う',
        'ぇ' => 'え',
        'ぉ' => 'お',
        'ゕ' => 'か',
        'ゖ' => 'け',
        'っ' => 'つ',
        'ゃ' => 'や',
        'ゅ' => 'ゆ',
        'ょ' => 'よ',
        'ゎ' => 'わ',
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_written_differently_have_one_key() {
        for text in ["すずき　いちろう", "スズキ イチロウ", "ｽｽﾞｷ･ｲﾁﾛｳ", "スズキ・イチロウ"]
        {
            assert_eq!(search_key(text), "すずきいちろう", "{text}");
        }
    }

    #[test]
    fn kana_is_told_from_other_text() {
        assert!(is_kana("なんびょう たろう"));
        assert!(is_kana("ナンビョウ・タロー"));
        assert!(!is_kana("難病 太郎"));
        assert!(!is_kana(""));
    }

    #[test]
    fn kana_is_folded_to_full_width() {
        for (text, expected) in [
            ("ﾅﾝﾋﾞｮｳ ﾀﾛｰ", "ナンビョウ タロー"),
            ("ﾊﾟｰｷﾝｿﾝ･ｳﾞｨｸﾀｰ", "パーキンソン・ヴィクター"),
            ("か\u{3099}ん", "がん"),
            ("タロ－ たろ‐", "タロー たろー"),
            ("なんびょう　ナンビョウ", "なんびょう　ナンビョウ"),
            ("あ゛", "あ゛"),
            ("ﾞ", "゛"),
            ("-", "-"),
        ] {
            assert_eq!(fold_kana(text), expected, "{text}");
            assert_eq!(fold_kana(expected), expected, "{text} is not stable");
        }
    }

    #[test]
    fn full_width_digits_become_ascii() {
        assert_eq!(to_half_width("ＡＢ－１２　３"), "AB-12 3");
    }
}
