//! The world itself: what is to happen, happens, one thing after the other.

mod backup;
mod ended;
mod engines;
mod faults;
mod network;
mod parties;

use std::{collections::BTreeMap, sync::Arc, task::Waker};

use hwc_police::ReferenceKey;
use hwc_relay::Rules;
use hwc_schemas::Organisation;
use jiff::{SignedDuration, Timestamp};

pub use faults::{Act, Fault, Planned};
pub use parties::Member;

use self::{
    engines::Engine,
    network::{Knock, Op, OpNumber},
    parties::{Ended, Party, Reporting},
};
use crate::{
    agenda::Agenda,
    broker::{Broker, Epoch},
    chronicle::{EngineNumber, Entry, Happened},
    dice::Dice,
    hands::Hands,
    mutation::Mutation,
    outfit::{Ether, PartyNumber, RequestNumber, Response},
    weather::{Climate, Coverage, Weather},
};

/// Sees everything that happens.
pub trait Watcher {
    /// Something happened. Whether the world is to go on.
    fn saw(&mut self, entry: Entry) -> bool;

    /// Whether it wants to hear of what organisations read and of counts; a world that nobody judges is faster without.
    fn is_curious(&self) -> bool {
        true
    }
}

/// What a world begins with.
pub struct Setup {
    /// Its seed: of delays and of what goes wrong by chance.
    pub seed: u64,
    /// When it begins.
    pub begins: Timestamp,
    /// From when on nothing goes wrong any more.
    pub heals_at: Timestamp,
    /// When it is given up.
    pub gives_up_at: Timestamp,
    /// What the engines decide by.
    pub rules: Rules,
    /// How many engines there are.
    pub engines: u8,
    /// Whether the journal hears the present leader only.
    pub has_a_pen: bool,
    /// Who takes part besides the police.
    pub members: Vec<Member>,
    /// Who reports.
    pub police: Organisation,
    /// To whom.
    pub veilig_thuis: Organisation,
    /// The police's own secret.
    pub key: Arc<ReferenceKey>,
    /// What is reported, and when.
    pub reports: Vec<(Timestamp, hwc_police::Submission)>,
    /// What goes wrong by chance.
    pub climate: Climate,
    /// Only these draws of chance strike.
    pub only: Option<std::collections::BTreeSet<u64>>,
    /// What goes wrong at its time.
    pub planned: Vec<Planned>,
    /// A planted bug.
    pub mutation: Option<Mutation>,
    /// How long a message takes, in milliseconds, from and to.
    pub latency_ms: (i64, i64),
}

/// How a world ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// By its own clock.
    pub ended_at: Timestamp,
    /// How many things happened.
    pub steps: u64,
    /// Whether it came to rest, or was given up.
    pub at_rest: bool,
    /// The draws of chance that struck.
    pub struck: Vec<u64>,
    /// What struck where.
    pub coverage: Coverage,
}

/// Most steps in a world with faults, beyond which it is said to run in circles.
const STEPS_MAX_PER_REPORT: u64 = 400_000;

/// What is to happen.
enum Due {
    /// An engine's alarm.
    Tick { engine: EngineNumber, life: u64 },
    /// An engine's request arrives at the broker.
    AtBroker { number: OpNumber, engine: EngineNumber, life: u64, epoch: Epoch, op: Op },
    /// The broker's answer arrives at the engine, or its patience ends.
    AtEngine { number: OpNumber, engine: EngineNumber, life: u64, input: Box<hwc_relay::Input> },
    /// A request of an organisation arrives where engines listen.
    Knock(Knock),
    /// An answer arrives at an organisation.
    Heard { request: RequestNumber, response: Response },
    /// An organisation's patience ends.
    Unheard { request: RequestNumber },
    /// Somebody who slept wakes.
    Wake(Waker),
    /// The broker hands out a task.
    HandOut { id: String },
    /// A task's acknowledgement arrives at the broker.
    Settled { id: String },
    /// A task comes back.
    PutBack { id: String },
    /// An organisation starts.
    Opens { party: PartyNumber },
    /// An engine starts.
    Starts { engine: EngineNumber },
    /// An engine would lead.
    Leads { engine: EngineNumber, life: u64 },
    /// A lease is over, unless it was renewed.
    Lapses { epoch: Epoch },
    /// An engine notices that another leads.
    Overtaken { engine: EngineNumber, life: u64 },
    /// The broker is there again.
    BrokerStarts,
    /// Orphans are looked for.
    Sweep,
    /// Tasks that are owed are offered again.
    OfferAgain,
    /// The broker's ceiling.
    Drop,
    /// The police take up a report.
    Report { place: usize },
    /// The police try again what could not be sent.
    SendAgain { place: usize },
    /// Something planned.
    Plan { place: usize },
    /// From here on all is well.
    Heal,
}

