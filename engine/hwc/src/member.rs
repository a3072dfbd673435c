//! Taking part: an organisation's keys from their folder, its address book, and its door to the relay.

use std::{
    fs::DirBuilder,
    io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use hwc_adapter_kit::{
    ANSWERS_WITHIN, Aims, Book, Follower, Hours, KeyKeeper, Keyring, KeyringError, Nobody, Station,
    WallClock,
    door::{Credential, CredentialError, Door, DoorError},
};
use hwc_jetstream::LinkError;
use hwc_schemas::{Organisation, Role};
use hwc_vault::{
    BookError, FileError, Guard, KeyFileError, OperatorKeyError, OperatorPublicKey, SealingKeys,
};
use zeroize::Zeroizing;

use crate::settings::Relay;

/// The longest wait between two attempts to connect.
const AGAIN_AFTER_MAX: Duration = Duration::from_secs(15);

/// Keys that cannot be used. Matters to the operator of this machine; nothing of a key is in it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeysError {
    /// Who we are to the broker.
    #[error(transparent)]
    Credential(#[from] CredentialError),
    /// What we seal and open with.
    #[error(transparent)]
    SealingKeys(#[from] KeyFileError),
    /// Whose directory we believe.
    #[error(transparent)]
    Operator(#[from] OperatorKeyError),
    /// Whose public keys we believe.
    #[error(transparent)]
    Book(#[from] BookError),
    /// The one-time keys.
    #[error(transparent)]
    Ring(#[from] KeyringError),
    /// Where the address book is kept.
    #[error("{path}: {source}")]
    State {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another secret file.
    #[error(transparent)]
    Secret(#[from] FileError),
    /// A secret file of another length.
    #[error("{path}: is not {bytes} random bytes; put the right file there")]
    SecretLength {
        /// Which.
        path: PathBuf,
        /// How many it must have.
        bytes: usize,
    },
}

/// An organisation, ready to take part.
pub(crate) struct Member {
    organisation: Organisation,
    credential: Credential,
    /// None if its people have them, and not this process.
    keys: Option<SealingKeys>,
    operator: OperatorPublicKey,
    relay: Relay,
}

impl Member {
    /// Reads the keys: `nkey`, `seal` with those before it, and `operator.pub`.
    pub(crate) fn read(relay: &Relay, organisation: Organisation) -> Result<Self, KeysError> {
        let locked = Self::read_locked(relay, organisation)?;
        Ok(Self { keys: Some(SealingKeys::load(&relay.keys)?), ..locked })
    }

    /// Reads everything but the sealing keys: its people have those.
    pub(crate) fn read_locked(relay: &Relay, organisation: Organisation) -> Result<Self, KeysError> {
        Ok(Self {
            organisation,
            credential: Credential::read(&relay.keys.join("nkey"))?,
            keys: None,
            operator: OperatorPublicKey::load(&relay.keys.join("operator.pub"))?,
            relay: relay.clone(),
        })
    }

    /// Who it is.
    pub(crate) const fn organisation(&self) -> &Organisation {
        &self.organisation
    }

    /// Opens the address book in the state folder. A first start begins with the `directory.json` that came with the keys.
    pub(crate) fn open_book(&self) -> Result<(Follower, Book), KeysError> {
        let state = &self.relay.state_dir;
        let made = DirBuilder::new().recursive(true).mode(0o700).create(state);
        made.map_err(|source| KeysError::State { path: state.clone(), source })?;
        Ok(Follower::open(state, &self.operator, Some(&self.relay.keys.join("directory.json")))?)
    }

    /// Opens the folder of one-time keys in the state folder, which must be held; none for the police, to whom nobody seals.
    pub(crate) fn open_ring(&self) -> Result<Option<Keyring>, KeysError> {
        if self.organisation.role() == Role::Police {
            return Ok(None);
        }
        Ok(Some(Keyring::open(self.relay.state_dir.join("one-time-keys"))?))
    }

    /// Who looks after them.
    pub(crate) fn keeper_of(&self, ring: Keyring) -> Option<KeyKeeper> {
        let role = self.organisation.role();
        let aims = self.relay.one_time_keys.map(|keys| Aims::at_most(role, keys.into()));
        Some(KeyKeeper::new(ring, self.keys.clone()?, aims.unwrap_or_else(|| Aims::of(role))))
    }

    /// Connects once.
    pub(crate) async fn try_enter(
        &self,
        book: &Book,
        hours: Hours,
        ring: Option<Keyring>,
    ) -> Result<Station, DoorError> {
        let door = Door::connect(self.relay.address(), &self.credential, self.organisation.clone()).await?;
        let door = door.with_answer_within(ANSWERS_WITHIN);
        let (book, clock, witness) = (book.clone(), Arc::new(WallClock), Arc::new(Nobody));
        let station = match self.keys.clone() {
            Some(keys) => Station::with_ring(door, (keys, ring), book, clock, witness),
            None => Station::locked(door, book, clock, witness),
        };
        Ok(station.keeping(hours))
    }

    /// Connects, for as long as it takes; each failure is said. An address that is none is the one thing that time does
    /// not mend.
    pub(crate) async fn enter(
        &self,
        book: &Book,
        hours: Hours,
        ring: Option<Keyring>,
    ) -> Result<Station, DoorError> {
        let mut wait = Duration::from_millis(250);
        loop {
            match self.try_enter(book, hours.clone(), ring.clone()).await {
                Ok(station) => {
                    tracing::info!(organisation = %self.organisation, "connected");
                    return Ok(station);
                }
                Err(error @ DoorError::Link(LinkError::Address)) => return Err(error),
                Err(error) => {
                    tracing::error!(organisation = %self.organisation, %error, "not connected; trying again");
                }
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(AGAIN_AFTER_MAX);
        }
    }
}

/// A secret of exactly so many bytes, from a file that nobody else may read.
pub(crate) fn secret<const BYTES: usize>(path: &Path) -> Result<Zeroizing<[u8; BYTES]>, KeysError> {
    let other = || KeysError::SecretLength { path: path.into(), bytes: BYTES };
    let read = match hwc_vault::read(path, Guard::Secret, BYTES) {
        Err(FileError::TooLarge { .. }) => return Err(other()),
        read => read?,
    };
    let mut bytes = Zeroizing::new([0; BYTES]);
    if read.len() != BYTES {
        return Err(other());
    }
    bytes.copy_from_slice(&read);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::*;

    #[test]
    fn a_secret_is_exactly_as_long_as_it_must_be_and_nobody_else_s_to_read() {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let path = folder.path().join("reference");
        let write = |bytes: &[u8], mode| {
            fs::write(&path, bytes).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            secret::<4>(&path).map(|bytes| *bytes).map_err(|error| error.to_string())
        };
        assert_eq!(write(b"1234", 0o600), Ok(*b"1234"));
        for wrong in [&b"123"[..], b"12345", b""] {
            assert!(write(wrong, 0o600).unwrap_err().contains("is not 4 random bytes"));
        }
        assert!(write(b"1234", 0o640).unwrap_err().contains("chmod 600"));
        fs::remove_file(&path).unwrap();
        assert!(secret::<4>(&path).is_err());
    }
}
