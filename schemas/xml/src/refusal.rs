//! Why a whole document cannot be read. Never repeats its content.

use kakehashi_forms::{Finding, Localized, Severity};

use crate::input::Position;

/// What is wrong with the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// The bytes could not be read to their end.
    #[error("the document could not be read to its end")]
    Input,
    /// More bytes than such a document may have.
    #[error("the document is too large")]
    TooLarge,
    /// More bytes than a form may have.
    #[error("a form is too large")]
    FormTooLarge,
    /// In an encoding that is not read.
    #[error("the document is not in UTF-8, UTF-16 with a byte order mark, or declared Shift_JIS")]
    Encoding,
    /// Declares another encoding than its byte order mark says.
    #[error("the document declares another encoding than it is in")]
    EncodingDeclared,
    /// Bytes that mean nothing in its encoding.
    #[error("there are bytes that mean nothing in the encoding of the document")]
    Malformed,
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
    /// A tag, text or comment that is too long.
    #[error("a tag, a text or a comment is too long")]
    TextTooLong,
    /// Too many references in one form.
    #[error("a form has too many character references")]
    TooManyReferences,
    /// More forms than such a document can have.
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

impl Why {
    /// The id of the finding it becomes, and what it says in Japanese.
    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Input => ("xml.input", "文書を最後まで読み取れませんでした"),
            Self::TooLarge => ("xml.too-large", "文書が大きすぎます"),
            Self::FormTooLarge => ("xml.form-too-large", "1件の様式が大きすぎます"),
            Self::Encoding => (
                "xml.encoding",
                "文字コードがUTF-8、BOM付きUTF-16、宣言されたShift_JISのいずれでもありません",
            ),
            Self::EncodingDeclared => {
                ("xml.encoding-declared", "宣言された文字コードと実際の文字コードが異なります")
            }
            Self::Malformed => ("xml.malformed", "文字コードとして正しくないバイトがあります"),
            Self::NotWellFormed => ("xml.not-well-formed", "整形式のXMLではありません"),
            Self::Dtd => ("xml.dtd", "文書型定義（DTD）は受け付けません"),
            Self::TooDeep => ("xml.too-deep", "要素の入れ子が深すぎます"),
            Self::TooManyAttributes => ("xml.too-many-attributes", "属性が多すぎます"),
            Self::TextTooLong => ("xml.text-too-long", "タグ、文字列またはコメントが長すぎます"),
            Self::TooManyReferences => ("xml.too-many-references", "文字参照が多すぎます"),
            Self::TooManyForms => ("xml.too-many-forms", "様式の数が多すぎます"),
            Self::WrongNamespace => ("xml.namespace", "名前空間が正しくありません"),
            Self::WrongRoot => ("xml.root", "ルート要素が正しくありません"),
            Self::WrongAttribute(_) => ("xml.root-attribute", "ルート要素の属性が正しくありません"),
            Self::UnknownForm => ("xml.unknown-form", "その様式の版はありません"),
        }
    }
}

/// The whole document, or the rest of it, cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {why}")]
pub struct XmlRefusal {
    /// What is wrong.
    pub why: Why,
    /// The line, from 1.
    pub line: usize,
    /// The character in the line, from 1.
    pub column: usize,
    /// The byte, from 0, of the document as UTF-8 without a byte order mark.
    pub offset: usize,
}

impl XmlRefusal {
    pub(crate) const fn at(why: Why, position: Position) -> Self {
        let Position { line, column, offset } = position;
        Self { why, line, column, offset }
    }

    /// Says it as a finding (E), for the sender.
    pub fn to_finding(&self) -> Finding {
        let (rule, ja) = self.why.words();
        let ja = match self.why {
            Why::WrongAttribute(name) => format!("{ja}（{name}）"),
            _ => ja.to_owned(),
        };
        Finding::general(
            rule,
            Severity::E,
            Localized::new(
                format!("{}行目{}文字目：{ja}。", self.line, self.column),
                format!("{self}."),
            ),
            Localized::new(
                "公開されているXSDで検証してから、もう一度送ってください。",
                "Please validate with the published XSD and send again.",
            ),
        )
    }
}
