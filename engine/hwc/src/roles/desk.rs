//! The municipality's desk as a process: pages for its people, beside `hwc municipality` and on the same machine. It opens no key
//! and reaches no broker; it asks at the other process's counter, as the same user (`docs/desk.md`).

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use hwc_desk::{Desk, Roster, Shelf, Socket, Staff, StaffMember, pages};
use hwc_post::{Mail, Mailbox, Post, PostOffice, Purpose};
use hwc_web::{
    Audit, Gate, Listening, OsChance, Paces, SessionLaw, TlsFiles,
    code::{Code as LoginCode, GOOD_FOR},
};
use hwc_workflow::calendar::Zone;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::{
    RoleError, ended,
    http::Offered,
    municipality::{MunicipalityFile, settings},
    page::{self, Reached},
    say_overdue, set_up_log,
};
use crate::{
    daemon::{self, StateFolder},
    exit::Code,
    region::RegionError,
    settings::{Common, Settings, strict},
};

const EXAMPLES: &str = "\
Voorbeelden:
  hwc desk --config gemeente.toml      de pagina voor de mensen van de gemeente: laat het altijd draaien
Zonder --config wordt hwc.toml in deze map gelezen.";

/// Shows a municipality's people their page.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    common: Common,
}

/// `[desk]` of a municipality.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DeskTable {
    /// What stands above every page, as in *Gemeente Goirle*.
    name: String,
    /// Where it listens.
    listen: SocketAddr,
    /// How people reach it, as their browser shows it.
    origin: String,
    /// Our certificate; without it a proxy on this machine secures the way.
    certificate: Option<PathBuf>,
    /// Its private key.
    key: Option<PathBuf>,
    /// Who may come in; read again when it changes.
    people: PathBuf,
    /// What the desk itself keeps: the book of acts. Not the municipality's own folder.
    state_dir: PathBuf,
    /// The folder with the reports of closed months, as in `2026-10.json`.
    reports: Option<PathBuf>,
}

/// The people file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PeopleFile {
    people: Vec<StaffMember>,
}

/// Characters of the name above every page, at most.
const NAME_CHARS_MAX: usize = 60;

const WORDS: page::Words = page::Words {
    taken: "the people file was read again",
    unusable: "the people file cannot be used; the one before is",
};

/// Runs the command.
pub(crate) async fn run(arguments: Arguments) -> ExitCode {
    ended(Box::pin(serve(&arguments.common)).await)
}

/// The settings, checked.
struct Checked {
    post: Post,
    tls: Option<TlsFiles>,
    people: PathBuf,
    state_dir: PathBuf,
}

fn checked(settings: &Settings<MunicipalityFile>, table: &DeskTable) -> Result<Checked, RoleError> {
    let refuse = |problem: &str| RoleError::from(settings.unusable(format!("[desk] {problem}")));
    let chars = table.name.trim().chars().count();
    if !(1..=NAME_CHARS_MAX).contains(&chars) || table.name.chars().any(char::is_control) {
        return Err(refuse("name: 1 to 60 characters"));
    }
    let reached = Reached {
        table: "[desk]",
        listen: table.listen,
        origin: &table.origin,
        secured: (table.certificate.as_ref(), table.key.as_ref()),
    };
    let tls = reached.checked(settings)?;
    let post = settings.file.post().ok_or_else(|| {
        refuse("nobody can log in without mail: say [post] and [notices], as docs/post.md has them")
    })?;
    let post = Post::check(post, |path| settings.path(path)).map_err(|error| settings.unusable(error))?;
    let state_dir = settings.path(&table.state_dir);
    if state_dir == settings.relay.state_dir {
        return Err(refuse("state_dir is that of [relay]; give the desk a folder of its own"));
    }
    Ok(Checked { post, tls, people: settings.path(&table.people), state_dir })
}

impl DeskTable {
    /// What is offered here, for whoever looks whether it is well.
    pub(super) fn offered(&self, settings: &Settings<MunicipalityFile>) -> Offered {
        let checked = checked(settings, self).and_then(|checked| {
            roster(&checked.people)?;
            Ok(checked.tls.map(|files| files.certificate))
        });
        Offered { name: "desk", listen: self.listen, checked: checked.map_err(|error| error.to_string()) }
    }
}

fn roster(path: &Path) -> Result<Roster, RoleError> {
    let file: PeopleFile = strict::read(path)?;
    Roster::new(file.people).map_err(|error| RoleError::Said(format!("{}: {error}", path.display())))
}

async fn serve(common: &Common) -> Result<Code, RoleError> {
    let (settings, _, own) = settings(common)?;
    let table =
        settings.file.desk().ok_or_else(|| settings.unusable("there is no [desk]: docs/desk.md says how"))?;
    let Checked { post, tls, people, state_dir } = checked(&settings, table)?;
    let zone = Zone::amsterdam().map_err(|_| RegionError::Zone)?.as_time_zone().clone();
    let seen = page::seen(&people);
    let roster = roster(&people)?;
    set_up_log()?;
    let state = StateFolder::hold(&state_dir)?;
    let today = zone.to_datetime(Timestamp::now()).date();
    let audit = Audit::open(state.path(), settings.relay.kept.audit_years, today)?;
    let stop = daemon::stop_on_signals();
    let listening = Listening::bind(table.listen, tls.as_ref()).await?;

    let office = PostOffice::open(post);
    let mails = move |to: Mailbox, code: LoginCode| {
        let office = office.clone();
        tokio::spawn(async move {
            let good_for = SignedDuration::try_from(GOOD_FOR).unwrap_or_default();
            let over = Timestamp::now().saturating_add(good_for).unwrap_or(Timestamp::MAX);
            office.deliver(Mail::login_code(code), &to, &Purpose::until(over)).await
        });
    };
    let staff = Staff::new(roster, mails, audit, table.name.trim().to_owned(), zone);
    let origin = table.origin.clone();
    let gate = Gate::new(Arc::new(staff), origin, SessionLaw::MORNING, Paces::default(), OsChance)
        .map_err(|error| RoleError::Said(error.to_string()))?;
    let gate = Arc::new(gate);
    let counter = Socket::of(settings.relay.state_dir.clone());
    let shelf = Shelf::in_folder(table.reports.as_ref().map(|path| settings.path(path)));
    let desk = Arc::new(Desk::new(Arc::clone(&gate), counter, shelf, own.as_str().to_owned()));
    tracing::info!(address = %listening.address(), "at work");
    let drain_within = settings.relay.drain_within;
    let take = || self::roster(&people).map(|roster| desk.replace_roster(roster));
    tokio::select! {
        () = listening.serve(pages(Arc::clone(&desk)), stop.clone(), drain_within * 4 / 5) => {
            tracing::info!("stopped");
        }
        () = gate.sweep() => {}
        () = page::follow(&people, seen, WORDS, take) => {}
        () = daemon::overdue(stop, drain_within) => say_overdue(),
    }
    Ok(Code::Fine)
}
