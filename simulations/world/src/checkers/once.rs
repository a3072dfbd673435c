//! Whatever has an effect has it once.

use std::collections::{BTreeMap, HashMap};

use hwc_schemas::{IncidentId, Role, SignalNumber};
use hwc_workflow::{Breach, BreachKind, Fact};
use jiff::{Timestamp, civil::Date, tz::TimeZone};

use super::{Checker, all_honest, calendar, demand, ledger::Ledger, names::Name};
use crate::{
    chronicle::{Content, Entry, Happened},
    truth::{ReportNumber, Truth},
};

/// At most once in effect (R9, R12, R20, R24).
///
/// It demands
/// * one incident for one reference, and one reference for one incident, unless the police lie;
/// * that every durable event has its place: a report is recorded once, screened once, expanded once and joined once; a
///   signal is routed once in a round, delivered once in a round, a new round begins by a return or a fresh look-up only, and
///   after an end nothing follows but what clears up, or a recall. So there are no two schools and no two acknowledgements;
/// * one signal per child per incident (R9): what municipalities read under two numbers of one incident is never one child, and
///   under one number always the same, unless Veilig Thuis lies;
/// * one breach record for each return and each recall (R24): none without its breach, none of another kind or day, none left
///   out at the end. A record may be kept again for each fault that comes while its `BreachRecorded` is not durable.
///
/// Where the storage lied about an incident, the order of its events and the number of its breach records are not judged.
#[derive(Default)]
pub struct Once {
    ledger: Ledger,
    incidents: HashMap<String, IncidentId>,
    references: HashMap<IncidentId, ReportNumber>,
    children: HashMap<IncidentId, BTreeMap<SignalNumber, Name>>,
    breaches: Vec<Happening>,
    /// Those of them before this place are settled: kept, recorded, and no fault left to forgive.
    settled: usize,
}

/// A breach that happened.
struct Happening {
    incident: IncidentId,
    number: SignalNumber,
    kind: BreachKind,
    /// Whether the letter had been opened; none where an earlier round's was.
    opened: Option<bool>,
    at: Timestamp,
    kept: u32,
    /// How often it may be kept.
    kept_max: u32,
    /// Whether it is durable that it was kept.
    recorded: bool,
}

impl Checker for Once {
    fn name(&self) -> &'static str {
        "once"
    }

    fn see(&mut self, entry: &Entry, truth: &Truth) -> Result<(), String> {
        match &entry.what {
            Happened::Reporting { report, incident } => return self.reporting(*report, *incident, truth),
            Happened::Opened {
                incident, number: Some(number), content: Content::Referral(child, _), ..
            } if all_honest(Role::VeiligThuis, truth) => {
                return self.read(*incident, *number, &Name::of(child));
            }
            Happened::Durable { incident, events, .. } => {
                for event in events {
                    let placed = self.ledger.write(*incident, event, entry.at);
                    let lied = self.ledger.lied(*incident);
                    demand(placed.is_ok() || lied, || {
                        let why = placed.err().unwrap_or_default();
                        format!("{:?} of {incident} is durable {why}", event.fact)
                    })?;
                    self.breach(*incident, &event.fact, event.at);
                }
                return Ok(());
            }
            Happened::BreachKept { breach } => self.kept(breach)?,
            Happened::Fault(_) => {
                for breach in self.owed() {
                    breach.kept_max = breach.kept_max.saturating_add(1);
                }
            }
            Happened::StorageLied { incidents } => {
                // What it lost may be done again, as often as it takes; the end still asks for it once.
                for breach in &mut self.breaches {
                    if incidents.contains(&breach.incident) {
                        breach.kept_max = u32::MAX;
                    }
                }
                self.settled = 0;
            }
            Happened::Left { incident, events: 0 } => {
                self.children.remove(incident);
            }
            _ => {}
        }
        self.ledger.see(entry);
        Ok(())
    }

    fn end(&mut self, _: &Truth) -> Result<(), String> {
        let ledger = &self.ledger;
        let missing = self.breaches.iter().find(|one| one.kept == 0 && !ledger.lied(one.incident));
        demand(missing.is_none(), || String::from("a breach has no record"))
    }
}

impl Once {
    fn reporting(&mut self, number: ReportNumber, incident: IncidentId, truth: &Truth) -> Result<(), String> {
        let Some(report) = truth.reports.get(number.0).filter(|_| all_honest(Role::Police, truth)) else {
            return Ok(());
        };
        let first = *self.incidents.entry(report.reference.clone()).or_insert(incident);
        demand(first == incident, || format!("one report is two incidents, {first} and {incident}"))?;
        let before = *self.references.entry(incident).or_insert(number);
        let same = truth.reports.get(before.0).is_some_and(|before| before.reference == report.reference);
        demand(same, || format!("two reports are one incident, {incident}"))
    }

