//! The oracle: which children, to which school, when, and how it may end.

mod days;
mod file;
mod promptness;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use hwc_schemas::{IncidentId, Role, SignalId, SignalNumber, outcome::Withheld, wire::RouteWhy};
use hwc_workflow::{Event, Fact, Found};
use jiff::{SignedDuration, Timestamp};

use self::{
    days::Days,
    file::{File, Known, Reading},
    promptness::Promptness,
};
use super::{
    Checker, all_honest, calendar, demand, honest,
    household::{self, Expected, Population, Verdict},
    ledger::{Ledger, Place, Signal},
    names::Name,
    routing::{Decided, Registers, Way},
};
use crate::{
    chronicle::{Content, Entry, Happened},
    truth::{Invented, Report, Truth},
};

/// How soon the engine does what is due, and what it decided is durable, once nothing goes wrong.
pub const PROMPT_WITHIN: SignedDuration = SignedDuration::from_mins(5);
/// How long the look-up must be down before the named children go first (R9).
const LOOK_UP_PATIENCE: SignedDuration = SignedDuration::from_mins(30);

/// The right children, at the right school, at the right time, with the right outcome (R1 to R20, R23).
///
/// It demands
/// * *children*: that Veilig Thuis finds exactly those that the rules give for the report that it opened: the named, each once
///   and as first spelt, and those of age registered at the address; each with its home municipality or its reason. The named
///   go first only if the look-up was down for half an hour, and may then be judged with or without what the register would
///   have said; the others join. A referral holds the child of its number, with a sister mark only if a near match is
///   among the children of the incident, and never without one if such a child was referred with it;
/// * *schools*: that a municipality routes to a school, or withholds for a reason, that the rules give by a register that was
///   in force at some moment between the beginning of that round and its decision, on a day of that time; in doubt (R16) for
///   any row that a person could pick. Only its letter is opened there, and holds that child, or the pupil that a person
///   could pick for it;
/// * *times*: a delivery on a school day of that school, in the window, by the engine's clock, and durable within
///   [`PROMPT_WITHIN`]; not more than 24 hours after it was last routed, nor beyond the longest hold since it was first (or
///   since a return), nor across the summer holiday. A fresh look-up only after 24 hours, on a school day, in time for its
///   window;
/// * *ends*: `summer_holiday` and `held_too_long` when, by the days ahead, it is so, of a school where it waits or to which the
///   rules could send it at that moment; `not_acknowledged` not before its time or
///   the ceiling; `not_routed` and `not_screened` not before the ceiling; an acknowledgement of what was opened, not after it
///   expired; a recall by municipality or Veilig Thuis alone;
/// * once the world has healed, *promptness*: what waits for its school's day leaves within [`PROMPT_WITHIN`] of the moment
///   the rules give, and what nobody acknowledges expires.
///
/// What a dishonest Veilig Thuis says of children, and a dishonest municipality of schools, is theirs; the times and ends are
/// the engine's all the same. Of an incident about which the storage lied, times, ends and promptness are not judged. Clocks:
/// what was stamped by two may be off by twice `clock_error_max`.
#[derive(Default)]
pub struct RightSchool {
    ledger: Ledger,
    so: Option<So>,
    files: HashMap<IncidentId, File>,
    promptness: Promptness,
}

/// What is so, made ready to judge by.
struct So {
    population: Population,
    registers: Registers,
    days: Days,
}

/// Which of the children are said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// All at once.
    Everybody,
    /// The named ones, while the look-up is down.
    TheNamed,
    /// Who joins when it is back.
    TheOthers,
}

impl Checker for RightSchool {
    fn name(&self) -> &'static str {
        "right_school"
    }

    fn see(&mut self, entry: &Entry, truth: &Truth) -> Result<(), String> {
        let mut so = self.so.take().unwrap_or_else(|| So {
            population: Population::of(truth),
            registers: Registers::of(truth),
            days: Days::of(truth),
        });
        let said = self.hear(entry, truth, &mut so);
        self.so = Some(so);
        said
    }

    fn end(&mut self, _: &Truth) -> Result<(), String> {
        Ok(())
    }
}

