//! A broker with everybody on it, and something of everybody's to reach for.

use std::{collections::BTreeMap, sync::Mutex, time::Duration};

use hwc_broker::Broker;
use hwc_jetstream::{
    Breaches, Credential, JetStreamJournal, Lease, Link, SealedStore, Settings, Tasks, permissions,
};
use hwc_relay::Rules;
use hwc_schemas::{
    IncidentId, Organisation, PayloadId, SignalId, SignalNumber,
    wire::{Answer, Command, Expansion, Fetch, Finding, Interval, Notice, Screening, Sealed, Task},
};
use hwc_workflow::{
    Chain, Table,
    calendar::{Calendar, Feed, HolidayRegion, Zone},
    policy::Policy,
};
use jiff::{Timestamp, civil};
use nkeys::KeyPair;
use serde_json::json;
use tempfile::TempDir;
use uuid::Uuid;

use crate::{
    engine::{self, Engine},
    line::{Heard, Line, Login, Saying},
    state::State,
};

/// Who tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Seat {
    Police,
    VeiligThuis,
    MunicipalityA,
    MunicipalityB,
    SchoolA,
    SchoolB,
    /// Another region's Veilig Thuis, with a key that the broker knows.
    Stranger,
    /// Whoever has no key.
    Nobody,
}

use Seat::{MunicipalityA, MunicipalityB, Nobody, Police, SchoolA, SchoolB, Stranger, VeiligThuis};

impl Seat {
    /// Everybody who has a key.
    pub(crate) const KNOWN: [Self; 7] =
        [Police, VeiligThuis, MunicipalityA, MunicipalityB, SchoolA, SchoolB, Stranger];

    /// What the matrix calls it.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Police => "police",
            VeiligThuis => "Veilig Thuis",
            MunicipalityA => "municipality A",
            MunicipalityB => "municipality B",
            SchoolA => "school A",
            SchoolB => "school B",
            Stranger => "stranger",
            Nobody => "nobody",
        }
    }

    /// Its name on the broker.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Police => "police-20",
            VeiligThuis => "veilig-thuis-20",
            MunicipalityA => "municipality-0855",
            MunicipalityB => "municipality-0758",
            SchoolA => "school-01AA00",
            SchoolB => "school-02BB00",
            Stranger => "veilig-thuis-99",
            Nobody => "nobody-0",
        }
    }

    pub(crate) fn organisation(self) -> Organisation {
        self.name().parse().unwrap()
    }

    /// Whose things it reaches for: those of somebody of its own kind, if there is one.
    pub(crate) const fn other(self) -> Self {
        match self {
            VeiligThuis | SchoolB | Nobody => SchoolA,
            MunicipalityA => MunicipalityB,
            MunicipalityB => MunicipalityA,
            Police | SchoolA => SchoolB,
            Stranger => VeiligThuis,
        }
    }
}

/// The incidents that there are.
pub(crate) struct Ids {
    /// On its way: one child's letter lies at school A, the other's at school B.
    pub(crate) known: IncidentId,
    /// Nobody knows it yet; the rows of the law take it along.
    pub(crate) fresh: IncidentId,
    /// Expanded, and not routed.
    pub(crate) waiting: IncidentId,
}

/// A child of an incident.
pub(crate) fn child(incident: IncidentId, place: usize) -> SignalId {
    SignalId { incident, number: SignalNumber::at(place).unwrap() }
}

/// One who tries, on a line of their own.
pub(crate) struct Actor {
    pub(crate) seat: Seat,
    pub(crate) line: Line,
    pub(crate) key: KeyPair,
    /// Where tasks that it holds are acknowledged.
    pub(crate) held: Vec<String>,
}

/// Whether everybody has an account with permissions, or all share one that has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wiring {
    Closed,
    Open,
}

/// Everybody on a broker.
pub(crate) struct World {
    pub(crate) port: u16,
    pub(crate) wiring: Wiring,
    /// The engine's account, to look from behind.
    pub(crate) engine: Line,
    pub(crate) actors: BTreeMap<Seat, Actor>,
    pub(crate) ids: Ids,
    names: BTreeMap<&'static str, String>,
    /// How everything was when it was last looked at, if nobody had a right to change it since.
    pub(crate) left: Mutex<Option<State>>,
}

