//! Visits every state, breadth first, and then asks of each whether it ends well by itself.
//!
//! A state is remembered by its fingerprint, with the smallest number of faults that it was reached with: whoever comes there
//! with fewer can do all that others can. How a state was reached is remembered as a chain of steps, so the first
//! counterexample found is as short as any.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
    num::NonZeroUsize,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering},
    },
    thread,
};

use crate::{
    bounds::{Bounds, Planted},
    region::{Scene, SceneError},
    sights::Sights,
    step::Step,
    trace::Counterexample,
    world::World,
};

/// What a check found.
#[derive(Debug)]
pub struct Found {
    /// Different states.
    pub states: usize,
    /// Steps taken, from each state each that is possible.
    pub transitions: usize,
    /// The most steps that the shortest way to a state takes.
    pub depth: usize,
    /// The most states that waited to be looked at.
    pub widest: usize,
    /// Whether every state within the bounds was visited.
    pub complete: bool,
    /// What was seen on the way.
    pub sights: Sights,
    /// What is wrong, with the way there; none when nothing is.
    pub counterexample: Option<Counterexample>,
}

/// A fingerprint is as good a hash as any.
#[derive(Default)]
pub(crate) struct AsItIs(u64);

impl Hasher for AsItIs {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.0 ^= u64::from_le_bytes(word);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// What is remembered of a state.
#[derive(Debug, Clone, Copy)]
struct Seen {
    /// Its number.
    state: u32,
    /// The end of the way by which it was reached with so few faults.
    way: u32,
    faults: u8,
}

type Shard = HashMap<u128, Seen, BuildHasherDefault<AsItIs>>;

const SHARDS: usize = 64;

/// A state without a successor of its own in fair weather.
const NONE: u32 = u32::MAX;

/// How a state was reached: by which step from where.
#[derive(Debug, Clone, Copy)]
struct Way {
    from: u32,
    step: u16,
}

/// What was found out about a state when it was looked at.
struct Looked {
    state: u32,
    over: bool,
    /// Which state comes next when nothing goes wrong any more: if everybody does what is asked of them, and if nobody does.
    next: [u32; 2],
}

/// What the threads share.
struct Memory {
    shards: Vec<Mutex<Shard>>,
    states: AtomicU32,
    ways: AtomicU32,
    stop: AtomicBool,
}

fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Memory {
    fn new() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::new(Shard::default())).collect(),
            states: AtomicU32::new(0),
            ways: AtomicU32::new(0),
            stop: AtomicBool::new(false),
        }
    }

    fn shard(&self, print: u128) -> &Mutex<Shard> {
        let place = usize::try_from(print >> 122).unwrap_or(0);
        &self.shards[place % SHARDS]
    }

    /// Remembers a state. Gives its number, and the way if it is new or was reached with fewer faults than before.
    fn meet(&self, print: u128, faults: u8) -> (u32, Option<u32>) {
        let mut shard = hold(self.shard(print));
        match shard.get_mut(&print) {
            Some(seen) if seen.faults <= faults => (seen.state, None),
            Some(seen) => {
                let way = self.ways.fetch_add(1, Ordering::Relaxed);
                (seen.faults, seen.way) = (faults, way);
                (seen.state, Some(way))
            }
            None => {
                let state = self.states.fetch_add(1, Ordering::Relaxed);
                let way = self.ways.fetch_add(1, Ordering::Relaxed);
                shard.insert(print, Seen { state, way, faults });
                (state, Some(way))
            }
        }
    }

    /// Whether this is still the best way there is to the state.
    fn is_best(&self, print: u128, way: u32) -> bool {
        hold(self.shard(print)).get(&print).is_some_and(|seen| seen.way == way)
    }
}

/// A state that is to be looked at.
struct Waiting {
    print: u128,
    state: u32,
    way: u32,
    world: World,
}

/// What one thread found in one round.
#[derive(Default)]
struct Round {
    waiting: Vec<Waiting>,
    ways: Vec<(u32, Way)>,
    looked: Vec<Looked>,
    transitions: usize,
    sights: Sights,
    /// The way to a state, the step from there, and what is wrong.
    wrong: Option<(u32, Step, String)>,
}

/// Everything that was remembered.
struct Tree {
    ways: Vec<Way>,
    /// For each state: whether it is over, what comes next, and the way to it.
    next: Vec<[u32; 2]>,
    over: Vec<bool>,
    way_to: Vec<u32>,
}

impl Tree {
    fn take(&mut self, round: &Round, states: usize, ways: usize) {
        self.ways.resize(ways, Way { from: NONE, step: 0 });
        for (way, how) in &round.ways {
            self.ways[*way as usize] = *how;
        }
        self.next.resize(states, [NONE; 2]);
        self.over.resize(states, false);
        self.way_to.resize(states, NONE);
        for looked in &round.looked {
            self.next[looked.state as usize] = looked.next;
            self.over[looked.state as usize] = looked.over;
        }
    }

    /// The places of the steps that lead there, from the beginning.
    fn steps_to(&self, mut way: u32) -> Vec<u16> {
        let mut steps = Vec::new();
        while let Some(how) = self.ways.get(way as usize).filter(|how| how.from != NONE) {
            steps.push(how.step);
            way = how.from;
        }
        steps.reverse();
        steps
    }

