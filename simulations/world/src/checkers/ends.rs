//! Everything comes to its end.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use hwc_schemas::{
    IncidentId, Organisation, Role, SignalNumber,
    wire::{Answer, Task},
};
use jiff::{SignedDuration, Timestamp};

use super::{
    Checker, all_honest, demand, honest,
    ledger::{Case, Ledger, Place},
};
use crate::{
    chronicle::{Entry, Happened},
    truth::{ReportNumber, Truth},
};

/// Every report comes to its end (R8, R23, invariant 5).
///
/// It demands
/// * that the world heals and comes to rest at all;
/// * that the police are told that a report is recorded only when it is durable, or was; and, honest police, never that one
///   is refused (R8: delivered, never dropped);
/// * that every report that honest police take up is answered in the end;
/// * that a tombstone is written only when every signal of its incident is purged;
/// * that in the end every report that was recorded has its tombstone;
/// * that in the end no task lies at the broker for anybody honest;
/// * that whoever must act is asked: a task that the broker lost lies there again within [`ASKED_AGAIN_WITHIN`], counted from
///   the healing or from the loss, whichever is later, as long as it is owed.
///
/// Where the storage lost the whole log of an incident, nobody knows of it any more: its end is demanded once it was recorded
/// anew. Where it lost a part, the end of what is left is demanded.
#[derive(Default)]
pub struct Ends {
    ledger: Ledger,
    healed: bool,
    over: bool,
    unanswered: BTreeSet<ReportNumber>,
    waiting: HashSet<(Organisation, Task)>,
    /// What the broker lost, and by when it must be asked again; none before the world has healed.
    lost: BTreeMap<Task, Option<Timestamp>>,
}

/// How soon a task that the broker lost is offered again, once nothing goes wrong.
pub const ASKED_AGAIN_WITHIN: SignedDuration = SignedDuration::from_mins(3);

impl Checker for Ends {
    fn name(&self) -> &'static str {
        "ends"
    }

    fn see(&mut self, entry: &Entry, truth: &Truth) -> Result<(), String> {
        match &entry.what {
            Happened::Healed => {
                self.healed = true;
                let by_when = entry.at + ASKED_AGAIN_WITHIN;
                self.lost.values_mut().for_each(|due| *due = Some(by_when));
            }
            Happened::Over => self.over = true,
            Happened::Reporting { report, .. } => {
                self.unanswered.insert(*report);
            }
            Happened::ReportAnswered { report, incident, answer } => {
                self.answered(*report, *incident, *answer, truth)?;
            }
            Happened::Offered { to, task } => {
                self.lost.remove(task);
                self.waiting.insert((to.clone(), task.clone()));
            }
            Happened::Settled { to, task } => {
                self.waiting.remove(&(to.clone(), task.clone()));
            }
            Happened::TaskLost { to, task } => {
                self.waiting.remove(&(to.clone(), task.clone()));
                let by_when = self.healed.then(|| entry.at + ASKED_AGAIN_WITHIN);
                self.lost.insert(task.clone(), by_when);
            }
            Happened::Forgotten { incident } => {
                let case = self.ledger.case(*incident).filter(|case| !case.lied);
                demand(case.is_none_or(Case::is_purged), || {
                    format!("{incident} has its tombstone and is not purged")
                })?;
            }
            _ => {}
        }
        self.ledger.see(entry);
        self.asked_again(entry.at)
    }

    fn end(&mut self, truth: &Truth) -> Result<(), String> {
        demand(self.healed && self.over, || String::from("the world never came to rest"))?;
        if let Some(report) = self.unanswered.first().filter(|_| all_honest(Role::Police, truth)) {
            return Err(format!("report {} was never answered", report.0));
        }
        let endless = |incident| {
            let case = self.ledger.case(incident)?;
            (case.recorded.is_some() && case.forgotten.is_none()).then_some(incident)
        };
        let recorded = self.ledger.cases().map(|(incident, _)| incident);
        if let Some(incident) = recorded.filter_map(endless).min() {
            return Err(format!("{incident} was recorded and has no end"));
        }
        let task = self.waiting.iter().filter(|(to, _)| honest(to, truth)).min();
        demand(task.is_none(), || {
            task.map(|(to, task)| format!("{task:?} still lies there for {to}")).unwrap_or_default()
        })
    }
}

impl Ends {
    /// Whether a task is owed by what is durable.
    fn is_owed(&self, task: &Task) -> bool {
        let Some(case) = self.ledger.case(task.incident()).filter(|case| !case.lied) else { return false };
        let in_round = |number: SignalNumber, round: u16, place: &Place| {
            let signal = case.signals.get(number.index());
            signal.is_some_and(|one| one.place == *place && one.round() == usize::from(round))
        };
        match task {
            Task::Screen { .. } => {
                case.looked_up.is_none() && case.qualifies != Some(false) && !case.report_expired
            }
            Task::LookUp { .. } => case.looked_up == Some(false) && !case.report_expired,
            Task::Route { signal, round, .. } => in_round(signal.number, *round, &Place::Referred),
            Task::Read { signal, round } => in_round(signal.number, *round, &Place::Delivered),
            // Told once, and not again.
            Task::Notice { .. } => false,
        }
    }

