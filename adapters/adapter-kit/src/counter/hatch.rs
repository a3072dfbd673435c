//! The hatch: a second socket of a running process, at which another user's process asks, and gets only what the service behind it
//! answers. So a page for people needs no share in the keys of the process that it asks.
//!
//! Who may ask is said by the folder that the socket lies in: its owner is who answers, its group is who asks, and it is closed to
//! everybody else. The service manager makes it (`2750`: what is made in it has its group), for a process without privileges could
//! not give anything away. Beyond the folder each end looks who the other is: the process answers whoever runs with that
//! group, and whoever asks asks nobody but the folder's owner.

use std::{
    fs::{self, DirBuilder, Metadata, Permissions},
    io,
    os::unix::fs::{DirBuilderExt as _, FileTypeExt as _, MetadataExt as _, PermissionsExt as _},
    path::Path,
    time::Duration,
};

use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    net::{UnixListener, UnixStream},
    time::timeout,
};

use super::{Admits, AskError, Counter, CounterError, Said, call, say};

/// What a user or a group is called that this process's namespace does not know. Everybody there would look the same.
const NOT_KNOWN: u32 = 65_534;
/// How long it is looked whether somebody answers at a socket that lies there.
const LOOK_WITHIN: Duration = Duration::from_secs(1);

impl Counter {
    /// Opens a hatch for the group of the socket's folder. A folder that is not there is made, for our own group.
    pub async fn open_hatch(path: &Path) -> Result<Self, CounterError> {
        let failed = |source| CounterError { path: path.into(), source };
        let group = folder_made(path).and_then(|()| group(path)).map_err(failed)?;
        free(path).await.map_err(failed)?;
        let listener = UnixListener::bind(path).map_err(failed)?;
        if fs::symlink_metadata(path).map_err(failed)?.gid() != group {
            return Err(failed(io::Error::other(
                "it did not get the group of its folder; chmod g+s the folder",
            )));
        }
        fs::set_permissions(path, Permissions::from_mode(0o660)).map_err(failed)?;
        Ok(Self { listener, admits: Admits { group: Some(group), ..Admits::us_alone() }, acts: None })
    }
}

/// Whether a hatch could be opened there; it opens none.
pub fn check(path: &Path) -> Result<(), CounterError> {
    group(path).map(drop).map_err(|source| CounterError { path: path.into(), source })
}

/// Asks at a hatch. Whoever answers must be the user whose folder the socket lies in.
pub async fn ask<Q: Serialize, R: DeserializeOwned>(path: &Path, question: &Q) -> Result<Said<R>, AskError> {
    let stream = call(path).await?;
    if !is_theirs(&stream, path) {
        return Err(AskError::NotTheirs(path.into()));
    }
    say(stream, question, None).await
}

fn is_theirs(stream: &UnixStream, path: &Path) -> bool {
    let owner = folder(path).and_then(fs::symlink_metadata).map(|found| found.uid());
    let answers = stream.peer_cred().map(|peer| peer.uid());
    matches!((owner, answers), (Ok(owner), Ok(answers)) if owner == answers && owner != NOT_KNOWN)
}

fn folder(path: &Path) -> io::Result<&Path> {
    path.parent().ok_or_else(|| io::Error::other("it lies in no folder"))
}

fn folder_made(path: &Path) -> io::Result<()> {
    let folder = folder(path)?;
    if folder.exists() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(0o755).create(folder.parent().unwrap_or(folder))?;
    DirBuilder::new().recursive(true).mode(0o750).create(folder)?;
    fs::set_permissions(folder, Permissions::from_mode(0o750))
}

/// The group that may ask there.
fn group(path: &Path) -> io::Result<u32> {
    let folder = folder(path)?;
    let us = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    let found = fs::symlink_metadata(folder)?;
    unfit(&found, us).map_or_else(|| Ok(found.gid()), |why| Err(io::Error::other(why)))
}

/// Why no hatch can lie in this folder, for us of this user and group.
fn unfit(found: &Metadata, (user, group): (u32, u32)) -> Option<&'static str> {
    let mode = found.mode();
    if !found.is_dir() {
        Some("it must lie in a folder, and not behind a link to one")
    } else if found.gid() == NOT_KNOWN {
        Some(
            "nobody in here can tell who belongs to the group of its folder: say PrivateUsers=no to the service manager (docs/desk.md)",
        )
    } else if found.uid() != user {
        Some("its folder belongs to another user than the one that answers there")
    } else if mode & 0o027 != 0 {
        Some(
            "its folder must be closed to others, and its group must not write there; chmod g-w,o-rwx the folder",
        )
    } else if mode & 0o2000 == 0 && found.gid() != group {
        Some("what is made in its folder does not get the folder's group; chmod g+s the folder")
    } else {
        None
    }
}

