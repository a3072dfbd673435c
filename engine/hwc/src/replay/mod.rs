//! Replaying a dataset: the real engine, the real broker and the real adapters of all organisations, with the dataset's
//! own time line as the clock.

mod cast;
pub(crate) mod diary;
mod ground;
mod left;
mod lives;
mod parties;
mod people;
pub(crate) mod summary;
#[cfg(test)]
mod tests;
mod traces;

use std::{
    collections::BTreeSet,
    fs::OpenOptions,
    io::{BufWriter, IsTerminal as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use hwc_adapter_kit::{ANSWERS_WITHIN, Clerk, Clock, Kept, Station, work};
use hwc_broker::{Broker, Cluster, Finder, Progress, Settings as BrokerSettings};
use hwc_casework::{home::Register, routing::Enrolments};
use hwc_jetstream::{Link, Settings};
use hwc_police::Submission;
use hwc_relay::Rules;
use hwc_schemas::{IncidentId, Organisation, report::MunicipalityCode, wire::Answer};
use hwc_school::Contact;
use hwc_veilig_thuis::Households;
use hwc_workflow::{Chain, Event, Table};
use jiff::Timestamp;
use tokio::{sync::watch, task::JoinSet};

pub(crate) use self::ground::Ground;
use self::{
    cast::Cast,
    diary::{Count, Diarist},
    lives::{Lives, Undying, live},
    parties::{Premises, Seat},
    people::{SchoolHours, Withholds},
    summary::Summary,
    traces::Traces,
};
use crate::{
    dataset::{Dataset, DatasetError},
    engine::{Ended, EngineError, Observer, Sweep},
    exit::{self, Code},
    timeline::{ENGINE, Speed, Timeline},
};

/// What to replay, and what to keep of it.
pub(crate) struct Options {
    /// Nobody there ever opens anything.
    pub(crate) unattended_schools: BTreeSet<String>,
    /// A nats-server to use instead of finding or fetching one.
    pub(crate) nats_server: Option<PathBuf>,
    /// How many servers hold everything together: one, or a cluster.
    pub(crate) brokers: u16,
    /// Watches besides the diary.
    pub(crate) watcher: Option<Arc<dyn Watcher>>,
    /// Where spans go; none for nowhere.
    pub(crate) collector: Option<String>,
    /// How the streams are made, but for the ceiling and the lease.
    pub(crate) streams: Settings,
    /// How fast the dataset's time passes.
    pub(crate) speed: Speed,
    /// Who dies when.
    lives: Arc<dyn Lives>,
    /// How the engine sweeps.
    sweep: Sweep,
    /// How long an adapter waits for an answer before it asks again.
    answers_within: Duration,
}

impl Options {
    /// Nothing out of the ordinary.
    pub(crate) fn new(nats_server: Option<PathBuf>) -> Self {
        Self {
            unattended_schools: BTreeSet::new(),
            nats_server,
            brokers: 1,
            watcher: None,
            collector: None,
            streams: Settings::development(),
            speed: Speed::Max,
            lives: Arc::new(Undying),
            sweep: Sweep::default(),
            answers_within: ANSWERS_WITHIN,
        }
    }
}

/// Watches a replay as it happens.
pub(crate) trait Watcher: Send + Sync + 'static {
    /// Events became durable; the diary knows them already.
    fn noted(&self, diarist: &Diarist, incident: IncidentId, events: &[Event]);

    /// An engine started, and found these in the journal; most were noted before.
    fn found(&self, _: &Diarist, _: IncidentId, _: &[Event]) {}
}

/// Why a replay did not come to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReplayError {
    /// The dataset cannot be used.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// A diary names children.
    #[error(
        "a diary names children, so it is written of invented ones only: region.toml must say synthetic = true"
    )]
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
    /// Where traces go.
    #[error("--otlp: {0}")]
    Collector(#[from] hwc_telemetry::CollectorError),
    /// Something on this machine.
    #[error("{0}")]
    Setup(String),
    /// Nothing moves any more.
    #[error(
        "nothing has moved for {seconds} s while {held} pieces of work were held; the log says why: {log}"
    )]
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
            Self::Dataset(_) | Self::NotEmpty(_) | Self::UnknownSchool(_) | Self::Collector(_) => {
                Code::Settings
            }
            Self::NotSynthetic => Code::Refused,
            Self::Broker(_) | Self::Engine(_) => Code::Unreachable,
            Self::Setup(_) | Self::Stuck { .. } => Code::Failed,
        }
    }
}

/// A replay that gives no sign of life for so long is given up.
const STUCK_AFTER: Duration = Duration::from_mins(2);

/// How long the engine may take to finish what is under way at the end.
const STOP_WITHIN: Duration = Duration::from_secs(20);

