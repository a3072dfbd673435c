//! The ends: acknowledged, or a side exit. Both only wait for the last ciphertext to be gone.

use hwc_schemas::{Organisation, outcome::Outcome};

use super::Addressed;

/// The school received it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acknowledged {
    /// The school, so that the same acknowledgement again is known.
    pub addressed: Addressed,
    /// Who routed it, so that it can still recall it (R24).
    pub municipality: Organisation,
}

/// A side exit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// How it ended.
    pub outcome: Outcome,
}
