//! What the durable events say, folded as simply as can be: no judgement but whether each event has its place.

use std::collections::{HashMap, HashSet};

use hwc_schemas::{
    IncidentId, Organisation, PayloadId, SignalNumber,
    outcome::{Outcome, Withheld},
    wire::{Notice, RouteWhy},
};
use hwc_workflow::{Event, Fact, event::Found};
use jiff::Timestamp;

use crate::chronicle::{Entry, Happened};

/// Every incident of which something was durable.
#[derive(Default)]
pub(super) struct Ledger {
    cases: HashMap<IncidentId, Case>,
}

/// One incident.
#[derive(Default)]
pub(super) struct Case {
    /// What is in its log.
    log: Vec<(Timestamp, Event)>,
    /// To whom, which ciphertext, and when by the event's own time.
    pub(super) recorded: Option<Recorded>,
    /// Whether it qualifies, once that is said.
    pub(super) qualifies: Option<bool>,
    /// Once its children are known, be it only the named ones: whether the household was looked up too.
    pub(super) looked_up: Option<bool>,
    /// Whether the ceiling came before Veilig Thuis was done.
    pub(super) report_expired: bool,
    /// Its children, by number.
    pub(super) signals: Vec<Signal>,
    /// Since when it is where it is as a whole, by the event's time.
    pub(super) since: Timestamp,
    /// Ciphertexts that are said to be gone.
    erased: HashSet<PayloadId>,
    /// Whether it is said that nothing is left.
    pub(super) incident_purged: bool,
    /// When its tombstone became durable.
    pub(super) forgotten: Option<Timestamp>,
    /// Whether the storage ever lied about it.
    pub(super) lied: bool,
}

/// How an incident began.
#[derive(Clone)]
pub(super) struct Recorded {
    pub(super) veilig_thuis: Organisation,
    pub(super) report: PayloadId,
    pub(super) at: Timestamp,
}

/// One child.
#[derive(Clone)]
pub(super) struct Signal {
    /// Where it was referred to, and the ciphertext; none when it does not go further.
    pub(super) referred: Option<(Organisation, PayloadId)>,
    /// Where it is.
    pub(super) place: Place,
    /// Since when, by the event's time.
    pub(super) since: Timestamp,
    /// Since when, by the world's clock.
    pub(super) moved: Timestamp,
    /// Its times round, the first first.
    pub(super) rounds: Vec<Round>,
    /// How many breaches happened to it.
    pub(super) breaches: u32,
    /// How many of them are said to be recorded.
    pub(super) breaches_recorded: u32,
}

/// Where a signal is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// At its municipality.
    Referred,
    /// Waits for the school's day.
    Routed,
    /// At the school.
    Delivered,
    /// Over, and not yet gone.
    Ended(Outcome),
    /// Gone.
    Purged(Outcome),
}

/// One time round.
#[derive(Clone)]
pub(super) struct Round {
    /// Why it began.
    pub(super) why: RouteWhy,
    /// When, by the world's clock.
    pub(super) began: Timestamp,
    /// The school, the letter and the event's time, once routed.
    pub(super) routed: Option<(Organisation, PayloadId, Timestamp)>,
    /// The event's time of delivery.
    pub(super) delivered: Option<Timestamp>,
    /// Whether the school asked for the letter.
    pub(super) opened: bool,
    /// What fell due.
    pub(super) reminded: Vec<(Notice, Timestamp)>,
}

impl Ledger {
    /// What is known of an incident.
    pub(super) fn case(&self, incident: IncidentId) -> Option<&Case> {
        self.cases.get(&incident)
    }

    /// A signal of an incident.
    pub(super) fn signal(&self, incident: IncidentId, number: SignalNumber) -> Option<&Signal> {
        self.case(incident)?.signals.get(number.index())
    }

    /// Every incident.
    pub(super) fn cases(&self) -> impl Iterator<Item = (IncidentId, &Case)> {
        self.cases.iter().map(|(incident, case)| (*incident, case))
    }

    /// Whether the storage ever lied about an incident.
    pub(super) fn lied(&self, incident: IncidentId) -> bool {
        self.case(incident).is_some_and(|case| case.lied)
    }

    /// Takes in whatever an entry says of a log.
    pub(super) fn see(&mut self, entry: &Entry) {
        match &entry.what {
            Happened::Durable { incident, events, .. } => {
                for event in events {
                    let _ = self.write(*incident, event, entry.at);
                }
            }
            Happened::Forgotten { incident } => {
                self.cases.entry(*incident).or_default().forgotten = Some(entry.at);
            }
            Happened::StorageLied { incidents } => {
                for incident in incidents {
                    self.cases.entry(*incident).or_default().lied = true;
                }
            }
            Happened::Left { incident, events } => {
                let mut log = std::mem::take(&mut self.cases.entry(*incident).or_default().log);
                log.truncate(*events);
                let mut case = Case { lied: true, ..Case::default() };
                for (now, event) in log {
                    let _ = case.write(&event, now);
                }
                self.cases.insert(*incident, case);
            }
            _ => {}
        }
    }

