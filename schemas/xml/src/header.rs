//! What the attributes of `<return>`, `<batch>` and `<form>` say.

use std::{fmt, str::FromStr};

use kakehashi_forms::Application;
use kakehashi_kernel::{DocumentId, FormKey, LotNumber, Programme, Sha256Digest, Timestamp};

use crate::attributes::Attributes;

/// Longest code of a contractor.
pub(crate) const CONTRACTOR_LENGTH_MAX: usize = 64;
/// Longest code of an institution.
pub(crate) const SENDER_LENGTH_MAX: usize = 32;
/// Longest name and version of a tool.
pub(crate) const TOOL_LENGTH_MAX: usize = 64;
/// Longest reference.
pub(crate) const REFERENCE_LENGTH_MAX: usize = 64;
/// The version of the format: of everything but the forms' own items.
pub(crate) const FORMAT: &str = "1";

/// What `<return>` says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnHeader {
    /// The lot it answers.
    pub lot: LotNumber,
    /// Code of who keyed it: `[a-z0-9-]`, 1 to 64 characters.
    pub contractor: String,
}

/// What `<batch>` says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchHeader {
    /// Code of the institution that sends it: `[A-Za-z0-9-]`, 1 to 32 characters.
    pub sender: String,
    /// When it was made.
    pub created: Timestamp,
    /// The program that made it: `[A-Za-z0-9._-]`, 1 to 64 characters.
    pub tool: String,
    /// Its version, of the same characters.
    pub tool_version: String,
    /// Digest of the definitions it was made by.
    pub definitions: Sha256Digest,
    /// How many forms it holds.
    pub count: u32,
}

/// The sender's own name for a form: `[A-Za-z0-9._-]`, 1 to 64 characters. Names no person.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference(String);

/// The text is not a reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a reference is 1 to 64 of the characters A-Z a-z 0-9 . _ -")]
pub struct InvalidReference;

impl Reference {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Reference {
    type Err = InvalidReference;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if is_word(text, REFERENCE_LENGTH_MAX) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidReference)
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a `<form>` of a return says about itself, besides its form key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FormHeader {
    /// The document it is the keying of.
    pub document: DocumentId,
    /// 1 for the first time round; more for a correction.
    pub round: u32,
    /// 新規 or 更新.
    pub application: Application,
}

/// What a `<form>` of a batch says about itself, besides its form key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentHeader {
    /// What the sender calls it.
    pub reference: Reference,
    /// 新規 or 更新.
    pub application: Application,
    /// Whether it holds only some of the items, the others to be asked for elsewhere.
    pub is_partial: bool,
}

/// The attribute that is missing, unknown or wrong.
pub(crate) type WrongAttribute = &'static str;

/// Attributes of a `<form>` of a return, in written order.
const FORM_ATTRIBUTES: [&str; 7] =
    ["document", "round", "programme", "number", "branch", "version", "application"];
/// Attributes of a `<form>` of a batch.
const SENT_ATTRIBUTES: [&str; 7] =
    ["reference", "programme", "number", "branch", "version", "application", "partial"];
/// Attributes of `<batch>`.
const BATCH_ATTRIBUTES: [&str; 7] =
    ["format", "sender", "created", "tool", "tool-version", "definitions", "count"];

/// A header of one kind of `<form>`.
pub(crate) trait Header: Sized {
    /// Reads header and form key.
    fn parse(attributes: &Attributes) -> Result<(Self, FormKey), WrongAttribute>;
}

impl ReturnHeader {
    pub(crate) fn parse(attributes: &Attributes) -> Result<Self, WrongAttribute> {
        demand_known(attributes, &["lot", "contractor"])?;
        let lot = find(attributes, "lot")?.parse().map_err(|_| "lot")?;
        let contractor = find(attributes, "contractor")?;
        let is_code = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if contractor.is_empty()
            || contractor.len() > CONTRACTOR_LENGTH_MAX
            || !contractor.bytes().all(is_code)
        {
            return Err("contractor");
        }
        Ok(Self { lot, contractor: contractor.to_owned() })
    }
}