/// What a replay leaves behind in memory.
pub(crate) struct Replayed {
    pub(crate) summary: Summary,
    pub(crate) diarist: Arc<Diarist>,
    pub(crate) dataset: Dataset,
}

/// Replays a dataset to its end.
pub(crate) async fn run(
    dataset: Dataset,
    ground: &Ground,
    options: &Options,
) -> Result<Replayed, ReplayError> {
    check_unattended(&dataset, &options.unattended_schools)?;
    let (mut stage, script) = Box::pin(Stage::set(dataset, ground, options)).await?;
    // Each organisation's adapter as its own process would: with its own secrets, its own connection and its own rows.
    let register = Kept::fixed(stage.take_register());
    stage.veilig_thuis_enters(register)?;
    stage.municipalities_enter()?;
    stage.schools_enter(Some)?;
    stage.police_enter(script)?;
    stage.play().await
}

/// A broker, an engine and a clock, set up for a dataset.
struct Stage {
    dataset: Dataset,
    cast: Cast,
    log: PathBuf,
    unattended: BTreeSet<String>,
    brokers: Cluster,
    timeline: Timeline,
    diarist: Arc<Diarist>,
    engine: tokio::task::JoinHandle<Result<Ended, EngineError>>,
    lives: Arc<dyn Lives>,
    stop: watch::Sender<bool>,
    adapters: JoinSet<()>,
    /// A connection that only looks.
    link: Link,
    streams: Settings,
    answers_within: Duration,
    traces: Traces,
    reports: usize,
    /// Reports that were not recorded. There must be none.
    unsent: Arc<AtomicUsize>,
    progress: bool,
    start: Timestamp,
    began: Instant,
}

/// What the police will send, and when.
struct Script {
    submissions: Vec<Submission>,
}

impl Stage {
    /// Starts the broker and the engine; nobody has entered yet.
    async fn set(
        mut dataset: Dataset,
        ground: &Ground,
        options: &Options,
    ) -> Result<(Self, Script), ReplayError> {
        let began = Instant::now();
        let kept = matches!(ground, Ground::Kept(_));
        let cast = Cast::assemble(&dataset, ground.folder(), kept)?;
        let brokers = Box::pin(start_brokers(&cast, ground.folder(), options)).await?;

        let submissions = std::mem::take(&mut dataset.submissions);
        let start = submissions.first().map_or(Timestamp::UNIX_EPOCH, |first| first.report.reported_at);
        let timeline = Timeline::starting_at(start, options.speed);
        timeline.begin(POLICE);
        let diarist = Arc::new(Diarist::new(dataset.synthetic));

        timeline.begin(ENGINE);
        let ceiling = Duration::from_hours(24 * u64::from(dataset.policy.payload_ceiling_days()));
        // Nobody stands by here, so that a stopped broker or a busy machine costs no leader.
        let replicas = u8::try_from(brokers.len()).unwrap_or(u8::MAX);
        let streams = Settings { replicas, payloads_for: ceiling, lease_for: STUCK_AFTER, ..options.streams };
        let (stop, stopped) = watch::channel(false);
        let traces = Traces::to(options.collector.as_deref())?;
        let seat = Seat {
            credential: cast.engine.clone(),
            streams,
            everybody: cast.everybody(),
            rules: Arc::new(rules(&dataset, &cast)),
            timeline: timeline.clone(),
            observer: Arc::new(Both { diarist: Arc::clone(&diarist), watcher: options.watcher.clone() }),
            telling: traces.engine.clone(),
            sweep: options.sweep,
            stop: stopped,
        };
        let lives = Arc::clone(&options.lives);
        let url = brokers.client_url();
        let link = Link::connect(&url, Some(&cast.engine)).await.map_err(EngineError::from)?;
        let engine = Box::pin(live(Arc::clone(&lives), ENGINE, url, move |url| seat.clone().work(url)));
        let stage = Self {
            dataset,
            cast,
            log: ground.log(),
            unattended: options.unattended_schools.clone(),
            brokers,
            timeline,
            diarist,
            engine: tokio::spawn(engine),
            lives,
            stop,
            adapters: JoinSet::new(),
            link,
            streams,
            answers_within: options.answers_within,
            traces,
            reports: submissions.len(),
            unsent: Arc::default(),
            progress: options.watcher.is_none(),
            start,
            began,
        };
        Ok((stage, Script { submissions }))
    }

    /// The schools enter. A test may put another contact in a contact's place, or leave a school to itself.
    fn schools_enter<C: Contact>(
        &mut self,
        contact: impl Fn(SchoolHours) -> Option<C>,
    ) -> Result<(), ReplayError> {
        let calendar = Arc::new(self.dataset.calendar.clone());
        for school in self.cast.schools.clone() {
            let unattended = self.unattended.contains(school.code());
            let hours = SchoolHours { school: school.clone(), calendar: Arc::clone(&calendar), unattended };
            if let Some(contact) = contact(hours) {
                self.start(&school, hwc_school::Desk::new(Arc::new(contact)))?;
            }
        }
        Ok(())
    }