impl RightSchool {
    fn hear(&mut self, entry: &Entry, truth: &Truth, so: &mut So) -> Result<(), String> {
        self.promptness.is_in_time(entry.at, &self.ledger)?;
        match &entry.what {
            Happened::Found { signal, child, sibling } => {
                let file = self.files.entry(signal.incident).or_default();
                file.says(entry.at, signal.number, child, *sibling);
            }
            Happened::Opened { by, incident, number, content } => match (content, number) {
                (Content::Report(report), _) => {
                    self.files.entry(*incident).or_default().report = Some(*report);
                }
                (Content::Referral(child, sister), Some(number)) => {
                    let id = SignalId { incident: *incident, number: *number };
                    self.referral(id, child, *sister, truth)?;
                }
                (Content::Letter(child), Some(number)) => {
                    let id = SignalId { incident: *incident, number: *number };
                    let its = self.letter(id, child, entry.at, truth, so);
                    demand(its, || format!("{by} reads of {} in the letter of {id}", named(child)))?;
                }
                _ => return Err(format!("{by} opens something of {incident} that is of no child")),
            },
            Happened::Durable { incident, events, .. } => {
                for event in events {
                    self.durable(*incident, event, entry.at, truth, so)?;
                    let _ = self.ledger.write(*incident, event, entry.at);
                    let id = event.fact.number().map(|number| SignalId { incident: *incident, number });
                    if let Some(id) = id {
                        self.promptness.follow(id, entry.at, &self.ledger, &so.days);
                    }
                }
                return Ok(());
            }
            Happened::Healed => self.promptness.heal(entry.at, &self.ledger, &so.days),
            _ => {}
        }
        self.ledger.see(entry);
        Ok(())
    }

    fn durable(
        &mut self,
        incident: IncidentId,
        event: &Event,
        now: Timestamp,
        truth: &Truth,
        so: &So,
    ) -> Result<(), String> {
        match &event.fact {
            Fact::NotDomesticViolence { children } => {
                let report = self.report(incident, truth);
                let named = report.map(household::named).filter(|_| all_honest(Role::VeiligThuis, truth));
                demand(named.is_none_or(|named| named == usize::from(*children)), || {
                    format!("{incident} named {named:?} children, and {children} are said to end")
                })
            }
            Fact::Expanded { found, complete, .. } => {
                let step = if *complete { Step::Everybody } else { Step::TheNamed };
                self.children(incident, (0, found), step, now, truth, so)
            }
            Fact::Joined { found } => {
                let first = self.ledger.case(incident).map_or(0, |case| case.signals.len());
                self.children(incident, (first, found), Step::TheOthers, now, truth, so)
            }
            fact => {
                let Some(case) = self.ledger.case(incident) else { return Ok(()) };
                let Some(number) = fact.number() else {
                    let judged = matches!(fact, Fact::ReportExpired) && !case.lied;
                    return if judged { so.days.report_expires(incident, case, event.at) } else { Ok(()) };
                };
                let Some(signal) = case.signals.get(number.index()) else { return Ok(()) };
                let id = SignalId { incident, number };
                self.decision(id, signal, event, now, truth, so)?;
                if case.lied { Ok(()) } else { so.days.judge(id, case, signal, event, now) }
            }
        }
    }

    /// What Veilig Thuis found, against what the rules give.
    fn children(
        &mut self,
        incident: IncidentId,
        (first, found): (usize, &[Found]),
        step: Step,
        now: Timestamp,
        truth: &Truth,
        so: &So,
    ) -> Result<(), String> {
        let Some(report) = self.report(incident, truth).filter(|_| all_honest(Role::VeiligThuis, truth))
        else {
            return Ok(());
        };
        let expected = so.population.children(report, truth, step != Step::TheNamed);
        if step == Step::TheNamed {
            let slack = truth.clock_error_max + truth.clock_error_max;
            let down = truth.look_up_down.iter().any(|(from, until)| {
                from.duration_until(*until) + slack >= LOOK_UP_PATIENCE
                    && *from + LOOK_UP_PATIENCE <= now + slack
            });
            demand(down, || {
                format!("of {incident} the named go first, and the look-up was not down so long")
            })?;
        }
        let file = self.files.entry(incident).or_default();
        if first == 0 {
            file.first = found.len();
        }
        file.settle((first, found.len()), |reading| are_right(incident, first, found, &expected, reading))
    }

