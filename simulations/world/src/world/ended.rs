//! What ended, in each engine's state folder: written down before anything is erased, read at every start. What follows from it
//! is decided by production code ([`hwc_relay::ended`]); the folder and the order of the deeds are those of the program.

use std::collections::{BTreeMap, HashSet};

use hwc_journal::{History, Position};
use hwc_relay::ended::{self, AtStart, Ids, KeptFor};
use hwc_schemas::{IncidentId, PayloadId};
use jiff::Timestamp;

use super::{World, network::Op};
use crate::{
    broker::Epoch,
    chronicle::{EngineHolds, EngineNumber, Happened, Holdings},
    mutation::Mutation,
};

const SECONDS_OF_A_DAY: i64 = 86_400;

/// What an engine keeps outside the broker; it outlives the engine.
#[derive(Debug, Default)]
pub(super) struct StateFolder {
    incidents: BTreeMap<IncidentId, i32>,
    payloads: BTreeMap<PayloadId, i32>,
    started_on: i32,
}

/// What a start found, and what is left of it when it is cut short.
type InFlight = Vec<(IncidentId, History)>;

fn day_of(now: Timestamp) -> i32 {
    i32::try_from(now.as_second().div_euclid(SECONDS_OF_A_DAY)).unwrap_or(i32::MAX)
}

impl StateFolder {
    /// At a start: what is old goes.
    pub(super) fn open(&mut self, kept_for: KeptFor, today: i32) {
        self.incidents.retain(|_, day| kept_for.keeps_incident(*day, today));
        self.payloads.retain(|_, day| kept_for.keeps_payload(*day, today));
    }

    fn known(&self, asked: &Ids) -> Ids {
        Ids {
            incidents: asked
                .incidents
                .iter()
                .filter(|one| self.incidents.contains_key(one))
                .copied()
                .collect(),
            payloads: asked.payloads.iter().filter(|one| self.payloads.contains_key(one)).copied().collect(),
        }
    }
}

impl World<'_> {
    fn kept_for(&self) -> KeptFor {
        KeptFor::by(&self.setup.rules.policy)
    }

    /// An engine's process starts.
    pub(super) fn opens_its_folder(&mut self, number: EngineNumber) {
        let (kept_for, today) = (self.kept_for(), day_of(self.engine_now(number)));
        let for_ever = self.has(Mutation::IdsForEver);
        let Some(engine) = self.engines.get_mut(&number) else { return };
        engine.folder.started_on = today;
        if !for_ever {
            engine.folder.open(kept_for, today);
        }
    }

    /// What is about to be erased is written down first.
    pub(super) fn notes(&mut self, number: EngineNumber, op: &Op) {
        let today = day_of(self.engine_now(number));
        let Some(engine) = self.engines.get_mut(&number) else { return };
        match op {
            Op::Forget { incident, .. } => {
                engine.folder.incidents.insert(*incident, today);
            }
            Op::Erase { payload, .. } => {
                engine.folder.payloads.insert(*payload, today);
            }
            _ => {}
        }
    }

    /// What an engine that has just taken the pen does before it offers anything; what goes on. None when it died of it.
    pub(super) fn begins_cleanly(&mut self, number: EngineNumber, epoch: Epoch) -> Option<InFlight> {
        if self.has(Mutation::NoEndedIds) {
            return Some(self.broker.in_flight());
        }
        self.learns(number, epoch)?;
        self.purges_again(number, epoch)
    }

    fn learns(&mut self, number: EngineNumber, epoch: Epoch) -> Option<()> {
        if self.has(Mutation::LearnsNothing) {
            return Some(());
        }
        let (kept_for, today) = (self.kept_for(), day_of(self.engine_now(number)));
        let found = self.broker.tombstones();
        let tombstones: HashSet<_> = found.iter().map(|(incident, _)| *incident).collect();
        let folder = &self.engines.get(&number)?.folder;
        let noted = folder.incidents.iter().filter(|(_, day)| kept_for.has_its_tombstone(**day, today));
        let noted: HashSet<_> = noted.map(|(incident, _)| *incident).collect();
        let live = self.broker.in_flight().into_iter().map(|(incident, _)| incident);
        let known: HashSet<_> = live.chain(tombstones.iter().copied()).collect();
        let again = ended::unremembered(noted.iter().copied(), |one| known.contains(one));
        if !again.is_empty() && !self.has(Mutation::TellsNothing) {
            self.takes_back(number, |one| noted.contains(&one) || tombstones.contains(&one))?;
            for incident in again {
                self.deed(number)?;
                let _ = self.broker.forget(epoch, incident, Position::NONE, self.now);
            }
        }
        let now = self.now;
        let folder = &mut self.engines.get_mut(&number)?.folder;
        for (incident, since) in found {
            let days = now.duration_since(since).as_secs().div_euclid(SECONDS_OF_A_DAY);
            let day = today.saturating_sub(i32::try_from(days).unwrap_or(i32::MAX));
            folder.incidents.entry(incident).or_insert(day);
        }
        Some(())
    }

    fn purges_again(&mut self, number: EngineNumber, epoch: Epoch) -> Option<InFlight> {
        let (in_flight, today) = (self.broker.in_flight(), day_of(self.engine_now(number)));
        let learns = !self.has(Mutation::LearnsNothing);
        let folder = &mut self.engines.get_mut(&number)?.folder;
        for payload in ended::erased(&in_flight).into_iter().filter(|_| learns) {
            folder.payloads.entry(payload).or_insert(today);
        }
        let known = folder.known(&Ids::held(&in_flight));
        let start = AtStart::of(in_flight, &known);
        if start.is_clean() {
            return Some(start.goes_on);
        }
        self.tell(Happened::Fault(format!("engine {} finds what ended, and erases it again", number.0)));
        self.takes_back(number, |one| start.ended.contains(&one))?;
        for (payload, location) in start.erase {
            self.deed(number)?;
            self.broker.erase(payload, location);
        }
        for (incident, position, _) in start.forget {
            self.deed(number)?;
            let _ = self.broker.forget(epoch, incident, position, self.now);
        }
        Some(start.goes_on)
    }

    fn takes_back(&mut self, number: EngineNumber, ended: impl Fn(IncidentId) -> bool) -> Option<()> {
        if !self.has(Mutation::KeepsTasks) && self.broker.withdraw(ended) > 0 {
            self.deed(number)?;
        }
        Some(())
    }

    /// One more thing that a start does; it may be the one of which it dies.
    fn deed(&mut self, number: EngineNumber) -> Option<()> {
        let Some(left) = self.start_cut_after else { return Some(()) };
        self.start_cut_after = left.checked_sub(1);
        if left == 0 {
            let back = self.seconds(1, 30);
            self.engine_dies(number, back);
            return None;
        }
        Some(())
    }

    /// What is there, wherever it is.
    pub(super) fn holdings(&self) -> Holdings {
        let mut holdings = Holdings { led_last: self.led_last, ..Holdings::default() };
        self.broker.holdings(&mut holdings);
        holdings.in_hand = self.in_hand();
        let engines = self.engines.iter().map(|(number, engine)| {
            let known = engine.leading.iter().flat_map(|leading| leading.relay.incidents());
            let holds = EngineHolds {
                known: known.map(|(incident, _)| incident).collect(),
                incidents: engine.folder.incidents.iter().map(|(one, day)| (*one, *day)).collect(),
                payloads: engine.folder.payloads.iter().map(|(one, day)| (*one, *day)).collect(),
                started_on: engine.folder.started_on,
            };
            (*number, holds)
        });
        holdings.engines = engines.collect();
        holdings
    }
}
