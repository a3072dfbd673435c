//! Nobody hears of a child before its screening said yes.

use std::collections::HashMap;

use hwc_schemas::{IncidentId, Organisation, Role, SignalNumber, report::Kind, wire::Task};
use hwc_workflow::Fact;

use super::{Checker, all_honest, demand, honest, ledger::Ledger};
use crate::{
    chronicle::{Content, Entry, Happened},
    truth::{ReportNumber, Truth},
};

/// No municipality and no school hears of an incident before it is durable that it qualifies (R3), and none ever of a child
/// that does not (R2, R3, R6, R7) or that is not its own region's (R15).
///
/// It demands
/// * that no task reaches or waits for a municipality or a school, and nothing is opened there, of an incident whose
///   `Screened` is not durable, or of a child that is not durable as referred;
/// * that an honest Veilig Thuis, having opened a report of another kind than R3 names, never says that it qualifies, and
///   never says of one of those kinds that it does not;
/// * that it says neither before it opened the report.
///
/// What a dishonest Veilig Thuis says of a report is not judged; that it must say so first, is. Of an incident about which the
/// storage lied, it is enough that it was durable once.
#[derive(Default)]
pub struct ScreenedFirst {
    ledger: Ledger,
    /// Once durable is enough, whatever the storage loses later: whether it qualifies, and which children go further.
    qualified: HashMap<IncidentId, Vec<bool>>,
    opened: HashMap<IncidentId, ReportNumber>,
}

impl Checker for ScreenedFirst {
    fn name(&self) -> &'static str {
        "screened_first"
    }

    fn see(&mut self, entry: &Entry, truth: &Truth) -> Result<(), String> {
        match &entry.what {
            Happened::Opened { by, incident, content: Content::Report(report), .. }
                if by.role() == Role::VeiligThuis =>
            {
                self.opened.insert(*incident, *report);
            }
            Happened::Durable { incident, events, .. } => {
                for event in events {
                    self.judge(*incident, &event.fact, truth)?;
                }
            }
            Happened::Offered { to, task } | Happened::Tasked { to, task } => {
                let number = match task {
                    Task::Screen { .. } | Task::LookUp { .. } => return Ok(()),
                    Task::Route { signal, .. } | Task::Read { signal, .. } | Task::Notice { signal, .. } => {
                        signal.number
                    }
                };
                self.may_hear(to, task.incident(), Some(number))?;
            }
            Happened::Opened { by, incident, number, .. } => self.may_hear(by, *incident, *number)?,
            _ => {}
        }
        self.ledger.see(entry);
        Ok(())
    }

    fn end(&mut self, _: &Truth) -> Result<(), String> {
        Ok(())
    }
}

impl ScreenedFirst {
    fn may_hear(
        &self,
        who: &Organisation,
        incident: IncidentId,
        number: Option<SignalNumber>,
    ) -> Result<(), String> {
        let referred = self.qualified.get(&incident);
        demand(referred.is_some(), || format!("{who} hears of {incident}, which was not screened"))?;
        let known = number.zip(referred).and_then(|(number, referred)| referred.get(number.index()));
        demand(known == Some(&true), || format!("{who} hears of a child of {incident} that was not referred"))
    }

    fn judge(&mut self, incident: IncidentId, fact: &Fact, truth: &Truth) -> Result<(), String> {
        match fact {
            Fact::Screened => {
                self.is_right(incident, true, truth)?;
                self.qualified.insert(incident, Vec::new());
            }
            Fact::NotDomesticViolence { .. } => self.is_right(incident, false, truth)?,
            Fact::Expanded { found, .. } | Fact::Joined { found } => {
                let joined = matches!(fact, Fact::Joined { .. });
                let Some(referred) = self.qualified.get_mut(&incident) else {
                    return Err(format!("{incident} has children before it was screened"));
                };
                if !joined {
                    referred.clear();
                }
                let goes = |found: &_| matches!(found, hwc_workflow::Found::Referred { .. });
                referred.extend(found.iter().map(goes));
            }
            _ => {}
        }
        Ok(())
    }

