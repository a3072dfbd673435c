//! The simulated broker: the journal, the ciphertexts, the tasks, the breach records and the lease, with what a real one
//! guarantees and not a bit more. Its storage may lose what it acknowledged.

mod copies;

use std::collections::{BTreeMap, BTreeSet};

use hwc_journal::{Append, Commit, Generation, History, Location, Position, codec};
use hwc_relay::Trouble;
use hwc_schemas::{
    IncidentId, Organisation, PayloadId,
    wire::{Sealed, Task},
};
use hwc_workflow::Breach;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

pub(crate) use self::copies::Copy;
use crate::chronicle::{EngineNumber, Gone, Happened, Holdings};
use crate::{mutation::Mutation, seal};

/// Which reign: who takes the pen counts one up.
pub(crate) type Epoch = u64;

/// What becomes durable is remembered for so long as something that a lying storage may lose.
const UNSURE_FOR: SignedDuration = SignedDuration::from_secs(5);

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Log {
    /// Each at its place in the stream.
    records: Vec<(u64, Vec<u8>)>,
    tombstone: Option<Tombstone>,
}

/// That an incident ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Tombstone {
    /// Where it lies.
    place: u64,
    since: Timestamp,
    until: Timestamp,
}

impl Log {
    fn position(&self) -> u64 {
        let tombstone = self.tombstone.map(|tombstone| tombstone.place);
        tombstone.or_else(|| self.records.last().map(|(at, _)| *at)).unwrap_or(0)
    }

    /// How many events are in it.
    fn events(&self) -> usize {
        let commits = self.records.iter().filter_map(|(_, record)| codec::decode(record).ok());
        commits.map(|commit| commit.events.len()).sum()
    }
}

#[derive(Clone)]
struct Kept {
    incident: IncidentId,
    sealed: Sealed,
    stored_at: Timestamp,
    drops_at: Timestamp,
}

/// A task that lies at the broker.
#[derive(Debug, Clone)]
pub(crate) struct Lying {
    pub(crate) to: Organisation,
    pub(crate) task: Task,
    /// It is in somebody's hands until then, unless they say otherwise.
    pub(crate) held_until: Option<Timestamp>,
}

/// Something that the storage may still lose.
enum Unsure {
    Record(IncidentId),
    Tombstone(IncidentId, Log),
    Payload(PayloadId),
    Task(String),
}

/// The broker.
pub(crate) struct Broker {
    logs: BTreeMap<IncidentId, Log>,
    last: u64,
    payloads: BTreeMap<u64, (PayloadId, Kept)>,
    stored: u64,
    pub(crate) tasks: BTreeMap<String, Lying>,
    breaches: BTreeSet<(String, Breach)>,
    pub(crate) epoch: Epoch,
    /// Whether the journal hears its present leader only.
    pub(crate) has_a_pen: bool,
    pub(crate) is_up: bool,
    unsure: Vec<(Timestamp, Unsure)>,
    /// How long a tombstone is kept.
    tombstones_for: SignedDuration,
    /// When the next one has had its time, or earlier.
    next_tombstone: Timestamp,
    mutation: Option<Mutation>,
    /// What became durable or was lost since the last time.
    pub(crate) seen: Vec<Happened>,
}

impl Broker {
    pub(crate) fn new(has_a_pen: bool, tombstones_for: SignedDuration, mutation: Option<Mutation>) -> Self {
        Self {
            logs: BTreeMap::new(),
            last: 0,
            payloads: BTreeMap::new(),
            stored: 0,
            tasks: BTreeMap::new(),
            breaches: BTreeSet::new(),
            epoch: 0,
            has_a_pen,
            is_up: true,
            unsure: Vec::new(),
            tombstones_for: match mutation {
                Some(Mutation::ShortTombstones) => SignedDuration::from_hours(24),
                Some(Mutation::TombstonesForEver) => SignedDuration::from_hours(24 * 36_500),
                _ => tombstones_for,
            },
            next_tombstone: Timestamp::MAX,
            mutation,
            seen: Vec::new(),
        }
    }

