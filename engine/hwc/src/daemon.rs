//! What every process of the program does the same way: it holds its state folder alone, hears the polite signals, and stops
//! within a limit. `kill -9` needs no preparation.

use std::{
    fs::{self, DirBuilder, File, Permissions, TryLockError},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

/// Why a state folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StateError {
    /// It cannot be made or read.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another process holds it.
    #[error("{0} is in use by another process; stop that one, or give this one a folder of its own")]
    InUse(PathBuf),
}

/// A process's own folder, of mode 700, held until this is dropped or the process ends in whatever way.
#[derive(Debug)]
pub(crate) struct StateFolder {
    path: PathBuf,
    _held: File,
}

impl StateFolder {
    /// Makes the folder if it is missing, and holds it.
    pub(crate) fn hold(path: &Path) -> Result<Self, StateError> {
        let failed = |source| StateError::File { path: path.into(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed)?;
        std::fs::set_permissions(path, Permissions::from_mode(0o700)).map_err(failed)?;
        let mut held = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path.join("lock"))
            .map_err(failed)?;
        match held.try_lock() {
            Ok(()) => {
                held.set_len(0).map_err(failed)?;
                write!(held, "{}", std::process::id()).map_err(failed)?;
                Ok(Self { path: path.into(), _held: held })
            }
            Err(TryLockError::WouldBlock) => Err(StateError::InUse(path.into())),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }

    /// The number of the process that holds the folder; none if nobody does, or it did not say so yet.
    pub(crate) fn holder(path: &Path) -> Option<u32> {
        let file = path.join("lock");
        match File::open(&file).ok()?.try_lock_shared() {
            Err(TryLockError::WouldBlock) => fs::read_to_string(&file).ok()?.parse().ok(),
            _ => None,
        }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// Becomes true at the first polite signal: Ctrl-C, or those of a service manager and of a terminal that closes.
pub(crate) fn stop_on_signals() -> watch::Receiver<bool> {
    let (tell, stop) = watch::channel(false);
    tokio::spawn(async move {
        told_to_stop().await;
        tell.send_replace(true);
        // Whoever watches may come later.
        tell.closed().await;
    });
    stop
}

/// Returns when a polite stop has taken longer than it may.
pub(crate) async fn overdue(mut stop: watch::Receiver<bool>, within: Duration) {
    if stop.wait_for(|stop| *stop).await.is_ok() {
        tokio::time::sleep(within).await;
    } else {
        std::future::pending::<()>().await;
    }
}

/// Returns at the first polite signal.
pub(crate) async fn told_to_stop() {
    let (Ok(mut terminate), Ok(mut hang_up)) =
        (signal(SignalKind::terminate()), signal(SignalKind::hangup()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
        _ = hang_up.recv() => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_folder_is_one_process_s_own() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let held = StateFolder::hold(&path).unwrap();
        assert!(matches!(StateFolder::hold(&path), Err(StateError::InUse(_))));
        assert_eq!(StateFolder::holder(&path), Some(std::process::id()));
        assert_eq!(std::fs::metadata(held.path()).unwrap().permissions().mode() & 0o777, 0o700);
        drop(held);
        assert_eq!(StateFolder::holder(&path), None);
        StateFolder::hold(&path).unwrap();
    }
}
