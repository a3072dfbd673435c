//! Veilig Thuis: a process that screens, looks households up and refers; and calling a signal back.

use std::{path::PathBuf, process::ExitCode};

use clap::ValueEnum;
use hwc_adapter_kit::{Kept, LOOK_EVERY, counter::ask, recall::Done, table::TableError};
use hwc_casework::home::Register;
use hwc_schemas::{Organisation, Role, SignalId, outcome::Recalled, wire::Refusal};
use hwc_veilig_thuis::{AtTheCounter, Desk, Settings as DeskSettings, counter::Question, residents};
use jiff::SignedDuration;
use serde::Deserialize;

use super::{Post, RoleError, ended, of_role, set_up_log, state_folder, table, words};
use crate::{
    exit::Code,
    member::Member,
    region::{Region, RegionError},
    settings::{Common, HasRelay, RelayTable, Settings},
};

const EXAMPLES: &str = "\
Voorbeelden:
  hwc veilig-thuis --config veilig-thuis.toml                          het proces
  hwc veilig-thuis recall SIGNAAL --reason sent_in_error               roept een signaal terug";

/// Runs Veilig Thuis's process, or calls a signal back.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Roept een signaal terug, waar het ook is (calls a signal back, wherever it is).
    Recall {
        /// Het signaal (the signal's id).
        signal: SignalId,
        /// Waarom (why).
        #[arg(long, value_enum)]
        reason: Reason,
    },
}

/// Why a signal is called back, as the rules write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(super) enum Reason {
    /// Het ging naar een school waar het kind niet zit (it went to a school that does not have the child).
    WrongSchool,
    /// Het had niet verstuurd mogen worden (it should not have been sent).
    SentInError,
}

impl From<Reason> for Recalled {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::WrongSchool => Self::WrongSchool,
            Reason::SentInError => Self::SentInError,
        }
    }
}

/// Veilig Thuis's settings file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct VeiligThuisFile {
    relay: RelayTable,
    #[serde(rename = "veilig-thuis")]
    veilig_thuis: VeiligThuisTable,
}

impl HasRelay for VeiligThuisFile {
    fn relay(&self) -> &RelayTable {
        &self.relay
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct VeiligThuisTable {
    organisation: Organisation,
    /// The folder with region.toml, holidays.json and closed-days.csv.
    region: PathBuf,
    /// Who is registered where; read again when it changes.
    residents: PathBuf,
    /// How long the look-up may be down before the named children go first (R9).
    #[serde(default = "thirty")]
    look_up_patience_minutes: u16,
}

const fn thirty() -> u16 {
    30
}

/// A table that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum TablesError {
    /// It cannot be read.
    #[error(transparent)]
    File(#[from] RegionError),
    /// A row of it.
    #[error(transparent)]
    Row(#[from] TableError),
}

impl From<TablesError> for RoleError {
    fn from(error: TablesError) -> Self {
        match error {
            TablesError::File(error) => Self::Region(error),
            TablesError::Row(error) => Self::Table(error),
        }
    }
}

/// Runs the command.
pub(crate) async fn run(arguments: Arguments) -> ExitCode {
    let Arguments { common, command } = arguments;
    ended(match command {
        None => serve(&common).await,
        Some(Command::Recall { signal, reason }) => recall(&common, signal, reason).await,
    })
}

async fn serve(common: &Common) -> Result<Code, RoleError> {
    let settings = Settings::<VeiligThuisFile>::read(common)?;
    let of = &settings.file.veilig_thuis;
    let organisation = of_role(&settings, &of.organisation, Role::VeiligThuis)?;
    let region = Region::read(&settings.path(&of.region))?;
    let member = Member::read(&settings.relay, organisation)?;
    set_up_log()?;
    let path = settings.path(&of.residents);
    let read = {
        let path = path.clone();
        move || Ok::<_, TablesError>(Register::new(residents(&table(&path)?)?))
    };
    let register = Kept::follow(vec![path], LOOK_EVERY, read).await?;
    let Some(post) = Post::take(&settings.relay, &member).await? else { return Ok(Code::Fine) };
    let desk = DeskSettings {
        participating: region.participating,
        zone: region.zone.as_time_zone().clone(),
        look_up_patience: SignedDuration::from_mins(of.look_up_patience_minutes.into()),
    };
    let (files, counter) =
        (vec![("residents", register.problem())], AtTheCounter::new(post.station.office().clone()));
    post.work(Desk::new(desk, register), counter, files).await?;
    Ok(Code::Fine)
}

async fn recall(common: &Common, signal: SignalId, reason: Reason) -> Result<Code, RoleError> {
    let settings = Settings::<VeiligThuisFile>::read(common)?;
    let question = Question::Recall { signal, reason: reason.into() };
    Ok(match ask::<_, Done>(&state_folder(&settings), &question).await {
        Ok(said) => recalled(signal, said.reply),
        Err(error) => words::not_answered(&error),
    })
}

/// What became of a recall. Whether it had been opened is in the breach record (R24), which goes to the project leader.
pub(super) fn recalled(signal: SignalId, done: Done) -> Code {
    let fine = format!(
        "Teruggeroepen: {signal} is overal in de relay gewist. Het datalek is vastgelegd, met of het al geopend was, zonder \
         namen. Meld het ook volgens de procedure van uw eigen organisatie."
    );
    let again = format!("Al teruggeroepen: {signal}.");
    let gone =
        "Er is niets om terug te roepen: dit signaal is er niet (meer), of het is niet van uw organisatie.";
    if done == (Done::Refused { refusal: Refusal::OutOfOrder }) {
        crate::exit::say("Dit signaal is nog niet ver genoeg om terug te roepen. Probeer het straks weer.");
        return Code::Refused;
    }
    words::outcome(done, &fine, &again, gone)
}
