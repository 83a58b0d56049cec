//! What an item takes, in a sentence.

use rust_decimal::Decimal;

use crate::{
    finding::Localized,
    item::{Item, Kind},
};

impl Item {
    /// Says what the item takes; the remedy of every format finding and the hint beside a field.
    pub fn expectation(&self) -> Localized {
        match &self.kind {
            Kind::Text { length_max, lines_max: 1 } => Localized::new(
                format!("{length_max}文字以内で入力してください。"),
                format!("Write at most {length_max} characters."),
            ),
            Kind::Text { length_max, lines_max } => Localized::new(
                format!("{length_max}文字以内、{lines_max}行以内で入力してください。"),
                format!("Write at most {length_max} characters in {lines_max} lines."),
            ),
            Kind::Kana { length_max } => Localized::new(
                format!("かなで{length_max}文字以内で入力してください。"),
                format!("Write at most {length_max} kana."),
            ),
            Kind::Date => Localized::new(
                "2024-04-01、R6.4.1、令和6年4月1日のように入力してください。",
                "Write a date such as 2024-04-01 or R6.4.1.",
            ),
            Kind::PartialDate => Localized::new(
                "2024-04、R6.4、令和6年4月、または年だけを入力してください。",
                "Write a month such as 2024-04 or R6.4, or a year.",
            ),
            Kind::Code(_) => {
                Localized::new("選択肢から一つ選んでください。", "Choose one of the options.")
            }
            Kind::Codes(_) => {
                Localized::new("選択肢から選んでください。", "Choose from the options.")
            }
            Kind::Integer { min, max } => Localized::new(
                format!("{min}から{max}までの整数を入力してください。"),
                format!("Write a whole number from {min} to {max}."),
            ),
            Kind::Decimal { min, max, places, comparator } => {
                decimal(*min, *max, *places, *comparator)
            }
            Kind::Digits { min, max } if min == max => Localized::new(
                format!("{min}桁の数字を入力してください。"),
                format!("Write {min} digits."),
            ),
            Kind::Digits { min, max } => Localized::new(
                format!("{min}桁から{max}桁の数字を入力してください。"),
                format!("Write {min} to {max} digits."),
            ),
            Kind::Postcode => {
                Localized::new("7桁の数字を入力してください。", "Write seven digits.")
            }
            Kind::Tel => Localized::new(
                "市外局番から10桁または11桁の数字を入力してください。",
                "Write ten or eleven digits, area code first.",
            ),
            Kind::Recipient => Localized::new(
                "受給者証の7桁の番号を入力してください。",
                "Write the seven digits on the certificate.",
            ),
            Kind::Insurer => Localized::new(
                "保険者番号（6桁または8桁）を入力してください。",
                "Write the insurer number (six or eight digits).",
            ),
            Kind::Rows { max, columns, .. } => rows(*max, columns),
        }
    }
}

fn decimal(min: Decimal, max: Decimal, places: u32, may_compare: bool) -> Localized {
    let (ja, en) = if may_compare {
        ("「<0.1」「感度以下」なども入力できます。", " “<0.1” or 感度以下 also do.")
    } else {
        ("", "")
    };
    Localized::new(
        format!("{min}から{max}まで、小数点以下{places}桁までの数を入力してください。{ja}"),
        format!("Write a number from {min} to {max} with up to {places} decimal places.{en}"),
    )
}

fn rows(max: usize, columns: &[Item]) -> Localized {
    let join = |label: fn(&Item) -> &str| columns.iter().map(label).collect::<Vec<_>>().join(" | ");
    Localized::new(
        format!(
            "1行に1件、「{}」の順に「|」で区切り、{max}行以内で入力してください。",
            join(|column| &column.label.ja)
        ),
        format!(
            "Write one entry per line as {}, at most {max} lines.",
            join(|column| &column.label.en)
        ),
    )
}
