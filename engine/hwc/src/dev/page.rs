//! One school of the region is hosted: its contact uses a browser.

use std::{net::SocketAddr, path::Path};

use hwc_schemas::{Organisation, Role};
use hwc_web::passphrase::Passphrase;

use super::{
    ground::{DevError, free_port, private_folder},
    mail::MailRoom,
};
use crate::{roles::portal::enrol, settings::Relay};

/// An invented contact.
const NAME: &str = "Anne de Vries";
const ADDRESS: &str = "anne@school.example";
/// Everybody may know it: it protects nobody.
const PASSPHRASE: &str = "drie fietsen in mei";

/// The hosted page of one school.
pub(super) struct Page {
    school: Organisation,
    listen: SocketAddr,
}

impl Page {
    /// For the second of the schools, with its contact enrolled; none if there is only one.
    pub(super) async fn of(folder: &Path, organisations: &[Organisation]) -> Result<Option<Self>, DevError> {
        let Some(school) = organisations.iter().filter(|one| one.role() == Role::School).nth(1) else {
            return Ok(None);
        };
        let state = folder.join("state").join("portal");
        private_folder(&state)?;
        let relay =
            Relay::of_folders(folder.join("keys").join(school.to_string()), state.join(school.to_string()));
        if relay.keys.join("seal").exists() {
            // Whoever was killed in the middle begins again.
            let _ = std::fs::remove_file(relay.state_dir.join("contacts.json"));
            let (at_school, passphrase) = (school.clone(), Passphrase::said(PASSPHRASE));
            let wrapping = tokio::task::spawn_blocking(move || {
                enrol::wrap(&relay, &at_school, (NAME, ADDRESS), &passphrase)
            });
            let problem = match wrapping.await {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some(error.to_string()),
                Err(error) => Some(error.to_string()),
            };
            if let Some(problem) = problem {
                return Err(DevError::File { path: state, problem });
            }
        }
        Ok(Some(Self { school: school.clone(), listen: free_port(folder)? }))
    }

    /// Which school.
    pub(super) const fn school(&self) -> &Organisation {
        &self.school
    }

    fn origin(&self) -> String {
        format!("http://localhost:{}", self.listen.port())
    }

    /// The process's own settings.
    pub(super) fn settings(&self, mail: &MailRoom) -> String {
        let Self { school, listen } = self;
        format!(
            "[portal]\nlisten = \"{listen}\"\norigin = \"{}\"\n\n[[portal.schools]]\norganisation = \"{school}\"\n\
             mailbox = \"hwc@{school}.example\"\n\n{}",
            self.origin(),
            mail.post()
        )
    }

    /// What to do in a browser.
    pub(super) fn what_to_try(&self, folder: &Path) -> String {
        format!(
            "In a browser: {}   the page of {}\n\
             \x20 log in as {ADDRESS}; the code is in the newest file of {}/mail; passphrase: {PASSPHRASE}\n\n",
            self.origin(),
            self.school,
            folder.display()
        )
    }
}
