//! `Delivered`: the school's contact may open it, and is reminded until it is acknowledged (R20).

use hwc_schemas::wire::Notice;
use jiff::Timestamp;

use super::{Acknowledged, Referred, Routed};

/// With its school.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Delivered {
    /// How it came here.
    pub routed: Routed,
    /// Since when it waits.
    pub delivered_at: Timestamp,
    /// When the contact first opened it.
    pub opened_at: Option<Timestamp>,
    /// The latest notice of each kind, and when it was due.
    pub notices: Vec<(Timestamp, Notice)>,
}

impl Delivered {
    pub(crate) fn reminded(&mut self, due: Timestamp, notice: Notice) {
        self.notices.retain(|(_, one)| *one != notice);
        self.notices.push((due, notice));
    }

    /// The last notice that is known to have fallen due.
    pub(crate) fn last_notice(&self) -> Option<(Timestamp, Notice)> {
        self.notices.iter().copied().max()
    }

    pub(super) fn acknowledged(self) -> Acknowledged {
        Acknowledged { addressed: self.routed.addressed, municipality: self.routed.municipality }
    }

    pub(super) fn returned(self) -> Referred {
        self.routed.returned()
    }
}
