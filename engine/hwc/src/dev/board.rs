//! The board of the region, with one invented person who may look.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::Path,
};

use hwc_board::Accounts;
use hwc_web::{OsChance, passphrase::Passphrase};

use super::ground::{DevError, at, private_folder};

/// Its name among the members.
pub(super) const NAME: &str = "board-one";
/// Everybody may know them: they protect nobody.
const ACCOUNT: &str = "jo";
const PASSPHRASE: &str = "three bicycles in may";

/// The board.
pub(super) struct Board {
    listen: SocketAddr,
}

impl Board {
    /// With its person enrolled.
    pub(super) fn of(folder: &Path) -> Result<Self, DevError> {
        let accounts = folder.join("state").join(NAME).join("accounts");
        private_folder(&accounts)?;
        let path = accounts.join("accounts.json");
        if !path.exists() {
            let passphrase = Passphrase::said(PASSPHRASE);
            Accounts::enrol(&path, ACCOUNT, &passphrase, false, &OsChance)
                .map_err(|error| DevError::File { path, problem: error.to_string() })?;
        }
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|port| port.local_addr());
        Ok(Self { listen: free.map_err(at(folder))? })
    }

    fn origin(&self) -> String {
        format!("http://localhost:{}", self.listen.port())
    }

    /// What an engine's settings are followed by.
    pub(super) fn settings(&self) -> String {
        format!(
            "\n[board]\nname = \"hwc dev\"\nlisten = \"{}\"\norigin = \"{}\"\nstate_dir = \"../state/{NAME}\"\n",
            self.listen,
            self.origin()
        )
    }

    /// What to try next.
    pub(super) fn what_to_try(&self) -> String {
        format!("The board: {} ({ACCOUNT}, passphrase: {PASSPHRASE})\n\n", self.origin())
    }
}
