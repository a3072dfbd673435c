//! Everybody's settings in `hwc dev`, written anew at every start.

use std::{fmt::Write as _, net::SocketAddr, path::PathBuf};

use hwc_schemas::{Organisation, Role};
use jiff::SignedDuration;

use super::{
    board::{self, Board},
    desk::DeskPage,
    ground::{DevError, DevGround, ENGINES, write},
    household::Process,
    mail::MailRoom,
    page::Page,
    registers,
};

/// What everybody's settings are made from.
pub(super) struct Settings<'a> {
    pub(super) ground: &'a DevGround,
    pub(super) broker: String,
    pub(super) otlp: Option<String>,
    pub(super) offset: SignedDuration,
    /// Whether Veilig Thuis lets the named children go first at once when the look-up is down (R9): its own clock is the real one.
    pub(super) named_go_first: bool,
    pub(super) directory: PathBuf,
    pub(super) brp: SocketAddr,
    pub(super) page: Option<Page>,
    pub(super) desk: Option<DeskPage>,
    pub(super) board: Option<Board>,
    pub(super) mail: MailRoom,
}

impl Settings<'_> {
    /// Writes everybody's settings; the engines first.
    pub(super) fn write(&self, organisations: &[Organisation]) -> Result<Vec<Process>, DevError> {
        let mut processes = Vec::new();
        for name in ENGINES {
            processes.push(self.one(name, "engine", &self.engine(name, organisations))?);
        }
        if let Some(board) = &self.board {
            let own = self.engine(board::NAME, organisations) + &board.settings();
            processes.push(self.one(board::NAME, "board", &own)?);
        }
        processes.push(self.brp_mock()?);
        if let Some(page) = &self.page {
            processes.push(self.one("portal", "portal", &page.settings(&self.mail))?);
        }
        for organisation in organisations {
            if self.page.as_ref().is_some_and(|page| page.school() == organisation) {
                continue;
            }
            let (command, own) = self.role(organisation);
            processes.push(self.one(&organisation.to_string(), command, &own)?);
        }
        processes.extend(self.desk.as_ref().map(|desk| desk.process(self.ground)));
        Ok(processes)
    }

    fn brp_mock(&self) -> Result<Process, DevError> {
        let text = format!(
            "# Written by hwc dev at every start.\n[brp-mock]\ndataset = \"../dataset\"\nlisten = \"{}\"\n\
             state_dir = \"../state/brp\"\napi_key_file = \"../brp/key\"\nfaults = \"../brp/faults.toml\"\n",
            self.brp
        );
        let settings = self.ground.settings_of("brp");
        write(&settings, &text)?;
        Ok(Process { name: "brp".to_owned(), command: "brp-mock", settings })
    }

    fn one(&self, name: &str, command: &'static str, own: &str) -> Result<Process, DevError> {
        let mut text = format!(
            "# Written by hwc dev at every start.\n[relay]\nbroker = {:?}\nkeys = \"../{}\"\nstate_dir = \"../state/{name}\"\n",
            self.broker,
            if command == "portal" { "keys".to_owned() } else { format!("keys/{name}") },
        );
        if let Some(otlp) = &self.otlp {
            let _ = writeln!(text, "otlp = {otlp:?}");
        }
        let _ = write!(text, "\n{own}");
        let settings = self.ground.settings_of(name);
        write(&settings, &text)?;
        Ok(Process { name: name.to_owned(), command, settings })
    }

    /// A role's command and its own settings.
    fn role(&self, organisation: &Organisation) -> (&'static str, String) {
        let own = format!("organisation = \"{organisation}\"\n");
        match organisation.role() {
            Role::Police => (
                "police",
                format!("[police]\n{own}veilig_thuis = \"veilig-thuis-region\"\ninbox = \"../inbox\"\n"),
            ),
            Role::VeiligThuis => (
                "veilig-thuis",
                format!(
                    "[veilig-thuis]\n{own}region = \"../dataset\"\n{patience}\n[brp]\npersons = \"http://{brp}/personen\"\n\
                     occupancy = \"http://{brp}/bewoningen\"\napi_key_file = \"../brp/key\"\n",
                    brp = self.brp,
                    patience = if self.named_go_first { "look_up_patience_minutes = 0\n" } else { "" },
                ),
            ),
            Role::Municipality => {
                let desk = self.desk.as_ref().filter(|desk| desk.municipality() == organisation);
                (
                    "municipality",
                    format!(
                        "[municipality]\n{own}region = \"../dataset\"\n\n[register]\nsqlite = \"../register/{}\"\n\n\
                         {}\n[notices]\nmailbox = \"leerplicht@{organisation}.example\"\n{}",
                        registers::database(&organisation.to_string()),
                        self.mail.post(),
                        desk.map(DeskPage::settings).unwrap_or_default(),
                    ),
                )
            }
            Role::School => (
                "school",
                format!(
                    "[school]\n{own}\n{}\n[notices]\nmailbox = \"hwc@{organisation}.example\"\n\
                     backup = \"achterwacht@{organisation}.example\"\n",
                    self.mail.post()
                ),
            ),
        }
    }

    fn engine(&self, name: &str, organisations: &[Organisation]) -> String {
        let municipalities: Vec<_> = organisations
            .iter()
            .filter(|one| one.role() == Role::Municipality)
            .map(|one| format!("\"{one}\""))
            .collect();
        format!(
            "[engine]\nname = \"{name}\"\nregion = \"../dataset\"\ndirectory = {:?}\nreplicas = 1\n\
             # Invented people live in a time of their own.\nclock_offset_seconds = {}\n\n\
             [[engine.chains]]\npolice = \"police-region\"\nveilig_thuis = \"veilig-thuis-region\"\nmunicipalities = [{}]\n\n\
             {}\n[notices]\nproject_leader = \"projectleider@hwc.example\"\n",
            self.directory.display().to_string(),
            self.offset.as_secs(),
            municipalities.join(", "),
            self.mail.post(),
        )
    }
}