    fn read(&mut self, incident: IncidentId, number: SignalNumber, child: &Name) -> Result<(), String> {
        let children = self.children.entry(incident).or_default();
        let twice = children.iter().find(|(other, known)| **other != number && known.matches(child));
        if let Some((other, _)) = twice {
            return Err(format!("{} and {} of {incident} are one child", other.get(), number.get()));
        }
        let known = children.entry(number).or_insert_with(|| child.clone());
        demand(known.matches(child), || format!("{} of {incident} is two children", number.get()))
    }

    fn breach(&mut self, incident: IncidentId, fact: &Fact, at: Timestamp) {
        let Some(number) = fact.number() else { return };
        let kind = match fact {
            Fact::Returned { .. } => BreachKind::Returned,
            Fact::Recalled { reason, .. } => BreachKind::Recalled(*reason),
            Fact::BreachRecorded { .. } => {
                let its = |one: &&mut Happening| (one.incident, one.number) == (incident, number);
                if let Some(breach) = self.owed().filter(its).find(|one| !one.recorded) {
                    breach.recorded = true;
                }
                return;
            }
            _ => return,
        };
        let signal = self.ledger.signal(incident, number);
        let ever = signal.is_some_and(|signal| signal.rounds.iter().any(|round| round.opened));
        let now = match kind {
            BreachKind::Returned => ever,
            BreachKind::Recalled(_) => {
                signal.and_then(|signal| signal.rounds.last()).is_some_and(|round| round.opened)
            }
        };
        let kept_max = if self.ledger.lied(incident) { u32::MAX } else { 1 };
        let opened = (now == ever).then_some(now);
        self.breaches.push(Happening {
            incident,
            number,
            kind,
            opened,
            at,
            kept: 0,
            kept_max,
            recorded: false,
        });
    }

    fn kept(&mut self, breach: &Breach) -> Result<(), String> {
        let settled = self.settled;
        let of = |one: &&mut Happening| {
            one.kind == breach.kind
                && one.opened.is_none_or(|opened| opened == breach.opened)
                && days(one.at).iter().any(|day| days(breach.at).contains(day))
        };
        let left = |one: &&mut Happening| one.kept < one.kept_max;
        let owed = self.breaches[settled..].iter_mut().filter(of).filter(left).min_by_key(|one| one.kept);
        let Some(owed) = owed else {
            return Err(String::from("a breach record is kept for no breach, or once too often"));
        };
        owed.kept += 1;
        self.settle();
        Ok(())
    }

    /// Those that are not yet durably recorded.
    fn owed(&mut self) -> impl Iterator<Item = &mut Happening> {
        let settled = self.settled;
        self.breaches[settled..].iter_mut().filter(|one| !one.recorded)
    }

    fn settle(&mut self) {
        let done = |one: &&Happening| one.recorded && one.kept >= one.kept_max;
        self.settled += self.breaches[self.settled..].iter().take_while(done).count();
    }
}

/// The days that a moment may be called, here and in Greenwich.
fn days(moment: Timestamp) -> [Date; 2] {
    [calendar::local(moment).date(), TimeZone::UTC.to_datetime(moment).date()]
}

#[cfg(test)]
mod tests {
    use hwc_schemas::outcome::Recalled;

    use super::{
        super::story::{NOORS, Story, VT, david, durable_at, fact, incident, number, org, payload},
        *,
    };

    fn judged(story: &Story) -> Result<(), String> {
        story.judged(Once::default())
    }

    fn of_david(fact: &Fact) -> bool {
        fact.number() == Some(number(1))
    }

    #[test]
    fn in_an_ordinary_world_everything_happens_once() {
        assert_eq!(judged(&Story::ordinary()), Ok(()));
    }

    #[test]
    fn a_report_that_becomes_two_incidents_is_noticed_unless_the_police_lie() {
        let mut story = Story::ordinary();
        story.happens(Happened::Reporting { report: ReportNumber(0), incident: incident(2) });
        assert!(judged(&story).unwrap_err().contains("two incidents"));
        story.truth.dishonest.insert(org("police-0599"));
        assert_eq!(judged(&story), Ok(()));
    }

    #[test]
    fn two_references_that_become_one_incident_are_noticed() {
        let mut story = Story::ordinary().were(|truth| {
            let other = truth.reports[0].clone();
            truth.reports.push(crate::truth::Report { reference: "P-2".into(), ..other });
        });
        story.happens(Happened::Reporting { report: ReportNumber(1), incident: incident(1) });
        assert!(judged(&story).unwrap_err().contains("two reports are one incident"));
    }

    #[test]
    fn a_second_delivery_in_one_round_is_noticed() {
        let delivered = fact(|fact| matches!(fact, Fact::Delivered { .. }));
        let story = Story::ordinary();
        let again = durable_at(story.now(), Fact::Delivered { number: number(1) });
        assert!(judged(&story.after(delivered, again)).unwrap_err().contains("out of its order"));
    }

