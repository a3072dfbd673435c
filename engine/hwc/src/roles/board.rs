//! The board as a process: pages for those who keep a region running. It looks as `hwc status` does, with an engine's settings, and
//! changes nothing (`docs/board.md`).

use std::{
    fmt::{self, Display, Formatter},
    fs, io,
    io::IsTerminal as _,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use hwc_board::{Accounts, Board, Crew, pages};
use hwc_web::{
    Audit, Gate, Listening, OsChance, Paces, SessionLaw, TlsFiles,
    passphrase::{Passphrase, Weak},
};
use hwc_workflow::calendar::Zone;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    RoleError, ended,
    page::{self, Reached},
    portal::enrol::typed,
    say_overdue, set_up_log,
};
use crate::{
    cli::Output,
    daemon::{self, StateFolder},
    exit::Code,
    ops::board::{Feed, Program},
    outcome::{Outcome, tell},
    readiness::Conditions,
    region::RegionError,
    serve::{EngineFile, World},
    settings::{Common, Settings},
    shown::Shown,
    supervised::Supervised,
};

const EXAMPLES: &str = "\
Examples:
  hwc board enrol jo --config board.toml      lets jo in; asks for a passphrase, or reads it from standard input
  hwc board --config board.toml               shows the board
  hwc board remove jo --config board.toml     jo is out at once
Without --config hwc.toml in this folder is read.";

/// Shows the board, or says who may look at it.
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
    /// Lets somebody in by a name and a passphrase, which is asked for, or read from standard input.
    Enrol {
        /// Small letters, digits and hyphens; it stands in the book of acts.
        name: String,
        /// A new passphrase for somebody who is in already; their sessions are over.
        #[arg(long)]
        again: bool,
        /// How to print it.
        #[arg(short, long, value_enum, default_value_t = Output::Text)]
        output: Output,
    },
    /// Lets somebody in no more; their sessions are over.
    Remove {
        /// Who.
        name: String,
        /// How to print it.
        #[arg(short, long, value_enum, default_value_t = Output::Text)]
        output: Output,
    },
}

/// `[board]` of an engine's settings.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BoardTable {
    /// What stands above every page, as in *Hart van Brabant*.
    name: String,
    /// Where it listens.
    listen: SocketAddr,
    /// How people reach it, as their browser shows it.
    origin: String,
    /// Our certificate; without it a proxy on this machine secures the way.
    certificate: Option<PathBuf>,
    /// Its private key.
    key: Option<PathBuf>,
    /// What the board itself keeps: the accounts and the book of acts. Not an engine's own folder.
    state_dir: PathBuf,
    /// What `hwc operator show -o json` printed, for the age of keys and the end of certificates.
    members: Option<PathBuf>,
    /// Programs whose `/readyz` and `/metrics` the board can reach.
    #[serde(default)]
    programs: Vec<ProgramTable>,
}

/// A program that the board looks at.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProgramTable {
    /// How it is called on the board.
    name: String,
    /// Its `[relay] listen`.
    health: SocketAddr,
}

/// Characters of a name, at most.
const NAME_CHARS_MAX: usize = 60;
/// Programs that are looked at, at most.
const PROGRAMS_MAX: usize = 100;
/// The accounts, in the state folder.
const ACCOUNTS: &str = "accounts/accounts.json";

const WORDS: page::Words = page::Words {
    taken: "the accounts were read again",
    unusable: "the accounts cannot be used; those before are",
};

/// Runs the command.
pub(crate) async fn run(Arguments { common, command }: Arguments) -> ExitCode {
    ended(match command {
        None => Box::pin(serve(&common)).await,
        Some(Command::Enrol { name, again, output }) => enrol(&common, name, again, output),
        Some(Command::Remove { name, output }) => remove(&common, name, output),
    })
}

fn settings(common: &Common) -> Result<(Settings<EngineFile>, PathBuf), RoleError> {
    let settings = Settings::<EngineFile>::read(common)?;
    let table = table(&settings)?;
    let state_dir = settings.path(&table.state_dir);
    Ok((settings, state_dir))
}

fn table(settings: &Settings<EngineFile>) -> Result<&BoardTable, RoleError> {
    let table = settings.file.board();
    Ok(table.ok_or_else(|| settings.unusable("there is no [board]: docs/board.md says how"))?)
}

fn checked(settings: &Settings<EngineFile>) -> Result<Option<TlsFiles>, RoleError> {
    let table = table(settings)?;
    let refuse = |problem: &str| RoleError::from(settings.unusable(format!("[board] {problem}")));
    let is_said = |text: &str| {
        (1..=NAME_CHARS_MAX).contains(&text.trim().chars().count()) && !text.chars().any(char::is_control)
    };
    if !is_said(&table.name) || !table.programs.iter().all(|one| is_said(&one.name)) {
        return Err(refuse("name: 1 to 60 characters"));
    }
    if table.programs.len() > PROGRAMS_MAX {
        return Err(refuse("at most 100 programs"));
    }
    Reached {
        table: "[board]",
        listen: table.listen,
        origin: &table.origin,
        secured: (table.certificate.as_ref(), table.key.as_ref()),
    }
    .checked(settings)
}

