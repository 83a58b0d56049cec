//! Bytes as they stream in, decoded to UTF-8, with every limit on size kept and the place reached known.

use std::{
    io::{self, Read},
    ops::Range,
};

use encoding_rs::{Decoder, DecoderResult};
use kakehashi_kernel::limits::FORM_XML_BYTES_MAX;

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

impl Position {
    /// Goes on over some text.
    fn pass(&mut self, text: &[u8]) {
        self.offset += text.len();
        let mut line = text;
        if let Some(at) = memchr::memrchr(b'\n', text) {
            let (before, after) = text.split_at(at);
            self.line += 1 + memchr::memchr_iter(b'\n', before).count();
            // The line end itself is what the next column is counted from.
            (self.column, line) = (0, after);
        }
        // Every byte of a character but the first is 10xxxxxx.
        self.column += line.iter().filter(|byte| **byte & 0xC0 != 0x80).count();
    }
}

/// Text decoded from bytes: a window that is read on at its end and passed at its start. As soon as it
/// refuses, it gives no more.
///
/// Not generic over its source, so that this crate compiles the whole reader, optimised, once.
pub(crate) struct Input<'i> {
    source: Box<dyn Read + 'i>,
    raw: Box<[u8]>,
    raw_unread: Range<usize>,
    /// The window. What stands before `start` is passed already.
    text: String,
    start: usize,
    /// Up to where `position` is counted: nobody asks for most places.
    counted: usize,
    decoding: Option<(Encoding, Decoder)>,
    /// What is wrong behind the text decoded so far.
    pending: Option<Why>,
    is_at_end: bool,
    is_decoded: bool,
    position: Position,
    bytes_left: u64,
    form_left: usize,
}

impl<'i> Input<'i> {
    pub(crate) fn new(source: impl Read + 'i, bytes_max: u64) -> Self {
        Self {
            source: Box::new(source),
            raw: vec![0; RAW_BYTES].into_boxed_slice(),
            raw_unread: 0..0,
            text: String::new(),
            start: 0,
            counted: 0,
            decoding: None,
            pending: None,
            is_at_end: false,
            is_decoded: false,
            position: Position { line: 1, column: 1, offset: 0 },
            bytes_left: bytes_max,
            form_left: usize::MAX,
        }
    }

    /// The place reached.
    pub(crate) fn position(&mut self) -> Position {
        self.count();
        self.position
    }

    fn count(&mut self) {
        let passed = self.text.as_bytes().get(self.counted..self.start).unwrap_or_default();
        self.position.pass(passed);
        self.counted = self.start;
    }

    /// Tells whether the encoding read may be called so.
    pub(crate) fn may_be_called(&self, name: &str) -> bool {
        self.decoding.as_ref().is_some_and(|(encoding, _)| encoding.may_be_called(name))
    }

    /// Counts the bytes of a form from here.
    pub(crate) fn begin_form(&mut self) {
        self.form_left = FORM_XML_BYTES_MAX;
    }

    /// Stops counting the bytes of a form.
    pub(crate) fn end_form(&mut self) {
        self.form_left = usize::MAX;
    }

    /// Makes a refusal about the place reached.
    pub(crate) fn refusal(&self, why: Why) -> XmlRefusal {
        let mut position = self.position;
        position.pass(self.text.as_bytes().get(self.counted..self.start).unwrap_or_default());
        XmlRefusal::at(why, position)
    }

    /// What has been decoded and not passed.
    pub(crate) fn unread(&self) -> &str {
        self.text.get(self.start..).unwrap_or_default()
    }

    /// Passes some bytes, which end with a whole character.
    pub(crate) fn advance(&mut self, count: usize) {
        let count = count.min(self.text.len() - self.start);
        self.start += count;
        self.form_left = self.form_left.saturating_sub(count);
    }

    /// Decodes more text behind what is unread. `false` at the end of the document.
    pub(crate) fn more(&mut self) -> Result<bool, XmlRefusal> {
        if self.form_left <= self.unread().len() {
            return Err(self.refusal(Why::FormTooLarge));
        }
        self.count();
        self.text.drain(..self.start);
        (self.start, self.counted) = (0, 0);
        if let Some(why) = self.pending {
            return Err(self.behind_unread(why));
        }
        if self.decoding.is_none() {
            self.detect()?;
        }
        self.text.reserve(TEXT_BYTES);
        while !self.is_decoded {
            if self.raw_unread.is_empty() && !self.is_at_end {
                self.read()?;
            }
            let Some((_, decoder)) = &mut self.decoding else { return Ok(false) };
            let raw = self.raw.get(self.raw_unread.clone()).unwrap_or_default();
            let before = self.text.len();
            let (result, read) =
                decoder.decode_to_string_without_replacement(raw, &mut self.text, self.is_at_end);
            self.raw_unread.start += read;
            match result {
                DecoderResult::InputEmpty => self.is_decoded = self.is_at_end,
                DecoderResult::OutputFull => {}
                DecoderResult::Malformed(..) => self.pending = Some(Why::Malformed),
            }
            if let Some(at) = forbidden(self.text.as_bytes().get(before..).unwrap_or_default()) {
                self.text.truncate(before + at);
                self.pending = Some(Why::NotWellFormed);
            }
            if self.text.len() > before {
                return Ok(true);
            }
            if let Some(why) = self.pending {
                return Err(self.behind_unread(why));
            }
        }
        Ok(false)
    }

    /// A refusal about the place behind everything decoded.
    fn behind_unread(&self, why: Why) -> XmlRefusal {
        let mut position = self.position;
        position.pass(self.text.as_bytes().get(self.counted..).unwrap_or_default());
        XmlRefusal::at(why, position)
    }

    fn detect(&mut self) -> Result<(), XmlRefusal> {
        while self.raw_unread.len() < DECLARATION_BYTES_MAX && self.read()? > 0 {}
        let start = self.raw.get(self.raw_unread.clone()).unwrap_or_default();
        let found = Encoding::detect(start);
        let (encoding, mark) = found.ok_or_else(|| self.refusal(Why::Encoding))?;
        self.raw_unread.start += mark;
        self.decoding = Some((encoding, encoding.decoder()));
        Ok(())
    }

    /// Reads more bytes; answers how many.
    fn read(&mut self) -> Result<usize, XmlRefusal> {
        let (from, to) = (self.raw_unread.start, self.raw_unread.end);
        self.raw.copy_within(from..to, 0);
        self.raw_unread = 0..to - from;
        let free = self.raw.get_mut(to - from..).unwrap_or_default();
        let count = loop {
            match self.source.read(free) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Err(self.refusal(Why::Input)),
                Ok(count) => break count,
            }
        };
        let count_read = u64::try_from(count).unwrap_or(u64::MAX);
        let left = self.bytes_left.checked_sub(count_read);
        self.bytes_left = left.ok_or_else(|| self.refusal(Why::TooLarge))?;
        self.raw_unread.end += count;
        self.is_at_end |= count == 0;
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
        while input.more()? {}
        Ok(input.unread().to_owned())
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
    fn a_form_is_bounded_and_the_window_slides() {
        let mut input = Input::new(io::repeat(b'x'), u64::MAX);
        input.begin_form();
        let refusal = loop {
            if let Err(refusal) = input.more() {
                break refusal;
            }
            input.advance(input.unread().len());
            assert!(input.text.capacity() <= 2 * TEXT_BYTES);
        };
        assert_eq!(refusal.why, Why::FormTooLarge);
        assert!(input.position().offset < FORM_XML_BYTES_MAX + TEXT_BYTES);
    }
}
