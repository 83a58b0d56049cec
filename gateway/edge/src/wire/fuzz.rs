//! The wire against a stranger's bytes: what they are taken for does not depend on how they are cut.

use tokio::time::Instant;

use super::{
    WireLimits,
    http1::{Checked, Http1},
    http2::Http2,
};

/// Places at which an input is cut in two.
const CUTS_MAX: usize = 24;

/// What became of an HTTP/1.1 stream: what is passed on, and where it was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Verdict {
    passed: Vec<u8>,
    refused: Option<Part>,
    code: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Head,
    Body,
}

fn http1_verdict<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Verdict {
    let limits = WireLimits::default();
    let mut http = Http1::new(limits.head_bytes_max.min(1024), limits.fields_max.min(16));
    let mut passed = Vec::new();
    for piece in pieces.filter(|piece| !piece.is_empty()) {
        let (whole, checked) = if http.is_holding() {
            http.check_held(piece)
        } else {
            (piece.to_vec(), http.check(piece))
        };
        let (count, refused) = match checked {
            Checked::Pass(count) => (count, None),
            Checked::HeadRefused(count, code) => (count, Some((Part::Head, code))),
            Checked::BodyRefused(count, code) => (count, Some((Part::Body, code))),
        };
        passed.extend_from_slice(whole.get(..count).expect("no more is passed than came"));
        if let Some((part, code)) = refused {
            return Verdict { passed, refused: Some(part), code };
        }
    }
    let code = match (http.is_holding(), http.is_in_body()) {
        (true, _) => "held",
        (false, true) => "in a body",
        (false, false) => "passed",
    };
    Verdict { passed, refused: None, code }
}

/// Checks an HTTP/1.1 stream whole, cut in two at many places, and byte by byte. Of what is refused only
/// the code may differ: who sees less of a head may break it off for another reason.
pub(crate) fn http1(bytes: &[u8]) -> &'static str {
    let whole = http1_verdict(std::iter::once(bytes));
    let alike = |pieces: &mut dyn Iterator<Item = &[u8]>, how: &str| {
        let found = http1_verdict(pieces);
        assert_eq!((&found.passed, found.refused), (&whole.passed, whole.refused), "{how}");
    };
    alike(&mut bytes.chunks(1), "byte by byte");
    alike(&mut bytes.chunks(7), "by sevens");
    for cut in cuts(bytes) {
        let (one, other) = bytes.split_at(cut);
        alike(&mut [one, other].into_iter(), "cut in two");
    }
    assert!(bytes.starts_with(&whole.passed), "what is passed on is what came");
    // What was passed on once is passed on again, and whole.
    let again = http1_verdict(std::iter::once(&*whole.passed));
    assert_eq!((&again.passed, again.refused), (&whole.passed, None), "passed on once only");
    let heads = http1_lines(&whole.passed);
    assert!(heads, "a head with a line end of its own was passed on");
    whole.code
}

/// Whether the first line of what is passed on is one of HTTP/1.1, as anybody would read it.
fn http1_lines(passed: &[u8]) -> bool {
    let Some(end) = passed.iter().position(|byte| *byte == b'\n') else { return passed.is_empty() };
    let line = passed.get(..=end).unwrap_or_default();
    line.ends_with(b" HTTP/1.1\r\n") && line.split(|byte| *byte == b' ').count() == 3
}

/// Counts an HTTP/2 stream's frames whole, cut in two, and byte by byte.
pub(crate) fn http2(bytes: &[u8]) -> &'static str {
    let limits = WireLimits {
        head_bytes_max: 1024,
        resets_max: 3,
        control_frames_max: 2,
        continuations_max: 2,
        ..WireLimits::default()
    };
    let now = Instant::now();
    let verdict = |pieces: &mut dyn Iterator<Item = &[u8]>| {
        let mut http = Http2::new(now);
        let mut refused = None;
        for piece in pieces {
            refused = refused.or(http.check(piece, now, &limits).err());
            if refused.is_some() {
                break;
            }
        }
        refused.unwrap_or("passed")
    };
    let whole = verdict(&mut std::iter::once(bytes));
    assert_eq!(verdict(&mut bytes.chunks(1)), whole, "byte by byte");
    for cut in cuts(bytes) {
        let (one, other) = bytes.split_at(cut);
        assert_eq!(verdict(&mut [one, other].into_iter()), whole, "cut at {cut}");
    }
    whole
}

/// Some places to cut at, spread over the whole.
fn cuts(bytes: &[u8]) -> impl Iterator<Item = usize> {
    let step = (bytes.len() / CUTS_MAX).max(1);
    (1..bytes.len()).step_by(step)
}