    /// Lets time run until nobody has anything left to do, then looks what is left.
    async fn play(mut self) -> Result<Replayed, ReplayError> {
        let ended = self.wait_for_the_end().await;
        if self.progress && std::io::stderr().is_terminal() {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
        let left = self.left().await?;
        self.adapters.shutdown().await;
        // The engine may be gone already, if it panicked; what is left then says so.
        let _ = self.stop.send(true);
        if !self.engine.is_finished() {
            let _ = tokio::time::timeout(STOP_WITHIN, self.engine).await;
        }
        self.traces.close().await;
        self.brokers.stop().await?;
        ended?;

        let (dataset, diarist) = (self.dataset, self.diarist);
        let early = |moment: &Timestamp| dataset.zone.local(*moment).time() < dataset.policy.school_start();
        let summary = Summary {
            dataset: dataset.name.clone(),
            refused_lines: dataset.refused.len(),
            unsent: self.unsent.load(Ordering::Relaxed),
            delivered_before_school_start: diarist.deliveries().iter().filter(|moment| early(moment)).count(),
            days_replayed: self.timeline.now().duration_since(self.start).as_hours() / 24,
            count: diarist.count(),
            left,
            took: self.began.elapsed(),
        };
        Ok(Replayed { summary, diarist, dataset })
    }

    /// Everything that an organisation needs to open its office, in this life and the next.
    fn premises(&self, organisation: &Organisation) -> Result<Premises, ReplayError> {
        let secrets = self.cast.secrets(organisation)?;
        Ok(Premises {
            organisation: organisation.clone(),
            secrets,
            directory: self.cast.directory.clone(),
            clock: Arc::new(self.timeline.clone()),
            witness: Arc::clone(&self.diarist),
            answers_within: self.answers_within,
            telemetry: self.traces.of(organisation.role()),
        })
    }

    /// An organisation lives until the replay ends, or until its work does.
    fn lives<F: Future<Output = ()> + Send + 'static>(
        &mut self,
        premises: Premises,
        life: impl FnMut(Station) -> F + Clone + Send + 'static,
    ) {
        let (lives, url) = (Arc::clone(&self.lives), self.brokers.client_url());
        let party = premises.organisation.clone();
        self.adapters.spawn(live(lives, party, url, move |url| {
            let (premises, mut life) = (premises.clone(), life.clone());
            async move { life(premises.open(&url).await).await }
        }));
    }

    fn start<C: Clerk>(&mut self, organisation: &Organisation, clerk: C) -> Result<(), ReplayError> {
        let (premises, clerk) = (self.premises(organisation)?, Arc::new(clerk));
        self.lives(premises, move |station| {
            let clerk = Arc::clone(&clerk);
            async move {
                if let Err(error) = work(&station, clerk).await {
                    tracing::error!(%error, "an adapter stopped");
                }
            }
        });
        Ok(())
    }

    fn take_register(&mut self) -> Register {
        std::mem::replace(&mut self.dataset.register, Register::new(Vec::new()))
    }

    fn veilig_thuis_enters(&mut self, lookup: impl Households) -> Result<(), ReplayError> {
        let settings = hwc_veilig_thuis::Settings {
            participating: self.dataset.participating.clone(),
            zone: self.dataset.zone.as_time_zone().clone(),
            look_up_patience: hwc_veilig_thuis::Settings::LOOK_UP_PATIENCE,
        };
        let veilig_thuis = self.cast.veilig_thuis.clone();
        self.start(&veilig_thuis, hwc_veilig_thuis::Desk::new(settings, lookup))
    }

    fn municipalities_enter(&mut self) -> Result<(), ReplayError> {
        for municipality in self.cast.municipalities.clone() {
            self.municipality_enters(&municipality)?;
        }
        Ok(())
    }

    fn municipality_enters(&mut self, organisation: &Organisation) -> Result<(), ReplayError> {
        let code = MunicipalityCode::parse(organisation.code()).map_err(ReplayError::setup)?;
        let own = self.dataset.enrolments.remove(&code).unwrap_or_default();
        let settings = hwc_municipality::Settings {
            enrolments: Enrolments::new(own),
            schools: self.dataset.schools.iter().map(|(code, school)| (*code, *school)).collect(),
            region: self.dataset.region.clone(),
            zone: self.dataset.zone.as_time_zone().clone(),
        };
        self.start(organisation, hwc_municipality::Desk::new(Kept::fixed(settings), Withholds))
    }

