//! What goes wrong at its time, and what people do at theirs; and how a world heals.

use std::sync::Arc;

use hwc_schemas::{
    Organisation,
    wire::{Command, Fetch, Sealed},
};
use jiff::{SignedDuration, Timestamp};

use super::{Due, World, engines::OFFER_AGAIN_EVERY};
use crate::{
    chronicle::{EngineNumber, Happened},
    outfit::Request,
};

/// Something planned.
#[derive(Clone)]
pub struct Planned {
    /// When.
    pub at: Timestamp,
    /// What.
    pub fault: Fault,
}

/// Something that changes outside, however it does.
#[derive(Clone)]
pub struct Act(pub Arc<dyn Fn() + Send + Sync>);

/// Something that goes wrong, or that somebody does, at a moment.
#[derive(Clone)]
pub enum Fault {
    /// An engine dies, and comes back after so long.
    EngineDies(EngineNumber, SignedDuration),
    /// An engine does nothing for so long, and does not know.
    EnginePauses(EngineNumber, SignedDuration),
    /// Engine and broker do not hear each other for so long.
    EngineCutOff(EngineNumber, SignedDuration),
    /// An engine's clock is wrong by so much from now on.
    EngineClock(EngineNumber, SignedDuration),
    /// An organisation dies, and comes back after so long.
    PartyDies(Organisation, SignedDuration),
    /// Organisation and broker do not hear each other for so long.
    PartyCutOff(Organisation, SignedDuration),
    /// An organisation's clock is wrong by so much from now on.
    PartyClock(Organisation, SignedDuration),
    /// The broker dies, and comes back in a while.
    BrokerDies,
    /// The storage loses what it acknowledged in the last so many seconds.
    StorageLies(i64),
    /// The broker loses every task that nobody has in hand.
    TasksLost,
    /// An organisation has a new sealing key; nobody confirmed it yet at the other.
    KeyRotates(Organisation, Option<Organisation>),
    /// Everybody confirmed everybody's key.
    KeysConfirmed,
    /// Something changes outside: a register, the look-up.
    Changes(&'static str, Act),
    /// An organisation says something of its own accord: a recall, or a lie.
    Says(Organisation, Command<Sealed>),
    /// Somebody asks for a payload of its own accord.
    Pries(Organisation, Fetch),
    /// Somebody says again what somebody said before: the so-manyth thing that was overheard.
    Replays(Organisation, usize),
    /// Somebody copies the broker's folder.
    CopyTaken,
    /// Somebody puts the copy back while every engine is down; the first start is cut short after so many deeds.
    CopyPutBack(Option<u32>),
    /// Broker, engines and organisations are off for so long.
    AllOff(SignedDuration),
    /// Engines and organisations are off for so long; the broker runs.
    OursOff(SignedDuration),
    /// The police's outbox is sent once more: the so-manyth report, as it was.
    SentOnceMore(usize),
    /// Everything that was ever said arrives once more.
    SaidAgain,
    /// An engine is stopped, and started again at once.
    EngineStartsAnew(EngineNumber),
    /// The end of a cut: it is heard again.
    EngineReturns(EngineNumber),
    /// The end of a cut: it is heard again.
    PartyReturns(Organisation),
    /// The end of a pause: it goes on as if nothing had been.
    EngineGoesOn(EngineNumber),
}

impl Fault {
    /// In words, for the story.
    pub fn words(&self) -> String {
        match self {
            Self::EngineDies(engine, back) => format!("engine {} dies for {back:#}", engine.0),
            Self::EnginePauses(engine, until) => format!("engine {} is paused for {until:#}", engine.0),
            Self::EngineCutOff(engine, until) => format!("engine {} is cut off for {until:#}", engine.0),
            Self::EngineClock(engine, by) => format!("engine {}'s clock is wrong by {by:#}", engine.0),
            Self::PartyDies(party, back) => format!("{party} dies for {back:#}"),
            Self::PartyCutOff(party, until) => format!("{party} is cut off for {until:#}"),
            Self::PartyClock(party, by) => format!("{party}'s clock is wrong by {by:#}"),
            Self::BrokerDies => "the broker dies".to_owned(),
            Self::StorageLies(seconds) => format!("the storage loses the last {seconds} s"),
            Self::TasksLost => "the broker loses every task".to_owned(),
            Self::KeyRotates(whose, unconfirmed) => match unconfirmed {
                Some(by) => format!("{whose} has a new key, which {by} has not confirmed"),
                None => format!("{whose} has a new key"),
            },
            Self::KeysConfirmed => "every key is confirmed".to_owned(),
            Self::Changes(what, _) => (*what).to_owned(),
            Self::Says(who, command) => format!("{who} says {} of its own accord", command.name()),
            Self::Pries(who, fetch) => format!("{who} pries into {}", fetch.incident()),
            Self::Replays(who, which) => format!("{who} says again what was overheard as number {which}"),
            Self::CopyTaken => "somebody copies the broker's folder".to_owned(),
            Self::CopyPutBack(_) => "somebody puts the copy of the broker's folder back".to_owned(),
            Self::AllOff(length) => format!("everything is off for {length:#}"),
            Self::OursOff(length) => format!("everything but the broker is off for {length:#}"),
            Self::SentOnceMore(place) => format!("report {place} is sent once more, as it was"),
            Self::SaidAgain => "everything that was said arrives once more".to_owned(),
            Self::EngineStartsAnew(engine) => format!("engine {} is started anew", engine.0),
            Self::EngineReturns(engine) => format!("engine {} is heard again", engine.0),
            Self::PartyReturns(party) => format!("{party} is heard again"),
            Self::EngineGoesOn(engine) => format!("engine {} goes on", engine.0),
        }
    }
}

impl World<'_> {
    pub(super) fn plan(&mut self, place: usize) {
        let Some(fault) = self.setup.planned.get(place).map(|planned| planned.fault.clone()) else { return };
        let is_return =
            matches!(fault, Fault::EngineReturns(_) | Fault::PartyReturns(_) | Fault::EngineGoesOn(_));
        // What people do and what changes goes on after the world has healed; what is broken does not.
        let is_human = matches!(
            fault,
            Fault::Changes(..)
                | Fault::Says(..)
                | Fault::Pries(..)
                | Fault::Replays(..)
                | Fault::CopyTaken
                | Fault::SentOnceMore(_)
                | Fault::SaidAgain
                | Fault::EngineStartsAnew(_)
        );
        if self.healed && !is_return && !is_human {
            return;
        }
        // Whoever dies says so itself.
        if !matches!(fault, Fault::EngineDies(..) | Fault::PartyDies(..) | Fault::BrokerDies) {
            self.tell(Happened::Fault(fault.words()));
        }
        self.strikes_as_planned(fault);
    }

