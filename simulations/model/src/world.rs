//! The world at one moment. `possible` says what may happen next, `becomes` what becomes of it.

use std::{collections::BTreeSet, sync::Arc};

use hwc_schemas::PayloadId;
use jiff::Timestamp;

use crate::{
    bounds::Leading,
    engine::Engine,
    outside::{Message, Outside},
    people::Ask,
    print,
    region::{Kind, Scene, payload},
};

/// How many ciphertexts of one kind, for one child, are about at one time.
pub(crate) const NAMES_MAX: u8 = 3;

/// Everything.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) engines: [Option<Arc<Engine>>; 2],
    /// Where each engine's clock stands.
    pub(crate) moments: [usize; 2],
    /// The engine that organisations turn to.
    pub(crate) asked: usize,
    pub(crate) outside: Outside,
    /// What was given up and may still arrive.
    pub(crate) strays: Vec<Arc<Message>>,
    /// What somebody asked and has not been answered. Who is not answered asks again.
    pub(crate) open: BTreeSet<Ask>,
    /// How many faults there were. No part of the state: who came here with fewer can do all that others can.
    pub(crate) faults: u8,
}

impl World {
    pub(crate) fn new(scene: &Scene) -> Self {
        let engine = |pen| Some(Arc::new(Engine::new(scene.unborn.clone(), pen)));
        let other = (scene.bounds.leading == Leading::Both).then(|| engine(true)).flatten();
        let mut world = Self {
            engines: [engine(true), other],
            moments: [0; 2],
            asked: 0,
            outside: Outside::new(),
            strays: Vec::new(),
            open: BTreeSet::new(),
            faults: 0,
        };
        world.fingerprint(scene);
        world
    }

    /// The fingerprint. The two engines are alike: which of them is which makes no difference.
    pub(crate) fn print(&self) -> u128 {
        let engines = self.engines.iter().zip(self.moments).enumerate().map(|(which, (engine, moment))| {
            (engine.as_ref().map(|engine| engine.print), moment, which == self.asked)
        });
        print::of(&(print::of_all(engines), self.outside.print(), print::of_all(&self.strays), &self.open))
    }

    pub(crate) fn engine(&self, which: usize) -> Option<&Engine> {
        self.engines.get(which)?.as_deref()
    }

    pub(crate) fn now(&self, engine: usize, scene: &Scene) -> Timestamp {
        scene.moments[self.moments[engine]].0
    }

    pub(crate) fn running(&self) -> impl Iterator<Item = (usize, &Engine)> {
        self.engines.iter().enumerate().filter_map(|(which, engine)| Some((which, engine.as_deref()?)))
    }

    /// Whether everything is over, and nothing is left of it.
    pub(crate) fn is_over(&self) -> bool {
        let log = &self.outside.log;
        let forgotten = log.is_empty() || (log.tombstone && !log.remains);
        forgotten && self.outside.store.is_empty() && self.running().all(|(_, engine)| engine.is_at_rest())
    }

    /// Takes the fingerprints of the engines that changed.
    pub(crate) fn fingerprint(&mut self, scene: &Scene) {
        for engine in self.engines.iter_mut().flatten().filter(|engine| engine.print.is_none()) {
            Arc::make_mut(engine).fingerprint(scene.bounds.any_order);
        }
    }

    /// The first name of this kind that nothing and nobody knows.
    pub(crate) fn new_name(&self, kind: Kind) -> PayloadId {
        let mut known: Vec<PayloadId> = self.outside.store.keys().copied().collect();
        known.extend(self.outside.log.names());
        known.extend(self.outside.log.truth.payloads());
        known.extend(self.running().flat_map(|(_, engine)| engine.names()));
        known.extend(self.strays.iter().flat_map(|message| message.names()));
        let mut names = (1..=NAMES_MAX).map(|n| payload(kind, n));
        names.find(|name| !known.contains(name)).unwrap_or_else(|| payload(kind, NAMES_MAX + 1))
    }
}
