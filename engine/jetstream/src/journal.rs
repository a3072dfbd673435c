//! The journal: one stream, one subject for an incident's events and one for its tombstone, one message per append.
//!
//! What shaped it (verified on 2.15.1):
//!
//! * `Nats-Expected-Last-Subject-Sequence-Subject` takes a wildcard. The guard spans events *and* tombstone, because a
//!   guard on the events alone passes again once they are erased, and a stale writer would bring an incident back.
//! * A publish that timed out may have been stored. It is looked for right behind the expected position, where the
//!   guard allows exactly one message to be; only when it is not there, and nothing else is, it is sent again.
//! * A tombstone's own place is told to nobody: an append that expected it would pass the guard.
//! * The events are erased by purging their subject: 0.1 ms, and the bytes stay in their block until the server compacts
//!   it. A secure delete rewrites the block for every single message (2 to 18 ms). Events hold no personal data and no
//!   ciphertext, so a residue of ids and times in a block file is what the purge may leave; the ciphertexts that those
//!   ids named are erased securely, in [`crate::SealedStore`].

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_nats::HeaderMap;
use bytes::Bytes;
use hwc_journal::{Append, Commit, History, Journal, JournalError, Position, codec};
use hwc_schemas::{IncidentId, wire::limits::MESSAGE_BYTES_MAX};
use hwc_workflow::Fact;
use serde_json::{Value, json};

use crate::{
    Fault, Lease, Link, Settings, SetupError,
    fault::code,
    lease::Holder,
    messages::{self, Which},
    names::{self, JOURNAL},
    patience::{ATTEMPTS_MAX, pause},
    scan::{Read, Scan},
    settings,
};

/// The event log on JetStream. Cheap to clone.
#[derive(Clone, Debug)]
pub struct JetStreamJournal {
    link: Link,
    tombstones_for: Duration,
    /// What the stream is made with while we have the pen; none for whoever only reads.
    pen: Option<Arc<Pen>>,
}

/// The right to append: the stream's settings with our epoch's subject in them.
#[derive(Debug)]
struct Pen {
    epoch: u64,
    holder: Holder,
    settings: Value,
}

/// The settings of the stream that say who has the pen.
const PEN: [&str; 2] = ["subjects", "subject_transform"];

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

impl JetStreamJournal {
    /// Opens the journal for the engine that leads: makes its stream if it is missing, verifies it, and takes the pen. From
    /// then on no former leader's append is heard, and what was on its way is there before this returns.
    pub async fn open(lease: &Lease, settings: &Settings) -> Result<Self, SetupError> {
        let link = lease.link().clone();
        let epoch = lease.epoch().0;
        let own = json!({
            "max_msg_size": MESSAGE_BYTES_MAX,
            "max_bytes": settings.shares.journal,
            // For the tombstones. No delete markers: they would lengthen every shorter time to live to their own.
            "allow_msg_ttl": true,
            "subject_transform": {
                "src": names::pen(epoch),
                "dest": "jrn.{{wildcard(1)}}.{{wildcard(2)}}",
            },
        });
        let wanted = settings::stream(JOURNAL, &[names::pen(epoch)], settings.replicas, own);
        settings::ensure_stream_but_for(&link, JOURNAL, &wanted, &PEN).await?;
        let pen = Some(Arc::new(Pen { epoch, holder: lease.holder(), settings: wanted }));
        let journal = Self { link, tombstones_for: settings.tombstones_for, pen };
        journal.take_the_pen().await?;
        Ok(journal)
    }

    /// Opens the journal for reading only; an append is refused.
    pub fn read_only(link: &Link) -> Self {
        Self { link: link.clone(), tombstones_for: Duration::ZERO, pen: None }
    }

    /// Lets the stream listen to our epoch's subject alone, if it does not and the lease is ours by the broker's word. Then writes one message that means nothing and
    /// lasts a second: where the stream is replicated, whatever a former leader had under way is in its place before it.
    async fn take_the_pen(&self) -> Result<(), Fault> {
        let Some(pen) = &self.pen else { return Err(Fault::NotLeading) };
        let found: Value = self.link.api(format!("STREAM.INFO.{JOURNAL}"), &json!({})).await?;
        let ours =
            |key: &str| found.get("config").and_then(|config| config.get(key)) == pen.settings.get(key);
        if !PEN.into_iter().all(ours) {
            pen.holder.confirm().await?;
            let _: Value = self.link.api(format!("STREAM.UPDATE.{JOURNAL}"), &pen.settings).await?;
        }
        let mut headers = HeaderMap::new();
        headers.insert("Nats-TTL", "1");
        let subject = names::written_by(pen.epoch, names::barrier());
        self.link.put(subject, headers, Bytes::new()).await.map(|_| ())
    }

