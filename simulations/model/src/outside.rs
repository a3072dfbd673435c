//! What survives a crash: the journal with its guard, the store of ciphertexts, the tasks and the breach records.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use hwc_journal::{Append, Commit, History, Location, Position};
use hwc_schemas::{PayloadId, SignalNumber, wire::Task};
use hwc_workflow::{
    Breach, Duty, Event, Fact, Incident, evolve,
    state::{Signal, SignalState},
};

use crate::{
    bounds::Planted,
    print,
    region::{Scene, called, location},
    watch::Watch,
};

/// What an engine asks of the broker.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Message {
    Load,
    Store(Vec<PayloadId>),
    Append { expected: Position, commit: Commit },
    Forget { expected: Position },
    Perform { duty: Duty, location: Option<Location> },
    Discard { payload: PayloadId, location: Location },
}

/// What the broker answers, but for what it reads.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Answer {
    Stored(Vec<(PayloadId, Location)>),
    /// To an append, or to the tombstone.
    Appended(Append),
    Performed,
    /// It has no answer, or nobody heard it.
    Nothing,
}

/// The log of the incident, and what is true by it.
#[derive(Debug, Clone)]
pub(crate) struct Log {
    commits: Vec<Commit>,
    /// Where it ended after each commit.
    ends: Vec<Position>,
    pub(crate) truth: Incident,
    pub(crate) tombstone: bool,
    /// The events lie there still, behind the tombstone.
    pub(crate) remains: bool,
    pub(crate) watch: Watch,
    places: BTreeMap<PayloadId, Location>,
    /// Every event that ever became durable; kept for traces and checks, and no part of the state.
    pub(crate) told: Vec<Event>,
    pub(crate) print: u128,
}

#[derive(Debug, Clone)]
pub(crate) struct Outside {
    pub(crate) log: Arc<Log>,
    /// Which ciphertexts lie there, and at which of their places.
    pub(crate) store: BTreeMap<PayloadId, u8>,
    /// Tasks that were offered; organisations may act on each at any time and more than once. Notices ask for nothing.
    pub(crate) tasks: BTreeSet<Task>,
    breaches: BTreeSet<(SignalNumber, Breach)>,
}

/// What is wrong.
pub(crate) type Wrong = String;

impl Log {
    fn new() -> Self {
        let mut log = Self {
            commits: Vec::new(),
            ends: Vec::new(),
            truth: Incident::Unknown,
            tombstone: false,
            remains: false,
            watch: Watch::default(),
            places: BTreeMap::new(),
            told: Vec::new(),
            print: 0,
        };
        log.fingerprint();
        log
    }

    fn fingerprint(&mut self) {
        let Self { truth, tombstone, remains, watch, places, .. } = &*self;
        // The names of ciphertexts that are gone, too: what comes next takes another.
        let names: BTreeSet<PayloadId> = self.names().collect();
        self.print = print::of(&(truth, tombstone, remains, watch, places, names));
    }

    /// Whether it ends there.
    pub(crate) fn ends_at(&self, position: Position) -> bool {
        !self.tombstone && self.end() == position
    }

    fn end(&self) -> Position {
        self.ends.last().copied().unwrap_or(Position::NONE)
    }

    /// Whether the guard lets a writer in that thinks the log ends there.
    fn lets_in(&self, scene: &Scene, expected: Position) -> bool {
        if self.tombstone {
            scene.has(Planted::TombstoneOutsideTheGuard) && expected == Position::NONE
        } else {
            scene.has(Planted::GuardIgnored) || expected == self.end()
        }
    }

    /// The ciphertexts that somebody still needs, by the rules: the report until the children are known, each referral until
    /// its signal ends, each letter until it is read or taken back (R21).
    pub(crate) fn needed(&self) -> Vec<PayloadId> {
        match &self.truth {
            Incident::Unknown | Incident::Closed(_) | Incident::Purged => Vec::new(),
            Incident::Recorded(recorded) => vec![recorded.report],
            Incident::Screened(screened) => vec![screened.recorded.report],
            Incident::Expanded(expanded) => {
                expanded.report.into_iter().chain(expanded.signals.iter().flat_map(held)).collect()
            }
        }
    }

