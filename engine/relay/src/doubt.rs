//! Doubt: an append of which nobody knows what became, when nobody waits for it any more.

use hwc_journal::Position;
use hwc_schemas::PayloadId;
use jiff::Timestamp;

use crate::known::Known;

/// It may still arrive as long as the log ends where it did. Until then what it points to is kept, and at the end of that
/// time the log is read once more: what arrived is then known and gets its due, and what did not never will.
#[derive(Debug, Clone, Hash)]
pub(crate) struct Doubt {
    at: Position,
    pub(crate) payloads: Vec<PayloadId>,
    pub(crate) until: Timestamp,
    /// That time is over, and the log is being read.
    pub(crate) last_read: bool,
}

impl Doubt {
    pub(crate) const fn new(at: Position, until: Timestamp) -> Self {
        Self { at, payloads: Vec::new(), until, last_read: false }
    }

    /// Whether the log, just read or written, leaves nothing to doubt: it went on, or it was read when nothing could be under
    /// way any more.
    pub(crate) fn is_over(&self, known: &Known) -> bool {
        known.ended || known.position != self.at || self.last_read
    }
}