    async fn write(
        &self,
        incident: IncidentId,
        expected: Position,
        record: Record,
    ) -> Result<Append, JournalError> {
        let Some(pen) = &self.pen else { return Err(unavailable(&Fault::NotLeading)) };
        let subject = names::written_by(pen.epoch, &record.subject);
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Expected-Last-Subject-Sequence", expected.0.to_string());
        headers.insert("Nats-Expected-Last-Subject-Sequence-Subject", names::incident(incident));
        if record.ends {
            headers.insert("Nats-TTL", self.tombstones_for.as_secs().max(1).to_string());
        }
        let mut last = Fault::NoAnswer;
        for attempt in 0..ATTEMPTS_MAX {
            pause(attempt).await;
            match self.link.put(subject.clone(), headers.clone(), record.body.clone()).await {
                Ok(stored) => {
                    return Ok(Append::Appended(if record.ends { ENDED } else { Position(stored.seq) }));
                }
                // Nothing of ours can be there yet.
                Err(fault) if attempt == 0 && !record.ends && is_conflict(&fault) => {
                    return Ok(Append::Conflict);
                }
                Err(fault @ Fault::TooLarge) => return Err(unavailable(&fault)),
                // Somebody whose lease ran out long ago may have taken the pen with a message that was under way.
                Err(Fault::NobodyServes) => {
                    last = self.take_the_pen().await.err().unwrap_or(Fault::NobodyServes);
                    continue;
                }
                Err(fault) => last = fault,
            }
            match self.landed(incident, expected, &record).await {
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
        incident: IncidentId,
        expected: Position,
        record: &Record,
    ) -> Result<Landed, Fault> {
        if !record.ends {
            let behind = Which::NextOf(&record.subject, expected.0.saturating_add(1));
            if let Some(found) = messages::get(&self.link, JOURNAL, behind).await? {
                let ours = found.body == record.body;
                return Ok(if ours { Landed::Ours(Position(found.sequence)) } else { Landed::Others });
            }
        }
        let Some(last) = self.last(incident).await? else {
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

    async fn last(&self, incident: IncidentId) -> Result<Option<messages::Lying>, Fault> {
        messages::get(&self.link, JOURNAL, Which::LastOf(&names::incident(incident))).await
    }

    /// Erases the events. Only ever called once the tombstone is durable.
    async fn erase_events(&self, incident: IncidentId) -> Result<(), JournalError> {
        let what = json!({ "filter": names::events(incident) });
        let mut last = Fault::NoAnswer;
        for attempt in 0..ATTEMPTS_MAX {
            pause(attempt).await;
            match self.link.api::<Value>(format!("STREAM.PURGE.{JOURNAL}"), &what).await {
                Ok(_) => return Ok(()),
                Err(fault) => last = fault,
            }
        }
        Err(unavailable(&last))
    }

    /// Reads from the first event up to the last one, which is known already. `None` when they were erased meanwhile.
    async fn walk(
        &self,
        incident: IncidentId,
        last: messages::Lying,
    ) -> Result<Option<History>, JournalError> {
        let subject = names::events(incident);
        let position = Position(last.sequence);
        let mut commits = Vec::new();
        let mut from = 1;
        loop {
            let next = messages::get(&self.link, JOURNAL, Which::NextOf(&subject, from)).await;
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
        let body = codec::encode(commit).into();
        self.write(incident, expected, Record { subject: names::events(incident), ends: false, body }).await
    }

    async fn read(&self, incident: IncidentId) -> Result<History, JournalError> {
        for attempt in 0..ATTEMPTS_MAX {
            pause(attempt).await;
            let Some(last) = self.last(incident).await.map_err(|fault| unavailable(&fault))? else {
                return Ok(History::Unknown);
            };
            if last.subject == names::tombstone(incident) {
                // A crash or a fault between tombstone and erasure is mended by whoever looks next.
                self.erase_events(incident).await?;
                return Ok(History::Ended);
            }
            if let Some(history) = self.walk(incident, last).await? {
                return Ok(history);
            }
        }
        Err(JournalError::Unavailable("an incident kept ending while it was read".to_owned()))
    }

    async fn forget(&self, incident: IncidentId, expected: Position) -> Result<Append, JournalError> {
        let record = Record { subject: names::tombstone(incident), ends: true, body: Bytes::new() };
        let outcome = self.write(incident, expected, record).await?;
        if let Append::Appended(_) = outcome {
            self.erase_events(incident).await?;
        }
        Ok(outcome)
    }

    async fn in_flight(&self) -> Result<Vec<(IncidentId, History)>, JournalError> {
        let scan = Scan { stream: JOURNAL, filter: "jrn.*.e", headers_only: false };
        let take = |found: &mut Found, read: &Read| {
            note(found, read);
            Ok::<(), Fault>(())
        };
        let found = scan.read(&self.link, BTreeMap::new, take).await.map_err(|fault| unavailable(&fault))?;
        let mut in_flight = Vec::with_capacity(found.len());
        for (incident, history) in found {
            if !self.half_forgotten(incident, &history).await? {
                in_flight.push((incident, history));
            }
        }
        Ok(in_flight)
    }
}

impl JetStreamJournal {
    /// Whether a crash came between tombstone and erasure; then the erasure is finished. Only an incident whose last
    /// event says that nothing of it is left can have a tombstone, so only those few are asked after.
    async fn half_forgotten(&self, incident: IncidentId, history: &History) -> Result<bool, JournalError> {
        let History::Live { commits, .. } = history else { return Ok(false) };
        let last = commits.last().and_then(|commit| commit.events.last());
        if last.is_none_or(|event| event.fact != Fact::IncidentPurged) {
            return Ok(false);
        }
        let last = self.last(incident).await.map_err(|fault| unavailable(&fault))?;
        let ended = last.is_some_and(|last| last.subject == names::tombstone(incident));
        if ended {
            self.erase_events(incident).await?;
        }
        Ok(ended)
    }
}

type Found = BTreeMap<IncidentId, History>;

/// Takes one record. What cannot be read stops nobody else's reading.
fn note(found: &mut Found, read: &Read) {
    let incident = read.message.subject.split('.').nth(1).and_then(|token| token.parse().ok());
    let Some(incident): Option<IncidentId> = incident else {
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

fn is_conflict(fault: &Fault) -> bool {
    fault.is(code::WRONG_LAST_SEQUENCE) || fault.is(code::WRONG_LAST_SEQUENCE_UNDER_WAY)
}

fn unavailable(fault: &Fault) -> JournalError {
    JournalError::Unavailable(fault.to_string())
}
