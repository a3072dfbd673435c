//! What a member makes by itself: its private keys, in a folder that nobody else can enter, and the request.

use std::{
    fs::{self, DirBuilder},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use hwc_jetstream::Credential;
use hwc_vault::{OsChance, SealingKey, SealingKeys, create, replace};

use crate::{Member, OperatorError, Request, authority::SigningRequest};

/// The seed of the NKEY.
pub const NKEY: &str = "nkey";
/// The key of the certificate.
pub const TLS_KEY: &str = "tls.key";
/// The certificate.
pub const TLS_CERTIFICATE: &str = "tls.pem";
/// The certificate of the operator's authority.
pub const AUTHORITY: &str = "ca.pem";
/// The operator's public signing key.
pub const OPERATOR: &str = "operator.pub";
/// The signed directory.
pub const DIRECTORY: &str = "directory.json";
/// What is sent to the operator.
pub const REQUEST: &str = "request.json";

/// Makes a member's keys in a new folder, all or nothing, and the request that goes to the operator.
///
/// `earlier` is the folder with the keys it had until now: they are taken along, so that what is in flight still opens.
pub fn make(member: &Member, folder: &Path, earlier: Option<&Path>) -> Result<Request, OperatorError> {
    if folder.exists() {
        return Err(OperatorError::Exists(folder.to_owned()));
    }
    let new = beside(folder);
    clear(&new)?;
    DirBuilder::new().recursive(true).mode(0o700).create(&new).map_err(OperatorError::at(&new))?;
    let request = fill(member, &new, earlier)?;
    fs::rename(&new, folder).map_err(OperatorError::at(folder))?;
    sync_parent(folder)?;
    Ok(request)
}

fn fill(member: &Member, new: &Path, earlier: Option<&Path>) -> Result<Request, OperatorError> {
    let credential = Credential::generate();
    credential.write(&new.join(NKEY))?;
    let mut seal = None;
    if let Member::Organisation(_) = member {
        let key = SealingKey::generate(&mut OsChance)?;
        key.save(&new.join(SealingKeys::FILE))?;
        seal = Some(key.public_key());
        if let Some(earlier) = earlier {
            let before = SealingKeys::load(earlier)?;
            for (at, key) in before.all().take(SealingKeys::EARLIER_MAX).enumerate() {
                key.save(&new.join(SealingKeys::earlier_file(at + 1)))?;
            }
        }
    }
    let (key, certificate_request) = SigningRequest::make(member)?;
    create(&new.join(TLS_KEY), key.as_bytes())?;
    let written = Request::write(member, &credential.public(), seal, certificate_request);
    let text = serde_json::to_string_pretty(&written).map_err(|_| not_one(new))?;
    replace(&new.join(REQUEST), text.as_bytes())?;
    Request::from_written(&written).ok_or_else(|| not_one(new))
}

fn not_one(folder: &Path) -> OperatorError {
    OperatorError::NotARequest(folder.join(REQUEST))
}

/// Where a folder is made before it gets its name.
pub(crate) fn beside(folder: &Path) -> PathBuf {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    folder.with_file_name(format!(".{name}.new"))
}

/// Takes away what a killed process left.
pub(crate) fn clear(folder: &Path) -> Result<(), OperatorError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(OperatorError::at(folder)(error)),
        _ => Ok(()),
    }
}

pub(crate) fn sync_parent(folder: &Path) -> Result<(), OperatorError> {
    let parent = match folder.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    fs::File::open(parent).and_then(|parent| parent.sync_all()).map_err(OperatorError::at(parent))
}
