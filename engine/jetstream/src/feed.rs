//! The tasks that wait for an organisation, pulled so that the feed never goes silent.
//!
//! What shaped it (verified on 2.15.1 with async-nats 0.51):
//!
//! * An organisation may only ask for its next tasks; the client library's own consumer wants to ask how the consumer is
//!   doing, which is not allowed here, so the pull is written out.
//! * A pull lives in the server's memory: a restart, a change of leader, or a lost message ends it without a word. So each
//!   has a deadline on our side, just behind the server's own.
//! * The library's confirmed acknowledgement takes "nobody is listening" for a yes. Ours is a plain request.

use std::{sync::Arc, time::Duration};

use async_nats::{Message, Subscriber};
use bytes::Bytes;
use futures::StreamExt as _;
use hwc_schemas::{Traceparent, message, wire::Task};
use jiff::Timestamp;
use serde_json::json;
use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior, interval, sleep_until},
};

use crate::{
    DoorError, Fault, Health, Link, names,
    patience::{ATTEMPTS_MAX, pause},
    scan::Place,
    settings::nanos,
    traced,
};

/// Tasks asked for at once. Each counts as held from the moment the broker sends it.
const BATCH: u32 = 16;
/// How long the server keeps a pull.
const PULL_FOR: Duration = Duration::from_secs(5);
/// How much later we give it up.
const GRACE: Duration = Duration::from_secs(1);
/// How long to wait after the server turned a pull down.
const BACK_OFF: Duration = Duration::from_millis(250);
/// How long a task that cannot be read stays away, the first time; then twice as long each time.
const UNREADABLE_FOR: Duration = Duration::from_secs(1);
/// How long it stays away at most.
const UNREADABLE_FOR_MAX: Duration = Duration::from_mins(10);
/// How often a holder says that it is still working; the broker waits 30 s for it.
const WORKING_EVERY: Duration = Duration::from_secs(10);

/// The tasks that wait for an organisation. Every one comes at least once, and again until it is acknowledged.
#[derive(Debug)]
pub struct TaskFeed {
    link: Link,
    inbox: String,
    arriving: Subscriber,
    health: watch::Receiver<Health>,
    heard: Arc<watch::Sender<Option<Instant>>>,
    pulls: u64,
    pull: Pull,
    unreadable: u64,
}

/// Where the present pull is.
#[derive(Debug, Clone, Copy)]
enum Pull {
    /// There is none until then.
    NotBefore(Instant),
    /// It is under way: how many it may still bring, and when we give it up.
    Open { left: u32, until: Instant },
}

impl TaskFeed {
    pub(crate) fn new(
        link: Link,
        inbox: String,
        arriving: Subscriber,
        heard: Arc<watch::Sender<Option<Instant>>>,
    ) -> Self {
        let mut health = link.health();
        health.mark_unchanged();
        let pull = Pull::NotBefore(Instant::now());
        Self { link, inbox, arriving, health, heard, pulls: 0, pull, unreadable: 0 }
    }

    /// Waits for the next task; `None` when the connection is closed for good. Cancel-safe: nothing is lost when it is
    /// dropped in the middle.
    pub async fn next(&mut self) -> Option<Offered> {
        loop {
            let wake = match self.pull {
                Pull::NotBefore(when) => {
                    if when <= Instant::now() {
                        self.ask().await;
                        continue;
                    }
                    when
                }
                Pull::Open { until, .. } => until,
            };
            tokio::select! {
                biased;
                message = self.arriving.next() => {
                    if let Some(offered) = self.take(message?).await {
                        return Some(offered);
                    }
                }
                changed = self.health.changed() => {
                    changed.ok()?;
                    // A new connection: the server may be another, or have forgotten the pull.
                    if self.health.borrow_and_update().connected {
                        self.pull = Pull::NotBefore(Instant::now());
                    }
                }
                () = sleep_until(wake) => self.pull = Pull::NotBefore(Instant::now()),
            }
        }
    }

    /// How often this program was offered a task that it could not read. Each was logged and put back: a later version of
    /// this program can read it. It comes again, ever less often, until the broker drops it at its ceiling (R23).
    pub const fn unreadable(&self) -> u64 {
        self.unreadable
    }

    async fn ask(&mut self) {
        let ask = json!({ "batch": BATCH, "expires": nanos(PULL_FOR) }).to_string();
        // A subject for each pull, so that the end of an old one is not taken for the end of this one.
        let reply = format!("{}.{}", self.inbox, self.pulls + 1);
        self.pull = match self.link.send(names::NEXT.to_owned(), Some(reply), ask.into()).await {
            Ok(()) => {
                self.pulls += 1;
                Pull::Open { left: BATCH, until: Instant::now() + PULL_FOR + GRACE }
            }
            Err(_) => Pull::NotBefore(Instant::now() + BACK_OFF),
        };
    }

