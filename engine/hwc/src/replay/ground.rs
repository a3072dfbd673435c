//! Where a replay writes.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use super::{ReplayError, cast::private_folder};

/// Where a run writes: a folder of the user's, or one of its own that goes with it.
pub(crate) enum Ground {
    /// Kept.
    Kept(PathBuf),
    /// Removed with this value.
    Private(tempfile::TempDir),
}

impl Ground {
    /// Takes the user's folder, which must be empty, or makes a private one.
    pub(crate) fn prepare(state_dir: Option<&Path>) -> Result<Self, ReplayError> {
        let Some(folder) = state_dir else {
            let made =
                tempfile::Builder::new().prefix("hwc-").permissions(Permissions::from_mode(0o700)).tempdir();
            return Ok(Self::Private(made.map_err(ReplayError::setup)?));
        };
        let taken = fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some());
        if taken || (folder.exists() && !folder.is_dir()) {
            return Err(ReplayError::NotEmpty(folder.to_owned()));
        }
        private_folder(folder)?;
        Ok(Self::Kept(folder.to_owned()))
    }

    /// The folder.
    pub(crate) fn folder(&self) -> &Path {
        match self {
            Self::Kept(folder) => folder,
            Self::Private(folder) => folder.path(),
        }
    }

    /// Where the log goes.
    pub(crate) fn log(&self) -> PathBuf {
        self.folder().join("logs").join("hwc.log")
    }
}
