//! What every page has that people reach in a browser: where it is reached, with which certificate, and a file of who may come in,
//! which counts as soon as it is another.

use std::{
    fmt::Display,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use hwc_web::TlsFiles;

use super::{RoleError, http::nobody_elses};
use crate::settings::{HasRelay, Settings};

/// How often it is looked whether a file is another.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Where a page is reached, as its table of the settings says.
pub(super) struct Reached<'a> {
    /// The table, as in `[desk]`.
    pub(super) table: &'static str,
    /// Where it listens.
    pub(super) listen: SocketAddr,
    /// How people reach it, as their browser shows it.
    pub(super) origin: &'a str,
    /// Its certificate, and the private key to it.
    pub(super) secured: (Option<&'a PathBuf>, Option<&'a PathBuf>),
}

impl Reached<'_> {
    /// The files of TLS; none where a proxy on this machine secures the way. Without TLS anywhere a page is for trying, on this
    /// machine alone.
    pub(super) fn checked<T: HasRelay>(&self, settings: &Settings<T>) -> Result<Option<TlsFiles>, RoleError> {
        let Self { table, listen, origin, secured } = self;
        let refuse = |problem: &str| RoleError::from(settings.unusable(format!("{table} {problem}")));
        let for_trying = listen.ip().is_loopback() && origin.starts_with("http://localhost");
        let host = origin.split_once("://").map_or("", |(_, host)| host);
        if !(origin.starts_with("https://") || for_trying)
            || host.is_empty()
            || host.contains(['/', '?', '#', '@', ' '])
        {
            return Err(refuse("origin is no https://NAME without anything behind it"));
        }
        match secured {
            (Some(certificate), Some(key)) => {
                let (certificate, key) = (settings.path(certificate), settings.path(key));
                nobody_elses(&key)?;
                Ok(Some(TlsFiles { certificate, key, client_ca: None }))
            }
            (None, None) => Ok(None),
            _ => Err(refuse("certificate and key belong together")),
        }
    }
}

/// A file as it was seen: when it changed, and how long it was.
pub(super) type Seen = Option<(SystemTime, u64)>;

/// How a file is now; nothing where there is none.
pub(super) fn seen(path: &Path) -> Seen {
    let file = fs::metadata(path).ok()?;
    Some((file.modified().ok()?, file.len()))
}

/// What is said of a file that changed.
pub(super) struct Words {
    /// It was taken.
    pub(super) taken: &'static str,
    /// It cannot be used, and what was taken before stays in use.
    pub(super) unusable: &'static str,
}

/// Has a file taken again each time that it changes. One that cannot be used is said, and what was taken before stays in use.
pub(super) async fn follow<E: Display>(
    path: &Path,
    mut last: Seen,
    words: Words,
    mut take: impl FnMut() -> Result<(), E>,
) {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let now = seen(path);
        if now == last {
            continue;
        }
        last = now;
        match take() {
            Ok(()) => tracing::info!("{}", words.taken),
            Err(error) => {
                tracing::error!(%error, "{}", words.unusable);
            }
        }
    }
}
