//! The operator's pair of keys: what the directory of organisations is signed with, and what everybody knows it by.
//!
//! Ed25519 in the clothes of an NKEY (`SO…` and `O…`), so that nobody takes it for another kind of key.

use std::{fmt, path::Path, str::FromStr};

use nkeys::{KeyPair, KeyPairType};
use zeroize::Zeroizing;

use crate::{
    Fingerprint,
    file::{self, FileError, Guard},
};

/// A seed or a public key with its line end; anything longer is something else.
const FILE_BYTES_MAX: usize = 256;
const SIGNATURE_BYTES: usize = 64;

/// The operator's private key. It signs; it opens nothing. It cannot be printed; [`OperatorKey::save`] is the one way out.
///
/// ```compile_fail,E0277
/// fn printed<T: std::fmt::Debug>() {}
/// printed::<hwc_vault::OperatorKey>();
/// ```
pub struct OperatorKey(KeyPair);

/// What everybody knows the operator by: `O…`. Pinned at each organisation and at the engine; compared by telephone once.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct OperatorPublicKey(Box<str>);

/// A key of the operator that cannot be used. Nothing of it is in the error.
#[derive(Debug, thiserror::Error)]
pub enum OperatorKeyError {
    /// The file or its folder.
    #[error(transparent)]
    File(#[from] FileError),
    /// Not the seed of an operator's NKEY.
    #[error("not the operator's signing key (SO…); restore it from its safe copy")]
    NotASeed,
    /// Not the public NKEY of an operator.
    #[error(
        "not the operator's public key (O…, 56 capitals and digits); have the operator hand over operator.pub again"
    )]
    NotAPublicKey,
}

impl OperatorKey {
    /// A new one, from the system's dice.
    pub fn generate() -> Self {
        Self(KeyPair::new_operator())
    }

    /// Reads it from a file that nobody else may read.
    pub fn load(path: &Path) -> Result<Self, OperatorKeyError> {
        let bytes = file::read(path, Guard::Secret, FILE_BYTES_MAX)?;
        let text = std::str::from_utf8(&bytes).map_err(|_| OperatorKeyError::NotASeed)?;
        let pair = KeyPair::from_seed(text.trim()).map_err(|_| OperatorKeyError::NotASeed)?;
        let fits = matches!(pair.key_pair_type(), KeyPairType::Operator);
        if fits { Ok(Self(pair)) } else { Err(OperatorKeyError::NotASeed) }
    }

    /// Writes it to a new file of mode 600; one that is there already is left alone.
    pub fn save(&self, path: &Path) -> Result<(), OperatorKeyError> {
        let seed = Zeroizing::new(self.0.seed().map_err(|_| OperatorKeyError::NotASeed)?);
        let line = Zeroizing::new(format!("{}\n", &*seed).into_bytes());
        Ok(file::create(path, &line)?)
    }

    /// The public half.
    pub fn public_key(&self) -> OperatorPublicKey {
        OperatorPublicKey(self.0.public_key().into())
    }

    /// Signs; the signature as hexadecimal digits. None if the key has no private half, which none of ours lacks.
    pub(crate) fn sign(&self, bytes: &[u8]) -> Option<String> {
        self.0.sign(bytes).ok().map(hex::encode)
    }
}

impl OperatorPublicKey {
    /// Reads it from a file that nobody else may write: whoever could, could be the operator.
    pub fn load(path: &Path) -> Result<Self, OperatorKeyError> {
        let bytes = file::read(path, Guard::Unaltered, FILE_BYTES_MAX)?;
        std::str::from_utf8(&bytes).map_err(|_| OperatorKeyError::NotAPublicKey)?.trim().parse()
    }

    /// What two people compare by telephone.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(self.0.as_bytes())
    }

    /// Whether the operator signed these bytes.
    pub(crate) fn signed(&self, bytes: &[u8], signature: &str) -> bool {
        let mut raw = [0; SIGNATURE_BYTES];
        let Ok(pair) = KeyPair::from_public_key(&self.0) else { return false };
        hex::decode_to_slice(signature, &mut raw).is_ok() && pair.verify(bytes, &raw).is_ok()
    }
}

impl FromStr for OperatorPublicKey {
    type Err = OperatorKeyError;
    fn from_str(text: &str) -> Result<Self, OperatorKeyError> {
        let pair = KeyPair::from_public_key(text).map_err(|_| OperatorKeyError::NotAPublicKey)?;
        let fits = matches!(pair.key_pair_type(), KeyPairType::Operator);
        if fits { Ok(Self(text.into())) } else { Err(OperatorKeyError::NotAPublicKey) }
    }
}

impl fmt::Display for OperatorPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for OperatorPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
        folder
    }

    #[test]
    fn a_signature_is_the_keys_own_and_the_texts_own() {
        let (one, other) = (OperatorKey::generate(), OperatorKey::generate());
        let signature = one.sign(b"text").unwrap();
        assert!(one.public_key().signed(b"text", &signature));
        assert!(!one.public_key().signed(b"texts", &signature));
        assert!(!other.public_key().signed(b"text", &signature));
        for bad in ["", "00", &"0".repeat(128), &"g".repeat(128)] {
            assert!(!one.public_key().signed(b"text", bad));
        }
    }

    #[test]
    fn both_halves_read_back_what_was_written_and_no_other_kind_of_key_does() {
        let folder = folder();
        let path = folder.path().join("operator.nk");
        let key = OperatorKey::generate();
        key.save(&path).unwrap();
        assert!(key.save(&path).is_err(), "a key was overwritten");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(OperatorKey::load(&path).unwrap().public_key(), key.public_key());
        let public = folder.path().join("operator.pub");
        std::fs::write(&public, format!("{}\n", key.public_key())).unwrap();
        assert_eq!(OperatorPublicKey::load(&public).unwrap(), key.public_key());
        let user = KeyPair::new_user();
        std::fs::write(&public, user.public_key()).unwrap();
        assert!(matches!(OperatorPublicKey::load(&public), Err(OperatorKeyError::NotAPublicKey)));
        std::fs::write(&path, user.seed().unwrap()).unwrap();
        let told = OperatorKey::load(&path).err().unwrap().to_string();
        assert!(!told.contains(&user.seed().unwrap()), "{told}");
    }
}