    fn has(&self, mutation: Mutation) -> bool {
        self.mutation == Some(mutation)
    }

    fn remember(&mut self, now: Timestamp, what: Unsure) {
        let forgotten = now.checked_sub(UNSURE_FOR).unwrap_or(Timestamp::MIN);
        self.unsure.retain(|(at, _)| *at >= forgotten);
        self.unsure.push((now, what));
    }

    // The journal.

    /// Whether an engine of this reign is heard.
    fn hears(&self, epoch: Epoch) -> bool {
        !self.has_a_pen || epoch == self.epoch
    }

    pub(crate) fn append(
        &mut self,
        (by, epoch): (EngineNumber, Epoch),
        incident: IncidentId,
        expected: Position,
        commit: &Commit,
        now: Timestamp,
    ) -> Result<Append, Trouble> {
        if !self.hears(epoch) {
            return Err(Trouble);
        }
        let (unguarded, resurrects) =
            (self.has(Mutation::UnguardedAppend), self.has(Mutation::ResurrectedIncident));
        let log = self.logs.entry(incident).or_default();
        let ended = log.tombstone.is_some();
        let fits = if ended { resurrects } else { unguarded || log.position() == expected.0 };
        if !fits {
            return Ok(Append::Conflict);
        }
        log.tombstone = None;
        self.last += 1;
        log.records.push((self.last, codec::encode(commit)));
        let position = Position(self.last);
        self.remember(now, Unsure::Record(incident));
        self.seen.push(Happened::Durable { incident, by, events: commit.events.clone() });
        Ok(Append::Appended(position))
    }

    pub(crate) fn read(&self, incident: IncidentId) -> History {
        match self.logs.get(&incident) {
            None => History::Unknown,
            Some(log) if log.tombstone.is_some() => History::Ended,
            Some(log) if log.records.is_empty() => History::Unknown,
            Some(log) => Self::history(log),
        }
    }

    fn history(log: &Log) -> History {
        let commits: Result<_, _> = log.records.iter().map(|(_, record)| codec::decode(record)).collect();
        match commits {
            Ok(commits) => History::Live { commits, position: Position(log.position()) },
            Err(error) => History::Unreadable(error),
        }
    }

    pub(crate) fn forget(
        &mut self,
        epoch: Epoch,
        incident: IncidentId,
        expected: Position,
        now: Timestamp,
    ) -> Result<Append, Trouble> {
        if !self.hears(epoch) {
            return Err(Trouble);
        }
        let log = self.logs.entry(incident).or_default();
        if log.tombstone.is_some() {
            return Ok(Append::Appended(Position(log.position())));
        }
        if log.position() != expected.0 {
            return Ok(Append::Conflict);
        }
        self.last += 1;
        let until = now.checked_add(self.tombstones_for).unwrap_or(Timestamp::MAX);
        self.next_tombstone = self.next_tombstone.min(until);
        let tombstone = Tombstone { place: self.last, since: now, until };
        let before = std::mem::replace(log, Log { records: Vec::new(), tombstone: Some(tombstone) });
        self.remember(now, Unsure::Tombstone(incident, before));
        self.seen.push(Happened::Forgotten { incident });
        Ok(Append::Appended(Position(self.last)))
    }

    /// Whose tombstones there are, and since when.
    pub(crate) fn tombstones(&self) -> Vec<(IncidentId, Timestamp)> {
        let all = self.logs.iter().filter_map(|(incident, log)| Some((*incident, log.tombstone?.since)));
        all.collect()
    }

    /// Drops the tombstones that have had their time.
    pub(crate) fn drop_tombstones(&mut self, now: Timestamp) {
        if now < self.next_tombstone {
            return;
        }
        self.logs.retain(|_, log| log.tombstone.is_none_or(|tombstone| tombstone.until > now));
        let left = self.logs.values().filter_map(|log| log.tombstone);
        self.next_tombstone = left.map(|tombstone| tombstone.until).min().unwrap_or(Timestamp::MAX);
    }

