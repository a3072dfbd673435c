//! What ended does not come back, whatever is put back and whatever is said again.

use std::collections::{HashMap, HashSet};

use hwc_schemas::{IncidentId, Organisation, PayloadId, wire::Task};
use hwc_workflow::Fact;
use jiff::{SignedDuration, Timestamp};

use super::{CALM_AFTER, Checker, ON_ITS_WAY_MAX, demand, ledger::Ledger};
use crate::{
    chronicle::{Entry, Happened},
    truth::Truth,
};

/// What ended is over for good (R21, R22, R23): also when somebody puts an old copy of the broker's folder back, when a report
/// is sent again after months, and when a command or a fetch arrives long after.
///
/// An incident ended when its tombstone became durable; a ciphertext when an event says that it was erased. It demands, for
/// ever after,
/// * that no event of the incident becomes durable, so that there is never a second signal of one report;
/// * that, [`ON_ITS_WAY_MAX`] later, nothing of it is given or opened and no task about it is offered. Until [`CALM_AFTER`] the
///   healing an engine that was held up or overtaken may still offer one;
/// * that no ciphertext is given that was erased;
/// * that an old copy of the folder brings it back only until an engine leads: then nothing of it is there that was erased, no
///   log of it lives, the broker knows again that it ended, and the tasks that came back are taken back. One of an incident that had ended when the copy was made, and that was settled since, may be handed
///   out once more: ids only.
///
/// It forgives a storage that lost what it had acknowledged: nobody can know then that it had ended. That engines keep their
/// state folders is taken for granted, and that the one that led last starts first (`docs/erasure.md`).
#[derive(Default)]
pub struct OverForGood {
    ledger: Ledger,
    ended: HashMap<IncidentId, Timestamp>,
    erased: HashSet<PayloadId>,
    healed: Option<Timestamp>,
    /// When a copy was last put back.
    put_back: Option<Timestamp>,
    back: Back,
}

/// What a copy that was put back brought.
#[derive(Default)]
struct Back {
    logs: HashSet<IncidentId>,
    unknown: HashSet<IncidentId>,
    payloads: HashSet<PayloadId>,
    tasks: HashSet<(Organisation, Task)>,
}

impl Back {
    fn came(&self, incident: IncidentId) -> bool {
        self.logs.contains(&incident) || self.unknown.contains(&incident)
    }
}

impl Checker for OverForGood {
    fn name(&self) -> &'static str {
        "over_for_good"
    }

    fn see(&mut self, entry: &Entry, _: &Truth) -> Result<(), String> {
        match &entry.what {
            Happened::Healed => self.healed = Some(entry.at),
            Happened::Forgotten { incident } => {
                self.ended.entry(*incident).or_insert(entry.at);
                self.back.logs.remove(incident);
                self.back.unknown.remove(incident);
            }
            Happened::Durable { incident, events, .. } => {
                demand(!self.ended.contains_key(incident), || format!("{incident} had ended and goes on"))?;
                self.erased.extend(events.iter().filter_map(|event| match event.fact {
                    Fact::Erased { payload } => Some(payload),
                    _ => None,
                }));
            }
            Happened::Given { payload, incident } => {
                demand(!self.erased.contains(payload), || format!("{payload} was erased and is given"))?;
                self.is_not_over(*incident, entry.at, ON_ITS_WAY_MAX, "something of it is given")?;
            }
            Happened::Opened { incident, .. } => {
                self.is_not_over(*incident, entry.at, ON_ITS_WAY_MAX, "something of it is opened")?;
            }
            Happened::Offered { task, .. } if self.healed.is_some_and(|at| entry.at > at + CALM_AFTER) => {
                self.is_not_over(task.incident(), entry.at, ON_ITS_WAY_MAX, "a task about it is offered")?;
            }
            Happened::PutBack { .. } => self.put_back = Some(entry.at),
            Happened::StorageLied { incidents } if self.put_back != Some(entry.at) => {
                for incident in incidents {
                    self.ended.remove(incident);
                    self.back.logs.remove(incident);
                    self.back.unknown.remove(incident);
                }
            }
            Happened::Left { incident, events } if self.ended.contains_key(incident) => {
                let came = if *events > 0 { &mut self.back.logs } else { &mut self.back.unknown };
                came.insert(*incident);
            }
            // What no event of the copy points to is an orphan, and what it does not need is erased next: others judge that.
            Happened::Stored { payload, incident, .. } if self.put_back == Some(entry.at) => {
                let case = self.ledger.case(*incident);
                if self.erased.contains(payload) && case.is_some_and(|case| case.needs(*payload)) {
                    self.back.payloads.insert(*payload);
                }
            }
            Happened::Gone { payload, .. } => {
                self.back.payloads.remove(payload);
            }
            Happened::CameBack { to, task } if self.back.came(task.incident()) => {
                self.back.tasks.insert((to.clone(), task.clone()));
            }
            Happened::TaskLost { to, task } | Happened::Settled { to, task } => {
                self.back.tasks.remove(&(to.clone(), task.clone()));
            }
            Happened::Leads { by } => self.nothing_came_back(by.0)?,
            _ => {}
        }
        self.ledger.see(entry);
        Ok(())
    }

    fn end(&mut self, _: &Truth) -> Result<(), String> {
        Ok(())
    }
}

