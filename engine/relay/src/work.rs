//! What a desk decides, and how far it has come on its way to being durable.

use hwc_journal::{Commit, Location, Position};
use hwc_schemas::{
    Organisation, PayloadId, TraceId,
    wire::{Answer, Command, Fetch, Refusal, Sealed},
};
use hwc_workflow::{Act, Context, Done, Duty, Event, Fact, Found, Incident, decide, evolve};

use crate::io::{Output, Reply, Ticket};

/// Somebody asks, and waits for the answer.
#[derive(Debug, Clone, Hash)]
pub(crate) struct Request {
    pub(crate) ticket: Ticket,
    pub(crate) from: Organisation,
    pub(crate) ask: Ask,
    /// For an incident that begins with it.
    pub(crate) trace: Option<TraceId>,
}

#[derive(Debug, Clone, Hash)]
pub(crate) enum Ask {
    Command { command: Command<PayloadId>, payloads: Vec<(PayloadId, Sealed)> },
    Fetch(Fetch),
}

impl Request {
    fn act(&self) -> Act<'_> {
        match &self.ask {
            Ask::Command { command, .. } => Act::Command { from: &self.from, command, trace: self.trace },
            Ask::Fetch(fetch) => Act::Fetch { from: &self.from, fetch },
        }
    }

    /// The ciphertexts that came with it.
    pub(crate) fn payloads(&self) -> &[(PayloadId, Sealed)] {
        match &self.ask {
            Ask::Command { payloads, .. } => payloads,
            Ask::Fetch(_) => &[],
        }
    }

    pub(crate) const fn reply(&self, reply: Reply) -> Output {
        Output::Reply { ticket: self.ticket, reply }
    }

    pub(crate) const fn refused(&self, refusal: Refusal) -> Output {
        self.reply(match self.ask {
            Ask::Command { .. } => Reply::Command(Answer::Refused { refusal }),
            Ask::Fetch(_) => Reply::NotDue(refusal),
        })
    }

    pub(crate) const fn try_later(&self) -> Output {
        self.reply(match self.ask {
            Ask::Command { .. } => Reply::Command(Answer::TryLater),
            Ask::Fetch(_) => Reply::TryLater,
        })
    }
}

/// Something to decide that nobody waits for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Chore {
    Done(Duty),
    Look,
}

impl Chore {
    fn act(&self) -> Act<'_> {
        match self {
            Self::Done(duty) => Done::of(duty).map_or(Act::Look, Act::Done),
            Self::Look => Act::Look,
        }
    }
}

/// Why something is decided: one request by itself, or all chores together.
#[derive(Debug, Clone, Hash)]
pub(crate) enum Cause {
    Request(Request),
    Chores(Vec<Chore>),
}

/// A decision on its way to being durable.
#[derive(Debug, Clone, Hash)]
pub(crate) struct Work {
    pub(crate) cause: Cause,
    pub(crate) events: Vec<Event>,
    /// The state that the events lead to.
    pub(crate) after: Incident,
    /// Ciphertexts of the request that are durable already.
    pub(crate) stored: Vec<(PayloadId, Location)>,
    /// How often it was tried to make a request's durable.
    pub(crate) attempts: u32,
    /// Whether the log was read for it: what is refused is refused by the log and not by memory.
    pub(crate) read: bool,
    /// Where the log ended before an append of which nobody knows what became.
    pub(crate) unsure: Option<Position>,
}

impl Work {
    pub(crate) fn new(cause: Cause, read: bool) -> Self {
        let (events, stored) = (Vec::new(), Vec::new());
        Self { cause, events, after: Incident::Unknown, stored, attempts: 0, read, unsure: None }
    }

    /// Decides, or decides anew.
    pub(crate) fn decide(&mut self, incident: &Incident, context: &Context<'_>) -> Result<(), Refusal> {
        self.events.clear();
        self.after = incident.clone();
        match &self.cause {
            Cause::Request(request) => {
                let events = decide(&self.after, request.act(), context)?;
                self.take(events);
            }
            Cause::Chores(_) => self.decide_chores(context)?,
        }
        Ok(())
    }

