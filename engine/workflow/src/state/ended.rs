//! The ends: acknowledged, or a side exit. Both only wait for the last ciphertext to be gone.

use hwc_schemas::{Organisation, outcome::Outcome};

use super::Addressed;

/// The school received it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Acknowledged {
    /// The school, so that the same acknowledgement again is known.
    pub addressed: Addressed,
    /// Who routed it, so that it can still recall it (R24).
    pub municipality: Organisation,
}

/// A side exit.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Ended {
    /// How it ended.
    pub outcome: Outcome,
    /// Who had it or routed it, so that the same command again is known and an expired signal can still be recalled
    /// (R24). None for a child that never was referred.
    pub municipality: Option<Organisation>,
    /// Whether a school had opened its letter in the last round (R24).
    pub opened: bool,
}
