//! `[brp]` in Veilig Thuis's settings: households are looked up in the BRP (`docs/brp.md`).
//!
//! ```toml
//! [brp]
//! persons = "https://apigw.example/lap/api/brp/personen"
//! occupancy = "https://apigw.example/lap/api/brp/bewoningen"   # for more than thirty at one address
//! ca = "brp-ca.pem"                  # who is believed to be the BRP
//! certificate = "own.pem"            # our own, and its key
//! key = "own.key"
//! token_url = "https://auth.example/token"                      # or api_key_file = "key"
//! client_id = "veilig-thuis"
//! client_secret_file = "secret"
//! addresses = "addresses.csv"        # which object of the BAG an address is
//! at_once_max = 4
//! answer_seconds = 10
//! last_call = "08:10"                # or "never"
//! ```

use std::{path::PathBuf, time::Duration};

use hwc_adapter_kit::{Kept, LOOK_EVERY};
use hwc_brp::{Access, Addresses, Brp, Caller, Credential, Limits, Manner, Tls, budget::Morning};
use jiff::civil::Time;
use serde::Deserialize;

use super::{Followed, RoleError, table, veilig_thuis::TablesError};
use crate::{
    region::Region,
    settings::{HasRelay, Settings, SettingsError},
};

/// The table as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BrpTable {
    /// Where the BRP answers about persons.
    persons: String,
    /// Where it answers who lives at an address, for more than thirty at one.
    occupancy: Option<String>,
    /// Who is believed to be the BRP; the machine's own list when absent.
    ca: Option<PathBuf>,
    /// Our own certificate (PEM).
    certificate: Option<PathBuf>,
    /// Its private key (PEM).
    key: Option<PathBuf>,
    /// The file with the API's key; it or `token_url`.
    api_key_file: Option<PathBuf>,
    /// Where tokens are had (OAuth 2.0); with it `client_id` and `client_secret_file`.
    token_url: Option<String>,
    /// Who we are where tokens are had.
    client_id: Option<String>,
    /// The file with our secret there.
    client_secret_file: Option<PathBuf>,
    /// What we ask tokens for.
    scope: Option<String>,
    /// Which object of the BAG an address is (CSV).
    addresses: Option<PathBuf>,
    /// Questions at a time.
    #[serde(default = "four")]
    at_once_max: u8,
    /// How long an answer may take.
    #[serde(default = "ten")]
    answer_seconds: u8,
    /// After which time of a school morning nothing is asked any more, or `never`.
    last_call: Option<String>,
}

const fn four() -> u8 {
    4
}

const fn ten() -> u8 {
    10
}

impl BrpTable {
    /// The look-up that this table says, and the file that it follows.
    pub(super) async fn open<T: HasRelay>(
        &self,
        settings: &Settings<T>,
        region: &Region,
    ) -> Result<(Brp, Vec<Followed>), RoleError> {
        let access = Access {
            persons: self.persons.clone(),
            occupancy: self.occupancy.clone(),
            credential: self.credential(settings)?,
            tls: self.tls(settings)?,
        };
        let limits = Limits {
            at_once_max: self.at_once_max.clamp(1, 32).into(),
            answer_within: Duration::from_secs(self.answer_seconds.clamp(1, 60).into()),
        };
        let caller = Caller::new(access, limits)?;
        let morning = Morning {
            zone: region.zone.as_time_zone().clone(),
            lesson: region.policy.school_start(),
            last_call: self.last_call(settings)?,
        };
        let (addresses, followed) = match &self.addresses {
            None => (Kept::fixed(Addresses::default()), Vec::new()),
            Some(path) => {
                let path = settings.path(path);
                let read = {
                    let path = path.clone();
                    move || Ok::<_, TablesError>(Addresses::read(&table(&path)?)?)
                };
                let kept = Kept::follow(vec![path], LOOK_EVERY, read).await?;
                let problem = kept.problem();
                (kept, vec![("addresses", problem)])
            }
        };
        let participating = region.participating.clone();
        Ok((Brp::new(caller, addresses, Manner { participating, morning }), followed))
    }

    fn credential<T: HasRelay>(&self, settings: &Settings<T>) -> Result<Credential, SettingsError> {
        let token = (&self.token_url, &self.client_id, &self.client_secret_file);
        match (&self.api_key_file, token) {
            (None, (None, None, None)) => Ok(Credential::Nothing),
            (Some(file), (None, None, None)) => Ok(Credential::ApiKey(settings.path(file))),
            (None, (Some(at), Some(client_id), Some(secret))) => Ok(Credential::Token {
                at: at.clone(),
                client_id: client_id.clone(),
                secret: settings.path(secret),
                scope: self.scope.clone(),
            }),
            _ => Err(settings.unusable(
                "[brp] write either api_key_file, or all of token_url, client_id and client_secret_file",
            )),
        }
    }

    fn tls<T: HasRelay>(&self, settings: &Settings<T>) -> Result<Option<Tls>, SettingsError> {
        let path = |written: &Option<PathBuf>| written.as_ref().map(|path| settings.path(path));
        let own = match (path(&self.certificate), path(&self.key)) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            _ => return Err(settings.unusable("[brp] certificate and key are written together, or neither")),
        };
        match (path(&self.ca), own) {
            (Some(ca), own) => Ok(Some(Tls { ca, own })),
            (None, None) => Ok(None),
            (None, Some(_)) => {
                Err(settings.unusable("[brp] a certificate needs ca: who is believed to be the BRP"))
            }
        }
    }

    fn last_call<T: HasRelay>(&self, settings: &Settings<T>) -> Result<Option<Time>, SettingsError> {
        match self.last_call.as_deref() {
            None => Ok(Some(Morning::LAST_CALL)),
            Some("never") => Ok(None),
            Some(text) => Time::strptime("%H:%M", text).map(Some).map_err(|_| {
                settings.unusable("[brp] last_call is a local time as in \"08:10\", or \"never\"")
            }),
        }
    }
}
