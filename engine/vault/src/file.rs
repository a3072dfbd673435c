//! Files that must be safe from others: a key nobody else may read, a directory nobody else may write.

use std::{
    fs::{self, File, Metadata},
    io::{self, Read as _, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use rustix::{
    fs::{Mode, OFlags},
    io::Errno,
    process::geteuid,
};
use zeroize::Zeroizing;

/// A file that cannot be used, or must not be. Matters to the operator of this machine; each says how to mend it.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The operating system says no.
    #[error("{}: {source}", path.display())]
    System {
        /// The file or folder.
        path: PathBuf,
        /// What it says.
        source: io::Error,
    },
    /// A symbolic link, which somebody may point elsewhere.
    #[error("{}: is a symbolic link; give the path of the file itself", .0.display())]
    Link(PathBuf),
    /// A folder, a pipe or a device.
    #[error("{}: is not a plain file", .0.display())]
    NotAFile(PathBuf),
    /// Others may read or write it.
    #[error("{}: open to others (mode {mode:03o}); mend it with: chmod {wanted} {}", path.display(), path.display())]
    Exposed {
        /// The file or folder.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
        /// What to give to `chmod`.
        wanted: &'static str,
    },
    /// Somebody else may read or write it, for it is theirs.
    #[error("{}: belongs to user {owner}; mend it with: chown {user} {}", path.display(), path.display())]
    NotOurs {
        /// The file or folder.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Who we are.
        user: u32,
    },
    /// Larger than such a file can be.
    #[error("{}: is too large: at most {bytes_max} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The bound.
        bytes_max: usize,
    },
    /// There is one already. It is never replaced: what was sealed to it would be lost.
    #[error("{}: exists already and is not replaced; choose another name, or move it away first", .0.display())]
    Exists(PathBuf),
}

impl FileError {
    /// For `map_err`: the system's error, with the path that it is about.
    pub(crate) fn at(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        |source| Self::System { path, source }
    }
}

/// What others must not be able to do with a file and with the folder it lies in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// Neither read nor write.
    Secret,
    /// Not write.
    Unaltered,
    /// Whatever they like: what it holds proves itself, or is compared by telephone.
    None,
}

impl Guard {
    const fn forbidden(self) -> u32 {
        match self {
            Self::Secret => 0o077,
            Self::Unaltered => 0o022,
            Self::None => 0,
        }
    }

    const fn file_wanted(self) -> &'static str {
        match self {
            Self::Secret => "600",
            Self::Unaltered | Self::None => "go-w",
        }
    }

    const fn folder_wanted(self) -> &'static str {
        match self {
            Self::Secret => "700",
            Self::Unaltered | Self::None => "go-w",
        }
    }
}

/// The folder a path lies in.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Checks the folder that a path lies in.
pub(crate) fn check_folder(path: &Path, guard: Guard) -> Result<(), FileError> {
    let folder = folder_of(path);
    let found = fs::metadata(folder).map_err(FileError::at(folder))?;
    check(folder, &found, guard.forbidden(), guard.folder_wanted())
}

/// Reads a whole file, if it and its folder are safe. The bytes are wiped when dropped.
pub fn read(path: &Path, guard: Guard, bytes_max: usize) -> Result<Zeroizing<Vec<u8>>, FileError> {
    check_folder(path, guard)?;
    // Not following a link and not waiting for a pipe; everything after asks the open file, not the path.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let mut file = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(Errno::LOOP) => return Err(FileError::Link(path.to_path_buf())),
        Err(error) => return Err(FileError::at(path)(error.into())),
    };
    let found = file.metadata().map_err(FileError::at(path))?;
    if !found.is_file() {
        return Err(FileError::NotAFile(path.to_path_buf()));
    }
    check(path, &found, guard.forbidden(), guard.file_wanted())?;

    let too_large = || FileError::TooLarge { path: path.to_path_buf(), bytes_max };
    let length =
        usize::try_from(found.len()).ok().filter(|length| *length <= bytes_max).ok_or_else(too_large)?;
    // One byte more than it should need, so that a file that grows meanwhile is noticed. Allocated once: a buffer that
    // grew would leave an unwiped copy behind.
    let mut bytes = Zeroizing::new(vec![0; length + 1]);
    let mut filled = 0;
    loop {
        match file.read(&mut bytes[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(FileError::at(path)(error)),
        }
    }
    if filled > length {
        return Err(too_large());
    }
    bytes.truncate(filled);
    Ok(bytes)
}

