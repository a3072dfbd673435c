//! The public keys that organisations left with the engine: one stream, one message for each key.
//!
//! A key is taken out before the seal that was made to it is stored. Of all who try to take one the broker lets one have it; an
//! engine that led before and wakes late can take a key, which is then lost, but can put none in: each message is put behind the
//! last one that its writer knew of, and whoever begins to lead puts one.

use std::sync::Arc;

use async_nats::HeaderMap;
use hwc_schemas::{KeyId, Organisation, key::SignedKey, message};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::{
    Fault, Holder, Lease, Link, Settings, SetupError,
    fault::code,
    messages::{self, Which},
    names::{self, KEYS},
    scan::Scan,
    settings, streams,
};

/// A key in bytes, headers included.
const KEY_BYTES_MAX: u32 = 1024;

/// Behind what a message must be put: no other came in between.
const EXPECTED: &str = "Nats-Expected-Last-Sequence";

/// Who says that an engine begins to lead; no organisation is called so.
const BARRIER: &str = "barrier";

/// The stock on the broker. Cheap to clone.
#[derive(Clone, Debug)]
pub struct KeyStock {
    link: Link,
    holder: Holder,
    /// The last place of the stream, as far as we know; and whoever puts something in waits for it.
    last: Arc<Mutex<u64>>,
}

/// What the stream is made with.
pub(crate) fn wanted(settings: &Settings) -> Value {
    let own = json!({
        "max_msgs_per_subject": 1,
        "discard_new_per_subject": true,
        "max_msg_size": KEY_BYTES_MAX,
        "max_bytes": settings.shares.keys,
    });
    settings::stream(KEYS, &[names::key("*", "*")], settings.replicas, own)
}

impl KeyStock {
    /// Opens the stock for whoever leads: makes its stream if it is missing, verifies it, shuts out whoever led before, and reads
    /// what is there. What cannot be read is left alone.
    pub async fn open(
        lease: &Lease,
        settings: &Settings,
    ) -> Result<(Self, Vec<(Organisation, SignedKey)>), SetupError> {
        let link = lease.link();
        settings::ensure_stream(link, KEYS, &wanted(settings)).await?;
        let all = names::key("*", "*");
        let barrier = names::key(BARRIER, lease.epoch().0);
        match link.put(barrier, HeaderMap::new(), Vec::new().into()).await {
            Ok(stored) => messages::erase(link, KEYS, stored.seq).await?,
            // Ours, from a moment ago.
            Err(fault) if fault.is_already_there() => {}
            Err(fault) => Err(fault)?,
        }
        let last = Arc::new(Mutex::new(streams::last_place(link, KEYS).await?));
        let scan = Scan { stream: KEYS, filter: &all, from: 1, headers_only: false };
        let found = scan.read(link, Vec::new, |found: &mut Vec<_>, read| {
            found.extend(understood(&read.message));
            Ok::<_, Fault>(())
        });
        let found = found.await?;
        Ok((Self { link: link.clone(), holder: lease.holder(), last }, found))
    }

    /// Puts a key in, durably when it answers; one that is there already is as good. After [`Fault::NoAnswer`] it may be there.
    pub async fn put(&self, organisation: &Organisation, key: &SignedKey) -> Result<(), Fault> {
        let body = serde_json::to_vec(key).map_err(|_| Fault::Garbled)?;
        let mut last = self.last.lock().await;
        // Once more where somebody else's message lies in between, if that was not another engine's.
        for attempt in 0..2 {
            let mut headers = HeaderMap::new();
            headers.insert(EXPECTED, last.to_string());
            match self.link.put(names::key(organisation, key.id), headers, body.clone().into()).await {
                Ok(stored) => {
                    *last = stored.seq;
                    return Ok(());
                }
                Err(fault) if fault.is_already_there() => return Ok(()),
                Err(fault) if fault.is(code::WRONG_LAST_SEQUENCE) && attempt == 0 => {
                    // In this order: what another engine writes once it leads lies behind this place.
                    let place = streams::last_place(&self.link, KEYS).await?;
                    self.holder.confirm().await?;
                    *last = place;
                }
                Err(fault) => return Err(fault),
            }
        }
        Err(Fault::NotLeading)
    }

    /// Takes a key out. Whether it was there: of several who take the same key one hears so.
    pub async fn take(&self, organisation: &Organisation, id: KeyId) -> Result<bool, Fault> {
        let subject = names::key(organisation, id);
        match messages::get(&self.link, KEYS, Which::LastOf(&subject)).await? {
            Some(found) => messages::take(&self.link, KEYS, found.sequence).await,
            None => Ok(false),
        }
    }
}

pub(crate) fn understood(found: &async_nats::Message) -> Option<(Organisation, SignedKey)> {
    let organisation = found.subject.split('.').nth(1)?.parse().ok()?;
    Some((organisation, message::read(&found.payload).ok()?))
}
