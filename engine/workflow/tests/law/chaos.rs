//! Anybody says anything at any moment, and what must hold whatever they say.

use std::collections::{BTreeMap, BTreeSet};

use hwc_schemas::{
    Organisation, PayloadId, SignalNumber,
    outcome::{Outcome, Recalled, ScreenedOut, Withheld},
    wire::{Command, Expansion, Fetch, Finding, Screening},
};
use hwc_workflow::{
    Act, Done, Duty, Event, Fact, Found, Incident,
    calendar::Calendar,
    due, evolve,
    state::{Signal, SignalState},
};

use crate::{
    fixture::{calendar_of, plus},
    ops::{Op, Start, Who},
    situations::replay,
    world::{
        CALENDAR, INTERVAL, Life, colleague, everybody, incident_id, later, municipality, number,
        other_school, police, school, signal, veilig_thuis,
    },
};

/// A life, and what an onlooker knows of it from its events alone.
pub(crate) struct Chaos {
    pub(crate) life: Life,
    pointed_to: BTreeSet<PayloadId>,
    erased: BTreeSet<PayloadId>,
    addressed: BTreeMap<SignalNumber, Organisation>,
    screened: bool,
    /// The state that the events lead to, one by one.
    state: Incident,
    outcomes: Vec<Option<Outcome>>,
}

impl Chaos {
    pub(crate) fn of(start: &Start) -> Self {
        let life = start.life();
        let (pointed_to, erased, addressed) = (BTreeSet::new(), BTreeSet::new(), BTreeMap::new());
        Self {
            life,
            pointed_to,
            erased,
            addressed,
            screened: false,
            state: Incident::Unknown,
            outcomes: Vec::new(),
        }
    }

    /// Does it, and checks what must hold.
    pub(crate) fn go(&mut self, op: &Op) {
        match op {
            Op::Say { who, what, place, round, choice } => {
                let (right, command) = self.command(*what, *place, *round, *choice);
                self.say(&whoever(*who, right), &command);
            }
            Op::Ask { who, what, place, round } => {
                let (right, fetch) = self.fetch(*what, *place, *round);
                self.ask(&whoever(*who, right), &fetch);
            }
            Op::Discharge(which) => {
                let owed: Vec<Done> = self.life.duties().iter().filter_map(Done::of).collect();
                if let Some(done) = owed.get(usize::from(*which) % owed.len().max(1)) {
                    self.act(Act::Done(*done), None);
                }
            }
            Op::DischargeAnything(which) => {
                let known: Vec<_> = self.pointed_to.iter().copied().collect();
                if let Some(payload) = known.get(usize::from(*which) % known.len().max(1)) {
                    self.act(Act::Done(Done::Erased(*payload)), None);
                }
            }
            Op::Wait(seconds) => self.life.now = later(self.life.now, *seconds),
            Op::JumpToDeadline => {
                self.life.now = self.life.deadline().unwrap_or(self.life.now).max(self.life.now);
            }
            Op::Look => self.look(),
            Op::Calendar(which) => self.life.world.calendar = self.calendar(*which),
        }
    }

    fn calendar(&self, which: u8) -> Calendar {
        let today = self.life.world.calendar.local(self.life.now).date();
        match which % 3 {
            0 => CALENDAR.clone(),
            1 => calendar_of(b"[]"),
            _ => CALENDAR.clone().with_closed_days((0..i32::from(which % 7)).map(|days| plus(today, days))),
        }
    }

    fn signals(&self) -> &[Signal] {
        if let Incident::Expanded(expanded) = &self.life.incident { &expanded.signals } else { &[] }
    }

    /// A signal's place and round, its municipality and its school.
    fn one(&self, place: u8, round: i8) -> (usize, u16, Organisation, Organisation) {
        let place = usize::from(place) % self.signals().len().max(1);
        let (now, municipality, school) = match self.signals().get(place).map(|signal| &signal.state) {
            Some(SignalState::Referred(r)) => (r.round, r.municipality.clone(), school()),
            Some(SignalState::Routed(r)) => (r.round, r.municipality.clone(), r.addressed.school().clone()),
            Some(SignalState::Delivered(d)) => {
                (d.routed.round, d.routed.municipality.clone(), d.routed.addressed.school().clone())
            }
            Some(SignalState::Acknowledged(a)) => (1, a.municipality.clone(), a.addressed.school().clone()),
            _ => (1, municipality(), school()),
        };
        (place, now.saturating_add_signed(round.into()), municipality, school)
    }

