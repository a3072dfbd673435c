//! A small region, and one incident in it that a test can live through.

use std::sync::LazyLock;

use hwc_schemas::{
    IncidentId, Organisation, PayloadId, SignalId, SignalNumber,
    outcome::{Outcome, Recalled, ScreenedOut, Withheld},
    wire::{Answer, Command, Expansion, Fetch, Finding, Interval, Refusal, Screening},
};
use hwc_workflow::{
    Act, Chain, Context, Done, Duty, Event, Fact, Incident, Table, calendar::Calendar, deadline, decide, due,
    duties, evolve, policy::Policy, state::SignalState,
};
use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};

pub(crate) use crate::fixture::school;
use crate::fixture::{FEED, at, calendar_of};

pub(crate) fn organisation(name: &str) -> Organisation {
    name.parse().unwrap()
}

pub(crate) fn police() -> Organisation {
    organisation("police-20")
}

pub(crate) fn veilig_thuis() -> Organisation {
    organisation("veilig-thuis-20")
}

pub(crate) fn municipality() -> Organisation {
    organisation("municipality-0855")
}

pub(crate) fn other_school() -> Organisation {
    organisation("school-02BB00")
}

/// Somebody else with the same role, who takes part too.
pub(crate) fn colleague(one: &Organisation) -> Organisation {
    let code = match one.role() {
        hwc_schemas::Role::Police | hwc_schemas::Role::VeiligThuis => "30",
        hwc_schemas::Role::Municipality => "0867",
        hwc_schemas::Role::School => "03CC00",
    };
    Organisation::new(one.role(), code).unwrap()
}

pub(crate) fn everybody() -> Vec<Organisation> {
    let all = [police(), veilig_thuis(), municipality(), school(), other_school()];
    let others = all[..4].iter().map(colleague).collect::<Vec<_>>();
    all.into_iter().chain(others).collect()
}

pub(crate) fn incident_id() -> IncidentId {
    "00000000000000000000000000000007".parse().unwrap()
}

pub(crate) fn number(place: usize) -> SignalNumber {
    SignalNumber::at(place).unwrap()
}

pub(crate) fn signal(place: usize) -> SignalId {
    SignalId { incident: incident_id(), number: number(place) }
}

pub(crate) fn payload(n: u64) -> PayloadId {
    format!("{n:032x}").parse().unwrap()
}

/// The calendar of the fixture.
pub(crate) static CALENDAR: LazyLock<Calendar> = LazyLock::new(|| calendar_of(FEED));

pub(crate) const INTERVAL: Interval = Interval { seconds: 3600, date_only: false };

/// What the law looks at.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) policy: Policy,
    pub(crate) calendar: Calendar,
    pub(crate) table: Table,
}

impl World {
    pub(crate) fn new() -> Self {
        let chain = |police: Organisation, veilig_thuis: Organisation, municipality: Organisation| Chain {
            police,
            veilig_thuis,
            municipalities: [municipality].into(),
        };
        let here = chain(police(), veilig_thuis(), municipality());
        let there = chain(colleague(&police()), colleague(&veilig_thuis()), colleague(&municipality()));
        let schools = [school(), other_school(), colleague(&school())].into();
        let table = Table { chains: vec![here, there], schools };
        Self { policy: Policy::default(), calendar: CALENDAR.clone(), table }
    }

    pub(crate) fn at(&self, now: Timestamp) -> Context<'_> {
        Context { now, policy: &self.policy, calendar: &self.calendar, table: &self.table }
    }
}

/// One incident as it is lived through: a clock, a state, and every event that led to it.
#[derive(Clone)]
pub(crate) struct Life {
    pub(crate) world: World,
    pub(crate) now: Timestamp,
    pub(crate) incident: Incident,
    pub(crate) events: Vec<Event>,
    payloads: u64,
}

impl Life {
    /// Nothing has happened, on a wall clock that says this.
    pub(crate) fn starting(local: &str) -> Self {
        Self::of(World::new(), at(local))
    }

    pub(crate) fn of(world: World, now: Timestamp) -> Self {
        Self { world, now, incident: Incident::Unknown, events: Vec::new(), payloads: 0 }
    }

    /// The day of a report that is made now.
    pub(crate) fn today(&self) -> Date {
        TimeZone::UTC.to_datetime(self.now).date()
    }

    pub(crate) fn new_payload(&mut self) -> PayloadId {
        self.payloads += 1;
        payload(self.payloads)
    }

    /// Decides and, if it may happen, lets it happen.
    pub(crate) fn act(&mut self, act: Act<'_>) -> Result<Vec<Event>, Refusal> {
        let events = decide(&self.incident, act, &self.world.at(self.now))?;
        for event in &events {
            self.incident = evolve(self.incident.clone(), event).unwrap();
        }
        self.events.extend(events.iter().cloned());
        Ok(events)
    }

    pub(crate) fn command(&mut self, from: &Organisation, command: &Command<PayloadId>) -> Answer {
        match self.act(Act::Command { from, command, trace: None }) {
            Ok(events) if events.is_empty() => Answer::AlreadyRecorded,
            Ok(_) => Answer::Recorded,
            Err(refusal) => Answer::Refused { refusal },
        }
    }

    /// Asks for a payload as the driver does: first the event, then what is due.
    pub(crate) fn fetch(&mut self, from: &Organisation, fetch: &Fetch) -> Result<PayloadId, Refusal> {
        self.act(Act::Fetch { from, fetch })?;
        due(&self.incident, from, fetch).map(|due| due.payload)
    }

