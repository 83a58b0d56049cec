//! Pieces of pages: texts in the reader's language, findings, answers, judgement.

pub(crate) mod answers;
pub(crate) mod findings;
pub(crate) mod judgement;
pub(crate) mod shell;

use kakehashi_forms::Localized;
use kakehashi_platform::web::Language;

/// The text in the reader's language.
pub(crate) fn pick(language: Language, text: &Localized) -> &str {
    language.pick(&text.ja, &text.en)
}
