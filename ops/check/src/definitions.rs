//! `definitions`, `xsd` and `spec`: what this tool checks with.

use std::io::{IsTerminal, Write};

use kakehashi_forms::{Catalogue, Definition, Edition};
use kakehashi_kernel::FormKey;

use crate::{
    cli::{SpecArguments, SpecFormat},
    exit::{Exit, Stop},
    fresh_file::FreshFile,
    language::Language,
    screen::{answer, answer_bytes},
};

/// Prints edition, digest and how many form versions there are; with `lists_forms` each of them.
pub(crate) fn print(
    catalogue: &Catalogue,
    lists_forms: bool,
    language: Language,
) -> anyhow::Result<Exit> {
    let Edition { day, digest } = Edition::builtin();
    let forms = catalogue.iter().count();
    let version = env!("CARGO_PKG_VERSION");
    match language {
        Language::Ja => answer(format_args!(
            "kakehashi-check {version}\n様式定義  {day}版\nSHA-256   {digest}\n様式の版  {forms}"
        ))?,
        Language::En => answer(format_args!(
            "kakehashi-check {version}\nedition  {day}\nSHA-256  {digest}\nform versions  {forms}"
        ))?,
    }
    if lists_forms {
        for definition in catalogue.iter() {
            answer(format_args!("{}\t{}", definition.key(), language.of(definition.name())))?;
        }
    }
    Ok(Exit::Passed)
}

/// Prints the XSD of what hospitals send of one form version: single forms and batches.
pub(crate) fn print_xsd(catalogue: &Catalogue, key: &str) -> anyhow::Result<Exit> {
    answer_bytes(kakehashi_xml::batch_xsd(&[find(catalogue, key)?]).as_bytes())?;
    Ok(Exit::Passed)
}

/// Writes the specification of one form version. Never over a file that is there.
pub(crate) fn specify(catalogue: &Catalogue, arguments: &SpecArguments) -> anyhow::Result<Exit> {
    let SpecArguments { key, format, out } = arguments;
    let definition = find(catalogue, key)?;
    let bytes = match format {
        SpecFormat::Html => kakehashi_spec::html(definition).into_bytes(),
        SpecFormat::Xlsx => kakehashi_spec::xlsx(definition)?,
        SpecFormat::Xsd => kakehashi_xml::batch_xsd(&[definition]).into_bytes(),
        SpecFormat::Fhir => {
            let mut json = serde_json::to_vec_pretty(&kakehashi_fhir::questionnaire(definition))?;
            json.push(b'\n');
            json
        }
    };
    let Some(path) = out else {
        if *format == SpecFormat::Xlsx && std::io::stdout().is_terminal() {
            return Err(Stop::new(
                Exit::Usage,
                "XLSXは画面に出せません。--out FILE を指定してください。",
                "a workbook cannot be shown on a terminal; give --out FILE",
            )
            .into());
        }
        answer_bytes(&bytes)?;
        return Ok(Exit::Passed);
    };
    let written = FreshFile::create(path).and_then(|mut file| {
        file.write_all(&bytes)?;
        file.commit_new()
    });
    written.map_err(|error| Stop::output(path, &error))?;
    Ok(Exit::Passed)
}

fn find<'c>(catalogue: &'c Catalogue, key: &str) -> Result<&'c Definition, Stop> {
    let found = key.parse::<FormKey>().ok().and_then(|key| catalogue.definition(key));
    found.ok_or_else(|| {
        Stop::new(
            Exit::Usage,
            "その様式の版はありません。kakehashi-check definitions --forms で一覧を見られます。",
            "there is no such form version; see kakehashi-check definitions --forms",
        )
    })
}
