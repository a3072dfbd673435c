//! Which generation is filling, what this process put into its own, and when one may be dropped.
//!
//! The bookkeeping here is a hint that saves requests; the broker decides. Two engines may both think they lead for a
//! moment, so before a generation is dropped it is *closed* (its subject is taken away, so that nobody can store into it
//! any more), and only then the broker is asked what is in it.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use hwc_journal::Generation;
use hwc_schemas::{PayloadId, wire::limits::SEALED_BYTES_MAX};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::GENERATION_PAYLOADS_MAX;
use crate::{
    Fault, Link, Settings,
    fault::code,
    names,
    scan::{Read, Scan},
    settings::{self, nanos},
    streams,
};

/// How long a generation is filled: the shorter, the sooner it can be dropped whole.
const FILLED_FOR: Duration = Duration::from_mins(5);

/// A ciphertext's place within a generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Holding {
    pub(super) id: PayloadId,
    pub(super) sequence: u64,
}

/// What the broker says of a generation.
pub(super) struct State {
    pub(super) ids: HashSet<PayloadId>,
    pub(super) created: Timestamp,
    config: Value,
    /// The broker's own clock.
    pub(super) now: Timestamp,
}

/// What the broker answers.
#[derive(Deserialize)]
pub(crate) struct Info {
    config: Value,
    created: Timestamp,
    ts: Timestamp,
    state: Inner,
}

#[derive(Deserialize)]
struct Inner {
    messages: usize,
    #[serde(default)]
    subjects: HashMap<String, u64>,
}

impl Info {
    fn state(self) -> Result<State, Fault> {
        let ids: HashSet<_> = self.state.subjects.keys().filter_map(|subject| id_in(subject)).collect();
        // One message for one id; anything else is not a generation of ours.
        if ids.len() != self.state.messages {
            return Err(Fault::Garbled);
        }
        Ok(State { ids, created: self.created, config: self.config, now: self.ts })
    }

    /// How many it holds.
    #[cfg(test)]
    pub(crate) fn holds(self) -> Result<usize, Fault> {
        Ok(self.state()?.ids.len())
    }
}

#[derive(Debug)]
pub(super) struct Generations {
    link: Link,
    replicas: u8,
    kept_at_most: Duration,
    /// Once everything that is stored is larger, no generation is made.
    full_at_bytes: u64,
    book: Arc<Mutex<Book>>,
    /// Held while a generation is made, so that many who find the old one full make one new one.
    opening: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Book {
    filling: Option<Filling>,
    own: HashMap<Generation, Own>,
}

#[derive(Debug)]
struct Filling {
    generation: Generation,
    since: Instant,
    taken: usize,
}

/// A generation that this process made.
#[derive(Debug, Default)]
struct Own {
    live: HashMap<PayloadId, u64>,
    /// How many are storing into it now.
    storing: usize,
}

/// Leave to store into a generation, which is not dropped meanwhile.
pub(super) struct Ticket {
    generation: Generation,
    book: Arc<Mutex<Book>>,
}

impl Ticket {
    pub(super) const fn generation(&self) -> Generation {
        self.generation
    }