/// A Tuesday with school: whoever is routed is delivered at once.
const MORNING: civil::DateTime = civil::date(2026, 11, 17).at(9, 0, 0, 0);
const FEED: &[u8] =
    br#"{"content":[{"schoolyear":"2025-2026","vacations":[]},{"schoolyear":"2026-2027","vacations":[]}]}"#;

/// Messages that wait for each organisation, and how many of them it holds.
const WAITING: i64 = 16;
const HELD: usize = 6;

/// The broker's configuration and everybody's keys.
pub(crate) struct Keys {
    engine: Credential,
    everybody: Vec<(Seat, Credential)>,
}

impl Keys {
    pub(crate) fn cut() -> Self {
        let everybody = Seat::KNOWN.map(|seat| (seat, Credential::generate())).into();
        Self { engine: Credential::generate(), everybody }
    }

    fn accounts(&self) -> String {
        let organisations: Vec<_> =
            self.everybody.iter().map(|(seat, key)| (seat.organisation(), key.public())).collect();
        permissions::accounts(&self.engine.public(), &organisations)
    }
}

/// A broker, in a folder that goes with it.
pub(crate) struct Ground {
    pub(crate) broker: Broker,
    _folder: TempDir,
}

impl Ground {
    /// Starts a broker with this in its configuration.
    pub(crate) async fn with(accounts: String) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = hwc_broker::Settings {
            accounts,
            // Every world's streams ask for their share; none of them fills it.
            file_store_bytes_max: 1 << 44,
            ..hwc_broker::Settings::in_folder(folder.path())
        };
        Self { broker: Broker::start(settings).await.unwrap(), _folder: folder }
    }
}

/// The key of a credential, to sign with by hand.
pub(crate) fn key_of(credential: &Credential) -> KeyPair {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    credential.write(&path).unwrap();
    KeyPair::from_seed(std::fs::read_to_string(path).unwrap().trim()).unwrap()
}

impl World {
    /// Everybody with an account and its permissions, and the law behind the doors.
    pub(crate) async fn closed() -> (Self, Ground) {
        let keys = Keys::cut();
        Self::wired(&keys, keys.accounts()).await
    }

    /// The same accounts, and inside them everybody may do everything.
    pub(crate) async fn unpermissioned() -> (Self, Ground) {
        let keys = Keys::cut();
        Self::wired(&keys, without_permissions(&keys.accounts())).await
    }

    async fn wired(keys: &Keys, accounts: String) -> (Self, Ground) {
        let ground = Ground::with(accounts).await;
        let everybody: Vec<_> = keys.everybody.iter().map(|(seat, key)| (*seat, key_of(key))).collect();
        let mut world = Self::furnished(&ground.broker, &keys.engine, everybody, Wiring::Closed).await;
        world.live().await;
        world.hold().await;
        (world, ground)
    }

    /// School A and school B in one account without permissions, and an engine that believes what it is told.
    pub(crate) async fn open(broker: &Broker, shared: &Credential) -> Self {
        let schools = [SchoolA, SchoolB].map(|seat| (seat, key_of(shared))).into();
        let mut world = Self::furnished(broker, shared, schools, Wiring::Open).await;
        let line = Line::dial(world.port, &Login::Key(&key_of(shared)), "_LOOK").await.unwrap();
        engine::credulous(line).await;
        world.hold().await;
        world
    }