    fn then(&mut self, after: SignedDuration, fault: Fault) {
        let at = self.after(after);
        let place = self.setup.planned.len();
        self.setup.planned.push(Planned { at, fault });
        self.agenda.put(at, Due::Plan { place });
    }

    fn strikes_as_planned(&mut self, fault: Fault) {
        match fault {
            Fault::EngineDies(engine, back) => self.engine_dies(engine, back),
            Fault::EnginePauses(number, length) => {
                let until = self.after(length);
                if let Some(engine) = self.engines.get_mut(&number).filter(|engine| engine.is_up) {
                    engine.paused_until = Some(until);
                    self.falls_silent(number);
                    self.then(length, Fault::EngineGoesOn(number));
                }
            }
            Fault::EngineCutOff(number, length) => {
                if let Some(engine) = self.engines.get_mut(&number) {
                    engine.cut_off = true;
                    self.falls_silent(number);
                    self.then(length, Fault::EngineReturns(number));
                }
            }
            Fault::EngineClock(number, by) => self.set_engine_clock(number, by),
            Fault::PartyDies(party, back) => {
                if let Some(number) = self.by_name.get(&party).copied() {
                    self.party_dies(number, back);
                }
            }
            Fault::PartyCutOff(party, length) => {
                self.cut_off(&party, true);
                self.then(length, Fault::PartyReturns(party));
            }
            Fault::PartyClock(party, by) => {
                if let Some(number) = self.by_name.get(&party).copied() {
                    self.ether.set_clock(number, by);
                }
            }
            Fault::BrokerDies => self.broker_dies(),
            Fault::StorageLies(seconds) => self.storage_lies(seconds),
            Fault::TasksLost => {
                self.broker.lose_tasks();
                self.agenda.put(self.after(OFFER_AGAIN_EVERY), Due::OfferAgain);
            }
            Fault::KeyRotates(whose, unconfirmed) => self.ether.rotate(&whose, unconfirmed.as_ref()),
            Fault::KeysConfirmed => self.ether.confirm_all(),
            Fault::Changes(_, Act(change)) => change(),
            Fault::Says(who, command) => self.act(&who, command),
            Fault::Pries(who, fetch) => self.pry(&who, fetch),
            Fault::Replays(who, which) => {
                if let Some((_, Request::Submit(command))) = self.captured.get(which).cloned() {
                    self.act(&who, command);
                }
            }
            Fault::CopyTaken => self.take_a_copy(),
            Fault::CopyPutBack(cut_after) => self.put_the_copy_back(cut_after),
            Fault::AllOff(length) => self.all_off(length),
            Fault::OursOff(length) => self.ours_off(length),
            Fault::SentOnceMore(place) => self.send_once_more(place),
            Fault::SaidAgain => self.say_again(),
            Fault::EngineStartsAnew(engine) => self.engine_dies(engine, SignedDuration::from_secs(1)),
            Fault::EngineReturns(number) => self.engine_returns(number),
            Fault::PartyReturns(party) => self.cut_off(&party, false),
            Fault::EngineGoesOn(number) => self.engine_goes_on(number),
        }
    }

