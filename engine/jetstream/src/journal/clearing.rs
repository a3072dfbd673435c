//! Getting the events of what ended off the disk.
//!
//! An incident has ended once its tombstone lies behind its events; nobody can append to it any more and no start reads it. Its
//! bytes are another matter. It waits for its neighbours for a moment: when everything in its segment has ended, the segment is
//! dropped, and nothing of it is left on any server. Where others live on, its events are deleted securely, one by one.
//!
//! Doing it again finishes what a crash left: what is in the book is read from the broker at every start.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use async_nats::HeaderMap;
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use hwc_journal::Cleared;
use hwc_schemas::IncidentId;

use super::{
    AT_ONCE_MAX, JetStreamJournal, is_conflict,
    segments::{Ended, Segment},
};
use crate::{
    Fault,
    fault::code,
    messages::{self, Which},
    names,
    patience::{ATTEMPTS_MAX, pause},
    streams,
};

impl JetStreamJournal {
    /// Erases what ended longer ago than this. One segment that does not answer holds none of the others up.
    pub(super) async fn clear_all(&self, grouped_for: Duration) -> Result<Cleared, Fault> {
        if self.pen.is_none() {
            return Err(Fault::NotLeading);
        }
        let Ok(_only_one) = self.segments.clearing.try_lock() else { return Ok(Cleared::default()) };
        let due = stream::iter(self.segments.due(grouped_for));
        let clearing = due.map(|(segment, ended)| async move {
            match self.clear_one(segment, ended).await {
                Ok(cleared) => cleared,
                Err(fault) => {
                    tracing::warn!(%segment, %fault, "a segment was not cleared; the next time tries again");
                    Cleared { unanswered: 1, ..Cleared::default() }
                }
            }
        });
        let clearing = clearing.buffer_unordered(AT_ONCE_MAX);
        let mut cleared = clearing.fold(Cleared::default(), async |sum, one| sum.and(one)).await;
        let settled = self.custody.settle().await;
        cleared.gone = settled.gone;
        cleared.waiting = settled.waiting;
        cleared.unanswered += settled.unmended;
        Ok(cleared)
    }

    async fn clear_one(&self, segment: Segment, due: Vec<Ended>) -> Result<Cleared, Fault> {
        if segment != Segment::FIRST
            && let Some(all) = self.segments.all_ended(segment)
        {
            for ended in all.iter().filter(|ended| !ended.is_kept) {
                self.keep_again(segment, ended.incident).await?;
            }
            if self.drop_if_all_ended(segment).await? {
                self.segments.dropped(segment);
                self.custody.dropped(&segment.stream(), all.iter().map(|ended| ended.since));
                let waited = all.iter().map(|ended| ended.since.elapsed()).collect();
                return Ok(Cleared { waited, segments: 1, ..Cleared::default() });
            }
        }
        let (mut cleared, mut outcome) = (Cleared::default(), Ok(()));
        let mut erased = Vec::with_capacity(due.len());
        for ended in due {
            if !ended.is_kept {
                outcome = self.keep_again(segment, ended.incident).await;
            }
            match self.erase_events(segment, ended.incident).await {
                Ok(records) if outcome.is_ok() => cleared.records += records,
                failed => {
                    outcome = outcome.and(failed.map(|_| ()));
                    break;
                }
            }
            self.segments.erased(segment, ended.incident);
            erased.push(ended.since);
        }
        // Also of those before one that failed.
        cleared.waited = erased.iter().map(Instant::elapsed).collect();
        self.custody.erased(&segment.stream(), erased).await;
        outcome.map(|()| cleared)
    }

    /// Drops a segment of which the book says that everything in it ended, if the broker says so too. True when it is gone.
    async fn drop_if_all_ended(&self, segment: Segment) -> Result<bool, Fault> {
        match self.close(segment).await {
            Err(fault) if fault.is(code::STREAM_NOT_FOUND) => return Ok(true),
            closed => closed?,
        }
        let there: HashMap<_, _> = self.lies_in(segment).await?.into_iter().collect();
        if there.values().all(|ended| *ended) {
            streams::delete(&self.link, &segment.stream()).await?;
            return Ok(true);
        }
        // A write of which nobody knew what became: it lives, and goes on.
        self.segments.found(segment, there);
        self.take_the_pen(segment).await?;
        Ok(false)
    }

    /// Writes the tombstone that outlives its segment, as the one in the segment says; a crash came between the two.
    async fn keep_again(&self, segment: Segment, incident: IncidentId) -> Result<(), Fault> {
        let beside = names::tombstone(incident);
        let beside = messages::get(&self.link, &segment.stream(), Which::LastOf(&beside)).await?;
        let holds = beside.map(|beside| beside.body.into()).unwrap_or_default();
        self.keep_the_tombstone(segment, incident, holds).await
    }

    /// Writes the tombstone that outlives its segment, durably when it answers.
    pub(super) async fn keep_the_tombstone(
        &self,
        segment: Segment,
        incident: IncidentId,
        holds: Bytes,
    ) -> Result<(), Fault> {
        let Some(pen) = &self.pen else { return Err(Fault::NotLeading) };
        if segment == Segment::FIRST {
            return Ok(());
        }
        let subject = names::written_by(pen.epoch(), Segment::FIRST, &names::tombstone(incident));
        let mut headers = HeaderMap::new();
        headers.insert("Nats-TTL", self.tombstones_for.as_secs().max(1).to_string());
        headers.insert("Nats-Expected-Last-Subject-Sequence", "0");
        headers.insert("Nats-Expected-Last-Subject-Sequence-Subject", names::tombstone(incident));
        let mut last = Fault::NoAnswer;
        for attempt in 0..ATTEMPTS_MAX {
            pause(attempt).await;
            last = match self.link.put(subject.clone(), headers.clone(), holds.clone()).await {
                Err(Fault::NobodyServes) => {
                    self.take_the_pen(Segment::FIRST).await.err().unwrap_or(Fault::NobodyServes)
                }
                // A conflict: it is there already.
                Err(fault) if !is_conflict(&fault) => fault,
                _ => {
                    self.segments.ended(segment, incident, true);
                    return Ok(());
                }
            };
        }
        Err(last)
    }

    /// Deletes the events securely, one by one; how many.
    async fn erase_events(&self, segment: Segment, incident: IncidentId) -> Result<u64, Fault> {
        let (stream, subject) = (segment.stream(), names::events(incident));
        let (mut from, mut erased) = (1, 0);
        while let Some(event) = messages::get(&self.link, &stream, Which::NextOf(&subject, from)).await? {
            messages::erase(&self.link, &stream, event.sequence).await?;
            (from, erased) = (event.sequence + 1, erased + 1);
        }
        Ok(erased)
    }
}