    fn asked_again(&mut self, now: Timestamp) -> Result<(), String> {
        let overdue =
            |(task, due): (&Task, &Option<Timestamp>)| due.filter(|due| *due < now).map(|_| task.clone());
        let overdue: Vec<_> = self.lost.iter().filter_map(overdue).collect();
        for task in overdue {
            self.lost.remove(&task);
            demand(!self.is_owed(&task), || format!("{task:?} was lost, and nobody was asked again"))?;
        }
        Ok(())
    }

    fn answered(
        &mut self,
        report: ReportNumber,
        incident: IncidentId,
        answer: Answer,
        truth: &Truth,
    ) -> Result<(), String> {
        match answer {
            Answer::TryLater => return Ok(()),
            Answer::Recorded | Answer::AlreadyRecorded => {
                let case = self.ledger.case(incident);
                let known = case.is_some_and(|c| c.recorded.is_some() || c.forgotten.is_some() || c.lied);
                demand(known, || format!("{incident} is said to be recorded and is not durable"))?;
            }
            Answer::Refused { refusal } => demand(!all_honest(Role::Police, truth), || {
                format!("an honest report was refused: {}", refusal.code())
            })?,
        }
        self.unanswered.remove(&report);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use hwc_schemas::wire::Refusal;
    use hwc_workflow::Fact;

    use super::{
        super::story::{Story, VT, fact, incident, number, org},
        *,
    };

    fn judged(story: &Story) -> Result<(), String> {
        story.judged(Ends::default())
    }

    fn answer(what: &Happened) -> bool {
        matches!(what, Happened::ReportAnswered { .. })
    }

    fn says(answer: Answer) -> Happened {
        Happened::ReportAnswered { report: ReportNumber(0), incident: incident(1), answer }
    }

    #[test]
    fn an_ordinary_world_ends() {
        assert_eq!(judged(&Story::ordinary()), Ok(()));
    }

    #[test]
    fn a_world_that_never_rests_is_noticed() {
        let story = Story::ordinary().without(|what| matches!(what, Happened::Over));
        assert!(judged(&story).unwrap_err().contains("never came to rest"));
    }

    #[test]
    fn a_report_that_nobody_answers_is_noticed_unless_the_police_lie() {
        let mut story = Story::ordinary().instead(answer, says(Answer::TryLater));
        assert!(judged(&story).unwrap_err().contains("never answered"));
        story.truth.dishonest.insert(org("police-0599"));
        assert_eq!(judged(&story), Ok(()));
    }

    #[test]
    fn a_report_that_is_said_to_be_recorded_before_it_is_durable_is_noticed() {
        let recorded = fact(|fact| matches!(fact, Fact::Recorded { .. }));
        let story = Story::ordinary().before(recorded, says(Answer::Recorded));
        assert!(judged(&story).unwrap_err().contains("is not durable"));
    }

    #[test]
    fn an_honest_report_that_is_refused_is_noticed() {
        let refused = says(Answer::Refused { refusal: Refusal::Gone });
        assert!(judged(&Story::ordinary().instead(answer, refused)).unwrap_err().contains("gone"));
    }

    #[test]
    fn a_tombstone_that_comes_too_early_is_noticed() {
        let purged = fact(|fact| *fact == Fact::Purged { number: number(3) });
        assert!(judged(&Story::ordinary().without(purged)).unwrap_err().contains("is not purged"));
    }

    #[test]
    fn a_report_without_an_end_is_noticed() {
        let forgotten = |what: &Happened| matches!(what, Happened::Forgotten { .. });
        assert!(judged(&Story::ordinary().without(forgotten)).unwrap_err().contains("has no end"));
    }

    #[test]
    fn a_log_that_the_storage_lost_is_forgiven_until_it_is_recorded_anew() {
        let mut story = Story::new();
        story.happens(Happened::Healed).reported();
        story.happens(Happened::StorageLied { incidents: [incident(1)].into() });
        story.happens(Happened::Left { incident: incident(1), events: 0 });
        let settled = Happened::Settled { to: org(VT), task: super::super::story::screen() };
        story.happens(settled).over();
        assert_eq!(judged(&story), Ok(()));
        assert!(judged(story.reported()).unwrap_err().contains("has no end"));
    }

    #[test]
    fn a_task_that_is_lost_and_still_owed_must_be_asked_again_in_time() {
        let screen = super::super::story::screen;
        let lost = || {
            let mut story = Story::new();
            story.reported().asked(VT, &screen()).happens(Happened::TaskLost { to: org(VT), task: screen() });
            story.happens(Happened::Healed);
            story
        };
        let much_later = "2026-11-19T12:00";
        let mut forgotten = lost();
        forgotten.at(much_later).fault();
        assert!(judged(&forgotten).unwrap_err().contains("nobody was asked again"));
        let mut again = lost();
        again.asked(VT, &screen()).at(much_later).fault();
        assert!(!judged(&again).unwrap_err().contains("nobody was asked again"));
    }

    #[test]
    fn a_task_that_nobody_settles_is_noticed_unless_its_organisation_lies() {
        let settled =
            |what: &Happened| matches!(what, Happened::Settled { to, .. } if to.role() == Role::School);
        let mut story = Story::ordinary().without(settled);
        assert!(judged(&story).unwrap_err().contains("still lies there"));
        story.truth.dishonest.extend([org("school-01AA00"), org("school-03CC00")]);
        assert_eq!(judged(&story), Ok(()));
    }
}
