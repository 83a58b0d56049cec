//! Recomputing the chain: one segment at the start, all of them for `kakehashi audit verify`.

use std::{
    borrow::Cow,
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
    sync::Arc,
};

use kakehashi_contract::{AuditKey, AuditSealer, audit::AuditHead};
use kakehashi_kernel::{Sha256Digest, Timestamp};
use serde::Deserialize;
use tracing::{error, info};

use super::{
    Anchor, CHAIN, LINE_BYTES_MAX, LedgerBroken,
    disk::load_head,
    queue::Queue,
    segment::{SEGMENT_ACTION, Segment, closed_segments, previous},
};

/// How often a segment may be closed under a verification before it gives up.
const ROTATIONS_MAX: u32 = 16;

/// A chain that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Its last entry.
    pub entries: u64,
    /// Its first entry that is still here; more than 1 after old segments were taken away.
    pub first: u64,
    /// Segments, the present one included.
    pub segments: u64,
    /// Anchors that were met.
    pub anchors: usize,
    /// Bytes after the last whole entry: torn by a crash, or being written just now.
    pub torn_bytes: u64,
    /// Where it stands: an anchor to keep elsewhere.
    pub anchor: Anchor,
    /// The ends of closed segments, as anchors: what to keep before the segment is taken away.
    pub segment_anchors: Vec<Anchor>,
}

/// Verifies every segment of a ledger against its head and answers the number of entries. Changes nothing.
///
/// A torn last line does not count. May run while the gateway writes.
///
/// # Errors
///
/// [`LedgerBroken`] saying where the chain fails.
pub fn verify(path: &Path, key: &AuditKey) -> Result<u64, LedgerBroken> {
    Ok(verify_with(path, key, &[], Timestamp(0))?.entries)
}

/// Verifies every segment against the head and against anchors kept elsewhere. `now` dates the anchors
/// that are answered.
///
/// The chain may begin later than at its first entry only where an anchor ends the part that is missing.
/// Anchors before the first entry that is here are not compared.
///
/// # Errors
///
/// [`LedgerBroken`] saying where the chain fails.
pub fn verify_with(
    path: &Path,
    key: &AuditKey,
    anchors: &[Anchor],
    now: Timestamp,
) -> Result<Verified, LedgerBroken> {
    let sealer = AuditSealer::new(key);
    let head = load_head(path)?;
    let mut segments = closed_segments(path)?;
    let start = start(path, &segments, &sealer, anchors)?;
    let mut chain = Chain::new(&sealer, start);
    chain.expect(&head, anchors)?;
    let mut verified = 0;
    let mut segment_anchors = Vec::new();
    for _ in 0..ROTATIONS_MAX {
        for segment in segments.iter().skip(verified) {
            chain.walk_closed(segment)?;
            segment_anchors.push(Anchor::new(&sealer, chain.end.entries, chain.end.digest, now));
        }
        verified = segments.len();
        let present = open_present(path)?;
        let found = closed_segments(path)?;
        if found.len() > verified {
            // The segment was closed meanwhile: it is among them now.
            segments = found;
            continue;
        }
        let walked = chain.walk(present.as_ref(), Last::Present)?;
        chain.finish(&head, anchors)?;
        let length = present.map_or(Ok(0), |file| file.metadata().map(|found| found.len()))?;
        return Ok(Verified {
            entries: chain.end.entries,
            first: start.entries + 1,
            segments: verified as u64 + 1,
            anchors: anchors.iter().filter(|anchor| anchor.sequence >= start.entries).count(),
            torn_bytes: length.saturating_sub(walked.bytes),
            anchor: Anchor::new(&sealer, chain.end.entries, chain.end.digest, now),
            segment_anchors,
        });
    }
    Err(LedgerBroken::Io(io::ErrorKind::ResourceBusy.into()))
}

/// The end of what is there, found at the start of the gateway.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tail {
    pub(super) end: End,
    /// Bytes of the present segment that are whole.
    pub(super) bytes: u64,
    /// The present segment's first entry and when it was; none while it is empty.
    pub(super) begun: Option<(u64, Timestamp)>,
}

/// Verifies the present segment, or the last closed one while the present one is empty.
pub(super) fn verify_tail(
    path: &Path,
    present: &File,
    head: &AuditHead,
    sealer: &AuditSealer,
    anchors: &[Anchor],
) -> Result<Tail, LedgerBroken> {
    let last = closed_segments(path)?.pop();
    let is_empty = first_entry(present)?.is_none();
    let begin = match (&last, is_empty) {
        (Some(last), true) => begin_of(&File::open(&last.path)?, sealer)?,
        _ => begin_of(present, sealer)?,
    };
    let mut chain = Chain::new(sealer, begin);
    chain.expect(head, anchors)?;
    if let (Some(last), true) = (&last, is_empty) {
        chain.walk_closed(last)?;
    }
    let walked = chain.walk(Some(present), Last::Present)?;
    chain.finish(head, anchors)?;
    Ok(Tail { end: chain.end, bytes: walked.bytes, begun: walked.begun })
}