    /// Takes what arrived: a task, or the end of a pull.
    async fn take(&mut self, arrived: Message) -> Option<Offered> {
        if let Some(status) = arrived.status.map(|status| status.as_u16()) {
            if arrived.subject.rsplit('.').next() == Some(self.pulls.to_string().as_str()) {
                if matches!(status, 100 | 404 | 408) {
                    self.heard.send_replace(Some(Instant::now()));
                }
                self.pull = match status {
                    // A heartbeat.
                    100 => self.pull,
                    // Its time is over and nothing was there: the next one at once.
                    408 => Pull::NotBefore(Instant::now()),
                    _ => Pull::NotBefore(Instant::now() + BACK_OFF),
                };
            }
            return None;
        }
        self.heard.send_replace(Some(Instant::now()));
        if let Pull::Open { left, until } = self.pull {
            self.pull = match left.saturating_sub(1) {
                0 => Pull::NotBefore(Instant::now()),
                left => Pull::Open { left, until },
            };
        }
        let reply = arrived.reply.as_ref()?.to_string();
        if let Ok(task) = message::read(&arrived.payload) {
            let traceparent = traced::read(arrived.headers.as_ref());
            return Some(Offered { task, link: self.link.clone(), reply, traceparent });
        }
        self.unreadable += 1;
        let delay = Place::of(&reply).map_or(UNREADABLE_FOR_MAX, |place| unreadable_for(place.delivered));
        tracing::error!(
            ?delay,
            "a task that this program cannot read was put back; is it older than the relay?"
        );
        // If this gets lost, the task comes again after the time that any holder has.
        let _ = self.link.send(reply, None, nak(delay)).await;
        None
    }
}

/// A task in our hands. Unless it is acknowledged it comes again, 30 seconds after the last sign of life.
#[derive(Debug)]
pub struct Offered {
    /// What is asked.
    pub task: Task,
    link: Link,
    reply: String,
    traceparent: Option<Traceparent>,
}

impl Offered {
    /// Where the task belongs in a trace, if the engine said so.
    pub const fn traceparent(&self) -> Option<Traceparent> {
        self.traceparent
    }

    /// How often the broker has handed this task out: more than once when nobody acknowledged it in time.
    pub fn deliveries(&self) -> u64 {
        Place::of(&self.reply).map_or(1, |place| place.delivered)
    }

    /// When the engine asked; `None` if the broker does not say it as it used to.
    pub fn since(&self) -> Option<Timestamp> {
        Place::of(&self.reply)?.stored_at()
    }

    /// Says that it is done, and waits until the broker has heard it, more than once if it must: saying it again is harmless.
    /// Only after the engine answered the task's command. On an error the task comes again.
    pub async fn acknowledge(self) -> Result<(), DoorError> {
        let mut heard = Err(Fault::NoAnswer);
        for attempt in 0..ATTEMPTS_MAX {
            pause(attempt).await;
            heard = self.link.ask(self.reply.clone(), None, Bytes::from_static(b"+ACK")).await;
            if matches!(heard, Ok(_) | Err(Fault::Closed)) {
                break;
            }
        }
        Ok(heard.map(|_| ())?)
    }

    /// Says that it is being worked on; to be said at least every 10 seconds.
    pub async fn working(&self) -> Result<(), DoorError> {
        Ok(self.link.send(self.reply.clone(), None, Bytes::from_static(b"+WPI")).await?)
    }

    /// Does the work, saying every 10 seconds that it is being worked on.
    pub async fn keep<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        let mut every = interval(WORKING_EVERY);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                done = &mut work => return done,
                _ = every.tick() => { let _ = self.working().await; }
            }
        }
    }

    /// Puts it back; it comes again after the delay, and when this gets lost, after 30 seconds.
    pub async fn put_back(self, delay: Duration) -> Result<(), DoorError> {
        Ok(self.link.send(self.reply, None, nak(delay)).await?)
    }
}

/// What puts a task back for so long.
fn nak(delay: Duration) -> Bytes {
    format!("-NAK {}", json!({ "delay": nanos(delay) })).into()
}

/// How long a task that could not be read stays away after so many deliveries.
fn unreadable_for(delivered: u64) -> Duration {
    let doublings = u32::try_from(delivered.saturating_sub(1)).unwrap_or(u32::MAX).min(16);
    UNREADABLE_FOR.saturating_mul(1 << doublings).min(UNREADABLE_FOR_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_comes_ever_less_often_and_never_rarer_than_every_ten_minutes() {
        let seconds = |delivered| unreadable_for(delivered).as_secs();
        assert_eq!([0, 1, 2, 3, 10].map(seconds), [1, 1, 2, 4, 512]);
        assert_eq!([11, 12, 1000, u64::MAX].map(seconds), [600; 4]);
    }
}
