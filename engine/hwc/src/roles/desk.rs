//! The municipality's desk as a process: pages for its people, beside `hwc municipality` and on the same machine. It opens no key
//! and reaches no broker; it asks the other process (`docs/desk.md`). With a file of its own it runs as a user of its own and asks at
//! the hatch; with the municipality's file it is the municipality's user and asks at the counter.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use hwc_desk::{Counter, Desk, Roster, Shelf, Socket, Staff, StaffMember, pages};
use hwc_municipality::counter::Question;
use hwc_post::{Mail, Mailbox, Post, PostError, PostOffice, PostTable, Purpose};
use hwc_schemas::{Organisation, Role, report::MunicipalityCode};
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
    municipality::{self, MunicipalityFile},
    of_role,
    page::{self, Reached},
    say_overdue, set_up_log,
};
use crate::{
    daemon::{self, StateFolder},
    exit::Code,
    readiness::Conditions,
    region::RegionError,
    settings::{Common, HasRelay, Relay, RelayTable, Settings, strict},
    shown::Shown,
    supervised::Supervised,
};

const EXAMPLES: &str = "\
Voorbeelden:
  hwc desk --config balie.toml         de pagina voor de mensen van de gemeente: laat het altijd draaien
  hwc desk --config gemeente.toml      hetzelfde, als de gebruiker van hwc municipality en met diens bestand
Zonder --config wordt hwc.toml in deze map gelezen.";

/// Shows a municipality's people their page.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    common: Common,
}

/// The desk's own settings file, where it runs as a user of its own. There is nothing in it of the municipality's keys and tables.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DeskFile {
    relay: RelayTable,
    /// The page.
    desk: DeskTable,
    /// The municipality's process on this machine, as the desk reaches it.
    counter: CounterTable,
    /// The mail server: nobody can log in without mail.
    post: PostTable,
}

impl HasRelay for DeskFile {
    const TAKES_PART: bool = false;

    fn relay(&self) -> &RelayTable {
        &self.relay
    }
}

/// `[counter]` of a desk.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CounterTable {
    /// Whose desk it is.
    municipality: Organisation,
    /// What `[municipality] desk_socket` says in the municipality's file.
    socket: PathBuf,
}

/// `[desk]`, of a desk's own file or of a municipality's.
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
    #[serde(default)]
    people: Vec<StaffMember>,
}

/// Characters of the name above every page, at most.
const NAME_CHARS_MAX: usize = 60;
/// How often it is looked whether the municipality's process answers.
const LOOK_EVERY: Duration = Duration::from_secs(10);

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
    reports: Option<PathBuf>,
}

fn checked<T: HasRelay>(
    settings: &Settings<T>,
    table: &DeskTable,
    post: Option<&PostTable>,
) -> Result<Checked, RoleError> {
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
    let post = post.ok_or_else(|| {
        refuse("nobody can log in without mail: say [post] and [notices], as docs/post.md has them")
    })?;
    let post = Post::check(post, |path| settings.path(path)).map_err(|error| settings.unusable(error))?;
    let state_dir = settings.path(&table.state_dir);
    if state_dir == settings.relay.state_dir {
        return Err(refuse("state_dir is that of [relay]; give the desk a folder of its own"));
    }
    let reports = table.reports.as_ref().map(|path| settings.path(path));
    Ok(Checked { post, tls, people: settings.path(&table.people), state_dir, reports })
}

impl DeskTable {
    /// What is offered here, for whoever looks whether it is well.
    pub(super) fn offered(&self, settings: &Settings<MunicipalityFile>) -> Offered {
        self.offered_as(checked(settings, self, settings.file.post()))
    }

    fn offered_as(&self, checked: Result<Checked, RoleError>) -> Offered {
        let checked = checked.and_then(|checked| {
            roster(&checked.people)?;
            Ok(checked.tls.map(|files| files.certificate))
        });
        Offered { name: "desk", listen: self.listen, checked: checked.map_err(|error| error.to_string()) }
    }
}

/// All that a desk goes by, whichever file it stands in.
struct Ground {
    table: DeskTable,
    checked: Checked,
    socket: Socket,
    own: MunicipalityCode,
    /// Whether it has a file of its own.
    is_apart: bool,
    relay: Relay,
}

impl Ground {
    fn read(common: &Common) -> Result<Self, RoleError> {
        if is_own(common)? { Self::own(common) } else { Self::beside(common) }
    }

    /// From a file of its own.
    fn own(common: &Common) -> Result<Self, RoleError> {
        let (settings, own) = own_settings(common)?;
        let checked = checked(&settings, &settings.file.desk, Some(&settings.file.post))?;
        let socket = Socket::Hatch(settings.path(&settings.file.counter.socket));
        let Settings { file: DeskFile { desk: table, .. }, relay, .. } = settings;
        Ok(Self { table, checked, socket, own, is_apart: true, relay })
    }

    /// From the municipality's file, as the municipality's user.
    fn beside(common: &Common) -> Result<Self, RoleError> {
        let (mut settings, _, own) = municipality::settings(common)?;
        let table = settings.file.take_desk();
        let table = table.ok_or_else(|| settings.unusable("there is no [desk]: docs/desk.md says how"))?;
        let checked = checked(&settings, &table, settings.file.post())?;
        let socket = Socket::Counter(settings.relay.state_dir.clone());
        Ok(Self { table, checked, socket, own, is_apart: false, relay: settings.relay })
    }
}

