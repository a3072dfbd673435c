//! How the streams must be: made if they are missing, verified at every start, never altered.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::{ACK_WITHIN, Differences, Fault, Link, SetupError, custody::MISSED, fault::code};

const DAY: Duration = Duration::from_hours(24);

/// What the streams are made with. A start with other settings than they were made with is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// On how many servers each message lies: 1 for development, 3 wherever signals are real.
    pub replicas: u8,
    /// How long a tombstone is kept: longer than the greatest age at which a report is still accepted.
    pub tombstones_for: Duration,
    /// The ceiling of a payload's age, which the broker keeps alone (R23).
    pub payloads_for: Duration,
    /// How long a notice's id is remembered, so that it is not told again. It costs the broker some hundred bytes of memory
    /// per notice in that time.
    pub task_ids_for: Duration,
    /// How long a holder of a task may be silent before it is offered again.
    pub tasks_held_for: Duration,
    /// How long the lease of the leading engine lasts without renewal, in whole seconds from 2: a stand-by takes over that
    /// much and about a second more after the leader was last heard.
    pub lease_for: Duration,
    /// How the broker's store is shared out.
    pub shares: Shares,
}

/// What each kind of thing may take of the broker's store, in bytes, on one server. Each has its own, so that a flood of
/// one never takes the others' room; together they must fit the broker's `max_file_store` ([`Shares::total`]).
///
/// Half of the journal's share is for events and half for tombstones. Its events may take as much as makes the door shut for
/// new ciphertexts: what is in flight then can still come to its end, and only an end makes room again. Every share that is
/// full is refused, tried again, and answered *try later*.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shares {
    /// Once all streams together hold this much, no further ciphertext is taken.
    pub payloads: u64,
    /// The journal, tombstones included.
    pub journal: u64,
    /// Tasks that nobody has acknowledged yet.
    pub tasks: u64,
    /// Breach records, which are kept.
    pub breaches: u64,
    /// Counts, a record a month, which are kept for years.
    pub counts: u64,
    /// Public keys that organisations left, some 500 bytes each.
    pub keys: u64,
}

impl Shares {
    /// Room for some hundred thousand ciphertexts on their way and for the tombstones of more than a year, in 8 GiB.
    pub const STANDARD: Self = Self {
        payloads: 2 * GIB,
        journal: 4 * GIB,
        tasks: 512 * MIB,
        breaches: 128 * MIB,
        counts: 128 * MIB,
        keys: 256 * MIB,
    };

    /// What the tombstones may take.
    pub(crate) const fn tombstones(&self) -> u64 {
        self.journal / 2
    }

    /// Once all streams together hold this much, no further incident begins.
    pub(crate) const fn full_for_events(&self) -> u64 {
        self.payloads + self.journal / 2
    }

    /// What the broker's `max_file_store` must be at least.
    pub const fn total(&self) -> u64 {
        // The generation that was filling when the door shut, and another engine's.
        self.payloads
            + 2 * crate::store::GENERATION_BYTES_MAX
            + self.journal
            + self.tasks
            + self.breaches
            + self.counts
            + self.keys
    }
}

const MIB: u64 = 1024 * 1024;
const GIB: u64 = 1024 * MIB;

impl Settings {
    /// One server; everything else as in production.
    pub const fn development() -> Self {
        Self {
            replicas: 1,
            tombstones_for: DAY.saturating_mul(400),
            payloads_for: DAY.saturating_mul(28),
            task_ids_for: DAY,
            tasks_held_for: ACK_WITHIN,
            lease_for: Duration::from_secs(2),
            shares: Shares::STANDARD,
        }
    }

    /// Three servers.
    pub const fn production() -> Self {
        Self { replicas: 3, ..Self::development() }
    }
}

