//! Messages on their way: between engines and broker, and between organisations and engines.

use hwc_journal::{Commit, Location, Position};
use hwc_relay::{Input, Trouble};
use hwc_schemas::{
    IncidentId, Organisation, PayloadId, SignalNumber,
    wire::{Fetched, Refusal, Sealed, Task},
};
use hwc_workflow::{Breach, Duty};
use jiff::SignedDuration;

use super::{Due, World, engines::OFFER_AGAIN_EVERY};
use crate::{
    broker::Epoch,
    chronicle::EngineNumber,
    mutation::Mutation,
    outfit::{Asked, PartyNumber, Request, RequestNumber, Response},
    weather::{Place, Strike},
};

/// How long an engine waits for the broker, and an organisation for an engine, in seconds.
const PATIENCE_SECONDS: i64 = 10;

/// What is said again late, at most.
const OVERHEARD_MAX: usize = 400;

/// A request of an engine; never used again.
pub(super) type OpNumber = u64;

/// What an engine asks of the broker.
#[derive(Debug, Clone)]
pub(super) enum Op {
    Load {
        incident: IncidentId,
    },
    Store {
        incident: IncidentId,
        payloads: Vec<(PayloadId, Sealed)>,
        left: SignedDuration,
    },
    Append {
        incident: IncidentId,
        expected: Position,
        commit: Commit,
    },
    Forget {
        incident: IncidentId,
        expected: Position,
    },
    Erase {
        incident: IncidentId,
        payload: PayloadId,
        location: Location,
    },
    Discard {
        payload: PayloadId,
        location: Location,
    },
    Offer {
        incident: IncidentId,
        to: Organisation,
        task: Task,
    },
    KeepBreach {
        incident: IncidentId,
        number: SignalNumber,
        breach: Breach,
    },
    /// A duty that is said to be done.
    Nothing {
        incident: IncidentId,
        duty: Duty,
    },
    Fetch {
        request: RequestNumber,
        payload: PayloadId,
        location: Location,
        from: Organisation,
    },
}

impl Op {
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Load { .. } => "load",
            Self::Store { .. } => "store",
            Self::Append { .. } => "append",
            Self::Forget { .. } => "forget",
            Self::Erase { .. } => "erase",
            Self::Discard { .. } => "discard",
            Self::Offer { .. } => "offer",
            Self::KeepBreach { .. } => "keep breach",
            Self::Nothing { .. } => "nothing",
            Self::Fetch { .. } => "fetch",
        }
    }

    const fn incident(&self) -> Option<IncidentId> {
        match self {
            Self::Load { incident }
            | Self::Store { incident, .. }
            | Self::Append { incident, .. }
            | Self::Forget { incident, .. }
            | Self::Erase { incident, .. }
            | Self::Offer { incident, .. }
            | Self::KeepBreach { incident, .. }
            | Self::Nothing { incident, .. } => Some(*incident),
            Self::Discard { .. } | Self::Fetch { .. } => None,
        }
    }

    /// Whether the broker takes the same twice for once.
    const fn may_come_twice(&self) -> bool {
        matches!(
            self,
            Self::Append { .. }
                | Self::Forget { .. }
                | Self::Erase { .. }
                | Self::Offer { .. }
                | Self::KeepBreach { .. }
        )
    }

    /// What the driver hears when nothing is heard.
    fn trouble(&self) -> Option<Input> {
        Some(match self {
            Self::Load { incident } => Input::Loaded { incident: *incident, history: Err(Trouble) },
            Self::Store { incident, .. } => Input::Stored { incident: *incident, places: Err(Trouble) },
            Self::Append { incident, .. } => Input::Appended { incident: *incident, outcome: Err(Trouble) },
            Self::Forget { incident, .. } => Input::Forgotten { incident: *incident, outcome: Err(Trouble) },
            _ => {
                let (incident, duty) = self.duty()?;
                Input::Performed { incident, duty, outcome: Err(Trouble) }
            }
        })
    }

    fn duty(&self) -> Option<(IncidentId, Duty)> {
        match self {
            Self::Erase { incident, payload, .. } => Some((*incident, Duty::Erase { payload: *payload })),
            Self::Offer { incident, to, task } => {
                Some((*incident, Duty::Offer { to: to.clone(), task: task.clone() }))
            }
            Self::KeepBreach { incident, number, breach } => {
                Some((*incident, Duty::RecordBreach { number: *number, breach: *breach }))
            }
            Self::Nothing { incident, duty } => Some((*incident, duty.clone())),
            _ => None,
        }
    }
}

