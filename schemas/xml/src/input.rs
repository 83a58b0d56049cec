//! Bytes as they stream in, decoded to UTF-8, with every limit on size kept and the place reached known.

use std::io::{self, BufRead, Read};

use encoding_rs::{Decoder, DecoderResult};
use kakehashi_kernel::limits::{FORM_XML_BYTES_MAX, XML_TOKEN_BYTES_MAX};

use crate::{
    encoding::{DECLARATION_BYTES_MAX, Encoding},
    refusal::{Why, XmlRefusal},
};

/// Bytes read at once.
const RAW_BYTES: usize = 32 * 1024;
/// Bytes decoded at once: three times as many, since two bytes of `Shift_JIS` or UTF-16 become three.
const TEXT_BYTES: usize = 3 * RAW_BYTES + 16;

/// A place in a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position {
    /// The line, from 1.
    pub(crate) line: usize,
    /// The character in the line, from 1.
    pub(crate) column: usize,
    /// The byte, from 0, of the document as UTF-8 without a mark.
    pub(crate) offset: usize,
}

/// Text decoded from bytes. As soon as it refuses, it gives no more.
pub(crate) struct Input<R> {
    source: R,
    raw: Box<[u8]>,
    raw_unread: std::ops::Range<usize>,
    text: Box<[u8]>,
    text_unread: std::ops::Range<usize>,
    decoding: Option<(Encoding, Decoder)>,
    /// What is wrong behind the text decoded so far.
    pending: Option<Why>,
    refused: Option<XmlRefusal>,
    is_at_end: bool,
    is_decoded: bool,
    position: Position,
    bytes_left: u64,
    token_left: usize,
    form_left: usize,
}

impl<R: Read> Input<R> {
    pub(crate) fn new(source: R, bytes_max: u64) -> Self {
        Self {
            source,
            raw: vec![0; RAW_BYTES].into_boxed_slice(),
            raw_unread: 0..0,
            text: vec![0; TEXT_BYTES].into_boxed_slice(),
            text_unread: 0..0,
            decoding: None,
            pending: None,
            refused: None,
            is_at_end: false,
            is_decoded: false,
            position: Position { line: 1, column: 1, offset: 0 },
            bytes_left: bytes_max,
            token_left: XML_TOKEN_BYTES_MAX,
            form_left: usize::MAX,
        }
    }

    /// The place reached.
    pub(crate) const fn position(&self) -> Position {
        self.position
    }

    /// Why it gives no more.
    pub(crate) const fn refused(&self) -> Option<XmlRefusal> {
        self.refused
    }

    /// The encoding, as soon as anything was read.
    pub(crate) fn encoding(&self) -> Option<Encoding> {
        self.decoding.as_ref().map(|(encoding, _)| *encoding)
    }

    /// Counts the bytes of the next token from here.
    pub(crate) fn begin_token(&mut self) {
        self.token_left = XML_TOKEN_BYTES_MAX;
    }

    /// Counts the bytes of a form from here.
    pub(crate) fn begin_form(&mut self) {
        self.form_left = FORM_XML_BYTES_MAX;
    }

    /// Stops counting the bytes of a form.
    pub(crate) fn end_form(&mut self) {
        self.form_left = usize::MAX;
    }

    fn refuse(&mut self, why: Why) -> io::Error {
        let refusal = XmlRefusal::at(why, self.position);
        self.refused.get_or_insert(refusal);
        io::Error::other(refusal)
    }

