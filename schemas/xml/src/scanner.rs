//! Where the pieces of XML begin and end, in a window that slides over the decoded text.
//!
//! Ours rather than a library's: a batch has no document type, so this is all there is to find, and what is
//! found is looked at in place, never copied. What stands inside a piece is for [`crate::tokens`] to check.

use std::io::Read;

use kakehashi_kernel::limits::XML_TOKEN_BYTES_MAX;
use memchr::{memchr, memchr2, memchr3, memmem};

use crate::{
    input::{Input, Position},
    refusal::{Why, XmlRefusal},
};

/// One piece of a document, as it is written.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece<'t> {
    /// `<…>`: what stands between, and whether it ended with `/>`.
    StartTag(&'t str, bool),
    /// `</…>`.
    EndTag(&'t str),
    /// What stands between tags and references. Never empty.
    Text(&'t str),
    /// `&…;`.
    Reference(&'t str),
    /// `<![CDATA[…]]>`.
    CharacterData(&'t str),
    /// `<!--…-->`.
    Comment(&'t str),
    /// `<?…?>`, the declaration too.
    Instruction(&'t str),
    /// The end of the document.
    End,
}

/// Finds pieces.
pub(crate) struct Scanner<'i> {
    input: Input<'i>,
    /// Bytes of the last piece: passed when the next is asked for.
    last: usize,
}

/// A piece by its lengths: what opens it, what it holds, what closes it.
struct Found {
    opening: usize,
    content: usize,
    closing: usize,
    kind: Kind,
}

#[derive(Clone, Copy)]
enum Kind {
    StartTag,
    EndTag,
    Text,
    Reference,
    CharacterData,
    Comment,
    Instruction,
    End,
}

impl<'i> Scanner<'i> {
    pub(crate) fn new(input: impl Read + 'i, bytes_max: u64) -> Self {
        Self { input: Input::new(input, bytes_max), last: 0 }
    }

    pub(crate) const fn input(&self) -> &Input<'i> {
        &self.input
    }

    pub(crate) fn input_mut(&mut self) -> &mut Input<'i> {
        &mut self.input
    }

    /// Passes the last piece; answers where the next begins.
    pub(crate) fn pass(&mut self) -> Position {
        self.pass_piece();
        self.input.position()
    }

    /// The piece that begins here.
    pub(crate) fn piece(&mut self) -> Result<Piece<'_>, XmlRefusal> {
        let Found { opening, content, closing, kind } = self.find()?;
        self.last = opening + content + closing;
        let content = self.input.unread().get(opening..opening + content).unwrap_or_default();
        Ok(match kind {
            Kind::StartTag => match content.strip_suffix('/') {
                Some(content) => Piece::StartTag(content, true),
                None => Piece::StartTag(content, false),
            },
            Kind::EndTag => Piece::EndTag(content),
            Kind::Text => Piece::Text(content),
            Kind::Reference => Piece::Reference(content),
            Kind::CharacterData => Piece::CharacterData(content),
            Kind::Comment => Piece::Comment(content),
            Kind::Instruction => Piece::Instruction(content),
            Kind::End => Piece::End,
        })
    }

    /// What is decoded from here on.
    pub(crate) fn unread(&self) -> &str {
        self.input.unread()
    }

    /// Passes bytes that were looked at in [`Scanner::unread`] and understood.
    pub(crate) fn pass_bytes(&mut self, count: usize) {
        self.input.advance(count);
    }

    /// Passes the last piece.
    pub(crate) fn pass_piece(&mut self) {
        self.input.advance(std::mem::take(&mut self.last));
    }

    fn find(&mut self) -> Result<Found, XmlRefusal> {
        // Enough to tell what begins here, as far as there is so much.
        while self.input.unread().len() < OPENING_MAX && self.input.more()? {}
        let text = self.input.unread().as_bytes();
        match text {
            [] => Ok(Found { opening: 0, content: 0, closing: 0, kind: Kind::End }),
            [b'<', b'!', b'-', b'-', ..] => self.until("<!--", "-->", Kind::Comment),
            [b'<', b'!', b'[', b'C', b'D', b'A', b'T', b'A', b'[', ..] => {
                self.until("<![CDATA[", "]]>", Kind::CharacterData)
            }
            [b'<', b'!', rest @ ..] => {
                let name = rest.get(..b"DOCTYPE".len());
                let is_dtd = name.is_some_and(|name| name.eq_ignore_ascii_case(b"DOCTYPE"));
                Err(self.input.refusal(if is_dtd { Why::Dtd } else { Why::NotWellFormed }))
            }
            [b'<', b'?', ..] => self.until("<?", "?>", Kind::Instruction),
            [b'<', b'/', ..] => self.until("</", ">", Kind::EndTag),
            [b'<', ..] => self.start_tag(),
            [b'&', ..] => self.until("&", ";", Kind::Reference),
            _ => self.text(),
        }
    }

    /// A piece that ends with a fixed text.
    fn until(&mut self, opening: &str, closing: &str, kind: Kind) -> Result<Found, XmlRefusal> {
        let opening = opening.len();
        let mut from = opening;
        loop {
            let text = self.input.unread().as_bytes().get(from..).unwrap_or_default();
            let found = match closing.as_bytes() {
                [byte] => memchr(*byte, text),
                bytes => memmem::find(text, bytes),
            };
            if let Some(at) = found {
                let content = from + at - opening;
                return self.bounded(Found { opening, content, closing: closing.len(), kind });
            }
            // What closes it may be cut by the end of the window.
            from = (from + text.len()).saturating_sub(closing.len() - 1).max(opening);
            self.need_more()?;
        }
    }

    /// A tag ends with the first `>` outside quotes.
    fn start_tag(&mut self) -> Result<Found, XmlRefusal> {
        let mut from = 1;
        let mut quote = None;
        loop {
            let text = self.input.unread().as_bytes().get(from..).unwrap_or_default();
            let found = match quote {
                Some(quote) => memchr(quote, text),
                None => memchr3(b'>', b'"', b'\'', text),
            };
            let Some(at) = found else {
                from += text.len();
                self.need_more()?;
                continue;
            };
            match (quote, text.get(at)) {
                (None, Some(b'>')) => {
                    let content = from + at - 1;
                    return self.bounded(Found {
                        opening: 1,
                        content,
                        closing: 1,
                        kind: Kind::StartTag,
                    });
                }
                (None, opened) => quote = opened.copied(),
                (Some(_), _) => quote = None,
            }
            from += at + 1;
        }
    }

    fn text(&mut self) -> Result<Found, XmlRefusal> {
        let mut from = 0;
        loop {
            let text = self.input.unread().as_bytes().get(from..).unwrap_or_default();
            let found = memchr2(b'<', b'&', text);
            let content = from + found.unwrap_or(text.len());
            let text = Found { opening: 0, content, closing: 0, kind: Kind::Text };
            if found.is_some() || (content <= XML_TOKEN_BYTES_MAX && !self.input.more()?) {
                return self.bounded(text);
            }
            self.bounded(text)?;
            from = content;
        }
    }

    /// Reads on in a piece that has not ended yet.
    fn need_more(&mut self) -> Result<(), XmlRefusal> {
        if self.input.unread().len() > XML_TOKEN_BYTES_MAX {
            return Err(self.input.refusal(Why::TextTooLong));
        }
        if self.input.more()? { Ok(()) } else { Err(self.input.refusal(Why::NotWellFormed)) }
    }

    fn bounded(&self, found: Found) -> Result<Found, XmlRefusal> {
        if found.content > XML_TOKEN_BYTES_MAX {
            return Err(self.input.refusal(Why::TextTooLong));
        }
        Ok(found)
    }
}

/// The longest text that tells what begins: `<!DOCTYPE`, `<![CDATA[`.
const OPENING_MAX: usize = 9;

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(text: &str) -> (Vec<String>, Option<Why>) {
        let mut scanner = Scanner::new(text.as_bytes(), 1 << 20);
        let mut found = Vec::new();
        loop {
            scanner.pass();
            match scanner.piece() {
                Ok(Piece::End) => return (found, None),
                Ok(piece) => found.push(format!("{piece:?}")),
                Err(refusal) => return (found, Some(refusal.why)),
            }
        }
    }

    #[test]
    fn pieces_are_found_where_they_end() {
        let text = "<?x y?><a b='>' c=\"'>\">t<!-- - -> --></a ><b/>&amp;]]<![CDATA[>]]]>\n";
        let expected = [
            r#"Instruction("x y")"#,
            r#"StartTag("a b='>' c=\"'>\"", false)"#,
            r#"Text("t")"#,
            r#"Comment(" - -> ")"#,
            r#"EndTag("a ")"#,
            r#"StartTag("b", true)"#,
            r#"Reference("amp")"#,
            r#"Text("]]")"#,
            r#"CharacterData(">]")"#,
            r#"Text("\n")"#,
        ];
        assert_eq!(pieces(text), (expected.map(str::to_owned).to_vec(), None));
    }

    #[test]
    fn what_does_not_end_is_refused() {
        for text in ["<", "<a", "<a b='>", "<!-- --", "<![CDATA[]]", "<?x", "</a", "&amp"] {
            assert_eq!(pieces(text), (Vec::new(), Some(Why::NotWellFormed)), "{text}");
        }
        for text in ["<!", "<!-", "<!ENTITY", "<![CDAT[x]]>"] {
            assert_eq!(pieces(text).1, Some(Why::NotWellFormed), "{text}");
        }
        assert_eq!(pieces("<!docTYPE").1, Some(Why::Dtd));
    }

    #[test]
    fn a_piece_may_be_as_long_as_allowed_and_no_longer() {
        let fits = "x".repeat(XML_TOKEN_BYTES_MAX);
        for (before, after) in
            [("", ""), ("<", ">"), ("<!--", "-->"), ("<![CDATA[", "]]>"), ("&", ";")]
        {
            assert_eq!(pieces(&format!("{before}{fits}{after}")).1, None, "{before}");
            let long = format!("{before}{fits}x{after}");
            assert_eq!(pieces(&long), (Vec::new(), Some(Why::TextTooLong)), "{before}");
        }
    }
}
