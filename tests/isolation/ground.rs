//! A broker to stand on, and everybody's keys to it.

use hwc_broker::Broker;
use hwc_jetstream::{Credential, permissions};
use nkeys::KeyPair;
use tempfile::TempDir;

use crate::cast::Seat;

/// The broker's configuration and everybody's keys.
pub(crate) struct Keys {
    pub(crate) engine: Credential,
    pub(crate) everybody: Vec<(Seat, Credential)>,
}

impl Keys {
    pub(crate) fn cut() -> Self {
        let everybody = Seat::KNOWN.map(|seat| (seat, Credential::generate())).into();
        Self { engine: Credential::generate(), everybody }
    }

    /// The accounts that an operator gets.
    pub(crate) fn accounts(&self) -> String {
        let (organisations, boards): (Vec<_>, Vec<_>) =
            self.everybody.iter().partition(|(seat, _)| seat.has_doors());
        let organisations: Vec<_> =
            organisations.into_iter().map(|(seat, key)| (seat.organisation(), key.public())).collect();
        let boards: Vec<_> =
            boards.into_iter().map(|(seat, key)| (seat.name().parse().unwrap(), key.public())).collect();
        let limits = permissions::AccountLimits::default();
        permissions::region(&[self.engine.public()], &boards, &organisations, limits)
    }
}

/// A broker, in a folder that goes with it.
pub(crate) struct Ground {
    pub(crate) broker: Broker,
    _folder: TempDir,
}

impl Ground {
    /// Starts a broker with this in its configuration.
    pub(crate) async fn with(accounts: String) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = hwc_broker::Settings {
            accounts,
            // Every world's streams ask for their share; none of them fills it.
            file_store_bytes_max: 1 << 44,
            ..hwc_broker::Settings::in_folder(folder.path())
        };
        Self { broker: Broker::start(settings).await.unwrap(), _folder: folder }
    }
}

/// The key of a credential, to sign with by hand.
pub(crate) fn key_of(credential: &Credential) -> KeyPair {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    credential.write(&path).unwrap();
    KeyPair::from_seed(std::fs::read_to_string(path).unwrap().trim()).unwrap()
}

/// A broker's configuration with every `permissions: { … }` taken out.
pub(crate) fn without_permissions(accounts: &str) -> String {
    let mut parts = accounts.split("permissions: {");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let mut depth = 1;
        let rest = part.trim_start_matches(|letter| {
            depth += i32::from(letter == '{') - i32::from(letter == '}');
            depth > 0
        });
        text.push_str(&rest[1..]);
    }
    text
}