    fn append(&mut self, commit: &Commit, scene: &Scene, held: &Outside) -> Result<Position, Wrong> {
        if self.tombstone {
            return Err("an append behind the tombstone became durable".to_owned());
        }
        self.places.extend(commit.stored.iter().copied());
        for event in &commit.events {
            self.is_so(event, held)?;
            self.watch.see(event, scene.delivery_from)?;
            self.truth = evolve(std::mem::take(&mut self.truth), event)
                .map_err(|error| format!("the log holds what cannot have happened: {error}"))?;
            self.told.push(event.clone());
        }
        let known: BTreeSet<_> = self.truth.payloads().into_iter().collect();
        self.places.retain(|payload, _| known.contains(payload));
        // Positions are only ever compared for being the same. Named after the state, two ways to one state are one state.
        let name = u64::try_from(print::of(&self.truth) >> 64).unwrap_or(0) | 1;
        if self.ends.contains(&Position(name)) {
            return Err("an append changed nothing, or brought a state back".to_owned());
        }
        self.commits.push(commit.clone());
        self.ends.push(Position(name));
        self.fingerprint();
        Ok(Position(name))
    }

    /// What the event says of the world outside is so.
    fn is_so(&self, event: &Event, held: &Outside) -> Result<(), Wrong> {
        match &event.fact {
            Fact::Erased { payload } if held.lies(*payload, self.places.get(payload)) => {
                Err(format!("{} is on record as erased and lies there (R21)", called(*payload)))
            }
            Fact::BreachRecorded { number } => {
                let first = self.signal(*number).and_then(|signal| signal.breaches.first());
                if first.is_some_and(|breach| held.breaches.contains(&(*number, *breach))) {
                    Ok(())
                } else {
                    Err("a breach counts as recorded and is not (R24)".to_owned())
                }
            }
            _ => Ok(()),
        }
    }

    fn signal(&self, number: SignalNumber) -> Option<&Signal> {
        if let Incident::Expanded(expanded) = &self.truth { expanded.signal(number) } else { None }
    }

    /// Every ciphertext that its events name.
    pub(crate) fn names(&self) -> impl Iterator<Item = PayloadId> {
        self.commits.iter().flat_map(named)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.commits.is_empty() && !self.tombstone
    }
}

fn held(signal: &Signal) -> Vec<PayloadId> {
    match &signal.state {
        SignalState::Referred(referred) => vec![referred.referral],
        SignalState::Routed(routed) => vec![routed.referral, routed.letter],
        SignalState::Delivered(delivered) => vec![delivered.routed.referral, delivered.routed.letter],
        SignalState::Acknowledged(_) | SignalState::Ended(_) | SignalState::Purged(_) => Vec::new(),
    }
}

/// Every ciphertext that a commit names.
fn named(commit: &Commit) -> impl Iterator<Item = PayloadId> {
    let erased = commit.events.iter().filter_map(|event| match event.fact {
        Fact::Erased { payload } => Some(payload),
        _ => None,
    });
    commit.stored.iter().map(|(payload, _)| *payload).chain(erased)
}

impl Message {
    /// Every ciphertext that it names.
    pub(crate) fn names(&self) -> Vec<PayloadId> {
        match self {
            Self::Store(payloads) => payloads.clone(),
            Self::Append { commit, .. } => named(commit).collect(),
            Self::Perform { duty: Duty::Erase { payload }, .. } | Self::Discard { payload, .. } => {
                vec![*payload]
            }
            Self::Load | Self::Forget { .. } | Self::Perform { .. } => Vec::new(),
        }
    }
}

impl Outside {
    pub(crate) fn new() -> Self {
        Self {
            log: Arc::new(Log::new()),
            store: BTreeMap::new(),
            tasks: BTreeSet::new(),
            breaches: BTreeSet::new(),
        }
    }

    pub(crate) fn print(&self) -> u128 {
        print::of(&(self.log.print, &self.store, &self.tasks, &self.breaches))
    }

    fn lies(&self, payload: PayloadId, place: Option<&Location>) -> bool {
        self.store.get(&payload).is_some_and(|copy| place == Some(&location(payload, *copy)))
    }

    /// What is needed lies there, at the place that the log names.
    pub(crate) fn check(&self) -> Result<(), Wrong> {
        let missing = |payload: &PayloadId| !self.lies(*payload, self.log.places.get(payload));
        match self.log.needed().into_iter().find(missing) {
            Some(payload) => Err(format!("{} is still needed and does not lie there", called(payload))),
            None => Ok(()),
        }
    }

    /// A request arrives: what was asked is done, as far as the guard lets it. A late one's answer is nobody's.
    pub(crate) fn arrive(&mut self, message: &Message, late: bool, scene: &Scene) -> Result<Answer, Wrong> {
        Ok(match message {
            Message::Load => Answer::Nothing,
            Message::Store(payloads) => Answer::Stored(self.keep(payloads, late)),
            Message::Append { expected, commit } => {
                if !self.log.lets_in(scene, *expected) {
                    return Ok(Answer::Appended(Append::Conflict));
                }
                let mut log = Log::clone(&self.log);
                let position = log.append(commit, scene, self)?;
                self.log = Arc::new(log);
                Answer::Appended(Append::Appended(position))
            }
            Message::Forget { expected } => Answer::Appended(self.forget(*expected, true)?),
            Message::Perform { duty, location } => {
                self.perform(duty, *location, scene);
                Answer::Performed
            }
            Message::Discard { payload, location } => {
                self.erase(*payload, *location);
                Answer::Nothing
            }
        })
    }

