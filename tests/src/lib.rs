//! Shared ground of the journeys: a broker of ones own, datasets, canaries.
