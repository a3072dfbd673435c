//! Which engine leads: a lease in the broker, renewed as long as its holder lives.
//!
//! Three things keep two engines that both think they lead from doing harm, each without the others:
//!
//! * **The pen.** Only the leader's appends reach the journal: its stream listens to subjects with the leader's epoch in them,
//!   and whoever takes the lease changes that subject first ([`crate::JetStreamJournal::open`]). An old leader, woken late,
//!   writes to a subject that nobody hears. No clock is trusted for this.
//! * **The lease's own clock.** [`Lease::link`] takes something to send only while the lease is surely ours, counted from before
//!   the last renewal was sent. What it took before may still arrive late, behind a connection that was away; so nothing is
//!   sent that would be harmful late.
//! * **The guard** of every append, as ever.
//!
//! What shaped it (verified on 2.15.1): a message with a time to live of 2 s goes after 2 to 3 s, whoever still lives; after
//! that an expectation of *nothing there* passes, and it passes for one of many.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_nats::HeaderMap;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::{sync::watch, task::JoinHandle, time::MissedTickBehavior};
use uuid::Uuid;

use crate::{
    Fault, Link, Settings, SetupError,
    fault::code,
    messages::{self, Which},
    names::{self, LEAD},
    settings,
};

/// How often whoever stands by looks whether the lease is free.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// How much earlier than the broker the holder takes its lease for lost.
const MARGIN: Duration = Duration::from_millis(400);

/// The shortest lease: the broker counts in seconds.
const SHORTEST: Duration = Duration::from_secs(2);

/// One engine's time as the leader: a number that no other ever had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub(crate) u64);

/// The right to lead. Renewed until it is dropped; then it runs out by itself.
#[derive(Debug)]
pub struct Lease {
    link: Link,
    epoch: Epoch,
    lost: watch::Receiver<bool>,
    holder: Holder,
    renewing: JoinHandle<()>,
}

/// Whoever holds, or held, a lease: to ask the broker whether it still does. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Holder {
    candidate: Arc<Candidate>,
    until: Until,
    /// Where the lease lies, as far as we know.
    place: Arc<AtomicU64>,
}

/// Until when something surely holds, by a clock that nobody sets and that goes on while we are stopped.
#[derive(Debug, Clone, Default)]
pub(crate) struct Until(Arc<AtomicU64>);

impl Until {
    /// Whether it still holds.
    pub(crate) fn holds(&self) -> bool {
        nanos_now() < self.0.load(Ordering::Acquire)
    }

    fn set(&self, nanos: u64) {
        self.0.store(nanos, Ordering::Release);
    }
}

#[derive(Debug, Serialize, Deserialize, PartialEq, Eq)]
struct Written {
    /// The engine's name: for people, and for its own next life.
    engine: String,
    /// This life's own mark.
    life: Uuid,
    /// The epoch; none in the message that begins it.
    epoch: Option<u64>,
}

#[derive(Debug)]
struct Candidate {
    link: Link,
    lease_for: Duration,
    engine: String,
    life: Uuid,
}

/// What its stream is made with.
pub(crate) fn wanted(settings: &Settings) -> Value {
    let own = json!({
        "max_msgs_per_subject": 1,
        "max_msg_size": 1024,
        "allow_msg_ttl": true,
    });
    settings::stream(LEAD, &[names::lead().to_owned()], settings.replicas, own)
}

/// Which engine leads, as the broker says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leading {
    /// Its name.
    pub engine: String,
    /// A number that no other time of any engine as the leader had; none in its first moment.
    pub epoch: Option<u64>,
    /// When it said last that it lives, by the broker's clock.
    pub renewed_at: Option<Timestamp>,
}

/// Which engine leads at this moment; none if none does. Nothing is changed, and whoever asks need not lead.
pub async fn leading(link: &Link) -> Result<Option<Leading>, Fault> {
    let found = messages::get(link, LEAD, Which::LastOf(names::lead())).await?;
    let Some(found) = found.filter(|found| !found.is_over()) else { return Ok(None) };
    let Written { engine, epoch, .. } = serde_json::from_slice(&found.body).map_err(|_| Fault::Garbled)?;
    Ok(Some(Leading { engine, epoch, renewed_at: found.since }))
}

