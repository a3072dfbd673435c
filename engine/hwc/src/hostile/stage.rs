//! A real engine on a real broker, a clock that stands where a test puts it, and organisations that say whatever they like.

use std::{
    collections::BTreeMap, fs::DirBuilder, os::unix::fs::DirBuilderExt as _, path::PathBuf, sync::Arc,
    time::Duration,
};

use hwc_adapter_kit::{Clock, Keyring, Station};
use hwc_broker::Broker;
use hwc_jetstream::{
    Breaches, Credential, Door, DoorError, JetStreamJournal, Lease, Link, SealedStore, Settings, Tasks,
    permissions,
};
use hwc_journal::{History, Journal as _};
use hwc_relay::Rules;
use hwc_schemas::{
    IncidentId, Organisation, SignalId, SignalNumber,
    ask::{Ask, Held, Told},
    letter::{Hop, Letter, Referral, Sealable},
    outcome::{Recalled, Withheld},
    person::{Child, DateOfBirth},
    report::{Address, Kind, Mention, Occurred, Presence, Relation, Report},
    wire::{
        Answer, Binding, Command, Expansion, Fetch, Fetched, Finding, Interval, Refusal, Screening, Sealed,
    },
};
use hwc_vault::{Directory, OpenError, OsChance, SealingKey, open_as, seal_as};
use hwc_workflow::{
    Chain, Event, Fact, Table,
    calendar::{Calendar, Feed, HolidayRegion, Zone},
    policy::Policy,
};
use jiff::{
    SignedDuration, Timestamp,
    civil::{Date, DateTime},
};
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{Instant, sleep},
};

use super::raw::write_in_the_journal;
use crate::{
    engine::{self, Ended, Engine, Ground, Observer},
    stock::Stock,
    telling::Telling,
};
use hwc_telemetry::Spans;

pub(super) const POLICE: &str = "police-20";
pub(super) const VEILIG_THUIS: &str = "veilig-thuis-20";
pub(super) const MUNICIPALITY: &str = "municipality-0855";
pub(super) const SCHOOL: &str = "school-01AA00";
pub(super) const OTHER_SCHOOL: &str = "school-02BB00";
pub(super) const EVERYBODY: [&str; 5] = [POLICE, VEILIG_THUIS, MUNICIPALITY, SCHOOL, OTHER_SCHOOL];

/// Two school years without a holiday but the national ones.
const FEED: &[u8] =
    br#"{"content":[{"schoolyear":"2025-2026","vacations":[]},{"schoolyear":"2026-2027","vacations":[]}]}"#;

/// A Thursday with school, on which everything is delivered at once.
const MORNING: &str = "2026-11-19T09:00";
pub(super) const DAY: Date = Date::constant(2026, 11, 19);

/// As long as anything may take before a test gives up on it.
const PATIENCE: Duration = Duration::from_mins(1);

/// A clock that stands where it is put.
struct Standing(watch::Sender<Timestamp>);

impl Clock for Standing {
    fn now(&self) -> Timestamp {
        *self.0.borrow()
    }

    fn is_replayed(&self) -> bool {
        false
    }

    fn begin(&self, _: &str) {}

    fn end(&self, _: &str) {}

    fn sleep_until<'a>(
        &'a self,
        _: &'a str,
        until: Timestamp,
    ) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        Box::pin(async move {
            let _ = self.0.subscribe().wait_for(|now| *now >= until).await;
        })
    }
}

struct Nobody;

impl Observer for Nobody {
    fn noted(&self, _: IncidentId, _: &[Event]) {}

    fn found(&self, _: IncidentId, _: &[Event]) {}
}

/// The stage.
pub(super) struct Stage {
    broker: Broker,
    clock: Arc<Standing>,
    members: BTreeMap<&'static str, (Credential, Arc<SealingKey>)>,
    link: Link,
    running: Running,
    pub(super) breaches: Breaches,
    pub(super) tasks: Tasks,
    pub(super) journal: JetStreamJournal,
    pub(super) store: SealedStore,
    stock: Stock,
    folder: tempfile::TempDir,
}