/// What every stream of ours has in common. Each key is said, so that a default of the server that changes shows.
///
/// * `max_consumers`: −1 means 1,000 since 2.15.
/// * `allow_direct` is off: a direct get may be answered by a replica that lags, and what is read here decides.
/// * No mirror and no source: what is erased here would stay there.
/// * `discard: new`: a limit is a refusal, never a silent loss.
pub(crate) fn stream(name: &str, subjects: &[String], replicas: u8, own: Value) -> Value {
    let mut config = json!({
        "name": name,
        "subjects": subjects,
        "retention": "limits",
        "storage": "file",
        "num_replicas": replicas,
        "discard": "new",
        "max_msgs": -1,
        "max_bytes": -1,
        "max_msgs_per_subject": -1,
        "max_age": 0,
        "max_consumers": 16,
        // Nobody sends message ids here, but where said otherwise; the shortest window the server takes.
        "duplicate_window": nanos(Duration::from_millis(100)),
        "compression": "none",
        "allow_direct": false,
        "deny_delete": false,
        "deny_purge": false,
    });
    if let (Some(config), Value::Object(own)) = (config.as_object_mut(), own) {
        config.extend(own);
    }
    config
}

/// A duration as JetStream writes it.
pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Makes the stream if it is missing, and verifies it.
pub(crate) async fn ensure_stream(link: &Link, name: &str, wanted: &Value) -> Result<(), SetupError> {
    ensure_stream_but_for(link, name, wanted, &[]).await
}

/// Makes the stream if it is missing, and verifies it but for these keys.
pub(crate) async fn ensure_stream_but_for(
    link: &Link,
    name: &str,
    wanted: &Value,
    free: &[&str],
) -> Result<(), SetupError> {
    let nothing = json!({});
    let info = || link.api::<Value>(format!("STREAM.INFO.{name}"), &nothing);
    let found = match info().await {
        Err(fault) if fault.is(code::STREAM_NOT_FOUND) => {
            match link.api::<Value>(format!("STREAM.CREATE.{name}"), wanted).await {
                // Another engine made it in between; look what it made.
                Err(fault) if fault.is(code::STREAM_EXISTS) => info().await?,
                made => made?,
            }
        }
        found => found?,
    };
    verify(name, wanted, &found, free)
}

/// Verifies a stream that is there, but for these keys; one that is being mended may have fewer servers.
pub(crate) async fn verify_stream_but_for(
    link: &Link,
    name: &str,
    wanted: &Value,
    free: &[&str],
) -> Result<(), SetupError> {
    let found = link.api::<Value>(format!("STREAM.INFO.{name}"), &json!({})).await?;
    let metadata = found.get("config").and_then(|config| config.get("metadata"));
    let mended = metadata.is_some_and(|metadata| metadata.get(MISSED).is_some());
    let free: Vec<_> = free.iter().copied().chain(mended.then_some("num_replicas")).collect();
    verify(name, wanted, &found, &free)
}

/// In what a stream or consumer that is there differs, but for these keys; none if it is not there. Nothing is changed.
pub(crate) async fn look(
    link: &Link,
    (what, name): (String, &str),
    wanted: &Value,
    free: &[&str],
) -> Result<Option<Vec<String>>, Fault> {
    match link.api::<Value>(what, &json!({})).await {
        Err(fault) if fault.is(code::STREAM_NOT_FOUND) || fault.is(code::CONSUMER_NOT_FOUND) => Ok(None),
        Err(fault) => Err(fault),
        Ok(found) => match verify(name, wanted, &found, free) {
            Ok(()) => Ok(Some(Vec::new())),
            Err(SetupError::Differs(Differences(all))) => Ok(Some(all)),
            Err(SetupError::Fault(fault)) => Err(fault),
        },
    }
}

/// Makes the durable consumer if it is missing, and verifies it.
pub(crate) async fn ensure_consumer(
    link: &Link,
    stream: &str,
    name: &str,
    filter: &str,
    wanted: &Value,
) -> Result<(), SetupError> {
    let nothing = json!({});
    let info = || link.api::<Value>(format!("CONSUMER.INFO.{stream}.{name}"), &nothing);
    let found = match info().await {
        Err(fault) if fault.is(code::CONSUMER_NOT_FOUND) => {
            let order = json!({ "stream_name": stream, "config": wanted, "action": "create" });
            match link.api::<Value>(format!("CONSUMER.CREATE.{stream}.{name}.{filter}"), &order).await {
                Err(fault) if fault.is(code::CONSUMER_EXISTS) => info().await?,
                made => made?,
            }
        }
        found => found?,
    };
    verify(&format!("{stream}/{name}"), wanted, &found, &[])
}

