//! The organisations as processes, and what their people do.
//!
//! Each role has a file: its settings, its process, its commands. What they have in common is here: a process holds its
//! folder, connects for as long as it takes, works its tasks, serves people at its counter, and on a polite stop hands back
//! what is in hand. Exit codes: 0 fine, 1 failed, 3 settings, 4 out of reach, 5 refused.

pub(crate) mod board;
mod breach;
mod brp;
pub(crate) mod desk;
mod holdings;
mod http;
mod mailing;
pub(crate) mod municipality;
mod page;
pub(crate) mod police;
pub(crate) mod portal;
mod reading;
mod register;
pub(crate) mod school;
mod standing;
mod systems;
pub(crate) mod veilig_thuis;
mod words;

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use hwc_adapter_kit::{
    Clerk, Follower, Hours, KeyKeeper, Station, Telemetry,
    counter::{Counter, CounterError, Service},
    door::DoorError,
    reporting::Reporting,
    table::{TABLE_BYTES_MAX, TableError},
    work,
};
use hwc_http::ListenError;
use hwc_jetstream::LinkError;
use hwc_logbook::Acts;
use hwc_police::InboxError;
use hwc_post::{Post as MailServer, PostError, PostTable};
use hwc_register::{Fault, Place, RegisterError};
use hwc_schemas::{Organisation, Role, report::MunicipalityCode};
use hwc_school_systems::webhook::Webhook;
use hwc_telemetry::LogTo;
use tokio::{sync::watch, task::JoinSet};
use zeroize::Zeroizing;

pub(crate) use self::http::Offered;
use crate::{
    daemon::{self, StateError, StateFolder},
    exit::{self, Code},
    logging::{self, Logging, LoggingError},
    member::{KeysError, Member},
    readiness::Conditions,
    region::RegionError,
    retention::folders::Sweeping,
    settings::{Common, HasRelay, Relay, Settings, SettingsError},
    shown::{self, ShowError, Shown},
    supervised::Supervised,
};

