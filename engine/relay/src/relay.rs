//! Many incidents at once: who gets the input, when to wake, what is still going on.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    hash::{Hash, Hasher},
    sync::Arc,
};

use hwc_journal::Location;
use hwc_schemas::{IncidentId, PayloadId, TraceId};
use hwc_workflow::{
    Context, Holding, Incident, Table,
    calendar::{Calendar, Day},
    policy::Policy,
};
use jiff::{
    Timestamp,
    civil::{DateTime, Time},
};

use crate::{
    census::Census,
    desk::Desk,
    io::{Input, Limits, Output},
    work::{Ask, Request},
};

/// What the law looks at besides the state and the moment. It may be replaced while signals are in flight.
#[derive(Clone)]
pub struct Rules {
    /// Times and limits.
    pub policy: Policy,
    /// School days.
    pub calendar: Calendar,
    /// Who takes part.
    pub table: Table,
}

impl Rules {
    /// The law's context at this moment.
    pub fn at(&self, now: Timestamp) -> Context<'_> {
        Context { now, policy: &self.policy, calendar: &self.calendar, table: &self.table }
    }
}

/// The driver.
///
/// A copy goes on as the original would have. Two with one hash, the same rules and nothing left to poll answer every input
/// alike, but for what they say to whoever watches: a model check knows by it where it has been.
#[derive(Clone)]
pub struct Relay {
    rules: Arc<Rules>,
    limits: Limits,
    desks: BTreeMap<IncidentId, Desk>,
    alarms: BTreeSet<(Timestamp, IncidentId)>,
    busy: BTreeSet<IncidentId>,
    outputs: VecDeque<Output>,
}

impl Relay {
    /// A driver with nothing in flight. Feed it what the journal holds as [`Input::Loaded`] before anything else.
    pub fn new(rules: Rules, limits: Limits) -> Self {
        Self {
            rules: Arc::new(rules),
            limits,
            desks: BTreeMap::new(),
            alarms: BTreeSet::new(),
            busy: BTreeSet::new(),
            outputs: VecDeque::new(),
        }
    }

    /// Something arrived, or time passed.
    pub fn handle(&mut self, input: Input, now: Timestamp) {
        match input {
            Input::Submit { ticket, from, command, payloads, trace } => {
                let incident = command.incident();
                let ask = Ask::Command { command, payloads };
                self.ask(incident, Request { ticket, from, ask, trace }, now);
            }
            Input::Fetch { ticket, from, fetch } => {
                let ask = Ask::Fetch(fetch);
                self.ask(fetch.incident(), Request { ticket, from, ask, trace: None }, now);
            }
            Input::Loaded { incident, history } => {
                self.at_desk(incident, now, |desk, turn| desk.loaded(history, turn));
            }
            Input::Stored { incident, places } => {
                self.at_desk(incident, now, |desk, turn| desk.stored(places, turn));
            }
            Input::KeyUsed { incident } => self.at_desk(incident, now, Desk::key_used),
            Input::Appended { incident, outcome } => {
                self.at_desk(incident, now, |desk, turn| desk.appended(outcome, turn));
            }
            Input::Forgotten { incident, outcome } => {
                self.at_desk(incident, now, |desk, turn| desk.forgotten(outcome, turn));
            }
            Input::Performed { incident, duty, outcome } => {
                self.at_desk(incident, now, |desk, turn| desk.performed(duty, outcome, turn));
            }
            Input::OfferAgain => self.offer_again(),
            Input::Tick => self.tick(now),
            Input::TryAgain => self.try_again(now),
        }
    }

    /// What to do next, until there is nothing.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to call [`Relay::handle`] with [`Input::Tick`] if nothing else arrives.
    pub fn wake_at(&self) -> Option<Timestamp> {
        self.alarms.first().map(|(at, _)| *at)
    }

    /// What calendar and clock on the wall say at a moment, where the schools are.
    pub fn local(&self, at: Timestamp) -> DateTime {
        self.rules.calendar.local(at)
    }

    /// How much is where, and since when.
    pub fn census(&self) -> Census {
        Census::of(self.desks.values().map(Desk::trail))
    }

    /// The trace of an incident that is in memory.
    pub fn trace_of(&self, incident: IncidentId) -> Option<TraceId> {
        self.desks.get(&incident)?.trail().trace()
    }

    /// The policy that counts now.
    pub fn policy(&self) -> &Policy {
        &self.rules.policy
    }

    /// Who takes part (R15).
    pub fn table(&self) -> &Table {
        &self.rules.table
    }

    /// When lessons begin (R17).
    pub fn school_start(&self) -> Time {
        self.rules.policy.school_start()
    }

