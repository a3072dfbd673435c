//! Replaying a dataset: the real engine, the real broker and the real adapters of all organisations, with the dataset's
//! own time line as the clock.

mod cast;
pub(crate) mod diary;
mod people;
pub(crate) mod summary;

use std::{
    collections::BTreeSet,
    fs::{self, OpenOptions},
    io::{BufWriter, Write as _},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use hwc_adapter_kit::{Clerk, Clock, Office, work};
use hwc_broker::{Broker, Finder, Settings as BrokerSettings};
use hwc_casework::routing::Enrolments;
use hwc_jetstream::{Door, Link, SealedStore};
use hwc_journal::Journal as _;
use hwc_police::{ReferenceKey, Submission};
use hwc_relay::Rules;
use hwc_schemas::{IncidentId, Organisation, report::MunicipalityCode};
use hwc_workflow::{Chain, Event, Table, calendar::Calendar};
use jiff::Timestamp;
use tokio::{sync::watch, task::JoinSet};
use zeroize::Zeroizing;

use self::{
    cast::{Cast, private_folder},
    diary::Diarist,
    people::{SchoolHours, Withholds},
    summary::{Left, Summary},
};
use crate::{
    dataset::{Dataset, DatasetError},
    engine::{self, Engine, EngineError, Observer},
    exit::Code,
    timeline::Timeline,
};

/// What to replay, and what to keep of it.
pub(crate) struct Options {
    /// Nobody there ever opens anything.
    pub(crate) unattended_schools: BTreeSet<String>,
    /// A nats-server to use instead of finding or fetching one.
    pub(crate) nats_server: Option<PathBuf>,
    /// Watches besides the diary.
    pub(crate) watcher: Option<Arc<dyn Watcher>>,
}

/// Watches a replay as it happens.
pub(crate) trait Watcher: Send + Sync + 'static {
    /// Events became durable; the diary knows them already.
    fn noted(&self, diarist: &Diarist, incident: IncidentId, events: &[Event]);
}

/// Why a replay did not come to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReplayError {
    /// The dataset cannot be used.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// A diary names children.
    #[error("a diary names children, so it is written of invented ones only: region.toml must say synthetic = true")]
    NotSynthetic,
    /// The folder to keep things in.
    #[error("--state-dir {0}: the folder must be empty or not there yet")]
    NotEmpty(PathBuf),
    /// A school that the dataset does not have.
    #[error("--unattended-schools: {0} is no school of this dataset; write BRIN and location, as in 01AA00")]
    UnknownSchool(String),
    /// The broker.
    #[error(transparent)]
    Broker(#[from] hwc_broker::BrokerError),
    /// The engine.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// Something on this machine.
    #[error("{0}")]
    Setup(String),
    /// Nothing moves any more.
    #[error("nothing has moved for {seconds} s while {held} pieces of work were held; the log says why: {log}")]
    Stuck {
        /// For how long.
        seconds: u64,
        /// How much work is held.
        held: usize,
        /// Where the log is.
        log: String,
    },
}

impl ReplayError {
    fn setup(error: impl std::fmt::Display) -> Self {
        Self::Setup(error.to_string())
    }

    /// How the program ends because of it.
    pub(crate) const fn code(&self) -> Code {
        match self {
            Self::Dataset(_) | Self::NotEmpty(_) | Self::UnknownSchool(_) => Code::Settings,
            Self::NotSynthetic => Code::Refused,
            Self::Broker(_) | Self::Engine(_) => Code::Unreachable,
            Self::Setup(_) | Self::Stuck { .. } => Code::Failed,
        }
    }
}

/// A replay that gives no sign of life for so long is given up.
const STUCK_AFTER: Duration = Duration::from_secs(120);

/// How long the engine may take to finish what is under way at the end.
const STOP_WITHIN: Duration = Duration::from_secs(20);

/// What a replay leaves behind in memory.
pub(crate) struct Replayed {
    pub(crate) summary: Summary,
    pub(crate) diarist: Arc<Diarist>,
    pub(crate) dataset: Dataset,
}

/// Where a run writes: a folder of the user's, or one of its own that goes with it.
pub(crate) enum Ground {
    /// Kept.
    Kept(PathBuf),
    /// Removed with this value.
    Private(tempfile::TempDir),
}

