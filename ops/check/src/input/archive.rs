//! ZIP archives of forms and batches. Their entries are strangers' data: how many, how large and what they
//! are is bounded, and nothing is unpacked to disk.

use std::{
    cell::Cell,
    fs::File,
    io::{self, Read},
};

use kakehashi_forms::Finding;
use zip::{ZipArchive, read::ZipFile};

use super::{
    bounded::{Bounded, UNPACKED_BYTES_MAX},
    empty, first_bytes, is_archive, problem,
};
use crate::screen::shown;

/// Entries of one archive at most.
const ENTRIES_MAX: usize = 100_000;

/// What an archive gives: a document to be read, or an entry that is none.
pub(crate) enum Entry<'a> {
    /// Its name and what it reads.
    Document(&'a str, &'a mut dyn Read),
    /// An entry that cannot be read, or the archive itself (no name).
    Unreadable(Option<&'a str>, Finding),
}

/// Gives every `.xml` entry out, in the order of the archive. Others are passed over. The closure's answer
/// ends nothing: one bad entry never stops the others.
pub(crate) fn read_archive(
    file: File,
    watch: &dyn Fn(u64),
    each: &mut dyn FnMut(Entry<'_>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    // An archive that does not begin where the file begins is the rest of a damaged one, or hides something.
    let archive = ZipArchive::new(io::BufReader::new(file)).ok();
    let Some(mut archive) = archive.filter(|archive| archive.offset() == 0) else {
        return each(Entry::Unreadable(None, broken()));
    };
    if archive.len() > ENTRIES_MAX {
        return each(Entry::Unreadable(None, too_large()));
    }
    // Programs differ in which of two such entries they see: neither is read.
    if archive.metadata().has_duplicate_names() {
        return each(Entry::Unreadable(None, repeated()));
    }
    let is_empty = Cell::new(true);
    let mut each = |entry: Entry<'_>| {
        is_empty.set(false);
        each(entry)
    };
    let archive_left = Cell::new(UNPACKED_BYTES_MAX);
    for place in 0..archive.len() {
        let Ok(mut entry) = archive.by_index(place) else {
            let shown = format!("#{}", place + 1);
            each(Entry::Unreadable(Some(&shown), unusual()))?;
            continue;
        };
        let name = entry_name(&entry);
        let packed = entry.compressed_size();
        if entry.is_dir() || is_left_behind(&name) {
            continue;
        }
        let is_beyond = Cell::new(false);
        let mut reader = Bounded::new(&mut entry, packed, &archive_left, &is_beyond);
        let first = first_bytes(&mut reader);
        match first {
            Ok(first) if is_archive(&first) => {
                each(Entry::Unreadable(Some(&name), nested()))?;
            }
            Ok(first) if has_extension(&name, "xml") => {
                let mut document = first.as_slice().chain(reader);
                each(Entry::Document(&name, &mut document))?;
            }
            Ok(_) => {}
            Err(_) if is_beyond.get() => {}
            Err(_) => each(Entry::Unreadable(Some(&name), broken()))?,
        }
        if is_beyond.get() {
            each(Entry::Unreadable(Some(&name), too_large()))?;
        }
        watch(packed);
        if archive_left.get() == 0 {
            break;
        }
    }
    if is_empty.get() { each(Entry::Unreadable(None, empty())) } else { Ok(()) }
}

/// Windows writes names in CP932 without saying so.
fn entry_name<R: Read>(entry: &ZipFile<'_, R>) -> String {
    let raw = entry.name_raw();
    match std::str::from_utf8(raw) {
        Ok(name) => shown(name),
        Err(_) => shown(&encoding_rs::SHIFT_JIS.decode_without_bom_handling(raw).0),
    }
}

/// What macOS adds to every archive. Some programs of Windows write `\` between folders.
fn is_left_behind(name: &str) -> bool {
    name.starts_with("__MACOSX/")
        || name.rsplit(['/', '\\']).next().is_some_and(|file| file.starts_with('.'))
}

fn has_extension(name: &str, wanted: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, extension)| extension.eq_ignore_ascii_case(wanted))
}

fn broken() -> Finding {
    problem(
        "input.zip",
        "ZIPファイルが壊れています。",
        "The ZIP archive is damaged.",
        "もう一度作り直してください。",
        "Please make it again.",
    )
}

fn repeated() -> Finding {
    problem(
        "input.zip-repeated",
        "ZIPの中に同じ名前のファイルが2つ以上あります。",
        "The archive has two entries of one name.",
        "どちらが正しいか確認し、作り直してください。",
        "Please see which is right and make the archive again.",
    )
}

fn unusual() -> Finding {
    problem(
        "input.zip-entry",
        "パスワード付き、または対応していない方法で圧縮されています。",
        "The entry has a password or is packed in a way that is not read.",
        "パスワードを付けず、標準のZIP形式で作り直してください。",
        "Please make the archive again, without a password, in the usual way.",
    )
}

fn nested() -> Finding {
    problem(
        "input.zip-nested",
        "ZIPの中のZIPは読みません。",
        "An archive in an archive is not read.",
        "中のZIPを取り出して指定してください。",
        "Please take it out and name it.",
    )
}

fn too_large() -> Finding {
    problem(
        "input.zip-too-large",
        "展開すると大きすぎます。",
        "It unpacks to too much.",
        "ZIPを分けて作り直してください。",
        "Please make several smaller archives.",
    )
}
