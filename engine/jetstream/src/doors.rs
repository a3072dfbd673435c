//! The engine's side of the doors: who knocks, what they want, and one answer each.
//!
//! Who knocks is the last token of the subject. It can be trusted because only the account of that organisation imports
//! that subject ([`crate::permissions`]); nothing in the message is believed. The broker rewrites the reply subject of an
//! imported request to one of its own (`_R_.…`) and delivers the answer within the asker's account, wherever the asker
//! said. A reply subject of any other form did not come through a door, and is not answered.

use std::{collections::HashMap, marker::PhantomData, sync::Arc};

use async_nats::{HeaderMap, Message, Subscriber};
use futures::{StreamExt as _, stream};
use hwc_schemas::{
    Organisation, Traceparent,
    ask::{Ask, Told},
    message,
    wire::{Answer, Command, Fetch, Fetched, Refusal, Sealed},
};
use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    task::JoinHandle,
};

use crate::{Fault, Link, names, traced};

/// Knocks that wait for the engine; the next is answered *try later*.
const WAITING_MAX: usize = 4_096;
/// Bytes of all commands that were let in and not answered yet.
const WAITING_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Knocks of one organisation that were let in and not answered yet, so that none can crowd out the others.
const WAITING_EACH_MAX: usize = 1_024;
/// Bytes of one organisation's commands that were let in and not answered yet: eight of the largest, thousands of the usual.
const WAITING_BYTES_EACH_MAX: usize = 8 * 1024 * 1024;

/// The doors of all organisations, as the engine sees them.
#[derive(Debug)]
pub struct Doors {
    knocks: mpsc::Receiver<Knock>,
    porter: JoinHandle<()>,
}

/// Somebody wants something.
#[derive(Debug)]
pub enum Knock {
    /// To have something happen.
    Submit {
        /// Who; from the broker, not from the message.
        from: Organisation,
        /// What; or that it is no command of this version, which is answered so.
        command: Result<Command<Sealed>, Refusal>,
        /// To whom the answer goes.
        caller: Caller<Answer>,
    },
    /// To have a payload.
    Fetch {
        /// Who; from the broker, not from the message.
        from: Organisation,
        /// Which; or that it is no fetch of this version, which is answered so.
        fetch: Result<Fetch, Refusal>,
        /// To whom the answer goes.
        caller: Caller<Fetched>,
    },
    /// To know something about themselves.
    Ask {
        /// Who; from the broker, not from the message.
        from: Organisation,
        /// What; or that it is no question of this version, which is answered so.
        ask: Result<Ask, Refusal>,
        /// To whom the answer goes.
        caller: Caller<Told>,
    },
}

/// Which door somebody knocks at.
#[derive(Clone, Copy)]
enum At {
    Submit,
    Fetch,
    Ask,
}

/// Whoever waits for an answer of this kind. Whoever is dropped unanswered waits in vain, and asks again.
#[derive(Debug)]
pub struct Caller<T> {
    link: Link,
    reply: String,
    traceparent: Option<Traceparent>,
    _place: Place,
    answer: PhantomData<fn(T)>,
}

/// A place among those who were let in; free again when dropped.
#[derive(Debug)]
struct Place {
    _own: OwnedSemaphorePermit,
    _own_bytes: OwnedSemaphorePermit,
    _bytes: OwnedSemaphorePermit,
}

/// What one organisation may have waiting.
struct Own {
    places: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
}

impl Default for Own {
    fn default() -> Self {
        let places = Arc::new(Semaphore::new(WAITING_EACH_MAX));
        Self { places, bytes: Arc::new(Semaphore::new(WAITING_BYTES_EACH_MAX)) }
    }
}

impl<T> Caller<T> {
    /// Where in a trace the caller says to be. It is the caller's own word, and never makes a trace.
    pub const fn traceparent(&self) -> Option<Traceparent> {
        self.traceparent
    }
}

impl<T: Serialize> Caller<T> {
    /// Answers, once. An answer that gets lost on the way is asked for again.
    pub async fn answer(self, answer: &T) -> Result<(), Fault> {
        self.answer_in(answer, None).await
    }

    /// Answers, and says where in a trace that was.
    pub async fn answer_in(self, answer: &T, traceparent: Option<Traceparent>) -> Result<(), Fault> {
        reply(&self.link, self.reply, answer, traceparent).await
    }
}

impl Doors {
    /// Opens the doors. Only the engine that leads does.
    pub async fn open(link: &Link) -> Result<Self, Fault> {
        let submits = link.listen(names::submit("*")).await?;
        let fetches = link.listen(names::fetch("*")).await?;
        let asks = link.listen(names::ask("*")).await?;
        let (let_in, knocks) = mpsc::channel(WAITING_MAX);
        let porter = Porter {
            link: link.clone(),
            let_in,
            bytes: Arc::new(Semaphore::new(WAITING_BYTES_MAX)),
            each: HashMap::new(),
        };
        Ok(Self {
            knocks,
            porter: tokio::spawn(porter.work([(At::Submit, submits), (At::Fetch, fetches), (At::Ask, asks)])),
        })
    }

