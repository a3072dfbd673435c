//! Doubt: appends of which nobody knows what became, when nobody waits for them any more.

use hwc_journal::Position;
use hwc_schemas::PayloadId;
use jiff::Timestamp;

use crate::known::Known;

/// They may still arrive as long as the log ends where it did. Until each has had its time, what it points to is kept; then
/// the log is read once more: what arrived is known and gets its due, and what did not never will.
#[derive(Debug, Clone, Hash)]
pub(crate) struct Doubt {
    at: Position,
    open: Vec<Open>,
    /// Since when the log is being read for it.
    reading_since: Option<Timestamp>,
}

/// What may be under way until then would point to these.
#[derive(Debug, Clone, Hash)]
struct Open {
    until: Timestamp,
    payloads: Vec<PayloadId>,
}

impl Doubt {
    pub(crate) const fn new(at: Position) -> Self {
        Self { at, open: Vec::new(), reading_since: None }
    }

    /// One more.
    pub(crate) fn add(&mut self, until: Timestamp, payloads: impl Iterator<Item = PayloadId>) {
        match self.open.iter_mut().find(|one| one.until == until) {
            Some(one) => one.payloads.extend(payloads),
            None => self.open.push(Open { until, payloads: payloads.collect() }),
        }
    }

    pub(crate) fn payloads(&self) -> impl Iterator<Item = PayloadId> {
        self.open.iter().flat_map(|one| one.payloads.iter().copied())
    }

    /// When the first has had its time.
    pub(crate) fn until(&self) -> Option<Timestamp> {
        self.open.iter().map(|one| one.until).min()
    }

    /// The log is being read from this moment on.
    pub(crate) const fn is_read_at(&mut self, now: Timestamp) {
        self.reading_since = Some(now);
    }

    /// What is left of it now that the log was read or written.
    pub(crate) fn settled(mut self, known: &Known) -> Option<Self> {
        if known.ended || known.position != self.at {
            return None;
        }
        if let Some(since) = self.reading_since.take() {
            self.open.retain(|one| one.until > since);
        }
        (!self.open.is_empty()).then_some(self)
    }
}