    /// Reads the log. What a crash left behind the tombstone is erased by whoever looks.
    pub(crate) fn read(&mut self) -> History {
        if self.log.tombstone {
            self.erase_events();
            return History::Ended;
        }
        let (commits, position) = (self.log.commits.clone(), self.log.end());
        if commits.is_empty() { History::Unknown } else { History::Live { commits, position } }
    }

    /// Reads what is in flight: nothing, or the one incident.
    pub(crate) fn in_flight(&mut self) -> Option<History> {
        let history = self.read();
        matches!(history, History::Live { .. }).then_some(history)
    }

    /// One name has one place, but for a copy that arrives late and of which nobody hears.
    fn keep(&mut self, payloads: &[PayloadId], late: bool) -> Vec<(PayloadId, Location)> {
        let kept = payloads.iter().map(|payload| {
            let named = |copy| self.log.places.get(payload) == Some(&location(*payload, copy));
            let place = if !late {
                0
            } else if named(1) {
                2
            } else {
                1
            };
            let copy = *self.store.entry(*payload).or_insert(place);
            (*payload, location(*payload, copy))
        });
        kept.collect()
    }

    /// Writes the tombstone; erases the events behind it, or does not come to it.
    pub(crate) fn forget(&mut self, expected: Position, erased: bool) -> Result<Append, Wrong> {
        if !self.log.tombstone {
            if expected != self.log.end() || self.log.is_empty() {
                return Ok(Append::Conflict);
            }
            if self.log.truth != Incident::Purged {
                return Err("the tombstone is written before everything is purged (R23)".to_owned());
            }
            let log = Arc::make_mut(&mut self.log);
            (log.tombstone, log.remains) = (true, true);
            log.fingerprint();
        }
        if erased {
            self.erase_events();
        }
        Ok(Append::Appended(Position(u64::MAX)))
    }

    fn erase_events(&mut self) {
        if !self.log.remains {
            return;
        }
        let log = Arc::make_mut(&mut self.log);
        log.remains = false;
        log.commits.clear();
        log.ends.clear();
        log.fingerprint();
    }

    fn perform(&mut self, duty: &Duty, location: Option<Location>, scene: &Scene) {
        match duty {
            Duty::Offer { task: Task::Notice { .. }, .. } | Duty::Forget => {}
            Duty::Offer { task, .. } => {
                self.tasks.insert(task.clone());
            }
            Duty::Erase { .. } if scene.has(Planted::ErasureLost) => {}
            Duty::Erase { payload } => {
                if let Some(location) = location {
                    self.erase(*payload, location);
                }
            }
            Duty::RecordBreach { number, breach } => {
                self.breaches.insert((*number, *breach));
            }
        }
    }

    /// A ciphertext goes, if it is the one that lies there.
    pub(crate) fn erase(&mut self, payload: PayloadId, place: Location) {
        if self.lies(payload, Some(&place)) {
            self.store.remove(&payload);
        }
    }

    /// Whether a late message could change nothing any more, now or later.
    pub(crate) fn is_spent(&self, message: &Message, scene: &Scene) -> bool {
        match message {
            Message::Load => true,
            // Erased meanwhile, it would be there once more.
            Message::Store(_) => false,
            Message::Append { expected, .. } => match scene.planted {
                Some(Planted::GuardIgnored) => self.log.tombstone,
                // Behind the tombstone the guard is open again for who never read anything.
                Some(Planted::TombstoneOutsideTheGuard) => {
                    *expected != Position::NONE && !self.log.lets_in(scene, *expected)
                }
                _ => !self.log.lets_in(scene, *expected),
            },
            Message::Forget { expected } => {
                if self.log.tombstone {
                    !self.log.remains
                } else {
                    *expected != self.log.end()
                }
            }
            Message::Perform { duty, location } => match duty {
                Duty::Offer { task: Task::Notice { .. }, .. } | Duty::Forget => true,
                Duty::Offer { task, .. } => self.tasks.contains(task),
                Duty::Erase { payload } => !self.lies(*payload, location.as_ref()),
                Duty::RecordBreach { number, breach } => self.breaches.contains(&(*number, *breach)),
            },
            Message::Discard { payload, location } => !self.lies(*payload, Some(location)),
        }
    }
}
