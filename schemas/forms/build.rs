//! Lists the definition files, so that whatever stands in the folder is embedded.

use std::{
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

/// The folders whose files are definitions. Cases are for tests and are not embedded.
const FOLDERS: [&str; 6] = ["codes", "tables", "shared", "forms", "shapes", "lists"];

fn main() -> io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../definitions");
    let mut files = Vec::new();
    for folder in FOLDERS {
        let folder = root.join(folder);
        println!("cargo::rerun-if-changed={}", folder.display());
        if folder.exists() {
            collect(&folder, &mut files)?;
        }
    }
    files.sort();
    let mut source = String::from("&[\n");
    for file in &files {
        let name = file.strip_prefix(&root).unwrap_or(file).to_string_lossy().replace('\\', "/");
        let file = file.to_string_lossy();
        let line = format!("    SourceFile {{ path: {name:?}, text: include_str!({file:?}) }},");
        writeln!(source, "{line}").map_err(io::Error::other)?;
    }
    source.push_str("]\n");
    let out = std::env::var_os("OUT_DIR").map(PathBuf::from).unwrap_or_default();
    fs::write(out.join("definitions.rs"), source)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let is_definition = path.extension().is_some_and(|end| end == "toml" || end == "csv");
        if path.is_dir() {
            collect(&path, files)?;
        } else if is_definition {
            files.push(path);
        }
    }
    Ok(())
}
