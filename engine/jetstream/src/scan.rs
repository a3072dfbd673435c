//! Reading through a stream once, from its first message to its last, in bounded pieces.
//!
//! An ephemeral consumer that acknowledges nothing is the one way that costs O(what is there): asking message by message
//! costs a round trip each. If the connection breaks in the middle, the broker counts messages as delivered that never
//! arrived; the consumer's own count in the reply subject shows the gap, and the reading starts again.
//!
//! A board may make no consumer ([`crate::board`]). It pays the round trips, many at a time.

use std::time::Duration;

use async_nats::Message;
use futures::{StreamExt as _, stream};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::timeout;
use uuid::Uuid;

use crate::{
    Fault, Link,
    messages::{self, Lying, Which},
    settings::nanos,
    streams::last_place,
};

/// Messages asked for at once: what waits in memory at most.
const BATCH: u64 = 256;
/// Pieces of a stream that are read message by message at the same time.
const PIECES_AT_ONCE: usize = 32;
/// Places in a piece, at least.
const PIECE_MIN: u64 = 64;
/// Pieces that a stream is read in, at most: where much was erased each costs a round trip for nothing.
const PIECES_MAX: u64 = 512;
/// How often a reading that was interrupted starts again.
const READINGS_MAX: u32 = 3;

/// What to read.
pub(crate) struct Scan<'a> {
    pub(crate) stream: &'a str,
    pub(crate) filter: &'a str,
    /// From which place on; 0 and 1 are the first.
    pub(crate) from: u64,
    /// Whether the bodies stay where they are.
    pub(crate) headers_only: bool,
}

/// One message of a stream.
#[derive(Clone)]
pub(crate) struct Read {
    pub(crate) message: Message,
    pub(crate) sequence: u64,
    /// When the broker stored it, in nanoseconds since 1970 by the broker's clock.
    pub(crate) stored_at: i64,
}

impl Scan<'_> {
    /// Reads everything there is. `fresh` begins, `each` takes the messages in order; on an interruption both start over.
    pub(crate) async fn read<T, E: From<Fault>>(
        &self,
        link: &Link,
        fresh: impl Fn() -> T,
        mut each: impl FnMut(&mut T, &Read) -> Result<(), E>,
    ) -> Result<T, E> {
        let mut readings = 1;
        loop {
            let mut so_far = fresh();
            match self.once(link, |read| each(&mut so_far, read)).await {
                Ok(()) => return Ok(so_far),
                Err(Stop::Broken(_)) if readings < READINGS_MAX => readings += 1,
                Err(Stop::Broken(fault)) => return Err(fault.into()),
                Err(Stop::Asked(error)) => return Err(error),
            }
        }
    }

    /// Whether this is the end of it. That nothing came says little: a consumer whose leader changed or that is not ready yet
    /// says so too, and so does one that delivered what never arrived.
    async fn check_the_end<E>(&self, link: &Link, name: &str, read: u64) -> Result<(), Stop<E>> {
        #[derive(Deserialize)]
        struct Info {
            num_pending: u64,
            delivered: Delivered,
        }
        #[derive(Deserialize)]
        struct Delivered {
            consumer_seq: u64,
        }
        let asked = format!("CONSUMER.INFO.{}.{name}", self.stream);
        let info: Info = link.api(asked, &json!({})).await?;
        let ended = info.num_pending == 0 && info.delivered.consumer_seq == read;
        if ended { Ok(()) } else { Err(Fault::NoAnswer.into()) }
    }

    async fn once<E>(
        &self,
        link: &Link,
        mut each: impl FnMut(&Read) -> Result<(), E>,
    ) -> Result<(), Stop<E>> {
        if link.board().is_some() {
            return self.by_place(link, each).await;
        }
        let name = format!("scan-{}", Uuid::new_v4().simple());
        let stream = self.stream;
        let mut config = json!({
            "name": name,
            "filter_subject": self.filter,
            "deliver_policy": "all",
            "ack_policy": "none",
            "replay_policy": "instant",
            "headers_only": self.headers_only,
            "mem_storage": true,
            "num_replicas": 1,
            "max_waiting": 4,
            // Who dies in the middle leaves nothing behind.
            "inactive_threshold": nanos(Duration::from_secs(30)),
        });
        if self.from > 1
            && let Some(config) = config.as_object_mut()
        {
            config.insert("deliver_policy".to_owned(), "by_start_sequence".into());
            config.insert("opt_start_seq".to_owned(), self.from.into());
        }
        let order = json!({ "stream_name": stream, "config": config, "action": "create" });
        let made =
            link.api::<Value>(format!("CONSUMER.CREATE.{stream}.{name}.{}", self.filter), &order).await?;
        if made.get("num_pending").and_then(Value::as_u64) != Some(0) {
            self.pull(link, &name, &mut each).await?;
        }
        let _ = link.api::<Value>(format!("CONSUMER.DELETE.{stream}.{name}"), &json!({})).await;
        Ok(())
    }

    /// The same without a consumer. Where only headers are wanted the bodies come along.
    async fn by_place<E>(
        &self,
        link: &Link,
        mut each: impl FnMut(&Read) -> Result<(), E>,
    ) -> Result<(), Stop<E>> {
        let last = last_place(link, self.stream).await?;
        // Where there is nothing of this kind, one question says so.
        let first = messages::get(link, self.stream, Which::NextOf(self.filter, self.from.max(1))).await?;
        let Some(first) = first.map(|found| found.sequence).filter(|first| *first <= last) else {
            return Ok(());
        };
        let places = ((last - first) / PIECES_MAX).max(PIECE_MIN);
        let begins = std::iter::successors(Some(first), |begin| begin.checked_add(places));
        let pieces = begins.take_while(|begin| *begin <= last).map(|begin| {
            let end = begin.saturating_add(places - 1).min(last);
            self.piece(link, begin, end)
        });
        let mut pieces = stream::iter(pieces).buffered(PIECES_AT_ONCE);
        while let Some(piece) = pieces.next().await {
            for read in piece? {
                each(&read).map_err(Stop::Asked)?;
            }
        }
        Ok(())
    }

    /// What lies from one place to another, both included.
    async fn piece(&self, link: &Link, begin: u64, end: u64) -> Result<Vec<Read>, Fault> {
        let (mut place, mut found) = (begin, Vec::new());
        while place <= end {
            let Some(next) = messages::get(link, self.stream, Which::NextOf(self.filter, place)).await?
            else {
                break;
            };
            if next.sequence > end {
                break;
            }
            place = next.sequence + 1;
            found.push(Read::of(next)?);
        }
        Ok(found)
    }

    async fn pull<E>(
        &self,
        link: &Link,
        name: &str,
        each: &mut impl FnMut(&Read) -> Result<(), E>,
    ) -> Result<(), Stop<E>> {
        let inbox = link.client().new_inbox();
        let mut answers = link.listen(inbox.clone()).await?;
        let next = format!("$JS.API.CONSUMER.MSG.NEXT.{}.{name}", self.stream);
        let ask = json!({ "batch": BATCH, "no_wait": true }).to_string();
        let mut before = 0;
        loop {
            link.send(next.clone(), Some(inbox.clone()), ask.clone().into()).await?;
            let mut left = BATCH;
            while left > 0 {
                let message =
                    timeout(link.answer_within(), answers.next()).await.map_err(|_| Fault::NoAnswer)?;
                let message = message.ok_or(Fault::Closed)?;
                match message.status.map(|status| status.as_u16()) {
                    None => {}
                    // Nothing is left: of all of it, which is asked, or of this piece.
                    Some(404 | 408) if left == BATCH => return self.check_the_end(link, name, before).await,
                    Some(404 | 408) => break,
                    Some(_) => return Err(Fault::NobodyServes.into()),
                }
                let place = message.reply.as_deref().and_then(Place::of).ok_or(Fault::Garbled)?;
                if place.consumer != before + 1 {
                    return Err(Fault::NoAnswer.into());
                }
                before = place.consumer;
                left -= 1;
                let (sequence, stored_at) = (place.stream, place.stored_at);
                each(&Read { message, sequence, stored_at }).map_err(Stop::Asked)?;
                if place.pending == 0 {
                    return Ok(());
                }
            }
        }
    }
}