    /// Reads more bytes; answers how many.
    fn read(&mut self) -> io::Result<usize> {
        let (from, to) = (self.raw_unread.start, self.raw_unread.end);
        self.raw.copy_within(from..to, 0);
        self.raw_unread = 0..to - from;
        let free = self.raw.get_mut(to - from..).unwrap_or_default();
        let count = loop {
            match self.source.read(free) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Err(self.refuse(Why::Input)),
                Ok(count) => break count,
            }
        };
        let Some(left) = self.bytes_left.checked_sub(u64::try_from(count).unwrap_or(u64::MAX))
        else {
            return Err(self.refuse(Why::TooLarge));
        };
        self.bytes_left = left;
        self.raw_unread.end += count;
        self.is_at_end |= count == 0;
        Ok(count)
    }

    fn detect(&mut self) -> io::Result<()> {
        while self.raw_unread.len() < DECLARATION_BYTES_MAX && self.read()? > 0 {}
        let start = self.raw.get(self.raw_unread.clone()).unwrap_or_default();
        let Some((encoding, mark)) = Encoding::detect(start) else {
            return Err(self.refuse(Why::Encoding));
        };
        self.raw_unread.start += mark;
        self.decoding = Some((encoding, encoding.decoder()));
        Ok(())
    }

    /// Decodes more text. None is left unread before.
    fn refill(&mut self) -> io::Result<()> {
        if let Some(refusal) = self.refused {
            return Err(io::Error::other(refusal));
        }
        if let Some(why) = self.pending {
            return Err(self.refuse(why));
        }
        if self.decoding.is_none() {
            self.detect()?;
        }
        while !self.is_decoded {
            if self.raw_unread.is_empty() && !self.is_at_end {
                self.read()?;
            }
            let Some((_, decoder)) = &mut self.decoding else { return Ok(()) };
            let raw = self.raw.get(self.raw_unread.clone()).unwrap_or_default();
            let (result, read, written) =
                decoder.decode_to_utf8_without_replacement(raw, &mut self.text, self.is_at_end);
            self.raw_unread.start += read;
            let mut length = written;
            match result {
                DecoderResult::InputEmpty => self.is_decoded = self.is_at_end,
                DecoderResult::OutputFull => {}
                DecoderResult::Malformed(..) => self.pending = Some(Why::Malformed),
            }
            let text = self.text.get(..written).unwrap_or_default();
            // A second mark would be passed over by quick-xml; it is no white space.
            if self.position.offset == 0 && text.starts_with("\u{FEFF}".as_bytes()) {
                length = 0;
                self.pending = Some(Why::NotWellFormed);
            } else if let Some(at) = forbidden(text) {
                length = at;
                self.pending = Some(Why::NotWellFormed);
            }
            self.text_unread = 0..length;
            if length > 0 {
                return Ok(());
            }
            if let Some(why) = self.pending {
                return Err(self.refuse(why));
            }
        }
        self.text_unread = 0..0;
        Ok(())
    }
}

impl<R: Read> BufRead for Input<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.token_left == 0 {
            return Err(self.refuse(Why::TextTooLong));
        }
        if self.form_left == 0 {
            return Err(self.refuse(Why::FormTooLarge));
        }
        if self.text_unread.is_empty() {
            self.refill()?;
        }
        Ok(self.text.get(self.text_unread.clone()).unwrap_or_default())
    }

    fn consume(&mut self, count: usize) {
        let from = self.text_unread.start;
        let text = self.text.get(from..from + count).unwrap_or_default();
        let Position { line, column, offset } = &mut self.position;
        for byte in text {
            if *byte == b'\n' {
                *line += 1;
                *column = 1;
            } else {
                // Every byte of a character but the first is 10xxxxxx.
                *column += usize::from(byte & 0xC0 != 0x80);
            }
        }
        *offset += text.len();
        self.text_unread.start += text.len();
        self.token_left = self.token_left.saturating_sub(count);
        self.form_left = self.form_left.saturating_sub(count);
    }
}

impl<R: Read> Read for Input<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut text = self.fill_buf()?;
        let count = text.read(into)?;
        self.consume(count);
        Ok(count)
    }
}

