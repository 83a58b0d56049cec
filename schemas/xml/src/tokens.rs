//! XML as a stream of tokens, with every limit kept. Nothing here knows what a form is.
//!
//! Everything XML 1.0 and its namespaces demand of a document without a document type is checked here. What
//! a token holds is kept in buffers that are used again: a step makes no allocation.

use std::io::Read;

use kakehashi_kernel::limits::{XML_DEPTH_MAX, XML_REFERENCES_MAX, XML_TEXT_BYTES_MAX};
use memchr::{memchr, memchr2};

use crate::{
    attributes::Attributes,
    input::Position,
    names::{is_blank, is_name, is_qualified_name, is_space, resolve},
    namespaces::{Namespace, Namespaces},
    refusal::{Why, XmlRefusal},
    scanner::{Piece, Scanner},
};

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

/// A whole element as most are: `<hy>3</hy>`, white space before it.
pub(crate) struct Plain<'t> {
    pub(crate) name: &'t str,
    pub(crate) content: &'t str,
    length: usize,
}

/// Reads tokens from bytes.
pub(crate) struct Tokens<'i> {
    scanner: Scanner<'i>,
    state: State,
    position: Position,
}

/// What has been understood so far.
#[derive(Default)]
struct State {
    /// Qualified names of the open elements, one behind the other, and where each begins.
    open: String,
    starts: Vec<usize>,
    namespaces: Namespaces,
    /// The last start tag ended with `/>`, and its end was not given yet.
    is_empty: bool,
    has_root: bool,
    /// The encoding the declaration names, until it has been compared.
    declared: Option<String>,
    references: usize,
    name: String,
    attributes: Attributes,
    instance_type: Option<InstanceType>,
    text: String,
}

impl Plain<'_> {
    /// Bytes from where it was looked at to its end.
    pub(crate) const fn length(&self) -> usize {
        self.length
    }
}

impl<'i> Tokens<'i> {
    pub(crate) fn new(input: impl Read + 'i, bytes_max: u64) -> Self {
        let mut scanner = Scanner::new(input, bytes_max);
        Self { position: scanner.pass(), scanner, state: State::default() }
    }

    /// Where the last token begins.
    pub(crate) const fn position(&self) -> Position {
        self.position
    }

    /// The local name of the last start tag; empty when it is in another namespace.
    pub(crate) fn name(&self) -> &str {
        &self.state.name
    }

    /// The attributes of the last start tag, namespace declarations and `xsi:` left out.
    pub(crate) const fn attributes(&self) -> &Attributes {
        &self.state.attributes
    }

    /// What the last start tag says with `xsi:type`.
    pub(crate) const fn instance_type(&self) -> Option<&InstanceType> {
        self.state.instance_type.as_ref()
    }

    /// The last text: a piece, or all of an element after [`Tokens::content`].
    pub(crate) fn text(&self) -> &str {
        &self.state.text
    }