fn rules() -> Rules {
    let zone = Zone::amsterdam().unwrap();
    let feed = Feed::parse(FEED, &zone).unwrap();
    let organisation = |name: &str| name.parse::<Organisation>().unwrap();
    let chain = Chain {
        police: organisation(POLICE),
        veilig_thuis: organisation(VEILIG_THUIS),
        municipalities: [organisation(MUNICIPALITY)].into(),
    };
    Rules {
        policy: Policy::default(),
        calendar: Calendar::new(zone, HolidayRegion::Zuid, &feed),
        table: Table { chains: vec![chain], schools: [SCHOOL, OTHER_SCHOOL].map(organisation).into() },
    }
}

/// An engine that runs.
struct Running {
    stop: watch::Sender<bool>,
    engine: JoinHandle<Ended>,
    _rules: watch::Sender<Arc<Rules>>,
}

async fn begin(mut lease: Lease, ground: Ground<JetStreamJournal>, clock: &Arc<Standing>) -> Running {
    let telling = Telling::to(Spans::nowhere());
    let engine = Engine::start(ground, rules(), Arc::clone(clock) as _, Arc::new(Nobody), telling);
    let engine = engine.await.unwrap();
    let (tell_rules, heard) = watch::channel(Arc::new(rules()));
    let (stop, stopped) = watch::channel(false);
    let engine = tokio::spawn(async move { engine.run(&mut lease, heard, stopped).await });
    Running { stop, engine, _rules: tell_rules }
}

impl Stage {
    pub(super) async fn set() -> Self {
        Self::set_upon(&[]).await
    }

