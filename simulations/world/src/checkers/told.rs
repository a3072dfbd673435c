//! Nobody is told what they may not know.

use std::collections::{HashMap, HashSet};

use hwc_schemas::{
    IncidentId, Organisation, PayloadId, Role, SignalId, SignalNumber,
    letter::Hop,
    wire::{Answer, Notice, Refusal, Task},
};
use hwc_workflow::{Event, Fact, Found};
use jiff::Timestamp;

use super::{
    CALM_AFTER, Checker, ON_ITS_WAY_MAX, all_honest,
    calendar::{Calendar, at, local},
    demand, honest,
    ledger::{Ledger, Place, Round, Signal},
};
use crate::{
    chronicle::{Content, Entry, Happened},
    truth::Truth,
};

/// Nobody is told what they may not know (R1, R10, R13, R20, R22, R29).
///
/// It demands
/// * *tasks*: none to the police; `screen` and `look_up` only to the Veilig Thuis that the report went to; `route` only to the
///   municipality that the child was referred to, in a round that began, with the reason for which it began; `read` only to a
///   school where it was delivered in that round; a notice only of a kind for a school to that school, and of a kind for a
///   municipality to that municipality, and only after it fell due. [`CALM_AFTER`] the healing, the round must be the present
///   one and the signal still there, or have been [`ON_ITS_WAY_MAX`] before; until then an overtaken engine may repeat what
///   was so once. A task reaches only an organisation to which it was offered;
/// * *notices* (R20) fall due only at a delivered signal, at their time of the policy, on a school day of that school, not
///   before its delivery; after one delivered later than the lesson begins, on a later day, or, `still_unread`, at the end of
///   that very day; and none twice in one round;
/// * *payloads*: a report is opened only by its Veilig Thuis, a referral only by the municipality that the child was referred
///   to, a letter only by a school to which it was delivered and of which `Opened` is durable, in some round;
/// * that each ciphertext that an event points to is of its leg and sealed to whom the event names, unless its sender lies;
///   and that nothing is given that its receiver cannot open, unless somebody of the sender's kind lies;
/// * *answers*: the police hear only of reports that they took up, and of nothing but reports; whoever has nothing to do with
///   an incident hears only that it is gone, not now, or what is so for every incident.
///
/// Where the storage lied about an incident, what was so before counts as well.
#[derive(Default)]
pub struct Told {
    ledger: Ledger,
    calendar: Option<Calendar>,
    healed: Option<Timestamp>,
    offered: HashSet<(Organisation, Task)>,
    reported: HashSet<IncidentId>,
    /// Who has, or had, to do with which incident.
    parties: HashSet<(IncidentId, Organisation)>,
    /// The leg and the receiver of each ciphertext that was ever stored.
    stored: HashMap<PayloadId, (Hop, Organisation)>,
}

impl Checker for Told {
    fn name(&self) -> &'static str {
        "told"
    }

    fn see(&mut self, entry: &Entry, truth: &Truth) -> Result<(), String> {
        match &entry.what {
            Happened::Healed => self.healed = Some(entry.at),
            Happened::Reporting { incident, .. } => {
                self.reported.insert(*incident);
            }
            Happened::ReportAnswered { incident, .. } => {
                let own = self.reported.contains(incident);
                demand(own, || format!("the police hear of {incident}, which they did not report"))?;
            }
            Happened::Answered { to, incident, command, answer } => {
                self.may_hear(to, *incident, command, *answer)?;
            }
            Happened::Offered { to, task } => {
                self.may_be_asked(to, task, entry.at)?;
                self.offered.insert((to.clone(), task.clone()));
            }
            Happened::Tasked { to, task } => {
                let offered = self.offered.contains(&(to.clone(), task.clone()));
                demand(offered, || format!("{task:?} reached {to}, for whom it was not"))?;
            }
            Happened::Opened { by, incident, number, content } => {
                self.may_open(by, *incident, *number, content)?;
            }
            Happened::GivenUnopened { to, hop, sealed_to } => {
                demand(!all_honest(hop.sender(), truth), || {
                    format!("{to} was given a {} for {sealed_to} that it cannot open", hop.as_str())
                })?;
            }
            Happened::Stored { payload, hop, sealed_to, .. } => {
                self.stored.insert(*payload, (*hop, sealed_to.clone()));
            }
            Happened::Durable { incident, events, .. } => {
                for event in events {
                    self.durable(*incident, event, entry.at, truth)?;
                }
                return Ok(());
            }
            _ => {}
        }
        self.ledger.see(entry);
        Ok(())
    }

    fn end(&mut self, _: &Truth) -> Result<(), String> {
        Ok(())
    }
}

