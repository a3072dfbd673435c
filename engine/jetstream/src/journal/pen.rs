//! The right to append: every segment listens to the leader's epoch alone.

use async_nats::HeaderMap;
use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use hwc_schemas::{IncidentId, wire::limits::MESSAGE_BYTES_MAX};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    AT_ONCE_MAX, JetStreamJournal,
    segments::{SEGMENT_INCIDENTS_MAX, Segment},
};
use crate::{
    Fault, Lease, Link, Settings, SetupError,
    fault::code,
    lease::Holder,
    names::{self, JOURNAL},
    patience::patiently,
    settings, streams,
};

/// The settings of a stream that say who has the pen.
pub(crate) const PEN: [&str; 2] = ["subjects", "subject_transform"];

/// Most records of one segment: a bound, far above what so many incidents write.
const SEGMENT_RECORDS_MAX: usize = SEGMENT_INCIDENTS_MAX * 4096;

/// The right to append: the streams' settings with our epoch's subject in them.
#[derive(Debug)]
pub(super) struct Pen {
    epoch: u64,
    holder: Holder,
    replicas: u8,
    tombstones_bytes_max: u64,
    /// Once everything that is stored is larger, no segment is made.
    full_at_bytes: u64,
}

impl Pen {
    pub(super) fn of(lease: &Lease, settings: &Settings) -> Self {
        Self {
            epoch: lease.epoch().0,
            holder: lease.holder(),
            replicas: settings.replicas,
            tombstones_bytes_max: settings.shares.tombstones(),
            full_at_bytes: settings.shares.full_for_events(),
        }
    }

    pub(super) const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Makes the stream of the tombstones if it is missing, and verifies it.
    pub(super) async fn ensure_first(&self, link: &Link) -> Result<(), SetupError> {
        settings::ensure_stream_but_for(link, JOURNAL, &self.settings(Segment::FIRST), &PEN).await
    }

    /// What a segment's stream is made with.
    fn settings(&self, segment: Segment) -> Value {
        wanted(segment, self.epoch, self.replicas, self.tombstones_bytes_max)
    }
}

/// What the stream of the tombstones is made with, but for who has the pen.
pub(crate) fn wanted_first(settings: &Settings) -> Value {
    wanted(Segment::FIRST, 0, settings.replicas, settings.shares.tombstones())
}

/// What a segment's stream is made with while this epoch's leader has the pen.
fn wanted(segment: Segment, epoch: u64, replicas: u8, tombstones_bytes_max: u64) -> Value {
    let mut own = json!({
        "max_msg_size": MESSAGE_BYTES_MAX,
        // For the tombstones, and for what tries the pen. No delete markers: they would lengthen every shorter time to
        // live to their own.
        "allow_msg_ttl": true,
        "subject_transform": {
            "src": names::pen(epoch, segment),
            "dest": "jrn.{{wildcard(1)}}.{{wildcard(2)}}",
        },
    });
    let bound = if segment == Segment::FIRST {
        ("max_bytes", json!(tombstones_bytes_max))
    } else {
        // No `max_bytes`: the broker would set so much aside for each, and run out of room that nobody uses.
        ("max_msgs", json!(SEGMENT_RECORDS_MAX))
    };
    if let Some(own) = own.as_object_mut() {
        own.insert(bound.0.to_owned(), bound.1);
    }
    settings::stream(&segment.stream(), &[names::pen(epoch, segment)], replicas, own)
}

#[derive(Deserialize)]
struct Info {
    config: Map<String, Value>,
}

impl JetStreamJournal {
    /// Lets a segment listen to our epoch's subject alone, if it does not and the lease is ours by the broker's word. Then writes
    /// one message that means nothing and lasts a second: where the stream is replicated, whatever a former leader had under way
    /// is in its place before it.
    pub(super) async fn take_the_pen(&self, segment: Segment) -> Result<(), Fault> {
        let Some(pen) = &self.pen else { return Err(Fault::NotLeading) };
        let (stream, wanted) = (segment.stream(), pen.settings(segment));
        let Info { mut config } = self.link.api(format!("STREAM.INFO.{stream}"), &json!({})).await?;
        if !PEN.into_iter().all(|key| config.get(key) == wanted.get(key)) {
            pen.holder.confirm().await?;
            for key in PEN {
                config.insert(key.to_owned(), wanted.get(key).cloned().unwrap_or_default());
            }
            let _: Value = self.link.api(format!("STREAM.UPDATE.{stream}"), &Value::Object(config)).await?;
            // Whoever was overtaken between the two questions has the pen for a moment, and writes nothing with it.
            pen.holder.confirm().await?;
        }
        let mut headers = HeaderMap::new();
        headers.insert("Nats-TTL", "1");
        let subject = names::written_by(pen.epoch, segment, names::barrier());
        self.link.put(subject, headers, Bytes::new()).await.map(|_| ())
    }