    pub(crate) fn in_flight(&self) -> Vec<(IncidentId, History)> {
        let live = self.logs.iter().filter(|(_, log)| log.tombstone.is_none() && !log.records.is_empty());
        live.map(|(incident, log)| (*incident, Self::history(log))).collect()
    }

    // The ciphertexts.

    pub(crate) fn store(
        &mut self,
        incident: IncidentId,
        payloads: Vec<(PayloadId, Sealed)>,
        left: SignedDuration,
        now: Timestamp,
    ) -> Vec<(PayloadId, Location)> {
        let generation = Generation::from_uuid(Uuid::from_u128(1));
        let drops_at = now.checked_add(left).unwrap_or(Timestamp::MAX);
        let mut places = Vec::with_capacity(payloads.len());
        for (payload, sealed) in payloads {
            self.stored += 1;
            let location = Location::new(generation, self.stored);
            if let Some((hop, sealed_to)) = seal::label(&sealed) {
                self.seen.push(Happened::Stored { payload, incident, hop, sealed_to });
            }
            self.remember(now, Unsure::Payload(payload));
            self.payloads.insert(self.stored, (payload, Kept { incident, sealed, stored_at: now, drops_at }));
            places.push((payload, location));
        }
        places
    }

    pub(crate) fn fetch(&self, payload: PayloadId, at: Location) -> Option<Sealed> {
        let (lies, kept) = self.payloads.get(&at.sequence)?;
        (*lies == payload).then(|| kept.sealed.clone())
    }

    /// A ciphertext that was fetched leaves.
    pub(crate) fn given(&mut self, payload: PayloadId, at: Location) {
        let kept = self.payloads.get(&at.sequence).map(|(_, kept)| kept.incident);
        self.seen.extend(kept.map(|incident| Happened::Given { payload, incident }));
    }

    pub(crate) fn erase(&mut self, payload: PayloadId, at: Location) {
        if self.payloads.get(&at.sequence).is_some_and(|(lies, _)| *lies == payload) {
            self.payloads.remove(&at.sequence);
            self.seen.push(Happened::Gone { payload, how: Gone::Erased });
        }
    }

    /// Erases every ciphertext of an incident: what a bug would do.
    pub(crate) fn erase_all_of(&mut self, incident: IncidentId) {
        self.take_where(Gone::Erased, |_, kept| kept.incident == incident);
    }

    fn take_where(
        &mut self,
        how: Gone,
        mut which: impl FnMut(PayloadId, &Kept) -> bool,
    ) -> BTreeSet<IncidentId> {
        let mut whose = BTreeSet::new();
        let seen = &mut self.seen;
        self.payloads.retain(|_, (payload, kept)| {
            let goes = which(*payload, kept);
            if goes {
                seen.push(Happened::Gone { payload: *payload, how });
                whose.insert(kept.incident);
            }
            !goes
        });
        whose
    }

    /// Erases what nobody points to and is old enough.
    pub(crate) fn sweep(
        &mut self,
        kept: &BTreeSet<PayloadId>,
        orphans_after: SignedDuration,
        now: Timestamp,
    ) {
        let young = now.checked_sub(orphans_after).unwrap_or(Timestamp::MIN);
        self.take_where(Gone::Swept, |payload, lies| !kept.contains(&payload) && lies.stored_at <= young);
    }

    /// The broker's own ceiling.
    pub(crate) fn drop_old(&mut self, now: Timestamp) {
        if !self.has(Mutation::NoCeiling) {
            self.take_where(Gone::Ceiling, |_, kept| kept.drops_at <= now);
        }
    }

    pub(crate) fn next_drop(&self) -> Option<Timestamp> {
        self.payloads.values().map(|(_, kept)| kept.drops_at).min()
    }

    /// Whether a copy of a ciphertext is there.
    pub(crate) fn holds(&self, payload: PayloadId) -> bool {
        self.payloads.values().any(|(lies, _)| *lies == payload)
    }

    pub(crate) fn holds_payloads(&self) -> bool {
        !self.payloads.is_empty()
    }

    // Tasks and breach records.

