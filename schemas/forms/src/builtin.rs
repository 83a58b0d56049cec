//! The definition files, embedded. A new file is a new line here; a test compares with the folder.

use crate::catalogue::SourceFile;

macro_rules! files {
    ($($path:literal),* $(,)?) => {
        &[$(SourceFile {
            path: $path,
            text: include_str!(concat!("../../definitions/", $path)),
        }),*]
    };
}

pub(crate) const FILES: &[SourceFile<'_>] = files![
    "codes/common.toml",
    "codes/barthel.toml",
    "codes/parkinson.toml",
    "shared/nanbyo/administration.toml",
    "shared/nanbyo/basic.toml",
    "shared/nanbyo/ventilator.toml",
    "shared/nanbyo/notes.toml",
    "shared/nanbyo/institution.toml",
    "forms/nanbyo/0006-000/2403.toml",
];