    /// Looks at the next element, if it is a plain one of ours: no attributes, no references, nothing in
    /// it but text, all of it at hand. `None` says nothing: then steps are the way.
    ///
    /// It only saves time: steps find the same.
    pub(crate) fn plain(&mut self) -> Option<Plain<'_>> {
        self.scanner.pass_piece();
        let State { is_empty, namespaces, starts, .. } = &self.state;
        if *is_empty || !namespaces.is_plain_ours() || starts.len() >= XML_DEPTH_MAX {
            return None;
        }
        let text = self.scanner.unread();
        let start = text.trim_start_matches(is_space).strip_prefix('<')?;
        let is_name =
            |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'_';
        let length = start.bytes().take_while(is_name).count();
        let (name, rest) = start.split_at_checked(length)?;
        let rest = rest.strip_prefix('>')?;
        let (content, end) = rest.split_at_checked(memchr2(b'<', b'&', rest.as_bytes())?)?;
        let after = end.strip_prefix("</")?.strip_prefix(name)?.strip_prefix('>')?;
        if content.len() > XML_TEXT_BYTES_MAX || memchr2(b'\r', b']', content.as_bytes()).is_some()
        {
            return None;
        }
        Some(Plain { name, content, length: text.len() - after.len() })
    }

    /// Passes the element that [`Tokens::plain`] found, by its length.
    pub(crate) fn pass(&mut self, length: usize) {
        self.scanner.pass_bytes(length);
    }

    /// Goes one step on.
    pub(crate) fn step(&mut self) -> Result<Step, XmlRefusal> {
        self.state.text.clear();
        self.append()
    }

    /// Reads on to the end of the element whose start was the last step, and throws it away.
    pub(crate) fn skip(&mut self) -> Result<(), XmlRefusal> {
        let outside = self.state.starts.len().saturating_sub(1);
        while self.state.starts.len() > outside {
            self.step()?;
        }
        Ok(())
    }

    /// Reads the text of the element whose start was the last step, to its end. `false` when it holds
    /// elements. The attributes of the element stay.
    pub(crate) fn content(&mut self) -> Result<bool, XmlRefusal> {
        self.state.text.clear();
        let mut has_elements = false;
        loop {
            match self.append()? {
                Step::Text if self.state.text.len() > XML_TEXT_BYTES_MAX => {
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
        self.state.references = 0;
        self.scanner.input_mut().begin_form();
    }

    /// Stops counting the bytes of a form.
    pub(crate) fn end_form(&mut self) {
        self.scanner.input_mut().end_form();
    }

    /// Makes a refusal about the place where the last token begins.
    pub(crate) const fn refuse(&self, why: Why) -> XmlRefusal {
        XmlRefusal::at(why, self.position)
    }

    /// Goes one step on; text is added to what there is.
    fn append(&mut self) -> Result<Step, XmlRefusal> {
        let Self { scanner, state, position } = self;
        if state.is_empty {
            state.close();
            return Ok(Step::End);
        }
        loop {
            *position = scanner.pass();
            let piece = scanner.piece()?;
            let step = match piece {
                Piece::StartTag(content, is_empty) => state.start(content, is_empty).map(Some),
                Piece::EndTag(content) => state.end(content).map(Some),
                Piece::Text(text) => state.text(text),
                Piece::CharacterData(text) => state.character_data(text).map(Some),
                Piece::Reference(reference) => state.reference(reference).map(Some),
                Piece::Comment(comment) => {
                    demand(!comment.contains("--") && !comment.ends_with('-'))
                }
                Piece::Instruction(content) => match declaration(content) {
                    Some(_) if position.offset != 0 => Err(Why::NotWellFormed),
                    Some(declaration) => state.declaration(declaration),
                    None => demand(is_instruction(content)),
                },
                Piece::End if state.has_root && state.starts.is_empty() => {
                    Ok(Some(Step::EndOfDocument))
                }
                Piece::End => Err(Why::NotWellFormed),
            };
            let step = step.and_then(|step| match state.declared.take() {
                Some(name) if !scanner.input().may_be_called(&name) => Err(Why::EncodingDeclared),
                _ => Ok(step),
            });
            match step {
                Ok(Some(step)) => return Ok(step),
                Ok(None) => {}
                Err(why) => return Err(XmlRefusal::at(why, *position)),
            }
        }
    }
}

impl State {
    fn start(&mut self, content: &str, is_empty: bool) -> Result<Step, Why> {
        if self.starts.is_empty() && self.has_root {
            return Err(Why::NotWellFormed);
        }
        self.has_root = true;
        let is_end = |byte: u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        let length = content.bytes().position(is_end).unwrap_or(content.len());
        let (name, attributes) = content.split_at_checked(length).ok_or(Why::NotWellFormed)?;
        if !is_qualified_name(name) {
            return Err(Why::NotWellFormed);
        }
        if self.starts.len() == XML_DEPTH_MAX {
            return Err(Why::TooDeep);
        }
        self.starts.push(self.open.len());
        self.open.push_str(name);
        self.is_empty = is_empty;
        self.attributes.parse(attributes)?;
        self.instance_type = None;
        if !self.attributes.is_empty() {
            self.declare()?;
            self.set_schema_instance_aside()?;
        }
        let (prefix, local) = name.split_once(':').unwrap_or(("", name));
        self.name.clear();
        match self.namespaces.of(prefix) {
            Some(Namespace::Ours) => self.name.push_str(local),
            Some(Namespace::SchemaInstance | Namespace::Other(_)) => {}
            None => return Err(Why::NotWellFormed),
        }
        Ok(Step::Start)
    }

    fn end(&mut self, content: &str) -> Result<Step, Why> {
        let start = *self.starts.last().ok_or(Why::NotWellFormed)?;
        if self.open.get(start..) != Some(content.trim_end_matches(is_space)) {
            return Err(Why::NotWellFormed);
        }
        self.close();
        Ok(Step::End)
    }

    fn close(&mut self) {
        self.is_empty = false;
        self.open.truncate(self.starts.pop().unwrap_or_default());
        self.namespaces.leave(self.starts.len());
    }

    /// Text outside the root element must be white space.
    fn text(&mut self, text: &str) -> Result<Option<Step>, Why> {
        if self.starts.is_empty() {
            return demand(is_blank(text));
        }
        if memchr(b']', text.as_bytes()).is_some() && text.contains("]]>") {
            return Err(Why::NotWellFormed);
        }
        self.push_normalised(text);
        Ok(Some(Step::Text))
    }

    fn character_data(&mut self, text: &str) -> Result<Step, Why> {
        if self.starts.is_empty() {
            return Err(Why::NotWellFormed);
        }
        self.push_normalised(text);
        Ok(Step::Text)
    }

    /// XML 1.0 §2.11: every line end is a line feed.
    fn push_normalised(&mut self, text: &str) {
        let mut rest = text;
        while memchr(b'\r', rest.as_bytes()).is_some() {
            let Some((line, after)) = rest.split_once('\r') else { break };
            self.text.push_str(line);
            self.text.push('\n');
            rest = after.strip_prefix('\n').unwrap_or(after);
        }
        self.text.push_str(rest);
    }

    fn reference(&mut self, reference: &str) -> Result<Step, Why> {
        if self.starts.is_empty() {
            return Err(Why::NotWellFormed);
        }
        self.references += 1;
        if self.references > XML_REFERENCES_MAX {
            return Err(Why::TooManyReferences);
        }
        self.text.push(resolve(reference).ok_or(Why::NotWellFormed)?);
        Ok(Step::Text)
    }

    /// Takes the namespace declarations out of the attributes.
    fn declare(&mut self) -> Result<(), Why> {
        let Self { attributes, namespaces, starts, .. } = self;
        let mut result = Ok(());
        attributes.retain(|name, value| {
            let prefix = if name == "xmlns" { Some("") } else { name.strip_prefix("xmlns:") };
            if let Some(prefix) = prefix {
                result = result.and_then(|()| namespaces.declare(starts.len(), prefix, value));
            }
            prefix.is_none()
        });
        result
    }

    /// Takes `xsi:` attributes out of the attributes. Sees to it that prefixes are declared, and that no
    /// two names are the same by different prefixes.
    fn set_schema_instance_aside(&mut self) -> Result<(), Why> {
        let Self { attributes, namespaces, instance_type, .. } = self;
        let expanded = |name: &str| {
            let (prefix, local) = name.split_once(':')?;
            Some((namespaces.of(prefix).cloned(), local.to_owned()))
        };
        let mut names: Vec<_> = attributes.iter().filter_map(|(name, _)| expanded(name)).collect();
        if names.is_empty() {
            return Ok(());
        }
        while let Some((namespace, local)) = names.pop() {
            if namespace.is_none() || names.contains(&(namespace, local)) {
                return Err(Why::NotWellFormed);
            }
        }
        attributes.retain(|name, value| {
            let Some((prefix, local)) = name.split_once(':') else { return true };
            if namespaces.of(prefix) != Some(&Namespace::SchemaInstance) {
                return true;
            }
            match local {
                "type" => {
                    let wanted = value.trim_matches(is_space);
                    let (prefix, local) = wanted.split_once(':').unwrap_or(("", wanted));
                    let is_ours = namespaces.of(prefix) == Some(&Namespace::Ours);
                    *instance_type = Some(if is_ours {
                        InstanceType::Ours(local.to_owned())
                    } else {
                        InstanceType::Other
                    });
                }
                "schemaLocation" | "noNamespaceSchemaLocation" => {}
                _ => *instance_type = Some(InstanceType::Other),
            }
            false
        });
        Ok(())
    }

    /// XML 1.0, production 23, of version 1.0.
    fn declaration(&mut self, declaration: &str) -> Result<Option<Step>, Why> {
        self.attributes.parse(declaration)?;
        let attributes: Vec<(&str, &str)> = self.attributes.iter().collect();
        let (version, rest) = match &attributes[..] {
            [("version", version), rest @ ..] => (*version, rest),
            _ => return Err(Why::NotWellFormed),
        };
        let (encoding, rest) = match rest {
            [("encoding", encoding), rest @ ..] => (Some(*encoding), rest),
            rest => (None, rest),
        };
        let is_right = version == "1.0" && matches!(rest, [] | [("standalone", "yes" | "no")]);
        self.declared = encoding.map(str::to_owned);
        demand(is_right)
    }
}

fn demand(is_right: bool) -> Result<Option<Step>, Why> {
    if is_right { Ok(None) } else { Err(Why::NotWellFormed) }
}

/// What the declaration says, if the instruction is one.
fn declaration(content: &str) -> Option<&str> {
    let rest = content.strip_prefix("xml")?;
    (rest.is_empty() || rest.starts_with(is_space)).then_some(rest)
}

/// A processing instruction has a target that is a name, and not any `xml`.
fn is_instruction(content: &str) -> bool {
    let target = content.split(is_space).next().unwrap_or_default();
    is_name(target) && !target.eq_ignore_ascii_case("xml")
}
