//! One form after its checks, and the lines it makes in the error list.

use kakehashi_forms::{Catalogue, Definition, Finding, Localized, Severity};
use kakehashi_xml::{Place, SentForm};

/// One line of the error list. Never holds what the form says.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// The file, and the entry if it is an archive.
    pub(crate) file: String,
    /// Which form of the file, from 1.
    pub(crate) number: Option<u64>,
    /// What the sender calls the form.
    pub(crate) reference: Option<String>,
    /// The form version.
    pub(crate) form: Option<String>,
    /// Where: line from 1, and path.
    pub(crate) place: Option<Place>,
    /// Id and printed label of the item.
    pub(crate) item: Option<(String, Localized)>,
    /// What is wrong.
    pub(crate) finding: Finding,
}

/// A form that was read and checked.
pub(crate) struct CheckedForm<'c> {
    /// As read.
    pub(crate) form: SentForm,
    /// Its definition.
    pub(crate) definition: &'c Definition,
    /// What is wrong with it.
    pub(crate) rows: Vec<Row>,
}

impl CheckedForm<'_> {
    /// Whether nothing stands in the way of registering it.
    pub(crate) fn passes(&self) -> bool {
        !self.rows.iter().any(|row| row.finding.is_error())
    }

    /// Whether a person should look at it.
    pub(crate) fn has_warnings(&self) -> bool {
        self.rows.iter().any(|row| row.finding.severity == Severity::W)
    }
}

/// Checks a form as read. `None` when the catalogue does not have its version, which the reader sees first.
pub(crate) fn check<'c>(
    file: &str,
    number: u64,
    mut form: SentForm,
    catalogue: &'c Catalogue,
    accepts_partial: bool,
) -> Option<CheckedForm<'c>> {
    let definition = catalogue.definition(form.key)?;
    let row = |place: Place, finding: Finding| Row {
        file: file.to_owned(),
        number: Some(number),
        reference: Some(form.header.reference.to_string()),
        form: Some(form.key.to_string()),
        item: finding.item.as_deref().and_then(|item| named(definition, item)),
        place: Some(place),
        finding,
    };
    let (mut rows, mut is_partial) = (Vec::new(), false);
    for defect in &form.defects {
        rows.push(row(defect.place.clone(), defect.finding.clone()));
    }
    for finding in definition.check(&form.answers, form.header.application) {
        if finding.rule == "check.required" {
            if accepts_partial {
                is_partial = true;
                continue;
            }
            if is_told(&rows, &finding) {
                continue;
            }
        }
        let place = Place { path: path(&form.place.path, definition, &finding), ..form.place };
        rows.push(row(place, finding));
    }
    // What is sealed says about itself what the command line said about it.
    form.header.is_partial |= is_partial;
    Some(CheckedForm { form, definition, rows })
}

/// An item that could not be read is blank to the rules: one line is enough.
fn is_told(rows: &[Row], finding: &Finding) -> bool {
    finding.item.is_some() && rows.iter().any(|row| row.finding.item == finding.item)
}

fn named(definition: &Definition, item: &str) -> Option<(String, Localized)> {
    let label = definition.item(item)?.label.clone();
    Some((item.to_owned(), label))
}

/// The element a rule's finding is about: its line is not known any more, its path is.
fn path(form: &str, definition: &Definition, finding: &Finding) -> String {
    let item = finding.item.as_deref();
    let section = definition
        .sections()
        .iter()
        .find(|section| section.items.iter().any(|known| Some(known.id.as_str()) == item));
    match (section, item) {
        (Some(section), Some(item)) => format!("{form}/{}/{item}", section.id),
        _ => form.to_owned(),
    }
}