/// A simulated world.
pub struct World<'w> {
    now: Timestamp,
    setup: Setup,
    agenda: Agenda<Due>,
    dice: Dice,
    weather: Weather,
    broker: Broker,
    engines: BTreeMap<EngineNumber, Engine>,
    /// Who holds the lease: the broker's belief.
    lease: Option<(EngineNumber, Epoch)>,
    ether: Ether,
    parties: Vec<Party>,
    by_name: BTreeMap<Organisation, PartyNumber>,
    police: PartyNumber,
    reporting: Vec<Reporting>,
    hands: Hands<Ended>,
    ops_open: BTreeMap<OpNumber, (EngineNumber, u64)>,
    next_op: OpNumber,
    captured: Vec<(PartyNumber, crate::outfit::Request)>,
    /// What was said, for whoever says it again late; kept only where that is planned.
    overheard: Vec<(PartyNumber, crate::outfit::Request)>,
    overhears: bool,
    /// A copy of the broker's folder.
    copy: Option<crate::broker::Copy>,
    led_last: Option<EngineNumber>,
    /// After so many deeds the start of an engine that erases again is cut short.
    start_cut_after: Option<u32>,
    sweeps: u32,
    next_drop: Option<Timestamp>,
    healed: bool,
    watcher: &'w mut dyn Watcher,
    goes_on: bool,
    quiet_steps: u64,
}

impl<'w> World<'w> {
    /// A world that is about to begin.
    pub fn new(mut setup: Setup, watcher: &'w mut dyn Watcher) -> Self {
        let ether = Ether::default();
        ether.set_now(setup.begins);
        if setup.mutation == Some(Mutation::SwappedSeals) {
            ether.plant_swapped_seals();
        }
        let mut members = std::mem::take(&mut setup.members);
        members.push(Member::silent(setup.police.clone()));
        let parties: Vec<_> = members.into_iter().map(|member| Party::new(&ether, member)).collect();
        let by_name: BTreeMap<_, _> =
            parties.iter().enumerate().map(|(number, party)| (party.organisation.clone(), number)).collect();
        let police = by_name.get(&setup.police).copied().unwrap_or_default();
        let engines =
            (0..setup.engines).map(EngineNumber).map(|number| (number, Engine::default())).collect();
        let reports = std::mem::take(&mut setup.reports);
        let reporting: Vec<_> = reports.into_iter().map(Reporting::new).collect();
        let only = setup.only.clone();
        let mut world = Self {
            now: setup.begins,
            agenda: Agenda::new(),
            dice: Dice::new(setup.seed, "world"),
            weather: Weather::new(setup.seed, setup.climate.clone(), only, setup.heals_at),
            broker: Broker::new(setup.has_a_pen, tombstones_for(&setup.rules), setup.mutation),
            engines,
            lease: None,
            ether,
            parties,
            by_name,
            police,
            reporting,
            hands: Hands::new(),
            ops_open: BTreeMap::new(),
            next_op: 0,
            captured: Vec::new(),
            overheard: Vec::new(),
            overhears: setup.planned.iter().any(|one| matches!(one.fault, Fault::SaidAgain)),
            copy: None,
            led_last: None,
            start_cut_after: None,
            sweeps: 0,
            next_drop: None,
            healed: false,
            watcher,
            goes_on: true,
            quiet_steps: 0,
            setup,
        };
        world.begin();
        world
    }

    fn begin(&mut self) {
        if self.watcher.is_curious() {
            let key = &self.setup.key;
            let named = self.reporting.iter().enumerate().map(|(place, one)| {
                let report = &one.submission;
                let incident = key.incident(&report.report_id);
                ((incident, report.report.reported_at), crate::truth::ReportNumber(place))
            });
            self.ether.write_down(named.collect());
        }
        for engine in self.engines.keys().copied().collect::<Vec<_>>() {
            self.agenda.put(self.now, Due::Starts { engine });
        }
        for party in 0..self.parties.len() {
            self.agenda.put(self.now, Due::Opens { party });
        }
        for (place, one) in self.reporting.iter().enumerate() {
            self.agenda.put(one.at, Due::Report { place });
        }
        for (place, planned) in self.setup.planned.iter().enumerate() {
            self.agenda.put(planned.at, Due::Plan { place });
        }
        self.agenda.put(self.setup.heals_at, Due::Heal);
    }