/// The file of accounts, in a folder of its own that is nobody else's.
fn accounts_in(state_dir: &Path) -> Result<PathBuf, RoleError> {
    use std::os::unix::fs::DirBuilderExt as _;
    let path = state_dir.join(ACCOUNTS);
    let folder = path.parent().unwrap_or(state_dir);
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|error| RoleError::Said(format!("{}: {error}", folder.display())))?;
    Ok(path)
}

fn said(error: impl std::fmt::Display) -> RoleError {
    RoleError::Said(error.to_string())
}

fn enrol(common: &Common, name: String, again: bool, output: Output) -> Result<Code, RoleError> {
    let (settings, state_dir) = settings(common)?;
    let path = accounts_in(&state_dir)?;
    let chosen = |text: &str| Passphrase::chosen(text).map_err(|weak: Weak| said(weak));
    let passphrase = chosen(&typed("Passphrase: ")?)?;
    if io::stdin().is_terminal() && !passphrase.is(&Passphrase::said(&typed("Once more: ")?)) {
        return Err(said("the two passphrases are not the same"));
    }
    Accounts::enrol(&path, &name, &passphrase, again, &OsChance).map_err(said)?;
    let origin = Some(table(&settings)?.origin.clone());
    Ok(tell(output, &Account { name, may_look: true, origin }))
}

fn remove(common: &Common, name: String, output: Output) -> Result<Code, RoleError> {
    let (_, state_dir) = settings(common)?;
    Accounts::remove(&accounts_in(&state_dir)?, &name).map_err(said)?;
    Ok(tell(output, &Account { name, may_look: false, origin: None }))
}

/// Somebody who looks after a region, and whether they may look at the board.
#[derive(Serialize)]
struct Account {
    name: String,
    may_look: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<String>,
}

impl Outcome for Account {}

impl Display for Account {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { name, origin, .. } = self;
        match origin {
            Some(origin) => write!(f, "{name} may look at the board at {origin}."),
            None => write!(f, "{name} is out."),
        }
    }
}

async fn serve(common: &Common) -> Result<Code, RoleError> {
    let (settings, state_dir) = settings(common)?;
    let (table, tls, relay) = (table(&settings)?, checked(&settings)?, &settings.relay);
    // What cannot be read now could not be read later.
    World::read(&settings).map_err(said)?;
    let zone = Zone::amsterdam().map_err(|_| RegionError::Zone)?.as_time_zone().clone();
    set_up_log()?;
    let state = StateFolder::hold(&state_dir)?;
    let path = accounts_in(state.path())?;
    let seen = page::seen(&path);
    if seen.is_none() {
        return Err(said("nobody may look at the board yet: hwc board enrol NAME lets somebody in"));
    }
    let accounts = Accounts::open(&path).map_err(said)?;
    let today = zone.to_datetime(Timestamp::now()).date();
    let audit = Audit::open(state.path(), relay.kept.audit_years, today)?;
    let stop = daemon::stop_on_signals();
    let conditions = Conditions::default();
    let listening = Listening::bind(table.listen, tls.as_ref()).await?;
    conditions.set("page", None);
    let telemetry = hwc_adapter_kit::Telemetry::default();
    let _shown = Shown::at(relay.listen, conditions.health(), telemetry.page()).await?;
    let _supervised = Supervised::begin(conditions.health(), conditions.pulse(), &stop);

    let crew = Crew::new(accounts, audit, table.name.trim().to_owned(), zone);
    let gate =
        Gate::new(Arc::new(crew), table.origin.clone(), SessionLaw::MORNING, Paces::default(), OsChance);
    let gate = Arc::new(gate.map_err(said)?);
    let programs = table.programs.iter();
    let programs = programs.map(|one| Program { name: one.name.trim().to_owned(), health: one.health });
    let members = table.members.as_ref().map(|path| settings.path(path));
    let feed = Feed::new(common, members, programs.collect());
    let board = Arc::new(Board::new(Arc::clone(&gate), feed.clone(), stop.clone()));
    tracing::info!(address = %listening.address(), "at work");
    tokio::select! {
        () = listening.serve(pages(Arc::clone(&board)), stop.clone(), relay.drain_within * 4 / 5) => {
            tracing::info!("stopped");
        }
        () = gate.sweep() => {}
        () = feed.follow() => {}
        () = page::follow(&path, seen, WORDS, || board.reread()) => {}
        () = conditions.pulse().keep() => {}
        () = daemon::overdue(stop.clone(), relay.drain_within) => say_overdue(),
    }
    Ok(Code::Fine)
}
