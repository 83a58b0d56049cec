//! The coverage table: every form version there is.

use kakehashi_exchange::csv::{Cell, CodeStyle, Encoding, Writer};
use kakehashi_forms::{Coverage, CoverageRow, Totals};

/// One number of a programme's totals.
type Count = fn(&Totals) -> usize;

/// Every form version, then the totals.
pub(super) fn tables(coverage: &Coverage) -> String {
    let mut table = bare();
    table.set_header([
        "様式 form",
        "疾病名",
        "項目 items",
        "計算 derived",
        "規則 rules",
        "診断 diagnosis",
        "重症度 severity",
        "未確認 unverified",
        "共有 shape",
    ]);
    for row in &coverage.rows {
        table.add_row([
            row.key.to_string(),
            row.name.ja.clone(),
            row.items.to_string(),
            row.derived.to_string(),
            row.rules.to_string(),
            judged(row.has_diagnosis).to_owned(),
            judged(row.has_severity).to_owned(),
            mark(row.is_unverified).to_owned(),
            row.shape.clone().unwrap_or_default(),
        ]);
    }
    format!("{table}\n{}", totals(coverage))
}

/// One line per programme.
pub(super) fn totals(coverage: &Coverage) -> String {
    let mut table = bare();
    let mut header = vec![String::new()];
    let label = |totals: &Totals| match totals.programme {
        kakehashi_kernel::Programme::Nanbyo => "難病 nanbyo".to_owned(),
        kakehashi_kernel::Programme::Shouman => "小慢 shouman".to_owned(),
    };
    header.extend(coverage.totals.iter().map(label));
    table.set_header(header);
    let counts: [(&str, Count); 8] = [
        ("告示番号・小慢は疾患群 numbers", |totals| totals.numbers),
        ("様式 forms", |totals| totals.forms),
        ("版 versions", |totals| totals.versions),
        ("うち専用の様式 with a file of their own", |totals| totals.own_files),
        ("診断の機械判定あり with diagnosis rule", |totals| totals.with_diagnosis),
        ("重症度の機械判定あり with severity rule", |totals| totals.with_severity),
        ("機械判定なし not judged by machine", |totals| totals.not_judged),
        ("未確認の点あり unverified", |totals| totals.unverified),
    ];
    for (name, count) in counts {
        let mut row = vec![name.to_owned()];
        row.extend(coverage.totals.iter().map(|totals| count(totals).to_string()));
        table.add_row(row);
    }
    format!("{table}\n")
}

/// Every form version as CSV for Excel.
pub(super) fn csv(coverage: &Coverage) -> Vec<u8> {
    let mut writer = Writer::new(Encoding::Utf8, CodeStyle::Plain);
    let mut out = Vec::new();
    let header = [
        "form",
        "programme",
        "number",
        "branch",
        "version",
        "name",
        "name_en",
        "valid_from",
        "valid_until",
        "items",
        "derived",
        "rules",
        "diagnosis",
        "severity",
        "unverified",
        "shape",
    ];
    // UTF-8 has every character: nothing can be lost.
    writer.row(&header.map(Cell::Text), &mut out);
    for row in &coverage.rows {
        let cells = cells(row);
        let number = |place: usize| (9..=11).contains(&place);
        let cells: Vec<Cell<'_>> = cells
            .iter()
            .enumerate()
            .map(|(place, cell)| match place {
                2..=4 => Cell::Code(cell),
                place if number(place) => Cell::Number(cell),
                _ => Cell::Text(cell),
            })
            .collect();
        writer.row(&cells, &mut out);
    }
    out
}

fn cells(row: &CoverageRow) -> [String; 16] {
    [
        row.key.to_string(),
        row.key.programme.to_string(),
        format!("{:04}", row.key.number),
        format!("{:03}", row.key.branch),
        format!("{:04}", row.key.version),
        row.name.ja.clone(),
        row.name.en.clone(),
        row.valid_from.to_string(),
        row.valid_until.map_or_else(String::new, |day| day.to_string()),
        row.items.to_string(),
        row.derived.to_string(),
        row.rules.to_string(),
        judged(row.has_diagnosis).to_owned(),
        judged(row.has_severity).to_owned(),
        mark(row.is_unverified).to_owned(),
        row.shape.clone().unwrap_or_default(),
    ]
}

const fn judged(is: bool) -> &'static str {
    if is { "あり" } else { "機械判定なし" }
}

const fn mark(is: bool) -> &'static str {
    if is { "未確認あり" } else { "" }
}

fn bare() -> comfy_table::Table {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::UTF8_FULL_CONDENSED);
    table
}

#[cfg(test)]
mod tests {
    use kakehashi_forms::Catalogue;

    use super::*;

    #[test]
    fn the_tables_name_every_form_and_count_them() {
        let coverage = Catalogue::builtin().unwrap().coverage();
        let tables = tables(&coverage);
        assert!(tables.contains("nanbyo/0006-000/2403") && tables.contains("難病 nanbyo"));
        assert!(tables.matches("nanbyo/0").count() > 348, "348 diseases and more");
        let versions: usize = coverage.totals.iter().map(|totals| totals.versions).sum();
        assert_eq!(versions, coverage.rows.len());
    }

    #[test]
    fn the_csv_is_a_line_per_form_with_its_zeros() {
        let coverage = Catalogue::builtin().unwrap().coverage();
        let text = String::from_utf8(csv(&coverage)).unwrap();
        assert!(text.starts_with("\u{FEFF}form,programme,number,"));
        assert_eq!(text.lines().count(), coverage.rows.len() + 1);
        assert!(text.contains("\r\nnanbyo/0006-000/2403,nanbyo,0006,000,2403,パーキンソン病,"));
    }
}