    async fn furnished(
        broker: &Broker,
        engine: &Credential,
        everybody: Vec<(Seat, KeyPair)>,
        wiring: Wiring,
    ) -> Self {
        let port = broker.port();
        let link = Link::connect(broker.client_url(), Some(engine)).await.unwrap();
        // Nothing is to happen by itself while everybody tries.
        let hour = Duration::from_hours(1);
        let settings = Settings { lease_for: hour, tasks_held_for: hour, ..Settings::development() };
        let lease = Box::leak(Box::new(Lease::stand_by(&link, &settings, "engine").await.unwrap()));
        let journal = JetStreamJournal::open(lease, &settings).await.unwrap();
        let store = SealedStore::open(&link, &settings);
        let tasks = Tasks::open(&link, &settings).await.unwrap();
        let breaches = Breaches::open(&link, &settings).await.unwrap();
        let ids = Ids { known: incident(), fresh: incident(), waiting: incident() };

        let behind = Line::dial(port, &Login::Key(&key_of(engine)), "_LOOK").await.unwrap();
        behind.subscribe("_LOOK.>", "").await;
        let more = [
            (
                "IN",
                "in.>",
                json!({ "allow_msg_schedules": true, "allow_rollup_hdrs": true, "allow_msg_ttl": true, "allow_atomic": true }),
            ),
            ("COUNT", "count.>", json!({ "allow_msg_counter": true })),
        ];
        for (name, subjects, flags) in more {
            let mut config = json!({ "name": name, "subjects": [subjects], "storage": "memory" });
            config.as_object_mut().unwrap().extend(flags.as_object().unwrap().clone());
            let made = behind.api(&format!("STREAM.CREATE.{name}"), config).await;
            assert!(made["error"].is_null(), "{made}");
        }
        let mut actors = BTreeMap::new();
        for (seat, key) in everybody {
            tasks.admit(&seat.organisation()).await.unwrap();
            for nth in 0..WAITING {
                tasks.offer(&seat.organisation(), &notice(ids.known, seat, nth)).await.unwrap();
            }
            let secret = format!("the secret of {}", seat.name());
            behind.ask(&format!("in.{}.secret", seat.name()), &secret).await.unwrap();
            behind.ask(&format!("in.{}.secret", seat.name()), &secret).await.unwrap();
            let own = format!("_INBOX_{}", seat.name());
            let own_line = Line::dial(port, &Login::Key(&key), &own).await.unwrap();
            own_line.subscribe(&format!("{own}.>"), "").await;
            own_line.settle().await;
            actors.insert(seat, Actor { seat, line: own_line, key, held: Vec::new() });
        }
        let known = Sealed::new(b"the payload of somebody else".to_vec());
        let stored =
            store.store(vec![(PayloadId::from_uuid(Uuid::new_v4()), known)], Duration::from_hours(1));
        stored.await.unwrap();
        let names = found(&behind, &ids).await;
        if wiring == Wiring::Open {
            // Elsewhere the engine writes what it can read.
            behind.ask(&names["{event}"], "an event of somebody else").await.unwrap();
        }

        if wiring == Wiring::Closed {
            let now = Zone::amsterdam().unwrap().instant(MORNING.date(), MORNING.time());
            Engine { now, journal, store, tasks, breaches }.open(&link, rules()).await;
        }
        // What the pen was tried with goes within a second or two; everything is to be still now.
        behind.api("STREAM.PURGE.JOURNAL", json!({ "filter": "jrn.barrier.>" })).await;
        for subject in ["hwc.>", "jrn.>", "pay.>", "in.>", "count.>", "lead.>", "_INBOX.>", "$JS.API.>"] {
            behind.subscribe(subject, "").await;
        }
        if wiring == Wiring::Open {
            // Elsewhere this would hear what the broker delivers, and make it deliver more.
            for subject in ["_R_.>", "$JS.ACK.>"] {
                behind.subscribe(subject, "").await;
            }
        }
        behind.settle().await;
        Self { port, wiring, engine: behind, actors, ids, names, left: Mutex::default() }
    }

    pub(crate) fn actor(&self, seat: Seat) -> &Actor {
        &self.actors[&seat]
    }

    /// Submits a command, as they would.
    pub(crate) async fn submit(&self, seat: Seat, command: &Command<Sealed>) -> Answer {
        let body = serde_json::to_string(command).unwrap();
        let answer = self.actor(seat).line.ask("submit", &body).await.unwrap();
        serde_json::from_str(&answer.body).unwrap_or_else(|_| panic!("{answer:?}"))
    }

    /// Lives that are under way: one incident routed to both schools, one that waits for its municipalities.
    async fn live(&self) {
        for incident in [self.ids.known, self.ids.waiting] {
            let done = [
                (Police, Command::Record { incident, report: sealed() }),
                (VeiligThuis, Command::Screen { incident, screening: Screening::Qualifies }),
                (VeiligThuis, expand(incident, &[MunicipalityA, MunicipalityB, MunicipalityA])),
            ];
            for (seat, command) in done {
                assert_eq!(self.submit(seat, &command).await, Answer::Recorded, "{}", command.name());
            }
        }
        for (place, municipality, school) in [(0, MunicipalityA, SchoolA), (1, MunicipalityB, SchoolB)] {
            let command = route(child(self.ids.known, place), school);
            assert_eq!(self.submit(municipality, &command).await, Answer::Recorded);
        }
    }

