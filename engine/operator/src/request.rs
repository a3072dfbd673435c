//! What a member asks to take part with: its public halves, and nothing that is secret.

use std::path::Path;

use hwc_jetstream::PublicNkey;
use hwc_vault::{Fingerprint, Guard, PublicKey, read};
use serde::{Deserialize, Serialize};

use crate::{Member, OperatorError, authority::SigningRequest};

/// The largest request, in bytes.
const BYTES_MAX: usize = 16 * 1024;
const VERSION: u32 = 1;

/// A member's request, as `hwc keys new` writes it into `request.json`.
#[derive(Debug)]
pub struct Request {
    pub(crate) member: Member,
    pub(crate) nkey: PublicNkey,
    pub(crate) seal: Option<PublicKey>,
    pub(crate) signing: SigningRequest,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Written {
    version: u32,
    member: Member,
    nkey: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seal: Option<PublicKey>,
    certificate_request: String,
}

impl Request {
    /// Reads a request. It may have come by any way: its fingerprint says whether it is the one.
    pub fn load(path: &Path) -> Result<Self, OperatorError> {
        let bytes = read(path, Guard::None, BYTES_MAX)?;
        let not_one = || OperatorError::NotARequest(path.to_owned());
        let written: Written = serde_json::from_slice(&bytes).map_err(|_| not_one())?;
        Self::from_written(&written).ok_or_else(not_one)
    }

    /// Whom it is for.
    pub const fn member(&self) -> &Member {
        &self.member
    }

    /// What two people compare by telephone: over the name and every key in it.
    pub fn fingerprint(&self) -> Fingerprint {
        let seal = self.seal.map(|key| key.to_string()).unwrap_or_default();
        let hash = hex::encode(self.signing.hash());
        Fingerprint::of(format!("hwc-request-1\n{}\n{}\n{seal}\n{hash}\n", self.member, self.nkey).as_bytes())
    }

    pub(crate) fn write(
        member: &Member,
        nkey: &PublicNkey,
        seal: Option<PublicKey>,
        certificate_request: String,
    ) -> Written {
        Written {
            version: VERSION,
            member: member.clone(),
            nkey: nkey.to_string(),
            seal,
            certificate_request,
        }
    }

    pub(crate) fn from_written(written: &Written) -> Option<Self> {
        let nkey = written.nkey.parse().ok()?;
        let signing = SigningRequest::read(&written.certificate_request).ok()?;
        let seals = matches!(written.member, Member::Organisation(_));
        let fits = written.version == VERSION && written.seal.is_some() == seals;
        fits.then(|| Self { member: written.member.clone(), nkey, seal: written.seal, signing })
    }
}
