//! `hwc engine`: an engine as a process. One leads, others stand by; killed at any moment, it is started again.

use std::{collections::BTreeSet, path::PathBuf, sync::Arc, time::Duration};

use hwc_adapter_kit::{Clock, WallClock};
use hwc_jetstream::{
    BoardName, BoardNameError, Credential, CredentialError, DirectoryDoor, Lease, Link, Published,
    Settings as Streams, SetupError, Tasks, is_source,
};
use hwc_post::PostTable;
use hwc_relay::{Rules, ended::KeptFor};
use hwc_schemas::{IncidentId, Organisation, Role};
use hwc_telemetry::{Condition, Health, LogTo, Service};
use hwc_vault::{Directory, DirectoryError, OperatorKeyError, OperatorPublicKey, read_signed};
use hwc_workflow::{Chain, Event, Table};
use jiff::SignedDuration;
use serde::Deserialize;
use tokio::{sync::watch, task::JoinSet};

use crate::{
    daemon::{self, StateError, StateFolder},
    ended::{EndedIds, EndedIdsError},
    engine::{self, Ended, Engine, EngineError, Observer, Sweep},
    exit::Code,
    notices::{self, Notices, NoticesTable},
    region::{Region, RegionError},
    retention::{expiry::expire, folders::Sweeping},
    roles::board::BoardTable,
    settings::{Common, HasRelay, RelayTable, Settings, SettingsError},
    shifted::ShiftedClock,
    shown::{self, ShowError, Shown},
    supervised::{Pulse, Supervised},
    telling::Telling,
    watched::Watched,
};

/// The engine's settings file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EngineFile {
    relay: RelayTable,
    /// The engine.
    engine: EngineTable,
    /// The mail server. Without it breaches are recorded, and nobody is told of them by mail.
    post: Option<PostTable>,
    /// To whom mails go.
    notices: Option<NoticesTable>,
    /// The board of those who keep the region running (`hwc board`).
    board: Option<BoardTable>,
}

impl HasRelay for EngineFile {
    fn relay(&self) -> &RelayTable {
        &self.relay
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct EngineTable {
    /// This engine's own name; no two engines of a region share one. A board's, as in board-one, for whoever looks with a board's
    /// credential: it may look and do nothing else.
    name: String,
    /// The folder with region.toml, holidays.json and closed-days.csv.
    region: PathBuf,
    /// The directory of organisations.
    directory: PathBuf,
    /// On how many servers each message lies: 3 wherever signals are real.
    #[serde(default = "three")]
    replicas: u8,
    /// Whose engine it is, as `urn:nld:oin:OIN:systeem:NAME`: the source of the events that organisations get.
    source: Option<String>,
    /// How far this engine's clock is from the real time. Only for a region of invented people (`synthetic = true`), where
    /// a Sunday must be a school day for once; the same for every engine of the region.
    #[serde(default)]
    clock_offset_seconds: i64,
    /// Who hands on to whom (R15).
    chains: Vec<ChainTable>,
}

const fn three() -> u8 {
    3
}

/// One police district, the Veilig Thuis that it reports to, and the municipalities which that one refers to (R15).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct ChainTable {
    /// The police.
    police: Organisation,
    /// To whom they report.
    veilig_thuis: Organisation,
    /// To whom that one refers.
    municipalities: Vec<Organisation>,
}

impl EngineFile {
    /// The mail server as it is written, and whether there is somebody to mail to.
    pub(crate) const fn post(&self) -> (Option<&PostTable>, bool) {
        (self.post.as_ref(), self.notices.is_some())
    }

    /// The board, if there is one.
    pub(crate) const fn board(&self) -> Option<&BoardTable> {
        self.board.as_ref()
    }

    /// How far its clock is from the real time, in seconds.
    pub(crate) const fn clock_offset_seconds(&self) -> i64 {
        self.engine.clock_offset_seconds
    }

    /// As which board it asks, if its name is a board's.
    pub(crate) fn as_board(&self) -> Option<BoardName> {
        let name = self.engine.name.strip_prefix(BoardName::BEGINNING)?;
        name.parse().ok()
    }