impl Lease {
    /// Stands by until this engine leads. A lease that an engine of the same name holds is taken over at once, but only at
    /// the first look: it is a former life of ours, if names are given once. Cancel-safe.
    pub async fn stand_by(link: &Link, settings: &Settings, engine: &str) -> Result<Self, SetupError> {
        settings::ensure_stream(link, LEAD, &wanted(settings)).await?;
        let lease_for = Duration::from_secs(settings.lease_for.max(SHORTEST).as_secs());
        let candidate =
            Candidate { link: link.clone(), lease_for, engine: engine.to_owned(), life: Uuid::new_v4() };
        let mut first = true;
        loop {
            let sent_at = nanos_now();
            match candidate.try_to_lead(first).await {
                Ok(Some(place)) => return Ok(Self::begin(candidate, place, sent_at)),
                Ok(None) => first = false,
                Err(fault) => tracing::warn!(%fault, "whether the lease is free is not known; looking again"),
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    fn begin(candidate: Candidate, place: u64, sent_at: u64) -> Self {
        let until = Until::default();
        until.set(holds_until(sent_at, candidate.lease_for));
        let epoch = Epoch(place);
        let link = candidate.link.clone().only_while(until.clone());
        let (tell, lost) = watch::channel(false);
        let place = Arc::new(AtomicU64::new(place));
        let holder = Holder { candidate: Arc::new(candidate), until, place };
        let Holder { candidate, until, place } = holder.clone();
        let renewing = tokio::spawn(async move {
            candidate.renew(epoch, &place, &until).await;
            tell.send_replace(true);
        });
        Self { link, epoch, lost, holder, renewing }
    }

    /// The connection, for everything that only a leader does: once the lease is not surely ours it sends nothing more.
    pub const fn link(&self) -> &Link {
        &self.link
    }

    /// The same lease, for work over another connection: so that its renewal never waits behind what is worked with.
    #[must_use]
    pub fn over(mut self, link: &Link) -> Self {
        self.link = link.clone().only_while(self.holder.until.clone());
        self
    }

    /// Whether it is surely ours at this moment.
    pub fn holds(&self) -> bool {
        self.holder.until.holds()
    }

    /// Who can be asked, while the lease itself is waited for.
    pub fn holder(&self) -> Holder {
        self.holder.clone()
    }

    /// This time as the leader.
    pub const fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Returns when the lease is lost: another engine leads, or may by now. Cancel-safe.
    pub async fn lost(&mut self) {
        // An error means that the renewal itself is gone, which is the same.
        let _ = self.lost.wait_for(|lost| *lost).await;
    }

    /// Gives the lease back, so that another engine need not wait for its end.
    pub async fn give_back(self) {
        self.renewing.abort();
        // If this gets lost the lease runs out; if it comes late, another's lease lies behind.
        let ours = json!({ "seq": self.holder.place.load(Ordering::Acquire).saturating_add(1) });
        let _ = self.link.api::<Value>(format!("STREAM.PURGE.{LEAD}"), &ours).await;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.renewing.abort();
    }
}

impl Holder {
    /// Asks the broker whether we hold the lease, whatever our own clock thinks: a machine that was frozen has a clock that
    /// stood still. If not, nothing more is sent. What is done by what was known before this answered is done by everything
    /// that was written until then.
    pub async fn confirm(&self) -> Result<(), Fault> {
        match self.candidate.current().await? {
            Some((_, holder)) if holder.life == self.candidate.life => Ok(()),
            _ => {
                self.until.set(0);
                Err(Fault::NotLeading)
            }
        }
    }
}

impl Candidate {
    /// One try; where the lease lies now if it is ours.
    async fn try_to_lead(&self, takes_over_its_own: bool) -> Result<Option<u64>, Fault> {
        let behind = match self.current().await? {
            None => 0,
            // Ours already, of which we did not hear: written again, so that it is counted from now.
            Some((place, holder)) if holder.life == self.life => place,
            Some((place, holder)) if holder.engine == self.engine && takes_over_its_own => place,
            Some(_) => return Ok(None),
        };
        match self.write(None, behind).await {
            Ok(place) => Ok(Some(place)),
            Err(fault) if fault.is(code::WRONG_LAST_SEQUENCE) => Ok(None),
            Err(fault) if fault.is(code::WRONG_LAST_SEQUENCE_UNDER_WAY) => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// Renews until it is lost.
    async fn renew(&self, epoch: Epoch, place: &AtomicU64, until: &Until) {
        let mut every = tokio::time::interval(self.lease_for / 4);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        every.tick().await;
        loop {
            every.tick().await;
            let sent_at = nanos_now();
            match self.write(Some(epoch.0), place.load(Ordering::Acquire)).await {
                Ok(now) => {
                    place.store(now, Ordering::Release);
                    until.set(holds_until(sent_at, self.lease_for));
                }
                // The answer may have got lost, or the lease.
                Err(_) => match self.current().await {
                    Ok(Some((now, holder))) if holder.life == self.life => {
                        place.store(now, Ordering::Release);
                    }
                    Ok(_) => {
                        until.set(0);
                        tracing::warn!("another engine may lead by now");
                        return;
                    }
                    Err(_) if until.holds() => {}
                    Err(fault) => {
                        until.set(0);
                        tracing::warn!(%fault, "the lease could not be renewed in time");
                        return;
                    }
                },
            }
        }
    }

    async fn write(&self, epoch: Option<u64>, behind: u64) -> Result<u64, Fault> {
        let written = Written { engine: self.engine.clone(), life: self.life, epoch };
        let body = serde_json::to_vec(&written).map_err(|_| Fault::Garbled)?;
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Expected-Last-Subject-Sequence", behind.to_string());
        headers.insert("Nats-TTL", self.lease_for.as_secs().to_string());
        let link = self.link.clone().with_answer_within(self.lease_for / 4);
        Ok(link.put(names::lead().to_owned(), headers, body.into()).await?.seq)
    }

    async fn current(&self) -> Result<Option<(u64, Written)>, Fault> {
        let link = self.link.clone().with_answer_within(self.lease_for / 4);
        let Some(found) = messages::get(&link, LEAD, Which::LastOf(names::lead())).await? else {
            return Ok(None);
        };
        let written = serde_json::from_slice(&found.body).map_err(|_| Fault::Garbled)?;
        Ok(Some((found.sequence, written)))
    }
}

fn holds_until(sent_at: u64, lease_for: Duration) -> u64 {
    let surely = lease_for.saturating_sub(MARGIN);
    sent_at.saturating_add(u64::try_from(surely.as_nanos()).unwrap_or(0))
}

/// Nanoseconds since the machine started, its sleep included.
fn nanos_now() -> u64 {
    #[cfg(target_os = "linux")]
    let clock = rustix::time::ClockId::Boottime;
    #[cfg(not(target_os = "linux"))]
    let clock = rustix::time::ClockId::Monotonic;
    let now = rustix::time::clock_gettime(clock);
    let nanos = i128::from(now.tv_sec) * 1_000_000_000 + i128::from(now.tv_nsec);
    u64::try_from(nanos).unwrap_or(0)
}
