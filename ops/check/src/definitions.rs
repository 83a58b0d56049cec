//! `definitions` and `xsd`: what this tool checks with.

use kakehashi_forms::{Catalogue, Edition};
use kakehashi_kernel::FormKey;

use crate::{
    exit::{Exit, Stop},
    language::Language,
};

/// Prints edition, digest and how many form versions there are; with `lists_forms` each of them.
pub(crate) fn print(catalogue: &Catalogue, lists_forms: bool, language: Language) -> Exit {
    let Edition { day, digest } = Edition::builtin();
    let forms = catalogue.iter().count();
    let version = env!("CARGO_PKG_VERSION");
    match language {
        Language::Ja => println!(
            "kakehashi-check {version}\n様式定義  {day}版\nSHA-256   {digest}\n様式の版  {forms}"
        ),
        Language::En => println!(
            "kakehashi-check {version}\nedition  {day}\nSHA-256  {digest}\nform versions  {forms}"
        ),
    }
    if lists_forms {
        for definition in catalogue.iter() {
            println!("{}\t{}", definition.key(), language.of(definition.name()));
        }
    }
    Exit::Passed
}

/// Prints the XSD of one form version.
pub(crate) fn print_xsd(catalogue: &Catalogue, key: &str) -> anyhow::Result<Exit> {
    let found = key.parse::<FormKey>().ok().and_then(|key| catalogue.definition(key));
    let definition = found.ok_or_else(|| {
        Stop::new(
            Exit::Usage,
            "その様式の版はありません。kakehashi-check definitions --forms で一覧を見られます。",
            "there is no such form version; see kakehashi-check definitions --forms",
        )
    })?;
    print!("{}", kakehashi_xml::xsd(definition));
    Ok(Exit::Passed)
}
