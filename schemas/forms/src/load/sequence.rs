//! The versions of a form follow each other without gap or overlap.

use std::collections::{BTreeMap, btree_map::Entry};

use kakehashi_kernel::FormKey;

use crate::{
    catalogue::{LoadError, SourceFile},
    definition::{Application, Definition},
};

/// Where a form version is written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    file: String,
    /// The line of a list; a form file is one form.
    line: Option<usize>,
}

impl Place {
    /// A form file.
    pub(super) fn of(file: &SourceFile<'_>) -> Self {
        Self { file: file.path.to_owned(), line: None }
    }

    /// A line of a list.
    pub(super) fn at(file: &SourceFile<'_>, line: usize) -> Self {
        Self { file: file.path.to_owned(), line: Some(line) }
    }

    pub(super) fn wrong(&self, problem: impl Into<String>) -> LoadError {
        let (file, line) = (self.file.clone(), self.line);
        LoadError { file, line, rule: None, problem: problem.into() }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}, line {line}", self.file),
            None => f.write_str(&self.file),
        }
    }
}

/// Form versions and where they come from.
#[derive(Debug, Default)]
pub(super) struct Forms(BTreeMap<FormKey, (Place, Definition)>);

impl Forms {
    /// Adds a version. Its own dates must be in order, and there must be no other of its key.
    pub(super) fn add(&mut self, place: Place, definition: Definition) -> Result<(), LoadError> {
        if definition.valid_until.is_some_and(|until| until <= definition.valid_from) {
            return Err(place.wrong("valid_until is not after valid_from"));
        }
        if let Some(accepted) = definition.accepted_until
            && definition.valid_until.is_none_or(|until| accepted < until)
        {
            return Err(place.wrong("accepted_until is not on or after a valid_until"));
        }
        match self.0.entry(definition.key) {
            Entry::Occupied(other) => {
                Err(place.wrong(format!("{} is there already: {}", definition.key, other.get().0)))
            }
            Entry::Vacant(free) => {
                free.insert((place, definition));
                Ok(())
            }
        }
    }

    /// Finds gaps and overlaps between the versions of each form, for each application by itself.
    pub(super) fn find_breaks(&self) -> Vec<LoadError> {
        let forms: Vec<_> = self.0.values().collect();
        let form_of = |key: FormKey| (key.programme, key.number, key.branch);
        let mut errors: Vec<LoadError> = Vec::new();
        for versions in forms.chunk_by(|a, b| form_of(a.1.key) == form_of(b.1.key)) {
            for application in [Application::New, Application::Renewal] {
                let mut versions: Vec<_> = versions
                    .iter()
                    .filter(|(_, definition)| definition.applies.include(application))
                    .collect();
                versions.sort_by_key(|(_, definition)| definition.valid_from);
                for pair in versions.windows(2) {
                    let [before, after] = pair else { continue };
                    errors.extend(find_break(before, after).filter(|e| !errors.contains(e)));
                }
            }
        }
        errors
    }

    pub(super) fn into_definitions(self) -> BTreeMap<FormKey, Definition> {
        self.0.into_iter().map(|(key, (_, definition))| (key, definition)).collect()
    }
}

fn find_break(
    (place, before): &(Place, Definition),
    (other, after): &(Place, Definition),
) -> Option<LoadError> {
    let from = after.valid_from;
    match before.valid_until {
        None => {
            let problem = format!("in force without end, and so on the same day as {other}");
            Some(place.wrong(problem))
        }
        Some(until) if until > from => {
            Some(place.wrong(format!("in force until {until}, and so on the same day as {other}")))
        }
        Some(until) if until < from => Some(
            place
                .wrong(format!("no version is in force from {until} until {from}, before {other}")),
        ),
        Some(_) => None,
    }
}
