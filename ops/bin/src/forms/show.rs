//! One form version, item by item.

use std::fmt::Write as _;

use kakehashi_forms::{CodeList, Definition, Item};

/// What a form asks, as a person reads it in a terminal.
pub(super) fn text(form: &Definition) -> String {
    let mut shown = String::new();
    write(&mut shown, form).expect("writing to a String cannot fail");
    shown
}

fn write(shown: &mut String, form: &Definition) -> std::fmt::Result {
    let name = form.name();
    writeln!(shown, "{}  {}  {}", form.key(), name.ja, name.en)?;
    let until = |day: Option<_>| day.map_or_else(String::new, |day| format!("{day}"));
    writeln!(
        shown,
        "有効 valid {} – {}  受理 accepted until {}",
        form.valid_from(),
        until(form.valid_until()),
        until(form.accepted_until())
    )?;
    if let Some(shape) = form.shape() {
        writeln!(shown, "共有 shape {shape}")?;
    }
    if let Some(unverified) = form.unverified() {
        writeln!(shown, "未確認 unverified: {} {}", unverified.ja, unverified.en)?;
    }
    for section in form.sections() {
        writeln!(shown, "\n{}  {}  p.{}", section.label.ja, section.label.en, section.page)?;
        for item in &section.items {
            write_item(shown, item, "  ")?;
            for column in item.columns() {
                write_item(shown, column, "    | ")?;
            }
        }
    }
    if !form.derived().is_empty() {
        writeln!(shown, "\n計算項目  Derived items")?;
    }
    for derived in form.derived() {
        writeln!(shown, "  {}  {}  {}", derived.id, derived.label.ja, derived.formula.ja)?;
    }
    writeln!(shown, "\n判定 criteria: {} {}", form.rule_version(), form.rule_notice().ja)
}

fn write_item(shown: &mut String, item: &Item, indent: &str) -> std::fmt::Result {
    let unit = item.unit.as_ref().map_or_else(String::new, |unit| format!(" [{unit}]"));
    write!(shown, "{indent}{}  {}{unit}", item.id, item.label.ja)?;
    for option in item.codes().into_iter().flat_map(CodeList::options) {
        write!(shown, "  {}:{}", option.code, option.label.ja)?;
    }
    writeln!(shown)
}

#[cfg(test)]
mod tests {
    use kakehashi_forms::Catalogue;

    use super::*;

    #[test]
    fn a_form_is_shown_with_every_item() {
        let catalogue = Catalogue::builtin().unwrap();
        let form = catalogue.definition("nanbyo/0006-000/2403".parse().unwrap()).unwrap();
        let text = text(form);
        assert!(form.items().all(|item| text.contains(&format!("  {}  ", item.id))));
    }
}