    /// A state from which the world does not end by itself, if nobody does anything wrong any more; and which of the two
    /// continuations it is. Every chain is followed once.
    fn endless(&self) -> Option<(u32, usize)> {
        const UNKNOWN: u8 = 0;
        const ON_THE_WAY: u8 = 1;
        const GOOD: u8 = 2;
        for which in 0..2 {
            let mut known = vec![UNKNOWN; self.next.len()];
            for first in 0..self.next.len() {
                let mut chain = Vec::new();
                let mut at = first;
                while known[at] == UNKNOWN {
                    known[at] = ON_THE_WAY;
                    chain.push(at);
                    if self.over[at] {
                        known[at] = GOOD;
                    } else if self.next[at][which] == NONE {
                        return Some((u32::try_from(first).unwrap_or(NONE), which));
                    } else {
                        at = self.next[at][which] as usize;
                    }
                }
                if known[at] == ON_THE_WAY {
                    return Some((u32::try_from(first).unwrap_or(NONE), which));
                }
                for one in chain {
                    known[one] = GOOD;
                }
            }
        }
        None
    }
}

/// Visits every state within the bounds, until something is wrong. `told` hears from time to time how far it has come: the
/// depth, the states so far, and those that wait.
pub fn check(
    bounds: Bounds,
    planted: Option<Planted>,
    mut told: impl FnMut(usize, usize, usize),
) -> Result<Found, SceneError> {
    let scene = Scene::new(bounds, planted)?;
    let memory = Memory::new();
    let mut tree = Tree { ways: Vec::new(), next: Vec::new(), over: Vec::new(), way_to: Vec::new() };
    let mut found = Found {
        states: 0,
        transitions: 0,
        depth: 0,
        widest: 0,
        complete: true,
        sights: Sights::default(),
        counterexample: None,
    };
    let world = World::new(&scene);
    let print = world.print();
    let (state, _) = memory.meet(print, 0);
    let mut waiting = vec![Waiting { print, state, way: 0, world }];
    let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    while !waiting.is_empty() {
        let rounds = look_at_all(&waiting, &memory, &scene, threads);
        let states = memory.states.load(Ordering::Relaxed) as usize;
        let ways = memory.ways.load(Ordering::Relaxed) as usize;
        let mut next = Vec::new();
        for mut round in rounds {
            tree.take(&round, states, ways);
            found.transitions += round.transitions;
            found.sights.add(&round.sights);
            if let Some((way, step, what)) = round.wrong.take()
                && found.counterexample.is_none()
            {
                let steps = tree.steps_to(way);
                found.counterexample = Some(Counterexample::of(&scene, &steps, Some(&step), &what));
            }
            next.append(&mut round.waiting);
        }
        found.states = states;
        if found.counterexample.is_some() {
            found.complete = false;
            return Ok(found);
        }
        next.retain(|one| memory.is_best(one.print, one.way));
        for one in &next {
            tree.way_to[one.state as usize] = one.way;
        }
        waiting = next;
        found.widest = found.widest.max(waiting.len());
        if !waiting.is_empty() {
            found.depth += 1;
        }
        told(found.depth, found.states, waiting.len());
        if found.states > scene.bounds.states_max {
            found.complete = false;
            return Ok(found);
        }
    }
    if let Some((state, which)) = tree.endless() {
        let steps = tree.steps_to(tree.way_to[state as usize]);
        found.counterexample = Some(Counterexample::endless(&scene, &steps, which));
    }
    Ok(found)
}

fn look_at_all(waiting: &[Waiting], memory: &Memory, scene: &Scene, threads: usize) -> Vec<Round> {
    const AT_ONCE: usize = 64;
    let taken = AtomicUsize::new(0);
    let work = || {
        let mut round = Round::default();
        loop {
            let from = taken.fetch_add(AT_ONCE, Ordering::Relaxed);
            if from >= waiting.len() || memory.stop.load(Ordering::Relaxed) {
                return round;
            }
            for one in &waiting[from..waiting.len().min(from + AT_ONCE)] {
                look_at(one, memory, scene, &mut round);
            }
        }
    };
    if threads < 2 || waiting.len() < 4 * AT_ONCE {
        return vec![work()];
    }
    thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        running.into_iter().filter_map(|one| one.join().ok()).collect()
    })
}

/// Takes every step that is possible from one state.
fn look_at(one: &Waiting, memory: &Memory, scene: &Scene, round: &mut Round) {
    let steps = one.world.steps(scene);
    let in_turn = |asked: bool| {
        let possible = steps.iter().enumerate().filter(|(_, step)| asked || !step.is_asking());
        let next = possible.filter_map(|(place, step)| Some((step.turn()?, place))).min();
        next.map(|(_, place)| place)
    };
    let fair = [in_turn(true), in_turn(false)];
    let mut looked = Looked { state: one.state, over: one.world.is_over(), next: [NONE; 2] };
    for (place, step) in steps.iter().enumerate() {
        round.transitions += 1;
        let world = match one.world.after(step, scene, &mut round.sights) {
            Ok(world) => world,
            Err(what) => {
                memory.stop.store(true, Ordering::Relaxed);
                round.wrong.get_or_insert((one.way, step.clone(), what));
                return;
            }
        };
        let print = world.print();
        let (state, way) = memory.meet(print, world.faults);
        for (next, fair) in looked.next.iter_mut().zip(fair) {
            if fair == Some(place) {
                *next = state;
            }
        }
        if let Some(way) = way {
            let step = u16::try_from(place).unwrap_or(u16::MAX);
            round.ways.push((way, Way { from: one.way, step }));
            round.waiting.push(Waiting { print, state, way, world });
        }
    }
    round.looked.push(looked);
}
