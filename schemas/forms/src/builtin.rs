//! The definition files, embedded: `build.rs` lists whatever stands in the folder.

use crate::catalogue::SourceFile;

pub(crate) const FILES: &[SourceFile<'_>] = include!(concat!(env!("OUT_DIR"), "/definitions.rs"));
