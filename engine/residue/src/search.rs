//! One reading of everything below a folder, for all that is looked for.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use crate::{
    disguises::{Disguises, in_base64},
    needles::{Needles, deleted_files_of, there},
    pieces,
};

/// Findings, and files that could not be read, that are listed for one place; more are counted.
pub const LISTED_MAX: usize = 1_000;

/// What compressed and encrypted files begin with: nothing is found in them, though it may be there.
const CLOSED: [(&[u8], &str); 9] = [
    (b"\x1f\x8b", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"BZh", "bzip2"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"PK\x03\x04", "zip"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"LPKSHHRH", "a journal of systemd, parts of which are compressed"),
    (b"age-encryption.org/", "age"),
];

/// How something was written where it was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    /// As it is.
    Plain,
    /// In UTF-16, of either order.
    Utf16,
    /// With the escapes of JSON.
    Escaped,
    /// In hexadecimal digits.
    Hex,
    /// In base64.
    Base64,
}

impl Form {
    /// Its name.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Utf16 => "utf16",
            Self::Escaped => "escaped",
            Self::Hex => "hex",
            Self::Base64 => "base64",
        }
    }
}

/// What was looked for, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sought {
    /// A marker.
    Marker(usize),
    /// A canary.
    Canary(usize),
}

/// Something that was found; once for each file, form and thing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    /// What.
    pub sought: Sought,
    /// How it was written.
    pub form: Form,
    /// The file, as seen from the folder. Parts of a path that hold what is looked for are left out.
    pub file: PathBuf,
    /// The first place in the file; none if it is in the file's name.
    pub at: Option<u64>,
}

/// Something that was there and could not be searched.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unread {
    /// Which, as seen from the folder.
    pub file: PathBuf,
    /// Why.
    pub why: String,
}

/// What one search of one place came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Searched {
    /// Files that were read to their end.
    pub files: u64,
    /// Bytes in them.
    pub bytes: u64,
    /// Files that went away meanwhile.
    pub went_away: u64,
    /// What was found; at most [`LISTED_MAX`].
    pub found: Vec<Found>,
    /// How many findings more there are.
    pub found_more: u64,
    /// What could not be searched; at most [`LISTED_MAX`].
    pub unread: Vec<Unread>,
    /// How many more could not be searched.
    pub unread_more: u64,
}

/// What to look for: markers and canaries. Made once, used for many places.
#[derive(Debug)]
pub struct Search {
    needles: Needles,
    canaries: Disguises,
}

/// Of each marker: as it is, in hexadecimal digits of either case, in base64 at each of three places.
const NEEDLES_OF_A_MARKER: usize = 6;

impl Search {
    /// In what forms a marker is looked for, in this order.
    const MARKER_FORMS: [Form; NEEDLES_OF_A_MARKER] =
        [Form::Plain, Form::Hex, Form::Hex, Form::Base64, Form::Base64, Form::Base64];

    /// A marker in each form that it is looked for in.
    pub fn forms_of(marker: &[u8; 16]) -> Vec<(Form, Vec<u8>)> {
        let hex = hex::encode(marker);
        let written = [marker.to_vec(), hex.clone().into_bytes(), hex.to_uppercase().into_bytes()];
        Self::MARKER_FORMS.into_iter().zip(written.into_iter().chain(in_base64(marker))).collect()
    }

    /// A search for markers of sixteen bytes, and for canaries in every disguise.
    pub fn new(markers: &[[u8; 16]], canaries: Disguises) -> Self {
        let forms =
            markers.iter().flat_map(|marker| Self::forms_of(marker).into_iter().map(|(_, bytes)| bytes));
        // Each has sixteen bytes at least, in any form.
        let needles = Needles::new(forms).unwrap_or_else(Needles::none);
        Self { needles, canaries }
    }

    /// Searches a file, or everything below a folder. What is not there is said to be unread: it was to be searched.
    pub fn below(&self, place: &Path) -> Searched {
        let mut walk = Walk::new(self, place);
        match fs::metadata(place) {
            Ok(about) if about.is_dir() => walk.folder(place),
            Ok(_) => walk.file(place),
            Err(error) => walk.cannot(place, why(&error)),
        }
        walk.searched
    }

    /// Searches the files that a process holds open although they are in no folder any more.
    pub fn deleted_of(&self, process: u32) -> Searched {
        let place = PathBuf::from(format!("/proc/{process}"));
        let mut walk = Walk::new(self, &place);
        match deleted_files_of(process) {
            Ok(files) => files.iter().for_each(|file| walk.read(file)),
            Err(error) => walk.cannot(&place, why(&error)),
        }
        walk.searched
    }

    /// Everything that is in these bytes.
    fn look(&self, piece: &pieces::Piece<'_>, mut found: impl FnMut(Sought, Form, u64)) {
        self.needles.in_piece(piece, |needle, at| {
            let form = Self::MARKER_FORMS.get(needle % NEEDLES_OF_A_MARKER).copied().unwrap_or(Form::Plain);
            found(Sought::Marker(needle / NEEDLES_OF_A_MARKER), form, at);
        });
        self.canaries.in_piece(piece, |canary, form, at| found(Sought::Canary(canary), form, at));
    }