    /// One more durable event. It is taken in whatever it says; an error says why it has no place here.
    pub(super) fn write(
        &mut self,
        incident: IncidentId,
        event: &Event,
        now: Timestamp,
    ) -> Result<(), &'static str> {
        self.cases.entry(incident).or_default().write(event, now)
    }
}

impl Case {
    /// Whether its children are known, be it only the named ones.
    pub(super) const fn is_expanded(&self) -> bool {
        self.looked_up.is_some()
    }

    /// Whether all of its children are known.
    pub(super) fn is_complete(&self) -> bool {
        self.looked_up == Some(true)
    }

    /// Whether nothing is left of it but its log.
    pub(super) fn is_purged(&self) -> bool {
        let closed = self.qualifies == Some(false) || self.report_expired;
        self.incident_purged
            || (self.is_expanded()
                && (self.is_complete() || closed)
                && self.signals.iter().all(Signal::is_purged))
    }

    /// Whether it ended as a whole before its children were known.
    pub(super) fn ended_unexpanded(&self) -> bool {
        !self.is_expanded() && (self.qualifies == Some(false) || self.report_expired)
    }

    /// The ciphertexts that its events point to and that are not said to be gone; none once it has its tombstone.
    pub(super) fn pointed_to(&self) -> impl Iterator<Item = PayloadId> {
        let report = self.recorded.iter().map(|recorded| recorded.report);
        let all = report.chain(self.signals.iter().flat_map(Signal::payloads));
        all.filter(|payload| self.forgotten.is_none() && !self.erased.contains(payload))
    }

    /// Whether somebody may still need that ciphertext.
    pub(super) fn needs(&self, payload: PayloadId) -> bool {
        let unread = !self.is_complete() && !self.report_expired && self.qualifies != Some(false);
        self.recorded.as_ref().is_some_and(|recorded| recorded.report == payload && unread)
            || self.signals.iter().any(|signal| signal.needs(payload))
    }

    fn write(&mut self, event: &Event, now: Timestamp) -> Result<(), &'static str> {
        self.log.push((now, event.clone()));
        let late = self.incident_purged || self.forgotten.is_some();
        let placed = match event.fact.number() {
            Some(number) => match self.signals.get_mut(number.index()) {
                Some(signal) => signal.write(event, now),
                None => Err("of a child that was never found"),
            },
            None => self.write_whole(event, now),
        };
        if late { Err("after the end of the incident") } else { placed }
    }

    fn write_whole(&mut self, event: &Event, now: Timestamp) -> Result<(), &'static str> {
        let recorded = self.recorded.is_some();
        if !matches!(event.fact, Fact::Erased { .. }) {
            self.since = event.at;
        }
        let fits = match &event.fact {
            Fact::Recorded { veilig_thuis, report, .. } => {
                let veilig_thuis = veilig_thuis.clone();
                self.recorded = Some(Recorded { veilig_thuis, report: *report, at: event.at });
                !recorded
            }
            Fact::Screened => recorded && self.qualifies.replace(true).is_none() && !self.report_expired,
            Fact::NotDomesticViolence { .. } => {
                recorded && self.qualifies.replace(false).is_none() && !self.report_expired
            }
            Fact::Expanded { found, complete, .. } => {
                let fits = self.qualifies == Some(true) && !self.is_expanded() && !self.report_expired;
                self.looked_up = Some(*complete);
                self.signals = found.iter().map(|found| Signal::of(found, event.at, now)).collect();
                fits
            }
            Fact::Joined { found } => {
                let fits = self.looked_up == Some(false) && !self.report_expired;
                self.looked_up = Some(true);
                self.signals.extend(found.iter().map(|found| Signal::of(found, event.at, now)));
                fits
            }
            Fact::ReportExpired => {
                let done = self.is_complete() || self.qualifies == Some(false);
                recorded && !done && !std::mem::replace(&mut self.report_expired, true)
            }
            Fact::IncidentPurged => {
                let closed = self.ended_unexpanded() || self.is_purged();
                self.incident_purged = true;
                closed
            }
            Fact::Erased { payload } => {
                self.erased.insert(*payload);
                recorded
            }
            _ => recorded,
        };
        if fits { Ok(()) } else { Err("out of its order") }
    }
}

impl Signal {
    fn of(found: &Found, at: Timestamp, now: Timestamp) -> Self {
        let (referred, place) = match found {
            Found::Referred { municipality, referral } => {
                (Some((municipality.clone(), *referral)), Place::Referred)
            }
            Found::ScreenedOut { reason } => (None, Place::Ended(Outcome::ScreenedOut(*reason))),
            Found::NotParticipating => {
                (None, Place::Ended(Outcome::Withheld(Withheld::MunicipalityNotParticipating)))
            }
        };
        let rounds = if referred.is_some() { vec![Round::new(RouteWhy::New, now)] } else { Vec::new() };
        let (since, moved) = (at, now);
        Self { referred, place, since, moved, rounds, breaches: 0, breaches_recorded: 0 }
    }

