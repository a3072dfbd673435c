//! What the journal takes from now on, as it becomes durable: for whoever watches. Nothing is changed.

use std::collections::BTreeMap;

use hwc_journal::{
    Commit,
    codec::{self, CodecError},
};
use hwc_schemas::IncidentId;

use super::{incident_in, segments::Segment};
use crate::{
    Fault, Link,
    fault::code,
    names,
    scan::{Read, Scan},
    streams,
};

/// What a look brought: in the order in which the broker stored it, everything that was not told before.
pub type Told = Vec<(IncidentId, Result<Commit, CodecError>)>;

/// Follows the journal. The first look brings everything that is there; what ended and lies in a segment beside others, too.
#[derive(Debug)]
pub struct Tail {
    link: Link,
    read: BTreeMap<Segment, u64>,
}

impl Tail {
    /// Of the journal on this broker.
    pub fn of(link: &Link) -> Self {
        Self { link: link.clone(), read: BTreeMap::new() }
    }

    /// Looks once. After an error nothing of it was told, and the next look brings it.
    pub async fn look(&mut self) -> Result<Told, Fault> {
        let there = streams::names(&self.link).await?;
        let has_first = there.iter().any(|name| name == names::JOURNAL);
        let segments = there.iter().filter_map(|name| Segment::of_stream(name));
        let segments: Vec<_> = segments.chain(has_first.then_some(Segment::FIRST)).collect();
        let mut read = self.read.clone();
        read.retain(|segment, _| segments.contains(segment));
        let mut told = Vec::new();
        for segment in segments {
            let so_far = read.get(&segment).copied().unwrap_or_default();
            match self.behind(segment, so_far).await {
                Ok((last, records)) => {
                    read.insert(segment, last);
                    told.extend(records);
                }
                // Dropped since it was asked for: everything in it had ended.
                Err(fault) if fault.is(code::STREAM_NOT_FOUND) => {}
                Err(fault) => return Err(fault),
            }
        }
        self.read = read;
        told.sort_by_key(|(stored_at, ..)| *stored_at);
        Ok(told.into_iter().map(|(_, incident, commit)| (incident, commit)).collect())
    }

    /// What a segment took behind this place, and its last place then.
    async fn behind(&self, segment: Segment, place: u64) -> Result<(u64, Vec<Record>), Fault> {
        let stream = segment.stream();
        let last = streams::last_place(&self.link, &stream).await?;
        if last <= place {
            return Ok((place, Vec::new()));
        }
        let scan = Scan { stream: &stream, filter: names::ALL_EVENTS, from: place + 1, headers_only: false };
        let take = |found: &mut Vec<_>, read: &Read| {
            let record = incident_in(&read.message.subject)
                .map(|incident| (read.stored_at, incident, codec::decode(&read.message.payload)));
            found.extend(record.map(|record| (read.sequence, record)));
            Ok::<(), Fault>(())
        };
        let found: Vec<(u64, Record)> = scan.read(&self.link, Vec::new, take).await?;
        // More may have come since the last place was asked for.
        let last = found.iter().map(|(sequence, _)| *sequence).fold(last, u64::max);
        let behind = found.into_iter().filter(|(sequence, _)| *sequence > place);
        Ok((last, behind.map(|(_, record)| record).collect()))
    }
}

type Record = (i64, IncidentId, Result<Commit, CodecError>);
