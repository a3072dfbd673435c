//! The private halves of the keys that we left with the engine: a folder, one file for each key.
//!
//! What is destroyed is overwritten, made durable, and unlinked. On a disk that writes elsewhere when it overwrites (an SSD, a
//! file system that copies on write, a snapshot) old bytes may stay until the disk uses their place again: `docs/keys.md`.

use std::{
    fs::{self, DirBuilder, File},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _},
    path::{Path, PathBuf},
};

use hwc_schemas::{KeyId, key::KeyKind};
use hwc_vault::{FileError, KeyFileError, OsChance, PublicKey, SealingKey};
use uuid::Uuid;

/// What a file of a one-time key ends in.
const ONE_TIME: &str = ".once";
/// What stands between the id and the day in the name of a weekly key's file.
const WEEKLY: &str = ".week-";
/// What the name of a file begins with that is not whole yet.
const UNFINISHED: &str = ".";

/// The keys in a folder. One process at a time: whoever holds the state folder that it lies in. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Keyring {
    folder: PathBuf,
}

/// Why a key was not made, read or destroyed. Matters to the operator of this machine. Nothing of a key is in it.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// The folder, or a file in it.
    #[error("the folder of one-time keys {}: {source}", path.display())]
    Folder {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A key's file.
    #[error(transparent)]
    File(#[from] KeyFileError),
    /// No chance, no key.
    #[error(transparent)]
    Chance(#[from] hwc_vault::NoChance),
}

/// A step of how a key's file is destroyed: where a test lets the machine stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyTurn {
    /// Its bytes are overwritten and that is durable; the name is still there.
    Overwritten,
    /// The name is gone.
    Unlinked,
}

impl Keyring {
    /// Opens the folder; makes it at the first time. What a life that was killed left half made or half destroyed goes.
    pub fn open(folder: impl Into<PathBuf>) -> Result<Self, KeyringError> {
        let ring = Self { folder: folder.into() };
        match DirBuilder::new().mode(0o700).create(&ring.folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(ring.failed(error)),
            made => {
                if made.is_ok()
                    && let Some(above) = ring.folder.parent()
                {
                    sync(above).map_err(|error| ring.failed(error))?;
                }
            }
        }
        for name in ring.names()? {
            let path = ring.folder.join(&name);
            let is_whole = || SealingKey::load(&path).is_ok();
            if name.starts_with(UNFINISHED) {
                ring.clear_away(&path)?;
            } else if parsed(&name).is_some() && !is_whole() && is_overwritten(&path) {
                ring.destroy_file(&path, |_| true)?;
            }
        }
        Ok(ring)
    }

    /// The same folder, for whoever only opens seals with it while another process looks after it.
    pub fn looked_after(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// The keys that are there.
    pub fn keys(&self) -> Result<Vec<(KeyId, KeyKind)>, KeyringError> {
        Ok(self.names()?.iter().filter_map(|name| parsed(name)).collect())
    }

    /// Makes a key, durable when it returns, and gives its public half.
    pub fn make(&self, kind: KeyKind) -> Result<(KeyId, PublicKey), KeyringError> {
        let (id, key) = (KeyId::from_uuid(Uuid::new_v4()), SealingKey::generate(&mut OsChance)?);
        key.save(&self.folder.join(name_of(id, kind)))?;
        Ok((id, key.public_key()))
    }

    /// A key's private half; none if it is not there, not yet or not any more.
    pub fn get(&self, id: KeyId) -> Result<Option<SealingKey>, KeyringError> {
        let Some(path) = self.path_of(id)? else { return Ok(None) };
        match SealingKey::load(&path) {
            Ok(key) => Ok(Some(key)),
            // Destroyed in this very moment.
            Err(KeyFileError::File(FileError::System { source, .. }))
                if source.kind() == io::ErrorKind::NotFound =>
            {
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Destroys a key, durably when it returns. Gone already is as good.
    pub fn destroy(&self, id: KeyId) -> Result<(), KeyringError> {
        match self.path_of(id)? {
            Some(path) => self.destroy_file(&path, |_| true),
            None => Ok(()),
        }
    }

    /// As far as this says to go on after each turn.
    fn destroy_file(&self, path: &Path, goes_on: impl Fn(KeyTurn) -> bool) -> Result<(), KeyringError> {
        overwrite(path).map_err(|error| self.failed(error))?;
        if !goes_on(KeyTurn::Overwritten) {
            return Ok(());
        }
        fs::remove_file(path).map_err(|error| self.failed(error))?;
        if !goes_on(KeyTurn::Unlinked) {
            return Ok(());
        }
        sync(&self.folder).map_err(|error| self.failed(error))
    }

    /// A file that was being written when its writer was killed: it may have its place already, and is then another name of it.
    fn clear_away(&self, path: &Path) -> Result<(), KeyringError> {
        let links = fs::symlink_metadata(path).map_err(|error| self.failed(error))?.nlink();
        if links > 1 {
            fs::remove_file(path).map_err(|error| self.failed(error))
        } else {
            self.destroy_file(path, |_| true)
        }
    }

    fn path_of(&self, id: KeyId) -> Result<Option<PathBuf>, KeyringError> {
        let once = self.folder.join(name_of(id, KeyKind::OneTime));
        if once.exists() {
            return Ok(Some(once));
        }
        let is_it = |name: &&String| parsed(name).is_some_and(|(known, _)| known == id);
        Ok(self.names()?.iter().find(is_it).map(|name| self.folder.join(name)))
    }

    fn names(&self) -> Result<Vec<String>, KeyringError> {
        let entries = fs::read_dir(&self.folder).map_err(|error| self.failed(error))?;
        let names = entries.map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()));
        names.collect::<Result<_, _>>().map_err(|error| self.failed(error))
    }

    fn failed(&self, source: io::Error) -> KeyringError {
        KeyringError::Folder { path: self.folder.clone(), source }
    }
}

fn name_of(id: KeyId, kind: KeyKind) -> String {
    match kind {
        KeyKind::OneTime => format!("{id}{ONE_TIME}"),
        KeyKind::Weekly { made } => format!("{id}{WEEKLY}{made}"),
    }
}

fn parsed(name: &str) -> Option<(KeyId, KeyKind)> {
    if let Some(id) = name.strip_suffix(ONE_TIME) {
        return Some((id.parse().ok()?, KeyKind::OneTime));
    }
    let (id, made) = name.split_once(WEEKLY)?;
    Some((id.parse().ok()?, KeyKind::Weekly { made: made.parse().ok()? }))
}

/// Writes zeros over everything in a file, in its place, durably.
fn overwrite(path: &Path) -> io::Result<()> {
    let mut file = File::options().write(true).open(path)?;
    let length = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
    file.write_all(&vec![0; length.min(4096)])?;
    file.sync_all()
}

fn is_overwritten(path: &Path) -> bool {
    fs::read(path).is_ok_and(|bytes| bytes.iter().all(|byte| *byte == 0))
}

fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests;
