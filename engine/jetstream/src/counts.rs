//! The counts that stay (R25, R26): one record for each month, of which only the newest revision is there.
//!
//! What shaped it (verified on 2.15.1):
//!
//! * A revision that is merely superseded, or dropped by a limit, leaves its bytes in the block; the difference of two would say
//!   who was counted in between. So there is no limit of revisions: the former one is deleted securely when the next is durable, and
//!   whatever a crash left is looked for at every opening.
//! * Every write is guarded by the last place of *all* months (the guard takes a wildcard). So whoever writes has seen everything
//!   that was written before, and the writes of two engines cannot be mixed. The newest message of all is never deleted: an
//!   expectation of what was before it would pass again.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use async_nats::HeaderMap;
use hwc_schemas::wire::limits::MESSAGE_BYTES_MAX;
use serde_json::{Value, json};

use crate::{
    Fault, Link, Settings, SetupError,
    custody::{Custody, Settled},
    fault::code,
    messages,
    names::{self, COUNTS},
    scan::{Read, Scan},
    settings,
};

/// The kept counts. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Counts {
    link: Link,
    custody: Arc<Custody>,
}

/// Every record, as it lies there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kept {
    /// By the month, as in `2026-11`: the place and the record.
    pub records: BTreeMap<String, (u64, Vec<u8>)>,
    /// The last place of all: what a write expects.
    pub end: u64,
    /// The places of former revisions, which are to go.
    superseded: Vec<u64>,
}

/// What became of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// It is durable, at this place.
    Kept(u64),
    /// Something else was written meanwhile: read again.
    Conflict,
}

/// What the stream is made with.
pub(crate) fn wanted(settings: &Settings) -> Value {
    // Each reading is a consumer for a moment; of whoever dies in the middle, for half a minute.
    let own = json!({
        "max_msg_size": MESSAGE_BYTES_MAX,
        "max_bytes": settings.shares.counts,
        "max_consumers": 64,
    });
    settings::stream(COUNTS, &[names::ALL_COUNTS.to_owned()], settings.replicas, own)
}

impl Counts {
    /// Opens the records: makes their stream if it is missing, and verifies it.
    pub async fn open(link: &Link, settings: &Settings) -> Result<Self, SetupError> {
        let wanted = wanted(settings);
        match settings::verify_stream_but_for(link, COUNTS, &wanted, &[]).await {
            Err(SetupError::Fault(fault)) if fault.is(code::STREAM_NOT_FOUND) => {
                settings::ensure_stream(link, COUNTS, &wanted).await?;
            }
            verified => verified?,
        }
        let custody = Arc::new(Custody::of(link.clone(), settings.replicas, COUNTS));
        Ok(Self { link: link.clone(), custody })
    }

    /// Opens the records for reading only.
    pub fn read_only(link: &Link) -> Self {
        Self { link: link.clone(), custody: Arc::new(Custody::of(link.clone(), 1, COUNTS)) }
    }

    /// Every record there is; none where no engine ever was.
    pub async fn read(&self) -> Result<Kept, Fault> {
        let scan = Scan { stream: COUNTS, filter: names::ALL_COUNTS, from: 0, headers_only: false };
        let take = |kept: &mut Kept, read: &Read| {
            let Some(month) = names::month_of(&read.message.subject) else { return Ok(()) };
            let former =
                kept.records.insert(month.to_owned(), (read.sequence, read.message.payload.to_vec()));
            kept.superseded.extend(former.map(|(place, _)| place));
            kept.end = read.sequence;
            Ok::<(), Fault>(())
        };
        match scan.read(&self.link, Kept::default, take).await {
            Err(fault) if fault.is(code::STREAM_NOT_FOUND) => Ok(Kept::default()),
            kept => kept,
        }
    }

    /// Keeps a month's record, durably when it answers, if nothing was written since the last place that the caller knows. What
    /// came before it is still there: [`Counts::erase`] it.
    ///
    /// A fault leaves open what became of it: read again.
    pub async fn put(&self, month: &str, expected: u64, body: Vec<u8>) -> Result<Put, Fault> {
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Expected-Last-Subject-Sequence", expected.to_string());
        headers.insert("Nats-Expected-Last-Subject-Sequence-Subject", names::ALL_COUNTS);
        match self.link.put(names::counts(month), headers, body.into()).await {
            Ok(stored) => Ok(Put::Kept(stored.seq)),
            Err(fault) if fault.is(code::WRONG_LAST_SEQUENCE) => Ok(Put::Conflict),
            Err(fault) if fault.is(code::WRONG_LAST_SEQUENCE_UNDER_WAY) => Ok(Put::Conflict),
            Err(fault) => Err(fault),
        }
    }

    /// Deletes a former revision so that its bytes leave the disk; gone already is as good. Never the last of all.
    pub async fn erase(&self, place: u64) -> Result<(), Fault> {
        let since = Instant::now();
        messages::erase(&self.link, COUNTS, place).await?;
        self.custody.erased(COUNTS, [since]).await;
        Ok(())
    }

    /// Deletes what a crash left: former revisions that are still there.
    pub async fn erase_superseded(&self, kept: &Kept) -> Result<(), Fault> {
        for place in &kept.superseded {
            self.erase(*place).await?;
        }
        Ok(())
    }

    /// Looks whether what was deleted is off every server's disk, and mends what a server missed.
    pub async fn settle(&self) -> Settled {
        self.custody.settle().await
    }
}