    /// Waits for the next knock; `None` when the connection is closed for good. Cancel-safe.
    pub async fn next(&mut self) -> Option<Knock> {
        self.knocks.recv().await
    }
}

impl Drop for Doors {
    fn drop(&mut self) {
        self.porter.abort();
    }
}

/// Takes knocks off the connection as they come, so that a full house is said at once and nothing is dropped silently.
struct Porter {
    link: Link,
    let_in: mpsc::Sender<Knock>,
    bytes: Arc<Semaphore>,
    each: HashMap<Organisation, Own>,
}

impl Porter {
    async fn work(mut self, doors: [(At, Subscriber); 3]) {
        let mut all =
            stream::select_all(doors.map(|(at, knocks)| knocks.map(move |message| (at, message)).boxed()));
        while let Some((at, message)) = all.next().await {
            let Some((from, reply)) = who(&message) else {
                tracing::debug!("a knock that no answer could reach was ignored");
                continue;
            };
            match at {
                At::Submit => self.submit(from, reply, &message).await,
                At::Fetch => self.fetch(from, reply, &message).await,
                At::Ask => self.ask(from, reply, &message).await,
            }
        }
    }

    async fn submit(&mut self, from: Organisation, reply: String, message: &Message) {
        match self.caller(&from, reply, message) {
            Ok(caller) => {
                let command = understand(message);
                self.admit(Knock::Submit { from, command, caller }).await;
            }
            Err(reply) => self.turn_away(reply, &Answer::TryLater).await,
        }
    }

    async fn fetch(&mut self, from: Organisation, reply: String, message: &Message) {
        match self.caller(&from, reply, message) {
            Ok(caller) => {
                let fetch = understand(message);
                self.admit(Knock::Fetch { from, fetch, caller }).await;
            }
            Err(reply) => self.turn_away(reply, &Fetched::TryLater).await,
        }
    }

    async fn ask(&mut self, from: Organisation, reply: String, message: &Message) {
        match self.caller(&from, reply, message) {
            Ok(caller) => {
                let ask = understand(message);
                self.admit(Knock::Ask { from, ask, caller }).await;
            }
            Err(reply) => self.turn_away(reply, &Told::TryLater).await,
        }
    }

    /// A place for this caller, or their reply subject back when the house is full.
    fn caller<T>(
        &mut self,
        from: &Organisation,
        reply: String,
        message: &Message,
    ) -> Result<Caller<T>, String> {
        let each = self.each.entry(from.clone()).or_default();
        let own = Arc::clone(&each.places).try_acquire_owned();
        let size = u32::try_from(message.payload.len()).unwrap_or(u32::MAX);
        let own_bytes = Arc::clone(&each.bytes).try_acquire_many_owned(size);
        let bytes = Arc::clone(&self.bytes).try_acquire_many_owned(size);
        match (own, own_bytes, bytes) {
            (Ok(own), Ok(own_bytes), Ok(bytes)) if self.let_in.capacity() > 0 => {
                let place = Place { _own: own, _own_bytes: own_bytes, _bytes: bytes };
                let traceparent = traced::read(message.headers.as_ref());
                let link = self.link.clone();
                Ok(Caller { link, reply, traceparent, _place: place, answer: PhantomData })
            }
            _ => Err(reply),
        }
    }

    async fn admit(&self, knock: Knock) {
        // There is room: this is the only one who fills it, and looked.
        let _ = self.let_in.send(knock).await;
    }

    async fn turn_away<T: Serialize>(&self, to: String, answer: &T) {
        let _ = reply(&self.link, to, answer, None).await;
    }
}

/// Who knocks, and where they hear the answer.
pub(crate) fn who(message: &Message) -> Option<(Organisation, String)> {
    let from: Organisation = message.subject.rsplit('.').next()?.parse().ok()?;
    let reply = message.reply.as_ref()?;
    let through_a_door = reply.starts_with("_R_.") || reply.starts_with(&format!("{}.", names::inbox(&from)));
    through_a_door.then(|| (from, reply.to_string()))
}

fn understand<T: DeserializeOwned>(knock: &Message) -> Result<T, Refusal> {
    message::read(&knock.payload).map_err(|_| Refusal::Malformed)
}

async fn reply<T: Serialize>(
    link: &Link,
    to: String,
    answer: &T,
    traceparent: Option<Traceparent>,
) -> Result<(), Fault> {
    let body = serde_json::to_vec(answer).map_err(|_| Fault::Garbled)?;
    let mut headers = HeaderMap::new();
    traced::write(traceparent, &mut headers);
    link.send_with(to, headers, body.into()).await
}