/// A request of an organisation on its way.
#[derive(Debug, Clone)]
pub(super) struct Knock {
    pub(super) party: PartyNumber,
    pub(super) number: RequestNumber,
    pub(super) request: Request,
}

impl World<'_> {
    /// Whether this goes wrong with a message of this name, now.
    pub(super) fn strikes(
        &mut self,
        strike: Strike,
        step: &'static str,
        incident: Option<IncidentId>,
    ) -> bool {
        let hit = self.weather.strikes(strike, self.now);
        if hit {
            let place = Place { step, ..self.state_of(incident) };
            self.weather.struck_at(strike, place);
            self.tell(crate::chronicle::Happened::Fault(format!("{}: {step}", strike.name())));
        }
        hit
    }

    /// An engine asks the broker.
    pub(super) fn ask_broker(&mut self, engine: EngineNumber, op: Op) {
        let Some((life, epoch)) = self.reign(engine) else { return };
        let (name, incident) = (op.name(), op.incident());
        if self.strikes(Strike::SenderDiesBefore, name, incident) {
            let back = self.seconds(1, 120);
            return self.engine_dies(engine, back);
        }
        let number = self.next_op;
        self.next_op += 1;
        if let Some(trouble) = op.trouble() {
            self.ops_open.insert(number, (engine, life));
            let patience = self.after(SignedDuration::from_secs(PATIENCE_SECONDS));
            // A world without weather needs no patience.
            if !self.is_calm() {
                self.agenda.put(patience, Due::AtEngine { number, engine, life, input: Box::new(trouble) });
            }
        }
        if self.strikes(Strike::Lost, name, incident) {
            return;
        }
        let mut wait = self.on_the_way();
        if self.strikes(Strike::Slow, name, incident) {
            wait += self.seconds(0, 50);
        }
        if op.may_come_twice() && self.strikes(Strike::Twice, name, incident) {
            let later = wait + self.seconds(0, 30);
            self.agenda.put(self.after(later), Due::AtBroker { number, engine, life, epoch, op: op.clone() });
        }
        self.agenda.put(self.after(wait), Due::AtBroker { number, engine, life, epoch, op });
        if self.strikes(Strike::SenderDiesAfter, name, incident) {
            let back = self.seconds(1, 120);
            self.engine_dies(engine, back);
        }
    }

    fn is_calm(&self) -> bool {
        self.setup.climate.0.is_empty() && self.setup.planned.is_empty()
    }

    fn reign(&self, engine: EngineNumber) -> Option<(u64, Epoch)> {
        let engine = self.engines.get(&engine).filter(|engine| engine.is_up)?;
        Some((engine.life, engine.leading.as_ref()?.epoch))
    }

    /// What an engine asked for arrives, whatever became of the engine.
    pub(super) fn at_broker(
        &mut self,
        number: OpNumber,
        (engine, life, epoch): (EngineNumber, u64, Epoch),
        op: Op,
    ) {
        let cut_off = self.engines.get(&engine).is_some_and(|engine| engine.cut_off);
        let (name, incident) = (op.name(), op.incident());
        if !self.broker.is_up || cut_off {
            return;
        }
        if self.strikes(Strike::BrokerDiesBefore, name, incident) {
            return self.broker_dies();
        }
        let input = self.takes_effect((engine, life, epoch), op);
        if self.strikes(Strike::BrokerDiesAfter, name, incident) {
            return self.broker_dies();
        }
        let Some(input) = input else { return };
        if self.strikes(Strike::AnswerLost, name, incident) {
            return;
        }
        let wait = self.on_the_way();
        self.agenda.put(self.after(wait), Due::AtEngine { number, engine, life, input: Box::new(input) });
    }

    fn takes_effect(&mut self, (engine, life, epoch): (EngineNumber, u64, Epoch), op: Op) -> Option<Input> {
        let now = self.now;
        let done = op.duty();
        let broker = &mut self.broker;
        match op {
            Op::Load { incident } => Some(Input::Loaded { incident, history: Ok(broker.read(incident)) }),
            Op::Store { incident, payloads, left } => {
                let places = broker.store(incident, payloads, left, now);
                self.sweep_soon();
                self.watch_the_ceiling();
                Some(Input::Stored { incident, places: Ok(places) })
            }
            Op::Append { incident, expected, commit } => {
                let outcome = broker.append((engine, epoch), incident, expected, &commit, now);
                self.unless_heard(engine, life, outcome.is_err());
                Some(Input::Appended { incident, outcome })
            }
            Op::Forget { incident, expected } => {
                let outcome = broker.forget(epoch, incident, expected, now);
                self.unless_heard(engine, life, outcome.is_err());
                Some(Input::Forgotten { incident, outcome })
            }
            Op::Erase { payload, location, .. } => {
                broker.erase(payload, location);
                if broker.holds(payload) {
                    // Stored twice, because nobody heard that it was: the second is an orphan from now on.
                    self.sweep_soon();
                }
                performed(done)
            }
            Op::Discard { payload, location } => {
                broker.erase(payload, location);
                None
            }
            Op::Offer { to, task, .. } => {
                if broker.offer(&to, &task, now) {
                    let wait = self.on_the_way();
                    self.agenda.put(self.after(wait), Due::HandOut { id: task.id() });
                }
                performed(done)
            }
            Op::KeepBreach { incident, number, breach } => {
                broker.keep_breach(format!("{incident}-{}", number.get()), breach);
                performed(done)
            }
            Op::Nothing { .. } => performed(done),
            Op::Fetch { request, payload, location, from } => {
                let fetched = match broker.fetch(payload, location) {
                    Some(sealed) => {
                        broker.given(payload, location);
                        Fetched::Payload { from, sealed }
                    }
                    None => Fetched::Refused { refusal: Refusal::Gone },
                };
                self.says(engine, request, Response::Fetched(fetched));
                None
            }
        }
    }

    /// Whoever is not heard by the journal will notice that another leads.
    fn unless_heard(&mut self, engine: EngineNumber, life: u64, unheard: bool) {
        if unheard {
            let notices = self.seconds(0, 2);
            self.agenda.put(self.after(notices), Due::Overtaken { engine, life });
        }
    }

    /// A request leaves an organisation.
    pub(super) fn leaves(&mut self, asked: Asked) {
        let Asked { number, party, request } = asked;
        let (name, incident) = (request.name(), Some(request.incident()));
        if self.strikes(Strike::SenderDiesBefore, name, incident) {
            let back = self.seconds(1, 600);
            return self.party_dies(party, back);
        }
        if self.overhears && self.overheard.len() < OVERHEARD_MAX {
            self.overheard.push((party, request.clone()));
        }
        if !self.is_calm() {
            if self.setup.climate.0.len() > 1 && self.captured.len() < 64 {
                self.captured.push((party, request.clone()));
            }
            let patience = SignedDuration::from_secs(PATIENCE_SECONDS);
            self.agenda.put(self.after(patience), Due::Unheard { request: number });
        }
        let dies = self.strikes(Strike::SenderDiesAfter, name, incident);
        if !self.strikes(Strike::Lost, name, incident) {
            let mut wait = self.on_the_way();
            if self.strikes(Strike::Slow, name, incident) {
                wait += self.seconds(0, 50);
            }
            let knock = Knock { party, number, request };
            if self.strikes(Strike::Twice, name, incident) {
                let later = wait + self.seconds(0, 30);
                self.agenda.put(self.after(later), Due::Knock(knock.clone()));
            }
            self.agenda.put(self.after(wait), Due::Knock(knock));
        }
        if dies {
            let back = self.seconds(1, 600);
            self.party_dies(party, back);
        }
    }

    /// A request arrives where engines listen. Any of those that think they lead may take it.
    pub(super) fn knock(&mut self, knock: Knock) {
        let cut_off = self.parties.get(knock.party).is_none_or(|party| party.cut_off);
        if !self.broker.is_up || cut_off {
            return;
        }
        let leaders: Vec<_> = self
            .engines
            .iter()
            .filter(|(number, engine)| engine.leading.is_some() && self.is_heard(**number))
            .map(|(number, _)| *number)
            .collect();
        let Some(engine) = self.dice.pick(&leaders).copied() else {
            // Nobody is there, and the broker says so.
            let nobody = Err(hwc_adapter_kit::door::DoorError::NobodyThere);
            return self.ether.answer(knock.number, nobody);
        };
        let Some(from) = self.parties.get(knock.party).map(|party| party.organisation.clone()) else {
            return;
        };
        self.asked(engine, knock.number, &from, knock.request);
    }

    /// The broker drops by itself what met its ceiling.
    pub(super) fn drop_old(&mut self) {
        self.next_drop = None;
        if !self.broker.is_up {
            // Once it is there again.
            return;
        }
        self.broker.drop_old(self.now);
        self.watch_the_ceiling();
    }

    fn watch_the_ceiling(&mut self) {
        let next = self.broker.next_drop().filter(|_| !self.has(Mutation::NoCeiling));
        if let Some(at) = next.filter(|at| self.next_drop.is_none_or(|set| *at < set)) {
            self.next_drop = Some(at);
            self.agenda.put(at, Due::Drop);
        }
    }

    /// The broker is gone with everything that was on its way to it, and comes back in a while.
    pub(super) fn broker_dies(&mut self) {
        if !self.broker.is_up {
            return;
        }
        self.broker.is_up = false;
        self.tell(crate::chronicle::Happened::Fault("the broker dies".to_owned()));
        self.tell(crate::chronicle::Happened::BrokerIs { up: false });
        if let Some((holder, _)) = self.lease {
            self.falls_silent(holder);
        }
        let back = self.seconds(1, 300);
        self.agenda.put(self.after(back), Due::BrokerStarts);
    }

    pub(super) fn broker_starts(&mut self) {
        if self.broker.is_up {
            return;
        }
        self.broker.is_up = true;
        self.tell(crate::chronicle::Happened::Fault("the broker is back".to_owned()));
        self.tell(crate::chronicle::Happened::BrokerIs { up: true });
        self.drop_old();
        // The lease is as old as the silence.
        if let Some((holder, epoch)) = self.lease {
            self.agenda.put(self.after(SignedDuration::ZERO), Due::Lapses { epoch });
            self.falls_silent(holder);
        }
        for id in self.broker.tasks.keys().cloned().collect::<Vec<_>>() {
            let wait = self.on_the_way();
            self.agenda.put(self.after(wait), Due::HandOut { id });
        }
    }

    /// The storage loses the last moments of what it acknowledged; the engines read anew, and what was lost is offered again.
    pub(super) fn storage_lies(&mut self, seconds: i64) {
        let since = self.now.checked_sub(SignedDuration::from_secs(seconds)).unwrap_or(self.now);
        self.broker.lie(since);
        self.broker_dies();
        for number in self.engines.keys().copied().collect::<Vec<_>>() {
            let back = self.seconds(1, 5);
            self.engine_dies(number, back);
        }
        self.agenda.put(self.after(OFFER_AGAIN_EVERY), Due::OfferAgain);
    }
}

fn performed(done: Option<(IncidentId, Duty)>) -> Option<Input> {
    let (incident, duty) = done?;
    Some(Input::Performed { incident, duty, outcome: Ok(()) })
}