    fn decide_chores(&mut self, context: &Context<'_>) -> Result<(), Refusal> {
        let Cause::Chores(chores) = &mut self.cause else { return Ok(()) };
        let chores = std::mem::take(chores);
        for chore in &chores {
            let events = decide(&self.after, chore.act(), context)?;
            self.take(events);
        }
        self.cause = Cause::Chores(chores);
        Ok(())
    }

    fn take(&mut self, events: Vec<Event>) {
        for event in events {
            // `decide` has walked this way already.
            if let Ok(next) = evolve(std::mem::take(&mut self.after), &event) {
                self.after = next;
            }
            self.events.push(event);
        }
    }

    /// Whether a school asks for its letter.
    pub(crate) const fn asks_for_a_letter(&self) -> bool {
        matches!(self.cause, Cause::Request(Request { ask: Ask::Fetch(Fetch::Letter { .. }), .. }))
    }

    /// The ciphertexts that the events point to for the first time, and to whom each is sealed.
    fn addressed(&self) -> Vec<(PayloadId, &Organisation)> {
        let mut all = Vec::new();
        for event in &self.events {
            match &event.fact {
                Fact::Recorded { veilig_thuis, report, .. } => all.push((*report, veilig_thuis)),
                Fact::Routed { school, letter, .. } => all.push((*letter, school)),
                Fact::Expanded { found, .. } | Fact::Joined { found } => {
                    all.extend(found.iter().filter_map(|child| match child {
                        Found::Referred { municipality, referral } => Some((*referral, municipality)),
                        Found::ScreenedOut { .. } | Found::NotParticipating => None,
                    }));
                }
                _ => {}
            }
        }
        all
    }

    /// To whom one of them is sealed, if the events point to it.
    pub(crate) fn receiver_of(&self, payload: PayloadId) -> Option<Organisation> {
        let addressed = self.addressed();
        addressed.into_iter().find(|(one, _)| *one == payload).map(|(_, to)| to.clone())
    }

    fn pointed_to(&self) -> Vec<PayloadId> {
        self.addressed().into_iter().map(|(payload, _)| payload).collect()
    }

    fn is_stored(&self, payload: PayloadId) -> bool {
        self.stored.iter().any(|(known, _)| *known == payload)
    }

    fn carried(&self) -> &[(PayloadId, Sealed)] {
        if let Cause::Request(request) = &self.cause { request.payloads() } else { &[] }
    }

    /// Whether the events point to something that nobody sent.
    pub(crate) fn points_to_nothing(&self) -> bool {
        let carried = self.carried();
        self.pointed_to()
            .into_iter()
            .any(|one| !self.is_stored(one) && carried.iter().all(|(known, _)| *known != one))
    }

    /// The ciphertexts that must be durable before the events are.
    pub(crate) fn missing(&self) -> Vec<(PayloadId, Sealed)> {
        let pointed_to = self.pointed_to();
        let missing =
            self.carried().iter().filter(|(one, _)| pointed_to.contains(one) && !self.is_stored(*one));
        missing.cloned().collect()
    }

    pub(crate) fn commit(&self) -> Commit {
        let pointed_to = self.pointed_to();
        let stored = self.stored.iter().filter(|(one, _)| pointed_to.contains(one)).copied().collect();
        Commit { events: self.events.clone(), stored }
    }

    /// Every ciphertext that it may still need.
    pub(crate) fn payloads(&self) -> impl Iterator<Item = PayloadId> {
        self.carried().iter().map(|(one, _)| *one).chain(self.stored.iter().map(|(one, _)| *one))
    }

    /// Whoever waits for it is asked to come back; what was stored for it is not forgotten.
    pub(crate) fn give_up(mut self) -> (Self, Option<Output>) {
        let reply = if let Cause::Request(request) = &self.cause { Some(request.try_later()) } else { None };
        if reply.is_some() {
            self.cause = Cause::Chores(Vec::new());
        }
        (self, reply)
    }
}
