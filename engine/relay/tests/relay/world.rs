//! One engine in the world: it polls the driver, carries out what it asks for, and may crash at any point.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use hwc_journal::History;
use hwc_relay::{Input, Limits, Output, Relay, Reply, Ticket, Trouble};
use hwc_schemas::{
    IncidentId, Organisation, PayloadId,
    wire::{Answer, Command, Fetch, Sealed},
};
use hwc_workflow::{Due, Incident};
use jiff::Timestamp;

use crate::{
    outside::{Outside, name},
    region::{at, payload, rules},
};

/// What becomes of one thing that is done outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weather {
    Fine,
    /// It is not done, and nobody can tell.
    Lost,
    /// It is done, and nobody can tell.
    Unheard,
}

/// An engine's own: gone when it crashes.
struct Engine {
    relay: Relay,
    inbox: VecDeque<Input>,
    asked: BTreeMap<Ticket, (Organisation, Option<Fetch>)>,
}

pub(crate) struct World {
    pub(crate) outside: Outside,
    pub(crate) relay: Relay,
    limits: Limits,
    pub(crate) now: Timestamp,
    /// Answers on their way to the driver.
    pub(crate) inbox: VecDeque<Input>,
    /// The names of all outputs so far.
    pub(crate) log: Vec<&'static str>,
    pub(crate) alarms: Vec<IncidentId>,
    /// The events that a watcher was told of.
    pub(crate) noted: Vec<hwc_workflow::Event>,
    /// The steps that it was told of.
    pub(crate) steps: Vec<hwc_workflow::Step>,
    /// Until when each batch of ciphertexts may be kept at most.
    pub(crate) ceilings: Vec<Timestamp>,
    /// Another engine that thinks it leads, too.
    rival: Option<Engine>,
    asked: BTreeMap<Ticket, (Organisation, Option<Fetch>)>,
    replies: BTreeMap<Ticket, Reply>,
    next_ticket: u64,
    next_payload: u64,
}

impl World {
    pub(crate) fn new(local: &str) -> Self {
        Self::with(local, Limits::default())
    }

    pub(crate) fn with(local: &str, limits: Limits) -> Self {
        Self {
            outside: Outside::default(),
            relay: Relay::new(rules(), limits),
            limits,
            now: at(local),
            inbox: VecDeque::new(),
            log: Vec::new(),
            alarms: Vec::new(),
            noted: Vec::new(),
            steps: Vec::new(),
            ceilings: Vec::new(),
            rival: None,
            asked: BTreeMap::new(),
            replies: BTreeMap::new(),
            next_ticket: 0,
            next_payload: 0,
        }
    }

    /// An engine that starts from what is durable.
    fn started(&self) -> Engine {
        let mut relay = Relay::new(rules(), self.limits);
        for (incident, history) in self.outside.in_flight() {
            relay.handle(Input::Loaded { incident, history: Ok(history) }, self.now);
        }
        Engine { relay, inbox: VecDeque::new(), asked: BTreeMap::new() }
    }

    /// What a sweeper must leave alone.
    pub(crate) fn kept(&self) -> BTreeSet<PayloadId> {
        self.relay.keeps().unwrap()
    }

    /// The engine is gone with everything it knew, and another one starts.
    pub(crate) fn crash(&mut self) {
        let Engine { relay, inbox, asked } = self.started();
        (self.relay, self.inbox, self.asked) = (relay, inbox, asked);
    }

    /// From here on it is the other engine that is asked and that does things; it is started if there is none.
    pub(crate) fn switch(&mut self) {
        let mut other = self.rival.take().unwrap_or_else(|| self.started());
        std::mem::swap(&mut self.relay, &mut other.relay);
        std::mem::swap(&mut self.inbox, &mut other.inbox);
        std::mem::swap(&mut self.asked, &mut other.asked);
        self.rival = Some(other);
    }

    // Asking.

    fn ticket(&mut self, from: &Organisation, fetch: Option<Fetch>) -> Ticket {
        self.next_ticket += 1;
        let ticket = Ticket(self.next_ticket);
        self.asked.insert(ticket, (from.clone(), fetch));
        ticket
    }

