//! The sealed store: ciphertexts in small streams, *generations*, that are dropped whole.
//!
//! What shaped it (verified on 2.15.1):
//!
//! * Dropping a stream is the only thing that clears every byte on every replica at once, write-ahead logs included;
//!   it costs about 2 ms whatever the stream holds. A secure delete of one message rewrites its block, 2 to 18 ms. So
//!   whoever has several payloads to erase gives them to [`SealedStore::erase_all`] at once.
//! * Sequences start again in a stream that is made again, so a late erase would hit another child's payload. A
//!   generation's name is random and never used again, and the payload's own id is checked in its subject first.
//! * A message's time to live is kept by the broker alone, with every program of ours down. Delete markers stay off:
//!   their time to live would silently lengthen the messages' own.
//! * The broker's own encryption must stay off: with it a secure delete says success and erases nothing.

pub(crate) mod generations;

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::{Duration, Instant},
};

use async_nats::HeaderMap;
use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, future::try_join_all, stream};
use hwc_journal::{Generation, Location};
use hwc_schemas::{
    Marker, PayloadId,
    wire::{Sealed, limits::SEALED_BYTES_MAX},
};
use jiff::Timestamp;

use crate::{
    Fault, Link, Settings, Settled,
    custody::Custody,
    messages::{self, Which},
    names,
    patience::{ATTEMPTS_MAX, pause},
};
use generations::{Generations, Holding, Ticket};

/// Most payloads that one generation takes in its life.
pub const GENERATION_PAYLOADS_MAX: usize = 256;

/// Most bytes of one generation, subjects and headers included.
pub(crate) const GENERATION_BYTES_MAX: u64 =
    GENERATION_PAYLOADS_MAX as u64 * (SEALED_BYTES_MAX as u64 + 2048);

/// Generations in which is erased at the same time.
const ERASING_MAX: usize = 16;

/// The ciphertexts on their way. Cheap to clone; one per process, because it alone knows which generation is filling.
#[derive(Clone, Debug)]
pub struct SealedStore {
    link: Link,
    generations: Arc<Generations>,
    custody: Arc<Custody>,
    kept_at_most: Duration,
}

/// The sealed store could not do it. Everything here may be done again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The broker would not, or did not say. What may be stored without anybody knowing is found by the sweep.
    #[error("the sealed store: {0}; doing it again is safe")]
    Fault(#[from] Fault),
}

/// What a sweep found and erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// Ciphertexts that nothing points to.
    pub payloads: u64,
    /// Generations that were dropped whole.
    pub generations: u64,
    /// Generations that did not say what they hold, or would not let it go: the next sweep asks them again.
    pub unanswered: u64,
}

impl SealedStore {
    /// Opens the store. What earlier processes left is found when it is needed; this one fills generations of its own.
    pub fn open(link: &Link, settings: &Settings) -> Self {
        Self {
            link: link.clone(),
            generations: Arc::new(Generations::new(link.clone(), settings)),
            custody: Arc::new(Custody::of(link.clone(), settings.replicas, names::GENERATIONS)),
            kept_at_most: settings.payloads_for,
        }
    }

    /// Stores ciphertexts, durably when it answers. The broker itself removes them after `keep_for`, rounded down to
    /// whole seconds, at least one, and no longer than the ceiling of the settings.
    ///
    /// When the store holds as much as it may ([`crate::Shares`]) the answer is [`Fault::Full`], and nothing is lost: the
    /// sender still has what it sent. On an error some may be stored; nothing points to them, and the sweep erases them.
    pub async fn store(
        &self,
        payloads: Vec<(PayloadId, Sealed)>,
        keep_for: Duration,
    ) -> Result<Vec<(PayloadId, Location)>, StoreError> {
        let lives = keep_for.min(self.kept_at_most).as_secs().max(1).to_string();
        let mut payloads: Vec<(PayloadId, Option<Marker>, Bytes)> = payloads
            .into_iter()
            .map(|(id, sealed)| (id, Marker::of(&sealed), sealed.into_bytes().into()))
            .collect();
        let mut stored = Vec::with_capacity(payloads.len());
        while !payloads.is_empty() {
            let rest = payloads.split_off(payloads.len().min(GENERATION_PAYLOADS_MAX));
            stored.extend(self.store_together(&payloads, &lives).await?);
            payloads = rest;
        }
        Ok(stored)
    }

