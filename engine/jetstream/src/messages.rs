//! Single messages of a stream, read from its leader.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{Fault, Link, fault::code};

/// A message as it lies in its stream.
pub(crate) struct Lying {
    pub(crate) subject: String,
    pub(crate) sequence: u64,
    pub(crate) body: Vec<u8>,
    /// When the broker took it.
    pub(crate) since: Option<Timestamp>,
    /// Whether it has an id of which the broker takes no second one for a while.
    pub(crate) has_id: bool,
    /// Until when it is to be there; none if it has no such time. A server that has only just started may not have looked yet.
    until: Option<Timestamp>,
}

impl Lying {
    /// Whether its time is over, though the broker still has it.
    pub(crate) fn is_over(&self) -> bool {
        self.until.is_some_and(|until| until <= Timestamp::now())
    }
}

/// What the broker answers.
#[derive(Deserialize)]
pub(crate) struct Answer {
    message: Message,
}

#[derive(Deserialize)]
struct Message {
    subject: String,
    seq: u64,
    #[serde(default)]
    data: String,
    #[serde(default)]
    hdrs: String,
    time: Option<Timestamp>,
}

impl Answer {
    pub(crate) fn lying(self) -> Result<Lying, Fault> {
        let Message { subject, seq, data, hdrs, time } = self.message;
        let body = BASE64.decode(data).map_err(|_| Fault::Garbled)?;
        let headers = BASE64.decode(hdrs).map_err(|_| Fault::Garbled)?;
        let headers = String::from_utf8_lossy(&headers);
        let lives = time_to_live(&headers);
        let has_id = headers.lines().any(|line| line.starts_with("Nats-Msg-Id:"));
        let until = time.zip(lives).and_then(|(stored, lives)| stored.checked_add(lives).ok());
        Ok(Lying { subject, sequence: seq, body, since: time, has_id, until })
    }
}

/// Which message is meant.
#[derive(Clone, Copy)]
pub(crate) enum Which<'a> {
    /// The one at this place.
    At(u64),
    /// The last one of these subjects.
    LastOf(&'a str),
    /// The first one of these subjects at this place or after it.
    NextOf(&'a str, u64),
}

/// Reads one message; `None` when there is no such message, or no such stream.
///
/// `STREAM.MSG.GET` is answered by the leader alone, so it never lags behind what was acknowledged.
pub(crate) async fn get(link: &Link, stream: &str, which: Which<'_>) -> Result<Option<Lying>, Fault> {
    let asked = match which {
        Which::At(sequence) => json!({ "seq": sequence }),
        Which::LastOf(subjects) => json!({ "last_by_subj": subjects }),
        Which::NextOf(subjects, sequence) => json!({ "next_by_subj": subjects, "seq": sequence }),
    };
    match link.api::<Answer>(format!("STREAM.MSG.GET.{stream}"), &asked).await {
        Ok(answer) => answer.lying().map(Some),
        Err(fault) if gone(&fault) => Ok(None),
        Err(fault) => Err(fault),
    }
}

/// Erases one message so that its bytes leave the disk (`no_erase` is not said); already gone is as good.
pub(crate) async fn erase(link: &Link, stream: &str, sequence: u64) -> Result<(), Fault> {
    take(link, stream, sequence).await.map(|_| ())
}

/// The same; whether it was we who erased it: of several who try, the broker says so to one.
pub(crate) async fn take(link: &Link, stream: &str, sequence: u64) -> Result<bool, Fault> {
    match link.api::<Value>(format!("STREAM.MSG.DELETE.{stream}"), &json!({ "seq": sequence })).await {
        Ok(answer) if answer.get("success") == Some(&Value::Bool(true)) => Ok(true),
        Ok(_) => Err(Fault::Garbled),
        Err(fault) if gone(&fault) => Ok(false),
        Err(fault) => Err(fault),
    }
}

/// What a message's headers say of how long it lives, as we write it: in whole seconds.
fn time_to_live(headers: &str) -> Option<SignedDuration> {
    let value = headers.lines().find_map(|line| line.strip_prefix("Nats-TTL:"))?.trim();
    value.trim_end_matches('s').parse().ok().map(SignedDuration::from_secs)
}

fn gone(fault: &Fault) -> bool {
    [code::NO_MESSAGE, code::NO_SEQUENCE, code::STREAM_NOT_FOUND].into_iter().any(|code| fault.is(code))
}