impl Ground {
    /// Takes the user's folder, which must be empty, or makes a private one.
    pub(crate) fn prepare(state_dir: Option<&Path>) -> Result<Self, ReplayError> {
        match state_dir {
            Some(folder) => {
                let taken = fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some());
                if taken || (folder.exists() && !folder.is_dir()) {
                    return Err(ReplayError::NotEmpty(folder.to_owned()));
                }
                private_folder(folder)?;
                Ok(Self::Kept(folder.to_owned()))
            }
            None => {
                let builder = tempfile::Builder::new().prefix("hwc-").tempdir();
                Ok(Self::Private(builder.map_err(ReplayError::setup)?))
            }
        }
    }

    /// The folder.
    pub(crate) fn folder(&self) -> &Path {
        match self {
            Self::Kept(folder) => folder,
            Self::Private(folder) => folder.path(),
        }
    }

    /// Where the log goes.
    pub(crate) fn log(&self) -> PathBuf {
        self.folder().join("logs").join("hwc.log")
    }
}

/// Replays a dataset to its end.
pub(crate) async fn run(mut dataset: Dataset, ground: &Ground, options: &Options) -> Result<Replayed, ReplayError> {
    check_unattended(&dataset, &options.unattended_schools)?;
    let began = std::time::Instant::now();
    let folder = ground.folder();
    let cast = Cast::assemble(&dataset, folder)?;
    let broker = start_broker(&cast, folder, options).await?;

    let submissions = std::mem::take(&mut dataset.submissions);
    let start = submissions.first().map_or(Timestamp::UNIX_EPOCH, |first| first.report.reported_at);
    let timeline = Timeline::starting_at(start);
    timeline.begin(POLICE);
    let diarist = Arc::new(Diarist::default());

    let link = Link::connect(broker.client_url(), Some(&cast.engine)).await.map_err(EngineError::from)?;
    let ceiling = Duration::from_hours(24 * u64::from(dataset.policy.payload_ceiling_days()));
    let settings = hwc_jetstream::Settings { payloads_for: ceiling, ..hwc_jetstream::Settings::development() };
    let below = engine::ground(&link, &settings).await?;
    for organisation in cast.everybody() {
        below.tasks.admit(&organisation).await.map_err(EngineError::from)?;
    }
    let (journal, store, tasks) = (below.journal.clone(), below.store.clone(), below.tasks.clone());
    let rules = rules(&dataset, &cast);
    let observer = Arc::new(Both { diarist: Arc::clone(&diarist), watcher: options.watcher.clone() });
    let engine = Engine::start(below, rules, Arc::new(timeline.clone()), observer).await?;
    let (stop, stopped) = watch::channel(false);
    let engine = tokio::spawn(engine.run(stopped));

    let organisations = Organisations { cast: &cast, url: broker.client_url(), timeline: &timeline, diarist: &diarist };
    let mut adapters = JoinSet::new();
    organisations.start_veilig_thuis(&mut dataset, &mut adapters).await?;
    organisations.start_municipalities(&mut dataset, &mut adapters).await?;
    organisations.start_schools(&dataset, &options.unattended_schools, &mut adapters).await?;
    let police = organisations.start_police(submissions, folder).await?;

    let ended = wait_for_the_end(&timeline, &ground.log()).await;
    adapters.shutdown().await;
    police.abort();
    let left = left(&journal, &store, &tasks).await?;
    // The engine may be gone already, if it panicked; what is left then says so.
    let _ = stop.send(true);
    let _ = tokio::time::timeout(STOP_WITHIN, engine).await;
    broker.stop().await?;
    ended?;

    let early = |moment: &Timestamp| dataset.zone.local(*moment).time() < dataset.policy.school_start();
    let summary = Summary {
        dataset: dataset.name.clone(),
        refused_lines: dataset.refused.len(),
        delivered_before_school_start: diarist.deliveries().iter().filter(|moment| early(moment)).count(),
        days_replayed: timeline.now().duration_since(start).as_hours() / 24,
        count: diarist.count(),
        left,
        took: began.elapsed(),
    };
    Ok(Replayed { summary, diarist, dataset })
}