    /// Stores up to one generation's worth; in another generation if the first was dropped under us.
    async fn store_together(
        &self,
        payloads: &[(PayloadId, Option<Marker>, Bytes)],
        lives: &str,
    ) -> Result<Vec<(PayloadId, Location)>, StoreError> {
        let mut last = Fault::NobodyServes;
        for attempt in 0..ATTEMPTS_MAX {
            pause(attempt).await;
            let ticket = match self.generations.enter(payloads.len()).await {
                Ok(ticket) => ticket,
                Err(fault @ Fault::Full) => return Err(fault.into()),
                Err(fault) => {
                    last = fault;
                    continue;
                }
            };
            match try_join_all(payloads.iter().map(|one| self.put(&ticket, one, lives))).await {
                Ok(stored) => return Ok(stored),
                Err(fault @ Fault::NobodyServes) => {
                    self.generations.leave(ticket.generation());
                    last = fault;
                }
                Err(fault) => return Err(fault.into()),
            }
        }
        Err(last.into())
    }

    async fn put(
        &self,
        ticket: &Ticket,
        (id, marker, sealed): &(PayloadId, Option<Marker>, Bytes),
        lives: &str,
    ) -> Result<(PayloadId, Location), Fault> {
        let generation = ticket.generation();
        let stream = names::generation(generation);
        let subject = names::payload(generation, *id);
        let mut headers = HeaderMap::new();
        headers.insert("Nats-TTL", lives);
        // So a second try can never leave a second copy that no location names.
        headers.insert("Nats-Expected-Last-Subject-Sequence", "0");
        let mut last = Fault::NoAnswer;
        for attempt in 0..ATTEMPTS_MAX {
            pause(attempt).await;
            let sequence = match self.link.put(subject.clone(), headers.clone(), sealed.clone()).await {
                Ok(stored) => Some(stored.seq),
                Err(fault @ (Fault::TooLarge | Fault::NobodyServes)) => return Err(fault),
                Err(fault) => {
                    last = fault;
                    match messages::get(&self.link, &stream, Which::LastOf(&subject)).await {
                        Ok(found) => found.map(|found| found.sequence),
                        Err(fault) => {
                            last = fault;
                            None
                        }
                    }
                }
            };
            if let Some(sequence) = sequence {
                ticket.stored(*id, sequence);
                return Ok((*id, Location::new(generation, sequence).of(*marker)));
            }
        }
        Err(last)
    }

    /// Fetches a ciphertext; `None` when it is gone, when its time is over, or when something else lies there. A server that has
    /// just started gives out for a moment what expired while it was off; so its time is looked at here too.
    pub async fn fetch(&self, id: PayloadId, at: Location) -> Result<Option<Sealed>, StoreError> {
        let found = self.lying(id, at).await?.filter(|found| !found.is_over());
        Ok(found.map(|found| Sealed::new(found.body)))
    }

    /// Erases a ciphertext. See [`SealedStore::erase_all`].
    pub async fn erase(&self, id: PayloadId, at: Location) -> Result<(), StoreError> {
        self.erase_all(&[(id, at)]).await
    }

    /// Erases ciphertexts so that their bytes leave the disk; what is gone already is as good. A generation of which
    /// these were the last is dropped whole, also the one that is filling; where others live on, each of these is
    /// deleted securely. When it answers with an error, some may be erased; doing it again is safe.
    pub async fn erase_all(&self, which: &[(PayloadId, Location)]) -> Result<(), StoreError> {
        let mut by_generation: HashMap<Generation, Vec<Holding>> = HashMap::new();
        for (id, at) in which {
            by_generation.entry(at.generation).or_default().push(Holding { id: *id, sequence: at.sequence });
        }
        let erased = by_generation.into_iter().map(|(generation, these)| self.erase_in(generation, these));
        stream::iter(erased).buffer_unordered(ERASING_MAX).try_collect().await
    }

    async fn erase_in(&self, generation: Generation, these: Vec<Holding>) -> Result<(), StoreError> {
        let (since, stream) = (Instant::now(), names::generation(generation));
        let ids: HashSet<PayloadId> = these.iter().map(|one| one.id).collect();
        if self.generations.drop_if_only(generation, &ids).await? {
            self.custody.dropped(&stream, these.iter().map(|_| since));
            return Ok(());
        }
        // One after the other: each rewrites the same block.
        let (mut erased, mut outcome) = (0, Ok(()));
        for one in these {
            outcome = self.erase_one(generation, one).await;
            if outcome.is_err() {
                break;
            }
            self.generations.erased(generation, one);
            erased += 1;
        }
        // Also those before one that failed.
        self.custody.erased(&stream, std::iter::repeat_n(since, erased)).await;
        outcome
    }

