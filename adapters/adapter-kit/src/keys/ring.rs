//! The private halves of the keys that we left with the engine: a folder, one file for each key.
//!
//! What is destroyed is overwritten, made durable, and unlinked. On a disk that writes elsewhere when it overwrites (an SSD, a
//! file system that copies on write, a snapshot) old bytes may stay until the disk uses their place again: `docs/keys.md`.

use std::{
    fs::{self, DirBuilder, File},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use hwc_schemas::{KeyId, key::KeyKind};
use hwc_vault::{FileError, Guard, KeyFileError, OsChance, PublicKey, SealingKey, WrappingKey};
use uuid::Uuid;

/// What a file of a one-time key ends in.
const ONE_TIME: &str = ".once";
/// What stands between the id and the day in the name of a weekly key's file.
const WEEKLY: &str = ".week-";
/// Bytes of a wrapped key's file, at most.
const WRAPPED_BYTES_MAX: usize = 512;
/// What the name of a file begins with that is not whole yet.
const UNFINISHED: &str = ".";

/// The keys in a folder. One process at a time: whoever holds the state folder that it lies in. Cheap to clone.
#[derive(Clone)]
pub struct Keyring {
    folder: PathBuf,
    cover: Cover,
}

/// How the keys lie there.
#[derive(Clone)]
enum Cover {
    /// As they are, for their owner only.
    Bare,
    /// Wrapped; with what, if somebody is there who has it.
    Wrapped(Option<Arc<WrappingKey>>),
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
    /// Nobody is there who could open it.
    #[error("the one-time keys are locked: nobody of the organisation is logged in")]
    Locked,
    /// It does not open with what they are wrapped with here.
    #[error("the one-time key {0} was wrapped by somebody else, or its file is damaged")]
    NotOurs(KeyId),
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
        Self::open_as(folder.into(), Cover::Bare)
    }

    /// The same for a folder whose keys lie wrapped: keys can be counted and destroyed there, and neither made nor read, until
    /// [`Keyring::unlocked`].
    pub fn open_wrapped(folder: impl Into<PathBuf>) -> Result<Self, KeyringError> {
        Self::open_as(folder.into(), Cover::Wrapped(None))
    }

    /// The same folder for somebody who has what its keys are wrapped with.
    #[must_use]
    pub fn unlocked(&self, with: Arc<WrappingKey>) -> Self {
        Self { folder: self.folder.clone(), cover: Cover::Wrapped(Some(with)) }
    }

    fn open_as(folder: PathBuf, cover: Cover) -> Result<Self, KeyringError> {
        let ring = Self { folder, cover };
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
        Self { folder: folder.into(), cover: Cover::Bare }
    }

    /// The keys that are there.
    pub fn keys(&self) -> Result<Vec<(KeyId, KeyKind)>, KeyringError> {
        Ok(self.names()?.iter().filter_map(|name| parsed(name)).collect())
    }

    /// Makes a key, durable when it returns, and gives its public half.
    pub fn make(&self, kind: KeyKind) -> Result<(KeyId, PublicKey), KeyringError> {
        let (id, key) = (KeyId::from_uuid(Uuid::new_v4()), SealingKey::generate(&mut OsChance)?);
        let path = self.folder.join(name_of(id, kind));
        match &self.cover {
            Cover::Bare => key.save(&path)?,
            Cover::Wrapped(None) => return Err(KeyringError::Locked),
            Cover::Wrapped(Some(with)) => {
                let wrapped = with.wrap(&key, &what_for(id), &mut OsChance)?;
                hwc_vault::create(&path, wrapped.as_bytes()).map_err(KeyFileError::from)?;
            }
        }
        Ok((id, key.public_key()))
    }

    /// A key's private half; none if it is not there, not yet or not any more.
    pub fn get(&self, id: KeyId) -> Result<Option<SealingKey>, KeyringError> {
        let Some(path) = self.path_of(id)? else { return Ok(None) };
        match self.load(&path, id) {
            Ok(key) => Ok(Some(key)),
            // Destroyed in this very moment.
            Err(KeyringError::File(KeyFileError::File(FileError::System { source, .. })))
                if source.kind() == io::ErrorKind::NotFound =>
            {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn load(&self, path: &Path, id: KeyId) -> Result<SealingKey, KeyringError> {
        let with = match &self.cover {
            Cover::Bare => return Ok(SealingKey::load(path)?),
            Cover::Wrapped(None) => return Err(KeyringError::Locked),
            Cover::Wrapped(Some(with)) => with,
        };
        let line = hwc_vault::read(path, Guard::Secret, WRAPPED_BYTES_MAX).map_err(KeyFileError::from)?;
        let text = std::str::from_utf8(&line).ok();
        text.and_then(|text| with.unwrap(text, &what_for(id))).ok_or(KeyringError::NotOurs(id))
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

/// What a wrapped key is bound to: no key's file passes for another's.
fn what_for(id: KeyId) -> String {
    format!("one-time {id}")
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
