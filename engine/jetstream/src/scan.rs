//! Reading through a stream once, from its first message to its last, in bounded pieces.
//!
//! An ephemeral consumer that acknowledges nothing is the one way that costs O(what is there): asking message by message
//! costs a round trip each. If the connection breaks in the middle, the broker counts messages as delivered that never
//! arrived; the consumer's own count in the reply subject shows the gap, and the reading starts again.

use std::time::Duration;

use async_nats::Message;
use futures::StreamExt as _;
use serde_json::{Value, json};
use tokio::time::timeout;
use uuid::Uuid;

use crate::{Fault, Link, settings::nanos};

/// Messages asked for at once: what waits in memory at most.
const BATCH: u64 = 256;
/// How often a reading that was interrupted starts again.
const READINGS_MAX: u32 = 3;

/// What to read.
pub(crate) struct Scan<'a> {
    pub(crate) stream: &'a str,
    pub(crate) filter: &'a str,
    /// Whether the bodies stay where they are.
    pub(crate) headers_only: bool,
}

/// One message of a stream.
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

    async fn once<E>(
        &self,
        link: &Link,
        mut each: impl FnMut(&Read) -> Result<(), E>,
    ) -> Result<(), Stop<E>> {
        let name = format!("scan-{}", Uuid::new_v4().simple());
        let stream = self.stream;
        let config = json!({
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
        let order = json!({ "stream_name": stream, "config": config, "action": "create" });
        let made =
            link.api::<Value>(format!("CONSUMER.CREATE.{stream}.{name}.{}", self.filter), &order).await?;
        if made.get("num_pending").and_then(Value::as_u64) != Some(0) {
            self.pull(link, &name, &mut each).await?;
        }
        let _ = link.api::<Value>(format!("CONSUMER.DELETE.{stream}.{name}"), &json!({})).await;
        Ok(())
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
                    // Nothing is left: of all of it, or of this piece.
                    Some(404 | 408) if left == BATCH => return Ok(()),
                    Some(404 | 408) => break,
                    Some(_) => return Err(Fault::NobodyServes.into()),
                }
                let place = Place::of(&message).ok_or(Fault::Garbled)?;
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

/// Why a reading stopped.
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
struct Place {
    stream: u64,
    consumer: u64,
    stored_at: i64,
    pending: u64,
}

impl Place {
    /// `$JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<time>.<pending>`, with the domain and a hash
    /// of the account after `ACK` where the server's second form is on.
    fn of(message: &Message) -> Option<Self> {
        let reply = message.reply.as_ref()?;
        let tokens: Vec<&str> = reply.split('.').collect();
        let first = match tokens.len() {
            9 => 5,
            11.. => 7,
            _ => return None,
        };
        let number = |at: usize| tokens.get(first + at)?.parse::<u64>().ok();
        Some(Self {
            stream: number(0)?,
            consumer: number(1)?,
            stored_at: i64::try_from(number(2)?).ok()?,
            pending: number(3)?,
        })
    }
}
