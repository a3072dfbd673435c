//! One engine: the production driver, who waits for its answers, and what it has under way at the broker.

use std::hash::Hash;

use hwc_relay::{Input, Relay, Trouble};
use hwc_schemas::PayloadId;
use hwc_workflow::Incident;

use crate::{
    outside::{Answer, Message},
    people::Ask,
    print,
    region::INCIDENT,
};

/// Somebody who waits for an answer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Asked {
    pub(crate) ticket: u64,
    pub(crate) ask: Ask,
    pub(crate) payloads: Vec<PayloadId>,
    /// What was asked became durable since.
    pub(crate) durable: bool,
    /// The letter was due to this school at some moment since.
    pub(crate) due: bool,
}

/// A request to the broker that is under way.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Post {
    pub(crate) message: Message,
    /// It was done, and this is the answer on its way back.
    pub(crate) answer: Option<Answer>,
}

/// One engine. It is gone with everything when it crashes.
#[derive(Clone)]
pub(crate) struct Engine {
    pub(crate) relay: Relay,
    pub(crate) asked: Vec<Asked>,
    pub(crate) post: Vec<Post>,
    /// Whether what it appends is heard.
    pub(crate) pen: bool,
    /// Its fingerprint, once it is taken; none while something changes.
    pub(crate) print: Option<u128>,
}

impl Engine {
    pub(crate) fn new(relay: Relay, pen: bool) -> Self {
        Self { relay, asked: Vec::new(), post: Vec::new(), pen, print: None }
    }

    /// What is under way has an order only if it may not overtake each other.
    pub(crate) fn fingerprint(&mut self, any_order: bool) {
        let Self { relay, asked, post, pen, .. } = &*self;
        let posts = if any_order { print::of_all(post) } else { print::of(post) };
        self.print = Some(print::of(&(relay, print::of_all(asked), posts, pen)));
    }

    /// A number that no request has which waits here.
    pub(crate) fn ticket(&self) -> u64 {
        (1..=u64::MAX).find(|number| self.asked.iter().all(|asked| asked.ticket != *number)).unwrap_or(0)
    }

    /// The incident, as far as this engine knows.
    pub(crate) fn knows(&self) -> Option<&Incident> {
        self.relay.incidents().next().map(|(_, incident)| incident)
    }

    /// Whether it has nothing to do, nothing under way and nobody at its desk.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.relay.is_idle()
            && self.relay.wake_at().is_none()
            && self.knows().is_none()
            && self.post.is_empty()
            && self.asked.is_empty()
    }

    /// Every ciphertext that it knows of.
    pub(crate) fn names(&self) -> impl Iterator<Item = PayloadId> {
        let keeps = self.relay.keeps().into_iter().flatten();
        let asked = self.asked.iter().flat_map(|asked| asked.payloads.iter().copied());
        keeps.chain(asked).chain(self.post.iter().flat_map(|post| post.message.names()))
    }
}

/// The answer to a message as the driver hears it; without one, that nobody knows. A discarded ciphertext's is for nobody.
pub(crate) fn heard(message: Message, answer: Answer) -> Option<Input> {
    let incident = INCIDENT;
    let outcome = if let Answer::Appended(outcome) = answer { Ok(outcome) } else { Err(Trouble) };
    Some(match message {
        Message::Load => Input::Loaded { incident, history: Err(Trouble) },
        Message::Store(_) => {
            let places = if let Answer::Stored(places) = answer { Ok(places) } else { Err(Trouble) };
            Input::Stored { incident, places }
        }
        Message::Append { .. } => Input::Appended { incident, outcome },
        Message::Forget { .. } => Input::Forgotten { incident, outcome },
        Message::Perform { duty, .. } => {
            let outcome = if answer == Answer::Performed { Ok(()) } else { Err(Trouble) };
            Input::Performed { incident, duty, outcome }
        }
        Message::Discard { .. } => return None,
    })
}
