//! Many worlds, one after the other, on every core: until the number is reached, or something is wrong.

use std::{
    collections::BTreeMap,
    num::NonZero,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use crate::{Case, Coverage, Mutation, NoWorld, Verdict, checkers::Violation};

/// How to hunt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hunt {
    /// The first seed.
    pub first: u64,
    /// How many worlds.
    pub count: u64,
    /// A planted bug.
    pub mutation: Option<Mutation>,
    /// After so many failing worlds it ends.
    pub failures_max: usize,
}

/// A world in which something was wrong.
#[derive(Debug, Clone)]
pub struct Failure {
    /// The world.
    pub case: Case,
    /// What was wrong.
    pub violations: Vec<Violation>,
}

/// What a hunt found.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// How many worlds were lived through.
    pub worlds: u64,
    /// How many things happened in them.
    pub steps: u64,
    /// How many things were written down and judged.
    pub entries: u64,
    /// How many reports there were.
    pub reports: u64,
    /// What struck where.
    pub coverage: Coverage,
    /// Worlds in which something was wrong, by seed.
    pub failures: BTreeMap<u64, Failure>,
}

impl Found {
    fn add(&mut self, case: Case, verdict: Verdict) {
        self.worlds += 1;
        self.entries += verdict.entries as u64;
        self.reports += verdict.reports as u64;
        if let Some(outcome) = verdict.outcome {
            self.steps += outcome.steps;
            for (struck, times) in outcome.coverage {
                *self.coverage.entry(struck).or_default() += times;
            }
        }
        if !verdict.violations.is_empty() {
            self.failures.insert(case.seed, Failure { case, violations: verdict.violations });
        }
    }
}

impl Hunt {
    /// Lives through the worlds. `progress` hears now and then how far it is.
    pub fn run(self, progress: impl Fn(&Found) + Sync) -> Result<Found, NoWorld> {
        let found = Mutex::new(Found::default());
        let trouble: Mutex<Option<NoWorld>> = Mutex::new(None);
        let next = AtomicU64::new(0);
        let threads = thread::available_parallelism().map_or(1, NonZero::get);
        thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    loop {
                        let place = next.fetch_add(1, Ordering::Relaxed);
                        if place >= self.count {
                            return;
                        }
                        let case =
                            Case { mutation: self.mutation, ..Case::of(self.first.saturating_add(place)) };
                        let tried = case.try_out();
                        let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
                        match tried {
                            Ok(verdict) => found.add(case, verdict),
                            Err(error) => {
                                *trouble.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                                next.store(self.count, Ordering::Relaxed);
                            }
                        }
                        if found.failures.len() >= self.failures_max {
                            next.store(self.count, Ordering::Relaxed);
                        }
                        progress(&found);
                    }
                });
            }
        });
        match trouble.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(error) => Err(error),
            None => Ok(found.into_inner().unwrap_or_else(PoisonError::into_inner)),
        }
    }
}