/// Takes a socket away at which nobody answers any more, and nothing else.
async fn free(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
        Ok(found) if !found.file_type().is_socket() => {
            return Err(io::Error::other("something lies there that is no socket; say another name"));
        }
        Ok(_) => {}
    }
    // Who has no time to answer is there all the same.
    if !matches!(timeout(LOOK_WITHIN, UnixStream::connect(path)).await, Ok(Err(_))) {
        return Err(io::Error::other("another process answers there; give each a socket of its own"));
    }
    fs::remove_file(path)
}

#[cfg(test)]
mod tests {
    use std::{path::PathBuf, sync::Arc};

    use super::{super::tests::Parrot, *};

    fn mode(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    /// A folder as a service manager makes it, and the socket that is to lie in it.
    fn made() -> (tempfile::TempDir, PathBuf) {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("desk");
        fs::create_dir(&folder).unwrap();
        mode(&folder, 0o2750);
        let path = folder.join("0855");
        (place, path)
    }

    async fn refused(path: &Path) -> String {
        Counter::open_hatch(path).await.unwrap_err().to_string()
    }

    #[tokio::test]
    async fn a_hatch_answers_in_a_folder_that_is_closed_to_others_and_makes_one_where_there_is_none() {
        let (place, path) = made();
        for path in [path, place.path().join("run/made/0855")] {
            let hatch = Counter::open_hatch(&path).await.unwrap();
            tokio::spawn(hatch.serve(Arc::new(Parrot), std::future::pending()));
            let said: Said<String> = ask(&path, &"lorre").await.unwrap();
            assert_eq!(said.reply, "lorre");
            let modes = [&path, path.parent().unwrap()].map(|one| fs::metadata(one).unwrap().mode() & 0o777);
            assert_eq!(modes, [0o660, 0o750]);
        }
    }

    #[tokio::test]
    async fn a_folder_that_is_open_to_others_or_to_its_groups_pen_has_no_hatch() {
        let (_place, path) = made();
        let folder = path.parent().unwrap();
        for open in [0o2751, 0o2754, 0o2752, 0o2770, 0o777] {
            mode(folder, open);
            assert!(refused(&path).await.contains("closed to others"), "{open:o}");
            assert!(check(&path).is_err() && !path.exists());
        }
        mode(folder, 0o2750);
        check(&path).unwrap();
        let link = folder.with_file_name("link");
        std::os::unix::fs::symlink(folder, &link).unwrap();
        assert!(refused(&link.join("0855")).await.contains("behind a link"));
    }

    #[tokio::test]
    async fn a_group_that_cannot_be_told_or_that_a_socket_would_not_get_has_no_hatch() {
        let (_place, path) = made();
        let found = fs::metadata(path.parent().unwrap()).unwrap();
        let (user, group) = (found.uid(), found.gid());
        assert_eq!(unfit(&found, (user, group)), None);
        assert_eq!(unfit(&found, (user, group + 1)), None, "the folder hands its group on");
        assert!(unfit(&found, (user + 1, group)).unwrap().contains("another user"));
        mode(path.parent().unwrap(), 0o750);
        let found = fs::metadata(path.parent().unwrap()).unwrap();
        assert!(unfit(&found, (user, group + 1)).unwrap().contains("g+s"));
        assert_eq!(unfit(&found, (user, group)), None);
    }

    #[tokio::test]
    async fn what_another_process_has_or_what_is_no_socket_stays_and_a_socket_left_behind_goes() {
        let (_place, path) = made();
        let first = Counter::open_hatch(&path).await.unwrap();
        assert!(refused(&path).await.contains("another process answers there"));
        drop(first);
        drop(Counter::open_hatch(&path).await.unwrap());
        fs::remove_file(&path).unwrap();
        fs::write(&path, "a letter").unwrap();
        assert!(refused(&path).await.contains("no socket"));
        assert_eq!(fs::read_to_string(&path).unwrap(), "a letter");
    }

    #[tokio::test]
    async fn whoever_asks_is_told_that_nobody_is_there_and_asks_nobody_whose_folder_it_is_not() {
        let (_place, path) = made();
        let said: Result<Said<String>, _> = ask(&path, &"lorre").await;
        assert!(matches!(said, Err(AskError::NobodyThere(_))));
        let hatch = Counter::open_hatch(&path).await.unwrap();
        tokio::spawn(hatch.serve(Arc::new(Parrot), std::future::pending()));
        let stream = UnixStream::connect(&path).await.unwrap();
        assert!(is_theirs(&stream, &path));
        assert!(!is_theirs(&stream, &path.join("nowhere/0855")), "a folder that is not there is nobody's");
    }
}
