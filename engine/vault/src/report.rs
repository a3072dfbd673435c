//! The key that reports are signed with: the operator's, or one that a host keeps for nothing else.
//!
//! Ed25519 in the clothes of an NKEY. A host's is a *server's* (`SN…` and `N…`): never the one that it is admitted to the broker by,
//! for a broker may have that sign whatever it likes.

use std::{fmt, path::Path, str::FromStr};

use nkeys::{KeyPair, KeyPairType};
use zeroize::Zeroizing;

use crate::file::{self, FileError, Guard};

/// A seed with its line end; anything longer is something else.
const FILE_BYTES_MAX: usize = 256;
const SIGNATURE_BYTES: usize = 64;

/// What stands before the bytes that are signed, so that a signature of a report is one of nothing else.
const LABEL: &[u8] = b"hwc-report-1\n";

/// The private half. It signs reports; it opens nothing. It cannot be printed.
pub struct ReportKey(KeyPair);

/// Whom a report is from: `O…` or `N…`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportSigner(Box<str>);

/// A key for reports that cannot be used. Nothing of it is in the error.
#[derive(Debug, thiserror::Error)]
pub enum ReportKeyError {
    /// The file or its folder.
    #[error(transparent)]
    File(#[from] FileError),
    /// Not the seed of such a key.
    #[error("not a key that reports are signed with: wanted the operator's (SO…) or a host's (SN…)")]
    NotASeed,
    /// Not the public half of such a key.
    #[error("not the public half of a key that reports are signed with (O… or N…, 56 capitals and digits)")]
    NotAPublicKey,
    /// It would not sign.
    #[error("the key does not sign")]
    DoesNotSign,
}

fn signs_reports(pair: &KeyPair) -> bool {
    matches!(pair.key_pair_type(), KeyPairType::Operator | KeyPairType::Server)
}

impl ReportKey {
    /// A new one for a host, from the system's dice.
    pub fn generate() -> Self {
        Self(KeyPair::new_server())
    }

    /// Reads it from a file that nobody else may read.
    pub fn load(path: &Path) -> Result<Self, ReportKeyError> {
        let bytes = file::read(path, Guard::Secret, FILE_BYTES_MAX)?;
        let text = std::str::from_utf8(&bytes).map_err(|_| ReportKeyError::NotASeed)?;
        let pair = KeyPair::from_seed(text.trim()).map_err(|_| ReportKeyError::NotASeed)?;
        if signs_reports(&pair) { Ok(Self(pair)) } else { Err(ReportKeyError::NotASeed) }
    }

    /// Writes it to a new file of mode 600; one that is there already is left alone.
    pub fn save(&self, path: &Path) -> Result<(), ReportKeyError> {
        let seed = Zeroizing::new(self.0.seed().map_err(|_| ReportKeyError::NotASeed)?);
        let line = Zeroizing::new(format!("{}\n", &*seed).into_bytes());
        Ok(file::create(path, &line)?)
    }

    /// The public half.
    pub fn signer(&self) -> ReportSigner {
        ReportSigner(self.0.public_key().into())
    }

    /// Signs a report; the signature as hexadecimal digits.
    pub fn sign(&self, report: &[u8]) -> Result<String, ReportKeyError> {
        let signature = self.0.sign(&[LABEL, report].concat());
        signature.map(hex::encode).map_err(|_| ReportKeyError::DoesNotSign)
    }
}

impl ReportSigner {
    /// Whether these very bytes were signed as a report.
    pub fn signed(&self, report: &[u8], signature: &str) -> bool {
        let mut raw = [0; SIGNATURE_BYTES];
        let Ok(pair) = KeyPair::from_public_key(&self.0) else { return false };
        hex::decode_to_slice(signature, &mut raw).is_ok()
            && pair.verify(&[LABEL, report].concat(), &raw).is_ok()
    }
}

impl FromStr for ReportSigner {
    type Err = ReportKeyError;
    fn from_str(text: &str) -> Result<Self, ReportKeyError> {
        let pair = KeyPair::from_public_key(text).map_err(|_| ReportKeyError::NotAPublicKey)?;
        if signs_reports(&pair) { Ok(Self(text.into())) } else { Err(ReportKeyError::NotAPublicKey) }
    }
}

impl fmt::Display for ReportSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::OperatorKey;

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
        folder
    }

    #[test]
    fn a_report_is_signed_by_a_host_or_by_the_operator_and_by_nobody_who_logs_in_with_it() {
        let folder = folder();
        let [host, operator, user] = ["host", "operator", "user"].map(|name| folder.path().join(name));
        ReportKey::generate().save(&host).unwrap();
        OperatorKey::generate().save(&operator).unwrap();
        for path in [host, operator] {
            let key = ReportKey::load(&path).unwrap();
            let signer: ReportSigner = key.signer().to_string().parse().unwrap();
            let signature = key.sign(b"report").unwrap();
            assert!(signer.signed(b"report", &signature) && !signer.signed(b"another", &signature));
            for bad in ["", "00", &"0".repeat(128), &"g".repeat(128)] {
                assert!(!signer.signed(b"report", bad));
            }
        }
        let pair = KeyPair::new_user();
        std::fs::write(&user, pair.seed().unwrap()).unwrap();
        std::fs::set_permissions(&user, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert!(matches!(ReportKey::load(&user), Err(ReportKeyError::NotASeed)));
        assert!(pair.public_key().parse::<ReportSigner>().is_err());
    }

    #[test]
    fn what_the_operator_signed_as_something_else_is_no_report() {
        let folder = folder();
        let path = folder.path().join("operator");
        let operator = OperatorKey::generate();
        operator.save(&path).unwrap();
        let signature = operator.sign(b"report").unwrap();
        assert!(!ReportKey::load(&path).unwrap().signer().signed(b"report", &signature));
    }
}
