//! `check`: examine, list, count.

use kakehashi_forms::Catalogue;

use crate::{
    cli::CheckArguments,
    examine::{Examined, Options, examine},
    exit::Exit,
    input::Sources,
    language::Language,
    list::ErrorList,
    screen::answer,
    summary::Summary,
};

/// Checks and answers how it ended.
pub(crate) fn run(
    arguments: &CheckArguments,
    catalogue: &Catalogue,
    language: Language,
) -> anyhow::Result<Exit> {
    let sources = Sources::find(&arguments.files);
    sources.demand_apart_from(arguments.list.errors.as_slice())?;
    let mut list = match &arguments.list.errors {
        Some(path) => ErrorList::table(path, arguments.list.encoding, language)?,
        None if arguments.json => ErrorList::nowhere(language),
        None => ErrorList::screen(language),
    };
    let mut summary = Summary::default();
    let options = Options { accepts_partial: arguments.partial, language };
    summary.files = examine(sources, catalogue, options, &mut |examined| match examined {
        Examined::Form(form) => {
            let is_stopped = arguments.warnings_as_errors && form.has_warnings();
            summary.form(&form, form.passes() && !is_stopped);
            form.rows.iter().try_for_each(|row| list.push(row))
        }
        Examined::Defect(row) => {
            summary.defect(&row);
            list.push(&row)
        }
        Examined::Unreadable(row) => {
            summary.unreadable(&row);
            list.push(&row)
        }
    })?;
    list.finish()?;
    if arguments.json {
        answer(serde_json::to_string(&summary)?)?;
    } else {
        answer(summary.words(language))?;
    }
    Ok(summary.exit())
}
