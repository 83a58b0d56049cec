//! In which language the tool speaks.

use clap::ValueEnum;
use kakehashi_forms::Localized;

/// Japanese unless asked otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Language {
    #[default]
    Ja,
    En,
}

impl Language {
    /// The text in this language.
    pub(crate) fn of(self, text: &Localized) -> &str {
        self.pick(&text.ja, &text.en)
    }

    /// One of two texts.
    pub(crate) fn pick<'t>(self, ja: &'t str, en: &'t str) -> &'t str {
        match self {
            Self::Ja => ja,
            Self::En => en,
        }
    }
}
