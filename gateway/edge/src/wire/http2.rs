//! The frames of an HTTP/2 connection, counted as they pass. What they mean is the HTTP library's work.
//!
//! Every frame but a request's own costs us more than it costs its sender. In a window of time a
//! connection may send so many of each kind, and where kinds are useful in proportion to what moves,
//! so many more.

use std::time::Duration;

use tokio::time::Instant;

use super::WireLimits;

const PREFACE_BYTES: u32 = 24;
const HEADER_BYTES: usize = 9;
/// The window the counts are for.
const WINDOW: Duration = Duration::from_secs(10);
/// One more window update is fine for so many bytes we sent.
const BYTES_PER_UPDATE: u64 = 512;
/// Data frames below this size are counted as small.
const SMALL_BYTES: u32 = 64;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const PRIORITY: u8 = 2;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;

/// The head of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Frame {
    bytes: u32,
    kind: u8,
    flags: u8,
}

/// Finds the frames in a stream of bytes, however it is cut.
#[derive(Debug, Default)]
struct Walker {
    skip: u32,
    header: [u8; HEADER_BYTES],
    got: usize,
}

impl Walker {
    fn walk(
        &mut self,
        mut bytes: &[u8],
        mut found: impl FnMut(Frame) -> Result<(), &'static str>,
    ) -> Result<(), &'static str> {
        while !bytes.is_empty() {
            if self.skip > 0 {
                let skipped = bytes.len().min(usize::try_from(self.skip).unwrap_or(usize::MAX));
                self.skip -= u32::try_from(skipped).unwrap_or(u32::MAX);
                bytes = bytes.get(skipped..).unwrap_or_default();
                continue;
            }
            let (taken, rest) = bytes.split_at(bytes.len().min(HEADER_BYTES - self.got));
            self.header[self.got..self.got + taken.len()].copy_from_slice(taken);
            self.got += taken.len();
            bytes = rest;
            if self.got == HEADER_BYTES {
                self.got = 0;
                let [a, b, c, kind, flags, ..] = self.header;
                let frame = Frame { bytes: u32::from_be_bytes([0, a, b, c]), kind, flags };
                self.skip = frame.bytes;
                found(frame)?;
            }
        }
        Ok(())
    }
}

/// What came in this window.
#[derive(Debug, Default)]
struct Counts {
    streams: u32,
    resets: u32,
    pings: u32,
    settings: u32,
    priorities: u32,
    updates: u32,
    empty: u32,
    small: u32,
    unknown: u32,
    data_bytes: u64,
}

/// The counter of one connection.
#[derive(Debug)]
pub(super) struct Http2 {
    walker: Walker,
    counts: Counts,
    since: Instant,
    sent_bytes: u64,
    block_bytes: u64,
    continuations: u32,
}

impl Http2 {
    pub(super) fn new(now: Instant) -> Self {
        let walker = Walker { skip: PREFACE_BYTES, ..Walker::default() };
        let counts = Counts::default();
        Self { walker, counts, since: now, sent_bytes: 0, block_bytes: 0, continuations: 0 }
    }

    /// Notes bytes we sent: the peer may answer them with window updates.
    pub(super) fn sent(&mut self, bytes: usize) {
        self.sent_bytes += bytes as u64;
    }

    /// Counts what came in.
    ///
    /// # Errors
    ///
    /// The code of the limit that is exceeded.
    pub(super) fn check(
        &mut self,
        bytes: &[u8],
        now: Instant,
        limits: &WireLimits,
    ) -> Result<(), &'static str> {
        if now.duration_since(self.since) >= WINDOW {
            (self.counts, self.since, self.sent_bytes) = (Counts::default(), now, 0);
        }
        let Self { walker, counts, block_bytes, continuations, sent_bytes, .. } = self;
        let updates_max = sent_bytes.saturating_div(BYTES_PER_UPDATE);
        walker.walk(bytes, |frame| {
            block(frame, block_bytes, continuations, limits)?;
            counts.count(frame, updates_max, limits)
        })
    }
}

/// A header block comes in few frames and is bounded.
fn block(
    frame: Frame,
    block_bytes: &mut u64,
    continuations: &mut u32,
    limits: &WireLimits,
) -> Result<(), &'static str> {
    match frame.kind {
        HEADERS => (*block_bytes, *continuations) = (u64::from(frame.bytes), 0),
        CONTINUATION => {
            *block_bytes += u64::from(frame.bytes);
            *continuations += 1;
        }
        _ => return Ok(()),
    }
    if *continuations > limits.continuations_max {
        return Err("h2-continuation-flood");
    }
    if *block_bytes > limits.head_bytes_max as u64 {
        return Err("h2-head-long");
    }
    Ok(())
}

