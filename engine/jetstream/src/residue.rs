//! Looking for bytes in a server's folder: what should have left the disk, and has it?
//!
//! Every seal begins with a random marker of sixteen bytes, and an event names the ids of the ciphertexts that it points to; so
//! what ended is known by a few bytes that occur nowhere else. This reads every file below a folder, whatever it is: blocks,
//! Raft logs, snapshots, indexes, logs. A server writes Raft entries of more than 8 kB compressed; random bytes stay as they are
//! in them, text does not always.
//!
//! It finds what is in files. What a file system keeps of blocks that no file has any more, it cannot see.

use std::{
    collections::{BTreeSet, HashMap},
    fs::{self, File},
    io::{self, Read as _},
    path::{Path, PathBuf},
};

/// The fewest bytes that can be looked for: fewer would be found by chance.
pub const NEEDLE_BYTES_MIN: usize = 8;

/// How much of a file is in memory at once.
const PIECE_BYTES: usize = 1024 * 1024;

/// Bytes that were found, once for each file that holds them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Residue {
    /// Which of the needles, counted from 0.
    pub needle: usize,
    /// The file that holds it.
    pub file: PathBuf,
}

/// What to look for. Made once, used for many folders.
#[derive(Debug)]
pub struct Needles {
    all: Vec<Vec<u8>>,
    /// By their first eight bytes.
    by_head: HashMap<[u8; NEEDLE_BYTES_MIN], Vec<usize>>,
    /// Whether any begins with these two bytes: most places are passed by with this alone.
    begins: Vec<bool>,
    longest: usize,
}

impl Needles {
    /// Needles of at least [`NEEDLE_BYTES_MIN`] bytes each; none if one is shorter.
    pub fn new(needles: impl IntoIterator<Item = Vec<u8>>) -> Option<Self> {
        let all: Vec<_> = needles.into_iter().collect();
        let mut by_head: HashMap<_, Vec<usize>> = HashMap::new();
        let mut begins = vec![false; 1 << 16];
        for (at, needle) in all.iter().enumerate() {
            let head = *needle.first_chunk::<NEEDLE_BYTES_MIN>()?;
            by_head.entry(head).or_default().push(at);
            if let Some(known) = begins.get_mut(usize::from(u16::from_be_bytes([head[0], head[1]]))) {
                *known = true;
            }
        }
        let longest = all.iter().map(Vec::len).max().unwrap_or(0);
        Some(Self { all, by_head, begins, longest })
    }

    /// Every needle that is in a file below this folder. A file that goes away while it is looked at holds nothing.
    ///
    /// # Errors
    /// A folder or file that is there and cannot be read: then nobody can say that nothing is in it.
    pub fn in_folder(&self, folder: &Path) -> io::Result<BTreeSet<Residue>> {
        let mut found = BTreeSet::new();
        let mut folders = vec![folder.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in there(fs::read_dir(&folder))?.into_iter().flatten() {
                let Some(entry) = there(entry)? else { continue };
                match there(entry.file_type())? {
                    Some(kind) if kind.is_dir() => folders.push(entry.path()),
                    Some(kind) if kind.is_file() => self.in_file(&entry.path(), &mut found)?,
                    _ => {}
                }
            }
        }
        Ok(found)
    }

    /// Every needle that is in a file which this process holds open although it is in no folder any more: on Linux, and with
    /// the right to look.
    ///
    /// # Errors
    /// The process is not there, or not ours to look at.
    pub fn in_deleted_files_of(&self, process: u32) -> io::Result<BTreeSet<Residue>> {
        let mut found = BTreeSet::new();
        for entry in fs::read_dir(format!("/proc/{process}/fd"))? {
            let path = entry?.path();
            let Some(target) = there(fs::read_link(&path))? else { continue };
            if target.to_string_lossy().ends_with(" (deleted)") {
                self.in_file(&path, &mut found)?;
            }
        }
        Ok(found)
    }