    /// Offers a task. One subject a task: the same again changes nothing. Whether it is new.
    pub(crate) fn offer(&mut self, to: &Organisation, task: &Task, now: Timestamp) -> bool {
        let id = task.id();
        if self.tasks.contains_key(&id) {
            return false;
        }
        self.seen.push(Happened::Offered { to: to.clone(), task: task.clone() });
        self.tasks.insert(id.clone(), Lying { to: to.clone(), task: task.clone(), held_until: None });
        self.remember(now, Unsure::Task(id));
        true
    }

    /// Takes back the tasks about incidents that ended.
    pub(crate) fn withdraw(&mut self, ended: impl Fn(IncidentId) -> bool) -> usize {
        let (theirs, rest): (BTreeMap<_, _>, _) =
            std::mem::take(&mut self.tasks).into_iter().partition(|(_, lies)| ended(lies.task.incident()));
        self.tasks = rest;
        let withdrawn = theirs.len();
        let lost = theirs.into_values();
        self.seen.extend(lost.map(|Lying { to, task, .. }| Happened::TaskLost { to, task }));
        withdrawn
    }

    /// What it holds, for whoever looks at the end.
    pub(crate) fn holdings(&self, holdings: &mut Holdings) {
        holdings.logs =
            self.logs.iter().filter(|(_, log)| !log.records.is_empty()).map(|(one, _)| *one).collect();
        holdings.tombstones = self.tombstones();
        holdings.payloads = self.payloads.values().map(|(payload, kept)| (*payload, kept.incident)).collect();
        holdings.tasks = self.tasks.values().map(|lies| (lies.to.clone(), lies.task.clone())).collect();
    }

    /// Loses every task, as a stream does that is lost.
    pub(crate) fn lose_tasks(&mut self) {
        let lost = std::mem::take(&mut self.tasks).into_values();
        self.seen.extend(lost.map(|Lying { to, task, .. }| Happened::TaskLost { to, task }));
    }

    /// A task was settled by its organisation.
    pub(crate) fn settle(&mut self, id: &str) {
        if let Some(Lying { to, task, .. }) = self.tasks.remove(id) {
            self.seen.push(Happened::Settled { to, task });
        }
    }

    /// A breach record is kept; the same again is the same record.
    pub(crate) fn keep_breach(&mut self, of: String, breach: Breach) {
        if self.breaches.insert((of, breach)) {
            self.seen.push(Happened::BreachKept { breach });
        }
    }

    // Storage that loses what it acknowledged.

    /// Loses everything since then. Nothing after a loss survives it, as in a file that was cut off.
    pub(crate) fn lie(&mut self, since: Timestamp) {
        let mut whose = BTreeSet::new();
        while self.unsure.last().is_some_and(|(at, _)| *at >= since) {
            let Some((_, lost)) = self.unsure.pop() else { break };
            match lost {
                Unsure::Record(incident) => {
                    if let Some(log) = self.logs.get_mut(&incident) {
                        log.records.pop();
                    }
                    // Its place in the stream is used again.
                    self.last -= 1;
                    whose.insert(incident);
                }
                Unsure::Tombstone(incident, before) => {
                    self.logs.insert(incident, before);
                    self.last -= 1;
                    whose.insert(incident);
                }
                Unsure::Payload(payload) => {
                    whose.extend(self.take_where(Gone::Lost, |lies, _| lies == payload));
                }
                Unsure::Task(id) => {
                    if let Some(task) = self.tasks.remove(&id) {
                        whose.insert(task.task.incident());
                        self.seen.push(Happened::TaskLost { to: task.to, task: task.task });
                    }
                }
            }
        }
        if whose.is_empty() {
            return;
        }
        self.seen.push(Happened::StorageLied { incidents: whose.clone() });
        for incident in whose {
            let events = match self.read(incident) {
                History::Live { commits, .. } => commits.iter().map(|commit| commit.events.len()).sum(),
                _ => 0,
            };
            if !matches!(self.read(incident), History::Ended) {
                self.seen.push(Happened::Left { incident, events });
            }
        }
    }
}
