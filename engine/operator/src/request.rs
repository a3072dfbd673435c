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
        Self::parse(&bytes).ok_or_else(|| OperatorError::NotARequest(path.to_owned()))
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        Self::from_written(&serde_json::from_slice(bytes).ok()?)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys;

    fn made(name: &str) -> (Vec<u8>, Fingerprint) {
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path().join("keys");
        let made = keys::make(&name.parse().unwrap(), &own, None).unwrap();
        (std::fs::read(own.join(keys::REQUEST)).unwrap(), made.fingerprint())
    }

    #[test]
    fn a_request_is_read_as_it_was_made_and_its_fingerprint_covers_every_part() {
        let (bytes, told) = made("school-01AA00");
        assert_eq!(Request::parse(&bytes).unwrap().fingerprint(), told);
        let (other, _) = made("school-01AA00");
        let (one, other): (serde_json::Value, serde_json::Value) =
            (serde_json::from_slice(&bytes).unwrap(), serde_json::from_slice(&other).unwrap());
        for part in ["member", "nkey", "seal", "certificate_request"] {
            let mut mixed = one.clone();
            mixed[part] = if part == "member" { "school-02BB00".into() } else { other[part].clone() };
            assert_ne!(Request::parse(mixed.to_string().as_bytes()).unwrap().fingerprint(), told, "{part}");
        }
    }

    #[test]
    fn engines_and_boards_ask_without_a_sealing_key_and_an_organisation_never_does() {
        for name in ["engine-one", "board-one"] {
            let (one, _) = made(name);
            let mut one: serde_json::Value = serde_json::from_slice(&one).unwrap();
            assert!(one.get("seal").is_none(), "{name}");
            one["member"] = "school-01AA00".into();
            assert!(Request::parse(one.to_string().as_bytes()).is_none(), "{name}");
        }
    }

    #[test]
    fn requests_withstand_hostile_input() {
        let refusal = |bytes: &[u8]| {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("request.json");
            std::fs::write(&path, bytes).unwrap();
            Request::load(&path).err().map(|error| format!("{error} {error:?}"))
        };
        let limits = hwc_hostile::Limits { bytes_per_byte: 200, bytes_anyway: 512 * 1024 };
        let examples =
            [made("school-01AA00").0, made("engine-one").0].map(|one| String::from_utf8(one).unwrap());
        hwc_hostile::Trial::new(examples, refusal).within(limits).withstands();
    }
}
