//! What every document has: a root, forms in it or as it, an end.

use kakehashi_forms::{Catalogue, Definition, Finding};

use crate::{
    form,
    header::Header,
    names::is_blank,
    place::{Defect, Place},
    refusal::{Why, XmlRefusal},
    tokens::{Step, Tokens},
};

/// One child of an envelope.
pub(crate) enum Child<'c, H> {
    /// A form, its start just read.
    Form(H, &'c Definition),
    /// Something else, or a form that cannot be named. The tokens are still at its start, except for text.
    Other(Finding),
    /// The end of the envelope.
    End,
}

/// Reads the start of the root element, which must have one of the names; answers which.
pub(crate) fn root(
    tokens: &mut Tokens<'_>,
    names: &[&'static str],
) -> Result<&'static str, XmlRefusal> {
    if tokens.step()? != Step::Start {
        return Err(tokens.refuse(Why::NotWellFormed));
    }
    if tokens.name().is_empty() {
        return Err(tokens.refuse(Why::WrongNamespace));
    }
    let found = names.iter().find(|name| **name == tokens.name());
    found.copied().ok_or_else(|| tokens.refuse(Why::WrongRoot))
}

/// Reads on to the next child of the envelope.
pub(crate) fn next<'c, H: Header>(
    tokens: &mut Tokens<'_>,
    catalogue: &'c Catalogue,
) -> Result<Child<'c, H>, XmlRefusal> {
    loop {
        return Ok(match tokens.step()? {
            Step::Start if tokens.name() == "form" => match H::parse(tokens.attributes()) {
                Err(attribute) => Child::Other(form::wrong_attribute(attribute)),
                Ok((header, key)) => match catalogue.definition(key) {
                    Some(definition) => Child::Form(header, definition),
                    None => Child::Other(form::at("xml.unknown-form")),
                },
            },
            Step::Start => Child::Other(form::at("xml.unknown-element")),
            Step::Text if is_blank(tokens.text()) => continue,
            Step::Text => Child::Other(form::at("xml.unexpected-text")),
            Step::End => Child::End,
            Step::EndOfDocument => return Err(tokens.refuse(Why::NotWellFormed)),
        });
    }
}

/// The form that is the root itself.
pub(crate) fn single<'c, H: Header>(
    tokens: &Tokens<'_>,
    catalogue: &'c Catalogue,
) -> Result<(H, &'c Definition), XmlRefusal> {
    let (header, key) = H::parse(tokens.attributes())
        .map_err(|attribute| tokens.refuse(Why::WrongAttribute(attribute)))?;
    let definition = catalogue.definition(key).ok_or_else(|| tokens.refuse(Why::UnknownForm))?;
    Ok((header, definition))
}

/// Reads the end of the document.
pub(crate) fn end(tokens: &mut Tokens<'_>) -> Result<(), XmlRefusal> {
    match tokens.step()? {
        Step::EndOfDocument => Ok(()),
        Step::Start | Step::End | Step::Text => Err(tokens.refuse(Why::NotWellFormed)),
    }
}

/// Counts the children of an envelope, for their paths.
#[derive(Default)]
pub(crate) struct Count {
    pub(crate) children: usize,
    pub(crate) forms: usize,
}

impl Count {
    /// The place of the child whose start was the last step.
    pub(crate) fn place(&mut self, tokens: &Tokens<'_>, envelope: &str) -> Place {
        let path = match tokens.name() {
            _ if !is_blank(tokens.text()) => format!("/{envelope}"),
            "form" => {
                self.forms += 1;
                self.children += 1;
                format!("/{envelope}/form[{}]", self.forms)
            }
            _ => {
                self.children += 1;
                format!("/{envelope}/*[{}]", self.children)
            }
        };
        form::place(tokens.position(), path)
    }
}

/// The findings of a form with their places in their messages.
pub(crate) fn findings(defects: Vec<Defect>) -> Vec<Finding> {
    defects.into_iter().map(Defect::into_finding).collect()
}