impl Told {
    fn durable(
        &mut self,
        incident: IncidentId,
        event: &Event,
        now: Timestamp,
        truth: &Truth,
    ) -> Result<(), String> {
        let mut party = |who: &Organisation| {
            self.parties.insert((incident, who.clone()));
        };
        match &event.fact {
            Fact::Recorded { police, veilig_thuis, report, .. } => {
                party(police);
                party(veilig_thuis);
                self.is_sealed_to(*report, Hop::Report, veilig_thuis, honest(police, truth))?;
            }
            Fact::Expanded { found, .. } | Fact::Joined { found } => {
                let case = self.ledger.case(incident).and_then(|case| case.recorded.as_ref());
                let trusted = case.is_some_and(|recorded| honest(&recorded.veilig_thuis, truth));
                for found in found {
                    if let Found::Referred { municipality, referral } = found {
                        self.parties.insert((incident, municipality.clone()));
                        self.is_sealed_to(*referral, Hop::Referral, municipality, trusted)?;
                    }
                }
            }
            Fact::Routed { number, school, letter } => {
                let sender = self.ledger.signal(incident, *number).and_then(|s| s.referred.as_ref());
                let trusted = sender.is_some_and(|(municipality, _)| honest(municipality, truth));
                self.is_sealed_to(*letter, Hop::Letter, school, trusted)?;
            }
            Fact::Delivered { number } => {
                if let Some(school) = self.ledger.signal(incident, *number).and_then(Signal::school) {
                    party(school);
                }
            }
            Fact::Reminded { number, notice, due } => {
                self.may_fall_due(SignalId { incident, number: *number }, *notice, *due, truth)?;
            }
            _ => {}
        }
        let _ = self.ledger.write(incident, event, now);
        Ok(())
    }

    fn is_sealed_to(
        &self,
        payload: PayloadId,
        leg: Hop,
        receiver: &Organisation,
        trusted: bool,
    ) -> Result<(), String> {
        let Some((hop, sealed_to)) = self.stored.get(&payload).filter(|_| trusted) else { return Ok(()) };
        demand((*hop, sealed_to) == (leg, receiver), || {
            format!("a {} for {sealed_to} goes as a {} to {receiver}", hop.as_str(), leg.as_str())
        })
    }

    fn may_be_asked(&self, to: &Organisation, task: &Task, now: Timestamp) -> Result<(), String> {
        let incident = task.incident();
        let no = |why: &str| Err(format!("{task:?} is for {to}: {why}"));
        let Some(case) = self.ledger.case(incident) else { return no("nothing is durable of it") };
        let signal = |signal: &SignalId| self.ledger.signal(incident, signal.number);
        // Once everything is well again, only what is so now.
        let calm = self.healed.is_some_and(|healed| now > healed + CALM_AFTER);
        let now_only = calm && !case.lied;
        match task {
            Task::Screen { .. } | Task::LookUp { .. } => {
                let its = case.recorded.as_ref().is_some_and(|recorded| recorded.veilig_thuis == *to);
                let lost = case.lied && to.role() == Role::VeiligThuis;
                if !its && !lost {
                    return no("the report is not for it");
                }
                let named_first = case.is_expanded() || case.lied;
                if matches!(task, Task::LookUp { .. }) && !named_first {
                    return no("no child went first");
                }
            }
            Task::Route { signal: id, round, why } => {
                let Some(signal) = signal(id) else { return no("it was never found") };
                if signal.referred.as_ref().is_none_or(|(municipality, _)| municipality != to) {
                    return no("it was not referred there");
                }
                let Some(began) = signal.in_round(*round) else {
                    return if case.lied { Ok(()) } else { no("that round has not begun") };
                };
                if began.why != *why && !case.lied {
                    return no("the round began for another reason");
                }
                let present = usize::from(*round) == signal.round() && signal.place == Place::Referred;
                if now_only && !present && now > left_at(signal, *round) {
                    return no("it is not there any more");
                }
            }
            Task::Read { signal: id, round } => {
                let known = signal(id);
                let was = |round: &Round| round.delivered.is_some() && is_to(round, to);
                let Some((signal, _)) = known.zip(known.and_then(|s| s.in_round(*round).filter(|r| was(r))))
                else {
                    return if case.lied && self.parties.contains(&(incident, to.clone())) {
                        Ok(())
                    } else {
                        no("it was not delivered there")
                    };
                };
                let present = usize::from(*round) == signal.round() && signal.place == Place::Delivered;
                if now_only && !present && now > left_at(signal, *round) {
                    return no("it is not there any more");
                }
            }
            Task::Notice { signal: id, round, notice, due } => {
                let Some(signal) = signal(id) else { return no("it was never found") };
                let known = signal.in_round(*round);
                let fell = known.is_some_and(|round| round.reminded.contains(&(*notice, *due)));
                if !fell && !case.lied {
                    return no("it has not fallen due");
                }
                let concerned = match notice {
                    Notice::RemindContact | Notice::RemindBackup => known.is_some_and(|r| is_to(r, to)),
                    Notice::ReceiptMissing | Notice::StillUnread => {
                        signal.referred.as_ref().is_some_and(|(municipality, _)| municipality == to)
                    }
                };
                let lost = case.lied && self.parties.contains(&(incident, to.clone()));
                if !concerned && !lost {
                    return no("it does not concern it");
                }
                let present = usize::from(*round) == signal.round() && signal.place == Place::Delivered;
                if now_only && !present && now > left_at(signal, *round) {
                    return no("nothing waits any more");
                }
            }
        }
        Ok(())
    }