    fn look_whole(&self, bytes: &[u8], found: impl FnMut(Sought, Form, u64)) {
        self.look(&pieces::Piece { bytes, from: 0, seen: 0 }, found);
    }
}

/// One search of one place.
struct Walk<'a> {
    search: &'a Search,
    place: &'a Path,
    searched: Searched,
}

impl<'a> Walk<'a> {
    fn new(search: &'a Search, place: &'a Path) -> Self {
        Self { search, place, searched: Searched::default() }
    }

    fn folder(&mut self, folder: &Path) {
        let mut folders = vec![folder.to_owned()];
        while let Some(folder) = folders.pop() {
            let entries = match there(fs::read_dir(&folder)) {
                Ok(Some(entries)) => entries,
                Ok(None) => continue,
                Err(error) => {
                    self.cannot(&folder, why(&error));
                    continue;
                }
            };
            let mut below = Vec::new();
            for entry in entries {
                let kind = entry.and_then(|entry| Ok((entry.path(), entry.file_type()?)));
                match there(kind) {
                    Ok(None) => self.searched.went_away += 1,
                    Err(error) => self.cannot(&folder, why(&error)),
                    Ok(Some((path, kind))) if kind.is_dir() => {
                        self.name(&path);
                        below.push(path);
                    }
                    Ok(Some((path, kind))) if kind.is_file() => self.file(&path),
                    Ok(Some((path, kind))) if kind.is_symlink() => {
                        self.cannot(&path, "a link, which is not followed: name what it leads to");
                    }
                    // A socket or a pipe holds nothing.
                    Ok(Some((path, _))) => self.name(&path),
                }
            }
            below.sort();
            folders.extend(below.into_iter().rev());
        }
    }

    fn file(&mut self, path: &Path) {
        self.name(path);
        self.read(path);
    }

    fn read(&mut self, path: &Path) {
        let read = (|| {
            let mut file = File::open(path)?;
            let mut head = Vec::with_capacity(32);
            file.by_ref().take(32).read_to_end(&mut head)?;
            let closed = CLOSED.iter().find(|(begins, _)| head.starts_with(begins)).map(|(_, what)| *what);
            let overlap = self.search.needles.overlap().max(self.search.canaries.overlap());
            let (mut known, mut found) = (BTreeSet::new(), Vec::new());
            let bytes = pieces::each(head.as_slice().chain(file), overlap, |piece| {
                self.search.look(piece, |sought, form, at| {
                    if known.insert((sought, form)) {
                        found.push((sought, form, at));
                    }
                });
            })?;
            Ok((bytes, found, closed))
        })();
        match there(read) {
            Ok(None) => self.searched.went_away += 1,
            Err(error) => self.cannot(path, why(&error)),
            Ok(Some((bytes, found, closed))) => {
                self.searched.files += 1;
                self.searched.bytes += bytes;
                for (sought, form, at) in found {
                    self.found(Found { sought, form, file: self.seen(path), at: Some(at) });
                }
                if let Some(closed) = closed {
                    self.cannot(
                        path,
                        &format!("compressed or encrypted ({closed}): nothing can be seen in it"),
                    );
                }
            }
        }
    }

    /// Looks at the last part of a path.
    fn name(&mut self, path: &Path) {
        let Some(name) = path.file_name() else { return };
        let mut found = BTreeSet::new();
        self.search.look_whole(name.as_encoded_bytes(), |sought, form, _| {
            found.insert((sought, form));
        });
        for (sought, form) in found {
            self.found(Found { sought, form, file: self.seen(path), at: None });
        }
    }

    /// A path from the place on, without the parts that hold what is looked for.
    fn seen(&self, path: &Path) -> PathBuf {
        let below = path.strip_prefix(self.place).unwrap_or(path);
        let parts = if below.as_os_str().is_empty() {
            path.file_name().into_iter().collect()
        } else {
            below.iter().collect::<Vec<_>>()
        };
        let part = |part: &std::ffi::OsStr| {
            let mut holds = false;
            self.search.look_whole(part.as_encoded_bytes(), |_, _, _| holds = true);
            if holds { PathBuf::from("…") } else { PathBuf::from(part) }
        };
        parts.into_iter().map(part).collect()
    }

    fn found(&mut self, found: Found) {
        if self.searched.found.len() < LISTED_MAX {
            self.searched.found.push(found);
        } else {
            self.searched.found_more += 1;
        }
    }

    fn cannot(&mut self, path: &Path, why: &str) {
        if self.searched.unread.len() < LISTED_MAX {
            let unread = Unread { file: self.seen(path), why: why.to_owned() };
            self.searched.unread.push(unread);
        } else {
            self.searched.unread_more += 1;
        }
    }
}

/// In words that hold no path.
fn why(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => "not there",
        io::ErrorKind::PermissionDenied => "not ours to read",
        io::ErrorKind::IsADirectory | io::ErrorKind::NotADirectory => "not what it was",
        _ => "the system would not give it",
    }
}

#[cfg(test)]
mod tests;
