//! A journal in memory: the reference for the exam, and the log of the simulated world.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use hwc_schemas::IncidentId;

use crate::{Append, Commit, History, Journal, JournalError, Markers, Position, Tombstone, codec};

/// A journal in memory. It keeps what the codec wrote, so that it forgets nothing that a real one would.
#[derive(Debug, Default)]
pub struct MemoryJournal {
    logs: Mutex<Logs>,
}

#[derive(Debug, Default)]
struct Logs {
    last: u64,
    by_incident: BTreeMap<IncidentId, Log>,
}

#[derive(Debug, Clone, Default)]
struct Log {
    records: Vec<Vec<u8>>,
    position: u64,
    /// The tombstone, as the codec wrote it.
    tombstone: Option<Vec<u8>>,
}

impl MemoryJournal {
    fn logs(&self) -> MutexGuard<'_, Logs> {
        self.logs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Log {
    fn history(&self) -> History {
        let commits: Result<_, _> = self.records.iter().map(|record| codec::decode(record)).collect();
        match commits {
            Ok(commits) => History::Live { commits, position: Position(self.position) },
            Err(error) => History::Unreadable(error),
        }
    }
}

impl Journal for MemoryJournal {
    async fn append(
        &self,
        incident: IncidentId,
        expected: Position,
        commit: &Commit,
    ) -> Result<Append, JournalError> {
        let mut logs = self.logs();
        let next = logs.last + 1;
        let log = logs.by_incident.entry(incident).or_default();
        if log.tombstone.is_some() || log.position != expected.0 {
            return Ok(Append::Conflict);
        }
        log.records.push(codec::encode(commit));
        log.position = next;
        logs.last = next;
        Ok(Append::Appended(Position(next)))
    }

    async fn read(&self, incident: IncidentId) -> Result<History, JournalError> {
        let logs = self.logs();
        Ok(match logs.by_incident.get(&incident) {
            None => History::Unknown,
            Some(log) if log.tombstone.is_some() => History::Ended,
            Some(log) if log.records.is_empty() => History::Unknown,
            Some(log) => log.history(),
        })
    }

    async fn forget(
        &self,
        incident: IncidentId,
        expected: Position,
        markers: &Markers,
    ) -> Result<Append, JournalError> {
        let mut logs = self.logs();
        let next = logs.last + 1;
        let log = logs.by_incident.entry(incident).or_default();
        if log.tombstone.is_some() {
            return Ok(Append::Appended(Position(log.position)));
        }
        if log.position != expected.0 {
            return Ok(Append::Conflict);
        }
        let tombstone = Some(codec::encode_tombstone(markers));
        *log = Log { records: Vec::new(), position: next, tombstone };
        logs.last = next;
        Ok(Append::Appended(Position(next)))
    }

    async fn in_flight(&self) -> Result<Vec<(IncidentId, History)>, JournalError> {
        let logs = self.logs();
        let live =
            logs.by_incident.iter().filter(|(_, log)| log.tombstone.is_none() && !log.records.is_empty());
        Ok(live.map(|(incident, log)| (*incident, log.history())).collect())
    }

    async fn tombstones(&self) -> Result<Vec<Tombstone>, JournalError> {
        let logs = self.logs();
        let ended = logs.by_incident.iter().filter_map(|(incident, log)| {
            let markers = codec::decode_tombstone(log.tombstone.as_ref()?);
            Some(Tombstone { incident: *incident, ended_at: None, markers })
        });
        Ok(ended.collect())
    }
}