    fn may_open(
        &self,
        by: &Organisation,
        incident: IncidentId,
        number: Option<SignalNumber>,
        content: &Content,
    ) -> Result<(), String> {
        let case = self.ledger.case(incident);
        let signal = case.zip(number).and_then(|(case, number)| case.signals.get(number.index()));
        let may = match content {
            Content::Report(_) => {
                let recorded = case.and_then(|case| case.recorded.as_ref());
                number.is_none() && recorded.is_some_and(|recorded| recorded.veilig_thuis == *by)
            }
            Content::Referral(..) => {
                let referred = signal.and_then(|signal| signal.referred.as_ref());
                referred.is_some_and(|(municipality, _)| municipality == by)
            }
            Content::Letter(_) => signal.is_some_and(|signal| {
                signal
                    .rounds
                    .iter()
                    .any(|round| round.opened && round.delivered.is_some() && is_to(round, by))
            }),
        };
        let role = match content {
            Content::Report(_) => Role::VeiligThuis,
            Content::Referral(..) => Role::Municipality,
            Content::Letter(_) => Role::School,
        };
        let lied = case.is_some_and(|case| case.lied) && self.parties.contains(&(incident, by.clone()));
        demand(by.role() == role && (may || lied), || format!("{by} opens what is not for it, of {incident}"))
    }

    fn may_hear(
        &self,
        to: &Organisation,
        incident: IncidentId,
        command: &str,
        answer: Answer,
    ) -> Result<(), String> {
        if to.role() == Role::Police {
            let own = command == "record" && self.reported.contains(&incident);
            let refused = matches!(answer, Answer::Refused { .. } | Answer::TryLater);
            return demand(own || refused, || format!("{to} hears of {command} at {incident}"));
        }
        let silent = match answer {
            Answer::TryLater => true,
            Answer::Refused { refusal } => matches!(
                refusal,
                Refusal::Gone
                    | Refusal::Malformed
                    | Refusal::NotYours
                    | Refusal::NotYourReason
                    | Refusal::UnknownOrganisation
            ),
            Answer::Recorded | Answer::AlreadyRecorded => false,
        };
        let party = self.parties.contains(&(incident, to.clone()));
        demand(party || silent, || format!("{to} has nothing to do with {incident} and hears {answer:?}"))
    }

    fn may_fall_due(
        &mut self,
        id: SignalId,
        notice: Notice,
        due: Timestamp,
        truth: &Truth,
    ) -> Result<(), String> {
        let calendar = self.calendar.get_or_insert_with(|| Calendar::of(truth));
        let lied = self.ledger.lied(id.incident);
        let signal = self.ledger.signal(id.incident, id.number).filter(|_| !lied);
        let Some(signal) = signal else { return Ok(()) };
        let no = |why: &str| Err(format!("{} of {id} is due at {}: {why}", notice.as_str(), local(due)));
        let round = signal.rounds.last().filter(|_| signal.place == Place::Delivered);
        let Some((round, delivered)) = round.and_then(|round| Some((round, round.delivered?))) else {
            return no("it waits nowhere");
        };
        if round.reminded.contains(&(notice, due)) {
            return no("it fell due before");
        }
        let policy = &truth.policy;
        let (day, came) = (local(due).date(), local(delivered));
        let time = match notice {
            Notice::RemindContact => policy.remind_contact_at,
            Notice::RemindBackup => policy.remind_backup_at,
            Notice::ReceiptMissing => policy.notify_municipality_at,
            Notice::StillUnread => policy.deliver_until,
        };
        let school = signal.school().map(Organisation::code).unwrap_or_default();
        let late = came.time() > policy.school_start;
        if due != at(day, time) {
            no("that is not its time")
        } else if due < delivered {
            no("it was not there yet")
        } else if calendar.is_school_day(school, day) != Some(true) {
            no("there is no school")
        } else if notice == Notice::StillUnread {
            let that_day = day == came.date() && came.time() >= policy.school_start;
            if that_day { Ok(()) } else { no("it did not come on that day, after the lesson began") }
        } else if late && day == came.date() {
            no("it came after the lesson began")
        } else {
            Ok(())
        }
    }
}

/// Whether a round's letter is for that school.
fn is_to(round: &Round, school: &Organisation) -> bool {
    round.routed.as_ref().is_some_and(|(to, ..)| to == school)
}

/// Until when something may still be under way about a round that passed, or a place that was left.
fn left_at(signal: &Signal, round: u16) -> Timestamp {
    let next = signal.rounds.get(usize::from(round));
    let left = next.map_or(signal.moved, |next| next.began);
    left + ON_ITS_WAY_MAX
}

#[cfg(test)]
#[path = "told/tests.rs"]
mod tests;