    fn command(&mut self, what: u8, place: u8, round: i8, choice: u8) -> (Organisation, Command<PayloadId>) {
        let (place, round, municipality, school) = self.one(place, round);
        let signal = signal(place);
        match what {
            0 => {
                let report = self.life.new_payload();
                (police(), Command::Record { incident: incident_id(), day: self.life.today(), report })
            }
            1 => {
                let dv = !choice.is_multiple_of(8);
                let screening =
                    if dv { Screening::Qualifies } else { Screening::NotDomesticViolence { children: 2 } };
                (veilig_thuis(), Command::Screen { incident: incident_id(), screening })
            }
            2 => {
                let findings =
                    (0..choice % 4).map(|child| self.finding(choice.rotate_left(child.into()))).collect();
                let expansion = Expansion {
                    first: self.first(choice),
                    findings,
                    complete: !choice.is_multiple_of(5),
                    interval: INTERVAL,
                };
                (veilig_thuis(), Command::Expand { incident: incident_id(), expansion })
            }
            3 => {
                let schools =
                    [crate::world::school(), other_school(), colleague(&school), municipality.clone()];
                let to = schools[usize::from(choice) % 16 % 4].clone();
                let letter = self.life.new_payload();
                (municipality, Command::Route { signal, round, school: to, letter })
            }
            4 => {
                let reason = Withheld::ALL[usize::from(choice) % Withheld::ALL.len()];
                (municipality, Command::Withhold { signal, round, reason })
            }
            5 => (school, Command::Acknowledge { signal, round }),
            6 => (school, Command::Return { signal, round }),
            _ => {
                let caller = if choice.is_multiple_of(2) { municipality } else { veilig_thuis() };
                (caller, Command::Recall { signal, reason: Recalled::ALL[usize::from(choice) % 2] })
            }
        }
    }

    /// Mostly as many as are known.
    fn first(&self, choice: u8) -> u16 {
        let known = u16::try_from(self.signals().len()).unwrap();
        if choice.is_multiple_of(7) { u16::from(choice % 3) } else { known }
    }

    fn finding(&mut self, choice: u8) -> Finding<PayloadId> {
        match choice % 6 {
            0 => Finding::NotParticipating,
            1 => Finding::ScreenedOut {
                reason: ScreenedOut::ALL[usize::from(choice) % ScreenedOut::ALL.len()],
            },
            _ => self.life.referral(),
        }
    }

    fn fetch(&self, what: u8, place: u8, round: i8) -> (Organisation, Fetch) {
        let (place, round, municipality, school) = self.one(place, round);
        match what {
            0 => (veilig_thuis(), Fetch::Report { incident: incident_id() }),
            1 => (municipality, Fetch::Referral { signal: signal(place), round }),
            _ => (school, Fetch::Letter { signal: signal(place), round }),
        }
    }

    pub(crate) fn say(&mut self, from: &Organisation, command: &Command<PayloadId>) {
        let act = Act::Command { from, command, trace: None };
        if self.act(act, Some(from)) {
            let again = hwc_workflow::decide(&self.life.incident, act, &self.life.world.at(self.life.now));
            // An acceptance that ended everything at once is gone; any other is known again.
            if !matches!(self.life.incident, Incident::Purged) {
                assert_eq!(again, Ok(Vec::new()), "again: {command:?}");
            }
        }
    }

    pub(crate) fn ask(&mut self, from: &Organisation, fetch: &Fetch) {
        if let Ok(due) = due(&self.life.incident, from, fetch) {
            assert!(self.pointed_to.contains(&due.payload) && !self.erased.contains(&due.payload));
        }
        self.act(Act::Fetch { from, fetch }, Some(from));
    }

    /// Between now and the next deadline time asks for nothing.
    pub(crate) fn check_deadline(&self) {
        let next = self.life.deadline().unwrap_or(later(self.life.now, 100 * 24 * 3600));
        for before in
            [later(next, -1), later(self.life.now, (next.as_second() - self.life.now.as_second()) / 2)]
        {
            if before > self.life.now && before < next {
                let context = self.life.world.at(before);
                let events = hwc_workflow::decide(&self.life.incident, Act::Look, &context);
                assert_eq!(events, Ok(Vec::new()), "due at {before}, before the deadline");
            }
        }
    }

