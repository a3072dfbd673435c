//! Everything comes to its end.

mod owing;

use std::collections::BTreeSet;

use hwc_schemas::{
    IncidentId, Role,
    wire::{Answer, Refusal},
};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};

pub use self::owing::OFFERED_WITHIN;
use self::owing::Owing;

use super::{
    Checker, all_honest, demand,
    ledger::{Case, Ledger},
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
///   is refused (R8: delivered, never dropped). One exception: *too old*, of one that was made more than `accept_days` days ago
///   by the calendar in UTC and is not on its way. What clocks are wrong is allowed for;
/// * that every report that honest police take up is answered in the end;
/// * that a tombstone is written only when every signal of its incident is purged;
/// * that in the end every report that was recorded has its tombstone;
/// * once the world has healed, that whoever is honest and must do something next is asked: within [`OFFERED_WITHIN`] a task for
///   it lies at the broker, and again if that was lost. Who settles it and does nothing was asked;
/// * that in the end no task lies at the broker for anybody honest.
///
/// Where the storage lost the whole log of an incident, nobody knows of it any more: its end is demanded once it was recorded
/// anew. Where it lost a part, the end of what is left is demanded.
#[derive(Default)]
pub struct Ends {
    ledger: Ledger,
    healed: bool,
    over: bool,
    unanswered: BTreeSet<ReportNumber>,
    owing: Owing,
}

impl Checker for Ends {
    fn name(&self) -> &'static str {
        "ends"
    }

    fn see(&mut self, entry: &Entry, truth: &Truth) -> Result<(), String> {
        self.owing.is_in_time(entry.at)?;
        match &entry.what {
            Happened::Healed => {
                self.healed = true;
                self.owing.heal(entry.at);
            }
            Happened::Over => self.over = true,
            Happened::Reporting { report, .. } => {
                self.unanswered.insert(*report);
            }
            Happened::ReportAnswered { report, incident, answer } => {
                self.answered(*report, (*incident, *answer), entry.at, truth)?;
            }
            Happened::Offered { to, task } | Happened::CameBack { to, task } => self.owing.offered(to, task),
            Happened::Settled { to, task } => self.owing.settled(to, task),
            Happened::TaskLost { to, task } => self.owing.lost(to, task, entry.at),
            Happened::Forgotten { incident } => {
                let case = self.ledger.case(*incident).filter(|case| !case.lied);
                demand(case.is_none_or(Case::is_purged), || {
                    format!("{incident} has its tombstone and is not purged")
                })?;
            }
            _ => {}
        }
        self.ledger.see(entry);
        let moved: Vec<IncidentId> = match &entry.what {
            Happened::Durable { incident, .. }
            | Happened::Forgotten { incident }
            | Happened::Left { incident, .. } => vec![*incident],
            Happened::StorageLied { incidents } => incidents.iter().copied().collect(),
            _ => Vec::new(),
        };
        for incident in moved {
            if let Some(case) = self.ledger.case(incident) {
                self.owing.follow(incident, case, entry.at, truth);
            }
        }
        Ok(())
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
        let task = self.owing.left(truth);
        demand(task.is_none(), || {
            task.map(|(to, task)| format!("{task:?} still lies there for {to}")).unwrap_or_default()
        })
    }
}

impl Ends {
    fn answered(
        &mut self,
        report: ReportNumber,
        (incident, answer): (IncidentId, Answer),
        now: Timestamp,
        truth: &Truth,
    ) -> Result<(), String> {
        match answer {
            Answer::TryLater => return Ok(()),
            Answer::Recorded | Answer::AlreadyRecorded => {
                let case = self.ledger.case(incident);
                let known = case.is_some_and(|c| c.recorded.is_some() || c.forgotten.is_some() || c.lied);
                demand(known, || format!("{incident} is said to be recorded and is not durable"))?;
            }
            Answer::Refused { refusal: Refusal::TooOld } if self.is_too_old(report, incident, now, truth) => {
            }
            Answer::Refused { refusal } => demand(!all_honest(Role::Police, truth), || {
                format!("an honest report was refused: {}", refusal.code())
            })?,
        }
        self.unanswered.remove(&report);
        Ok(())
    }

    /// Whether a report may be refused because it could be one that ended.
    fn is_too_old(&self, report: ReportNumber, incident: IncidentId, now: Timestamp, truth: &Truth) -> bool {
        let Some(report) = truth.reports.get(report.0) else { return false };
        let wrong = if self.healed { SignedDuration::ZERO } else { truth.clock_error_max };
        let day = |at: Timestamp| TimeZone::UTC.to_datetime(at).date();
        let made = day(report.reported_at - wrong);
        let old = made
            .until(day(now + wrong))
            .is_ok_and(|since| since.get_days() > i32::from(truth.policy.accept_days));
        let under_way = |case: &Case| case.recorded.is_some() && case.forgotten.is_none() && !case.lied;
        old && !self.ledger.case(incident).is_some_and(under_way)
    }
}

#[cfg(test)]
mod tests {
    use hwc_schemas::wire::{RouteWhy, Task};
    use hwc_workflow::Fact;

    use super::{
        super::story::{Story, VT, fact, incident, number, org, signal},
        *,
    };

    fn judged(story: &Story) -> Result<(), String> {
        story.judged(Ends::default())
    }

    /// What is said at a moment of whoever was not asked.
    fn unasked(story: &mut Story, at: &str) -> Option<String> {
        story.at(at).fault();
        judged(story).err().filter(|said| said.contains("nobody asks"))
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
    fn a_report_is_refused_for_its_age_from_the_day_on_and_only_when_nothing_is_under_way() {
        let again = |at: &str, ended: bool| {
            let mut story = if ended { Story::ordinary() } else { Story::until_delivered() };
            let (report, number) = (ReportNumber(0), incident(1));
            story.at(at).happens(Happened::Reporting { report, incident: number });
            story.happens(says(Answer::Refused { refusal: Refusal::TooOld }));
            judged(&story)
        };
        // 90 days after 19 November is 17 February.
        assert!(again("2027-02-17 23:00", true).unwrap_err().contains("too_old"));
        assert_eq!(again("2027-02-18 01:01", true), Ok(()));
        assert!(again("2027-02-18 01:01", false).unwrap_err().contains("too_old"));
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
    fn somebody_who_must_go_on_and_is_not_asked_is_noticed() {
        let task = |n| Task::Route { signal: signal(n), round: 1, why: RouteWhy::New };
        let to = || org("municipality-0855");
        let mut story = Story::new();
        story.reported().expanded().happens(Happened::Healed);
        assert_eq!(unasked(&mut story, "2026-11-19 06:52:00"), None);
        assert!(unasked(&mut story, "2026-11-19 06:52:01").unwrap().contains("municipality-0855 for Route"));
        let mut story = Story::new();
        story.reported().expanded().happens(Happened::Healed);
        story.happens(Happened::Offered { to: to(), task: task(1) });
        story.happens(Happened::Offered { to: to(), task: task(3) });
        assert_eq!(unasked(&mut story, "2026-11-19 09:00:00"), None);
        story.happens(Happened::TaskLost { to: to(), task: task(1) });
        assert!(unasked(&mut story, "2026-11-19 09:02:01").is_some());
        story.truth.dishonest.insert(to());
        assert_eq!(unasked(&mut story, "2026-11-19 09:03:00"), None);
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
