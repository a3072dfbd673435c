//! The journal: small streams, *segments*, in which incidents begin, and one stream that keeps the tombstones. One message per
//! append (`docs/decisions/0001`), one writer (`0002`), segments that are dropped whole (`0003`).
//!
//! What shaped it (verified on 2.15.1):
//!
//! * A purge leaves the bytes in their block until the server compacts it, which a block that is mostly alive never is; a
//!   secure delete rewrites the block, 8 MB in a large stream, for every single message. Dropping a stream clears everything at
//!   once, on every server, Raft logs included. So what ended waits for its neighbours for some seconds, and goes with the
//!   whole segment; where others live on, its events are deleted securely, in a block that is small because the segment is
//!   ([`clearing`]).
//! * `Nats-Expected-Last-Subject-Sequence-Subject` takes a wildcard. The guard spans events *and* tombstone, because a
//!   guard on the events alone passes again once they are erased, and a stale writer would bring an incident back. So the
//!   tombstone is written beside the events first; then a second one that outlives the segment.
//! * A publish that timed out may have been stored. It is looked for right behind the expected position, where the
//!   guard allows exactly one message to be; only when it is not there, and nothing else is, it is sent again.
//! * A tombstone's own place is told to nobody: an append that expected it would pass the guard.

mod clearing;
mod notebook;
pub(crate) mod pen;
mod segments;
mod tail;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_nats::HeaderMap;
use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use hwc_journal::{
    Append, Cleared, Commit, History, Journal, JournalError, Markers, Position, Tombstone, codec,
};
use hwc_schemas::IncidentId;
use hwc_workflow::Fact;
use jiff::Timestamp;

use crate::{
    Fault, Lease, Link, Settings, SetupError,
    custody::Custody,
    fault::code,
    messages::{self, Which},
    names,
    patience::{ATTEMPTS_MAX, patiently, pause},
    scan::{Read, Scan},
};
use notebook::Notebook;
use pen::Pen;
use segments::{Segment, Segments};
pub use tail::{Tail, Told};

/// Segments that are read, opened or cleared at the same time.
const AT_ONCE_MAX: usize = 16;

/// The event log on JetStream. Cheap to clone.
#[derive(Clone, Debug)]
pub struct JetStreamJournal {
    link: Link,
    tombstones_for: Duration,
    /// What the streams are made with while we have the pen; none for whoever only reads.
    pen: Option<Arc<Pen>>,
    segments: Arc<Segments>,
    /// What was read, for whoever only reads.
    notebook: Arc<Notebook>,
    custody: Arc<Custody>,
}

/// Where the log of an ended incident ends: at no place that an append could expect.
const ENDED: Position = Position(u64::MAX);

/// What became of a write whose answer did not come.
enum Landed {
    /// It is there, at this place.
    Ours(Position),
    /// Something else is.
    Others,
    /// Nothing is, so the guard makes another try harmless.
    Nothing,
}

/// What is written: events, or the tombstone.
struct Record {
    subject: String,
    ends: bool,
    body: Bytes,
}

impl Record {
    fn events(incident: IncidentId, commit: &Commit) -> Self {
        Self { subject: names::events(incident), ends: false, body: codec::encode(commit).into() }
    }

    fn tombstone(incident: IncidentId, holds: Bytes) -> Self {
        Self { subject: names::tombstone(incident), ends: true, body: holds }
    }
}

impl JetStreamJournal {
    /// Opens the journal for the engine that leads: makes its stream if it is missing, verifies it and every segment, and takes
    /// the pen. From then on no former leader's append is heard, and what was on its way is there before this returns.
    pub async fn open(lease: &Lease, settings: &Settings) -> Result<Self, SetupError> {
        let (pen, link) = (Pen::of(lease, settings), lease.link().clone());
        pen.ensure_first(&link).await?;
        let custody = Arc::new(Custody::of(link.clone(), settings.replicas, names::SEGMENTS));
        let journal = Self {
            link,
            tombstones_for: settings.tombstones_for,
            pen: Some(Arc::new(pen)),
            segments: Arc::default(),
            notebook: Arc::default(),
            custody,
        };
        journal.take_the_pen(Segment::FIRST).await?;
        journal.open_segments().await?;
        Ok(journal)
    }

    /// Writes the tombstones of incidents of which the broker knows nothing any more: an old copy of its folder was put back. Of
    /// one that it does know something is left as it is. What its ciphertexts began with nobody knows any more. Doing it again is
    /// safe.
    pub async fn remember(&self, ended: impl IntoIterator<Item = IncidentId>) -> Result<(), JournalError> {
        let holds = Bytes::from(codec::encode_tombstone(&Markers::default()));
        let writing = stream::iter(ended).map(|incident| {
            let tombstone = Record::tombstone(incident, holds.clone());
            async move { self.write(Segment::FIRST, incident, Position::NONE, &tombstone).await }
        });
        writing.buffer_unordered(AT_ONCE_MAX).try_for_each(|_| std::future::ready(Ok(()))).await
    }

