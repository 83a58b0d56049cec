//! Reads and checks everything that was named, one form at a time. What cannot be read never stops the rest.

use std::io::Read;

use kakehashi_forms::{Catalogue, Finding};
use kakehashi_xml::{BatchReader, Place, Reference, Sent, XmlRefusal};

use crate::{
    checked::{CheckedForm, Row, check},
    input::{self, Opened, Source, Sources},
    language::Language,
    progress::Progress,
};

/// What a run comes upon.
pub(crate) enum Examined<'c> {
    /// A form, checked.
    Form(CheckedForm<'c>),
    /// Something in a document that is not a form, or wrong about the document: an error like a form's.
    Defect(Row),
    /// A file, an entry or the rest of one that cannot be read.
    Unreadable(Row),
}

/// How to read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Options {
    /// Forms may hold only some of the items.
    pub(crate) accepts_partial: bool,
    /// For the progress bar.
    pub(crate) language: Language,
}

type Each<'e, 'c> = dyn FnMut(Examined<'c>) -> anyhow::Result<()> + 'e;

/// Examines all of `sources`; answers how many files and entries there were.
///
/// # Errors
///
/// Only what `each` says.
pub(crate) fn examine<'c>(
    sources: Sources,
    catalogue: &'c Catalogue,
    options: Options,
    each: &mut Each<'_, 'c>,
) -> anyhow::Result<u64> {
    let Sources { list: sources, unreadable, .. } = sources;
    let mut run = Run { catalogue, options, each, files: 0, forms: 0 };
    for input::Unreadable { file, finding } in unreadable {
        run.files += 1;
        run.unreadable(&file, None, finding)?;
    }
    let progress = Progress::new(sources.iter().map(Source::bytes).sum(), options.language);
    for source in &sources {
        run.source(source, &progress)?;
    }
    progress.finish();
    Ok(run.files)
}

struct Run<'r, 'e, 'c> {
    catalogue: &'c Catalogue,
    options: Options,
    each: &'r mut Each<'e, 'c>,
    files: u64,
    forms: u64,
}

impl Run<'_, '_, '_> {
    fn source(&mut self, source: &Source, progress: &Progress) -> anyhow::Result<()> {
        let shown = source.shown();
        match input::open(source) {
            Ok(Opened::Document(reader)) => {
                self.document(&shown, &mut progress.watch(reader), progress)
            }
            Ok(Opened::Archive(file)) => {
                let watch = |bytes| progress.advance(bytes);
                input::read_archive(file, &watch, &mut |entry| match entry {
                    input::Entry::Document(name, reader) => {
                        self.document(&format!("{shown}!{name}"), reader, progress)
                    }
                    input::Entry::Unreadable(name, finding) => {
                        self.files += 1;
                        let name =
                            name.map_or_else(|| shown.clone(), |name| format!("{shown}!{name}"));
                        self.unreadable(&name, None, finding)
                    }
                })
            }
            Err(error) => {
                self.files += 1;
                let finding = input::not_opened(&error);
                self.unreadable(&shown, None, finding)
            }
        }
    }

    fn document(
        &mut self,
        file: &str,
        input: &mut dyn Read,
        progress: &Progress,
    ) -> anyhow::Result<()> {
        self.files += 1;
        let reader = match BatchReader::new(input, self.catalogue) {
            Ok(reader) if self.options.accepts_partial => reader.accepting_partial(),
            Ok(reader) => reader,
            Err(refusal) => return self.refused(file, &refusal),
        };
        let mut number = 0;
        for sent in reader {
            match sent {
                Ok(Sent::Form(form)) => {
                    number += 1;
                    self.forms += 1;
                    progress.forms(self.forms);
                    let partial = self.options.accepts_partial;
                    if let Some(checked) = check(file, number, form, self.catalogue, partial) {
                        (self.each)(Examined::Form(checked))?;
                    }
                }
                Ok(Sent::Unreadable { reference, defect }) => {
                    let row = row(file, reference, Some(defect.place), defect.finding);
                    (self.each)(Examined::Defect(row))?;
                }
                Err(refusal) => return self.refused(file, &refusal),
            }
        }
        Ok(())
    }

    fn refused(&mut self, file: &str, refusal: &XmlRefusal) -> anyhow::Result<()> {
        let place = Place { line: refusal.line, column: refusal.column, path: String::new() };
        self.unreadable(file, Some(place), refusal.to_finding())
    }

    fn unreadable(
        &mut self,
        file: &str,
        place: Option<Place>,
        finding: Finding,
    ) -> anyhow::Result<()> {
        (self.each)(Examined::Unreadable(row(file, None, place, finding)))
    }
}

fn row(file: &str, reference: Option<Reference>, place: Option<Place>, finding: Finding) -> Row {
    Row {
        file: file.to_owned(),
        number: None,
        reference: reference.map(|reference| reference.to_string()),
        form: None,
        place,
        item: None,
        finding,
    }
}
