//! Copies of the broker's folder, and what happens when somebody puts an old one back.

use std::collections::{BTreeMap, BTreeSet};

use hwc_schemas::IncidentId;
use hwc_workflow::Breach;
use jiff::Timestamp;

use super::{Broker, Kept, Log, Lying, PayloadId};
use crate::{
    chronicle::{Gone, Happened},
    seal,
};

/// What the broker's folder held at some moment. Which engine leads is no part of it: a lease is over long before a copy is put
/// back.
#[derive(Clone)]
pub(crate) struct Copy {
    logs: BTreeMap<IncidentId, Log>,
    last: u64,
    payloads: BTreeMap<u64, (PayloadId, Kept)>,
    tasks: BTreeMap<String, Lying>,
    breaches: BTreeSet<(String, Breach)>,
}

impl Broker {
    /// Copies the folder.
    pub(crate) fn copy(&self) -> Copy {
        Copy {
            logs: self.logs.clone(),
            last: self.last,
            payloads: self.payloads.clone(),
            tasks: self.tasks.clone(),
            breaches: self.breaches.clone(),
        }
    }

    /// Puts a copy back in place of what is there. Nothing is on its way to it; nobody who wrote before is heard any more.
    pub(crate) fn put_back(&mut self, copy: Copy) {
        self.epoch += 1;
        self.unsure.clear();
        self.next_tombstone = Timestamp::MIN;
        let logs = std::mem::replace(&mut self.logs, copy.logs);
        let payloads = std::mem::replace(&mut self.payloads, copy.payloads);
        let tasks = std::mem::replace(&mut self.tasks, copy.tasks);
        (self.last, self.breaches) = (copy.last, copy.breaches);

        let either = logs.keys().chain(self.logs.keys());
        let changed: BTreeSet<_> =
            either.filter(|one| logs.get(one) != self.logs.get(one)).copied().collect();
        let mut whose = changed.clone();
        let mut moved = Vec::new();
        for (_, (payload, kept)) in payloads.iter().filter(|(at, _)| !self.payloads.contains_key(at)) {
            whose.insert(kept.incident);
            moved.push(Happened::Gone { payload: *payload, how: Gone::Lost });
        }
        for (_, (payload, kept)) in self.payloads.iter().filter(|(at, _)| !payloads.contains_key(at)) {
            let (payload, incident) = (*payload, kept.incident);
            whose.insert(incident);
            if let Some((hop, sealed_to)) = seal::label(&kept.sealed) {
                moved.push(Happened::Stored { payload, incident, hop, sealed_to });
            }
        }
        for lost in tasks.iter().filter(|(id, _)| !self.tasks.contains_key(*id)).map(|(_, lies)| lies) {
            whose.insert(lost.task.incident());
            moved.push(Happened::TaskLost { to: lost.to.clone(), task: lost.task.clone() });
        }
        for back in self.tasks.iter().filter(|(id, _)| !tasks.contains_key(*id)).map(|(_, lies)| lies) {
            whose.insert(back.task.incident());
            moved.push(Happened::CameBack { to: back.to.clone(), task: back.task.clone() });
        }
        for lies in self.tasks.values_mut() {
            lies.held_until = None;
        }
        self.seen.push(Happened::PutBack { incidents: whose.clone() });
        self.seen.push(Happened::StorageLied { incidents: whose });
        for incident in changed {
            let log = self.logs.get(&incident);
            if log.is_none_or(|log| log.tombstone.is_none()) {
                let events = log.map_or(0, Log::events);
                self.seen.push(Happened::Left { incident, events });
            }
        }
        self.seen.extend(moved);
    }
}
