//! Pieces of pages: texts in the reader's language, findings, answers, judgement.

pub(crate) mod answers;
pub(crate) mod findings;
pub(crate) mod judgement;
pub(crate) mod shell;

use kakehashi_forms::{Definition, Localized};
use kakehashi_kernel::FormKey;
use kakehashi_platform::web::Language;
use maud::{Markup, html};

/// The text in the reader's language.
pub(crate) fn pick(language: Language, text: &Localized) -> &str {
    language.pick(&text.ja, &text.en)
}

/// The number of a form as people write it: `6`, `67-1`.
pub(crate) fn number(key: FormKey) -> String {
    match key.branch {
        0 => key.number.to_string(),
        branch => format!("{}-{branch}", key.number),
    }
}

/// What about the form itself is not confirmed.
pub(crate) fn unverified(definition: &Definition, language: Language) -> Markup {
    html! {
        @if let Some(text) = definition.unverified() {
            p.box.warn {
                strong { (language.pick("要確認：", "To be confirmed: ")) }
                (pick(language, text))
            }
        }
    }
}