    pub(super) fn stored(&self, id: PayloadId, sequence: u64) {
        if let Some(own) = lock(&self.book).own.get_mut(&self.generation) {
            own.live.insert(id, sequence);
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Some(own) = lock(&self.book).own.get_mut(&self.generation) {
            own.storing -= 1;
        }
    }
}

fn lock(book: &Mutex<Book>) -> MutexGuard<'_, Book> {
    book.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Generations {
    pub(super) fn new(link: Link, settings: &Settings) -> Self {
        Self {
            link,
            replicas: settings.replicas,
            kept_at_most: settings.payloads_for,
            full_at_bytes: settings.shares.payloads,
            book: Arc::default(),
            opening: tokio::sync::Mutex::default(),
        }
    }

    /// Takes places in the generation that is filling, or in a new one.
    pub(super) async fn enter(&self, places: usize) -> Result<Ticket, Fault> {
        if let Some(ticket) = self.enter_filling(places) {
            return Ok(ticket);
        }
        let _only_one = self.opening.lock().await;
        if let Some(ticket) = self.enter_filling(places) {
            return Ok(ticket);
        }
        if streams::stored_bytes(&self.link, self.replicas).await? >= self.full_at_bytes {
            return Err(Fault::Full);
        }
        let generation = Generation::from_uuid(Uuid::new_v4());
        self.link
            .api::<Value>(
                format!("STREAM.CREATE.{}", names::generation(generation)),
                &self.config(generation),
            )
            .await?;
        let mut book = lock(&self.book);
        book.filling = Some(Filling { generation, since: Instant::now(), taken: places });
        book.own.insert(generation, Own { live: HashMap::new(), storing: 1 });
        Ok(Ticket { generation, book: Arc::clone(&self.book) })
    }

    fn enter_filling(&self, places: usize) -> Option<Ticket> {
        let mut book = lock(&self.book);
        let filling = book.filling.as_mut()?;
        if filling.taken + places > GENERATION_PAYLOADS_MAX || filling.since.elapsed() > FILLED_FOR {
            return None;
        }
        filling.taken += places;
        let generation = filling.generation;
        book.own.get_mut(&generation)?.storing += 1;
        Some(Ticket { generation, book: Arc::clone(&self.book) })
    }

    /// Stops filling this generation.
    pub(super) fn leave(&self, generation: Generation) {
        let mut book = lock(&self.book);
        if book.filling.as_ref().is_some_and(|filling| filling.generation == generation) {
            book.filling = None;
        }
    }

    /// Whether this process put it there and did not take it away.
    pub(super) fn holds(&self, generation: Generation, one: Holding) -> bool {
        let book = lock(&self.book);
        book.own.get(&generation).is_some_and(|own| own.live.get(&one.id) == Some(&one.sequence))
    }

    /// Whether it is the one that is filling.
    pub(super) fn fills(&self, generation: Generation) -> bool {
        lock(&self.book).filling.as_ref().is_some_and(|filling| filling.generation == generation)
    }

    /// Forgets what the broker does not hold any more: its time to live was over. The broker was asked a moment ago; what
    /// was stored since then may be forgotten too, which costs a request later and nothing else.
    pub(super) fn correct(&self, generation: Generation, state: &State) {
        if let Some(own) = lock(&self.book).own.get_mut(&generation) {
            own.live.retain(|id, _| state.ids.contains(id));
        }
    }

    /// Notes that it was erased.
    pub(super) fn erased(&self, generation: Generation, one: Holding) {
        let mut book = lock(&self.book);
        if let Some(own) = book.own.get_mut(&generation)
            && own.live.get(&one.id) == Some(&one.sequence)
        {
            own.live.remove(&one.id);
        }
    }

    /// Drops the generation if it holds nothing but these. True when it is gone.
    pub(super) async fn drop_if_only(
        &self,
        generation: Generation,
        these: &HashSet<PayloadId>,
    ) -> Result<bool, Fault> {
        let mut config = match self.guess(generation, these) {
            Guess::OthersLive => return Ok(false),
            Guess::OnlyThese => self.config(generation),
            Guess::Unknown => match self.state(generation).await? {
                None => return Ok(true),
                Some(state) if !state.ids.is_subset(these) => return Ok(false),
                // As it is, not as this process would make it: the settings may be others by now.
                Some(state) => state.config,
            },
        };
        if let Some(config) = config.as_object_mut() {
            config.insert("subjects".to_owned(), json!([names::closed(generation)]));
        }
        let stream = names::generation(generation);
        match self.link.api::<Value>(format!("STREAM.UPDATE.{stream}"), &config).await {
            Err(fault) if fault.is(code::STREAM_NOT_FOUND) => {}
            closed => {
                closed?;
                match self.state(generation).await? {
                    Some(state) if !state.ids.is_subset(these) => return Ok(false),
                    Some(_) => streams::delete(&self.link, &stream).await?,
                    None => {}
                }
            }
        }
        lock(&self.book).own.remove(&generation);
        Ok(true)
    }

    /// What the book says; when it says that these are all, the generation is not filled any further.
    fn guess(&self, generation: Generation, these: &HashSet<PayloadId>) -> Guess {
        let mut book = lock(&self.book);
        let Some(own) = book.own.get(&generation) else { return Guess::Unknown };
        if own.storing > 0 || !own.live.keys().all(|id| these.contains(id)) {
            return Guess::OthersLive;
        }
        if book.filling.as_ref().is_some_and(|filling| filling.generation == generation) {
            book.filling = None;
        }
        Guess::OnlyThese
    }

    /// What the broker says of it; `None` when it is gone.
    pub(super) async fn state(&self, generation: Generation) -> Result<Option<State>, Fault> {
        let what = format!("STREAM.INFO.{}", names::generation(generation));
        match self.link.api::<Info>(what, &json!({ "subjects_filter": ">" })).await {
            Err(fault) if fault.is(code::STREAM_NOT_FOUND) => Ok(None),
            Err(fault) => Err(fault),
            Ok(info) => info.state().map(Some),
        }
    }

    /// What lies in it, and since when.
    pub(super) async fn holdings(&self, generation: Generation) -> Result<Vec<(Holding, Timestamp)>, Fault> {
        let stream = names::generation(generation);
        let scan =
            Scan { stream: &stream, filter: &names::payloads(generation), from: 0, headers_only: true };
        match scan.read(&self.link, Vec::new, note).await {
            Err(fault) if fault.is(code::STREAM_NOT_FOUND) => Ok(Vec::new()),
            found => found,
        }
    }

    /// Every generation there is.
    pub(super) async fn all(&self) -> Result<Vec<Generation>, Fault> {
        let names = streams::names(&self.link).await?;
        Ok(names
            .iter()
            .filter_map(|name| Generation::parse(name.strip_prefix(names::GENERATIONS)?))
            .collect())
    }

    fn config(&self, generation: Generation) -> Value {
        let own = json!({
            "allow_msg_ttl": true,
            "max_age": nanos(self.kept_at_most),
            "max_msgs": GENERATION_PAYLOADS_MAX,
            // Number and size bound it. No `max_bytes`: the broker would set so much aside for each, and run out of room that
            // nobody uses. Headers count too.
            "max_msg_size": SEALED_BYTES_MAX + 1024,
        });
        settings::stream(&names::generation(generation), &[names::payloads(generation)], self.replicas, own)
    }
}

enum Guess {
    OnlyThese,
    OthersLive,
    /// Another process made it.
    Unknown,
}

fn note(all: &mut Vec<(Holding, Timestamp)>, read: &Read) -> Result<(), Fault> {
    let id = id_in(&read.message.subject).ok_or(Fault::Garbled)?;
    let since = Timestamp::from_nanosecond(read.stored_at.into()).map_err(|_| Fault::Garbled)?;
    all.push((Holding { id, sequence: read.sequence }, since));
    Ok(())
}

/// The payload's id in its subject.
fn id_in(subject: &str) -> Option<PayloadId> {
    subject.strip_prefix("pay.")?.split_once('.')?.1.parse().ok()
}
