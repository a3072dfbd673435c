//! What really happened, whatever any engine thinks: the events that became durable, and what followed from each.

use std::collections::{BTreeMap, BTreeSet};

use hwc_schemas::{IncidentId, Organisation, PayloadId, SignalNumber, outcome::Outcome, wire::Fetch};
use hwc_workflow::{Due, Duty, Event, Fact, Incident, due, duties, evolve, state::Signal};

/// One incident's true course.
#[derive(Default)]
pub(crate) struct Course {
    pub(crate) incident: Incident,
    pub(crate) events: Vec<Event>,
    /// Every duty that any of its states owed.
    pub(crate) owed: BTreeSet<Duty>,
    /// How its signals ended, as long as it was known.
    pub(crate) outcomes: Vec<Option<Outcome>>,
    /// Every state it has been in.
    past: Vec<Incident>,
}

#[derive(Default)]
pub(crate) struct Truth {
    pub(crate) courses: BTreeMap<IncidentId, Course>,
}

impl Truth {
    pub(crate) fn of(&self, id: IncidentId) -> &Incident {
        const { &Incident::Unknown };
        self.courses.get(&id).map_or(&Incident::Unknown, |course| &course.incident)
    }

    /// Events became durable. They must be what the law allows.
    pub(crate) fn append(&mut self, id: IncidentId, events: &[Event]) {
        let course = self.courses.entry(id).or_default();
        for event in events {
            course.past.push(course.incident.clone());
            course.incident = evolve(std::mem::take(&mut course.incident), event).unwrap();
            course.events.push(event.clone());
            if let Incident::Expanded(expanded) = &course.incident {
                course.outcomes = expanded.signals.iter().map(Signal::outcome).collect();
            }
        }
        course.owed.extend(duties(id, &course.incident));
    }

    /// Every ciphertext that an event points to and that is not erased.
    pub(crate) fn payloads(&self) -> BTreeSet<PayloadId> {
        self.courses.values().flat_map(|course| course.incident.payloads()).collect()
    }

    pub(crate) fn was_owed(&self, id: IncidentId, duty: &Duty) -> bool {
        self.courses.get(&id).is_some_and(|course| course.owed.contains(duty))
    }

    /// Whether a ciphertext is, or ever was, due to somebody.
    pub(crate) fn was_due(&self, from: &Organisation, fetch: &Fetch, what: &Due) -> bool {
        let Some(course) = self.courses.get(&fetch.incident()) else { return false };
        let states = course.past.iter().chain([&course.incident]);
        states.into_iter().any(|state| due(state, from, fetch).as_ref() == Ok(what))
    }

    pub(crate) fn outcomes(&self) -> BTreeMap<IncidentId, Vec<Option<Outcome>>> {
        self.courses.iter().map(|(id, course)| (*id, course.outcomes.clone())).collect()
    }

    /// How the signals of one incident ended, in words.
    pub(crate) fn words(&self, id: IncidentId) -> Vec<&'static str> {
        self.courses[&id]
            .outcomes
            .iter()
            .map(|outcome| outcome.map_or("lost", |outcome| outcome.words().0))
            .collect()
    }

    /// How often each child was opened by each round's school, and acknowledged.
    pub(crate) fn count(&self, id: IncidentId, of: impl Fn(&Fact) -> Option<SignalNumber>) -> usize {
        self.courses[&id].events.iter().filter_map(|event| of(&event.fact)).count()
    }
}