/// Writes the diary. It asks for the witness that the children are invented.
pub(crate) fn write_diary(replayed: &Replayed, path: &Path) -> Result<(), ReplayError> {
    let invented = replayed.dataset.synthetic.as_ref().ok_or(ReplayError::NotSynthetic)?;
    let at = |error: std::io::Error| ReplayError::Setup(format!("--diary {}: {error}", path.display()));
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path).map_err(at)?;
    let mut file = BufWriter::new(file);
    replayed
        .diarist
        .write(invented, replayed.dataset.zone.as_time_zone(), |line| {
            serde_json::to_writer(&mut file, line)?;
            file.write_all(b"\n")
        })
        .map_err(at)?;
    file.flush().map_err(at)
}

/// The police's own token on the time line.
const POLICE: &str = "police";

struct Both {
    diarist: Arc<Diarist>,
    watcher: Option<Arc<dyn Watcher>>,
}

impl Observer for Both {
    fn noted(&self, incident: IncidentId, events: &[Event]) {
        self.diarist.noted(incident, events);
        if let Some(watcher) = &self.watcher {
            watcher.noted(&self.diarist, incident, events);
        }
    }
}

fn check_unattended(dataset: &Dataset, unattended: &BTreeSet<String>) -> Result<(), ReplayError> {
    let known: BTreeSet<String> = dataset.schools.keys().map(ToString::to_string).collect();
    match unattended.iter().find(|school| !known.contains(*school)) {
        Some(unknown) => Err(ReplayError::UnknownSchool(unknown.clone())),
        None => Ok(()),
    }
}

async fn start_broker(cast: &Cast, folder: &Path, options: &Options) -> Result<Broker, ReplayError> {
    let mut settings = BrokerSettings::in_folder(folder.join("broker"));
    settings.accounts = cast.accounts();
    let finder = Finder::default().on_progress(|progress| tracing::info!(%progress, "looking for nats-server"));
    settings.server = match &options.nats_server {
        Some(program) => finder.given(program),
        None => finder,
    };
    Ok(Broker::start(settings).await?)
}

fn rules(dataset: &Dataset, cast: &Cast) -> Rules {
    let chain = Chain {
        police: cast.police.clone(),
        veilig_thuis: cast.veilig_thuis.clone(),
        municipalities: cast.municipalities.iter().cloned().collect(),
    };
    let table = Table { chains: vec![chain], schools: cast.schools.iter().cloned().collect() };
    Rules { policy: dataset.policy, calendar: dataset.calendar.clone(), table }
}

/// Starts each organisation's adapter, as its own process would: with its own files, its own connection, its own rows.
struct Organisations<'a> {
    cast: &'a Cast,
    url: &'a str,
    timeline: &'a Timeline,
    diarist: &'a Arc<Diarist>,
}

