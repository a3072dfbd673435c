//! What can go wrong with a broker.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::find::FindError;

/// What can go wrong with a broker. The texts hold paths and lines of the server's log, never payloads.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BrokerError {
    /// No server that may be run.
    #[error(transparent)]
    Find(#[from] FindError),
    /// Something in the folder could not be read or written.
    #[error("the broker's {} could not be used: {source}", path.display())]
    Folder {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Others may enter the folder, and it holds something.
    #[error(
        "the broker's folder {} holds something and is open to others (mode {mode:04o}); \
         use a new folder, or close this one with `chmod 700`",
        path.display()
    )]
    FolderOpenToOthers {
        /// The folder.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// Another broker is running in the folder.
    #[error("another broker is running in {}; stop it, or use another folder", path.display())]
    FolderInUse {
        /// The folder.
        path: PathBuf,
    },
    /// The watcher could not be started.
    #[error("/bin/sh, which watches over nats-server, could not be started: {source}")]
    Watcher {
        /// What the system said.
        source: io::Error,
    },
    /// The server ended before it answered.
    #[error("nats-server ended before it was ready. Its last words:\n{last_words}")]
    EndedEarly {
        /// The last lines it wrote.
        last_words: String,
    },
    /// Somebody killed the server before it answered: it gave no reason.
    #[error("nats-server was killed before it was ready")]
    KilledEarly,
    /// The server runs but doesn't answer, or without JetStream.
    #[error("nats-server was not ready within {} s. Its last words:\n{last_words}", within.as_secs())]
    NotReady {
        /// The limit.
        within: Duration,
        /// The last lines it wrote.
        last_words: String,
    },
    /// The configuration makes the server listen where others can reach it.
    #[error("the configuration makes nats-server listen on {address}, which is not loopback; it was stopped")]
    OpenToNetwork {
        /// The address.
        address: String,
    },
    /// The server's own check refuses the new configuration; the old one stays in force.
    #[error("the new configuration is refused and the old one stays: {reason}")]
    Refused {
        /// What the server said.
        reason: String,
    },
    /// The server is not running.
    #[error("nats-server is not running. Its last words:\n{last_words}")]
    NotRunning {
        /// The last lines it wrote.
        last_words: String,
    },
    /// The server was killed and is still there.
    #[error("nats-server was killed and has not ended within {} s", within.as_secs())]
    NotEnding {
        /// The limit.
        within: Duration,
    },
}

impl BrokerError {
    pub(crate) fn folder(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Folder { path, source }
    }
}
