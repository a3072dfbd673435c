//! The search for canaries: in whatever disguise a name may have been written somewhere.

use std::{
    fs,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};

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

/// The first needle in a haystack, in whatever disguise.
pub(crate) fn found_in<'a>(haystack: &[u8], needles: &[&'a str]) -> Option<&'a str> {
    let folded = haystack.to_ascii_lowercase();
    let lower = String::from_utf8_lossy(haystack).to_lowercase();
    needles.iter().copied().find(|needle| {
        lower.contains(&needle.to_lowercase())
            || disguises(needle).iter().any(|(disguise, exact)| {
                if *exact {
                    holds(haystack, disguise)
                } else {
                    holds(&folded, &disguise.to_ascii_lowercase())
                }
            })
    })
}

/// A needle's disguises, and whether their case matters.
fn disguises(needle: &str) -> Vec<(Vec<u8>, bool)> {
    let mut all = Vec::new();
    for text in [needle.to_owned(), needle.to_uppercase(), needle.to_lowercase()] {
        let escaped: String = text
            .chars()
            .map(|c| if c.is_ascii() { c.to_string() } else { format!("\\u{:04x}", c as u32) })
            .collect();
        all.push((escaped.into_bytes(), false));
        all.push((text.encode_utf16().flat_map(u16::to_le_bytes).collect(), false));
        all.push((text.encode_utf16().flat_map(u16::to_be_bytes).collect(), false));
        all.push((hex::encode(&text).into_bytes(), false));
        for shift in 0..3 {
            // What stands before shifts the letters of base64; those that mix with the neighbours are left out. All others are
            // taken: four of them would be found in any large ciphertext by chance.
            let encoded = BASE64.encode([vec![0; shift], text.clone().into_bytes()].concat());
            let start = if shift == 0 { 0 } else { shift + 1 };
            let whole = (shift + text.len()) * 8 / 6;
            all.push((encoded.as_bytes()[start..whole].to_vec(), true));
        }
    }
    all
}

fn holds(haystack: &[u8], needle: &[u8]) -> bool {
    memchr::memmem::find(haystack, needle).is_some()
}
