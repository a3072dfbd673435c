//! A broker with everybody on it, and something of everybody's to reach for.

use std::{collections::BTreeMap, sync::Mutex, time::Duration};

use hwc_broker::Broker;
use hwc_jetstream::{
    Breaches, Credential, DirectoryDoor, JetStreamJournal, Lease, Link, Published, SealedStore, Settings,
    Tasks,
};
use hwc_schemas::{
    PayloadId,
    wire::{Answer, Command, Fetch, Screening, Sealed},
};
use jiff::Timestamp;
use nkeys::KeyPair;
use serde_json::json;
use tokio::sync::watch;
use uuid::Uuid;

use crate::{
    cast::{
        Ids,
        Seat::{self, MunicipalityA, MunicipalityB, Police, SchoolA, SchoolB, VeiligThuis},
        child, expand, incident, incident_of_nobody, notice, now, route, rules, sealed, task,
    },
    engine::{self, Engine},
    ground::{Ground, Keys, key_of, without_permissions},
    line::{Heard, Line, Login, Saying},
    state::State,
};

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

/// Messages that wait for each organisation, and how many of them it holds.
const WAITING: i64 = 16;
const HELD: usize = 6;

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
        let streams = world.engine.api("STREAM.NAMES", json!({})).await;
        let mut streams = streams["streams"].as_array().unwrap().iter().filter_map(|name| name.as_str());
        let segment = streams.find(|name| name.starts_with("JRN_")).unwrap();
        world.names.insert("{segment}", segment.to_owned());
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
            if seat.has_doors() {
                tasks.admit(&seat.organisation()).await.unwrap();
                for nth in 0..WAITING {
                    tasks.offer(&seat.organisation(), &notice(ids.known, seat, nth)).await.unwrap();
                }
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
            let directory = Published { serial: 1, text: "the signed directory".into() };
            let (tell, published) = watch::channel(directory);
            // Open for as long as there is anybody to ask.
            Box::leak(Box::new((tell, DirectoryDoor::open(&link, published).await.unwrap())));
            Engine { now: now(), journal, store, tasks, breaches }.open(&link, rules()).await;
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
                (Police, Command::Record { incident, day: crate::cast::MORNING.date(), report: sealed() }),
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
        let who = self.actors.keys().filter(|seat| seat.has_doors());
        let doors: Vec<_> = who.map(|seat| (*seat, next(*seat))).collect();
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
            // Who has no tasks reaches for another's all the more.
            let whose = if whose.has_doors() { whose } else { whose.other() };
            self.actors.get(&whose).and_then(|actor| actor.held.get(nth)).cloned().unwrap_or_default()
        };
        let mut text = text
            .replace("{submit}", &door(format!("hwc.submit.{me}"), "submit"))
            .replace("{fetch}", &door(format!("hwc.fetch.{me}"), "fetch"))
            .replace("{ask}", &door(format!("hwc.ask.{me}"), "ask"))
            .replace("{directory}", &door(format!("hwc.directory.{me}"), "directory"))
            .replace("{next}", &door(format!("$JS.API.CONSUMER.MSG.NEXT.TASKS.{me}"), "next"))
            .replace("{held}", &held(seat, 0))
            .replace("{held-2}", &held(seat, 1))
            .replace("{held-3}", &held(seat, 2))
            .replace("{held-4}", &held(seat, 3))
            .replace("{their-task}", &held(seat.other(), 5))
            .replace("{their-subject}", &task(self.ids.known, seat.other()))
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
            for to in [format!("hwc.task.{name}.stir"), format!("in.{name}.stir"), format!("count.{name}")] {
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
        for actor in self.actors.values().filter(|actor| actor.seat.has_doors()) {
            let nothing: Command<Sealed> =
                Command::Acknowledge { signal: child(incident_of_nobody(), 0), round: 1 };
            let fetch = Fetch::Letter { signal: child(incident_of_nobody(), 0), round: 1 };
            for (door, body) in [
                ("{submit}", serde_json::to_string(&nothing).unwrap()),
                ("{fetch}", serde_json::to_string(&fetch).unwrap()),
                ("{directory}", r#"{"than":9}"#.to_owned()),
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
        // Until there is one of its own.
        ("{segment}", "JOURNAL".to_owned()),
        ("{generation}", stream["PAY_".len()..].to_owned()),
        ("{payload}", payload),
    ])
}

/// One's own acknowledgement, with the number of another's task in it.
fn misnumbered(own: &str, others: &str) -> String {
    let number = others.split('.').nth(5).unwrap_or_default();
    let words = own.split('.').enumerate();
    words.map(|(at, word)| if at == 5 { number } else { word }).collect::<Vec<_>>().join(".")
}
