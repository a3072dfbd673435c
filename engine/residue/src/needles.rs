//! Bytes that are looked for as they are, however many.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use crate::pieces::{self, Piece};

/// The fewest bytes that can be looked for: fewer would be found by chance.
pub const NEEDLE_BYTES_MIN: usize = 8;

/// Bits of the first sieve for each needle: few enough places pass it that the search costs the same whatever is looked for.
const BITS_PER_NEEDLE: usize = 64;

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
    /// One behind the other.
    bytes: Vec<u8>,
    /// Where each begins, and where the last ends.
    begins: Vec<usize>,
    /// By their first eight bytes, in order.
    by_head: Vec<(u64, usize)>,
    /// Whether any begins with bytes of this hash: almost every place is passed by with this alone.
    sieve: Vec<u64>,
    /// By how much a hash is shortened to the sieve's size.
    shift: u32,
    longest: usize,
}

impl Needles {
    /// Needles of at least [`NEEDLE_BYTES_MIN`] bytes each; none if one is shorter.
    pub fn new(needles: impl IntoIterator<Item = Vec<u8>>) -> Option<Self> {
        let (mut bytes, mut begins, mut by_head, mut longest) = (Vec::new(), vec![0], Vec::new(), 0);
        for (number, needle) in needles.into_iter().enumerate() {
            by_head.push((u64::from_be_bytes(*needle.first_chunk()?), number));
            longest = longest.max(needle.len());
            bytes.extend(needle);
            begins.push(bytes.len());
        }
        by_head.sort_unstable();
        let bits = (by_head.len() * BITS_PER_NEEDLE).next_power_of_two().max(1 << 16);
        let shift = u64::BITS - bits.ilog2();
        let mut sieve = vec![0_u64; bits / 64];
        for (head, _) in &by_head {
            let hash = hash(*head, shift);
            if let Some(word) = sieve.get_mut(hash / 64) {
                *word |= 1 << (hash % 64);
            }
        }
        Some(Self { bytes, begins, by_head, sieve, shift, longest })
    }

    /// Nothing to look for.
    pub(crate) fn none() -> Self {
        Self {
            bytes: Vec::new(),
            begins: vec![0],
            by_head: Vec::new(),
            sieve: Vec::new(),
            shift: 48,
            longest: 0,
        }
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
        for path in deleted_files_of(process)? {
            self.in_file(&path, &mut found)?;
        }
        Ok(found)
    }

    fn in_file(&self, path: &Path, found: &mut BTreeSet<Residue>) -> io::Result<()> {
        let Some(file) = there(File::open(path))? else { return Ok(()) };
        pieces::each(file, self.overlap(), |piece| {
            self.in_piece(piece, |needle, _| {
                found.insert(Residue { needle, file: path.to_owned() });
            });
        })?;
        Ok(())
    }

    /// How much of a piece must be in the next one too.
    pub(crate) const fn overlap(&self) -> usize {
        self.longest.saturating_sub(1)
    }

    /// Every needle that is in this piece and was not wholly in the one before, and where in the file.
    pub(crate) fn in_piece(&self, piece: &Piece<'_>, mut found: impl FnMut(usize, u64)) {
        for (at, head) in piece.bytes.windows(NEEDLE_BYTES_MIN).enumerate() {
            let Some(head) = head.first_chunk().map(|head| u64::from_be_bytes(*head)) else { continue };
            let hash = hash(head, self.shift);
            if self.sieve.get(hash / 64).is_none_or(|word| word >> (hash % 64) & 1 == 0) {
                continue;
            }
            let rest = piece.bytes.get(at..).unwrap_or_default();
            let first = self.by_head.partition_point(|(known, _)| *known < head);
            let here = self.by_head.get(first..).unwrap_or_default();
            for (_, needle) in here.iter().take_while(|(known, _)| *known == head) {
                let bytes = self.needle(*needle);
                if rest.starts_with(bytes) && !piece.has_seen(at, bytes.len()) {
                    found(*needle, piece.from + at as u64);
                }
            }
        }
    }

    fn needle(&self, number: usize) -> &[u8] {
        let ends = self.begins.get(number).zip(self.begins.get(number + 1));
        ends.and_then(|(from, to)| self.bytes.get(*from..*to)).unwrap_or_default()
    }
}

/// The upper bits of a product: text and random bytes alike are spread.
fn hash(head: u64, shift: u32) -> usize {
    let mixed = (head ^ head >> 29).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    usize::try_from(mixed >> shift).unwrap_or_default()
}

/// The files that a process holds open although they are in no folder any more.
pub(crate) fn deleted_files_of(process: u32) -> io::Result<Vec<PathBuf>> {
    let mut deleted = Vec::new();
    for entry in fs::read_dir(format!("/proc/{process}/fd"))? {
        let path = entry?.path();
        let Some(target) = there(fs::read_link(&path))? else { continue };
        if target.to_string_lossy().ends_with(" (deleted)") {
            deleted.push(path);
        }
    }
    Ok(deleted)
}

/// What is there; `None` when it went away meanwhile.
pub(crate) fn there<T>(found: io::Result<T>) -> io::Result<Option<T>> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pieces::PIECE_BYTES;

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
    fn a_needle_across_the_edge_of_two_pieces_is_found_once_at_its_place() {
        let needle = "twenty-four-bytes-canary";
        for before in (PIECE_BYTES - 30..PIECE_BYTES + 3).chain([2 * PIECE_BYTES - 5]) {
            let mut bytes = vec![b'.'; before];
            bytes.extend(needle.as_bytes());
            bytes.extend(b"..");
            assert_eq!(found_in(&bytes, &[needle]), [0], "{before}");
            let (needles, mut places) = (needles(&[needle]), Vec::new());
            let read = pieces::each(bytes.as_slice(), needles.overlap(), |piece| {
                needles.in_piece(piece, |_, at| places.push(at));
            });
            assert_eq!((read.unwrap(), places), (bytes.len() as u64, vec![before as u64]));
        }
    }

    #[test]
    fn many_thousand_needles_are_each_found_and_nothing_else_is() {
        let name = |number: u64| format!("{:016x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15)).into_bytes();
        let needles = Needles::new((0..20_000).map(name)).unwrap();
        let text: Vec<u8> =
            (19_990..20_010).flat_map(|number| [name(number), b"/".to_vec()].concat()).collect();
        let mut found = Vec::new();
        let whole = Piece { bytes: &text, from: 0, seen: 0 };
        needles.in_piece(&whole, |needle, _| found.push(needle));
        assert_eq!(found, (19_990..20_000).collect::<Vec<_>>());
    }

    #[test]
    fn what_is_too_short_to_be_told_from_chance_is_not_looked_for() {
        assert!(Needles::new([b"seven-b".to_vec()]).is_none());
        assert!(Needles::new([]).is_some_and(|none| none.overlap() == 0));
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
