//! What is asked of streams, whatever they hold.

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{Fault, Link, fault::code, patience::patiently};

/// The names of all streams.
pub(crate) async fn names(link: &Link) -> Result<Vec<String>, Fault> {
    #[derive(Deserialize)]
    struct Page {
        total: usize,
        streams: Option<Vec<String>>,
    }
    let mut all = Vec::new();
    loop {
        let offset = json!({ "offset": all.len() });
        let page: Page = patiently(|| link.api("STREAM.NAMES".to_owned(), &offset)).await?;
        let names = page.streams.unwrap_or_default();
        let ended = names.is_empty();
        all.extend(names);
        if ended || all.len() >= page.total {
            return Ok(all);
        }
    }
}

/// The subjects of a stream that match, once each. For streams that hold little: it is no cheap question.
pub(crate) async fn subjects(link: &Link, stream: &str, filter: &str) -> Result<BTreeSet<String>, Fault> {
    #[derive(Deserialize)]
    struct Info {
        state: State,
    }
    #[derive(Deserialize)]
    struct State {
        #[serde(default)]
        subjects: Option<HashMap<String, u64>>,
    }
    let asked = json!({ "subjects_filter": filter });
    let info: Info = patiently(|| link.api(format!("STREAM.INFO.{stream}"), &asked)).await?;
    Ok(info.state.subjects.unwrap_or_default().into_keys().collect())
}

/// What everything in the store takes on one server: ciphertexts, journal, tasks and records together.
pub(crate) async fn stored_bytes(link: &Link, replicas: u8) -> Result<u64, Fault> {
    #[derive(Deserialize)]
    struct Info {
        storage: u64,
    }
    let nothing = json!({});
    let info: Info = patiently(|| link.api("INFO".to_owned(), &nothing)).await?;
    Ok(info.storage / u64::from(replicas.max(1)))
}

/// The place of the last message that a stream ever took.
pub(crate) async fn last_place(link: &Link, stream: &str) -> Result<u64, Fault> {
    #[derive(Deserialize)]
    struct Info {
        state: State,
    }
    #[derive(Deserialize)]
    struct State {
        last_seq: u64,
    }
    let nothing = json!({});
    let info: Info = patiently(|| link.api(format!("STREAM.INFO.{stream}"), &nothing)).await?;
    Ok(info.state.last_seq)
}

/// What the broker says that it is now, where this stream is led.
pub(crate) async fn now(link: &Link, stream: &str) -> Result<Timestamp, Fault> {
    #[derive(Deserialize)]
    struct Info {
        ts: Timestamp,
    }
    let nothing = json!({});
    let info: Info = patiently(|| link.api(format!("STREAM.INFO.{stream}"), &nothing)).await?;
    Ok(info.ts)
}

/// Drops a stream with everything in it; gone already is as good.
pub(crate) async fn delete(link: &Link, stream: &str) -> Result<(), Fault> {
    match link.api::<Value>(format!("STREAM.DELETE.{stream}"), &json!({})).await {
        Err(fault) if !fault.is(code::STREAM_NOT_FOUND) => Err(fault),
        _ => Ok(()),
    }
}
