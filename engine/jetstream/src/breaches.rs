//! The records of breaches, which are kept: a day, a kind, and whether the letter had been opened (R24). No signal, no
//! child, no school.

use async_nats::HeaderMap;
use hwc_schemas::{IncidentId, SignalNumber, outcome::Recalled};
use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::{
    Fault, Link, Settings, SetupError,
    names::{self, BREACHES},
    settings::{self, nanos},
};

/// A record in bytes.
const RECORD_BYTES_MAX: u32 = 1024;

/// One breach, as it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreachRecord {
    /// The local day.
    pub day: Date,
    /// What happened.
    #[serde(flatten)]
    pub kind: BreachRecordKind,
    /// Whether the letter had been opened.
    pub opened: bool,
}

/// What kind of breach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "reason", rename_all = "snake_case")]
pub enum BreachRecordKind {
    /// A school opened it and does not have the child.
    Returned,
    /// It was called back.
    Recalled(Recalled),
}

/// The kept records. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Breaches {
    link: Link,
}

impl Breaches {
    /// Opens the records: makes their stream if it is missing, and verifies it.
    pub async fn open(link: &Link, settings: &Settings) -> Result<Self, SetupError> {
        let own = json!({
            "max_msg_size": RECORD_BYTES_MAX,
            "max_bytes": settings.shares.breaches,
            "duplicate_window": nanos(settings.task_ids_for),
        });
        let wanted = settings::stream(BREACHES, &[names::breach().to_owned()], settings.replicas, own);
        settings::ensure_stream(link, BREACHES, &wanted).await?;
        Ok(Self { link: link.clone() })
    }

    /// Keeps a record, durably when it answers. Keeping the same again changes nothing: it goes by a digest of the signal and
    /// the moment, from which neither can be had back.
    pub async fn keep(
        &self,
        (incident, number, at): (IncidentId, SignalNumber, Timestamp),
        record: &BreachRecord,
    ) -> Result<(), Fault> {
        let body = serde_json::to_vec(record).map_err(|_| Fault::Garbled)?;
        let digest = Sha256::new()
            .chain_update(b"hwc-breach-1")
            .chain_update(incident.as_bytes())
            .chain_update(number.get().to_be_bytes())
            .chain_update(at.as_nanosecond().to_be_bytes())
            .finalize();
        let id = digest.first_chunk().map(|half| u128::from_be_bytes(*half)).unwrap_or_default();
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Msg-Id", format!("{id:032x}"));
        self.link.put(names::breach().to_owned(), headers, body.into()).await.map(|_| ())
    }
}