    /// Everybody takes some of their tasks and keeps them.
    async fn hold(&mut self) {
        let next = |seat: Seat| self.fill("{next}", seat);
        let doors: Vec<_> = self.actors.keys().map(|seat| (*seat, next(*seat))).collect();
        for (seat, door) in doors {
            let actor = self.actors.get_mut(&seat).unwrap();
            let (from, reply) = (actor.line.mark(), actor.line.new_inbox());
            let body = format!(r#"{{"batch":{HELD},"expires":5000000000}}"#);
            actor.line.say(&Saying { to: door, reply, body, ..Saying::default() }).await;
            let mut heard = from;
            while actor.held.len() < HELD {
                let Some(Heard::Message(task)) = actor.line.wait(heard, |_| true).await else {
                    panic!("{} has no tasks", seat.name())
                };
                heard += 1;
                assert!(task.reply.starts_with("$JS.ACK."), "{task:?}");
                actor.held.push(task.reply);
            }
        }
    }

    /// A text with names in the place of `{me}` and the like.
    pub(crate) fn fill(&self, text: &str, seat: Seat) -> String {
        let (me, other) = (seat.name(), seat.other().name());
        let open = self.wiring == Wiring::Open;
        let door = |inside: String, own: &str| if open { inside } else { own.to_owned() };
        let held = |whose: Seat, nth: usize| {
            self.actors.get(&whose).and_then(|actor| actor.held.get(nth)).cloned().unwrap_or_default()
        };
        let mut text = text
            .replace("{submit}", &door(format!("hwc.submit.{me}"), "submit"))
            .replace("{fetch}", &door(format!("hwc.fetch.{me}"), "fetch"))
            .replace("{next}", &door(format!("$JS.API.CONSUMER.MSG.NEXT.TASKS.{me}"), "next"))
            .replace("{held}", &held(seat, 0))
            .replace("{held-2}", &held(seat, 1))
            .replace("{held-3}", &held(seat, 2))
            .replace("{held-4}", &held(seat, 3))
            .replace("{their-task}", &held(seat.other(), 5))
            .replace("{misnumbered}", &misnumbered(&held(seat, 5), &held(seat.other(), 5)))
            .replace("{me}", me)
            .replace("{other}", other)
            .replace(
                "{in-two-seconds}",
                &Timestamp::now()
                    .saturating_add(Duration::from_secs(2))
                    .unwrap()
                    .strftime("%Y-%m-%dT%H:%M:%SZ")
                    .to_string(),
            );
        for (name, place) in &self.names {
            text = text.replace(name, place);
        }
        text
    }

    /// Makes something happen everywhere, and leaves everything as it was: the streams refuse what they are given.
    pub(crate) async fn stir(&self) {
        let says = |to: String, reply: String| Saying {
            to,
            reply,
            headers: vec![("Nats-Expected-Last-Sequence".to_owned(), "999999999".to_owned())],
            body: "stir".to_owned(),
        };
        let engine = &self.engine;
        for seat in self.actors.keys() {
            let name = seat.name();
            for to in [format!("hwc.task.{name}"), format!("in.{name}.stir"), format!("count.{name}")] {
                engine.say(&says(to, engine.new_inbox())).await;
            }
            engine.say(&says(format!("$JS.ACK.TASKS.{name}.1.999999999.1.1.0"), String::new())).await;
        }
        let (incident, generation) = (self.fill("{event}", Police), self.fill("pay.{generation}.x", Police));
        for to in [
            incident,
            generation,
            "hwc.breach".into(),
            "jrn.stir.e".into(),
            "_R_.stir.x".into(),
            "_INBOX.stir.x".into(),
        ] {
            engine.say(&says(to, engine.new_inbox())).await;
        }
        engine.api("INFO", json!({})).await;
        engine.settle().await;
        // Somebody comes and goes.
        let comer = self.actors.values().next().unwrap();
        Line::dial(self.port, &Login::Key(&comer.key), "_INBOX").await.unwrap();
        // Every organisation asks something at its doors.
        for actor in self.actors.values() {
            let nothing: Command<Sealed> =
                Command::Acknowledge { signal: child(incident_of_nobody(), 0), round: 1 };
            let fetch = Fetch::Letter { signal: child(incident_of_nobody(), 0), round: 1 };
            for (door, body) in [
                ("{submit}", serde_json::to_string(&nothing).unwrap()),
                ("{fetch}", serde_json::to_string(&fetch).unwrap()),
            ] {
                let answered = actor.line.ask(&self.fill(door, actor.seat), &body).await;
                assert!(answered.is_some(), "the engine does not answer {}", actor.seat.name());
            }
        }
    }
}

/// The names of what there is.
async fn found(engine: &Line, ids: &Ids) -> BTreeMap<&'static str, String> {
    let streams = engine.api("STREAM.NAMES", json!({})).await;
    let streams = streams["streams"].as_array().unwrap().iter().filter_map(|name| name.as_str());
    let stream = streams.filter(|name| name.starts_with("PAY_")).min().unwrap().to_owned();
    let info = engine.api(&format!("STREAM.INFO.{stream}"), json!({ "subjects_filter": ">" })).await;
    let payload = info["state"]["subjects"].as_object().unwrap().keys().next().unwrap().clone();
    // The journal hears whoever leads, under a subject of their own.
    let info = engine.api("STREAM.INFO.JOURNAL", json!({})).await;
    let pen = info["config"]["subjects"][0].as_str().unwrap();
    let info = engine.api("STREAM.INFO.LEAD", json!({})).await;
    let lease = info["config"]["subjects"][0].as_str().unwrap();
    BTreeMap::from([
        ("{event}", pen.replace("*.*", &format!("{}.e", ids.known))),
        ("{tombstone}", pen.replace("*.*", &format!("{}.t", ids.known))),
        ("{lease}", lease.to_owned()),
        ("{generation}", stream["PAY_".len()..].to_owned()),
        ("{payload}", payload),
    ])
}