/// Where the first character is that XML 1.0 (production 2) does not have. Surrogates are not decoded.
fn forbidden(text: &[u8]) -> Option<usize> {
    const BLOCK: usize = 64;
    let is_control = |byte: u8| byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r');
    for (place, block) in text.chunks(BLOCK).enumerate() {
        // No early end inside a block: the compiler makes vectors of it.
        let found = block
            .iter()
            .fold(0u8, |found, byte| found | u8::from(is_control(*byte)) | u8::from(*byte == 0xEF));
        if found == 0 {
            continue;
        }
        let from = place * BLOCK;
        let rest = text.get(from..).unwrap_or_default();
        let is_forbidden = |at: &usize| match rest.get(*at..) {
            Some([0xEF, 0xBF, 0xBE | 0xBF, ..]) => true,
            Some([byte, ..]) => is_control(*byte),
            Some([]) | None => false,
        };
        if let Some(at) = (0..block.len()).find(is_forbidden) {
            return Some(from + at);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one byte at a time, as a slow file would.
    struct Slow<'a>(&'a [u8]);

    impl Read for Slow<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let (Some((first, rest)), Some(place)) = (self.0.split_first(), into.first_mut())
            else {
                return Ok(0);
            };
            *place = *first;
            self.0 = rest;
            Ok(1)
        }
    }

    fn all(bytes: &[u8]) -> Result<String, XmlRefusal> {
        let mut input = Input::new(Slow(bytes), 1000);
        let mut text = String::new();
        match input.read_to_string(&mut text) {
            Ok(_) => Ok(text),
            Err(_) => Err(input.refused().unwrap()),
        }
    }

    #[track_caller]
    fn refused(bytes: &[u8], why: Why, line: usize, column: usize) {
        let refusal = all(bytes).unwrap_err();
        assert_eq!((refusal.why, refusal.line, refusal.column), (why, line, column));
    }

    #[test]
    fn text_comes_through_whatever_its_encoding() {
        let text = "<?xml version='1.0' encoding='Shift_JIS'?>\n<a>髙橋 ①ｱ</a>";
        let (bytes, ..) = encoding_rs::SHIFT_JIS.encode(text);
        assert_eq!(all(&bytes).as_deref(), Ok(text));
        let text = "<a>\u{FA19} 𠮷\u{E0100}</a>";
        assert_eq!(all(text.as_bytes()).as_deref(), Ok(text));
        assert_eq!(all(format!("\u{FEFF}{text}").as_bytes()).as_deref(), Ok(text));
        let marked: Vec<u16> = format!("\u{FEFF}{text}").encode_utf16().collect();
        let little: Vec<u8> = marked.iter().flat_map(|unit| unit.to_le_bytes()).collect();
        let big: Vec<u8> = marked.iter().flat_map(|unit| unit.to_be_bytes()).collect();
        assert_eq!(all(&little).as_deref(), Ok(text));
        assert_eq!(all(&big).as_deref(), Ok(text));
    }

    #[test]
    fn what_is_malformed_has_a_place() {
        refused(b"<a>\n\xE3\x81\x82b\xFFc", Why::Malformed, 2, 3);
        refused(b"<a>\xE3\x81", Why::Malformed, 1, 4);
        refused(b"<a>\xC0\xAF", Why::Malformed, 1, 4);
        refused(b"<a>\xED\xA0\x80", Why::Malformed, 1, 4);
        refused(b"\xFF\xFE<\0\x42\xD8<\0", Why::Malformed, 1, 2);
        refused(b"\xFF\xFE<\0a", Why::Malformed, 1, 2);
        let sjis = b"<?xml version='1.0' encoding='cp932'?>\n\x82\xA0\x82\x01";
        refused(sjis, Why::Malformed, 2, 2);
    }

    #[test]
    fn characters_xml_does_not_have_are_refused_at_their_place() {
        refused(b"<a>\0", Why::NotWellFormed, 1, 4);
        refused(b"ab\n\x0B", Why::NotWellFormed, 2, 1);
        refused("<a>\u{FFFE}".as_bytes(), Why::NotWellFormed, 1, 4);
        let long = format!("{}\u{FFFF}", "亜".repeat(100));
        refused(long.as_bytes(), Why::NotWellFormed, 1, 101);
        let fine = "\t\r\n\u{7F}\u{FFFD}\u{FF01}\u{10FFFF}";
        assert_eq!(all(fine.as_bytes()).as_deref(), Ok(fine));
    }

    #[test]
    fn no_more_is_read_than_allowed() {
        refused(&[b' '; 1001], Why::TooLarge, 1, 1);
        assert!(all(&[b' '; 1000]).is_ok());
    }

    #[test]
    fn a_token_and_a_form_are_bounded() {
        let endless = || Input::new(io::repeat(b'x'), u64::MAX);
        let mut input = endless();
        assert!(io::copy(&mut input, &mut io::sink()).is_err());
        assert_eq!(input.refused().unwrap().why, Why::TextTooLong);
        let mut input = endless();
        input.begin_form();
        while input.fill_buf().is_ok() {
            input.begin_token();
            input.consume(1000);
        }
        assert_eq!(input.refused().unwrap().why, Why::FormTooLarge);
        assert!(input.position().offset < FORM_XML_BYTES_MAX + TEXT_BYTES);
    }
}
