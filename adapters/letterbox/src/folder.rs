//! The folder: what lies where, and how it gets there without ever being half there.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use hwc_schemas::wire::limits;
use serde::Serialize;

/// Shows that the folder of tasks is there to be seen.
const MARK: &str = ".letterbox";

/// Letters that are taken at once, at most; the others wait for the next look.
const OUTGOING_MAX: usize = 1000;

/// Why the folder is of no use.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// It cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// Which file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others may look into it.
    #[error("{path} has mode {mode:04o}, so others can look into it; run: chmod 700 {path}")]
    OpenToOthers {
        /// Which folder.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
}

/// A letterbox's folder. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Opens the folder, and makes what is missing in it.
    pub fn open(path: PathBuf) -> Result<Self, FolderError> {
        for part in ["tasks", "out", "answers", "set-aside"] {
            let part = path.join(part);
            DirBuilder::new().recursive(true).mode(0o700).create(&part).map_err(at(&part))?;
        }
        let mark = path.join("tasks").join(MARK);
        fs::write(&mark, b"").map_err(at(&mark))?;
        let mode = fs::metadata(&path).map_err(at(&path))?.mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(FolderError::OpenToOthers { path, mode });
        }
        Ok(Self { path })
    }

    pub(crate) fn lay_task(&self, name: &str, task: &impl Serialize) -> Result<(), FolderError> {
        let path = self.path.join("tasks").join(name);
        if path.exists() { Ok(()) } else { write(&path, task) }
    }

    /// Whether a task was deleted by whoever is done with it: the file is gone, and the folder that it lay in is not. A
    /// folder that cannot be seen says nothing.
    pub(crate) fn was_deleted(&self, name: &str) -> bool {
        let tasks = self.path.join("tasks");
        matches!(tasks.join(MARK).try_exists(), Ok(true))
            && matches!(tasks.join(name).try_exists(), Ok(false))
    }

    /// The letters in `out/`, in the order of their names.
    pub(crate) fn outgoing(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.path.join("out")) else { return Vec::new() };
        let mut names: Vec<String> = entries
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| {
                !name.starts_with('.') && Path::new(name).extension().is_some_and(|ending| ending == "json")
            })
            .take(OUTGOING_MAX)
            .collect();
        names.sort();
        names
    }

    pub(crate) fn read_outgoing(&self, name: &str) -> Result<Vec<u8>, &'static str> {
        let open = OpenOptions::new().read(true).open(self.path.join("out").join(name));
        let file = open.map_err(|_| "the file cannot be read")?;
        let mut bytes = Vec::new();
        let limit = limits::MESSAGE_BYTES_MAX as u64;
        file.take(limit + 1).read_to_end(&mut bytes).map_err(|_| "the file cannot be read")?;
        if bytes.len() as u64 > limit { Err("the file is larger than a message may be") } else { Ok(bytes) }
    }

    /// The answer first, then the letter goes: a crash in between asks again, and the engine says the same.
    pub(crate) fn answer(&self, name: &str, reply: &impl Serialize) -> Result<(), FolderError> {
        write(&self.path.join("answers").join(name), reply)?;
        let letter = self.path.join("out").join(name);
        fs::remove_file(&letter).map_err(at(&letter))
    }

    pub(crate) fn set_aside(&self, name: &str, reason: &str) -> Result<(), FolderError> {
        let aside = self.path.join("set-aside");
        write(&aside.join(format!("{name}.reason")), &reason)?;
        let letter = self.path.join("out").join(name);
        fs::rename(&letter, aside.join(name)).map_err(at(&letter))
    }
}

/// Whole or not at all.
fn write(path: &Path, content: &impl Serialize) -> Result<(), FolderError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let beside = path.with_file_name(format!(".{name}.part"));
    let failed = at(&beside);
    let bytes = serde_json::to_vec(content).map_err(io::Error::from).map_err(&failed)?;
    let open = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside);
    let mut file = open.map_err(&failed)?;
    file.write_all(&bytes).and_then(|()| file.sync_all()).map_err(&failed)?;
    fs::rename(&beside, path).map_err(&failed)
}

fn at(path: &Path) -> impl Fn(io::Error) -> FolderError {
    let path = path.to_owned();
    move |source| FolderError::File { path: path.clone(), source }
}
