//! Engines: the production driver, with what the program does around it. One leads; the others stand by; any may be wrong about
//! that.

use std::collections::BTreeMap;

use hwc_journal::History;
use hwc_relay::{Input, Limits, Output, Relay, Reply, Ticket};
use hwc_schemas::{
    IncidentId, Organisation, PayloadId, TraceId,
    wire::{Answer, Command, Fetch, Fetched, Sealed},
};
use hwc_workflow::{
    Duty, Incident,
    law::Phase,
    state::{Signal, SignalState},
};
use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};

use super::{Due, World, ended::StateFolder, network::Op};
use crate::{
    broker::Epoch,
    chronicle::{EngineNumber, Happened},
    dice::Dice,
    mutation::Mutation,
    outfit::{Request, RequestNumber, Response},
    weather::{Place, Strike},
};

/// How long a leader may be silent before another may lead, as in production.
const LEASE_FOR: SignedDuration = SignedDuration::from_secs(2);
/// How often orphans are looked for, and how old they must be.
const SWEEP_EVERY: SignedDuration = SignedDuration::from_secs(60);
const ORPHANS_AFTER: SignedDuration = SignedDuration::from_secs(120);
/// Sweeps after the last ciphertext came: enough for it to be old.
const SWEEPS_AFTER_A_STORE: u32 = 4;
/// How often tasks that are owed are offered again.
pub(super) const OFFER_AGAIN_EVERY: SignedDuration = SignedDuration::from_secs(60);

/// An engine.
#[derive(Default)]
pub(super) struct Engine {
    /// Each start is a new life.
    pub(super) life: u64,
    pub(super) is_up: bool,
    /// By how much its clock is wrong.
    pub(super) offset: SignedDuration,
    /// It hears nothing of the broker until then, nor the broker of it.
    pub(super) cut_off: bool,
    /// It does nothing until then, and does not know.
    pub(super) paused_until: Option<Timestamp>,
    pub(super) leading: Option<Leading>,
    pub(super) folder: StateFolder,
}

/// What an engine knows that leads, or thinks so.
pub(super) struct Leading {
    pub(super) relay: Relay,
    pub(super) epoch: Epoch,
    asked: BTreeMap<Ticket, (RequestNumber, IncidentId)>,
    fetching: BTreeMap<Ticket, RequestNumber>,
    next_ticket: u64,
    tick_at: Option<Timestamp>,
}

