//! What survives a crash of the engine: the journal, the store of ciphertexts, the tasks and the breach records.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
};

use hwc_journal::{
    Append, Commit, Generation, History, Journal, Location, Markers, Position, memory::MemoryJournal,
};
use hwc_relay::Output;
use hwc_schemas::{IncidentId, Marker, Organisation, PayloadId, wire::Task};
use hwc_workflow::{Breach, Duty};

use crate::truth::Truth;

/// The memory journal answers at once.
pub(crate) fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("a journal in memory waits for nobody"),
    }
}

#[derive(Default)]
pub(crate) struct Outside {
    pub(crate) journal: MemoryJournal,
    pub(crate) truth: Truth,
    /// Ciphertexts by where they lie.
    pub(crate) store: BTreeMap<u64, PayloadId>,
    /// How many were ever stored.
    pub(crate) stored: u64,
    /// Tasks that nobody has finished, by their ids.
    pub(crate) tasks: BTreeMap<String, (Organisation, Task)>,
    /// Tasks that were ever offered.
    pub(crate) offered: BTreeSet<String>,
    pub(crate) breaches: Vec<Breach>,
    /// Appends that conflicted.
    pub(crate) conflicts: usize,
}

fn generation() -> Generation {
    Generation::parse("00000000000000000000000000000001").unwrap()
}

impl Outside {
    pub(crate) fn in_flight(&self) -> Vec<(IncidentId, History)> {
        now(self.journal.in_flight()).unwrap()
    }

    pub(crate) fn read(&self, incident: IncidentId) -> History {
        now(self.journal.read(incident)).unwrap()
    }

    pub(crate) fn keep(&mut self, payloads: &[PayloadId]) -> Vec<(PayloadId, Location)> {
        let stored = payloads.iter().map(|payload| {
            self.stored += 1;
            self.store.insert(self.stored, *payload);
            let marker: Marker = format!("{:032x}", self.stored).parse().unwrap();
            (*payload, Location::new(generation(), self.stored).of(Some(marker)))
        });
        stored.collect()
    }

    /// Every pointer must have its ciphertext before it is durable.
    pub(crate) fn append(&mut self, incident: IncidentId, expected: Position, commit: &Commit) -> Append {
        let outcome = now(self.journal.append(incident, expected, commit)).unwrap();
        match outcome {
            Append::Conflict => self.conflicts += 1,
            Append::Appended(_) => {
                for (payload, location) in &commit.stored {
                    assert_eq!(
                        self.store.get(&location.sequence),
                        Some(payload),
                        "not stored before it is pointed to"
                    );
                }
                let before = self.truth.payloads();
                self.truth.append(incident, &commit.events);
                let placed: BTreeSet<_> = commit.stored.iter().map(|(payload, _)| *payload).collect();
                let new: BTreeSet<_> = self.truth.payloads().difference(&before).copied().collect();
                assert_eq!(new, placed, "every new pointer has its place, and no other");
            }
        }
        outcome
    }

    /// The tombstone keeps the marker of everything that was ever pointed to, and of nothing else.
    pub(crate) fn forget(&mut self, incident: IncidentId, expected: Position, markers: &Markers) -> Append {
        if let History::Live { commits, position } = self.read(incident)
            && position == expected
        {
            assert_eq!(*markers, Markers::of(&commits));
            let all: usize = commits.iter().map(|commit| commit.stored.len()).sum();
            assert_eq!(markers.len(), all, "a ciphertext without its marker");
        }
        now(self.journal.forget(incident, expected, markers)).unwrap()
    }

    /// A ciphertext goes. It must not be in use.
    pub(crate) fn erase(&mut self, payload: PayloadId, location: Location) {
        if self.store.get(&location.sequence) == Some(&payload) {
            self.store.remove(&location.sequence);
        }
    }

    pub(crate) fn perform(&mut self, incident: IncidentId, duty: &Duty, location: Option<Location>) {
        assert!(self.truth.was_owed(incident, duty), "nobody ever owed {duty:?}");
        match duty {
            Duty::Offer { to, task } => {
                // A notice is told once; anything else is there once at a time.
                if self.offered.insert(task.id()) || !matches!(task, Task::Notice { .. }) {
                    self.tasks.insert(task.id(), (to.clone(), task.clone()));
                }
            }
            Duty::Erase { payload } => {
                let gone = !self.truth.payloads().contains(payload);
                assert!(gone || location.is_some(), "what is still pointed to has a place");
                if let Some(location) = location {
                    self.erase(*payload, location);
                }
            }
            Duty::RecordBreach { breach, .. } => self.breaches.push(*breach),
            Duty::Forget => panic!("the driver asks for this one by itself"),
        }
    }

    pub(crate) fn discard(&mut self, payload: PayloadId, location: Location) {
        assert!(!self.truth.payloads().contains(&payload), "what is pointed to is never discarded");
        self.erase(payload, location);
    }

    /// Erases what no engine says is needed.
    pub(crate) fn sweep(&mut self, kept: &BTreeSet<PayloadId>) {
        let needed = self.truth.payloads();
        assert!(needed.is_subset(kept), "the sweeper is not kept from what is pointed to");
        self.store.retain(|_, payload| kept.contains(payload));
    }
}

/// What an output does to the world outside, for messages.
pub(crate) const fn name(output: &Output) -> &'static str {
    match output {
        Output::Load { .. } => "load",
        Output::Store { .. } => "store",
        Output::Append { .. } => "append",
        Output::Forget { .. } => "forget",
        Output::Perform { .. } => "perform",
        Output::Discard { .. } => "discard",
        Output::Reply { .. } => "reply",
        Output::Noted { .. } => "noted",
        Output::Alarm { .. } => "alarm",
    }
}