/// A broker's configuration with every `permissions: { … }` taken out.
fn without_permissions(accounts: &str) -> String {
    let mut parts = accounts.split("permissions: {");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let mut depth = 1;
        let rest = part.trim_start_matches(|letter| {
            depth += i32::from(letter == '{') - i32::from(letter == '}');
            depth > 0
        });
        text.push_str(&rest[1..]);
    }
    text
}

/// One's own acknowledgement, with the number of another's task in it.
fn misnumbered(own: &str, others: &str) -> String {
    let number = others.split('.').nth(5).unwrap_or_default();
    let words = own.split('.').enumerate();
    words.map(|(at, word)| if at == 5 { number } else { word }).collect::<Vec<_>>().join(".")
}

pub(crate) fn incident() -> IncidentId {
    IncidentId::from_uuid(Uuid::new_v4())
}

/// An incident that never was.
pub(crate) fn incident_of_nobody() -> IncidentId {
    IncidentId::from_uuid(Uuid::nil())
}

pub(crate) fn sealed() -> Sealed {
    Sealed::new(b"the payload of an incident".to_vec())
}

/// A message for somebody; ids are the whole stream's, so no two are alike.
fn notice(incident: IncidentId, to: Seat, nth: i64) -> Task {
    let due = Timestamp::new(1_800_000_000 + 1000 * to as i64 + nth, 0).unwrap();
    Task::Notice { signal: child(incident, 0), round: 1, notice: Notice::RemindContact, due }
}

pub(crate) fn expand(incident: IncidentId, municipalities: &[Seat]) -> Command<Sealed> {
    let refer = |seat: &Seat| Finding::Refer { municipality: seat.organisation(), referral: sealed() };
    Command::Expand {
        incident,
        expansion: Expansion {
            first: 0,
            findings: municipalities.iter().map(refer).collect(),
            complete: true,
            interval: Interval { seconds: 60, date_only: false },
        },
    }
}

pub(crate) fn route(signal: SignalId, school: Seat) -> Command<Sealed> {
    Command::Route { signal, round: 1, school: school.organisation(), letter: sealed() }
}

fn rules() -> Rules {
    let zone = Zone::amsterdam().unwrap();
    let feed = Feed::parse(FEED, &zone).unwrap();
    let chain = Chain {
        police: Police.organisation(),
        veilig_thuis: VeiligThuis.organisation(),
        municipalities: [MunicipalityA, MunicipalityB].map(Seat::organisation).into(),
    };
    Rules {
        policy: Policy::default(),
        calendar: Calendar::new(zone, HolidayRegion::Zuid, &feed),
        table: Table { chains: vec![chain], schools: [SchoolA, SchoolB].map(Seat::organisation).into() },
    }
}