    /// Whether what is said of the report is what the report says.
    fn is_right(&self, incident: IncidentId, qualifies: bool, truth: &Truth) -> Result<(), String> {
        let screener = self.ledger.case(incident).and_then(|case| case.recorded.as_ref());
        let trusted = match screener {
            Some(recorded) => honest(&recorded.veilig_thuis, truth),
            None => all_honest(Role::VeiligThuis, truth),
        };
        if !trusted {
            return Ok(());
        }
        let report = self.opened.get(&incident).and_then(|report| truth.reports.get(report.0));
        let Some(report) = report else {
            return Err(format!("{incident} was screened and nobody had read its report"));
        };
        demand(matches!(report.kind, Kind::DomesticViolence | Kind::ChildAbuse) == qualifies, || {
            let said = if qualifies { "as if it were" } else { "as if it were not" };
            format!("{incident} was screened {said} violence in a relationship of dependency")
        })
    }
}

#[cfg(test)]
mod tests {
    use hwc_schemas::wire::RouteWhy;

    use super::{
        super::story::{Story, VT, david, durable_at, fact, incident, number, org, signal},
        *,
    };

    fn judged(story: &Story) -> Result<(), String> {
        story.judged(ScreenedFirst::default())
    }

    #[test]
    fn in_an_ordinary_world_everybody_is_screened_first() {
        assert_eq!(judged(&Story::ordinary()), Ok(()));
    }

    #[test]
    fn a_child_that_is_known_before_the_screening_is_noticed() {
        let story = Story::ordinary().without(fact(|fact| *fact == Fact::Screened));
        assert!(judged(&story).unwrap_err().contains("before it was screened"));
    }

    #[test]
    fn a_municipality_that_is_asked_before_the_screening_is_noticed() {
        let task = Task::Route { signal: signal(1), round: 1, why: RouteWhy::New };
        let to = org("municipality-0855");
        let early = Happened::Offered { to, task };
        let story = Story::ordinary().before(fact(|fact| *fact == Fact::Screened), early);
        assert!(judged(&story).unwrap_err().contains("was not screened"));
    }

    #[test]
    fn a_municipality_that_reads_a_child_before_it_is_referred_is_noticed() {
        let content = Content::Referral(david(), false);
        let (by, number) = (org("municipality-0855"), Some(number(1)));
        let early = Happened::Opened { by, incident: incident(1), number, content };
        let story = Story::ordinary().after(fact(|fact| *fact == Fact::Screened), early);
        assert!(judged(&story).unwrap_err().contains("not referred"));
    }

    #[test]
    fn a_visitor_that_a_municipality_hears_of_is_noticed() {
        let task = Task::Route { signal: signal(2), round: 1, why: RouteWhy::New };
        let to = org("municipality-0855");
        let story = Story::ordinary()
            .after(fact(|fact| matches!(fact, Fact::Expanded { .. })), Happened::Tasked { to, task });
        assert!(judged(&story).unwrap_err().contains("not referred"));
    }

    #[test]
    fn a_report_of_another_kind_that_goes_on_is_noticed_unless_veilig_thuis_lies() {
        let mut story = Story::ordinary();
        story.truth.reports[0].kind = Kind::Other;
        assert!(judged(&story).unwrap_err().contains("as if it were violence"));
        story.truth.dishonest.insert(org(VT));
        assert_eq!(judged(&story), Ok(()));
    }

    #[test]
    fn a_report_of_the_kind_that_ends_as_another_is_noticed() {
        let mut story = Story::new();
        story.reported();
        let what = durable_at(story.now(), Fact::NotDomesticViolence { children: 2 });
        assert!(judged(story.happens(what)).unwrap_err().contains("as if it were not"));
    }

    #[test]
    fn a_report_that_is_screened_unread_is_noticed() {
        let story = Story::ordinary()
            .without(|what| matches!(what, Happened::Opened { content: Content::Report(_), .. }));
        assert!(judged(&story).unwrap_err().contains("nobody had read"));
    }
}
