//! Finding a child among half a million without reading them all.

use super::{
    Key,
    traces::{matching, near},
};

/// The keys of a list of people, findable by match and by near match (R16). Rows are places in that list, from 0, and
/// are always found in its order.
pub(crate) struct Index {
    keys: Vec<Key>,
    /// What each row can be found by, sorted. A trace is a hash, so rows with the same one are compared by key too.
    traces: Vec<(u64, usize)>,
}

impl Index {
    pub(crate) fn new(keys: Vec<Key>) -> Self {
        let rows = keys.iter().enumerate();
        let mut traces: Vec<_> = rows
            .flat_map(|(row, key)| {
                std::iter::once(matching(key))
                    .chain(near(key).into_iter().flatten())
                    .map(move |trace| (trace, row))
            })
            .collect();
        traces.sort_unstable();
        traces.dedup();
        Self { keys, traces }
    }

    /// The key of every row.
    pub(crate) fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// The rows that match.
    pub(crate) fn matching(&self, wanted: &Key) -> impl Iterator<Item = usize> {
        self.traced(matching(wanted)).filter(|row| self.keys.get(*row) == Some(wanted))
    }

    /// The rows that nearly match.
    pub(crate) fn nearly_matching(&self, wanted: &Key) -> Vec<usize> {
        let mut rows: Vec<_> = near(wanted)
            .into_iter()
            .flatten()
            .flat_map(|trace| self.traced(trace))
            .filter(|row| self.keys.get(*row).is_some_and(|key| key.nearly_matches(wanted)))
            .collect();
        rows.sort_unstable();
        rows.dedup();
        rows
    }

    fn traced(&self, wanted: u64) -> impl Iterator<Item = usize> {
        let start = self.traces.partition_point(|(trace, _)| *trace < wanted);
        self.traces.iter().skip(start).take_while(move |(trace, _)| *trace == wanted).map(|(_, row)| *row)
    }
}
