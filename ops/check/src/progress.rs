//! A bar on the terminal; nothing where there is none.

use std::io::{self, Read};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::language::Language;

/// How far the run is, in bytes.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// Starts one over `bytes`. Shown only if standard error is a terminal.
    pub(crate) fn new(bytes: u64, language: Language) -> Self {
        let bar = ProgressBar::with_draw_target(Some(bytes), ProgressDrawTarget::stderr_with_hz(5));
        let template = language.pick(
            "検査中 {bar:30} {percent:>3}% {msg} 残り{eta}",
            "checking {bar:30} {percent:>3}% {msg} {eta} left",
        );
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self(bar)
    }

    /// Shows how many forms were seen.
    pub(crate) fn forms(&self, forms: u64) {
        if forms.is_multiple_of(100) {
            self.0.set_message(forms.to_string());
        }
    }

    /// Counts what is read.
    pub(crate) fn watch<R: Read>(&self, reader: R) -> impl Read {
        Watched { reader, bar: self.0.clone() }
    }

    /// Counts bytes that were read elsewhere.
    pub(crate) fn advance(&self, bytes: u64) {
        self.0.inc(bytes);
    }

    /// Takes it off the screen.
    pub(crate) fn finish(&self) {
        self.0.finish_and_clear();
    }
}

struct Watched<R> {
    reader: R,
    bar: ProgressBar,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        self.bar.inc(read as u64);
        Ok(read)
    }
}
