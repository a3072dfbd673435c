//! One municipality of the region has a desk: its people use a browser.

use std::{fs, net::SocketAddr, path::Path};

use hwc_schemas::{Organisation, Role};

use super::{
    ground::{DevError, DevGround, at, free_port, private_folder},
    household::Process,
};
use crate::dataset::Dataset;

/// Somebody invented who decides.
const ADDRESS: &str = "kramer@gemeente.example";
/// Who may come in. It is read again when it changes.
const PEOPLE: &str = "\
[[people]]
id = \"lpa-1\"
name = \"Anna Kramer\"
address = \"kramer@gemeente.example\"
function = \"leerplichtambtenaar\"
may = \"decide\"

[[people]]
id = \"bm-1\"
name = \"Kees Bos\"
address = \"kijkt@gemeente.example\"
function = \"beleidsmedewerker\"
may = \"look\"
";

/// The desk of one municipality.
pub(super) struct DeskPage {
    municipality: Organisation,
    listen: SocketAddr,
}

impl DeskPage {
    /// For the municipality with the most pupils; none if no pupil lives in one that takes part.
    pub(super) fn of(
        folder: &Path,
        dataset: &Dataset,
        organisations: &[Organisation],
    ) -> Result<Option<Self>, DevError> {
        let municipalities = organisations.iter().filter(|one| one.role() == Role::Municipality);
        let pupils = |one: &&Organisation| {
            let own = dataset.enrolments.iter().find(|(code, _)| code.as_str() == one.code());
            own.map_or(0, |(_, pupils)| pupils.len())
        };
        let most = municipalities.filter(|one| pupils(one) > 0).max_by_key(pupils);
        let Some(municipality) = most.cloned() else { return Ok(None) };
        private_folder(&folder.join("desk"))?;
        let people = folder.join("desk").join("people.toml");
        if !people.exists() {
            fs::write(&people, PEOPLE).map_err(at(&people))?;
        }
        Ok(Some(Self { municipality, listen: free_port(folder)? }))
    }

    /// Whose desk it is.
    pub(super) const fn municipality(&self) -> &Organisation {
        &self.municipality
    }

    fn origin(&self) -> String {
        format!("http://localhost:{}", self.listen.port())
    }

    /// `[desk]` of its municipality.
    pub(super) fn settings(&self) -> String {
        let Self { municipality, listen } = self;
        format!(
            "\n[desk]\nname = \"Gemeente {}\"\nlisten = \"{listen}\"\norigin = \"{}\"\npeople = \"../desk/people.toml\"\n\
             state_dir = \"../state/desk\"\n",
            municipality.code(),
            self.origin()
        )
    }

    /// The process beside the municipality's own, with the same settings.
    pub(super) fn process(&self, ground: &DevGround) -> Process {
        let settings = ground.settings_of(&self.municipality.to_string());
        Process { name: "desk".to_owned(), command: "desk", settings }
    }

    /// What to do in a browser.
    pub(super) fn what_to_try(&self, folder: &Path) -> String {
        format!(
            "In a browser: {}   the desk of {}, for what waits for a person\n\
             \x20 log in as {ADDRESS}; the code is in the newest file of {}/mail\n\n",
            self.origin(),
            self.municipality,
            folder.display()
        )
    }
}