    /// On how many servers each message lies.
    pub(crate) const fn replicas(&self) -> u8 {
        self.engine.replicas
    }
}

/// Why the engine does not run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServeError {
    /// The settings.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The region.
    #[error(transparent)]
    Region(#[from] RegionError),
    /// The directory of organisations.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// The operator's public key.
    #[error("operator.pub in the folder of keys: {0}")]
    Operator(#[from] OperatorKeyError),
    /// The state folder.
    #[error(transparent)]
    State(#[from] StateError),
    /// The credential.
    #[error(transparent)]
    Credential(#[from] CredentialError),
    /// What it shows of itself.
    #[error(transparent)]
    Show(#[from] ShowError),
    /// The log.
    #[error(transparent)]
    Log(#[from] hwc_telemetry::LogError),
    /// What ended.
    #[error(transparent)]
    Ended(#[from] EndedIdsError),
    /// The broker.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl ServeError {
    /// How the program ends because of it.
    pub(crate) const fn code(&self) -> Code {
        match self {
            Self::Settings(_)
            | Self::Region(_)
            | Self::Directory(_)
            | Self::Operator(_)
            | Self::Credential(_)
            | Self::Show(ShowError::Collector(_))
            // A stream that differs is a setting that differs.
            | Self::Engine(EngineError::Setup(SetupError::Differs(_))) => Code::Settings,
            Self::State(_) | Self::Ended(_) | Self::Log(_) | Self::Show(ShowError::Http(_)) => Code::Failed,
            Self::Engine(_) => Code::Unreachable,
        }
    }
}

/// How often region and directory are looked at for changes.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// How long to wait before the broker is tried again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Runs until told to stop.
pub(crate) async fn run(common: &Common) -> Result<(), ServeError> {
    let settings = Settings::<EngineFile>::read(common)?;
    no_board(&settings, "lead")?;
    let World { rules, members, published } = World::read(&settings)?;
    let notices = Notices::read(&settings, settings.file.post.as_ref(), settings.file.notices.as_ref())?;
    let state = StateFolder::hold(&settings.relay.state_dir)?;
    hwc_telemetry::set_up(LogTo::Stderr, "info")?;
    let credential = Credential::read(&settings.relay.keys.join("nkey"))?;
    let ended_ids = EndedIds::open(state.path(), KeptFor::by(&rules.policy), clock(&settings.file).now())?;
    let telling = Telling::to(shown::spans(&settings.relay, Service::Engine)?);
    let health = Health::default();
    let seat = health.condition("seat", "starting");
    let broker = health.condition("broker", shown::NO_CONNECTION);
    let _sweeping = Sweeping::of(settings.relay.swept.clone());
    let _shown = Shown::at(settings.relay.listen, &health, telling.metrics.page()).await?;
    let (stop, pulse) = (daemon::stop_on_signals(), Pulse::default());
    let _supervised = Supervised::begin(&health, &pulse, &stop);
    let (tell_rules, rules) = watch::channel(rules);
    let (tell_members, members) = watch::channel(members);
    let (tell_published, published) = watch::channel(published);
    let tell = Tell { rules: tell_rules, members: tell_members, published: tell_published };
    let instance = Instance {
        settings: &settings,
        credential,
        rules,
        members,
        published,
        stop: stop.clone(),
        telling: telling.clone(),
        seat: seat.clone(),
        broker,
        ended: ended_ids,
        notices: notices.clone(),
    };
    let returned = async {
        match &notices {
            Some(notices) => notices.watch_returned(&health).await,
            None => std::future::pending().await,
        }
    };
    let stopping = async {
        let _ = stop.clone().wait_for(|stop| *stop).await;
        seat.fails("stopping");
        std::future::pending::<()>().await;
    };
    let ended = tokio::select! {
        () = stopping => Ok(()),
        () = pulse.keep() => Ok(()),
        () = returned => Ok(()),
        ended = instance.serve() => ended,
        () = follow(&settings, &tell) => Ok(()),
        () = daemon::overdue(stop.clone(), settings.relay.drain_within) => {
            tracing::warn!("what was under way did not end in time; the next start goes on with it");
            Ok(())
        }
    };
    telling.close(shown::CLOSE_WITHIN).await;
    ended
}

/// What one engine works with, from its start to its end.
struct Instance<'a> {
    settings: &'a Settings<EngineFile>,
    credential: Credential,
    rules: watch::Receiver<Arc<Rules>>,
    members: watch::Receiver<BTreeSet<Organisation>>,
    published: watch::Receiver<Published>,
    stop: watch::Receiver<bool>,
    telling: Telling,
    seat: Condition,
    broker: Condition,
    ended: EndedIds,
    notices: Option<Notices>,
}

impl Instance<'_> {
    /// Leads, or stands by, until told to stop. The broker may come and go.
    async fn serve(&self) -> Result<(), ServeError> {
        while !*self.stop.borrow() {
            match self.serve_once().await {
                Ok(Ended::Stopped) => break,
                Ok(Ended::Overtaken) => tracing::warn!("standing by; another engine leads, or may by now"),
                // Settings that differ do not mend themselves.
                Err(error @ EngineError::Setup(SetupError::Differs(_))) => return Err(error.into()),
                Err(error) => {
                    self.seat.fails("the engine cannot work just now; the log says why");
                    tracing::warn!(%error, "the engine cannot work just now; trying again");
                    tokio::time::sleep(AGAIN_AFTER).await;
                }
            }
        }
        tracing::info!("stopped");
        Ok(())
    }

    async fn serve_once(&self) -> Result<Ended, EngineError> {
        let mut stop = self.stop.clone();
        let mut watching = JoinSet::new();
        self.broker.fails(shown::NO_CONNECTION);
        self.telling.metrics.connected(false);
        let standing_by = async {
            // Two connections: the lease is renewed beside whatever is worked with, never behind it.
            let (beside, link) = (self.connect().await?, self.connect().await?);
            // Also while it stands by: every engine says the same.
            let door = DirectoryDoor::open(&beside, self.published.clone()).await?;
            let (metrics, broker) = (self.telling.metrics.clone(), self.broker.clone());
            watching.spawn(shown::watch_connection(link.health(), broker, move |stands| {
                metrics.connected(stands);
            }));
            self.seat.is_fine();
            tracing::info!("standing by");
            let lease = Lease::stand_by(&beside, &self.streams(), &self.settings.file.engine.name).await?;
            Ok::<_, EngineError>((lease.over(&link), door))
        };
        let (mut lease, _door) = tokio::select! {
            lease = standing_by => lease?,
            // Whoever only stands by has nothing to finish.
            _ = stop.wait_for(|stop| *stop) => return Ok(Ended::Stopped),
        };
        let ended = self.lead(&mut lease).await?;
        if ended == Ended::Stopped {
            lease.give_back().await;
        }
        Ok(ended)
    }

    async fn lead(&self, lease: &mut Lease) -> Result<Ended, EngineError> {
        let mut ground = engine::ground(lease, &self.streams()).await?;
        let now = clock(&self.settings.file).now();
        let kept_for = KeptFor::by(&self.rules.borrow().policy);
        self.ended.learn(&ground.journal, &ground.tasks, kept_for, now).await?;
        ground.ended = Some(self.ended.clone());
        if let Some(source) = &self.settings.file.engine.source {
            ground.tasks = ground.tasks.from_source(source);
        }
        let tasks = ground.tasks.clone();
        let mut beside = JoinSet::new();
        beside.spawn(notices::tell(
            ground.breaches.clone(),
            self.notices.clone(),
            self.telling.metrics.clone(),
        ));
        let expiring = expire(lease.link().clone(), lease.holder(), self.rules.clone());
        let rules = Rules::clone(&self.rules.borrow());
        let engine = Engine::start(
            ground,
            rules.clone(),
            clock(&self.settings.file),
            Arc::new(Nobody),
            self.telling.clone(),
        );
        let orphans_after = Duration::from_secs(rules.policy.orphans_after_seconds().into());
        let engine = engine.await?.sweeping(Sweep { orphans_after, ..Sweep::default() });
        tracing::info!("leading");
        tokio::select! {
            ended = engine.run(lease, self.rules.clone(), self.stop.clone()) => Ok(ended),
            () = admit(&tasks, self.members.clone()) => Ok(Ended::Overtaken),
            () = expiring => Ok(Ended::Overtaken),
        }
    }

    async fn connect(&self) -> Result<Link, EngineError> {
        Ok(Link::connect(self.settings.relay.address(), Some(&self.credential)).await?)
    }

    fn streams(&self) -> Streams {
        streams(self.settings, &self.rules.borrow())
    }
}

/// What the streams are made with, by these settings and rules.
pub(crate) fn streams(settings: &Settings<EngineFile>, rules: &Rules) -> Streams {
    Streams {
        tombstones_for: tombstones_for(rules),
        replicas: settings.file.engine.replicas,
        payloads_for: Duration::from_hours(24 * u64::from(ceiling(rules))),
        ..Streams::production()
    }
}

/// How long a tombstone is kept: longer than a report is accepted.
fn tombstones_for(rules: &Rules) -> Duration {
    Duration::from_hours(24 * u64::from(rules.policy.tombstone_days()))
}

/// The real time, or one beside it.
pub(crate) fn clock(file: &EngineFile) -> Arc<dyn Clock> {
    match file.engine.clock_offset_seconds {
        0 => Arc::new(WallClock),
        seconds => Arc::new(ShiftedClock(SignedDuration::from_secs(seconds))),
    }
}

/// Refuses what a board may not do, or cannot know.
pub(crate) fn no_board(settings: &Settings<EngineFile>, does: &str) -> Result<(), ServeError> {
    match settings.file.as_board() {
        Some(board) => {
            let problem = format!(
                "[engine] name is {board}, and a board may not {does}: say it with an engine's settings"
            );
            Err(settings.unusable(problem).into())
        }
        None => Ok(()),
    }
}

/// A connection for whoever looks and writes nothing: as the engine has it, or as a board.
pub(crate) async fn onlooker(settings: &Settings<EngineFile>) -> Result<Link, ServeError> {
    let credential = Credential::read(&settings.relay.keys.join("nkey"))?;
    let link = match settings.file.as_board() {
        Some(board) => Link::connect_board(settings.relay.address(), &credential, &board).await,
        None => Link::connect(settings.relay.address(), Some(&credential)).await,
    };
    Ok(link.map_err(EngineError::from)?)
}

/// Lets every member have its tasks, now and whenever one joins.
async fn admit(tasks: &Tasks, mut members: watch::Receiver<BTreeSet<Organisation>>) {
    let mut admitted = BTreeSet::new();
    loop {
        let wanted = members.borrow_and_update().clone();
        let mut all = true;
        for member in wanted.difference(&admitted.clone()) {
            match tasks.admit(member).await {
                Ok(()) => {
                    admitted.insert(member.clone());
                }
                Err(error) => {
                    all = false;
                    tracing::warn!(%member, %error, "a member cannot have its tasks yet; trying again");
                }
            }
        }
        let again =
            async { if all { std::future::pending().await } else { tokio::time::sleep(AGAIN_AFTER).await } };
        tokio::select! {
            changed = members.changed() => if changed.is_err() { std::future::pending::<()>().await },
            () = again => {}
        }
    }
}

/// Nobody watches a real engine's events one by one.
struct Nobody;

impl Observer for Nobody {
    fn noted(&self, _: IncidentId, _: &[Event]) {}

    fn found(&self, _: IncidentId, _: &[Event]) {}
}

/// Whom to tell when the files say something else.
struct Tell {
    rules: watch::Sender<Arc<Rules>>,
    members: watch::Sender<BTreeSet<Organisation>>,
    published: watch::Sender<Published>,
}

/// What the engine decides by, as the files say it.
pub(crate) struct World {
    pub(crate) rules: Arc<Rules>,
    pub(crate) members: BTreeSet<Organisation>,
    published: Published,
}

impl World {
    pub(crate) fn read(settings: &Settings<EngineFile>) -> Result<Self, ServeError> {
        let table = &settings.file.engine;
        if table.name.is_empty() || table.name.len() > 64 {
            return Err(settings.unusable("[engine] name must have 1 to 64 bytes").into());
        }
        if table.name.starts_with(BoardName::BEGINNING) && settings.file.as_board().is_none() {
            return Err(settings.unusable(format!("[engine] name: {BoardNameError}")).into());
        }
        if table.source.as_ref().is_some_and(|source| !is_source(source)) {
            let problem = "source must be urn:nld:oin:, an OIN of 20 positions, :systeem: and a name";
            return Err(settings.unusable(format!("[engine] {problem}")).into());
        }
        let region = Region::read(&settings.path(&table.region))?;
        if table.clock_offset_seconds != 0 && region.synthetic.is_none() {
            let problem = "clock_offset_seconds is for regions of invented people: region.toml must say synthetic = true";
            return Err(settings.unusable(format!("[engine] {problem}")).into());
        }
        let (published, members) = directory(settings)?;
        let schools = members.iter().filter(|one| one.role() == Role::School).cloned().collect();
        let chains = table.chains.iter().map(ChainTable::chain).collect();
        let rules =
            Rules { policy: region.policy, calendar: region.calendar, table: Table { chains, schools } };
        Ok(Self { rules: Arc::new(rules), members, published })
    }
}

impl ChainTable {
    fn chain(&self) -> Chain {
        Chain {
            police: self.police.clone(),
            veilig_thuis: self.veilig_thuis.clone(),
            municipalities: self.municipalities.iter().cloned().collect(),
        }
    }
}

/// The directory as the operator signed it.
pub(crate) fn signed_directory(settings: &Settings<EngineFile>) -> Result<Directory, ServeError> {
    let operator = OperatorPublicKey::load(&settings.relay.keys.join("operator.pub"))?;
    Ok(read_signed(&settings.path(&settings.file.engine.directory), &operator)?.1)
}

/// The directory as the operator signed it, and everybody whom it names.
fn directory(settings: &Settings<EngineFile>) -> Result<(Published, BTreeSet<Organisation>), ServeError> {
    let operator = OperatorPublicKey::load(&settings.relay.keys.join("operator.pub"))?;
    let (text, directory) = read_signed(&settings.path(&settings.file.engine.directory), &operator)?;
    let members = directory.iter().map(|(organisation, _)| organisation.clone()).collect();
    Ok((Published { serial: directory.serial(), text: text.into() }, members))
}

fn ceiling(rules: &Rules) -> u16 {
    rules.policy.payload_ceiling_days()
}

/// Reads region and directory again whenever a file of theirs changed. What cannot be used changes nothing.
async fn follow(settings: &Settings<EngineFile>, tell: &Tell) {
    let table = &settings.file.engine;
    let region = settings.path(&table.region);
    let mut files: Vec<_> =
        ["region.toml", "holidays.json", "closed-days.csv"].map(|name| region.join(name)).into();
    files.push(settings.path(&table.directory));
    let mut watched = Watched::new(files);
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        if !watched.changed() {
            continue;
        }
        let serial = tell.published.borrow().serial;
        match World::read(settings) {
            Ok(world) if world.published.serial < serial => {
                tracing::error!(
                    serial,
                    offered = world.published.serial,
                    "the directory in the file is an old one; the former one stays"
                );
            }
            // The streams were made with it, and are not altered while anything lies in them.
            Ok(world) if ceiling(&world.rules) != ceiling(&tell.rules.borrow()) => {
                tracing::error!(
                    "payload_ceiling_days cannot be changed in a region that works; the former region stays"
                );
            }
            // The journal that is open writes tombstones for the former time: what is accepted for longer could come back.
            Ok(world) if tombstones_for(&world.rules) > tombstones_for(&tell.rules.borrow()) => {
                tracing::error!(
                    "what ended is remembered for longer only by an engine that starts with it (accept_days, tombstone_days); the \
                     former region stays"
                );
            }
            Ok(world) => {
                tracing::info!("region or directory changed; the new one counts from now on");
                tell.rules.send_replace(world.rules);
                tell.members.send_replace(world.members);
                tell.published.send_replace(world.published);
            }
            Err(error) => {
                tracing::error!(%error, "region or directory changed and cannot be used; the former one stays");
            }
        }
    }
}
