//! How much is where: counted, naming nothing.

use std::collections::BTreeMap;

use hwc_workflow::{Stay, Trail, law::Phase};
use jiff::Timestamp;

/// How many are in one state, and since when the oldest of them is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// How many.
    pub count: u64,
    /// When the first of them came.
    pub oldest: Timestamp,
}

/// Everything in flight, by state. Before its children are known a report counts as one; what is purged is not counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Census(pub BTreeMap<Phase, Standing>);

impl Census {
    pub(crate) fn of<'a>(trails: impl Iterator<Item = &'a Trail>) -> Self {
        let mut census = Self::default();
        for trail in trails {
            match trail.incident() {
                // Each of its signals is somewhere of its own.
                Some(stay) if stay.phase == Phase::Expanded => {
                    trail.signals().iter().for_each(|signal| census.count(signal));
                }
                Some(stay) => census.count(stay),
                None => {}
            }
        }
        census
    }

    fn count(&mut self, stay: &Stay) {
        if stay.phase == Phase::Purged {
            return;
        }
        let standing = self.0.entry(stay.phase).or_insert(Standing { count: 0, oldest: stay.since });
        standing.count += 1;
        standing.oldest = standing.oldest.min(stay.since);
    }

    /// How many are in this state.
    pub fn in_state(&self, phase: Phase) -> u64 {
        self.0.get(&phase).map_or(0, |standing| standing.count)
    }
}
