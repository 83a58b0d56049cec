//! Returns of a contractor, and the single forms we keep of them.

use kakehashi_forms::{Answers, Application, Catalogue, Definition, Finding};
use kakehashi_kernel::{
    DocumentId, FormKey, LotNumber,
    limits::{LOT_DOCUMENTS_MAX, RETURN_BYTES_MAX},
};

use crate::{
    document::{self, Child, Count},
    form,
    header::{self, FormHeader, ReturnHeader},
    place::Defect,
    refusal::{Why, XmlRefusal},
    tokens::Tokens,
};

/// Forms of one return. More than a lot holds, so that duplicates are reported rather than refused.
pub(crate) const RETURN_FORMS_MAX: usize = 2 * LOT_DOCUMENTS_MAX;

/// One delivery back from the contractor.
#[derive(Debug)]
pub struct Return {
    /// The lot it answers.
    pub lot: LotNumber,
    /// Code of who keyed it.
    pub contractor: String,
    /// The forms that could be read, in the order delivered. A document may appear twice.
    pub forms: Vec<ReturnedForm>,
    /// What stands where a form should, and cannot be read as one.
    pub unreadable: Vec<Unreadable>,
}

/// One form as delivered.
#[derive(Debug)]
pub struct ReturnedForm {
    /// The document it is the keying of.
    pub document: DocumentId,
    /// 1 for the first time round.
    pub round: u32,
    /// Its form version; the catalogue has it.
    pub key: FormKey,
    /// 新規 or 更新.
    pub application: Application,
    /// What could be read. An item with a finding below is not among them.
    pub answers: Answers,
    /// What is wrong with the XML of this form, all E. The form's own rules are not checked here.
    pub findings: Vec<Finding>,
}

/// An element of a return that is not a form we can read.
#[derive(Debug)]
pub struct Unreadable {
    /// The line it starts on.
    pub line: usize,
    /// The document it names, if it names one.
    pub document: Option<DocumentId>,
    /// Why.
    pub finding: Finding,
}

impl ReturnedForm {
    /// What its element says about itself, for writing it again.
    pub const fn header(&self) -> FormHeader {
        FormHeader { document: self.document, round: self.round, application: self.application }
    }
}

/// Reads a return.
///
/// # Errors
///
/// [`XmlRefusal`] when the document as a whole cannot be read: not well-formed, a limit, a DTD, another
/// root. What is wrong inside one form is among that form's findings.
pub fn read_return(bytes: &[u8], catalogue: &Catalogue) -> Result<Return, XmlRefusal> {
    let mut tokens = Tokens::new(bytes, RETURN_BYTES_MAX);
    document::root(&mut tokens, &["return"])?;
    let header = ReturnHeader::parse(tokens.attributes())
        .map_err(|attribute| tokens.refuse(Why::WrongAttribute(attribute)))?;
    let ReturnHeader { lot, contractor } = header;
    let mut delivered = Return { lot, contractor, forms: Vec::new(), unreadable: Vec::new() };
    let mut count = Count::default();
    loop {
        match document::next(&mut tokens, catalogue)? {
            Child::Form(header, definition) => {
                let path = count.place(&tokens, "return").path;
                delivered.forms.push(form(&mut tokens, definition, header, path)?);
            }
            Child::Other(finding) => {
                let place = count.place(&tokens, "return");
                let line = place.line;
                let is_text = !tokens.text().is_empty();
                let document = if is_text { None } else { header::document(tokens.attributes()) };
                if !is_text {
                    tokens.skip()?;
                }
                let finding = Defect { place, finding }.into_finding();
                delivered.unreadable.push(Unreadable { line, document, finding });
            }
            Child::End => break,
        }
        if delivered.forms.len() + delivered.unreadable.len() > RETURN_FORMS_MAX {
            return Err(tokens.refuse(Why::TooManyForms));
        }
    }
    document::end(&mut tokens)?;
    Ok(delivered)
}

/// Reads a document whose root is one `<form>` of a return.
///
/// # Errors
///
/// [`XmlRefusal`] when it cannot be read as one, or no catalogue entry has its form version.
pub fn read_form(bytes: &[u8], catalogue: &Catalogue) -> Result<ReturnedForm, XmlRefusal> {
    let mut tokens = Tokens::new(bytes, RETURN_BYTES_MAX);
    document::root(&mut tokens, &["form"])?;
    let (header, definition) = document::single(&tokens, catalogue)?;
    let form = form(&mut tokens, definition, header, "/form".to_owned())?;
    document::end(&mut tokens)?;
    Ok(form)
}

fn form(
    tokens: &mut Tokens<'_>,
    definition: &Definition,
    header: FormHeader,
    path: String,
) -> Result<ReturnedForm, XmlRefusal> {
    let form::Reading { answers, defects, .. } = form::read(tokens, definition, path)?;
    let FormHeader { document, round, application } = header;
    let findings = document::findings(defects);
    Ok(ReturnedForm { document, round, key: definition.key(), application, answers, findings })
}
