//! Where an organisation keeps its address book: two files in its state folder, and a lock, because a running adapter and
//! `hwc keys confirm` both write there.

use std::{
    fs::File,
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use hwc_schemas::Organisation;

use crate::{
    AddressBook, Directory, DirectoryError, FileError, Fingerprint, KnownKeys, NotConfirmed,
    OperatorPublicKey,
    file::{self, Guard},
};

/// As many organisations as a directory holds, with their earlier keys.
const KNOWN_BYTES_MAX: usize = 4 * Directory::BYTES_MAX;

/// The address book's place on disk. Killed at any moment, it holds a whole book.
#[derive(Debug, Clone)]
pub struct Shelf {
    folder: PathBuf,
    operator: OperatorPublicKey,
}

/// Why the address book was not read, or not changed.
#[derive(Debug, thiserror::Error)]
pub enum BookError {
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// The directory is not one to be taken.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// The key is not confirmed.
    #[error(transparent)]
    NotConfirmed(#[from] NotConfirmed),
    /// What we know ourselves cannot be read. It is never begun anew by itself: every changed key would be believed.
    #[error(
        "{}: cannot be read, so nobody's key is believed. Restore it from its safe copy; or move it away, and compare \
         every organisation's fingerprint (hwc keys show) before the next start",
        .0.display()
    )]
    Unreadable(PathBuf),
}

impl Shelf {
    /// The shelf in this folder, with directories of this operator.
    pub fn new(folder: impl Into<PathBuf>, operator: OperatorPublicKey) -> Self {
        Self { folder: folder.into(), operator }
    }

    /// What we know ourselves.
    pub fn known_keys(&self) -> PathBuf {
        self.folder.join("known-keys.json")
    }

    /// The directory that was taken last.
    pub fn directory(&self) -> PathBuf {
        self.folder.join("directory.json")
    }

    /// The book as it lies there; at the very first an empty one.
    pub fn read(&self) -> Result<AddressBook, BookError> {
        let _held = self.hold()?;
        self.open()
    }

    /// Takes a signed directory, and gives the book with it. The same one again changes nothing.
    pub fn take(&self, signed: &[u8]) -> Result<AddressBook, BookError> {
        let directory = Directory::verify(signed, &self.operator)?;
        let _held = self.hold()?;
        let before = self.open()?;
        if before.directory() == &directory {
            return Ok(before);
        }
        let book = AddressBook::new(directory, before.known().clone())?;
        // Killed in between, what we know is a serial behind, and the next start notes the directory that lies there.
        file::replace(&self.directory(), signed)?;
        self.keep(&book)?;
        Ok(book)
    }

    /// Believes an organisation's changed key, if it has this fingerprint.
    pub fn confirm(&self, organisation: &Organisation, fingerprint: Fingerprint) -> Result<(), BookError> {
        let _held = self.hold()?;
        let mut book = self.open()?;
        book.confirm(organisation, fingerprint)?;
        self.keep(&book)
    }

    fn open(&self) -> Result<AddressBook, BookError> {
        let path = self.known_keys();
        let unreadable = || BookError::Unreadable(path.clone());
        let known: KnownKeys = match missing_is_none(file::read(&path, Guard::Unaltered, KNOWN_BYTES_MAX))? {
            Some(bytes) => serde_json::from_slice(&bytes).map_err(|_| unreadable())?,
            None => KnownKeys::default(),
        };
        if !known.is_readable() {
            return Err(unreadable());
        }
        let signed = file::read(&self.directory(), Guard::None, Directory::BYTES_MAX);
        let directory = match missing_is_none(signed)? {
            Some(signed) => Directory::verify(&signed, &self.operator)?,
            None => Directory::default(),
        };
        match AddressBook::new(directory, known.clone()) {
            // The directory was lost and is fetched again; what we know is not.
            Err(DirectoryError::RolledBack { seen, offered: 0 }) if seen > 0 => {
                Ok(AddressBook::without_directory(known))
            }
            book => Ok(book?),
        }
    }

    fn keep(&self, book: &AddressBook) -> Result<(), BookError> {
        let text = serde_json::to_vec(book.known()).map_err(|_| BookError::Unreadable(self.known_keys()))?;
        Ok(file::replace(&self.known_keys(), &text)?)
    }

    /// Waits for whoever else reads or writes, which takes milliseconds.
    fn hold(&self) -> Result<File, FileError> {
        let path = self.folder.join("known-keys.lock");
        let held = File::options().create(true).truncate(false).write(true).mode(0o600).open(&path);
        held.and_then(|file| file.lock().map(|()| file)).map_err(FileError::at(&path))
    }
}