impl Counts {
    fn count(
        &mut self,
        frame: Frame,
        updates_extra: u64,
        limits: &WireLimits,
    ) -> Result<(), &'static str> {
        let control = limits.control_frames_max;
        match frame.kind {
            HEADERS => self.streams += 1,
            CONTINUATION => {}
            DATA => return self.count_data(frame, control),
            RST_STREAM => return more(&mut self.resets, limits.resets_max, "h2-reset-flood"),
            PING => return more(&mut self.pings, control, "h2-ping-flood"),
            SETTINGS => return more(&mut self.settings, control, "h2-settings-flood"),
            PRIORITY => {
                let max = control.saturating_add(self.streams.saturating_mul(2));
                return more(&mut self.priorities, max, "h2-priority-flood");
            }
            WINDOW_UPDATE => {
                let useful = u64::from(self.streams) * 4 + updates_extra + self.data_bytes / 1024;
                let useful = u32::try_from(useful).unwrap_or(u32::MAX);
                let max = control.saturating_mul(10).saturating_add(useful);
                return more(&mut self.updates, max, "h2-window-update-flood");
            }
            _ => return more(&mut self.unknown, control, "h2-unknown-frame-flood"),
        }
        Ok(())
    }

    fn count_data(&mut self, frame: Frame, control: u32) -> Result<(), &'static str> {
        self.data_bytes += u64::from(frame.bytes);
        if frame.flags & END_STREAM != 0 {
            return Ok(());
        }
        if frame.bytes == 0 {
            return more(&mut self.empty, control, "h2-empty-data-flood");
        }
        if frame.bytes < SMALL_BYTES {
            return more(&mut self.small, control.saturating_mul(20), "h2-small-data-flood");
        }
        Ok(())
    }
}

fn more(count: &mut u32, max: u32, code: &'static str) -> Result<(), &'static str> {
    *count = count.saturating_add(1);
    if *count > max { Err(code) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, bytes: u32) -> Vec<u8> {
        let mut frame = bytes.to_be_bytes()[1..].to_vec();
        frame.extend([kind, flags, 0, 0, 0, 1]);
        frame.resize(HEADER_BYTES + bytes as usize, 0xff);
        frame
    }

    fn limits() -> WireLimits {
        WireLimits { resets_max: 10, control_frames_max: 10, ..WireLimits::default() }
    }

    /// Feeds preface and frames in pieces; answers the code, if any.
    fn feed(frames: &[Vec<u8>], piece: usize) -> Option<&'static str> {
        let now = Instant::now();
        let mut http = Http2::new(now);
        let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        bytes.extend(frames.concat());
        bytes.chunks(piece).find_map(|bytes| http.check(bytes, now, &limits()).err())
    }

    #[track_caller]
    fn check(one: &[u8], fine: usize, code: &'static str) {
        for piece in [1, 5, 8, 9, 10, 4096] {
            assert_eq!(feed(&vec![one.to_owned(); fine], piece), None, "{piece}");
            assert_eq!(feed(&vec![one.to_owned(); fine + 1], piece), Some(code), "{piece}");
        }
    }

    #[test]
    fn so_many_of_each_kind_and_no_more() {
        check(&frame(RST_STREAM, 0, 4), 10, "h2-reset-flood");
        check(&frame(PING, 0, 8), 10, "h2-ping-flood");
        check(&frame(SETTINGS, 0, 0), 10, "h2-settings-flood");
        check(&frame(PRIORITY, 0, 5), 10, "h2-priority-flood");
        check(&frame(WINDOW_UPDATE, 0, 4), 100, "h2-window-update-flood");
        check(&frame(DATA, 0, 0), 10, "h2-empty-data-flood");
        check(&frame(DATA, 0, 1), 200, "h2-small-data-flood");
        check(&frame(0xbb, 0, 3), 10, "h2-unknown-frame-flood");
    }

    #[test]
    fn a_header_block_is_bounded_in_frames_and_bytes() {
        let begin = frame(HEADERS, 0, 100);
        let mut frames = vec![begin.clone()];
        frames.extend(vec![frame(CONTINUATION, 0, 10); 8]);
        assert_eq!(feed(&frames, 4096), None);
        frames.push(frame(CONTINUATION, 0, 10));
        assert_eq!(feed(&frames, 4096), Some("h2-continuation-flood"));
        let frames =
            [frame(HEADERS, 0, 16384), frame(CONTINUATION, 0, 16384), frame(CONTINUATION, 4, 1)];
        assert_eq!(feed(&frames[..2], 1000), None);
        assert_eq!(feed(&frames, 1000), Some("h2-head-long"));
    }

    #[test]
    fn requests_and_large_bodies_are_not_counted() {
        let mut frames = vec![frame(HEADERS, 5, 30); 1000];
        frames.extend(vec![frame(DATA, 0, 16384); 100]);
        frames.extend(vec![frame(DATA, 1, 0); 1000]);
        frames.extend(vec![frame(WINDOW_UPDATE, 0, 4); 1000]);
        assert_eq!(feed(&frames, 4096), None);
    }

    #[test]
    fn a_new_window_begins_at_nothing_and_downloads_need_updates() {
        let now = Instant::now();
        let mut http = Http2::new(now);
        http.check(&[0; PREFACE_BYTES as usize], now, &limits()).unwrap();
        let pings = vec![frame(PING, 0, 8); 10].concat();
        assert_eq!(http.check(&pings, now, &limits()), Ok(()));
        assert_eq!(http.check(&pings, now + WINDOW, &limits()), Ok(()));
        assert_eq!(http.check(&pings, now + WINDOW, &limits()), Err("h2-ping-flood"));
        let mut http = Http2::new(now);
        http.check(&[0; PREFACE_BYTES as usize], now, &limits()).unwrap();
        http.sent(1_000_000);
        let updates = vec![frame(WINDOW_UPDATE, 0, 4); 1900].concat();
        assert_eq!(http.check(&updates, now, &limits()), Ok(()));
    }
}
