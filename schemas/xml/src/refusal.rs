//! Why a whole document cannot be read. Never repeats its content.

use kakehashi_forms::{Finding, Localized, Severity};

/// What is wrong with the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// More bytes than a return may have.
    #[error("the document is too large")]
    TooLarge,
    /// Not UTF-8, or declared to be something else.
    #[error("the document is not UTF-8")]
    Encoding,
    /// Not well-formed XML 1.0, or an entity other than the five predefined.
    #[error("the document is not well-formed XML")]
    NotWellFormed,
    /// A document type definition.
    #[error("a document type definition is not accepted")]
    Dtd,
    /// Elements nested too deep.
    #[error("elements are nested too deep")]
    TooDeep,
    /// Too many attributes on one element.
    #[error("an element has too many attributes")]
    TooManyAttributes,
    /// A text or attribute that is too long.
    #[error("a text is too long")]
    TextTooLong,
    /// More forms than a lot can have.
    #[error("there are too many forms")]
    TooManyForms,
    /// The root element is not in our namespace.
    #[error("the root element is not in the namespace urn:kakehashi:form:1")]
    WrongNamespace,
    /// The root element is another one.
    #[error("the root element is not the expected one")]
    WrongRoot,
    /// An attribute of the root element is missing, unknown or wrong.
    #[error("attribute of the root element missing or wrong: {0}")]
    WrongAttribute(&'static str),
    /// There is no such form version.
    #[error("there is no such form version")]
    UnknownForm,
}

/// The whole document cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, byte {offset}: {why}")]
pub struct XmlRefusal {
    /// What is wrong.
    pub why: Why,
    /// The line, from 1.
    pub line: usize,
    /// The byte, from 0.
    pub offset: usize,
}

impl XmlRefusal {
    /// Says it as a finding (E), for the contractor.
    pub fn to_finding(&self) -> Finding {
        let (rule, ja) = match self.why {
            Why::TooLarge => ("xml.too-large", "文書が大きすぎます"),
            Why::Encoding => ("xml.encoding", "文字コードがUTF-8ではありません"),
            Why::NotWellFormed => ("xml.not-well-formed", "整形式のXMLではありません"),
            Why::Dtd => ("xml.dtd", "文書型定義（DTD）は受け付けません"),
            Why::TooDeep => ("xml.too-deep", "要素の入れ子が深すぎます"),
            Why::TooManyAttributes => ("xml.too-many-attributes", "属性が多すぎます"),
            Why::TextTooLong => ("xml.text-too-long", "文字列が長すぎます"),
            Why::TooManyForms => ("xml.too-many-forms", "様式の数が多すぎます"),
            Why::WrongNamespace => ("xml.namespace", "名前空間が正しくありません"),
            Why::WrongRoot => ("xml.root", "ルート要素が正しくありません"),
            Why::WrongAttribute(_) => ("xml.root-attribute", "ルート要素の属性が正しくありません"),
            Why::UnknownForm => ("xml.unknown-form", "その様式の版はありません"),
        };
        Finding::general(
            rule,
            Severity::E,
            Localized::new(
                format!("{}行目（{}バイト目）：{ja}。", self.line, self.offset),
                format!("{self}."),
            ),
            Localized::new(
                "公開されているXSDで検証してから、もう一度納品してください。",
                "Please validate with the published XSD and deliver again.",
            ),
        )
    }
}
