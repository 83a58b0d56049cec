//! XML as a stream of tokens, with every limit kept. Nothing here knows what a form is.

use std::borrow::Cow;

use kakehashi_kernel::limits::{
    RETURN_BYTES_MAX, XML_ATTRIBUTES_MAX, XML_DEPTH_MAX, XML_TEXT_BYTES_MAX,
};
use quick_xml::{
    NsReader, XmlVersion,
    events::{BytesDecl, BytesRef, BytesStart, Event},
    name::{Namespace, ResolveResult},
};

use crate::{
    NAMESPACE,
    header::Attributes,
    refusal::{Why, XmlRefusal},
};

/// One step through the document. Comments and processing instructions are passed over.
pub(crate) enum Token<'a> {
    /// A start tag; an empty element is a start and an end.
    Start(Element),
    /// An end tag.
    End,
    /// A piece of text, references resolved, line ends normalised.
    Text(Cow<'a, str>),
    /// The end of the document, after the root element was closed.
    EndOfDocument,
}

/// A start tag.
pub(crate) struct Element {
    /// Its local name; empty when it is in another namespace.
    pub(crate) name: String,
    /// Its attributes, namespace declarations and `xsi:` left out.
    pub(crate) attributes: Attributes,
    /// The line it stands on.
    pub(crate) line: usize,
}

/// Reads tokens from bytes.
pub(crate) struct Tokens<'a> {
    reader: NsReader<&'a [u8]>,
    text: &'a str,
    depth: usize,
    has_root: bool,
    /// Line ends counted up to an offset, so that counting stays linear.
    counted: (usize, usize),
}