    /// The time round that it is in, from 1; 0 for one that never goes anywhere.
    pub(super) fn round(&self) -> usize {
        self.rounds.len()
    }

    /// Whether nothing is left of it.
    pub(super) const fn is_purged(&self) -> bool {
        matches!(self.place, Place::Purged(_))
    }

    /// Whether it is over.
    pub(super) const fn is_over(&self) -> bool {
        matches!(self.place, Place::Ended(_) | Place::Purged(_))
    }

    /// The school it is routed to in this round.
    pub(super) fn school(&self) -> Option<&Organisation> {
        self.rounds.last()?.routed.as_ref().map(|(school, ..)| school)
    }

    /// Every ciphertext that was ever its own.
    pub(super) fn payloads(&self) -> impl Iterator<Item = PayloadId> {
        let letters = self.rounds.iter().filter_map(|round| round.routed.as_ref());
        self.referred.iter().map(|(_, referral)| *referral).chain(letters.map(|(_, letter, _)| *letter))
    }

    fn needs(&self, payload: PayloadId) -> bool {
        let letter = self.rounds.last().and_then(|round| round.routed.as_ref()).map(|(_, letter, _)| *letter);
        let referral = self.referred.as_ref().map(|(_, referral)| *referral);
        !self.is_over() && (referral == Some(payload) || letter == Some(payload))
    }

    /// The time round of a number as tasks give it.
    pub(super) fn in_round(&self, round: u16) -> Option<&Round> {
        self.rounds.get(usize::from(round).checked_sub(1)?)
    }

    fn go(&mut self, place: Place, event: &Event, now: Timestamp) {
        (self.place, self.since, self.moved) = (place, event.at, now);
    }

    fn write(&mut self, event: &Event, now: Timestamp) -> Result<(), &'static str> {
        let was = self.place.clone();
        let opened = self.rounds.last().is_some_and(|round| round.opened);
        let fits = match &event.fact {
            Fact::Routed { school, letter, .. } => {
                if let Some(round) = self.rounds.last_mut() {
                    round.routed = Some((school.clone(), *letter, event.at));
                }
                self.go(Place::Routed, event, now);
                was == Place::Referred
            }
            Fact::Withheld { reason, .. } => {
                self.go(Place::Ended(Outcome::Withheld(*reason)), event, now);
                matches!(was, Place::Referred | Place::Routed)
            }
            Fact::LookUpAgain { .. } => {
                self.rounds.push(Round::new(RouteWhy::LookUpAgain, now));
                self.go(Place::Referred, event, now);
                was == Place::Routed
            }
            Fact::Delivered { .. } => {
                if let Some(round) = self.rounds.last_mut() {
                    round.delivered = Some(event.at);
                }
                self.go(Place::Delivered, event, now);
                was == Place::Routed
            }
            Fact::Opened { .. } => {
                if let Some(round) = self.rounds.last_mut() {
                    round.opened = true;
                }
                was == Place::Delivered
            }
            Fact::Reminded { notice, due, .. } => {
                if let Some(round) = self.rounds.last_mut() {
                    round.reminded.push((*notice, *due));
                }
                was == Place::Delivered
            }
            Fact::Acknowledged { .. } => {
                self.go(Place::Ended(Outcome::Acknowledged), event, now);
                was == Place::Delivered && opened
            }
            Fact::Returned { .. } => {
                self.rounds.push(Round::new(RouteWhy::Returned, now));
                self.breaches += 1;
                self.go(Place::Referred, event, now);
                was == Place::Delivered && opened
            }
            Fact::Recalled { reason, .. } => {
                self.breaches += 1;
                self.go(Place::Ended(Outcome::Recalled(*reason)), event, now);
                !matches!(was, Place::Purged(_) | Place::Ended(Outcome::Recalled(_)))
            }
            Fact::Expired { reason, .. } => {
                self.go(Place::Ended(Outcome::Expired(*reason)), event, now);
                matches!(was, Place::Referred | Place::Routed | Place::Delivered)
            }
            Fact::BreachRecorded { .. } => {
                self.breaches_recorded += 1;
                !self.is_purged() && self.breaches_recorded <= self.breaches
            }
            Fact::Purged { .. } => {
                if let Place::Ended(outcome) = was {
                    self.go(Place::Purged(outcome), event, now);
                    true
                } else {
                    false
                }
            }
            _ => false,
        };
        if fits { Ok(()) } else { Err("out of its order") }
    }
}

impl Round {
    const fn new(why: RouteWhy, began: Timestamp) -> Self {
        Self { why, began, routed: None, delivered: None, opened: false, reminded: Vec::new() }
    }
}