impl Organisations<'_> {
    async fn office(&self, organisation: &Organisation) -> Result<Office, ReplayError> {
        let (credential, key) = self.cast.secrets(organisation)?;
        let door = Door::connect(self.url, &credential, organisation.clone()).await.map_err(ReplayError::setup)?;
        let clock: Arc<dyn Clock> = Arc::new(self.timeline.clone());
        let witness: Arc<Diarist> = Arc::clone(self.diarist);
        Ok(Office::new(door, key, self.cast.directory.clone(), clock, witness))
    }

    async fn start<C: Clerk>(
        &self,
        organisation: &Organisation,
        clerk: C,
        adapters: &mut JoinSet<()>,
    ) -> Result<(), ReplayError> {
        let office = self.office(organisation).await?;
        adapters.spawn(async move {
            if let Err(error) = work(office, Arc::new(clerk)).await {
                tracing::error!(%error, "an adapter stopped");
            }
        });
        Ok(())
    }

    async fn start_veilig_thuis(
        &self,
        dataset: &mut Dataset,
        adapters: &mut JoinSet<()>,
    ) -> Result<(), ReplayError> {
        let settings = hwc_veilig_thuis::Settings {
            participating: dataset.participating.clone(),
            zone: dataset.zone.as_time_zone().clone(),
            look_up_patience: hwc_veilig_thuis::Settings::LOOK_UP_PATIENCE,
        };
        let register = std::mem::replace(&mut dataset.register, hwc_casework::home::Register::new(Vec::new()));
        let desk = hwc_veilig_thuis::Desk::new(settings, Arc::new(register));
        self.start(&self.cast.veilig_thuis, desk, adapters).await
    }

    async fn start_municipalities(
        &self,
        dataset: &mut Dataset,
        adapters: &mut JoinSet<()>,
    ) -> Result<(), ReplayError> {
        for organisation in &self.cast.municipalities {
            let code = MunicipalityCode::parse(organisation.code()).map_err(ReplayError::setup)?;
            let own = dataset.enrolments.remove(&code).unwrap_or_default();
            let settings = hwc_municipality::Settings {
                enrolments: Enrolments::new(own),
                schools: dataset.schools.iter().map(|(code, school)| (*code, *school)).collect(),
                region: dataset.region.clone(),
                zone: dataset.zone.as_time_zone().clone(),
            };
            let desk = hwc_municipality::Desk::new(Arc::new(settings), Withholds);
            self.start(organisation, desk, adapters).await?;
        }
        Ok(())
    }

    async fn start_schools(
        &self,
        dataset: &Dataset,
        unattended: &BTreeSet<String>,
        adapters: &mut JoinSet<()>,
    ) -> Result<(), ReplayError> {
        let calendar: Arc<Calendar> = Arc::new(dataset.calendar.clone());
        for school in &self.cast.schools {
            let contact = SchoolHours {
                school: school.clone(),
                calendar: Arc::clone(&calendar),
                unattended: unattended.contains(school.code()),
            };
            self.start(school, hwc_school::Desk::new(Arc::new(contact)), adapters).await?;
        }
        Ok(())
    }

    /// The police send each report at its `reported_at`.
    async fn start_police(
        &self,
        submissions: Vec<Submission>,
        folder: &Path,
    ) -> Result<tokio::task::JoinHandle<()>, ReplayError> {
        let office = self.office(&self.cast.police).await?;
        let key = reference_key(&folder.join("keys").join(self.cast.police.to_string()).join("reference"))?;
        let (timeline, veilig_thuis) = (self.timeline.clone(), self.cast.veilig_thuis.clone());
        Ok(tokio::spawn(async move {
            for submission in &submissions {
                timeline.sleep_until(POLICE, submission.report.reported_at).await;
                if let Err(error) = hwc_police::send(&office, &key, &veilig_thuis, submission).await {
                    tracing::error!(line = submission.line, %error, "a report could not be sealed");
                }
            }
            timeline.end(POLICE);
        }))
    }
}

/// The police's own secret, new with every run.
fn reference_key(path: &Path) -> Result<ReferenceKey, ReplayError> {
    let mut bytes = Zeroizing::new([0_u8; 32]);
    getrandom::fill(&mut *bytes).map_err(ReplayError::setup)?;
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(ReplayError::setup)?;
    file.write_all(&*bytes).map_err(ReplayError::setup)?;
    Ok(ReferenceKey::new(bytes))
}

async fn wait_for_the_end(timeline: &Timeline, log: &Path) -> Result<(), ReplayError> {
    let mut look = tokio::time::interval(Duration::from_secs(1));
    let end = timeline.at_the_end();
    tokio::pin!(end);
    loop {
        tokio::select! {
            () = &mut end => return Ok(()),
            _ = look.tick() => {
                let (still, held) = timeline.standing_still();
                if still > STUCK_AFTER {
                    let log = log.display().to_string();
                    return Err(ReplayError::Stuck { seconds: still.as_secs(), held, log });
                }
            }
        }
    }
}

/// What is left at the end, asked of the broker itself.
async fn left(
    journal: &hwc_jetstream::JetStreamJournal,
    store: &SealedStore,
    tasks: &hwc_jetstream::Tasks,
) -> Result<Left, ReplayError> {
    // The last acknowledgements may still be on their way to the broker.
    let mut waiting = u64::MAX;
    for _ in 0..50 {
        waiting = tasks.waiting().await.map_err(EngineError::from)?;
        if waiting == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(Left {
        incidents: journal.in_flight().await.map_err(EngineError::from)?.len(),
        payloads: store.holdings().await.map_err(EngineError::from)?.len(),
        tasks: waiting,
    })
}
