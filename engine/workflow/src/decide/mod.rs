//! What may happen: a command, a fetch or the passing of time against the state. A refusal is an answer, not a failure.
//!
//! What time asks for comes first, then the act, then whatever follows from it at once: a visit at the very moment of
//! expiry comes too late, a signal routed within the window is delivered in the same breath, the last erasure purges.

mod command;
mod time;

use hwc_schemas::{
    Organisation, PayloadId, Role, SignalNumber, TraceId,
    wire::{Command, Fetch, Refusal},
};

use self::{command::Asked, time::consequences};
use crate::{
    context::Context,
    duty::Done,
    event::{Event, Fact},
    state::{Delivered, Expanded, Incident, Screened, Signal, SignalState, evolve},
};

/// Who wants what.
#[derive(Debug, Clone, Copy)]
pub enum Act<'a> {
    /// An organisation submits a command; the broker proved who it is.
    Command {
        /// Who.
        from: &'a Organisation,
        /// What.
        command: &'a Command<PayloadId>,
        /// The trace of an incident that begins with this command, drawn by the caller, who owns the dice.
        trace: Option<TraceId>,
    },
    /// An organisation asks for a payload.
    Fetch {
        /// Who.
        from: &'a Organisation,
        /// What.
        fetch: &'a Fetch,
    },
    /// A duty is done.
    Done(Done),
    /// Time passed.
    Look,
}

/// A payload that is due to whoever asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// Which ciphertext.
    pub payload: PayloadId,
    /// Who sealed it.
    pub from: Organisation,
}

/// What may happen: the events to make durable. A command that is so already has none at all; what time asks for at that
/// moment is then left to the next [`Act::Look`].
pub fn decide(incident: &Incident, act: Act<'_>, context: &Context<'_>) -> Result<Vec<Event>, Refusal> {
    of_the_role(act)?;
    let mut course = Course { state: incident.clone(), events: Vec::new(), context };
    course.settle();
    let facts = match act {
        Act::Command { from, command, trace } => {
            let facts = Asked { incident: &course.state, from, context, trace }.decide(command)?;
            if facts.is_empty() {
                return Ok(Vec::new());
            }
            facts
        }
        Act::Fetch { from, fetch } => opened(&course.state, from, fetch)?,
        Act::Done(done) => discharged(&course.state, done),
        Act::Look => Vec::new(),
    };
    course.happen(facts);
    course.settle();
    Ok(course.events)
}

/// What is due to whoever asks, at this moment (R21). For a school, [`decide`] comes first: its fetch is an event.
pub fn due(incident: &Incident, from: &Organisation, fetch: &Fetch) -> Result<Due, Refusal> {
    match (fetch, incident) {
        (Fetch::Report { .. }, Incident::Unknown | Incident::Purged | Incident::Closed(_)) => {
            Err(Refusal::Gone)
        }
        (Fetch::Report { .. }, Incident::Recorded(r) | Incident::Screened(Screened { recorded: r, .. })) => {
            theirs(from, &r.veilig_thuis)?;
            Ok(Due { payload: r.report, from: r.police.clone() })
        }
        (Fetch::Report { .. }, Incident::Expanded(expanded)) => {
            theirs(from, &expanded.veilig_thuis)?;
            let payload = expanded.report.ok_or(Refusal::Gone)?;
            Ok(Due { payload, from: expanded.police.clone() })
        }
        (Fetch::Referral { signal, round }, _) => {
            let (expanded, signal) = signal_of(incident, from, signal.number)?;
            let SignalState::Referred(referred) = &signal.state else { return Err(Refusal::Gone) };
            theirs(from, &referred.municipality)?;
            same_round(*round, referred.round)?;
            Ok(Due { payload: referred.referral, from: expanded.veilig_thuis.clone() })
        }
        (Fetch::Letter { signal, round }, _) => {
            let delivered = delivered_to(incident, from, signal.number, *round)?;
            Ok(Due { payload: delivered.routed.letter, from: delivered.routed.municipality.clone() })
        }
    }
}

/// The events of one decision, and the state that they lead to.
struct Course<'a> {
    state: Incident,
    events: Vec<Event>,
    context: &'a Context<'a>,
}

impl Course<'_> {
    fn happen(&mut self, facts: Vec<Fact>) {
        for fact in facts {
            let event = Event { at: self.context.now, fact };
            // What the law does not know is not decided, and ends the decision here.
            let Ok(next) = evolve(std::mem::take(&mut self.state), &event) else { return };
            self.state = next;
            self.events.push(event);
        }
    }

    /// Everything that is due at this moment without anybody asking. It ends: every pass moves a signal forward, and the
    /// page of the law has no cycle that needs nobody but the engine.
    fn settle(&mut self) {
        loop {
            let facts = consequences(&self.state, self.context);
            if facts.is_empty() {
                return;
            }
            self.happen(facts);
        }
    }
}