/// Verifies closed segments on a thread of their own; what is broken is said loudly.
pub(super) fn behind(
    path: &Path,
    key: &AuditKey,
    segments_max: usize,
    queue: Arc<Queue>,
) -> Result<(), LedgerBroken> {
    let segments = closed_segments(path)?;
    let skipped = segments.len().saturating_sub(segments_max);
    if segments.len() == skipped {
        return Ok(());
    }
    let sealer = AuditSealer::new(key);
    let look = move || {
        let segments = &segments[skipped..];
        let whole = File::open(&segments[0].path)
            .map_err(LedgerBroken::Io)
            .and_then(|file| begin_of(&file, &sealer))
            .and_then(|begin| {
                let mut chain = Chain::new(&sealer, begin);
                for segment in segments {
                    if queue.is_ending() {
                        break;
                    }
                    chain.walk_closed(segment)?;
                }
                Ok(())
            });
        match whole {
            Ok(()) => info!(segments = segments.len(), "closed audit segments are unbroken"),
            Err(error) => {
                queue.found_broken();
                error!(%error, "the audit ledger does not hold: run `kakehashi audit verify`");
            }
        }
    };
    std::thread::Builder::new().name("audit-verify".to_owned()).spawn(look)?;
    Ok(())
}

/// Where a chain stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct End {
    pub(super) entries: u64,
    pub(super) digest: Sha256Digest,
}

/// A place the chain must pass.
enum Mark {
    Head(AuditHead),
    Anchor(u64, Sha256Digest),
}

/// What a segment may end with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    /// A whole line.
    Closed,
    /// A line that a crash tore.
    Present,
}

#[derive(Default)]
struct Walked {
    bytes: u64,
    begun: Option<(u64, Timestamp)>,
}

/// One entry as it stands in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    sequence: u64,
    at: Timestamp,
    #[serde(borrow)]
    actor: Cow<'a, str>,
    #[serde(borrow)]
    action: Cow<'a, str>,
    #[serde(borrow)]
    subject: Cow<'a, str>,
    #[serde(borrow)]
    outcome: Cow<'a, str>,
    #[serde(borrow)]
    detail: Cow<'a, str>,
    digest: Sha256Digest,
}

struct Chain<'a> {
    sealer: &'a AuditSealer,
    end: End,
    marks: Vec<Mark>,
}

impl<'a> Chain<'a> {
    const fn new(sealer: &'a AuditSealer, start: End) -> Self {
        Self { sealer, end: start, marks: Vec::new() }
    }

    /// Notes what the chain must pass. Anchors of what is not here any more cannot be compared.
    fn expect(&mut self, head: &AuditHead, anchors: &[Anchor]) -> Result<(), LedgerBroken> {
        if head.entries < self.end.entries {
            return Err(LedgerBroken::Head);
        }
        self.marks.push(Mark::Head(*head));
        let here = anchors.iter().filter(|anchor| anchor.sequence >= self.end.entries);
        self.marks.extend(here.map(|anchor| Mark::Anchor(anchor.sequence, anchor.digest)));
        Ok(())
    }

    fn walk_closed(&mut self, segment: &Segment) -> Result<(), LedgerBroken> {
        let next = self.end.entries + 1;
        if segment.first > next {
            return Err(LedgerBroken::Missing { first: next, last: segment.first - 1 });
        }
        let file = File::open(&segment.path)?;
        let is_named = first_entry(&file)?.is_some_and(|entry| entry.sequence == segment.first);
        if segment.first < next || !is_named {
            return Err(LedgerBroken::Segment { first: segment.first });
        }
        self.walk(Some(&file), Last::Closed).map(drop)
    }

