//! `Expanded`: the child is known, its municipality looks for the school.

use hwc_schemas::{Organisation, PayloadId, wire::RouteWhy};
use jiff::Timestamp;

use super::{Qualified, Routed};

/// With its municipality. Only a screened incident can make one:
///
/// ```compile_fail,E0451
/// use hwc_workflow::state::Referred;
/// fn unscreened(other: Referred) -> Referred {
///     Referred { round: 1, ..other }
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
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
    /// Who returned it, if that is why it is here, so that the same return again is known (R24).
    pub returned_by: Option<Organisation>,
    pub(super) qualified: Qualified,
}

/// Witness that the municipality named a school: without it nothing can be delivered (R10, R12).
///
/// ```compile_fail,E0624
/// let school = "school-01AA00".parse().unwrap();
/// let addressed = hwc_workflow::state::Addressed::to(school);
/// ```
///
/// ```compile_fail,E0451
/// let school = "school-01AA00".parse().unwrap();
/// let addressed = hwc_workflow::state::Addressed { school };
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
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
    pub(super) const fn new(qualified: Qualified, municipality: Organisation, referral: PayloadId) -> Self {
        let (why, held_since, returned_by) = (RouteWhy::New, None, None);
        Self { municipality, referral, round: 1, why, held_since, returned_by, qualified }
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
            qualified: self.qualified,
        }
    }
}
