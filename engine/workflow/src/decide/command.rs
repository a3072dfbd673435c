//! What an organisation may have happen. First command wins; the same again is so already.

use std::cmp::Ordering;

use hwc_schemas::{
    Organisation, PayloadId, Role, SignalNumber, TraceId,
    outcome::{Outcome, Recalled, ScreenedOut, Withheld},
    wire::{Command, Expansion, Finding, Refusal, RouteWhy, Screening, limits},
};

use jiff::civil::Date;

use super::{delivered_to, same_round, signal_of, theirs};
use crate::{
    calendar::Plan,
    context::Context,
    duty::plan,
    event::{Fact, Found},
    state::{ClosedHow, Delivered, Ended, Incident, Routed, SignalState},
};

type Facts = Result<Vec<Fact>, Refusal>;

/// It is so already.
const NOTHING: Facts = Ok(Vec::new());

/// Somebody asks for something in this state, at this moment.
pub(super) struct Asked<'a> {
    pub(super) incident: &'a Incident,
    pub(super) from: &'a Organisation,
    pub(super) context: &'a Context<'a>,
    pub(super) trace: Option<TraceId>,
}

impl Asked<'_> {
    pub(super) fn decide(&self, command: &Command<PayloadId>) -> Facts {
        match command {
            Command::Record { day, report, .. } => self.record(*day, *report),
            Command::Screen { screening, .. } => self.screen(*screening),
            Command::Expand { expansion, .. } => self.expand(expansion),
            Command::Route { signal, round, school, letter } => {
                self.route(signal.number, *round, school, *letter)
            }
            Command::Withhold { signal, round, reason } => self.withhold(signal.number, *round, *reason),
            Command::Acknowledge { signal, round } => self.acknowledge(signal.number, *round),
            Command::Return { signal, round } => self.give_back(signal.number, *round),
            Command::Recall { signal, reason } => self.recall(signal.number, *reason),
        }
    }

    /// R8, R9: the first submission wins; the same again is answered and not looked at. What ended is remembered for as long as
    /// a report is accepted and no longer, so an older one could be one that ended.
    fn record(&self, day: Date, report: PayloadId) -> Facts {
        match self.incident {
            Incident::Unknown if !self.context.accepts(day) => Err(Refusal::TooOld),
            Incident::Unknown => {
                let chain = self.context.table.of_police(self.from).ok_or(Refusal::NotYours)?;
                let (police, veilig_thuis) = (self.from.clone(), chain.veilig_thuis.clone());
                Ok(vec![Fact::Recorded { police, veilig_thuis, report, trace: self.trace }])
            }
            // Whose it was is forgotten; that it was is all that is said.
            Incident::Purged => NOTHING,
            known => theirs(self.from, known.police().ok_or(Refusal::Gone)?).and(NOTHING),
        }
    }

    /// R3.
    fn screen(&self, screening: Screening) -> Facts {
        theirs(self.from, self.incident.veilig_thuis().ok_or(Refusal::Gone)?)?;
        match (self.incident, screening) {
            (Incident::Recorded(_), Screening::Qualifies) => Ok(vec![Fact::Screened]),
            (Incident::Recorded(_), Screening::NotDomesticViolence { children }) => {
                if usize::from(children) > limits::SIGNALS_PER_INCIDENT_MAX {
                    return Err(Refusal::TooManySignals);
                }
                Ok(vec![Fact::NotDomesticViolence { children }])
            }
            (Incident::Screened(_) | Incident::Expanded(_), Screening::Qualifies) => NOTHING,
            (Incident::Closed(closed), Screening::NotDomesticViolence { .. })
                if matches!(closed.how, ClosedHow::NotDomesticViolence { .. }) =>
            {
                NOTHING
            }
            (Incident::Closed(_), _) => Err(Refusal::Gone),
            _ => Err(Refusal::AlreadyDecided),
        }
    }

    /// R9: one finding for each child; while the look-up is down the named children go first, the others join once.
    fn expand(&self, expansion: &Expansion<PayloadId>) -> Facts {
        let veilig_thuis = self.incident.veilig_thuis().ok_or(Refusal::Gone)?;
        theirs(self.from, veilig_thuis)?;
        let known = match self.incident {
            Incident::Recorded(_) => return Err(Refusal::OutOfOrder),
            Incident::Screened(_) => 0,
            Incident::Expanded(expanded) if expanded.report.is_some() && expansion.complete => {
                expanded.signals.len()
            }
            Incident::Expanded(_) => return NOTHING,
            Incident::Unknown | Incident::Purged | Incident::Closed(_) => return Err(Refusal::Gone),
        };
        match usize::from(expansion.first).cmp(&known) {
            Ordering::Less => return NOTHING,
            Ordering::Equal => {}
            Ordering::Greater => return Err(Refusal::OutOfOrder),
        }
        if known + expansion.findings.len() > limits::SIGNALS_PER_INCIDENT_MAX {
            return Err(Refusal::TooManySignals);
        }
        let found = expansion.findings.iter().map(|finding| self.found(veilig_thuis, finding));
        let found = found.collect::<Result<_, _>>()?;
        Ok(vec![match self.incident {
            Incident::Expanded(_) => Fact::Joined { found },
            _ => Fact::Expanded { found, complete: expansion.complete, interval: expansion.interval },
        }])
    }

    fn found(&self, veilig_thuis: &Organisation, finding: &Finding<PayloadId>) -> Result<Found, Refusal> {
        match finding {
            Finding::Refer { municipality, referral } => {
                if !self.context.table.refers(veilig_thuis, municipality) {
                    return Err(Refusal::UnknownOrganisation);
                }
                Ok(Found::Referred { municipality: municipality.clone(), referral: *referral })
            }
            // The whole incident's reason: it comes with the screening.
            Finding::ScreenedOut { reason: ScreenedOut::NotDomesticViolence } => Err(Refusal::NotYourReason),
            Finding::ScreenedOut { reason } => Ok(Found::ScreenedOut { reason: *reason }),
            Finding::NotParticipating => Ok(Found::NotParticipating),
        }
    }

    /// R12, R14; and R18, R19 at once: what will not be delivered needs no letter.
    fn route(&self, number: SignalNumber, round: u16, school: &Organisation, letter: PayloadId) -> Facts {
        match &signal_of(self.incident, self.from, number)?.1.state {
            SignalState::Referred(referred) => {
                theirs(self.from, &referred.municipality)?;
                if round < referred.round {
                    return NOTHING;
                }
                same_round(round, referred.round)?;
                if school.role() != Role::School || !self.context.table.schools.contains(school) {
                    return Err(Refusal::UnknownOrganisation);
                }
                // The bound is here and not on the return: a school that opened what is not its pupil's must be rid of it at
                // once, however often that happened (R24). Who sends it on has other ways to end it.
                if round > limits::ROUNDS_MAX {
                    return Err(Refusal::TooManyRounds);
                }
                let ceiling = self.incident.ceiling(self.context.policy).ok_or(Refusal::Gone)?;
                let (now, held_since) = (self.context.now, referred.held_since.unwrap_or(self.context.now));
                Ok(vec![match plan(school, now, held_since, ceiling, self.context) {
                    Plan::Withhold(reason) => Fact::Withheld { number, reason },
                    Plan::DeliverAt(_) | Plan::WaitForCalendar { .. } => {
                        Fact::Routed { number, school: school.clone(), letter }
                    }
                }])
            }
            SignalState::Routed(routed) | SignalState::Delivered(Delivered { routed, .. }) => {
                self.decided_before(routed, round, routed.addressed.school() == school)
            }
            SignalState::Ended(ended) => {
                let by_the_calendar = [Withheld::SummerHoliday, Withheld::HeldTooLong].map(Outcome::Withheld);
                self.ended_by_it(ended, by_the_calendar.contains(&ended.outcome))
            }
            SignalState::Acknowledged(_) | SignalState::Purged(_) => Err(Refusal::Gone),
        }
    }

    /// R11 to R16.
    fn withhold(&self, number: SignalNumber, round: u16, reason: Withheld) -> Facts {
        match &signal_of(self.incident, self.from, number)?.1.state {
            SignalState::Referred(referred) => {
                theirs(self.from, &referred.municipality)?;
                if round < referred.round {
                    return NOTHING;
                }
                same_round(round, referred.round)?;
                if !reason.is_the_municipalitys() {
                    return Err(Refusal::NotYourReason);
                }
                Ok(vec![Fact::Withheld { number, reason }])
            }
            SignalState::Routed(routed) | SignalState::Delivered(Delivered { routed, .. }) => {
                self.decided_before(routed, round, false)
            }
            SignalState::Ended(ended) => self.ended_by_it(ended, ended.outcome == Outcome::Withheld(reason)),
            SignalState::Acknowledged(_) | SignalState::Purged(_) => Err(Refusal::Gone),
        }
    }

    /// R20: the contact opened it and confirms.
    fn acknowledge(&self, number: SignalNumber, round: u16) -> Facts {
        if let SignalState::Acknowledged(acknowledged) = &signal_of(self.incident, self.from, number)?.1.state
        {
            return theirs(self.from, acknowledged.addressed.school()).and(NOTHING);
        }
        let delivered = delivered_to(self.incident, self.from, number, round)?;
        delivered.opened_at.ok_or(Refusal::NotOpened)?;
        Ok(vec![Fact::Acknowledged { number }])
    }

    /// R24: opened, and not our pupil.
    fn give_back(&self, number: SignalNumber, round: u16) -> Facts {
        if let SignalState::Referred(referred) = &signal_of(self.incident, self.from, number)?.1.state
            && referred.why == RouteWhy::Returned
            && referred.round == round.saturating_add(1)
            && referred.returned_by.as_ref() == Some(self.from)
        {
            return NOTHING;
        }
        let delivered = delivered_to(self.incident, self.from, number, round)?;
        delivered.opened_at.ok_or(Refusal::NotOpened)?;
        Ok(vec![Fact::Returned { number }])
    }

    /// R24: in any state before it is purged. One that was screened out or withheld stays so: it is with nobody, and
    /// those outcomes come first.
    fn recall(&self, number: SignalNumber, reason: Recalled) -> Facts {
        let (expanded, signal) = signal_of(self.incident, self.from, number)?;
        let municipality = match &signal.state {
            SignalState::Referred(referred) => Some(&referred.municipality),
            SignalState::Routed(routed) | SignalState::Delivered(Delivered { routed, .. }) => {
                Some(&routed.municipality)
            }
            SignalState::Acknowledged(acknowledged) => Some(&acknowledged.municipality),
            SignalState::Ended(ended) => match ended.outcome {
                Outcome::Recalled(_) | Outcome::Expired(_) => ended.municipality.as_ref(),
                Outcome::ScreenedOut(_) | Outcome::Withheld(_) | Outcome::Acknowledged => {
                    return Err(Refusal::Gone);
                }
            },
            SignalState::Purged(_) => return Err(Refusal::Gone),
        };
        if municipality != Some(self.from) {
            theirs(self.from, &expanded.veilig_thuis)?;
        }
        if matches!(signal.outcome(), Some(Outcome::Recalled(_))) {
            return NOTHING;
        }
        Ok(vec![Fact::Recalled { number, reason, by: self.from.role() }])
    }

    /// What the municipality said in this round or an earlier one stands.
    fn decided_before(&self, routed: &Routed, round: u16, same: bool) -> Facts {
        theirs(self.from, &routed.municipality)?;
        if round > routed.round {
            return Err(Refusal::OutOfOrder);
        }
        if round < routed.round || same { NOTHING } else { Err(Refusal::AlreadyDecided) }
    }

    /// The very command that ended it is so already; anything else comes too late.
    fn ended_by_it(&self, ended: &Ended, same: bool) -> Facts {
        if same && ended.municipality.as_ref() == Some(self.from) { NOTHING } else { Err(Refusal::Gone) }
    }
}
