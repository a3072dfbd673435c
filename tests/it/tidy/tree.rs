//! The tree as text files, and what a check asks of one.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use super::rust::{blanked, has_word, without_tests};

/// One text file, with its path from the root.
pub(super) struct File {
    pub(super) path: String,
    pub(super) text: String,
}

/// Something that should not be there.
pub(super) struct Finding {
    pub(super) path: String,
    pub(super) line: usize,
    pub(super) what: String,
}

/// One line of a manifest that asks for a crate.
pub(super) struct Dependency<'a> {
    pub(super) name: &'a str,
    pub(super) normal: bool,
}

pub(super) static TREE: LazyLock<Vec<File>> = LazyLock::new(|| {
    let mut files = Vec::new();
    read(&root(), &root(), &mut files);
    files
});

/// The names of the crates below `adapters`.
pub(super) static ADAPTERS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let manifests = TREE.iter().filter(|file| file.is_manifest() && file.path.starts_with("adapters/"));
    manifests.filter_map(|file| file.text.lines().find_map(package_name)).collect()
});

fn package_name(line: &str) -> Option<String> {
    Some(line.strip_prefix("name = \"")?.strip_suffix('"')?.to_owned())
}

/// The folder of the workspace, whichever crate this test is built in.
pub(super) fn root() -> PathBuf {
    let is_root = |folder: &&Path| {
        fs::read_to_string(folder.join("Cargo.toml")).is_ok_and(|text| text.contains("[workspace]"))
    };
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().find(is_root).unwrap().to_owned()
}

fn read(root: &Path, folder: &Path, files: &mut Vec<File>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let name = entry.file_name().to_string_lossy().into_owned();
        let ours = !name.starts_with('.') || [".ci", ".gitignore"].contains(&name.as_str());
        let made = ["target", "__pycache__"].contains(&name.as_str());
        if !ours || made {
            continue;
        }
        if entry.path().is_dir() {
            read(root, &entry.path(), files);
        } else if let Ok(text) = fs::read_to_string(entry.path()) {
            let path = entry.path().strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/");
            files.push(File { path, text });
        }
    }
}

impl File {
    /// What the file's name ends with, after its last dot.
    pub(super) fn kind(&self) -> &str {
        self.path.rsplit_once('.').map_or("", |(_, kind)| kind)
    }

    pub(super) fn is_rust(&self) -> bool {
        self.kind() == "rs"
    }

    pub(super) fn is_manifest(&self) -> bool {
        self.path == "Cargo.toml" || self.path.ends_with("/Cargo.toml")
    }

    pub(super) fn finding(&self, line: usize, what: impl Into<String>) -> Finding {
        Finding { path: self.path.clone(), line, what: what.into() }
    }

    /// A Rust file without its comments and texts; of any other file nothing.
    pub(super) fn code(&self) -> String {
        if self.is_rust() { blanked(&self.text, true) } else { String::new() }
    }

    /// The code that gets into a program: no tests.
    pub(super) fn shipped(&self) -> String {
        let is_test = |part: &str| ["tests", "benches", "tests.rs", "testing.rs"].contains(&part);
        if self.path.split('/').any(is_test) { String::new() } else { without_tests(self.code()) }
    }

    /// Each line of a view of this file in which one of the words stands.
    pub(super) fn words(&self, view: &str, words: &[&str]) -> Vec<Finding> {
        let on = |text: &str| words.iter().find(|word| has_word(text, word)).copied();
        numbered(view).filter_map(|(line, text)| Some(self.finding(line, on(text)?))).collect()
    }

    /// The dependencies of a manifest that are wanted.
    pub(super) fn dependencies(&self, wanted: impl Fn(&Dependency<'_>) -> bool) -> Vec<Finding> {
        if !self.is_manifest() {
            return Vec::new();
        }
        let mut section = "";
        let mut found = Vec::new();
        for (line, text) in numbered(&self.text) {
            let text = text.trim();
            let name = if let Some(header) = text.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
                section = header;
                header.rsplit_once("dependencies.").map_or("", |(_, name)| name)
            } else if section.ends_with("dependencies") && !text.starts_with('#') {
                let renamed = text.split_once("package = \"").and_then(|(_, rest)| rest.split('"').next());
                renamed.or_else(|| text.split(['.', '=', ' ']).next()).unwrap_or_default()
            } else {
                ""
            };
            let normal = !section.contains("dev-dependencies") && !section.contains("build-dependencies");
            if !name.is_empty() && wanted(&Dependency { name, normal }) {
                found.push(self.finding(line, format!("depends on {name}")));
            }
        }
        found
    }
}

/// The lines of a text, numbered from 1.
pub(super) fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(at, line)| (at + 1, line))
}