    /// Lives until nothing is left to happen, or it is given up.
    pub fn live(mut self) -> Outcome {
        let steps_max = STEPS_MAX_PER_REPORT.saturating_mul(self.reporting.len() as u64 + 1);
        let mut steps = 0;
        let mut at_rest = true;
        self.settle();
        while self.goes_on {
            let Some((at, due)) = self.agenda.take() else { break };
            steps += 1;
            if at > self.setup.gives_up_at || steps > steps_max {
                at_rest = false;
                break;
            }
            self.now = self.now.max(at);
            self.ether.set_now(self.now);
            self.broker.drop_tombstones(self.now);
            self.happens(due);
            self.settle();
        }
        if self.goes_on && self.watcher.is_curious() {
            self.tell(Happened::Holds(Box::new(self.holdings())));
        }
        if self.goes_on {
            self.tell(Happened::Over);
        }
        let Weather { struck, coverage, .. } = self.weather;
        Outcome { ended_at: self.now, steps, at_rest, struck, coverage }
    }

    fn happens(&mut self, due: Due) {
        match due {
            Due::Tick { engine, life } => self.tick(engine, life),
            Due::AtBroker { number, engine, life, epoch, op } => {
                self.at_broker(number, (engine, life, epoch), op);
            }
            Due::AtEngine { number, engine, life, input } => self.at_engine(number, engine, life, *input),
            Due::Knock(knock) => self.knock(knock),
            Due::Heard { request, response } => self.ether.answer(request, Ok(response)),
            Due::Unheard { request } => {
                self.ether.answer(request, Err(hwc_adapter_kit::door::DoorError::Unknown));
            }
            Due::Wake(waker) => waker.wake(),
            Due::HandOut { id } => self.hand_out(&id),
            Due::Settled { id } => self.broker.settle(&id),
            Due::PutBack { id } => self.put_back(&id),
            Due::Opens { party } => self.opens(party),
            Due::Starts { engine } => self.engine_starts(engine),
            Due::Leads { engine, life } => self.would_lead(engine, life),
            Due::Lapses { epoch } => self.lapses(epoch),
            Due::Overtaken { engine, life } => self.overtaken(engine, life),
            Due::BrokerStarts => self.broker_starts(),
            Due::Sweep => self.sweep(),
            Due::OfferAgain => self.offer_again(),
            Due::Drop => self.drop_old(),
            Due::Report { place } => self.take_up(place),
            Due::SendAgain { place } => self.send(place),
            Due::Plan { place } => self.plan(place),
            Due::Heal => self.heal(),
        }
    }

    /// Everybody who was woken goes on, until nobody is; what they asked for goes on its way.
    fn settle(&mut self) {
        loop {
            for seen in self.ether.take_seen() {
                self.tell(seen);
            }
            for (at, waker) in self.ether.take_timers() {
                self.agenda.put(at.max(self.now), Due::Wake(waker));
            }
            while let Some(asked) = self.ether.next_asked() {
                self.leaves(asked);
            }
            let Some((hand, ended)) = self.hands.go_on() else { break };
            if let Some(ended) = ended {
                self.hand_ended(hand, ended);
            }
        }
        for seen in std::mem::take(&mut self.broker.seen) {
            self.tell(seen);
        }
    }

    fn tell(&mut self, what: Happened) {
        self.goes_on &= self.watcher.saw(Entry { at: self.now, what });
    }

    fn has(&self, mutation: Mutation) -> bool {
        self.setup.mutation == Some(mutation)
    }

    fn after(&self, wait: SignedDuration) -> Timestamp {
        self.now.checked_add(wait).unwrap_or(Timestamp::MAX)
    }

    /// How long a message takes, when nothing is wrong.
    fn on_the_way(&mut self) -> SignedDuration {
        let (least, most) = self.setup.latency_ms;
        SignedDuration::from_millis(if most > least { self.dice.between(least, most) } else { least })
    }

    fn seconds(&mut self, least: i64, most: i64) -> SignedDuration {
        SignedDuration::from_millis(self.dice.between(least * 1000, most * 1000))
    }
}

fn tombstones_for(rules: &Rules) -> SignedDuration {
    SignedDuration::from_hours(24 * i64::from(rules.policy.tombstone_days()))
}
