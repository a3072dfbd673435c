//! What an incident went through, step by step: for whoever shows, times or counts it. It decides nothing.

use hwc_schemas::{SignalNumber, TraceId, outcome::Outcome};
use jiff::Timestamp;

use crate::{
    event::{Event, Fact},
    law::{EDGES, Kind, Phase},
    state::{Incident, Signal},
};

/// One edge of the law that was walked, by the incident as a whole or by one of its signals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// The place of its event in the incident's log, from 1. Place and signal name the step, the same after any crash.
    pub place: u32,
    /// Which signal; none for the incident as a whole.
    pub signal: Option<SignalNumber>,
    /// The kind of event.
    pub on: Kind,
    /// Where it was.
    pub from: Phase,
    /// Where it is.
    pub to: Phase,
    /// When the incident was recorded, or the look-up began that found the signal.
    pub began: Timestamp,
    /// When it came to where it was.
    pub since: Timestamp,
    /// When it happened.
    pub at: Timestamp,
    /// How it ended, once it has.
    pub outcome: Option<Outcome>,
    /// How many signals it speaks for: one each; before the children are known, as many as were named, or one.
    pub signals: u16,
}

impl Step {
    /// The rules that the edge stands on.
    pub fn rules(&self) -> &'static [&'static str] {
        let edge = EDGES.iter().find(|edge| (edge.from, edge.on, edge.to) == (self.from, self.on, self.to));
        edge.map_or(&[], |edge| edge.rules)
    }

    /// How signals ended whose very last step this is, and how many.
    pub fn ended(&self) -> Option<(Outcome, u16)> {
        if self.to == Phase::Purged { Some((self.outcome?, self.signals)) } else { None }
    }

    /// Whether it leads anywhere else.
    pub fn moves(&self) -> bool {
        self.from != self.to
    }
}

/// How long something has been where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stay {
    /// Where.
    pub phase: Phase,
    /// Since when.
    pub since: Timestamp,
    /// When it began.
    pub began: Timestamp,
    /// How it ended, once it has.
    pub outcome: Option<Outcome>,
    /// How many signals it speaks for.
    pub signals: u16,
}

/// The way of one incident up to now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trail {
    trace: Option<TraceId>,
    places: u32,
    incident: Option<Stay>,
    signals: Vec<Stay>,
}

impl Trail {
    /// Its trace, if it has one.
    pub const fn trace(&self) -> Option<TraceId> {
        self.trace
    }

    /// The incident as a whole; none before it is recorded.
    pub const fn incident(&self) -> Option<&Stay> {
        self.incident.as_ref()
    }

    /// Its signals, by number.
    pub fn signals(&self) -> &[Stay] {
        &self.signals
    }

    /// Goes on by one event, which led to this state; gives the steps that were made with it. Book-keeping makes none.
    pub fn walk(&mut self, event: &Event, after: &Incident) -> Vec<Step> {
        self.places = self.places.saturating_add(1);
        if let Fact::Recorded { trace, .. } = &event.fact {
            self.trace = *trace;
        }
        let Some(on) = Kind::of(&event.fact) else { return Vec::new() };
        if let (Some(number), Incident::Expanded(expanded)) = (event.fact.number(), after) {
            let (Some(stay), Some(signal)) = (self.signals.get_mut(number.index()), expanded.signal(number))
            else {
                return Vec::new();
            };
            let arrived = Stay { phase: signal.phase(), outcome: signal.outcome(), ..*stay };
            return vec![stay.moved(arrived, self.places, Some(number), (on, event.at))];
        }
        let new = Stay { phase: Phase::Unknown, since: event.at, began: event.at, outcome: None, signals: 1 };
        let stay = self.incident.get_or_insert(new);
        let before = *stay;
        let mut steps =
            vec![stay.moved(arrived(before, &event.fact, after), self.places, None, (on, event.at))];
        if let Incident::Expanded(expanded) = after {
            for (number, signal) in expanded.numbered().skip(self.signals.len()) {
                let mut stay = Stay { began: before.since, signals: 1, ..before };
                steps.push(stay.moved(of(stay, signal), self.places, Some(number), (on, event.at)));
                // Whoever joins its siblings where they are came there only now.
                stay.since = event.at;
                self.signals.push(stay);
            }
        }
        steps
    }
}

/// The incident as a whole, after an event of its own.
fn arrived(before: Stay, fact: &Fact, after: &Incident) -> Stay {
    let mut stay = Stay { phase: after.phase(), ..before };
    match fact {
        Fact::NotDomesticViolence { children } => {
            stay.signals = *children;
            stay.outcome = Some(Outcome::ScreenedOut(hwc_schemas::outcome::ScreenedOut::NotDomesticViolence));
        }
        Fact::ReportExpired if stay.phase == Phase::Expired => {
            stay.outcome = Some(Outcome::Expired(hwc_schemas::outcome::Expired::NotScreened));
        }
        // From here on each signal speaks for itself.
        Fact::Expanded { .. } => stay.signals = 0,
        _ => {}
    }
    stay
}

const fn of(stay: Stay, signal: &Signal) -> Stay {
    Stay { phase: signal.phase(), outcome: signal.outcome(), ..stay }
}

impl Stay {
    /// Moves there, and gives the step.
    fn moved(
        &mut self,
        to: Self,
        place: u32,
        signal: Option<SignalNumber>,
        (on, at): (Kind, Timestamp),
    ) -> Step {
        let from = *self;
        *self = Self { since: if to.phase == from.phase { from.since } else { at }, ..to };
        Step {
            place,
            signal,
            on,
            from: from.phase,
            to: to.phase,
            began: from.began,
            since: from.since,
            at,
            outcome: to.outcome,
            signals: to.signals,
        }
    }
}
