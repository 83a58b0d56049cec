//! XML as a stream of tokens, with every limit kept. Nothing here knows what a form is.
//!
//! quick-xml finds where tokens begin and end and that tags match. It is lenient about what is inside
//! them (names, attributes, `]]>` in text), so that is checked here. What a token holds is kept in buffers
//! that are used again: a step makes no allocation.

use std::io::Read;

use kakehashi_kernel::limits::{
    XML_DEPTH_MAX, XML_REFERENCES_MAX, XML_TEXT_BYTES_MAX, XML_TOKEN_BYTES_MAX,
};
use quick_xml::{
    NsReader,
    errors::Error,
    events::{BytesStart, Event},
    name::{Namespace, PrefixDeclaration, QName, ResolveResult},
};

use crate::{
    NAMESPACE,
    attributes::Attributes,
    input::{Input, Position},
    names::{is_blank, is_name, is_qualified_name, resolve},
    refusal::{Why, XmlRefusal},
};

const DOCTYPE: &[u8] = b"<!DOCTYPE";
const SCHEMA_INSTANCE: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// What one step found. Comments and processing instructions are passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// A start tag; an empty element is a start and an end.
    Start,
    /// An end tag.
    End,
    /// A piece of text, references resolved, line ends normalised.
    Text,
    /// The end of the document, after the root element was closed.
    EndOfDocument,
}

/// What a start tag says about the type of its element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum InstanceType {
    /// A type of our namespace, by its local name.
    Ours(String),
    /// Another type, or `xsi:nil`: nothing the XSD allows.
    Other,
}

/// Reads tokens from bytes.
pub(crate) struct Tokens<R> {
    reader: NsReader<Input<R>>,
    /// What quick-xml puts a token into.
    buffer: Vec<u8>,
    depth: usize,
    has_root: bool,
    references_left: usize,
    position: Position,
    name: String,
    attributes: Attributes,
    instance_type: Option<InstanceType>,
    text: String,
}

impl<R: Read> Tokens<R> {
    pub(crate) fn new(input: R, bytes_max: u64) -> Self {
        let mut reader = NsReader::from_reader(Input::new(input, bytes_max));
        reader.config_mut().expand_empty_elements = true;
        reader.config_mut().check_comments = true;
        Self {
            position: reader.get_ref().position(),
            reader,
            buffer: Vec::new(),
            depth: 0,
            has_root: false,
            references_left: XML_REFERENCES_MAX,
            name: String::new(),
            attributes: Attributes::default(),
            instance_type: None,
            text: String::new(),
        }
    }

    /// Where the last token begins.
    pub(crate) const fn position(&self) -> Position {
        self.position
    }

    /// The local name of the last start tag; empty when it is in another namespace.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The attributes of the last start tag, namespace declarations and `xsi:` left out.
    pub(crate) const fn attributes(&self) -> &Attributes {
        &self.attributes
    }

    /// What the last start tag says with `xsi:type`.
    pub(crate) const fn instance_type(&self) -> Option<&InstanceType> {
        self.instance_type.as_ref()
    }

    /// The last text: a piece, or all of an element after [`Tokens::content`].
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Goes one step on.
    pub(crate) fn step(&mut self) -> Result<Step, XmlRefusal> {
        self.text.clear();
        self.append()
    }

    /// Reads on to the end of the element whose start was the last step, and throws it away.
    pub(crate) fn skip(&mut self) -> Result<(), XmlRefusal> {
        let outside = self.depth.saturating_sub(1);
        while self.depth > outside {
            self.step()?;
        }
        Ok(())
    }

    /// Reads the text of the element whose start was the last step, to its end. `false` when it holds
    /// elements. The attributes of the element stay.
    pub(crate) fn content(&mut self) -> Result<bool, XmlRefusal> {
        self.text.clear();
        let mut has_elements = false;
        loop {
            match self.append()? {
                Step::Text if self.text.len() > XML_TEXT_BYTES_MAX => {
                    return Err(self.refuse(Why::TextTooLong));
                }
                Step::Text => {}
                Step::Start => {
                    has_elements = true;
                    self.skip()?;
                }
                Step::End => return Ok(!has_elements),
                Step::EndOfDocument => return Err(self.refuse(Why::NotWellFormed)),
            }
        }
    }