    /// Opens the journal for reading only; an append is refused. Whoever reads it again and again keeps it: what it read once it does
    /// not ask for again.
    pub fn read_only(link: &Link) -> Self {
        Self {
            link: link.clone(),
            tombstones_for: Duration::ZERO,
            pen: None,
            segments: Arc::default(),
            notebook: Arc::default(),
            custody: Arc::new(Custody::of(link.clone(), 1, names::SEGMENTS)),
        }
    }

    async fn write(
        &self,
        segment: Segment,
        incident: IncidentId,
        expected: Position,
        record: &Record,
    ) -> Result<Append, JournalError> {
        let Some(pen) = &self.pen else { return Err(unavailable(&Fault::NotLeading)) };
        let subject = names::written_by(pen.epoch(), segment, &record.subject);
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Expected-Last-Subject-Sequence", expected.0.to_string());
        headers.insert("Nats-Expected-Last-Subject-Sequence-Subject", names::incident(incident));
        // Elsewhere it goes with the segment.
        if record.ends && segment == Segment::FIRST {
            headers.insert("Nats-TTL", self.tombstones_for.as_secs().max(1).to_string());
        }
        let (mut last, mut may_be_there) = (Fault::NoAnswer, false);
        for attempt in 0..ATTEMPTS_MAX {
            pause(attempt).await;
            match self.link.put(subject.clone(), headers.clone(), record.body.clone()).await {
                Ok(stored) => {
                    return Ok(Append::Appended(if record.ends { ENDED } else { Position(stored.seq) }));
                }
                // Nothing of ours can be there. A server that has only just begun to lead may say so without knowing all.
                Err(fault) if !may_be_there && !record.ends && is_conflict(&fault) => {
                    match self.landed(segment, incident, expected, record).await {
                        Ok(Landed::Nothing) => last = fault,
                        Ok(_) => return Ok(Append::Conflict),
                        Err(fault) => last = fault,
                    }
                    continue;
                }
                Err(fault @ Fault::TooLarge) => return Err(unavailable(&fault)),
                // Somebody whose lease ran out long ago may have taken the pen with a message that was under way.
                Err(Fault::NobodyServes) => {
                    last = self.take_the_pen(segment).await.err().unwrap_or(Fault::NobodyServes);
                    continue;
                }
                Err(fault) => (last, may_be_there) = (fault, true),
            }
            match self.landed(segment, incident, expected, record).await {
                Ok(Landed::Ours(position)) => return Ok(Append::Appended(position)),
                Ok(Landed::Others) => return Ok(Append::Conflict),
                Ok(Landed::Nothing) => {}
                Err(fault) => last = fault,
            }
        }
        Err(unavailable(&last))
    }

    /// Looks for a write right behind the expected position.
    async fn landed(
        &self,
        segment: Segment,
        incident: IncidentId,
        expected: Position,
        record: &Record,
    ) -> Result<Landed, Fault> {
        if !record.ends {
            let behind = Which::NextOf(&record.subject, expected.0.saturating_add(1));
            if let Some(found) = messages::get(&self.link, &segment.stream(), behind).await? {
                let ours = found.body == record.body;
                return Ok(if ours { Landed::Ours(Position(found.sequence)) } else { Landed::Others });
            }
        }
        let Some(last) = self.last(segment, incident).await? else {
            return Ok(if expected == Position::NONE { Landed::Nothing } else { Landed::Others });
        };
        Ok(if last.subject == names::tombstone(incident) {
            if record.ends { Landed::Ours(ENDED) } else { Landed::Others }
        } else if last.sequence == expected.0 {
            Landed::Nothing
        } else {
            Landed::Others
        })
    }

    async fn last(&self, segment: Segment, incident: IncidentId) -> Result<Option<messages::Lying>, Fault> {
        messages::get(&self.link, &segment.stream(), Which::LastOf(&names::incident(incident))).await
    }

    /// Where to write of this incident: where it began, or where it begins now.
    async fn home(&self, incident: IncidentId, expected: Position) -> Result<Segment, Fault> {
        if let Some(home) = self.segments.home(incident) {
            return Ok(home);
        }
        // What is known nowhere can only begin; anything else, the guard of the first segment refuses.
        let began =
            async || patiently(|| self.last(Segment::FIRST, incident)).await.map(|last| last.is_some());
        if expected != Position::NONE || began().await? {
            return Ok(Segment::FIRST);
        }
        if let Some(segment) = self.segments.enter(incident) {
            return Ok(segment);
        }
        let _only_one = self.segments.opening.lock().await;
        if let Some(segment) = self.segments.enter(incident) {
            return Ok(segment);
        }
        self.begin_a_segment().await?;
        self.segments.enter(incident).ok_or(Fault::Full)
    }

