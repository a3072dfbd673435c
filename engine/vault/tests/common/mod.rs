//! What every test of this crate needs: repeatable chance, keys from their digits, a binding for each hop.

use std::{fs, os::unix::fs::PermissionsExt};

use hpke::rand_core::{Infallible, TryCryptoRng, TryRng};
use hwc_schemas::{
    IncidentId, KeyId, SignalNumber,
    key::SignedKey,
    letter::{Hop, Plaintext},
    wire::Binding,
};
use hwc_vault::SealingKey;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Gives the bytes it was made with, in their order, and then no more.
pub(crate) struct Scripted(pub(crate) Vec<u8>);

impl TryRng for Scripted {
    type Error = Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        panic!("draws bytes only")
    }
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        panic!("draws bytes only")
    }
    fn try_fill_bytes(&mut self, into: &mut [u8]) -> Result<(), Infallible> {
        into.copy_from_slice(&self.0.drain(..into.len()).collect::<Vec<_>>());
        Ok(())
    }
}

impl TryCryptoRng for Scripted {}

/// A private key, through a key file as an operator would bring it.
pub(crate) fn key_of(digits: &str) -> SealingKey {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let path = folder.path().join("sealing.key");
    fs::write(&path, format!("hwc-sealing-key-1 {digits}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    SealingKey::load(&path).unwrap_or_else(|e| panic!("{e}"))
}

pub(crate) fn bytes(digits: &str) -> Vec<u8> {
    hex::decode(digits).unwrap()
}

pub(crate) fn plain(content: &[u8]) -> Plaintext {
    Plaintext::from_opened(content.to_vec().into())
}

/// A binding of the fixtures.
#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Bound {
    incident: String,
    number: Option<u16>,
    hop: Hop,
    sender: String,
    receiver: String,
}

impl Bound {
    pub(crate) fn binding(&self) -> Binding {
        Binding {
            incident: IncidentId::from_uuid(Uuid::parse_str(&self.incident).unwrap()),
            number: self.number.map(|number| SignalNumber::at(usize::from(number - 1)).unwrap()),
            hop: self.hop,
            sender: self.sender.parse().unwrap(),
            receiver: self.receiver.parse().unwrap(),
        }
    }
}

/// `tests/fixtures/worked-example.json`, the example of `SEAL.md`.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Example {
    pub(crate) sender_secret: String,
    pub(crate) sender_public: String,
    pub(crate) receiver_secret: String,
    pub(crate) receiver_public: String,
    pub(crate) ikm: String,
    pub(crate) ephemeral_secret: String,
    pub(crate) marker: String,
    pub(crate) binding: Bound,
    pub(crate) content: String,
    pub(crate) associated_data: String,
    pub(crate) seal: String,
}

impl Example {
    pub(crate) fn read() -> Self {
        serde_json::from_str(include_str!("../fixtures/worked-example.json")).unwrap()
    }
}

/// `tests/fixtures/worked-example-2.json`: the same content in version 2, to a key that the receiver left.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Example2 {
    pub(crate) key_id: KeyId,
    pub(crate) key_secret: String,
    pub(crate) key_public: String,
    pub(crate) signature: String,
    /// Another key of the same receiver's, for a week.
    pub(crate) weekly: SignedKey,
    pub(crate) ikm: String,
    pub(crate) marker: String,
    pub(crate) seal: String,
}

impl Example2 {
    pub(crate) fn read() -> Self {
        serde_json::from_str(include_str!("../fixtures/worked-example-2.json")).unwrap()
    }

    /// As the receiver left it.
    pub(crate) fn signed(&self) -> SignedKey {
        let (key, signature) = (self.key_public.parse().unwrap(), self.signature.parse().unwrap());
        SignedKey { id: self.key_id, kind: hwc_schemas::key::KeyKind::OneTime, key, signature }
    }
}