    /// Begins to count the bytes and references of a form.
    pub(crate) fn begin_form(&mut self) {
        self.references_left = XML_REFERENCES_MAX;
        self.reader.get_mut().begin_form();
    }

    /// Stops counting the bytes of a form.
    pub(crate) fn end_form(&mut self) {
        self.reader.get_mut().end_form();
    }

    /// Makes a refusal about the place where the last token begins.
    pub(crate) const fn refuse(&self, why: Why) -> XmlRefusal {
        XmlRefusal::at(why, self.position)
    }

    /// Goes one step on; text is added to what there is.
    fn append(&mut self) -> Result<Step, XmlRefusal> {
        let mut buffer = std::mem::take(&mut self.buffer);
        let step = self.read(&mut buffer);
        self.buffer = buffer;
        step
    }

    fn read(&mut self, buffer: &mut Vec<u8>) -> Result<Step, XmlRefusal> {
        loop {
            buffer.clear();
            self.reader.get_mut().begin_token();
            self.position = self.reader.get_ref().position();
            let event = match self.reader.read_event_into(buffer) {
                Ok(event) => event,
                Err(error) => return Err(self.broken(&error, buffer)),
            };
            if event.len() > XML_TOKEN_BYTES_MAX {
                return Err(self.refuse(Why::TextTooLong));
            }
            let step = match event {
                Event::Start(start) => Some(self.start(&start)),
                Event::End(_) => {
                    self.depth = self.depth.saturating_sub(1);
                    Some(Ok(Step::End))
                }
                Event::Text(text) if self.depth == 0 => {
                    (!is_blank(&text)).then_some(Err(Why::NotWellFormed))
                }
                Event::Text(text) if text.contains("]]>") => Some(Err(Why::NotWellFormed)),
                Event::Text(text) => {
                    self.text.push_str(&text.xml10_content());
                    Some(Ok(Step::Text))
                }
                Event::CData(_) | Event::GeneralRef(_) if self.depth == 0 => {
                    Some(Err(Why::NotWellFormed))
                }
                Event::CData(text) => {
                    self.text.push_str(&text.xml10_content());
                    Some(Ok(Step::Text))
                }
                Event::GeneralRef(reference) => Some(self.reference(&reference)),
                Event::DocType(_) => Some(Err(Why::Dtd)),
                Event::Decl(declaration) => self.declaration(&declaration).err().map(Err),
                Event::PI(instruction) => {
                    let target = instruction.target();
                    let is_right = is_name(target) && !target.eq_ignore_ascii_case("xml");
                    (!is_right).then_some(Err(Why::NotWellFormed))
                }
                Event::Comment(comment) => {
                    comment.ends_with('-').then_some(Err(Why::NotWellFormed))
                }
                Event::Eof if self.depth == 0 && self.has_root => Some(Ok(Step::EndOfDocument)),
                Event::Empty(_) | Event::Eof => Some(Err(Why::NotWellFormed)),
            };
            if let Some(step) = step {
                return step.map_err(|why| self.refuse(why));
            }
        }
    }

    /// What the input refused comes first: quick-xml saw an end or an error of reading because of it.
    /// `token` is as much of the token as was read.
    fn broken(&self, error: &Error, token: &[u8]) -> XmlRefusal {
        let refused = self.reader.get_ref().refused();
        let is_cut = refused.is_none_or(|refusal| refusal.why == Why::TextTooLong);
        let start = token.get(..DOCTYPE.len());
        if is_cut && start.is_some_and(|start| start.eq_ignore_ascii_case(DOCTYPE)) {
            return self.refuse(Why::Dtd);
        }
        if let Some(refusal) = refused {
            return refusal;
        }
        let reached = self.reader.get_ref().position();
        let is_about_token = matches!(error, Error::IllFormed(_) | Error::Namespace(_));
        XmlRefusal::at(Why::NotWellFormed, if is_about_token { self.position } else { reached })
    }