    /// The last record of an incident, wherever it is.
    async fn find(&self, incident: IncidentId) -> Result<Option<(Segment, messages::Lying)>, Fault> {
        let segments = match self.segments.home(incident) {
            Some(home) => vec![home],
            // Whoever only reads keeps no book.
            None if self.pen.is_none() => self.segments_there().await?,
            None => Vec::new(),
        };
        for segment in segments.into_iter().chain([Segment::FIRST]) {
            if let Some(last) = self.last(segment, incident).await? {
                return Ok(Some((segment, last)));
            }
        }
        Ok(None)
    }

    /// Reads from the first event up to the last one, which is known already. `None` when they were erased meanwhile.
    async fn walk(
        &self,
        segment: Segment,
        incident: IncidentId,
        last: messages::Lying,
    ) -> Result<Option<History>, JournalError> {
        let (stream, subject) = (segment.stream(), names::events(incident));
        let position = Position(last.sequence);
        let mut commits = Vec::new();
        let mut from = 1;
        loop {
            let next = messages::get(&self.link, &stream, Which::NextOf(&subject, from)).await;
            match next.map_err(|fault| unavailable(&fault))? {
                Some(event) if event.sequence < position.0 => {
                    from = event.sequence + 1;
                    match codec::decode(&event.body) {
                        Ok(commit) => commits.push(commit),
                        Err(error) => return Ok(Some(History::Unreadable(error))),
                    }
                }
                Some(event) if event.sequence == position.0 => break,
                _ => return Ok(None),
            }
        }
        Ok(Some(match codec::decode(&last.body) {
            Ok(commit) => {
                commits.push(commit);
                History::Live { commits, position }
            }
            Err(error) => History::Unreadable(error),
        }))
    }
}

impl Journal for JetStreamJournal {
    async fn append(
        &self,
        incident: IncidentId,
        expected: Position,
        commit: &Commit,
    ) -> Result<Append, JournalError> {
        let home = self.home(incident, expected).await.map_err(|fault| unavailable(&fault))?;
        self.write(home, incident, expected, &Record::events(incident, commit)).await
    }

    async fn read(&self, incident: IncidentId) -> Result<History, JournalError> {
        for attempt in 0..ATTEMPTS_MAX {
            pause(attempt).await;
            let found = self.find(incident).await.map_err(|fault| unavailable(&fault))?;
            let Some((segment, last)) = found else { return Ok(History::Unknown) };
            if last.subject == names::tombstone(incident) {
                return Ok(History::Ended);
            }
            if let Some(history) = self.walk(segment, incident, last).await? {
                return Ok(history);
            }
        }
        Err(JournalError::Unavailable("an incident kept ending while it was read".to_owned()))
    }

    async fn forget(
        &self,
        incident: IncidentId,
        expected: Position,
        markers: &Markers,
    ) -> Result<Append, JournalError> {
        let holds = Bytes::from(codec::encode_tombstone(markers));
        let home = self.home(incident, expected).await.map_err(|fault| unavailable(&fault))?;
        let outcome =
            self.write(home, incident, expected, &Record::tombstone(incident, holds.clone())).await?;
        if let Append::Appended(_) = outcome {
            self.segments.ended(home, incident, home == Segment::FIRST);
            self.keep_the_tombstone(home, incident, holds).await.map_err(|fault| unavailable(&fault))?;
        }
        Ok(outcome)
    }

    async fn in_flight(&self) -> Result<Vec<(IncidentId, History)>, JournalError> {
        let mut segments = match &self.pen {
            Some(_) => self.segments.all(),
            None => self.segments_there().await.map_err(|fault| unavailable(&fault))?,
        };
        let _alone = match &self.pen {
            Some(_) => None,
            None => Some(self.notebook.writing.lock().await),
        };
        self.notebook.keep(&segments);
        if self.first_has_events().await.map_err(|fault| unavailable(&fault))? {
            segments.push(Segment::FIRST);
        }
        let reading = stream::iter(segments).map(|segment| self.in_flight_in(segment));
        let found: Vec<Vec<_>> = reading.buffer_unordered(AT_ONCE_MAX).try_collect().await?;
        let mut found: Vec<_> = found.into_iter().flatten().collect();
        found.sort_unstable_by_key(|(incident, _)| *incident);
        Ok(found)
    }