    /// What a municipality decided, against what the rules give.
    fn decision(
        &self,
        id: SignalId,
        signal: &Signal,
        event: &Event,
        now: Timestamp,
        truth: &Truth,
        so: &So,
    ) -> Result<(), String> {
        let way = match &event.fact {
            Fact::Routed { school, .. } if school.role() == Role::School => {
                Way::School(school.code().to_owned())
            }
            Fact::Routed { school, .. } => return Err(format!("{id} is routed to {school}")),
            Fact::Withheld { reason: reason @ (Withheld::SummerHoliday | Withheld::HeldTooLong), .. } => {
                let at_once = signal.place == Place::Referred && !self.ledger.lied(id.incident);
                let (reason, at) = (*reason, event.at);
                return if at_once { self.at_once(id, signal, reason, (at, now), truth, so) } else { Ok(()) };
            }
            Fact::Withheld { reason, .. } => {
                demand(signal.place == Place::Referred || self.ledger.lied(id.incident), || {
                    format!("{id} is withheld as {} when it is not at its municipality", reason.as_str())
                })?;
                Way::Withheld(*reason)
            }
            Fact::Recalled { by, .. } => {
                let may = matches!(by, Role::Municipality | Role::VeiligThuis);
                return demand(may, || format!("{id} is recalled by a {}", by.as_str()));
            }
            _ => return Ok(()),
        };
        let Some(ways) = self.ways(id, signal, now, truth, so) else { return Ok(()) };
        demand(ways.contains(&way) || self.ledger.lied(id.incident), || {
            format!("{id} goes {way:?}, and by the rules {ways:?}")
        })
    }

    /// What its municipality may do with a signal by the rules; none where it lies.
    fn ways(
        &self,
        id: SignalId,
        signal: &Signal,
        now: Timestamp,
        truth: &Truth,
        so: &So,
    ) -> Option<Vec<Way>> {
        let (municipality, _) = signal.referred.as_ref().filter(|(who, _)| honest(who, truth))?;
        let (child, round) = self.child(id, truth).zip(signal.rounds.last())?;
        let error = truth.clock_error_max;
        let on = [round.began - error, now + error].map(|moment| calendar::local(moment).date());
        let returned = signal.rounds.iter().any(|round| round.why == RouteWhy::Returned);
        let decided = Decided { between: (round.began, now), on: (on[0], on[1]), returned };
        Some(so.registers.ways(municipality.code(), child, decided, truth))
    }

    /// The engine withholds it as soon as its municipality names the school, or while that takes too long: for some school that
    /// may be named, or was before, it must be so.
    fn at_once(
        &self,
        id: SignalId,
        signal: &Signal,
        reason: Withheld,
        (at, now): (Timestamp, Timestamp),
        truth: &Truth,
        so: &So,
    ) -> Result<(), String> {
        let ways = self.ways(id, signal, now, truth, so);
        let mut schools: Vec<&str> = match &ways {
            Some(ways) => ways.iter().filter_map(Way::school).collect(),
            None => truth.schools.iter().map(|school| school.code.as_str()).collect(),
        };
        let before = signal.rounds.iter().filter_map(|round| round.routed.as_ref());
        schools.extend(before.map(|(school, ..)| school.code()));
        let case = self.ledger.case(id.incident);
        // It may have been certain before the summer holiday began.
        let over = reason == Withheld::HeldTooLong && so.days.is_held_too_long(signal, at);
        let so = over
            || case.is_some_and(|case| {
                schools.iter().any(|school| so.days.unroutable(case, signal, school, at) == Some(reason))
            });
        demand(so, || {
            format!("{id} is withheld as {}, and for none of {schools:?} that is so", reason.as_str())
        })
    }