    fn start(&mut self, start: &BytesStart<'_>) -> Result<Step, Why> {
        if self.depth == 0 && self.has_root {
            return Err(Why::NotWellFormed);
        }
        self.has_root = true;
        self.depth += 1;
        if self.depth > XML_DEPTH_MAX {
            return Err(Why::TooDeep);
        }
        let name = start.name().into_inner();
        if !is_qualified_name(name) || name.starts_with("xmlns:") {
            return Err(Why::NotWellFormed);
        }
        self.name.clear();
        let (namespace, local) = self.reader.resolver().resolve_element(start.name());
        match namespace {
            ResolveResult::Bound(Namespace(NAMESPACE)) => self.name.push_str(local.into_inner()),
            ResolveResult::Bound(_) | ResolveResult::Unbound => {}
            ResolveResult::Unknown(_) => return Err(Why::NotWellFormed),
        }
        self.attributes.parse(start.attributes_raw())?;
        self.instance_type = None;
        if !self.attributes.is_empty() {
            self.set_schema_instance_aside()?;
        }
        Ok(Step::Start)
    }

    /// Takes namespace declarations and `xsi:` attributes out of the attributes.
    fn set_schema_instance_aside(&mut self) -> Result<(), Why> {
        let resolver = self.reader.resolver();
        let mut instance_type = None;
        let mut is_right = true;
        self.attributes.retain(|name, value| {
            let name = QName(name);
            if let Some(declared) = name.as_namespace_binding() {
                // Only `xmlns=""` takes a declaration back in XML 1.0.
                is_right &= !matches!(declared, PrefixDeclaration::Named(_) if value.is_empty());
                return false;
            }
            let local = match resolver.resolve_attribute(name) {
                (ResolveResult::Bound(Namespace(SCHEMA_INSTANCE)), local) => local.into_inner(),
                (ResolveResult::Bound(_) | ResolveResult::Unbound, _) => return true,
                (ResolveResult::Unknown(_), _) => {
                    is_right = false;
                    return true;
                }
            };
            match local {
                "type" => {
                    let wanted = value.trim_matches(crate::names::is_space);
                    let (namespace, local) = resolver.resolve_element(QName(wanted));
                    let is_ours = namespace == ResolveResult::Bound(Namespace(NAMESPACE));
                    instance_type = Some(if is_ours {
                        InstanceType::Ours(local.into_inner().to_owned())
                    } else {
                        InstanceType::Other
                    });
                }
                "schemaLocation" | "noNamespaceSchemaLocation" => {}
                _ => instance_type = Some(InstanceType::Other),
            }
            false
        });
        self.instance_type = instance_type;
        if is_right { Ok(()) } else { Err(Why::NotWellFormed) }
    }

    fn reference(&mut self, reference: &str) -> Result<Step, Why> {
        self.references_left = self.references_left.checked_sub(1).ok_or(Why::TooManyReferences)?;
        self.text.push(resolve(reference).ok_or(Why::NotWellFormed)?);
        Ok(Step::Text)
    }

    /// The declaration: at the very beginning, and agreeing with the bytes.
    fn declaration(&mut self, declaration: &str) -> Result<(), Why> {
        if self.position.offset != 0 {
            return Err(Why::NotWellFormed);
        }
        self.attributes.parse(declaration.strip_prefix("xml").unwrap_or_default())?;
        let attributes: Vec<(&str, &str)> = self.attributes.iter().collect();
        let (version, rest) = match &attributes[..] {
            [("version", version), rest @ ..] => (*version, rest),
            _ => return Err(Why::NotWellFormed),
        };
        let (encoding, rest) = match rest {
            [("encoding", encoding), rest @ ..] => (Some(*encoding), rest),
            rest => (None, rest),
        };
        if version != "1.0" || !matches!(rest, [] | [("standalone", "yes" | "no")]) {
            return Err(Why::NotWellFormed);
        }
        let read = self.reader.get_ref().encoding();
        let agrees = encoding.is_none_or(|name| read.is_some_and(|read| read.may_be_called(name)));
        if agrees { Ok(()) } else { Err(Why::EncodingDeclared) }
    }
}