/// Why a role does not do its work. Matters to the operator of this machine.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RoleError {
    /// The settings.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The region, or a file that cannot be read.
    #[error(transparent)]
    Region(#[from] RegionError),
    /// A row of a CSV file.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The keys.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The inbox.
    #[error(transparent)]
    Inbox(#[from] InboxError),
    /// The way to the BRP.
    #[error("[brp] {0}")]
    Brp(#[from] hwc_brp::AccessError),
    /// The register in a database.
    #[error(transparent)]
    Register(#[from] RegisterError),
    /// Where an HTTP service listens.
    #[error("{table} {source}")]
    Listen {
        /// The table of the settings.
        table: &'static str,
        /// Why.
        source: ListenError,
    },
    /// A file of reports whose form nobody can tell.
    #[error("{}: the end of its name must say its form: .json, .jsonl, .csv or .xml", .0.display())]
    NoForm(PathBuf),
    /// The state folder.
    #[error(transparent)]
    State(#[from] StateError),
    /// The counter.
    #[error("no counter for people: {0}")]
    Counter(#[from] CounterError),
    /// What it shows of itself.
    #[error(transparent)]
    Show(#[from] ShowError),
    /// The processing log.
    #[error(transparent)]
    Logging(#[from] LoggingError),
    /// The audit log.
    #[error(transparent)]
    Acts(#[from] hwc_logbook::ActsError),
    /// The log.
    #[error(transparent)]
    Log(#[from] hwc_telemetry::LogError),
    /// Where the page is shown.
    #[error("the page for people: {0}")]
    Page(#[from] hwc_web::ListenError),
    /// A school's locker.
    #[error(transparent)]
    Locker(#[from] hwc_portal::LockerError),
    /// A flag that cannot be used.
    #[error("{0}")]
    Said(String),
    /// The relay.
    #[error(transparent)]
    Door(#[from] DoorError),
}

impl RoleError {
    pub(crate) const fn code(&self) -> Code {
        match self {
            Self::Settings(_)
            | Self::Region(_)
            | Self::Table(_)
            | Self::Keys(_)
            | Self::Inbox(_)
            | Self::Brp(_)
            | Self::Listen { .. }
            | Self::Page(_)
            | Self::Locker(_)
            | Self::NoForm(_)
            | Self::Logging(LoggingError::Activities(_) | LoggingError::Collector(_))
            | Self::Show(ShowError::Collector(_))
            | Self::Door(DoorError::Link(
                LinkError::Address | LinkError::TlsFilesMissing | LinkError::TlsFile(_),
            )) => Code::Settings,
            Self::Said(_)
            | Self::Door(DoorError::Link(
                LinkError::NotAdmitted(_) | LinkError::CertificateRefused | LinkError::NotTheBroker(_),
            )) => Code::Refused,
            Self::Register(error) => register_code(error),
            Self::State(_)
            | Self::Counter(_)
            | Self::Log(_)
            | Self::Logging(_)
            | Self::Acts(_)
            | Self::Show(ShowError::Http(_)) => Code::Failed,
            Self::Door(_) => Code::Unreachable,
        }
    }
}

/// How the program ends because a register cannot be used so.
const fn register_code(error: &RegisterError) -> Code {
    match error {
        RegisterError::File { .. }
        | RegisterError::OpenToOthers(_)
        | RegisterError::Address { .. }
        | RegisterError::NotPrepared
        | RegisterError::Newer
        | RegisterError::Older => Code::Settings,
        RegisterError::Database(Fault::Away(_) | Fault::Busy | Fault::Tls) => Code::Unreachable,
        RegisterError::Shrinks { .. } | RegisterError::School(_) => Code::Refused,
        _ => Code::Failed,
    }
}

/// How the program ends because of it; what went wrong is said.
fn ended(outcome: Result<Code, RoleError>) -> ExitCode {
    match outcome {
        Ok(code) => code.into(),
        Err(error) => {
            exit::say(&error.to_string());
            error.code().into()
        }
    }
}

/// How long to wait before a feed of tasks that broke is opened again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// A process that took its place: it holds its folder and is connected.
struct Post {
    station: Station,
    follower: Follower,
    state: StateFolder,
    /// Who does what at the counter.
    acts: Arc<Acts>,
    stop: watch::Receiver<bool>,
    drain_within: Duration,
    conditions: Conditions,
    keeper: Option<KeyKeeper>,
    _shown: Shown,
    _supervised: Supervised,
    _sweeping: Sweeping,
    /// What is wrong with the processing log.
    logging: watch::Receiver<Option<String>>,
    _tending: JoinSet<()>,
}

/// A file that is followed, by the name of its condition, and what is wrong with its newest version.
type Followed = (&'static str, watch::Receiver<Option<String>>);

impl Post {
    /// Holds the state folder and connects; none if it was told to stop before that.
    async fn take(relay: &Relay, member: &Member) -> Result<Option<Self>, RoleError> {
        let state = StateFolder::hold(&relay.state_dir)?;
        let acts = Acts::open(state.path().join(Acts::FILE), relay.kept.audit_years, logging::today())?;
        let (follower, book) = member.open_book()?;
        let ring = member.open_ring()?;
        let keeper = ring.clone().and_then(|ring| member.keeper_of(ring));
        let logging = Logging::open(relay, member.organisation())?;
        let stop = daemon::stop_on_signals();
        // The last fifth is for handing back.
        let hours = Hours::until(stop.clone(), relay.drain_within * 4 / 5);
        let conditions = Conditions::default();
        conditions.set("connected", Some("no connection to the broker yet".to_owned()));
        let service = hwc_telemetry::Service::Of(member.organisation().role());
        let telemetry = Telemetry::to(shown::spans(relay, service)?);
        let shown = Shown::at(relay.listen, conditions.health(), telemetry.page()).await?;
        let supervised = Supervised::begin(conditions.health(), conditions.pulse(), &stop);
        let station = tokio::select! {
            station = member.enter(&book, hours.clone(), ring) => station?.telling(telemetry).logging(logging.logbook()),
            () = hours.closing() => return Ok(None),
        };
        let drain_within = relay.drain_within;
        let sweeping = Sweeping::of(relay.swept.clone());
        let trouble = logging.trouble();
        let tending = logging.tend(station.office());
        Ok(Some(Self {
            station,
            follower,
            state,
            acts: Arc::new(acts),
            stop,
            drain_within,
            conditions,
            keeper,
            _shown: shown,
            _supervised: supervised,
            _sweeping: sweeping,
            logging: trouble,
            _tending: tending,
        }))
    }

    /// Works the organisation's tasks and serves its people until told to stop.
    async fn work<C: Clerk, S: Service>(
        self,
        clerk: C,
        service: S,
        mut files: Vec<Followed>,
    ) -> Result<(), RoleError> {
        files.push(("processing log", self.logging.clone()));
        let counter = Counter::open(self.state.path())?.noting(self.acts);
        let (telemetry, conditions) = (self.station.office().telemetry().clone(), self.conditions.clone());
        tracing::info!(organisation = %self.station.organisation(), "at work");
        let clerk = Arc::new(clerk);
        let following = self.conditions.clone().follow(self.station.clone(), true, files);
        let service = Reporting::beside(service, self.station.door().clone());
        let serving = counter.serve(Arc::new(service), self.station.office().hours().closing());
        let working = async {
            while !self.station.office().hours().is_closing() {
                match work(&self.station, Arc::clone(&clerk)).await {
                    Ok(()) => {}
                    Err(error) => tracing::warn!(%error, "the tasks cannot be had just now; trying again"),
                }
                if !self.station.office().hours().is_closing() {
                    tokio::time::sleep(AGAIN_AFTER).await;
                }
            }
        };
        let (keeper, door) = (self.keeper, self.station.door().clone());
        let keeping = Box::pin(async {
            match keeper {
                Some(keeper) => keeper.run(door).await,
                None => std::future::pending().await,
            }
        });
        let mut stop = self.stop.clone();
        let stopping = async {
            let _ = stop.wait_for(|stop| *stop).await;
            conditions.set("stopping", Some("stopping".to_owned()));
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = stopping => {}
            _ = async { tokio::join!(working, serving) } => tracing::info!("stopped"),
            () = following => {}
            () = keeping => {}
            () = self.follower.run(self.station.door().clone()) => {}
            () = daemon::overdue(self.stop, self.drain_within) => say_overdue(),
        }
        telemetry.close(shown::CLOSE_WITHIN).await;
        Ok(())
    }
}

fn say_overdue() {
    tracing::warn!("what was in hand did not end in time; the next start goes on with it");
}

/// Every process logs for people, on standard error.
fn set_up_log() -> Result<(), RoleError> {
    Ok(hwc_telemetry::set_up(LogTo::Stderr, "info")?)
}

/// What `hwc doctor` looks at of an organisation.
pub(crate) struct Looked {
    pub(crate) organisation: Organisation,
    pub(crate) relay: Relay,
    /// The mail server, if there is one: or why its settings cannot be used.
    pub(crate) post: Option<Result<MailServer, PostError>>,
    /// The register in a database, if there is one.
    pub(crate) register: Option<Database>,
    /// The folder of reports that are sent.
    pub(crate) inbox: Option<PathBuf>,
    /// The pages and services that are offered by HTTP.
    pub(crate) offered: Vec<Offered>,
    /// The socket for a desk of another user, if there is one.
    pub(crate) hatch: Option<PathBuf>,
    /// The webhook of a school's own software, if there is one: or why its settings cannot be used.
    pub(crate) webhook: Option<Result<Webhook, String>>,
}

/// A municipality's register in a database.
pub(crate) struct Database {
    pub(crate) place: Place,
    pub(crate) own: MunicipalityCode,
    pub(crate) stale_after_days: u16,
}

impl Looked {
    fn of<T: HasRelay>(settings: &Settings<T>, organisation: Organisation, post: Option<&PostTable>) -> Self {
        let post = post.map(|table| MailServer::check(table, |path| settings.path(path)));
        Self {
            organisation,
            relay: settings.relay.clone(),
            post,
            register: None,
            inbox: None,
            offered: Vec::new(),
            hatch: None,
            webhook: None,
        }
    }
}

/// An organisation's settings, read as its process reads them.
pub(crate) fn looked(common: &Common, role: Role) -> Result<Looked, RoleError> {
    match role {
        Role::Police => police::looked(common),
        Role::VeiligThuis => veilig_thuis::looked(common),
        Role::Municipality => municipality::looked(common),
        Role::School => school::looked(common),
    }
}

/// The organisation must be of this role.
fn of_role<T: HasRelay>(
    settings: &Settings<T>,
    organisation: &Organisation,
    role: Role,
) -> Result<Organisation, SettingsError> {
    if organisation.role() == role {
        return Ok(organisation.clone());
    }
    let role = role.as_str();
    Err(settings.unusable(format!("[{role}] {organisation} is no {role}; it must begin with {role}-")))
}

/// The content of a table of people, wiped when dropped.
fn table(path: &Path) -> Result<Zeroizing<Vec<u8>>, RegionError> {
    let failed = |source| RegionError::File { path: path.into(), source };
    let file = File::open(path).map_err(failed)?;
    let length = usize::try_from(file.metadata().map_err(failed)?.len()).unwrap_or(usize::MAX);
    // One byte more than may be, so that a file without bound is noticed, and refused, where it is read.
    let mut bytes = Zeroizing::new(Vec::with_capacity(length.min(TABLE_BYTES_MAX) + 1));
    file.take(TABLE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

/// The folder that a running process of these settings holds.
fn state_folder<T: HasRelay>(settings: &Settings<T>) -> PathBuf {
    settings.relay.state_dir.clone()
}
