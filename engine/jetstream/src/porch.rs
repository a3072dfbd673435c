//! Standing before the engine's doors, in the engine's own account: for an exam, which hears in bytes what an organisation says,
//! passes it on to an engine of its own, and answers what it likes. Nobody in a region needs it.

use async_nats::{HeaderMap, Message, Subscriber};
use bytes::Bytes;
use futures::{
    StreamExt as _,
    stream::{self, BoxStream},
};
use hwc_schemas::{Organisation, Traceparent, wire::Task};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use crate::{
    Door, DoorError, Fault, Link, Tasks, cloud_event, doors,
    messages::{self, Which},
    names::{self, TASKS},
    traced,
};

/// A door at which somebody waits for an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DoorName {
    /// For commands.
    Submit,
    /// For payloads.
    Fetch,
    /// For questions about oneself.
    Ask,
    /// For the directory.
    Directory,
}

impl DoorName {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::Submit, Self::Fetch, Self::Ask, Self::Directory];

    /// As organisations call it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Submit => names::SUBMIT,
            Self::Fetch => names::FETCH,
            Self::Ask => names::ASK,
            Self::Directory => names::DIRECTORY,
        }
    }
}

/// Somebody at a door, as they came.
#[derive(Debug)]
pub struct Visit {
    /// Who; from the broker, not from the message.
    pub from: Organisation,
    /// At which door.
    pub at: DoorName,
    /// What they say.
    pub body: Bytes,
    /// Where in a trace they say to be.
    pub traceparent: Option<Traceparent>,
    link: Link,
    reply: String,
}

impl Visit {
    /// Answers. More than one answer is possible, and a fault of whoever stands here.
    pub async fn answer(&self, body: Bytes, traceparent: Option<Traceparent>) -> Result<(), Fault> {
        let mut headers = HeaderMap::new();
        traced::write(traceparent, &mut headers);
        self.link.send_with(self.reply.clone(), headers, body).await
    }
}

/// All doors of all organisations, in bytes.
pub struct Porch {
    link: Link,
    arriving: BoxStream<'static, (DoorName, Message)>,
}

impl Porch {
    /// Stands there. Nobody else may: two would answer at once.
    pub async fn open(link: &Link) -> Result<Self, Fault> {
        let mut all: Vec<BoxStream<'static, (DoorName, Message)>> = Vec::new();
        for (at, subject) in [
            (DoorName::Submit, names::submit("*")),
            (DoorName::Fetch, names::fetch("*")),
            (DoorName::Ask, names::ask("*")),
            (DoorName::Directory, names::directory("*")),
        ] {
            let arriving: Subscriber = link.listen(subject).await?;
            all.push(arriving.map(move |message| (at, message)).boxed());
        }
        Ok(Self { link: link.clone(), arriving: stream::select_all(all).boxed() })
    }

    /// Waits for the next one; `None` when the connection is closed for good. Cancel-safe.
    pub async fn next(&mut self) -> Option<Visit> {
        loop {
            let (at, message) = self.arriving.next().await?;
            if let Some((from, reply)) = doors::who(&message) {
                let traceparent = traced::read(message.headers.as_ref());
                return Some(Visit {
                    from,
                    at,
                    body: message.payload,
                    traceparent,
                    link: self.link.clone(),
                    reply,
                });
            }
        }
    }
}

impl Door {
    /// Says bytes at a door, whatever they are, and hears the bytes of the answer.
    pub async fn pass_on(
        &self,
        at: DoorName,
        body: Bytes,
        traceparent: Option<Traceparent>,
    ) -> Result<(Bytes, Option<Traceparent>), DoorError> {
        let mut headers = HeaderMap::new();
        traced::write(traceparent, &mut headers);
        let answer = self.link().ask(at.as_str().to_owned(), Some(headers), body).await?;
        Ok((answer.payload, traced::read(answer.headers.as_ref())))
    }
}

impl Tasks {
    /// Lays a task with this id and these bytes before an organisation, whatever they are; its attributes are those of `like`. If
    /// one with this id lies there already, nothing changes.
    pub async fn lay(
        &self,
        organisation: &Organisation,
        (id, like): (&str, &Task),
        body: Bytes,
    ) -> Result<(), Fault> {
        let mut headers = HeaderMap::new();
        cloud_event::write(like, cloud_event::TEST_SOURCE, Timestamp::now(), &mut headers);
        headers.insert("ce-id", id);
        match self.link().put(names::task(organisation, id), headers, body).await {
            Err(fault) if fault.is_already_there() => Ok(()),
            laid => laid.map(|_| ()),
        }
    }

    /// Whether a task with this id lies before an organisation: it was laid there, and is not acknowledged.
    pub async fn lies(&self, organisation: &Organisation, id: &str) -> Result<bool, Fault> {
        let subject = names::task(organisation, id);
        Ok(messages::get(self.link(), TASKS, Which::LastOf(&subject)).await?.is_some())
    }

    /// Has a task offered again at once, as it would be by itself when nobody says for a while that they work on it. If it was not
    /// delivered yet, nothing changes. It must be the last one that was delivered, or one of those before.
    pub async fn offer_again(&self, organisation: &Organisation, id: &str) -> Result<(), Fault> {
        #[derive(Deserialize)]
        struct Info {
            delivered: Delivered,
        }
        #[derive(Deserialize)]
        struct Delivered {
            consumer_seq: u64,
        }
        let subject = names::task(organisation, id);
        let Some(lying) = messages::get(self.link(), TASKS, Which::LastOf(&subject)).await? else {
            return Ok(());
        };
        let asked = format!("CONSUMER.INFO.{TASKS}.{organisation}");
        let info: Info = self.link().api(asked, &json!({})).await?;
        // What its holder would say who puts it back: the server knows it by its place in the stream.
        let (place, last) = (lying.sequence, info.delivered.consumer_seq);
        let put_back = format!("$JS.ACK.{TASKS}.{organisation}.1.{place}.{last}.0.0");
        self.link().send(put_back, None, Bytes::from_static(b"-NAK")).await
    }

    /// Takes a task away from before an organisation; whoever holds it may acknowledge it in vain. Laid anew, it comes again.
    pub async fn take_away(&self, organisation: &Organisation, id: &str) -> Result<(), Fault> {
        let subject = names::task(organisation, id);
        match messages::get(self.link(), TASKS, Which::LastOf(&subject)).await? {
            Some(lying) => messages::erase(self.link(), TASKS, lying.sequence).await,
            None => Ok(()),
        }
    }
}