    /// The police send each report at its `reported_at`.
    fn police_enter(&mut self, Script { submissions }: Script) -> Result<(), ReplayError> {
        let premises = self.premises(&self.cast.police)?;
        let key = Arc::new(self.cast.reference_key()?);
        let (timeline, veilig_thuis) = (self.timeline.clone(), self.cast.veilig_thuis.clone());
        let (unsent, submissions) = (Arc::clone(&self.unsent), Arc::new(submissions));
        self.lives(premises, move |station| {
            let (key, timeline, veilig_thuis) = (Arc::clone(&key), timeline.clone(), veilig_thuis.clone());
            let (unsent, submissions) = (Arc::clone(&unsent), Arc::clone(&submissions));
            async move {
                for submission in &*submissions {
                    timeline.sleep_until(POLICE, submission.report.reported_at).await;
                    let sent = hwc_police::send(station.office(), &key, &veilig_thuis, submission).await;
                    let recorded = |sent: hwc_police::Sent| {
                        matches!(sent.answer, Answer::Recorded | Answer::AlreadyRecorded)
                    };
                    if !sent.is_ok_and(recorded) {
                        tracing::error!(line = submission.line, "a report was not recorded");
                        unsent.fetch_add(1, Ordering::Relaxed);
                    }
                }
                timeline.end(POLICE);
            }
        });
        Ok(())
    }

    /// Returns when nobody has anything left to do. A broker that dies meanwhile is started again on its store; everybody
    /// else reconnects.
    async fn wait_for_the_end(&mut self) -> Result<(), ReplayError> {
        let mut look = tokio::time::interval(Duration::from_secs(1));
        let timeline = self.timeline.clone();
        let end = timeline.at_the_end();
        tokio::pin!(end);
        loop {
            tokio::select! {
                () = &mut end => return Ok(()),
                ended = &mut self.engine => return match ended {
                    Ok(Ok(_)) => Err(ReplayError::setup("the engine stopped by itself")),
                    Ok(Err(error)) => Err(error.into()),
                    Err(error) => Err(ReplayError::setup(error)),
                },
                (at, last_words) = self.brokers.ended() => {
                    tracing::error!(last_words, "the broker died; starting it again");
                    self.restart_broker(at).await?;
                }
                _ = look.tick() => {
                    self.show_progress();
                    let (still, held) = timeline.standing_still();
                    if still > STUCK_AFTER {
                        let log = self.log.display().to_string();
                        return Err(ReplayError::Stuck { seconds: still.as_secs(), held, log });
                    }
                }
            }
        }
    }

    async fn restart_broker(&mut self, at: usize) -> Result<(), ReplayError> {
        match self.brokers.server(at) {
            Some(server) => Ok(server.restart().await?),
            None => Ok(()),
        }
    }

    /// One line on a terminal that is rewritten; nothing elsewhere.
    fn show_progress(&self) {
        if self.progress && std::io::stderr().is_terminal() {
            let Count { incidents, open, .. } = self.diarist.count();
            let now = self.dataset.zone.local(self.timeline.now()).strftime("%Y-%m-%d %H:%M");
            // Nobody may be watching.
            let _ = write!(
                std::io::stderr(),
                "\r\x1b[K{now}  {incidents}/{} reports, {open} signals open",
                self.reports
            );
        }
    }
}

/// Writes the diary. It asks for the witness that the children are invented.
pub(crate) fn write_diary(replayed: &Replayed, path: &Path) -> Result<(), ReplayError> {
    let invented = replayed.dataset.synthetic.ok_or(ReplayError::NotSynthetic)?;
    let at = |error: std::io::Error| ReplayError::Setup(format!("--diary {}: {error}", path.display()));
    let file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path).map_err(at)?;
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

    fn found(&self, incident: IncidentId, events: &[Event]) {
        self.diarist.found(incident, events);
        if let Some(watcher) = &self.watcher {
            watcher.found(&self.diarist, incident, events);
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

async fn start_brokers(cast: &Cast, folder: &Path, options: &Options) -> Result<Cluster, ReplayError> {
    let mut settings = BrokerSettings::in_folder(folder.join("broker"));
    settings.accounts = cast.accounts();
    let finder = Finder::default().on_progress(|progress| {
        tracing::info!(%progress, "looking for nats-server");
        if matches!(progress, Progress::Fetching { .. } | Progress::Refused { .. }) {
            exit::say(&progress.to_string());
        }
    });
    settings.server = match &options.nats_server {
        Some(program) => finder.given(program),
        None => finder,
    };
    Ok(match options.brokers {
        0 | 1 => Cluster::lone(Broker::start(settings).await?),
        servers => Cluster::start(settings, servers).await?,
    })
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