fn verify(name: &str, wanted: &Value, info: &Value, free: &[&str]) -> Result<(), SetupError> {
    let found = info.get("config").and_then(Value::as_object).ok_or(Fault::Garbled)?;
    let wanted = wanted.as_object().ok_or(Fault::Garbled)?;
    let kept = |map: &Map<String, Value>| -> Map<String, Value> {
        map.iter()
            .filter(|(key, _)| !free.contains(&key.as_str()))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect()
    };
    let differences = differences(name, &kept(wanted), &kept(found));
    if differences.is_empty() { Ok(()) } else { Err(SetupError::Differs(Differences(differences))) }
}

/// Every key in which the two differ; a key that is absent, off or empty is all the same.
fn differences(name: &str, wanted: &Map<String, Value>, found: &Map<String, Value>) -> Vec<String> {
    let mut keys: Vec<_> = wanted.keys().chain(found.keys()).collect();
    keys.sort_unstable();
    keys.dedup();
    let said = |map: &Map<String, Value>, key: &str| map.get(key).and_then(|value| plain(key, value));
    keys.into_iter()
        .filter_map(|key| {
            let (wanted, found) = (said(wanted, key), said(found, key));
            let show =
                |value: Option<Value>| value.map_or_else(|| "off".to_owned(), |value| shown(key, &value));
            (wanted != found)
                .then(|| format!("{name}: {} is {}, wanted {}", spoken(key), show(found), show(wanted)))
        })
        .collect()
}

/// What a key says; `None` when it says nothing.
fn plain(key: &str, value: &Value) -> Option<Value> {
    match value {
        Value::Null | Value::Bool(false) => None,
        Value::String(text) if text.is_empty() => None,
        Value::Array(list) if list.is_empty() => None,
        Value::Object(map) => {
            // The server notes its own version in the metadata, and we which servers missed an erasure.
            let rest: Map<_, _> = map
                .iter()
                .filter(|(inner, _)| {
                    key != "metadata" || !["_nats.", "hwc."].iter().any(|ours| inner.starts_with(ours))
                })
                .map(|(inner, value)| (inner.clone(), value.clone()))
                .collect();
            (!rest.is_empty()).then_some(Value::Object(rest))
        }
        other => Some(other.clone()),
    }
}

fn spoken(key: &str) -> &str {
    match key {
        "num_replicas" => "replicas",
        other => other,
    }
}

fn shown(key: &str, value: &Value) -> String {
    let lasts =
        matches!(key, "max_age" | "duplicate_window" | "ack_wait" | "max_expires" | "inactive_threshold");
    match value.as_u64() {
        Some(nanos) if lasts => format!("{:?}", Duration::from_nanos(nanos)),
        _ => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn differing(wanted: &Value, found: &Value) -> Vec<String> {
        differences("JOURNAL", wanted.as_object().unwrap(), found.as_object().unwrap())
    }

    #[test]
    fn what_the_server_adds_by_itself_is_no_difference() {
        let found = json!({ "name": "A", "metadata": { "_nats.ver": "2.15.1" }, "consumer_limits": {}, "sealed": false });
        assert_eq!(differing(&json!({ "name": "A", "deny_delete": false }), &found), [""; 0]);
    }

    #[test]
    fn the_journal_has_room_when_the_door_is_shut_for_ciphertexts() {
        let shares = Shares::STANDARD;
        assert!(shares.journal >= 2 * shares.payloads);
        assert!(shares.total() < 8 * GIB, "{}", shares.total());
    }

    #[test]
    fn every_difference_is_named_with_both_values() {
        let wanted = json!({ "num_replicas": 3, "max_age": 60_000_000_000_u64, "storage": "file" });
        let found = json!({ "num_replicas": 1, "max_age": 0, "storage": "file", "mirror": { "name": "X" } });
        assert_eq!(
            differing(&wanted, &found),
            [
                "JOURNAL: max_age is 0ns, wanted 60s",
                "JOURNAL: mirror is {\"name\":\"X\"}, wanted off",
                "JOURNAL: replicas is 1, wanted 3",
            ]
        );
    }
}
