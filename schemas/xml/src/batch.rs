//! Batches of a hospital, read one form at a time.

use std::io::Read;

use kakehashi_forms::{Answers, Catalogue, Definition, Finding};
use kakehashi_kernel::{
    FormKey,
    limits::{BATCH_BYTES_MAX, BATCH_FORMS_MAX},
};

use crate::{
    document::{self, Child, Count},
    form,
    header::{self, BatchHeader, Reference, SentHeader},
    place::{Defect, Place},
    refusal::{Why, XmlRefusal},
    tokens::Tokens,
};

/// Reads a `<batch>`, or a document whose root is one `<form>` with a reference, in constant memory.
///
/// An iterator over what stands in it. A form in which something is wrong is given with its defects, and
/// reading goes on behind it. After an error there is nothing more; what was given before stands.
pub struct BatchReader<'c> {
    tokens: Tokens<'c>,
    catalogue: &'c Catalogue,
    envelope: Envelope,
    accepts_partial: bool,
    count: Count,
    state: State<'c>,
}

/// What holds the forms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Envelope {
    /// A `<batch>`.
    Batch(BatchHeader),
    /// Nothing: the root is the only form.
    Single,
}

/// One form of a batch.
#[derive(Debug)]
pub struct SentForm {
    /// What its element says about itself.
    pub header: SentHeader,
    /// Its form version; the catalogue has it.
    pub key: FormKey,
    /// Where its element begins.
    pub place: Place,
    /// What could be read. An item with a defect below is not among them; one left out is blank.
    pub answers: Answers,
    /// What is wrong with its XML, all E. The form's own rules are not checked here.
    pub defects: Vec<Defect>,
}

/// What stands in a batch.
#[derive(Debug)]
pub enum Sent {
    /// A form.
    Form(SentForm),
    /// Something that cannot be read as one, or what is wrong with the batch as a whole (`xml.count`).
    Unreadable {
        /// The reference it gives, if it gives a right one.
        reference: Option<Reference>,
        /// What is wrong.
        defect: Box<Defect>,
    },
}

enum State<'c> {
    /// Inside the batch.
    Open,
    /// At the start of the only form.
    Single(Box<SentHeader>, &'c Definition),
    /// Nothing more is given.
    Done,
}

impl<'c> BatchReader<'c> {
    /// Reads the start of a document.
    ///
    /// # Errors
    ///
    /// [`XmlRefusal`] when the document does not begin as a batch or a form, or says something wrong about
    /// itself.
    pub fn new(input: impl Read + 'c, catalogue: &'c Catalogue) -> Result<Self, XmlRefusal> {
        let mut tokens = Tokens::new(input, BATCH_BYTES_MAX);
        let (envelope, state) = if document::root(&mut tokens, &["batch", "form"])? == "batch" {
            let header = BatchHeader::parse(tokens.attributes())
                .map_err(|attribute| tokens.refuse(Why::WrongAttribute(attribute)))?;
            (Envelope::Batch(header), State::Open)
        } else {
            let (header, definition) = document::single(&tokens, catalogue)?;
            (Envelope::Single, State::Single(Box::new(header), definition))
        };
        let count = Count::default();
        Ok(Self { tokens, catalogue, envelope, accepts_partial: false, count, state })
    }

    /// Accepts forms that say they hold only some of the items (`partial="true"`). Without this they
    /// are given with the defect `xml.partial`.
    #[must_use]
    pub fn accepting_partial(mut self) -> Self {
        self.accepts_partial = true;
        self
    }

    /// What holds the forms.
    pub const fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    /// Reads on. `None` at the end.
    fn read(&mut self) -> Result<Option<Sent>, XmlRefusal> {
        match std::mem::replace(&mut self.state, State::Done) {
            State::Done => Ok(None),
            State::Single(header, definition) => {
                let place = form::place(self.tokens.position(), "/form".to_owned());
                let form = self.form(*header, definition, place)?;
                document::end(&mut self.tokens)?;
                Ok(Some(form))
            }
            State::Open => {
                let sent = match document::next(&mut self.tokens, self.catalogue)? {
                    Child::Form(header, definition) => {
                        let place = self.count.place(&self.tokens, "batch");
                        self.form(header, definition, place)?
                    }
                    Child::Other(finding) => self.other(finding)?,
                    Child::End => {
                        document::end(&mut self.tokens)?;
                        return Ok(self.miscounted());
                    }
                };
                if self.count.children > BATCH_FORMS_MAX {
                    return Err(self.tokens.refuse(Why::TooManyForms));
                }
                self.state = State::Open;
                Ok(Some(sent))
            }
        }
    }

    fn form(
        &mut self,
        header: SentHeader,
        definition: &Definition,
        place: Place,
    ) -> Result<Sent, XmlRefusal> {
        let reading = form::read(&mut self.tokens, definition, place.path.clone())?;
        let form::Reading { answers, mut defects, .. } = reading;
        if header.is_partial && !self.accepts_partial {
            let finding = form::at("xml.partial");
            defects.insert(0, Defect { place: place.clone(), finding });
        }
        Ok(Sent::Form(SentForm { header, key: definition.key(), place, answers, defects }))
    }

    fn other(&mut self, finding: Finding) -> Result<Sent, XmlRefusal> {
        let place = self.count.place(&self.tokens, "batch");
        let mut reference = None;
        if self.tokens.text().is_empty() {
            reference = header::reference(self.tokens.attributes());
            self.tokens.skip()?;
        }
        Ok(Sent::Unreadable { reference, defect: Box::new(Defect { place, finding }) })
    }

    /// What to say when there were more or fewer forms than announced.
    fn miscounted(&self) -> Option<Sent> {
        let Envelope::Batch(header) = &self.envelope else { return None };
        if usize::try_from(header.count).is_ok_and(|announced| announced == self.count.forms) {
            return None;
        }
        let place = form::place(self.tokens.position(), "/batch".to_owned());
        let defect = Box::new(Defect { place, finding: form::at("xml.count") });
        Some(Sent::Unreadable { reference: None, defect })
    }
}

impl Iterator for BatchReader<'_> {
    type Item = Result<Sent, XmlRefusal>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}