    /// When the lessons of the region's next school day begin, today included as long as they have not begun; none when no
    /// listed school year says so (R17, R19).
    pub fn next_school_start(&self, now: Timestamp) -> Option<Timestamp> {
        let calendar = &self.rules.calendar;
        let days = std::iter::successors(Some(self.local(now).date()), |day| day.tomorrow().ok());
        days.take_while(|day| calendar.day_of_the_region(*day) != Day::Unlisted)
            .filter(|day| calendar.day_of_the_region(*day) == Day::School)
            .map(|day| calendar.instant(day, self.school_start()))
            .find(|start| *start > now)
    }

    /// Whether nothing is under way: no request unanswered, no append open, no duty unperformed.
    pub fn is_idle(&self) -> bool {
        self.outputs.is_empty() && self.busy.is_empty()
    }

    /// The incidents in memory, with their states.
    pub fn incidents(&self) -> impl Iterator<Item = (IncidentId, &Incident)> {
        self.desks.iter().map(|(id, desk)| (*id, desk.incident()))
    }

    /// One incident, if anything is known of it.
    pub fn incident(&self, id: IncidentId) -> Option<&Incident> {
        self.desks.get(&id).map(Desk::incident)
    }

    /// What is held, sealed to whom, and when it goes at the latest (R28, R23). What is being erased is not among it; nor is
    /// what lies in a log that cannot be read.
    pub fn holdings(&self) -> impl Iterator<Item = (IncidentId, Holding, Timestamp)> {
        self.desks.iter().flat_map(|(id, desk)| {
            let until = desk.incident().ceiling(&self.rules.policy).unwrap_or(Timestamp::MAX);
            desk.incident().holdings().into_iter().map(move |holding| (*id, holding, until))
        })
    }

    /// Every ciphertext that a log points to, and where it lies; of an incident that was alarmed everything that its log names.
    /// `None` while the log of some incident cannot be read.
    pub fn places(&self) -> Option<Vec<(PayloadId, Location)>> {
        self.desks.values().try_fold(Vec::new(), |mut all, desk| {
            all.extend(desk.places()?);
            Some(all)
        })
    }

    /// The ciphertexts that are pointed to, or about to be: what a sweeper must leave alone. `None` while the log of some
    /// incident cannot be read: nobody knows what it points to, so nothing may be swept. The broker's own ceiling (R23) goes on.
    pub fn keeps(&self) -> Option<BTreeSet<PayloadId>> {
        self.desks.values().try_fold(BTreeSet::new(), |mut kept, desk| {
            kept.extend(desk.keeps()?);
            Some(kept)
        })
    }

    /// Replaces policy, calendar or table, and looks at every incident again.
    pub fn set_rules(&mut self, rules: Rules, now: Timestamp) {
        self.rules = Arc::new(rules);
        let all: Vec<_> = self.desks.keys().copied().collect();
        for incident in all {
            self.at_desk(incident, now, Desk::look);
        }
    }

    /// Somebody asks. A new desk is opened only if there is room for one.
    fn ask(&mut self, incident: IncidentId, request: Request, now: Timestamp) {
        if !self.desks.contains_key(&incident) && self.desks.len() >= self.limits.incidents_max {
            self.outputs.push_back(request.try_later());
            return;
        }
        self.at_desk(incident, now, |desk, turn| desk.accept(request, turn));
    }

    fn try_again(&mut self, now: Timestamp) {
        let busy: Vec<_> = self.busy.iter().copied().collect();
        for incident in busy {
            self.at_desk(incident, now, Desk::try_again);
        }
    }

    fn offer_again(&mut self) {
        self.outputs.extend(self.desks.values().flat_map(Desk::offers));
    }

    fn tick(&mut self, now: Timestamp) {
        let rung: Vec<_> =
            self.alarms.iter().take_while(|(at, _)| *at <= now).map(|(_, incident)| *incident).collect();
        for incident in rung {
            self.at_desk(incident, now, Desk::look);
        }
    }

    fn at_desk(&mut self, incident: IncidentId, now: Timestamp, act: impl FnOnce(&mut Desk, &mut Turn<'_>)) {
        let mut desk = self.desks.remove(&incident).unwrap_or_else(|| Desk::new(incident));
        if let Some(at) = desk.alarm() {
            self.alarms.remove(&(at, incident));
        }
        let mut turn = Turn { context: self.rules.at(now), limits: &self.limits, outputs: &mut self.outputs };
        act(&mut desk, &mut turn);
        desk.rest(&turn.context);
        if desk.is_busy() {
            self.busy.insert(incident);
        } else {
            self.busy.remove(&incident);
        }
        if desk.is_vacant() {
            return;
        }
        if let Some(at) = desk.alarm() {
            self.alarms.insert((at, incident));
        }
        self.desks.insert(incident, desk);
    }
}

impl Hash for Relay {
    fn hash<H: Hasher>(&self, into: &mut H) {
        self.desks.hash(into);
    }
}

/// What a desk may use while it is its turn.
pub(crate) struct Turn<'a> {
    pub(crate) context: Context<'a>,
    pub(crate) limits: &'a Limits,
    pub(crate) outputs: &'a mut VecDeque<Output>,
}
