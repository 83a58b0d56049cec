//! The specification of every form, read back as a vendor would read it.

use std::io::Cursor;

use calamine::{Reader, Xlsx};
use kakehashi_forms::{Catalogue, Definition};
use kakehashi_kernel::FormKey;
use kakehashi_spec::{html, tables, xlsx};

fn catalogue() -> Catalogue {
    Catalogue::builtin().expect("the definitions load")
}

fn parkinson(catalogue: &Catalogue) -> &Definition {
    let key: FormKey = "nanbyo/0006-000/2403".parse().expect("a form key");
    catalogue.definition(key).expect("the Parkinson form")
}

#[test]
fn every_row_has_a_cell_for_every_column() {
    for definition in catalogue().iter() {
        for table in tables(definition) {
            assert!(table.title.chars().count() <= 31, "a sheet's name");
            for row in &table.rows {
                assert_eq!(row.len(), table.columns.len(), "{} {}", definition.key(), table.title);
            }
        }
    }
}

#[test]
fn the_tables_name_every_item_code_rule_and_criterion() {
    let catalogue = catalogue();
    let definition = parkinson(&catalogue);
    let tables = tables(definition);
    let has = |title: &str, text: &str| {
        let table = tables.iter().find(|table| table.title == title).unwrap();
        table.rows.iter().any(|row| row.iter().any(|cell| cell == text))
    };
    for item in definition.items() {
        assert!(has("項目", &item.label.ja), "{}", item.id);
        for option in item.codes().map(kakehashi_forms::CodeList::options).unwrap_or_default() {
            assert!(has("コード表", &option.label.ja), "{}", option.code);
        }
    }
    for rule in definition.rule_texts() {
        assert!(has("チェック", rule.holds), "{}", rule.id);
    }
    for criterion in definition.criterion_texts() {
        assert!(has("判定の条件", criterion.id), "{}", criterion.id);
    }
    for set in definition.severity_texts() {
        assert!(has("判定の区分", &set.notice.ja));
    }
}

/// What a vendor cannot guess and the reader refuses to be without.
#[test]
fn the_format_is_that_of_the_xml_and_not_of_the_screen() {
    for definition in catalogue().iter() {
        let tables = tables(definition);
        let find = |title: &str| tables.iter().find(|table| table.title == title).unwrap();
        let exchange: String = find("ファイル形式").rows.concat().concat();
        for word in ["reference=", "partial=", "state=\"below-detection\"", "<batch format=", "row"]
        {
            assert!(exchange.contains(word), "{word}");
        }
        let items = find("項目");
        let column = |name: &str| items.columns.iter().position(|column| *column == name).unwrap();
        let (kind, format) = (column("型"), column("書式"));
        for row in &items.rows {
            assert!(!row[format].contains("入力"), "{}: {row:?}", definition.key());
            assert!(row[kind] != "年月日" || row[format] == "YYYY-MM-DD", "{row:?}");
        }
    }
}

#[test]
fn the_workbook_opens_and_says_what_the_tables_say() {
    let catalogue = catalogue();
    let definition = parkinson(&catalogue);
    let bytes = xlsx(definition).unwrap();
    assert_eq!(bytes, xlsx(definition).unwrap(), "the same definition gives the same bytes");
    let mut book: Xlsx<_> = calamine::open_workbook_from_rs(Cursor::new(bytes)).unwrap();
    for table in tables(definition) {
        let sheet = book.worksheet_range(table.title).unwrap();
        assert_eq!(sheet.rows().count(), table.rows.len() + 1, "{}", table.title);
        for (written, row) in sheet.rows().skip(1).zip(&table.rows) {
            let read: Vec<String> = written.iter().map(ToString::to_string).collect();
            assert_eq!(&read, row, "{}", table.title);
        }
    }
}

#[test]
fn the_page_escapes_and_fetches_nothing() {
    let catalogue = catalogue();
    for definition in catalogue.iter().filter(|definition| definition.shape().is_none()) {
        let page = html(definition);
        assert!(page.contains(&definition.name().ja), "{}", definition.key());
        for word in ["<script", "src=", "http://", "https://", "@import", "url("] {
            assert!(!page.contains(word), "{}: {word}", definition.key());
        }
    }
    assert!(html(parkinson(&catalogue)).contains("hy &gt;= 3"));
}
