//! Finding a form by what a person types: number, name, reading.

use kakehashi_kernel::{FormKey, Programme, text::search_key};

use crate::{catalogue::Catalogue, definition::Definition};

/// Results of one search; whoever wants another types more.
pub const SEARCH_RESULTS_MAX: usize = 50;

/// What each form is found by.
#[derive(Debug)]
pub(crate) struct SearchIndex(Vec<Entry>);

/// One form with the names of all its versions.
#[derive(Debug)]
struct Entry {
    /// Its newest version.
    newest: FormKey,
    /// Search keys of names and readings.
    keys: Vec<String>,
}

/// How well a form fits; the first is best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Number,
    Whole,
    Beginning,
    Inside,
}

impl SearchIndex {
    fn new(catalogue: &Catalogue) -> Self {
        let forms: Vec<&Definition> = catalogue.iter().collect();
        let form_of = |definition: &Definition| {
            let key = definition.key();
            (key.programme, key.number, key.branch)
        };
        let entries = forms.chunk_by(|a, b| form_of(a) == form_of(b)).filter_map(|versions| {
            let newest = versions.iter().max_by_key(|form| form.valid_from())?.key();
            let names = versions.iter().flat_map(|form| {
                let name = form.name();
                [Some(name.ja.as_str()), Some(name.en.as_str()), form.kana()]
            });
            let mut keys: Vec<String> = names.flatten().map(search_key).collect();
            keys.sort();
            keys.dedup();
            Some(Entry { newest, keys })
        });
        Self(entries.collect())
    }
}

impl Entry {
    fn fit(&self, key: &str, number: Option<(u16, Option<u16>)>) -> Option<Fit> {
        if let Some((number, branch)) = number {
            let is_branch = branch.is_none_or(|branch| branch == self.newest.branch);
            return (number == self.newest.number && is_branch).then_some(Fit::Number);
        }
        let fit = |own: &String| {
            if own == key {
                Some(Fit::Whole)
            } else if own.starts_with(key) {
                Some(Fit::Beginning)
            } else {
                own.contains(key).then_some(Fit::Inside)
            }
        };
        self.keys.iter().filter_map(fit).min()
    }
}

impl Catalogue {
    /// Finds forms by number (`6`, `006`, `6-1`), or by a part of the name or its reading, as the forms
    /// of any version were called; wide or narrow letters, kana of either kind. Answers the newest
    /// version of each, best first, at most [`SEARCH_RESULTS_MAX`]. Nothing typed finds nothing.
    pub fn search(&self, programme: Option<Programme>, text: &str) -> Vec<&Definition> {
        let key = search_key(text);
        if key.is_empty() {
            return Vec::new();
        }
        let number = number(text);
        let index = self.index.get_or_init(|| SearchIndex::new(self));
        let is_wanted = |entry: &&Entry| programme.is_none_or(|p| p == entry.newest.programme);
        let mut found: Vec<(Fit, FormKey)> = index
            .0
            .iter()
            .filter(is_wanted)
            .filter_map(|entry| Some((entry.fit(&key, number)?, entry.newest)))
            .collect();
        found.sort();
        found.truncate(SEARCH_RESULTS_MAX);
        found.into_iter().filter_map(|(_, key)| self.definition(key)).collect()
    }
}

/// Reads `6`, `006`, `告示番号6`, `6-1`, `0006-001`.
fn number(text: &str) -> Option<(u16, Option<u16>)> {
    let plain = kakehashi_kernel::text::to_half_width(text.trim());
    let plain = plain.replace(['ー', '−', '‐', '―', '–'], "-");
    let plain = plain.trim_start_matches("告示番号").trim();
    let whole = |text: &str| {
        let is_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if is_digits { text.parse::<u16>().ok() } else { None }
    };
    match plain.split_once('-') {
        Some((number, branch)) => Some((whole(number)?, Some(whole(branch)?))),
        None => Some((whole(plain)?, None)),
    }
}
