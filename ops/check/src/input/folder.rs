//! What is in a folder: `.xml` and `.zip`, also in folders below.

use std::{
    io,
    path::{Path, PathBuf},
};

use kakehashi_forms::Finding;

use super::{FILES_MAX, Sources, Unreadable, cannot_open, problem};
use crate::screen::shown_path;

/// Folders below folders at most.
const DEPTH_MAX: usize = 16;

/// Adds the files of a folder, sorted by name. Links to folders are not followed, and pipes and devices are
/// not read: nobody named them, and they may never end.
pub(super) fn walk(folder: &Path, depth: usize, sources: &mut Sources) {
    let unreadable = &mut sources.unreadable;
    let mut names = match names(folder) {
        Ok(names) if depth <= DEPTH_MAX => names,
        Ok(_) => return unreadable.push(too_much(folder)),
        Err(error) => return unreadable.push(cannot_open(folder, &error)),
    };
    names.sort();
    for path in names {
        if sources.list.len() >= FILES_MAX {
            return sources.unreadable.push(too_much(folder));
        }
        match std::fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_dir() => walk(&path, depth + 1, sources),
            Ok(_) if !is_wanted(&path) => {}
            Ok(_) => file(path, sources),
            Err(error) => sources.unreadable.push(cannot_open(&path, &error)),
        }
    }
}

fn file(path: PathBuf, sources: &mut Sources) {
    match std::fs::metadata(&path) {
        Ok(metadata) if metadata.is_file() => sources.add(path, metadata.len()),
        Ok(_) => {
            let file = shown_path(&path);
            sources.unreadable.push(Unreadable { file, finding: no_file() });
        }
        Err(error) => sources.unreadable.push(cannot_open(&path, &error)),
    }
}

fn names(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder)?.take(FILES_MAX);
    entries.map(|entry| entry.map(|entry| entry.path())).collect()
}

/// Names that begin with a dot are what systems leave behind, not forms.
fn is_wanted(path: &Path) -> bool {
    let is_hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    !is_hidden && matches!(extension.as_deref(), Some("xml" | "zip"))
}

fn no_file() -> Finding {
    problem(
        "input.no-file",
        "通常のファイルではありません。",
        "It is not a regular file.",
        "フォルダーから取り除くか、直接指定してください。",
        "Please take it out of the folder, or name it.",
    )
}

fn too_much(folder: &Path) -> Unreadable {
    let finding = problem(
        "input.folder",
        "フォルダーが深すぎるか、ファイルが多すぎます。",
        "The folder is too deep or has too many files.",
        "フォルダーを分けて実行してください。",
        "Please run it on parts of the folder.",
    );
    Unreadable { file: shown_path(folder), finding }
}