fn missing_is_none<T>(read: Result<T, FileError>) -> Result<Option<T>, FileError> {
    match read {
        Err(FileError::System { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        read => read.map(Some),
    }
}

/// The signed directory's text as a file holds it, checked, for whoever hands it on.
pub fn read_signed(
    path: &Path,
    operator: &OperatorPublicKey,
) -> Result<(Vec<u8>, Directory), DirectoryError> {
    let signed = file::read(path, Guard::None, Directory::BYTES_MAX)?;
    let directory = Directory::verify(&signed, operator)?;
    Ok((signed.to_vec(), directory))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{KeyTrouble, OperatorKey, PublicKey};
    use std::{fs, os::unix::fs::PermissionsExt as _};

    fn school() -> Organisation {
        "school-01AA00".parse().unwrap()
    }

    fn key(byte: u8) -> PublicKey {
        PublicKey::from_bytes([byte; 32])
    }

    fn directory(serial: u64, present: u8) -> Directory {
        let mut directory = Directory::with_serial(serial);
        directory.insert(school(), key(present));
        directory
    }

    struct Place {
        operator: OperatorKey,
        folder: tempfile::TempDir,
    }

    impl Place {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
            Self { operator: OperatorKey::generate(), folder }
        }

        fn shelf(&self) -> Shelf {
            Shelf::new(self.folder.path(), self.operator.public_key())
        }

        fn signed(&self, serial: u64, present: u8) -> Vec<u8> {
            directory(serial, present).sign(&self.operator).unwrap()
        }
    }

    #[test]
    fn what_was_taken_and_confirmed_is_there_after_a_restart() {
        let place = Place::new();
        assert_eq!(place.shelf().read().unwrap().directory().iter().count(), 0);
        place.shelf().take(&place.signed(1, 1)).unwrap();
        assert_eq!(place.shelf().read().unwrap().key_to_seal_to(&school()), Ok(&key(1)));
        place.shelf().take(&place.signed(2, 2)).unwrap();
        let unconfirmed = place.shelf().read().unwrap();
        assert!(matches!(unconfirmed.key_to_seal_to(&school()), Err(KeyTrouble::Unconfirmed { .. })));
        let wrong = place.shelf().confirm(&school(), key(1).fingerprint());
        assert!(matches!(wrong, Err(BookError::NotConfirmed(NotConfirmed::Differs(_)))));
        place.shelf().confirm(&school(), key(2).fingerprint()).unwrap();
        assert_eq!(place.shelf().read().unwrap().key_to_seal_to(&school()), Ok(&key(2)));
        for file in [place.shelf().known_keys(), place.shelf().directory()] {
            assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn a_forged_and_an_old_directory_change_nothing() {
        let place = Place::new();
        place.shelf().take(&place.signed(2, 1)).unwrap();
        let forged = directory(3, 2).sign(&OperatorKey::generate()).unwrap();
        for (bad, forged) in [(forged, true), (place.signed(1, 1), false), (place.signed(2, 2), false)] {
            let refused = place.shelf().take(&bad).unwrap_err();
            let BookError::Directory(why) = refused else { panic!("{refused}") };
            assert_eq!(matches!(why, DirectoryError::NotSigned), forged, "{why}");
        }
        assert_eq!(place.shelf().read().unwrap().key_to_seal_to(&school()), Ok(&key(1)));
    }

    #[test]
    fn killed_between_its_two_files_it_goes_on_where_it_was() {
        let place = Place::new();
        place.shelf().take(&place.signed(1, 1)).unwrap();
        let known = fs::read(place.shelf().known_keys()).unwrap();
        let book = place.shelf().take(&place.signed(2, 2)).unwrap();
        fs::write(place.shelf().known_keys(), known).unwrap();
        assert_eq!(place.shelf().read().unwrap(), book);
    }

    #[test]
    fn without_its_directory_it_still_knows_whose_key_it_believed() {
        let place = Place::new();
        place.shelf().take(&place.signed(5, 1)).unwrap();
        fs::remove_file(place.shelf().directory()).unwrap();
        assert!(place.shelf().read().unwrap().key_to_seal_to(&school()).is_err());
        assert!(place.shelf().take(&place.signed(4, 1)).is_err(), "an old directory got in");
        let book = place.shelf().take(&place.signed(6, 2)).unwrap();
        assert!(matches!(book.key_to_seal_to(&school()), Err(KeyTrouble::Unconfirmed { .. })));
    }

    #[test]
    fn what_cannot_be_read_is_not_begun_anew() {
        let place = Place::new();
        place.shelf().take(&place.signed(1, 1)).unwrap();
        for bad in ["", "{", r#"{"version":2,"serial":1,"directory":"","organisations":{}}"#] {
            fs::write(place.shelf().known_keys(), bad).unwrap();
            assert!(matches!(place.shelf().read(), Err(BookError::Unreadable(_))), "{bad}");
            assert!(place.shelf().take(&place.signed(2, 2)).is_err());
        }
    }
}
