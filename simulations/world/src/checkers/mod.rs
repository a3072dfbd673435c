//! What must hold in every world, one rule of the game per file. Each is written from `docs/rules.md` and what happened, and
//! uses nothing of the program that is judged.
//!
//! Beside the checkers lie what they share, written for them: [`ledger`] folds the durable events, [`calendar`] knows the
//! days (R17 to R20), [`names`] matches children (R16), [`household`] tells who counts (R2 to R9) and [`routing`] where to
//! (R11 to R16).
//!
//! # What a checker forgives
//!
//! * *The dishonest*: what they decide is theirs, and nobody judges it. What they must not achieve is judged all the same.
//! * *Storage that lied* about an incident ([`Happened::StorageLied`]): its events and ciphertexts may be what they were
//!   before, so nothing is demanded of their order and number. It still ends, nobody is told more, no ceiling is passed.
//! * *An old copy of the broker's folder* ([`Happened::PutBack`]) loses what came after it, so it is a storage that lied; what
//!   ended does not come back with it all the same.
//! * *Clocks* that are wrong by `clock_error_max`: the time in an event may be off by as much, two of them by twice as much.
//!   What one engine decides by its own clock, it stamps with that clock, and is held to it exactly.
//! * *What is on its way*: a message that left in time may take effect up to [`ON_ITS_WAY_MAX`] later.

pub(crate) mod calendar;
mod ceiling;
mod ends;
mod forgotten;
mod household;
mod ledger;
mod monitoring;
mod names;
mod once;
mod over_for_good;
mod owned;
mod purged;
mod right_school;
mod routing;
mod screened_first;
#[cfg(test)]
mod story;
mod told;

use hwc_schemas::{Organisation, Role};
use jiff::SignedDuration;

pub use ceiling::Ceiling;
pub use ends::{Ends, OFFERED_WITHIN};
pub use forgotten::Forgotten;
pub use monitoring::Monitoring;
pub use once::Once;
pub use over_for_good::OverForGood;
pub use owned::{Owned, SWEPT_WITHIN};
pub use purged::{ERASED_WITHIN, FORGOTTEN_WITHIN, PURGED_WITHIN, Purged};
pub use right_school::{PROMPT_WITHIN, RightSchool};
pub use screened_first::ScreenedFirst;
pub use told::Told;

#[cfg(doc)]
use crate::chronicle::Happened;
use crate::{chronicle::Entry, truth::Truth};

/// How long a message is on its way at most while nothing is broken.
pub const ON_ITS_WAY_MAX: SignedDuration = SignedDuration::from_secs(60);

/// How long after the healing something of before may still arrive, and an engine may still find that it was overtaken.
pub const CALM_AFTER: SignedDuration = SignedDuration::from_mins(3);

/// Something that must not happen, happened. In words; the people are invented.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{checker}: {what}")]
pub struct Violation {
    /// Who noticed.
    pub checker: &'static str,
    /// At which entry, counted from 0; as many as there are when it was noticed at the end.
    pub entry: usize,
    /// What is wrong.
    pub what: String,
}

/// Judges one world, entry by entry.
pub trait Checker {
    /// Its name, as in tables.
    fn name(&self) -> &'static str;

    /// Something happened.
    fn see(&mut self, entry: &Entry, truth: &Truth) -> Result<(), String>;

    /// Nothing more happens: the world has healed and come to rest, or was given up because it never did.
    fn end(&mut self, truth: &Truth) -> Result<(), String>;
}

/// Every checker, fresh: for one world.
pub fn all() -> Vec<Box<dyn Checker>> {
    vec![
        Box::new(ScreenedFirst::default()),
        Box::new(RightSchool::default()),
        Box::new(Once::default()),
        Box::new(Ends::default()),
        Box::new(Purged::default()),
        Box::new(Ceiling::default()),
        Box::new(Owned::default()),
        Box::new(Monitoring::default()),
        Box::new(Told::default()),
        Box::new(OverForGood::default()),
        Box::new(Forgotten::default()),
    ]
}

/// All checkers together over one world. Each says the first thing that it finds wrong, and then looks no further.
pub struct Jury {
    sitting: Vec<Box<dyn Checker>>,
    seen: usize,
    violations: Vec<Violation>,
}

impl Default for Jury {
    fn default() -> Self {
        Self { sitting: all(), seen: 0, violations: Vec::new() }
    }
}

impl Jury {
    /// Shows the next entry to whoever still sits.
    pub fn see(&mut self, entry: &Entry, truth: &Truth) {
        self.ask(|checker| checker.see(entry, truth));
        self.seen += 1;
    }

    /// Nothing more happens.
    pub fn end(&mut self, truth: &Truth) {
        self.ask(|checker| checker.end(truth));
    }

    /// What was found so far, the earliest first.
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    fn ask(&mut self, mut question: impl FnMut(&mut dyn Checker) -> Result<(), String>) {
        let (seen, violations) = (self.seen, &mut self.violations);
        self.sitting.retain_mut(|checker| match question(checker.as_mut()) {
            Ok(()) => true,
            Err(what) => {
                violations.push(Violation { checker: checker.name(), entry: seen, what });
                false
            }
        });
    }
}

/// Whether this organisation is one that does not lie.
fn honest(who: &Organisation, truth: &Truth) -> bool {
    !truth.dishonest.contains(who)
}

/// Whether nobody of this role lies.
fn all_honest(role: Role, truth: &Truth) -> bool {
    truth.dishonest.iter().all(|who| who.role() != role)
}

/// Says no, with these words, unless it holds.
fn demand(holds: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what()) }
}