impl<'a> Tokens<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Result<Self, XmlRefusal> {
        let start = |why| XmlRefusal { why, line: 1, offset: 0 };
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > RETURN_BYTES_MAX {
            return Err(start(Why::TooLarge));
        }
        let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let offset = error.valid_up_to();
            let before = String::from_utf8_lossy(bytes.get(..offset).unwrap_or_default());
            XmlRefusal { why: Why::Encoding, line: before.matches('\n').count() + 1, offset }
        })?;
        let mut reader = NsReader::from_str(text);
        reader.config_mut().expand_empty_elements = true;
        reader.config_mut().check_comments = true;
        let mut tokens = Self { reader, text, depth: 0, has_root: false, counted: (0, 1) };
        if let Some((offset, _)) = text.char_indices().find(|(_, c)| !is_xml_char(*c)) {
            return Err(tokens.refuse_at(Why::NotWellFormed, offset));
        }
        Ok(tokens)
    }

    /// The next token.
    pub(crate) fn next(&mut self) -> Result<Token<'a>, XmlRefusal> {
        loop {
            let before = self.offset();
            let Ok(event) = self.reader.read_event() else {
                let at = usize::try_from(self.reader.error_position()).unwrap_or(before);
                return Err(self.refuse_at(Why::NotWellFormed, at));
            };
            match event {
                Event::Start(start) => return self.start(&start, before),
                Event::End(_) => {
                    self.depth = self.depth.saturating_sub(1);
                    return Ok(Token::End);
                }
                Event::Text(text) => {
                    let text = text.xml10_content();
                    if let Some(text) = self.inside(Cow::Owned(text.into_owned()))? {
                        return Ok(Token::Text(text));
                    }
                }
                Event::CData(text) => {
                    if self.depth == 0 {
                        return Err(self.refuse(Why::NotWellFormed));
                    }
                    return Ok(Token::Text(Cow::Owned(text.xml10_content().into_owned())));
                }
                Event::GeneralRef(reference) => {
                    let resolved = resolve(&reference).filter(|_| self.depth > 0);
                    let text =
                        resolved.ok_or_else(|| self.refuse_at(Why::NotWellFormed, before))?;
                    return Ok(Token::Text(Cow::Owned(text.to_string())));
                }
                Event::DocType(_) => return Err(self.refuse_at(Why::Dtd, before)),
                Event::Decl(declaration) => self.declaration(&declaration, before)?,
                Event::Comment(_) | Event::PI(_) => {}
                Event::Eof if self.depth == 0 && self.has_root => return Ok(Token::EndOfDocument),
                Event::Empty(_) | Event::Eof => return Err(self.refuse(Why::NotWellFormed)),
            }
        }
    }

    /// Reads on to the end of the element whose start was the last token, and throws it away.
    pub(crate) fn skip(&mut self) -> Result<(), XmlRefusal> {
        let outside = self.depth.saturating_sub(1);
        while self.depth > outside {
            self.next()?;
        }
        Ok(())
    }

    /// Reads the text of the element whose start was the last token, to its end. `None` when it holds
    /// elements.
    pub(crate) fn text(&mut self) -> Result<Option<String>, XmlRefusal> {
        let mut all = String::new();
        let mut has_elements = false;
        loop {
            match self.next()? {
                Token::Text(text) if all.len() + text.len() > XML_TEXT_BYTES_MAX => {
                    return Err(self.refuse(Why::TextTooLong));
                }
                Token::Text(text) => all.push_str(&text),
                Token::Start(_) => {
                    has_elements = true;
                    self.skip()?;
                }
                Token::End => return Ok((!has_elements).then_some(all)),
                Token::EndOfDocument => return Err(self.refuse(Why::NotWellFormed)),
            }
        }
    }

    /// The line reached.
    pub(crate) fn line(&mut self) -> usize {
        let offset = self.offset();
        self.line_at(offset)
    }

    /// Makes a refusal about the place reached.
    pub(crate) fn refuse(&mut self, why: Why) -> XmlRefusal {
        let offset = self.offset();
        self.refuse_at(why, offset)
    }

    fn refuse_at(&mut self, why: Why, offset: usize) -> XmlRefusal {
        XmlRefusal { why, line: self.line_at(offset), offset }
    }

    fn offset(&self) -> usize {
        usize::try_from(self.reader.buffer_position()).unwrap_or(usize::MAX)
    }

    /// Lines are counted onward from the last place asked for.
    fn line_at(&mut self, offset: usize) -> usize {
        let (from, line) = if offset >= self.counted.0 { self.counted } else { (0, 1) };
        let between = self.text.get(from..offset.min(self.text.len())).unwrap_or_default();
        let line = line + between.matches('\n').count();
        self.counted = (offset, line);
        line
    }

    fn start(&mut self, start: &BytesStart<'_>, at: usize) -> Result<Token<'a>, XmlRefusal> {
        if self.depth == 0 && self.has_root {
            return Err(self.refuse_at(Why::NotWellFormed, at));
        }
        self.has_root = true;
        self.depth += 1;
        if self.depth > XML_DEPTH_MAX {
            return Err(self.refuse_at(Why::TooDeep, at));
        }
        let (namespace, local) = self.reader.resolver().resolve_element(start.name());
        let is_ours = namespace == ResolveResult::Bound(Namespace(NAMESPACE));
        let name = if is_ours { local.into_inner().to_owned() } else { String::new() };
        let attributes = match self.attributes(start) {
            Ok(attributes) => attributes,
            Err(why) => return Err(self.refuse_at(why, at)),
        };
        let line = self.line_at(at);
        Ok(Token::Start(Element { name, attributes, line }))
    }

    fn attributes(&self, start: &BytesStart<'_>) -> Result<Attributes, Why> {
        const SCHEMA_INSTANCE: &str = "http://www.w3.org/2001/XMLSchema-instance";
        let mut found = Attributes::new();
        let mut length = 0;
        for (place, attribute) in start.attributes().enumerate() {
            let attribute = attribute.map_err(|_| Why::NotWellFormed)?;
            length += attribute.key.into_inner().len() + attribute.value.len();
            if place >= XML_ATTRIBUTES_MAX {
                return Err(Why::TooManyAttributes);
            }
            if length > XML_TEXT_BYTES_MAX {
                return Err(Why::TextTooLong);
            }
            if attribute.value.contains('<') {
                return Err(Why::NotWellFormed);
            }
            let value = attribute
                .normalized_value(XmlVersion::Explicit1_0)
                .map_err(|_| Why::NotWellFormed)?;
            let (namespace, _) = self.reader.resolver().resolve_attribute(attribute.key);
            let is_about_schema = namespace == ResolveResult::Bound(Namespace(SCHEMA_INSTANCE));
            if attribute.key.as_namespace_binding().is_none() && !is_about_schema {
                found.push((attribute.key.into_inner().to_owned(), value.into_owned()));
            }
        }
        Ok(found)
    }

    /// Text outside the root element must be white space.
    fn inside<'t>(&mut self, text: Cow<'t, str>) -> Result<Option<Cow<'t, str>>, XmlRefusal> {
        if self.depth > 0 {
            return Ok(Some(text));
        }
        if text.trim_matches([' ', '\t', '\n', '\r']).is_empty() {
            return Ok(None);
        }
        Err(self.refuse(Why::NotWellFormed))
    }

    fn declaration(&mut self, declaration: &BytesDecl<'_>, at: usize) -> Result<(), XmlRefusal> {
        if at != 0 || !declaration.version().is_ok_and(|version| version == "1.0") {
            return Err(self.refuse_at(Why::NotWellFormed, at));
        }
        let is_utf8 = match declaration.encoding() {
            None => true,
            Some(encoding) => encoding.is_ok_and(|name| name.eq_ignore_ascii_case("utf-8")),
        };
        if is_utf8 { Ok(()) } else { Err(self.refuse_at(Why::Encoding, at)) }
    }
}

/// A character reference or one of the five predefined entities.
fn resolve(reference: &BytesRef<'_>) -> Option<char> {
    if reference.is_char_ref() {
        return reference.resolve_char_ref().ok().flatten().filter(|c| is_xml_char(*c));
    }
    match reference.xml10_content().as_ref() {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "apos" => Some('\''),
        "quot" => Some('"'),
        _ => None,
    }
}

/// XML 1.0, production 2.
pub(crate) fn is_xml_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}