    #[test]
    fn a_second_school_without_a_return_is_noticed_and_with_one_it_is_not() {
        let (number, school, letter) = (number(1), org(NOORS), payload(9));
        let mut story = Story::until_delivered();
        let again = Fact::Routed { number, school, letter };
        story.durable([Fact::Opened { number }]);
        let returned = Fact::Returned { number };
        let breach = Breach { kind: BreachKind::Returned, opened: true, at: story.now() };
        story.durable([returned.clone()]).happens(Happened::BreachKept { breach }).durable([again]);
        assert_eq!(judged(&story), Ok(()));
        let story = story
            .without(fact(|fact| *fact == returned))
            .without(|what| matches!(what, Happened::BreachKept { .. }));
        assert!(judged(&story).unwrap_err().contains("Routed"));
    }

    #[test]
    fn a_second_acknowledgement_is_noticed() {
        let story = Story::ordinary();
        let again = durable_at(story.now(), Fact::Acknowledged { number: number(1) });
        let story =
            story.after(fact(|fact| matches!(fact, Fact::Acknowledged { .. }) && of_david(fact)), again);
        assert!(judged(&story).unwrap_err().contains("Acknowledged"));
    }

    #[test]
    fn an_acknowledgement_unread_is_noticed() {
        let opened = fact(|fact| matches!(fact, Fact::Opened { .. }) && of_david(fact));
        assert!(judged(&Story::ordinary().without(opened)).unwrap_err().contains("Acknowledged"));
    }

    #[test]
    fn an_event_after_the_tombstone_is_noticed_and_forgiven_where_the_storage_lied() {
        let mut story = Story::ordinary();
        story.durable([Fact::Screened]);
        assert!(judged(&story).unwrap_err().contains("after the end"));
        let lied = Happened::StorageLied { incidents: [incident(1)].into() };
        assert_eq!(judged(&story.before(|what| matches!(what, Happened::Over), lied)), Ok(()));
    }

    #[test]
    fn a_log_that_the_storage_lost_begins_anew() {
        let mut story = Story::new();
        story.reported().happens(Happened::StorageLied { incidents: [incident(1)].into() });
        story.happens(Happened::Left { incident: incident(1), events: 0 }).reported().expanded();
        assert_eq!(judged(&story), Ok(()));
    }

    #[test]
    fn a_child_that_is_referred_twice_is_noticed_unless_veilig_thuis_lies() {
        let again = |n, child| {
            let (by, number) = (org("municipality-0855"), Some(number(n)));
            Happened::Opened { by, incident: incident(1), number, content: Content::Referral(child, false) }
        };
        let mut story = Story::ordinary();
        story.happens(again(1, david()));
        assert_eq!(judged(&story), Ok(()));
        story.happens(again(4, david()));
        assert!(judged(&story).unwrap_err().contains("one child"));
        story.truth.dishonest.insert(org(VT));
        assert_eq!(judged(&story), Ok(()));
        let mut story = Story::ordinary();
        story.happens(again(3, super::super::story::child("Mees", "Bos", "2014-04-04")));
        assert!(judged(&story).unwrap_err().contains("two children"));
    }

    fn recalled() -> (Story, Breach) {
        let mut story = Story::until_delivered();
        let (number, reason) = (number(1), Recalled::WrongSchool);
        story.durable([Fact::Opened { number }]);
        story.durable([Fact::Recalled { number, reason, by: Role::Municipality }]);
        let breach = Breach { kind: BreachKind::Recalled(reason), opened: true, at: story.now() };
        (story, breach)
    }

    #[test]
    fn a_breach_without_a_record_is_noticed() {
        let (mut story, breach) = recalled();
        assert!(judged(&story).unwrap_err().contains("no record"));
        assert_eq!(judged(story.happens(Happened::BreachKept { breach })), Ok(()));
    }

    #[test]
    fn a_record_without_its_breach_is_noticed() {
        let (mut story, breach) = recalled();
        let unopened = Breach { opened: false, ..breach };
        assert!(judged(story.happens(Happened::BreachKept { breach: unopened })).is_err());
        let (mut story, _) = recalled();
        let at = super::super::story::when("2026-11-18 12:00");
        assert!(judged(story.happens(Happened::BreachKept { breach: Breach { at, ..breach } })).is_err());
    }

    #[test]
    fn a_record_that_is_kept_twice_is_noticed_unless_something_went_wrong_meanwhile() {
        let kept = |story: &mut Story, breach| {
            story.happens(Happened::BreachKept { breach });
        };
        let (mut story, breach) = recalled();
        kept(&mut story, breach);
        kept(&mut story, breach);
        assert!(judged(&story).unwrap_err().contains("once too often"));
        let (mut story, breach) = recalled();
        kept(&mut story, breach);
        story.fault();
        kept(&mut story, breach);
        assert_eq!(judged(&story), Ok(()));
        let (mut story, breach) = recalled();
        kept(&mut story, breach);
        story.durable([Fact::BreachRecorded { number: number(1) }]).fault();
        kept(&mut story, breach);
        assert!(judged(&story).unwrap_err().contains("once too often"));
    }
}
