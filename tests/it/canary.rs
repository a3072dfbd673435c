//! The search for canaries: in whatever disguise a name may have been written somewhere.

use std::{
    fs,
    path::{Path, PathBuf},
};

use hwc_residue::Disguises;

/// Every file below a folder.
pub(crate) fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(folder) else { return found };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files_below(&path));
        } else if path.is_file() {
            found.push(path);
        }
    }
    found
}

/// The first needle in a haystack, in whatever disguise: what `hwc forget verify` looks by.
pub(crate) fn found_in<'a>(haystack: &[u8], needles: &[&'a str]) -> Option<&'a str> {
    Disguises::new(needles).unwrap().find(haystack).map(|found| needles[found])
}