    /// With these records in its journal before the engine starts: an incident, and what stands there as its event.
    pub(super) async fn set_upon(records: &[(IncidentId, &'static str)]) -> Self {
        Self::set_with(records, Settings::development()).await
    }

    /// With a broker that keeps a tombstone for so long.
    pub(super) async fn forgetting_after(tombstones_for: Duration) -> Self {
        Self::set_with(&[], Settings { tombstones_for, ..Settings::development() }).await
    }

    async fn set_with(records: &[(IncidentId, &'static str)], streams: Settings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let credential = Credential::generate();
        let members: BTreeMap<_, _> = EVERYBODY
            .into_iter()
            .map(|name| {
                let Ok(key) = SealingKey::generate(&mut OsChance) else { panic!("no chance") };
                (name, (Credential::generate(), Arc::new(key)))
            })
            .collect();
        let public: Vec<_> =
            members.iter().map(|(name, (key, _))| (name.parse().unwrap(), key.public())).collect();
        let mut at = hwc_broker::Settings::in_folder(folder.path().join("broker"));
        at.accounts = permissions::accounts(&credential.public(), &public);
        let broker = Broker::start(at).await.unwrap();
        let link = Link::connect(broker.client_url(), Some(&credential)).await.unwrap();
        let now: DateTime = MORNING.parse().unwrap();
        let (tell, _) = watch::channel(Zone::amsterdam().unwrap().instant(now.date(), now.time()));
        let clock = Arc::new(Standing(tell));
        let settings = Settings { lease_for: Duration::from_mins(10), ..streams };
        let lease = Lease::stand_by(&link, &settings, "hostile").await.unwrap();
        let ground = engine::ground(&lease, &settings).await.unwrap();
        let (tasks, store, stock) = (ground.tasks.clone(), ground.store.clone(), ground.stock.clone());
        let breaches = ground.breaches.clone();
        for (name, _) in &public {
            tasks.admit(name).await.unwrap();
        }
        if !records.is_empty() {
            credential.write(&folder.path().join("engine.nk")).unwrap();
            let seed = std::fs::read_to_string(folder.path().join("engine.nk")).unwrap();
            write_in_the_journal(broker.client_url(), seed.trim(), records).await;
        }
        let running = begin(lease, ground, &clock).await;
        let journal = JetStreamJournal::read_only(&link);
        Self { broker, clock, members, link, running, breaches, tasks, journal, store, stock, folder }
    }

    /// The engine is killed, and its next life begins.
    pub(super) async fn kill_the_engine(&mut self) {
        self.running.engine.abort();
        let _ = (&mut self.running.engine).await;
        let settings = Settings { lease_for: Duration::from_mins(10), ..Settings::development() };
        let lease = Lease::stand_by(&self.link, &settings, "hostile").await.unwrap();
        let ground = engine::ground(&lease, &settings).await.unwrap();
        (self.store, self.stock, self.breaches) =
            (ground.store.clone(), ground.stock.clone(), ground.breaches.clone());
        self.running = begin(lease, ground, &self.clock).await;
    }

    /// As an engine does that then dies.
    pub(super) async fn take_a_key(&self, organisation: &Organisation, key: hwc_schemas::KeyId) {
        self.stock.take_unseen(organisation, key).await;
    }

    /// What the broker writes.
    pub(super) fn broker_folder(&self) -> PathBuf {
        self.folder.path().join("broker")
    }

    /// A folder for an organisation's own, that nobody else may read.
    pub(super) fn private_folder(&self, name: &str) -> PathBuf {
        let folder = self.folder.path().join(name);
        DirBuilder::new().mode(0o700).create(&folder).unwrap();
        folder
    }

    pub(super) fn key_of(&self, name: &str) -> Arc<SealingKey> {
        Arc::clone(&self.members[name].1)
    }

    /// An organisation as it works in production, with the keys that it left with the engine.
    pub(super) async fn station(&self, name: &'static str, ring: Option<Keyring>) -> Station {
        let mut directory = Directory::with_serial(1);
        for (name, (_, key)) in &self.members {
            directory.insert(name.parse().unwrap(), key.public_key());
        }
        let (door, keys) = (self.member(name).await.door, (self.key_of(name), ring));
        Station::with_ring(
            door,
            keys,
            directory,
            Arc::clone(&self.clock) as _,
            Arc::new(hwc_adapter_kit::Nobody),
        )
    }

    /// Moves the clock on.
    pub(super) fn later(&self, hours: i64) {
        self.clock.0.send_modify(|now| {
            *now = now.checked_add(SignedDuration::from_hours(hours)).unwrap();
        });
    }

    pub(super) async fn member(&self, name: &'static str) -> Member {
        let (credential, key) = &self.members[name];
        let door = Door::connect(self.broker.client_url(), credential, name.parse().unwrap()).await.unwrap();
        let public = self.members.iter().map(|(name, (_, key))| (*name, key.public_key())).collect();
        Member { door: door.with_answer_within(PATIENCE), key: Arc::clone(key), public }
    }

    /// With its own key, but saying that it is somebody else.
    pub(super) async fn liar(&self, really: &str, says: &str) -> Result<Door, DoorError> {
        let (credential, _) = &self.members[really];
        Door::connect(self.broker.client_url(), credential, says.parse().unwrap()).await
    }

    /// What is in flight of an incident.
    pub(super) async fn history(&self, incident: IncidentId) -> History {
        self.journal.read(incident).await.unwrap()
    }

    /// How often something was decided about an incident; that its ciphertexts were erased meanwhile is no decision.
    pub(super) async fn decisions(&self, incident: IncidentId) -> usize {
        let History::Live { commits, .. } = self.history(incident).await else { return 0 };
        let facts = commits.iter().flat_map(|commit| &commit.events).map(|event| &event.fact);
        facts.filter(|fact| !matches!(fact, Fact::Erased { .. })).count()
    }

    /// Whether nothing is left but tombstones.
    pub(super) async fn is_over(&self) -> bool {
        self.journal.in_flight().await.unwrap().is_empty() && self.store.holdings().await.unwrap().is_empty()
    }

    /// Waits until nothing is left; then the engine stops, and nothing was refused it on the way.
    pub(super) async fn ends_clean(self) {
        let since = Instant::now();
        while !self.is_over().await {
            let left = (self.journal.in_flight().await.unwrap(), self.store.holdings().await.unwrap());
            assert!(since.elapsed() < PATIENCE, "something is left: {left:?}");
            sleep(Duration::from_millis(20)).await;
        }
        let denied = self.link.health().borrow().denied;
        assert_eq!(denied, 0, "the broker refused the engine something");
        self.running.stop.send_replace(true);
        assert_eq!(self.running.engine.await.unwrap(), Ended::Stopped);
    }
}

/// An organisation, with its own door and its own key.
pub(super) struct Member {
    pub(super) door: Door,
    key: Arc<SealingKey>,
    public: BTreeMap<&'static str, hwc_vault::PublicKey>,
}

pub(super) fn incident(number: u64) -> IncidentId {
    format!("{number:032x}").parse().unwrap()
}

pub(super) fn signal(incident: IncidentId, place: usize) -> SignalId {
    SignalId { incident, number: SignalNumber::at(place).unwrap() }
}

/// An invented child.
pub(super) fn child(given_name: &str) -> Child {
    let Ok(born) = DateOfBirth::parse("2016-02-03") else { panic!("no date") };
    let Ok(child) = Child::new(given_name, None, "Kanarie", born) else { panic!("no child") };
    child
}

fn report() -> Report {
    let Ok(address) = Address::new("5038AA", 12, "", "", None) else { panic!("no address") };
    Report {
        reported_at: "2026-11-19T05:45:00Z".parse().unwrap(),
        occurred: Occurred::On("2026-11-18".parse().unwrap()),
        kind: Kind::ChildAbuse,
        address,
        mentions: ["Noor", "Daan"]
            .map(|name| Mention {
                child: child(name),
                presence: Presence::Present,
                relation: Relation::Resident,
            })
            .into(),
    }
}

impl Member {
    /// Seals to somebody, bound as it should be.
    pub(super) fn seal<T: Sealable>(
        &self,
        content: &T,
        (incident, number): (IncidentId, Option<SignalNumber>),
        to: &str,
    ) -> Sealed {
        let binding = Binding {
            incident,
            number,
            hop: T::HOP,
            sender: self.door.organisation().clone(),
            receiver: to.parse().unwrap(),
        };
        seal_as(&self.key, &self.public[to], &binding, content, &mut OsChance).unwrap()
    }

    /// The letter about a child, sealed to a school.
    pub(super) fn letter(&self, name: &str, signal: SignalId, to: &str) -> Sealed {
        self.seal(&Letter { child: child(name) }, (signal.incident, Some(signal.number)), to)
    }

    /// Fetches what is due, and opens it as whatever it should be.
    pub(super) async fn open<T: Sealable>(&self, fetch: Fetch) -> Result<T, Unopened> {
        let (from, sealed) = match self.door.fetch(&fetch).await.unwrap() {
            Fetched::Payload { from, sealed } => (from, sealed),
            Fetched::Refused { refusal } => return Err(Unopened::NotDue(refusal)),
            Fetched::TryLater => panic!("the engine is busy"),
        };
        let number = match fetch {
            Fetch::Report { .. } => None,
            Fetch::Referral { signal, .. } | Fetch::Letter { signal, .. } => Some(signal.number),
        };
        let sender = &self.public[from.to_string().as_str()];
        let receiver = self.door.organisation().clone();
        let binding = Binding { incident: fetch.incident(), number, hop: T::HOP, sender: from, receiver };
        open_as(&self.key, sender, &binding, &sealed).map_err(Unopened::Seal)
    }

    /// What is held that is sealed to it.
    pub(super) async fn holdings(&self) -> Vec<Held> {
        match self.door.ask(&Ask::Holdings { after: None }).await.unwrap() {
            Told::Holdings { held, more: false } => held,
            told => panic!("{told:?}"),
        }
    }

    /// The same of signals: which child, on which leg, and whether it may be fetched.
    pub(super) async fn told(&self) -> Vec<(SignalNumber, Hop, bool)> {
        let held = self.holdings().await;
        let mut told: Vec<_> =
            held.into_iter().filter_map(|held| Some((held.number?, held.hop, held.due))).collect();
        told.sort_unstable();
        told
    }

    /// Says it, and hears what comes of it.
    pub(super) async fn says(&self, command: &Command<Sealed>) -> Answer {
        self.door.submit(command).await.unwrap()
    }
}

/// Why a payload was not had.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unopened {
    NotDue(Refusal),
    Seal(OpenError),
}

/// Everybody, at one incident with two children.
pub(super) struct Cast {
    pub(super) police: Member,
    pub(super) veilig_thuis: Member,
    pub(super) municipality: Member,
    pub(super) school: Member,
    pub(super) other_school: Member,
}

impl Cast {
    pub(super) async fn enter(stage: &Stage) -> Self {
        Self {
            police: stage.member(POLICE).await,
            veilig_thuis: stage.member(VEILIG_THUIS).await,
            municipality: stage.member(MUNICIPALITY).await,
            school: stage.member(SCHOOL).await,
            other_school: stage.member(OTHER_SCHOOL).await,
        }
    }

    pub(super) fn record(&self, incident: IncidentId) -> Command<Sealed> {
        let report = self.police.seal(&report(), (incident, None), VEILIG_THUIS);
        Command::Record { incident, day: DAY, report }
    }

    pub(super) fn expand(&self, incident: IncidentId) -> Command<Sealed> {
        let refer = |(place, name): (usize, &&str)| {
            let referral = Referral { child: child(name), sister: false };
            let bound = (incident, SignalNumber::at(place));
            Finding::Refer {
                municipality: MUNICIPALITY.parse().unwrap(),
                referral: self.veilig_thuis.seal(&referral, bound, MUNICIPALITY),
            }
        };
        let findings = ["Noor", "Daan"].iter().enumerate().map(refer).collect();
        let interval = Interval { seconds: 3600, date_only: false };
        Command::Expand { incident, expansion: Expansion { first: 0, findings, complete: true, interval } }
    }

    /// Up to two children who are referred to their municipality.
    pub(super) async fn refer(&self, incident: IncidentId) {
        assert_eq!(self.police.says(&self.record(incident)).await, Answer::Recorded);
        assert_eq!(self.veilig_thuis.says(&qualifies(incident)).await, Answer::Recorded);
        assert_eq!(self.veilig_thuis.says(&self.expand(incident)).await, Answer::Recorded);
    }

    /// From the municipality to an end that everybody wants: the school opens it and confirms.
    pub(super) async fn deliver_and_acknowledge(&self, name: &str, signal: SignalId, round: u16) {
        let letter = self.municipality.letter(name, signal, SCHOOL);
        assert_eq!(self.municipality.says(&route(signal, round, SCHOOL, letter)).await, Answer::Recorded);
        let opened: Letter = self.school.open(Fetch::Letter { signal, round }).await.unwrap();
        assert!(opened.child == child(name), "another child's letter");
        assert_eq!(self.school.says(&Command::Acknowledge { signal, round }).await, Answer::Recorded);
    }
}

pub(super) const fn qualifies(incident: IncidentId) -> Command<Sealed> {
    Command::Screen { incident, screening: Screening::Qualifies }
}

pub(super) fn route(signal: SignalId, round: u16, school: &str, letter: Sealed) -> Command<Sealed> {
    Command::Route { signal, round, school: school.parse().unwrap(), letter }
}

pub(super) const fn recall(signal: SignalId) -> Command<Sealed> {
    Command::Recall { signal, reason: Recalled::WrongSchool }
}

pub(super) const fn withhold(signal: SignalId, round: u16) -> Command<Sealed> {
    Command::Withhold { signal, round, reason: Withheld::EnrolmentUnknown }
}
