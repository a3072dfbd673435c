//! What is to be done about the keys, as a pure function of what the engine says, what we have, and how long ago it was said.
//!
//! A key is destroyed when the engine said for ten minutes on end, by a clock that nobody sets, that it neither hands it out nor
//! holds anything that is sealed to it. Once would not do: what is on its way to the engine is in neither place for a moment.
//! Nor would the two ends of an outage: who was not told meanwhile knows nothing of that while. No date decides it, so no wrong
//! clock does.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use hwc_schemas::{KeyId, key::KeyKind};
use jiff::civil::Date;

/// For how long a key is nowhere, answer after answer, before it is destroyed.
pub(super) const GONE_FOR: Duration = Duration::from_mins(10);
/// How far apart two answers are at most that say something of the time between them.
const UNSEEN_FOR_MAX: Duration = Duration::from_mins(3);
/// Keys that we have at once, at most: beyond it none is made, and what is sealed to us is sealed to what is there.
const KEYS_MAX: usize = 8_192;
/// A weekly key is followed by another after so many days.
const WEEK_DAYS: i32 = 7;

/// What the engine said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// The keys of ours that it hands out.
    pub stock: BTreeSet<KeyId>,
    /// Of the keys that we have those that something is sealed to; none if it does not know just now.
    pub living: Option<BTreeSet<KeyId>>,
}

/// What is to be done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Destroy these.
    pub destroy: Vec<KeyId>,
    /// Have these handed out no more: nobody has their private halves.
    pub withdraw: Vec<KeyId>,
    /// Make so many one-time keys and leave them.
    pub make: usize,
    /// Make the key of a new week, and leave it.
    pub rotate: bool,
}

/// Remembers since when a key is missing, as far as that was seen without a gap.
#[derive(Debug, Default)]
pub struct Planner {
    /// When the engine was last asked and answered.
    seen_at: Option<Duration>,
    missing_since: BTreeMap<KeyId, Duration>,
}

impl Planner {
    /// Plans. `own`: every key that we had when the engine was asked. `keys_wanted`: one-time keys that the stock shall have.
    /// `at`: when the engine was asked, on a clock that nobody sets and that never goes back. `today`: the day on the wall, in UTC.
    pub fn plan(
        &mut self,
        seen: &Seen,
        own: &BTreeMap<KeyId, KeyKind>,
        keys_wanted: usize,
        (at, today): (Duration, Date),
    ) -> Plan {
        let mut plan = Plan::default();
        plan.withdraw.extend(seen.stock.iter().filter(|key| !own.contains_key(key)));
        if self.seen_at.replace(at).is_some_and(|before| at.saturating_sub(before) > UNSEEN_FOR_MAX) {
            self.missing_since.clear();
        }
        self.missing_since.retain(|key, _| own.contains_key(key));
        for key in own.keys() {
            let Some(living) = &seen.living else { continue };
            if seen.stock.contains(key) || living.contains(key) {
                self.missing_since.remove(key);
                continue;
            }
            let since = *self.missing_since.entry(*key).or_insert(at);
            if at.saturating_sub(since) >= GONE_FOR {
                plan.destroy.push(*key);
            }
        }
        if seen.living.is_none() {
            // What was not said for a while does not count as missing for that while.
            self.missing_since.clear();
        }
        let handed_out = || seen.stock.iter().filter_map(|key| own.get(key));
        let one_time = handed_out().filter(|kind| kind.is_for_one_seal()).count();
        let room = KEYS_MAX.saturating_sub(own.len());
        plan.make = keys_wanted.saturating_sub(one_time).min(room);
        plan.rotate = room > 0
            && !handed_out().any(|kind| match kind {
                KeyKind::OneTime => false,
                // One of tomorrow is of a clock that goes wrong, and is followed by one of today.
                KeyKind::Weekly { made } => {
                    made.until(today).is_ok_and(|age| (0..WEEK_DAYS).contains(&age.get_days()))
                }
            });
        plan
    }
}

#[cfg(test)]
mod tests;
