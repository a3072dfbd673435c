//! What whoever only reads has read of each segment: events do not change, so the next look asks for what is new alone.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use hwc_journal::History;
use hwc_schemas::IncidentId;

use super::{Found, JetStreamJournal, names, note, segments::Segment};
use crate::{
    Fault,
    fault::code,
    scan::{Read, Scan},
    streams,
};

/// The notes of one reader.
#[derive(Debug, Default)]
pub(super) struct Notebook {
    noted: Mutex<BTreeMap<Segment, Noted>>,
    /// Held while it is written in: two looks at once would read everything twice.
    pub(super) writing: tokio::sync::Mutex<()>,
}

/// What was read of a segment.
#[derive(Debug, Default)]
struct Noted {
    /// Up to which place.
    last: u64,
    found: Found,
}

impl Notebook {
    /// Takes the notes of a segment out; they are put back when they are whole again.
    fn take(&self, segment: Segment) -> Noted {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner).remove(&segment).unwrap_or_default()
    }

    fn put(&self, segment: Segment, noted: Noted) {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner).insert(segment, noted);
    }

    /// Forgets the segments that are gone.
    pub(super) fn keep(&self, segments: &[Segment]) {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        noted.retain(|segment, _| segments.contains(segment));
    }
}

impl JetStreamJournal {
    /// What is in flight in a segment, for whoever only reads.
    pub(super) async fn noted_in(&self, segment: Segment) -> Result<Vec<(IncidentId, History)>, Fault> {
        let mut noted = self.notebook.take(segment);
        match self.read_on(segment, &mut noted).await {
            // Dropped since it was asked for: everything in it had ended.
            Err(fault) if fault.is(code::STREAM_NOT_FOUND) => return Ok(Vec::new()),
            read => read?,
        }
        let there: BTreeMap<_, _> = self.lies_in(segment).await?.into_iter().collect();
        // What ended comes never back, and what is not there any more had ended.
        noted.found.retain(|incident, _| there.contains_key(incident));
        let lives = noted.found.iter().filter(|(incident, _)| there.get(incident) == Some(&false));
        let lives = lives.map(|(incident, history)| (*incident, history.clone())).collect();
        // A server that has only just begun to lead may have said too little once; and what came in between is read with the rest.
        if there.keys().all(|incident| noted.found.contains_key(incident)) {
            self.notebook.put(segment, noted);
        }
        Ok(lives)
    }

    async fn read_on(&self, segment: Segment, noted: &mut Noted) -> Result<(), Fault> {
        let stream = segment.stream();
        let last = streams::last_place(&self.link, &stream).await?;
        if last < noted.last {
            // An old copy of the broker's folder was put back.
            *noted = Noted::default();
        }
        if last == noted.last {
            return Ok(());
        }
        let from = noted.last + 1;
        let scan = Scan { stream: &stream, filter: names::ALL_EVENTS, from, headers_only: false };
        let take = |new: &mut Vec<Read>, read: &Read| {
            new.push(read.clone());
            Ok::<(), Fault>(())
        };
        // More may have come since the last place was asked for.
        for read in scan.read(&self.link, Vec::new, take).await? {
            noted.last = noted.last.max(read.sequence);
            note(&mut noted.found, &read);
        }
        noted.last = noted.last.max(last);
        Ok(())
    }
}