impl OverForGood {
    fn is_not_over(
        &self,
        incident: IncidentId,
        now: Timestamp,
        late: SignedDuration,
        what: &str,
    ) -> Result<(), String> {
        let fine = self.ended.get(&incident).is_none_or(|since| now <= *since + late);
        demand(fine, || format!("{incident} had ended, and {what}"))
    }

    /// An engine leads: from here on it offers and gives.
    fn nothing_came_back(&self, by: u8) -> Result<(), String> {
        let left = |what: String| Err(format!("engine {by} leads over an old copy, and {what}"));
        if let Some(incident) = self.back.logs.iter().min() {
            return left(format!("{incident}, which had ended, is in flight"));
        }
        if let Some(incident) = self.back.unknown.iter().min() {
            return left(format!("the broker does not know that {incident} ended"));
        }
        if let Some(payload) = self.back.payloads.iter().min() {
            return left(format!("{payload}, which was erased, is there"));
        }
        if let Some((to, task)) = self.back.tasks.iter().min() {
            return left(format!("{task:?} lies there again for {to}"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use hwc_schemas::{letter::Hop, wire::Task};

    use super::{
        super::story::{DAVIDS, Story, VT, david, incident, number, org, payload, signal},
        *,
    };
    use crate::chronicle::{Content, EngineNumber, Gone};

    fn judged(story: &Story) -> Result<(), String> {
        story.judged(OverForGood::default())
    }

    fn leads() -> Happened {
        Happened::Leads { by: EngineNumber(0) }
    }

    /// A world that is over; then a copy is put back that knows so many of its events.
    fn put_back(events: usize) -> Story {
        let mut story = Story::ordinary();
        story.at("2026-11-20 10:00:00").happens(Happened::PutBack { incidents: [incident(1)].into() });
        story.happens(Happened::StorageLied { incidents: [incident(1)].into() });
        story.happens(Happened::Left { incident: incident(1), events });
        if events > 0 {
            story.stored(1, Hop::Report, VT);
        }
        story.at("2026-11-20 10:05:00");
        story
    }

    #[test]
    fn in_an_ordinary_world_nothing_comes_back() {
        assert_eq!(judged(&Story::ordinary()), Ok(()));
    }

    #[test]
    fn an_old_copy_that_is_erased_again_before_an_engine_leads_brings_nothing_back() {
        let mut story = put_back(1);
        story.happens(Happened::Gone { payload: payload(1), how: Gone::Erased }).forgotten();
        assert_eq!(judged(story.happens(leads())), Ok(()));
    }

    #[test]
    fn an_engine_that_leads_over_what_ended_is_noticed() {
        assert!(judged(put_back(1).happens(leads())).unwrap_err().contains("is in flight"));
        assert!(judged(put_back(1).forgotten().happens(leads())).unwrap_err().contains("is there"));
        assert!(judged(put_back(0).happens(leads())).unwrap_err().contains("does not know"));
        assert_eq!(judged(put_back(0).forgotten().happens(leads())), Ok(()));
    }

    #[test]
    fn what_ended_and_goes_on_is_noticed_unless_the_storage_lied() {
        let mut story = put_back(0);
        story.forgotten().happens(leads()).reported();
        assert!(judged(&story).unwrap_err().contains("goes on"));
        let mut story = Story::ordinary();
        story.at("2026-11-20 10:00:00");
        story.happens(Happened::StorageLied { incidents: [incident(1)].into() }).reported();
        assert_eq!(judged(&story), Ok(()));
    }

    #[test]
    fn a_ciphertext_that_was_erased_and_is_given_is_noticed() {
        let mut story = Story::until_delivered();
        let given = |n| Happened::Given { payload: payload(n), incident: incident(1) };
        assert_eq!(judged(story.happens(given(4))), Ok(()));
        assert!(judged(story.happens(given(1))).unwrap_err().contains("was erased"));
    }

    #[test]
    fn what_is_given_opened_or_asked_long_after_the_end_is_noticed() {
        let late: [&dyn Fn(&mut Story); 3] = [
            &|story| {
                story.happens(Happened::Given { payload: payload(9), incident: incident(1) });
            },
            &|story| {
                story.opened(DAVIDS, Some(number(1)), Content::Letter(david()));
            },
            &|story| {
                let task = Task::Read { signal: signal(1), round: 1 };
                story.happens(Happened::Offered { to: org(DAVIDS), task });
            },
        ];
        for one in late {
            let mut story = Story::ordinary();
            story.at("2026-11-19 08:21:00");
            one(&mut story);
            assert_eq!(judged(&story), Ok(()));
            story.at("2027-03-01 12:00:00");
            one(&mut story);
            assert!(judged(&story).unwrap_err().contains("had ended"));
        }
    }

    #[test]
    fn a_task_that_came_back_is_noticed_unless_it_is_taken_back() {
        let task = || Task::Read { signal: signal(1), round: 1 };
        let mut story = put_back(0);
        story.happens(Happened::CameBack { to: org(DAVIDS), task: task() }).forgotten();
        story.happens(leads());
        assert!(judged(&story).unwrap_err().contains("lies there again"));
        let lost = Happened::TaskLost { to: org(DAVIDS), task: task() };
        let story = story.before(|what| *what == leads(), lost);
        assert_eq!(judged(&story), Ok(()));
    }
}
