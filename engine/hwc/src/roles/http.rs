//! Where an adapter offers a small HTTP service: the same settings for the police's inbox and for a school's own software.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use hwc_http::{Clients, Listening, TlsFiles};
use hwc_vault::Guard;
use serde::Deserialize;

use super::RoleError;
use crate::{
    member::KeysError,
    settings::{HasRelay, Settings},
};

/// Largest private key, in bytes.
const KEY_BYTES_MAX: usize = 64 * 1024;
/// Largest file of tokens, in bytes.
const TOKENS_BYTES_MAX: usize = 64 * 1024;

/// The table of one HTTP service.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HttpTable {
    /// Where to listen; without a certificate only on this machine.
    listen: SocketAddr,
    /// Our certificate (PEM).
    certificate: Option<PathBuf>,
    /// Its private key (PEM), nobody else's to read.
    key: Option<PathBuf>,
    /// Who signs the certificates that clients must show (PEM).
    client_ca: Option<PathBuf>,
    /// The hashes of the tokens that clients must hold.
    tokens: Option<PathBuf>,
}

impl HttpTable {
    /// Takes the place, for the table of this name.
    pub(super) async fn listen<T: HasRelay>(
        &self,
        settings: &Settings<T>,
        table: &'static str,
    ) -> Result<Listening, RoleError> {
        let (tls, clients) = self.checked(settings, table)?;
        let listening = Listening::bind(self.listen, tls.as_ref(), clients).await;
        listening.map_err(|source| RoleError::Listen { table, source })
    }

    /// What is offered there, for whoever looks whether it is well.
    pub(super) fn offered<T: HasRelay>(&self, settings: &Settings<T>, table: &'static str) -> Offered {
        Offered {
            name: table.trim_matches(['[', ']']),
            listen: self.listen,
            checked: self
                .checked(settings, table)
                .map(|(tls, _)| tls.map(|files| files.certificate))
                .map_err(|error| error.to_string()),
        }
    }

    fn checked<T: HasRelay>(
        &self,
        settings: &Settings<T>,
        table: &'static str,
    ) -> Result<(Option<TlsFiles>, Option<Clients>), RoleError> {
        let path = |written: &PathBuf| settings.path(written);
        let tls = match (&self.certificate, &self.key) {
            (Some(certificate), Some(key)) => {
                let (certificate, key) = (path(certificate), path(key));
                nobody_elses(&key)?;
                Some(TlsFiles { certificate, key, client_ca: self.client_ca.as_ref().map(path) })
            }
            (None, None) if self.client_ca.is_none() => None,
            _ => {
                let problem = format!("{table} certificate and key belong together, and client_ca to both");
                return Err(settings.unusable(problem).into());
            }
        };
        let clients = self.tokens.as_ref().map(path).map(|path| clients(settings, &path)).transpose()?;
        Ok((tls, clients))
    }
}

/// A page or a service that is offered by HTTP.
pub(crate) struct Offered {
    /// What it is called in the settings.
    pub(crate) name: &'static str,
    /// Where it listens.
    pub(crate) listen: SocketAddr,
    /// Its certificate, if it has one: or why it cannot start.
    pub(crate) checked: Result<Option<PathBuf>, String>,
}

/// A private key that only this user can read: the library that reads it does not look who else could.
pub(super) fn nobody_elses(key: &Path) -> Result<(), RoleError> {
    hwc_vault::read(key, Guard::Secret, KEY_BYTES_MAX).map_err(KeysError::from)?;
    Ok(())
}

fn clients<T: HasRelay>(settings: &Settings<T>, path: &Path) -> Result<Clients, RoleError> {
    let read = hwc_vault::read(path, Guard::Secret, TOKENS_BYTES_MAX).map_err(KeysError::from)?;
    let text = String::from_utf8_lossy(&read);
    let unusable = |error| settings.unusable(format!("{}: {error}", path.display()));
    Ok(Clients::read(&text).map_err(unusable)?)
}