    async fn tombstones(&self) -> Result<Vec<Tombstone>, JournalError> {
        let scan =
            Scan { stream: names::JOURNAL, filter: names::ALL_TOMBSTONES, from: 0, headers_only: false };
        let take = |found: &mut Vec<_>, read: &Read| {
            found.extend(incident_in(&read.message.subject).map(|incident| Tombstone {
                incident,
                ended_at: Timestamp::from_nanosecond(read.stored_at.into()).ok(),
                markers: codec::decode_tombstone(&read.message.payload),
            }));
            Ok::<(), Fault>(())
        };
        scan.read(&self.link, Vec::new, take).await.map_err(|fault| unavailable(&fault))
    }

    async fn clear(&self, grouped_for: Duration) -> Result<Cleared, JournalError> {
        self.clear_all(grouped_for).await.map_err(|fault| unavailable(&fault))
    }
}

impl JetStreamJournal {
    /// Journals of former versions have their events beside the tombstones.
    async fn first_has_events(&self) -> Result<bool, Fault> {
        let any = Which::NextOf(names::ALL_EVENTS, 1);
        Ok(patiently(|| messages::get(&self.link, names::JOURNAL, any)).await?.is_some())
    }

    async fn in_flight_in(&self, segment: Segment) -> Result<Vec<(IncidentId, History)>, JournalError> {
        // Whoever keeps no book asks what ended; the tombstones of the first segment are too many to ask for all.
        let found = if self.pen.is_none() && segment != Segment::FIRST {
            self.noted_in(segment).await
        } else {
            self.all_in(segment).await.map(|found| found.into_iter().collect())
        };
        let found = found.map_err(|fault| unavailable(&fault))?;
        let mut in_flight = Vec::with_capacity(found.len());
        for (incident, history) in found {
            if !self.segments.has_ended(incident) && !self.half_forgotten(segment, incident, &history).await?
            {
                in_flight.push((incident, history));
            }
        }
        Ok(in_flight)
    }

    /// Every event of a segment, whether its incident ended or not.
    async fn all_in(&self, segment: Segment) -> Result<Found, Fault> {
        let stream = segment.stream();
        let scan = Scan { stream: &stream, filter: names::ALL_EVENTS, from: 0, headers_only: false };
        let take = |found: &mut Found, read: &Read| {
            note(found, read);
            Ok::<(), Fault>(())
        };
        match scan.read(&self.link, BTreeMap::new, take).await {
            // Dropped since it was asked for: everything in it had ended.
            Err(fault) if fault.is(code::STREAM_NOT_FOUND) => Ok(Found::new()),
            found => found,
        }
    }

    /// Whether an incident ended though its segment does not say so; then the segment is told. Only one whose last event says
    /// that nothing of it is left can have a tombstone, so only those few are asked after.
    async fn half_forgotten(
        &self,
        segment: Segment,
        incident: IncidentId,
        history: &History,
    ) -> Result<bool, JournalError> {
        let History::Live { commits, position } = history else { return Ok(false) };
        let last = commits.last().and_then(|commit| commit.events.last());
        if last.is_none_or(|event| event.fact != Fact::IncidentPurged) {
            return Ok(false);
        }
        let last = self.last(Segment::FIRST, incident).await.map_err(|fault| unavailable(&fault))?;
        let Some(last) = last.filter(|last| last.subject == names::tombstone(incident)) else {
            return Ok(false);
        };
        if self.pen.is_some() {
            let tombstone = Record::tombstone(incident, last.body.into());
            self.write(segment, incident, *position, &tombstone).await?;
            self.segments.ended(segment, incident, true);
        }
        Ok(true)
    }
}

type Found = BTreeMap<IncidentId, History>;

/// Takes one record. What cannot be read stops nobody else's reading.
fn note(found: &mut Found, read: &Read) {
    let Some(incident) = incident_in(&read.message.subject) else {
        // No version ever wrote one, so nothing depends on it.
        tracing::error!(
            sequence = read.sequence,
            "a record of the journal names no incident; it is left alone"
        );
        return;
    };
    let so_far = found.entry(incident).or_insert(History::Unknown);
    let commits = match std::mem::replace(so_far, History::Unknown) {
        History::Live { commits, .. } => commits,
        History::Unknown => Vec::new(),
        known @ (History::Unreadable(_) | History::Ended) => {
            *so_far = known;
            return;
        }
    };
    *so_far = match codec::decode(&read.message.payload) {
        Ok(commit) => {
            let mut commits = commits;
            commits.push(commit);
            History::Live { commits, position: Position(read.sequence) }
        }
        Err(error) => History::Unreadable(error),
    };
}

fn incident_in(subject: &str) -> Option<IncidentId> {
    subject.split('.').nth(1)?.parse().ok()
}

fn is_conflict(fault: &Fault) -> bool {
    fault.is(code::WRONG_LAST_SEQUENCE) || fault.is(code::WRONG_LAST_SEQUENCE_UNDER_WAY)
}

fn unavailable(fault: &Fault) -> JournalError {
    JournalError::Unavailable(fault.to_string())
}
