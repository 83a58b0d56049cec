//! Users' stories, each in a browser of its own against a product of its own.

mod clerk;
mod doctor;
mod municipality;

use std::path::{Path, PathBuf};

/// Where pictures of the pages are kept after the test.
fn pictures() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("pictures")
}
