//! The inbox's files: found, read whole, and gone. Nothing follows a link.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use super::{FILE_BYTES_MAX, InboxError, at};
use crate::Form;

/// What was seen of a file before it was read. Who writes on in it, or moves another over it, makes another of it.
pub(super) type Seen = (u64, u64, i64, i64);

/// How the name of a file ends that is about to go.
const GOING: &str = ".going";
/// Files that were about to go and can get their names back.
const AGAIN_MAX: u32 = 10_000;

/// The files that wait, in the order of their names.
pub(super) fn names(folder: &Path) -> Result<Vec<String>, InboxError> {
    let entries = fs::read_dir(folder).map_err(at(folder))?;
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| Form::of_name(name).is_some())
        .collect();
    names.sort();
    Ok(names)
}

/// A whole file, no link; wiped when dropped.
pub(super) fn contents(path: &Path) -> io::Result<(Zeroizing<Vec<u8>>, Seen)> {
    let seen = look(path)?;
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    if length > FILE_BYTES_MAX {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(length).unwrap_or_default() + 1));
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    Ok((bytes, seen))
}

/// What is seen of a plain file.
pub(super) fn look(path: &Path) -> io::Result<Seen> {
    let seen = fs::symlink_metadata(path)?;
    if !seen.is_file() {
        return Err(io::Error::other("it is no plain file"));
    }
    Ok((seen.ino(), seen.size(), seen.mtime(), seen.mtime_nsec()))
}

/// Removes the file that was seen, and no other that was moved to its place meanwhile. False if it was another.
pub(super) fn remove(folder: &Path, name: &str, seen: Seen) -> io::Result<bool> {
    let path = folder.join(name);
    if look(&path)? != seen {
        return Ok(false);
    }
    // Taken aside first: what is moved to the name from here on is not what is removed.
    let going = folder.join(format!(".{name}{GOING}"));
    fs::rename(&path, &going)?;
    if look(&going)? == seen {
        fs::remove_file(&going)?;
        return Ok(true);
    }
    put_back(folder, &going, name)?;
    Ok(false)
}

/// Gives files their names back that were about to go when a former life ended: what was recorded is known, and one that came
/// in the last moment is not lost.
pub(super) fn put_all_back(folder: &Path) -> Result<(), InboxError> {
    for entry in fs::read_dir(folder).map_err(at(folder))? {
        let entry = entry.map_err(at(folder))?;
        let hidden = entry.file_name().into_string().unwrap_or_default();
        if let Some(name) = hidden.strip_prefix('.').and_then(|name| name.strip_suffix(GOING)) {
            put_back(folder, &entry.path(), name).map_err(at(folder))?;
        }
    }
    Ok(())
}

/// Under its own name, or one that is free.
fn put_back(folder: &Path, going: &Path, name: &str) -> io::Result<()> {
    for number in 1..=AGAIN_MAX {
        let place: PathBuf =
            folder.join(if number == 1 { name.to_owned() } else { format!("{number}-{name}") });
        match fs::hard_link(going, &place) {
            Ok(()) => return fs::remove_file(going),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other("too many files of one name"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_files_of_a_form_that_do_not_hide_are_taken() {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name);
        for name in ["b.jsonl", "a.json", "c.csv", "d.xml", ".c.jsonl", "d.txt", "e.jsonl.part", ".x.json"] {
            fs::write(place(name), "x").unwrap();
        }
        std::os::unix::fs::symlink(place("d.txt"), place("z.jsonl")).unwrap();
        assert_eq!(names(folder.path()).unwrap(), ["a.json", "b.jsonl", "c.csv", "d.xml", "z.jsonl"]);
        assert!(contents(&place("a.json")).is_ok());
        assert!(contents(&place("z.jsonl")).is_err(), "a link was followed");
    }

    #[test]
    fn a_file_that_took_another_s_place_is_not_removed_for_it() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("a.csv");
        fs::write(&place, "one").unwrap();
        let (_, seen) = contents(&place).unwrap();
        fs::write(folder.path().join("new"), "two").unwrap();
        fs::rename(folder.path().join("new"), &place).unwrap();
        assert!(!remove(folder.path(), "a.csv", seen).unwrap());
        assert_eq!(fs::read(&place).unwrap(), b"two");
        let (_, seen) = contents(&place).unwrap();
        assert!(remove(folder.path(), "a.csv", seen).unwrap());
        assert!(fs::read_dir(folder.path()).unwrap().next().is_none());
    }

    #[test]
    fn a_file_that_was_about_to_go_when_the_program_died_comes_back_beside_the_newest() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(".a.csv.going"), "one").unwrap();
        fs::write(folder.path().join("a.csv"), "two").unwrap();
        fs::write(folder.path().join(".b.csv.going"), "three").unwrap();
        put_all_back(folder.path()).unwrap();
        assert_eq!(names(folder.path()).unwrap(), ["2-a.csv", "a.csv", "b.csv"]);
        assert_eq!(fs::read(folder.path().join("2-a.csv")).unwrap(), b"one");
    }
}
