//! The workspace as cargo sees it, and its sources as text.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde::Deserialize;
use serde_json::Value;

/// When a dependency is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Always.
    Normal,
    /// By tests.
    Dev,
    /// By the build script.
    Build,
}

/// A package of the dependency graph.
#[derive(Debug, Clone)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its folder below the workspace's root; `None` when it is not ours.
    pub folder: Option<String>,
    /// The names of what it depends on directly, per kind.
    pub depends_on: Vec<(String, Kind)>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<MetadataPackage>,
    resolve: Resolve,
    workspace_root: PathBuf,
}

#[derive(Deserialize)]
struct MetadataPackage {
    id: String,
    name: String,
    manifest_path: PathBuf,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<Value>,
}

/// Answers the workspace's root.
pub fn root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.ancestors().nth(2).expect("this crate is tests/e2e").to_owned()
}

/// Runs cargo in the workspace; without a network first, because everything is there after a build.
#[track_caller]
pub fn cargo(arguments: &[&str]) -> String {
    let mut said = String::new();
    for offline in [&["--offline"][..], &[]] {
        let run = Command::new(env!("CARGO"))
            .args(arguments)
            .args(["--locked"])
            .args(offline)
            .current_dir(root())
            .output()
            .expect("cargo runs");
        if run.status.success() {
            return String::from_utf8(run.stdout).expect("cargo writes UTF-8");
        }
        said = String::from_utf8_lossy(&run.stderr).into_owned();
    }
    panic!("cargo {arguments:?} failed:\n{said}");
}

/// Answers every package of the dependency graph on this machine.
#[track_caller]
pub fn packages() -> Vec<Package> {
    let machine = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let text = cargo(&["metadata", "--format-version", "1", "--filter-platform", &machine]);
    let metadata: Metadata = serde_json::from_str(&text).expect("cargo's metadata");
    let names: BTreeMap<&str, &str> =
        metadata.packages.iter().map(|package| (&*package.id, &*package.name)).collect();
    let mut edges: BTreeMap<&str, Vec<(String, Kind)>> = BTreeMap::new();
    for node in &metadata.resolve.nodes {
        for dependency in &node.deps {
            for kind in &dependency.dep_kinds {
                let kind = match kind["kind"].as_str() {
                    Some("dev") => Kind::Dev,
                    Some("build") => Kind::Build,
                    _ => Kind::Normal,
                };
                let name = names[&*dependency.pkg].to_owned();
                edges.entry(&node.id).or_default().push((name, kind));
            }
        }
    }
    let packages = metadata.packages.iter().map(|package| {
        let below = package.manifest_path.strip_prefix(&metadata.workspace_root).ok();
        Package {
            name: package.name.clone(),
            folder: below.and_then(Path::parent).map(|folder| folder.display().to_string()),
            depends_on: edges.remove(&*package.id).unwrap_or_default(),
        }
    });
    packages.collect()
}

/// Answers the names of everything `package` needs at run time, with the features it asks for itself.
#[track_caller]
pub fn needs(package: &str) -> Vec<String> {
    let tree = ["tree", "--package", package, "--edges", "normal", "--prefix", "none"];
    let text = cargo(&[&tree[..], &["--format", "{p}"]].concat());
    let mut names: Vec<String> =
        text.lines().filter_map(|line| Some(line.split_whitespace().next()?.to_owned())).collect();
    names.sort();
    names.dedup();
    names
}

/// A source file without comments, texts and tests.
#[derive(Debug, Clone)]
pub struct Source {
    /// Below the workspace's root.
    pub path: String,
    /// What is left.
    pub code: String,
}

/// Reads every Rust file below `folder`/src, apart from files of tests.
#[track_caller]
pub fn sources(folder: &str) -> Vec<Source> {
    let mut found = Vec::new();
    walk(&root().join(folder).join("src"), &mut found);
    assert!(!found.is_empty(), "{folder} holds no sources");
    found
}

fn walk(folder: &Path, found: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).expect("a source folder can be read") {
        let path = entry.expect("a source folder can be read").path();
        if path.is_dir() {
            walk(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") && !path.ends_with("tests.rs") {
            let text = fs::read_to_string(&path).expect("a source file can be read");
            let below = path.strip_prefix(root()).expect("sources lie in the workspace");
            found.push(Source { path: below.display().to_string(), code: code(&text) });
        }
    }
}

/// Leaves comments, texts and what stands under `#[cfg(test)]` at the end of a file out.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("'\"'") {
            3
        } else if c == '"' {
            end_of_text(rest)
        } else {
            code.push(c);
            c.len_utf8()
        };
        rest = &rest[length..];
    }
    code
}

/// The length of the text that begins here, quotes included. Raw texts with hashes end at their first
/// quote, which leaves the rest as code: more is looked at, not less.
fn end_of_text(rest: &str) -> usize {
    let mut is_escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// Answers the paths below `std` that code names, such as `std::fs` and, in `use std::{env, io}`, both.
pub fn std_modules(code: &str) -> Vec<String> {
    let flat: String = code.split_whitespace().collect();
    let mut found = Vec::new();
    for (at, _) in flat.match_indices("std::") {
        let rest = &flat[at + 5..];
        let Some(list) = rest.strip_prefix('{') else {
            found.push(word(rest));
            continue;
        };
        let (mut depth, mut is_start) = (0_u32, true);
        for (at, c) in list.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => is_start = true,
                _ if is_start => {
                    found.push(word(&list[at..]));
                    is_start = false;
                }
                _ => {}
            }
        }
    }
    found
}

fn word(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_found_in_every_way_of_naming_them() {
        let code = "use std::fs;\nuse std::{collections::{BTreeMap, env}, io::Read,\n net};\nlet _ = std::env::vars();";
        assert_eq!(std_modules(code), ["fs", "collections", "io", "net", "env"]);
    }

    #[test]
    fn comments_texts_and_tests_are_no_code() {
        let text =
            "a // std::fs\nb \"std::env \\\" x\" c '\"' d\n#[cfg(test)]\nmod tests {\n std::net";
        assert_eq!(code(text), "a \nb  c  d\n");
    }
}
