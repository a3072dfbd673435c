//! `Routed`: the school is known, the letter waits for the school's day (R17 to R19).

use hwc_schemas::{Organisation, PayloadId, wire::RouteWhy};
use jiff::Timestamp;

use super::{Addressed, Delivered, Qualified, Referred};

/// Held for the school's day.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Routed {
    /// The school.
    pub addressed: Addressed,
    /// Who routed it.
    pub municipality: Organisation,
    /// The municipality's sealed copy.
    pub referral: PayloadId,
    /// The school's sealed letter.
    pub letter: PayloadId,
    /// Which time round, from 1.
    pub round: u16,
    /// When it was routed in this round.
    pub routed_at: Timestamp,
    /// When the hold began: the first routing on this way (R19).
    pub held_since: Timestamp,
    pub(super) qualified: Qualified,
}

impl Routed {
    pub(super) const fn delivered(self, at: Timestamp) -> Delivered {
        Delivered { routed: self, delivered_at: at, opened_at: None, notices: Vec::new() }
    }

    /// Back to the municipality: the old letter is erased, a new look-up decides anew (R12).
    pub(super) fn looked_up_again(self) -> Referred {
        let held_since = Some(self.held_since);
        Referred { why: RouteWhy::LookUpAgain, held_since, ..self.back() }
    }

    /// Back to the municipality, on a new way: the hold starts afresh (R24).
    pub(super) fn returned(self) -> Referred {
        let returned_by = Some(self.addressed.school().clone());
        Referred { why: RouteWhy::Returned, returned_by, ..self.back() }
    }

    fn back(self) -> Referred {
        let round = self.round.saturating_add(1);
        Referred { round, ..Referred::new(self.qualified, self.municipality, self.referral) }
    }
}