    pub(crate) fn submit(&mut self, from: &Organisation, command: Command<Sealed>) -> Ticket {
        let ticket = self.ticket(from, None);
        let (command, payloads) = command.detach(|| self.new_payload());
        self.relay
            .handle(Input::Submit { ticket, from: from.clone(), command, payloads, trace: None }, self.now);
        ticket
    }

    pub(crate) fn submit_without_ciphertexts(
        &mut self,
        from: &Organisation,
        command: Command<Sealed>,
    ) -> Ticket {
        let ticket = self.ticket(from, None);
        let (command, _) = command.detach(|| self.new_payload());
        let (from, payloads) = (from.clone(), Vec::new());
        self.relay.handle(Input::Submit { ticket, from, command, payloads, trace: None }, self.now);
        ticket
    }

    pub(crate) fn new_payload(&mut self) -> PayloadId {
        self.next_payload += 1;
        payload(self.next_payload)
    }

    pub(crate) fn fetch(&mut self, from: &Organisation, fetch: Fetch) -> Ticket {
        let ticket = self.ticket(from, Some(fetch));
        self.relay.handle(Input::Fetch { ticket, from: from.clone(), fetch }, self.now);
        ticket
    }

    /// The reply to a request, if it has come. It is given once.
    pub(crate) fn reply(&mut self, ticket: Ticket) -> Option<Reply> {
        self.replies.remove(&ticket)
    }

    /// Requests that nobody has answered.
    pub(crate) fn unanswered(&self) -> usize {
        self.asked.len()
    }

    /// Submits a command in fine weather, and waits for the answer.
    pub(crate) fn say(&mut self, from: &Organisation, command: Command<Sealed>) -> Answer {
        let ticket = self.submit(from, command);
        self.run();
        match self.reply(ticket) {
            Some(Reply::Command(answer)) => answer,
            other => panic!("answered with {other:?}"),
        }
    }

    pub(crate) fn get(&mut self, from: &Organisation, fetch: Fetch) -> Reply {
        let ticket = self.fetch(from, fetch);
        self.run();
        self.reply(ticket).unwrap()
    }

    // Carrying out.

    /// Everything there is to do without time passing, in fine weather.
    pub(crate) fn run(&mut self) {
        self.run_in(|_| Weather::Fine);
        if self.relay.wake_at().is_some_and(|at| at <= self.now) {
            self.relay.handle(Input::Tick, self.now);
            self.run_in(|_| Weather::Fine);
        }
        let next = self.relay.wake_at();
        assert!(
            next.is_none_or(|next| next > self.now),
            "it wants to be called again and again at one moment"
        );
    }

    pub(crate) fn run_in(&mut self, mut weather: impl FnMut(&Output) -> Weather) {
        for _ in 0..100_000 {
            if let Some(output) = self.relay.poll() {
                let weather = weather(&output);
                self.carry_out(output, weather);
            } else if !self.deliver(0) {
                return;
            }
        }
        panic!("it never comes to rest");
    }

    /// Gives the driver one of the answers that are on their way. Whether there was one.
    pub(crate) fn deliver(&mut self, which: usize) -> bool {
        let place = which % self.inbox.len().max(1);
        let Some(input) = self.inbox.remove(place) else { return false };
        self.relay.handle(input, self.now);
        true
    }

    /// Does one thing outside; the answer goes into the inbox.
    pub(crate) fn carry_out(&mut self, output: Output, weather: Weather) {
        self.log.push(name(&output));
        let (done, heard) = (weather != Weather::Lost, weather == Weather::Fine);
        let outside = &mut self.outside;
        let input = match output {
            Output::Load { incident } => {
                let history = outside.read(incident);
                Input::Loaded { incident, history: heard.then_some(history).ok_or(Trouble) }
            }
            Output::Store { incident, payloads, receivers, ceiling } => {
                assert_eq!(receivers.len(), payloads.len(), "each is for somebody");
                self.ceilings.push(ceiling);
                let ids: Vec<_> = payloads.iter().map(|(id, _)| *id).collect();
                let places = done.then(|| outside.keep(&ids));
                Input::Stored { incident, places: places.filter(|_| heard).ok_or(Trouble) }
            }
            Output::Append { incident, expected, commit } => {
                assert!(!commit.events.is_empty(), "nothing is appended");
                let outcome = done.then(|| outside.append(incident, expected, &commit));
                Input::Appended { incident, outcome: outcome.filter(|_| heard).ok_or(Trouble) }
            }
            Output::Forget { incident, expected, markers } => {
                assert_eq!(*outside.truth.of(incident), Incident::Purged);
                let outcome = done.then(|| outside.forget(incident, expected, &markers));
                Input::Forgotten { incident, outcome: outcome.filter(|_| heard).ok_or(Trouble) }
            }
            Output::Perform { incident, duty, location } => {
                if done {
                    outside.perform(incident, &duty, location);
                }
                Input::Performed { incident, duty, outcome: heard.then_some(()).ok_or(Trouble) }
            }
            Output::Discard { payload, location } => {
                if done {
                    outside.discard(payload, location);
                }
                return;
            }
            Output::Reply { ticket, reply } => return self.note_reply(ticket, reply),
            Output::Noted { events, steps, .. } => {
                self.steps.extend(steps);
                return self.noted.extend(events);
            }
            Output::Alarm { incident, .. } => return self.alarms.push(incident),
        };
        self.inbox.push_back(input);
    }

