//! What the attributes of `<return>` and `<form>` say.

use kakehashi_forms::Application;
use kakehashi_kernel::{DocumentId, FormKey, LotNumber, Programme};

/// Longest code of a contractor.
pub(crate) const CONTRACTOR_LENGTH_MAX: usize = 64;

/// What `<return>` says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnHeader {
    /// The lot it answers.
    pub lot: LotNumber,
    /// Code of who keyed it: `[a-z0-9-]`, 1 to 64 characters.
    pub contractor: String,
}

/// What `<form>` says about itself, besides its form key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FormHeader {
    /// The document it is the keying of.
    pub document: DocumentId,
    /// 1 for the first time round; more for a correction.
    pub round: u32,
    /// 新規 or 更新.
    pub application: Application,
}

/// Attributes of one element, namespace declarations and `xsi:` left out.
pub(crate) type Attributes = Vec<(String, String)>;

/// The attribute that is missing, unknown or wrong.
pub(crate) type WrongAttribute = &'static str;

/// Every attribute of `<form>`, in written order.
pub(crate) const FORM_ATTRIBUTES: [&str; 7] =
    ["document", "round", "programme", "number", "branch", "version", "application"];

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

impl FormHeader {
    pub(crate) fn parse(attributes: &Attributes) -> Result<(Self, FormKey), WrongAttribute> {
        demand_known(attributes, &FORM_ATTRIBUTES)?;
        let document = document(attributes).ok_or("document")?;
        let round = number(find(attributes, "round")?).filter(|round| *round > 0).ok_or("round")?;
        let programme: Programme =
            find(attributes, "programme")?.parse().map_err(|_| "programme")?;
        let small = |name: &'static str| {
            let value = number(find(attributes, name)?).and_then(|value| u16::try_from(value).ok());
            value.ok_or(name)
        };
        let key = FormKey::new(programme, small("number")?, small("branch")?, small("version")?)
            .map_err(|_| "version")?;
        let application = find(attributes, "application")?.parse().map_err(|_| "application")?;
        Ok((Self { document, round, application }, key))
    }
}

/// The document an element names, if it names one in the one way it may be written.
pub(crate) fn document(attributes: &Attributes) -> Option<DocumentId> {
    let text = find(attributes, "document").ok()?;
    let document: DocumentId = text.parse().ok()?;
    (document.to_string() == text).then_some(document)
}

fn find<'a>(attributes: &'a Attributes, name: &'static str) -> Result<&'a str, WrongAttribute> {
    let found = attributes.iter().find(|(key, _)| key == name);
    found.map(|(_, value)| value.as_str()).ok_or(name)
}

fn demand_known(attributes: &Attributes, known: &[&'static str]) -> Result<(), WrongAttribute> {
    let is_known = |(key, _): &(String, String)| known.contains(&key.as_str());
    if attributes.iter().all(is_known) { Ok(()) } else { Err("an unknown attribute") }
}

/// Digits only, no sign, no leading zero.
fn number(text: &str) -> Option<u32> {
    let number: u32 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}