    fn walk(&mut self, file: Option<&File>, last: Last) -> Result<Walked, LedgerBroken> {
        let mut walked = Walked::default();
        let Some(file) = file else { return Ok(walked) };
        let mut lines = reader(file)?;
        let mut line = Vec::new();
        loop {
            self.compare()?;
            let sequence = self.end.entries + 1;
            let length = take_line(&mut lines, &mut line)?;
            if length == 0 {
                return Ok(walked);
            }
            let is_whole = line.last() == Some(&b'\n');
            let Some(entry) = parse(&line).filter(|_| is_whole) else {
                if last == Last::Present && (!is_whole || lines.fill_buf()?.is_empty()) {
                    return Ok(walked);
                }
                return Err(LedgerBroken::Entry { sequence });
            };
            let fields =
                [&*entry.actor, &*entry.action, &*entry.subject, &*entry.outcome, &*entry.detail];
            let digest = self.sealer.entry(self.end.digest, sequence, entry.at, fields);
            if entry.sequence != sequence || entry.digest != digest {
                return Err(LedgerBroken::Entry { sequence });
            }
            self.end = End { entries: sequence, digest };
            walked.bytes += length as u64;
            walked.begun.get_or_insert((sequence, entry.at));
        }
    }

    /// Compares with what is known about this place.
    fn compare(&self) -> Result<(), LedgerBroken> {
        let End { entries, digest } = self.end;
        for mark in &self.marks {
            match mark {
                Mark::Head(head) if head.entries == entries => {
                    if *head != self.sealer.head(entries, digest) {
                        return Err(LedgerBroken::Head);
                    }
                }
                Mark::Anchor(sequence, expected) if *sequence == entries => {
                    if *expected != digest {
                        return Err(LedgerBroken::Anchored { sequence: entries });
                    }
                }
                Mark::Head(_) | Mark::Anchor(..) => {}
            }
        }
        Ok(())
    }

    fn finish(&self, head: &AuditHead, anchors: &[Anchor]) -> Result<(), LedgerBroken> {
        let found = self.end.entries;
        let newest = anchors.iter().map(|anchor| anchor.sequence).max().unwrap_or(0);
        if newest > found {
            return Err(LedgerBroken::RolledBack { anchored: newest, found });
        }
        if head.entries > found {
            return Err(LedgerBroken::End { expected: head.entries, found });
        }
        self.compare()
    }
}

/// Where the first segment that is here begins, if it may.
fn start(
    path: &Path,
    segments: &[Segment],
    sealer: &AuditSealer,
    anchors: &[Anchor],
) -> Result<End, LedgerBroken> {
    let oldest = match segments.first() {
        Some(segment) => Some(File::open(&segment.path)?),
        None => open_present(path)?,
    };
    let begin = match &oldest {
        Some(file) => begin_of(file, sealer)?,
        None => End { entries: 0, digest: sealer.start(CHAIN) },
    };
    let is_anchored = anchors
        .iter()
        .any(|anchor| anchor.sequence == begin.entries && anchor.digest == begin.digest);
    if begin.entries > 0 && !is_anchored {
        return Err(LedgerBroken::Missing { first: 1, last: begin.entries });
    }
    Ok(begin)
}

/// What stands before a segment: its first entry says so, and its digest is keyed.
fn begin_of(file: &File, sealer: &AuditSealer) -> Result<End, LedgerBroken> {
    let start = End { entries: 0, digest: sealer.start(CHAIN) };
    let Some(first) = first_entry(file)? else { return Ok(start) };
    // Anything else is compared with the start of the chain, and fails there.
    if first.action != SEGMENT_ACTION || first.sequence < 2 {
        return Ok(start);
    }
    match previous(&first.detail) {
        Some(digest) => Ok(End { entries: first.sequence - 1, digest }),
        None => Err(LedgerBroken::Entry { sequence: first.sequence }),
    }
}

struct First {
    sequence: u64,
    action: String,
    detail: String,
}

fn first_entry(file: &File) -> Result<Option<First>, LedgerBroken> {
    let mut line = Vec::new();
    take_line(&mut reader(file)?, &mut line)?;
    let is_whole = line.last() == Some(&b'\n');
    Ok(parse(&line).filter(|_| is_whole).map(|entry| First {
        sequence: entry.sequence,
        action: entry.action.into_owned(),
        detail: entry.detail.into_owned(),
    }))
}

fn parse(line: &[u8]) -> Option<Line<'_>> {
    serde_json::from_slice(line).ok()
}

/// Reads from the start without moving a position that somebody else uses.
fn reader(file: &File) -> io::Result<BufReader<FromStart<'_>>> {
    file.metadata()?;
    Ok(BufReader::with_capacity(256 * 1024, FromStart { file, position: 0 }))
}

struct FromStart<'a> {
    file: &'a File,
    position: u64,
}

impl Read for FromStart<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        use std::os::unix::fs::FileExt;
        let length = self.file.read_at(buffer, self.position)?;
        self.position += length as u64;
        Ok(length)
    }
}

/// Reads one line of bounded length, with its end.
fn take_line(lines: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<usize> {
    line.clear();
    lines.take(LINE_BYTES_MAX as u64).read_until(b'\n', line)
}

fn open_present(path: &Path) -> io::Result<Option<File>> {
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
