//! An organisation's side of its doors: submit, fetch, ask, and the tasks that wait for it.

use std::{sync::Arc, time::Duration};

use async_nats::{HeaderMap, Subscriber};
use bytes::Bytes;
use hwc_schemas::{
    Organisation, Traceparent,
    ask::{Ask, Told},
    message,
    wire::{Answer, Command, Fetch, Fetched, Sealed, limits::MESSAGE_BYTES_MAX},
};
use serde::{Serialize, de::DeserializeOwned};
use tokio::{sync::watch, time::Instant};

use crate::{Address, Credential, Fault, Health, Link, LinkError, TaskFeed, directory::Newer, names, traced};

/// An organisation's connection to the relay. Cheap to clone; it reconnects by itself for ever.
#[derive(Clone, Debug)]
pub struct Door {
    link: Link,
    organisation: Organisation,
    /// When the broker last answered a pull.
    heard: Arc<watch::Sender<Option<Instant>>>,
}

/// Why something did not get through the door.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DoorError {
    /// There is no connection.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// No answer in time.
    #[error(
        "no answer in time, so it is unknown whether it was done: do the same again, which changes nothing if it was"
    )]
    Unknown,
    /// Nobody is there; nothing was done.
    #[error("nobody answers the door just now and nothing was done: try again")]
    NobodyThere,
    /// It does not fit through; nothing was done.
    #[error("larger than a message may be ({MESSAGE_BYTES_MAX} bytes), so nothing was done")]
    TooLarge,
    /// The answer is of another version.
    #[error(
        "the answer cannot be read, so it is unknown whether it was done; is this program older than the relay?"
    )]
    Unreadable,
    /// The connection was closed for good.
    #[error("the connection is closed: connect anew")]
    Closed,
}

impl From<Fault> for DoorError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::NoAnswer => Self::Unknown,
            Fault::NobodyServes => Self::NobodyThere,
            Fault::TooLarge => Self::TooLarge,
            Fault::Closed | Fault::NotLeading | Fault::OnlyLooks => Self::Closed,
            Fault::Refused { .. } | Fault::Full | Fault::Garbled => Self::Unreadable,
        }
    }
}

impl Door {
    /// Connects as this organisation. A key that the broker knows as another organisation's gets in, and finds every door
    /// locked: its answers could not reach it.
    pub async fn connect(
        address: impl Into<Address>,
        credential: &Credential,
        organisation: Organisation,
    ) -> Result<Self, DoorError> {
        let inbox = names::inbox(&organisation);
        let link =
            Link::connect_as(&address.into(), Some(credential), &inbox, &organisation.to_string()).await?;
        Ok(Self { link, organisation, heard: Arc::new(watch::Sender::new(None)) })
    }

    /// The same door, with another time for answers than [`crate::ANSWER_WITHIN`].
    #[must_use]
    pub fn with_answer_within(mut self, answer_within: Duration) -> Self {
        self.link = self.link.with_answer_within(answer_within);
        self
    }

    pub(crate) const fn link(&self) -> &Link {
        &self.link
    }

    /// Whose door it is.
    pub const fn organisation(&self) -> &Organisation {
        &self.organisation
    }

    /// How the connection is doing, now and whenever it changes.
    pub fn health(&self) -> watch::Receiver<Health> {
        self.link.health()
    }

    /// Submits a command. On [`DoorError::Unknown`] submit the very same again: the first one counts.
    pub async fn submit(&self, command: &Command<Sealed>) -> Result<Answer, DoorError> {
        Ok(self.submit_in(command, None).await?.0)
    }

    /// The same, saying where in a trace it is done. The answer may say where it belongs, too: the police hear so of the
    /// trace that began with their report.
    pub async fn submit_in(
        &self,
        command: &Command<Sealed>,
        traceparent: Option<Traceparent>,
    ) -> Result<(Answer, Option<Traceparent>), DoorError> {
        self.knock(names::SUBMIT, command, traceparent).await
    }

    /// Fetches a payload that is due to us. For a school this *is* opening the signal (R24).
    pub async fn fetch(&self, fetch: &Fetch) -> Result<Fetched, DoorError> {
        self.fetch_in(fetch, None).await
    }

    /// The same, saying where in a trace it is done.
    pub async fn fetch_in(
        &self,
        fetch: &Fetch,
        traceparent: Option<Traceparent>,
    ) -> Result<Fetched, DoorError> {
        Ok(self.knock(names::FETCH, fetch, traceparent).await?.0)
    }

    /// Asks something about ourselves.
    pub async fn ask(&self, ask: &Ask) -> Result<Told, DoorError> {
        Ok(self.knock(names::ASK, ask, None).await?.0)
    }

    /// The signed directory of organisations, if there is a newer one than the one with this serial. Who takes it checks its
    /// signature.
    pub async fn directory(&self, newer_than: u64) -> Result<Option<Bytes>, DoorError> {
        let body = serde_json::to_vec(&Newer { than: newer_than }).map_err(|_| DoorError::TooLarge)?;
        let answer = self.link.ask(names::DIRECTORY.to_owned(), None, body.into()).await?;
        Ok(Some(answer.payload).filter(|text| !text.is_empty()))
    }

    /// Our tasks, as they come.
    pub async fn tasks(&self) -> Result<TaskFeed, DoorError> {
        let inbox = self.link.client().new_inbox();
        let arriving: Subscriber = self.link.listen(format!("{inbox}.*")).await?;
        Ok(TaskFeed::new(self.link.clone(), inbox, arriving, Arc::clone(&self.heard)))
    }

    /// When the broker last answered a pull for tasks, empty-handed or not. While somebody pulls it is never older than a few
    /// seconds: a feed that went silent shows here.
    pub fn heard(&self) -> watch::Receiver<Option<Instant>> {
        self.heard.subscribe()
    }

    /// Waits until everything that was said has left this program, for a moment at most. The last thing before it ends.
    pub async fn flush(&self) {
        let _ = tokio::time::timeout(Duration::from_secs(1), self.link.client().flush()).await;
    }

    async fn knock<T: DeserializeOwned>(
        &self,
        door: &str,
        body: &impl Serialize,
        traceparent: Option<Traceparent>,
    ) -> Result<(T, Option<Traceparent>), DoorError> {
        let body = serde_json::to_vec(body).map_err(|_| DoorError::TooLarge)?;
        if body.len() > MESSAGE_BYTES_MAX {
            return Err(DoorError::TooLarge);
        }
        let mut headers = HeaderMap::new();
        traced::write(traceparent, &mut headers);
        let answer = self.link.ask(door.to_owned(), Some(headers), body.into()).await?;
        let said = message::read(&answer.payload).map_err(|_| DoorError::Unreadable)?;
        Ok((said, traced::read(answer.headers.as_ref())))
    }
}