impl BatchHeader {
    pub(crate) fn parse(attributes: &Attributes) -> Result<Self, WrongAttribute> {
        demand_known(attributes, &BATCH_ATTRIBUTES)?;
        if find(attributes, "format")? != FORMAT {
            return Err("format");
        }
        let sender = find(attributes, "sender")?;
        let is_code = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if sender.is_empty() || sender.len() > SENDER_LENGTH_MAX || !sender.bytes().all(is_code) {
            return Err("sender");
        }
        let word = |name: &'static str| {
            let text = find(attributes, name)?;
            if is_word(text, TOOL_LENGTH_MAX) { Ok(text.to_owned()) } else { Err(name) }
        };
        let definitions = find(attributes, "definitions")?;
        let digest: Sha256Digest = definitions.parse().map_err(|_| "definitions")?;
        if digest.to_string() != definitions {
            return Err("definitions");
        }
        Ok(Self {
            sender: sender.to_owned(),
            created: find(attributes, "created")?.parse().map_err(|_| "created")?,
            tool: word("tool")?,
            tool_version: word("tool-version")?,
            definitions: digest,
            count: number(find(attributes, "count")?).ok_or("count")?,
        })
    }

    /// Names and values in written order.
    pub(crate) fn attributes(&self) -> [(&'static str, String); 7] {
        let Self { sender, created, tool, tool_version, definitions, count } = self;
        let values = [
            FORMAT.to_owned(),
            sender.clone(),
            created.to_string(),
            tool.clone(),
            tool_version.clone(),
            definitions.to_string(),
            count.to_string(),
        ];
        pair(BATCH_ATTRIBUTES, values)
    }
}

impl Header for FormHeader {
    fn parse(attributes: &Attributes) -> Result<(Self, FormKey), WrongAttribute> {
        demand_known(attributes, &FORM_ATTRIBUTES)?;
        let document = document(attributes).ok_or("document")?;
        let round = number(find(attributes, "round")?).filter(|round| *round > 0).ok_or("round")?;
        let (key, application) = key(attributes)?;
        Ok((Self { document, round, application }, key))
    }
}

impl Header for SentHeader {
    fn parse(attributes: &Attributes) -> Result<(Self, FormKey), WrongAttribute> {
        demand_known(attributes, &SENT_ATTRIBUTES)?;
        let reference = find(attributes, "reference")?.parse().map_err(|_| "reference")?;
        let (key, application) = key(attributes)?;
        let is_partial = match attributes.get("partial") {
            None | Some("false") => false,
            Some("true") => true,
            Some(_) => return Err("partial"),
        };
        Ok((Self { reference, application, is_partial }, key))
    }
}

impl FormHeader {
    /// Names and values in written order.
    pub(crate) fn attributes(&self, key: FormKey) -> Vec<(&'static str, String)> {
        let own = [("document", self.document.to_string()), ("round", self.round.to_string())];
        own.into_iter().chain(key_attributes(key, self.application)).collect()
    }
}

impl SentHeader {
    /// Names and values in written order.
    pub(crate) fn attributes(&self, key: FormKey) -> Vec<(&'static str, String)> {
        let own = [("reference", self.reference.to_string())];
        let partial = self.is_partial.then(|| ("partial", "true".to_owned()));
        own.into_iter().chain(key_attributes(key, self.application)).chain(partial).collect()
    }
}

fn key_attributes(key: FormKey, application: Application) -> [(&'static str, String); 5] {
    [
        ("programme", key.programme.to_string()),
        ("number", key.number.to_string()),
        ("branch", key.branch.to_string()),
        ("version", key.version.to_string()),
        ("application", application.to_string()),
    ]
}

fn key(attributes: &Attributes) -> Result<(FormKey, Application), WrongAttribute> {
    let programme: Programme = find(attributes, "programme")?.parse().map_err(|_| "programme")?;
    let small = |name: &'static str| {
        let value = number(find(attributes, name)?).and_then(|value| u16::try_from(value).ok());
        value.ok_or(name)
    };
    let key = FormKey::new(programme, small("number")?, small("branch")?, small("version")?)
        .map_err(|_| "version")?;
    let application = find(attributes, "application")?.parse().map_err(|_| "application")?;
    Ok((key, application))
}

/// The document an element names, if it names one in the one way it may be written.
pub(crate) fn document(attributes: &Attributes) -> Option<DocumentId> {
    let text = attributes.get("document")?;
    let document: DocumentId = text.parse().ok()?;
    (document.to_string() == text).then_some(document)
}

/// The reference an element gives, if it gives a right one.
pub(crate) fn reference(attributes: &Attributes) -> Option<Reference> {
    attributes.get("reference")?.parse().ok()
}

fn find<'a>(attributes: &'a Attributes, name: &'static str) -> Result<&'a str, WrongAttribute> {
    attributes.get(name).ok_or(name)
}

fn demand_known(attributes: &Attributes, known: &[&'static str]) -> Result<(), WrongAttribute> {
    let is_known = |(key, _): (&str, &str)| known.contains(&key);
    if attributes.iter().all(is_known) { Ok(()) } else { Err("an unknown attribute") }
}

fn is_word(text: &str, length_max: usize) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=length_max).contains(&text.len()) && text.bytes().all(is_allowed)
}

fn pair<const N: usize>(
    names: [&'static str; N],
    values: [String; N],
) -> [(&'static str, String); N] {
    let mut values = values.into_iter();
    names.map(|name| (name, values.next().unwrap_or_default()))
}

/// Digits only, no sign, no leading zero.
fn number(text: &str) -> Option<u32> {
    let is_plain =
        text == "0" || (!text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit()));
    if is_plain { text.parse().ok() } else { None }
}
