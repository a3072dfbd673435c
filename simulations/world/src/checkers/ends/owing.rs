//! Whoever must do something next is asked: a task lies there for it, or is offered again soon.

use std::collections::{BTreeSet, HashMap, HashSet};

use hwc_schemas::{IncidentId, Organisation, SignalId, SignalNumber, wire::Task};
use jiff::{SignedDuration, Timestamp};

use super::super::{
    demand, honest,
    ledger::{Case, Place},
};
use crate::truth::Truth;

/// How soon a task is offered, or offered again after it was lost, once nothing goes wrong.
pub const OFFERED_WITHIN: SignedDuration = SignedDuration::from_mins(2);

type Asked = (Organisation, Task);

/// What is owed, and what lies at the broker.
#[derive(Default)]
pub(super) struct Owing {
    healed: Option<Timestamp>,
    lying: HashSet<Asked>,
    owed: HashMap<IncidentId, Vec<Asked>>,
    due: BTreeSet<(Timestamp, Asked)>,
    by_when: HashMap<Asked, Timestamp>,
}

/// Who must do what next.
fn next(incident: IncidentId, case: &Case, truth: &Truth) -> Vec<Asked> {
    let mut next = Vec::new();
    let over = case.forgotten.is_some() || case.incident_purged || case.lied;
    let Some(recorded) = case.recorded.as_ref().filter(|_| !over) else { return next };
    if case.qualifies != Some(false) && !case.report_expired {
        match case.looked_up {
            None => next.push((recorded.veilig_thuis.clone(), Task::Screen { incident })),
            Some(false) => next.push((recorded.veilig_thuis.clone(), Task::LookUp { incident })),
            Some(true) => {}
        }
    }
    for (place, signal) in case.signals.iter().enumerate() {
        let id = SignalNumber::at(place).map(|number| SignalId { incident, number });
        let round = u16::try_from(signal.round()).ok();
        let (Some(id), Some(round), Some(began)) = (id, round, signal.rounds.last()) else { continue };
        match (&signal.place, &signal.referred, &began.routed) {
            (Place::Referred, Some((municipality, _)), _) => {
                next.push((municipality.clone(), Task::Route { signal: id, round, why: began.why }));
            }
            (Place::Delivered, _, Some((school, ..))) => {
                next.push((school.clone(), Task::Read { signal: id, round }));
            }
            _ => {}
        }
    }
    next.retain(|(who, _)| honest(who, truth));
    next
}

impl Owing {
    pub(super) fn heal(&mut self, now: Timestamp) {
        self.healed = Some(now);
        let owed: Vec<_> = self.owed.values().flatten().cloned().collect();
        for asked in owed {
            self.owe(asked, now);
        }
    }

    /// An incident went on.
    pub(super) fn follow(&mut self, incident: IncidentId, case: &Case, now: Timestamp, truth: &Truth) {
        let next = next(incident, case, truth);
        let before = self.owed.insert(incident, next.clone()).unwrap_or_default();
        for asked in before.iter().filter(|asked| !next.contains(asked)) {
            self.is_done(asked);
        }
        for asked in next {
            if !before.contains(&asked) {
                self.owe(asked, now);
            }
        }
    }

    /// A task lies there.
    pub(super) fn offered(&mut self, to: &Organisation, task: &Task) {
        let asked = (to.clone(), task.clone());
        self.is_done(&asked);
        self.lying.insert(asked);
    }

    /// Whom it was for let it go: it was asked.
    pub(super) fn settled(&mut self, to: &Organisation, task: &Task) {
        self.lying.remove(&(to.clone(), task.clone()));
    }

    /// A task lies there no longer, and whom it was for may not have seen it.
    pub(super) fn lost(&mut self, to: &Organisation, task: &Task, now: Timestamp) {
        let asked = (to.clone(), task.clone());
        self.lying.remove(&asked);
        if self.owed.get(&task.incident()).is_some_and(|owed| owed.contains(&asked)) {
            self.owe(asked, now);
        }
    }

    /// Whether whoever had to be asked before now was.
    pub(super) fn is_in_time(&self, now: Timestamp) -> Result<(), String> {
        let Some((by_when, (to, task))) = self.due.first() else { return Ok(()) };
        demand(now <= *by_when, || format!("nobody asks {to} for {task:?}"))
    }

    /// What lies there for somebody honest, if anything does.
    pub(super) fn left(&self, truth: &Truth) -> Option<&Asked> {
        self.lying.iter().filter(|(to, _)| honest(to, truth)).min()
    }

    fn owe(&mut self, asked: Asked, now: Timestamp) {
        if let Some(healed) = self.healed.filter(|_| !self.lying.contains(&asked)) {
            self.is_done(&asked);
            let by_when = now.max(healed) + OFFERED_WITHIN;
            self.by_when.insert(asked.clone(), by_when);
            self.due.insert((by_when, asked));
        }
    }

    fn is_done(&mut self, asked: &Asked) {
        if let Some(by_when) = self.by_when.remove(asked) {
            self.due.remove(&(by_when, asked.clone()));
        }
    }
}