impl World<'_> {
    pub(super) fn engine_starts(&mut self, number: EngineNumber) {
        let Some(engine) = self.engines.get_mut(&number) else { return };
        if engine.is_up {
            return;
        }
        engine.life += 1;
        (engine.is_up, engine.leading, engine.paused_until) = (true, None, None);
        let life = engine.life;
        self.opens_its_folder(number);
        let soon = self.on_the_way();
        self.agenda.put(self.after(soon), Due::Leads { engine: number, life });
    }

    /// It is gone with everything it knew, and comes back in a while.
    pub(super) fn engine_dies(&mut self, number: EngineNumber, back_after: SignedDuration) {
        let Some(engine) = self.engines.get_mut(&number) else { return };
        if !engine.is_up {
            return;
        }
        (engine.is_up, engine.leading, engine.paused_until) = (false, None, None);
        self.ops_open.retain(|_, (whose, _)| *whose != number);
        self.tell(Happened::Fault(format!("engine {} dies", number.0)));
        self.falls_silent(number);
        self.agenda.put(self.after(back_after), Due::Starts { engine: number });
    }

    /// Whoever held the lease is not heard any more.
    pub(super) fn falls_silent(&mut self, number: EngineNumber) {
        if let Some((_, epoch)) = self.lease.filter(|(holder, _)| *holder == number) {
            self.agenda.put(self.after(LEASE_FOR), Due::Lapses { epoch });
        }
    }

    /// Whether the broker hears an engine, and it the broker.
    pub(super) fn is_heard(&self, number: EngineNumber) -> bool {
        let connected = |engine: &Engine| engine.is_up && !engine.cut_off && engine.paused_until.is_none();
        self.broker.is_up && self.engines.get(&number).is_some_and(connected)
    }

    pub(super) fn lapses(&mut self, epoch: Epoch) {
        let Some((holder, held)) = self.lease else { return };
        let still_leads = self.engines.get(&holder).and_then(|engine| engine.leading.as_ref());
        let renewed = self.is_heard(holder) && still_leads.is_some_and(|leading| leading.epoch == held);
        if held != epoch || renewed {
            return;
        }
        self.lease = None;
        let standing_by =
            self.engines.iter().map(|(number, engine)| (*number, engine.life)).collect::<Vec<_>>();
        for (engine, life) in standing_by {
            let moment = SignedDuration::from_millis(self.dice.between(0, 1000));
            self.agenda.put(self.after(moment), Due::Leads { engine, life });
        }
    }

    pub(super) fn would_lead(&mut self, number: EngineNumber, life: u64) {
        let stands_by = |engine: &Engine| engine.is_up && engine.life == life && engine.leading.is_none();
        if !self.engines.get(&number).is_some_and(stands_by) {
            return;
        }
        if !self.is_heard(number) {
            // It knocks again until the broker lets it in.
            let again = self.seconds(1, 3);
            self.agenda.put(self.after(again), Due::Leads { engine: number, life });
            return;
        }
        if self.lease.is_some() {
            return;
        }
        // The pen first: from here on nobody else writes.
        self.broker.epoch += 1;
        let epoch = self.broker.epoch;
        self.lease = Some((number, epoch));
        // Whoever led before may think for a while that it still does.
        let before =
            self.engines.iter().filter(|(other, engine)| **other != number && engine.leading.is_some());
        for (engine, life) in before.map(|(other, engine)| (*other, engine.life)).collect::<Vec<_>>() {
            let notices = self.seconds(0, 3);
            self.agenda.put(self.after(notices), Due::Overtaken { engine, life });
        }
        self.led_last = Some(number);
        let Some(in_flight) = self.begins_cleanly(number, epoch) else { return };
        for seen in std::mem::take(&mut self.broker.seen) {
            self.tell(seen);
        }
        self.tell(Happened::Leads { by: number });
        let half_read = self.has(Mutation::HalfReadJournal);
        let now = self.engine_now(number);
        let mut relay = Relay::new(self.setup.rules.clone(), Limits::default());
        for (incident, mut history) in in_flight {
            if let History::Live { commits, .. } = &mut history
                && half_read
            {
                commits.truncate(1);
            }
            relay.handle(Input::Loaded { incident, history: Ok(history) }, now);
        }
        let leading = Leading {
            relay,
            epoch,
            asked: BTreeMap::new(),
            fetching: BTreeMap::new(),
            next_ticket: 0,
            tick_at: None,
        };
        if let Some(engine) = self.engines.get_mut(&number) {
            engine.leading = Some(leading);
        }
        self.sweeps = SWEEPS_AFTER_A_STORE;
        self.agenda.put(self.after(SWEEP_EVERY), Due::Sweep);
        self.goes_on_leading(number);
    }

    pub(super) fn overtaken(&mut self, number: EngineNumber, life: u64) {
        let Some(engine) = self.engines.get(&number).filter(|engine| engine.life == life && engine.is_up)
        else {
            return;
        };
        let overtaken = engine.leading.as_ref().is_some_and(|leading| leading.epoch != self.broker.epoch);
        if overtaken && !engine.cut_off && engine.paused_until.is_none() {
            // Half a thought is worth nothing: it starts anew and stands by.
            if let Some(engine) = self.engines.get_mut(&number) {
                (engine.is_up, engine.leading) = (false, None);
            }
            self.ops_open.retain(|_, (whose, _)| *whose != number);
            self.engine_starts(number);
        }
    }

    /// What an engine's clock says.
    pub(super) fn engine_now(&self, number: EngineNumber) -> Timestamp {
        let offset = self.engines.get(&number).map(|engine| engine.offset).unwrap_or_default();
        self.now.checked_add(offset).unwrap_or(Timestamp::MAX)
    }

    /// An engine that thinks it leads, alive and not paused, in this life.
    fn leader(&mut self, number: EngineNumber) -> Option<&mut Leading> {
        self.engines.get_mut(&number)?.leading.as_mut()
    }

    fn lives(&self, number: EngineNumber, life: u64) -> bool {
        self.engines.get(&number).is_some_and(|engine| engine.is_up && engine.life == life)
    }

    pub(super) fn at_engine(&mut self, number: u64, engine: EngineNumber, life: u64, input: Input) {
        if self.ops_open.get(&number) != Some(&(engine, life)) {
            return;
        }
        if let Some(until) = self.engines.get(&engine).and_then(|engine| engine.paused_until) {
            let input = Box::new(input);
            return self.agenda.put(until, Due::AtEngine { number, engine, life, input });
        }
        self.ops_open.remove(&number);
        self.hand_in(engine, input);
    }

    pub(super) fn hand_in(&mut self, engine: EngineNumber, input: Input) {
        let now = self.engine_now(engine);
        if let Some(leading) = self.leader(engine) {
            leading.relay.handle(input, now);
            self.goes_on_leading(engine);
        }
    }

    pub(super) fn tick(&mut self, engine: EngineNumber, life: u64) {
        if !self.lives(engine, life) || self.has(Mutation::DeafToTime) {
            return;
        }
        if let Some(until) = self.engines.get(&engine).and_then(|engine| engine.paused_until) {
            return self.agenda.put(until, Due::Tick { engine, life });
        }
        let now = self.now;
        let Some(leading) = self.leader(engine).filter(|leading| leading.tick_at.is_some_and(|at| at <= now))
        else {
            return;
        };
        leading.tick_at = None;
        self.hand_in(engine, Input::Tick);
    }

    /// Does what the driver asks for, and sets its alarm.
    fn goes_on_leading(&mut self, number: EngineNumber) {
        while let Some(output) = self.leader(number).and_then(|leading| leading.relay.poll()) {
            self.carry_out(number, output);
        }
        self.set_alarm(number);
        self.count(number);
    }

    /// When its driver wants to be called, by the world's clock.
    pub(super) fn set_alarm(&mut self, number: EngineNumber) {
        let now = self.now;
        let Some(engine) = self.engines.get_mut(&number) else { return };
        let (offset, life) = (engine.offset, engine.life);
        let Some(leading) = engine.leading.as_mut() else { return };
        let Some(wake_at) = leading.relay.wake_at() else { return };
        let wake_at = wake_at.checked_sub(offset).unwrap_or(Timestamp::MAX);
        // Whoever is called at a moment and wants to be called at it again, is called a moment later.
        let moment = SignedDuration::from_millis(1);
        let at = wake_at.max(now.checked_add(moment).unwrap_or(now));
        if leading.tick_at.is_none_or(|set| set > at || set <= now) {
            leading.tick_at = Some(at);
            self.agenda.put(at, Due::Tick { engine: number, life });
        }
    }

    fn count(&mut self, number: EngineNumber) {
        if !self.watcher.is_curious() || self.lease.is_none_or(|(holder, _)| holder != number) {
            return;
        }
        self.quiet_steps += 1;
        let settled = self.broker.seen.is_empty() && self.ops_open.is_empty();
        if !self.quiet_steps.is_multiple_of(8) || !settled {
            return;
        }
        let epoch = self.broker.epoch;
        let census = self
            .leader(number)
            .filter(|leading| leading.relay.is_idle() && leading.epoch == epoch)
            .map(|leading| leading.relay.census());
        if let Some(census) = census {
            self.tell(Happened::Counted { by: number, census });
        }
    }

    fn carry_out(&mut self, number: EngineNumber, output: Output) {
        let now = self.engine_now(number);
        match output {
            Output::Load { incident } => self.ask_broker(number, Op::Load { incident }),
            Output::Store { incident, payloads, ceiling, .. } => {
                let left = ceiling.duration_since(now).max(SignedDuration::ZERO);
                if self.has(Mutation::EraseBeforeStore) {
                    self.broker.erase_all_of(incident);
                }
                self.ask_broker(number, Op::Store { incident, payloads, left });
            }
            Output::Append { incident, expected, commit } => {
                if self.has(Mutation::AnswerBeforeDurable) {
                    self.answer_early(number, incident);
                }
                self.ask_broker(number, Op::Append { incident, expected, commit });
            }
            Output::Forget { incident, expected, .. } => {
                let op = Op::Forget { incident, expected };
                self.notes(number, &op);
                self.ask_broker(number, op);
            }
            Output::Perform { incident, duty, location } => {
                let op = match duty {
                    Duty::Erase { payload } if !self.has(Mutation::LostErasure) => match location {
                        Some(location) => Op::Erase { incident, payload, location },
                        None => Op::Nothing { incident, duty },
                    },
                    Duty::Erase { .. } | Duty::Forget => Op::Nothing { incident, duty },
                    Duty::Offer { to, task } => Op::Offer { incident, to, task },
                    Duty::RecordBreach { number, breach } => Op::KeepBreach { incident, number, breach },
                };
                self.notes(number, &op);
                self.ask_broker(number, op);
            }
            Output::Discard { payload, location } => {
                self.ask_broker(number, Op::Discard { payload, location });
            }
            Output::Reply { ticket, reply } => self.reply(number, ticket, reply),
            Output::Noted { incident, events, .. } => {
                // What is durable is said before who was told of it.
                for seen in std::mem::take(&mut self.broker.seen) {
                    self.tell(seen);
                }
                if self.has(Mutation::CountsTwice) {
                    self.tell(Happened::Noted { by: number, incident, events: events.clone() });
                }
                self.tell(Happened::Noted { by: number, incident, events });
            }
            Output::Alarm { incident, problem } => {
                self.tell(Happened::Fault(format!("engine {} alarms {incident}: {problem}", number.0)));
            }
        }
    }

    fn reply(&mut self, number: EngineNumber, ticket: Ticket, reply: Reply) {
        let Some(leading) = self.leader(number) else { return };
        match reply {
            Reply::Command(answer) => {
                if let Some((request, _)) = leading.asked.remove(&ticket) {
                    self.says(number, request, Response::Answered(answer));
                }
            }
            Reply::Release { payload, location, from } => {
                if let Some(request) = leading.fetching.remove(&ticket) {
                    self.ask_broker(number, Op::Fetch { request, payload, location, from });
                }
            }
            Reply::NotDue(refusal) => {
                if let Some(request) = leading.fetching.remove(&ticket) {
                    self.says(number, request, Response::Fetched(Fetched::Refused { refusal }));
                }
            }
            Reply::TryLater => {
                if let Some(request) = leading.fetching.remove(&ticket) {
                    self.says(number, request, Response::Fetched(Fetched::TryLater));
                }
            }
        }
    }

    /// An answer leaves an engine.
    pub(super) fn says(&mut self, number: EngineNumber, request: RequestNumber, response: Response) {
        if !self.is_heard(number) {
            return;
        }
        let name = match &response {
            Response::Answered(_) => "answer",
            Response::Fetched(_) => "letter out",
        };
        let mut wait = self.on_the_way();
        if self.strikes(Strike::SenderDiesBefore, name, None) {
            let back = self.seconds(1, 120);
            return self.engine_dies(number, back);
        }
        if self.strikes(Strike::Lost, name, None) {
            return;
        }
        if self.strikes(Strike::Slow, name, None) {
            wait += self.seconds(0, 50);
        }
        self.agenda.put(self.after(wait), Due::Heard { request, response });
    }

    /// A planted bug: whoever waits for this incident is answered before anything is durable.
    fn answer_early(&mut self, number: EngineNumber, incident: IncidentId) {
        let Some(leading) = self.leader(number) else { return };
        let early: Vec<_> = leading
            .asked
            .iter()
            .filter(|(_, (_, of))| *of == incident)
            .map(|(ticket, (r, _))| (*ticket, *r))
            .collect();
        for (ticket, request) in early {
            if let Some(leading) = self.leader(number) {
                leading.asked.remove(&ticket);
            }
            self.says(number, request, Response::Answered(Answer::Recorded));
        }
    }

    /// A request of an organisation reaches an engine that thinks it leads.
    pub(super) fn asked(
        &mut self,
        number: EngineNumber,
        request: RequestNumber,
        from: &Organisation,
        what: Request,
    ) {
        let (payloads_dice, trace) = (self.dice.draw(), TraceId::from_bytes(self.dice.uuid().into_bytes()));
        let from = if self.has(Mutation::BelievesAnybody) {
            self.whose_it_would_be(number, from, &what)
        } else {
            from.clone()
        };
        let accepts_any_age = self.has(Mutation::AcceptsAnyAge);
        let today = TimeZone::UTC.to_datetime(self.now).date();
        let Some(leading) = self.leader(number) else { return };
        let ticket = Ticket(leading.next_ticket);
        leading.next_ticket += 1;
        let input = match what {
            Request::Submit(command) => {
                leading.asked.insert(ticket, (request, command.incident()));
                let mut ids = Dice::new(payloads_dice, "payloads");
                let command = if accepts_any_age { of_today(command, today) } else { command };
                let (command, payloads) = command.detach(|| PayloadId::from_uuid(ids.uuid()));
                Input::Submit { ticket, from, command, payloads, trace }
            }
            Request::Fetch(fetch) => {
                leading.fetching.insert(ticket, request);
                Input::Fetch { ticket, from, fetch }
            }
        };
        self.hand_in(number, input);
    }

    /// A planted bug: whoever says it is taken for whoever may say it.
    fn whose_it_would_be(&self, number: EngineNumber, from: &Organisation, what: &Request) -> Organisation {
        let signal = match what {
            Request::Submit(Command::Acknowledge { signal, .. } | Command::Return { signal, .. })
            | Request::Fetch(Fetch::Letter { signal, .. }) => *signal,
            _ => return from.clone(),
        };
        let leading = self.engines.get(&number).and_then(|engine| engine.leading.as_ref());
        let known = leading.and_then(|leading| {
            leading.relay.incidents().find(|(id, _)| *id == signal.incident).map(|(_, state)| state)
        });
        match known {
            Some(Incident::Expanded(expanded)) => {
                match expanded.signal(signal.number).map(|one| &one.state) {
                    Some(SignalState::Delivered(delivered)) => delivered.routed.addressed.school().clone(),
                    _ => from.clone(),
                }
            }
            _ => from.clone(),
        }
    }

    /// A planted bug: an engine that was away looks for orphans by what it knew before.
    pub(super) fn sweep_unconfirmed(&mut self, number: EngineNumber) {
        let heard = self.has(Mutation::SweepsUnconfirmed) && self.is_heard(number);
        let kept = self.leader(number).filter(|_| heard).and_then(|leading| leading.relay.keeps());
        if let Some(kept) = kept {
            self.broker.sweep(&kept, ORPHANS_AFTER, self.now);
        }
    }

    pub(super) fn sweep(&mut self) {
        let leader = self.lease.map(|(holder, _)| holder).filter(|holder| self.is_heard(*holder));
        let kept = leader.and_then(|leader| self.leader(leader)?.relay.keeps());
        if let Some(kept) = kept {
            if !self.has(Mutation::NoSweeper) {
                self.broker.sweep(&kept, ORPHANS_AFTER, self.now);
            }
            self.sweeps = self.sweeps.saturating_sub(1);
        }
        if self.sweeps > 0 && self.broker.holds_payloads() {
            self.agenda.put(self.after(SWEEP_EVERY), Due::Sweep);
        } else {
            self.sweeps = 0;
        }
    }

    /// Ciphertexts came: whoever sweeps will look until they are old enough.
    pub(super) fn sweep_soon(&mut self) {
        if self.sweeps == 0 {
            self.agenda.put(self.after(SWEEP_EVERY), Due::Sweep);
        }
        self.sweeps = SWEEPS_AFTER_A_STORE;
    }

    pub(super) fn offer_again(&mut self) {
        if self.has(Mutation::OffersOnce) {
            return;
        }
        let leader = self.lease.map(|(holder, _)| holder).filter(|holder| self.is_heard(*holder));
        match leader {
            Some(leader) => self.hand_in(leader, Input::OfferAgain),
            None => self.agenda.put(self.after(OFFER_AGAIN_EVERY), Due::OfferAgain),
        }
    }

    /// In which state an incident is, as far as any engine knows: the furthest of its signals.
    pub(super) fn state_of(&self, incident: Option<IncidentId>) -> Place {
        let known = self.engines.values().filter_map(|engine| engine.leading.as_ref()).find_map(|leading| {
            leading.relay.incidents().find(|(id, _)| Some(*id) == incident).map(|(_, state)| state)
        });
        let state = known.map(|state| match state {
            Incident::Expanded(expanded) => {
                expanded.signals.iter().map(Signal::phase).max().unwrap_or(Phase::Expanded)
            }
            state => state.phase(),
        });
        Place { step: "", state }
    }
}

/// A planted bug: however old a report is, it is taken for one of today.
fn of_today(command: Command<Sealed>, today: Date) -> Command<Sealed> {
    match command {
        Command::Record { incident, report, .. } => Command::Record { incident, day: today, report },
        command => command,
    }
}
