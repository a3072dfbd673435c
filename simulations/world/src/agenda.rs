//! What is still to happen, in order of time; at one moment in the order in which it was put down.

use std::collections::BTreeMap;

use jiff::Timestamp;

/// What is still to happen.
#[derive(Debug)]
pub(crate) struct Agenda<T> {
    due: BTreeMap<(Timestamp, u64), T>,
    next: u64,
}

impl<T> Agenda<T> {
    pub(crate) const fn new() -> Self {
        Self { due: BTreeMap::new(), next: 0 }
    }

    pub(crate) fn put(&mut self, at: Timestamp, what: T) {
        self.due.insert((at, self.next), what);
        self.next += 1;
    }

    /// Leaves only these.
    pub(crate) fn retain(&mut self, is_left: impl Fn(&T) -> bool) {
        self.due.retain(|_, what| is_left(what));
    }

    pub(crate) fn take(&mut self) -> Option<(Timestamp, T)> {
        self.due.pop_first().map(|((at, _), what)| (at, what))
    }
}
