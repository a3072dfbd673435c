//! `Expanded`: the child is known, its municipality looks for the school.

use hwc_schemas::{Organisation, PayloadId, wire::RouteWhy};
use jiff::Timestamp;

use super::{Qualified, Routed};

/// With its municipality.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Referred {
    /// The child's home municipality.
    pub municipality: Organisation,
    /// Its sealed copy, kept until the signal ends (R21).
    pub referral: PayloadId,
    /// Which time round, from 1.
    pub round: u16,
    /// Why it is asked to route.
    pub why: RouteWhy,
    /// When it was first routed, if it is only looked up again: the hold counts from there (R12, R19).
    pub held_since: Option<Timestamp>,
}

/// Witness that the municipality named a school: without it nothing can be delivered (R10, R12).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addressed {
    school: Organisation,
}

impl Addressed {
    pub(super) const fn to(school: Organisation) -> Self {
        Self { school }
    }

    /// The only school that may have the signal.
    pub const fn school(&self) -> &Organisation {
        &self.school
    }
}

impl Referred {
    pub(super) const fn new(_: &Qualified, municipality: Organisation, referral: PayloadId) -> Self {
        Self { municipality, referral, round: 1, why: RouteWhy::New, held_since: None }
    }

    pub(super) fn routed(self, addressed: Addressed, letter: PayloadId, at: Timestamp) -> Routed {
        Routed {
            addressed,
            municipality: self.municipality,
            referral: self.referral,
            letter,
            round: self.round,
            routed_at: at,
            held_since: self.held_since.unwrap_or(at),
        }
    }
}