    /// Looks which erasures are off the disk of every server by now, and mends what a server missed that was away. To be called
    /// every few seconds.
    pub async fn settle(&self) -> Settled {
        self.custody.settle().await
    }

    async fn erase_one(&self, generation: Generation, one: Holding) -> Result<(), StoreError> {
        let at = Location::new(generation, one.sequence);
        let mut last = Fault::NoAnswer;
        for attempt in 0..ATTEMPTS_MAX {
            pause(attempt).await;
            // What this process stored itself it need not ask for, unless the broker thinks otherwise: its time may be over.
            let there = attempt == 0 && self.generations.holds(generation, one)
                || match self.lying(one.id, at).await {
                    Ok(found) => found.is_some(),
                    Err(fault) => {
                        last = fault;
                        continue;
                    }
                };
            if !there {
                return Ok(());
            }
            match messages::erase(&self.link, &names::generation(generation), one.sequence).await {
                Ok(()) => return Ok(()),
                Err(fault) => last = fault,
            }
        }
        Err(last.into())
    }

    async fn lying(&self, id: PayloadId, at: Location) -> Result<Option<messages::Lying>, Fault> {
        let stream = names::generation(at.generation);
        let found = messages::get(&self.link, &stream, Which::At(at.sequence)).await?;
        Ok(found.filter(|found| found.subject == names::payload(at.generation, id)))
    }

    /// Erases what nothing points to: every ciphertext that `keep` does not know and that the broker has held for longer
    /// than `older_than`, which must be longer than anybody takes between storing and appending. Generations of that age
    /// that hold nothing are dropped. One that does not answer holds none of the others up.
    pub async fn sweep(
        &self,
        keep: impl Fn(&PayloadId) -> bool,
        older_than: Duration,
    ) -> Result<Swept, StoreError> {
        let mut swept = Swept::default();
        let asked = Instant::now();
        for generation in self.generations.all().await? {
            // By the broker's clock, and counted from when the sweep was asked for: `keep` knows no more than was known then.
            let old = older_than.saturating_add(asked.elapsed());
            match self.sweep_one(generation, &keep, old).await {
                Ok(one) => {
                    swept.payloads += one.payloads;
                    swept.generations += one.generations;
                }
                Err(error) => {
                    swept.unanswered += 1;
                    tracing::warn!(%generation, %error, "a generation was not swept; the next sweep tries again");
                }
            }
        }
        Ok(swept)
    }

    async fn sweep_one(
        &self,
        generation: Generation,
        keep: impl Fn(&PayloadId) -> bool,
        old: Duration,
    ) -> Result<Swept, StoreError> {
        let mut swept = Swept::default();
        let Some(state) = self.generations.state(generation).await? else { return Ok(swept) };
        let before = state.now.saturating_sub(old).unwrap_or(Timestamp::MIN);
        let mut orphans = Vec::new();
        if !state.ids.iter().all(&keep) {
            let held = self.generations.holdings(generation).await?;
            orphans.extend(
                held.into_iter().filter(|(one, since)| !keep(&one.id) && *since < before).map(|(one, _)| one),
            );
        }
        self.generations.correct(generation, &state);
        let empty = state.ids.is_empty() && state.created < before && !self.generations.fills(generation);
        if empty || !orphans.is_empty() {
            swept.payloads = orphans.len() as u64;
            self.erase_in(generation, orphans).await?;
            swept.generations = u64::from(self.generations.state(generation).await?.is_none());
        }
        Ok(swept)
    }

    /// Every ciphertext that is held, and where; what it begins with is not looked at.
    pub async fn holdings(&self) -> Result<Vec<(PayloadId, Location)>, StoreError> {
        let mut all = Vec::new();
        for generation in self.generations.all().await? {
            let held = self.generations.holdings(generation).await?;
            all.extend(held.into_iter().map(|(one, _)| (one.id, Location::new(generation, one.sequence))));
        }
        Ok(all)
    }
}