    /// Verifies every segment that there is, takes its pen, and notes what lies in it.
    pub(super) async fn open_segments(&self) -> Result<(), SetupError> {
        let opening = stream::iter(self.segments_there().await?).map(|segment| self.open_segment(segment));
        opening.buffer_unordered(AT_ONCE_MAX).try_collect().await
    }

    async fn open_segment(&self, segment: Segment) -> Result<(), SetupError> {
        let Some(pen) = &self.pen else { return Err(Fault::NotLeading.into()) };
        let stream = segment.stream();
        match settings::verify_stream_but_for(&self.link, &stream, &pen.settings(segment), &PEN).await {
            // A former leader's last wish was under way.
            Err(SetupError::Fault(fault)) if fault.is(code::STREAM_NOT_FOUND) => return Ok(()),
            verified => verified?,
        }
        self.take_the_pen(segment).await?;
        self.segments.found(segment, self.lies_in(segment).await?);
        Ok(())
    }

    /// Every segment that there is, but the first.
    pub(super) async fn segments_there(&self) -> Result<Vec<Segment>, Fault> {
        let names = streams::names(&self.link).await?;
        Ok(names.iter().filter_map(|name| Segment::of_stream(name)).collect())
    }

    /// What lies in a segment, and whether it ended.
    pub(super) async fn lies_in(&self, segment: Segment) -> Result<Vec<(IncidentId, bool)>, Fault> {
        let subjects = match streams::subjects(&self.link, &segment.stream(), names::ALL_OF_THE_JOURNAL).await
        {
            Err(fault) if fault.is(code::STREAM_NOT_FOUND) => return Ok(Vec::new()),
            subjects => subjects?,
        };
        let with_events = subjects.iter().filter_map(|subject| {
            let (incident, kind) = subject.strip_prefix("jrn.")?.split_once('.')?;
            (kind == "e").then_some(incident)?.parse().ok()
        });
        Ok(with_events.map(|one| (one, subjects.contains(&names::tombstone(one)))).collect())
    }

    /// Makes a segment, which is filled from now on. When so much is stored already that what is in flight needs the rest, it
    /// is refused.
    pub(super) async fn begin_a_segment(&self) -> Result<(), Fault> {
        let Some(pen) = &self.pen else { return Err(Fault::NotLeading) };
        if streams::stored_bytes(&self.link, pen.replicas).await? >= pen.full_at_bytes {
            return Err(Fault::Full);
        }
        let segment = Segment::new();
        let (stream, settings) = (segment.stream(), pen.settings(segment));
        // The same again is answered as the first time.
        let _: Value = patiently(|| self.link.api(format!("STREAM.CREATE.{stream}"), &settings)).await?;
        // Only now: a successor looks for segments once it has the lease, so one that was there while the lease was ours is one
        // that it finds. What is made later and written into would be known to nobody.
        pen.holder.confirm().await?;
        self.segments.fill(segment);
        Ok(())
    }

    /// Takes a segment's subject away, so that nobody can write into it any more. What it is made with stays as it is.
    pub(super) async fn close(&self, segment: Segment) -> Result<(), Fault> {
        let stream = segment.stream();
        let Info { mut config } = self.link.api(format!("STREAM.INFO.{stream}"), &json!({})).await?;
        config.insert("subjects".to_owned(), json!([names::closed_segment(segment)]));
        config.remove("subject_transform");
        let _: Value = self.link.api(format!("STREAM.UPDATE.{stream}"), &Value::Object(config)).await?;
        Ok(())
    }
}