/// Writes a new file of mode 600 in one step, durable when it returns. One that is there already is left alone. The
/// folder must be closed to others.
pub fn create(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    check_folder(path, Guard::Secret)?;
    // A link, unlike a rename, fails if the name is taken.
    beside(path, bytes, |new| fs::hard_link(new, path).map_err(exists_or_system(path)))
}

/// Replaces a file, or makes it, in one step: whoever reads it meanwhile, and whoever reads it after a crash, finds the old
/// text or the new one whole. Mode 600, durable when it returns.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    beside(path, bytes, |new| fs::rename(new, path).map_err(FileError::at(path)))
}

/// Tells the names of files that are being written apart.
static TURN: AtomicU64 = AtomicU64::new(0);

/// Writes a file under a name of its own beside its place, and then gives it its place.
fn beside(
    path: &Path,
    bytes: &[u8],
    place: impl FnOnce(&Path) -> Result<(), FileError>,
) -> Result<(), FileError> {
    let folder = folder_of(path);
    let name = path.file_name().ok_or_else(|| FileError::NotAFile(path.to_path_buf()))?;
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    let turn = TURN.fetch_add(1, Ordering::Relaxed);
    hidden.push(format!(".{}-{turn}.new", std::process::id()));
    let new = path.with_file_name(hidden);
    // Left by a process of the same number that was killed.
    let _ = fs::remove_file(&new);
    let written = File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&new)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .map_err(FileError::at(&new))
        .and_then(|()| place(&new));
    // Gone already if it was renamed.
    let _ = fs::remove_file(&new);
    written?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(FileError::at(folder))
}

fn exists_or_system(path: &Path) -> impl FnOnce(io::Error) -> FileError {
    let path = path.to_path_buf();
    |source| match source.kind() {
        io::ErrorKind::AlreadyExists => FileError::Exists(path),
        _ => FileError::System { path, source },
    }
}

fn check(path: &Path, found: &Metadata, forbidden: u32, wanted: &'static str) -> Result<(), FileError> {
    if forbidden != 0 {
        check_owner(path, found.uid(), geteuid().as_raw())?;
    }
    let mode = found.mode() & 0o7777;
    let lent = std::env::var_os("CREDENTIALS_DIRECTORY");
    if mode & forbidden_there(forbidden, found.uid(), path, lent.as_deref().map(Path::new)) != 0 {
        return Err(FileError::Exposed { path: path.to_path_buf(), mode, wanted });
    }
    Ok(())
}

/// What is forbidden of a file that a service manager may have lent us (systemd's `LoadCredential=`). There the bits of the group
/// are the mask of an access list, which names our user and nobody else.
fn forbidden_there(forbidden: u32, owner: u32, path: &Path, lent: Option<&Path>) -> u32 {
    match lent {
        Some(folder) if owner == 0 && path.starts_with(folder) => forbidden & !0o050,
        _ => forbidden,
    }
}

/// Ours, or root's, who can read and write everything anyway.
fn check_owner(path: &Path, owner: u32, user: u32) -> Result<(), FileError> {
    if owner == user || owner == 0 {
        Ok(())
    } else {
        Err(FileError::NotOurs { path: path.to_path_buf(), owner, user })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_used_if_it_is_ours_or_roots_and_nobody_elses() {
        let path = Path::new("sealing.key");
        for (owner, user, fits) in [(7, 7, true), (0, 7, true), (0, 0, true), (8, 7, false), (8, 0, false)] {
            assert_eq!(check_owner(path, owner, user).is_ok(), fits);
        }
        let told = check_owner(path, 8, 7).unwrap_err().to_string();
        assert_eq!(told, "sealing.key: belongs to user 8; mend it with: chown 7 sealing.key");
    }

    #[test]
    fn only_what_root_lent_us_may_show_the_mask_of_an_access_list() {
        let lent = Some(Path::new("/run/credentials/hwc-school@01AA00.service"));
        let file = Path::new("/run/credentials/hwc-school@01AA00.service/seal");
        assert_eq!(0o440 & forbidden_there(0o077, 0, file, lent), 0);
        assert_ne!(0o460 & forbidden_there(0o077, 0, file, lent), 0);
        assert_ne!(0o444 & forbidden_there(0o077, 0, file, lent), 0);
        for (owner, path, lent) in [(7, file, lent), (0, file, None), (0, Path::new("/etc/hwc/seal"), lent)] {
            assert_eq!(forbidden_there(0o077, owner, path, lent), 0o077);
        }
    }

    #[test]
    fn a_bare_file_name_lies_in_the_working_folder() {
        assert_eq!(folder_of(Path::new("sealing.key")), Path::new("."));
        assert_eq!(folder_of(Path::new("keys/sealing.key")), Path::new("keys"));
    }
}
