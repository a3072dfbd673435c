//! The records of breaches, which are kept: a day, a kind, and whether the letter had been opened (R24). No signal, no
//! child, no school. And who is still to be told of them: the stream is the queue of the mails to the project leader.

use std::time::Duration;

use async_nats::HeaderMap;
use bytes::Bytes;
use futures::StreamExt as _;
pub use hwc_schemas::breach::{BreachRecord, BreachRecordKind};
use hwc_schemas::{BreachReportId, IncidentId, Organisation, SignalNumber, message};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::time::timeout;

use crate::{
    Fault, Link, Settings, SetupError,
    names::{self, BREACHES, TELLING},
    patience::patiently,
    scan::Place,
    settings::{self, nanos},
};

/// A record in bytes.
const RECORD_BYTES_MAX: u32 = 1024;
/// How long whoever tells of a record may take, before it comes again.
const TOLD_WITHIN: Duration = Duration::from_mins(10);
/// Records that are being told of, or put back, at a time.
const IN_HAND_MAX: u32 = 1_024;
/// How long a record that cannot be read stays away.
const UNREADABLE_FOR: Duration = Duration::from_mins(10);

/// The kept records. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Breaches {
    link: Link,
}

/// What the stream is made with.
pub(crate) fn wanted(settings: &Settings) -> Value {
    let own = json!({
        "max_msg_size": RECORD_BYTES_MAX,
        "max_bytes": settings.shares.breaches,
        "duplicate_window": nanos(settings.task_ids_for),
    });
    settings::stream(BREACHES, &[names::breach().to_owned()], settings.replicas, own)
}

/// What the queue of the mails is made with.
pub(crate) fn wanted_telling(settings: &Settings) -> Value {
    json!({
        "name": TELLING,
        "durable_name": TELLING,
        "filter_subject": names::breach(),
        "deliver_policy": "all",
        "replay_policy": "instant",
        "ack_policy": "explicit",
        "ack_wait": nanos(TOLD_WITHIN),
        "max_ack_pending": IN_HAND_MAX,
        "max_deliver": -1,
        "max_waiting": 16,
        "num_replicas": settings.replicas,
    })
}

impl Breaches {
    /// Opens the records: makes their stream if it is missing, and verifies it.
    pub async fn open(link: &Link, settings: &Settings) -> Result<Self, SetupError> {
        settings::ensure_stream(link, BREACHES, &wanted(settings)).await?;
        // Whether anybody tells of them or not: so that who begins to, tells of all.
        let wanted = wanted_telling(settings);
        settings::ensure_consumer(link, BREACHES, TELLING, names::breach(), &wanted).await?;
        Ok(Self { link: link.clone() })
    }

    /// Keeps a record, durably when it answers. Keeping the same again changes nothing: it goes by a digest of the signal, the
    /// moment and what happened, from which the signal cannot be had back.
    pub async fn keep(
        &self,
        (incident, number, at): (IncidentId, SignalNumber, Timestamp),
        record: &BreachRecord,
    ) -> Result<(), Fault> {
        let digest = Sha256::new()
            .chain_update(b"hwc-breach-2")
            .chain_update(incident.as_bytes())
            .chain_update(number.get().to_be_bytes())
            .chain_update(at.as_nanosecond().to_be_bytes())
            .chain_update(serde_json::to_vec(record).map_err(|_| Fault::Garbled)?);
        self.put(digest, record).await.map(|_| ())
    }

    /// Keeps a record of what somebody reported: whether it was kept before, within a day. It goes by a digest of the report's
    /// random id, which is kept nowhere.
    pub async fn keep_reported(
        &self,
        (from, id): (&Organisation, BreachReportId),
        record: &BreachRecord,
    ) -> Result<bool, Fault> {
        let digest = Sha256::new()
            .chain_update(b"hwc-breach-report-1")
            .chain_update(id.as_bytes())
            .chain_update(from.to_string());
        self.put(digest, record).await
    }

    /// Whether it was there already.
    async fn put(&self, digest: Sha256, record: &BreachRecord) -> Result<bool, Fault> {
        let body = serde_json::to_vec(record).map_err(|_| Fault::Garbled)?;
        let id = digest.finalize().first_chunk().map(|half| u128::from_be_bytes(*half)).unwrap_or_default();
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Msg-Id", format!("{id:032x}"));
        let stored = self.link.put(names::breach().to_owned(), headers, body.into()).await?;
        Ok(stored.duplicate)
    }

    /// The next record of which the project leader is to be told; none if there is none now. It comes at least once, and
    /// again, until it was said that they were told.
    pub async fn untold(&self) -> Result<Option<Untold>, Fault> {
        let ask = json!({ "batch": 1, "no_wait": true }).to_string();
        // A subscription of its own: a record comes under the subject that it was stored under, so whoever waits for an
        // answer to a request never hears it.
        let inbox = self.link.client().new_inbox();
        let mut arriving = self.link.listen(inbox.clone()).await?;
        self.link.send(names::untold(), Some(inbox), ask.into()).await?;
        let arrived = timeout(self.link.answer_within(), arriving.next()).await;
        let arrived = arrived.map_err(|_| Fault::NoAnswer)?.ok_or(Fault::Closed)?;
        let Some(reply) = arrived.reply.filter(|_| arrived.status.is_none()) else { return Ok(None) };
        let (link, reply) = (self.link.clone(), reply.to_string());
        let tries = Place::of(&reply).map_or(1, |place| place.delivered);
        if let Ok(record) = message::read(&arrived.payload) {
            return Ok(Some(Untold { record, tries, link, reply }));
        }
        tracing::error!(
            "a breach record that this program cannot read was put back; is it older than the relay?"
        );
        link.send(reply, None, nak(UNREADABLE_FOR)).await?;
        Ok(None)
    }

    /// Of how many records the project leader was not told yet.
    pub async fn untold_count(&self) -> Result<u64, Fault> {
        #[derive(Deserialize)]
        struct Info {
            num_pending: u64,
            num_ack_pending: u64,
        }
        let info: Info = self.link.api(format!("CONSUMER.INFO.{BREACHES}.{TELLING}"), &json!({})).await?;
        Ok(info.num_pending + info.num_ack_pending)
    }
}

/// A record of which the project leader is to be told.
#[derive(Debug)]
pub struct Untold {
    /// The record.
    pub record: BreachRecord,
    /// Which time this is, from 1.
    pub tries: u64,
    link: Link,
    reply: String,
}

impl Untold {
    /// They were told. If this gets lost, it comes again.
    pub async fn told(self) -> Result<(), Fault> {
        patiently(|| self.link.ask(self.reply.clone(), None, Bytes::from_static(b"+ACK"))).await.map(|_| ())
    }

    /// They could not be told; it comes again after this.
    pub async fn put_back(self, delay: Duration) -> Result<(), Fault> {
        self.link.send(self.reply, None, nak(delay)).await
    }
}

fn nak(delay: Duration) -> Bytes {
    format!("-NAK {}", json!({ "delay": nanos(delay) })).into()
}