impl Read {
    /// A message that was asked for by its place.
    fn of(lying: Lying) -> Result<Self, Fault> {
        let Lying { subject, sequence, body, since, .. } = lying;
        let stored_at = since.and_then(|since| i64::try_from(since.as_nanosecond()).ok());
        let message = Message {
            length: body.len(),
            subject: subject.into(),
            payload: body.into(),
            reply: None,
            headers: None,
            status: None,
            description: None,
        };
        Ok(Self { message, sequence, stored_at: stored_at.ok_or(Fault::Garbled)? })
    }
}

/// Why a reading stopped.
#[derive(Debug)]
enum Stop<E> {
    Broken(Fault),
    Asked(E),
}

impl<E> From<Fault> for Stop<E> {
    fn from(fault: Fault) -> Self {
        Self::Broken(fault)
    }
}

/// What the reply subject of a delivered message says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// How often it was delivered, this time included.
    pub(crate) delivered: u64,
    stream: u64,
    consumer: u64,
    stored_at: i64,
    pending: u64,
}

impl Place {
    /// `$JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<time>.<pending>`, with the domain and a hash
    /// of the account after `ACK` where the server's second form is on.
    pub(crate) fn of(reply: &str) -> Option<Self> {
        let tokens: Vec<&str> = reply.split('.').collect();
        let first = match tokens.len() {
            9 => 4,
            11.. => 6,
            _ => return None,
        };
        let number = |at: usize| tokens.get(first + at)?.parse::<u64>().ok();
        Some(Self {
            delivered: number(0)?,
            stream: number(1)?,
            consumer: number(2)?,
            stored_at: i64::try_from(number(3)?).ok()?,
            pending: number(4)?,
        })
    }

    /// When the message was stored.
    pub(crate) fn stored_at(&self) -> Option<jiff::Timestamp> {
        jiff::Timestamp::from_nanosecond(self.stored_at.into()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_of_a_message_is_read_in_both_forms_of_the_server() {
        let place =
            Place { delivered: 3, stream: 70, consumer: 5, stored_at: 1_700_000_000_000_000_000, pending: 9 };
        let counts = "3.70.5.1700000000000000000.9";
        assert_eq!(Place::of(&format!("$JS.ACK.TASKS.school-01AA00.{counts}")), Some(place));
        assert_eq!(Place::of(&format!("$JS.ACK._.6LvWHe4E.TASKS.school-01AA00.{counts}")), Some(place));
        for bad in [
            "",
            "$JS.ACK.TASKS.A.1.2.3.4",
            "$JS.ACK.TASKS.A.1.2.3.4.-5",
            "$JS.ACK.TASKS.A.1.2.3.99999999999999999999.5",
        ] {
            assert_eq!(Place::of(bad), None, "{bad}");
        }
    }
}