    /// Every request is answered once, and what is released is due and lies there.
    fn note_reply(&mut self, ticket: Ticket, reply: Reply) {
        let (from, fetch) = self.asked.remove(&ticket).expect("answered once, and only who asked");
        match (&reply, fetch) {
            (Reply::Release { payload, location, from: sealer }, Some(fetch)) => {
                let due = Due { payload: *payload, from: sealer.clone() };
                assert!(self.outside.truth.was_due(&from, &fetch, &due), "{from} is given what is not its");
                let lies = self.outside.store.get(&location.sequence) == Some(payload);
                assert!(lies || self.rival.is_some(), "released, and not there");
            }
            (Reply::NotDue(_) | Reply::TryLater, Some(_)) | (Reply::Command(_), None) => {}
            (reply, fetch) => panic!("{fetch:?} answered with {reply:?}"),
        }
        self.replies.insert(ticket, reply);
    }

    // Time.

    /// Time passes to the next moment at which the driver wants to be called. Whether there is one.
    pub(crate) fn tick(&mut self) -> bool {
        let Some(wake_at) = self.relay.wake_at() else { return false };
        self.now = self.now.max(wake_at);
        self.relay.handle(Input::Tick, self.now);
        true
    }

    /// When either engine wants to be called.
    pub(crate) fn next_for_both(&self) -> Option<Timestamp> {
        let rival = self.rival.as_ref().and_then(|rival| rival.relay.wake_at());
        [self.relay.wake_at(), rival].into_iter().flatten().min()
    }

    /// Both engines look at the clock.
    pub(crate) fn tick_both(&mut self) {
        for _ in 0..2 {
            self.relay.handle(Input::Tick, self.now);
            self.switch();
        }
    }

    /// In fine weather and from moment to moment, until this one.
    pub(crate) fn until(&mut self, local: &str) {
        let end = at(local);
        self.run();
        for _ in 0..10_000 {
            if self.relay.wake_at().is_none_or(|next| next > end) {
                self.now = self.now.max(end);
                self.relay.handle(Input::Tick, self.now);
                self.run();
                return;
            }
            self.tick();
            self.run();
        }
        panic!("time does not pass");
    }

    /// Nothing is left of anything, and nobody is busy.
    pub(crate) fn check_over(&mut self) {
        assert!(self.inbox.is_empty(), "answers are still on their way");
        assert!(self.relay.is_idle(), "somebody is busy and never called again: {:?}", self.relay.wake_at());
        assert_eq!(self.relay.incidents().count(), 0, "somebody is still at a desk");
        assert_eq!(self.relay.wake_at(), None);
        assert_eq!(self.kept(), BTreeSet::new());
        assert_eq!(self.unanswered(), 0, "somebody still waits for an answer");
        for (id, course) in &self.outside.truth.courses {
            assert_eq!(course.incident, Incident::Purged, "{id}");
            assert_eq!(self.outside.read(*id), History::Ended, "{id}");
            assert!(course.outcomes.iter().all(Option::is_some), "{id}: {:?}", course.outcomes);
        }
        assert_eq!(self.alarms, []);
    }
}

/// So many seconds later.
pub(crate) fn later(at: Timestamp, seconds: i64) -> Timestamp {
    at.checked_add(jiff::SignedDuration::from_secs(seconds)).unwrap()
}