    pub(crate) fn look(&mut self) -> Vec<Event> {
        let events = self.act(Act::Look).unwrap();
        assert!(self.deadline().is_none_or(|next| next > self.now), "the next deadline is now again");
        events
    }

    pub(crate) fn deadline(&self) -> Option<Timestamp> {
        deadline(&self.incident, &self.world.at(self.now))
    }

    pub(crate) fn duties(&self) -> Vec<Duty> {
        duties(incident_id(), &self.incident)
    }

    /// Lets time pass, from deadline to deadline.
    pub(crate) fn until(&mut self, local: &str) {
        let end = at(local);
        self.look();
        while let Some(next) = self.deadline().filter(|next| *next <= end) {
            self.now = next;
            self.look();
        }
        self.now = end;
        self.look();
    }

    /// Erases and records whatever is owed. Offers are for the organisations.
    pub(crate) fn perform(&mut self) {
        loop {
            let done: Vec<_> = self.duties().iter().filter_map(Done::of).collect();
            if done.is_empty() {
                return;
            }
            for one in done {
                self.act(Act::Done(one)).unwrap();
            }
        }
    }

    // What the organisations say, about the first child where it is about one.

    pub(crate) fn record(&mut self) -> Answer {
        let report = self.new_payload();
        let day = self.today();
        self.command(&police(), &Command::Record { incident: incident_id(), day, report })
    }

    pub(crate) fn screen(&mut self) -> Answer {
        let screening = Screening::Qualifies;
        self.command(&veilig_thuis(), &Command::Screen { incident: incident_id(), screening })
    }

    /// So many children are referred to the municipality.
    pub(crate) fn expand(&mut self, children: usize, complete: bool) -> Answer {
        let findings = (0..children).map(|_| self.referral()).collect();
        let first = match &self.incident {
            Incident::Expanded(expanded) => u16::try_from(expanded.signals.len()).unwrap(),
            _ => 0,
        };
        let expansion = Expansion { first, findings, complete, interval: INTERVAL };
        self.command(&veilig_thuis(), &Command::Expand { incident: incident_id(), expansion })
    }

    pub(crate) fn referral(&mut self) -> Finding<PayloadId> {
        Finding::Refer { municipality: municipality(), referral: self.new_payload() }
    }

    pub(crate) fn route(&mut self, to: &Organisation) -> Answer {
        let (letter, round) = (self.new_payload(), self.round());
        let route = Command::Route { signal: signal(0), round, school: to.clone(), letter };
        self.command(&municipality(), &route)
    }

    pub(crate) fn withhold(&mut self, reason: Withheld) -> Answer {
        let withhold = Command::Withhold { signal: signal(0), round: self.round(), reason };
        self.command(&municipality(), &withhold)
    }

    pub(crate) fn open(&mut self) -> Result<PayloadId, Refusal> {
        let fetch = Fetch::Letter { signal: signal(0), round: self.round() };
        self.fetch(&school(), &fetch)
    }

    pub(crate) fn acknowledge(&mut self) -> Answer {
        self.command(&school(), &Command::Acknowledge { signal: signal(0), round: self.round() })
    }

    pub(crate) fn give_back(&mut self) -> Answer {
        self.command(&school(), &Command::Return { signal: signal(0), round: self.round() })
    }

    pub(crate) fn recall(&mut self, from: &Organisation) -> Answer {
        self.command(from, &Command::Recall { signal: signal(0), reason: Recalled::WrongSchool })
    }

    /// From the report to the first of so many children being with its municipality.
    pub(crate) fn referred(local: &str, children: usize) -> Self {
        let mut life = Self::starting(local);
        assert_eq!(life.record(), Answer::Recorded);
        assert_eq!(life.screen(), Answer::Recorded);
        assert_eq!(life.expand(children, true), Answer::Recorded);
        life
    }

    /// The round of the first child.
    pub(crate) fn round(&self) -> u16 {
        let Incident::Expanded(expanded) = &self.incident else { return 1 };
        match expanded.signals.first().map(|signal| &signal.state) {
            Some(SignalState::Referred(referred)) => referred.round,
            Some(SignalState::Routed(routed)) => routed.round,
            Some(SignalState::Delivered(delivered)) => delivered.routed.round,
            _ => 1,
        }
    }

    /// The first child's state.
    pub(crate) fn state(&self) -> &SignalState {
        let Incident::Expanded(expanded) = &self.incident else { panic!("no signals: {:?}", self.incident) };
        &expanded.signals[0].state
    }

    pub(crate) fn outcome(&self) -> Option<Outcome> {
        self.incident_outcomes().into_iter().next().flatten()
    }

    pub(crate) fn incident_outcomes(&self) -> Vec<Option<Outcome>> {
        let Incident::Expanded(expanded) = &self.incident else { return Vec::new() };
        expanded.signals.iter().map(hwc_workflow::state::Signal::outcome).collect()
    }

    /// The facts since so many events ago, with the wall clock's time.
    pub(crate) fn told_since(&self, seen: usize) -> Vec<(String, &Fact)> {
        let told = |event: &Event| self.world.calendar.local(event.at).strftime("%F %R").to_string();
        self.events[seen..].iter().map(|event| (told(event), &event.fact)).collect()
    }
}

pub(crate) const NOT_OF_AGE: Finding<PayloadId> = Finding::ScreenedOut { reason: ScreenedOut::NotOfAge };

/// So many seconds later.
pub(crate) fn later(at: Timestamp, seconds: i64) -> Timestamp {
    at.checked_add(seconds.seconds()).unwrap()
}