    fn in_file(&self, path: &Path, found: &mut BTreeSet<Residue>) -> io::Result<()> {
        let Some(mut file) = there(File::open(path))? else { return Ok(()) };
        let mut piece = Vec::with_capacity(PIECE_BYTES + self.longest);
        loop {
            let kept = piece.len();
            let read = (&mut file).take(PIECE_BYTES as u64).read_to_end(&mut piece)?;
            self.in_piece(&piece, |needle| {
                found.insert(Residue { needle, file: path.to_owned() });
            });
            if read == 0 {
                return Ok(());
            }
            // What begins at the end of this piece ends in the next one.
            let rest = (kept + read).min(self.longest.saturating_sub(1));
            piece.drain(..kept + read - rest);
        }
    }

    fn in_piece(&self, piece: &[u8], mut found: impl FnMut(usize)) {
        for (at, head) in piece.windows(NEEDLE_BYTES_MIN).enumerate() {
            let [first, second, ..] = head else { continue };
            if !self
                .begins
                .get(usize::from(u16::from_be_bytes([*first, *second])))
                .is_some_and(|known| *known)
            {
                continue;
            }
            let rest = piece.get(at..).unwrap_or_default();
            let here = self.by_head.get(head).into_iter().flatten().copied();
            here.filter(|needle| self.all.get(*needle).is_some_and(|bytes| rest.starts_with(bytes)))
                .for_each(&mut found);
        }
    }
}

/// What is there; `None` when it went away meanwhile.
fn there<T>(found: io::Result<T>) -> io::Result<Option<T>> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needles(all: &[&str]) -> Needles {
        Needles::new(all.iter().map(|one| one.as_bytes().to_vec())).unwrap()
    }

    fn found_in(bytes: &[u8], all: &[&str]) -> Vec<usize> {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("a/b")).unwrap();
        fs::write(folder.path().join("a/b/1.blk"), bytes).unwrap();
        let found = needles(all).in_folder(folder.path()).unwrap();
        assert!(found.iter().all(|one| one.file.ends_with("a/b/1.blk")));
        found.into_iter().map(|one| one.needle).collect()
    }

    #[test]
    fn each_needle_is_found_wherever_it_lies_and_no_other() {
        let all = ["canary-1", "canary-2", "canary-12", "another canary altogether"];
        assert_eq!(found_in(b"..canary-12..", &all), [0, 2]);
        assert_eq!(found_in(b"another canary altogether", &all), [3]);
        assert_eq!(found_in(b"another canary altogethe", &all), [0_usize; 0]);
        assert_eq!(found_in(b"", &all), [0_usize; 0]);
    }

    #[test]
    fn a_needle_across_the_edge_of_two_pieces_is_found() {
        let needle = "twenty-four-bytes-canary";
        for before in (PIECE_BYTES - 30..PIECE_BYTES + 3).chain([2 * PIECE_BYTES - 5]) {
            let mut bytes = vec![b'.'; before];
            bytes.extend(needle.as_bytes());
            bytes.extend(b"..");
            assert_eq!(found_in(&bytes, &[needle]), [0], "{before}");
        }
    }

    #[test]
    fn what_is_too_short_to_be_told_from_chance_is_not_looked_for() {
        assert!(Needles::new([b"seven-b".to_vec()]).is_none());
    }

    #[test]
    fn a_folder_that_is_not_there_holds_nothing_and_one_that_cannot_be_read_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        assert!(needles(&["canary-1"]).in_folder(&folder.path().join("gone")).unwrap().is_empty());
        let file = folder.path().join("file");
        fs::write(&file, "canary-1").unwrap();
        assert!(needles(&["canary-1"]).in_folder(&file).is_err());
    }

    #[test]
    fn what_is_deleted_and_still_held_open_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("1.blk");
        fs::write(&path, "canary-1").unwrap();
        let held = File::open(&path).unwrap();
        fs::remove_file(&path).unwrap();
        if cfg!(target_os = "linux") {
            let found = needles(&["canary-1"]).in_deleted_files_of(std::process::id()).unwrap();
            assert_eq!(found.len(), 1, "{found:?}");
        }
        drop(held);
    }
}
