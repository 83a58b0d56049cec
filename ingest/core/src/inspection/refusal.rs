//! Why a scan was refused, in words its sender can act on.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One text in both languages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bilingual {
    /// Japanese.
    pub ja: &'static str,
    /// English.
    pub en: &'static str,
}

/// Why a scan does not go on. The sender has to change something; sending the same bytes again ends
/// the same way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
#[error("{}", self.code())]
pub enum Refusal {
    /// The bytes do not begin like a PDF.
    NotAPdf,
    /// Encrypted, even with an empty password.
    Encrypted,
    /// A PDF without a page.
    NoPages,
    /// More pages than [`kakehashi_kernel::limits::SCAN_PAGES_MAX`].
    TooManyPages,
    /// Damaged, or built in a way no careful reader accepts.
    Unreadable,
    /// Needs more bytes, pixels, objects or memory than one scan may.
    TooLarge,
    /// Needs more time than one scan may.
    TimedOut,
    /// The page barcodes name a form that is not in the catalogue.
    FormUnknown,
    /// The page barcodes name more than one form.
    MixedForms,
}

/// The text is not the code of a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the code of a refusal")]
pub struct UnknownRefusal;

impl Refusal {
    /// Every refusal, for tables and tests.
    pub const ALL: [Self; 9] = [
        Self::NotAPdf,
        Self::Encrypted,
        Self::NoPages,
        Self::TooManyPages,
        Self::Unreadable,
        Self::TooLarge,
        Self::TimedOut,
        Self::FormUnknown,
        Self::MixedForms,
    ];

    /// The stable word in tables, messages and answers.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotAPdf => "not-a-pdf",
            Self::Encrypted => "encrypted",
            Self::NoPages => "no-pages",
            Self::TooManyPages => "too-many-pages",
            Self::Unreadable => "unreadable",
            Self::TooLarge => "too-large",
            Self::TimedOut => "timed-out",
            Self::FormUnknown => "form-unknown",
            Self::MixedForms => "mixed-forms",
        }
    }

    /// What is wrong.
    pub const fn message(self) -> Bilingual {
        match self {
            Self::NotAPdf => Bilingual {
                ja: "PDFファイルではありません。",
                en: "The file is not a PDF.",
            },
            Self::Encrypted => Bilingual {
                ja: "PDFにパスワードまたは暗号化が設定されています。",
                en: "The PDF is protected by a password or encryption.",
            },
            Self::NoPages => Bilingual {
                ja: "PDFにページがありません。",
                en: "The PDF has no pages.",
            },
            Self::TooManyPages => Bilingual {
                ja: "ページ数が上限（60ページ）を超えています。",
                en: "The PDF has more than 60 pages.",
            },
            Self::Unreadable => Bilingual {
                ja: "PDFが壊れているため読み取れません。",
                en: "The PDF is damaged and cannot be read.",
            },
            Self::TooLarge => Bilingual {
                ja: "PDFが大きすぎる、または複雑すぎるため処理できません。",
                en: "The PDF is too large or too complex to be processed.",
            },
            Self::TimedOut => Bilingual {
                ja: "PDFが複雑すぎるため、制限時間内に検査できませんでした。",
                en: "The PDF is so complex that it could not be inspected in the time allowed.",
            },
            Self::FormUnknown => Bilingual {
                ja: "ページのバーコードが示す様式は、取り扱いのない様式または版です。",
                en: "The barcodes on the pages name a form or version that is not accepted.",
            },
            Self::MixedForms => Bilingual {
                ja: "1つのPDFに異なる様式のページが混ざっています。",
                en: "The PDF mixes pages of different forms.",
            },
        }
    }

    /// What the sender should do.
    pub const fn remedy(self) -> Bilingual {
        match self {
            Self::NotAPdf => Bilingual {
                ja: "スキャナーの保存形式をPDFにして、もう一度スキャンして送信してください。",
                en: "Set the scanner to save as PDF, scan again and send the new file.",
            },
            Self::Encrypted => Bilingual {
                ja: "パスワードと暗号化を外して、もう一度スキャン（保存）して送信してください。",
                en: "Scan or save it again without a password or encryption and send the new file.",
            },
            Self::NoPages => Bilingual {
                ja: "原稿を確認して、もう一度スキャンして送信してください。",
                en: "Check the originals, scan again and send the new file.",
            },
            Self::TooManyPages => Bilingual {
                ja: "1通の個人票ごとに1つのPDFに分けて、もう一度送信してください。",
                en: "Make one PDF for each form and send them one by one.",
            },
            Self::Unreadable => Bilingual {
                ja: "もう一度スキャンして、新しいPDFを送信してください。\
                     同じファイルを送り直しても受け付けられません。",
                en: "Scan again and send the new PDF. The same file will be refused again.",
            },
            Self::TooLarge => Bilingual {
                ja: "解像度200～300dpi、白黒（またはグレー）で、もう一度スキャンして送信してください。",
                en: "Scan again at 200 to 300 dpi in black and white (or grey) and send the new file.",
            },
            Self::TimedOut => Bilingual {
                ja: "PDFを加工せず、スキャナーから直接保存したPDFを送信してください。",
                en: "Send the PDF as the scanner saved it, not passed through other programs.",
            },
            Self::FormUnknown => Bilingual {
                ja: "様式の番号と版（ページ右下の番号）を確認し、現行の様式で送信してください。",
                en: "Check the number and version at the bottom right of the pages and send a \
                     current form.",
            },
            Self::MixedForms => Bilingual {
                ja: "1通の個人票ごとに1つのPDFに分けて、もう一度スキャンして送信してください。",
                en: "Scan each form into a PDF of its own and send them one by one.",
            },
        }
    }
}

impl FromStr for Refusal {
    type Err = UnknownRefusal;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|refusal| refusal.code() == text).ok_or(UnknownRefusal)
    }
}

#[cfg(test)]
mod tests {
    use kakehashi_kernel::limits;

    use super::*;

    #[test]
    fn every_code_finds_its_refusal_again() {
        for refusal in Refusal::ALL {
            assert_eq!(refusal.code().parse(), Ok(refusal));
            assert_eq!(
                serde_json::to_string(&refusal).unwrap(),
                format!("\"{}\"", refusal.code()),
                "wire and table use the same word"
            );
        }
        assert_eq!("sealed".parse::<Refusal>(), Err(UnknownRefusal));
    }

    #[test]
    fn every_refusal_says_what_is_wrong_and_what_to_do() {
        for refusal in Refusal::ALL {
            for text in [refusal.message(), refusal.remedy()] {
                assert!(text.ja.ends_with('。'), "{}", refusal.code());
                assert!(text.en.ends_with('.'), "{}", refusal.code());
            }
        }
    }

    #[test]
    fn the_page_limit_in_the_message_is_the_limit() {
        let limit = limits::SCAN_PAGES_MAX.to_string();
        let message = Refusal::TooManyPages.message();
        assert!(message.ja.contains(&limit) && message.en.contains(&limit));
    }
}
