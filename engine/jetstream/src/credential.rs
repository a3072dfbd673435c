//! Who we are to the broker: an NKEY, whose seed lies in a file that nobody else may read.

use std::{
    fmt,
    fs::{self, File, Metadata},
    io::{self, Read as _, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
};

use nkeys::{KeyPair, KeyPairType};
use zeroize::Zeroizing;

/// A seed file is 58 characters and a line end; anything much longer is something else.
const SEED_BYTES_MAX: u8 = 255;

/// An NKEY with its seed. Printing it says only its public half. The seed never leaves it but into [`Credential::write`]:
/// the broker's challenge is signed here, and the client library sees only the signature.
#[derive(Clone)]
pub struct Credential {
    pair: Arc<KeyPair>,
}

/// The public half of a [`Credential`]: what the broker's configuration holds.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicNkey(Box<str>);

/// A credential that cannot be used. It never repeats what a file holds.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// The file cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others may read it.
    #[error("{path} has mode {mode:04o}, so others can read the key; run: chmod 600 {path}")]
    OpenToOthers {
        /// Which file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// It holds no seed of a user.
    #[error("{path} does not hold the seed of a user NKEY (SU…)")]
    NotASeed {
        /// Which file.
        path: PathBuf,
    },
    /// Text that is no public key of a user.
    #[error("not the public NKEY of a user (U…)")]
    NotAPublicKey,
}

impl Credential {
    /// A new one, from the system's dice.
    pub fn generate() -> Self {
        Self { pair: Arc::new(KeyPair::new_user()) }
    }

    /// Reads a seed from a file of mode 0600 or stricter.
    pub fn read(path: &Path) -> Result<Self, CredentialError> {
        let failed = |source| CredentialError::File { path: path.into(), source };
        let file = File::open(path).map_err(failed)?;
        // The open file is asked, not the path: nobody can swap it in between.
        let found = file.metadata().map_err(failed)?;
        let mode = found.mode() & 0o7777;
        if mode & forbidden(&found, path) != 0 {
            return Err(CredentialError::OpenToOthers { path: path.into(), mode });
        }
        let mut text = Zeroizing::new(String::with_capacity(usize::from(SEED_BYTES_MAX)));
        file.take(SEED_BYTES_MAX.into()).read_to_string(&mut text).map_err(failed)?;
        let not_a_seed = || CredentialError::NotASeed { path: path.into() };
        let pair = KeyPair::from_seed(text.trim()).map_err(|_| not_a_seed())?;
        if !matches!(pair.key_pair_type(), KeyPairType::User) {
            return Err(not_a_seed());
        }
        Ok(Self { pair: Arc::new(pair) })
    }

    /// Writes the seed to a new file of mode 0600; a file that is there already is left alone.
    pub fn write(&self, path: &Path) -> Result<(), CredentialError> {
        let failed = |source| CredentialError::File { path: path.into(), source };
        let seed =
            Zeroizing::new(self.pair.seed().map_err(|_| CredentialError::NotASeed { path: path.into() })?);
        let mut file =
            fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
        file.write_all(seed.as_bytes())
            .and_then(|()| file.write_all(b"\n"))
            .and_then(|()| file.sync_all())
            .map_err(failed)
    }

    /// What the broker's configuration holds.
    pub fn public(&self) -> PublicNkey {
        PublicNkey(self.pair.public_key().into())
    }

    /// Signs the broker's challenge.
    pub(crate) fn sign(&self, challenge: &[u8]) -> Option<Vec<u8>> {
        self.pair.sign(challenge).ok()
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credential({})", self.public())
    }
}

impl FromStr for PublicNkey {
    type Err = CredentialError;
    fn from_str(text: &str) -> Result<Self, CredentialError> {
        let pair = KeyPair::from_public_key(text).map_err(|_| CredentialError::NotAPublicKey)?;
        if matches!(pair.key_pair_type(), KeyPairType::User) {
            Ok(Self(text.into()))
        } else {
            Err(CredentialError::NotAPublicKey)
        }
    }
}

impl fmt::Display for PublicNkey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for PublicNkey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The bits that nobody else may have. What root lent us as a service (systemd's `LoadCredential=`) may show those of a group: they
/// are the mask of an access list, which names our user and nobody else.
pub(crate) fn forbidden(found: &Metadata, path: &Path) -> u32 {
    let lent = std::env::var_os("CREDENTIALS_DIRECTORY");
    forbidden_there(found.uid(), path, lent.as_deref().map(Path::new))
}

fn forbidden_there(owner: u32, path: &Path, lent: Option<&Path>) -> u32 {
    match lent {
        Some(folder) if owner == 0 && path.starts_with(folder) => 0o027,
        _ => 0o077,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn only_what_root_lent_us_may_show_the_mask_of_an_access_list() {
        let lent = Some(Path::new("/run/credentials/hwc-school@01AA00.service"));
        let seed = Path::new("/run/credentials/hwc-school@01AA00.service/nkey");
        assert_eq!(0o440 & forbidden_there(0, seed, lent), 0);
        assert_ne!(0o444 & forbidden_there(0, seed, lent), 0);
        for (owner, path, lent) in [(7, seed, lent), (0, seed, None), (0, Path::new("/etc/nkey"), lent)] {
            assert_eq!(forbidden_there(owner, path, lent), 0o077);
        }
    }

    #[test]
    fn a_seed_written_is_read_back_and_nobody_else_can_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("engine.nk");
        let written = Credential::generate();
        written.write(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(Credential::read(&path).unwrap().public(), written.public());
        assert!(written.write(&path).is_err(), "a key was overwritten");
    }

    #[test]
    fn a_seed_that_others_may_read_is_refused_with_the_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("engine.nk");
        Credential::generate().write(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(Credential::read(&path).unwrap_err().to_string().contains("chmod 600"));
    }

    #[test]
    fn what_is_no_seed_is_refused_without_repeating_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("engine.nk");
        let account = KeyPair::new_account().seed().unwrap();
        for text in ["", "canary", account.as_str()] {
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            let said = Credential::read(&path).unwrap_err().to_string();
            assert!(said.contains("does not hold the seed") && !said.contains("canary"), "{said}");
        }
    }

    #[test]
    fn printing_a_credential_never_shows_its_seed() {
        let one = Credential::generate();
        let seed = one.pair.seed().unwrap();
        assert!(!format!("{one:?}").contains(&seed));
        assert!(format!("{one:?}").contains(&one.public().to_string()));
    }

    #[test]
    fn a_public_key_is_checked_before_it_gets_into_a_configuration() {
        let key = Credential::generate().public();
        assert_eq!(key.to_string().parse::<PublicNkey>().unwrap(), key);
        for bad in ["", "U", "\"} evil {", &KeyPair::new_account().public_key()] {
            assert!(bad.parse::<PublicNkey>().is_err());
        }
    }
}