/// Whether the file is a desk's own.
fn is_own(common: &Common) -> Result<bool, RoleError> {
    let written: toml::Table = strict::read(&common.config)?;
    Ok(!written.contains_key(Role::Municipality.as_str()))
}

fn own_settings(common: &Common) -> Result<(Settings<DeskFile>, MunicipalityCode), RoleError> {
    let settings = Settings::<DeskFile>::read(common)?;
    let organisation = of_role(&settings, &settings.file.counter.municipality, Role::Municipality)?;
    let own = MunicipalityCode::parse(organisation.code())
        .map_err(|error| settings.unusable(format!("[counter] municipality: the code {}", error.problem)))?;
    Ok((settings, own))
}

/// What `hwc doctor` looks at of a desk with a file of its own.
pub(crate) struct Looked {
    /// Whose desk it is.
    pub(crate) municipality: Organisation,
    /// The common part, with the desk's own state folder.
    pub(crate) relay: Relay,
    /// The mail server: or why its settings cannot be used.
    pub(crate) post: Result<Post, PostError>,
    /// The page.
    pub(crate) offered: Offered,
    socket: Socket,
}

impl Looked {
    /// Why the municipality's process does not answer, if it does not.
    pub(crate) async fn silence(&self) -> Option<String> {
        self.socket.ask(Question::Register).await.err().map(|error| error.to_string())
    }
}

/// The settings, read as the process reads them.
pub(crate) fn looked(common: &Common) -> Result<Looked, RoleError> {
    let (settings, _) = own_settings(common)?;
    let DeskFile { desk, counter, post, .. } = &settings.file;
    Ok(Looked {
        municipality: counter.municipality.clone(),
        relay: Relay { state_dir: settings.path(&desk.state_dir), ..settings.relay.clone() },
        post: Post::check(post, |path| settings.path(path)),
        offered: desk.offered_as(checked(&settings, desk, Some(post))),
        socket: Socket::Hatch(settings.path(&counter.socket)),
    })
}

fn roster(path: &Path) -> Result<Roster, RoleError> {
    let file: PeopleFile = strict::read(path)?;
    Roster::new(file.people).map_err(|error| RoleError::Said(format!("{}: {error}", path.display())))
}

async fn serve(common: &Common) -> Result<Code, RoleError> {
    let Ground { table, checked, socket, own, is_apart, relay } = Ground::read(common)?;
    let Checked { post, tls, people, state_dir, reports } = checked;
    let zone = Zone::amsterdam().map_err(|_| RegionError::Zone)?.as_time_zone().clone();
    let seen = page::seen(&people);
    let roster = roster(&people)?;
    set_up_log()?;
    let state = StateFolder::hold(&state_dir)?;
    let today = zone.to_datetime(Timestamp::now()).date();
    let audit = Audit::open(state.path(), relay.kept.audit_years, today)?;
    let stop = daemon::stop_on_signals();
    let conditions = Conditions::default();
    let listening = Listening::bind(table.listen, tls.as_ref()).await?;
    conditions.set("page", None);
    let telemetry = hwc_adapter_kit::Telemetry::default();
    // The address in the municipality's file is the other process's.
    let listen = relay.listen.filter(|_| is_apart);
    let _shown = Shown::at(listen, conditions.health(), telemetry.page()).await?;
    let _supervised = Supervised::begin(conditions.health(), conditions.pulse(), &stop);

    let office = PostOffice::open(post);
    // With the municipality's file it is the other process that looks what came back.
    let mut failing = office.failing();
    let mut returned = is_apart.then(|| office.returned());
    let mails = move |to: Mailbox, code: LoginCode| {
        let office = office.clone();
        tokio::spawn(async move {
            let good_for = SignedDuration::try_from(GOOD_FOR).unwrap_or_default();
            let over = Timestamp::now().saturating_add(good_for).unwrap_or(Timestamp::MAX);
            office.deliver(Mail::login_code(code), &to, &Purpose::until(over)).await
        });
    };
    let staff = Staff::new(roster, mails, audit, table.name.trim().to_owned(), zone);
    let gate = Gate::new(Arc::new(staff), table.origin, SessionLaw::MORNING, Paces::default(), OsChance)
        .map_err(|error| RoleError::Said(error.to_string()))?;
    let gate = Arc::new(gate);
    let shelf = Shelf::in_folder(reports);
    let desk = Arc::new(Desk::new(Arc::clone(&gate), socket, shelf, own.as_str().to_owned()));
    tracing::info!(address = %listening.address(), "at work");
    let take = || self::roster(&people).map(|roster| desk.replace_roster(roster));
    let mail = async {
        loop {
            conditions.needs_attention("mail", failing.borrow_and_update().clone());
            let came_back = async {
                match &mut returned {
                    Some(returned) => {
                        conditions.needs_attention("returned mail", returned.borrow_and_update().clone());
                        returned.changed().await
                    }
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                Ok(()) = failing.changed() => {}
                Ok(()) = came_back => {}
                else => std::future::pending::<()>().await,
            }
        }
    };
    let counter = async {
        loop {
            conditions.needs_attention("municipality", desk.problem().await);
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    tokio::select! {
        () = listening.serve(pages(Arc::clone(&desk)), stop.clone(), relay.drain_within * 4 / 5) => {
            tracing::info!("stopped");
        }
        () = gate.sweep() => {}
        () = page::follow(&people, seen, WORDS, take) => {}
        () = mail => {}
        () = counter => {}
        () = conditions.pulse().keep() => {}
        () = daemon::overdue(stop, relay.drain_within) => say_overdue(),
    }
    Ok(Code::Fine)
}