    /// A municipality reads a referral.
    fn referral(
        &mut self,
        id: SignalId,
        child: &Invented,
        sister: bool,
        truth: &Truth,
    ) -> Result<(), String> {
        let name = Name::of(child);
        let case = self.ledger.case(id.incident);
        let file = self.files.entry(id.incident).or_default();
        let lied = case.is_some_and(|case| case.lied);
        if all_honest(Role::VeiligThuis, truth) && !lied {
            demand(file.reads(id.number, child), || {
                format!("the referral of {id} is about {}", named(child))
            })?;
            let near = |(number, known): &(&SignalNumber, &Known)| {
                **number != id.number && known.name.nearly_matches(&name)
            };
            let mut akin = file.reading().into_iter().flatten().filter(near).map(|(number, _)| *number);
            let together = |number: SignalNumber| {
                let signal = case.and_then(|case| case.signals.get(number.index()));
                signal.is_some_and(|signal| signal.referred.is_some())
                    && (number.index() < file.first || id.number.index() >= file.first)
            };
            let right = if sister { akin.next().is_some() } else { !akin.any(together) };
            demand(right, || format!("whether {id} has a sister is said wrongly: {sister}"))?;
        }
        file.referred.insert(id.number, name);
        Ok(())
    }

    /// Whether a school reads of the child that it should.
    fn letter(&self, id: SignalId, child: &Invented, now: Timestamp, truth: &Truth, so: &So) -> bool {
        let signal = self.ledger.signal(id.incident, id.number);
        let municipality = signal.and_then(|signal| signal.referred.as_ref()).map(|(who, _)| who);
        let Some((municipality, its)) = municipality.zip(self.child(id, truth)) else { return true };
        let since = signal.and_then(|signal| signal.rounds.first()).map_or(now, |round| round.began);
        !honest(municipality, truth)
            || so.registers.may_be(municipality.code(), its, &Name::of(child), (since, now))
    }

    /// Whom a signal is about: as found, or, from a Veilig Thuis that lies, as its municipality read it.
    fn child(&self, id: SignalId, truth: &Truth) -> Option<&Name> {
        let file = self.files.get(&id.incident)?;
        let found = file.reading().filter(|_| all_honest(Role::VeiligThuis, truth));
        let found = found.and_then(|reading| reading.get(&id.number));
        found.map(|known| &known.name).or_else(|| file.referred.get(&id.number))
    }

    fn report<'a>(&self, incident: IncidentId, truth: &'a Truth) -> Option<&'a Report> {
        truth.reports.get(self.files.get(&incident)?.report?.0)
    }
}

/// Whether what is said of an incident's children, from a number on, is what the rules give, if they are these.
fn are_right(
    incident: IncidentId,
    first: usize,
    found: &[Found],
    expected: &[Expected],
    reading: &Reading,
) -> Result<(), String> {
    let before = |name: &Name| reading.iter().any(|(n, known)| n.index() < first && known.name.matches(name));
    let mut missing: Vec<_> = expected.iter().filter(|expected| !before(&expected.name)).collect();
    for (place, found) in found.iter().enumerate() {
        let id = SignalNumber::at(first + place).map(|number| SignalId { incident, number });
        let Some((id, known)) = id.and_then(|id| Some((id, reading.get(&id.number)?))) else {
            return Err(format!("a child of {incident} is found, and nobody said which"));
        };
        let Known { child, name, sibling } = known;
        let Some(at) = missing.iter().position(|expected| expected.name.matches(name)) else {
            return Err(format!("{} does not belong to {incident}, and is {id}", named(child)));
        };
        let expected = missing.swap_remove(at);
        demand(expected.child == *child && expected.sibling == *sibling, || {
            format!("{id} is spelt {}, and should be {}", named(child), named(&expected.child))
        })?;
        let said = match found {
            Found::Referred { municipality, .. } => Verdict::Referred(municipality.code().to_owned()),
            Found::NotParticipating => Verdict::NotParticipating,
            Found::ScreenedOut { reason } => Verdict::ScreenedOut(*reason),
        };
        demand(expected.verdicts.contains(&said), || {
            format!("of {} it is said {said:?}, and should be {:?}", named(child), expected.verdicts)
        })?;
    }
    let forgotten = missing.iter().find(|expected| expected.at_once).map(|one| named(&one.child));
    demand(forgotten.is_none(), || format!("{} of {incident} was not found", forgotten.unwrap_or_default()))
}

/// An invented child in words.
fn named(child: &Invented) -> String {
    let Invented { given_names, prefix, surname, date_of_birth } = child;
    format!("{given_names} {prefix} {surname}, {date_of_birth}").replace("  ", " ")
}