    pub(crate) fn look(&mut self) {
        self.act(Act::Look, None);
        let next = self.life.deadline();
        assert!(next.is_none_or(|next| next > self.life.now), "the next deadline is now again");
    }

    /// Whether anything happened.
    fn act(&mut self, act: Act<'_>, from: Option<&Organisation>) -> bool {
        let Ok(events) = self.life.act(act) else { return false };
        for event in &events {
            self.note(event, from);
        }
        if !events.is_empty() {
            assert_eq!(self.life.act(Act::Look), Ok(Vec::new()), "what time asked for was left undone");
        }
        self.check();
        !events.is_empty()
    }

    fn note(&mut self, event: &Event, from: Option<&Organisation>) {
        self.state = evolve(std::mem::take(&mut self.state), event).unwrap();
        self.check_outcomes();
        match &event.fact {
            Fact::Recorded { report, .. } => assert!(self.pointed_to.insert(*report)),
            Fact::Screened => self.screened = true,
            Fact::Expanded { found, .. } | Fact::Joined { found } => {
                assert!(self.screened);
                for child in found {
                    if let Found::Referred { referral, .. } = child {
                        assert!(self.pointed_to.insert(*referral));
                    }
                }
            }
            Fact::Routed { number, school, letter } => {
                assert!(self.screened && self.life.world.table.schools.contains(school));
                assert_eq!(from, Some(&municipality()), "only its municipality routes");
                assert!(self.pointed_to.insert(*letter));
                assert_eq!(self.addressed.insert(*number, school.clone()), None);
            }
            Fact::Delivered { number } => assert!(self.addressed.contains_key(number)),
            Fact::LookUpAgain { number } => assert!(self.addressed.remove(number).is_some()),
            Fact::Opened { number } | Fact::Acknowledged { number } => {
                assert_eq!(self.addressed.get(number), from, "only its school opens and acknowledges");
            }
            Fact::Returned { number } => assert_eq!(self.addressed.remove(number).as_ref(), from),
            Fact::Erased { payload } => assert!(self.erased.insert(*payload), "erased twice"),
            _ => {}
        }
    }

    /// What must hold at every moment.
    fn check(&mut self) {
        assert_eq!(self.state, self.life.incident);
        let held = self.life.incident.payloads();
        let distinct: BTreeSet<_> = held.iter().copied().collect();
        assert_eq!(held.len(), distinct.len(), "a ciphertext is held twice");
        let left: BTreeSet<_> = self.pointed_to.difference(&self.erased).copied().collect();
        assert_eq!(distinct, left, "held is what was pointed to and not erased, no more and no less");
        for (place, signal) in self.signals().iter().enumerate() {
            if let SignalState::Delivered(delivered) = &signal.state {
                assert_eq!(self.addressed.get(&number(place)), Some(delivered.routed.addressed.school()));
            }
        }
        let duties = self.life.duties();
        let different: BTreeSet<&Duty> = duties.iter().collect();
        assert_eq!(duties.len(), different.len(), "a duty is owed twice");
    }

    /// An outcome stays, but for one that is recalled after it.
    fn check_outcomes(&mut self) {
        let Incident::Expanded(expanded) = &self.state else { return };
        let now: Vec<_> = expanded.signals.iter().map(Signal::outcome).collect();
        for (before, now) in self.outcomes.iter().zip(&now) {
            let recalled = matches!(
                (before, now),
                (Some(Outcome::Acknowledged | Outcome::Expired(_)), Some(Outcome::Recalled(_)))
            );
            assert!(before.is_none() || before == now || recalled, "{before:?} became {now:?}");
        }
        assert!(self.outcomes.len() <= now.len(), "a signal was lost");
        self.outcomes = now;
    }

    /// Nothing is left, and everything that ever was has been erased.
    pub(crate) fn check_ended(&self) {
        assert_eq!(self.life.incident, Incident::Purged);
        assert_eq!(self.pointed_to, self.erased);
        assert!(self.outcomes.iter().all(Option::is_some), "a signal without an outcome");
        assert_eq!(self.life.duties(), [Duty::Forget]);
        assert_eq!(self.life.deadline(), None);
    }

    pub(crate) fn check_replay(&self) {
        assert_eq!(replay(&self.life.events), self.life.incident);
    }
}

fn whoever(who: Who, right: Organisation) -> Organisation {
    match who {
        Who::Right => right,
        Who::Anybody(which) => {
            let all = everybody();
            all[usize::from(which) % all.len()].clone()
        }
    }
}