/// A school's fetch is an event the first time (R24); everybody else's changes nothing.
fn opened(incident: &Incident, from: &Organisation, fetch: &Fetch) -> Result<Vec<Fact>, Refusal> {
    due(incident, from, fetch)?;
    let Fetch::Letter { signal, round } = fetch else { return Ok(Vec::new()) };
    let delivered = delivered_to(incident, from, signal.number, *round)?;
    let first = delivered.opened_at.is_none();
    Ok(if first { vec![Fact::Opened { number: signal.number }] } else { Vec::new() })
}

/// A duty that was done twice is done.
fn discharged(incident: &Incident, done: Done) -> Vec<Fact> {
    let fact = match (done, incident) {
        (Done::Erased(payload), Incident::Expanded(expanded)) => {
            let mut erasing = expanded.signals.iter().flat_map(|s| &s.erasing).chain(&expanded.erasing);
            erasing.any(|one| *one == payload).then_some(Fact::Erased { payload })
        }
        (Done::Erased(payload), Incident::Closed(closed)) => {
            closed.erasing.contains(&payload).then_some(Fact::Erased { payload })
        }
        (Done::BreachRecorded(number, breach), Incident::Expanded(expanded)) => {
            let first = expanded.signal(number).and_then(|signal| signal.breaches.first());
            (first == Some(&breach)).then_some(Fact::BreachRecorded { number })
        }
        _ => None,
    };
    fact.into_iter().collect()
}

fn signal_of<'a>(
    incident: &'a Incident,
    from: &Organisation,
    number: SignalNumber,
) -> Result<(&'a Expanded, &'a Signal), Refusal> {
    match incident {
        Incident::Expanded(expanded) => Ok((expanded, expanded.signal(number).ok_or(Refusal::Gone)?)),
        Incident::Recorded(_) | Incident::Screened(_) if incident.veilig_thuis() == Some(from) => {
            Err(Refusal::OutOfOrder)
        }
        _ => Err(Refusal::Gone),
    }
}

/// The delivered signal, if it is this school's and this round's (R21, R24).
fn delivered_to<'a>(
    incident: &'a Incident,
    from: &Organisation,
    number: SignalNumber,
    round: u16,
) -> Result<&'a Delivered, Refusal> {
    match &signal_of(incident, from, number)?.1.state {
        SignalState::Delivered(delivered) => {
            theirs(from, delivered.routed.addressed.school())?;
            same_round(round, delivered.routed.round)?;
            Ok(delivered)
        }
        SignalState::Routed(routed) if routed.addressed.school() == from => {
            same_round(round, routed.round).and(Err(Refusal::OutOfOrder))
        }
        SignalState::Referred(_)
        | SignalState::Routed(_)
        | SignalState::Acknowledged(_)
        | SignalState::Ended(_)
        | SignalState::Purged(_) => Err(Refusal::Gone),
    }
}

/// Whoever's role never does this hears so before anything is looked at: it says nothing about any signal.
fn of_the_role(act: Act<'_>) -> Result<(), Refusal> {
    let (from, roles): (_, &[Role]) = match act {
        Act::Command { from, command, .. } => (
            from,
            match command {
                Command::Record { .. } => &[Role::Police],
                Command::Screen { .. } | Command::Expand { .. } => &[Role::VeiligThuis],
                Command::Route { .. } | Command::Withhold { .. } => &[Role::Municipality],
                Command::Acknowledge { .. } | Command::Return { .. } => &[Role::School],
                Command::Recall { .. } => &[Role::Municipality, Role::VeiligThuis],
            },
        ),
        Act::Fetch { from, fetch } => (
            from,
            match fetch {
                Fetch::Report { .. } => &[Role::VeiligThuis],
                Fetch::Referral { .. } => &[Role::Municipality],
                Fetch::Letter { .. } => &[Role::School],
            },
        ),
        Act::Done(_) | Act::Look => return Ok(()),
    };
    if roles.contains(&from.role()) { Ok(()) } else { Err(Refusal::NotYours) }
}

/// A stranger hears what it would hear of a signal that never was: no refusal tells a school of a child's siblings, or
/// anybody of what is another's (R1, R13).
fn theirs(from: &Organisation, whose: &Organisation) -> Result<(), Refusal> {
    if from == whose { Ok(()) } else { Err(Refusal::Gone) }
}

fn same_round(asked: u16, now: u16) -> Result<(), Refusal> {
    match asked.cmp(&now) {
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Less => Err(Refusal::Gone),
        std::cmp::Ordering::Greater => Err(Refusal::OutOfOrder),
    }
}
