//! What is in a folder: `.xml` and `.zip`, also in folders below.

use std::{
    io,
    path::{Path, PathBuf},
};

use super::{FILES_MAX, Source, Unreadable, cannot_open, problem, shown};

/// Folders below folders at most.
const DEPTH_MAX: usize = 16;

/// Adds the files of a folder, sorted by name. Links to folders are not followed.
pub(super) fn walk(
    folder: &Path,
    depth: usize,
    found: &mut Vec<Source>,
    unreadable: &mut Vec<Unreadable>,
) {
    let mut names = match names(folder) {
        Ok(names) if depth <= DEPTH_MAX => names,
        Ok(_) => return unreadable.push(too_much(folder)),
        Err(error) => return unreadable.push(cannot_open(folder, &error)),
    };
    names.sort();
    for path in names {
        if found.len() >= FILES_MAX {
            return unreadable.push(too_much(folder));
        }
        match std::fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_dir() => walk(&path, depth + 1, found, unreadable),
            Ok(_) if !is_wanted(&path) => {}
            Ok(metadata) => found.push(Source::File { path, bytes: metadata.len() }),
            Err(error) => unreadable.push(cannot_open(&path, &error)),
        }
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

fn too_much(folder: &Path) -> Unreadable {
    let finding = problem(
        "input.folder",
        "フォルダーが深すぎるか、ファイルが多すぎます。",
        "The folder is too deep or has too many files.",
        "フォルダーを分けて実行してください。",
        "Please run it on parts of the folder.",
    );
    Unreadable { file: shown(&folder.to_string_lossy()), finding }
}
