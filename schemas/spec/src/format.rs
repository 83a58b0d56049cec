//! How values and envelopes are written in XML. A screen tells people what they may type, which is more:
//! era dates, full-width digits; a program has one way to write each value.

use kakehashi_forms::{Definition, Item, Kind};

use crate::Table;

/// How the value of an item is written.
pub(crate) fn value(item: &Item) -> String {
    match &item.kind {
        Kind::Text { length_max, lines_max: 1 } => format!("{length_max}文字以内"),
        Kind::Text { length_max, lines_max } => format!("{length_max}文字以内、{lines_max}行以内"),
        Kind::Kana { length_max } => format!("ひらがな又はカタカナ{length_max}文字以内"),
        Kind::Date => "YYYY-MM-DD".to_owned(),
        Kind::PartialDate => "YYYY-MM-DD、YYYY-MM 又は YYYY".to_owned(),
        Kind::Code(_) => "コード1つ".to_owned(),
        Kind::Codes(_) => "コード1つ以上（コード表の順、空白1つで区切る）".to_owned(),
        Kind::Integer { min, max } => format!("{min}～{max}"),
        Kind::Decimal { min, max, places, comparator } => {
            let compared = if *comparator { "、comparator 可、感度以下 可" } else { "" };
            format!("{min}～{max}、小数{places}桁まで{compared}")
        }
        Kind::Digits { min, max } if min == max => format!("数字{max}桁"),
        Kind::Digits { min, max } => format!("数字{min}～{max}桁"),
        Kind::Postcode => "数字7桁".to_owned(),
        Kind::Tel => "0で始まる数字10～11桁".to_owned(),
        Kind::Recipient => "数字7桁（末尾は検証番号）".to_owned(),
        Kind::Insurer => "数字6桁又は8桁（末尾は検証番号）".to_owned(),
        Kind::Rows { min, max, .. } => format!("row 要素 {min}～{max}個（記入しないときは省く）"),
    }
}

/// What stands around the values, for this form version.
pub(crate) fn exchange(definition: &Definition) -> Table {
    let key = definition.key();
    let row = |name: &str, value: &str| vec![name.to_owned(), value.to_owned()];
    let own = format!(
        "<form reference=\"…\" programme=\"{}\" number=\"{}\" branch=\"{}\" version=\"{}\" application=\"new|renewal\">",
        key.programme, key.number, key.branch, key.version
    );
    Table {
        title: "ファイル形式",
        note: "正確な定義は同じ版のXSDによる。".to_owned(),
        columns: vec!["項目", "内容"],
        rows: vec![
            row("名前空間", "urn:kakehashi:form:1"),
            row(
                "文字コード",
                "UTF-8（BOMの有無を問わない）、UTF-16（BOM付き）、宣言のあるShift_JIS。DTDは使えない。",
            ),
            row("1件のファイル", "様式の要素（form）をルートとする。"),
            row(
                "複数件のファイル",
                "<batch format=\"1\" sender=\"医療機関コード\" created=\"2026-11-23T00:00:00Z\" tool=\"…\" tool-version=\"…\" definitions=\"様式定義のSHA-256\" count=\"件数\"> の中に form を並べる。",
            ),
            row("様式の要素", &own),
            row(
                "reference",
                "送信側の整理番号。半角英数字と . _ - で64文字以内。氏名など個人を示すものを使わない。必須。",
            ),
            row(
                "partial",
                "partial=\"true\" で、一部の項目だけの様式であることを示す。ほかは省く。",
            ),
            row(
                "順序",
                "区分の要素、その中に項目の要素を、この表の順に1回ずつ書く。記入のない項目は省いてよい。",
            ),
            row("表", "項目の要素の中に row 要素を行の数だけ書き、その中に列の要素を書く。"),
            row(
                "値",
                "項目の要素の内容に、「書式」のとおりに半角で書く。先頭に余分な0や+を付けない。",
            ),
            row(
                "状態",
                "値がないとき state 属性: blank（未記入）、not-done（未実施）、unknown（不明）、illegible（判読不能）、struck（抹消）、multiple-marked（複数選択）。not-done と unknown は「状態」の列にあるときだけ。",
            ),
            row("感度以下", "comparator 可の項目だけ: state=\"below-detection\""),
            row(
                "不等号",
                "comparator 可の項目だけ、comparator 属性: lt（未満）、le（以下）、gt（超）、ge（以上）",
            ),
            row("氏名の文字", "受け取った符号位置のまま保存する。正規化しないこと。"),
        ],
    }
}
