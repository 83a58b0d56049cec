//! What happened, and how it is written: one JSON line per entry, put together by hand because a map in
//! between would cost more than the digest.

use std::{fmt::Write, net::SocketAddr, sync::Arc};

use http::Method;
use kakehashi_contract::{AuditFact, Identity};
use kakehashi_kernel::{RequestId, Sha256Digest, Timestamp};

/// Stands for what is not known.
const UNKNOWN: &str = "-";
/// Letters of a method that nobody defined.
const METHOD_CHARS_MAX: usize = 16;

/// A fact on its way into the ledger.
pub(crate) enum Fact {
    /// In words already.
    Plain(AuditFact),
    /// A request.
    Request(RequestFact),
}

/// One request, from its head to the last byte of its answer.
pub(crate) struct RequestFact {
    /// The holder of the certificate.
    pub(crate) who: Arc<Identity>,
    /// The certificate's serial number.
    pub(crate) serial: Arc<str>,
    /// From where.
    pub(crate) peer: SocketAddr,
    /// The connection's TLS version: `1.2` or `1.3`.
    pub(crate) tls: &'static str,
    /// The request's id.
    pub(crate) id: RequestId,
    /// The method.
    pub(crate) method: Method,
    /// The route's template, where one was found. Never the path.
    pub(crate) template: Option<Arc<str>>,
    /// `ok`, or a code that says why not.
    pub(crate) outcome: &'static str,
    /// What was answered, if anything was.
    pub(crate) status: Option<u16>,
    /// Bytes of the request's body.
    pub(crate) bytes_in: u64,
    /// Bytes of the answer's body.
    pub(crate) bytes_out: u64,
    /// Milliseconds from head to end.
    pub(crate) ms: u64,
}

/// Room for putting facts into words, used again for every entry.
#[derive(Default)]
pub(super) struct Words {
    actor: String,
    subject: String,
    detail: String,
}

impl Words {
    /// Answers actor, action, subject, outcome and detail.
    pub(super) fn of<'a>(&'a mut self, fact: &'a Fact) -> [&'a str; 5] {
        match fact {
            Fact::Plain(fact) => {
                [&fact.actor, &fact.action, &fact.subject, &fact.outcome, &fact.detail]
            }
            Fact::Request(request) => {
                self.tell(request);
                [&self.actor, "request", &self.subject, request.outcome, &self.detail]
            }
        }
    }

    fn tell(&mut self, request: &RequestFact) {
        for text in [&mut self.actor, &mut self.subject, &mut self.detail] {
            text.clear();
        }
        let method = request.method.as_str();
        let method = method.get(..METHOD_CHARS_MAX).unwrap_or(method);
        let template = request.template.as_deref().unwrap_or(UNKNOWN);
        self.subject.extend([method, " ", template]);
        let written = write!(self.actor, "{}", request.who).and_then(|()| {
            write!(
                self.detail,
                "request={} peer={} certificate={} serial={} tls={}",
                request.id, request.peer, request.who.certificate, request.serial, request.tls
            )?;
            if let Some(status) = request.status {
                write!(self.detail, " status={status}")?;
            }
            write!(
                self.detail,
                " in={} out={} ms={}",
                request.bytes_in, request.bytes_out, request.ms
            )
        });
        written.expect("a String takes what is written");
    }
}

/// Appends an entry's line.
pub(super) fn write_line(
    line: &mut Vec<u8>,
    sequence: u64,
    at: Timestamp,
    fields: [&str; 5],
    digest: Sha256Digest,
) {
    use std::io::Write as _;
    let mut begin = || write!(line, "{{\"sequence\":{sequence},\"at\":{}", at.0);
    begin().expect("a Vec takes what is written");
    for (name, value) in ["actor", "action", "subject", "outcome", "detail"].iter().zip(fields) {
        line.extend_from_slice(b",\"");
        line.extend_from_slice(name.as_bytes());
        line.extend_from_slice(b"\":");
        write_text(line, value);
    }
    line.extend_from_slice(b",\"digest\":\"");
    for byte in digest.as_bytes() {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        line.push(DIGITS[usize::from(byte >> 4)]);
        line.push(DIGITS[usize::from(byte & 15)]);
    }
    line.extend_from_slice(b"\"}\n");
}

fn write_text(line: &mut Vec<u8>, text: &str) {
    let is_plain = text.bytes().all(|byte| byte >= b' ' && byte != b'"' && byte != b'\\');
    if is_plain {
        line.push(b'"');
        line.extend_from_slice(text.as_bytes());
        line.push(b'"');
    } else {
        serde_json::to_writer(line, text).expect("a Vec takes what is written");
    }
}

#[cfg(test)]
mod tests {
    use kakehashi_contract::AuditEntry;

    use super::*;

    #[test]
    fn a_line_reads_back_as_the_entry_whatever_is_in_it() {
        for odd in ["plain", "", "\"\\\n\u{1}\u{7f}", "架け橋", "GET /scans/{scan}"] {
            let digest = Sha256Digest::of(odd.as_bytes());
            let mut line = Vec::new();
            write_line(&mut line, 7, Timestamp(-5), [odd, "a", odd, "b", odd], digest);
            let entry: AuditEntry = serde_json::from_slice(&line).unwrap();
            assert_eq!((entry.sequence, entry.at, entry.digest), (7, Timestamp(-5), digest));
            assert_eq!([&*entry.fact.actor, &*entry.fact.subject, &*entry.fact.detail], [odd; 3]);
            // And as the library would have written it.
            assert_eq!(serde_json::to_vec(&entry).unwrap(), line[..line.len() - 1]);
            assert_eq!(line.last(), Some(&b'\n'));
        }
    }
}
