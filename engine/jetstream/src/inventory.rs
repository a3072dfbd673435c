//! What the broker really holds, by its own word: every ciphertext, and how much of everything else. Nothing is changed, and whoever
//! asks need not lead.

use std::collections::HashMap;

use hwc_journal::{Generation, Location};
use hwc_schemas::PayloadId;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::json;

use crate::{
    Fault, Link,
    fault::code,
    names::{self, BREACHES, TASKS},
    patience::patiently,
    scan::{Read, Scan},
    streams,
};

/// A ciphertext that the broker holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    /// Which.
    pub payload: PayloadId,
    /// Where.
    pub at: Location,
    /// Since when, by the broker's clock.
    pub since: Timestamp,
    /// When the broker drops it by itself; none if it would not.
    pub until: Option<Timestamp>,
    /// Its size.
    pub bytes: u64,
}

/// How much of what holds no ciphertext.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Amounts {
    /// Tasks that nobody has acknowledged yet.
    pub tasks: u64,
    /// Records of breaches.
    pub breaches: u64,
}

/// Every ciphertext that the broker holds. A board is not told of each for itself: it may make no consumer, and would have to carry
/// every one away to see when it came. So there `since` is when the last of its generation came, `until` the ceiling of that, `at`
/// no place, and `bytes` what one takes on average.
pub async fn inventory(link: &Link) -> Result<Vec<Stored>, Fault> {
    let names = streams::names(link).await?;
    let generations =
        names.iter().filter_map(|name| Generation::parse(name.strip_prefix(names::GENERATIONS)?));
    let mut all = Vec::new();
    for generation in generations {
        let (stream, filter) = (names::generation(generation), names::payloads(generation));
        if link.board().is_some() {
            all.extend(in_the_generation(link, generation).await?);
            continue;
        }
        let scan = Scan { stream: &stream, filter: &filter, from: 0, headers_only: true };
        let take = |found: &mut Vec<Stored>, read: &Read| {
            found.push(stored(generation, read)?);
            Ok::<(), Fault>(())
        };
        match scan.read(link, Vec::new, take).await {
            // Dropped since it was asked for.
            Err(fault) if fault.is(code::STREAM_NOT_FOUND) => {}
            found => all.extend(found?),
        }
    }
    Ok(all)
}

/// What a generation holds, as the stream itself says it.
async fn in_the_generation(link: &Link, generation: Generation) -> Result<Vec<Stored>, Fault> {
    #[derive(Deserialize)]
    struct Info {
        config: Config,
        state: State,
    }
    #[derive(Deserialize)]
    struct Config {
        max_age: i64,
    }
    #[derive(Deserialize)]
    struct State {
        bytes: u64,
        last_ts: Timestamp,
        #[serde(default)]
        subjects: Option<HashMap<String, u64>>,
    }
    let stream = names::generation(generation);
    let asked = json!({ "subjects_filter": names::payloads(generation) });
    let info: Info = match patiently(|| link.api(format!("STREAM.INFO.{stream}"), &asked)).await {
        Err(fault) if fault.is(code::STREAM_NOT_FOUND) => return Ok(Vec::new()),
        info => info?,
    };
    let Info { config: Config { max_age }, state: State { bytes, last_ts: since, subjects } } = info;
    let subjects = subjects.unwrap_or_default();
    let until = since.checked_add(SignedDuration::from_nanos(max_age)).ok().filter(|_| max_age > 0);
    let (at, bytes) = (Location::new(generation, 0), bytes / (subjects.len().max(1) as u64));
    let stored = |subject: String| {
        let payload = subject.rsplit('.').next().and_then(|token| token.parse().ok());
        payload.map(|payload| Stored { payload, at, since, until, bytes }).ok_or(Fault::Garbled)
    };
    subjects.into_keys().map(stored).collect()
}

/// How much there is of the rest. What was never made holds nothing.
pub async fn amounts(link: &Link) -> Result<Amounts, Fault> {
    Ok(Amounts { tasks: messages_in(link, TASKS).await?, breaches: messages_in(link, BREACHES).await? })
}

async fn messages_in(link: &Link, stream: &str) -> Result<u64, Fault> {
    #[derive(Deserialize)]
    struct Info {
        state: State,
    }
    #[derive(Deserialize)]
    struct State {
        messages: u64,
    }
    let nothing = json!({});
    match patiently(|| link.api::<Info>(format!("STREAM.INFO.{stream}"), &nothing)).await {
        Err(fault) if fault.is(code::STREAM_NOT_FOUND) => Ok(0),
        info => Ok(info?.state.messages),
    }
}

fn stored(generation: Generation, read: &Read) -> Result<Stored, Fault> {
    let payload = read.message.subject.rsplit('.').next().and_then(|token| token.parse().ok());
    let since = Timestamp::from_nanosecond(read.stored_at.into()).ok();
    let (Some(payload), Some(since)) = (payload, since) else { return Err(Fault::Garbled) };
    let header = |name: &str| -> Option<i64> {
        let value = read.message.headers.as_ref()?.get(name)?;
        value.as_str().trim_end_matches('s').parse().ok()
    };
    let until = header("Nats-TTL").and_then(|lives| since.checked_add(SignedDuration::from_secs(lives)).ok());
    // Where only headers are sent, the broker says how much it left out.
    let bytes = header("Nats-Msg-Size").and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or_default();
    Ok(Stored { payload, at: Location::new(generation, read.sequence), since, until, bytes })
}
