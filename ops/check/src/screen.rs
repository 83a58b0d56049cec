//! What a person or a script sees: answers on standard output, everything else on standard error.
//!
//! File names, and what a stranger's batch says, are shown without the characters a terminal would obey
//! or that turn the direction of writing. A screen nobody reads any more (`| head`) stops no run.

use std::{
    fmt::Display,
    io::{self, ErrorKind, Write},
    path::Path,
};

use kakehashi_forms::Localized;

use crate::exit::Stop;

/// Writes a line to standard output.
pub(crate) fn answer(text: impl Display) -> anyhow::Result<()> {
    answer_bytes(format!("{}\n", harmless(&text.to_string())).as_bytes())
}

/// Writes a document of ours to standard output as it is.
pub(crate) fn answer_bytes(bytes: &[u8]) -> anyhow::Result<()> {
    let mut output = io::stdout().lock();
    match output.write_all(bytes).and_then(|()| output.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Stop::output(Path::new("-"), &error).into())
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Writes a line to standard error. If that is not possible there is nobody left to tell.
pub(crate) fn tell(text: impl Display) {
    let line = format!("{}\n", harmless(&text.to_string()));
    let _untold = io::stderr().lock().write_all(line.as_bytes());
}

/// A file name as it may be shown.
pub(crate) fn shown(name: &str) -> String {
    name.chars().filter(|c| !c.is_control() && !is_unseen(*c)).collect()
}

/// A path as it may be shown.
pub(crate) fn shown_path(path: &Path) -> String {
    shown(&path.to_string_lossy())
}

/// What the system said, in words: its own are English, and may hold the names of our scratch files.
pub(crate) fn reason(error: &io::Error) -> Localized {
    let kind = error.kind();
    let ja = match kind {
        ErrorKind::NotFound => "見つかりません",
        ErrorKind::PermissionDenied => "権限がありません",
        ErrorKind::AlreadyExists => "すでにあります",
        ErrorKind::StorageFull => "ディスクの空きがありません",
        ErrorKind::QuotaExceeded => "割り当てられた容量を超えます",
        ErrorKind::ReadOnlyFilesystem => "書き込み禁止です",
        ErrorKind::IsADirectory => "フォルダーです",
        ErrorKind::NotADirectory => "途中の名前がフォルダーではありません",
        _ => return Localized::new(kind.to_string(), kind.to_string()),
    };
    Localized::new(ja, kind.to_string())
}

fn harmless(text: &str) -> String {
    let is_kept = |c: &char| matches!(c, '\n' | '\t') || !(c.is_control() || is_unseen(*c));
    text.chars().filter(is_kept).collect()
}

/// Characters without a shape of their own: marks of direction, joiners, separators of lines.
const fn is_unseen(c: char) -> bool {
    matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_gives_no_orders_to_a_terminal_nor_turns_it_round() {
        assert_eq!(shown("a\u{1B}[2Jb\u{9B}1m\r\n.xml"), "a[2Jb1m.xml");
        assert_eq!(shown("\u{202E}lmx.exe\u{2066}"), "lmx.exe");
        assert_eq!(shown("難病 太郎\u{E0100}𠮷.xml"), "難病 太郎\u{E0100}𠮷.xml");
        assert_eq!(harmless("one\n\ttwo\u{1B}[31m"), "one\n\ttwo[31m");
    }

    #[test]
    fn a_full_disk_is_told_in_both_languages() {
        let full = reason(&ErrorKind::StorageFull.into());
        assert_eq!(full.ja, "ディスクの空きがありません");
        assert!(!full.en.is_empty());
    }
}