    fn set_engine_clock(&mut self, number: EngineNumber, by: SignedDuration) {
        if let Some(engine) = self.engines.get_mut(&number) {
            engine.offset = by;
        }
        self.set_alarm(number);
    }

    fn cut_off(&mut self, organisation: &Organisation, cut_off: bool) {
        let Some(number) = self.by_name.get(organisation).copied() else { return };
        if let Some(party) = self.parties.get_mut(number) {
            party.cut_off = cut_off;
        }
        if !cut_off {
            let lying = self.broker.tasks.iter().filter(|(_, lies)| lies.to == *organisation);
            for id in lying.map(|(id, _)| id.clone()).collect::<Vec<_>>() {
                self.agenda.put(self.now, Due::HandOut { id });
            }
        }
    }

    /// Whoever was away may have been overtaken, and notices a while later.
    fn engine_returns(&mut self, number: EngineNumber) {
        let Some(engine) = self.engines.get_mut(&number) else { return };
        engine.cut_off = false;
        let life = engine.life;
        let notices = self.seconds(0, 2);
        self.agenda.put(self.after(notices), Due::Overtaken { engine: number, life });
        if let Some((_, epoch)) = self.lease.filter(|(holder, _)| *holder == number) {
            self.agenda.put(self.now, Due::Lapses { epoch });
        }
    }

    fn engine_goes_on(&mut self, number: EngineNumber) {
        let now = self.now;
        let Some(engine) = self.engines.get_mut(&number) else { return };
        if engine.paused_until.is_some_and(|until| until <= now) {
            engine.paused_until = None;
            let life = engine.life;
            self.sweep_unconfirmed(number);
            self.set_alarm(number);
            let notices = self.seconds(0, 2);
            self.agenda.put(self.after(notices), Due::Overtaken { engine: number, life });
        }
    }

    /// From here on nothing goes wrong any more, and everybody is there.
    pub(super) fn heal(&mut self) {
        self.healed = true;
        self.tell(Happened::Healed);
        self.broker_starts();
        self.ether.confirm_all();
        for number in self.engines.keys().copied().collect::<Vec<_>>() {
            self.set_engine_clock(number, SignedDuration::ZERO);
            if let Some(engine) = self.engines.get_mut(&number) {
                engine.paused_until = engine.paused_until.map(|_| self.now);
            }
            self.engine_goes_on(number);
            self.engine_returns(number);
            self.engine_starts(number);
        }
        for number in 0..self.parties.len() {
            self.ether.set_clock(number, SignedDuration::ZERO);
            let organisation = self.parties.get(number).map(|party| party.organisation.clone());
            if let Some(organisation) = organisation {
                self.cut_off(&organisation, false);
            }
            self.opens(number);
        }
        self.agenda.put(self.after(OFFER_AGAIN_EVERY), Due::OfferAgain);
        self.sweep_soon();
    }
}
